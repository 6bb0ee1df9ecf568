//! What requests to other servers have in common: how they are connected to, and how a failure is told.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(30);

/// Sends requests over connections that are used again; redirects are not followed.
pub type Pooled<R> = Client<HttpsConnector<HttpConnector<R>>, Full<Bytes>>;

/// Connects over TLS with the public authorities, or in clear where an address says so.
pub fn pooled<R>(mut connector: HttpConnector<R>) -> Pooled<R>
where
    HttpsConnector<HttpConnector<R>>: Connect + Clone,
{
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    let secured = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(2)
        .build(secured)
}

/// The innermost reason, which says most: a refused connection, a certificate, a name.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    mandate_domain::fact::shortened(&innermost.to_string())
}
