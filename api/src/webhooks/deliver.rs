//! Telling each subscription of events: in order, one at a time, with growing pauses while it does not accept.

use std::sync::{Arc, PoisonError};

use axum::body::Bytes;
use hyper::Uri;
use mandate_domain::time::Instant;
use mandate_store::{NewEvent, OnError, Outcome, Position, StoreError, StoredEvent};
use tokio::task::JoinSet;

use super::client::{Answer, Message};
use super::sign::signature;
use super::subscription::{self, DeadLetters, Subscription, Target};
use super::{GIVE_UP_SECONDS, LastAnswer, Passed, Webhooks};
use crate::http::Hidden;

/// Pauses after the first, second, … failure; the last for every further one.
const PAUSES_SECONDS: [i64; 6] = [5, 30, 120, 600, 1_800, 3_600];
/// Events that one pass sends to one subscription.
const MOST: usize = 100;
/// The place is noted in the log so often, and whenever a failure is over.
const NOTE_SECONDS: i64 = 60;

/// How a subscription is doing on this node.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// Everything up to here was accepted, given up or left out.
    pub after: Position,
    /// The last answer.
    pub last_answer: Option<LastAnswer>,
    /// The event that set the subscription back last, when this began.
    set_at: Position,
    failures: usize,
    next_at: Option<Instant>,
    /// Events accepted since the place was noted in the log.
    not_noted: u64,
    noted_at: Option<Instant>,
}

impl Course {
    fn of(subscription: &Subscription) -> Self {
        Self { after: subscription.after, set_at: subscription.set_at, ..Self::default() }
    }

    /// Whether the subscription was not set back since.
    pub fn is_of(&self, subscription: &Subscription) -> bool {
        self.set_at == subscription.set_at
    }
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
enum PassError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Event(String),
}

/// How a subscription stands to an event.
enum Sight {
    Open,
    /// It is about what is limited to others.
    Hidden,
    /// Whoever made the subscription administers no more.
    HeldBack,
}

/// What became of one event.
enum Told {
    Accepted,
    Failing,
    Ended,
}

impl Webhooks {
    /// Tells every subscription of what it was not told of, a bounded number of events each; those whose pause is not
    /// over are left alone.
    pub async fn pass(&self) -> Passed {
        let listed = self.listed().await;
        let mut passes = JoinSet::new();
        for subscription in listed {
            let webhooks = self.clone();
            passes.spawn(async move { webhooks.pass_of(&subscription).await });
        }
        let mut all = Passed::default();
        while let Some(passed) = passes.join_next().await {
            let passed = passed.unwrap_or_default();
            all.accepted += passed.accepted;
            all.failing += passed.failing;
            all.more |= passed.more;
        }
        all
    }

    /// The subscriptions that are told of events.
    pub(super) async fn listed(&self) -> Vec<Arc<Subscription>> {
        let webhooks = self.clone();
        match tokio::task::spawn_blocking(move || webhooks.followed()).await {
            Ok(Ok(mut all)) => {
                all.retain(|one| one.ended.is_none() && one.target.is_some());
                all
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "webhooks: the log cannot be read");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    pub(super) async fn pass_of(&self, subscription: &Arc<Subscription>) -> Passed {
        match self.told(subscription).await {
            Ok(passed) => passed,
            Err(error) => {
                tracing::error!(%error, webhook = subscription.reference, "webhooks: a pass ended early");
                Passed::default()
            }
        }
    }

    async fn told(&self, subscription: &Arc<Subscription>) -> Result<Passed, PassError> {
        let Some(target) = &subscription.target else { return Ok(Passed::default()) };
        let mut passed = Passed::default();
        let mut course = self.course(subscription);
        if course.next_at.is_some_and(|at| self.shared.clock.now() < at) {
            return Ok(Passed { failing: 1, ..passed });
        }
        let (events, searched_to) = self.events(subscription, course.after).await?;
        let to = match self.shared.addresses.read(&target.url) {
            Ok(to) => Ok(to),
            Err(error) => Err(error.to_string()),
        };
        for event in &events {
            // What was lost or limited since these were read counts at once.
            match self.may_be_told(subscription, event).await? {
                Sight::Open => {}
                Sight::Hidden => continue,
                Sight::HeldBack => return Ok(passed),
            }
            match self.tell(subscription, target, to.as_ref(), event, &mut course).await? {
                Told::Accepted => passed.accepted += 1,
                Told::Failing => return Ok(Passed { failing: 1, ..passed }),
                Told::Ended => return Ok(passed),
            }
        }
        passed.more = events.len() >= MOST;
        course.after = course.after.max(searched_to);
        self.keep(subscription, &course);
        let now = self.shared.clock.now();
        let due = course.noted_at.is_none_or(|at| now >= at.plus_seconds(NOTE_SECONDS));
        if course.not_noted > 0 && (due || subscription.failing.is_some()) {
            self.note(subscription).await;
        }
        Ok(passed)
    }

    /// Sends one event, and remembers what became of it.
    async fn tell(
        &self,
        subscription: &Arc<Subscription>,
        target: &Target,
        to: Result<&Uri, &String>,
        event: &StoredEvent,
        course: &mut Course,
    ) -> Result<Told, PassError> {
        let now = self.shared.clock.now();
        let answer = match to {
            Ok(to) => {
                let answer = self.shared.client.send(to, message(subscription, target, event, now)).await;
                without_host(answer, to)
            }
            Err(why) => Answer::Failed { why: why.clone(), pause_seconds: None },
        };
        match answer {
            Answer::Accepted(status) => {
                course.last_answer =
                    Some(LastAnswer { at: now, answer: format!("it answered {}", status.as_u16()) });
                course.after = event.position;
                course.failures = 0;
                course.next_at = None;
                course.not_noted += 1;
                self.keep(subscription, course);
                Ok(Told::Accepted)
            }
            Answer::Gone => {
                let answer = "it answered 410: it wants no more".to_owned();
                course.last_answer = Some(LastAnswer { at: now, answer });
                self.keep(subscription, course);
                self.append(subscription::unsubscribed(&subscription.reference, None, now)).await?;
                tracing::warn!(webhook = subscription.reference, "a webhook ended: its address answered 410");
                Ok(Told::Ended)
            }
            Answer::Failed { why, pause_seconds } => {
                tracing::warn!(webhook = subscription.reference, position = %event.position, why, "not accepted");
                let usual =
                    PAUSES_SECONDS.get(course.failures).or(PAUSES_SECONDS.last()).copied().unwrap_or(60);
                course.failures += 1;
                course.next_at = Some(now.plus_seconds(pause_seconds.unwrap_or(usual).max(usual)));
                course.last_answer = Some(LastAnswer { at: now, answer: why.clone() });
                self.keep(subscription, course);
                self.failed(subscription, event, course, &why, now).await?;
                Ok(Told::Failing)
            }
        }
    }

    /// Notes the beginning of a failure, and gives up what was tried for long enough.
    async fn failed(
        &self,
        subscription: &Arc<Subscription>,
        event: &StoredEvent,
        course: &mut Course,
        why: &str,
        now: Instant,
    ) -> Result<(), PassError> {
        // What was accepted in between is a new beginning.
        let failing = subscription.failing.as_ref().filter(|_| course.not_noted == 0);
        let Some(failing) = failing else {
            self.note(subscription).await;
            course.not_noted = 0;
            return self.append(subscription::failing(subscription, course.after, why, now)).await;
        };
        let limit = now.plus_seconds(-GIVE_UP_SECONDS);
        if failing.since > limit || event.recorded_at > limit {
            return Ok(());
        }
        // This one was tried. Those behind it are tried in their turn, each at least once.
        let (first, last) = (event.position, event.position);
        let dead = DeadLetters { at: now, first, last, size: 1, reply: why.to_owned() };
        tracing::error!(webhook = subscription.reference, position = %last, "given up after 72 hours");
        self.append(subscription::dead_lettered(subscription, &dead)).await?;
        course.after = dead.last;
        self.keep(subscription, course);
        Ok(())
    }

    /// The next events of a subscription, and how far was searched for them.
    async fn events(
        &self,
        subscription: &Arc<Subscription>,
        after: Position,
    ) -> Result<(Vec<StoredEvent>, Position), StoreError> {
        let (webhooks, subscription) = (self.clone(), Arc::clone(subscription));
        let read = tokio::task::spawn_blocking(move || {
            let shared = &webhooks.shared;
            if webhooks.is_held_back(&subscription)? {
                return Ok((Vec::new(), after));
            }
            let page = shared.store.reader().read_types(&subscription.kinds(), after, MOST)?;
            let now = shared.clock.now();
            let limited = shared.limits.now(shared.store.reader(), now)?;
            let hidden = Hidden::from(&limited, &subscription.reference);
            let mut events = page.events;
            events.retain(|event| !hidden.hides(event));
            Ok((events, page.searched_to))
        });
        read.await.unwrap_or_else(|_| Ok((Vec::new(), after)))
    }

    /// Whether a subscription may be told of an event now.
    async fn may_be_told(
        &self,
        subscription: &Arc<Subscription>,
        event: &StoredEvent,
    ) -> Result<Sight, StoreError> {
        let (webhooks, subscription) = (self.clone(), Arc::clone(subscription));
        let event = event.clone();
        let asked = tokio::task::spawn_blocking(move || {
            if webhooks.is_held_back(&subscription)? {
                return Ok(Sight::HeldBack);
            }
            let shared = &webhooks.shared;
            let limited = shared.limits.now(shared.store.reader(), shared.clock.now())?;
            let hidden = Hidden::from(&limited, &subscription.reference).hides(&event);
            Ok(if hidden { Sight::Hidden } else { Sight::Open })
        });
        asked.await.unwrap_or(Ok(Sight::HeldBack))
    }

    fn course(&self, subscription: &Subscription) -> Course {
        let courses = self.shared.courses.lock().unwrap_or_else(PoisonError::into_inner);
        let known = courses.get(&subscription.reference).filter(|course| course.is_of(subscription)).cloned();
        let mut course = known.unwrap_or_else(|| Course::of(subscription));
        course.after = course.after.max(subscription.after);
        course
    }

    fn keep(&self, subscription: &Subscription, course: &Course) {
        let mut courses = self.shared.courses.lock().unwrap_or_else(PoisonError::into_inner);
        courses.insert(subscription.reference.clone(), course.clone());
    }

    /// Notes in the log how far a subscription is, if anything was accepted since that was noted.
    pub(super) async fn note(&self, subscription: &Arc<Subscription>) {
        let mut course = self.course(subscription);
        if course.not_noted == 0 {
            return;
        }
        let now = self.shared.clock.now();
        match self.append(subscription::reached(subscription, course.after, now)).await {
            Ok(()) => {
                course.not_noted = 0;
                course.noted_at = Some(now);
                self.keep(subscription, &course);
            }
            Err(error) => tracing::error!(%error, "webhooks: a place could not be noted"),
        }
    }

    async fn append(&self, event: Result<NewEvent, String>) -> Result<(), PassError> {
        let event = event.map_err(PassError::Event)?;
        let outcomes = self.shared.store.append(vec![event], OnError::All).await?;
        match outcomes.into_iter().next() {
            Some(Outcome::Refused(refusal)) => Err(PassError::Event(refusal.to_string())),
            Some(Outcome::Stored { .. } | Outcome::AlreadyStored { .. } | Outcome::NotStored { .. })
            | None => Ok(()),
        }
    }
}

/// An answer in words that do not name the host: the address is sealed, and what is answered is not.
fn without_host(answer: Answer, to: &Uri) -> Answer {
    let Answer::Failed { why, pause_seconds } = answer else { return answer };
    let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
    let why = if host.is_empty() { why } else { why.replace(host, "the host") };
    Answer::Failed { why, pause_seconds }
}

/// The message for an event: the CloudEvent with its public data, and its place in the log.
fn message(subscription: &Subscription, target: &Target, event: &StoredEvent, now: Instant) -> Message {
    let id = format!("{}_{}", subscription.reference, event.position);
    let rest = event.payload.strip_prefix('{').unwrap_or_default();
    let body = format!("{{\"position\":{},\"recordedat\":\"{}\",{rest}", event.position, event.recorded_at);
    let timestamp = now.to_chrono().timestamp();
    // While a secret is changed for another, a receiver may check with either.
    let signatures: Vec<String> =
        target.secrets(now).map(|secret| signature(secret, &id, timestamp, body.as_bytes())).collect();
    let signature = signatures.join(" ");
    Message { id, timestamp, signature, body: Bytes::from(body) }
}
