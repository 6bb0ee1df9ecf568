//! HTTP: the JSON API and the pages on one router.

mod app;
mod attempts;
mod board;
mod body;
mod book;
mod bundle;
mod calendar;
mod caller;
mod commands;
mod compliance;
mod coverage;
mod csv;
mod duties;
mod error;
mod events;
mod facts;
mod front;
mod gate;
mod guard;
mod health;
mod hmpps;
mod listed;
mod listen;
mod lists;
mod log_search;
mod metrics;
mod nominals;
mod openapi;
mod policies;
mod proof;
mod query;
mod readable;
mod reads;
mod reconciliation;
mod registers;
mod reports;
mod rules;
mod schemas;
mod search;
mod sight;
mod site;
mod slots;
mod stream;
mod subject_access;
mod todo;
mod webhooks;
mod whole_log;

use axum::Router;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};

pub use app::{App, Hosts, Parts, Tellers};
pub use book::Books;
pub use caller::Caller;
pub use error::{HttpError, sentence};
pub use events::{Event, event_json};
pub use front::{Peer, Proxies};
pub use gate::table::{Needs, ROWS, Surface};
pub use listen::serve;
pub use metrics::Metrics;
pub use registers::people::people_at;
pub use rules::severity;
pub use sight::Hidden;
pub use site::sessions::{Limits, Sessions, Transport};

/// Answers shorter than this are not compressed.
const COMPRESSED_ABOVE_BYTES: u64 = 1_024;

/// Every address of the server.
pub fn router(app: &App) -> Router {
    let api = openapi::routes().into_router();
    // Pages are not compressed: they show a secret beside what an address may say.
    let compressed = SizeAbove::new(COMPRESSED_ABOVE_BYTES).and(NotForContentType::const_new("text/html"));
    let compressed = compressed.and(NotForContentType::SSE);
    api.merge(site::pages().into_router())
        .fallback(site::not_found)
        .method_not_allowed_fallback(guard::wrong_method)
        .layer(axum::middleware::from_fn_with_state(app.clone(), gate::gate))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(CompressionLayer::new().compress_when(compressed))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app.clone())
}
