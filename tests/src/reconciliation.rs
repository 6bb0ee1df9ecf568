//! `GET /v1/reconciliation`: a small area counted by hand, at present and at past moments, and a programme's backlog.

use serde_json::{Value, json};

use crate::server::Server;

/// Tells facts about one subject, each an hour after the one before from 09:00 of a day of March on.
fn told(subject: &str, day: u8, facts: &[(&str, Value)]) -> Vec<Value> {
    let fact = |(hour, (kind, data)): (u8, &(&str, Value))| {
        let time = format!("2026-03-{day:02}T{hour:02}:00:00Z");
        json!({"specversion": "1.0", "id": format!("{subject}-{day}-{hour}"), "source": "/t", "type": kind,
               "subject": subject, "time": time, "recordedtime": time, "data": data})
    };
    (9..).zip(facts).map(fact).collect()
}

fn registered(category: u8, level: u8, area: &str) -> (&'static str, Value) {
    let registration = json!({"registration": "R1", "category": category, "level": level, "area": area});
    ("mappa.registered", registration)
}

/// A record of the area with its registration on nDelius.
fn recorded() -> [(&'static str, Value); 3] {
    let area = "area/A07";
    [
        registered(2, 2, area),
        ("ndelius.visor_registered", json!({})),
        ("record.created", json!({"owner": area})),
    ]
}

fn held() -> (&'static str, Value) {
    ("custody.received", json!({"prison": "prison/LEI", "reason": "admission", "spell": "S1"}))
}

fn manager(what: &'static str, kind: &str, manager: &str) -> (&'static str, Value) {
    (what, json!({"manager": manager, "kind": kind}))
}

/// Twelve nominals of area A07, one of A08, and a user of a prison.
async fn a_small_area() -> Server {
    const ALLOCATED: &str = "offender_manager.allocated";
    const RECORDED: &str = "offender_manager.recorded";
    let server = Server::open_to_anyone();
    let mut supervised = registered(3, 2, "area/A07");
    supervised.1["statutory_supervision"] = json!(true);
    let alert = ("alert.added", json!({"code": "PVN"}));
    let missing = json!({"complete": false, "missing": ["address", "mappa-category"]});
    let partners = json!({"org": "prison/LEI", "users": ["user/U1"]});
    let left = json!({"prison": "prison/LEI", "reason": "release", "spell": "S1"});
    let user = json!({"org": "prison/LEI", "role": "case-administrator", "service": "prison"});
    let with = |more: &[(&'static str, Value)]| [&recorded()[..], more].concat();
    let own: Vec<(u8, Vec<(&str, Value)>)> = vec![
        (1, vec![registered(2, 2, "area/A07")]),
        (2, with(&[])),
        (3, vec![registered(2, 2, "area/A07"), ("record.created", json!({"owner": "area/A07"}))]),
        (4, vec![supervised]),
        (5, vec![registered(3, 2, "area/A07")]),
        (6, with(&[("mappa.changed", json!({"registration": "R1", "category": 1}))])),
        (7, with(&[held()])),
        (8, with(&[alert.clone(), held(), manager(RECORDED, "pom", "M8"), manager(ALLOCATED, "pom", "M9")])),
        (
            9,
            with(&[
                manager(ALLOCATED, "com", "M1"),
                manager(RECORDED, "com", "M1"),
                manager(ALLOCATED, "com", "M2"),
            ]),
        ),
        (10, with(&[("dataset.checked", missing)])),
        (11, with(&[alert, held(), ("partners.added", partners), ("custody.left", left)])),
        (12, vec![registered(2, 1, "area/A07")]),
    ];
    let mut facts: Vec<Value> =
        own.iter().flat_map(|(n, facts)| told(&format!("nominal/N{n:02}"), 2, facts)).collect();
    facts.extend(told("nominal/N13", 2, &[registered(2, 2, "area/A08")]));
    let at_terminal = ("logged_on", json!({"terminal": "terminal/T1", "network": "lan"}));
    facts.extend(told("user/U1", 2, &[("user.registered", user), at_terminal]));
    server.state(&facts).await;
    server.advance("2026-03-10T09:00:00Z");
    server
}

/// What the area shows, oldest first: an hour for each fact of a nominal.
const AREA: [&str; 10] = [
    "record-missing 4.10 nominal/N01  area/A07 09 8",
    "record-missing 4.14 nominal/N04  area/A07 09 8",
    "registration-missing 4.34 nominal/N03  area/A07 10 8",
    "alert-missing 5.14 nominal/N07  prison/LEI 12 8",
    "dataset-incomplete 4.23 nominal/N10 area area/A07 12 8",
    "level-differs 4.16.p nominal/N10 area area/A07 12 8",
    "owner-differs 4.9 nominal/N06  area/A07 12 8",
    "manager-differs 4.24 nominal/N09 com area/A07 14 8",
    "partners-of-prison-left 5.19 nominal/N11 prison/LEI prison/LEI 15 8",
    "manager-differs 5.17 nominal/N08 pom prison/LEI 15 8",
];

/// The rows of a page in one line each: check, paragraph, subject, about, owner, hour since, age.
fn lines(page: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |row: &Value| {
        let since = text(&row["since"]);
        let cells = ["check", "paragraph", "subject", "about", "owner"].map(|name| text(&row[name]));
        format!("{} {} {}", cells.join(" "), &since[11..13], row["ageDays"])
    };
    page["content"].as_array().unwrap().iter().map(line).collect()
}

/// The same whatever the order of what stands from the same instant on.
fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[tokio::test]
async fn an_area_counted_by_hand_is_listed_whole_at_present_and_as_at_the_same_moment() {
    let server = a_small_area().await;
    let present = server.get("/v1/reconciliation?area=A07").await.json();
    assert_eq!(sorted(lines(&present)), sorted(AREA.map(str::to_owned).to_vec()));
    assert_eq!(present["totalElements"], json!(AREA.len()));
    for filter in [
        "area=A07&",
        "",
        "check=manager-differs,level-differs&",
        "prison=LEI&",
        "subject=nominal/N10&",
        "page=1&size=3&",
    ] {
        let present = server.get(&format!("/v1/reconciliation?{filter}")).await.json();
        let past = server.get(&format!("/v1/reconciliation?{filter}asAt=2026-03-10T09:00:00Z")).await.json();
        assert_eq!(present, past, "{filter}");
    }
    let everywhere = server.get("/v1/reconciliation").await.json();
    assert_eq!(everywhere["totalElements"], json!(AREA.len() + 2), "N13 of A08 and the log-on");
}

#[tokio::test]
async fn each_says_what_the_sides_say_and_a_filter_keeps_what_it_names() {
    let server = a_small_area().await;
    let page = server.get("/v1/reconciliation?check=manager-differs&subject=N09").await.json();
    assert_eq!(
        page["content"][0]["sides"],
        json!([{"system": "nDelius", "says": "com M2 allocated"}, {"system": "ViSOR", "says": "com M1 recorded"}])
    );
    assert!(page["content"][0]["mendedBy"].as_str().unwrap().contains("offender_manager.recorded"));
    for (filter, found) in [
        ("check=record-missing", 3),
        ("check=record-missing&area=area/A07", 2),
        ("prison=LEI", 4),
        ("prison=LEI&area=A07", 3),
        ("check=terminal-not-approved", 1),
        ("subject=user/U1", 1),
        ("area=A99", 0),
    ] {
        let page = server.get(&format!("/v1/reconciliation?{filter}")).await.json();
        assert_eq!(page["totalElements"], json!(found), "{filter}");
    }
    for wrong in [
        "/v1/reconciliation?check=lost",
        "/v1/reconciliation?check=account-unused",
        "/v1/reconciliation?asAt=x",
        "/v1/reconciliation?outcome=met",
        "/v1/reconciliation/backlog?area=A07",
        "/v1/reconciliation/backlog?programme=community",
        "/v1/reconciliation/backlog?area=A07&programme=prison",
    ] {
        assert_eq!(server.get(wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_csv_holds_what_is_listed() {
    let server = a_small_area().await;
    for moment in ["", "&asAt=2026-03-10T09:00:00Z"] {
        let answer = server.get(&format!("/v1/reconciliation?area=A07&size=2&format=csv{moment}")).await;
        assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
        let rows: Vec<&str> = answer.text.lines().collect();
        assert_eq!(rows.len(), AREA.len() + 1, "{}", answer.text);
        assert!(
            rows[0].starts_with("check,paragraph,subject,about,owner,area,unit,prison,since,age_days,sides")
        );
        let first = "record-missing,4.10,nominal/N01,,area/A07,area/A07,,,2026-03-02T09:00:00Z,8,";
        assert!(rows[1].starts_with(first), "{}", rows[1]);
    }
}

#[tokio::test]
async fn what_is_mended_is_gone_at_present_and_stays_as_it_was_known_before() {
    let server = a_small_area().await;
    let count = |page: Value| page["totalElements"].as_u64().unwrap();
    let of = |subject: &str, moment: &str| format!("/v1/reconciliation?subject={subject}{moment}");
    assert_eq!(count(server.get(&of("N01", "")).await.json()), 1);
    // Told on 11 March: the record was made on 3 March.
    let mut late = told("nominal/N01", 3, &recorded()[1..]);
    for fact in &mut late {
        fact["recordedtime"] = json!("2026-03-11T09:00:00Z");
    }
    server.state(&late).await;
    let terminal = told("terminal/T1", 4, &[("terminal.approved", json!({"by": "user/U9"}))]);
    server.state(&terminal).await;
    server.advance("2026-03-12T09:00:00Z");
    for (address, left) in [
        (of("N01", ""), 0),
        (of("N01", "&asAt=2026-03-06"), 0),
        (of("N01", "&asAt=2026-03-06&knownAt=2026-03-10"), 1),
        (of("user/U1", ""), 0),
        (of("user/U1", "&asAt=2026-03-03"), 1),
    ] {
        assert_eq!(count(server.get(&address).await.json()), left, "{address}");
    }
    let annulled = json!({"event": {"source": "/t", "id": late[1]["id"]}, "reason": "error"});
    server.state(&told("nominal/N01", 12, &[("fact.annulled", annulled)])).await;
    server.advance("2026-03-13T09:00:00Z");
    let again = server.get(&of("N01", "")).await.json();
    assert_eq!(lines(&again), ["record-missing 4.10 nominal/N01  area/A07 09 11"]);
}

#[tokio::test]
async fn a_backlog_is_counted_from_the_day_of_the_switch() {
    let server = Server::open_to_anyone();
    let sentenced = ("sentence.imposed", json!({"kind": "community"}));
    for n in 1..=3 {
        let own = [sentenced.clone(), registered(2, 1, "area/A07")];
        server.state(&told(&format!("nominal/N{n}"), 1, &own)).await;
    }
    let on = json!({"programme": "community", "decided_by": "board", "evidence": "minutes"});
    server.state(&told("area/A07", 3, &[("programme.switched_on", on)])).await;
    let made = ("record.created", json!({"owner": "area/A07"}));
    server.state(&told("nominal/N2", 4, &[made])).await;
    server.advance("2026-03-05T12:00:00Z");
    let address = "/v1/reconciliation/backlog?area=A07&programme=community";
    let backlog = server.get(address).await.json();
    assert_eq!(
        backlog,
        json!({
            "area": "area/A07", "programme": "community", "switchedOn": "2026-03-03",
            "cases": [{"subject": "nominal/N1", "since": "2026-03-01T10:00:00Z"},
                      {"subject": "nominal/N3", "since": "2026-03-01T10:00:00Z"}],
            "days": [{"date": "2026-03-03", "count": 3}, {"date": "2026-03-04", "count": 2},
                     {"date": "2026-03-05", "count": 2}],
        })
    );
    let before = server.get(&format!("{address}&asAt=2026-03-02T12:00:00Z")).await.json();
    assert_eq!((&before["switchedOn"], before["cases"].as_array().unwrap().len()), (&Value::Null, 3));
}
