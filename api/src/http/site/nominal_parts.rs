//! The parts of a nominal's page that follow from its history.

use std::collections::BTreeMap;

use mandate_domain::catalogue::FactType;
use mandate_domain::time::Date;
use mandate_projections::TimelineEntry as Entry;

use super::moment::address;
use super::words::{at_london, day, field, kind, value};
use crate::pages::Reference;
use crate::pages::nominal::{Change, Partner, StateLine, TimelineEntry, TimelineOrder};

/// Fields of the state that say nothing to a reader beside the others.
const LEFT_OUT: [&str; 1] = ["spell"];

/// The state, each field since the fact that last changed it.
pub fn state(fields: Vec<(String, String)>, entries: &[Entry]) -> Vec<StateLine> {
    let since = |name: &str| {
        let changed = |entry: &&Entry| entry.changes.iter().any(|(changed, _, _)| changed == name);
        entries.iter().rev().find(changed).map(|entry| at_london(entry.occurred_at))
    };
    let shown = fields.into_iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    shown
        .map(|(name, text)| StateLine { name: field(&name), value: value(&name, &text), since: since(&name) })
        .collect()
}

/// The organisations partnered to the record: added and not removed since.
pub fn partners(entries: &[Entry]) -> Vec<Partner> {
    let mut partners: BTreeMap<String, Partner> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.annulled) {
        let text =
            |name: &str| entry.data.iter().find(|(found, _)| found == name).map(|(_, text)| text.clone());
        let Some(org) = text("org") else { continue };
        let named =
            text("users").map_or(0, |users| users.split(", ").filter(|user| !user.is_empty()).count());
        let users = match named {
            0 => "all users".to_owned(),
            1 => "1 user".to_owned(),
            more => format!("{more} users"),
        };
        match entry.kind.as_str() {
            "partners.added" => {
                let partner = Partner { org: org.clone(), users, since: at_london(entry.occurred_at) };
                partners.entry(org).or_insert(partner);
            }
            "partners.removed" if named == 0 => drop(partners.remove(&org)),
            _ => {}
        }
    }
    partners.into_values().collect()
}

/// The history, newest first by the clock that is asked for; `in_error` is whom it is about, where facts of it may be
/// said to be stated in error.
pub fn timeline(entries: &[Entry], order: TimelineOrder, in_error: Option<&str>) -> Vec<TimelineEntry> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    match order {
        TimelineOrder::Occurred => sorted.sort_by_key(|entry| (entry.occurred_at, entry.position)),
        TimelineOrder::Recorded => sorted.sort_by_key(|entry| (entry.known_at, entry.position)),
    }
    sorted.into_iter().rev().map(|entry| line(entry, in_error)).collect()
}

fn line(entry: &Entry, in_error: Option<&str>) -> TimelineEntry {
    let own = FactType::from_name(&entry.kind).is_none_or(FactType::is_internal);
    let correct = |subject: &str| {
        let back = format!("/nominals/{}", subject.trim_start_matches("nominal/"));
        let pairs = [("subject", subject), ("event", entry.reference.as_str()), ("back", back.as_str())];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        address("/act/state-in-error", &pairs)
    };
    let text = |name: &str| entry.data.iter().find(|(found, _)| found == name).map(|(_, text)| text.as_str());
    let occurred_on = entry.occurred_at.london_date();
    let effective_on = text("on").and_then(|date| Date::parse(date).ok());
    let days_late = entry.known_at.london_date().days() - occurred_on.days();
    let imported = if entry.imported { ", imported" } else { "" };
    let change = |(name, before, after): &(String, String, String)| Change {
        field: field(name),
        before: value(name, before),
        after: value(name, after),
    };
    TimelineEntry {
        kind: kind(&entry.kind),
        type_name: entry.kind.clone(),
        source: Reference::plain(entry.reference.clone()),
        occurred_at: at_london(entry.occurred_at),
        recorded_at: at_london(entry.known_at),
        effective_on: effective_on.filter(|date| *date != occurred_on).map(day),
        late: match days_late {
            ..=0 => None,
            1 => Some("Recorded 1 day late".to_owned()),
            days => Some(format!("Recorded {days} days late")),
        },
        evidence: format!("{}{imported}", text("evidence").unwrap_or("system")),
        changes: entry.changes.iter().map(change).collect(),
        in_error_href: in_error.filter(|_| !own && !entry.annulled).map(correct),
        annulled: entry.annulled.then(|| "It was recorded in error and no longer counts.".to_owned()),
    }
}
