//! A mail server that fails at every verb, keeps what it takes over, and can hold a message at its final dot.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mandate_tests::random::Random;

/// One verb in so many fails.
const FAILS: u64 = 40;
/// Of failures one in so many is for good.
const FOR_GOOD: u64 = 20;

/// In which way the server breaks its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Kept,
    /// Says that it has taken a message over, and has not.
    Loses,
    /// Keeps a message twice.
    Repeats,
    /// Changes a message.
    Alters,
}

impl Word {
    /// Whether what a check found is what the server did.
    pub fn is_named_in(self, found: &str) -> bool {
        match self {
            Self::Kept => false,
            Self::Loses => found.contains("lost"),
            Self::Repeats => found.contains("repeated"),
            Self::Alters => !found.contains("lost") && !found.contains("repeated"),
        }
    }
}

impl std::str::FromStr for Word {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "loses" => Self::Loses,
            "repeats" => Self::Repeats,
            "alters" => Self::Alters,
            _ => anyhow::bail!("`{text}`: expected loses, repeats or alters"),
        })
    }
}

/// What it does at a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    GoOn,
    NotNow,
    Never,
    HangUp,
}

struct State {
    random: Random,
    word: Word,
    failing: bool,
    kept: Vec<Vec<u8>>,
    /// Commands answered.
    verbs: u64,
    /// Failures by verb.
    failures: [u64; VERBS.len()],
    /// The message that comes next is held at its dot until the receiver hears something or is gone.
    hold: Option<(Sender<()>, Receiver<()>)>,
}

/// Where it can fail; the last is after the dot, without an answer.
pub const VERBS: [&str; 8] = ["connect", "greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot", "after the dot"];

/// The server; its threads end with the process.
#[derive(Clone)]
pub struct Server {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

/// A message that is held at its final dot, until this is dropped.
pub struct Held {
    pub reached: Receiver<()>,
    _release: Sender<()>,
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub fn start(seed: u64, word: Word) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State {
            random: Random::new(seed),
            word,
            failing: true,
            kept: Vec::new(),
            verbs: 0,
            failures: [0; VERBS.len()],
            hold: None,
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || {
                    if !fails(&state, 0) {
                        serve(stream, &state).ok();
                    }
                });
            }
        });
        Ok(Self { port, state })
    }

    /// From now on it fails no more.
    pub fn be_well(&self) {
        locked(&self.state).failing = false;
    }

    pub fn kept(&self) -> Vec<Vec<u8>> {
        locked(&self.state).kept.clone()
    }

    pub fn verbs(&self) -> u64 {
        locked(&self.state).verbs
    }

    pub fn failures(&self) -> [u64; VERBS.len()] {
        locked(&self.state).failures
    }

    /// Holds the next message at its final dot.
    pub fn hold(&self) -> Held {
        let (told, reached) = channel();
        let (release, released) = channel();
        locked(&self.state).hold = Some((told, released));
        Held { reached, _release: release }
    }
}

/// Whether it hangs up at a place where nothing is answered.
fn fails(state: &Mutex<State>, verb: usize) -> bool {
    act(state, verb) != Act::GoOn
}

fn act(state: &Mutex<State>, verb: usize) -> Act {
    let mut state = locked(state);
    state.verbs += 1;
    if !state.failing || !state.random.once_in(FAILS) {
        return Act::GoOn;
    }
    if let Some(count) = state.failures.get_mut(verb) {
        *count += 1;
    }
    match state.random.below(FOR_GOOD) {
        0 => Act::Never,
        number if number % 2 == 0 => Act::NotNow,
        _ => Act::HangUp,
    }
}

/// Answers at a verb; whether the conversation goes on and the verb was done.
fn answer(
    stream: &mut TcpStream,
    state: &Mutex<State>,
    verb: usize,
    usual: &str,
    never: &str,
) -> std::io::Result<Option<bool>> {
    let (reply, answer) = match act(state, verb) {
        Act::GoOn => (usual, Some(true)),
        Act::NotNow => ("451 4.3.0 not now", Some(false)),
        Act::Never => (never, Some(false)),
        Act::HangUp => return Ok(None),
    };
    stream.write_all(format!("{reply}\r\n").as_bytes())?;
    Ok(answer)
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let refused = "550 5.7.1 not here";
    if answer(&mut stream, state, 1, "220 ready", "554 no")? != Some(true) {
        return Ok(());
    }
    let (mut line, mut to_administrator) = (String::new(), false);
    while {
        line.clear();
        lines.read_line(&mut line)?
    } > 0
    {
        let upper = line.to_ascii_uppercase();
        // Somebody has to hear of what cannot be delivered: the administrator is never refused for good.
        let never = if to_administrator { "451 4.3.0 not now" } else { refused };
        let goes_on = match upper.get(..4).unwrap_or_default() {
            "EHLO" => answer(&mut stream, state, 2, "250 ok", refused)?,
            // Of whom it will be is not known yet.
            "MAIL" => answer(&mut stream, state, 3, "250 2.1.0 ok", "451 4.3.0 not now")?,
            "RCPT" => {
                to_administrator = upper.contains("<ADMINISTRATOR@");
                let never = if to_administrator { "451 4.3.0 not now" } else { refused };
                answer(&mut stream, state, 4, "250 2.1.5 ok", never)?
            }
            "DATA" => match answer(&mut stream, state, 5, "354 go on", never)? {
                Some(true) => message(&mut stream, &mut lines, state, never)?,
                other => other,
            },
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                None
            }
            _ => {
                stream.write_all(b"250 ok\r\n")?;
                Some(true)
            }
        };
        if goes_on.is_none() {
            break;
        }
    }
    Ok(())
}

/// Takes a message, keeps it or not, and answers or not.
fn message(
    stream: &mut TcpStream,
    lines: &mut impl BufRead,
    state: &Mutex<State>,
    never: &str,
) -> std::io::Result<Option<bool>> {
    let Some(bytes) = read_message(lines)? else { return Ok(None) };
    let held = locked(state).hold.take();
    if let Some((told, released)) = held {
        // Taken over, and held: whoever waits for the answer is killed meanwhile.
        keep(state, bytes);
        told.send(()).ok();
        released.recv().ok();
        return Ok(None);
    }
    if fails(state, 7) {
        // Without an answer; kept every other time.
        if locked(state).random.once_in(2) {
            keep(state, bytes);
        }
        return Ok(None);
    }
    let reply = match act(state, 6) {
        Act::GoOn => {
            keep(state, bytes);
            stream.write_all(b"250 2.0.0 queued\r\n")?;
            return Ok(Some(true));
        }
        Act::HangUp => return Ok(None),
        Act::NotNow => "451 4.3.0 not now",
        Act::Never => never,
    };
    stream.write_all(format!("{reply}\r\n").as_bytes())?;
    Ok(Some(false))
}

fn keep(state: &Mutex<State>, mut bytes: Vec<u8>) {
    let mut state = locked(state);
    let breaks = state.word != Word::Kept && state.random.once_in(20);
    match (breaks, state.word) {
        (true, Word::Loses) => return,
        (true, Word::Repeats) => state.kept.push(bytes.clone()),
        (true, Word::Alters) => {
            let at = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(at) {
                *byte = if *byte == b'x' { b'y' } else { b'x' };
            }
        }
        (true | false, _) => {}
    }
    state.kept.push(bytes);
}

/// Reads up to the line with a dot alone, and takes away the dots that were put before dots; none when the line broke.
fn read_message(lines: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line == b".\r\n" {
            return Ok(Some(message));
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
