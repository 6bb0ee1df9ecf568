//! `OpenAPI`: every address of the API stands once, with what is said of it; the router and the document are made from
//! that, so that neither has what the other lacks.
//!
//! Bodies of facts and commands are described by the typed lists of the domain, answers by `answers.json`.

mod operation;
mod parameters;
mod routes;
mod ui;

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::handler::Handler;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use mandate_domain::catalogue::FactType;
use serde_json::{Map, Value, json};

pub use operation::Operation;
pub use routes::routes;

use super::app::App;
use super::schemas::{example, schema};

/// What answers hold, as JSON Schemas by name.
static ANSWERS: &str = include_str!("answers.json");

/// Addresses with what is said of them.
#[derive(Default)]
pub struct Routes {
    router: Router<App>,
    /// With path and method.
    operations: Vec<(String, &'static str, Operation)>,
}

impl Routes {
    /// An address that is read.
    #[must_use]
    pub fn get<H: Handler<T, App>, T: 'static>(self, path: &str, handler: H, operation: Operation) -> Self {
        self.with(path, "get", get(handler), operation)
    }

    /// An address to which something is sent.
    #[must_use]
    pub fn post<H: Handler<T, App>, T: 'static>(self, path: &str, handler: H, operation: Operation) -> Self {
        self.with(path, "post", post(handler), operation)
    }

    /// An address at which something is removed.
    #[must_use]
    pub fn delete<H: Handler<T, App>, T: 'static>(
        self,
        path: &str,
        handler: H,
        operation: Operation,
    ) -> Self {
        self.with(path, "delete", delete(handler), operation)
    }

    fn with(
        mut self,
        path: &str,
        method: &'static str,
        handler: MethodRouter<App>,
        operation: Operation,
    ) -> Self {
        self.router = self.router.route(path, handler);
        self.operations.push((path.to_owned(), method, operation));
        self
    }

    /// Every method and address, the document's own included.
    #[cfg(test)]
    pub fn addresses(&self) -> Vec<(String, String)> {
        let own = ["/v3/api-docs", "/swagger-ui"].map(|path| ("GET".to_owned(), path.to_owned()));
        let stated = self.operations.iter().map(|(path, method, _)| (method.to_uppercase(), path.clone()));
        stated.chain(own).collect()
    }

    /// The router, and with it the document at `/v3/api-docs`.
    pub fn into_router(self) -> Router<App> {
        self.router.route("/v3/api-docs", get(async || answer())).route("/swagger-ui", get(ui::page))
    }

    fn paths(self) -> Map<String, Value> {
        let own = Operation::new("apiDocs", "Service", "This document");
        let own = own.answers(200, "application/json", &json!({}));
        let own = ("/v3/api-docs".to_owned(), "get", own);
        let mut paths = Map::new();
        for (path, method, operation) in self.operations.into_iter().chain([own]) {
            for (path, operation) in operation.at(&path) {
                let found = paths.entry(path).or_insert_with(|| json!({}));
                if let Some(methods) = found.as_object_mut() {
                    methods.insert(method.to_owned(), operation);
                }
            }
        }
        paths
    }
}

fn answer() -> Response {
    /// Made when it is first asked for: few servers ever are.
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.clone()).into_response()
}

/// The whole document.
fn document() -> Value {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mandate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Compliance and deadlines under the HMPPS policy framework Mandatory use of ViSOR. Facts go in \
                            as CloudEvents or HMPPS domain events; duties, breaches and proofs come out. Moments are \
                            instants in UTC, dates are London dates. Whatever shows state takes `asAt` (when it was \
                            true) and `knownAt` (when it was recorded).",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": operation::tags(),
        // Reading needs no token where the server lets this machine read.
        "security": [{"token": []}, {}],
    });
    // What `json!` is given is copied, and these are large.
    let description = "made by `mandate token`, or an access token of the configured issuer";
    let token = json!({"type": "http", "scheme": "bearer", "description": description});
    let components = [("schemas", components()), ("securitySchemes", named([("token", token)]))];
    let components = components.map(|(name, part)| (name, Value::Object(part)));
    let large = [("components", named(components)), ("paths", routes().paths())];
    if let Some(document) = document.as_object_mut() {
        document.extend(named(large.map(|(name, part)| (name, Value::Object(part)))));
    }
    document
}

fn named<const N: usize>(parts: [(&str, Value); N]) -> Map<String, Value> {
    parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()
}

fn components() -> Map<String, Value> {
    let mut all: Map<String, Value> = serde_json::from_str(ANSWERS).unwrap_or_default();
    let mut stated = Vec::new();
    for kind in FactType::ALL.iter().filter(|kind| !kind.is_internal()) {
        let mut schema = schema(*kind);
        if let Some(schema) = schema.as_object_mut() {
            // The document has one address; parts of it have none of their own.
            schema.retain(|name, _| !name.starts_with('$'));
            schema.insert("examples".to_owned(), json!([example(*kind)]));
        }
        all.insert(format!("fact.{kind}"), schema);
        stated.push(json!({"$ref": format!("#/components/schemas/fact.{kind}")}));
    }
    all.insert("Fact".to_owned(), json!({"oneOf": stated, "discriminator": {"propertyName": "type"}}));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_hold_is_json_and_every_reference_leads_to_something() {
        let schemas: Map<String, Value> = serde_json::from_str(ANSWERS).unwrap();
        assert!(schemas.len() > 20);
        let text = document().to_string();
        let known = components();
        let mut references = 0;
        for rest in text.split("\"#/components/schemas/").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(known.contains_key(name), "{name}");
            references += 1;
        }
        assert!(references > 100);
        for name in schemas.keys() {
            assert!(text.contains(&format!("schemas/{name}\"")), "nothing refers to `{name}`");
        }
    }
}
