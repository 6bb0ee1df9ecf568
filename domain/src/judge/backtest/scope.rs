//! Which rules a draft policy or calendar can judge otherwise, and which subjects may have duties under them.

use std::collections::BTreeSet;

use crate::catalogue::SubjectKind;
use crate::judge::compiled::{Compiled, Ready, openers};
use crate::judge::history::{History, RowId};
use crate::judge::state::State;
use crate::policy::{Basis, Due, Form, Policy, Rule, Version};

/// Whether the draft has a calendar of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holidays {
    /// Both have the same bank holidays.
    Same,
    /// The draft has others.
    Others,
}

/// The rules that may be judged otherwise under a draft.
///
/// A rule that reads the same in both may still be judged otherwise where it shares an obligation with one that does not:
/// one supersedes the other, or bars it from opening. No other rule can: facts alone change the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Rules that are new, gone or read otherwise, in table order.
    pub changed: Vec<String>,
    /// These and the rules that share an obligation with one of them, or count in working days where the holidays differ.
    pub affected: Vec<String>,
}

impl Scope {
    /// Compares a draft with the policy in force.
    #[must_use]
    pub fn of(adopted: &Policy, draft: &Policy, holidays: Holidays) -> Self {
        let mut symbols = History::default();
        for text in adopted.symbols.iter().chain(&draft.symbols) {
            symbols.symbols.intern(text);
        }
        let before = Compiled::new(adopted, &symbols);
        let after = Compiled::new(draft, &symbols);
        let mut ids: Vec<&str> = Vec::new();
        for rule in draft.rules.iter().chain(&adopted.rules) {
            if !ids.contains(&rule.id.as_str()) {
                ids.push(&rule.id);
            }
        }
        let reads = |compiled: &Compiled<'_>, id: &str| {
            let at = compiled.policy.rules.iter().position(|rule| rule.id == id)?;
            let versions = compiled.versions.iter().filter(|ready| ready.rule == at);
            let versions: Vec<Version> = versions.map(|ready| what_is_judged(&ready.version)).collect();
            Some((compiled.policy.rules.get(at)?.basis == Basis::Policy, versions))
        };
        let changed: Vec<&str> =
            ids.iter().copied().filter(|id| reads(&before, id) != reads(&after, id)).collect();
        let mut affected: BTreeSet<&str> = changed.iter().copied().collect();
        if holidays == Holidays::Others {
            let counts = |rule: &&Rule| rule.versions.iter().any(counts_working_days);
            affected
                .extend(adopted.rules.iter().chain(&draft.rules).filter(counts).map(|rule| rule.id.as_str()));
        }
        while with_obligations(&mut affected, [adopted, draft]) {}
        let listed = |wanted: &dyn Fn(&str) -> bool| {
            ids.iter().filter(|id| wanted(id)).map(|id| (*id).to_owned()).collect()
        };
        Self { changed: listed(&|id| changed.contains(&id)), affected: listed(&|id| affected.contains(id)) }
    }

    /// A policy with the rules that are affected alone.
    #[must_use]
    pub fn of_policy(&self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        policy.rules.retain(|rule| self.affected.contains(&rule.id));
        policy
    }
}

/// Adds the rules that share an obligation with one there; whether any was added.
fn with_obligations<'p>(affected: &mut BTreeSet<&'p str>, policies: [&'p Policy; 2]) -> bool {
    let before = affected.len();
    for policy in policies {
        let shared: Vec<&str> = policy
            .rules
            .iter()
            .filter(|rule| affected.contains(rule.id.as_str()))
            .flat_map(obligations)
            .collect();
        let sharing = |rule: &&Rule| obligations(rule).any(|own| shared.contains(&own));
        affected.extend(policy.rules.iter().filter(sharing).map(|rule| rule.id.as_str()));
    }
    affected.len() > before
}

fn obligations(rule: &Rule) -> impl Iterator<Item = &str> {
    rule.versions.iter().filter_map(|version| version.obligation.as_deref())
}

fn counts_working_days(version: &Version) -> bool {
    matches!(version.due, Due::WorkingDays(_)) || version.form == Form::Every
}

/// A version without what changes no verdict: warnings, escalations and the readings it names.
fn what_is_judged(version: &Version) -> Version {
    Version { warn: Vec::new(), escalate: Vec::new(), interpretations: Vec::new(), ..version.clone() }
}

/// Which facts a subject must have before some rule can open a duty for it.
#[derive(Debug)]
pub(super) struct Openers {
    /// For each version: the kinds of subject, and sets of types of which each must be there.
    versions: Vec<(Vec<SubjectKind>, Vec<u128>)>,
    /// Kinds of subject that are always judged: their duties rest on facts of others as well.
    always: Vec<SubjectKind>,
}

impl Openers {
    pub fn of(compiled: &Compiled<'_>) -> Self {
        let initial = State::new();
        let needed =
            |ready: &Ready| (ready.version.subjects.clone(), openers(&ready.version, &initial.values));
        let foreign = [
            SubjectKind::User,
            SubjectKind::Area,
            SubjectKind::Unit,
            SubjectKind::Prison,
            SubjectKind::PrisonGroup,
        ];
        let asked = |kind: &SubjectKind| compiled.versions.iter().any(|ready| ready.version.is_about(*kind));
        Self {
            versions: compiled.versions.iter().map(needed).collect(),
            always: foreign.into_iter().filter(asked).collect(),
        }
    }

    /// Whether a duty may be opened for any of some subjects, which count as one.
    pub fn may_open(&self, history: &History, members: &[u32]) -> bool {
        let mut kinds = members.iter().filter_map(|member| history.kind_of(*member));
        let Some(kind) = kinds.next() else { return false };
        if self.always.contains(&kind) {
            return true;
        }
        let bit = |row: &RowId| history.row(*row).kind.evidence_bit();
        let held =
            members.iter().flat_map(|member| history.rows_of(*member)).fold(0, |set, row| set | bit(row));
        self.versions.iter().any(|(kinds, needed)| {
            kinds.contains(&kind) && needed.iter().all(|types| *types == UNKNOWN || types & held != 0)
        })
    }
}

/// A set that no fact can be held against: its types have no bit.
const UNKNOWN: u128 = 0;
