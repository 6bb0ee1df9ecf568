//! Pages of figures and of the log, on histories counted by hand.

use serde_json::{Value, json};

use crate::server::{Server, at};
use crate::statistics::history;

/// The words of a page, without what stands between angle brackets and with single spaces. The label that each cell bears on
/// a narrow screen is left out.
fn words(html: &str) -> String {
    let main = html.split_once("<main").map_or(html, |(_, main)| main);
    let mut parts = main.split("<span class=\"mandate-cell-label\"");
    let first = parts.next().unwrap_or_default().to_owned();
    let main = parts.fold(first, |all, part| all + part.split_once("</span>").map_or(part, |(_, rest)| rest));
    let mut text = String::new();
    let mut inside = false;
    for character in main.chars() {
        match character {
            '<' => {
                inside = true;
                text.push(' ');
            }
            '>' => inside = false,
            other if !inside => text.push(other),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn page(server: &Server, address: &str) -> String {
    let answer = server.get(address).await;
    assert_eq!(answer.status, 200, "{address}: {}", answer.text);
    assert!(!answer.text.contains(" style=") && !answer.text.contains("<script>"), "{address}");
    words(&answer.text)
}

/// N1 is registered on Monday 2 March and told of on the 3rd, its record was made on the 4th and is told of on the 10th;
/// an annulment of the 11th takes that back.
async fn told_late_and_annulled() -> Server {
    let server = Server::signing();
    let event = |id: &str, kind: &str, time: &str, data: Value| {
        json!({"specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": "nominal/N1", "time": time,
               "data": data})
    };
    let registered = json!({"registration": "R1", "category": 2, "level": 2, "area": "area/A1"});
    server.state(&[event("e1", "mappa.registered", "2026-03-02T12:00:00Z", registered)]).await;
    server.advance("2026-03-10T13:00:00Z");
    server.state(&[event("e2", "record.created", "2026-03-04T12:00:00Z", json!({"owner": "area/A1"}))]).await;
    server.store.checkpoint().unwrap().unwrap();
    server.advance("2026-03-11T13:00:00Z");
    let named = json!({"event": {"source": "/t", "id": "e2"}, "reason": "the wrong person"});
    server.state(&[event("e3", "fact.annulled", "2026-03-11T12:00:00Z", named)]).await;
    server.store.checkpoint().unwrap().unwrap();
    server
}

#[tokio::test]
async fn events_are_listed_the_latest_first_and_found_by_type_teller_position_and_day() {
    let server = told_late_and_annulled().await;
    let listed = |csv: &str| -> Vec<String> {
        csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    for (filter, positions) in [
        ("", vec!["3", "2", "1"]),
        ("type=record.created", vec!["2"]),
        ("subject=nominal/N1&type=mappa.registered", vec!["1"]),
        ("subject=nominal/N-OTHER", vec![]),
        ("source=/t", vec!["3", "2", "1"]),
        ("source=/else", vec![]),
        ("upTo=2", vec!["2", "1"]),
        ("fromPosition=2", vec!["3", "2"]),
        ("from=2026-03-04&to=2026-03-10", vec!["2"]),
        ("from=2026-03-11", vec!["3"]),
        ("to=2026-03-02", vec![]),
        ("knownAt=2026-03-10", vec!["2", "1"]),
        ("asAt=2026-03-03", vec!["1"]),
    ] {
        let csv = server.get(&format!("/events?format=csv&{filter}")).await;
        assert_eq!(listed(&csv.text), positions, "{filter}: {}", csv.text);
        let shown = page(&server, &format!("/events?{filter}")).await;
        for position in ["1", "2", "3"] {
            let there = shown.contains(&format!("Event {position} "));
            assert_eq!(there, positions.contains(&position), "{filter}: {shown}");
        }
    }
    assert_eq!(server.get("/events?type=none").await.status, 400);
    let past = page(&server, "/events?knownAt=2026-03-10").await;
    assert!(past.contains("You are looking at the past"), "{past}");
}

#[tokio::test]
async fn an_event_shows_what_followed_from_it_and_its_proof_against_the_latest_checkpoint() {
    let server = told_late_and_annulled().await;
    let first = page(&server, "/events/1").await;
    assert!(first.contains("Agrees with its leaf"), "{first}");
    assert!(first.contains("Opened Duty D-"), "{first}");
    assert!(first.contains("MAPPA level"), "what it changed: {first}");
    let proof = server.get("/v1/events/1/proof").await.json();
    assert!(first.contains(proof["leaf"].as_str().unwrap()), "{first}");
    assert!(first.contains("It is leaf 0 of the 3 that the checkpoint signed"), "{first}");
    let second = page(&server, "/events/2").await;
    assert!(second.contains("Named by an annulment") && second.contains("Annulled by Event 3"), "{second}");
    let before = page(&server, "/events/2?knownAt=2026-03-10").await;
    assert!(!before.contains("Named by an annulment"), "{before}");
    assert!(before.contains("Closed Duty D-"), "{before}");
    let third = page(&server, "/events/3").await;
    assert!(third.contains("Event 2 Record created, /t#e2"), "{third}");
    assert!(third.contains("sealed") && !third.contains("the wrong person"), "{third}");
    for wrong in ["/events/4", "/events/0", "/events/x"] {
        assert_eq!(server.get(wrong).await.status, 404, "{wrong}");
    }
}

#[tokio::test]
async fn a_witness_takes_what_the_page_of_assurance_offers_and_refuses_what_does_not_continue() {
    use mandate_verify::note::VerifyingKey;
    use mandate_verify::witness::{Request, judge};
    let server = told_late_and_annulled().await;
    let shown = page(&server, "/assurance?from=2&to=3").await;
    assert!(shown.contains("All 3 events of the log are covered"), "{shown}");
    assert!(shown.contains("Hashes of the proof"), "{shown}");
    assert!(
        shown.contains("mandate-verify --key auditor.vkey --checkpoint checkpoint.txt log.bundle"),
        "{shown}"
    );
    let key = server.get("/assurance/auditor.vkey").await.text;
    let key = VerifyingKey::parse(key.trim()).unwrap();
    let older = server.get("/assurance/checkpoint.txt?size=2").await.text;
    assert_eq!(key.open(&older).unwrap().size, 2);
    let request = |text: &str| Request::parse(text).unwrap();
    let first = server.get("/assurance/request.txt?from=0&to=2").await.text;
    let kept = judge(None, &request(&first), &key).unwrap().checkpoint;
    assert_eq!(kept.size, 2);
    let next = server.get("/assurance/request.txt?from=2&to=3").await.text;
    let kept = judge(Some(&kept), &request(&next), &key).unwrap().checkpoint;
    assert_eq!(kept.size, 3);
    assert!(judge(Some(&kept), &request(&first), &key).is_err(), "a smaller log was taken");
    assert_eq!(server.get("/assurance/request.txt?from=3&to=2").await.status, 400);
    assert_eq!(server.get("/assurance/checkpoint.txt?size=1").await.status, 404);
    let unsigned = Server::open_to_anyone();
    assert!(page(&unsigned, "/assurance").await.contains("There is no signing key"));
}

#[tokio::test]
async fn the_auditor_finds_annulments_late_facts_and_how_late_each_teller_tells() {
    let server = told_late_and_annulled().await;
    let annulments = page(&server, "/assurance/annulments").await;
    assert!(annulments.contains("Event 3") && annulments.contains("Event 2 Record created"), "{annulments}");
    // e2 is told 6 days late, e1 one day late, e3 on its day.
    let back_dated = server.get("/assurance/back-dated?format=csv").await.text;
    let late: Vec<(&str, &str)> = back_dated
        .lines()
        .skip(1)
        .map(|line| (line.split(',').next().unwrap(), line.rsplit(',').next().unwrap()))
        .collect();
    assert_eq!(late, [("2", "6"), ("1", "1")]);
    let five = server.get("/assurance/back-dated?format=csv&days=5").await.text;
    assert_eq!(five.lines().count(), 2, "{five}");
    let tellers = server.get("/assurance/late?format=csv").await.text;
    assert_eq!(tellers.lines().nth(1), Some("/t,3,2,1,6"), "{tellers}");
    assert!(page(&server, "/assurance/late").await.contains("/t 3"), "{tellers}");
    let elsewhere = page(&server, "/assurance/back-dated?from=2026-04-01&to=2026-04-02").await;
    assert!(elsewhere.contains("No fact matches."), "{elsewhere}");
    for empty in ["/assurance/waivers", "/assurance/imported"] {
        assert!(page(&server, empty).await.contains(" matches. Checked"), "{empty}");
    }
}

#[tokio::test]
async fn a_file_of_late_facts_holds_all_of_its_period_the_latest_first() {
    let server = told_late_and_annulled().await;
    // Told in April of 2 March: more than are read of the log at once.
    server.advance("2026-04-01T13:00:00Z");
    let late: Vec<Value> = (1..=5_100)
        .map(|number| {
            json!({"specversion": "1.0", "id": format!("m{number}"), "source": "/m", "type": "meeting.held",
                "subject": format!("nominal/M{number}"), "time": "2026-03-02T12:00:00Z",
                "data": {"meeting": format!("M{number}"), "level": 2}})
        })
        .collect();
    for some in late.chunks(850) {
        server.state(some).await;
    }
    let positions = |csv: &str| -> Vec<u64> {
        csv.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
    };
    let file = server.get("/assurance/back-dated?format=csv&source=/m").await.text;
    let found = positions(&file);
    assert_eq!(found.len(), 5_100);
    assert!(found.is_sorted_by(|one, next| one > next), "{found:?}");
    let tellers = server.get("/assurance/late?format=csv").await.text;
    assert!(tellers.contains("\n/m,5100,5100,30,30\n"), "{tellers}");
    let up_to = found[5_000];
    let some = server.get(&format!("/assurance/back-dated?format=csv&source=/m&upTo={up_to}")).await.text;
    assert_eq!(positions(&some), found[5_000..]);
}

#[tokio::test]
async fn the_late_facts_of_a_teller_are_looked_at_up_to_the_same_position() {
    let server = told_late_and_annulled().await;
    let shown = server.get("/assurance/late?upTo=2").await.text;
    assert!(shown.contains("upTo=2\">2 facts</a>"), "{shown}");
    let shown = server.get("/assurance/late").await.text;
    assert!(!shown.contains("upTo") && shown.contains(">2 facts</a>"), "{shown}");
}

#[tokio::test]
async fn the_board_report_counts_the_quarter_by_outcome_as_counted_by_hand() {
    let server = history().await;
    let csv = server.get("/board?audience=everyone&format=csv").await.text;
    let line = |of: &str| csv.lines().find(|line| line.contains(of)).map(str::to_owned);
    // Of N1, N2, N3, N7, N4 and N6 three were met in time (see `compliance_is_counted_by_area_and_rule…`).
    assert_eq!(line(",policy,a,4.10,").unwrap(), "all,2026-01-01,2026-03-26,policy,a,4.10,3,6,50.0", "{csv}");
    assert_eq!(line("2026-03-26,policy,a,all,").unwrap(), "all,2026-01-01,2026-03-26,policy,a,all,3,6,50.0");
    assert_eq!(line("2025-12-31,policy,all,all,").unwrap(), "all,2025-10-01,2025-12-31,policy,all,all,0,0,");
    // P1 searched in time, P2 late and never: a local target, which no outcome under the policy's numbers counts.
    assert_eq!(line(",local,b,5.12,").unwrap(), "all,2026-01-01,2026-03-26,local,b,5.12,1,3,33.3", "{csv}");
    let one = server.get("/board?audience=everyone&area=A1&format=csv").await.text;
    assert!(one.contains("area/A1,2026-01-01,2026-03-26,policy,a,4.10,2,4,50.0"), "{one}");
    let shown = page(&server, "/board?audience=everyone").await;
    assert!(shown.contains("a) Use") && shown.contains("3 of 6"), "{shown}");
    // For a board the three missed are kept back.
    let board = page(&server, "/board").await;
    assert!(!board.contains("3 of 6") && board.contains("Kept back"), "{board}");
    let board = server.get("/board?format=csv").await.text;
    assert!(board.contains("all,2026-01-01,2026-03-26,policy,a,4.10,,,"), "{board}");
}

#[tokio::test]
async fn the_board_is_told_what_changed_in_a_quarter_because_facts_came_late() {
    let server = history().await;
    // N7's record of 5 March is told of in April: 3 of 6 become 4 of 6.
    server.clock.set(at("2026-04-02T13:00:00Z"));
    let fact = json!({"specversion": "1.0", "id": "late", "source": "/t", "type": "record.created",
        "subject": "nominal/N7", "time": "2026-03-05T12:00:00Z", "data": {"owner": "area/A1"}});
    server.state(&[fact]).await;
    server.advance("2026-04-03T13:00:00Z");
    let shown = page(&server, "/board?audience=everyone").await;
    assert!(shown.contains("What changed in Jan to Mar 2026 because facts came late"), "{shown}");
    assert!(shown.contains("a) Use 50.0 % 3 of 6 66.6 % 4 of 6 1 more met"), "{shown}");
    assert!(shown.contains("rule 4.10 50.0 % 3 of 6 66.6 % 4 of 6 1 more met"), "{shown}");
    let board = page(&server, "/board").await;
    assert!(board.contains("a) Use kept back kept back Changed; the counts are small"), "{board}");
    let before = page(&server, "/board?audience=everyone&knownAt=2026-04-01").await;
    assert!(before.contains("a) Use as now as then No change"), "{before}");
}

#[tokio::test]
async fn an_area_has_its_months_as_a_drawing_and_as_a_table_with_the_same_figures() {
    let server = history().await;
    let shown = page(&server, "/areas/A1").await;
    // N1 and N3 in time, N2 late, N7 never.
    assert!(shown.contains("Mar 2026 50.0 % 2 of 4 2"), "{shown}");
    assert!(shown.contains("Mar 26 50 %"), "the drawing says the same: {shown}");
    assert!(shown.contains("No programme is switched on in the area"), "{shown}");
    let csv = server.get("/areas/A1?format=csv").await.text;
    assert!(csv.contains("area/A1,2026-03-01,2026-03-26,2,4,50.0"), "{csv}");
    assert_eq!(csv.lines().count(), 14, "{csv}");
    let before = server.get("/areas/A1?format=csv&knownAt=2026-03-24").await.text;
    assert!(before.contains("area/A1,2026-03-01,2026-03-26,1,4,25.0"), "{before}");
    assert_eq!(server.get("/areas/NONE").await.status, 404);
    // Nothing was told of A3 itself, but a duty lies there.
    let silent = page(&server, "/areas/A3").await;
    assert!(silent.contains("Mar 2026 None due None 1"), "not evidenced: {silent}");
    let heat = server.get("/compliance").await.text;
    assert!(heat.contains("href=\"/areas/A1\""), "the heat map leads to the area");
}

#[tokio::test]
async fn notices_are_listed_by_how_they_stand_and_without_any_address() {
    let server = Server::open_to_anyone();
    assert!(page(&server, "/notices").await.contains("No notice matches."));
    assert_eq!(server.get("/notices?status=lost").await.status, 400);
    let csv = server.get("/v1/notices?format=csv&dead=true").await;
    assert_eq!(csv.text.trim(), "notice,template,recipient,status,queuedAt,position,duties,reply");
}
