//! HTTP over a socket of its own, byte by byte, and a way there that can be cut.

use std::net::SocketAddr;

use axum::Router;
use mandate_api::http::serve;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server on a port of its own.
pub struct Listening {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Listening {
    pub async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            serve(listener, router, async { drop(stopped.await) }).await.unwrap();
        });
        Self { address, stop, running }
    }

    /// Stops it; returns when every request in hand has come to its end.
    pub async fn end(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
    }
}

/// Where a connection is cut: after so many bytes of the request, or of the answer.
#[derive(Debug, Clone, Copy)]
pub enum Cut {
    Request(usize),
    Answer(usize),
}

/// A proxy for one connection, which it cuts at both ends.
pub async fn cut_at(server: SocketAddr, cut: Cut) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(server).await.unwrap();
        // Nothing is held back until more comes: the byte after which it is cut is the last to arrive.
        server.set_nodelay(true).unwrap();
        let (request, answer) = match cut {
            Cut::Request(bytes) => (bytes, usize::MAX),
            Cut::Answer(bytes) => (usize::MAX, bytes),
        };
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        // Both streams are dropped as soon as either way has had its bytes.
        tokio::select! {
            () = pass(&mut from_client, &mut to_server, request) => {}
            () = pass(&mut from_server, &mut to_client, answer) => {}
        }
    });
    address
}

/// Passes so many bytes on, or all up to the end.
async fn pass(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), mut bytes: usize) {
    let mut buffer = [0; 4_096];
    while bytes > 0 {
        let most = bytes.min(buffer.len());
        match from.read(&mut buffer[..most]).await {
            Ok(0) | Err(_) => return,
            Ok(read) if to.write_all(&buffer[..read]).await.is_err() => {
                bytes -= read;
            }
            Ok(read) => bytes -= read,
        }
    }
}

/// A batch of facts as a request that closes its connection.
pub fn post_facts(body: &str) -> String {
    format!(
        "POST /v1/facts?on_error=all HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/cloudevents-batch+json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request and returns what came back before the connection ended, however it ended.
pub async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut told = Vec::new();
    // The other end may hang up while this is still being sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.read_to_end(&mut told).await;
    String::from_utf8_lossy(&told).into_owned()
}

/// The body of an answer with a status, if all of it arrived.
pub fn whole_body(told: &str, status: u16) -> Option<&str> {
    let (head, body) = told.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    if !lines.next()?.starts_with(&format!("HTTP/1.1 {status} ")) {
        return None;
    }
    let lengths = lines.filter_map(|line| line.split_once(':'));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = lengths.next()?.1.trim().parse().ok()?;
    (body.len() == length).then_some(body)
}
