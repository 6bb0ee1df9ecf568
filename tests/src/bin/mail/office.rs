//! A log that owes mails: areas, each with its CPC and nominals whose records are late.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use mandate_domain::policy::{Policy, concatenated, shipped_files};
use mandate_domain::time::{Instant, VirtualClock};
use mandate_projections::Projections;
use mandate_scheduler::{Mailer, Scheduler, Schedules, Security, Settings, Smtp};
use mandate_store::{Claim, NewEvent, OnError, Store};
use mandate_tests::target::{Target, open_store};
use serde_json::{Value, json};

/// Nominals of an area: one falls due on each of so many days, so that its CPC has a mail for each.
pub const OF_AN_AREA: usize = 5;
/// Who is told what cannot be delivered.
pub const ADMINISTRATOR: &str = "user/administrator";
/// The sender of every mail.
pub const FROM: &str = "Mandate <mandate@example.gov.uk>";
/// The rules that are adopted: that of 4.10, and those that belong to it and open nothing here.
const RULES: [&str; 6] =
    ["4.10.toml", "4.11.toml", "4.13.toml", "4.14.toml", "4.16.vetting.toml", "5.13.toml"];
/// Events appended at once.
const BATCH: usize = 1_000;

/// A log in a folder of its own.
pub struct Office {
    pub target: Target,
    pub clock: Arc<VirtualClock>,
    pub store: Store,
    told: u32,
    waiting: Vec<NewEvent>,
}

/// The address of a user: the second part of the id.
pub fn address_of(user: &str) -> String {
    format!("{}@example.gov.uk", user.trim_start_matches("user/"))
}

/// Where the log of a campaign in a folder is.
pub fn target(folder: &Path) -> Target {
    Target { data_dir: folder.join("data"), key_file: folder.join("kek"), database: None }
}

pub fn at(text: &str) -> anyhow::Result<Instant> {
    Ok(Instant::parse(text)?)
}

/// A scheduler of a log whose mails go to a port of this machine, and whose bytes are kept until they are settled.
pub fn scheduler(
    store: &Store,
    data_dir: &Path,
    clock: Arc<VirtualClock>,
    port: u16,
) -> anyhow::Result<Scheduler> {
    let settings = Settings::new("https://mandate.example.gov.uk", FROM)?
        .with_schedules(Schedules::none())
        .with_limits(5_000, 1_000_000)
        .with_rate(u32::MAX)
        .with_outbox(data_dir.join("outbox"));
    let mailer = Mailer::Smtp(Smtp::new("127.0.0.1", port, Security::Plaintext)?);
    let projections = Projections::open(data_dir, store)?;
    Ok(Scheduler::new(store.clone(), projections, clock, mailer, settings)?)
}

impl Office {
    /// A log on Sunday 1 March 2026 that has adopted the rule of 4.10 alone, without its warnings and escalations.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let target = target(folder);
        target.prepare()?;
        let clock = Arc::new(VirtualClock::new(at("2026-03-01T09:00:00Z")?));
        let store = open_store(&target, clock.clone())?;
        let mut office = Self { target, clock, store, told: 0, waiting: Vec::new() };
        let mut files = shipped_files();
        files.0.retain(|name, _| {
            !name.starts_with(|c: char| c.is_ascii_digit()) || RULES.contains(&name.as_str())
        });
        let rule = files.0.get_mut("4.10.toml").context("no rule 4.10")?;
        rule.push_str("\nwarn = []\nescalate = []\n");
        Policy::load(&files)?;
        let adopted = json!({ "version": "mail", "effective_from": "2023-01-16", "sha256": "0", "approved_by": "x",
                              "text": concatenated(&files) });
        office.tell("policy.adopted", "policy/p", &adopted)?;
        office.person(ADMINISTRATOR, "area/A0")?;
        office.settle()?;
        Ok(office)
    }

    /// An area with its CPC, and evidence that records are made there.
    pub fn area(&mut self, number: usize) -> anyhow::Result<()> {
        let (area, cpc) = (format!("area/A{number}"), format!("user/cpc-{number}"));
        self.person(&cpc, &area)?;
        self.tell("post.filled", &area, &json!({ "post": "cpc", "user": cpc }))?;
        self.tell("organisation.enrolled", &area, &json!({}))?;
        self.nominal(&format!("nominal/N-OLD-{number}"), &area)?;
        self.tell("record.created", &format!("nominal/N-OLD-{number}"), &json!({ "owner": area }))
    }

    /// A nominal of an area whose record is due within five days.
    pub fn nominal(&mut self, nominal: &str, area: &str) -> anyhow::Result<()> {
        let data = json!({ "registration": "r", "category": 2, "level": 2, "area": area });
        self.tell("mappa.registered", nominal, &data)
    }

    fn person(&mut self, user: &str, org: &str) -> anyhow::Result<()> {
        let personal = json!({ "email": address_of(user) });
        let data = json!({ "org": org, "role": "other", "service": "probation", "personal": personal });
        self.tell("user.registered", user, &data)
    }

    fn tell(&mut self, kind: &str, subject: &str, data: &Value) -> anyhow::Result<()> {
        self.told += 1;
        let event = json!({
            "specversion": "1.0", "id": format!("f{}", self.told), "source": "/t", "type": kind, "subject": subject,
            "time": mandate_domain::time::Clock::now(&*self.clock), "data": data,
        });
        self.waiting.push(NewEvent::from_value(&event, Claim::Ignore)?);
        if self.waiting.len() >= BATCH { self.settle() } else { Ok(()) }
    }

    /// Has what was told stored.
    pub fn settle(&mut self) -> anyhow::Result<()> {
        if !self.waiting.is_empty() {
            self.store.append_blocking(std::mem::take(&mut self.waiting), OnError::All)?;
        }
        Ok(())
    }

    /// As many breaches as mails are wanted: on each of five days, from 8 to 12 March, one in each area.
    pub fn late(&mut self, mails: usize) -> anyhow::Result<()> {
        let areas = mails.div_ceil(OF_AN_AREA);
        for area in 1..=areas {
            self.area(area)?;
        }
        for day in 0..OF_AN_AREA {
            self.settle()?;
            self.clock.set(at(&format!("2026-03-0{}T09:00:00Z", day + 2))?);
            for area in 1..=areas {
                if (area - 1) * OF_AN_AREA + day < mails {
                    self.nominal(&format!("nominal/N-{area}-{day}"), &format!("area/A{area}"))?;
                }
            }
        }
        self.settle()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.target.data_dir.clone()
    }
}
