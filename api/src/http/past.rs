//! Lists of duties at a past moment: judged from the whole log.

use std::cmp::Ordering;
use std::collections::HashMap;

use mandate_domain::catalogue::SubjectKind;
use mandate_domain::judge::{History, Judge, Verdict, View};
use mandate_domain::policy::Policy;
use mandate_domain::vocabulary::StateField;
use mandate_projections::{ByUnit, DutyFilter, DutyRow, DutySort, Listed};
use mandate_store::{MAX_READ, Position};

use super::app::App;
use super::error::HttpError;
use super::rules::severity;
use crate::bulk::{cores, judge_all};

/// Longest log that is judged while somebody waits.
const MAX_EVENTS: u64 = 500_000;

/// Lists duties at a view, as [`mandate_projections::Projections::duties`] does for the present.
///
/// # Errors
/// [`HttpError`] when the log is too long to be judged while somebody waits, or cannot be read.
pub fn duties(app: &App, view: View, filter: &DutyFilter) -> Result<Listed<DutyRow>, HttpError> {
    let by_unit = if filter.units.is_empty() { ByUnit::Together } else { ByUnit::Apart };
    let mut rows = judged(app, view, by_unit)?;
    rows.retain(|row| matches(filter, row));
    rows.sort_by(|one, other| order(filter, one, other));
    let total_elements = rows.len() as u64;
    let size = filter.size.max(1);
    let skipped = usize::try_from(u64::from(filter.page) * u64::from(size)).unwrap_or(usize::MAX);
    let content = rows.into_iter().skip(skipped).take(size as usize).collect();
    Ok(Listed { content, total_elements, number: filter.page, size })
}

/// Every duty at a view, with the unit of each where that is asked for.
///
/// # Errors
/// As [`duties`].
pub fn judged(app: &App, view: View, by_unit: ByUnit) -> Result<Vec<DutyRow>, HttpError> {
    let history = whole_log(app)?;
    let book = app.book(view.known_at)?;
    let judge = Judge::new(&book.policy, &book.calendar, &history, view);
    let verdicts = judge_all(&judge, cores());
    let units = match by_unit {
        ByUnit::Apart => units(&judge),
        ByUnit::Together => HashMap::new(),
    };
    Ok(verdicts.iter().map(|verdict| row(&judge, &book.policy, verdict, &units)).collect())
}

/// The facts of the whole log.
///
/// # Errors
/// [`HttpError`] when it is too long to be judged while somebody waits, or cannot be read.
pub fn whole_log(app: &App) -> Result<History, HttpError> {
    let head = app.store.reader().head()?.position;
    if head.get() > MAX_EVENTS {
        return Err(HttpError::Unprocessable(format!(
            "a list at a past moment is judged from the whole log, which is too long for that here ({head} events); \
             ask for one subject: /v1/nominals/<reference>/duties"
        )));
    }
    let mut history = History::default();
    let mut after = Position::START;
    loop {
        let events = app.store.reader().read_after(after, MAX_READ)?.events;
        let Some(last) = events.last() else { return Ok(history) };
        after = last.position;
        for event in events {
            let position = u32::try_from(event.position.get()).unwrap_or(u32::MAX);
            let fact = event.into_fact();
            history.add(&fact, fact.recorded_or_time(), position);
        }
    }
}

/// The unit of each nominal at the view.
fn units(judge: &Judge<'_>) -> HashMap<String, String> {
    let nominal = |subject: &str| SubjectKind::of(subject) == Some(SubjectKind::Nominal);
    let standings = judge.units().into_iter().flat_map(|unit| judge.standings(unit));
    standings
        .filter(|standing| nominal(&standing.subject))
        .filter_map(|standing| {
            let unit = standing.state.into_iter().find(|(field, _)| *field == StateField::Unit)?.1;
            SubjectKind::of(&unit).map(|_| (standing.subject, unit))
        })
        .collect()
}

fn row(judge: &Judge<'_>, policy: &Policy, verdict: &Verdict, units: &HashMap<String, String>) -> DutyRow {
    let record = judge.record(verdict);
    let rule = policy.rule(&record.rule);
    DutyRow {
        reference: record.short_reference(),
        severity: rule.map_or(String::new(), |rule| severity(rule.severity).to_owned()),
        title: rule.map_or(String::new(), |rule| rule.duty.clone()),
        unit: units.get(&record.subject).cloned(),
        version: judge.version_number(verdict),
        generation: 0,
        raised: false,
        parked: false,
        record,
    }
}

fn matches(filter: &DutyFilter, row: &DutyRow) -> bool {
    let one_of = |wanted: &[String], found: Option<&str>| {
        wanted.is_empty() || found.is_some_and(|found| wanted.iter().any(|one| one == found))
    };
    let record = &row.record;
    one_of(&filter.holders, record.holder.as_deref())
        && one_of(&filter.units, row.unit.as_deref())
        && one_of(&filter.rules, Some(&record.rule))
        && (filter.outcomes.is_empty() || filter.outcomes.contains(&record.outcome()))
        && filter.subject.as_ref().is_none_or(|subject| *subject == record.subject)
        && !filter.except.contains(&record.subject)
        && filter.breach.is_none_or(|breach| breach == record.breach)
        && filter.due_from.is_none_or(|from| record.due_on.is_some_and(|due_on| due_on >= from))
        && filter.due_to.is_none_or(|to| record.due_on.is_some_and(|due_on| due_on <= to))
}

/// The order asked for; what has no value stands last either way, ties go by id.
fn order(filter: &DutyFilter, one: &DutyRow, other: &DutyRow) -> Ordering {
    let (a, b) = (&one.record, &other.record);
    let ordered = match filter.sort {
        DutySort::ActBy => optional(a.act_by, b.act_by, filter.descending),
        DutySort::Due => optional(a.due_at, b.due_at, filter.descending),
        DutySort::Opened => optional(Some(a.opened_at), Some(b.opened_at), filter.descending),
        DutySort::Rule => optional(Some(&a.rule), Some(&b.rule), filter.descending),
        DutySort::Subject => optional(Some(&a.subject), Some(&b.subject), filter.descending),
        DutySort::Holder => optional(a.holder.as_ref(), b.holder.as_ref(), filter.descending),
        DutySort::Outcome => optional(Some(&a.outcome), Some(&b.outcome), filter.descending),
    };
    ordered.then_with(|| a.duty.cmp(&b.duty))
}

fn optional<T: Ord>(one: Option<T>, other: Option<T>, descending: bool) -> Ordering {
    match (one, other) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(one), Some(other)) if descending => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
    }
}
