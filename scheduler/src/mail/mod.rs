//! Sending: the message with its headers, and the ways out: a mail server or files.

mod files;
mod message;
mod scrub;
mod smtp;

use std::fmt;

use lettre::Address;

pub use files::EmlFiles;
pub(crate) use files::put_whole;
pub(crate) use message::{Envelope, compose};
pub(crate) use scrub::scrubbed;
pub use smtp::{Security, Smtp};

/// The way out for mail.
#[derive(Debug, Clone)]
pub enum Mailer {
    /// A mail server.
    Smtp(Smtp),
    /// A folder with one file for each mail, for the demonstration and for tests.
    Files(EmlFiles),
}

/// What became of one attempt; replies hold no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Taken over by the server, or written.
    Accepted { reply: String },
    /// Not taken now: to be tried again.
    Deferred { reply: String },
    /// Never to be taken.
    Rejected { reply: String },
    /// Sent whole, and the answer was lost.
    Ambiguous { reply: String },
    /// There was no way out at all, for this mail or any other.
    Unreachable { reply: String },
}

/// One use of the way out, for several mails.
pub(crate) enum Session<'m> {
    Smtp(Box<smtp::SmtpSession<'m>>),
    Files(&'m EmlFiles),
}

/// A mail as it goes out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub notice: &'a str,
    pub from: &'a Address,
    pub to: &'a Address,
    pub bytes: &'a [u8],
}

impl Mailer {
    pub(crate) fn session(&self) -> Session<'_> {
        match self {
            Self::Smtp(smtp) => Session::Smtp(Box::new(smtp::SmtpSession::new(smtp))),
            Self::Files(files) => Session::Files(files),
        }
    }
}

impl Session<'_> {
    pub fn send(&mut self, mail: Outgoing<'_>) -> Attempt {
        match self {
            Self::Smtp(session) => session.send(mail),
            Self::Files(files) => files.write(mail.notice, mail.bytes),
        }
    }
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}
