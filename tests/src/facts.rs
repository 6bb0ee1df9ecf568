//! Comparing what was sent with what is in the log.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use mandate_domain::fact::Fact;

/// A fact with its fields in the order of their names: the log keeps them in its own.
#[must_use]
pub fn in_order(fact: &Fact) -> Fact {
    let mut fact = fact.clone();
    fact.data.sort_unstable_by_key(|(field, _)| *field);
    fact
}

/// A number that tells a fact from others: over all that is public of it. Never 0.
#[must_use]
pub fn digest(fact: &Fact) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{:?}", in_order(fact)).hash(&mut hasher);
    hasher.finish().max(1)
}
