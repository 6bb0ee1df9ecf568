//! What each sample is read as, tidy and untidy, and every word of the table of spec 2.5.

use mandate_domain::catalogue::FactType;
use mandate_store::Identifier;
use serde_json::{Map, Value, json};

use super::map::{Reading, Useful, What, read};
use super::message::Message;

fn sample(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/hmpps-events");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    match value["Message"].as_str() {
        Some(inner) => serde_json::from_str(inner).unwrap(),
        None => value,
    }
}

fn reading(message: &Value) -> Reading {
    read(&Message::read(&message.to_string()).unwrap(), &Map::new())
}

fn useful(message: &Value) -> Useful {
    match reading(message) {
        Reading::Useful(useful) => useful,
        other => panic!("{other:?}: {message}"),
    }
}

fn held(message: &Value) -> String {
    match reading(message) {
        Reading::Held(held) => held.reason,
        other => panic!("{other:?}: {message}"),
    }
}

/// Type and data of what a message tells.
fn told(message: &Value) -> (FactType, Value) {
    match useful(message).what {
        What::Fact { kind, data, .. } => (kind, data.into()),
        other => panic!("{other:?}"),
    }
}

fn with(mut message: Value, field: &str, value: Value) -> Value {
    message["additionalInformation"][field] = value;
    message
}

const NAMES: [&str; 14] = [
    "community-manager-allocated-spec",
    "mappa-information.created-mappa-key",
    "person-alert-created-spec",
    "pom-allocated-spec",
    "prisoner-received-spec",
    "prisoner-released-spec",
    "probation-merge-completed-spec",
    "registration-added-spec",
    "registration-deleted-spec",
    "registration-deregistered-spec",
    "registration-updated-spec",
    "sns-assessment-summary-produced",
    "sns-prisoner-received-recall",
    "temporary-absence-authorisation-approved-spec",
];

/// A sample such that it tells something here.
fn of_use(name: &str) -> Value {
    let message = sample(name);
    if name.starts_with("registration-") {
        let message = with(message, "registerTypeCode", json!("MAPP"));
        let message = with(message, "registrationCategoryCode", json!("M2"));
        return with(message, "registrationLevelCode", json!("M3"));
    }
    if name.starts_with("person-alert") { with(message, "alertCode", json!("PVN")) } else { message }
}

#[expect(clippy::unnecessary_wraps, reason = "the answer of a change that can always be made")]
fn set(place: &mut Value, value: Value) -> Option<()> {
    *place = value;
    Some(())
}

/// Each untidiness that changes nothing of what is told; none where it cannot be applied.
fn untidy(tidy: &Value) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    let mut change = |name, how: &dyn Fn(&mut Value) -> Option<()>| {
        let mut message = tidy.clone();
        if how(&mut message).is_some() {
            all.push((name, message));
        }
    };
    let at = tidy["occurredAt"].as_str().unwrap().to_owned();
    change("a header that contradicts", &|m| {
        let headers = json!({"eventType": {"Type": "String", "Value": "prisoner.another"}});
        *m = json!({"Type": "Notification", "MessageId": "m", "Message": m.to_string(), "MessageAttributes": headers});
        Some(())
    });
    change("the version as a string", &|m| set(&mut m["version"], json!("1")));
    change("a zone in brackets", &|m| set(&mut m["occurredAt"], json!(format!("{at}[Europe/London]"))));
    change("the same in UTC", &|m| {
        let utc = super::when::instant(&at)?.to_string();
        set(&mut m["occurredAt"], json!(utc))
    });
    change("nanoseconds", &|m| {
        let utc = super::when::instant(&at)?.to_string();
        let tidy = utc.strip_suffix('Z')?;
        let point = if tidy.contains('.') { "" } else { "." };
        let digits = tidy.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        set(&mut m["occurredAt"], json!(format!("{tidy}{point}{}+00:00", "0".repeat(9 - digits))))
    });
    change("an unparsable publishedAt", &|m| {
        set(&mut m["publishedAt"], json!("2024-10-14T15:09:52.000478552+01:00["))
    });
    change("detailUrl null", &|m| {
        (m["eventType"] != "assessment.summary.produced").then(|| m["detailUrl"] = Value::Null)
    });
    change("no personReference", &|m| {
        let noms = m["personReference"]["identifiers"][0].clone();
        (noms["type"] == "NOMS").then(|| {
            if m["additionalInformation"].is_null() {
                m["additionalInformation"] = json!({});
            }
            m["additionalInformation"]["nomsNumber"] = noms["value"].clone();
            m.as_object_mut().unwrap().remove("personReference");
        })
    });
    change("the identifier type nomsNumber", &|m| {
        let found = &mut m["personReference"]["identifiers"][0];
        (found["type"] == "NOMS").then(|| found["type"] = json!("nomsNumber"))
    });
    change("a number in lower case with blanks", &|m| {
        let found = &mut m["personReference"]["identifiers"][0]["value"];
        set(found, json!(format!(" {} ", found.as_str()?.to_lowercase())))
    });
    for field in ["registrationId", "contactId"] {
        change("an id of the other kind", &|m| {
            let found = m["additionalInformation"].get_mut(field)?;
            *found = match found.as_str() {
                Some(text) => json!(text.parse::<u64>().ok()?),
                None => json!(found.to_string()),
            };
            Some(())
        });
    }
    for field in ["registrationDate", "deregistrationDate"] {
        change("an ISO date", &|m| {
            let found = m["additionalInformation"].get_mut(field)?;
            let date = super::when::date(found.as_str()?)?;
            set(found, json!(date))
        });
    }
    change("the level under its other name, and empty under its own", &|m| {
        let info = m["additionalInformation"].as_object_mut()?;
        let level = info.insert("registrationLevelCode".to_owned(), json!(""))?;
        info.insert("registerLevelCode".to_owned(), level);
        Some(())
    });
    all
}

#[test]
fn each_sample_tells_the_same_however_untidy_it_is() {
    let mut tried = 0;
    for name in NAMES {
        let tidy = of_use(name);
        let wanted = useful(&tidy);
        for (how, message) in untidy(&tidy) {
            assert_eq!(useful(&message), wanted, "{name}: {how}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn each_sample_is_read_as_the_table_says() {
    let facts = [
        ("community-manager-allocated-spec", FactType::OffenderManagerAllocated, json!({"kind": "com"})),
        ("mappa-information.created-mappa-key", FactType::ContactFlagged, json!({"contact": "1234"})),
        ("person-alert-created-spec", FactType::AlertAdded, json!({"code": "PVN"})),
        ("pom-allocated-spec", FactType::OffenderManagerAllocated, json!({"kind": "pom"})),
        (
            "prisoner-received-spec",
            FactType::CustodyReceived,
            json!({"prison": "prison/SWI", "reason": "admission"}),
        ),
        (
            "prisoner-released-spec",
            FactType::CustodyLeft,
            json!({"prison": "prison/SWI", "reason": "release"}),
        ),
        (
            "registration-added-spec",
            FactType::MappaRegistered,
            json!({"registration": "2500687775", "category": 2, "level": 3, "on": "2024-06-14"}),
        ),
        ("registration-deregistered-spec", FactType::MappaDeregistered, json!({"on": "2024-06-12"})),
        (
            "registration-updated-spec",
            FactType::MappaChanged,
            json!({"registration": "2500686785", "category": 2, "level": 3}),
        ),
        ("sns-assessment-summary-produced", FactType::OasysCompleted, json!({"assessment": "1"})),
        (
            "sns-prisoner-received-recall",
            FactType::CustodyReceived,
            json!({"prison": "prison/WSI", "reason": "admission"}),
        ),
        ("temporary-absence-authorisation-approved-spec", FactType::RotlApproved, json!({})),
    ];
    for (name, kind, data) in facts {
        let message = of_use(name);
        assert_eq!(told(&message), (kind, data), "{name}");
    }
    let removed = useful(&of_use("registration-deleted-spec")).what;
    assert_eq!(removed, What::Removed { registration: "2500093070".to_owned() });
    let merged = useful(&of_use("probation-merge-completed-spec"));
    assert_eq!(merged.what, What::Merged);
    assert_eq!(merged.person, [(Identifier::Crn, "X777878".to_owned())]);
    assert_eq!(merged.into.unwrap(), [(Identifier::Crn, "X777879".to_owned())]);
}

#[test]
fn codes_and_reasons_are_those_of_the_table_and_others_wait() {
    let registered = || of_use("registration-added-spec");
    for (code, category) in [("M1", 1), ("M2", 2), ("M3", 3), ("M4", 4), ("X9", 0), ("", 0), ("m4", 4)] {
        let data = told(&with(registered(), "registrationCategoryCode", json!(code))).1;
        assert_eq!(data["category"], category, "{code}");
    }
    for (code, level) in [("M0", 0), ("M1", 1), ("M2", 2), ("M3", 3), ("X9", 0), ("", 0)] {
        assert_eq!(
            told(&with(registered(), "registrationLevelCode", json!(code))).1["level"],
            level,
            "{code}"
        );
    }
    let unknown = with(registered(), "registrationLevelCode", json!("M4"));
    assert_eq!(held(&unknown), "registrationLevelCode is none of M0, M1, M2, M3, X9");
    for (reason, wanted) in [
        ("ADMISSION", "admission"),
        ("TRANSFERRED", "transfer"),
        ("RETURN_FROM_COURT", "return"),
        ("TEMPORARY_ABSENCE_RETURN", "return"),
    ] {
        assert_eq!(
            told(&with(sample("prisoner-received-spec"), "reason", json!(reason))).1["reason"],
            wanted
        );
    }
    for (reason, movement, wanted) in [
        ("RELEASED", "CR", "release"),
        ("RELEASED", "DEC", "death"),
        ("RELEASED", "UAL", "unlawfully_at_large"),
        ("TRANSFERRED", "DEC", "transfer"),
        ("RELEASED_TO_HOSPITAL", "HO", "temporary"),
        ("SENT_TO_COURT", "CRT", "temporary"),
        ("TEMPORARY_ABSENCE_RELEASE", "C5", "temporary"),
    ] {
        let message = with(sample("prisoner-released-spec"), "reason", json!(reason));
        let message = with(message, "nomisMovementReasonCode", json!(movement));
        assert_eq!(told(&message).1["reason"], wanted, "{reason} {movement}");
    }
    for name in ["prisoner-received-spec", "prisoner-released-spec"] {
        assert!(held(&with(sample(name), "reason", json!("UNKNOWN"))).contains("is not known here"));
    }
    for (event, kind) in [
        ("created", FactType::AlertAdded),
        ("inactive", FactType::AlertClosed),
        ("deleted", FactType::AlertClosed),
    ] {
        let mut message = of_use("person-alert-created-spec");
        message["eventType"] = json!(format!("person.alert.{event}"));
        assert_eq!(told(&message), (kind, json!({"code": "PVN"})));
    }
    let mapps = json!({"contactId": "1234", "mapps": {"category": 1}});
    let mut message = sample("mappa-information.created-mappa-key");
    message["additionalInformation"] = mapps;
    assert_eq!(told(&message), (FactType::ContactFlagged, json!({"contact": "1234"})));
}

#[test]
fn an_assessment_counts_once_it_is_complete() {
    let at = |url: Value| {
        let mut message = sample("sns-assessment-summary-produced");
        message["detailUrl"] = url;
        reading(&message)
    };
    for ignored in
        [json!("http://x/1/LOCKED_INCOMPLETE"), Value::Null, json!("http://x/COMPLETE/1"), json!("")]
    {
        assert!(matches!(at(ignored.clone()), Reading::Ignored(_)), "{ignored}");
    }
    for url in ["http://x/1/COMPLETE", "http://x/1/COMPLETE/", "http://x/1/COMPLETE?y=z"] {
        assert!(matches!(at(json!(url)), Reading::Useful(_)), "{url}");
    }
    // The segment before is no id of an assessment, but the number of a person.
    assert!(matches!(at(json!("http://x/A000001/COMPLETE")), Reading::Held(_)));
}
