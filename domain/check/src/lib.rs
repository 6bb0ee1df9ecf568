//! A second pair of eyes: whether the derivation of a duty follows from the facts, the rule files and the calendar.
//!
//! A [`Derivation`] is what the judge claims of one duty, in references, dates and no text. [`Checker`] tells the
//! subject's facts over again with a state of its own, reads the rule files and the bank holidays itself, counts days by
//! stepping, and holds each claim against what it found. It knows nothing of the judge, not even its types, so that a
//! mistake of the one is no mistake of the other.
//!
//! - `facts`: what was told, and what of it counts at a moment; `holidays`, `rule`: the calendar and the rule files.
//! - `state`, `timeline`: the subject's facts in order, each with the state before and after it.
//! - `duty`: what a duty is made of; `acts` (the forms `on` and `prior`), `conditions` (`while`), `days` (`every`),
//!   `waived`: how it opens and ends.
//! - `derivation`, `checker`: the claim, and whether it holds.
//!
//! Not looked at is the flag `not_evidenced`, which rests on everything ever told of the holder.

mod acts;
mod checker;
mod conditions;
mod days;
mod derivation;
mod duty;
mod facts;
mod holidays;
mod rule;
mod state;
mod time;
mod timeline;
mod waived;

pub use checker::{Checker, Flaw, Given};
pub use derivation::Derivation;
pub use facts::Facts;
pub use holidays::Holidays;
pub use rule::Rules;

/// Why something that the checker needs cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unread(pub(crate) String);
