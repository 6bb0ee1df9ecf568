//! Dates against data that others published: month arithmetic and the bounds of London's days.

use std::path::{Path, PathBuf};

use mandate_domain::time::{Date, Instant};

fn copy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(name)
}

fn rows(name: &str) -> Vec<csv::StringRecord> {
    let rows: Result<Vec<_>, _> = csv::Reader::from_path(copy(name)).unwrap().into_records().collect();
    rows.unwrap()
}

#[test]
fn months_and_days_are_added_as_the_published_table_rounds_down() {
    let (mut added, mut subtracted) = (0, 0);
    for row in rows("month_arithmetic.csv") {
        let number = |at: usize| row[at].parse::<i32>().unwrap();
        let (date, months, days) = (Date::parse(&row[0]).unwrap(), number(1) * 12 + number(2), number(3));
        let wanted = Date::parse(&row[4]).unwrap();
        // A year is twelve months: no row joins months and days, so their order cannot matter.
        assert!(months == 0 || days == 0);
        assert_eq!(date.plus_months(months).plus_days(days), wanted, "{row:?}");
        added += 1;
        // Where nothing was clamped, the way back leads to the same day.
        if &row[6] == "0" && row[5] == row[4] {
            assert_eq!(
                wanted.plus_days(-days).plus_months(-months).plus_months(months).plus_days(days),
                wanted
            );
            subtracted += 1;
        }
    }
    assert_eq!((added, subtracted), (36, 19));
}

#[test]
fn london_days_begin_and_end_when_the_published_table_says() {
    let rows = rows("london_day_bounds.csv");
    for row in &rows {
        let date = Date::parse(&row[0]).unwrap();
        let (start, end) = (Instant::parse(&row[1]).unwrap(), Instant::parse(&row[2]).unwrap());
        assert_eq!((date.start(), date.end()), (start, end), "{date}");
        assert_eq!((start.london_date(), end.just_before().london_date()), (date, date));
        let hours = (end.nanos() - start.nanos()) / 3_600_000_000_000;
        assert_eq!(hours, row[3].parse::<i64>().unwrap(), "{date}");
    }
    assert_eq!(rows.len(), 7670);
}

#[test]
fn the_copies_equal_the_tables_they_were_copied_from() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    for name in ["month_arithmetic.csv", "london_day_bounds.csv"] {
        if let Ok(original) = std::fs::read(shared.join(name)) {
            assert!(
                std::fs::read(copy(name)).unwrap() == original,
                "{name} differs from {}",
                shared.display()
            );
        }
    }
}
