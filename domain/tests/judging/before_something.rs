//! 3.3 `prior`: 4.28 and 5.23.

use serde_json::json;

use super::given::{Given, given, given_live_record, moment};

fn archived(facts: Given) -> Given {
    facts.archived("x", "2026-03-10")
}

fn of_4_28(facts: &Given, wanted: &str) {
    facts.as_at("2026-03-20").only("4.28").shows(&[wanted]);
}

#[test]
fn without_a_termination_copy_archiving_is_overdue_at_once_and_a_later_copy_is_late() {
    let judged = archived(given_live_record()).as_at("2026-03-10").only("4.28");
    judged.shows(&["4.28 x: overdue, due 2026-03-10"]);
    let duty = judged.duty("4.28", "x");
    assert_eq!(duty.due_at, Some(moment("2026-03-10")));
    assert_eq!(duty.counted_from.to_string(), "2026-03-10");
    assert!(duty.breach && !duty.born_overdue);
    of_4_28(
        &archived(given_live_record()).copied("c", "2026-03-10 09:00:01", true),
        "4.28 x: met_late by c, due 2026-03-10",
    );
}

#[test]
fn due_on_is_the_effective_date_and_due_at_the_time() {
    let judged = given_live_record()
        .archived("x", "2026-03-10")
        .effective("2026-03-04")
        .as_at("2026-03-20")
        .only("4.28");
    judged.shows(&["4.28 x: overdue, due 2026-03-04"]);
    assert_eq!(judged.duty("4.28", "x").due_at, Some(moment("2026-03-10")));
}

#[test]
fn a_copy_up_to_the_instant_of_archiving_meets_it_in_either_order() {
    let judged = archived(given_live_record().copied("c", "2026-03-05", true)).as_at("2026-03-20");
    judged.clone().only("4.28").shows(&["4.28 x: met by c, due 2026-03-10"]);
    assert_eq!(judged.duty("4.28", "x").closed_at, Some(moment("2026-03-10")));
    of_4_28(
        &archived(given_live_record().copied("c", "2026-03-10", true)),
        "4.28 x: met by c, due 2026-03-10",
    );
    of_4_28(
        &archived(given_live_record()).copied("c", "2026-03-10", true),
        "4.28 x: met by c, due 2026-03-10",
    );
}

#[test]
fn the_copy_must_be_of_a_termination_with_both_sections() {
    of_4_28(
        &archived(given_live_record().copied("c", "2026-03-05", false)),
        "4.28 x: overdue, due 2026-03-10",
    );
    for sections in [json!(["R10"]), json!(["R11"]), json!([])] {
        let data = json!({"assessment": "A", "sections": sections, "termination": true});
        let facts = archived(given_live_record().fact("c", "2026-03-05", "oasys.copied", data));
        of_4_28(&facts, "4.28 x: overdue, due 2026-03-10");
    }
    let data = json!({"assessment": "A", "sections": ["R10", "R11"]});
    let facts = archived(given_live_record().fact("c", "2026-03-05", "oasys.copied", data));
    of_4_28(&facts, "4.28 x: overdue, due 2026-03-10");
}

#[test]
fn the_copy_must_not_be_older_than_the_registration() {
    let copied = |at: &str| {
        archived(given().copied("c", at, true).registered("a", "2026-03-02", 2, 1).record("r", "2026-03-02"))
    };
    of_4_28(&copied("2026-03-02 08:59:59"), "4.28 x: overdue, due 2026-03-10");
    of_4_28(&copied("2026-03-02 09:00:00"), "4.28 x: met by c, due 2026-03-10");
}

#[test]
fn since_is_the_fact_that_last_turned_the_category_from_0() {
    // A first registration with a termination copy, ended; a second without one.
    let twice = |second: &str| {
        archived(
            given()
                .registered("a", "2026-02-02", 2, 1)
                .record("r", "2026-02-02")
                .copied("c", "2026-02-10", true)
                .deregistered("b", "2026-02-16")
                .registered_as("R2", "d", second, 2, 1),
        )
    };
    of_4_28(&twice("2026-02-18"), "4.28 x: overdue, due 2026-03-10");
    // Ended and entered again the next day is a change: the first registration is the present one.
    of_4_28(&twice("2026-02-17"), "4.28 x: met by c, due 2026-03-10");
    // A registration whose category was still to be set: the fact that sets it counts.
    let set_later = archived(
        given()
            .registered("a", "2026-02-02", 0, 0)
            .record("r", "2026-02-02")
            .copied("c", "2026-02-10", true)
            .category("d", "2026-02-16", 2),
    );
    of_4_28(&set_later, "4.28 x: overdue, due 2026-03-10");
    // A new registration while the old one stands does not turn the category from 0.
    let again = archived(
        given()
            .registered("a", "2026-02-02", 2, 1)
            .record("r", "2026-02-02")
            .copied("c", "2026-02-10", true)
            .registered_as("R2", "d", "2026-02-16", 1, 1),
    );
    of_4_28(&again, "4.28 x: met by c, due 2026-03-10");
}

#[test]
fn after_the_end_of_the_registration_its_copy_still_counts() {
    let facts = archived(given_live_record().copied("c", "2026-03-05", true).deregistered("d", "2026-03-06"));
    of_4_28(&facts, "4.28 x: met by c, due 2026-03-10");
}

#[test]
fn a_transfer_to_the_police_asks_for_it_and_one_to_another_area_does_not() {
    let transferred = |to: &str| {
        given_live_record()
            .fact("x", "2026-03-10", "record.transferred", json!({"to": to}))
            .as_at("2026-03-20")
            .only("4.28")
    };
    transferred("police/WY").shows(&["4.28 x: overdue, due 2026-03-10"]);
    transferred("area/A2").shows(&[]);
}

#[test]
fn a_record_of_the_police_or_one_archived_already_asks_for_nothing() {
    archived(given().police_record("p", "2026-03-02")).as_at("2026-03-20").only("4.28").shows(&[]);
    archived(given_live_record())
        .archived("y", "2026-03-11")
        .as_at("2026-03-20")
        .only("4.28")
        .shows(&["4.28 x: overdue, due 2026-03-10"]);
    given_live_record()
        .fact("t", "2026-03-09", "record.transferred", json!({"to": "police/WY"}))
        .archived("x", "2026-03-10")
        .as_at("2026-03-20")
        .only("4.28")
        .shows(&["4.28 t: overdue, due 2026-03-09"]);
}

#[test]
fn one_later_copy_ends_all_that_are_overdue() {
    archived(given_live_record())
        .unarchived("u", "2026-03-11")
        .archived("y", "2026-03-12")
        .copied("c", "2026-03-13", true)
        .as_at("2026-03-20")
        .only("4.28")
        .shows(&["4.28 x: met_late by c, due 2026-03-10", "4.28 y: met_late by c, due 2026-03-12"]);
}

#[test]
fn a_copy_that_occurred_before_and_was_recorded_late_meets_it() {
    let facts = archived(given_live_record().copied("c", "2026-03-05", true).recorded("2026-03-15"));
    facts.as_at("2026-03-14").only("4.28").shows(&["4.28 x: overdue, due 2026-03-10"]);
    facts.as_at("2026-03-15").only("4.28").shows(&["4.28 x: met by c, due 2026-03-10"]);
}

#[test]
fn death_lapses_an_overdue_prior_duty_and_the_end_of_the_record_does_not() {
    of_4_28(&archived(given_live_record()).died("d", "2026-03-12"), "4.28 x: lapsed by d, due 2026-03-10");
    let deleted = archived(given_live_record()).fact("d", "2026-03-12", "record.deleted", json!({}));
    of_4_28(&deleted, "4.28 x: overdue, due 2026-03-10");
}

// ---- 5.23 ----

fn held() -> Given {
    given_live_record().received("i", "2026-03-03", "LEI", "admission")
}

fn accessed(facts: Given, id: &str, time: &str, org: &str) -> Given {
    facts.fact(id, time, "record.accessed", json!({"user": "user/U", "org": org, "partnered": true}))
}

fn approved(facts: Given) -> Given {
    facts.fact("x", "2026-03-20", "rotl.approved", json!({"prison": "prison/LEI"}))
}

fn of_5_23(facts: &Given, wanted: &[&str]) {
    facts.as_at("2026-03-25").only("5.23").shows(wanted);
}

#[test]
fn the_record_must_have_been_read_by_that_prison_since_the_reception() {
    for (time, org, wanted) in [
        ("2026-03-10", "prison/LEI", "5.23 x: met by c, due 2026-03-20"),
        ("2026-03-03 09:00:00", "prison/LEI", "5.23 x: met by c, due 2026-03-20"),
        ("2026-03-03 08:59:59", "prison/LEI", "5.23 x: overdue, due 2026-03-20"),
        ("2026-03-20 09:00:00", "prison/LEI", "5.23 x: met by c, due 2026-03-20"),
        ("2026-03-20 09:00:01", "prison/LEI", "5.23 x: met_late by c, due 2026-03-20"),
        ("2026-03-10", "prison/MDI", "5.23 x: overdue, due 2026-03-20"),
        ("2026-03-10", "area/A1", "5.23 x: overdue, due 2026-03-20"),
    ] {
        of_5_23(&approved(accessed(held(), "c", time, org)), &[wanted]);
        of_5_23(&accessed(approved(held()), "c", time, org), &[wanted]);
    }
}

#[test]
fn a_return_or_a_repeated_reception_does_not_begin_anew_and_a_transfer_back_does() {
    let read = || accessed(held(), "c", "2026-03-04", "prison/LEI");
    let met = "5.23 x: met by c, due 2026-03-20";
    let overdue = "5.23 x: overdue, due 2026-03-20";
    let out_and = |reason: &str| {
        approved(read().left("o", "2026-03-05", "LEI", "unlawfully_at_large").received(
            "j",
            "2026-03-06",
            "LEI",
            reason,
        ))
    };
    of_5_23(&out_and("return"), &[met]);
    of_5_23(&out_and("admission"), &[overdue]);
    of_5_23(&out_and("transfer"), &[overdue]);
    of_5_23(&approved(read().received("j", "2026-03-05", "LEI", "transfer")), &[met]);
    // Received at MDI and back without a leaving told: the return counts as a transfer.
    let moved =
        read().received("j", "2026-03-05", "MDI", "admission").received("k", "2026-03-06", "LEI", "return");
    of_5_23(&approved(moved), &[overdue]);
    // A reception at another prison does not begin the stay at this one anew.
    let left = read().left("o", "2026-03-05", "LEI", "unlawfully_at_large").received(
        "j",
        "2026-03-06",
        "MDI",
        "admission",
    );
    of_5_23(&approved(left), &[met]);
}

#[test]
fn without_any_reception_every_reading_by_that_prison_counts() {
    of_5_23(
        &approved(accessed(given_live_record(), "c", "2026-03-02 09:00", "prison/LEI")),
        &["5.23 x: met by c, due 2026-03-20"],
    );
}

#[test]
fn it_asks_for_a_live_record_and_lapses_with_it() {
    of_5_23(&approved(given().received("i", "2026-03-03", "LEI", "admission")), &[]);
    of_5_23(&approved(held()).archived("y", "2026-03-22"), &["5.23 x: lapsed by y, due 2026-03-20"]);
}
