//! What every handler works with.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mandate_domain::judge::View;
use mandate_domain::time::{Clock, Instant};
use mandate_projections::Projections;
use mandate_scheduler::Scheduler;
use mandate_store::{Commands, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::attempts::Attempts;
use super::book::{Book, Books};
use super::caller::Caller;
use super::error::HttpError;
use super::front::{ClientAddress, Proxies};
use super::metrics::Metrics;
use super::reads::Recorded;
use super::registers::told::Registered;
use super::site::sessions::Sessions;
use super::slots::{Slot, Slots};
use crate::demo::Demo;
use crate::sign_in::SignIn;
use crate::tokens::Tokens;
use crate::webhooks::Webhooks;

/// The server's parts; cheap to clone.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    parts: Parts,
    /// Room for requests that judge: they take a core each, and wait while the read models take in much at once.
    judging: Semaphore,
    commands: Commands,
    registered: Registered,
    attempts: Attempts,
    recorded: Recorded,
    /// Room for streams of events.
    streams: Arc<Slots>,
    /// Room for bundles of the log.
    bundles: Arc<Semaphore>,
    /// Whether the server is told to stop, which ends streams.
    closing: watch::Sender<bool>,
}

/// Bundles that are taken at one time: each keeps a thread for as long as it is sent.
const BUNDLES: usize = 4;
/// Requests that judge at one time; threads are left for those that only read.
const JUDGING: usize = 8;
/// How long such a request waits for its turn.
const TURN: Duration = Duration::from_secs(10);

/// What an [`App`] is made of.
pub struct Parts {
    /// The log.
    pub store: Store,
    /// The read models.
    pub projections: Projections,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Who may state facts.
    pub tellers: Tellers,
    /// The hosts that the server answers for.
    pub hosts: Hosts,
    /// The proxies that are believed when they say for whom they speak.
    pub proxies: Proxies,
    /// The folder of mails that were written instead of sent.
    pub mail_dir: Option<PathBuf>,
    /// The demonstration, where this is one.
    pub demo: Option<Demo>,
    /// The policy and the calendar.
    pub books: Books,
    /// What is counted.
    pub metrics: Metrics,
    /// Who is signed in.
    pub sessions: Sessions,
    /// The organisation's identity provider, where one is configured.
    pub sign_in: Option<SignIn>,
    /// The address that people use, for links; none for a server in a test.
    pub base_url: Option<String>,
    /// The scheduler, where it runs in this process.
    pub scheduler: Option<Scheduler>,
    /// Who is told of events.
    pub webhooks: Webhooks,
}

/// Who may state facts.
#[derive(Debug)]
pub enum Tellers {
    /// Anyone who reaches the server: the demonstration, on loopback.
    Anyone,
    /// Those with a token.
    Tokens(Tokens),
    /// Nobody: no token file was given.
    Nobody,
}

impl App {
    /// An app of its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let commands = Commands::new(&parts.store);
        let registered = Registered::default();
        Self {
            shared: Arc::new(Shared {
                parts,
                judging: Semaphore::new(JUDGING),
                commands,
                registered,
                attempts: Attempts::default(),
                recorded: Recorded::default(),
                streams: Arc::default(),
                bundles: Arc::new(Semaphore::new(BUNDLES)),
                closing: watch::Sender::new(false),
            }),
        }
    }

    /// Room for one more stream of somebody, if there is any.
    #[must_use]
    pub fn room_for_a_stream(&self, caller: &Caller) -> Option<Slot> {
        Slots::take(&self.shared.streams, caller.name())
    }

    /// Room for one more bundle of the log, if there is any.
    #[must_use]
    pub fn room_for_a_bundle(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.shared.bundles).try_acquire_owned().ok()
    }

    /// Hears when the server is told to stop.
    #[must_use]
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.shared.closing.subscribe()
    }

    /// Ends what would not end by itself.
    pub fn close(&self) {
        self.shared.closing.send_replace(true);
    }

    /// What the log tells of users, organisations and terminals, from which registers are made.
    #[must_use]
    pub fn registered(&self) -> &Registered {
        &self.shared.registered
    }

    /// Whether people and machines are told apart here: an issuer or a token file was given. Where neither was, whoever
    /// sits at this machine sees everything.
    #[must_use]
    pub fn knows_people(&self) -> bool {
        self.sign_in.is_some() || matches!(self.tellers, Tellers::Tokens(_))
    }

    /// Lets one more attempt to sign in from an address through, if there is room.
    ///
    /// # Errors
    /// [`HttpError::TooMany`] with the time to wait.
    pub fn admit_attempt(&self, from: ClientAddress) -> Result<(), HttpError> {
        self.shared.attempts.admit(from).map_err(|wait| HttpError::TooMany { seconds: wait.as_secs() + 1 })
    }

    /// What was read of late and by whom.
    #[must_use]
    pub fn recorded(&self) -> &Recorded {
        &self.shared.recorded
    }

    /// What people do, and the state of users and posts from which their rights are computed.
    #[must_use]
    pub fn commands(&self) -> &Commands {
        &self.shared.commands
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Everything that has happened and is known by now.
    #[must_use]
    pub fn present(&self) -> View {
        let now = self.now();
        View { as_at: now, known_at: now }
    }

    /// The policy and the calendar as known at an instant.
    ///
    /// # Errors
    /// [`HttpError`] when the read models cannot be read.
    pub fn book(&self, known_at: Instant) -> Result<Arc<Book>, HttpError> {
        self.books.at(&self.projections, known_at)
    }

    /// Does work that reads, on a thread that may block.
    ///
    /// # Errors
    /// What the work answers; [`HttpError::Failed`] when it ended early.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, HttpError> + Send + 'static,
    ) -> Result<T, HttpError> {
        let app = self.clone();
        tokio::task::spawn_blocking(move || work(&app))
            .await
            .unwrap_or_else(|error| Err(HttpError::Failed(format!("the work ended early: {error}"))))
    }

    /// Does work that has subjects judged, when its turn comes.
    ///
    /// # Errors
    /// [`HttpError::Busy`] when its turn does not come, else as [`Self::blocking`].
    pub async fn judging<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, HttpError> + Send + 'static,
    ) -> Result<T, HttpError> {
        match tokio::time::timeout(TURN, self.shared.judging.acquire()).await {
            Ok(Ok(_turn)) => self.blocking(work).await,
            Ok(Err(_)) | Err(_) => Err(HttpError::Busy),
        }
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.shared.parts
    }
}

/// The names under which the server is reached. A page of another site that leads its name here by DNS is refused.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    named: Vec<String>,
    any: bool,
}

impl Hosts {
    /// This machine, and the host of the address that people use.
    #[must_use]
    pub fn loopback_and(base_url: &str) -> Self {
        Self { named: host_of(base_url).into_iter().collect(), any: false }
    }

    /// Every host: something in front of the server sees to it.
    #[must_use]
    pub const fn any() -> Self {
        Self { named: Vec::new(), any: true }
    }

    /// Whether the server answers for a `Host` header.
    #[must_use]
    pub fn answers_for(&self, host: &str) -> bool {
        let name = without_port(host);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        self.any
            || name.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            || self.named.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

fn host_of(base_url: &str) -> Option<String> {
    let (_, rest) = base_url.split_once("://")?;
    let authority = rest.split('/').next()?;
    Some(without_port(authority).to_owned())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_the_named_host_are_answered_for() {
        let hosts = Hosts::loopback_and("https://mandate.example.gov.uk/x");
        for (host, answered) in [
            ("127.0.0.1:8080", true),
            ("localhost", true),
            ("[::1]:8080", true),
            ("mandate.example.gov.uk", true),
            ("MANDATE.example.gov.uk:443", true),
            ("evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
        ] {
            assert_eq!(hosts.answers_for(host), answered, "{host}");
        }
    }
}
