//! What each parameter of an address means; one name means one thing at every address unless said here.

use serde_json::{Value, json};

use crate::http::{compliance, duties, hmpps, lists, policies, reconciliation, registers};

/// A parameter that stands in the path.
pub fn in_path(path: &str, name: &str) -> Value {
    let (about, example) = match name {
        "id" if path.starts_with("/v1/duties") => ("The id of a duty, or its short reference", "D-7F3K29QX"),
        "id" if path.starts_with("/v1/rules") => ("The id of a rule", "4.10"),
        "id" => ("The id of a message in quarantine", "Q-3f2a81c09d00aa11bb22"),
        "position" => ("The position of an event, from 1", "1"),
        "type" => ("A type of fact", "record.created"),
        "register" => ("The name of a register", "vetting"),
        "file" => ("The token of a calendar and `.ics`", "mandate_0000.ics"),
        "name" => ("The name of a command", "acknowledge-breach"),
        "reference" if path.starts_with("/v1/webhooks") => ("The reference of a webhook", "W-7F3K29QX"),
        _ => ("The opaque reference of a nominal", "N-7F3K29QX"),
    };
    let schema = json!({"type": "string", "minLength": 1});
    json!({"name": name, "in": "path", "required": true, "description": about, "schema": schema, "example": example})
}

/// A header.
pub fn header(name: &str) -> Value {
    let (about, schema) = match name {
        "Idempotency-Key" => (
            "A key of the sender: sent again under it, a command takes effect once and is answered the same",
            json!({"type": "string", "minLength": 1, "maxLength": 200}),
        ),
        "If-Match" => (
            "The version of the subject's stream that the sender saw, as an `ETag` says it",
            json!({"type": "string", "pattern": "^\"[0-9]{1,18}\"$"}),
        ),
        _ => (
            "The position of the last event that was received; what comes after it is sent",
            json!({"type": "string", "pattern": "^[0-9]{1,18}$"}),
        ),
    };
    json!({"name": name, "in": "header", "required": false, "description": about, "schema": schema})
}

/// A parameter after the question mark.
pub fn query(path: &str, name: &str) -> Value {
    let (about, schema) = meaning(path, name);
    let required = matches!(
        (path, name),
        ("/v1/checkpoints/consistency", "from")
            | ("/v1/reports/statistics", "org" | "from" | "to")
            | ("/v1/compliance", "by" | "from" | "to")
            | ("/v1/reconciliation/backlog", "area" | "programme")
            | ("/v1/policies/backtest", "draft")
    );
    let several = schema.get("type").is_some_and(|kind| kind == "array");
    let mut parameter =
        json!({"name": name, "in": "query", "required": required, "description": about, "schema": schema});
    if let (true, Some(parameter)) = (several, parameter.as_object_mut()) {
        parameter.insert("explode".to_owned(), json!(true));
    }
    parameter
}

fn meaning(path: &str, name: &str) -> (&'static str, Value) {
    let text = || json!({"type": "string"});
    let date = || json!({"type": "string", "format": "date"});
    let list = |items: Value| json!({"type": "array", "items": items});
    let position = |least: u64| json!({"type": "integer", "minimum": least, "maximum": u64::MAX >> 1});
    match name {
        "asAt" => {
            ("When it was true: an instant, or a date for the end of that day; left out, now", moment())
        }
        "knownAt" => {
            ("When it was recorded: an instant, or a date for the end of that day; left out, now", moment())
        }
        "page" => (
            "The page, from 0",
            json!({"type": "integer", "minimum": 0, "maximum": 10_000_000, "default": 0}),
        ),
        "size" if path.starts_with("/v1/events") => {
            ("The size of the tree; left out, that of the latest checkpoint", position(1))
        }
        "size" => {
            ("Rows on a page", json!({"type": "integer", "minimum": 1, "maximum": 1_000, "default": 50}))
        }
        "dir" => ("The direction of the order", json!({"enum": ["asc", "desc"], "default": "asc"})),
        "sort" if path == "/v1/duties" => ("The order of the list", words(&duties::SORTS)),
        "sort" => ("The column by which the list is ordered, as it is called in CSV", text()),
        "format" => ("How the list is written; left out, as `Accept` says", json!({"enum": ["json", "csv"]})),
        "rule" => ("The id of a rule", list(text())),
        "outcome" if path == "/v1/duties" => {
            let all: Vec<&str> = duties::OUTCOMES.iter().map(|outcome| outcome.name()).collect();
            ("How the duty stands", list(json!({ "enum": all })))
        }
        "outcome" => ("How the attestation stands", words(&registers::attestations::OUTCOMES)),
        "breach" => ("Only breaches, or only what is none", json!({"type": "boolean"})),
        "dueFrom" => ("Due on this date or later", date()),
        "dueTo" => ("Due on this date or earlier", date()),
        "fromDate" => ("Told of this date or later", date()),
        "toDate" => ("Told of this date or earlier", date()),
        "draft" => (
            "A draft that ships, such as `five-working-days`, or `proposed:` with the version of a policy that was proposed",
            text(),
        ),
        "change" => ("Only duties of which this differs", words(&policies::CHANGES)),
        "missed" => ("Only duties whose missed deadline appears, or vanishes", words(&policies::MISSED)),
        "rows" => ("What a CSV lists; left out, the numbers by rule and holder", words(&policies::ROWS)),
        "from" if path.starts_with("/v1/checkpoints") => ("The smaller size", position(1)),
        "to" if path.starts_with("/v1/checkpoints") => {
            ("The greater size; left out, that of the latest checkpoint", position(1))
        }
        "from" => ("The first day of the period", date()),
        "to" => ("The last day of the period", date()),
        "upTo" if path == "/v1/bundle" => {
            ("End with this position; left out, where the latest checkpoint does", position(1))
        }
        "upTo" => ("The largest size to be listed", position(1)),
        "after" => ("Begin after this position", position(0)),
        "limit" => {
            ("Most to be listed", json!({"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}))
        }
        "type" => ("Only these types of facts", list(text())),
        "status" => ("How it stands", statuses(path)),
        "by" => ("One or two things that are counted by", by()),
        "audience" => (
            "For whom: a board sees no small counts",
            json!({"enum": ["everyone", "board"], "default": "everyone"}),
        ),
        "programme" => ("A programme", words(&reconciliation::PROGRAMMES)),
        "check" => ("Only these checks", list(text())),
        "kind" => ("A kind of organisation", words(&registers::organisations::KINDS)),
        "audit" => ("A kind of audit", words(&registers::audits::AUDITS)),
        "expiring" => {
            ("Vetting that ends within so many days; 0 for ended", json!({"enum": ["0", "30", "60", "90"]}))
        }
        "left" => ("Only those who left their role, or only those who did not", json!({"type": "boolean"})),
        "account" => ("How the account stands", words(&registers::people::ACCOUNTS)),
        "missing" => ("What somebody lacks", words(&registers::people::MISSING)),
        "overdue" | "due" => ("Only what is overdue, or only what is not", json!({"type": "boolean"})),
        "on_error" => {
            ("What a refused fact does to the others", json!({"enum": ["all", "each"], "default": "all"}))
        }
        "dry_run" => (
            "Look at what would become of it, and store nothing",
            json!({"type": "boolean", "default": false}),
        ),
        "wait" => {
            ("Answer when the read models have come to it", json!({"type": "boolean", "default": true}))
        }
        "template" => ("A kind of mail, such as `breach`", text()),
        "dead" => ("Only mail that could not be delivered", json!({"type": "boolean"})),
        "prn" => ("The prison number", text()),
        "crn" => ("The case reference number", text()),
        "subject" if path.starts_with("/v1/events") => ("The full id of a subject", text()),
        "subject" => ("The full id of what it is about", text()),
        "area" => ("A MAPPA area, with or without `area/`", areas(path)),
        "prison" => ("A prison, with or without `prison/`", list(text())),
        "unit" => ("A unit, with or without `unit/`", list(text())),
        "holder" => ("The full id of the organisation answerable", list(text())),
        "org" if path == "/v1/reports/statistics" || path == "/v1/todo" => {
            ("The full id of an organisation", text())
        }
        "org" => ("The full id of an organisation", list(text())),
        "owner" => ("The full id of the owner of the record", list(text())),
        "user" => ("The full id of a user", text()),
        "source" => ("The source of a message", text()),
        "eventType" => ("The type of a message", text()),
        "needs" => ("A field that a message needs", text()),
        "paragraph" => ("A paragraph of the framework", list(text())),
        _ => ("A value to choose by", text()),
    }
}

fn by() -> Value {
    json!({"type": "array", "items": words(&compliance::BY), "minItems": 1, "maxItems": 2, "uniqueItems": true})
}

fn areas(path: &str) -> Value {
    if path == "/v1/reconciliation/backlog" {
        return json!({"type": "string", "minLength": 1});
    }
    json!({"type": "array", "items": {"type": "string"}})
}

fn statuses(path: &str) -> Value {
    match path {
        "/v1/quarantine" => words(&hmpps::STATUSES),
        "/v1/breaches" => words(&lists::STATUSES),
        "/v1/notices" => words(&lists::NOTICE_STATUSES),
        _ => json!({"enum": ["registered", "assessed", "approved", "withdrawn"]}),
    }
}

fn moment() -> Value {
    json!({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]})
}

fn words<T>(words: &[(&str, T)]) -> Value {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    json!({ "enum": words })
}
