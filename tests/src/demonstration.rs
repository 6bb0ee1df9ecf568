//! The demonstration: people of each kind, a clock to move on, and pages that hold together.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use mandate_api::demo::{Stage, set_up};
use mandate_api::generate::{Options, Scale};
use mandate_api::http::{App, Books, Hosts, Limits, Metrics, Parts, Proxies, Sessions, Tellers, router};
use mandate_api::webhooks::{Addresses, Webhooks};
use mandate_domain::time::Clock as _;

use crate::server::{Answer, get, send};

pub struct Demo {
    pub router: axum::Router,
    pub cookie: String,
    pub stage: Stage,
    _folder: tempfile::TempDir,
}

fn options() -> Options {
    Options { areas: 2, nominals: 120, months: 6, ..Options::scale(Scale::Small) }
}

/// The demonstration, with the CPC signed in.
pub async fn signed_in() -> Demo {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let stage = tokio::task::spawn_blocking(move || set_up(&path, &options(), "http://localhost").unwrap());
    let stage = stage.await.unwrap();
    let addresses = Addresses::only(&["127.0.0.1".to_owned()]);
    let app = App::new(Parts {
        webhooks: Webhooks::new(stage.store.clone(), stage.clock.clone(), addresses),
        store: stage.store.clone(),
        projections: stage.projections.clone(),
        clock: stage.clock.clone(),
        tellers: Tellers::Anyone,
        hosts: Hosts::loopback_and("http://localhost"),
        proxies: Proxies::default(),
        mail_dir: Some(stage.mail_dir.clone()),
        demo: Some(stage.demo.clone()),
        books: Books::default(),
        metrics: Metrics::default(),
        sessions: Sessions::new(Limits::of_demonstration()),
        sign_in: None,
        base_url: None,
        scheduler: None,
    });
    let mut demo = Demo { router: router(&app), cookie: String::new(), stage, _folder: folder };
    let page = demo.page("/sign-in").await;
    let token = token(&page.text);
    let answer = demo.form("/sign-in", &format!("token={token}&persona=cpc")).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    demo
}

pub fn token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

impl Demo {
    pub async fn page(&mut self, address: &str) -> Answer {
        let answer =
            send(&self.router, get(address).header("cookie", &self.cookie).body(Body::empty()).unwrap());
        self.keep_cookie(answer.await)
    }

    pub async fn form(&mut self, address: &str, body: &str) -> Answer {
        let request = Request::post(address)
            .header("host", "localhost")
            .header("cookie", &self.cookie)
            .header("content-type", "application/x-www-form-urlencoded");
        let answer = send(&self.router, request.body(Body::from(body.to_owned())).unwrap()).await;
        self.keep_cookie(answer)
    }

    /// Signs in as another of its people.
    pub async fn act_as(&mut self, person: &str) {
        let page = self.page("/sign-in").await;
        let answer = self.form("/sign-in", &format!("token={}&persona={person}", token(&page.text))).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
    }

    fn keep_cookie(&mut self, answer: Answer) -> Answer {
        if let Some(set) = answer.headers.get("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
            self.cookie = set.split(';').next().unwrap().to_owned();
        }
        answer
    }
}

/// The addresses of our own that a page links to.
fn links(page: &str) -> BTreeSet<String> {
    let hrefs = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let own = hrefs.filter(|href| href.starts_with('/'));
    own.map(|href| href.replace("&amp;", "&").replace("&#38;", "&").split('#').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn every_link_from_the_first_pages_on_leads_somewhere() {
    let mut demo = signed_in().await;
    let mut seen = BTreeSet::new();
    let mut open: Vec<String> = vec!["/work".to_owned()];
    while let Some(address) = open.pop() {
        if seen.len() > 400 || !seen.insert(address.clone()) {
            continue;
        }
        let answer = demo.page(&address).await;
        let redirected = answer.status == 303;
        assert!(answer.status == 200 || redirected, "{} {address}: {}", answer.status, answer.text);
        let html = answer.headers.get("content-type").is_some_and(|kind| kind == "text/html; charset=utf-8");
        if html && !address.ends_with("/html") {
            assert!(!answer.text.contains(" style=") && !answer.text.contains("<script>"), "{address}");
            // Each kind of page a few times: what differs between two duties is their data.
            let kind =
                |text: &str| text.split('/').nth(1).map(|kind| kind.split('?').next().unwrap().to_owned());
            for link in links(&answer.text) {
                let visited = seen.iter().chain(&open).filter(|other| kind(other) == kind(&link)).count();
                if visited < 30 {
                    open.push(link);
                }
            }
        }
    }
    assert!(seen.iter().any(|address| address.starts_with("/inbox/")), "a mail was opened");
    assert!(seen.iter().any(|address| address.starts_with("/nominals/")), "a nominal was opened");
}

#[tokio::test]
async fn each_person_opens_the_registers_that_their_right_reaches() {
    let mut demo = signed_in().await;
    for (person, closed) in [
        ("cpc", ["/events", "/assurance"].as_slice()),
        ("administrator", &["/retention", "/quarantine", "/notices", "/board", "/events", "/assurance"]),
        ("spo", &["/retention", "/quarantine", "/notices", "/board", "/events", "/assurance"]),
        ("visor-lead", &["/retention", "/quarantine", "/notices", "/board", "/events", "/assurance"]),
        ("lpc", &["/retention", "/quarantine", "/notices", "/board", "/events", "/assurance"]),
        ("auditor", &[]),
    ] {
        let page = demo.page("/sign-in").await;
        let answer = demo.form("/sign-in", &format!("token={}&persona={person}", token(&page.text))).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        for address in [
            "/work",
            "/duties",
            "/people",
            "/organisations",
            "/terminals",
            "/audits",
            "/attestations",
            "/retention",
            "/reconciliation",
            "/reconciliation/backlog",
            "/compliance",
            "/statistics",
            "/coverage",
            "/quarantine",
            "/notices",
            "/board",
            "/events",
            "/assurance",
        ] {
            let wanted = if closed.contains(&address) { 403 } else { 200 };
            let answer = demo.page(address).await;
            assert_eq!(answer.status, wanted, "{person} {address}: {}", answer.text);
            if address == "/audits" {
                let tab = links(&answer.text).contains("/retention");
                assert_eq!(tab, !closed.contains(&"/retention"), "{person}: a tab leads where they may go");
            }
        }
    }
}

#[tokio::test]
async fn a_message_in_quarantine_is_tried_again_from_its_page_or_discarded_with_a_reason() {
    let mut demo = signed_in().await;
    let mut ids = Vec::new();
    for sample in ["temporary-absence-authorisation-approved-spec", "pom-allocated-spec"] {
        let path = format!("{}/data/hmpps-events/{sample}.json", env!("CARGO_MANIFEST_DIR"));
        let body = Body::from(std::fs::read(path).unwrap());
        let request = Request::post("/v1/hmpps-events")
            .header("host", "localhost")
            .header("content-type", "application/json");
        let answer = send(&demo.router, request.body(body).unwrap()).await.json();
        ids.push(answer["quarantine"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned());
    }
    demo.stage.projections.advance(demo.stage.clock.now()).unwrap();
    let listed = demo.page("/quarantine?status=waiting").await.text;
    assert!(ids.iter().all(|id| listed.contains(id)), "{listed}");

    let one = format!("/quarantine/{}", ids[0]);
    let page = demo.page(&one).await;
    let token = token(&page.text);
    assert!(
        page.text.contains("needs prison") && page.text.contains("for example prison/LEI"),
        "{}",
        page.text
    );
    let refused = demo.form(&format!("{one}/replay"), "token=x&prison=prison/LEI").await;
    assert_eq!(refused.status, 403, "a form of another page");
    let lacking = demo.form(&format!("{one}/replay"), &format!("token={token}&prison=")).await;
    assert!(
        lacking.status == 200 && lacking.text.contains("State prison as the hint says"),
        "{}",
        lacking.text
    );
    let done = demo.form(&format!("{one}/replay"), &format!("token={token}&prison=prison/LEI")).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert!(demo.page("/quarantine").await.text.contains("was stored as rotl.approved"));
    assert!(demo.page(&one).await.text.contains("Replayed"));

    let other = format!("/quarantine/{}", ids[1]);
    let lacking = demo.form(&format!("{other}/discard"), &format!("token={token}&reason=+")).await;
    assert!(lacking.text.contains("Say why the message is discarded"), "{}", lacking.text);
    let done = demo.form(&format!("{other}/discard"), &format!("token={token}&reason=a+test")).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let settled = demo.page(&other).await.text;
    assert!(settled.contains("Discarded") && !settled.contains("<textarea"), "{settled}");
    assert_eq!(demo.page("/quarantine/Q-nothing").await.status, 404);
}

#[tokio::test]
async fn a_person_chooses_on_a_page_when_and_which_mails_come() {
    let mut demo = signed_in().await;
    assert!(links(&demo.page("/work").await.text).contains("/settings"));
    let page = demo.page("/settings").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.text.matches(" checked").count(), 5, "all mails come at first");
    let token = token(&page.text);
    assert_eq!(demo.form("/settings", "token=x&digest_at=06:45").await.status, 403);
    let wrong = demo.form("/settings", &format!("token={token}&digest_at=01:30&mail-digest=on")).await;
    assert!(
        wrong.text.contains("There is a problem") && wrong.text.contains("href=\"#digest_at\""),
        "{}",
        wrong.text
    );
    assert!(wrong.text.contains("value=\"01:30\""), "what was typed stays");
    let half = demo.form("/settings", &format!("token={token}&quiet_from=19:00")).await;
    assert!(half.text.contains("State both or neither."), "{}", half.text);
    let typed =
        "digest_at=06:45&quiet_from=19:00&quiet_until=07:00&mail-digest=on&mail-warning=on&mail-vetting=on";
    let done = demo.form("/settings", &format!("token={token}&{typed}")).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let page = demo.page("/settings").await.text;
    assert!(page.contains("Your settings were saved."), "{page}");
    assert!(
        ["06:45", "19:00", "07:00"].iter().all(|time| page.contains(&format!("value=\"{time}\""))),
        "{page}"
    );
    assert_eq!(page.matches(" checked").count(), 3, "{page}");
}

#[tokio::test]
async fn a_register_is_asked_by_dates_in_three_boxes_and_at_a_past_moment() {
    let mut demo = signed_in().await;
    let typed = "from-day=1&from-month=1&from-year=2026&to-day=31&to-month=3&to-year=2026";
    let answer = demo.page(&format!("/statistics?org=region/N54&{typed}")).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let to = answer.headers["location"].to_str().unwrap().to_owned();
    assert!(to.contains("from=2026-01-01") && to.contains("to=2026-03-31"), "{to}");
    assert_eq!(demo.page(&to).await.status, 200);
    let wrong =
        demo.page("/compliance?from-day=31&from-month=2&from-year=2026&to-day=&to-month=&to-year=").await;
    assert!(wrong.text.contains("Due from must be a real date"), "{}", wrong.text);
    let past = demo.page("/people?asAt=2026-02-01").await;
    assert!(past.text.contains("You are looking at the past"), "{}", past.text);
    assert!(
        past.text.contains("/v1/people?format=csv&amp;asAt=2026-02-01")
            || past.text.contains("/v1/people?format=csv&#38;asAt=2026-02-01")
    );
}

#[tokio::test]
async fn a_day_passes_when_the_button_of_a_page_is_pressed() {
    let mut demo = signed_in().await;
    let before = demo.stage.clock.now();
    let page = demo.page("/work").await;
    let refused = demo.form("/demo/advance", "token=x").await;
    assert_eq!(refused.status, 403);
    assert_eq!(demo.stage.clock.now(), before);
    let answer = demo.form("/demo/advance", &format!("token={}", token(&page.text))).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(demo.stage.clock.now().london_date(), before.london_date().next());
    let said = demo.page("/work").await.text;
    assert!(said.contains("It is now 09:00 on "), "said once");
    assert!(!demo.page("/work").await.text.contains("It is now 09:00 on "), "and no more");
}

#[tokio::test]
async fn nobody_sees_a_page_before_choosing_who_to_be() {
    let mut demo = signed_in().await;
    demo.cookie.clear();
    for address in ["/work", "/duties", "/inbox", "/rules/4.10"] {
        let answer = demo.page(address).await;
        assert_eq!(answer.status, 303, "{address}");
        let to = answer.headers["location"].to_str().unwrap();
        assert!(to.starts_with("/sign-in?next="), "{to}");
    }
    let page = demo.page("/sign-in?next=//evil.example").await;
    assert!(!page.text.contains("evil.example"));
}

#[tokio::test]
async fn a_demonstration_that_is_there_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let again = move || {
        let stage = set_up(&path, &options(), "http://localhost").unwrap();
        (
            stage.clock.now(),
            stage.store.reader().head().unwrap().position,
            stage.demo.advance_one_day().unwrap(),
        )
    };
    let (first, second) = tokio::task::spawn_blocking(move || (again(), again())).await.unwrap();
    assert!(second.1 > first.1);
    assert_eq!(second.0.london_date(), first.0.london_date().next());
}
