//! The listener itself: slow clients are cut, requests in hand are answered before the end.

use mandate_api::http::{Caller, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
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

#[tokio::test]
async fn slow_clients_are_cut_and_others_are_answered_meanwhile() {
    let server = Server::open_to_anyone();
    let (mut other, _stop, _running) = listening(&server).await;
    let address = other.peer_addr().unwrap();
    let mut slow = Vec::new();
    for number in 0..150 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let begun: &[u8] = if number % 2 == 0 {
            b"GET /health/ping HTTP/1.1\r\nHost: local"
        } else {
            b"POST /v1/facts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents+json\r\n\
              Content-Length: 8000000\r\n\r\n{"
        };
        stream.write_all(begun).await.unwrap();
        slow.push(stream);
    }
    other
        .write_all(b"GET /health/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let told = rest(&mut other).await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    // From here on time passes when nothing else is to be done.
    tokio::time::pause();
    for (number, stream) in slow.iter_mut().enumerate() {
        let told = rest(stream).await;
        assert!(number % 2 == 0 || told.starts_with("HTTP/1.1 408"), "{number}: {told}");
        assert!(!told.contains(" 200 "), "{number}: {told}");
    }
}

#[tokio::test]
async fn whoever_does_not_read_what_is_sent_loses_their_place() {
    const FACTS: usize = 9_000;
    let server = Server::open_to_anyone();
    let facts: Vec<Value> = (0..FACTS)
        .map(|number| {
            json!({"specversion": "1.0", "id": format!("{number}-{}", "x".repeat(400)), "source": "/t",
                   "type": "meeting.held", "subject": format!("nominal/N{number}"), "time": "2026-03-02T09:00:00Z",
                   "data": {"meeting": "m".repeat(400), "level": 3}})
        })
        .collect();
    for part in facts.chunks(3_000) {
        server.state(part).await;
    }
    // One place is left.
    let places: Vec<_> = (0..99).map(|_| server.app.room_for_a_stream(&Caller::Here).unwrap()).collect();
    let (opened, _stop, _running) = listening(&server).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(opened.peer_addr().unwrap()).await.unwrap();
    stream.write_all(b"GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    assert!(server.app.room_for_a_stream(&Caller::Here).is_none(), "the last place is taken");
    tokio::time::pause();
    let mut waited = 0;
    while server.app.room_for_a_stream(&Caller::Here).is_none() {
        assert!(waited < 300, "the place was kept for {waited} s");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        waited += 1;
    }
    drop(places);
}
