//! The commands of the campaign: what each is depends on its number alone, so that whoever knows the number can send it
//! again and knows what must be in the log.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, ensure};
use mandate_store::{Claim, NewEvent, Sequence};
use mandate_tests::random::Random;

/// Threads of the program, each with one command in flight.
pub const THREADS: u32 = 20;
/// Streams that all threads append to.
const SHARED_STREAMS: u64 = 7;
/// Begins the ids of events that must be refused.
pub const DOOMED: &str = "x";
const WANTED: &str = "c";

/// Which run of the program, which of its threads, and which turn of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number {
    pub run: u32,
    pub thread: u32,
    pub turn: u32,
}

/// A command: a batch of events, all or nothing.
pub struct Command {
    pub events: Vec<NewEvent>,
    /// Whether its last event expects a version that its stream never has.
    pub doomed: bool,
    /// Events on the thread's own stream once it is stored.
    pub version: u64,
}

impl Number {
    /// The command itself; `version` is that of the thread's own stream, which only the thread appends to.
    pub fn command(self, version: u64) -> anyhow::Result<Command> {
        let Self { run, thread, turn } = self;
        let mixed = (u64::from(run) << 40) ^ (u64::from(thread) << 32) ^ u64::from(turn);
        let mut random = Random::new(mixed);
        let doomed = random.once_in(10);
        let count = 1 + random.below(5);
        let mut events = Vec::new();
        let mut after = version;
        for n in 0..count {
            let id = format!("{}-{self}-{n}", if doomed { DOOMED } else { WANTED });
            let own = n == 0 || !random.once_in(3);
            let subject = if own {
                format!("nominal/N-{run}-{thread}")
            } else {
                format!("nominal/S-{}", random.below(SHARED_STREAMS))
            };
            // One in four is sealed, so that its key must be durable before it is.
            let (kind, data) = if random.once_in(4) {
                let reason =
                    format!(r#"{{"event":{{"source":"/c","id":"none"}},"reason":"reason of {id}"}}"#);
                ("fact.annulled", reason)
            } else {
                let filler = "m".repeat(usize::try_from(random.below(300))?);
                (
                    "meeting.held",
                    format!(r#"{{"meeting":"M-{id}-{filler}","level":{}}}"#, 1 + random.below(3)),
                )
            };
            let text = format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"/c","type":"{kind}","subject":"{subject}","time":"2026-03-02T09:00:00Z","data":{data}}}"#
            );
            let mut event = NewEvent::parse(&text, Claim::Ignore)?.by("client-1")?;
            if doomed && n + 1 == count {
                event = event.expecting(Sequence::new(1_000_000_000));
            } else if own && random.once_in(2) {
                event = event.expecting(Sequence::new(after));
            }
            if own {
                after += 1;
            }
            events.push(event);
        }
        Ok(Command { events, doomed, version: if doomed { version } else { after } })
    }

    /// The number and the place in its batch that the id of a stored event tells.
    pub fn of_event(id: &str) -> anyhow::Result<(Self, usize)> {
        let rest = id.strip_prefix(WANTED).and_then(|rest| rest.strip_prefix('-'));
        let (number, n) = rest.and_then(|rest| rest.rsplit_once('-')).with_context(|| format!("`{id}`"))?;
        Ok((number.parse()?, n.parse()?))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.run, self.thread, self.turn)
    }
}

impl FromStr for Number {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut parts = text.split('-');
        let mut next = || -> anyhow::Result<u32> { Ok(parts.next().context("too short")?.parse()?) };
        let number = Self { run: next()?, thread: next()?, turn: next()? };
        ensure!(parts.next().is_none(), "`{text}` is no number of a command");
        Ok(number)
    }
}

/// What the program tells of a command, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It was acknowledged: the version of the thread's own stream before it, and the positions of its events.
    Acknowledged { number: Number, version: u64, positions: Vec<u64> },
    /// It was refused, as it had to be.
    Refused { number: Number, version: u64 },
    /// The log could not be written for a while.
    Unavailable(String),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acknowledged { number, version, positions } => {
                write!(f, "+ {number} {version}")?;
                positions.iter().try_for_each(|position| write!(f, " {position}"))
            }
            Self::Refused { number, version } => write!(f, "- {number} {version}"),
            Self::Unavailable(reason) => write!(f, "! {}", reason.replace('\n', " ")),
        }
    }
}

impl FromStr for Told {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        if let Some(reason) = line.strip_prefix("! ") {
            return Ok(Self::Unavailable(reason.to_owned()));
        }
        let mut words = line.split(' ');
        let mut next = || words.next().with_context(|| format!("the program told `{line}`"));
        let (sign, number, version) = (next()?, next()?.parse()?, next()?.parse()?);
        match sign {
            "+" => {
                let positions = words.map(str::parse).collect::<Result<_, _>>()?;
                Ok(Self::Acknowledged { number, version, positions })
            }
            "-" => Ok(Self::Refused { number, version }),
            _ => anyhow::bail!("the program told `{line}`"),
        }
    }
}
