//! HMPPS domain events over HTTP: each becomes its fact, is ignored, or waits in quarantine; none is lost.

use mandate_domain::catalogue::FactType;
use mandate_store::{MAX_READ, Position, StoredEvent};
use serde_json::{Value, json};

use crate::server::Server;

const AT: &str = "2026-02-02T09:00:00Z";

fn sample(name: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/hmpps-events");
    let text = std::fs::read_to_string(format!("{path}/{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A message about a person.
fn message(kind: &str, person: &Value, more: &Value) -> Value {
    let identifiers: Vec<Value> = person
        .as_object()
        .unwrap()
        .iter()
        .map(|(kind, value)| json!({"type": kind, "value": value}))
        .collect();
    json!({"eventType": kind, "version": 1, "occurredAt": AT, "additionalInformation": more,
           "personReference": {"identifiers": identifiers}})
}

fn registered(crn: &str) -> Value {
    let info = json!({"registerTypeCode": "MAPP", "registrationId": 2_500_687_775u64, "registrationLevelCode": "M2",
                      "registrationCategoryCode": "M3", "registrationDate": "Fri Jan 30 00:00:00 GMT 2026"});
    message("probation-case.registration.added", &json!({"CRN": crn}), &info)
}

fn received(noms: &str, at: &str) -> Value {
    let info = json!({"reason": "ADMISSION", "prisonId": "SWI", "nomsNumber": noms});
    let mut received = message("prison-offender-events.prisoner.received", &json!({"NOMS": noms}), &info);
    received["occurredAt"] = json!(at);
    received
}

fn with(mut message: Value, enrichment: Value) -> Value {
    message["enrichment"] = enrichment;
    message
}

async fn send(server: &Server, message: &Value) -> Value {
    let (status, text) = server.post("/v1/hmpps-events", "application/json", message.to_string()).await;
    assert_eq!(status, 202, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn events(server: &Server) -> Vec<StoredEvent> {
    server.store.reader().read_after(Position::new(0), MAX_READ).unwrap().events
}

fn of_kind(server: &Server, kind: FactType) -> Vec<StoredEvent> {
    events(server).into_iter().filter(|event| event.fact.kind == kind).collect()
}

/// The public data of the last event of a type.
fn data(server: &Server, kind: FactType) -> Value {
    let event = of_kind(server, kind).pop().unwrap_or_else(|| panic!("no {kind}"));
    serde_json::from_str::<Value>(&event.payload).unwrap()["data"].clone()
}

#[tokio::test]
async fn every_sample_becomes_what_the_table_says() {
    let server = Server::open_to_anyone();
    for (name, status, said) in [
        ("community-manager-allocated-spec", "quarantined", "needs manager"),
        ("mappa-information.created-mappa-key", "stored", "contact.flagged"),
        ("person-alert-created-spec", "ignored", "another alert"),
        ("pom-allocated-spec", "quarantined", "needs manager"),
        ("prisoner-received-spec", "stored", "custody.received"),
        ("prisoner-released-spec", "stored", "custody.left"),
        ("probation-merge-completed-spec", "stored", "nominal.merged"),
        ("registration-added-spec", "ignored", "another register type"),
        ("registration-deleted-spec", "ignored", "another register type"),
        ("registration-deregistered-spec", "ignored", "another register type"),
        ("registration-updated-spec", "ignored", "another register type"),
        ("sns-assessment-summary-produced", "stored", "oasys.completed"),
        ("sns-prisoner-received-recall", "stored", "custody.received"),
        ("temporary-absence-authorisation-approved-spec", "quarantined", "needs prison"),
    ] {
        let answer = send(&server, &sample(name)).await;
        assert_eq!(answer["status"], status, "{name}: {answer}");
        let told = answer["facts"][0]["type"].as_str().or(answer["reason"].as_str()).unwrap();
        assert_eq!(told, said, "{name}");
    }
    assert_eq!(data(&server, FactType::ContactFlagged), json!({"contact": "1234"}));
    assert_eq!(data(&server, FactType::OasysCompleted), json!({"assessment": "1"}));
    let recall = data(&server, FactType::CustodyReceived);
    let spell = "a7c8e4ab-5d55-45a5-b69d-2ad0539245de";
    assert_eq!(recall, json!({"prison": "prison/WSI", "reason": "admission", "spell": spell}));
    let receptions = of_kind(&server, FactType::CustodyReceived);
    assert_eq!(receptions[1].fact.time.to_string(), "2023-08-04T07:09:36.649098Z");
    // The spell of a departure is the id of the reception: the digest of a body that has none.
    let left = data(&server, FactType::CustodyLeft);
    assert_eq!(left, json!({"prison": "prison/SWI", "reason": "release", "spell": &*receptions[0].fact.id}));
    assert_eq!(receptions[0].fact.id.len(), 64);
}

#[tokio::test]
async fn a_registration_is_opened_changed_ended_and_annulled() {
    let server = Server::open_to_anyone();
    let answer = send(&server, &with(registered("X777978"), json!({"area": "area/A07"}))).await;
    assert_eq!(answer["status"], "stored", "{answer}");
    let registration = json!({"area": "area/A07", "category": 3, "level": 2, "on": "2026-01-30", "registration": "2500687775"});
    assert_eq!(data(&server, FactType::MappaRegistered), registration);
    let mut ended = sample("registration-deregistered-spec");
    ended["additionalInformation"]["registerTypeCode"] = json!("MAPP");
    assert_eq!(send(&server, &ended).await["reason"], "needs registration", "of somebody else");
    let info = json!({"registerTypeCode": "MAPP", "registrationId": "2500687775", "registerLevelCode": "M3",
                      "registrationCategoryCode": "", "deregistrationDate": "2026-02-01"});
    for (kind, became, wanted) in [
        ("updated", FactType::MappaChanged, json!({"level": 3, "registration": "2500687775"})),
        (
            "deregistered",
            FactType::MappaDeregistered,
            json!({"on": "2026-02-01", "registration": "2500687775"}),
        ),
    ] {
        let kind = format!("probation-case.registration.{kind}");
        let mut message = message(&kind, &json!({"CRN": "X777978"}), &info);
        if became == FactType::MappaDeregistered {
            // As HMPPS sends it: which registration is open, the state knows.
            message["additionalInformation"].as_object_mut().unwrap().remove("registrationId");
        }
        send(&server, &message).await;
        assert_eq!(data(&server, became), wanted);
    }
    let deleted = message("probation-case.registration.deleted", &json!({"CRN": "X777978"}), &info);
    send(&server, &deleted).await;
    let first = of_kind(&server, FactType::MappaRegistered).pop().unwrap().fact;
    let annulled = data(&server, FactType::FactAnnulled);
    assert_eq!(annulled["event"], json!({"source": "/hmpps/probation-case", "id": &*first.id}));
    assert_eq!(of_kind(&server, FactType::NominalRegistered).len(), 2, "the person and somebody else");
}

#[tokio::test]
async fn what_is_untidy_works_all_the_same() {
    let tidy = || with(registered("X777978"), json!({"area": "area/A07"}));
    let mut untidy = Vec::new();
    let mut change = |name: &str, how: &dyn Fn(&mut Value)| {
        let mut message = tidy();
        how(&mut message);
        untidy.push((name.to_owned(), message));
    };
    change("version as a string", &|m| m["version"] = json!("1"));
    for at in [
        "2026-02-02T09:00:00+00:00[Europe/London]",
        "2026-02-02T09:00:00.000000000Z",
        "2026-02-02T10:00:00+01:00",
    ] {
        change(at, &|m| m["occurredAt"] = json!(at));
    }
    change("unparsable publishedAt", &|m| m["publishedAt"] = json!("yesterday"));
    change("an ISO date", &|m| m["additionalInformation"]["registrationDate"] = json!("2026-01-30"));
    change("an id as a string", &|m| m["additionalInformation"]["registrationId"] = json!("2500687775"));
    change("detailUrl null", &|m| m["detailUrl"] = Value::Null);
    change("the level under its other name", &|m| {
        let info = m["additionalInformation"].as_object_mut().unwrap();
        let level = info.remove("registrationLevelCode").unwrap();
        info.insert("registrationLevelCode".to_owned(), json!(""));
        info.insert("registerLevelCode".to_owned(), level);
    });
    change("an envelope whose header says otherwise", &|m| {
        let enrichment = m.as_object_mut().unwrap().remove("enrichment").unwrap();
        *m = json!({"Type": "Notification", "MessageId": "m-1", "Message": m.to_string(), "enrichment": enrichment,
                    "MessageAttributes": {"eventType": {"Type": "String", "Value": "another.event"}}});
    });
    let wanted = json!({"area": "area/A07", "category": 3, "level": 2, "on": "2026-01-30", "registration": "2500687775"});
    for (name, message) in untidy {
        let server = Server::open_to_anyone();
        let answer = send(&server, &message).await;
        assert_eq!(answer["status"], "stored", "{name}: {answer}");
        assert_eq!(data(&server, FactType::MappaRegistered), wanted, "{name}");
        assert_eq!(of_kind(&server, FactType::MappaRegistered)[0].fact.time.to_string(), AT, "{name}");
    }
    for (name, change) in [
        ("no personReference", json!({"personReference": null})),
        (
            "nomsNumber",
            json!({"personReference": {"identifiers": [{"type": "nomsNumber", "value": "a8513ea"}]}}),
        ),
        ("no identifiers", json!({"personReference": {"identifiers": []}})),
    ] {
        let server = Server::open_to_anyone();
        let mut message = received("A8513EA", AT);
        message.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(send(&server, &message).await["status"], "stored", "{name}");
    }
}

#[tokio::test]
async fn the_same_message_again_is_the_same_answer_and_another_under_its_id_waits() {
    let server = Server::open_to_anyone();
    let mut message = received("A8513EA", AT);
    message["id"] = json!(17);
    assert_eq!(send(&server, &message).await["status"], "stored");
    let stored = server.stored();
    assert_eq!(send(&server, &message).await["status"], "alreadyStored");
    let waiting = registered("X777978");
    let first = send(&server, &waiting).await;
    assert_eq!(first["status"], "quarantined");
    let after = server.stored();
    assert_eq!(send(&server, &waiting).await, first);
    assert_eq!((server.stored(), after > stored), (after, true));
    message["additionalInformation"]["prisonId"] = json!("LEI");
    let answer = send(&server, &message).await;
    assert_eq!(answer["status"], "quarantined");
    assert!(answer["reason"].as_str().unwrap().starts_with("its id is that of another message"), "{answer}");
}

#[tokio::test]
async fn a_message_whose_second_fact_has_an_id_that_is_taken_waits_in_quarantine() {
    let server = Server::open_to_anyone();
    let mut other = received("A8513EA", AT);
    other["id"] = json!("d-1:2");
    assert_eq!(send(&server, &other).await["status"], "stored");
    let info = json!({"reason": "RELEASED", "prisonId": "SWI", "nomsNumber": "A8513EA",
                      "nomisMovementReasonCode": "DEC"});
    let mut death = message("prison-offender-events.prisoner.released", &json!({"NOMS": "A8513EA"}), &info);
    death["id"] = json!("d-1");
    let answer = send(&server, &death).await;
    assert_eq!(answer["status"], "quarantined", "{answer}");
    assert!(
        answer["reason"].as_str().unwrap().starts_with("the id of its fact 2 is that of another"),
        "{answer}"
    );
    assert_eq!(of_kind(&server, FactType::CustodyLeft).len(), 0, "all of a message or nothing");
    let stored = server.stored();
    assert_eq!(send(&server, &death).await["status"], "quarantined");
    assert_eq!(server.stored(), stored, "the same message waits once");
}

#[tokio::test]
async fn two_nominals_are_one_once_their_numbers_are_linked_in_any_order() {
    let crn = || with(registered("X777978"), json!({"area": "area/A07"}));
    let noms = || received("A8513EA", AT);
    let link = || {
        let person = json!({"CRN": "X777978", "NOMS": "A8513EA"});
        message("probation-case.prison-identifier.added", &person, &json!({}))
    };
    for (order, nominals) in [
        ([crn(), noms(), link()], 2),
        ([noms(), crn(), link()], 2),
        ([crn(), link(), noms()], 1),
        ([noms(), link(), crn()], 1),
        ([link(), crn(), noms()], 1),
        ([link(), noms(), crn()], 1),
    ] {
        let server = Server::open_to_anyone();
        for message in &order {
            assert_eq!(send(&server, message).await["status"], "stored");
        }
        assert_eq!(of_kind(&server, FactType::NominalRegistered).len(), nominals);
        let merges = of_kind(&server, FactType::NominalMerged);
        assert_eq!(merges.len(), nominals - 1);
        // From then on every number leads to one of them.
        send(
            &server,
            &message("person.alert.created", &json!({"NOMS": "A8513EA"}), &json!({"alertCode": "PVN"})),
        )
        .await;
        let probation = of_kind(&server, FactType::MappaRegistered).pop().unwrap().fact.subject;
        assert_eq!(of_kind(&server, FactType::AlertAdded)[0].fact.subject, probation);
        if let Some(merge) = merges.first() {
            assert_eq!(merge.fact.text(mandate_domain::catalogue::Field::Into), Some(&*probation));
        }
        for message in &order {
            assert_eq!(send(&server, message).await["status"], "alreadyStored");
        }
    }
}

#[tokio::test]
async fn a_merge_is_undone_by_its_annulment() {
    let server = Server::open_to_anyone();
    let unmerge = message(
        "probation-case.unmerge.completed",
        &json!({"CRN": "X777878"}),
        &json!({"reactivatedCRN": "X777878", "unmergedCRN": "X777879"}),
    );
    let early = send(&server, &unmerge).await;
    assert_eq!(
        (&early["status"], &early["reason"]),
        (&json!("quarantined"), &json!("needs the merge that it undoes"))
    );
    send(&server, &sample("probation-merge-completed-spec")).await;
    let merge = of_kind(&server, FactType::NominalMerged).pop().unwrap().fact;
    let replay = format!("/v1/quarantine/{}/replay", early["quarantine"].as_str().unwrap());
    let (status, told) = server.post(&replay, "application/json", "").await;
    assert_eq!(status, 202, "{told}");
    let named = json!({"source": "/hmpps/probation-case", "id": &*merge.id});
    assert_eq!(data(&server, FactType::FactAnnulled)["event"], named);
    assert_eq!(server.post(&replay, "application/json", "").await.0, 409, "it left quarantine");
}

#[tokio::test]
async fn one_body_under_two_ids_merges_twice_when_the_persons_stand_otherwise_meanwhile() {
    let server = Server::open_to_anyone();
    let merge = |source: &str, target: &str| {
        let crns = json!({"sourceCRN": source, "targetCRN": target});
        message("probation-case.merge.completed", &json!({"CRN": target}), &crns)
    };
    let under = |id: &str, message: &Value| json!({"MessageId": id, "Message": message.to_string()});
    let first = merge("X777878", "X777879");
    send(&server, &under("m-1", &first)).await;
    let crns = json!({"reactivatedCRN": "X777878", "unmergedCRN": "X777879"});
    send(&server, &message("probation-case.unmerge.completed", &json!({"CRN": "X777878"}), &crns)).await;
    send(&server, &merge("X777879", "X777880")).await;
    let again = send(&server, &under("m-2", &first)).await;
    assert_eq!(again["status"], "stored", "{again}");
    let into =
        |event: &StoredEvent| event.fact.text(mandate_domain::catalogue::Field::Into).map(str::to_owned);
    let survivors: Vec<_> = of_kind(&server, FactType::NominalMerged).iter().map(into).collect();
    assert_eq!(survivors.len(), 3, "{survivors:?}");
    assert_eq!(survivors[1], survivors[2], "the target of the first is by now part of the third");
    assert_ne!(survivors[0], survivors[2]);
}

#[tokio::test]
async fn what_a_merged_nominal_told_is_known_of_the_survivor_until_the_merge_is_undone() {
    let server = Server::open_to_anyone();
    let of = |crn: &str, id: u32| {
        let info = json!({"registerTypeCode": "MAPP", "deregistrationId": id});
        message("probation-case.registration.deregistered", &json!({"CRN": crn}), &info)
    };
    send(&server, &with(registered("X777878"), json!({"area": "area/A07"}))).await;
    assert_eq!(send(&server, &of("X777879", 1)).await["reason"], "needs registration");
    let crns = json!({"sourceCRN": "X777878", "targetCRN": "X777879"});
    send(&server, &message("probation-case.merge.completed", &json!({"CRN": "X777879"}), &crns)).await;
    assert_eq!(send(&server, &of("X777879", 2)).await["status"], "stored");
    assert_eq!(data(&server, FactType::MappaDeregistered), json!({"registration": "2500687775"}));
    let annul = json!({"specversion": "1.0", "id": "a", "source": "/t", "type": "fact.annulled", "time": AT,
                       "subject": of_kind(&server, FactType::MappaDeregistered)[0].fact.subject.to_string(),
                       "data": {"reason": "a test", "event": {"source": "/hmpps/probation-case",
                                "id": of_kind(&server, FactType::MappaDeregistered)[0].fact.id.to_string()}}});
    server.state(&[annul]).await;
    let crns = json!({"reactivatedCRN": "X777878", "unmergedCRN": "X777879"});
    send(&server, &message("probation-case.unmerge.completed", &json!({"CRN": "X777878"}), &crns)).await;
    assert_eq!(send(&server, &of("X777879", 3)).await["reason"], "needs registration");
    assert_eq!(send(&server, &of("X777878", 4)).await["status"], "stored");
}

#[tokio::test]
async fn quarantine_is_listed_replayed_with_what_was_missing_and_discarded_with_a_reason() {
    let server = Server::open_to_anyone();
    let answer = send(&server, &sample("pom-allocated-spec")).await;
    let other = send(&server, &json!({"eventType": 7})).await;
    assert_eq!(other["reason"], "needs eventType");
    server.advance("2026-03-03T09:00:00Z");
    let listed = server.get("/v1/quarantine?status=waiting").await.json();
    assert_eq!(listed["totalElements"], 2);
    assert_eq!(listed["content"][0]["needs"], json!(["manager"]));
    assert_eq!(listed["content"][0]["eventType"], "offender-management.pom.allocated");
    let needing = server.get("/v1/quarantine?needs=manager&source=/hmpps/offender-management").await.json();
    assert_eq!(needing["totalElements"], 1);
    let address = format!("/v1/quarantine/{}", answer["quarantine"].as_str().unwrap());
    let replay = format!("{address}/replay");
    let (status, told) = server.post(&replay, "application/json", "{}").await;
    assert!(status == 202 && told.contains("\"quarantined\""), "it still needs a manager: {told}");
    let (status, told) =
        server.post(&replay, "application/json", r#"{"enrichment":{"manager":"A0260DZ"}}"#).await;
    assert!(status == 202 && told.contains("no opaque id"), "{told}");
    let (status, told) =
        server.post(&replay, "application/json", r#"{"enrichment":{"manager":"P-17"}}"#).await;
    assert!(status == 202 && told.contains("offender_manager.allocated"), "{told}");
    assert_eq!(data(&server, FactType::OffenderManagerAllocated), json!({"kind": "pom", "manager": "P-17"}));
    assert_eq!(send(&server, &sample("pom-allocated-spec")).await["status"], "alreadyStored");
    let discard = format!("/v1/quarantine/{}/discard", other["quarantine"].as_str().unwrap());
    assert_eq!(server.post(&discard, "application/json", r#"{"reason":" "}"#).await.0, 422);
    assert_eq!(server.post(&discard, "application/json", r#"{"reason":"a test"}"#).await.0, 202);
    assert_eq!(server.post(&discard, "application/json", r#"{"reason":"a test"}"#).await.0, 409);
    assert_eq!(send(&server, &json!({"eventType": 7})).await["status"], "discarded");
    assert_eq!(server.post("/v1/quarantine/Q-none/replay", "application/json", "").await.0, 404);
    server.advance("2026-03-03T09:00:01Z");
    let statuses = server.get("/v1/quarantine").await.json();
    let statuses: Vec<_> =
        statuses["content"].as_array().unwrap().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, ["replayed", "discarded"]);
    let metrics = server.get("/metrics").await.text;
    assert!(metrics.contains("mandate_quarantine_waiting 0"), "{metrics}");
    assert!(metrics.contains("mandate_messages_total{outcome=\"quarantined\"} 4"), "{metrics}");
}

#[tokio::test]
async fn a_new_person_in_many_messages_at_once_is_one_nominal() {
    for server in crate::server::each_database() {
        let at = |n: u32| format!("2026-02-02T09:{n:02}:00Z");
        let in_one: Vec<Value> = (0..20).map(|n| received("A8513EA", &at(n))).collect();
        let answer = send(&server, &json!(in_one)).await;
        assert_eq!(answer["stored"], 20, "{answer}");
        let requests = (0..20u32).map(|n| {
            let (router, message) = (server.router.clone(), received("A8513EB", &at(n)).to_string());
            tokio::spawn(async move {
                let request = axum::http::Request::post("/v1/hmpps-events")
                    .header("host", "127.0.0.1:8080")
                    .header("content-type", "application/json");
                crate::server::send(&router, request.body(message.into()).unwrap()).await.status
            })
        });
        for request in requests.collect::<Vec<_>>() {
            assert_eq!(request.await.unwrap(), 202);
        }
        assert_eq!(of_kind(&server, FactType::NominalRegistered).len(), 2);
        assert_eq!(of_kind(&server, FactType::CustodyReceived).len(), 40);
    }
}

#[tokio::test]
async fn no_number_of_a_person_stands_where_anyone_may_read_it() {
    let server = Server::open_to_anyone();
    let mut told = String::new();
    for message in [
        registered("X777978"),
        with(registered("X777978"), json!({"area": "area/X777978"})),
        received("A8513EA", AT),
        with(sample("pom-allocated-spec"), json!({"manager": "A0260DZ"})),
        message(
            "person.alert.created",
            &json!({"NOMS": "A8513EA", "CRN": "X777978"}),
            &json!({"alertCode": "PVN"}),
        ),
        json!({"eventType": "probation-case.X777978", "id": "X777978", "occurredAt": "X777978"}),
        message(
            "probation-case.registration.added",
            &json!({"CRN": "X777978"}),
            &json!({"registerTypeCode": "MAPP", "registrationId": "X777978", "registrationDate": "A8513EA"}),
        ),
    ] {
        told.push_str(&send(&server, &message).await.to_string());
    }
    server.advance("2026-03-03T09:00:00Z");
    told.push_str(&server.get("/v1/quarantine").await.text);
    told.push_str(&server.get("/v1/events").await.text);
    told.extend(events(&server).iter().map(|event| event.payload.to_string()));
    for number in ["X777978", "A8513EA", "A0260DZ"] {
        assert!(!told.contains(number), "{number} in {told}");
    }
}

#[tokio::test]
async fn each_register_is_served_with_its_columns_and_a_sample() {
    let server = Server::open_to_anyone();
    let registers = server.get("/v1/csv").await.json();
    assert_eq!(registers.as_array().unwrap().len(), 18);
    for register in registers.as_array().unwrap() {
        let sample = server.get(&format!("/v1/csv/{}", register["name"].as_str().unwrap())).await;
        assert!(sample.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
        let columns: Vec<_> = register["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert_eq!(sample.text.lines().next().unwrap(), columns.join(","));
    }
    assert_eq!(server.get("/v1/csv/none").await.status, 404);
}

#[tokio::test]
async fn a_token_tells_messages_of_its_own_sources_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let sources = ["/hmpps/prison-offender-events".to_owned()];
    let (token, entry) =
        mandate_api::tokens::make("feed", &sources, mandate_api::tokens::Import::Refused).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.toml");
    std::fs::write(&path, entry).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let tokens = mandate_api::tokens::Tokens::read(&path).unwrap();
    let server = Server::new(mandate_api::http::Tellers::Tokens(tokens));
    let post = |token: String, body: Value| {
        let request = axum::http::Request::post("/v1/hmpps-events")
            .header("host", "127.0.0.1:8080")
            .header("content-type", "text/plain; charset=UTF-8")
            .header("authorization", format!("Bearer {token}"));
        server.answer(request.body(body.to_string().into()).unwrap())
    };
    assert_eq!(post("x".to_owned(), received("A8513EA", AT)).await.0, 401);
    assert_eq!(post(token.clone(), registered("X777978")).await.0, 403);
    assert_eq!(server.stored(), 0);
    let (status, told) = post(token, json!([registered("X777978"), received("A8513EA", AT)])).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((status, &told["stored"], &told["refused"]), (202, &json!(1), &json!(1)));
    assert_eq!(told["results"][0]["errorCode"], "FORBIDDEN");
    assert_eq!(of_kind(&server, FactType::CustodyReceived)[0].actor.as_deref(), Some("feed"));
}

#[tokio::test]
async fn what_is_no_message_goes_back_to_its_sender() {
    let server = Server::open_to_anyone();
    let post = |media: &'static str, body: String| server.post("/v1/hmpps-events", media, body);
    assert_eq!(post("application/json", "{".to_owned()).await.0, 400);
    assert_eq!(post("application/json", "[{]".to_owned()).await.0, 400);
    assert_eq!(post("application/xml", "{}".to_owned()).await.0, 415);
    assert_eq!(post("application/json", format!("\"{}\"", "x".repeat(300 << 10))).await.0, 413);
    assert_eq!(
        post("application/json", format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000))).await.0,
        400
    );
    assert_eq!(server.stored(), 0);
}

#[tokio::test]
async fn erasing_a_person_erases_what_waits_about_them_and_they_are_new_when_they_come_again() {
    let server = Server::open_to_anyone();
    let waiting = send(&server, &registered("X777978")).await;
    let stranger =
        send(&server, &json!({"eventType": "person.alert.created", "occurredAt": "yesterday"})).await;
    let entries = of_kind(&server, FactType::MessageQuarantined);
    assert!(
        entries[0].fact.subject.starts_with("nominal/N-")
            && entries[1].fact.subject.starts_with("message/Q-")
    );
    for entry in &entries {
        let order = mandate_store::Order {
            subject: entry.fact.subject.to_string(),
            ordered_by: vec!["user/u-1".to_owned(), "user/u-2".to_owned()],
            ground: "RRD-2026-014".to_owned(),
        };
        server.store.erase(&order).unwrap();
    }
    for answer in [waiting, stranger] {
        let replay = format!("/v1/quarantine/{}/replay", answer["quarantine"].as_str().unwrap());
        let (status, told) = server.post(&replay, "application/json", "").await;
        assert!(status == 409 && told.contains("was erased"), "{told}");
    }
    let mut again = with(registered("X777978"), json!({"area": "area/A07"}));
    again["id"] = json!("another");
    assert_eq!(send(&server, &again).await["status"], "stored");
    let subject = of_kind(&server, FactType::MappaRegistered)[0].fact.subject.clone();
    assert_ne!(subject, entries[0].fact.subject);
    again["id"] = json!("a third");
    assert_eq!(send(&server, &again).await["status"], "stored");
    assert_eq!(of_kind(&server, FactType::MappaRegistered)[1].fact.subject, subject);
}
