//! What must be true of the log and of the mails, whatever happened to the nodes.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context as _, ensure};
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_store::{Position, Reader, StoredEvent};

/// What of the log the checks rest on.
#[derive(Default)]
pub struct Read {
    events: Vec<StoredEvent>,
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Counted {
    pub breaches: usize,
    pub rescinded: usize,
    pub notices: usize,
    pub twice: usize,
    pub cut_short: usize,
    pub terms: usize,
}

/// Events that a node stored in a term that was over.
pub struct Stale {
    pub position: Position,
    pub term: u64,
    pub latest: u64,
}

impl Read {
    pub fn all(reader: &Reader) -> anyhow::Result<Self> {
        let mut events: Vec<StoredEvent> = Vec::new();
        loop {
            let after = events.last().map_or(Position::START, |event| event.position);
            let page = reader.read_after(after, 20_000)?.events;
            if page.is_empty() {
                return Ok(Self { events });
            }
            events.extend(page);
        }
    }

    fn of(&self, kind: FactType) -> impl Iterator<Item = &StoredEvent> {
        self.events.iter().filter(move |event| event.fact.kind == kind)
    }

    pub fn breached_subjects(&self) -> HashSet<String> {
        self.of(FactType::DutyBreached).filter_map(|event| nominal_of(&event.fact.subject)).collect()
    }

    /// The first stale write: a term below one that stood in the log before it, or below one that was given out when the
    /// log ended earlier.
    pub fn stale(&self, floors: &BTreeMap<u64, u64>) -> Option<Stale> {
        let mut latest = 0;
        for event in &self.events {
            let Some(term) = term_of(event) else { continue };
            let given = floors.iter().rev().find(|(_, position)| **position < event.position.get());
            latest = latest.max(term).max(given.map_or(0, |(term, _)| *term));
            if term < latest {
                return Some(Stale { position: event.position, term, latest });
            }
        }
        None
    }

    /// Notices that are neither accepted nor rejected, but for those of which an attempt was cut short: those wait for
    /// ten minutes.
    pub fn waiting(&self) -> usize {
        let mut open: HashMap<&str, bool> = HashMap::new();
        for event in &self.events {
            let Some(notice) = event.fact.text(Field::Notice) else { continue };
            match event.fact.kind {
                FactType::NoticeQueued => {
                    open.entry(notice).or_insert(true);
                }
                FactType::NoticeAttempted | FactType::NoticeAccepted | FactType::NoticeRejected => {
                    open.insert(notice, false);
                }
                FactType::NoticeDeferred | FactType::NoticeAmbiguous => {
                    open.insert(notice, true);
                }
                _ => {}
            }
        }
        open.values().filter(|waits| **waits).count()
    }

    /// Checks everything but staleness.
    pub fn check(&self, stated: &HashSet<String>, came: &HashMap<String, u32>) -> anyhow::Result<Counted> {
        let mut counted = Counted::default();
        let mut raised: HashMap<(String, String, String), u32> = HashMap::new();
        for event in self.of(FactType::DutyBreached) {
            *raised.entry(key(event)).or_default() += 1;
        }
        counted.breaches = raised.len();
        let double = raised.iter().find(|(_, count)| **count > 1);
        ensure!(double.is_none(), "raised more than once: {double:?}");
        let breached = self.breached_subjects();
        let missed: Vec<_> = stated.difference(&breached).take(3).collect();
        ensure!(missed.is_empty(), "never raised: {missed:?}");
        counted.rescinded = self.of(FactType::BreachRescinded).count();
        self.each_listed_once(&mut counted)?;
        self.each_mailed_once(came, &mut counted)?;
        let terms: HashSet<u64> = self.events.iter().filter_map(term_of).collect();
        counted.terms = terms.len();
        Ok(counted)
    }

    fn each_listed_once(&self, counted: &mut Counted) -> anyhow::Result<()> {
        let mut listed: HashMap<(String, String, String), HashSet<&str>> = HashMap::new();
        let mut notices = HashSet::new();
        for event in self.of(FactType::NoticeQueued) {
            notices.insert(event.fact.text(Field::Notice).unwrap_or_default());
        }
        for event in self.of(FactType::DutyBreached) {
            let (duty, _, generation) = key(event);
            let named = texts(event, Field::Notices);
            for (notice, recipient) in named.iter().zip(texts(event, Field::Told)) {
                ensure!(notices.contains(&**notice), "{duty} is listed in {notice}, which was never queued");
                let key = (duty.clone(), generation.clone(), recipient.to_string());
                listed.entry(key).or_default().insert(notice);
            }
        }
        counted.notices = notices.len();
        let double = listed.iter().find(|(_, notices)| notices.len() > 1);
        ensure!(double.is_none(), "listed in several mails to one person: {double:?}");
        let told: HashSet<(&str, &str)> =
            listed.keys().map(|(duty, generation, _)| (duty.as_str(), generation.as_str())).collect();
        for event in self.of(FactType::DutyBreached) {
            let (duty, _, generation) = key(event);
            ensure!(told.contains(&(duty.as_str(), generation.as_str())), "nobody is told of {duty}");
        }
        Ok(())
    }

    fn each_mailed_once(&self, came: &HashMap<String, u32>, counted: &mut Counted) -> anyhow::Result<()> {
        let notices =
            |kind| -> HashSet<&str> { self.of(kind).filter_map(|e| e.fact.text(Field::Notice)).collect() };
        let (accepted, ambiguous) = (notices(FactType::NoticeAccepted), notices(FactType::NoticeAmbiguous));
        let mut by_notice: HashMap<&str, u32> = HashMap::new();
        for (id, count) in came {
            let notice = id.trim_matches(['<', '>']).split('@').next().context("no id")?;
            *by_notice.entry(notice).or_default() += count;
        }
        for (notice, count) in &by_notice {
            let most = if ambiguous.contains(notice) { 2 } else { 1 };
            ensure!(*count <= most, "{notice} came {count} times, at most {most} expected");
            counted.twice += usize::from(*count > 1);
        }
        let lost: Vec<_> =
            accepted.iter().filter(|notice| !by_notice.contains_key(**notice)).take(3).collect();
        ensure!(lost.is_empty(), "accepted and never came: {lost:?}");
        let attempted = notices(FactType::NoticeAttempted);
        let rejected = notices(FactType::NoticeRejected);
        counted.cut_short = attempted
            .iter()
            .filter(|notice| !accepted.contains(*notice) && !rejected.contains(*notice))
            .count();
        Ok(())
    }
}

/// The term in which a node decided an event, as its actor says.
fn term_of(event: &StoredEvent) -> Option<u64> {
    event.actor.as_deref()?.strip_prefix("scheduler/")?.rsplit('/').next()?.parse().ok()
}

fn texts(event: &StoredEvent, field: Field) -> &[Box<str>] {
    match event.fact.get(field) {
        Some(Value::Texts(texts)) => texts,
        _ => &[],
    }
}

/// Duty, due moment and generation.
fn key(event: &StoredEvent) -> (String, String, String) {
    let text = |field| match event.fact.get(field) {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Instant(at)) => at.to_string(),
        _ => String::new(),
    };
    (event.fact.subject.to_string(), text(Field::DueAt), text(Field::Generation))
}

/// The nominal of `duty/<rule>:nominal/N-1:<source>#<id>`.
fn nominal_of(subject: &str) -> Option<String> {
    let rest = subject.strip_prefix("duty/4.10:")?;
    Some(rest.split(':').next()?.to_owned())
}
