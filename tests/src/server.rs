//! A server in this process: its whole router on a log in a temporary folder, under a virtual clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use mandate_api::http::{App, Books, Hosts, Metrics, Parts, Proxies, Sessions, Tellers, router};
use mandate_api::sign_in::SignIn;
use mandate_api::webhooks::{Addresses, Webhooks};
use mandate_domain::time::{Instant, VirtualClock};
use mandate_projections::Projections;
use mandate_scheduler::{EmlFiles, Mailer, Scheduler, Schedules, Settings};
use mandate_store::Store;
use mandate_test_cluster::Cluster;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::target::{Target, open_store};

pub struct Server {
    pub router: axum::Router,
    /// The same log as whoever sits at its machine sees it, where nobody is known and everything is shown.
    pub machine: axum::Router,
    pub app: App,
    pub webhooks: Webhooks,
    pub store: Store,
    pub projections: Projections,
    pub clock: Arc<VirtualClock>,
    pub folder: tempfile::TempDir,
}

/// An answer, whole.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

impl Server {
    /// A new log at 09:00 on 3 March 2026, to which anyone may state facts.
    pub fn open_to_anyone() -> Self {
        Self::new(Tellers::Anyone)
    }

    pub fn new(tellers: Tellers) -> Self {
        Self::within(tempfile::tempdir().unwrap(), tellers, None)
    }

    /// The same with a key that signs checkpoints.
    pub fn signing() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        mandate_store::create_signing_key(&folder.path().join("keys/signing"), "log.example").unwrap();
        Self::within(folder, Tellers::Anyone, None)
    }

    /// The same in a folder that may hold keys.
    pub fn in_folder(folder: tempfile::TempDir, tellers: Tellers) -> Self {
        Self::within(folder, tellers, None)
    }

    /// The same on a disk of its own.
    pub fn on_disk(disk: &Path) -> Self {
        Self::within(tempfile::tempdir_in(disk).unwrap(), Tellers::Anyone, None)
    }

    /// The same with its log in a database of PostgreSQL.
    pub fn on_postgres(url: String) -> Self {
        Self::within(tempfile::tempdir().unwrap(), Tellers::Anyone, Some(url))
    }

    /// The same with people and machines who sign in at an issuer.
    pub fn signing_in(tellers: Tellers, sign_in: SignIn) -> Self {
        Self::whole(tempfile::tempdir().unwrap(), tellers, Some(sign_in), None, |_, _, _, _| None).0
    }

    fn within(folder: tempfile::TempDir, tellers: Tellers, database: Option<String>) -> Self {
        Self::with_scheduler(folder, tellers, database, |_, _, _, _| None).0
    }

    /// A server whose scheduler runs in it, as `mandate serve` does; mail goes to files, and to administrators none.
    pub fn watched(tellers: Tellers) -> (Self, Scheduler) {
        let folder = tempfile::tempdir().unwrap();
        let (server, scheduler) =
            Self::with_scheduler(folder, tellers, None, |folder, store, projections, clock| {
                let settings = Settings::new("https://mandate.example.gov.uk", "m@example.gov.uk").unwrap();
                let settings = settings.with_schedules(Schedules::none());
                let mailer = Mailer::Files(EmlFiles::new(folder.join("mail")));
                Some(Scheduler::new(store, projections, clock, mailer, settings).unwrap())
            });
        (server, scheduler.unwrap())
    }

    fn with_scheduler(
        folder: tempfile::TempDir,
        tellers: Tellers,
        database: Option<String>,
        scheduler: impl FnOnce(&Path, Store, Projections, Arc<VirtualClock>) -> Option<Scheduler>,
    ) -> (Self, Option<Scheduler>) {
        Self::whole(folder, tellers, None, database, scheduler)
    }

    fn whole(
        folder: tempfile::TempDir,
        tellers: Tellers,
        sign_in: Option<SignIn>,
        database: Option<String>,
        scheduler: impl FnOnce(&Path, Store, Projections, Arc<VirtualClock>) -> Option<Scheduler>,
    ) -> (Self, Option<Scheduler>) {
        let clock = Arc::new(VirtualClock::new(at("2026-03-03T09:00:00Z")));
        let (data_dir, key_file) = (folder.path().to_owned(), folder.path().join("keys/kek"));
        let target = Target { data_dir, key_file, database };
        target.prepare().unwrap();
        let store = open_store(&target, clock.clone()).unwrap();
        let projections = Projections::open(folder.path(), &store).unwrap();
        let scheduler = scheduler(folder.path(), store.clone(), projections.clone(), clock.clone());
        let here = ["127.0.0.1".to_owned()];
        let webhooks = Webhooks::new(store.clone(), clock.clone(), Addresses::public_and(&here));
        let app_of = |tellers: Tellers, sign_in: Option<SignIn>| {
            App::new(Parts {
                webhooks: webhooks.clone(),
                store: store.clone(),
                projections: projections.clone(),
                clock: clock.clone(),
                tellers,
                hosts: Hosts::loopback_and("http://127.0.0.1:8080"),
                proxies: Proxies::default(),
                mail_dir: None,
                demo: None,
                books: Books::default(),
                metrics: Metrics::default(),
                sessions: Sessions::default(),
                sign_in,
                base_url: Some("https://mandate.example.gov.uk".to_owned()),
                scheduler: scheduler.clone(),
            })
        };
        let app = app_of(tellers, sign_in);
        let machine = router(&app_of(Tellers::Nobody, None));
        (Self { router: router(&app), machine, app, webhooks, store, projections, clock, folder }, scheduler)
    }

    /// Moves the clock, and brings the read models there.
    pub fn advance(&self, now: &str) {
        self.clock.set(at(now));
        self.projections.advance(at(now)).unwrap();
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    /// What is heard first of an answer, whose body may go on for ever.
    pub async fn status(&self, request: Request<Body>) -> u16 {
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    pub async fn answer(&self, request: Request<Body>) -> (u16, String) {
        let answer = self.send(request).await;
        (answer.status, answer.text)
    }

    pub async fn get(&self, address: &str) -> Answer {
        self.send(get(address).body(Body::empty()).unwrap()).await
    }

    /// What whoever sits at the machine reads.
    pub async fn look(&self, address: &str) -> Answer {
        send(&self.machine, get(address).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, address: &str, media: &str, body: impl Into<Body>) -> (u16, String) {
        let request = Request::post(address).header("host", "127.0.0.1:8080").header("content-type", media);
        self.answer(request.body(body.into()).unwrap()).await
    }

    pub async fn one(&self, fact: &Value) -> (u16, String) {
        self.post("/v1/facts", "application/cloudevents+json", fact.to_string()).await
    }

    /// States facts that must be taken.
    pub async fn state(&self, facts: &[Value]) {
        let body = Value::Array(facts.to_vec()).to_string();
        let (status, told) = self.post("/v1/facts", "application/cloudevents-batch+json", body).await;
        assert_eq!(status, 202, "{told}");
    }

    /// Webhooks on the same log that know only what it says, as after a restart.
    pub fn other_webhooks(&self) -> Webhooks {
        let here = ["127.0.0.1".to_owned()];
        Webhooks::new(self.store.clone(), self.clock.clone(), Addresses::public_and(&here))
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn stored(&self) -> u64 {
        self.store.reader().head().unwrap().position.get()
    }
}

/// A new server as [`Server::open_to_anyone`], for each database that the store knows.
pub fn each_database() -> impl Iterator<Item = Server> {
    databases()
        .into_iter()
        .map(|database| Server::within(tempfile::tempdir().unwrap(), Tellers::Anyone, database))
}

/// An empty database of each kind: the address of one, or nothing for SQLite's in the folder.
fn databases() -> Vec<Option<String>> {
    vec![None, Some(Cluster::shared().unwrap().fresh_database().unwrap())]
}

/// A request to read an address.
pub fn get(address: &str) -> axum::http::request::Builder {
    Request::get(address).header("host", "127.0.0.1:8080")
}

pub async fn send(router: &axum::Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        text: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// Waits until something holds, looking again whenever other tasks had their turn; fails after 20 seconds.
pub async fn until(holds: impl Fn() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), waited).await.expect("it did not come to hold");
}
