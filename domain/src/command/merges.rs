//! Which nominals are one person: merges, followed as the judge follows them (spec 3.2).

use std::collections::{BTreeSet, HashMap};

use super::Annulments;
use crate::catalogue::{FactType, Field};
use crate::fact::Fact;
use crate::time::Instant;

/// The merges of the log; one that was annulled, or is yet to occur, counts for nothing.
#[derive(Debug, Clone, Default)]
pub struct Merges {
    /// In the order in which they were recorded.
    facts: Vec<Fact>,
    /// Places of the merges of, or into, a nominal.
    of: HashMap<Box<str>, Vec<usize>>,
}

/// The survivor of each nominal that was merged.
type Parents<'m> = HashMap<&'m str, &'m str>;

impl Merges {
    /// Takes a fact in if it is a merge.
    pub fn note(&mut self, fact: &Fact) {
        let (FactType::NominalMerged, Some(into)) = (fact.kind, fact.text(Field::Into)) else { return };
        for nominal in [&*fact.subject, into] {
            self.of.entry(nominal.into()).or_default().push(self.facts.len());
        }
        self.facts.push(fact.clone());
    }

    /// Whether a merge was taken in.
    #[must_use]
    pub fn knows(&self, merge: &Fact) -> bool {
        self.of_nominal(&merge.subject).any(|known| known.id == merge.id && known.source == merge.source)
    }

    /// The nominals whose history is one with that of a nominal, itself included; the survivor first.
    #[must_use]
    pub fn unit(&self, nominal: &str, annulments: &Annulments, now: Instant) -> Vec<Box<str>> {
        if !self.of.contains_key(nominal) {
            return vec![nominal.into()];
        }
        let (members, places) = self.connected(nominal);
        let mut merges: Vec<(usize, &Fact)> = places
            .into_iter()
            .filter_map(|place| Some((place, self.facts.get(place)?)))
            .filter(|(_, merge)| merge.time <= now && !annulments.holds_for(merge))
            .collect();
        merges.sort_by_key(|(place, merge)| (merge.time, *place));
        let mut parents = Parents::new();
        for (_, merge) in merges {
            let loser = root(&parents, &merge.subject);
            let survivor = root(&parents, merge.text(Field::Into).unwrap_or_default());
            // A merge that would close a circle is ignored.
            if loser != survivor {
                parents.insert(loser, survivor);
            }
        }
        let survivor = root(&parents, nominal);
        let others = members.iter().filter(|member| **member != survivor);
        let others = others.filter(|member| root(&parents, member) == survivor);
        std::iter::once(survivor).chain(others.copied()).map(Into::into).collect()
    }

    fn of_nominal(&self, nominal: &str) -> impl Iterator<Item = &Fact> {
        let places = self.of.get(nominal).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.facts.get(*place))
    }

    /// The nominals that merges connect with one, whether they count or not, and the places of those merges.
    fn connected<'m>(&'m self, nominal: &'m str) -> (BTreeSet<&'m str>, BTreeSet<usize>) {
        let (mut members, mut places) = (BTreeSet::from([nominal]), BTreeSet::new());
        let mut open = vec![nominal];
        while let Some(next) = open.pop() {
            places.extend(self.of.get(next).into_iter().flatten().copied());
            for merge in self.of_nominal(next) {
                for side in [&*merge.subject, merge.text(Field::Into).unwrap_or_default()] {
                    if members.insert(side) {
                        open.push(side);
                    }
                }
            }
        }
        (members, places)
    }
}

fn root<'m>(parents: &Parents<'m>, nominal: &'m str) -> &'m str {
    let mut at = nominal;
    while let Some(next) = parents.get(at) {
        at = next;
    }
    at
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOON: &str = "2026-03-02T12:00:00Z";

    fn fact(id: &str, kind: &str, subject: &str, time: &str, data: &serde_json::Value) -> Fact {
        let text = json!({"specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": subject,
                          "time": time, "data": data});
        Fact::parse(&text.to_string()).unwrap()
    }

    fn merge(id: &str, from: &str, into: &str, time: &str) -> Fact {
        let into = json!({"into": format!("nominal/{into}")});
        fact(id, "nominal.merged", &format!("nominal/{from}"), time, &into)
    }

    fn unit(merges: &[Fact], annulled: &[&str], nominal: &str) -> String {
        let (mut known, mut annulments) = (Merges::default(), Annulments::default());
        for merge in merges {
            known.note(merge);
        }
        for id in annulled {
            let data = json!({"event": {"source": "/t", "id": id}, "reason": "x"});
            annulments.note(&fact(&format!("annul-{id}"), "fact.annulled", "nominal/N", NOON, &data));
        }
        let unit = known.unit(&format!("nominal/{nominal}"), &annulments, Instant::parse(NOON).unwrap());
        unit.iter().map(|member| member.trim_start_matches("nominal/")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn chains_are_followed_and_the_survivor_comes_first() {
        let merges =
            [merge("1", "C", "B", "2026-03-01T09:00:00Z"), merge("2", "B", "A", "2026-03-01T10:00:00Z")];
        for nominal in ["A", "B", "C"] {
            assert_eq!(unit(&merges, &[], nominal), "A B C");
        }
        assert_eq!(unit(&merges, &[], "D"), "D");
    }

    #[test]
    fn a_merge_that_was_annulled_or_is_yet_to_occur_counts_for_nothing() {
        let merges =
            [merge("1", "C", "B", "2026-03-01T09:00:00Z"), merge("2", "B", "A", "2026-03-01T10:00:00Z")];
        assert_eq!(unit(&merges, &["2"], "A"), "A");
        assert_eq!(unit(&merges, &["2"], "C"), "B C");
        let late = [merge("1", "B", "A", "2026-03-02T12:00:01Z")];
        assert_eq!(unit(&late, &[], "B"), "B");
    }

    #[test]
    fn a_merge_that_would_close_a_circle_is_ignored() {
        let merges =
            [merge("1", "A", "B", "2026-03-01T10:00:00Z"), merge("2", "B", "A", "2026-03-01T09:00:00Z")];
        assert_eq!(unit(&merges, &[], "A"), "A B");
        assert_eq!(unit(&merges, &["2"], "A"), "B A");
    }
}
