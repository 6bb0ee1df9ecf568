//! Every address with the right that it takes: one table for people, machines and auditors of the program.
//!
//! An address without a row is refused, and fails a test.

use mandate_domain::rights::Right as R;

/// What an address takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it tells nothing of what is in the log.
    Nothing,
    /// Somebody who is known: a user in the role, or a machine.
    Known,
    /// A right, where the person belongs.
    Right(R),
    /// A right in the one subject, or in each row, where that is answered for; the handler asks for it.
    RightIn(R),
    /// Either of two rights, where the person belongs; the handler asks for more where more is told.
    Either(R, R),
    /// A person; the list of commands says which right each takes.
    Command,
    /// A token, whose entry or roles say what may be stated with it.
    Teller,
    /// A token for requests of subject access.
    SubjectAccess,
    /// The secret in the address itself.
    SecretInAddress,
    /// The demonstration; elsewhere it is not there.
    Demonstration,
}

/// How an address answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// To programs.
    Api,
    /// To people.
    Page,
}

/// One row: method, address, surface, what it takes.
pub type Row = (&'static str, &'static str, Surface, Needs);

const fn api(method: &'static str, path: &'static str, needs: Needs) -> Row {
    (method, path, Surface::Api, needs)
}

const fn page(method: &'static str, path: &'static str, needs: Needs) -> Row {
    (method, path, Surface::Page, needs)
}

/// The table.
pub const ROWS: &[Row] = &[
    // The service itself, and what is written of it.
    api("GET", "/health", Needs::Nothing),
    api("GET", "/health/ping", Needs::Nothing),
    api("GET", "/health/liveness", Needs::Nothing),
    api("GET", "/health/readiness", Needs::Nothing),
    api("GET", "/info", Needs::Nothing),
    api("GET", "/metrics", Needs::Nothing),
    api("GET", "/v3/api-docs", Needs::Nothing),
    page("GET", "/swagger-ui", Needs::Nothing),
    page("GET", "/assets/{file}", Needs::Nothing),
    page("GET", "/accessibility", Needs::Nothing),
    page("GET", "/help", Needs::Nothing),
    api("GET", "/v1/csv", Needs::Nothing),
    api("GET", "/v1/csv/{register}", Needs::Nothing),
    api("GET", "/v1/schemas", Needs::Nothing),
    api("GET", "/v1/schemas/{type}", Needs::Nothing),
    api("GET", "/v1/commands", Needs::Nothing),
    api("GET", "/v1/commands/{name}", Needs::Nothing),
    // Signing in and out.
    page("GET", "/sign-in", Needs::Nothing),
    page("POST", "/sign-in", Needs::Nothing),
    page("GET", "/sign-in/issuer", Needs::Nothing),
    page("GET", "/sign-in/callback", Needs::Nothing),
    page("POST", "/sign-out", Needs::Nothing),
    // What is stated and done.
    api("POST", "/v1/facts", Needs::Teller),
    api("POST", "/v1/hmpps-events", Needs::Teller),
    api("POST", "/v1/quarantine/{id}/replay", Needs::Teller),
    api("POST", "/v1/quarantine/{id}/discard", Needs::Teller),
    api("POST", "/v1/commands/{name}", Needs::Command),
    api("POST", "/v1/nominals/{reference}/access", Needs::Command),
    api("POST", "/v1/search", Needs::Either(R::OpenRecord, R::ReadLog)),
    page("POST", "/nominals/{reference}/access", Needs::Right(R::OpenRecord)),
    page("POST", "/search", Needs::Right(R::SeeDuties)),
    page("POST", "/quarantine/{id}/replay", Needs::Right(R::SettleQuarantine)),
    page("POST", "/quarantine/{id}/discard", Needs::Right(R::SettleQuarantine)),
    // Nominals and duties.
    api("GET", "/v1/nominals", Needs::Right(R::SeeAll)),
    api("GET", "/v1/nominals/{reference}", Needs::RightIn(R::SeeNominal)),
    api("GET", "/v1/nominals/{reference}/duties", Needs::RightIn(R::SeeNominal)),
    api("GET", "/v1/nominals/{reference}/history", Needs::RightIn(R::SeeNominal)),
    api("GET", "/v1/duties", Needs::Right(R::SeeDuties)),
    api("GET", "/v1/duties/{id}", Needs::RightIn(R::SeeDuty)),
    api("GET", "/v1/duties/{id}/explanation", Needs::RightIn(R::SeeDuty)),
    api("GET", "/v1/duties/{id}/derivation", Needs::RightIn(R::SeeDuty)),
    api("GET", "/v1/duties/{id}/history", Needs::RightIn(R::SeeDuty)),
    api("GET", "/v1/breaches", Needs::Right(R::SeeDuties)),
    // Mail and messages that could not be delivered or used: whoever mends the one mends the other.
    api("GET", "/v1/notices", Needs::Right(R::SeeQuarantine)),
    api("GET", "/v1/todo", Needs::Right(R::SeeDuties)),
    api("GET", "/calendar/{file}", Needs::SecretInAddress),
    page("GET", "/", Needs::Known),
    page("GET", "/work", Needs::Right(R::SeeDuties)),
    page("GET", "/duties", Needs::Right(R::SeeDuties)),
    page("GET", "/duties/{reference}", Needs::RightIn(R::SeeDuty)),
    page("GET", "/nominals/{reference}", Needs::RightIn(R::SeeNominal)),
    // Forms of commands; what each offers follows from the person and the subject.
    page("GET", "/act", Needs::Known),
    page("GET", "/act/{command}", Needs::Known),
    page("POST", "/act/{command}", Needs::Command),
    // Registers.
    api("GET", "/v1/people", Needs::RightIn(R::SeePeople)),
    api("GET", "/v1/organisations", Needs::RightIn(R::SeeRegisters)),
    api("GET", "/v1/terminals", Needs::RightIn(R::SeeRegisters)),
    api("GET", "/v1/audits", Needs::RightIn(R::SeeRegisters)),
    api("GET", "/v1/attestations", Needs::RightIn(R::SeeRegisters)),
    api("GET", "/v1/retention", Needs::RightIn(R::SeeRetention)),
    page("GET", "/people", Needs::RightIn(R::SeePeople)),
    page("GET", "/organisations", Needs::RightIn(R::SeeRegisters)),
    page("GET", "/terminals", Needs::RightIn(R::SeeRegisters)),
    page("GET", "/audits", Needs::RightIn(R::SeeRegisters)),
    page("GET", "/attestations", Needs::RightIn(R::SeeRegisters)),
    page("GET", "/retention", Needs::RightIn(R::SeeRetention)),
    // Reports: a board sees aggregates.
    api("GET", "/v1/compliance", Needs::Either(R::SeeRegisters, R::SeeBoard)),
    api("GET", "/v1/reports/statistics", Needs::Right(R::SeeDuties)),
    api("GET", "/v1/reconciliation", Needs::Right(R::SeeDuties)),
    api("GET", "/v1/reconciliation/backlog", Needs::Right(R::SeeDuties)),
    page("GET", "/compliance", Needs::Either(R::SeeRegisters, R::SeeBoard)),
    page("GET", "/board", Needs::Right(R::SeeBoard)),
    page("GET", "/areas/{id}", Needs::Either(R::SeeRegisters, R::SeeBoard)),
    page("GET", "/statistics", Needs::Right(R::SeeDuties)),
    page("GET", "/reconciliation", Needs::Right(R::SeeDuties)),
    page("GET", "/reconciliation/backlog", Needs::Right(R::SeeDuties)),
    // The rule book.
    api("GET", "/v1/coverage", Needs::Known),
    api("GET", "/v1/rules", Needs::Known),
    api("GET", "/v1/rules/{id}", Needs::Known),
    api("GET", "/v1/rules/{id}/versions", Needs::Known),
    page("GET", "/coverage", Needs::Known),
    page("GET", "/rules", Needs::Known),
    page("GET", "/rules/{id}", Needs::Known),
    // What a draft would have changed names duties of every area.
    api("GET", "/v1/policies/backtest", Needs::Right(R::SeeAll)),
    api("POST", "/v1/policies/backtest", Needs::Right(R::SeeAll)),
    api("GET", "/v1/policies/overlap", Needs::Known),
    api("GET", "/v1/policies/readings", Needs::Right(R::SeeAll)),
    page("GET", "/rules/backtest", Needs::Right(R::SeeAll)),
    page("GET", "/rules/overlap", Needs::Known),
    page("GET", "/rules/readings", Needs::Right(R::SeeAll)),
    // The log, and what is wrong.
    api("GET", "/v1/events", Needs::Right(R::ReadLog)),
    api("GET", "/v1/events/stream", Needs::Right(R::ReadLog)),
    api("GET", "/v1/events/{position}", Needs::Right(R::ReadLog)),
    api("GET", "/v1/events/{position}/proof", Needs::Right(R::ReadLog)),
    api("GET", "/v1/bundle", Needs::Right(R::ReadLog)),
    api("GET", "/v1/checkpoints", Needs::Right(R::ReadLog)),
    api("GET", "/v1/checkpoints/consistency", Needs::Right(R::ReadLog)),
    api("GET", "/v1/quarantine", Needs::Right(R::SeeQuarantine)),
    api("GET", "/v1/quarantine/{id}", Needs::Right(R::SeeQuarantine)),
    page("GET", "/quarantine", Needs::Right(R::SeeQuarantine)),
    page("GET", "/quarantine/{id}", Needs::Right(R::SeeQuarantine)),
    page("GET", "/notices", Needs::Right(R::SeeQuarantine)),
    page("GET", "/events", Needs::Right(R::ReadLog)),
    page("GET", "/events/{position}", Needs::Right(R::ReadLog)),
    page("GET", "/assurance", Needs::Right(R::ReadLog)),
    page("GET", "/assurance/auditor.vkey", Needs::Right(R::ReadLog)),
    page("GET", "/assurance/checkpoint.txt", Needs::Right(R::ReadLog)),
    page("GET", "/assurance/request.txt", Needs::Right(R::ReadLog)),
    page("GET", "/assurance/annulments", Needs::Right(R::ReadLog)),
    page("GET", "/assurance/waivers", Needs::Right(R::ReadLog)),
    page("GET", "/assurance/back-dated", Needs::Right(R::ReadLog)),
    page("GET", "/assurance/imported", Needs::Right(R::ReadLog)),
    page("GET", "/assurance/late", Needs::Right(R::ReadLog)),
    page("GET", "/operations", Needs::Known),
    page("GET", "/settings", Needs::Known),
    page("POST", "/settings", Needs::Known),
    api("GET", "/subject-access-request", Needs::SubjectAccess),
    // Who is told of events.
    api("GET", "/v1/webhooks", Needs::Either(R::Administer, R::ReadLog)),
    api("POST", "/v1/webhooks", Needs::Right(R::Administer)),
    api("GET", "/v1/webhooks/{reference}", Needs::Either(R::Administer, R::ReadLog)),
    api("DELETE", "/v1/webhooks/{reference}", Needs::Right(R::Administer)),
    api("POST", "/v1/webhooks/{reference}/rewind", Needs::Right(R::Administer)),
    api("POST", "/v1/webhooks/{reference}/secret", Needs::Right(R::Administer)),
    // The demonstration.
    page("GET", "/inbox", Needs::Demonstration),
    page("GET", "/inbox/{id}", Needs::Demonstration),
    page("GET", "/inbox/{id}/html", Needs::Demonstration),
    page("POST", "/demo/advance", Needs::Demonstration),
];

/// The row of an address; `HEAD` is as `GET`. `Err` says whether the address has a row for another method.
///
/// # Errors
/// Whether another method is known at the address.
pub fn row(method: &str, path: &str) -> Result<&'static Row, bool> {
    let method = if method == "HEAD" { "GET" } else { method };
    let mut at = ROWS.iter().filter(|(_, own, ..)| *own == path).peekable();
    let any = at.peek().is_some();
    at.find(|(own, ..)| *own == method).ok_or(any)
}
