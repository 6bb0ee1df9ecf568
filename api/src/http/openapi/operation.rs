//! What is said of one address and method.

use mandate_domain::command::CommandName;
use serde_json::{Map, Value, json};

use super::parameters::{header, in_path, query};
use crate::http::commands::{example, schema};

/// The parts of the API, each with what it is about.
const TAGS: [(&str, &str); 10] = [
    ("Facts", "What happened, told by anyone: CloudEvents, HMPPS domain events, registers as CSV"),
    ("Commands", "What people do in Mandate; may be refused with the paragraph behind it"),
    ("Nominals", "People on ViSOR, by their opaque references"),
    ("Duties", "What is to be done by when, why, and how it went"),
    ("Reports", "How many duties were met, and what was done"),
    ("Registers", "People, organisations, terminals, audits, attestations, retention"),
    ("Rules", "The policy as data"),
    ("Log", "Events in their order, and what proves that none was altered"),
    ("Webhooks", "Addresses that are told of events"),
    ("Service", "Whether it works"),
];

/// One address with one method.
#[derive(Debug, Clone)]
pub struct Operation {
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    query: Vec<&'static str>,
    headers: Vec<&'static str>,
    body: Map<String, Value>,
    body_is_required: bool,
    answers: Map<String, Value>,
    errors: Vec<u16>,
    per_command: bool,
}

/// A reference to a schema.
fn named(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

impl Operation {
    /// An operation that answers nothing yet.
    #[must_use]
    pub fn new(id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            tag,
            summary,
            query: Vec::new(),
            headers: Vec::new(),
            body: Map::new(),
            body_is_required: true,
            answers: Map::new(),
            errors: vec![400],
            per_command: false,
        }
    }

    /// A list or a thing that is read: 200 with a schema, and the usual refusals.
    #[must_use]
    pub fn reads(id: &'static str, tag: &'static str, summary: &'static str, schema: &str) -> Self {
        Self::new(id, tag, summary).answers(200, "application/json", &named(schema)).errors(&[401, 403, 503])
    }

    /// Something that is sent: the usual refusals of bodies.
    #[must_use]
    pub fn takes(id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self::new(id, tag, summary).errors(&[401, 403, 408, 413, 415, 422, 503])
    }

    /// Its parameters.
    #[must_use]
    pub fn query(mut self, names: &[&'static str]) -> Self {
        self.query.extend(names);
        self
    }

    /// Parameters of the register kind: page, order, format and moment.
    #[must_use]
    pub fn register(self, names: &[&'static str]) -> Self {
        self.query(names).query(&crate::http::registers::COMMON).csv()
    }

    /// Headers that it heeds.
    #[must_use]
    pub fn heeds(mut self, names: &[&'static str]) -> Self {
        self.headers.extend(names);
        self
    }

    /// A body that it takes.
    #[must_use]
    pub fn body(mut self, media: &str, schema: &Value, example: &Value) -> Self {
        self.body.insert(media.to_owned(), json!({"schema": schema, "example": example}));
        self
    }

    /// A body that it takes, by the name of its schema.
    #[must_use]
    pub fn body_of(self, media: &str, schema: &str, example: &Value) -> Self {
        self.body(media, &named(schema), example)
    }

    /// That the body may be left out.
    #[must_use]
    pub fn or_no_body(mut self) -> Self {
        self.body_is_required = false;
        self
    }

    /// An answer.
    #[must_use]
    pub fn answers(mut self, status: u16, media: &str, schema: &Value) -> Self {
        let found =
            self.answers.entry(status.to_string()).or_insert_with(|| json!({"description": words(status)}));
        if let Some(answer) = found.as_object_mut() {
            let content = answer.entry("content").or_insert_with(|| json!({}));
            if let Some(content) = content.as_object_mut() {
                content.insert(media.to_owned(), json!({ "schema": schema }));
            }
        }
        self
    }

    /// An answer, by the name of its schema.
    #[must_use]
    pub fn answers_of(self, status: u16, schema: &str) -> Self {
        self.answers(status, "application/json", &named(schema))
    }

    /// An answer without a body.
    #[must_use]
    pub fn answers_nothing(mut self, status: u16) -> Self {
        self.answers.insert(status.to_string(), json!({"description": words(status)}));
        self
    }

    /// That the same is there as CSV.
    #[must_use]
    pub fn csv(self) -> Self {
        self.answers(200, "text/csv", &json!({"type": "string"}))
    }

    /// Refusals beside the usual.
    #[must_use]
    pub fn errors(mut self, statuses: &[u16]) -> Self {
        self.errors.extend(statuses);
        self
    }

    /// That it stands once for each command.
    #[must_use]
    pub fn for_each_command(mut self) -> Self {
        self.per_command = true;
        self
    }

    /// The operation with the path or paths under which it stands in the document.
    #[must_use]
    pub fn at(self, path: &str) -> Vec<(String, Value)> {
        if !self.per_command {
            return vec![(path.to_owned(), self.json(path, self.id, self.summary, &self.body))];
        }
        let of_command = |name: &CommandName| {
            let spec = name.spec();
            let mut schema = schema(*name);
            if let Some(schema) = schema.as_object_mut() {
                schema.retain(|name, _| !name.starts_with('$'));
            }
            let body = json!({"schema": schema, "example": example(*name)});
            let body = Map::from_iter([("application/json".to_owned(), body)]);
            let own = path.replace("{name}", name.name());
            let mut operation = self.json(&own, name.name(), spec.title, &body);
            let right = spec.right.spec();
            let grounds: Vec<&str> = right.grounds.iter().map(|ground| ground.name()).collect();
            if let Some(operation) = operation.as_object_mut() {
                let words = format!("Paragraph {}. This takes {}.", spec.paragraph, grounds.join(", or "));
                operation.insert("description".to_owned(), json!(words));
            }
            (own, operation)
        };
        CommandName::ALL.iter().map(of_command).collect()
    }

    fn json(&self, path: &str, id: &str, summary: &str, body: &Map<String, Value>) -> Value {
        let named = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let parameters = named
            .map(|name| in_path(path, name))
            .chain(self.query.iter().map(|name| query(path, name)))
            .chain(self.headers.iter().map(|name| header(name)));
        let mut answers = self.answers.clone();
        // Whoever sends token after token that is not known waits.
        let waits = self.errors.contains(&401).then_some(429);
        for status in self.errors.iter().chain(&waits) {
            let error = json!({
                "description": words(*status),
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            });
            answers.insert(status.to_string(), error);
        }
        let mut operation = json!({
            "operationId": id, "tags": [self.tag], "summary": summary,
            "parameters": parameters.collect::<Vec<_>>(), "responses": answers,
        });
        if let (false, Some(operation)) = (body.is_empty(), operation.as_object_mut()) {
            let body = json!({"required": self.body_is_required, "content": body});
            operation.insert("requestBody".to_owned(), body);
        }
        operation
    }
}

/// The tags of the document.
pub fn tags() -> Vec<Value> {
    TAGS.iter().map(|(name, about)| json!({"name": name, "description": about})).collect()
}

const fn words(status: u16) -> &'static str {
    match status {
        200 => "Done, or what was asked for",
        201 => "Made",
        202 => "Durable",
        204 => "Done, or nothing is there",
        209 => "No number of a kind that is known here",
        400 => "A parameter or a body that cannot be read; the answer names it",
        401 => "No token, or one that is unknown",
        403 => "A right is missing; the answer names it and its paragraph",
        404 => "There is none, or it may not be known of",
        408 => "The body came too slowly",
        409 => "It conflicts with what is recorded; the answer names it",
        412 => "The subject is at another version",
        413 => "The body is too long",
        415 => "A body of another kind is expected",
        422 => "What is said cannot be; the answer names the field and what would be right",
        429 => {
            "Too many tokens that are not known came from this address; `Retry-After` says when to come again"
        }
        503 => "It cannot be done at present; `Retry-After` says when to come again",
        _ => "As the status says",
    }
}
