//! One run of the program: started, listened to, killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::command::Told;

/// How long the program may take to acknowledge its first command, or to go on after its database was killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program while it runs.
pub struct Running {
    process: Child,
    lines: Receiver<anyhow::Result<Told>>,
    heard: Vec<Told>,
}

impl Running {
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut out = BufReader::new(process.stdout.take().context("no pipe")?);
        let (send, lines) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            // A line without its end was cut off by the kill: nobody heard it.
            while out.read_line(&mut line).is_ok_and(|length| length > 0) && line.ends_with('\n') {
                if send.send(line.trim_end().parse()).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Ok(Self { process, lines, heard: Vec::new() })
    }

    /// Listens for so long.
    pub fn listen(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(told) => self.heard.push(told?),
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the program ended by itself: {}", self.process.wait()?)
                }
            }
        }
    }

    /// Listens until the next command is acknowledged.
    pub fn listen_for_acknowledgement(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(told) => self.heard.push(told?),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("the program acknowledged nothing for {} s", PATIENCE.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the program ended by itself: {}", self.process.wait()?)
                }
            }
            if matches!(self.heard.last(), Some(Told::Acknowledged { .. })) {
                return Ok(());
            }
        }
    }

    /// SIGKILL; all that it told, also what was still in the pipe.
    pub fn kill(mut self) -> anyhow::Result<Vec<Told>> {
        self.process.kill()?;
        let status = self.process.wait()?;
        for told in &self.lines {
            self.heard.push(told?);
        }
        ensure!(status.code().is_none(), "the program ended by itself: {status}");
        Ok(self.heard)
    }
}
