//! The backlog of a programme: when each nominal was a case that it covers, without record and without duty.

use super::fold::Fold;
use super::state::State;
use super::{Changes, Judge, Outcome};
use crate::catalogue::SubjectKind;
use crate::policy::Programme;
use crate::reconcile::{Backlog, Span};
use crate::time::{Date, Instant};
use crate::vocabulary::{NONE, StateField};

/// The obligation of the rules that ask for a record.
const RECORD: &str = "record";

/// When a nominal was a case that a programme covers in an area, without a record and, where it says so, without a duty
/// to make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// The programme.
    pub programme: Programme,
    /// The symbol of the area.
    pub area: u32,
    /// From when to when.
    pub span: Span,
}

/// The fields that tell whether a programme covers a nominal.
pub(super) const COVERING: u64 = StateField::Alive.bit()
    | StateField::Area.bit()
    | StateField::Category.bit()
    | StateField::Level.bit()
    | StateField::Sentence.bit()
    | StateField::Record.bit();

/// The area in which a programme covers a nominal without a record; [`NONE`] where it does not.
fn covering_area(state: &State, programme: Programme) -> u32 {
    let sentence = match programme {
        Programme::CustodyLevel1 => {
            state.is(StateField::Sentence, "custodial") && state.get(StateField::Level) == 1
        }
        Programme::Community => state.is(StateField::Sentence, "community"),
    };
    let covered = sentence
        && state.get(StateField::Alive) == 1
        && state.get(StateField::Category) == 2
        && !state.is(StateField::Record, "live");
    if covered { state.get(StateField::Area) } else { NONE }
}

/// Notes among the cases of a nominal what its state is from an instant on.
pub(super) fn note_cases(cases: &mut Vec<Case>, state: &State, time: Instant) {
    for programme in Programme::ALL {
        let area = covering_area(state, programme);
        let running = cases.iter().position(|case| case.programme == programme && case.span.until.is_none());
        match running.and_then(|at| Some((at, cases.get_mut(at)?))) {
            Some((_, case)) if case.area == area => continue,
            // It was one at no moment.
            Some((at, case)) if case.span.from == time => drop(cases.remove(at)),
            Some((_, case)) => case.span.until = Some(time),
            None => {}
        }
        if area != NONE {
            cases.push(Case { programme, area, span: Span { from: time, until: None } });
        }
    }
}

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
        let mut spans = Vec::new();
        if let Some(area) = history.symbols.find(area) {
            for unit in
                self.units().into_iter().filter(|unit| history.kind_of(*unit) == Some(SubjectKind::Nominal))
            {
                self.fold_members(&self.members(unit), self.sight, Changes::Dropped, |subject, _, fold| {
                    let mut own = self.cases(fold);
                    own.retain(|case| case.programme == programme && case.area == area);
                    let name = history.symbols.text(subject);
                    if !own.is_empty() && !left_out(name) {
                        spans.push((name.to_owned(), own.into_iter().map(|case| case.span).collect()));
                    }
                });
            }
        }
        let switched_on = self.switched_on(area, programme);
        Backlog::of(area, programme.name(), switched_on, &spans, self.sight.as_at)
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

    /// The cases of a nominal that was folded, without the time in which a duty to make a record was open; one that was
    /// exempted counts for good.
    pub(super) fn cases(&self, fold: &Fold<'_>) -> Vec<Case> {
        if fold.cases.is_empty() {
            return Vec::new();
        }
        let asks_a_record =
            |version| self.context.compiled.version(version).version.obligation.as_deref() == Some(RECORD);
        let duties = fold.duties.iter().filter(|duty| asks_a_record(duty.version));
        let open: Vec<Span> = duties
            .map(|duty| {
                let end = duty.end.filter(|end| end.outcome != Outcome::Exempt);
                Span { from: duty.opened_at, until: end.map(|end| end.at) }
            })
            .collect();
        let left = |case: &Case| {
            let (case, spans) = (*case, Span::without(&[case.span], &open));
            spans.into_iter().map(move |span| Case { span, ..case })
        };
        fold.cases.iter().flat_map(left).collect()
    }
}
