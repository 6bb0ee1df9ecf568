//! Commands over HTTP: who may, what is refused with its paragraph, once under a key, and opening a record.

use serde_json::{Value, json};

use crate::office::{Office, PEOPLE};
use crate::server::Answer;

fn create(nominal: &str) -> Value {
    json!({"subject": nominal, "owner": "area/A1"})
}

#[tokio::test]
async fn a_record_created_by_a_command_closes_its_duty_before_the_answer() {
    let office = Office::open().await;
    let answer = office.give("manager", "create-record", create("nominal/N1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["events"][0]["type"], "record.created");
    assert_eq!((&body["version"], &body["projected"]), (&json!(2), &json!(true)));
    assert_eq!(body["position"], json!(office.server.stored()));
    assert_eq!(answer.headers["etag"], "\"2\"");
    let duties = office.read("manager", "/v1/nominals/N1/duties").await.json();
    assert_eq!(duties["duties"][0]["outcome"], "met");
    assert_eq!(
        duties["duties"][0]["closed_by"],
        json!(format!("/mandate/commands#{}", body["events"][0]["id"].as_str().unwrap()))
    );
}

#[tokio::test]
async fn who_acts_must_be_a_person_and_what_is_sent_a_command() {
    let office = Office::open().await;
    let before = office.server.stored();
    for (who, status) in [("", 401), ("feed", 403)] {
        assert_eq!(office.give(who, "create-record", create("nominal/N1")).await.status, status, "{who}");
    }
    let (name, body) = ("/v1/commands/create-record", create("nominal/N1"));
    let text = [("content-type", "text/plain")];
    assert_eq!(office.send("manager", name, &body, &text).await.status, 415);
    assert_eq!(office.give("manager", "invent-record", body).await.status, 404);
    for (body, named) in [
        (json!([]), "a JSON object"),
        (json!({"owner": "area/A1"}), "subject"),
        (json!({"subject": "nominal/N1"}), "owner"),
        (json!({"subject": "nominal/N1", "owner": "area/A1", "colour": 1}), "colour"),
        (json!({"subject": "nominal/X777978", "owner": "area/A1"}), "opaque"),
    ] {
        let answer = office.give("manager", "create-record", body).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.text.contains(named), "{}", answer.text);
    }
    assert_eq!(office.server.stored(), before);
}

#[tokio::test]
async fn a_refusal_names_its_paragraph_by_right_and_by_invariant() {
    let office = Office::open().await;
    let denied = office.give("supervisor", "create-record", create("nominal/N1")).await;
    assert_eq!((denied.status, &denied.json()["paragraph"]), (403, &json!("4.10")), "{}", denied.text);
    office.give("manager", "create-record", create("nominal/N1")).await;
    let twice = office.give("manager", "create-record", create("nominal/N1")).await;
    assert_eq!((twice.status, &twice.json()["paragraph"]), (409, &json!("4.9")), "{}", twice.text);
    assert_eq!(twice.json()["errorCode"], "REFUSED");
    let archived = office.give("cpc", "archive-record", json!({"subject": "nominal/N1"})).await;
    assert_eq!((archived.status, &archived.json()["paragraph"]), (409, &json!("4.28")), "{}", archived.text);
}

/// A slice of the table of rights, cell by cell: a command, and who of the six may give it.
#[tokio::test]
async fn rights_are_held_over_http_as_in_the_table() {
    for (name, body, allowed) in [
        ("request-transfer", json!({"subject": "nominal/N2", "to": "area/A2"}), &["cpc", "central"][..]),
        (
            "partner-nominal",
            json!({"subject": "nominal/N2", "org": "area/A2"}),
            &["cpc", "central", "manager", "supervisor"],
        ),
        (
            "record-act",
            json!({"subject": "nominal/N2", "act": "minutes.added", "meeting": "m"}),
            &["manager"],
        ),
        (
            "open-record",
            json!({"subject": "nominal/N2", "reason": "linked"}),
            &["cpc", "central", "manager", "supervisor", "outsider", "auditor"],
        ),
        (
            "switch-programme-on",
            json!({"subject": "area/A1", "programme": "community", "decided_by": "b", "evidence": "e"}),
            &["cpc"],
        ),
        (
            "clear-vetting",
            json!({"subject": "user/supervisor", "level": 3, "expires_on": "2027-01-01"}),
            &["cpc", "central"],
        ),
        ("fill-post", json!({"subject": "area/A1", "post": "cpc", "user": "user/central"}), &[]),
    ] {
        let office = Office::open().await;
        office.tell("nominal/N2", "record.created", json!({"owner": "area/A1"})).await;
        let mut may = Vec::new();
        for (who, ..) in PEOPLE {
            let answer = office.give(who, name, body.clone()).await;
            match answer.status {
                // What one did may stand in the way of the next: that is no lack of a right.
                200 | 409 => may.push(who),
                403 => assert!(answer.json()["paragraph"].is_string(), "{}", answer.text),
                other => panic!("{name} by {who}: {other} {}", answer.text),
            }
        }
        assert_eq!(may, allowed, "{name}");
    }
}

#[tokio::test]
async fn when_vetting_lapses_by_the_clock_access_stops_at_once() {
    let office = Office::open().await;
    office.give("manager", "create-record", create("nominal/N1")).await;
    assert_eq!(office.read("manager", "/v1/nominals/N1").await.status, 200);
    office.server.clock.set(crate::server::at("2026-12-31T23:59:59Z"));
    assert_eq!(office.read("manager", "/v1/nominals/N1").await.status, 200);
    office.server.clock.set(crate::server::at("2027-01-01T00:00:00Z"));
    let read = office.read("manager", "/v1/nominals/N1").await;
    assert_eq!((read.status, &read.json()["paragraph"]), (403, &json!("6.1")), "{}", read.text);
    let given = office.give("manager", "create-record", create("nominal/N2")).await;
    assert_eq!((given.status, &given.json()["paragraph"]), (403, &json!("6.1")), "{}", given.text);
}

#[tokio::test]
async fn a_non_partner_reads_one_record_after_giving_a_reason_that_is_stored_first() {
    let office = Office::open().await;
    for nominal in ["nominal/N1", "nominal/N2"] {
        office.give("manager", "create-record", create(nominal)).await;
    }
    for address in ["/v1/nominals/N1", "/v1/nominals/N1/duties", "/v1/nominals/N1/history"] {
        assert_eq!(office.read("outsider", address).await.status, 403, "{address}");
    }
    let json_media = [("content-type", "application/json")];
    let access = "/v1/nominals/N1/access";
    assert_eq!(office.send("outsider", access, &json!({}), &json_media).await.status, 422);
    let opened = office.send("outsider", access, &json!({"reason": "canary reason"}), &json_media).await;
    assert_eq!(opened.status, 200, "{}", opened.text);
    let event = office.server.look(&format!("/v1/events/{}", office.server.stored())).await.json();
    assert_eq!(
        (&event["event"]["type"], &event["event"]["data"]["told"]),
        (&json!("access.opened"), &json!(["user/cpc"]))
    );
    assert!(!event.to_string().contains("canary"), "the reason is sealed: {event}");
    for address in ["/v1/nominals/N1", "/v1/nominals/N1/duties", "/v1/nominals/N1/history"] {
        assert_eq!(office.read("outsider", address).await.status, 200, "{address}");
    }
    assert_eq!(office.read("outsider", "/v1/nominals/N2").await.status, 403);
    office.server.clock.set(crate::server::at("2026-03-03T09:15:00Z"));
    assert_eq!(office.read("outsider", "/v1/nominals/N1").await.status, 403);
}

#[tokio::test]
async fn a_limited_record_is_answered_as_one_that_does_not_exist() {
    let office = Office::open().await;
    office.give("manager", "create-record", create("nominal/N1")).await;
    let limit = json!({"subject": "nominal/N1", "users": ["user/cpc", "user/manager"]});
    assert_eq!(office.give("cpc", "limit-access", limit).await.status, 200);
    let same = |limited: Answer, unknown: Answer| {
        assert_eq!((limited.status, unknown.status), (404, 404));
        assert_eq!(limited.text.replace("N1", "N9"), unknown.text);
    };
    for rest in ["", "/duties", "/history"] {
        let read = async |id: &str| office.read("central", &format!("/v1/nominals/{id}{rest}")).await;
        same(read("N1").await, read("N9").await);
    }
    for (name, more) in [("archive-record", json!({})), ("open-record", json!({"reason": "x"}))] {
        let give = async |id: &str| {
            let mut body = more.clone();
            body["subject"] = json!(id);
            office.give("central", name, body).await
        };
        same(give("nominal/N1").await, give("nominal/N9").await);
    }
    assert_eq!(office.read("manager", "/v1/nominals/N1").await.status, 200);
}

#[tokio::test]
async fn a_command_sent_twice_under_a_key_is_answered_the_same_and_takes_effect_once() {
    let office = Office::open().await;
    let key = [("idempotency-key", "k-1")];
    let before = office.server.stored();
    let (one, two) = tokio::join!(
        office.give_with("manager", "create-record", create("nominal/N1"), &key),
        office.give_with("manager", "create-record", create("nominal/N1"), &key),
    );
    assert_eq!(
        (one.status, &one.json()["events"]),
        (200, &two.json()["events"]),
        "{} {}",
        one.text,
        two.text
    );
    assert_eq!(office.server.stored(), before + 1);
    let other = office.give_with("manager", "create-record", create("nominal/N2"), &key).await;
    assert_eq!((other.status, &other.json()["errorCode"]), (422, &json!("IDEMPOTENCY_KEY_REUSED")));
    let empty =
        office.give_with("manager", "create-record", create("nominal/N2"), &[("idempotency-key", "")]).await;
    assert_eq!(empty.status, 400);
}

#[tokio::test]
async fn a_version_that_was_not_seen_is_412() {
    let office = Office::open().await;
    let stale =
        office.give_with("manager", "create-record", create("nominal/N1"), &[("if-match", "\"7\"")]).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    let wrong =
        office.give_with("manager", "create-record", create("nominal/N1"), &[("if-match", "x")]).await;
    assert_eq!(wrong.status, 400);
    let seen =
        office.give_with("manager", "create-record", create("nominal/N1"), &[("if-match", "\"1\"")]).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
}

#[tokio::test]
async fn a_breach_is_acknowledged_and_a_duty_waived_by_its_short_reference() {
    let office = Office::open().await;
    // 4.10: five days from 2 March; overdue from 8 March.
    office.server.advance("2026-03-09T09:00:00Z");
    let duties = office.server.look("/v1/duties?rule=4.10").await.json();
    let row =
        duties["content"].as_array().unwrap().iter().find(|row| row["subject"] == "nominal/N1").unwrap();
    let duty = json!(format!("duty/{}", row["reference"].as_str().unwrap()));
    let denied = office.give("outsider", "acknowledge-breach", json!({"subject": duty})).await;
    assert_eq!(denied.status, 403, "{}", denied.text);
    let acknowledged = office.give("cpc", "acknowledge-breach", json!({"subject": duty, "note": "x"})).await;
    assert_eq!(acknowledged.status, 200, "{}", acknowledged.text);
    let again = office.give("cpc", "acknowledge-breach", json!({"subject": duty})).await;
    assert_eq!((again.status, &again.json()["paragraph"]), (409, &json!("4.10")));
    let waived = office.give("cpc", "waive-duty", json!({"subject": duty, "reason": "moved abroad"})).await;
    assert_eq!(waived.status, 200, "{}", waived.text);
    let after =
        office.server.look(&format!("/v1/duties/{}", row["reference"].as_str().unwrap())).await.json();
    assert_eq!(after["outcome"], "exempt", "{after}");
    assert_eq!(
        office.give("cpc", "waive-duty", json!({"subject": "duty/D-00000000", "reason": "x"})).await.status,
        404
    );
}

#[tokio::test]
async fn the_list_of_commands_leads_to_their_schemas() {
    let office = Office::open().await;
    let list = office.server.get("/v1/commands").await.json();
    let commands = list["commands"].as_array().unwrap();
    assert!(commands.len() > 50);
    for command in commands {
        let schema = office.server.get(command["schema"].as_str().unwrap()).await;
        assert_eq!(schema.status, 200);
        assert_eq!(schema.json()["$id"], command["schema"]);
    }
    let waive = office.server.get("/v1/commands/waive-duty").await.json();
    assert_eq!(waive["required"], json!(["reason", "subject"]));
    assert_eq!(office.server.get("/v1/commands/invent").await.status, 404);
}

#[tokio::test]
async fn what_waits_for_a_second_person_is_said_with_what_was_to_be_stated_instead() {
    let office = Office::open().await;
    office.tell("nominal/N2", "record.created", json!({"owner": "area/A1"})).await;
    office.tell("nominal/N2", "minutes.produced", json!({"meeting": "m1"})).await;
    let last = office.server.look(&format!("/v1/events/{}", office.server.stored())).await.json();
    let event = json!({"source": "/t", "id": last["event"]["id"]});
    let body = json!({"subject": "nominal/N2", "event": event, "reason": "wrong meeting",
                      "instead": {"act": "minutes.produced", "meeting": "m2"}});
    let first = office.give("cpc", "state-in-error", body.clone()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let types = |answer: &Answer, list: &str| -> Vec<String> {
        let body = answer.json();
        let all = body[list].as_array().cloned().unwrap_or_default();
        all.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(&first, "events"), ["annulment.ordered"]);
    assert_eq!(types(&first, "waiting"), ["fact.annulled", "minutes.produced"]);
    assert!(
        first.json()["waiting"][1]["until"].as_str().unwrap().contains("another person"),
        "{}",
        first.text
    );
    let second = office.give("central", "state-in-error", body).await;
    assert_eq!(types(&second, "events"), ["fact.annulled", "minutes.produced"], "{}", second.text);
    assert_eq!(types(&second, "waiting"), [""; 0]);
}

#[tokio::test]
async fn an_order_is_confirmed_once_under_a_key_or_withdrawn() {
    let office = Office::open().await;
    let subject = || json!({"subject": "nominal/N1"});
    let order = json!({"subject": "nominal/N1", "ground": "RRD-1"});
    let badly_formed = json!({"subject": "nominal/N1", "ground": "2002/0073319Z"});
    let refused = office.give("cpc", "order-erasure", badly_formed).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(!refused.text.contains("0073319Z"), "{}", refused.text);
    let ordered = office.give("cpc", "order-erasure", order.clone()).await;
    assert_eq!(ordered.json()["waiting"][0]["type"], "subject.erased", "{}", ordered.text);
    let withdrawn = json!({"subject": "nominal/N1", "reason": "the wrong person"});
    assert_eq!(office.give("central", "withdraw-order", withdrawn).await.status, 200);
    assert_eq!(office.give("central", "confirm-order", subject()).await.status, 409);
    assert_eq!(office.give("cpc", "order-restriction", order).await.status, 200);
    let key = [("idempotency-key", "k")];
    let done = office.give_with("central", "confirm-order", subject(), &key).await;
    assert_eq!(done.json()["events"][0]["type"], "subject.restricted", "{}", done.text);
    let again = office.give_with("central", "confirm-order", subject(), &key).await;
    assert_eq!(again.json()["events"], done.json()["events"], "{}", again.text);
    let other = json!({"subject": "nominal/N2"});
    let other = office.give_with("central", "confirm-order", other, &key).await;
    assert_eq!((other.status, &other.json()["errorCode"]), (422, &json!("IDEMPOTENCY_KEY_REUSED")));
}

#[tokio::test]
async fn a_limit_on_a_duplicate_hides_the_survivor() {
    let office = Office::open().await;
    for nominal in ["nominal/N1", "nominal/N2"] {
        office.give("manager", "create-record", create(nominal)).await;
    }
    let limited = json!({"limited": true, "users": ["user/cpc"]});
    office.tell("nominal/N2", "record.access_limited", limited).await;
    office.tell("nominal/N2", "nominal.merged", json!({"into": "nominal/N1"})).await;
    for address in ["/v1/nominals/N1", "/v1/nominals/N2"] {
        assert_eq!(office.read("manager", address).await.status, 404, "{address}");
        assert_eq!(office.read("cpc", address).await.status, 200, "{address}");
    }
}
