//! Every address × whoever may ask: the table of rights, walked through HTTP.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use axum::body::Body;
use axum::http::Request;
use mandate_api::http::{Needs, ROWS, Surface, Tellers};
use mandate_api::tokens::{
    Import, Opens, Reads, Tokens, make, make_for_reading, make_for_subject_access, make_for_user,
};
use mandate_domain::rights::Right;
use serde_json::json;

use crate::office::{PEOPLE, furnish, tell};
use crate::server::Server;

/// Users of the log beside those of the office: a member of a board, an administrator, and somebody whose vetting ended.
const MORE: [(&str, &str, u8, &str); 3] = [
    ("board", "smb-member", 0, "2026-12-31"),
    ("admin", "other", 3, "2026-12-31"),
    ("lapsed", "practitioner", 2, "2026-03-02"),
];

/// Who asks: people of the office and the others, somebody who is no user, machines, and nobody.
const ASKERS: &str =
    "cpc central manager supervisor outsider auditor board admin lapsed stranger feed reader logger sar";

/// Who gets through, in the words of [`ASKERS`], for each that an address may take; none where the answer does not depend
/// on who asks. Written by hand from spec 4.3.
fn through(needs: Needs) -> Option<&'static str> {
    Some(match needs {
        Needs::Nothing | Needs::SecretInAddress | Needs::Demonstration => return None,
        Needs::Known => {
            "cpc central manager supervisor outsider auditor board admin lapsed feed reader logger"
        }
        Needs::Right(Right::SeeDuties) => "cpc central manager supervisor outsider auditor reader",
        Needs::Right(Right::OpenRecord) => "cpc central manager supervisor outsider",
        Needs::Right(Right::SeeAll) => "central auditor reader",
        Needs::Right(Right::SeeBoard) => "cpc central auditor board reader",
        Needs::Right(Right::ReadLog) => "auditor logger",
        Needs::Right(Right::SeeQuarantine) => "cpc central admin auditor logger",
        Needs::Right(Right::SettleQuarantine) => "cpc central admin",
        Needs::Right(Right::Administer) => "admin",
        Needs::Either(Right::Administer, Right::ReadLog) => "admin auditor logger",
        Needs::Either(Right::SeeRegisters, Right::SeeBoard) | Needs::RightIn(Right::SeeRegisters) => {
            "cpc central manager supervisor outsider auditor board admin reader"
        }
        // A machine has nobody on whose behalf it looks.
        Needs::Either(Right::OpenRecord, Right::ReadLog) => "cpc central manager supervisor outsider auditor",
        // There is no record yet, so that everybody of the area sees the nominal.
        Needs::RightIn(Right::SeeNominal | Right::SeeDuty) => "cpc central manager supervisor auditor reader",
        // Themselves, at least; but a board sees no person.
        Needs::RightIn(Right::SeePeople) => {
            "cpc central manager supervisor outsider auditor admin lapsed reader"
        }
        Needs::RightIn(Right::SeeRetention) => "cpc central auditor reader",
        // What each command takes is tried where commands are; here it is somebody who is named.
        Needs::Command => "cpc central manager supervisor outsider auditor board admin lapsed stranger",
        // What may be stated follows from the facts; here it is somebody with a token.
        Needs::Teller => {
            "cpc central manager supervisor outsider auditor board admin lapsed stranger feed reader logger"
        }
        Needs::SubjectAccess => "sar",
        other => panic!("{other:?}: say who gets through"),
    })
}

async fn place() -> (Server, BTreeMap<&'static str, String>) {
    let (mut file, mut tokens) = (String::new(), BTreeMap::new());
    let mut keep = |name: &'static str, (token, entry): (String, String)| {
        file.push_str(&entry);
        tokens.insert(name, token);
    };
    let people = PEOPLE.iter().map(|(name, ..)| *name).chain(MORE.iter().map(|(name, ..)| *name));
    for name in people.chain(["stranger"]) {
        keep(name, make_for_user(name, &format!("user/{name}"), Opens::Everything).unwrap());
    }
    keep("feed", make("feed", &["/t".to_owned()], Import::Refused).unwrap());
    let reads = |state, log| Reads { state, log };
    keep("reader", make_for_reading("reader", &[], Import::Refused, reads(true, false)).unwrap());
    keep("logger", make_for_reading("logger", &[], Import::Refused, reads(false, true)).unwrap());
    keep("sar", make_for_subject_access("sar").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.toml");
    std::fs::write(&path, file).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::new(Tellers::Tokens(Tokens::read(&path).unwrap()));
    let feed = &tokens["feed"];
    furnish(&server, feed).await;
    for (name, role, level, expires_on) in MORE {
        let user = format!("user/{name}");
        let registered = json!({"org": "area/A1", "role": role, "service": "probation"});
        tell(&server, feed, &user, "user.registered", registered).await;
        if level > 0 {
            let cleared = json!({"level": level, "expires_on": expires_on});
            tell(&server, feed, &user, "vetting.cleared", cleared).await;
        }
        tell(&server, feed, &user, "document.signed", json!({"document": "syops", "version": "1"})).await;
        tell(&server, feed, &user, "training.completed", json!({"course": "visor", "provider": "hmpps"}))
            .await;
    }
    tell(&server, feed, "user/lapsed", "account.enabled", json!({})).await;
    tell(&server, feed, "user/admin", "token.granted", json!({"token": "admin"})).await;
    server.advance("2026-03-03T09:00:00Z");
    (server, tokens)
}

/// The address with something that is there in its places.
fn filled(path: &str, duty: &str) -> String {
    let path = match path {
        "/v1/duties/{id}"
        | "/v1/duties/{id}/explanation"
        | "/v1/duties/{id}/derivation"
        | "/v1/duties/{id}/history"
        | "/duties/{reference}" => path.replace("{id}", duty).replace("{reference}", duty),
        _ => path.replace("{name}", "record-act").replace("{position}", "1").replace("{id}", "4.10"),
    };
    let path = path.replace("{reference}", "N1").replace("{type}", "nominal.died");
    match path.as_str() {
        "/subject-access-request" => format!("{path}?crn=X1"),
        _ => path,
    }
}

#[tokio::test]
async fn every_address_lets_through_whom_the_table_names_and_nobody_else() {
    let (server, tokens) = place().await;
    let duty = server.look("/v1/duties?subject=nominal/N1").await.json()["content"][0]["reference"].clone();
    let duty = duty.as_str().unwrap();
    let (mut cells, mut wrong) = (0, Vec::new());
    for (method, path, surface, needs) in ROWS {
        let Some(allowed) = through(*needs) else { continue };
        let allowed: Vec<&str> = allowed.split(' ').collect();
        // Pages know people by their session: that they look at the same table is tried where people sign in.
        let pages = *surface == Surface::Page;
        for who in ASKERS.split(' ').chain(["nobody"]) {
            if pages && who != "nobody" {
                continue;
            }
            let media =
                if *path == "/v1/facts" { "application/cloudevents+json" } else { "application/json" };
            let mut request = Request::builder()
                .method(*method)
                .uri(filled(path, duty))
                .header("host", "127.0.0.1:8080")
                .header("content-type", media);
            if let Some(token) = tokens.get(who) {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let body = if *method == "GET" { "" } else { "{}" };
            let request = request.body(Body::from(body)).unwrap();
            // A stream goes on for ever once it is opened.
            let status = server.status(request).await;
            cells += 1;
            let refused = match needs {
                // A fact that may not be stated is refused for itself.
                Needs::Teller => status == 401,
                _ => [401, 403].contains(&status) || (pages && status == 303),
            };
            let wanted = allowed.contains(&who);
            if refused == wanted || (status >= 500 && status != 503) {
                wrong.push(format!("{method} {path} {needs:?}: {who} heard {status}"));
            }
            if who == "nobody" && !pages && status != 401 {
                wrong.push(format!("{method} {path}: nobody heard {status}"));
            }
        }
    }
    assert!(cells > 600, "{cells}");
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
}
