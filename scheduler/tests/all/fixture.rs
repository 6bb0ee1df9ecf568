//! A small service: area A07 with a unit, prison LEI in a group, their people, and a log in a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::policy::{Policy, concatenated, shipped_files};
use mandate_domain::time::{Instant, VirtualClock};
use mandate_projections::Projections;
use mandate_scheduler::{
    AllowedDomains, EmlFiles, Fallback, Mailer, PassReport, Scheduler, Schedules, Settings,
};
use mandate_store::{
    Claim, CloudEvent, Keys, NewEvent, OnError, Options, Outcome, Position, Store, StoredEvent,
};
use serde_json::{Value, json};

/// Stands in every personal field; no mail, no event and no file but the sealed ones may show it.
pub const CANARY: &str = "Zzcanary";

pub struct World {
    pub clock: Arc<VirtualClock>,
    pub folder: PathBuf,
    pub settings: Settings,
    pub mailer: Mailer,
    open: Option<Open>,
    told: u32,
    _temporary: tempfile::TempDir,
}

struct Open {
    store: Store,
    scheduler: Scheduler,
}

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

impl World {
    /// An empty log on 5 January 2026 whose mail goes into files.
    pub fn empty() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("data");
        Keys::create(&folder.join("keys").join("kek")).unwrap();
        let clock = Arc::new(VirtualClock::new(at("2026-01-05T09:00:00Z")));
        let mut world = Self {
            clock,
            mailer: Mailer::Files(EmlFiles::new(temporary.path().join("mail"))),
            folder,
            settings: settings(),
            open: None,
            told: 0,
            _temporary: temporary,
        };
        world.start();
        world
    }

    /// Area, unit, prison and group with their people, and one record made in January, so that duties of A07 are
    /// evidenced.
    pub fn new() -> Self {
        let mut world = Self::empty();
        world.adopt_a_few_rules();
        for (organisation, parent) in
            [("unit/A07-1", "area/A07"), ("prison/LEI", "prison-group/G1"), ("area/A07", "region/N54")]
        {
            world.tell("organisation.placed", organisation, &json!({ "parent": parent }));
        }
        for organisation in ["area/A07", "unit/A07-1", "prison/LEI", "prison-group/G1"] {
            world.tell("organisation.enrolled", organisation, &json!({}));
        }
        for (user, organisation, post) in [
            ("user/U-cpc", "area/A07", "cpc"),
            ("user/U-lpc", "unit/A07-1", "lpc"),
            ("user/U-lead", "prison/LEI", "visor-lead"),
            ("user/U-gcpc", "prison-group/G1", "cpc"),
        ] {
            world.person(user, organisation);
            world.tell("post.filled", organisation, &json!({ "post": post, "user": user }));
        }
        world.person("user/administrator", "region/N54");
        world.nominal("N-OLD");
        world.tell("record.created", "nominal/N-OLD", &json!({ "owner": "area/A07" }));
        world
    }

    /// The log adopts the rules that these tests are about, so that no others open duties.
    fn adopt_a_few_rules(&self) {
        let mut files = shipped_files();
        let kept = ["4.10.toml", "4.11.toml", "4.13.toml", "4.14.toml", "4.16.vetting.toml", "5.13.toml"];
        files.0.retain(|name, _| {
            kept.contains(&name.as_str()) || !name.starts_with(|c: char| c.is_ascii_digit())
        });
        Policy::load(&files).unwrap();
        let event = json!({
            "specversion": "1.0", "id": "policy", "source": "/t", "type": "policy.adopted", "subject": "policy/p",
            "time": mandate_domain::time::Clock::now(&*self.clock),
            "data": { "version": "test", "effective_from": "2023-01-16", "sha256": "0", "approved_by": "x",
                      "text": concatenated(&files) },
        });
        let event = NewEvent::from_value(&event, Claim::Ignore).unwrap();
        self.store().append_blocking(vec![event], OnError::All).unwrap();
    }

    pub fn person(&mut self, user: &str, organisation: &str) {
        let name = user.trim_start_matches("user/U-").trim_start_matches("user/");
        let personal = json!({
            "name": format!("{CANARY} {name}"), "email": format!("{name}@example.gov.uk"), "phone": CANARY,
        });
        let data =
            json!({ "org": organisation, "role": "other", "service": "probation", "personal": personal });
        self.tell("user.registered", user, &data);
    }

    /// A nominal of category 2, level 2 in A07: rule 4.10 gives five days.
    pub fn nominal(&mut self, reference: &str) {
        let subject = format!("nominal/{reference}");
        let personal = json!({ "name": CANARY, "crn": "X777978" });
        self.tell("nominal.registered", &subject, &json!({ "kind": "mappa", "personal": personal }));
        let data = json!({ "registration": reference, "category": 2, "level": 2, "area": "area/A07" });
        self.tell("mappa.registered", &subject, &data);
    }

    /// States a fact that occurs now.
    pub fn tell(&mut self, kind: &str, subject: &str, data: &Value) -> String {
        let now = mandate_domain::time::Clock::now(&*self.clock);
        self.tell_at(now, kind, subject, data)
    }

    /// States a fact now that occurred at another time; gives its id.
    pub fn tell_at(&mut self, time: Instant, kind: &str, subject: &str, data: &Value) -> String {
        self.told += 1;
        let id = format!("f{}", self.told);
        let event = json!({
            "specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": subject, "time": time,
            "data": data,
        });
        let event = NewEvent::from_value(&event, Claim::Ignore).unwrap();
        let outcomes = self.store().append_blocking(vec![event], OnError::All).unwrap();
        assert!(matches!(outcomes.as_slice(), [Outcome::Stored { .. }]), "{outcomes:?}");
        id
    }

    pub fn store(&self) -> &Store {
        &self.open.as_ref().unwrap().store
    }

    pub fn scheduler(&self) -> &Scheduler {
        &self.open.as_ref().unwrap().scheduler
    }

    /// A log that ends with the first `count` events of this one: what a crash right after them leaves.
    pub fn cut_after(&self, count: usize) -> Self {
        let kept = self.store().reader().read_after(Position::START, count).unwrap().events;
        let mut copy = Self::empty();
        // What is told to it gets ids of its own.
        copy.told = self.told + 1_000;
        for event in kept {
            copy.clock.set(event.recorded_at);
            let private = self.store().keys().unseal(&event).unwrap();
            let event = CloudEvent { fact: event.fact, private };
            copy.store().append_blocking(vec![NewEvent::new(event, Claim::Ignore)], OnError::All).unwrap();
        }
        copy
    }

    /// Mail cannot leave: a file stands where its folder should be.
    pub fn block(&self) {
        std::fs::create_dir_all(self.mail_folder()).unwrap();
        std::fs::rename(self.mail_folder(), self.folder.join("away")).unwrap();
        std::fs::write(self.mail_folder(), "").unwrap();
    }

    /// Mail can leave again.
    pub fn unblock(&self) {
        std::fs::remove_file(self.mail_folder()).unwrap();
        std::fs::rename(self.folder.join("away"), self.mail_folder()).unwrap();
    }

    /// Read models of the same log in a folder of their own.
    pub fn read_models(&self, name: &str) -> Projections {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Projections::open(&folder, self.store()).unwrap()
    }

    /// Another node on the same log, with read models and mail of its own.
    pub fn node(&self, name: &str, settings: Settings) -> (Scheduler, PathBuf) {
        let projections = self.read_models(name);
        let mails = self.folder.join(name).join("mail");
        let mailer = Mailer::Files(EmlFiles::new(&mails));
        let clock = Arc::clone(&self.clock) as _;
        (Scheduler::new(self.store().clone(), projections, clock, mailer, settings).unwrap(), mails)
    }

    /// Does to the log what nobody may.
    pub fn tamper(&self, sql: &str) {
        let log = rusqlite::Connection::open(self.folder.join("log.db")).unwrap();
        for trigger in ["events_refuse_update", "events_refuse_delete"] {
            log.execute_batch(&format!("DROP TRIGGER IF EXISTS {trigger}")).unwrap();
        }
        log.execute_batch(sql).unwrap();
    }

    /// Has an event not be read any more, or be read again.
    pub fn garble(&self, position: Position, garbled: &str) {
        let (good, bad) = ("\"specversion\"", "\"specVersion\"");
        let (from, to) = if garbled == "garbled" { (good, bad) } else { (bad, good) };
        self.tamper(&format!(
            "UPDATE events SET payload = replace(payload, '{from}', '{to}') WHERE position = {position}"
        ));
    }

    /// Opens what is in the folder.
    pub fn start(&mut self) {
        let options = Options::new(&self.folder, Arc::clone(&self.clock) as _);
        let store = Store::open(options).unwrap();
        let projections = Projections::open(&self.folder, &store).unwrap();
        let (mailer, settings) = (self.mailer.clone(), self.settings.clone());
        let clock = Arc::clone(&self.clock) as _;
        let scheduler = Scheduler::new(store.clone(), projections, clock, mailer, settings).unwrap();
        self.open = Some(Open { store, scheduler });
    }

    /// The process ends and another begins; what it kept in memory is gone.
    pub fn restart(&mut self) {
        self.open = None;
        self.start();
    }

    /// Also loses the read models.
    pub fn restart_with_the_log_alone(&mut self) {
        self.open = None;
        for entry in std::fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("read.db") {
                std::fs::remove_file(path).unwrap();
            }
        }
        self.start();
    }

    pub fn set(&self, time: &str) {
        self.clock.set(at(time));
    }

    /// Moves the clock and passes once.
    pub fn pass_at(&self, time: &str) -> PassReport {
        self.set(time);
        self.scheduler().pass(at(time)).unwrap()
    }

    pub fn events(&self, kind: FactType) -> Vec<StoredEvent> {
        self.store().reader().read_types(&[kind], Position::START, 10_000).unwrap().events
    }

    pub fn texts(&self, kind: FactType, field: Field) -> Vec<String> {
        self.events(kind).iter().map(|event| event.fact.text(field).unwrap_or_default().to_owned()).collect()
    }

    pub fn mail_folder(&self) -> &Path {
        match &self.mailer {
            Mailer::Files(files) => files.folder(),
            Mailer::Smtp(_) => panic!("mail goes to a server"),
        }
    }

    /// The mails written so far, in the order of their notices in the log.
    pub fn mails(&self) -> Vec<Sent> {
        let mut seen = Vec::new();
        for notice in self.texts(FactType::NoticeQueued, Field::Notice) {
            let file = self.mail_folder().join(format!("{notice}.eml"));
            if !seen.iter().any(|sent: &Sent| sent.notice == notice) && file.exists() {
                seen.push(Sent::new(notice, std::fs::read(file).unwrap()));
            }
        }
        let files = std::fs::read_dir(self.mail_folder()).map_or(0, Iterator::count);
        assert_eq!(files, seen.len(), "each mail belongs to a notice");
        seen
    }

    pub fn subjects(&self) -> Vec<String> {
        self.mails().iter().map(|sent| format!("{}: {}", sent.header("To"), sent.header("Subject"))).collect()
    }
}

pub fn settings() -> Settings {
    Settings::new("https://mandate.example.gov.uk", "Mandate <mandate@example.gov.uk>")
        .unwrap()
        .with_domains(AllowedDomains::new(["*.gov.uk"]).unwrap())
        .with_fallback(Fallback::default())
        .with_schedules(Schedules::none())
}

/// A mail as it went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub notice: String,
    pub bytes: Vec<u8>,
}

impl Sent {
    pub fn new(notice: String, bytes: Vec<u8>) -> Self {
        Self { notice, bytes }
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    pub fn header(&self, name: &str) -> String {
        let text = self.text();
        let head = text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
        found.unwrap_or_default()
    }

    /// The whole mail with its quoted-printable undone.
    pub fn decoded(&self) -> String {
        let joined = self.text().replace("=\r\n", "").replace("\r\n", "\n");
        let mut bytes = Vec::new();
        let mut rest = joined.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            let hex = (*first == b'=').then(|| after.get(..2)).flatten();
            let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
            match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &after[2..];
                }
                None => {
                    bytes.push(*first);
                    rest = after;
                }
            }
        }
        String::from_utf8(bytes).unwrap()
    }
}
