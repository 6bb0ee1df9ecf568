//! `OpenAPI`: every address of the API stands once, with what is said of it; the router and the document are made from
//! that, so that neither has what the other lacks.
//!
//! Bodies of facts and commands are described by the typed lists of the domain, answers by `answers.json`.

mod operation;
mod parameters;
mod routes;
mod ui;

use std::sync::{Arc, LazyLock};

use axum::Router;
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
    paths: Map<String, Value>,
    addresses: Vec<(String, String)>,
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

    fn with(mut self, path: &str, method: &str, handler: MethodRouter<App>, operation: Operation) -> Self {
        self.router = self.router.route(path, handler);
        self.addresses.push((method.to_uppercase(), path.to_owned()));
        for (path, operation) in operation.at(path) {
            let found = self.paths.entry(path).or_insert_with(|| json!({}));
            if let Some(methods) = found.as_object_mut() {
                methods.insert(method.to_owned(), operation);
            }
        }
        self
    }

    /// Every method and address, the document's own included.
    #[cfg(test)]
    pub fn addresses(&self) -> Vec<(String, String)> {
        let own = ["/v3/api-docs", "/swagger-ui"].map(|path| ("GET".to_owned(), path.to_owned()));
        self.addresses.iter().cloned().chain(own).collect()
    }

    /// The router, and with it the document at `/v3/api-docs`.
    pub fn into_router(self) -> Router<App> {
        let text: Arc<str> = document(self.paths).to_string().into();
        let docs = get(move || async move { answer(&text) });
        self.router.route("/v3/api-docs", docs).route("/swagger-ui", get(ui::page))
    }
}

fn answer(text: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.to_owned()).into_response()
}

/// The whole document.
fn document(mut paths: Map<String, Value>) -> Value {
    let own =
        Operation::new("apiDocs", "Service", "This document").answers(200, "application/json", &json!({}));
    paths.extend(own.at("/v3/api-docs").into_iter().map(|(path, own)| (path, json!({ "get": own }))));
    json!({
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
        "paths": paths,
        "components": {
            "schemas": components(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "made by `mandate token`, or an access token of the configured issuer"},
            },
        },
        // Reading needs no token where the server lets this machine read.
        "security": [{"token": []}, {}],
    })
}

fn components() -> Map<String, Value> {
    static COMPONENTS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
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
    });
    COMPONENTS.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_hold_is_json_and_every_reference_leads_to_something() {
        let schemas: Map<String, Value> = serde_json::from_str(ANSWERS).unwrap();
        assert!(schemas.len() > 20);
        let text = document(routes().paths).to_string();
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
