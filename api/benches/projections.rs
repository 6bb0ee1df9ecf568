//! The read models: rebuilt (P8), filled by an import (P5), kept up under load (P13), a server with them (P17), and its
//! pages at present and at past moments (P14).
//!
//! Usage: `cargo bench -p mandate-api --bench projections`; `-- --scale 10` for ten times the data, `-- --only p8`
//! (`p5`, `p13`, `p14`, `p17`) for a part, `-- --nominals 90000` for another number of nominals, `-- --kept DIR` to keep the log there and measure pages (p14)
//! again. One line a figure: what, measured, promised, ratio (above 1 keeps the promise).
#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a bench prints its figures, rounded")]

#[path = "support/pages.rs"]
mod pages;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Wall};

use anyhow::{Context as _, ensure};
use mandate_api::bulk::cores;
use mandate_api::generate::{Options as Generated, Scale, generate};
use mandate_api::input::{Texts, read_lines};
use mandate_domain::time::{Clock as _, Instant, SystemClock, VirtualClock};
use mandate_projections::Projections;
use mandate_store::{Claim, Database, Keys, MAX_BATCH, NewEvent, OnError, Options, Store};

/// The same allocator as the program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Nominals that give a million facts.
const NOMINALS: u32 = 14_900;
/// Facts of an hour are recorded at one instant, as a feed delivers them.
const HOUR_SECONDS: i64 = 3_600;
/// Events a second under which P13 is measured, and for how long.
const LOAD: u32 = 3_000;
const LOAD_SECONDS: u32 = 10;
/// Facts that arrive at once.
const ARRIVING: u32 = 30;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1))
    };
    let scale: u32 = value("--scale").map_or(Ok(1), |text| text.parse())?;
    let wanted = |part: &str| value("--only").is_none_or(|only| only == part);
    // A log that is kept is told once, and its pages are measured as often as one likes.
    if let (Some(kept), true) = (value("--kept"), wanted("p14")) {
        let data = Path::new(kept).join("lived");
        if data.exists() {
            return pages::measure(&data);
        }
    }
    let temporary = tempfile::tempdir()?;
    let folder = value("--kept").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let facts = folder.join("facts.jsonl");
    let nominals = value("--nominals").map_or(Ok(NOMINALS * scale), |text| text.parse())?;
    let options = Generated { nominals, ..Generated::scale(Scale::National) };
    let mut out = std::io::BufWriter::new(std::fs::File::create(&facts)?);
    let count = generate(&options, &mut out)?.facts;
    out.flush()?;
    drop(out);
    println!("{count} facts of {} nominals, {} cores", options.nominals, cores());
    if wanted("p5") {
        import(&folder, &facts, count)?;
    }
    if wanted("p8") || wanted("p13") || wanted("p14") || wanted("p17") {
        let data = folder.join("lived");
        live(&data, &facts)?;
        if wanted("p8") {
            rebuild(&data, count)?;
        }
        if wanted("p14") {
            pages::measure(&data)?;
        }
        if wanted("p13") {
            keep_up(&data)?;
        }
        if wanted("p17") {
            serve(&data)?;
        }
    }
    Ok(())
}

/// One line: what, measured, promised, and how much better it is than promised.
fn figure(promise: &str, what: &str, measured: f64, promised: f64, unit: &str, more_is_better: bool) {
    let ratio = if more_is_better { measured / promised } else { promised / measured };
    let bound = if more_is_better { "at least" } else { "at most" };
    println!(
        "{promise:<4} {what:<58} {measured:>10.1} {unit:<8} promised {bound} {promised} {unit}, ratio {ratio:.2}"
    );
}

/// The log as it would have come to be: hour by hour, each recorded when it was told.
fn live(data: &Path, facts: &Path) -> anyhow::Result<()> {
    let started = Wall::now();
    let clock = Arc::new(VirtualClock::new(Instant::parse("2020-01-01T00:00:00Z")?));
    Keys::create(&data.join("keys/kek"))?;
    let store = Store::open(Options::new(data, clock.clone()))?;
    let mut waiting: Vec<NewEvent> = Vec::new();
    let mut until = Instant::MIN;
    let state = |waiting: &mut Vec<NewEvent>, until: Instant| -> anyhow::Result<()> {
        clock.set(until);
        for outcome in store.append_blocking(std::mem::take(waiting), OnError::Each)? {
            ensure!(outcome.position().is_some(), "{outcome:?}");
        }
        Ok(())
    };
    read_lines::<anyhow::Error>(facts, cores(), Texts::Kept, |line| {
        let fact = line.fact.map_err(|bad| anyhow::anyhow!("line {}: {}", bad.line, bad.reason))?;
        let recorded = fact.recorded_or_time();
        if recorded > until || waiting.len() >= MAX_BATCH {
            if !waiting.is_empty() {
                state(&mut waiting, until)?;
            }
            while recorded > until {
                until = if until == Instant::MIN { recorded } else { until.plus_seconds(HOUR_SECONDS) };
            }
        }
        waiting.push(NewEvent::of_parsed(fact, &line.text.unwrap_or_default(), Claim::Ignore)?);
        Ok(())
    })?;
    state(&mut waiting, until)?;
    println!("a log that was told hour by hour: {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// P8: everything made anew; as the tables that were followed page by page.
fn rebuild(data: &Path, count: u64) -> anyhow::Result<()> {
    let store = Store::open(Options::new(data, Arc::new(SystemClock)))?;
    let promised = 5.0 * count as f64 / 1e6;
    for round in ["cold", "again"] {
        let started = Wall::now();
        let progress = Projections::rebuild(data, &store)?;
        ensure!(progress.position.get() == count, "{progress:?}");
        let seconds = started.elapsed().as_secs_f64();
        figure("P8", &format!("rebuild of {count} events, {round}"), seconds, promised, "s", false);
    }
    let projections = Projections::open(data, &store)?;
    let rows: u64 = projections.tables()?.iter().map(|table| table.rows).sum();
    println!("     {rows} rows, {} MB", std::fs::metadata(data.join("read.db"))?.len() >> 20);
    Ok(())
}

/// P5: the program imports a file, durable, judged and projected.
fn import(folder: &Path, facts: &Path, count: u64) -> anyhow::Result<()> {
    let data = folder.join("imported");
    let run = |arguments: &[&std::ffi::OsStr]| -> anyhow::Result<u64> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mandate"));
        let mut child = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut peak = 0;
        let status = loop {
            peak = memory(&child, "VmHWM:").max(peak);
            if let Some(status) = child.try_wait()? {
                break status;
            }
            pause(Duration::from_millis(20));
        };
        ensure!(status.success(), "{status}");
        Ok(peak)
    };
    let flag = std::ffi::OsStr::new("--data-dir");
    run(&["init".as_ref(), "--empty".as_ref(), flag, data.as_os_str()])?;
    let started = Wall::now();
    let peak = run(&["import".as_ref(), facts.as_os_str(), flag, data.as_os_str()])?;
    let rate = count as f64 / started.elapsed().as_secs_f64();
    figure("P5", &format!("import of {count} facts, judged and projected"), rate, 50_000.0, "facts/s", true);
    figure("P5", "memory of the import", peak as f64 / 1024.0, 300.0, "MB", false);
    let reader = Store::open_read_only(&data, &Database::Sqlite)?;
    let status = Projections::status(&data, &reader)?;
    ensure!(status.behind == 0 && status.waiting == 0, "{status:?}");
    std::fs::remove_dir_all(&data)?;
    Ok(())
}

/// P13: facts arrive at a steady rate while another thread follows; how long until each is in the tables.
fn keep_up(data: &Path) -> anyhow::Result<()> {
    let store = Store::open(Options::new(data, Arc::new(SystemClock)))?;
    let projections = Projections::open(data, &store)?;
    projections.advance(SystemClock.now())?;
    let subjects: Vec<String> = projections
        .subjects(mandate_domain::catalogue::SubjectKind::Nominal, &[], 0, 10_000)?
        .content
        .into_iter()
        .map(|row| row.subject)
        .collect();
    let stop = AtomicBool::new(false);
    let head = store.watch();
    let (slowest, commits, behind) = std::thread::scope(|scope| -> anyhow::Result<_> {
        let follower = scope.spawn(|| -> anyhow::Result<()> {
            while !stop.load(Ordering::Relaxed) {
                projections.advance(SystemClock.now())?;
                if !head.has_changed().unwrap_or(false) {
                    pause(Duration::from_micros(200));
                }
            }
            Ok(())
        });
        let mut sent: Vec<(u64, Wall)> = Vec::new();
        let mut seen: Vec<Duration> = Vec::new();
        let started = Wall::now();
        let commits = LOAD * LOAD_SECONDS / ARRIVING;
        let look = |sent: &mut Vec<(u64, Wall)>, seen: &mut Vec<Duration>| -> anyhow::Result<()> {
            let reached = projections.progress()?.position.get();
            let now = Wall::now();
            sent.retain(|(position, committed)| {
                if *position <= reached {
                    seen.push(now - *committed);
                }
                *position > reached
            });
            Ok(())
        };
        for commit in 0..commits {
            let due = Duration::from_secs(u64::from(LOAD_SECONDS)) * commit / commits;
            while started.elapsed() < due {
                look(&mut sent, &mut seen)?;
                pause(Duration::from_micros(500));
            }
            let events = (0..ARRIVING)
                .map(|n| arriving(commit * ARRIVING + n, &subjects))
                .collect::<anyhow::Result<Vec<_>>>()?;
            let outcomes = store.append_blocking(events, OnError::All)?;
            let last = outcomes.last().and_then(mandate_store::Outcome::position).context("refused")?;
            sent.push((last.get(), Wall::now()));
            look(&mut sent, &mut seen)?;
        }
        let took = started.elapsed().as_secs_f64();
        let behind = sent.len();
        while !sent.is_empty() {
            look(&mut sent, &mut seen)?;
            pause(Duration::from_micros(500));
        }
        stop.store(true, Ordering::Relaxed);
        follower.join().map_err(|_| anyhow::anyhow!("the follower failed"))??;
        seen.sort_unstable();
        println!("     {:.0} events/s arrived", f64::from(commits * ARRIVING) / took);
        Ok((seen, commits, behind))
    })?;
    let at = |share: usize| slowest.get(slowest.len() * share / 100).copied().unwrap_or_default();
    println!("     {commits} commits of {ARRIVING}, {behind} not yet visible at the end");
    println!("     p50 {:.1} ms, p90 {:.1} ms", at(50).as_secs_f64() * 1e3, at(90).as_secs_f64() * 1e3);
    let p99 = at(99).as_secs_f64() * 1e3;
    figure("P13", &format!("commit until visible, p99 at {LOAD} events/s"), p99, 100.0, "ms", false);
    drop(projections);
    let compared = Projections::compare(data, store.reader())?;
    let same = if compared.live == compared.rebuilt { "the same" } else { "DIFFERENT" };
    println!("P8   the tables followed live beside those made anew: {same}");
    ensure!(compared.differences.is_empty(), "{:#?}", compared.differences);
    Ok(())
}

fn arriving(n: u32, subjects: &[String]) -> anyhow::Result<NewEvent> {
    let now = SystemClock.now();
    // A step that is no divisor of the number of subjects leads round all of them.
    let subject = subjects.get(n as usize * 7919 % subjects.len().max(1)).context("no nominals")?;
    let text = format!(
        r#"{{"specversion":"1.0","id":"load-{}-{n}","source":"/load","type":"oasys.completed","subject":"{subject}","time":"{now}","data":{{"assessment":"load-{n}"}}}}"#,
        std::process::id()
    );
    Ok(NewEvent::parse(&text, Claim::Ignore)?)
}

/// P17: a server with a million events and read models that are up to date.
fn serve(data: &Path) -> anyhow::Result<()> {
    {
        let store = Store::open(Options::new(data, Arc::new(SystemClock)))?;
        Projections::open(data, &store)?.advance(SystemClock.now())?;
    }
    // The first server raises and tells what was missed in all those months, by mail as well; the one measured finds that
    // done.
    let config = data.join("mandate.toml");
    std::fs::write(&config, "[mail]\ndomains = [\"example.org\"]\nper_minute = 1000000\n")?;
    let config = config.to_string_lossy();
    let with = ["--config", &*config];
    let (mut first, ..) = start(data, &with)?;
    let settled = Wall::now();
    while busy(&first, Duration::from_secs(5)) > 1.0 {
        ensure!(settled.elapsed() < Duration::from_mins(20), "the server does not come to rest");
    }
    println!("     a first server came to rest after {:.0} s", settled.elapsed().as_secs_f64());
    stop(&mut first)?;
    let (mut server, _, seconds) = start(data, &with)?;
    figure("P17", "start of the server until it is ready", seconds, 1.0, "s", false);
    pause(Duration::from_secs(5));
    let used = busy(&server, Duration::from_secs(10));
    figure("P17", "memory of an idle server", memory(&server, "VmRSS:") as f64 / 1024.0, 60.0, "MB", false);
    println!("P17  processor of an idle server {used:.1} % of a core, promised at most 1 %");
    stop(&mut server)
}

/// Starts a server; answers with where it listens and the seconds until it was ready.
fn start(data: &Path, more: &[&str]) -> anyhow::Result<(Child, std::net::SocketAddr, f64)> {
    let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let started = Wall::now();
    let server = Command::new(env!("CARGO_BIN_EXE_mandate"))
        .args(["serve", "--listen", &listen.to_string(), "--data-dir"])
        .arg(data)
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let ready = || -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = std::net::TcpStream::connect(listen)?;
            write!(stream, "GET /health/readiness HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n")?;
            std::io::read_to_string(stream)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    };
    while !ready() {
        ensure!(started.elapsed() < Duration::from_mins(1), "the server is not ready after a minute");
        pause(Duration::from_millis(5));
    }
    Ok((server, listen, started.elapsed().as_secs_f64()))
}

fn stop(server: &mut Child) -> anyhow::Result<()> {
    server.kill()?;
    server.wait()?;
    Ok(())
}

/// Share of a core that a process uses for a while, in per cent.
fn busy(server: &Child, time: Duration) -> f64 {
    let before = processor_ticks(server);
    pause(time);
    // A tick is 10 ms, so that 100 ticks a second are a whole core.
    (processor_ticks(server) - before) as f64 / time.as_secs_f64()
}

/// A figure of a process in kilobytes, where the system tells.
fn memory(child: &Child, name: &str) -> u64 {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{}/status", child.id())));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Processor time that a process has used, in ticks of the system.
fn processor_ticks(child: &Child) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or("");
    after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum()
}

/// Waits: what is measured here is time.
fn pause(time: Duration) {
    let (told, heard) = std::sync::mpsc::channel::<()>();
    // Nobody ever tells anything.
    let _ = heard.recv_timeout(time);
    drop(told);
}
