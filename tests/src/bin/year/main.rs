//! The scheduler under a virtual clock, against an oracle that asks the judge alone.
//!
//! `year run [--days N] [--seed N]`: a year with both clock changes, every bank holiday, one of them published late, and
//! a clock that is set back and forth by a second to ten years. After every pass the breaches that stand in the log, and
//! those that are closed, are those that the judge says at that moment: none skipped, repeated, early or false.
//!
//! `year downtime [--open N] [--seed N]`: nothing runs for an hour, three days and 400 days while so many duties fall
//! due: every breach once, with its due moment, in their order, each in one mail to each recipient, and no more mails
//! than recipients.
#![expect(clippy::print_stdout, reason = "a campaign prints what it counted")]

mod downtime;
mod oracle;
mod run;
mod world;

use mandate_tests::arguments::Arguments;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        Some(("run", rest)) => run::run(Arguments::new(rest)?),
        Some(("downtime", rest)) => downtime::run(Arguments::new(rest)?),
        _ => anyhow::bail!("usage: year run|downtime [--name value]...; see the head of its source"),
    }
}
