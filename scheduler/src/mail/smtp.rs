//! A mail server, spoken to verb by verb, so that it is known how far a message came when the line breaks.

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;

use super::{Attempt, Outgoing, scrubbed};
use crate::error::SettingsError;

/// How long an answer is waited for; RFC 5321 allows minutes, but other mails wait as well.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// `STARTTLS` before anything is sent; a server that does not offer it gets nothing.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None; for a server on this machine only.
    Plaintext,
}

/// A mail server.
#[derive(Clone)]
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    hello: ClientId,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    timeout: Duration,
}

impl Smtp {
    /// A server by name or address.
    ///
    /// # Errors
    /// [`SettingsError`] for [`Security::Plaintext`] to another machine, and for certificates that cannot be read.
    pub fn new(host: &str, port: u16, security: Security) -> Result<Self, SettingsError> {
        let this_machine =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if security == Security::Plaintext && !this_machine {
            let reason = format!("`{host}` is another machine: without TLS mail goes to this machine only");
            return Err(SettingsError::new("smtp security", reason));
        }
        let smtp = Self {
            host: host.to_owned(),
            port,
            security,
            hello: ClientId::default(),
            tls: None,
            credentials: None,
            timeout: TIMEOUT,
        };
        if security == Security::Plaintext { Ok(smtp) } else { smtp.with_tls(None) }
    }

    /// The same, trusting a certificate authority of its own (PEM) beside the public ones.
    ///
    /// # Errors
    /// [`SettingsError`] when it is no certificate, or the connection is not protected at all.
    pub fn trusting(self, pem: &[u8]) -> Result<Self, SettingsError> {
        if self.security == Security::Plaintext {
            return Err(SettingsError::new(
                "smtp certificate",
                "a plaintext connection shows no certificate",
            ));
        }
        let certificate = Certificate::from_pem(pem).map_err(|error| {
            SettingsError::new("smtp certificate", format!("not a PEM certificate: {error}"))
        })?;
        self.with_tls(Some(certificate))
    }

    /// The same, signing in.
    #[must_use]
    pub fn with_credentials(self, user: String, password: String) -> Self {
        Self { credentials: Some(Credentials::new(user, password)), ..self }
    }

    /// The same, waiting another time for each answer.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    fn with_tls(self, certificate: Option<Certificate>) -> Result<Self, SettingsError> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(certificate) = certificate {
            builder = builder.add_root_certificate(certificate);
        }
        let tls = builder
            .build_rustls()
            .map_err(|error| SettingsError::new("smtp security", format!("TLS cannot be set up: {error}")))?;
        Ok(Self { tls: Some(tls), ..self })
    }

    fn connect(&self) -> Result<SmtpConnection, Error> {
        let server = (self.host.as_str(), self.port);
        let tls_first = if self.security == Security::Tls { self.tls.as_ref() } else { None };
        let mut connection =
            SmtpConnection::connect(server, Some(self.timeout), &self.hello, tls_first, None)?;
        if let (Security::StartTls, Some(tls)) = (self.security, &self.tls) {
            connection.starttls(tls, &self.hello)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials)?;
        }
        Ok(connection)
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({}:{}, {:?})", self.host, self.port, self.security)
    }
}

/// A connection that is made with the first mail and kept for the next.
pub(crate) struct SmtpSession<'s> {
    smtp: &'s Smtp,
    connection: Option<SmtpConnection>,
}

/// How far a message had come when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// The final dot was not sent: the server cannot have taken the message.
    NotTheDot,
    /// The final dot was sent.
    TheDot,
}

impl<'s> SmtpSession<'s> {
    pub fn new(smtp: &'s Smtp) -> Self {
        Self { smtp, connection: None }
    }

    pub fn send(&mut self, mail: Outgoing<'_>) -> Attempt {
        let private = [mail.to.user()];
        let mut connection = match self.connection.take() {
            // A line that broke while nobody used it says nothing about this mail: connect again.
            Some(mut kept) => match kept.command(Rset) {
                Ok(_) => kept,
                Err(_) => match self.smtp.connect() {
                    Ok(connection) => connection,
                    Err(error) => return unreachable_server(&error, &private),
                },
            },
            None => match self.smtp.connect() {
                Ok(connection) => connection,
                Err(error) => return unreachable_server(&error, &private),
            },
        };
        let (reached, outcome) = deliver(&mut connection, mail);
        let (answered, attempt) = match outcome {
            Ok(response) => (true, Attempt::Accepted { reply: scrubbed(&words(&response), &private) }),
            // After 421 the server hangs up.
            Err(error) => {
                let answered = error.status().is_some_and(|code| u16::from(code) != 421);
                (answered, failed(&error, reached, &private))
            }
        };
        if answered {
            self.connection = Some(connection);
        } else {
            connection.abort();
        }
        attempt
    }
}

impl Drop for SmtpSession<'_> {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // What was sent stands, whether or not the server answers to the farewell.
            connection.quit().ok();
        }
    }
}

/// One message; also tells whether the final dot was sent.
fn deliver(connection: &mut SmtpConnection, mail: Outgoing<'_>) -> (Reached, Result<Response, Error>) {
    let opened = connection
        .command(Mail::new(Some(mail.from.clone()), Vec::new()))
        .and_then(|_| connection.command(Rcpt::new(mail.to.clone(), Vec::new())))
        .and_then(|_| connection.command(Data));
    if let Err(error) = opened {
        return (Reached::NotTheDot, Err(error));
    }
    // The parts are written as they are asked for: when the end is asked for, all of them have been written, and
    // what is written next is the dot.
    let reached = Cell::new(Reached::NotTheDot);
    let parts = std::iter::once(mail.bytes).chain(std::iter::from_fn(|| {
        reached.set(Reached::TheDot);
        None
    }));
    let outcome = connection.message_iter(parts);
    (reached.get(), outcome)
}

fn failed(error: &Error, reached: Reached, private: &[&str]) -> Attempt {
    let reply = scrubbed(&described(error), private);
    if error.is_permanent() {
        Attempt::Rejected { reply }
    } else if error.is_transient() || reached == Reached::NotTheDot {
        Attempt::Deferred { reply }
    } else {
        Attempt::Ambiguous { reply }
    }
}

/// Whatever it was, it says nothing about the one mail.
fn unreachable_server(error: &Error, private: &[&str]) -> Attempt {
    Attempt::Unreachable {
        reply: scrubbed(&format!("mail server not reached: {}", described(error)), private),
    }
}

/// The error with its causes, `451 …` for an answer.
fn described(error: &Error) -> String {
    let mut text = match error.status() {
        Some(code) => code.to_string(),
        None => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(known) = cause {
        let words = known.to_string();
        if !text.contains(&words) {
            text.push_str(if error.status().is_some() { " " } else { ": " });
            text.push_str(&words);
        }
        cause = known.source();
    }
    text
}

fn words(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), lines.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_for_this_machine_only() {
        for (host, security, allowed) in [
            ("127.0.0.1", Security::Plaintext, true),
            ("localhost", Security::Plaintext, true),
            ("::1", Security::Plaintext, true),
            ("mail.example.gov.uk", Security::Plaintext, false),
            ("192.0.2.1", Security::Plaintext, false),
            ("mail.example.gov.uk", Security::StartTls, true),
            ("mail.example.gov.uk", Security::Tls, true),
        ] {
            assert_eq!(Smtp::new(host, 25, security).is_ok(), allowed, "{host} {security:?}");
        }
    }

    #[test]
    fn what_is_shown_of_a_server_holds_no_password() {
        let smtp = Smtp::new("localhost", 25, Security::Plaintext).unwrap();
        let smtp = smtp.with_credentials("mandate".to_owned(), "secret".to_owned());
        assert_eq!(format!("{smtp:?}"), "Smtp(localhost:25, Plaintext)");
    }
}
