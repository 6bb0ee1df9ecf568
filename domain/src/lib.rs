//! Facts, state, policy and judging: pure functions with no clock, no database and no network.
//!
//! The heart is `judge`: policy, calendar and facts in, duties out, the same for the same input.

pub mod calendar;
#[macro_use]
pub mod catalogue;
pub mod command;
pub mod fact;
pub mod judge;
pub mod number;
pub mod overlap;
pub mod policy;
pub mod reconcile;
pub mod rights;
pub mod time;
pub mod vocabulary;
