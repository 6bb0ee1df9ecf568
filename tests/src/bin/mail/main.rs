//! Mail through kills and a mail server that fails at every verb: none is lost, none comes twice but where SMTP forces it.
//!
//! `mail drive [--notices N] [--kills N] [--seed N] [--server scripted|postfix]` starts a program that owes N mails, kills
//! it at random moments and while the server holds the final dot, and compares what was received with what the log owes,
//! header by header. `mail control --fault loses|repeats|alters` does the same with a server that breaks its word: it must be
//! caught. `mail relay [--notices N]` has the server away for 72 hours of a virtual clock. `mail hostile [--values N]` sends
//! references made to break out of headers and HTML. `mail program …` is the program itself.
#![expect(clippy::print_stdout, reason = "a campaign prints what it counted")]

mod check;
mod drive;
mod hostile;
mod office;
mod postfix;
mod program;
mod relay;
mod server;

use mandate_tests::arguments::Arguments;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        Some(("drive", rest)) => drive::drive(Arguments::new(rest)?),
        Some(("control", rest)) => drive::control(Arguments::new(rest)?),
        Some(("relay", rest)) => relay::relay(Arguments::new(rest)?),
        Some(("hostile", rest)) => hostile::hostile(Arguments::new(rest)?),
        Some(("program", rest)) => program::run(Arguments::new(rest)?),
        _ => {
            anyhow::bail!(
                "usage: mail drive|control|relay|hostile [--name value]...; see the head of its source"
            )
        }
    }
}
