//! The listener itself: slow clients are cut, requests in hand are answered before the end.

use mandate_api::http::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::server::Server;

/// The server on a port of its own, until the sender is used.
async fn listening(server: &Server) -> (TcpStream, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let router = server.router.clone();
    let running = tokio::spawn(async move {
        serve(listener, router, async { drop(stopped.await) }).await.unwrap();
    });
    (TcpStream::connect(address).await.unwrap(), stop, running)
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut may be reset as well as closed.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Time stands still but for timers, which pass at once when nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_its_headers_is_cut() {
    let server = Server::open_to_anyone();
    let (mut stream, _stop, _running) = listening(&server).await;
    stream.write_all(b"GET /health/ping HTTP/1.1\r\nHost: local").await.unwrap();
    let told = rest(&mut stream).await;
    assert!(!told.contains(" 200 "), "{told}");
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let server = Server::open_to_anyone();
    let (mut stream, _stop, _running) = listening(&server).await;
    stream.write_all(b"GET /health/ping HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();
    let line = format!("X-Long: {}\r\n", "x".repeat(8_000));
    for _ in 0..100 {
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let told = rest(&mut stream).await;
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 431"), "{told}");
}

#[tokio::test]
async fn a_request_in_hand_is_answered_before_the_end() {
    let server = Server::open_to_anyone();
    let (mut stream, stop, running) = listening(&server).await;
    let body = r#"{"specversion":"1.0","id":"a","source":"/t","type":"nominal.died","subject":"nominal/N1","time":"2026-03-02T09:00:00Z"}"#;
    let head = format!(
        "POST /v1/facts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents+json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body once it has taken the request; only then is it told to stop.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100 Continue"));
    stop.send(()).unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let told = rest(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 202"), "{told}");
    running.await.unwrap();
    assert_eq!(server.stored(), 1);
}
