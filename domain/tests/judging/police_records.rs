//! 4.26: partnership of records that the police own.

use serde_json::json;

use super::given::{Given, given};

/// A police record of a case of category 1 at level 1, under supervision from Monday 2 March 2026.
fn police() -> Given {
    given().police_record("rec", "2026-03-01").registered("reg", "2026-03-02", 1, 1)
}

fn added(facts: Given, id: &str, time: &str, area: &str, users: &[&str]) -> Given {
    partners(facts, id, time, "added", area, users)
}

fn partners(facts: Given, id: &str, time: &str, what: &str, area: &str, users: &[&str]) -> Given {
    let mut data = json!({"org": area});
    if !users.is_empty() {
        data["users"] = users.iter().map(|user| format!("user/{user}")).collect();
    }
    facts.fact(id, time, &format!("partners.{what}"), data)
}

fn requested(facts: Given, id: &str, time: &str, org: &str) -> Given {
    facts.fact(id, time, "partnership.requested", json!({"request": id, "org": org}))
}

#[track_caller]
fn shows(facts: &Given, wanted: &[&str]) {
    facts.as_at("2026-03-20").only("4.26").shows(wanted);
}

#[test]
fn which_cases_open_it() {
    let open = |category: u8, level: u8, supervised: bool, owner: &str| {
        given()
            .fact("rec", "2026-03-01", "record.created", json!({"owner": owner}))
            .fact(
                "reg",
                "2026-03-02",
                "mappa.registered",
                json!({"registration": "R1", "category": category, "level": level, "area": "area/A1",
                       "statutory_supervision": supervised}),
            )
            .as_at("2026-03-03")
            .only("4.26")
            .lines()
    };
    let pending = ["4.26 reg: pending, due 2026-03-09"];
    assert_eq!(open(1, 1, true, "police/WY"), pending);
    assert_eq!(open(4, 1, true, "police/WY"), pending);
    // Managed under MAPPA without supervision: level 2 or 3.
    assert_eq!(open(1, 2, false, "police/WY"), pending);
    assert!(open(1, 1, false, "police/WY").is_empty());
    assert!(open(2, 2, true, "police/WY").is_empty());
    assert!(open(3, 2, true, "police/WY").is_empty());
    assert!(open(1, 1, true, "area/A1").is_empty());
    // No record, no partnership to ask for; found by a search it is the police's.
    given().registered("reg", "2026-03-02", 1, 1).as_at("2026-03-20").only("4.26").shows(&[]);
    let found = given().registered("reg", "2026-03-02", 1, 1).found("f", "2026-03-03", "LEI");
    shows(&found, &["4.26 f: overdue, due 2026-03-10"]);
}

#[test]
fn a_request_of_an_area_since_the_opening_meets_it_and_an_earlier_or_a_prisons_does_not() {
    shows(
        &requested(police(), "q", "2026-03-09 23:59:59", "area/A1"),
        &["4.26 reg: met by q, due 2026-03-09"],
    );
    shows(
        &requested(police(), "q", "2026-03-10 00:00:00", "area/A1"),
        &["4.26 reg: met_late by q, due 2026-03-09"],
    );
    shows(&requested(police(), "q", "2026-03-04", "area/A2"), &["4.26 reg: met by q, due 2026-03-09"]);
    shows(&requested(police(), "q", "2026-03-04", "prison/LEI"), &["4.26 reg: overdue, due 2026-03-09"]);
    let before = requested(given().police_record("rec", "2026-03-01"), "q", "2026-03-01 10:00", "area/A1");
    shows(&before.registered("reg", "2026-03-02", 1, 1), &["4.26 reg: overdue, due 2026-03-09"]);
    // Refused afterwards: it was asked for all the same.
    let refused = requested(police(), "q", "2026-03-04", "area/A1").refused("n", "2026-03-05", "q", &[]);
    shows(&refused, &["4.26 reg: met by q, due 2026-03-09"]);
}

#[test]
fn a_partnership_in_place_at_the_opening_meets_it_at_once() {
    let record = || given().police_record("rec", "2026-02-01");
    let open = |facts: Given| facts.registered("reg", "2026-03-02", 1, 1);
    let in_place = added(record(), "p", "2026-02-02", "area/A1", &["a", "b"]);
    shows(&open(in_place.clone()), &["4.26 reg: met by p, due 2026-03-09"]);
    let removed = |users: &[&str]| partners(in_place.clone(), "x", "2026-02-10", "removed", "area/A1", users);
    shows(&open(removed(&["a"])), &["4.26 reg: met by p, due 2026-03-09"]);
    shows(&open(removed(&["a", "b"])), &["4.26 reg: overdue, due 2026-03-09"]);
    shows(&open(removed(&[])), &["4.26 reg: overdue, due 2026-03-09"]);
    let in_parts = partners(removed(&["a"]), "y", "2026-02-11", "removed", "area/A1", &["b"]);
    shows(&open(in_parts), &["4.26 reg: overdue, due 2026-03-09"]);
    let of_another = partners(in_place.clone(), "x", "2026-02-10", "removed", "area/A2", &[]);
    shows(&open(of_another), &["4.26 reg: met by p, due 2026-03-09"]);
    // A second area is a partner still.
    let second = added(in_place, "z", "2026-02-05", "area/A2", &["c"]);
    let first_gone = partners(second, "x", "2026-02-10", "removed", "area/A1", &[]);
    shows(&open(first_gone), &["4.26 reg: met by p, due 2026-03-09"]);
    // A prison that is a partner is no area.
    shows(&open(record().added("p", "2026-02-02", "", "LEI", &[])), &["4.26 reg: overdue, due 2026-03-09"]);
}

#[test]
fn partners_that_nobody_named_stay_until_they_are_removed() {
    let in_place = added(given().police_record("rec", "2026-02-01"), "p", "2026-02-02", "area/A1", &[]);
    let removed = partners(in_place.clone(), "x", "2026-02-10", "removed", "area/A1", &["a"]);
    shows(&in_place.registered("reg", "2026-03-02", 1, 1), &["4.26 reg: met by p, due 2026-03-09"]);
    shows(&removed.registered("reg", "2026-03-02", 1, 1), &["4.26 reg: overdue, due 2026-03-09"]);
}

#[test]
fn it_ends_with_the_supervision_the_record_or_the_polices_ownership() {
    let end = |facts: Given| facts.as_at("2026-03-20").only("4.26").lines();
    let withdrawn = ["4.26 reg: withdrawn by x, due 2026-03-09"];
    assert_eq!(end(police().archived("x", "2026-03-04")), withdrawn);
    assert_eq!(end(police().deregistered("x", "2026-03-04")), withdrawn);
    assert_eq!(end(police().category("x", "2026-03-04", 2)), withdrawn);
    assert_eq!(end(police().died("x", "2026-03-04")), withdrawn);
    let taken_over = |time: &str| police().fact("x", time, "record.transferred", json!({"to": "area/A1"}));
    assert_eq!(end(taken_over("2026-03-04")), withdrawn);
    assert_eq!(end(taken_over("2026-03-10")), ["4.26 reg: lapsed by x, due 2026-03-09"]);
    // Back with the police: a new duty.
    let again =
        taken_over("2026-03-04").fact("y", "2026-03-05", "record.transferred", json!({"to": "police/WY"}));
    assert_eq!(end(again), ["4.26 reg: withdrawn by x, due 2026-03-09", "4.26 y: overdue, due 2026-03-12"]);
}

#[test]
fn a_request_recorded_late_rescinds() {
    let facts = requested(police(), "q", "2026-03-05", "area/A1").recorded("2026-03-16");
    facts.as_at_known("2026-03-20", "2026-03-15").only("4.26").shows(&["4.26 reg: overdue, due 2026-03-09"]);
    shows(&facts, &["4.26 reg: met by q, due 2026-03-09"]);
}
