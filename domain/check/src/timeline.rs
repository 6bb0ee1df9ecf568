//! The facts of a subject in their order, each with the state before and after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::facts::{Fact, Facts, Moment};
use crate::rule::{Entry, Version};
use crate::state::{Machine, State};
use crate::time::next;

/// A fact in its place.
#[derive(Debug)]
pub struct Step {
    pub fact: Arc<Fact>,
    pub before: Arc<State>,
    pub after: Arc<State>,
    pub changed: BTreeSet<&'static str>,
    /// Whether it may open or end anything by what it tells.
    pub tells: bool,
    /// The word in force for the reason of a reception.
    pub reason: Option<&'static str>,
    /// The prison left untold: a reception elsewhere acts as a transfer from it first.
    pub left: Option<String>,
    /// Whether it is about another subject.
    pub is_foreign: bool,
}

impl Step {
    /// The prison of an opening fact: its own, else its organisation if a prison, else that of the state.
    pub fn prison(&self) -> String {
        let org = self.fact.get("org").filter(|org| org.starts_with("prison/"));
        self.fact.get("prison").or(org).unwrap_or_else(|| self.after.get("prison").to_owned())
    }

    /// Whether it passes an entry of a list.
    pub fn passes(&self, entry: Entry<'_>) -> bool {
        self.tells
            && entry.word("type") == Some(&self.fact.kind)
            && entry.holds("was", &self.before)
            && entry.holds("if", &self.after)
            && entry.takes(&self.fact, self.reason)
    }

    /// Whether it passes any entry of a list of a version.
    pub fn passes_any(&self, version: &Version, list: &str) -> bool {
        !self.is_foreign && version.entries(list).any(|entry| self.passes(entry))
    }
}

/// The history of one subject at a moment.
#[derive(Debug)]
pub struct Timeline {
    pub subject: String,
    /// Everyone whose facts count as the subject's, itself included.
    pub members: Vec<String>,
    pub steps: Vec<Step>,
}

impl Timeline {
    pub fn of(facts: &Facts, subject: &str, moment: &Moment) -> Self {
        let members = members(facts, subject, moment);
        let own = members.iter().flat_map(|member| facts.of(member)).map(|fact| (fact, false));
        let theirs = foreign(facts, subject).into_iter().map(|fact| (fact, true));
        let mut all: Vec<(Arc<Fact>, bool)> = own.chain(theirs).collect();
        all.retain(|(fact, _)| facts.counts(fact, moment));
        all.sort_by_key(|(fact, _)| fact.place());
        let mut timeline = Self { subject: subject.to_owned(), members, steps: Vec::new() };
        let mut machine = Machine::default();
        for (at, (fact, is_foreign)) in all.iter().enumerate() {
            let again = |(later, _): &(Arc<Fact>, bool)| {
                later.kind == "mappa.registered" && (later.on == fact.on || later.on == next(fact.on))
            };
            // Ended and entered anew: a change of level.
            if fact.kind != "mappa.deregistered" || !all.iter().skip(at + 1).any(again) {
                timeline.tell(&mut machine, fact, *is_foreign);
            }
        }
        timeline
    }

    fn tell(&mut self, machine: &mut Machine, fact: &Arc<Fact>, is_foreign: bool) {
        let mut reason = None;
        if fact.kind == "custody.received" {
            let (held, prison) = (machine.state.is("custody", "held"), fact.text("prison"));
            if held && machine.state.is("prison", &prison) {
                return;
            }
            reason = Some(match fact.text("reason").as_str() {
                "admission" => "admission",
                "return" if !held => "return",
                _ => "transfer",
            });
            if held {
                let before = Arc::clone(&machine.state);
                let left = Some(before.get("prison").to_owned());
                let changed = machine.leave(fact);
                let (fact, after) = (Arc::clone(fact), Arc::clone(&machine.state));
                self.steps.push(Step {
                    fact,
                    before,
                    after,
                    changed,
                    tells: false,
                    reason: None,
                    left,
                    is_foreign,
                });
            }
        }
        let before = Arc::clone(&machine.state);
        let (changed, tells) = match (is_foreign, fact.kind.as_str()) {
            (true, "document.published") => (BTreeSet::new(), true),
            (true, _) => (machine.vetted(fact), false),
            (false, _) => machine.apply(fact, reason),
        };
        let (fact, after) = (Arc::clone(fact), Arc::clone(&machine.state));
        self.steps.push(Step { fact, before, after, changed, tells, reason, left: None, is_foreign });
    }
}

/// Facts of others on which duties of a subject rest.
fn foreign(facts: &Facts, subject: &str) -> Vec<Arc<Fact>> {
    if subject.starts_with("user/") {
        return facts.publications.clone();
    }
    let users = facts.cpcs.get(subject).map_or(&[][..], Vec::as_slice);
    let vetting = |fact: &Arc<Fact>| matches!(fact.kind.as_str(), "vetting.cleared" | "vetting.withdrawn");
    users.iter().flat_map(|user| facts.of(user)).filter(vetting).collect()
}

fn members(facts: &Facts, subject: &str, moment: &Moment) -> Vec<String> {
    if !facts.is_merged(subject) {
        return vec![subject.to_owned()];
    }
    let mut merges: Vec<&Arc<Fact>> = facts.merges.iter().filter(|fact| facts.counts(fact, moment)).collect();
    merges.sort_by_key(|fact| fact.place());
    let mut into: BTreeMap<String, String> = BTreeMap::new();
    for fact in merges {
        let (loser, survivor) = (last(&into, &fact.subject), last(&into, &fact.text("into")));
        // One that would close a circle is ignored.
        if loser != survivor {
            into.insert(loser, survivor);
        }
    }
    if into.contains_key(subject) {
        return Vec::new();
    }
    let merged = into.keys().filter(|member| last(&into, member) == subject).cloned();
    std::iter::once(subject.to_owned()).chain(merged).collect()
}

fn last(into: &BTreeMap<String, String>, member: &str) -> String {
    let mut at = member;
    while let Some(next) = into.get(at) {
        at = next;
    }
    at.to_owned()
}
