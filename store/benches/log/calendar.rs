//! The nth working day, by table and by stepping from day to day: P15.

use std::hint::black_box;
use std::time::Instant as Elapsed;

use mandate_domain::calendar::{Calendar, CalendarView};
use mandate_domain::time::{Date, Instant};

use crate::Settings;
use crate::figure::{Figure, Limit, Promised};
use crate::workload::median;

const N: u16 = 10;
const ROUNDS: u32 = 9;

fn by_stepping(view: &CalendarView, from: Date, n: u16) -> Date {
    let (mut day, mut left) = (from, n);
    while left > 0 {
        day = day.next();
        if view.is_working_day(day) {
            left -= 1;
        }
    }
    day
}

/// P15.
pub fn nth_working_day(settings: &Settings) {
    let calendar = Calendar::shipped().unwrap();
    let view = calendar.known_at(Instant::parse("2026-11-01T00:00:00Z").unwrap());
    let (first, last) = (Date::parse("2019-01-01").unwrap(), Date::parse("2028-12-01").unwrap());
    // Days in no order, as deadlines come.
    let span = last.days() - first.days();
    let days: Vec<Date> = (0..span).map(|at| Date::from_days(first.days() + at * 1_009 % span)).collect();
    let time = |next: &dyn Fn(Date) -> Date| {
        let begun = Elapsed::now();
        for _ in 0..20 {
            for day in &days {
                black_box(next(black_box(*day)));
            }
        }
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(span) / 20.0
    };
    let rounds: Vec<[f64; 2]> = (0..ROUNDS)
        .map(|_| [time(&|day| view.nth_working_day_after(day, N)), time(&|day| by_stepping(view, day, N))])
        .collect();
    let by_table = median(rounds.iter().map(|[table, _]| *table));
    let stepped = median(rounds.iter().map(|[_, stepped]| *stepped));
    // Times faster: the slower one's rate stands where the stock crates' does elsewhere.
    settings.print(&Figure {
        promise: "P15",
        work: format!("nth working day, n = {N}, against stepping by day"),
        unit: "/us",
        ours: 1_000.0 / by_table,
        as_shipped: Some(1_000.0 / stepped),
        promised: Promised::Ratio(Limit::AtLeast(10.0)),
    });
}
