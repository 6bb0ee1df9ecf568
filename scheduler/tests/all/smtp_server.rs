//! A mail server that does as it is told, message by message.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where a message can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Greeting,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    Dot,
}

impl Verb {
    pub const ALL: [Self; 6] = [Self::Greeting, Self::Ehlo, Self::Mail, Self::Rcpt, Self::Data, Self::Dot];
}

/// What the server does with the next message.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    Answer(Verb, &'static str),
    /// Hangs up in place of an answer.
    HangUp(Verb),
}

/// Has the server wait before its next answer at a verb, until this is dropped.
pub struct Hold {
    reached: Receiver<()>,
    _release: Sender<()>,
}

impl Hold {
    /// Returns once a message has come to that verb.
    pub fn reached(&self) {
        self.reached.recv_timeout(Duration::from_secs(20)).unwrap();
    }
}

#[derive(Default)]
struct State {
    held: Option<(Verb, Sender<()>, Receiver<()>)>,
    acts: VecDeque<Act>,
    /// Messages that came whole, whatever was answered.
    messages: Vec<Vec<u8>>,
    connections: usize,
}

pub struct Server {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        // Ends with the test's process; it holds nothing.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                shared.lock().unwrap().connections += 1;
                serve(stream, &shared).ok();
            }
        });
        Self { address, state }
    }

    pub fn then(&self, acts: &[Act]) {
        self.state.lock().unwrap().acts.extend(acts);
    }

    pub fn hold(&self, verb: Verb) -> Hold {
        let (told, reached) = channel();
        let (release, released) = channel();
        self.state.lock().unwrap().held = Some((verb, told, released));
        Hold { reached, _release: release }
    }

    pub fn messages(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().messages.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

/// The answer at a verb: as told if the next act is about it, else the usual one; `None` hangs up.
fn answer(state: &Mutex<State>, verb: Verb, usual: &'static str) -> Option<&'static str> {
    let held = {
        let mut state = state.lock().unwrap();
        if state.held.as_ref().is_some_and(|(at, _, _)| *at == verb) { state.held.take() } else { None }
    };
    if let Some((_, told, released)) = held {
        told.send(()).ok();
        // Nothing is sent: it ends when the other end is dropped.
        released.recv_timeout(Duration::from_secs(8)).ok();
    }
    let mut state = state.lock().unwrap();
    match state.acts.front().copied() {
        Some(Act::Answer(at, reply)) if at == verb => {
            state.acts.pop_front();
            Some(reply)
        }
        Some(Act::HangUp(at)) if at == verb => {
            state.acts.pop_front();
            None
        }
        _ => Some(usual),
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut say = |reply: Option<&str>| -> std::io::Result<bool> {
        match reply {
            Some(reply) => stream.write_all(format!("{reply}\r\n").as_bytes()).map(|()| true),
            None => Ok(false),
        }
    };
    if !say(answer(state, Verb::Greeting, "220 ready"))? {
        return Ok(());
    }
    let mut line = String::new();
    while {
        line.clear();
        lines.read_line(&mut line)?
    } > 0
    {
        let upper = line.to_ascii_uppercase();
        let goes_on = if upper.starts_with("EHLO") {
            say(answer(state, Verb::Ehlo, "250 ok"))?
        } else if upper.starts_with("MAIL") {
            say(answer(state, Verb::Mail, "250 2.1.0 ok"))?
        } else if upper.starts_with("RCPT") {
            say(answer(state, Verb::Rcpt, "250 2.1.5 ok"))?
        } else if upper.starts_with("DATA") {
            let reply = answer(state, Verb::Data, "354 go on");
            let taken = reply.is_some_and(|reply| reply.starts_with('3'));
            let mut goes_on = say(reply)?;
            if taken {
                state.lock().unwrap().messages.push(read_message(&mut lines)?);
                goes_on = say(answer(state, Verb::Dot, "250 2.0.0 queued as 4F1C2A9D"))?;
            }
            goes_on
        } else if upper.starts_with("QUIT") {
            say(Some("221 bye"))?;
            false
        } else {
            say(Some("250 ok"))?
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// Reads up to the line with a dot alone, and takes away the dots that were put before dots.
fn read_message(lines: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 || line == b".\r\n" {
            return Ok(message);
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
