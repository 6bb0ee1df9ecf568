//! Rules made ready for a history: texts as its symbols, and tables of which fact type matters to which rule.

use super::history::{History, RowId};
use crate::catalogue::{FactType, Field, Shape, SubjectKind};
use crate::policy::{Basis, Condition, Entry, Form, Policy, Rule, Test, Version};
use crate::time::Date;
use crate::vocabulary::{NONE, StateField, StateShape};

/// Number of a version in [`Compiled::versions`].
pub(super) type VersionId = u16;

/// A version of a rule, ready to be applied.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    /// Place of its rule in the policy.
    pub rule: usize,
    /// The version, its texts as symbols of the history.
    pub version: Version,
    /// Fields whose change can turn `while` or `until`.
    pub watched: u64,
    /// Fields asked by `while`, `if` and `was` of the version.
    pub asked: u64,
    /// Number of the obligation, if it shares one.
    pub obligation: Option<u16>,
    /// Places of the rules whose earlier due date it keeps.
    pub keeps: Vec<usize>,
    /// Whether a type in `done` also opens.
    pub chain: bool,
    /// Types that show the act was done, as bits by [`FactType::evidence_bit`].
    pub evidence: u128,
}

/// The part that a matching fact plays for a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Done,
    Needs,
    Since,
    Unless,
    WithdrawnBy,
    ClosesOverdue,
}

/// What one fact type can do.
#[derive(Debug, Clone, Default)]
pub(super) struct ByType {
    /// Entries of `on`, by version and place.
    pub opens: Vec<(VersionId, usize)>,
    /// Entries of the other lists.
    pub parts: Vec<(VersionId, Part, usize)>,
}

/// What matters to one kind of subject.
#[derive(Debug, Clone, Default)]
pub(super) struct ByKind {
    pub whiles: Vec<VersionId>,
    pub everys: Vec<VersionId>,
    /// Fields watched by any of them.
    pub watched: u64,
    /// Whether any opens at what an organisation publishes, once for each user.
    pub reads_publications: bool,
    types: Vec<ByType>,
}

impl ByKind {
    pub fn of_type(&self, kind: FactType) -> Option<&ByType> {
        self.types.get(kind.index())
    }
}

impl Ready {
    /// Whether a duty that an entry of `on` opened ends when the record is no longer live: the opening asked for one
    /// that is.
    pub fn ends_with_record(&self, entry: usize) -> bool {
        let version = &self.version;
        let asked = version.guard.asks_live_record()
            || version.on.get(entry).is_some_and(|entry| entry.after.asks_live_record());
        asked && !version.outlives_record && matches!(version.form, Form::On | Form::Prior)
    }
}

/// All versions of all rules, with their tables.
#[derive(Debug)]
pub(super) struct Compiled<'p> {
    pub policy: &'p Policy,
    pub versions: Vec<Ready>,
    /// The place of each version's rule by the text of its id.
    ranks: Vec<usize>,
    kinds: Vec<ByKind>,
}

impl<'p> Compiled<'p> {
    pub fn new(policy: &'p Policy, history: &History) -> Self {
        let mut obligations: Vec<&str> = Vec::new();
        let mut versions = Vec::new();
        for (rule, found) in policy.rules.iter().enumerate() {
            for version in &found.versions {
                let obligation = version.obligation.as_deref().map(|name| {
                    let at = obligations.iter().position(|known| *known == name).unwrap_or_else(|| {
                        obligations.push(name);
                        obligations.len() - 1
                    });
                    u16::try_from(at).unwrap_or(u16::MAX)
                });
                versions.push(ready(policy, history, rule, version, obligation));
            }
        }
        let kinds = SubjectKind::ALL.iter().map(|kind| tables(&versions, *kind)).collect();
        let before = |id: &str| policy.rules.iter().filter(|rule| rule.id.as_str() < id).count();
        let ranks = policy.rules.iter().flat_map(|rule| {
            let rank = before(&rule.id);
            rule.versions.iter().map(move |_| rank)
        });
        Self { policy, versions, ranks: ranks.collect(), kinds }
    }

    pub fn of_kind(&self, kind: SubjectKind) -> Option<&ByKind> {
        self.kinds.get(kind.index())
    }

    #[expect(clippy::indexing_slicing, reason = "version numbers come from this table alone")]
    pub fn version(&self, id: VersionId) -> &Ready {
        &self.versions[usize::from(id)]
    }

    /// The place of a version's rule by the text of its id.
    pub fn rank(&self, id: VersionId) -> usize {
        self.ranks.get(usize::from(id)).copied().unwrap_or(usize::MAX)
    }

    #[expect(clippy::indexing_slicing, reason = "rule places come from the policy alone")]
    pub fn rule(&self, id: VersionId) -> &'p Rule {
        &self.policy.rules[self.version(id).rule]
    }

    pub fn is_policy(&self, id: VersionId) -> bool {
        self.rule(id).basis == Basis::Policy
    }

    /// Whether the version counts as its rule's for a fact with this effective date (spec 3.4, supersession).
    pub fn stands_for_rule(&self, id: VersionId, on: Date) -> bool {
        let (ready, rule) = (self.version(id), self.rule(id));
        ready.version.governs(on)
            || (ready.version.number == 1 && !rule.versions.iter().any(|v| v.governs(on)))
    }
}

fn ready(
    policy: &Policy,
    history: &History,
    rule: usize,
    version: &Version,
    obligation: Option<u16>,
) -> Ready {
    let mut version = version.clone();
    let symbol = |at: u32| {
        let text = usize::try_from(at).ok().and_then(|at| policy.symbols.get(at));
        // A text that no fact holds can match nothing: NONE - 1 is never a symbol.
        text.and_then(|text| history.symbols.find(text)).unwrap_or(NONE - 1)
    };
    let translate = |values: &mut Vec<u32>| values.iter_mut().for_each(|value| *value = symbol(*value));
    let condition = |condition: &mut Condition| {
        for (field, test) in &mut condition.tests {
            if let (StateShape::OptionalId, Test::AnyOf(values)) = (field.shape(), test) {
                translate(values);
            }
        }
    };
    condition(&mut version.holds);
    condition(&mut version.guard);
    condition(&mut version.was);
    if let Some(until) = &mut version.until {
        condition(until);
    }
    let lists = [
        &mut version.on,
        &mut version.done,
        &mut version.needs,
        &mut version.since,
        &mut version.withdrawn_by,
        &mut version.closes_overdue,
    ];
    for entry in lists.into_iter().flatten() {
        condition(&mut entry.after);
        condition(&mut entry.before);
        for (field, test) in &mut entry.data {
            let shape = entry.kind.field(field.name()).map(|spec| spec.shape);
            let textual = matches!(shape, Some(Shape::Id | Shape::Choice(_) | Shape::Subject(_)));
            match test {
                Test::AnyOf(values) if textual => translate(values),
                Test::Contains(values) => translate(values),
                _ => {}
            }
        }
    }
    let until_fields = version.until.as_ref().map_or(0, Condition::fields);
    let keeps = version
        .keeps_earlier_due_of
        .iter()
        .filter_map(|id| policy.rules.iter().position(|rule| rule.id == *id))
        .collect();
    Ready {
        rule,
        watched: version.holds.fields() | until_fields | StateField::Alive.bit(),
        asked: version.holds.fields() | version.guard.fields() | version.was.fields(),
        obligation,
        keeps,
        chain: version.done.iter().any(|done| version.on.iter().any(|on| on.kind == done.kind)),
        evidence: evidence(&version),
        version,
    }
}

/// The types of fact that can end a duty of a version well, as bits by [`FactType::evidence_bit`]; a missed duty of whose
/// holder none was ever recorded is marked `not_evidenced`.
#[must_use]
pub fn evidence(version: &Version) -> u128 {
    let mut types: Vec<FactType> = version
        .done
        .iter()
        .chain(&version.needs)
        .chain(&version.closes_overdue)
        .map(|entry| entry.kind)
        .collect();
    if let Some(until) = &version.until {
        for (field, test) in &until.tests {
            types.extend(setters(*field, test, Wanted::Passing));
        }
    } else if version.form == Form::While {
        for (field, test) in &version.holds.tests {
            types.extend(setters(*field, test, Wanted::Failing));
        }
    }
    types.into_iter().fold(0, |set, kind| set | kind.evidence_bit())
}

/// Sets of types of which each must have been told of a subject before a version can open a duty of it, as bits by
/// [`FactType::evidence_bit`]; `initial` is the state of a subject of whom nothing was told.
pub(super) fn openers(version: &Version, initial: &[u32]) -> Vec<u128> {
    let bits = |types: Vec<FactType>| types.into_iter().fold(0, |set, kind| set | kind.evidence_bit());
    match version.form {
        Form::On | Form::Prior => vec![bits(version.on.iter().map(|entry| entry.kind).collect())],
        Form::While | Form::Every => {
            let holds = |field: StateField, test: &Test| {
                initial.get(field.index()).is_some_and(|value| test.holds(*value))
            };
            let wanting = version.holds.tests.iter().filter(|(field, test)| !holds(*field, test));
            wanting.map(|(field, test)| bits(setters(*field, test, Wanted::Passing))).collect()
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Passing,
    Failing,
}

/// The types that can set the field to a value that passes (or fails) the test.
fn setters(field: StateField, test: &Test, wanted: Wanted) -> Vec<FactType> {
    let fits = |value: &u32| test.holds(*value) == (wanted == Wanted::Passing);
    match values(field) {
        // Whatever sets a date, an id or a set may make it known or unknown, hold a word or not.
        None => field.setters(NONE),
        Some(values) => values.into_iter().filter(fits).flat_map(|value| field.setters(value)).collect(),
    }
}

/// The values of a field, where they can be counted; not those of dates and ids.
fn values(field: StateField) -> Option<Vec<u32>> {
    match field.shape() {
        StateShape::Number(high) => Some((0..=high).collect()),
        StateShape::Words(words) => Some((0..u32::try_from(words.len()).unwrap_or(0)).collect()),
        StateShape::Bool => Some(vec![0, 1]),
        StateShape::OptionalDate | StateShape::OptionalId | StateShape::Set(_) => None,
    }
}

/// Whether a fact of this type can change a field of the state; one that cannot never states what already holds.
pub fn sets_state(kind: FactType) -> bool {
    StateField::ALL.iter().any(|field| {
        let values = values(*field).unwrap_or_else(|| vec![NONE]);
        values.into_iter().any(|value| field.setters(value).contains(&kind))
    })
}

fn tables(versions: &[Ready], kind: SubjectKind) -> ByKind {
    let mut table = ByKind { types: vec![ByType::default(); FactType::ALL.len()], ..ByKind::default() };
    for (ready, id) in versions.iter().zip(0..) {
        let version = &ready.version;
        if !version.is_about(kind) {
            continue;
        }
        match version.form {
            Form::While => table.whiles.push(id),
            Form::Every => table.everys.push(id),
            Form::On | Form::Prior => {}
        }
        if matches!(version.form, Form::While | Form::Every) {
            table.watched |= ready.watched;
        }
        table.reads_publications |= version.on.iter().any(|entry| entry.each_user);
        let at = |table: &mut ByKind, kind: FactType, add: &mut dyn FnMut(&mut ByType)| {
            if let Some(found) = table.types.get_mut(kind.index()) {
                add(found);
            }
        };
        for (index, entry) in version.on.iter().enumerate() {
            at(&mut table, entry.kind, &mut |found| found.opens.push((id, index)));
        }
        let lists = [
            (Part::Done, &version.done),
            (Part::Needs, &version.needs),
            (Part::Since, &version.since),
            (Part::WithdrawnBy, &version.withdrawn_by),
            (Part::ClosesOverdue, &version.closes_overdue),
        ];
        for (part, entries) in lists {
            for (index, entry) in entries.iter().enumerate() {
                at(&mut table, entry.kind, &mut |found| found.parts.push((id, part, index)));
            }
        }
        for (index, entry) in version.needs.iter().enumerate() {
            for unless in &entry.unless {
                at(&mut table, *unless, &mut |found| found.parts.push((id, Part::Unless, index)));
            }
        }
    }
    table
}

/// The entry of a version that plays a part.
pub(super) fn entry_of(version: &Version, part: Part, index: usize) -> Option<&Entry> {
    match part {
        Part::Done => version.done.get(index),
        Part::Needs | Part::Unless => version.needs.get(index),
        Part::Since => version.since.get(index),
        Part::WithdrawnBy => version.withdrawn_by.get(index),
        Part::ClosesOverdue => version.closes_overdue.get(index),
    }
}

/// Whether the data of a fact passes the tests of an entry; `reason` overrides that of a reception.
pub(super) fn data_passes(
    history: &History,
    row: RowId,
    tests: &[(Field, Test)],
    reason: Option<&str>,
) -> bool {
    tests.iter().all(|(field, test)| {
        let value = match (field, reason) {
            (Field::Reason, Some(word)) => history.symbols.find(word),
            _ => history.value(row, *field),
        };
        match test {
            Test::BeginsWith(starts) => value.is_some_and(|value| {
                let text = history.symbols.text(value);
                starts.iter().any(|start| text == start || start.ends_with('/') && text.starts_with(start))
            }),
            Test::Contains(wanted) => {
                value.is_some_and(|value| history.list(value).iter().any(|held| wanted.contains(held)))
            }
            test => test.holds(value.unwrap_or(NONE)),
        }
    })
}
