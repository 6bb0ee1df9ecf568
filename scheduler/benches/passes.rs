//! The promises on the scheduler (P9 to P12), on SQLite and PostgreSQL: what a pass costs that finds nothing or a
//! hundred, a midnight at which everything falls due, how late a breach is, and a month without the program. One line
//! for each figure, with its promise and whether it is kept.
//!
//! `cargo bench --package mandate-scheduler --bench passes [-- --open N --scale N --database sqlite|postgres --only p9]`:
//! a million open duties, times the scale; P9 compares with ten thousand.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench ends where something fails, and prints"
)]

#[path = "passes/bench.rs"]
mod bench;
#[path = "passes/lateness.rs"]
mod lateness;
#[path = "passes/plain.rs"]
mod plain;

use std::time::Duration;

use bench::{Bench, Database, at};
use mandate_domain::time::Instant;

/// Duties that fall due at one instant among many that do not.
const DUE: usize = 100;
/// Open duties in small, for the growth of P9.
const SMALL: usize = 10_000;
/// A day without work for the scheduler.
const QUIET: &str = "2026-03-07T12:00:00Z";

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let value = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1));
    let number = |name: &str, usual: usize| value(name).map_or(usual, |text| text.parse().unwrap());
    let open = number("--open", 1_000_000) * number("--scale", 1);
    let only = |name: &str| value("--only").is_none_or(|only| only == name);
    for database in [Database::Sqlite, Database::Postgres] {
        if value("--database").is_some_and(|named| named != database.name()) {
            continue;
        }
        println!("{} | {open} open duties", database.name());
        let small = only("p9").then(|| few_among_many(&Bench::new(database, SMALL, DUE)));
        if only("p9") || only("p10") {
            let bench = Bench::new(database, open, DUE);
            let found = few_among_many(&bench);
            if let Some(small) = small {
                let ratio = found.as_secs_f64() / small.as_secs_f64();
                say(
                    ratio <= 2.0,
                    "P9",
                    "growth of finding them",
                    &format!("{ratio:.2} x of {SMALL} open"),
                    "2 x",
                );
            }
            midnight(&bench, open - DUE);
        }
        if only("p11") {
            lateness::measure(database);
        }
        if only("p12") {
            after_a_month(database, open);
        }
    }
}

/// P9. What finding a hundred takes.
fn few_among_many(bench: &Bench) -> Duration {
    let idle = bench.idle(QUIET);
    tell("P9", "a pass that finds nothing", &micros(idle));
    let now = at("2026-03-08T00:00:00Z");
    bench.clock.set(now);
    bench.projections.advance(now).unwrap();
    let find = || bench.projections.breaches_to_raise(Instant::MAX, None, 1_000).unwrap();
    assert_eq!(find().len(), DUE);
    let found = bench::median(|| drop(find()));
    say(found <= Duration::from_micros(250), "P9", "100 due found in the database", &micros(found), "250 us");
    tell("P9", "a pass that raises 100 and mails", &micros(bench.pass("2026-03-08T00:00:00Z")));
    found
}

/// P10. All others fall due at one instant, while somebody gives commands.
fn midnight(bench: &Bench, count: usize) {
    let now = "2026-03-12T00:00:00Z";
    let idle = bench.foreground(|_| bench::pause(Duration::from_secs(3)));
    bench.clock.set(at(now));
    let judged = bench::took(|| {
        bench.projections.advance(at(now)).unwrap();
    });
    tell("P10", "judged overdue by the read models", &per_second(count, judged));
    let mut durable = Duration::ZERO;
    let busy = bench.foreground(|heard| {
        bench.pass(now);
        durable = heard(bench.last_breach());
    });
    assert_eq!(bench.breaches(), count + DUE);
    let rows = bench.rows_of_the_pass();
    let plain = plain::insert(bench, rows);
    tell("P10", "breaches durable", &per_second(count, durable));
    let ratio = plain.as_secs_f64() / durable.as_secs_f64();
    let rate =
        format!("{ratio:.2} x ({} rows, {} plain)", per_second(rows, durable), per_second(rows, plain));
    say(ratio >= 0.5, "P10", "rows durable against plain INSERT of the same", &rate, "0.5 x");
    let with_judging = per_second(count, durable + judged);
    tell("P10", "breaches durable, judging included", &with_judging);
    let ratio = busy.as_secs_f64() / idle.as_secs_f64();
    let text = format!("{ratio:.1} x ({} idle, {} in the burst)", micros(idle), micros(busy));
    say(ratio <= 2.0, "P10", "foreground append, p99", &text, "2 x");
    tell("P9", "a pass that finds nothing, all raised", &micros(bench.idle("2026-03-12T06:00:00Z")));
}

/// P12. Nothing ran for thirty days.
fn after_a_month(database: Database, open: usize) {
    let bench = Bench::new(database, open, 0);
    let midnight = bench::took(|| {
        let now = "2026-03-12T00:00:00Z";
        bench.pass(now);
    });
    let bench = Bench::new(database, open, 0);
    let month = bench::took(|| {
        bench.pass("2026-04-11T00:00:00Z");
    });
    let ratio = month.as_secs_f64() / midnight.as_secs_f64();
    let text =
        format!("{ratio:.2} x ({} s, a midnight {} s, mails included)", month.as_secs(), midnight.as_secs());
    say(ratio <= 2.0, "P12", "caught up after 30 days", &text, "2 x P10");
    let (mails, recipients) = bench.mails();
    say(mails <= recipients, "P12", "mails", &format!("{mails}"), &format!("{recipients} recipients"));
    let listed = bench.breaches_listed_once();
    say(
        listed == open,
        "P12",
        "breaches listed in exactly one mail",
        &format!("{listed}"),
        &format!("{open}"),
    );
}

fn per_second(count: usize, took: Duration) -> String {
    format!("{:.0} /s", f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64())
}

fn micros(took: Duration) -> String {
    format!("{:.1} us", took.as_secs_f64() * 1e6)
}

fn tell(promise: &str, what: &str, measured: &str) {
    println!("{promise:>4} | {what} | {measured}");
}

fn say(kept: bool, promise: &str, what: &str, measured: &str, promised: &str) {
    let kept = if kept { "kept" } else { "NOT KEPT" };
    println!("{promise:>4} | {what} | {measured} | promised {promised} | {kept}");
}
