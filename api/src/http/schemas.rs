//! `GET /v1/schemas` and `/v1/schemas/{type}`: JSON Schemas of the facts, made from the catalogue.

use axum::Json;
use axum::extract::{Path, RawQuery};
use mandate_domain::catalogue::{COMMON, FactType, FieldSpec, PERSONAL, Presence, Shape, SubjectKind};
use mandate_domain::fact::MAX_NAME_BYTES;
use mandate_domain::time::YEARS;
use serde_json::{Map, Value, json};

use super::error::HttpError;
use super::query::Query;

/// The types that may be stated, each with the address of its schema.
///
/// # Errors
/// [`HttpError::Parameter`] for any parameter.
pub async fn list(RawQuery(raw): RawQuery) -> Result<Json<Value>, HttpError> {
    Query::read(raw.as_deref(), &[])?;
    let listed = |kind: &&FactType| json!({"type": kind.name(), "schema": format!("/v1/schemas/{kind}")});
    let types: Vec<Value> =
        FactType::ALL.iter().filter(|kind| !kind.is_internal()).map(|kind| listed(&kind)).collect();
    Ok(Json(json!({ "types": types })))
}

/// The schema of one type.
///
/// # Errors
/// [`HttpError::NotFound`] for an unknown type.
pub async fn one(Path(name): Path<String>, RawQuery(raw): RawQuery) -> Result<Json<Value>, HttpError> {
    Query::read(raw.as_deref(), &[])?;
    let kind = FactType::from_name(&name).ok_or_else(|| HttpError::not_found("fact type", &name))?;
    Ok(Json(schema(kind)))
}

/// The JSON Schema of a structured-mode CloudEvent of a type.
#[must_use]
pub fn schema(kind: FactType) -> Value {
    let name = json!({"type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("/v1/schemas/{kind}"),
        "title": kind.name(),
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": name, "source": name,
            "type": {"const": kind.name()},
            "subject": subject(kind.subjects()),
            "time": instant("when it occurred"),
            "recordedtime": instant("when it was recorded elsewhere; needs the import right"),
            "datacontenttype": {"type": "string"},
            "dataschema": {"type": "string"},
            "data": data(kind),
        },
        "required": required(kind),
        "additionalProperties": false,
    })
}

fn required(kind: FactType) -> Value {
    let mut names = vec!["specversion", "id", "source", "type", "subject", "time"];
    if kind.own_fields().iter().any(|spec| spec.required == Presence::Required) {
        names.push("data");
    }
    json!(names)
}

fn data(kind: FactType) -> Value {
    let own = kind.own_fields();
    let common = COMMON.iter().filter(|spec| own.iter().all(|mine| mine.field != spec.field));
    let mut properties = Map::new();
    for spec in own.iter().chain(common) {
        properties.insert(spec.field.name().to_owned(), value(spec));
    }
    let needed = own.iter().filter(|spec| spec.required == Presence::Required);
    let needed: Vec<&str> = needed.map(|spec| spec.field.name()).collect();
    json!({"type": "object", "properties": properties, "required": needed})
}

/// The schema of a field's value.
pub(super) fn value(spec: &FieldSpec) -> Value {
    let list = |items: Value| json!({"type": "array", "items": items});
    let mut schema = match spec.shape {
        Shape::Id => json!({"type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES}),
        Shape::Text => json!({"type": "string", "description": "free text; sealed when it is stored"}),
        Shape::PublicText => json!({"type": "string"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Number(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
        Shape::Date => date(),
        Shape::DateOrNull => json!({"oneOf": [date(), {"type": "null"}]}),
        Shape::Instant => instant("an instant"),
        Shape::Choice(words) => json!({"enum": words}),
        Shape::Choices(words) => list(json!({"enum": words})),
        Shape::Subject(kinds) => subject(kinds),
        Shape::Subjects(kinds) => list(subject(kinds)),
        Shape::Ids => list(json!({"type": "string", "minLength": 1})),
        Shape::EventRef => object(&["source", "id"], &json!({"type": "string", "minLength": 1})),
        Shape::Holidays => list(json!({
            "type": "object",
            "properties": {"date": date(), "title": {"type": "string"}},
            "required": ["date", "title"],
        })),
        Shape::Dates => list(date()),
        Shape::Sample => object(&["size", "passed"], &json!({"type": "integer", "minimum": 0})),
        Shape::Personal => {
            let fields: Map<String, Value> =
                PERSONAL.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
            json!({"type": "object", "properties": fields, "additionalProperties": false,
                "description": "the only personal data allowed; sealed when it is stored"})
        }
    };
    // An optional field may be null for "not stated".
    if spec.required == Presence::Optional && !matches!(spec.shape, Shape::DateOrNull) {
        schema = json!({"oneOf": [schema, {"type": "null"}]});
    }
    schema
}

fn object(names: &[&str], value: &Value) -> Value {
    let properties: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
    json!({"type": "object", "properties": properties, "required": names})
}

/// The schema of an id of some kinds.
pub(super) fn subject(kinds: &[SubjectKind]) -> Value {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    json!({"type": "string", "maxLength": MAX_NAME_BYTES, "pattern": format!("^({})/.+$", names.join("|"))})
}

fn date() -> Value {
    let years = format!("a London date, {} to {}", YEARS.start(), YEARS.end());
    json!({"type": "string", "format": "date", "description": years})
}

/// The schema of an instant.
pub(super) fn instant(what: &str) -> Value {
    let words = format!("{what}; RFC 3339, {} to {}", YEARS.start(), YEARS.end());
    json!({"type": "string", "format": "date-time", "description": words})
}

/// A fact of a type that would be taken.
#[must_use]
pub fn example(kind: FactType) -> Value {
    let needed = kind.own_fields().iter().filter(|spec| spec.required == Presence::Required);
    let data: Map<String, Value> =
        needed.map(|spec| (spec.field.name().to_owned(), example_value(spec))).collect();
    let mut fact = json!({
        "specversion": "1.0", "id": "example-1", "source": "/example", "type": kind.name(),
        "subject": example_subject(kind.subjects()), "time": "2026-03-02T09:00:00Z",
    });
    if let (false, Some(fact)) = (data.is_empty(), fact.as_object_mut()) {
        fact.insert("data".to_owned(), data.into());
    }
    fact
}

/// A value of a field that would be taken.
pub(super) fn example_value(spec: &FieldSpec) -> Value {
    match spec.shape {
        Shape::Id => json!("example"),
        Shape::Text | Shape::PublicText => json!("An example."),
        Shape::Bool => json!(true),
        Shape::Number(low, _) => json!(low.max(1)),
        Shape::Date | Shape::DateOrNull => json!("2026-03-02"),
        Shape::Instant => json!("2026-03-02T09:00:00Z"),
        Shape::Choice(words) => json!(words.first()),
        Shape::Choices(words) => json!([words.first()]),
        Shape::Subject(kinds) => json!(example_subject(kinds)),
        Shape::Subjects(kinds) => json!([example_subject(kinds)]),
        Shape::Ids => json!(["example"]),
        Shape::EventRef => json!({"source": "/example", "id": "example-0"}),
        Shape::Holidays => json!([{"date": "2026-12-25", "title": "Christmas Day"}]),
        Shape::Dates => json!(["2026-12-25"]),
        Shape::Sample => json!({"size": 20, "passed": 19}),
        Shape::Personal => json!({"crn": "X000000"}),
    }
}

/// An id of one of some kinds.
pub(super) fn example_subject(kinds: &[SubjectKind]) -> String {
    let kind = kinds.first().map_or("nominal", |kind| kind.name());
    format!("{kind}/{}", if kind == "nominal" { "N-7F3K29QX" } else { "A07" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_schema_with_its_fields() {
        for kind in FactType::ALL {
            let schema = schema(*kind);
            let properties = schema["properties"]["data"]["properties"].as_object().unwrap();
            for spec in kind.own_fields() {
                assert!(properties.contains_key(spec.field.name()), "{kind}: {}", spec.field);
            }
        }
    }

    #[test]
    fn every_example_is_a_fact() {
        for kind in FactType::ALL.iter().filter(|kind| !kind.is_internal()) {
            mandate_domain::fact::Fact::parse(&example(*kind).to_string()).unwrap();
        }
    }

    #[test]
    fn a_registration_names_what_it_needs() {
        let schema = schema(FactType::MappaRegistered);
        let data = &schema["properties"]["data"];
        assert_eq!(data["required"], json!(["registration", "category", "level", "area"]));
        assert_eq!(data["properties"]["level"], json!({"type": "integer", "minimum": 0, "maximum": 3}));
        assert_eq!(schema["properties"]["subject"]["pattern"], "^(nominal)/.+$");
    }
}
