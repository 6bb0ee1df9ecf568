//! HTTP: the JSON API and the pages on one router.

mod app;
mod body;
mod book;
mod calendar;
mod commands;
mod compliance;
mod coverage;
mod csv;
mod duties;
mod error;
mod events;
mod facts;
mod guard;
mod health;
mod hmpps;
mod listed;
mod listen;
mod lists;
mod metrics;
mod nominals;
mod past;
mod proof;
mod query;
mod reconciliation;
mod registers;
mod reports;
mod rules;
mod schemas;
mod search;
mod sight;
mod site;
mod stream;
mod subject_access;
mod todo;
mod webhooks;

use axum::Router;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};

pub use app::{App, Hosts, Parts, Tellers};
pub use book::Books;
pub use error::{HttpError, sentence};
pub use events::{Event, event_json};
pub use listen::serve;
pub use metrics::Metrics;
pub use sight::{Hidden, Limits};
pub use site::sessions::Sessions;

/// Answers shorter than this are not compressed.
const COMPRESSED_ABOVE_BYTES: u64 = 1_024;

/// Every address of the server.
pub fn router(app: &App) -> Router {
    let api = Router::new()
        .route("/v1/facts", post(facts::post))
        .route("/v1/hmpps-events", post(hmpps::post))
        .route("/v1/quarantine", get(hmpps::list))
        .route("/v1/quarantine/{id}", get(hmpps::one))
        .route("/v1/quarantine/{id}/replay", post(hmpps::replay))
        .route("/v1/quarantine/{id}/discard", post(hmpps::discard))
        .route("/v1/csv", get(csv::list))
        .route("/v1/csv/{register}", get(csv::sample))
        .route("/v1/schemas", get(schemas::list))
        .route("/v1/schemas/{type}", get(schemas::one))
        .route("/v1/duties", get(duties::list))
        .route("/v1/duties/{id}", get(duties::one))
        .route("/v1/duties/{id}/explanation", get(duties::explanation))
        .route("/v1/duties/{id}/history", get(duties::history))
        .route("/v1/nominals", get(nominals::list))
        .route("/v1/nominals/{reference}", get(nominals::one))
        .route("/v1/nominals/{reference}/duties", get(nominals::duties))
        .route("/v1/nominals/{reference}/history", get(nominals::history))
        .route("/v1/nominals/{reference}/access", post(commands::access))
        .route("/v1/commands", get(commands::list))
        .route("/v1/commands/{name}", get(commands::one).post(commands::post))
        .route("/v1/reconciliation", get(reconciliation::list))
        .route("/v1/reconciliation/backlog", get(reconciliation::backlog))
        .route("/v1/coverage", get(coverage::list))
        .route("/v1/people", get(registers::people::list))
        .route("/v1/organisations", get(registers::organisations::list))
        .route("/v1/audits", get(registers::audits::list))
        .route("/v1/attestations", get(registers::attestations::list))
        .route("/v1/terminals", get(registers::terminals::list))
        .route("/v1/retention", get(registers::retention::list))
        .route("/v1/breaches", get(lists::breaches))
        .route("/v1/compliance", get(compliance::list))
        .route("/v1/reports/statistics", get(reports::statistics))
        .route("/v1/todo", get(todo::list))
        .route("/v1/notices", get(lists::notices))
        .route("/v1/events", get(events::list))
        .route("/v1/events/stream", get(stream::open))
        .route("/v1/events/{position}", get(events::one))
        .route("/v1/events/{position}/proof", get(proof::inclusion))
        .route("/v1/checkpoints", get(proof::list))
        .route("/v1/checkpoints/consistency", get(proof::consistency))
        .route("/v1/search", post(search::post))
        .route("/subject-access-request", get(subject_access::get))
        .route("/v1/webhooks", get(webhooks::list).post(webhooks::subscribe))
        .route("/v1/webhooks/{reference}", get(webhooks::one).delete(webhooks::remove))
        .route("/v1/webhooks/{reference}/rewind", post(webhooks::rewind))
        .route("/v1/rules", get(rules::list))
        .route("/v1/rules/{id}", get(rules::one))
        .route("/v1/rules/{id}/versions", get(rules::versions))
        .route("/calendar/{file}", get(calendar::feed))
        .route("/health", get(health::health))
        .route("/health/ping", get(health::up))
        .route("/health/liveness", get(health::up))
        .route("/health/readiness", get(health::readiness))
        .route("/info", get(health::info))
        .route("/metrics", get(health::metrics));
    // Pages are not compressed: they show a secret beside what an address may say.
    let compressed = SizeAbove::new(COMPRESSED_ABOVE_BYTES).and(NotForContentType::const_new("text/html"));
    let compressed = compressed.and(NotForContentType::SSE);
    api.merge(site::router())
        .fallback(site::not_found)
        .method_not_allowed_fallback(guard::wrong_method)
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(CompressionLayer::new().compress_when(compressed))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app.clone())
}
