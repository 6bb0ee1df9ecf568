//! 4.16.rug, 4.16.dataset and 4.16.logon: chains in which what ends one duty opens the next. And 4.7.

use serde_json::json;

use super::given::{Given, given};

fn enrolled(org: &str) -> Given {
    given().about(org).fact("e", "2026-01-05", "organisation.enrolled", json!({}))
}

fn attended(facts: Given, id: &str, time: &str) -> Given {
    facts.fact(id, time, "rug.attended", json!({"by": "x"}))
}

fn audited(facts: Given, id: &str, time: &str, kind: &str) -> Given {
    facts.fact(id, time, "audit.completed", json!({"kind": kind}))
}

#[test]
fn attending_ends_what_is_open_and_opens_the_next() {
    // 5 January and three months is 5 April, and fourteen days more 19 April; from 10 April it is 24 July.
    let first = || attended(enrolled("area/A1"), "a", "2026-04-10");
    first()
        .as_at("2026-05-01")
        .only("4.16.rug")
        .shows(&["4.16.rug a: pending, due 2026-07-24", "4.16.rug e: met by a, due 2026-04-19"]);
    // Twice on one day: each ends the one before it, strictly later in the fold.
    attended(first(), "b", "2026-04-10").as_at("2026-05-01").only("4.16.rug").shows(&[
        "4.16.rug a: met by b, due 2026-07-24",
        "4.16.rug b: pending, due 2026-07-24",
        "4.16.rug e: met by a, due 2026-04-19",
    ]);
    attended(first(), "b", "2026-07-25").as_at("2026-08-01").only("4.16.rug").shows(&[
        "4.16.rug a: met_late by b, due 2026-07-24",
        "4.16.rug b: pending, due 2026-11-08",
        "4.16.rug e: met by a, due 2026-04-19",
    ]);
}

#[test]
fn an_attendance_recorded_late_takes_its_place_in_the_chain() {
    let told = || attended(enrolled("area/A1"), "b", "2026-06-01");
    told()
        .as_at("2026-07-01")
        .only("4.16.rug")
        .shows(&["4.16.rug b: pending, due 2026-09-15", "4.16.rug e: met_late by b, due 2026-04-19"]);
    attended(told(), "a", "2026-04-10").recorded("2026-06-20").as_at("2026-07-01").only("4.16.rug").shows(&[
        "4.16.rug a: met by b, due 2026-07-24",
        "4.16.rug b: pending, due 2026-09-15",
        "4.16.rug e: met by a, due 2026-04-19",
    ]);
}

#[test]
fn months_are_clamped_to_the_end_of_the_month() {
    // 30 November and three months is 28 February; fourteen days more, 14 March.
    let judged = attended(given().about("prison-group/G1"), "a", "2025-11-30").as_at("2026-02-01");
    judged.only("4.16.rug").shows(&["4.16.rug a: pending, due 2026-03-14"]);
    // 31 January and one month is 28 February.
    let judged = audited(given().about("area/A1"), "a", "2026-01-31", "log-on").as_at("2026-02-01");
    judged.only("4.16.logon").shows(&["4.16.logon a: pending, due 2026-02-28"]);
}

#[test]
fn an_audit_ends_the_duty_of_its_own_kind_alone() {
    let audits = audited(
        audited(enrolled("prison-group/G1"), "l", "2026-02-05", "log-on"),
        "s",
        "2026-02-06",
        "sample",
    );
    audits.as_at("2026-02-10").only("4.16.dataset 4.16.logon").shows(&[
        "4.16.dataset e: pending, due 2026-04-05",
        "4.16.logon e: met by l, due 2026-02-05",
        "4.16.logon l: pending, due 2026-03-05",
    ]);
}

#[test]
fn units_and_prisons_take_part_without_meetings_and_audits() {
    for org in ["unit/U1", "prison/LEI"] {
        let judged = enrolled(org).as_at("2026-12-01").only("4.16.rug 4.16.dataset 4.16.logon");
        judged.shows(&[]);
    }
    // An audit of a prison by itself is no duty of its group.
    let own = audited(given().about("prison/LEI"), "a", "2026-02-05", "minimum-dataset");
    own.as_at("2026-12-01").only("4.16.dataset").shows(&[]);
}

#[test]
fn the_e_learning_is_asked_of_probation_staff_after_the_visor_course() {
    let trained = |service: &str, course: &str| {
        given()
            .about("user/U")
            .fact(
                "u",
                "2026-01-05",
                "user.registered",
                json!({"org": "area/A1", "role": "spo", "service": service}),
            )
            .fact("t", "2026-03-03", "training.completed", json!({"course": course, "provider": "P"}))
    };
    let pending = ["4.7 t: pending, due 2026-03-31"];
    trained("probation", "visor").as_at("2026-03-10").only("4.7").shows(&pending);
    for (service, course) in [("prison", "visor"), ("police", "visor"), ("probation", "cpc")] {
        trained(service, course).as_at("2026-03-10").only("4.7").shows(&[]);
    }
    // Done before the course was completed; and a second course asks for it again.
    let early = given()
        .about("user/U")
        .fact(
            "u",
            "2026-01-05",
            "user.registered",
            json!({"org": "area/A1", "role": "spo", "service": "probation"}),
        )
        .fact("q", "2026-03-02", "qa_elearning.completed", json!({}))
        .fact("t", "2026-03-03", "training.completed", json!({"course": "visor", "provider": "P"}))
        .fact("v", "2026-03-04", "training.completed", json!({"course": "visor", "provider": "P"}));
    early
        .as_at("2026-03-10")
        .only("4.7")
        .shows(&["4.7 t: met by q, due 2026-03-31", "4.7 v: pending, due 2026-04-01"]);
}
