//! Every address of the API.

use mandate_domain::catalogue::FactType;
use serde_json::{Value, json};

use super::{Operation, Routes};
use crate::http::registers::{attestations, audits, organisations, people, retention, terminals};
use crate::http::schemas::example;
use crate::http::{
    bundle, calendar, commands, compliance, coverage, csv, duties, events, facts, health, hmpps, lists,
    nominals, policies, proof, reconciliation, reports, rules, schemas, search, stream, subject_access, todo,
    webhooks,
};

const MOMENT: [&str; 2] = ["asAt", "knownAt"];
const PAGE: [&str; 2] = ["page", "size"];

/// Every address of the API, with what is said of it.
pub fn routes() -> Routes {
    let routes = facts_and_messages(Routes::default());
    let routes = people_do(nominals_and_duties(routes));
    let routes = service(log(rule_book(registers_and_reports(routes))));
    routes_of_webhooks(routes)
}

fn reads(id: &'static str, tag: &'static str, summary: &'static str, schema: &str) -> Operation {
    Operation::reads(id, tag, summary, schema)
}

fn facts_and_messages(routes: Routes) -> Routes {
    let fact = example(FactType::RecordCreated);
    let take = Operation::takes("postFacts", "Facts", "Take facts; the answer comes when they are durable")
        .query(&["on_error", "dry_run"])
        .body_of("application/cloudevents+json", "Fact", &fact)
        .body("application/cloudevents-batch+json", &array("Fact"), &json!([fact]))
        .answers_of(200, "FactsAnswer")
        .answers_of(202, "FactsAnswer")
        .errors(&[409]);
    let message = json!({
        "eventType": "prison-offender-events.prisoner.received", "version": 1, "occurredAt": "2026-03-02T09:00:00Z",
        "personReference": {"identifiers": [{"type": "NOMS", "value": "A0000AA"}]},
        "additionalInformation": {"reason": "ADMISSION", "prisonId": "LEI"},
    });
    let object = json!({"type": "object"});
    let take_message =
        Operation::takes("postHmppsEvents", "Facts", "Take HMPPS domain events, bare or as SNS sends them")
            .body(
                "application/json",
                &json!({"oneOf": [object, {"type": "array", "items": object}]}),
                &message,
            )
            .answers(202, "application/json", &one_of("MessageAnswer", "MessagesAnswer"));
    let replay = Operation::takes("replayQuarantined", "Facts", "Try a message in quarantine again")
        .body_of("application/json", "Replay", &json!({"enrichment": {"area": "area/A07"}}))
        .or_no_body()
        .answers_of(202, "MessageAnswer")
        .errors(&[404, 409]);
    let discard =
        Operation::takes("discardQuarantined", "Facts", "Take a message out of quarantine for good")
            .body_of("application/json", "Discard", &json!({"reason": "A test message."}))
            .answers_of(202, "Discarded")
            .errors(&[404, 409]);
    routes
        .post("/v1/facts", facts::post, take)
        .post("/v1/hmpps-events", hmpps::post, take_message)
        .get(
            "/v1/quarantine",
            hmpps::list,
            reads("listQuarantine", "Facts", "List messages that could not be used", "QuarantinePage")
                .query(&["status", "source", "eventType", "needs", "subject", "format"])
                .query(&PAGE)
                .csv(),
        )
        .get(
            "/v1/quarantine/{id}",
            hmpps::one,
            reads("getQuarantined", "Facts", "Show one of them", "Quarantined").errors(&[404]),
        )
        .post("/v1/quarantine/{id}/replay", hmpps::replay, replay)
        .post("/v1/quarantine/{id}/discard", hmpps::discard, discard)
        .get(
            "/v1/csv",
            csv::list,
            reads("listCsv", "Facts", "List the registers that may be imported", "CsvKinds"),
        )
        .get(
            "/v1/csv/{register}",
            csv::sample,
            Operation::new("getCsvSample", "Facts", "Show a sample of a register")
                .answers(200, "text/csv", &json!({"type": "string"}))
                .errors(&[404]),
        )
        .get(
            "/v1/schemas",
            schemas::list,
            reads("listSchemas", "Facts", "List the types of facts", "Schemas"),
        )
        .get(
            "/v1/schemas/{type}",
            schemas::one,
            reads("getSchema", "Facts", "Show the JSON Schema of a type", "JsonSchema").errors(&[404]),
        )
}

fn nominals_and_duties(routes: Routes) -> Routes {
    let (n, d) = ("Nominals", "Duties");
    routes
        .get(
            "/v1/nominals",
            nominals::list,
            reads("listNominals", n, "List nominals", "NominalPage").query(&PAGE),
        )
        .get(
            "/v1/nominals/{reference}",
            nominals::one,
            reads("getNominal", n, "Show a nominal: state, partners, duties", "Nominal")
                .query(&MOMENT)
                .errors(&[404]),
        )
        .get(
            "/v1/nominals/{reference}/duties",
            nominals::duties,
            reads("getNominalDuties", n, "Show the duties of a nominal", "NominalDuties")
                .query(&MOMENT)
                .errors(&[404]),
        )
        .get(
            "/v1/nominals/{reference}/history",
            nominals::history,
            reads("getNominalHistory", n, "Show what was told of a nominal, in order", "NominalHistory")
                .query(&MOMENT)
                .query(&["format"])
                .csv()
                .errors(&[404]),
        )
        .get(
            "/v1/duties",
            duties::list,
            reads("listDuties", d, "List duties", "DutyPage").query(&duties::KNOWN).csv(),
        )
        .get(
            "/v1/duties/{id}",
            duties::one,
            reads("getDuty", d, "Show a duty", "Duty").query(&MOMENT).errors(&[404]),
        )
        .get(
            "/v1/duties/{id}/explanation",
            duties::explanation,
            reads("explainDuty", d, "Why this date: the derivation, step by step", "DutyRecord")
                .query(&MOMENT)
                .errors(&[404]),
        )
        .get(
            "/v1/duties/{id}/derivation",
            duties::derivation,
            reads(
                "deriveDuty",
                d,
                "The same in references and dates, as `mandate check` takes it",
                "Derivation",
            )
            .query(&MOMENT)
            .errors(&[404]),
        )
        .get(
            "/v1/duties/{id}/history",
            duties::history,
            reads("getDutyHistory", d, "What a duty was, as then known, from each instant on", "DutyHistory")
                .errors(&[404]),
        )
        .get(
            "/v1/breaches",
            lists::breaches,
            reads("listBreaches", d, "List breaches as raised", "BreachPage").query(&["status"]).query(&PAGE),
        )
        .get(
            "/v1/notices",
            lists::notices,
            reads("listNotices", d, "List mails owed and sent", "NoticePage")
                .query(&lists::NOTICES_KNOWN)
                .csv(),
        )
        .get(
            "/v1/todo",
            todo::list,
            reads("getTodo", d, "What is to be done next, by somebody or at an organisation", "Todo")
                .query(&todo::KNOWN)
                .csv()
                .errors(&[404]),
        )
        .get(
            "/calendar/{file}",
            calendar::feed,
            Operation::new("getCalendar", d, "Due dates as a calendar, without names")
                .answers(200, "text/calendar", &json!({"type": "string"}))
                .errors(&[404]),
        )
}

fn people_do(routes: Routes) -> Routes {
    let done = |operation: Operation| {
        operation
            .query(&["wait"])
            .heeds(&["Idempotency-Key", "If-Match"])
            .answers_of(200, "CommandAnswer")
            .errors(&[404, 409, 412])
    };
    let c = "Commands";
    let open =
        Operation::takes("openRecord", "Nominals", "Open a record without being its partner, for 15 minutes")
            .body_of("application/json", "OpenRecord", &json!({"reason": "A linked case."}));
    routes
        .get("/v1/commands", commands::list, reads("listCommands", c, "List the commands", "Commands"))
        .get(
            "/v1/commands/{name}",
            commands::one,
            reads("getCommandSchema", c, "Show the JSON Schema of a command", "JsonSchema").errors(&[404]),
        )
        .post(
            "/v1/commands/{name}",
            commands::post,
            done(Operation::takes("command", c, "Give a command")).for_each_command(),
        )
        .post("/v1/nominals/{reference}/access", commands::access, done(open))
        .post(
            "/v1/search",
            search::post,
            Operation::takes(
                "search",
                "Nominals",
                "Find nominals by a number; nothing of it stands in an address",
            )
            .body_of("application/json", "Search", &json!({"crn": "X000000"}))
            .answers_of(200, "Found"),
        )
}

fn registers_and_reports(routes: Routes) -> Routes {
    let (r, s) = ("Registers", "Reports");
    routes
        .get(
            "/v1/people",
            people::list,
            reads("listPeople", r, "List people: vetting, training, account", "PersonPage")
                .register(&people::FILTERS),
        )
        .get(
            "/v1/organisations",
            organisations::list,
            reads("listOrganisations", r, "List organisations", "OrganisationPage")
                .register(&["org", "kind"]),
        )
        .get(
            "/v1/terminals",
            terminals::list,
            reads("listTerminals", r, "List terminals", "TerminalPage")
                .register(&["org", "prison", "status"]),
        )
        .get(
            "/v1/audits",
            audits::list,
            reads("listAudits", r, "List audits", "AuditPage").register(&["org", "audit", "overdue"]),
        )
        .get(
            "/v1/attestations",
            attestations::list,
            reads("listAttestations", r, "List attestations", "AttestationPage")
                .register(&attestations::FILTERS),
        )
        .get(
            "/v1/retention",
            retention::list,
            reads("listRetention", r, "List archived records and their reviews", "RetentionPage")
                .register(&["area", "owner", "due"]),
        )
        .get(
            "/v1/reconciliation",
            reconciliation::list,
            reads("listDiscrepancies", s, "List where the systems do not agree", "DiscrepancyPage")
                .query(&reconciliation::KNOWN)
                .csv(),
        )
        .get(
            "/v1/reconciliation/backlog",
            reconciliation::backlog,
            reads("getBacklog", s, "Who is not on ViSOR yet under a programme", "Backlog").query(&[
                "area",
                "programme",
                "asAt",
                "knownAt",
            ]),
        )
        .get(
            "/v1/compliance",
            compliance::list,
            reads("getCompliance", s, "How many duties were met", "Compliance")
                .query(&compliance::KNOWN)
                .csv(),
        )
        .get(
            "/v1/reports/statistics",
            reports::statistics,
            reads("getStatistics", s, "What was done in a period", "Statistics")
                .query(&reports::KNOWN)
                .csv()
                .errors(&[404]),
        )
        .get(
            "/v1/coverage",
            coverage::list,
            reads("getCoverage", "Rules", "What covers each paragraph of the framework", "Coverage")
                .query(&["format"])
                .csv(),
        )
        .get(
            "/v1/rules",
            rules::list,
            reads("listRules", "Rules", "List the rules in force", "Rules").query(&["knownAt"]),
        )
        .get(
            "/v1/rules/{id}",
            rules::one,
            reads("getRule", "Rules", "Show a rule", "Rule").query(&["knownAt"]).errors(&[404]),
        )
        .get(
            "/v1/rules/{id}/versions",
            rules::versions,
            reads("getRuleVersions", "Rules", "Show the versions of a rule", "RuleVersions")
                .query(&["knownAt"])
                .errors(&[404]),
        )
}

fn rule_book(routes: Routes) -> Routes {
    let test = Operation::takes("postBacktest", "Rules", "Say what a draft that is sent would have changed")
        .query(&policies::KNOWN)
        .body_of("application/json", "Draft", &json!({"draft": "five-working-days"}))
        .answers_of(200, "Backtest")
        .csv();
    routes
        .get(
            "/v1/policies/backtest",
            policies::get,
            reads("getBacktest", "Rules", "Say what a draft would have changed", "Backtest")
                .query(&["draft"])
                .query(&policies::KNOWN)
                .csv(),
        )
        .post("/v1/policies/backtest", policies::post, test)
        .get(
            "/v1/policies/overlap",
            policies::overlap,
            reads("listOverlaps", "Rules", "List the rules that can govern one act", "Overlaps")
                .query(&["from", "to"])
                .query(&MOMENT),
        )
        .get(
            "/v1/policies/readings",
            policies::readings,
            reads("listReadings", "Rules", "Count the breaches under each recorded reading", "Readings")
                .query(&MOMENT),
        )
}

fn log(routes: Routes) -> Routes {
    let l = "Log";
    routes
        .get(
            "/v1/events",
            events::list,
            reads("listEvents", l, "Read the log in order", "Events")
                .query(&["after", "type", "subject", "limit"]),
        )
        .get(
            "/v1/events/stream",
            stream::open,
            Operation::new("streamEvents", l, "Hear of events as they are recorded, as server-sent events")
                .query(&["after", "type", "subject"])
                .heeds(&["Last-Event-ID"])
                .answers(200, "text/event-stream", &json!({"type": "string"}))
                .errors(&[401, 403, 503]),
        )
        .get(
            "/v1/events/{position}",
            events::one,
            reads("getEvent", l, "Show an event", "Event").errors(&[404]),
        )
        .get(
            "/v1/events/{position}/proof",
            proof::inclusion,
            reads("proveEvent", l, "Prove that an event is in the log", "Inclusion")
                .query(&["size"])
                .errors(&[404]),
        )
        .get(
            "/v1/bundle",
            bundle::get,
            Operation::new(
                "takeBundle",
                l,
                "Take the log, or a part of it, as a bundle that `mandate-verify` checks",
            )
            .query(&["after", "upTo"])
            .answers(200, "application/octet-stream", &json!({"type": "string", "format": "binary"}))
            .errors(&[401, 403, 409, 503]),
        )
        .get(
            "/v1/checkpoints",
            proof::list,
            reads("listCheckpoints", l, "List signed checkpoints", "Checkpoints").query(&["upTo", "limit"]),
        )
        .get(
            "/v1/checkpoints/consistency",
            proof::consistency,
            reads(
                "proveConsistency",
                l,
                "Prove that an older log is the beginning of a newer one",
                "Consistency",
            )
            .query(&["from", "to"]),
        )
        .get(
            "/subject-access-request",
            subject_access::get,
            reads("subjectAccess", l, "What is held of one person", "SubjectAccess")
                .query(&["prn", "crn", "fromDate", "toDate"])
                .answers_nothing(204)
                .answers_nothing(209)
                .errors(&[409]),
        )
}

fn routes_of_webhooks(routes: Routes) -> Routes {
    let w = "Webhooks";
    let made = json!({"url": "https://example.gov.uk/hooks", "types": ["duty.breached", "breach.*"]});
    routes
        .get(
            "/v1/webhooks",
            webhooks::list,
            reads("listWebhooks", w, "List who is told of events", "Webhooks"),
        )
        .post(
            "/v1/webhooks",
            webhooks::subscribe,
            Operation::takes("subscribe", w, "Subscribe an address; the secret is shown this once")
                .body_of("application/json", "Subscribe", &made)
                .answers_of(201, "SubscribedWebhook")
                .errors(&[409]),
        )
        .get(
            "/v1/webhooks/{reference}",
            webhooks::one,
            reads("getWebhook", w, "Show one", "Webhook").errors(&[404]),
        )
        .delete(
            "/v1/webhooks/{reference}",
            webhooks::remove,
            Operation::new("removeWebhook", w, "Remove one")
                .answers_nothing(204)
                .errors(&[401, 403, 404, 409, 503]),
        )
        .post(
            "/v1/webhooks/{reference}/rewind",
            webhooks::rewind,
            Operation::takes("rewindWebhook", w, "Set one back: what comes after a position is sent again")
                .body_of("application/json", "Rewind", &json!({"after": 0}))
                .answers_of(200, "Webhook")
                .errors(&[404, 409]),
        )
        .post(
            "/v1/webhooks/{reference}/secret",
            webhooks::rotate,
            Operation::new("rotateWebhookSecret", w, "Change its secret; the new one is shown this once")
                .answers_of(201, "SubscribedWebhook")
                .errors(&[401, 403, 404, 409, 503]),
        )
}

fn service(routes: Routes) -> Routes {
    let is = |id, summary| {
        let up = json!({"type": "object", "required": ["status"]});
        Operation::new(id, "Service", summary).answers(200, "application/json", &up)
    };
    let may_be_down = |id, summary| {
        let down = json!({"type": "object", "required": ["status"]});
        is(id, summary).answers(503, "application/json", &down)
    };
    routes
        .get("/health", health::health, may_be_down("health", "Whether it works, part by part"))
        .get("/health/ping", health::up, is("ping", "Whether it answers"))
        .get("/health/liveness", health::up, is("liveness", "Whether the process lives"))
        .get(
            "/health/readiness",
            health::readiness,
            may_be_down("readiness", "Whether requests should be sent here"),
        )
        .get(
            "/info",
            health::info,
            Operation::new("info", "Service", "What runs here").answers(
                200,
                "application/json",
                &json!({"type": "object"}),
            ),
        )
        .get(
            "/metrics",
            health::metrics,
            Operation::new("metrics", "Service", "Counters for Prometheus")
                .answers(200, "text/plain", &json!({"type": "string"}))
                .errors(&[503]),
        )
}

fn array(schema: &str) -> Value {
    json!({"type": "array", "items": {"$ref": format!("#/components/schemas/{schema}")}})
}

fn one_of(one: &str, other: &str) -> Value {
    let of = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    json!({"oneOf": [of(one), of(other)]})
}
