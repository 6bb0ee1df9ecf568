//! The backlog of a programme: when each nominal was a case that it covers, without record and without duty.

use super::fold::deregistrations_that_were_changes;
use super::state::State;
use super::{Judge, Outcome, Verdict};
use crate::catalogue::SubjectKind;
use crate::policy::Programme;
use crate::reconcile::{Backlog, Span};
use crate::time::Date;
use crate::vocabulary::StateField;

/// The obligation of the rules that ask for a record.
const RECORD: &str = "record";

impl Judge<'_> {
    /// The backlog of a programme in an area: its live cases of category 2 that the programme covers, and that have
    /// neither a record nor a duty to make one.
    ///
    /// # Policy
    /// 4.11 covers custodial cases at level 1, 4.13 community sentences, as the rules read them; a case of 4.11 whose
    /// release date is not known is one as well. A case that was exempted is none.
    #[must_use]
    pub fn backlog(&self, area: &str, programme: Programme) -> Backlog {
        self.backlog_but(area, programme, &|_| false)
    }

    /// The same but for nominals that are left out, as if they did not exist.
    #[must_use]
    pub fn backlog_but(&self, area: &str, programme: Programme, left_out: &dyn Fn(&str) -> bool) -> Backlog {
        let history = self.context.history;
        let at = self.sight.as_at;
        let mut spans = Vec::new();
        let switched_on = self.switched_on(area, programme);
        if let Some(symbol) = history.symbols.find(area) {
            for unit in
                self.units().into_iter().filter(|unit| history.kind_of(*unit) == Some(SubjectKind::Nominal))
            {
                let members = self.members(unit);
                for (subject, own) in self.survivors_of(&members, self.sight) {
                    let covered = self.covered(&own, symbol, programme);
                    let name = history.symbols.text(subject).to_owned();
                    if !covered.is_empty() && !left_out(&name) {
                        let open = self.record_duties(&members, subject);
                        spans.push((name, Span::without(&covered, &open)));
                    }
                }
            }
        }
        Backlog::of(area, programme.name(), switched_on, &spans, at)
    }

    /// Since when a programme is on in an area; none where it is not.
    #[must_use]
    pub fn switched_on(&self, area: &str, programme: Programme) -> Option<Date> {
        let history = self.context.history;
        let symbol = history.symbols.find(area)?;
        let row = self.context.programme_on(symbol, programme, self.sight.as_at.london_date(), self.sight)?;
        let found = history.row(row);
        Some(found.on.max(found.recorded.london_date()))
    }

    /// When a nominal was a case that a programme of an area covers, and had no record.
    fn covered(&self, own: &[u32], area: u32, programme: Programme) -> Vec<Span> {
        let history = self.context.history;
        let rows = self.visible_rows(own, self.sight);
        let dropped = deregistrations_that_were_changes(history, &rows);
        let mut state = State::new();
        let mut spans: Vec<Span> = Vec::new();
        for row in rows.iter().filter(|row| !dropped.contains(row)) {
            state.step(history, *row);
            let sentence = match programme {
                Programme::CustodyLevel1 => {
                    state.is(StateField::Sentence, "custodial") && state.get(StateField::Level) == 1
                }
                Programme::Community => state.is(StateField::Sentence, "community"),
            };
            let covered = sentence
                && state.get(StateField::Alive) == 1
                && state.get(StateField::Area) == area
                && state.get(StateField::Category) == 2
                && !state.is(StateField::Record, "live");
            let time = history.row(*row).time;
            match spans.last_mut().filter(|span| span.until.is_none()) {
                Some(span) if !covered => span.until = Some(time),
                None if covered => spans.push(Span { from: time, until: None }),
                _ => {}
            }
        }
        spans
    }

    /// When a duty to make a record was open; one that was exempted counts for good.
    fn record_duties(&self, members: &[u32], subject: u32) -> Vec<Span> {
        let verdicts = self.judge_members(members, self.sight);
        let of_a_record = |verdict: &&Verdict| {
            verdict.subject() == subject
                && self.context.compiled.version(verdict.version).version.obligation.as_deref()
                    == Some(RECORD)
        };
        let span = |verdict: &Verdict| Span {
            from: verdict.opened_at,
            until: verdict.closed_at.filter(|_| verdict.outcome != Outcome::Exempt),
        };
        verdicts.iter().filter(of_a_record).map(span).collect()
    }
}
