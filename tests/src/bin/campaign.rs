//! A generated history through the whole system under a virtual clock, with kills: the set of breaches in the log, in
//! the read models, in the mails and by judging the exported log is the same; each breach and each mail once. What was
//! recorded before the last days goes in as an import, the rest through `POST /v1/facts`.
//!
//! `campaign drive --nominals N --kills N --days N --seed N [--keep DIR]` makes a history, states it in a child
//! process that it kills again and again, lets it finish, and compares. `campaign live DIR` is the child, and
//! `campaign compare DIR` compares once more what was kept. With `--database postgres` the log is in a private
//! PostgreSQL cluster.
#![expect(clippy::print_stdout, reason = "a campaign prints what it counted")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mandate_api::bulk::{Gathered, cores, judge_all};
use mandate_api::generate::{Options as History, Scale, generate};
use mandate_api::http::{App, Books, Hosts, Metrics, Parts, Proxies, Sessions, Tellers, router};
use mandate_api::input::{InputError, Texts, read_lines};
use mandate_api::webhooks::{Addresses, Webhooks};
use mandate_domain::calendar::Calendar;
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_domain::judge::{Judge, Outcome, View, short_reference};
use mandate_domain::policy::Policy;
use mandate_domain::time::{Instant, VirtualClock};
use mandate_projections::{DutyFilter, Projections};
use mandate_scheduler::{ADMINISTRATOR, AllowedDomains, EmlFiles, Fallback, Mailer, Scheduler, Settings};
use mandate_store::{Claim, Database, Export, Keys, NewEvent, OnError, Options, Position, Store};
use mandate_test_cluster::{Cluster, Options as ClusterOptions};

/// Virtual time between two steps of the live part, in seconds.
const STEP_SECONDS: i64 = 3_600;
/// Events in one batch.
const BATCH: usize = 2_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["live", folder] => live(Path::new(folder)),
        ["compare", folder] => {
            let folder = Path::new(folder);
            let window = fs::read_to_string(folder.join("window"))?;
            let end = window.lines().nth(1).context("window")?;
            compare(folder, Instant::parse(end)?)
        }
        ["drive", rest @ ..] => drive(&Plan::read(rest)?),
        _ => anyhow::bail!(
            "usage: campaign drive [--nominals N] [--kills N] [--days N] [--seed N] [--keep DIR] [--database sqlite|postgres]"
        ),
    }
}

/// What the parent does.
struct Plan {
    nominals: u32,
    kills: u32,
    days: i64,
    seed: u64,
    keep: Option<PathBuf>,
    postgres: bool,
}

impl Plan {
    fn read(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut plan = Self { nominals: 2_000, kills: 20, days: 30, seed: 1, keep: None, postgres: false };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { anyhow::bail!("{pair:?} has no value") };
            match *name {
                "--nominals" => plan.nominals = value.parse()?,
                "--kills" => plan.kills = value.parse()?,
                "--days" => plan.days = value.parse()?,
                "--seed" => plan.seed = value.parse()?,
                "--keep" => plan.keep = Some(PathBuf::from(value)),
                "--database" => plan.postgres = *value == "postgres",
                other => anyhow::bail!("{other} is not known"),
            }
        }
        Ok(plan)
    }
}

fn drive(plan: &Plan) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = plan.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    fs::create_dir_all(&folder)?;
    let cluster = if plan.postgres { Some(Cluster::start(ClusterOptions::default())?) } else { None };
    if let Some(cluster) = &cluster {
        fs::write(folder.join("database"), cluster.fresh_database()?)?;
    }
    let options = History { nominals: plan.nominals, seed: plan.seed, ..History::scale(Scale::Small) };
    let end = Instant::from(options.until.and_hms_opt(0, 0, 0).context("no midnight")?.and_utc());
    let mut out = std::io::BufWriter::new(fs::File::create(folder.join("facts.jsonl"))?);
    let counts = generate(&options, &mut out)?;
    drop(out);
    let start = end.plus_seconds(-plan.days * 86_400);
    fs::write(folder.join("window"), format!("{start}\n{end}\n"))?;
    println!("history: {} facts, {} nominals; live from {start} to {end}", counts.facts, plan.nominals);
    let mut kills = 0;
    let mut pause = 700;
    loop {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["live", &folder.display().to_string()])
            .stdout(Stdio::null())
            .spawn()?;
        if kills < plan.kills {
            // A spread of moments that depends on the seed alone, not on what the child does.
            pause = (pause * 1_103 + 12_345 + plan.seed) % u64::from(plan.nominals * 2).max(600);
            let ended = wait_at_most(&mut child, Duration::from_millis(200 + pause))?;
            if !ended {
                child.kill()?;
                child.wait()?;
                kills += 1;
                continue;
            }
        }
        ensure!(child.wait()?.success(), "the child failed");
        break;
    }
    println!("killed {kills} times");
    compare(&folder, end)
}

/// Waits for a child, at most so long; whether it ended.
fn wait_at_most(child: &mut std::process::Child, limit: Duration) -> anyhow::Result<bool> {
    let (told, heard) = std::sync::mpsc::channel::<()>();
    let started = std::time::Instant::now();
    while started.elapsed() < limit {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        // Nobody ever tells anything: this waits a moment without spinning.
        let _ = heard.recv_timeout(Duration::from_millis(20));
    }
    drop(told);
    Ok(false)
}

struct Bench {
    clock: Arc<VirtualClock>,
    store: Store,
    scheduler: Scheduler,
    router: axum::Router,
    runtime: tokio::runtime::Runtime,
}

/// What waits to be stated.
#[derive(Default)]
struct Waiting {
    imported: Vec<NewEvent>,
    posted: Vec<serde_json::Value>,
}

fn open(folder: &Path, now: Instant) -> anyhow::Result<Bench> {
    let data = folder.join("data");
    let clock = Arc::new(VirtualClock::new(now));
    let key = data.join("keys/kek");
    if !key.exists() {
        fs::create_dir_all(data.join("keys"))?;
        Keys::create(&key)?;
    }
    let database = match fs::read_to_string(folder.join("database")) {
        Ok(url) => Database::parse(&url)?,
        Err(_) => Database::Sqlite,
    };
    let store = Store::open(Options::new(&data, clock.clone()).with_database(database))?;
    let projections = Projections::open(&data, &store)?;
    let settings = Settings::new("http://127.0.0.1:8080", "mandate@example.org")?
        .with_domains(AllowedDomains::new(["*"])?)
        // Of a terminal nobody knows the organisation here: the administrator is told.
        .with_fallback(Fallback {
            user: ADMINISTRATOR.to_owned(),
            address: Some("it@example.org".to_owned()),
        });
    let mailer = Mailer::Files(EmlFiles::new(folder.join("mail")));
    let scheduler = Scheduler::new(store.clone(), projections.clone(), clock.clone(), mailer, settings)?;
    let app = App::new(Parts {
        webhooks: Webhooks::new(store.clone(), clock.clone(), Addresses::default()),
        store: store.clone(),
        projections,
        clock: clock.clone(),
        tellers: Tellers::Anyone,
        hosts: Hosts::loopback_and("http://127.0.0.1:8080"),
        proxies: Proxies::default(),
        mail_dir: Some(folder.join("mail")),
        demo: None,
        books: Books::default(),
        metrics: Metrics::default(),
        sessions: Sessions::default(),
        sign_in: None,
        base_url: None,
        scheduler: None,
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    Ok(Bench { clock, store, scheduler, router: router(&app), runtime })
}

/// States the history: what was recorded before the window as an import, the rest hour by hour.
fn live(folder: &Path) -> anyhow::Result<()> {
    let window = fs::read_to_string(folder.join("window"))?;
    let (start, end) = window.trim().split_once('\n').context("window")?;
    let (start, end) = (Instant::parse(start)?, Instant::parse(end)?);
    let reached = fs::read_to_string(folder.join("reached")).ok();
    let reached = reached.map(|text| Instant::parse(text.trim())).transpose()?;
    let bench = open(folder, reached.unwrap_or(start))?;
    let mut waiting = Waiting::default();
    let mut now = start;
    read_lines::<anyhow::Error>(&folder.join("facts.jsonl"), cores(), Texts::Kept, |line| {
        let fact = line.fact.map_err(|bad| anyhow::anyhow!("line {}: {}", bad.line, bad.reason))?;
        let recorded = fact.recorded_or_time();
        if reached.is_some_and(|reached| recorded < reached) || recorded >= end {
            return Ok(());
        }
        let text = line.text.unwrap_or_default();
        while recorded >= now {
            bench.step(&mut waiting, now, folder)?;
            now = now.plus_seconds(STEP_SECONDS);
        }
        if recorded < start {
            waiting.imported.push(NewEvent::of_parsed(fact, &text, Claim::Accept)?);
        } else {
            let mut event: serde_json::Value = serde_json::from_str(&text)?;
            event.as_object_mut().context("not an object")?.remove("recordedtime");
            waiting.posted.push(event);
        }
        if waiting.imported.len() + waiting.posted.len() >= BATCH {
            bench.state(&mut waiting)?;
        }
        Ok(())
    })?;
    while now <= end {
        bench.step(&mut waiting, now, folder)?;
        now = now.plus_seconds(STEP_SECONDS);
    }
    Ok(())
}

impl Bench {
    fn state(&self, waiting: &mut Waiting) -> anyhow::Result<()> {
        let waiting = std::mem::take(waiting);
        for outcome in self.store.append_blocking(waiting.imported, OnError::Each)? {
            ensure!(outcome.position().is_some(), "{outcome:?}");
        }
        if waiting.posted.is_empty() {
            return Ok(());
        }
        let request = axum::http::Request::post("/v1/facts?on_error=all")
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/cloudevents-batch+json")
            .body(axum::body::Body::from(serde_json::to_vec(&waiting.posted)?))?;
        let answer = self.runtime.block_on(tower::ServiceExt::oneshot(self.router.clone(), request))?;
        ensure!(answer.status() == 202, "POST /v1/facts answered {}", answer.status());
        Ok(())
    }

    /// States what was recorded up to `now`, lets the clock stand there, and does what is due.
    fn step(&self, waiting: &mut Waiting, now: Instant, folder: &Path) -> anyhow::Result<()> {
        self.clock.set(now);
        self.state(waiting)?;
        loop {
            let report = self.scheduler.pass(now)?;
            if !report.mails.more {
                break;
            }
        }
        let beside = folder.join("reached.new");
        fs::write(&beside, now.to_string())?;
        fs::rename(beside, folder.join("reached"))?;
        Ok(())
    }
}

/// A breach raised in the log and what became of it.
#[derive(Default)]
struct Logged {
    raised: BTreeMap<(String, i64), u32>,
    rescinded: BTreeSet<(String, i64)>,
}

fn compare(folder: &Path, end: Instant) -> anyhow::Result<()> {
    let bench = open(folder, end)?;
    let logged = read_log(&bench.store)?;
    let in_log: BTreeSet<String> = logged
        .raised
        .keys()
        .filter(|key| !logged.rescinded.contains(*key))
        .map(|(duty, _)| duty.clone())
        .collect();
    let data = folder.join("data");
    let projections = Projections::open(&data, &bench.store)?;
    let in_tables = breaches_in_tables(&projections)?;
    let (by_judge, outcomes) = judge_export(folder, &bench.store, end)?;
    let (told, withdrawn) = read_mails(&folder.join("mail"))?;
    let raised: BTreeSet<String> = logged.raised.keys().map(|(duty, _)| short_reference(duty)).collect();
    let rescinded: BTreeSet<String> =
        logged.rescinded.iter().map(|(duty, _)| short_reference(duty)).collect();
    println!("outcomes by rule:");
    for (rule, counts) in &outcomes {
        println!(
            "  {rule:<14}{}",
            counts.iter().map(|(o, n)| format!(" {}={n}", o.name())).collect::<String>()
        );
    }
    println!(
        "breaches: {} in the log, {} in the tables, {} by judging the export; {} rescissions; mails tell of {} and \
         withdraw {}",
        in_log.len(),
        in_tables.len(),
        by_judge.len(),
        logged.rescinded.len(),
        told.len(),
        withdrawn.len()
    );
    let twice: Vec<_> = logged.raised.iter().filter(|(_, times)| **times > 1).collect();
    ensure!(twice.is_empty(), "raised twice: {twice:?}");
    ensure!(in_log == in_tables, "log and tables differ: {:?}", first_differences(&in_log, &in_tables));
    ensure!(in_log == by_judge, "log and judge differ: {:?}", first_differences(&in_log, &by_judge));
    let heard: BTreeSet<String> = told.keys().cloned().collect();
    ensure!(heard.is_subset(&raised), "a mail tells of no breach: {:?}", first_differences(&heard, &raised));
    let unheard: Vec<_> = raised.difference(&heard).filter(|duty| !rescinded.contains(*duty)).collect();
    ensure!(unheard.is_empty(), "no mail tells of {unheard:?}");
    let mut raisings: BTreeMap<String, u32> = BTreeMap::new();
    for (duty, _) in logged.raised.keys() {
        *raisings.entry(short_reference(duty)).or_default() += 1;
    }
    let again: Vec<_> = told.iter().filter(|(duty, times)| raisings.get(*duty) < Some(times)).collect();
    ensure!(again.is_empty(), "mailed twice to the same person: {again:?}");
    ensure!(withdrawn.is_subset(&rescinded), "a mail withdraws what stands");
    let silent: Vec<_> = rescinded.intersection(&heard).filter(|duty| !withdrawn.contains(*duty)).collect();
    ensure!(silent.is_empty(), "told and never withdrawn: {silent:?}");
    println!("the same everywhere, each once");
    Ok(())
}

fn first_differences<'s>(one: &'s BTreeSet<String>, other: &'s BTreeSet<String>) -> Vec<&'s String> {
    one.symmetric_difference(other).take(5).collect()
}

fn read_log(store: &Store) -> anyhow::Result<Logged> {
    let mut logged = Logged::default();
    let mut after = Position::START;
    loop {
        let page = store.reader().read_after(after, 10_000)?;
        let Some(last) = page.events.last() else { break };
        after = last.position;
        for event in &page.events {
            let fact = &event.fact;
            let due = match fact.get(Field::DueAt) {
                Some(Value::Instant(at)) => at.nanos(),
                _ => continue,
            };
            let generation = match fact.get(Field::Generation) {
                Some(Value::Number(number)) => *number,
                _ => 0,
            };
            let duty = fact.subject.strip_prefix("duty/").unwrap_or(&fact.subject).to_owned();
            // Due moments and generations tell the raisings of one duty apart.
            let key = (duty, due.wrapping_add(generation));
            match fact.kind {
                FactType::DutyBreached => *logged.raised.entry(key).or_default() += 1,
                FactType::BreachRescinded => drop(logged.rescinded.insert(key)),
                _ => {}
            }
        }
    }
    Ok(logged)
}

fn breaches_in_tables(projections: &Projections) -> anyhow::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for page in 0.. {
        let filter = DutyFilter { breach: Some(true), page, size: 10_000, ..DutyFilter::default() };
        let rows = projections.duties(&filter)?.content;
        if rows.is_empty() {
            break;
        }
        all.extend(rows.into_iter().map(|row| row.record.duty));
    }
    Ok(all)
}

type Outcomes = BTreeMap<String, BTreeMap<Outcome, u64>>;

/// Judges the exported log: its breaches, and how many duties of each rule have which outcome.
fn judge_export(folder: &Path, store: &Store, end: Instant) -> anyhow::Result<(BTreeSet<String>, Outcomes)> {
    let file = folder.join("export.jsonl");
    let mut out = std::io::BufWriter::new(fs::File::create(&file)?);
    store.reader().export_jsonl(&mut out, Export::default())?;
    drop(out);
    let mut gathered = Gathered::default();
    gathered.read(&file, cores()).map_err(|error: InputError| error)?;
    ensure!(gathered.bad.is_empty(), "the export is refused: {:?}", gathered.bad.first());
    let (policy, calendar) = (Policy::shipped()?, Calendar::shipped()?);
    let judge = Judge::new(&policy, &calendar, &gathered.history, View { as_at: end, known_at: end });
    let mut breaches = BTreeSet::new();
    let mut outcomes = Outcomes::new();
    for verdict in judge_all(&judge, cores()) {
        *outcomes
            .entry(judge.rule_id(&verdict).to_owned())
            .or_default()
            .entry(verdict.outcome)
            .or_default() += 1;
        if verdict.breach {
            breaches.insert(judge.duty_id(&verdict));
        }
    }
    Ok((breaches, outcomes))
}

/// The duties that breach mails tell of, each with the most often that one mail or one person has it, and those that
/// later mails withdraw; by short reference.
fn read_mails(folder: &Path) -> anyhow::Result<(BTreeMap<String, u32>, BTreeSet<String>)> {
    let mut by_person: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut withdrawn = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_none_or(|end| end != "eml") {
            continue;
        }
        let bytes = fs::read(&path)?;
        let mail = mail_parser::MessageParser::default().parse(&bytes).context("a mail cannot be read")?;
        let id = mail.message_id().context("a mail has no Message-ID")?.to_owned();
        ensure!(ids.insert(id), "two mails have the same Message-ID: {}", path.display());
        let subject = mail.subject().unwrap_or("").to_owned();
        let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or("").to_owned();
        let text = mail.body_text(0).unwrap_or_default();
        // A duty that stands in the place of another is named, but the mail is not about it.
        let own = text.match_indices("D-").filter(|(at, _)| {
            !text.get(..*at).is_some_and(|before| before.trim_end().ends_with("in its place:"))
        });
        let references: BTreeSet<&str> = own
            .filter_map(|(at, _)| text.get(at..at + 10))
            .filter(|word| word.bytes().skip(2).all(|byte| byte.is_ascii_alphanumeric()))
            .collect();
        for reference in references {
            if subject.starts_with("Withdrawn") || subject.contains("withdrawn") {
                withdrawn.insert(reference.to_owned());
            } else if subject.contains("reach") {
                *by_person.entry((reference.to_owned(), to.clone())).or_default() += 1;
            }
        }
    }
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    for ((reference, _), times) in by_person {
        let most = told.entry(reference).or_default();
        *most = times.max(*most);
    }
    Ok((told, withdrawn))
}
