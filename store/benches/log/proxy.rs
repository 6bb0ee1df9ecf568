//! A proxy on loopback that counts round trips.
//!
//! A round trip is what a client sends up to the next thing it hears: the first bytes from a client after bytes from
//! the server (or after the start) count one, however many packets or messages they come in. A client that waits for
//! each answer is counted exactly; one that sends on while an answer is on its way is counted too low, never too
//! high.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::postgres::PgConnectOptions;

/// A proxy to the Unix socket of a server; its threads end with the process.
pub struct Proxy {
    url: String,
    turns: Arc<AtomicU64>,
}

impl Proxy {
    /// Listens before the database of an address.
    pub fn start(url: &str) -> Self {
        let behind = PgConnectOptions::from_str(url).unwrap();
        let socket: PathBuf = behind.get_socket().unwrap().join(format!(".s.PGSQL.{}", behind.get_port()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (user, database) = (behind.get_username(), behind.get_database().unwrap());
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}?sslmode=disable");
        let turns = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&turns);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                relay(&client.unwrap(), &UnixStream::connect(&socket).unwrap(), &counted);
            }
        });
        Self { url, turns }
    }

    /// The database's address through the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Round trips so far, of all connections.
    pub fn round_trips(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }
}

fn relay(client: &TcpStream, server: &UnixStream, turns: &Arc<AtomicU64>) {
    client.set_nodelay(true).unwrap();
    let asking = Arc::new(AtomicBool::new(false));
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let (asks, turns) = (Arc::clone(&asking), Arc::clone(turns));
    std::thread::spawn(move || {
        pump(&mut from_client, &mut to_server, || {
            if !asks.swap(true, Ordering::SeqCst) {
                turns.fetch_add(1, Ordering::SeqCst);
            }
        });
        drop(to_server.shutdown(Shutdown::Both));
    });
    std::thread::spawn(move || {
        // Before it is passed on, so that what the client sends upon it is counted.
        pump(&mut from_server, &mut to_client, || asking.store(false, Ordering::SeqCst));
        drop(to_client.shutdown(Shutdown::Both));
    });
}

fn pump(from: &mut impl Read, to: &mut impl Write, mut seen: impl FnMut()) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        seen();
        if buffer.get(..length).is_none_or(|bytes| to.write_all(bytes).is_err()) {
            break;
        }
    }
}
