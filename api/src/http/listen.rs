//! The listener: connections are bounded in number, in time and in the size of their headers, and end in order.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

/// Connections at once; more wait until one ends.
const MAX_CONNECTIONS: usize = 1_024;
/// How long the headers of a request may take.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Bytes of the headers of a request.
const MAX_HEADER_BYTES: usize = 32 << 10;
/// How long requests in hand may take after the server was told to stop.
const LAST_TIME: Duration = Duration::from_secs(20);
/// After the system could not give a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves a router until `shutdown` completes and the requests in hand are answered.
///
/// # Errors
/// [`io::Error`] when the address of the listener cannot be read.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await.ok()?;
            Some((listener.accept().await, permit))
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = next => accepted,
        };
        match accepted {
            Some((Ok((stream, _)), permit)) => take(stream, router.clone(), &graceful, permit),
            Some((Err(error), _)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
            None => break,
        }
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(LAST_TIME) => tracing::warn!("requests in hand were cut off at the end"),
    }
    Ok(address)
}

fn take(stream: TcpStream, router: Router, graceful: &GracefulShutdown, permit: OwnedSemaphorePermit) {
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move { Ok::<_, Infallible>(answer(router, request.map(Body::new)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        // A client that goes away or breaks the protocol is its own affair.
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(permit);
    });
}

async fn answer(router: Router, request: Request<Body>) -> axum::response::Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
