//! Pages and lists of a server at present and at past moments (P14).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant as Wall};

use anyhow::{Context as _, ensure};
use mandate_domain::time::{Clock as _, SystemClock};
use mandate_projections::Projections;
use mandate_store::{Options, Store};

use super::{busy, start};

/// Requests of each page at the moments of the promise, and at others, which take longer.
const REQUESTS: u32 = 200;
const OTHER_REQUESTS: u32 = 20;
/// Days over which past moments are spread, back from the last fact.
const DAYS: u32 = 540;

/// Per cent of a core below which a server has nothing to do.
const IDLE: f64 = 5.0;

/// What is asked for; `FROM` and `TO` are the three months before the moment.
const PAGES: [(&str, &str); 9] = [
    ("dashboard area x rule", "/v1/compliance?by=area,rule&from=FROM&to=TO"),
    ("page of the dashboard", "/compliance?audience=everyone"),
    ("board report", "/board?audience=everyone"),
    ("board report of an area", "/board?audience=everyone&area=A07"),
    ("page of an area", "/areas/A07?"),
    ("duties of an area", "/v1/duties?area=A07&size=50"),
    ("breaches of an area", "/v1/duties?area=A07&breach=true&size=50"),
    ("duties, all areas", "/v1/duties?size=50"),
    ("page of the duties", "/duties?area=A07"),
];

/// At which moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    /// As at and as known at the end of a past day.
    Then,
    /// As at a past day, as known now.
    AsAt,
    /// As at now, as known at a past day.
    KnownAt,
}

/// Starts a server on the log and its tables, and prints how long pages take.
pub(crate) fn measure(data: &Path) -> anyhow::Result<()> {
    let last = {
        let store = Store::open(Options::new(data, Arc::new(SystemClock)))?;
        Projections::open(data, &store)?.advance(SystemClock.now())?;
        store.reader().head()?.recorded_at.london_date()
    };
    // What the scheduler makes of a history that it sees for the first time is mailed before anything is measured.
    let configuration = data.with_extension("toml");
    std::fs::write(
        &configuration,
        "[mail]\ndomains = [\"example.org\"]\nper_minute = 60000\ndigest = \"off\"\n",
    )?;
    let mails = data.with_extension("mail");
    let files = [&configuration, &mails].map(|file| file.display().to_string());
    let (server, address, _) = start(data, &["--config", &files[0], "--mail-dir", &files[1]])?;
    let server = Running(server);
    settle(&server.0, data)?;
    // Who is who is read from the log when it is first asked.
    let first = get(address, "/v1/duties?size=1")?;
    println!("P14  the first request after a start {:.0} ms", first.as_secs_f64() * 1e3);
    let asked = |page: &str, when: When, request: u32| {
        // A step that is no divisor of the number of days leads round all of them.
        let back = i32::try_from(request * 211 % DAYS).unwrap_or(0) + 1;
        let day = if when == When::Now { last } else { last.plus_days(-back) };
        let to = if when == When::KnownAt { last } else { day };
        let from = to.plus_months(-3).next();
        let page = page.replace("FROM", &from.to_string()).replace("TO", &to.to_string());
        match when {
            When::Now => page,
            When::Then => format!("{page}&asAt={day}&knownAt={day}"),
            When::AsAt => format!("{page}&asAt={day}"),
            When::KnownAt => format!("{page}&knownAt={day}"),
        }
    };
    for (name, page) in PAGES {
        for (when, words, promised) in [
            (When::Now, "now", 50.0),
            (When::Then, "as at and known at a past day", 150.0),
            (When::AsAt, "as at a past day", 150.0),
            (When::KnownAt, "as known at a past day", 150.0),
        ] {
            let mut took: Vec<Duration> = Vec::new();
            let requests = if matches!(when, When::Now | When::Then) { REQUESTS } else { OTHER_REQUESTS };
            for request in 0..requests {
                took.push(get(address, &asked(page, when, request))?);
            }
            took.sort_unstable();
            let at = |share: usize| {
                took.get((took.len() * share / 100).min(took.len() - 1)).map_or(0.0, Duration::as_secs_f64)
                    * 1e3
            };
            let (p50, p99) = (at(50), at(99));
            println!(
                "P14  {name:<24} {words:<30} p50 {p50:>8.1} ms  p99 {p99:>8.1} ms  promised at most {promised} ms"
            );
        }
    }
    Ok(())
}

/// A server that is ended also where a page fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the server has nothing left to raise and no mail waits.
fn settle(server: &Child, data: &Path) -> anyhow::Result<()> {
    let started = Wall::now();
    while busy(server, Duration::from_secs(5)) > IDLE
        || !Projections::mail_of(data, SystemClock.now())?.waiting.is_empty()
    {}
    println!("P14  nothing is left to raise or to mail after {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Asks for a page, and how long that took.
fn get(address: SocketAddr, page: &str) -> anyhow::Result<Duration> {
    let started = Wall::now();
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {page} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let took = started.elapsed();
    let head = answer.split(|byte| *byte == b'\r').next().context("no answer")?;
    ensure!(head.starts_with(b"HTTP/1.1 200"), "{page}: {}", String::from_utf8_lossy(head));
    Ok(took)
}
