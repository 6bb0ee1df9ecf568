//! Mandate's own events about duties, breaches and notices, each under the id that makes it once.
//!
//! An id is a word and a digest of (duty, step, due moment, generation) or of the notice. What may differ between
//! two tellings of one step, such as when it was detected, does not enter the id: the log keeps the first telling
//! and answers the second with a conflict, which means *done already*.

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::{Fact, FactError, Value};
use mandate_domain::time::Instant;
use mandate_projections::{BreachRow, DutyRow, EscalationDue, Rescission};
use mandate_store::{Claim, CloudEvent, NewEvent, Private};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::notice::Planned;

/// The teller of every event that Mandate records by itself.
pub(crate) const SOURCE: &str = "/mandate";

/// Most characters of a field that must fit the form of an id; longer ones are left out where they may be.
const MAX_FIELD: usize = 512;
/// Most bytes of a duty in the id of one of its steps.
const DUTY_IN_ID: usize = 64;

/// What makes a step once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    pub duty: &'a str,
    pub due_at: Option<Instant>,
    pub generation: u32,
}

impl<'a> Key<'a> {
    pub fn of_duty(row: &'a DutyRow) -> Self {
        Self { duty: &row.record.duty, due_at: row.record.due_at, generation: row.generation }
    }

    pub fn of_breach(row: &'a BreachRow) -> Self {
        Self { duty: &row.duty, due_at: Some(row.due_at), generation: row.generation }
    }

    /// `<word>-<digest>` over the key and a step.
    pub fn id(&self, word: &str, step: &str) -> String {
        format!("{word}-{}", self.digest(step))
    }

    /// The id of the event that takes a step: `<word>-<beginning of the duty>-<digest>`. Steps are taken in the order of
    /// their duties, so that their ids come in order as well, and an index over them grows at its end.
    fn step_id(&self, word: &str, step: &str) -> String {
        let beginning = self.duty.get(..self.duty.floor_char_boundary(DUTY_IN_ID)).unwrap_or_default();
        format!("{word}-{beginning}-{}", self.digest(step))
    }

    fn digest(&self, step: &str) -> String {
        let due_at = self.due_at.map_or(0, Instant::nanos).to_be_bytes();
        digest_of(&[self.duty.as_bytes(), step.as_bytes(), &due_at, &self.generation.to_be_bytes()])
    }
}

/// 24 lower-case hexadecimal digits of a SHA-256 over some texts, each with its length before it.
pub(crate) fn digest(parts: &[&str]) -> String {
    digest_of(&parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>())
}

fn digest_of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digits = hash.finalize().into_iter().take(12).flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0')).collect()
}

/// `duty.breached`: outcome and holder as found when it was detected, the warnings that it overtook, and who is told of it
/// by which mails.
pub(crate) fn breached(
    row: &DutyRow,
    skipped: &[String],
    told: &[Planned],
    now: Instant,
) -> Result<NewEvent, FactError> {
    let record = &row.record;
    let key = Key::of_duty(row);
    let mut data = keyed(key);
    data.push((Field::Rule, text(&record.rule)));
    data.push((Field::Version, text(&row.version.to_string())));
    data.push((Field::KnownSince, Value::Instant(record.known_since)));
    data.push((Field::BornOverdue, Value::Bool(record.born_overdue)));
    data.push((Field::Outcome, text(&record.outcome)));
    data.push((Field::DetectedAt, Value::Instant(now)));
    push_skipped(&mut data, skipped);
    push_short(&mut data, Field::Holder, record.holder.as_deref());
    push_told(&mut data, told);
    // Asked of the read models, which lack what was raised only after a crash.
    let event = made(&key.step_id("breached", ""), FactType::DutyBreached, key.duty, now, data)?;
    Ok(event.presumed_new())
}

/// `breach.rescinded`, with who is told of it.
pub(crate) fn rescinded(
    rescission: &Rescission,
    told: &[Planned],
    now: Instant,
) -> Result<NewEvent, FactError> {
    let key = Key::of_breach(&rescission.breach);
    let mut data = keyed(key);
    data.push((Field::Because, text(rescission.because)));
    push_short(&mut data, Field::OutcomeNow, rescission.outcome_now.as_deref());
    push_short(&mut data, Field::ReplacedBy, rescission.replaced_by.as_deref());
    push_told(&mut data, told);
    made(&key.step_id("rescinded", ""), FactType::BreachRescinded, key.duty, now, data)
}

/// `breach.closed`.
pub(crate) fn closed(breach: &BreachRow, duty: &DutyRow, now: Instant) -> Result<NewEvent, FactError> {
    let key = Key::of_breach(breach);
    let mut data = keyed(key);
    data.push((Field::Outcome, text(&duty.record.outcome)));
    push_short(&mut data, Field::ClosedBy, duty.record.closed_by.as_deref());
    made(&key.step_id("closed", ""), FactType::BreachClosed, key.duty, now, data)
}

/// `duty.warned`, with the earlier steps that this one overtook and who is told.
pub(crate) fn warned(
    row: &DutyRow,
    step: &str,
    skipped: &[String],
    told: &[Planned],
    now: Instant,
) -> Result<NewEvent, FactError> {
    let key = Key::of_duty(row);
    let mut data = keyed(key);
    data.push((Field::Step, text(step)));
    push_skipped(&mut data, skipped);
    push_told(&mut data, told);
    Ok(made(&key.step_id("warned", step), FactType::DutyWarned, key.duty, now, data)?.presumed_new())
}

/// `breach.escalated`, with who is told.
pub(crate) fn escalated(due: &EscalationDue, told: &[Planned], now: Instant) -> Result<NewEvent, FactError> {
    let key = Key::of_duty(&due.duty);
    let mut data = keyed(key);
    data.push((Field::Step, text(&due.step)));
    data.push((Field::ToRole, text(&due.to_role)));
    push_told(&mut data, told);
    let event = made(&key.step_id("escalated", &due.step), FactType::BreachEscalated, key.duty, now, data)?;
    Ok(event.presumed_new())
}

/// `notice.attempted`: told before the way out is tried.
pub(crate) fn attempted(
    notice: &str,
    first_duty: &str,
    number: u32,
    sha256: &str,
    now: Instant,
) -> Result<NewEvent, FactError> {
    let mut data = Map::new();
    data.insert("notice".to_owned(), json!(notice));
    data.insert("number".to_owned(), json!(number));
    data.insert("sha256".to_owned(), json!(sha256));
    event(&attempt_id(notice, number), "notice.attempted", first_duty, now, &data)
}

/// The id of an attempt to send a notice, with its number from 1.
pub(crate) fn attempt_id(notice: &str, number: u32) -> String {
    format!("attempted-{notice}-{number}")
}

/// `notice.queued`: that a mail is owed. It stands with the first duty of which it was planned; the duties that it lists
/// are those whose steps name it.
pub(crate) fn owed(planned: &Planned, duty: &str, now: Instant) -> Result<NewEvent, FactError> {
    made(&format!("queued-{}", planned.notice), FactType::NoticeQueued, duty, now, mail(planned))
}

/// `notice.queued`: a mail that lists a duty beside the steps of the duty: in place of another mail, where it tells of the
/// same step, or of the clock.
pub(crate) fn queued(
    planned: &Planned,
    duty: &str,
    generation: u32,
    step: Option<&str>,
    now: Instant,
) -> Result<NewEvent, FactError> {
    let id = format!("queued-{}-{}", planned.notice, digest(&[duty]));
    queued_as(&id, planned, duty, generation, step, now)
}

/// The same of an act of others of which nobody was told yet, under an id that follows from the act alone: of two nodes
/// that tell of it at once, one does.
pub(crate) fn queued_first(planned: &Planned, act: &str, now: Instant) -> Result<NewEvent, FactError> {
    queued_as(&format!("told-{}", digest(&[act])), planned, act, 0, None, now)
}

fn queued_as(
    id: &str,
    planned: &Planned,
    duty: &str,
    generation: u32,
    step: Option<&str>,
    now: Instant,
) -> Result<NewEvent, FactError> {
    let mut data = mail(planned);
    data.push((Field::Generation, Value::Number(generation.into())));
    push_short(&mut data, Field::Step, step);
    made(id, FactType::NoticeQueued, duty, now, data)
}

fn mail(planned: &Planned) -> Data {
    let mut data = vec![
        (Field::Notice, text(&planned.notice)),
        (Field::Template, text(planned.template.name())),
        (Field::Recipient, text(&planned.recipient)),
    ];
    push_short(&mut data, Field::InPlaceOf, planned.in_place_of.as_deref());
    data
}

/// What became of an attempt to send a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Accepted,
    Rejected,
    /// With the number of the deferral, from 1.
    Deferred(u32),
    /// With the number of the lost answer, from 1.
    Ambiguous(u32),
}

impl Told {
    /// The id of the event that says so.
    pub fn id(self, notice: &str) -> String {
        match self {
            Self::Accepted => format!("accepted-{notice}"),
            Self::Rejected => format!("rejected-{notice}"),
            Self::Deferred(number) => format!("deferred-{notice}-{number}"),
            Self::Ambiguous(number) => format!("ambiguous-{notice}-{number}"),
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Accepted => "notice.accepted",
            Self::Rejected => "notice.rejected",
            Self::Deferred(_) => "notice.deferred",
            Self::Ambiguous(_) => "notice.ambiguous",
        }
    }
}

/// `notice.accepted`, `.rejected`, `.deferred` or `.ambiguous`, on the first duty that the notice lists.
pub(crate) fn told(
    told: Told,
    notice: &str,
    first_duty: &str,
    reply: &str,
    now: Instant,
) -> Result<NewEvent, FactError> {
    let mut data = Map::new();
    data.insert("notice".to_owned(), json!(notice));
    data.insert("reply".to_owned(), json!(reply));
    event(&told.id(notice), told.kind(), first_duty, now, &data)
}

type Data = Vec<(Field, Value)>;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn keyed(key: Key<'_>) -> Data {
    let mut data = Data::with_capacity(10);
    data.push((Field::Generation, Value::Number(key.generation.into())));
    if let Some(due_at) = key.due_at {
        data.push((Field::DueAt, Value::Instant(due_at)));
    }
    data
}

fn push_skipped(data: &mut Data, skipped: &[String]) {
    if !skipped.is_empty() {
        let skipped = skipped.iter().map(|step| step.as_str().into()).collect();
        data.push((Field::Skipped, Value::Texts(skipped)));
    }
}

/// The mails that tell of a step, and the recipient of each, in the same order.
fn push_told(data: &mut Data, told: &[Planned]) {
    if !told.is_empty() {
        let texts = |of: fn(&Planned) -> &str| Value::Texts(told.iter().map(|one| of(one).into()).collect());
        data.push((Field::Notices, texts(|one| &one.notice)));
        data.push((Field::Told, texts(|one| &one.recipient)));
    }
}

fn push_short(data: &mut Data, field: Field, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty() && value.len() <= MAX_FIELD) {
        data.push((field, text(value)));
    }
}

/// An event of values that have their types; a test reads each kind back.
fn made(id: &str, kind: FactType, duty: &str, now: Instant, data: Data) -> Result<NewEvent, FactError> {
    let fact = Fact::made(id, SOURCE, kind, &format!("duty/{duty}"), now, data)?;
    Ok(NewEvent::new(CloudEvent { fact, private: Private::default() }, Claim::Ignore))
}

/// Parsed like a fact from outside, so that nothing enters the log that could not be read back.
fn event(
    id: &str,
    kind: &str,
    duty: &str,
    now: Instant,
    data: &Map<String, Json>,
) -> Result<NewEvent, FactError> {
    let event = json!({
        "specversion": "1.0", "id": id, "source": SOURCE, "type": kind, "subject": format!("duty/{duty}"),
        "time": now, "data": data,
    });
    NewEvent::from_value(&event, Claim::Ignore)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_domain::fact::looks_personal;

    fn key(generation: u32) -> Key<'static> {
        Key { duty: "4.10:nominal/N-1:/t#a", due_at: Instant::parse("2026-03-08T00:00:00Z").ok(), generation }
    }

    #[test]
    fn the_id_of_a_step_follows_from_duty_step_due_moment_and_generation() {
        assert_eq!(key(0).id("breached", ""), key(0).id("breached", ""));
        assert_ne!(key(0).id("breached", ""), key(1).id("breached", ""));
        assert_ne!(key(0).id("warned", "warn-1wd"), key(0).id("warned", "warn-0wd"));
        let later = Key { due_at: Instant::parse("2026-03-09T00:00:00Z").ok(), ..key(0) };
        assert_ne!(key(0).id("breached", ""), later.id("breached", ""));
        assert!(!looks_personal(&key(0).id("breached", "")));
    }

    #[test]
    fn the_ids_of_a_step_of_many_duties_come_in_the_order_of_the_duties() {
        let of = |duty: &'static str| Key { duty, ..key(0) }.step_id("breached", "");
        let duties = ["4.10:nominal/N-1:/t#a", "4.10:nominal/N-1:/t#b", "4.10:nominal/N-2:/t#a"];
        let ids: Vec<String> = duties.into_iter().map(of).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        let long: &'static str = "é".repeat(200).leak();
        assert!(of(long).len() < 120);
    }

    #[test]
    fn an_act_of_others_is_told_first_under_an_id_that_no_notice_enters() {
        let planned = |notice: &str| Planned {
            notice: notice.to_owned(),
            template: crate::notice::Template::Opened,
            recipient: "user/U-1".to_owned(),
            in_place_of: None,
        };
        let id = |notice: &str, act: &str| {
            let event = queued_first(&planned(notice), act, Instant::from_nanos(0)).unwrap();
            event.fact().id.clone()
        };
        assert_eq!(id("n-1", "opened:nominal/N-1:/t#a"), id("n-2", "opened:nominal/N-1:/t#a"));
        assert_ne!(id("n-1", "opened:nominal/N-1:/t#a"), id("n-1", "opened:nominal/N-1:/t#b"));
    }

    #[test]
    fn what_is_made_of_values_reads_back_as_it_was_made() {
        let now = Instant::from_nanos(1_772_928_000_000_000_000);
        let breach = BreachRow {
            reference: "D-1".to_owned(),
            duty: "4.10:nominal/N-1:/t#a".to_owned(),
            rule: "4.10".to_owned(),
            subject: "nominal/N-1".to_owned(),
            holder: Some("area/A07".to_owned()),
            due_at: now,
            generation: 2,
            position: mandate_store::Position::new(7),
            raised_at: now,
            status: "raised".to_owned(),
        };
        let rescission = Rescission {
            breach,
            because: "merged",
            outcome_now: Some("met".to_owned()),
            replaced_by: Some("4.10:nominal/N-2:/t#a".to_owned()),
        };
        let planned = Planned {
            notice: "n-1".to_owned(),
            template: crate::notice::Template::Breach,
            recipient: "user/U-1".to_owned(),
            in_place_of: None,
        };
        let skipped = vec!["warn-2wd".to_owned(), "warn-1wd".to_owned()];
        let mut data = keyed(key(1));
        data.push((Field::Step, text("warn-0wd")));
        push_skipped(&mut data, &skipped);
        let made = [
            rescinded(&rescission, std::slice::from_ref(&planned), now),
            owed(&planned, "4.10:nominal/N-1:/t#a", now),
            queued(&planned, "4.10:nominal/N-1:/t#a", 3, Some("escalate-5wd-head"), now),
            super::made("warned-1", FactType::DutyWarned, "4.10:nominal/N-1:/t#a", now, data),
        ];
        for event in made {
            let fact = event.unwrap().fact().clone();
            let text = serde_json::to_string(&CloudEvent { fact: fact.clone(), private: Private::default() })
                .unwrap();
            let read = Fact::parse(&text).unwrap();
            assert!(read.says_the_same_as(&fact) && read.id == fact.id, "{text}");
        }
    }

    #[test]
    fn parts_of_a_digest_cannot_run_into_each_other() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(digest(&["ab"]).len(), 24);
    }

    #[test]
    fn a_duty_whose_id_is_too_long_for_a_subject_is_refused_and_not_stored_unreadable() {
        let duty = "x".repeat(600);
        let planned = Planned {
            notice: "n-1".to_owned(),
            template: crate::notice::Template::Breach,
            recipient: "user/U-1".to_owned(),
            in_place_of: None,
        };
        let now = Instant::from_nanos(0);
        assert!(queued(&planned, &duty, 0, None, now).is_err());
        assert!(queued(&planned, "4.10:nominal/N-1:/t#a", 0, None, now).is_ok());
    }
}
