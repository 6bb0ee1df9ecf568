//! Webhooks: each event of the log told to the addresses that subscribed, as the Standard Webhooks convention has it.
//!
//! Subscriptions are events of the log and nothing beside it; address and secret are sealed. Each is told of events in
//! the order of positions, one at a time, and goes on from its own place after a restart: that place is noted in the
//! log once a minute, so that some events may come again, each under the `webhook-id` it had. What is not accepted is
//! sent again with growing pauses; what was tried and is not accepted for 72 hours is given up as a *dead letter*, told by
//! `/health` until the subscription is set back or removed. Of several nodes the one that mails tells the webhooks. Limited records do not exist for a webhook, and nothing that is
//! sealed leaves.

mod address;
mod client;
mod deliver;
mod run;
mod sign;
mod subscription;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mandate_domain::rights::{Right, check};
use mandate_domain::time::{Clock, Instant};
use mandate_projections::Limits;
use mandate_scheduler::{Problem, Scheduler};
use mandate_store::{Commands, Position, Store, StoreError};
use serde::Serialize;

pub use address::{AddressError, Addresses};
pub use sign::{Secret, signature};
pub use subscription::{
    DeadLetters, Ended, Failing, Subscription, Target, new_reference, rewound, secret_rotated, subscribed,
    told_patterns, unsubscribed,
};

use client::Client;
use deliver::Course;
use subscription::Subscriptions;

use crate::outgoing::Authorities;

/// The code of a problem with webhooks.
pub const PROBLEM: &str = "webhook";
/// Seconds for which an event is tried.
pub const GIVE_UP_SECONDS: i64 = 72 * 3_600;
/// A subscription that fails for so long is told as a problem.
const FAILING_SECONDS: i64 = 3_600;

/// The webhooks of a log; cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    client: Client,
    addresses: Addresses,
    limits: Limits,
    commands: Commands,
    subscriptions: Mutex<Subscriptions>,
    /// How each subscription is doing on this node, by its reference.
    courses: Mutex<HashMap<String, Course>>,
}

/// A subscription and how it is doing.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What the log says.
    pub subscription: Arc<Subscription>,
    /// The last answer that this node had.
    pub last_answer: Option<LastAnswer>,
    /// Up to where everything was accepted.
    pub reached: Position,
}

/// What an address answered last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastAnswer {
    /// When.
    pub at: Instant,
    /// The status, or why there was none.
    pub answer: String,
}

/// What a pass came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Events that were accepted.
    pub accepted: u64,
    /// Subscriptions whose address did not accept one.
    pub failing: u64,
    /// Whether there is more to send at once.
    pub more: bool,
}

impl Webhooks {
    /// The webhooks of a log, which believe the public certificate authorities.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, addresses: Addresses) -> Self {
        Self::believing(store, clock, addresses, &Authorities::Public)
    }

    /// The same with certificate authorities of one's own.
    #[must_use]
    pub fn believing(
        store: Store,
        clock: Arc<dyn Clock>,
        addresses: Addresses,
        authorities: &Authorities,
    ) -> Self {
        let client = Client::new(addresses.clone(), authorities);
        let commands = Commands::new(&store);
        Self {
            shared: Arc::new(Shared {
                store,
                clock,
                client,
                addresses,
                limits: Limits::default(),
                commands,
                subscriptions: Mutex::default(),
                courses: Mutex::default(),
            }),
        }
    }

    /// Which addresses may be called.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.shared.addresses
    }

    /// Every subscription with how it is doing, in the order in which they were made. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn standing(&self) -> Result<Vec<Standing>, StoreError> {
        let subscriptions = self.followed()?;
        let courses = self.shared.courses.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = |subscription: Arc<Subscription>| {
            let course = courses.get(&subscription.reference);
            let current = course.filter(|course| course.is_of(&subscription));
            Standing {
                last_answer: course.and_then(|course| course.last_answer.clone()),
                reached: current.map_or(subscription.after, |course| course.after),
                subscription,
            }
        };
        Ok(subscriptions.into_iter().map(standing).collect())
    }

    /// The subscription of a reference. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn one(&self, reference: &str) -> Result<Option<Standing>, StoreError> {
        Ok(self.standing()?.into_iter().find(|one| one.subscription.reference == reference))
    }

    /// What is wrong with the subscriptions. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn problems(&self) -> Result<Vec<Problem>, StoreError> {
        let now = self.shared.clock.now();
        let subscriptions = self.followed()?;
        let mut problems = Vec::new();
        for subscription in subscriptions.iter().filter(|subscription| subscription.ended.is_none()) {
            if self.is_held_back(subscription)? {
                problems.push(held_back(subscription));
            }
            problems.extend(problem(subscription, now));
        }
        Ok(problems)
    }

    /// Whether a subscription is told nothing because whoever made it administers no more. Blocking.
    fn is_held_back(&self, subscription: &Subscription) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let directory = self.shared.commands.directory()?;
        let maker = directory.standing(&subscription.by, now);
        let relation = directory.relation(&maker, &maker.org, now);
        Ok(check(Right::Administer, &maker, &relation).is_err())
    }

    fn followed(&self) -> Result<Vec<Arc<Subscription>>, StoreError> {
        let mut followed = self.shared.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        followed.follow(&self.shared.store)?;
        Ok(followed.all())
    }
}

/// Whether this node is the one that raises, mails and tells the webhooks; asks the database.
#[must_use]
pub fn is_on_duty(scheduler: &Scheduler) -> bool {
    scheduler.on_duty().is_ok_and(|duty| duty.is_some_and(|duty| duty.here && !duty.expired))
}

fn held_back(subscription: &Subscription) -> Problem {
    let reference = &subscription.reference;
    Problem {
        code: PROBLEM,
        title: "a webhook is held back".to_owned(),
        what: format!(
            "Webhook {reference} is told nothing: {}, who subscribed it, does not administer now.",
            subscription.by
        ),
        remedy: format!("Have an administrator subscribe it anew, and remove {reference}."),
    }
}

fn problem(subscription: &Subscription, now: Instant) -> Option<Problem> {
    let reference = &subscription.reference;
    let given_up: u64 = subscription.dead.iter().map(|dead| dead.size).sum();
    if given_up > 0 {
        return Some(Problem {
            code: PROBLEM,
            title: "a webhook has dead letters".to_owned(),
            what: format!(
                "Webhook {reference} did not accept {given_up} events for 72 hours; they were given up."
            ),
            remedy: format!(
                "Mend the receiver, then set it back with `POST /v1/webhooks/{reference}/rewind`, or remove it."
            ),
        });
    }
    let failing = subscription.failing.as_ref()?;
    (now >= failing.since.plus_seconds(FAILING_SECONDS)).then(|| Problem {
        code: PROBLEM,
        title: "a webhook does not accept events".to_owned(),
        what: format!(
            "Webhook {reference} has not accepted events since {}: {}.",
            failing.since, failing.reply
        ),
        remedy: "Mend the receiver; what is not accepted for 72 hours is given up.".to_owned(),
    })
}
