//! Canaries (spec 6.3, S7): personal data that is planted in every field and sent to every address, in every way that is
//! wrong as well, is in no log line, no address, no error, no metric, no mail and no webhook.
//!
//! The log of the program is that of the process, so that the campaign runs in a process of its own.

mod drive;
mod find;

use std::process::Command;
use std::sync::{Arc, Mutex};

use mandate_scheduler::Scheduler;
use serde_json::{Map, Value, json};

use crate::office::Office;
use crate::server::{Server, at};
use drive::{Campaign, Place};
use find::{CANARIES, canary, found_in};

/// Tells the child that it is the child.
const CHILD: &str = "MANDATE_TESTS_CANARIES";

/// What the program writes to its log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Takes everything that this process writes to its log from now on, at the level of debugging.
    fn of_this_process() -> Self {
        let lines = Self::default();
        let writer = lines.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        lines
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// The lines that hold a canary.
    fn leaks(&self) -> Vec<String> {
        self.text().lines().filter(|line| !found_in(line).is_empty()).map(str::to_owned).collect()
    }
}

/// Every personal field and every kind of text about one nominal, and about the people who work with it.
async fn plant(office: &Office) {
    let personal = json!({"name": canary("name"), "crn": canary("crn"), "noms": canary("noms"),
                          "pnc": canary("pnc"), "visor_ref": canary("visor"), "phone": canary("phone")});
    let mut registered =
        Map::from_iter([("kind".to_owned(), json!("mappa")), ("personal".to_owned(), personal)]);
    for (field, kind) in [("alias", "alias"), ("birth", "birth"), ("home", "address"), ("note", "text")] {
        registered.insert(field.to_owned(), json!(canary(kind)));
    }
    office.tell("nominal/N1", "nominal.registered", Value::Object(registered)).await;
    let texts = json!({"reason": canary("text"), "note": canary("name"), "statement": canary("address"),
                       "about": canary("alias")});
    let with = |more: Value| {
        let mut all = texts.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all)
    };
    office.tell("nominal/N1", "practitioner.informed", with(json!({}))).await;
    office.tell("nominal/N1", "meeting.held", with(json!({"meeting": "M1", "level": 2}))).await;
    let named = json!({"personal": {"name": canary("name"), "phone": canary("phone")}});
    office.tell("user/outsider", "contact_card.updated", with(named)).await;
    for (name, role, token) in [("admin", "auditor", "admin")] {
        let user = format!("user/{name}");
        office
            .tell(&user, "user.registered", json!({"org": "area/A1", "role": role, "service": "probation"}))
            .await;
        office.tell(&user, "vetting.cleared", json!({"level": 3, "expires_on": "2026-12-31"})).await;
        office.tell(&user, "document.signed", json!({"document": "syops", "version": "1"})).await;
        office.tell(&user, "training.completed", json!({"course": "visor", "provider": "hmpps"})).await;
        office.tell(&user, "token.granted", json!({"token": token})).await;
    }
    let mail = json!({"org": "area/A1", "role": "cpc", "service": "probation",
                      "personal": {"email": "cpc@example.gov.uk", "name": canary("name")}});
    office.tell("user/cpc", "user.registered", mail).await;
    office.tell("area/A1", "organisation.enrolled", json!({})).await;
}

/// The mails that were written, each as whoever gets it reads it.
fn mails(server: &Server) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(server.data_dir().join("mail")) else { return Vec::new() };
    files
        .map(|file| {
            let raw = std::fs::read(file.unwrap().path()).unwrap();
            let mail = mail_parser::MessageParser::default().parse(&raw).unwrap();
            let parts =
                mail.parts.iter().filter_map(|part| part.text_contents()).collect::<Vec<_>>().join("\n");
            format!("{}\n{parts}", String::from_utf8_lossy(&raw))
        })
        .collect()
}

/// Passes of the scheduler over some weeks, in which duties are warned of, breached, escalated and told.
fn weeks(server: &Server, scheduler: &Scheduler) {
    for day in ["2026-03-05", "2026-03-10", "2026-03-12", "2026-03-20", "2026-04-10", "2026-05-20"] {
        let now = at(&format!("{day}T10:00:00Z"));
        server.clock.set(now);
        tokio::task::block_in_place(|| {
            scheduler.pass(now).unwrap();
            scheduler.pass(now).unwrap();
        });
    }
}

/// Without the variable it is not the child, and does nothing but try its own eyes.
#[tokio::test(flavor = "multi_thread")]
async fn every_address_is_tried_with_canaries() {
    if std::env::var_os(CHILD).is_none() {
        assert!(CANARIES.iter().all(|(kind, text)| found_in(text) == [*kind]));
        return;
    }
    let lines = Lines::of_this_process();
    let mut scheduler = None;
    let office = Office::with(&["admin"], |tellers| {
        let (server, made) = Server::watched(tellers);
        scheduler = Some(made);
        server
    })
    .await;
    let scheduler = scheduler.unwrap();
    plant(&office).await;
    office.server.advance("2026-03-03T09:00:00Z");
    let mut campaign = Campaign::new(&office).await;
    campaign.webhook().await;
    campaign.drive().await;
    weeks(&office.server, &scheduler);
    campaign.drive().await;
    office.server.webhooks.pass().await;
    let mails = mails(&office.server);
    assert!(!mails.is_empty(), "no mail was written");
    campaign.look(Place::Mail, "mails", &mails.join("\n"));
    let told = campaign.told();
    assert!(told.contains("nominal.registered"), "the webhook was told of nothing: {told}");
    campaign.look(Place::Webhook, "webhook", &told);
    let metrics = office.server.get("/metrics").await.text;
    campaign.look(Place::Metric, "/metrics", &metrics);
    assert!(campaign.tried > 3_000, "{}", campaign.tried);
    assert!(lines.text().contains("DEBUG") && lines.text().contains("answered"), "{}", lines.text());
    let leaks: Vec<String> = campaign.leaks.iter().cloned().chain(lines.leaks()).collect();
    assert!(leaks.is_empty(), "{} leaks of {} tries:\n{}", leaks.len(), campaign.tried, leaks.join("\n"));
    // The control: what is planted in each of these places is found there.
    tracing::debug!(name = canary("name"), "a line of the log");
    tracing::info!("the address of somebody is /nominals/{}", find::encoded(canary("pnc")));
    assert_eq!(lines.leaks().len(), 2, "{:?}", lines.leaks());
    for place in Place::ALL {
        let before = campaign.leaks.len();
        campaign.look(*place, "control", &format!("something {} something", canary("crn").to_lowercase()));
        assert_eq!(campaign.leaks.len(), before + 1, "{place:?}");
    }
    println!("{} tries", campaign.tried);
}

#[test]
fn no_canary_is_in_a_log_line_an_address_an_error_a_metric_a_mail_or_a_webhook() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "canaries::every_address_is_tried_with_canaries", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}
