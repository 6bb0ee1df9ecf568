//! A mail server that takes everything, not always at once, and counts how often each message came whole; of some it
//! hangs up after the final dot instead of answering.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use mandate_tests::random::Random;

/// Of so many messages one is taken without an answer.
const ANSWER_LOST: u64 = 15;

/// What becomes of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    All,
    /// Some are lost after the final dot: those mails are sent again a minute later.
    SomeLost,
}

/// How often each message came, by its Message-ID.
type Came = Arc<Mutex<HashMap<String, u32>>>;

/// The server; it ends with the process.
pub struct Relay {
    pub address: SocketAddr,
    came: Came,
}

impl Relay {
    pub fn start(seed: u64, answers: Answers) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let came = Came::default();
        let counted = Arc::clone(&came);
        std::thread::spawn(move || {
            let mut random = Random::new(seed);
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (came, random) = (Arc::clone(&counted), Random::new(random.next()));
                // A node that was killed hangs up in the middle.
                std::thread::spawn(move || serve(&stream, &came, random, answers).ok());
            }
        });
        Ok(Self { address, came })
    }

    /// How often each message came whole.
    pub fn came(&self) -> HashMap<String, u32> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(stream: &TcpStream, came: &Came, mut random: Random, answers: Answers) -> anyhow::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    out.write_all(b"220 relay\r\n")?;
    while let Some(line) = lines.next() {
        let verb = line?.to_ascii_uppercase();
        if verb.starts_with("QUIT") {
            out.write_all(b"221 bye\r\n")?;
            return Ok(());
        }
        if !verb.starts_with("DATA") {
            out.write_all(b"250 ok\r\n")?;
            continue;
        }
        out.write_all(b"354 go on\r\n")?;
        let mut id = None;
        for line in lines.by_ref() {
            let line = line?;
            if let Some(found) = line.strip_prefix("Message-ID:") {
                id.get_or_insert_with(|| found.trim().to_owned());
            }
            if line == "." {
                break;
            }
        }
        let id = id.context("a message without an id")?;
        *came.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
        // Kills meet the moment between the final dot and its answer.
        std::thread::park_timeout(Duration::from_millis(random.below(40)));
        if answers == Answers::SomeLost && random.once_in(ANSWER_LOST) {
            return Ok(());
        }
        out.write_all(b"250 taken\r\n")?;
    }
    Ok(())
}
