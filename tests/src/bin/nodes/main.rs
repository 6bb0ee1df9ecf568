//! Three nodes of the program over one PostgreSQL, stopped, woken and killed at random: each breach is raised once and
//! none is missed, each mail goes once but for the window after its final dot, and nothing is stored that a node decided
//! before another took the lease.
//!
//! `nodes run [--rounds N] [--seed N]`, and `nodes control [--rounds N] [--seed N]` with a database that forgets the term
//! of the lease: there a stale write must be found. The program is `mandate` beside this one.
#![expect(clippy::print_stdout, reason = "a campaign prints what it counted")]

mod check;
mod drive;
mod node;
mod relay;

use mandate_tests::arguments::Arguments;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        Some(("run", rest)) => drive::run(Arguments::new(rest)?),
        Some(("control", rest)) => drive::control(Arguments::new(rest)?),
        _ => anyhow::bail!("usage: nodes run|control [--name value]...; see the head of its source"),
    }
}
