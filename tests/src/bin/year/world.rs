//! A log with an area and its people, a scheduler whose mail goes into files, and a clock to be set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::ensure;
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::{Fact, Value as Stated};
use mandate_domain::time::{Clock as _, Instant, VirtualClock};
use mandate_projections::Projections;
use mandate_scheduler::{
    AllowedDomains, EmlFiles, Fallback, Mailer, PassReport, Scheduler, Schedules, Settings,
};
use mandate_store::{Claim, NewEvent, OnError, Position, Store, StoredEvent};
use mandate_tests::target::{Target, open_store};
use serde_json::{Value, json};

use crate::oracle::Oracle;

/// The areas that are responsible for nominals.
pub const AREAS: [&str; 6] = ["area/A07", "area/A08", "area/A09", "area/A10", "area/A11", "area/A12"];

pub struct World {
    pub clock: Arc<VirtualClock>,
    pub store: Store,
    pub scheduler: Scheduler,
    pub oracle: Oracle,
    pub logged: Logged,
    read: Position,
    told: u64,
    _folder: tempfile::TempDir,
}

/// What the log says of breaches.
#[derive(Default)]
pub struct Logged {
    /// Those that stand, with their due moments.
    pub standing: BTreeMap<String, Instant>,
    pub closed: BTreeSet<String>,
    /// Duty, step or nothing, due moment and generation of what was raised or warned of.
    steps: BTreeSet<(String, String, i64, i64)>,
    /// Due moments in the order in which breaches were raised since it was asked last.
    pub raised: Vec<Instant>,
    pub breaches: usize,
    pub rescinded: usize,
    pub warned: usize,
    /// Recipients of mails that tell of breaches, with the notices; how many each breach is listed in.
    pub told: BTreeMap<String, BTreeSet<String>>,
    pub listed: BTreeMap<(String, String), u32>,
    pub mails: usize,
}

impl World {
    pub fn new(begins: Instant) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let clock = Arc::new(VirtualClock::new(begins));
        let (data_dir, key_file) = (folder.path().join("data"), folder.path().join("kek"));
        let target = Target { data_dir: data_dir.clone(), key_file, database: None };
        target.prepare()?;
        let store = open_store(&target, clock.clone())?;
        let projections = Projections::open(&data_dir, &store)?;
        let settings = Settings::new("https://mandate.example.gov.uk", "m@example.gov.uk")?
            .with_domains(AllowedDomains::new(["*"])?)
            .with_fallback(Fallback { address: Some("it@example.gov.uk".to_owned()), ..Fallback::default() })
            .with_schedules(Schedules::none())
            .with_rate(1_000_000);
        let mailer = Mailer::Files(EmlFiles::new(folder.path().join("mail")));
        let scheduler = Scheduler::new(store.clone(), projections, clock.clone(), mailer, settings)?;
        let mut world = Self {
            clock,
            store,
            scheduler,
            oracle: Oracle::new()?,
            logged: Logged::default(),
            read: Position::START,
            told: 0,
            _folder: folder,
        };
        let facts = world.founding(begins)?;
        world.state(facts)?;
        Ok(world)
    }

    /// Areas with their people: one person is CPC of the first two, the third has a deputy alone, the fourth nobody.
    fn founding(&mut self, begins: Instant) -> anyhow::Result<Vec<NewEvent>> {
        let mut facts = Vec::new();
        for (number, area) in AREAS.into_iter().enumerate() {
            let user = match number {
                1 => format!("user/U-cpc-{}", AREAS[0].trim_start_matches("area/")),
                _ => format!("user/U-cpc-{}", area.trim_start_matches("area/")),
            };
            let email = format!("{}@example.gov.uk", user.trim_start_matches("user/"));
            let person = json!({ "org": area, "role": "cpc", "service": "probation",
                                 "personal": { "email": email } });
            let vetting = json!({ "level": 3, "expires_on": "2199-01-01" });
            facts.push(self.fact("organisation.enrolled", area, begins, &json!({}))?);
            facts.push(self.fact("user.registered", &user, begins, &person)?);
            facts.push(self.fact("vetting.cleared", &user, begins, &vetting)?);
            let post = if number == 2 { "deputy-cpc" } else { "cpc" };
            if number != 3 {
                facts.push(self.fact("post.filled", area, begins, &json!({ "post": post, "user": user }))?);
            }
        }
        Ok(facts)
    }

    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    pub fn fact(
        &mut self,
        kind: &str,
        subject: &str,
        time: Instant,
        data: &Value,
    ) -> anyhow::Result<NewEvent> {
        self.told += 1;
        let event = json!({ "specversion": "1.0", "id": format!("f{}", self.told), "source": "/t", "type": kind,
                            "subject": subject, "time": time, "data": data });
        Ok(NewEvent::from_value(&event, Claim::Ignore)?)
    }

    pub fn state(&mut self, facts: Vec<NewEvent>) -> anyhow::Result<()> {
        for outcome in self.store.append_blocking(facts, OnError::All)? {
            ensure!(outcome.position().is_some(), "{outcome:?}");
        }
        Ok(())
    }

    /// Passes until nothing is left to send, and reads what was recorded.
    pub fn pass(&mut self) -> anyhow::Result<PassReport> {
        let mut report = self.scheduler.pass(self.now())?;
        while report.mails.more {
            report = self.scheduler.pass(self.now())?;
        }
        self.read_on()?;
        Ok(report)
    }

    fn read_on(&mut self) -> anyhow::Result<()> {
        loop {
            let page = self.store.reader().read_after(self.read, 20_000)?.events;
            let Some(last) = page.last() else { return Ok(()) };
            self.read = last.position;
            for event in &page {
                if &*event.fact.source == "/mandate" {
                    self.logged.note(event)?;
                } else {
                    self.oracle.add(event);
                }
            }
        }
    }
}

impl Logged {
    fn note(&mut self, event: &StoredEvent) -> anyhow::Result<()> {
        let fact = &event.fact;
        let duty = fact.subject.strip_prefix("duty/").unwrap_or(&fact.subject).to_owned();
        let due = match fact.get(Field::DueAt) {
            Some(Stated::Instant(at)) => *at,
            _ => Instant::MIN,
        };
        let generation = fact.number(Field::Generation).unwrap_or(0);
        let text = |field| fact.text(field).unwrap_or_default().to_owned();
        let mut once = |step: String| {
            let key = (duty.clone(), step, due.nanos(), generation);
            ensure!(self.steps.insert(key.clone()), "repeated: {key:?}");
            Ok(())
        };
        match fact.kind {
            FactType::DutyBreached => {
                once(String::new())?;
                ensure!(due <= fact.time, "{duty} is due at {due} and was raised at {}", fact.time);
                let before = self.standing.insert(duty.clone(), due);
                ensure!(before.is_none(), "{duty} was raised while a breach of it stood");
                self.raised.push(due);
                self.breaches += 1;
                for (notice, recipient) in texts(fact, Field::Notices).iter().zip(texts(fact, Field::Told)) {
                    let key = (format!("{duty} {generation}"), recipient.to_string());
                    let listed = self.listed.entry(key).or_default();
                    *listed += 1;
                    ensure!(*listed == 1, "{duty} is told twice to {recipient}");
                    self.told.entry(recipient.to_string()).or_default().insert(notice.to_string());
                }
            }
            FactType::BreachRescinded => {
                once("rescinded".to_owned())?;
                ensure!(self.standing.remove(&duty).is_some(), "{duty}: withdrawn, and none stood");
                self.closed.remove(&duty);
                self.rescinded += 1;
            }
            FactType::BreachClosed => {
                once("closed".to_owned())?;
                ensure!(self.standing.contains_key(&duty), "{duty}: closed, and none stood");
                self.closed.insert(duty);
            }
            FactType::DutyWarned => {
                once(text(Field::Step))?;
                ensure!(fact.time < due, "{duty}: warned at {} of {due}", fact.time);
                self.warned += 1;
            }
            FactType::BreachEscalated => {
                once(text(Field::Step))?;
                ensure!(self.standing.contains_key(&duty), "{duty}: escalated, and none stood");
            }
            FactType::NoticeAccepted => self.mails += 1,
            _ => {}
        }
        Ok(())
    }
}

fn texts(fact: &Fact, field: Field) -> &[Box<str>] {
    match fact.get(field) {
        Some(Stated::Texts(texts)) => texts,
        _ => &[],
    }
}
