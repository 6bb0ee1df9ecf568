use super::calendar::{Calendar, Day, Within};
use super::identity::pnc;
use super::kind::Kind;
use super::{Counts, Options, Scale, generate, reference_csv, tell, world};
use chrono::{DateTime, NaiveDate};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

fn history(options: &Options) -> (Vec<u8>, Counts) {
    let mut bytes = Vec::new();
    let counts = generate(options, &mut bytes).unwrap();
    (bytes, counts)
}

/// The small history, told once for all tests.
fn small() -> &'static (Vec<u8>, Counts) {
    static SMALL: OnceLock<(Vec<u8>, Counts)> = OnceLock::new();
    SMALL.get_or_init(|| history(&Options::scale(Scale::Small)))
}

fn small_facts() -> Vec<Value> {
    std::str::from_utf8(&small().0).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lines_of(bytes: &[u8]) -> u64 {
    std::str::from_utf8(bytes).unwrap().lines().count() as u64
}

fn tiny() -> Options {
    Options { areas: 2, nominals: 40, months: 6, ..Options::scale(Scale::Small) }
}

fn day(year: i32, month: u32, day: u32) -> Day {
    Day::of(NaiveDate::from_ymd_opt(year, month, day).unwrap())
}

/// FNV-1a, written out so that the expected value holds on every machine and in every release.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn text<'a>(fact: &'a Value, attribute: &str) -> &'a str {
    fact[attribute].as_str().unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (first, _) = history(&tiny());
    let (second, _) = history(&tiny());
    assert_eq!(first, second);
}

#[test]
fn the_bytes_of_a_seed_are_those_of_every_other_machine() {
    let (bytes, _) = history(&tiny());
    assert_eq!(
        format!("{:016x}", hash(&bytes)),
        "8067d62ff9c37884",
        "a deliberate change of the generator changes this"
    );
}

#[test]
fn another_seed_gives_other_bytes() {
    let (first, _) = history(&tiny());
    let (second, _) = history(&Options { seed: 2, ..tiny() });
    assert_ne!(first, second);
}

#[test]
fn lines_come_in_the_order_in_which_they_were_recorded() {
    let facts = small_facts();
    assert!(
        facts.is_sorted_by(|earlier, later| text(earlier, "recordedtime") <= text(later, "recordedtime"))
    );
}

#[test]
fn nothing_is_recorded_before_it_occurred_or_outside_the_history() {
    for fact in small_facts() {
        let time = DateTime::parse_from_rfc3339(text(&fact, "time")).unwrap();
        let recorded = DateTime::parse_from_rfc3339(text(&fact, "recordedtime")).unwrap();
        assert!(time <= recorded, "{fact}");
        assert!(recorded >= DateTime::parse_from_rfc3339("2025-04-30T23:00:00Z").unwrap(), "{fact}");
        assert!(recorded < DateTime::parse_from_rfc3339("2026-11-01T00:00:00Z").unwrap(), "{fact}");
    }
}

#[test]
fn source_and_id_together_are_unique() {
    let facts = small_facts();
    let pairs: BTreeSet<(&str, &str)> =
        facts.iter().map(|fact| (text(fact, "source"), text(fact, "id"))).collect();
    assert_eq!(pairs.len(), facts.len());
}

#[test]
fn the_envelope_has_exactly_its_attributes() {
    let expected: BTreeSet<&str> =
        ["specversion", "id", "source", "type", "subject", "time", "recordedtime", "data"].into();
    for fact in small_facts() {
        let object = fact.as_object().unwrap();
        assert_eq!(object.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
        assert_eq!(text(&fact, "specversion"), "1.0");
        assert!(object["data"].is_object());
    }
}

#[test]
fn data_never_holds_a_field_twice() {
    for line in std::str::from_utf8(&small().0).unwrap().lines() {
        for field in ["\"evidence\":", "\"by\":", "\"on\":", "\"users\":", "\"level\":"] {
            assert!(line.matches(field).count() <= 1, "{line}");
        }
    }
}

#[test]
fn what_only_mandate_records_is_never_told() {
    for fact in small_facts() {
        let kind = text(&fact, "type");
        assert!(
            !["duty.", "breach.", "notice.", "policy."].iter().any(|own| kind.starts_with(own)),
            "{kind}"
        );
        assert_ne!(text(&fact, "source"), "/mandate");
    }
}

/// Says whether text holds, with nothing alphanumeric around it, the shape of a CRN, NOMS or PNC number.
fn holds_an_identifier(text: &str) -> bool {
    text.split(|sign: char| !sign.is_ascii_alphanumeric()).any(|word| {
        let shape: String = word.chars().map(|sign| if sign.is_ascii_digit() { '9' } else { 'A' }).collect();
        let pnc = shape.strip_suffix('A').is_some_and(|digits| digits.len() >= 3 && !digits.contains('A'));
        shape == "A999999" || shape == "A9999AA" || pnc
    })
}

#[test]
fn no_id_source_or_subject_looks_like_a_persons_number() {
    assert!(
        holds_an_identifier("x-A000001")
            && holds_an_identifier("A8513EA")
            && holds_an_identifier("1981/0000034U")
    );
    for fact in small_facts() {
        for attribute in ["id", "source", "subject"] {
            assert!(!holds_an_identifier(text(&fact, attribute)), "{fact}");
        }
    }
}

#[test]
fn every_type_is_told_and_counted() {
    let (bytes, counts) = small();
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for fact in small_facts() {
        *told.entry(text(&fact, "type").to_owned()).or_default() += 1;
    }
    assert_eq!(counts.by_type, told);
    assert_eq!(counts.facts, lines_of(bytes));
    let missing: Vec<&str> =
        Kind::ALL.iter().map(|kind| kind.name()).filter(|name| !told.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn an_annulment_names_an_earlier_fact_of_its_own_source_and_subject() {
    let mut seen: BTreeMap<(String, String), String> = BTreeMap::new();
    for fact in small_facts() {
        let subject = text(&fact, "subject").to_owned();
        if text(&fact, "type") == "fact.annulled" {
            let event = &fact["data"]["event"];
            assert_eq!(event["source"], fact["source"]);
            let key = (text(event, "source").to_owned(), text(event, "id").to_owned());
            assert_eq!(seen.get(&key), Some(&subject), "{fact}");
        }
        seen.insert((text(&fact, "source").to_owned(), text(&fact, "id").to_owned()), subject);
    }
}

#[test]
fn personal_data_are_invented_and_stay_in_their_object() {
    for fact in small_facts() {
        let personal = &fact["data"]["personal"];
        if personal.is_object() {
            assert!(matches!(text(&fact, "type"), "nominal.registered" | "user.registered"));
            let allowed = ["crn", "noms", "pnc", "name", "email", "phone"];
            assert!(personal.as_object().unwrap().keys().all(|key| allowed.contains(&key.as_str())));
            assert!(personal["email"].as_str().is_none_or(|email| email.ends_with("@example.org")));
        }
    }
}

#[test]
fn many_acts_of_the_last_weeks_are_recorded_only_after_they_were_due() {
    for seed in 1..=3 {
        let world = world::World::new(&Options { seed, ..Options::scale(Scale::Small) });
        let rescinding = tell(&world).rescinding;
        assert!(rescinding >= 240, "seed {seed}: {rescinding}");
    }
}

#[test]
fn a_history_in_the_countrys_proportions_has_about_55_facts_for_a_nominal() {
    let options = Options { nominals: 20_000, ..Options::scale(Scale::National) };
    let (_, counts) = history(&options);
    let each = counts.facts / 20_000;
    assert!((50..=62).contains(&each), "{each}");
}

#[test]
fn the_smallest_histories_can_be_told() {
    for (areas, nominals, months) in [(1, 0, 1), (1, 1, 1), (3, 30, 1), (0, 5, 0), (60, 100, 2)] {
        let (bytes, counts) = history(&Options { areas, nominals, months, ..tiny() });
        assert_eq!(counts.facts, lines_of(&bytes));
        assert!(counts.facts > 0);
    }
}

#[test]
fn the_reference_rows_name_everyone_the_history_names() {
    let rows = reference_csv(&Options::scale(Scale::Small));
    let mut lines = rows.lines();
    assert_eq!(lines.next(), Some("kind,id,name,parent,post,user,email"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 7));
    let of_kind = |kind: &str| rows.iter().filter(|row| row[0] == kind).count();
    assert_eq!(
        (of_kind("area"), of_kind("unit"), of_kind("prison"), of_kind("prison-group")),
        (4, 10, 12, 2)
    );
    let ids: BTreeSet<&str> = rows.iter().map(|row| row[1]).collect();
    for fact in small_facts() {
        let subject = text(&fact, "subject");
        let named = ["nominal/", "terminal/", "calendar/"].iter().any(|kind| subject.starts_with(kind));
        assert!(named || ids.contains(subject), "{subject}");
    }
    for row in &rows {
        assert!(row[3].is_empty() || ids.contains(row[3]), "{row:?}");
    }
}

#[test]
fn pnc_numbers_carry_their_check_letter() {
    assert_eq!(pnc(1981, 34), "1981/0000034U");
    assert_eq!(pnc(2002, 73319), "2002/0073319Z");
    assert_eq!(pnc(1979, 163_001), "1979/0163001B");
}

#[test]
fn a_london_day_begins_at_its_own_midnight() {
    let calendar = Calendar::around(day(2026, 1, 1), 2, 2);
    let written = |moment| {
        let mut out = Vec::new();
        calendar.write_moment(moment, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(written(calendar.start_of(day(2026, 3, 29))), "2026-03-29T00:00:00Z");
    assert_eq!(written(calendar.start_of(day(2026, 3, 30))), "2026-03-29T23:00:00Z");
    assert_eq!(written(calendar.start_of(day(2026, 10, 25))), "2026-10-24T23:00:00Z");
    assert_eq!(written(calendar.start_of(day(2026, 10, 26))), "2026-10-26T00:00:00Z");
    assert_eq!(written(calendar.at(day(2026, 7, 1), 9 * 3600)), "2026-07-01T08:00:00Z");
    for offset in 0..730 {
        let day = day(2025, 6, 1).plus(offset);
        assert_eq!(calendar.day_of(calendar.start_of(day)), day);
        assert_eq!(calendar.day_of(calendar.start_of(day).plus(-1)), day.plus(-1));
    }
}

#[test]
fn working_days_pass_over_weekends_and_bank_holidays() {
    let calendar = Calendar::around(day(2026, 1, 1), 2, 2);
    // Thursday 2 April 2026 is followed by Good Friday, a weekend and Easter Monday.
    assert_eq!(calendar.due_on(day(2026, 4, 2), Within::WorkingDays(1)), day(2026, 4, 7));
    assert_eq!(calendar.due_on(day(2026, 4, 2), Within::WorkingDays(3)), day(2026, 4, 9));
    assert_eq!(calendar.due_on(day(2026, 4, 2), Within::Days(3)), day(2026, 4, 5));
    assert!(!calendar.is_working(day(2026, 12, 28)));
    assert_eq!(day(2026, 8, 31).months_before(6), day(2026, 2, 28));
}
