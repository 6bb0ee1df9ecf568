//! The document of the API says what the router does: every parameter, every address, and nothing that is not there.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::server::Server;

async fn document(server: &Server) -> Value {
    let answer = server.get("/v3/api-docs").await;
    assert_eq!(answer.status, 200);
    answer.json()
}

/// Each operation: path, method, what is said of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation.clone()))
        })
        .collect()
}

fn filled(path: &str) -> String {
    path.replace("{file}", "x.ics").replace("{position}", "1").replace(['{', '}'], "x")
}

/// What an address answers; the stream of events, which does not end, without what it says.
async fn asked(server: &Server, method: &str, address: &str) -> (u16, String) {
    let request = Request::builder().method(method).uri(address).header("host", "127.0.0.1:8080");
    let response = server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    if response.headers().get("content-type").is_some_and(|media| media == "text/event-stream") {
        return (status, String::new());
    }
    let body = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn every_operation_of_the_document_is_at_its_address_and_every_other_method_is_refused() {
    let server = Server::open_to_anyone();
    let document = document(&server).await;
    let operations = operations(&document);
    assert!(operations.len() > 100, "{}", operations.len());
    for (path, method, _) in &operations {
        let (status, told) = asked(&server, method, &filled(path)).await;
        assert_ne!(status, 405, "{method} {path}");
        assert!(
            !told.contains("nothing at this address") || path == "/calendar/{file}",
            "{method} {path}: {told}"
        );
    }
    // The other way round: what the router answers to is in the document. A command stands there under its name.
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let documented = methods.get(method.to_lowercase()).is_some();
            let (status, _) = asked(&server, method, &filled(path)).await;
            // A command is given under its own name and shows its schema there.
            let command = path.starts_with("/v1/commands/") && ["GET", "POST"].contains(&method);
            assert_eq!(status != 405, documented || command, "{method} {path}: {status}");
        }
    }
}

/// The addresses that the program itself names to those who use it.
#[tokio::test]
async fn every_address_that_an_answer_or_a_page_names_is_in_the_document() {
    let server = Server::open_to_anyone();
    let document = document(&server).await;
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    let fits = |address: &str| {
        paths.iter().any(|path| {
            let (mut one, mut other) = (path.split('/'), address.split('/'));
            loop {
                match (one.next(), other.next()) {
                    (None, None) => return true,
                    (Some(part), Some(stated)) if part == stated || part.starts_with('{') => {}
                    _ => return false,
                }
            }
        })
    };
    let mut named = BTreeSet::new();
    for page in [
        "/duties",
        "/people",
        "/compliance",
        "/coverage",
        "/quarantine",
        "/audits",
        "/terminals",
        "/statistics",
    ] {
        let html = server.get(page).await.text;
        for rest in html.split("href=\"/v1/").skip(1) {
            named.insert(format!("/v1/{}", rest.split(['"', '?']).next().unwrap()));
        }
    }
    let lists = [("/v1/schemas", "/types"), ("/v1/commands", "/commands")];
    for (list, pointer) in lists {
        for one in server.get(list).await.json().pointer(pointer).unwrap().as_array().unwrap() {
            named.insert(one["schema"].as_str().unwrap().to_owned());
        }
    }
    assert!(named.len() > 100, "{named:?}");
    for address in named {
        assert!(fits(&address), "{address}");
    }
}

#[tokio::test]
async fn each_address_takes_the_parameters_that_are_documented_and_no_other() {
    let server = Server::open_to_anyone();
    let mut looked_at = 0;
    for (path, method, operation) in operations(&document(&server).await) {
        if method != "GET" {
            continue;
        }
        let (status, told) = asked(&server, "GET", &format!("{}?zzz=1", filled(&path))).await;
        let Some((_, rest)) = told.split_once("parameter `zzz`: unknown; ") else {
            continue;
        };
        assert_eq!(status, 400);
        let rest = rest.split('"').next().unwrap();
        let known: BTreeSet<&str> = match rest.strip_prefix("known are ") {
            Some(names) => names.trim_end_matches('.').split(", ").collect(),
            None => BTreeSet::new(),
        };
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let documented: BTreeSet<&str> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(documented, known, "{path}");
        looked_at += 1;
    }
    assert!(looked_at > 30, "{looked_at}");
}

#[tokio::test]
async fn every_word_that_a_parameter_may_have_is_taken_and_another_is_refused_with_those() {
    let server = Server::open_to_anyone();
    let needed = |path: &str| match path {
        "/v1/compliance" => "from=2026-01-01&to=2026-03-31&by=area&",
        "/v1/reports/statistics" => "from=2026-01-01&to=2026-03-31&org=area/A1&",
        "/v1/reconciliation/backlog" => "area=A1&programme=community&",
        "/v1/todo" => "org=area/A1&",
        "/v1/policies/backtest" => "draft=five-working-days&",
        _ => "",
    };
    let mut tried = 0;
    for (path, method, operation) in operations(&document(&server).await) {
        let (needed, address) = (needed(&path), filled(&path));
        if method != "GET" || path.contains('{') || path == "/v1/events/stream" {
            continue;
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let schema = &parameter["schema"];
            let words = schema["enum"].as_array().or(schema["items"]["enum"].as_array());
            let Some(words) = words else { continue };
            let stated = |word: &str| {
                let others = needed.split('&').filter(|pair| !pair.starts_with(&format!("{name}=")));
                let others: String =
                    others.filter(|pair| !pair.is_empty()).map(|pair| format!("{pair}&")).collect();
                format!("{address}?{others}{name}={word}")
            };
            for word in words {
                let (status, told) = asked(&server, "GET", &stated(word.as_str().unwrap())).await;
                assert_eq!(status, 200, "{path} {name}={word}: {told}");
                tried += 1;
            }
            let (status, told) = asked(&server, "GET", &stated("foo")).await;
            assert_eq!(status, 400, "{path} {name}=foo");
            let first = words[0].as_str().unwrap();
            assert!(told.contains("foo") && told.contains(first), "{path} {name}: {told}");
        }
    }
    assert!(tried > 40, "{tried}");
}

#[tokio::test]
async fn each_example_of_a_fact_is_taken_and_each_example_of_a_command_is_understood() {
    let server = Server::open_to_anyone();
    let document = document(&server).await;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let examples: Vec<&Value> = schemas
        .iter()
        .filter(|(name, _)| name.starts_with("fact."))
        .map(|(_, schema)| &schema["examples"][0])
        .collect();
    assert!(examples.len() > 80);
    for example in examples {
        let request = Request::post("/v1/facts?dry_run=true")
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/cloudevents+json");
        let (status, told) = server.answer(request.body(Body::from(example.to_string())).unwrap()).await;
        assert_eq!((status, told.contains("wouldBeStored")), (200, true), "{example}: {told}");
    }
    let example = &document["paths"]["/v1/facts"]["post"]["requestBody"]["content"];
    let batch = &example["application/cloudevents-batch+json"]["example"];
    let (status, told) =
        server.post("/v1/facts", "application/cloudevents-batch+json", batch.to_string()).await;
    assert_eq!(status, 202, "{told}");
    assert_eq!(json!(server.stored()), json!(1));
}

#[tokio::test]
async fn the_document_is_shown_without_anything_inline_or_from_elsewhere() {
    let server = Server::open_to_anyone();
    let page = server.get("/swagger-ui").await;
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self';") && policy.contains("style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !page.text.contains("style=") && !page.text.contains("onload"));
    let mut loaded = 0;
    for part in ["href=\"/assets/", "src=\"/assets/"] {
        for rest in page.text.split(part).skip(1) {
            let address = format!("/assets/{}", rest.split('"').next().unwrap());
            assert_eq!(server.get(&address).await.status, 200, "{address}");
            loaded += 1;
        }
    }
    assert_eq!(loaded, 4);
    assert!(!page.text.contains("://"), "{}", page.text);
}
