//! How a subject stands at a view: its state, what changed it.

use super::fold::Fold;
use super::view::View;
use super::{Changes, Judge};
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
        let mut standings = Vec::new();
        self.fold_members(&self.members(unit), self.sight, Changes::Dropped, |subject, own, fold| {
            standings.push(self.standing(fold, subject, own));
        });
        standings
    }

    pub(super) fn standing(&self, fold: &Fold<'_>, subject: u32, own: &[u32]) -> Standing {
        let text = |symbol: &u32| self.context.history.symbols.text(*symbol).to_owned();
        let of_kind = |field: &&StateField| field.subjects().contains(&fold.kind);
        let state = StateField::ALL
            .iter()
            .filter(of_kind)
            .map(|field| (*field, self.value_in_words(*field, fold.state.get(*field))))
            .collect();
        Standing { subject: text(&subject), state, members: own.iter().map(text).collect() }
    }

    /// What changed the state of the subjects of a unit, in the order of the fold.
    #[must_use]
    pub fn state_changes(&self, unit: u32) -> Vec<StateChange> {
        let mut changes = Vec::new();
        self.fold_members(&self.members(unit), self.sight, Changes::Kept, |_, _, fold| {
            changes.extend(fold.changes.iter().flatten().map(|changed| StateChange {
                fact: self.context.history.reference(changed.row),
                field: changed.field,
                before: self.value_in_words(changed.field, changed.before),
                after: self.value_in_words(changed.field, changed.after),
            }));
        });
        changes
    }

    fn value_in_words(&self, field: StateField, value: u32) -> String {
        match field.shape() {
            StateShape::Words(words) => {
                let word = usize::try_from(value).ok().and_then(|at| words.get(at));
                word.map_or_else(|| value.to_string(), |word| (*word).to_owned())
            }
            StateShape::Set(_) if value == 0 => "none".to_owned(),
            StateShape::Set(words) => super::explain::words_of(words, value).join(", "),
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
        let annulled = rows.filter(|row| self.context.earliest_annulment(**row, self.sight).is_some());
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
