//! Working days of an `every` rule: a duty for each, done by a fact on that day (spec 3.3).

use super::{Fold, Part};
use crate::catalogue::FactType;
use crate::judge::compiled::{VersionId, data_passes, entry_of};
use crate::judge::duty::{DueDate, Duty, End, Outcome};
use crate::judge::history::RowId;
use crate::policy::Entry;
use crate::time::{Date, Instant};
use crate::vocabulary::NONE;

impl Fold<'_> {
    /// Whether an `every` rule opens a duty each working day as things stand.
    pub fn runs_daily(&self) -> bool {
        let runs = |id: &VersionId| {
            self.tracks.get(usize::from(*id)).is_some_and(|track| track.holds && track.since.0 != NONE)
        };
        self.table.everys.iter().any(runs)
    }

    /// Whether a fact began a period that runs.
    pub fn runs_daily_since(&self, row: RowId) -> bool {
        self.patterns.iter().any(|pattern| pattern.opener == row)
    }

    /// The duties of the days of the periods that run.
    pub fn running_days(&self) -> Vec<Duty> {
        let mut days = Vec::new();
        for id in &self.table.everys {
            let Some(track) = self.tracks.get(usize::from(*id)).filter(|track| track.holds) else { continue };
            if let Some(pattern) = self.pattern_of(*id, track.since.1).filter(|_| track.since.0 != NONE) {
                self.days(pattern, track.since.0, None, |duty| days.push(duty));
            }
        }
        days
    }

    fn pattern_of(&self, id: VersionId, seq: u32) -> Option<&Duty> {
        self.patterns.iter().find(|pattern| pattern.version == id && pattern.seq == seq)
    }

    /// Opens the duties of the working days of a period and ends those that were done, withdrawn or missed.
    pub(super) fn open_days(&mut self, id: VersionId, since: (RowId, u32), ended: Option<RowId>) {
        let Some(pattern) = self.pattern_of(id, since.1).cloned() else { return };
        self.patterns.retain(|own| own.version != id || own.seq != since.1);
        let mut days = Vec::new();
        self.days(&pattern, since.0, ended, |duty| days.push(duty));
        if let (Some(first), Some(last)) = (days.first(), days.last()) {
            let until = last.due.at.unwrap_or(last.opened_at);
            self.asked_checks.borrow_mut().push((pattern.org, first.opened_at, until));
        }
        let from = self.duties.len();
        self.touched.extend(from..from + days.len());
        self.duties.extend(days);
    }

    /// The duties of the working days of a period.
    fn days(&self, pattern: &Duty, since: RowId, ended: Option<RowId>, mut each: impl FnMut(Duty)) {
        let opener = *self.history.row(since);
        let end = ended.map(|row| (row, self.history.row(row).time));
        let mut day = opener.on.next().max(opener.time.london_date());
        loop {
            let start = day.start();
            if start > self.view.as_at || end.is_some_and(|(_, time)| time <= start) {
                break;
            }
            if start >= opener.time && self.calendar_before(start).is_working_day(day) {
                each(self.day_duty(pattern, day, end));
            }
            day = day.next();
        }
    }

    /// The first check of the prison's to-do list that counts for a day, before the wait has ended: one stated of a user
    /// or of the prison is about all nominals there.
    fn check_of(
        &self,
        pattern: &Duty,
        (start, due): (Instant, Instant),
        end: Option<(RowId, Instant)>,
    ) -> Option<RowId> {
        self.ready(pattern.version).version.by?;
        let parts = &self.table.of_type(FactType::TodoChecked)?.parts;
        let asked = parts.iter().filter(|(id, part, _)| *id == pattern.version && *part == Part::Done);
        let entries: Vec<&Entry> =
            asked.filter_map(|(id, part, index)| entry_of(&self.ready(*id).version, *part, *index)).collect();
        if entries.is_empty() || pattern.org == NONE {
            return None;
        }
        let place = |row: RowId| (self.history.row(row).time, self.history.row(row).position);
        let counts = |row: &RowId| {
            self.cx.is_visible(*row, self.view)
                && end.is_none_or(|(end, _)| place(*row) < place(end))
                && entries.iter().any(|entry| data_passes(self.history, *row, &entry.data, None))
        };
        self.cx.checks(pattern.org, start, due).find(counts)
    }

    /// The prisons at whose to-do lists days that run are looked at.
    pub fn prisons_of_days(&self) -> impl Iterator<Item = u32> + '_ {
        self.patterns.iter().map(|pattern| pattern.org).filter(|prison| *prison != NONE)
    }

    fn day_duty(&self, pattern: &Duty, day: Date, end: Option<(RowId, Instant)>) -> Duty {
        let (start, due) = (day.start(), day.end());
        let own = self.marks.iter().find(|mark| {
            let time = self.history.row(mark.row).time;
            mark.version == pattern.version
                && mark.part == Part::Done
                && (start..due).contains(&time)
                && self.same_organisation(pattern, mark.row)
        });
        let order = |row: &RowId| (self.history.row(*row).time, self.history.row(*row).position);
        let done = own
            .map(|mark| mark.row)
            .into_iter()
            .chain(self.check_of(pattern, (start, due), end))
            .min_by_key(order);
        let ending = end.filter(|(_, time)| *time < due);
        let end = match (done, ending) {
            (Some(row), _) => {
                let at = self.history.row(row).time.max(start);
                Some(End { outcome: Outcome::Met, by: Some(row), at })
            }
            (None, Some((row, time))) => {
                Some(End { outcome: Outcome::Withdrawn, by: Some(row), at: time.max(start) })
            }
            (None, None) if due <= self.view.as_at => {
                Some(End { outcome: Outcome::Lapsed, by: None, at: due })
            }
            (None, None) => None,
        };
        Duty { day: Some(day), opened_at: start, due: DueDate::day(day), end, ..pattern.clone() }
    }
}
