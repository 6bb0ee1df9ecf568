//! How a subject stands at a view: its state, what changed it, and when something changes without a new fact.

use super::view::View;
use super::{Changes, Judge, Outcome, Verdict};
use crate::catalogue::Field;
use crate::time::Instant;
use crate::vocabulary::{NONE, StateField, StateShape, decode_date};

/// The state of one subject of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Full id of the subject; the survivor of a merge stands for all.
    pub subject: String,
    /// The fields of its kind, in the order of the vocabulary.
    pub state: Vec<(StateField, String)>,
    /// Every subject of the unit whose facts count as its own, itself included.
    pub members: Vec<String>,
    /// The areas it was ever in.
    pub areas: Vec<String>,
}

/// A change of a field of the state by a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// Reference of the fact.
    pub fact: String,
    /// The field.
    pub field: StateField,
    /// What it was.
    pub before: String,
    /// What it became.
    pub after: String,
}

impl Judge<'_> {
    /// How the subjects of a unit stand.
    #[must_use]
    pub fn standings(&self, unit: u32) -> Vec<Standing> {
        let members = self.members(unit);
        let view = self.view;
        let survivors = self.context.survivors(&members, view);
        let text = |symbol: u32| self.context.history.symbols.text(symbol).to_owned();
        let mut standings = Vec::new();
        self.fold_members(&members, view, Changes::Kept, |subject, fold| {
            let kind = self.context.history.kind_of(subject);
            let of_kind = |field: &&StateField| kind.is_some_and(|kind| field.subjects().contains(&kind));
            let state = StateField::ALL
                .iter()
                .filter(of_kind)
                .map(|field| (*field, self.value_in_words(*field, fold.state.get(*field))))
                .collect();
            let own = |member: &&u32| survivors.get(*member).copied().unwrap_or(**member) == subject;
            let mut areas: Vec<String> = fold
                .changes
                .iter()
                .flatten()
                .filter(|changed| changed.field == StateField::Area && changed.after != NONE)
                .map(|changed| text(changed.after))
                .collect();
            areas.sort_unstable();
            areas.dedup();
            standings.push(Standing {
                subject: text(subject),
                state,
                members: members.iter().filter(own).map(|member| text(*member)).collect(),
                areas,
            });
        });
        standings
    }

    /// What changed the state of the subjects of a unit, in the order of the fold.
    #[must_use]
    pub fn state_changes(&self, unit: u32) -> Vec<StateChange> {
        let mut changes = Vec::new();
        self.fold_members(&self.members(unit), self.view, Changes::Kept, |_, fold| {
            changes.extend(fold.changes.iter().flatten().map(|changed| StateChange {
                fact: self.context.history.reference(changed.row),
                field: changed.field,
                before: self.value_in_words(changed.field, changed.before),
                after: self.value_in_words(changed.field, changed.after),
            }));
        });
        changes
    }

    /// The first instant after the view at which something about a unit changes without a new fact: a duty falls
    /// due, a day begins, a fact told in advance occurs, a waiver runs out.
    #[must_use]
    pub fn next_change(&self, unit: u32, verdicts: &[Verdict]) -> Option<Instant> {
        let history = self.context.history;
        let members = self.members(unit);
        let view = self.view;
        let now = view.as_at;
        let mut next: Vec<Instant> = verdicts
            .iter()
            .filter(|verdict| verdict.outcome == Outcome::Pending)
            .filter_map(|verdict| verdict.due_at)
            .collect();
        self.fold_members(&members, view, Changes::Dropped, |_, fold| {
            if fold.runs_daily() {
                next.push(now.london_date().end());
            }
        });
        let own = members.iter().flat_map(|member| history.rows_of(*member));
        let switches = history.programmes.values().flatten();
        next.extend(own.chain(switches).map(|row| history.row(*row).time.max(history.row(*row).recorded)));
        let waivers = members.iter().filter_map(|member| self.waivers.get(member)).flatten();
        next.extend(waivers.filter_map(|at| history.waivers.get(*at)).flat_map(|waiver| {
            let row = history.row(waiver.row);
            let until = history.value(waiver.row, Field::Until).and_then(decode_date);
            [Some(row.time.max(row.recorded)), until.map(crate::time::Date::end)].into_iter().flatten()
        }));
        next.into_iter().filter(|instant| *instant > now).min()
    }

    fn value_in_words(&self, field: StateField, value: u32) -> String {
        match field.shape() {
            StateShape::Words(words) => {
                let word = usize::try_from(value).ok().and_then(|at| words.get(at));
                word.map_or_else(|| value.to_string(), |word| (*word).to_owned())
            }
            StateShape::Bool => (value == 1).to_string(),
            StateShape::Number(_) => value.to_string(),
            StateShape::OptionalDate => {
                decode_date(value).map_or_else(|| "none".to_owned(), |date| date.to_string())
            }
            StateShape::OptionalId if value == NONE => "none".to_owned(),
            StateShape::OptionalId => self.context.history.symbols.text(value).to_owned(),
        }
    }

    /// References of the facts of a unit that are annulled at the view.
    #[must_use]
    pub fn annulled_references(&self, unit: u32) -> Vec<String> {
        let history = self.context.history;
        let members = self.members(unit);
        let rows = members.iter().flat_map(|member| history.rows_of(*member));
        let annulled =
            rows.filter(|row| self.context.earliest_annulment(**row, self.view.known_at).is_some());
        annulled.map(|row| history.reference(*row)).collect()
    }

    /// The calendar with what facts had published by the view.
    #[must_use]
    pub const fn calendar(&self) -> &crate::calendar::Calendar {
        &self.context.calendar
    }

    /// The moment that is judged.
    #[must_use]
    pub const fn view(&self) -> View {
        self.view
    }
}
