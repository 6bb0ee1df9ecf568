//! What happens to the nodes, by a seed, and what is stated meanwhile.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Context as _, bail, ensure};
use mandate_domain::time::{Clock as _, Instant, SystemClock};
use mandate_store::{Claim, Keys, NewEvent, OnError, Store};
use mandate_test_cluster::{Cluster, Options as ClusterOptions};
use mandate_tests::arguments::Arguments;
use mandate_tests::random::Random;
use mandate_tests::target::{Target, open_store};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};

use crate::check::{Counted, Read, Stale};
use crate::node::{Common, Node};
use crate::relay::{Answers, Relay};

const NODES: usize = 3;
/// Rounds from which on the mail server loses answers as well.
const ENOUGH: u32 = 50;
/// However busy the machine is, a node takes over within this time.
const PATIENCE: Duration = Duration::from_mins(2);
/// Nominals stated at once, at most.
const MOST: u64 = 150;

/// Runs the campaign: nothing may go wrong.
pub fn run(mut arguments: Arguments) -> anyhow::Result<()> {
    let (rounds, seed) = (arguments.take("--rounds", 60)?, arguments.take("--seed", 1)?);
    arguments.end()?;
    let place = tempfile::tempdir()?;
    // What is sent again waits for a minute, for which a slice has no time.
    let answers = if rounds >= ENOUGH { Answers::SomeLost } else { Answers::All };
    let done = Campaign::new(place.path(), seed, answers).and_then(|mut campaign| {
        for _ in 0..rounds {
            campaign.round()?;
        }
        let counted = campaign.finish()?;
        Ok((campaign, counted))
    });
    let (campaign, counted) = done.map_err(|error| {
        let kept = place.keep();
        error.context(format!("seed {seed}; the logs of the nodes are in {}", kept.display()))
    })?;
    let Happened { stops, kills, take_overs } = campaign.happened;
    let Counted { breaches, rescinded, notices, twice, cut_short, terms } = counted;
    ensure!(answers == Answers::All || twice > 0, "no answer was lost after the final dot");
    println!(
        "{rounds} rounds, seed {seed}: {stops} stops, {kills} kills, {take_overs} woken after another took over; {terms} \
         terms wrote; {breaches} breaches each raised once, {rescinded} withdrawn; {notices} mails each sent once, {twice} \
         sent again after their answer was lost, {cut_short} cut short and waiting; no stale write"
    );
    Ok(())
}

/// Runs it on a database that forgets the term: a stale write must be found.
pub fn control(mut arguments: Arguments) -> anyhow::Result<()> {
    let (rounds, seed) = (arguments.take("--rounds", 60)?, arguments.take("--seed", 1)?);
    arguments.end()?;
    let place = tempfile::tempdir()?;
    let mut campaign = Campaign::new(place.path(), seed, Answers::All)?;
    campaign.forget_terms()?;
    for round in 1..=rounds {
        campaign.wake_after_take_over()?;
        if let Some(Stale { position, term, latest }) = campaign.stale()? {
            println!(
                "control without fencing: position {position} was decided in term {term} and stored in term {latest}, \
                 found in round {round}, as must be"
            );
            return Ok(());
        }
    }
    bail!("no stale write in {rounds} rounds without fencing: the harness is blind")
}

#[derive(Debug, Default)]
struct Happened {
    stops: u32,
    kills: u32,
    take_overs: u32,
}

struct Campaign {
    random: Random,
    nodes: Vec<Node>,
    store: Store,
    relay: Relay,
    watch: LeaseWatch,
    /// Nominals of whom a breach must be raised.
    stated: HashSet<String>,
    told: u64,
    happened: Happened,
    url: String,
    cluster: Cluster,
}

impl Campaign {
    fn new(place: &Path, seed: u64, answers: Answers) -> anyhow::Result<Self> {
        let cluster = Cluster::start(ClusterOptions::default())?;
        let url = cluster.fresh_database()?;
        let key_file = place.join("kek");
        Keys::create(&key_file)?;
        let target = Target {
            data_dir: place.join("driver"),
            key_file: key_file.clone(),
            database: Some(url.clone()),
        };
        let store = open_store(&target, Arc::new(SystemClock))?;
        let mut random = Random::new(seed);
        let relay = Relay::start(random.next(), answers)?;
        let common = Common { database: &url, key_file: &key_file, relay: relay.address };
        let nodes = (0..NODES)
            .map(|n| Node::start(place, &format!("n{n}"), &common))
            .collect::<anyhow::Result<_>>()?;
        let watch = LeaseWatch::start(&url)?;
        let mut campaign = Self {
            random,
            nodes,
            store,
            relay,
            watch,
            stated: HashSet::new(),
            told: 0,
            happened: Happened::default(),
            url,
            cluster,
        };
        campaign.found()?;
        campaign.holder_after(0)?;
        Ok(campaign)
    }

    /// The area and its people.
    fn found(&mut self) -> anyhow::Result<()> {
        let now = SystemClock.now().plus_seconds(-90 * 86_400);
        let person = json!({ "org": "area/A07", "role": "cpc", "service": "probation",
                             "personal": { "email": "cpc@example.gov.uk" } });
        let vetting = json!({ "level": 3, "expires_on": "2199-01-01" });
        let post = json!({ "post": "cpc", "user": "user/U-cpc" });
        let events = vec![
            self.event("organisation.enrolled", "area/A07", now, &json!({}))?,
            self.event("user.registered", "user/U-cpc", now, &person)?,
            self.event("vetting.cleared", "user/U-cpc", now, &vetting)?,
            self.event("post.filled", "area/A07", now, &post)?,
        ];
        self.append(events)
    }

    fn event(&mut self, kind: &str, subject: &str, time: Instant, data: &Value) -> anyhow::Result<NewEvent> {
        self.told += 1;
        let event = json!({ "specversion": "1.0", "id": format!("f{}", self.told), "source": "/t", "type": kind,
                            "subject": subject, "time": time, "data": data });
        Ok(NewEvent::from_value(&event, Claim::Ignore)?)
    }

    fn append(&self, events: Vec<NewEvent>) -> anyhow::Result<()> {
        for outcome in self.store.append_blocking(events, OnError::All)? {
            ensure!(outcome.position().is_some(), "{outcome:?}");
        }
        Ok(())
    }

    /// States nominals whose record is overdue already, and of some others that theirs was made in time after all.
    fn state(&mut self, count: u64) -> anyhow::Result<()> {
        let mut events = Vec::new();
        for _ in 0..count {
            let days = 8 + i64::try_from(self.random.below(40))?;
            let subject = format!("nominal/N-{}", self.told);
            let time = SystemClock.now().plus_seconds(-days * 86_400);
            let data = json!({ "registration": subject, "category": 2, "level": 2, "area": "area/A07" });
            events.push(self.event("mappa.registered", &subject, time, &data)?);
            if self.random.once_in(12)
                && let Some(known) = self.stated.iter().min().cloned()
            {
                // Recorded late: a breach of it, if one was raised by now, is withdrawn.
                self.stated.remove(&known);
                let time = SystemClock.now().plus_seconds(-89 * 86_400);
                events.push(self.event("record.created", &known, time, &json!({ "owner": "area/A07" }))?);
            }
            self.stated.insert(subject);
        }
        self.append(events)
    }

    /// One thing that happens to the nodes while something is stated.
    fn round(&mut self) -> anyhow::Result<()> {
        match self.random.below(4) {
            0 => self.wake_after_take_over()?,
            1 => {
                self.state(1 + self.random.clone().below(MOST))?;
                self.pause(300);
                let victim = self.victim()?;
                self.node(victim)?.kill_and_start()?;
                self.happened.kills += 1;
            }
            2 => {
                self.state(1 + self.random.clone().below(MOST))?;
                self.pause(300);
                let victim = self.victim()?;
                self.node(victim)?.stop()?;
                self.happened.stops += 1;
                self.pause(1_500);
                self.node(victim)?.go_on()?;
            }
            _ => {
                self.state(1 + self.random.clone().below(MOST))?;
                self.pause(800);
            }
        }
        self.nodes.iter_mut().try_for_each(Node::is_alive)
    }

    /// The holder is stopped in the middle of its work, another takes over and may be stopped at once, and the first wakes.
    fn wake_after_take_over(&mut self) -> anyhow::Result<()> {
        let (term, holder) = self.holder_after(0)?;
        self.state(MOST)?;
        self.pause(150);
        self.node(holder)?.stop()?;
        self.happened.stops += 1;
        let (_, next) = self.holder_after(term)?;
        let also = next != holder && !self.random.once_in(3);
        if also {
            self.node(next)?.stop()?;
            self.happened.stops += 1;
        }
        self.happened.take_overs += u32::from(next != holder);
        self.node(holder)?.go_on()?;
        self.pause(400);
        if also {
            self.node(next)?.go_on()?;
        }
        Ok(())
    }

    fn victim(&mut self) -> anyhow::Result<usize> {
        if self.random.once_in(3) {
            return Ok(usize::try_from(self.random.below(NODES as u64))?);
        }
        Ok(self.holder_after(0)?.1)
    }

    fn node(&mut self, number: usize) -> anyhow::Result<&mut Node> {
        self.nodes.get_mut(number).context("no such node")
    }

    /// Waits until a node has the lease in a later term than that; the term, and which.
    fn holder_after(&self, term: u64) -> anyhow::Result<(u64, usize)> {
        let begun = Stopwatch::now();
        loop {
            let (found, name) = self.watch.latest();
            let number = self.nodes.iter().position(|node| name.starts_with(&format!("{}-", node.name)));
            if found > term
                && let Some(number) = number
            {
                return Ok((found, number));
            }
            ensure!(begun.elapsed() < PATIENCE, "nobody took the lease after term {term}");
            pause(Duration::from_millis(2));
        }
    }

    fn pause(&mut self, most_ms: u64) {
        pause(Duration::from_millis(self.random.below(most_ms)));
    }

    fn stale(&self) -> anyhow::Result<Option<Stale>> {
        Ok(Read::all(self.store.reader())?.stale(&self.watch.floors()))
    }

    /// Wakes all, waits until nothing is left to do, and checks.
    fn finish(&mut self) -> anyhow::Result<Counted> {
        for node in self.nodes.iter_mut().filter(|node| node.stopped) {
            node.go_on()?;
        }
        let begun = Stopwatch::now();
        loop {
            let read = Read::all(self.store.reader())?;
            let raised = self.stated.is_subset(&read.breached_subjects());
            if raised && read.waiting() == 0 {
                break;
            }
            if begun.elapsed() > PATIENCE {
                read.check(&self.stated, &self.relay.came())?;
                bail!("{} notices wait still", read.waiting());
            }
            pause(Duration::from_millis(200));
        }
        let read = Read::all(self.store.reader())?;
        if let Some(Stale { position, term, latest }) = read.stale(&self.watch.floors()) {
            bail!("position {position} was decided in term {term} and stored in term {latest}");
        }
        let verified = self.store.reader().verify(None, &[], |_, _| {})?;
        ensure!(verified.problems.is_empty(), "{:?}", verified.problems);
        read.check(&self.stated, &self.relay.came())
    }

    /// Has the database forget which term is the latest, so that nothing is refused.
    fn forget_terms(&self) -> anyhow::Result<()> {
        let database =
            self.url.rsplit('/').next().and_then(|rest| rest.split('?').next()).context("no name")?;
        self.cluster.psql(
            database,
            "CREATE FUNCTION forget_term() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.term := 0; RETURN NEW; END $$; \
             CREATE TRIGGER forget_term BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION forget_term()",
        )?;
        Ok(())
    }
}

/// Lets a moment pass.
fn pause(pause: Duration) {
    let until = Stopwatch::now() + pause;
    while let Some(left) = until.checked_duration_since(Stopwatch::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// What was seen of the lease.
#[derive(Debug, Default)]
struct Seen {
    term: u64,
    holder: String,
    /// Where the log ended when a term was first seen.
    floors: BTreeMap<u64, u64>,
    failed: Option<String>,
}

/// A thread that looks at the lease all the time.
struct LeaseWatch {
    seen: Arc<Mutex<Seen>>,
    done: Arc<AtomicBool>,
}

impl LeaseWatch {
    fn start(url: &str) -> anyhow::Result<Self> {
        let (seen, done) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut connection = runtime.block_on(sqlx::PgConnection::connect(url))?;
        let (noted, ended) = (Arc::clone(&seen), Arc::clone(&done));
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let sql = "SELECT l.term, l.holder, h.position FROM lease l CROSS JOIN head h";
                let row = runtime.block_on(sqlx::query(sql).fetch_one(&mut connection));
                let columns = row.and_then(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)));
                noted.lock().unwrap_or_else(PoisonError::into_inner).note(columns);
                pause(Duration::from_millis(3));
            }
        });
        Ok(Self { seen, done })
    }

    fn latest(&self) -> (u64, String) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.term, seen.holder.clone())
    }

    fn floors(&self) -> BTreeMap<u64, u64> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).floors.clone()
    }
}

impl Seen {
    fn note(&mut self, columns: Result<(i64, String, i64), sqlx::Error>) {
        match columns {
            Ok((term, holder, position)) => {
                let (term, position) = (term.cast_unsigned(), position.cast_unsigned());
                self.floors.entry(term).or_insert(position);
                (self.term, self.holder) = (term, holder);
            }
            Err(error) => self.failed = Some(error.to_string()),
        }
    }
}

impl Drop for LeaseWatch {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}
