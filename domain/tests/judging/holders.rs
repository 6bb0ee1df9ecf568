//! 3.4: the organisation that answers, and whether the duty was inherited.

use serde_json::json;

use super::given::{Given, Judged, given, given_live_record};

fn holder(judged: &Judged, rule: &str, opener: &str) -> (String, bool) {
    let duty = judged.duty(rule, opener);
    (duty.holder.clone().unwrap_or_default(), duty.inherited)
}

fn open() -> Given {
    given().registered("a", "2026-03-02", 2, 2)
}

fn area(code: &str, inherited: bool) -> (String, bool) {
    (format!("area/{code}"), inherited)
}

#[test]
fn a_transfer_before_the_due_moment_hands_the_duty_on_and_one_at_it_does_not() {
    for (moved, wanted) in [
        ("2026-03-07 23:59:59", area("A2", true)),
        ("2026-03-08 00:00:00", area("A1", false)),
        ("2026-03-09 00:00:00", area("A1", false)),
    ] {
        let judged = open().transferred("t", moved, "A2").as_at("2026-03-20");
        assert_eq!(holder(&judged, "4.10", "a"), wanted, "moved at {moved}");
        assert_eq!(judged.duty("4.10", "a").due_on.unwrap().to_string(), "2026-03-07");
    }
}

#[test]
fn a_transfer_at_the_due_moment_counts_where_that_is_the_moment_asked_about_or_the_end() {
    let moved = open().transferred("t", "2026-03-08 00:00", "A2");
    assert_eq!(holder(&moved.as_at("2026-03-08 00:00"), "4.10", "a"), area("A2", true));
    assert_eq!(holder(&moved.as_at("2026-03-08 00:00:01"), "4.10", "a"), area("A1", false));
    let closed = moved.record("r", "2026-03-08 00:00");
    assert_eq!(holder(&closed.as_at("2026-03-20"), "4.10", "a"), area("A2", true));
}

#[test]
fn a_transfer_up_to_the_end_counts() {
    for (moved, wanted) in
        [("2026-03-05 09:00:00", area("A2", true)), ("2026-03-05 09:00:01", area("A1", false))]
    {
        let judged = open().record("r", "2026-03-05").transferred("t", moved, "A2").as_at("2026-03-20");
        assert_eq!(holder(&judged, "4.10", "a"), wanted);
    }
}

#[test]
fn a_transfer_up_to_the_moment_asked_about_counts() {
    let moved = open().transferred("t", "2026-03-04", "A2");
    assert_eq!(holder(&moved.as_at("2026-03-03 23:59"), "4.10", "a"), area("A1", false));
    assert_eq!(holder(&moved.as_at("2026-03-04"), "4.10", "a"), area("A2", true));
}

#[test]
fn there_and_back_is_not_inherited() {
    let judged =
        open().transferred("t", "2026-03-03", "A2").transferred("u", "2026-03-04", "A1").as_at("2026-03-05");
    assert_eq!(holder(&judged, "4.10", "a"), area("A1", false));
}

#[test]
fn a_duty_opened_after_its_due_moment_is_held_by_the_area_at_the_opening() {
    for (moved, wanted) in [
        ("2026-03-10 09:00:00", area("A2", true)), // at the opening, told after it
        ("2026-03-10 09:00:01", area("A1", false)),
    ] {
        let judged = given()
            .registered("a", "2026-03-10", 2, 2)
            .effective("2026-03-01")
            .transferred("t", moved, "A2")
            .as_at("2026-03-20");
        assert_eq!(holder(&judged, "4.10", "a"), wanted, "moved at {moved}");
    }
}

#[test]
fn a_prior_duty_is_held_by_the_area_at_the_opening_that_of_the_same_instant_included() {
    for (moved, wanted) in
        [("2026-03-10 09:00:00", area("A2", true)), ("2026-03-10 09:00:01", area("A1", false))]
    {
        let judged =
            given_live_record().archived("x", "2026-03-10").transferred("t", moved, "A2").as_at("2026-03-20");
        assert_eq!(holder(&judged, "4.28", "x"), wanted, "moved at {moved}");
    }
}

#[test]
fn an_area_that_was_never_told_is_null_and_one_told_later_is_not_inherited() {
    let facts = given().fact("m", "2026-03-02", "meeting.held", json!({"meeting": "M", "level": 3}));
    let judged = facts.as_at("2026-03-03");
    assert_eq!(judged.duty("4.20.3", "m").holder, None);
    let judged = facts.registered("a", "2026-03-04", 2, 1).as_at("2026-03-05");
    assert_eq!(holder(&judged, "4.20.3", "m"), area("A1", false));
}

#[test]
fn an_undatable_duty_is_held_by_the_area_at_the_end_or_at_the_moment_asked_about() {
    let facts = given().registered_supervised("a", "2031-03-03", 3, 2).transferred("t", "2032-03-03", "A2");
    assert_eq!(holder(&facts.as_at("2032-03-02"), "4.14", "a"), area("A1", false));
    assert_eq!(holder(&facts.as_at("2032-03-04"), "4.14", "a"), area("A2", true));
}

#[test]
fn a_prison_holds_what_names_it_or_what_opens_while_it_holds_the_person() {
    let held = || {
        given().registered("reg", "2026-03-02 08:00", 2, 1).received("i", "2026-03-02", "LEI", "admission")
    };
    let prison = |facts: Given, opener: &str| facts.as_at("2026-03-04").duty("5.13", opener).holder.clone();
    assert_eq!(prison(held().record("r", "2026-03-03"), "r").as_deref(), Some("prison/LEI"));
    assert_eq!(prison(held().alert("v", "2026-03-03"), "v").as_deref(), Some("prison/LEI"));
    assert_eq!(prison(held().found("f", "2026-03-03", "LEI"), "f").as_deref(), Some("prison/LEI"));
    // A search told by another prison is that prison's.
    assert_eq!(prison(held().found("f", "2026-03-03", "MDI"), "f").as_deref(), Some("prison/MDI"));
}

#[test]
fn a_prison_goes_on_answering_for_a_prisoner_who_has_left() {
    let judged = given_live_record()
        .received("i", "2026-03-03", "LEI", "admission")
        .left("o", "2026-03-05", "LEI", "transfer")
        .received("j", "2026-03-05 10:00", "MDI", "transfer")
        .as_at("2026-03-20");
    assert_eq!(holder(&judged, "5.13", "i"), ("prison/LEI".to_owned(), false));
    assert_eq!(holder(&judged, "5.18", "o"), ("prison/LEI".to_owned(), false));
    assert_eq!(holder(&judged, "5.13", "j"), ("prison/MDI".to_owned(), false));
}

#[test]
fn a_user_carries_the_duty_to_the_next_organisation_up_to_the_due_moment() {
    for (moved, wanted) in [("2026-03-10 23:59:59", "prison/LEI"), ("2026-03-11 00:00:00", "area/A1")] {
        let judged = given()
            .about("user/U")
            .fact(
                "u",
                "2026-01-01",
                "user.registered",
                json!({"org": "area/A1", "role": "lpc", "service": "probation"}),
            )
            .cleared("v", "2026-01-02", "2026-03-10")
            .fact("e", "2026-01-03", "account.enabled", json!({}))
            .fact("m", moved, "user.moved", json!({"org": "prison/LEI"}))
            .as_at("2026-03-12");
        let duty = judged.duty("4.16.vetting", "e");
        assert_eq!(duty.holder.as_deref(), Some(wanted));
        assert_eq!(duty.inherited, wanted == "prison/LEI");
        assert_eq!(duty.paragraph, if wanted == "prison/LEI" { "5.10" } else { "4.16" });
    }
}
