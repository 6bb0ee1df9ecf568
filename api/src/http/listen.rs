//! The listener: connections are bounded in number, over all and for each address, in time and in the size of their headers,
//! and end in order. Whoever does not read what is sent is cut as well as whoever does not send what was begun.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
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
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

use super::front::Peer;

/// Connections at once; more wait until one ends.
const MAX_CONNECTIONS: usize = 1_024;
/// Connections of one address at once, which may be that of a proxy; more are closed, so that the others have room.
const MAX_OF_ONE: usize = 768;
/// How long somebody may leave unread what is sent.
const WRITE_TIME: Duration = Duration::from_secs(30);
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
    let guests = Guests::default();
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
            Some((Ok((stream, from)), permit)) => match guests.admit(from.ip()) {
                Some(guest) => take(stream, router.clone(), &graceful, (permit, guest)),
                None => tracing::debug!("a connection was closed: its address has too many"),
            },
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

/// How many connections each address has.
#[derive(Debug, Clone, Default)]
struct Guests(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of an address.
struct Guest {
    guests: Guests,
    from: IpAddr,
}

impl Guests {
    fn admit(&self, from: IpAddr) -> Option<Guest> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counts.entry(from).or_default();
        if *own >= MAX_OF_ONE {
            return None;
        }
        *own += 1;
        Some(Guest { guests: self.clone(), from })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = counts.get_mut(&self.from).map(|own| {
            *own = own.saturating_sub(1);
            *own
        });
        if left == Some(0) {
            counts.remove(&self.from);
        }
    }
}

fn take(stream: TcpStream, router: Router, graceful: &GracefulShutdown, room: (OwnedSemaphorePermit, Guest)) {
    let from = room.1.from;
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(from));
        async move { Ok::<_, Infallible>(answer(router, request).await) }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIME));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        // A client that goes away or breaks the protocol is its own affair.
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(room);
    });
}

async fn answer(router: Router, request: Request<Body>) -> axum::response::Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_connections_and_gives_them_back() {
        let guests = Guests::default();
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut own: Vec<Guest> = (0..MAX_OF_ONE).map(|_| guests.admit(one).unwrap()).collect();
        assert!(guests.admit(one).is_none() && guests.admit(other).is_some());
        own.pop();
        assert!(guests.admit(one).is_some());
        drop(own);
        assert!(guests.0.lock().unwrap().is_empty());
    }
}
