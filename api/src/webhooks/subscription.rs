//! Subscriptions as the log tells of them, and the events that make and change them.

use std::collections::BTreeMap;
use std::sync::Arc;

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::time::Instant;
use mandate_store::{Claim, MAX_READ, NewEvent, Position, Store, StoreError, StoredEvent};
use serde::Serialize;
use serde_json::{Value, json};

use super::sign::Secret;
use crate::tokens::matches;

/// The source of what is recorded about webhooks.
const SOURCE: &str = "/mandate/webhooks";
/// The types that tell of subscriptions.
const TYPES: &[FactType] = &[
    FactType::WebhookSubscribed,
    FactType::WebhookReached,
    FactType::WebhookFailing,
    FactType::WebhookDeadLettered,
    FactType::WebhookRewound,
    FactType::WebhookEnded,
    FactType::WebhookSecretRotated,
];
/// Seconds for which what is sent is signed with the secret before as well.
const BOTH_SECONDS: i64 = 24 * 3_600;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its opaque reference.
    pub reference: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub since: Instant,
    /// The types it is told of, `breach.*` for all that begin so; none for every type.
    pub types: Vec<String>,
    /// Address and secret; none where they cannot be opened any more.
    pub target: Option<Target>,
    /// Everything up to here was accepted, given up or left out.
    pub after: Position,
    /// The event that set it back last, so that a place remembered from before is forgotten.
    pub set_at: Position,
    /// Where it began.
    pub begun_after: Position,
    /// Since when nothing was accepted.
    pub failing: Option<Failing>,
    /// What was given up.
    pub dead: Vec<DeadLetters>,
    /// How it ended.
    pub ended: Option<Ended>,
}

/// Where a subscription is told, and what it is signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The address.
    pub url: String,
    /// The secret.
    pub secret: Secret,
    /// The secret before it, and until when it counts as well.
    pub former: Option<(Secret, Instant)>,
}

impl Target {
    /// The secrets with which a message is signed at an instant.
    pub fn secrets(&self, now: Instant) -> impl Iterator<Item = &Secret> {
        let former = self.former.as_ref().filter(move |(_, until)| now < *until);
        std::iter::once(&self.secret).chain(former.map(|(secret, _)| secret))
    }
}

/// A subscription that does not accept events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failing {
    /// Since when.
    pub since: Instant,
    /// What it answered at first.
    pub reply: String,
}

/// Events that were given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetters {
    /// When.
    pub at: Instant,
    /// The first of them.
    pub first: Position,
    /// The last.
    pub last: Position,
    /// How many.
    pub size: u64,
    /// The last answer.
    pub reply: String,
}

/// The end of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// When.
    pub at: Instant,
    /// `gone`: its address said so; `removed`: somebody did.
    pub because: String,
}

impl Subscription {
    /// The types that it is told of. What is recorded about webhooks is told to none: it would go on for ever.
    #[must_use]
    pub fn kinds(&self) -> Vec<FactType> {
        kinds(&self.types)
    }

    /// The address without its parameters, which may hold a key.
    #[must_use]
    pub fn shown_url(&self) -> Option<&str> {
        self.target.as_ref().map(|target| target.url.split('?').next().unwrap_or_default())
    }

    /// From now on it is signed with another secret, for a while beside the one before.
    fn rotate(&mut self, store: &Store, event: &StoredEvent) {
        let private = store.keys().unseal(event).ok();
        let text = private.as_ref().and_then(|private| private.get("secret").and_then(Value::as_str));
        if let (Some(target), Some(secret)) = (&mut self.target, text.and_then(Secret::parse)) {
            let former = std::mem::replace(&mut target.secret, secret);
            target.former = Some((former, event.recorded_at.plus_seconds(BOTH_SECONDS)));
        }
    }

    fn take(&mut self, event: &StoredEvent) {
        let fact = &event.fact;
        let place =
            |field| Position::new(fact.number(field).and_then(|n| u64::try_from(n).ok()).unwrap_or(0));
        let text = |field| fact.text(field).unwrap_or_default().to_owned();
        // What a pass noted that began before the subscription was set back tells nothing of it.
        let is_of_now =
            |name: &str| fact.id.starts_with(&format!("{}-{name}-{}-", self.reference, self.set_at));
        match fact.kind {
            FactType::WebhookReached if !is_of_now("reached") => {}
            FactType::WebhookDeadLettered if !is_of_now("dead") => {}
            FactType::WebhookReached => {
                self.after = self.after.max(place(Field::After));
                self.failing = None;
            }
            FactType::WebhookFailing => {
                self.failing.get_or_insert(Failing { since: fact.time, reply: text(Field::Reply) });
            }
            FactType::WebhookDeadLettered => {
                self.after = self.after.max(place(Field::After));
                self.dead.push(DeadLetters {
                    at: fact.time,
                    first: place(Field::First),
                    last: place(Field::After),
                    size: place(Field::Size).get(),
                    reply: text(Field::Reply),
                });
            }
            FactType::WebhookRewound => {
                self.after = place(Field::After);
                self.set_at = event.position;
                self.failing = None;
                let after = self.after;
                self.dead.retain(|dead| dead.last <= after);
            }
            FactType::WebhookEnded => {
                self.ended = Some(Ended { at: fact.time, because: text(Field::Because) });
            }
            // The rest does not come here: only the types of `TYPES` are read.
            _ => {}
        }
    }
}

/// The types of some patterns; all of them for none.
fn kinds(patterns: &[String]) -> Vec<FactType> {
    let told = |kind: &&FactType| !TYPES.contains(kind);
    let wanted =
        |kind: &&FactType| patterns.is_empty() || patterns.iter().any(|one| matches(one, kind.name(), '.'));
    FactType::ALL.iter().filter(told).filter(wanted).copied().collect()
}

/// The first of some patterns that names no type that is told.
#[must_use]
pub fn told_patterns(patterns: &[String]) -> Option<&String> {
    patterns.iter().find(|pattern| kinds(std::slice::from_ref(pattern)).is_empty())
}

/// The subscriptions of a log, followed to its end.
#[derive(Debug, Default)]
pub struct Subscriptions {
    reached: Position,
    by_reference: BTreeMap<Position, Arc<Subscription>>,
}

impl Subscriptions {
    /// Reads what was appended since.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn follow(&mut self, store: &Store) -> Result<(), StoreError> {
        let head = store.reader().head()?.position;
        while self.reached < head {
            let page = store.reader().read_types(TYPES, self.reached, MAX_READ)?;
            for event in &page.events {
                self.take(store, event);
            }
            if page.searched_to <= self.reached {
                break;
            }
            self.reached = page.searched_to;
        }
        Ok(())
    }

    /// Each of them, in the order in which they were made.
    pub fn all(&self) -> Vec<Arc<Subscription>> {
        self.by_reference.values().cloned().collect()
    }

    fn take(&mut self, store: &Store, event: &StoredEvent) {
        let Some(reference) = event.fact.subject.strip_prefix("webhook/") else { return };
        if event.fact.kind == FactType::WebhookSubscribed {
            self.by_reference.insert(event.position, Arc::new(made(store, reference, event)));
        } else if let Some(found) =
            self.by_reference.values_mut().find(|subscription| subscription.reference == reference)
        {
            let found = Arc::make_mut(found);
            found.take(event);
            if event.fact.kind == FactType::WebhookSecretRotated {
                found.rotate(store, event);
            }
        }
    }
}

fn made(store: &Store, reference: &str, event: &StoredEvent) -> Subscription {
    let fact = &event.fact;
    let target = store.keys().unseal(event).ok().and_then(|private| {
        let text = |name: &str| private.get(name).and_then(Value::as_str);
        let secret = Secret::parse(text("secret")?)?;
        Some(Target { url: text("url")?.to_owned(), secret, former: None })
    });
    let after = fact.number(Field::After).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    Subscription {
        reference: reference.to_owned(),
        by: fact.text(Field::By).unwrap_or_default().to_owned(),
        since: event.recorded_at,
        types: fact.texts(Field::Types).iter().map(ToString::to_string).collect(),
        target,
        after: Position::new(after),
        begun_after: Position::new(after),
        set_at: event.position,
        failing: None,
        dead: Vec::new(),
        ended: None,
    }
}

/// A new reference: `W-` and eight characters that cannot be mistaken for each other.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_reference() -> std::io::Result<String> {
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let letter = |byte: u8| LETTERS.get(usize::from(byte % 32)).copied().map_or('2', char::from);
    Ok(format!("W-{}", crate::random::bytes::<8>()?.into_iter().map(letter).collect::<String>()))
}

/// `webhook.subscribed`.
///
/// # Errors
/// [`StoreError`] is not among them: a reason in words when what is said cannot be kept.
pub fn subscribed(
    reference: &str,
    by: &str,
    target: &Target,
    types: &[String],
    after: Position,
    now: Instant,
) -> Result<NewEvent, String> {
    let mut data = json!({
        "by": by, "url": target.url, "secret": &*target.secret.to_text(), "after": after,
    });
    if let (false, Some(data)) = (types.is_empty(), data.as_object_mut()) {
        data.insert("types".to_owned(), json!(types));
    }
    event(reference, "subscribed", "webhook.subscribed", &data, now)
}

/// `webhook.rewound`: what comes after a position is sent again.
///
/// # Errors
/// As [`subscribed`].
pub fn rewound(reference: &str, by: &str, after: Position, now: Instant) -> Result<NewEvent, String> {
    let id = crate::random::hexadecimal::<8>().map_err(|error| error.to_string())?;
    event(reference, &format!("rewound-{id}"), "webhook.rewound", &json!({"by": by, "after": after}), now)
}

/// `webhook.secret_rotated`: from now on it is signed with another secret.
///
/// # Errors
/// As [`subscribed`].
pub fn secret_rotated(reference: &str, by: &str, secret: &Secret, now: Instant) -> Result<NewEvent, String> {
    let id = crate::random::hexadecimal::<8>().map_err(|error| error.to_string())?;
    let data = json!({"by": by, "secret": &*secret.to_text()});
    event(reference, &format!("rotated-{id}"), "webhook.secret_rotated", &data, now)
}

/// `webhook.ended`, by somebody or because its address said 410.
///
/// # Errors
/// As [`subscribed`].
pub fn unsubscribed(reference: &str, by: Option<&str>, now: Instant) -> Result<NewEvent, String> {
    let data = match by {
        Some(by) => json!({"by": by, "because": "removed"}),
        None => json!({"because": "gone"}),
    };
    event(reference, "ended", "webhook.ended", &data, now)
}

/// `webhook.reached`: everything up to there was accepted.
pub(super) fn reached(one: &Subscription, after: Position, now: Instant) -> Result<NewEvent, String> {
    let id = format!("reached-{}-{after}", one.set_at);
    event(&one.reference, &id, "webhook.reached", &json!({"after": after}), now)
}

/// `webhook.failing`: from now on it does not accept events.
pub(super) fn failing(
    one: &Subscription,
    after: Position,
    reply: &str,
    now: Instant,
) -> Result<NewEvent, String> {
    let id = format!("failing-{}-{after}", one.set_at);
    event(&one.reference, &id, "webhook.failing", &json!({"after": after, "reply": reply}), now)
}

/// `webhook.dead_lettered`.
pub(super) fn dead_lettered(one: &Subscription, dead: &DeadLetters) -> Result<NewEvent, String> {
    let id = format!("dead-{}-{}", one.set_at, dead.last);
    let data = json!({"first": dead.first, "after": dead.last, "size": dead.size, "reply": dead.reply});
    event(&one.reference, &id, "webhook.dead_lettered", &data, dead.at)
}

fn event(reference: &str, id: &str, kind: &str, data: &Value, now: Instant) -> Result<NewEvent, String> {
    let value = json!({
        "specversion": "1.0", "id": format!("{reference}-{id}"), "source": SOURCE, "type": kind,
        "subject": format!("webhook/{reference}"), "time": now, "data": data,
    });
    NewEvent::from_value(&value, Claim::Ignore).map_err(|error| error.to_string())
}
