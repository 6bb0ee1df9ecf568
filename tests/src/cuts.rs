//! The same duties by whatever way they are asked for, at random moments.

use std::io::BufRead as _;

use mandate_api::generate::{Options, Scale, generate};
use mandate_domain::calendar::Calendar;
use mandate_domain::fact::Fact;
use mandate_domain::judge::{History, Judge, View};
use mandate_domain::policy::Policy;
use mandate_domain::time::Instant;
use mandate_store::{Carried, CarriedError, Part, read_bundle};
use serde_json::Value;

use crate::random::Random;
use crate::server::Server;

/// Random moments that are tried, and of these those that are asked of the server as well.
const CUTS: u64 = 1_000;
const ASKED: u64 = 50;

/// A small history, recorded in twenty instalments.
async fn recorded() -> Server {
    let server = Server::signing();
    let mut bytes = Vec::new();
    let options = Options { areas: 1, nominals: 12, months: 4, ..Options::scale(Scale::Small) };
    generate(&options, &mut bytes).unwrap();
    let mut facts: Vec<Value> =
        bytes.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let told_at =
        |fact: &Value| fact.get("recordedtime").unwrap_or(&fact["time"]).as_str().unwrap().to_owned();
    facts.sort_by_key(told_at);
    for part in facts.chunks(facts.len().div_ceil(20)) {
        let last = told_at(part.last().unwrap());
        server.advance(&last);
        let told: Vec<Value> = part
            .iter()
            .cloned()
            .map(|mut fact| {
                fact.as_object_mut().unwrap().remove("recordedtime");
                fact
            })
            .collect();
        server.state(&told).await;
    }
    server.store.checkpoint().unwrap();
    server
}

/// The facts that a bundle of the log carries.
fn carried(server: &Server) -> Vec<(Fact, Instant, u32)> {
    let mut bundle = Vec::new();
    server.store.reader().export_bundle(&mut bundle, Part::default(), &[]).unwrap();
    let mut facts = Vec::new();
    read_bundle(bundle.as_slice(), |carried| {
        let Carried::Fact(told) = carried else { return Ok(()) };
        let position = u32::try_from(told.position.get()).unwrap();
        facts.push((told.fact.clone(), told.known_at(), position));
        Ok::<(), CarriedError>(())
    })
    .unwrap();
    facts
}

/// The duties at a view, a line of JSON each.
fn judged<'f>(facts: impl Iterator<Item = &'f (Fact, Instant, u32)>, view: View) -> String {
    let mut history = History::default();
    for (fact, known_at, position) in facts {
        history.add(fact, *known_at, *position);
    }
    let (policy, calendar) = (Policy::shipped().unwrap(), Calendar::shipped().unwrap());
    let judge = Judge::new(&policy, &calendar, &history, view);
    let mut bytes = Vec::new();
    for verdict in judge.judge_all() {
        judge.write_json(&verdict, &mut bytes);
        bytes.push(b'\n');
    }
    String::from_utf8(bytes).unwrap()
}

/// What the server lists by a filter.
async fn listed(server: &Server, filter: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for page in 0.. {
        let address = format!("/v1/duties?{filter}&size=100&page={page}");
        let answer = server.get(&address).await.json();
        let content = answer["content"].as_array().unwrap();
        if content.is_empty() {
            break;
        }
        all.extend(content.iter().cloned());
    }
    all
}

/// The lists, the breaches of an area and the figures of the server are those of the duties at a view.
async fn asked_of_the_server(server: &Server, view: View, whole: &[Value]) {
    let moment = format!("asAt={}&knownAt={}", view.as_at, view.known_at);
    let sorted = |duties: &mut dyn Iterator<Item = &Value>| {
        let mut named: Vec<(String, String)> = duties.map(named).collect();
        named.sort();
        named
    };
    let found = listed(server, &moment).await;
    assert_eq!(sorted(&mut found.iter()), sorted(&mut whole.iter()), "{moment}");
    let holder = whole.iter().find_map(|duty| duty["holder"].as_str()).unwrap_or("area/A01");
    let found = listed(server, &format!("holder={holder}&breach=true&{moment}")).await;
    let mut breaches =
        whole.iter().filter(|duty| duty["holder"] == holder && duty["breach"] == serde_json::json!(true));
    assert_eq!(sorted(&mut found.iter()), sorted(&mut breaches), "{holder} {moment}");
    let address = format!("/v1/compliance?by=rule&from=2000-01-01&to=2150-01-01&{moment}");
    let answer = server.get(&address).await.json();
    for cell in answer["cells"].as_array().unwrap() {
        let rule = &cell["of"]["rule"];
        let counted = |outcome: &str, plain: bool| {
            let own = whole.iter().filter(|duty| duty["rule"] == *rule && duty["outcome"] == outcome);
            let own = own.filter(|duty| duty["basis"] == "policy" && !duty["due_at"].is_null());
            let apart = |duty: &&Value| is_not_evidenced(duty) || duty["inherited"] == true;
            own.filter(|duty| !plain || !apart(duty)).count() as u64
        };
        let told = |name: &str| cell[name].as_u64().unwrap_or(0);
        for (name, outcome) in
            [("met", "met"), ("metLate", "met_late"), ("overdue", "overdue"), ("lapsed", "lapsed")]
        {
            assert_eq!(told(name), counted(outcome, true), "{name} {rule} {moment} {cell}");
        }
        for outcome in ["withdrawn", "pending"] {
            assert_eq!(told(outcome), counted(outcome, false), "{outcome} {rule} {moment} {cell}");
        }
        let policy = |duty: &&Value| duty["rule"] == *rule && duty["basis"] == "policy";
        let unevidenced = whole.iter().filter(policy).filter(|duty| is_not_evidenced(duty)).count() as u64;
        assert_eq!(told("notEvidenced"), unevidenced, "{rule} {moment} {cell}");
    }
}

/// Whether a duty is marked so.
fn is_not_evidenced(duty: &Value) -> bool {
    duty["flags"].as_array().unwrap().iter().any(|flag| flag == "not_evidenced")
}

#[tokio::test]
async fn at_random_moments_the_log_cut_there_the_whole_log_a_bundle_and_the_lists_give_the_same_duties() {
    let server = recorded().await;
    let facts = carried(&server);
    assert!(facts.len() > 200, "{}", facts.len());
    let (first, last) = (facts[0].1, facts.last().unwrap().1);
    let span = u64::try_from(last.nanos() - first.nanos()).unwrap();
    let mut random = Random::new(7);
    let mut moment = || first.plus_seconds(i64::try_from(random.below(span) / 1_000_000_000).unwrap());
    let (mut duties, mut differing) = (0, 0);
    for cut in 0..CUTS {
        let view = View { as_at: moment(), known_at: moment() };
        let whole = judged(facts.iter(), view);
        let known = judged(facts.iter().filter(|(_, known_at, _)| *known_at <= view.known_at), view);
        assert_eq!(whole, known, "as at {}, as known at {}", view.as_at, view.known_at);
        duties += whole.lines().count();
        differing += u64::from(whole != judged(facts.iter(), View { known_at: view.as_at, ..view }));
        if cut % (CUTS / ASKED) == 0 {
            for view in [view, View { as_at: view.known_at, ..view }] {
                let whole = judged(facts.iter(), view);
                let whole: Vec<Value> =
                    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                asked_of_the_server(&server, view, &whole).await;
            }
        }
    }
    assert!(duties > 10_000, "{duties}");
    // The control: with the moment asked about in the place of the moment of knowledge most answers are others.
    assert!(differing > CUTS / 4, "{differing}");
}

/// A duty's id with all that is told of it.
fn named(duty: &Value) -> (String, String) {
    let told = |name: &&str| duty[*name].to_string();
    let all: Vec<String> = TOLD.iter().map(told).collect();
    (duty["duty"].as_str().unwrap().to_owned(), all.join(" "))
}

/// What is told of a duty.
const TOLD: [&str; 17] = [
    "rule",
    "subject",
    "holder",
    "inherited",
    "opened_by",
    "opened_at",
    "counted_from",
    "opens_on",
    "due_on",
    "act_by",
    "due_at",
    "outcome",
    "closed_by",
    "closed_at",
    "breach",
    "born_overdue",
    "flags",
];
