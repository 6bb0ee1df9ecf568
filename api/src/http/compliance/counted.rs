//! Where duties are counted from, and their tallies by rule and of one area.

use std::collections::BTreeMap;

use mandate_domain::judge::View;
use mandate_domain::time::Date;
use mandate_projections::{ByUnit, DutyCount, DutyRow};

use super::figures::{Audience, BLOCKS, Tally};
use super::{By, Of, tallied};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::past;
use crate::http::sight::Hidden;

/// A tally, and which of its blocks are kept back.
pub type Kept = (Tally, [bool; BLOCKS]);

/// The tallies of each rule, in one area where one is named, and of all rules; what a board is not shown of them is what
/// `/v1/compliance` does not show it either.
///
/// # Errors
/// [`HttpError`] when the read models cannot be read.
pub fn by_rule(
    app: &App,
    counts: &[DutyCount],
    area: Option<&str>,
    view: View,
    audience: Audience,
) -> Result<(BTreeMap<String, Kept>, Kept), HttpError> {
    let by: &[By] = if area.is_some() { &[By::Area, By::Rule] } else { &[By::Rule] };
    let (tallies, hidden) = tallied(app, by, counts, view, audience)?;
    let area = area.map(|area| Of::One(Some(area.to_owned())));
    let (mut rules, mut all) = (BTreeMap::new(), Kept::default());
    for (key, tally) in tallies {
        if area.as_ref().is_some_and(|area| key.first() != Some(area)) {
            continue;
        }
        let kept = hidden.get(&key).copied().unwrap_or_default();
        match key.last() {
            Some(Of::One(Some(rule))) => drop(rules.insert(rule.clone(), (tally, kept))),
            Some(Of::All) => all = (tally, kept),
            Some(Of::One(None)) | None => {}
        }
    }
    Ok((rules, all))
}

/// The tally of all duties of one area, the area's units apart where that is asked for: the unit, none for the area
/// itself.
///
/// # Errors
/// [`HttpError`] when the read models cannot be read.
pub fn of_area(
    app: &App,
    counts: &[DutyCount],
    area: &str,
    view: View,
) -> Result<BTreeMap<Option<String>, Tally>, HttpError> {
    let (tallies, _) = tallied(app, &[By::Area, By::Unit], counts, view, Audience::Everyone)?;
    let area = Of::One(Some(area.to_owned()));
    let own = tallies.into_iter().filter(|(key, _)| key.first() == Some(&area));
    Ok(own
        .filter_map(|(key, tally)| match key.into_iter().next_back() {
            Some(Of::One(unit)) => Some((unit, tally)),
            Some(Of::All) | None => None,
        })
        .collect())
}

/// Where duties are counted from: the read models for the present; for a past moment the whole log, judged once.
pub struct Counted {
    rows: Option<Vec<DutyRow>>,
    by_unit: ByUnit,
    hidden: Hidden,
}

impl Counted {
    /// What duties stand at a moment.
    ///
    /// # Errors
    /// [`HttpError`] when the log is too long to be judged while somebody waits, or cannot be read.
    pub fn at(app: &App, past: Option<View>, by_unit: ByUnit, hidden: Hidden) -> Result<Self, HttpError> {
        let rows = past.map(|view| past::judged(app, view, by_unit)).transpose()?;
        Ok(Self { rows, by_unit, hidden })
    }

    /// The duties due in a period, both days included.
    ///
    /// # Errors
    /// [`HttpError`] when the read models cannot be read.
    pub fn due(&self, app: &App, (from, to): (Date, Date)) -> Result<Vec<DutyCount>, HttpError> {
        let (from, until) = (from.start(), to.end());
        let Some(rows) = &self.rows else {
            return Ok(app.projections.duty_counts(from, until, self.by_unit, &self.hidden.subjects())?);
        };
        let due = |row: &&DutyRow| {
            row.record.due_at.is_some_and(|at| at >= from && at < until)
                && !self.hidden.is(&row.record.subject)
        };
        Ok(rows.iter().filter(due).map(one).collect())
    }
}

/// A duty that counts by itself.
fn one(row: &DutyRow) -> DutyCount {
    /// Nanoseconds of a day.
    const DAY: i64 = 86_400_000_000_000;
    let record = &row.record;
    let lag = record.known_since.nanos().saturating_sub(record.opened_at.nanos()) / DAY;
    DutyCount {
        holder: record.holder.clone(),
        unit: row.unit.clone(),
        rule: record.rule.clone(),
        outcome: record.outcome(),
        inherited: record.inherited,
        born_overdue: record.born_overdue,
        not_evidenced: record.flags.iter().any(|flag| flag == "not_evidenced"),
        lag_days: u32::try_from(lag.max(0)).unwrap_or(u32::MAX),
        duties: 1,
    }
}
