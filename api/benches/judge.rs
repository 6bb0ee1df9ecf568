//! `mandate judge` against only decoding the same file: same fact type, same threads, same run (promise P6); and
//! `mandate policy backtest` against one judging of the same history (promise P7).
//!
//! Usage: `cargo bench --package mandate-api --bench judge -- FILE`; without a file a small history is made.
#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a bench prints its figures, rounded")]

use std::path::{Path, PathBuf};
use std::time::Instant as Wall;

use mandate_api::backtest::{Asked, run as backtest};
use mandate_api::bulk::{Gathered, cores, judge_all, judge_in_pieces, render};
use mandate_api::generate::{Options, Scale, generate};
use mandate_api::input::{InputError, Texts, read_lines};
use mandate_domain::calendar::{Announcement, Calendar, Change};
use mandate_domain::judge::backtest::{Compared, Period};
use mandate_domain::judge::{Judge, Verdict, View};
use mandate_domain::policy::{DRAFTS, Policy, PolicyFiles, shipped_draft, shipped_files};
use mandate_domain::time::{Date, Instant};

/// The same allocator as the program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Peak resident memory of this process in megabytes, where the system tells.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

fn decode_only(file: &Path, threads: usize) -> Result<u64, InputError> {
    let mut facts = 0;
    read_lines(file, threads, Texts::Dropped, |line| {
        facts += u64::from(line.fact.is_ok());
        Ok::<(), InputError>(())
    })?;
    Ok(facts)
}

/// What judging a file came to, and the seconds that its parts took.
struct Judged {
    duties: usize,
    bytes: u64,
    reading: f64,
    judging: f64,
    writing: f64,
}

fn judge_file(file: &Path, threads: usize, explain: bool) -> anyhow::Result<Judged> {
    let started = Wall::now();
    let mut gathered = Gathered::default();
    gathered.read(file, threads)?;
    let reading = started.elapsed().as_secs_f64();
    anyhow::ensure!(gathered.bad.is_empty(), "{} lines were refused", gathered.bad.len());
    let now = Instant::parse("2026-11-01T00:00:00Z")?;
    let (policy, calendar) = (Policy::shipped()?, Calendar::shipped()?);
    let judge = Judge::new(&policy, &calendar, &gathered.history, View { as_at: now, known_at: now });
    let verdicts = judge_in_pieces(&judge, threads);
    let judging = started.elapsed().as_secs_f64() - reading;
    let mut bytes = 0;
    let lines = |verdicts: &[Verdict], out: &mut Vec<u8>| {
        if explain {
            judge.write_explained_lines(verdicts, out);
        } else {
            judge.write_json_lines(verdicts, out);
        }
    };
    render(&verdicts, threads, lines, |piece| {
        bytes += piece.len() as u64;
        Ok::<(), std::convert::Infallible>(())
    })?;
    let writing = started.elapsed().as_secs_f64() - reading - judging;
    Ok(Judged { duties: verdicts.iter().map(Vec::len).sum(), bytes, reading, judging, writing })
}

/// Each draft that ships, and one bank holiday more, against one judging of the same history: of the judging alone, and of
/// the whole run with what it takes to decode and gather the file.
fn backtests(file: &Path, threads: usize) -> anyhow::Result<()> {
    let started = Wall::now();
    let mut gathered = Gathered::default();
    gathered.read(file, threads)?;
    let gathering = started.elapsed().as_secs_f64();
    let now = Instant::parse("2026-11-01T00:00:00Z")?;
    let (view, history) = (View { as_at: now, known_at: now }, &gathered.history);
    let (adopted, calendar) = (Policy::shipped()?, Calendar::shipped()?);
    let judge = Judge::new(&adopted, &calendar, history, view);
    let started = Wall::now();
    let duties = judge_all(&judge, threads).len();
    let judging = started.elapsed().as_secs_f64();
    println!("P7 one judging: {duties} duties in {judging:.2} s, after {gathering:.2} s of decoding");
    let one_more = calendar.with([Announcement {
        published: Instant::MIN,
        date: Date::parse("2026-06-15")?,
        title: "one holiday more".to_owned(),
        change: Change::Published,
    }]);
    let drafts = DRAFTS.iter().filter_map(|name| Some((*name, shipped_draft(name)?, None)));
    let draft_calendar = (&"one-holiday-more", PolicyFiles::default(), Some(&one_more));
    for (name, files, draft_calendar) in drafts.chain([draft_calendar].map(|(n, f, c)| (*n, f, c))) {
        let draft = Policy::load(&shipped_files().with(files))?;
        let compared = Compared { adopted: &adopted, calendar: &calendar, draft: &draft, draft_calendar };
        let started = Wall::now();
        let asked = Asked { compared, history, view, period: Period::default() };
        let summary = backtest(&asked, threads, &|_| false, |_| false).summary;
        let took = started.elapsed().as_secs_f64();
        println!(
            "P7 backtest of {name}: {} subjects under both, {} duties move, {} appear, {} vanish, in {took:.2} s: {:.2} x \
             one judging, {:.2} x with decoding (promise: at most 1.30)",
            summary.subjects,
            summary.total.duties_move,
            summary.total.duties_appear,
            summary.total.duties_vanish,
            took / judging,
            (gathering + took) / (gathering + judging),
        );
    }
    println!("P7 peak: {} MB", peak_megabytes());
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let folder = std::env::temp_dir().join(format!("mandate-bench-{}", std::process::id()));
    let file = match named {
        Some(file) => file,
        None => {
            std::fs::create_dir_all(&folder)?;
            let file = folder.join("small.jsonl");
            let mut out = std::io::BufWriter::new(std::fs::File::create(&file)?);
            generate(&Options::scale(Scale::Small), &mut out)?;
            file
        }
    };
    let threads = cores();
    // Once to have the file in the system's cache, then in turn.
    decode_only(&file, threads)?;
    let started = Wall::now();
    let facts = decode_only(&file, threads)?;
    let decoding = started.elapsed().as_secs_f64();
    println!("P6 decode only: {facts} facts in {decoding:.2} s, {:.0} facts/s", facts as f64 / decoding);
    let started = Wall::now();
    let Judged { duties, bytes, reading, judging, writing } = judge_file(&file, threads, false)?;
    let took = started.elapsed().as_secs_f64();
    println!(
        "P6 judge: {duties} duties ({bytes} bytes) in {took:.2} s ({reading:.2} to read, {judging:.2} to judge, \
         {writing:.2} to write), {:.0} facts/s; peak {} MB so far",
        facts as f64 / took,
        peak_megabytes()
    );
    println!("P6 ratio to decoding: {:.2} (promise: at least 0.50)", decoding / took);
    let started = Wall::now();
    judge_file(&file, threads, true)?;
    let explaining = started.elapsed().as_secs_f64();
    println!("P6 with explanations: {explaining:.2} s, {:.2} x (promise: at most 1.30)", explaining / took);
    backtests(&file, threads)?;
    std::fs::remove_dir_all(&folder).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    Ok(())
}
