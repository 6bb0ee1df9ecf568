//! 4.16.sign: what a region publishes is to be signed by each of its users.

use serde_json::json;

use super::given::{Given, given, moment};

/// Region N54 with area A1 and its unit U1, prison group G1 and its prison LEI; region S1 with area A2.
fn placed() -> Given {
    let place = |facts: Given, id: &str, org: &str, parent: &str| {
        facts.about(org).fact(id, "2026-01-01", "organisation.placed", json!({"parent": parent}))
    };
    let facts = place(given(), "p1", "area/A1", "region/N54");
    let facts = place(facts, "p2", "unit/U1", "area/A1");
    let facts = place(facts, "p3", "prison-group/G1", "region/N54");
    let facts = place(facts, "p4", "prison/LEI", "prison-group/G1");
    place(facts, "p5", "area/A2", "region/S1")
}

/// A user with an enabled account; facts are named after the user.
fn user(facts: Given, user: &str, org: &str) -> Given {
    facts
        .about(&format!("user/{user}"))
        .fact(
            &format!("r{user}"),
            "2026-01-02",
            "user.registered",
            json!({"org": org, "role": "other", "service": "probation"}),
        )
        .fact(&format!("e{user}"), "2026-01-05", "account.enabled", json!({}))
}

fn published(facts: Given, id: &str, time: &str, region: &str, version: &str) -> Given {
    let data = json!({"document": "standards", "version": version});
    facts.about(&format!("region/{region}")).fact(id, time, "document.published", data)
}

fn signed(facts: Given, id: &str, time: &str, user: &str, document: &str, version: &str) -> Given {
    let data = json!({"document": document, "version": version});
    facts.about(&format!("user/{user}")).fact(id, time, "document.signed", data)
}

/// The users who must sign, in order.
fn owed(facts: &Given, at: &str) -> Vec<String> {
    facts.as_at(at).only("4.16.sign").0.into_iter().map(|duty| duty.subject).collect()
}

#[test]
fn each_user_of_the_region_owes_a_signature_however_deep_the_organisation_lies() {
    let mut facts = placed();
    for (name, org) in [
        ("a", "area/A1"),
        ("b", "unit/U1"),
        ("c", "prison/LEI"),
        ("d", "prison-group/G1"),
        ("e", "region/N54"),
        ("f", "area/A2"),
        ("g", "area/A9"),
    ] {
        facts = user(facts, name, org);
    }
    let facts = published(facts, "o", "2026-03-03", "N54", "2");
    assert_eq!(owed(&facts, "2026-03-04"), ["user/a", "user/b", "user/c", "user/d", "user/e"]);
    let judged = facts.as_at("2026-03-04").only("4.16.sign");
    let own = |user: &str| judged.0.iter().find(|duty| duty.subject == format!("user/{user}")).unwrap();
    assert_eq!(own("b").duty, "4.16.sign:user/b:/t#o");
    assert_eq!((own("b").holder.as_deref(), own("b").paragraph.as_str()), (Some("unit/U1"), "4.16"));
    assert_eq!((own("c").holder.as_deref(), own("c").paragraph.as_str()), (Some("prison/LEI"), "5.11"));
    assert_eq!((own("d").holder.as_deref(), own("d").paragraph.as_str()), (Some("prison-group/G1"), "5.11"));
    assert!(!own("a").breach && own("a").basis == "local");
}

#[test]
fn the_signature_is_due_on_the_twentieth_working_day_and_of_that_document_and_version() {
    let facts = || published(user(placed(), "a", "area/A1"), "o", "2026-03-03", "N54", "2");
    let show = |facts: Given, at: &str, line: &str| {
        facts.as_at(at).only("4.16.sign").shows(&[&format!("4.16.sign o: {line}, due 2026-03-31")]);
    };
    show(facts(), "2026-03-31 22:59:59", "pending");
    show(facts(), "2026-03-31 23:00:00", "overdue");
    let sign = |time: &str, document: &str, version: &str| signed(facts(), "s", time, "a", document, version);
    show(sign("2026-03-31 22:59:59", "standards", "2"), "2026-05-01", "met by s");
    show(sign("2026-03-31 23:00:00", "standards", "2"), "2026-05-01", "met_late by s");
    show(sign("2026-03-10", "standards", "1"), "2026-05-01", "overdue");
    show(sign("2026-03-10", "syops", "2"), "2026-05-01", "overdue");
    // Signed before it was published.
    show(sign("2026-03-02", "standards", "2"), "2026-05-01", "overdue");
    let late = sign("2026-03-10", "standards", "2").recorded("2026-04-20");
    let judged = |known: &str| late.as_at_known("2026-05-01", known).only("4.16.sign");
    judged("2026-04-19").shows(&["4.16.sign o: overdue, due 2026-03-31"]);
    judged("2026-04-20").shows(&["4.16.sign o: met by s, due 2026-03-31"]);
}

#[test]
fn accounts_and_organisations_count_as_they_stood_when_it_was_published() {
    let account = |facts: Given, time: &str, what: &str| {
        facts.about("user/a").fact("x", time, &format!("account.{what}"), json!({}))
    };
    let base = || user(placed(), "a", "area/A1");
    let publish = |facts: Given| published(facts, "o", "2026-03-03", "N54", "2");
    assert!(owed(&publish(account(base(), "2026-03-02", "disabled")), "2026-05-01").is_empty());
    // Disabled afterwards: it is still owed.
    assert_eq!(owed(&publish(account(base(), "2026-03-04", "disabled")), "2026-05-01"), ["user/a"]);
    let moved =
        |time: &str, org: &str| base().about("user/a").fact("m", time, "user.moved", json!({"org": org}));
    assert!(owed(&publish(moved("2026-03-02", "area/A2")), "2026-05-01").is_empty());
    let judged = publish(moved("2026-03-04", "area/A2")).as_at("2026-05-01").only("4.16.sign");
    let duty = judged.duty("4.16.sign", "o");
    assert_eq!((duty.holder.as_deref(), duty.inherited), (Some("area/A2"), true));
    // The area itself is placed elsewhere.
    let place = |time: &str| {
        base().about("area/A1").fact("q", time, "organisation.placed", json!({"parent": "region/S1"}))
    };
    assert!(owed(&publish(place("2026-03-02")), "2026-05-01").is_empty());
    assert_eq!(owed(&publish(place("2026-03-04")), "2026-05-01"), ["user/a"]);
    // At one instant the order of the lines decides.
    assert!(owed(&publish(place("2026-03-03")), "2026-05-01").is_empty());
    let after = publish(base()).about("area/A1").fact(
        "q",
        "2026-03-03",
        "organisation.placed",
        json!({"parent": "region/S1"}),
    );
    assert_eq!(owed(&after, "2026-05-01"), ["user/a"]);
}

#[test]
fn organisations_placed_in_a_circle_lie_under_nothing_else() {
    let place = |facts: Given, id: &str, org: &str, parent: &str| {
        facts.about(org).fact(id, "2026-01-01", "organisation.placed", json!({"parent": parent}))
    };
    let circle = place(place(given(), "p", "area/A1", "area/A2"), "q", "area/A2", "area/A1");
    assert!(
        owed(&published(user(circle, "a", "area/A1"), "o", "2026-03-03", "N54", "2"), "2026-05-01")
            .is_empty()
    );
}

#[test]
fn each_version_is_signed_for_itself() {
    let facts = published(user(placed(), "a", "area/A1"), "o", "2026-03-03", "N54", "2");
    let facts = published(facts, "p", "2026-03-10", "N54", "3");
    signed(facts, "s", "2026-03-12", "a", "standards", "3").as_at("2026-03-20").only("4.16.sign").shows(&[
        "4.16.sign o: pending, due 2026-03-31",
        // Twenty working days from 10 March, without Good Friday and Easter Monday: 9 April.
        "4.16.sign p: met by s, due 2026-04-09",
    ]);
}

#[test]
fn a_placement_recorded_late_opens_the_duty_and_adds_nothing_to_known_since() {
    let facts = user(given(), "a", "area/A1");
    let facts = published(facts, "o", "2026-03-03", "N54", "2");
    let facts = facts
        .about("area/A1")
        .fact("p", "2026-01-01", "organisation.placed", json!({"parent": "region/N54"}))
        .recorded("2026-04-15");
    assert!(facts.as_at_known("2026-05-01", "2026-04-14").only("4.16.sign").0.is_empty());
    let judged = facts.as_at("2026-05-01").only("4.16.sign");
    let duty = judged.duty("4.16.sign", "o");
    // Only the fact and what was asked of the user's own state count (spec 3.4).
    assert_eq!((duty.outcome.as_str(), duty.known_since), ("overdue", moment("2026-03-03")));
    assert!(!duty.born_overdue);
}

#[test]
fn an_annulled_publication_is_listed_for_each_user_whom_it_concerned() {
    let facts = user(user(placed(), "a", "area/A1"), "b", "area/A2");
    let facts = published(facts, "o", "2026-03-03", "N54", "2").annulled("n", "2026-03-05", "o");
    let judged = facts.as_at("2026-03-10").only("4.16.sign");
    judged.shows(&["4.16.sign o: annulled by n, due 2026-03-31"]);
    assert_eq!(judged.0[0].subject, "user/a");
}
