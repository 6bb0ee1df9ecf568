//! Many writers and readers that follow: each reader, from its own checkpoint, sees every position once and in order,
//! and at each the event that was acknowledged there.
//!
//! `readers run [--database sqlite|postgres] [--events N] [--writers N] [--readers N] [--nodes N] [--seed N]` tries the
//! store; on PostgreSQL the writers are spread over several nodes. `readers control [--events N] [--seed N]` tries a table
//! with a `bigserial`, read by `WHERE id > last ORDER BY id`: it must be caught skipping events.
#![expect(clippy::print_stdout, reason = "a campaign prints what it counted")]

mod naive;
mod ours;

use mandate_tests::arguments::Arguments;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        Some(("run", rest)) => ours::run(Arguments::new(rest)?),
        Some(("control", rest)) => naive::control(Arguments::new(rest)?),
        _ => anyhow::bail!("usage: readers run|control [--name value]...; see the head of its source"),
    }
}
