//! The JSON Schema of each command, made from the typed list.

use axum::Json;
use axum::extract::{Path, RawQuery};
use mandate_domain::catalogue::{FactType, FieldSpec, Presence, Shape, SubjectKind};
use mandate_domain::command::{ACTS, CommandName, EVERY, MAX_SUBJECTS, Reach};
use serde_json::{Map, Value, json};

use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::schemas::{example_subject, example_value, instant, subject, value};

/// The commands, each with its title, paragraph, right and the address of its schema.
///
/// # Errors
/// [`HttpError::Parameter`] for any parameter.
pub async fn list(RawQuery(raw): RawQuery) -> Result<Json<Value>, HttpError> {
    Query::read(raw.as_deref(), &[])?;
    let commands: Vec<Value> = CommandName::ALL
        .iter()
        .map(|name| {
            let spec = name.spec();
            let right = spec.right.spec();
            let grounds: Vec<&str> = right.grounds.iter().map(|ground| ground.name()).collect();
            let subjects: Vec<&str> = spec.subjects.iter().map(|kind| kind.name()).collect();
            json!({
                "name": name.name(), "title": spec.title, "paragraph": spec.paragraph, "subjects": subjects,
                "bulk": spec.reach == Reach::Many, "schema": format!("/v1/commands/{name}"),
                "right": {"name": spec.right.name(), "paragraph": right.paragraph, "anyOf": grounds},
            })
        })
        .collect();
    Ok(Json(json!({ "commands": commands })))
}

/// The schema of one command.
///
/// # Errors
/// [`HttpError::NotFound`] for an unknown command.
pub async fn one(Path(name): Path<String>, RawQuery(raw): RawQuery) -> Result<Json<Value>, HttpError> {
    Query::read(raw.as_deref(), &[])?;
    Ok(Json(schema(named(&name)?)))
}

/// The command of a name.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none.
pub fn named(name: &str) -> Result<CommandName, HttpError> {
    CommandName::from_name(name).ok_or_else(|| HttpError::not_found("command", name))
}

/// The JSON Schema of the body of a command.
#[must_use]
pub fn schema(name: CommandName) -> Value {
    let spec = name.spec();
    let mut schema = match name {
        CommandName::RecordAct => {
            let acts = ACTS.iter().filter_map(|act| FactType::from_name(act));
            let of_act: Vec<Value> = acts
                .map(|act| {
                    let mut body = object(name, act.own_fields());
                    if let Some(Value::Object(properties)) = body.get_mut("properties") {
                        properties.insert("act".to_owned(), json!({"const": act.name()}));
                    }
                    body
                })
                .collect();
            json!({ "oneOf": of_act })
        }
        CommandName::StateInError => {
            let mut body = object(name, spec.fields);
            if let Some(Value::Object(properties)) = body.get_mut("properties") {
                let words = "what is stated anew: the fields of `record-act` without its subject";
                properties.insert("instead".to_owned(), json!({"type": "object", "description": words}));
            }
            body
        }
        _ => object(name, spec.fields),
    };
    if let Value::Object(schema) = &mut schema {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("$id".to_owned(), json!(format!("/v1/commands/{name}")));
        schema.insert("title".to_owned(), json!(spec.title));
        schema.insert("description".to_owned(), json!(format!("paragraph {}", spec.paragraph)));
    }
    schema
}

/// A body of a command that would be read.
#[must_use]
pub fn example(name: CommandName) -> Value {
    let spec = name.spec();
    let mut body = Map::from_iter([("subject".to_owned(), json!(example_subject(spec.subjects)))]);
    for field in spec.fields.iter().filter(|field| field.required == Presence::Required) {
        let of_user = field.shape == Shape::Personal && spec.subjects == [SubjectKind::User];
        let value = if of_user { json!({"email": "somebody@example.org"}) } else { example_value(field) };
        body.insert(field.field.name().to_owned(), value);
    }
    if name == CommandName::RecordAct {
        let act = ACTS.iter().find_map(|act| FactType::from_name(act));
        let own = act.map(FactType::own_fields).unwrap_or_default();
        body.insert("act".to_owned(), json!(act.map(FactType::name)));
        for field in own.iter().filter(|field| field.required == Presence::Required) {
            body.insert(field.field.name().to_owned(), example_value(field));
        }
    }
    body.into()
}

fn object(name: CommandName, own: &[FieldSpec]) -> Value {
    let spec = name.spec();
    let mut properties = Map::new();
    let mut needed: Vec<&str> = Vec::new();
    let several =
        json!({"type": "array", "items": subject(spec.subjects), "minItems": 1, "maxItems": MAX_SUBJECTS});
    properties.insert("subject".to_owned(), subject(spec.subjects));
    match spec.reach {
        Reach::One => needed.push("subject"),
        Reach::Many => drop(properties.insert("subjects".to_owned(), several)),
    }
    properties.insert("time".to_owned(), instant("when it took place; left out: now"));
    for field in spec.fields.iter().chain(own).chain(EVERY) {
        properties.entry(field.field.name()).or_insert_with(|| value(field));
    }
    needed.extend(
        spec.fields
            .iter()
            .chain(own)
            .filter(|field| field.required == Presence::Required)
            .map(|field| field.field.name()),
    );
    needed.sort_unstable();
    needed.dedup();
    let mut body = json!({
        "type": "object", "properties": properties, "required": needed, "additionalProperties": false,
    });
    if let (Reach::Many, Value::Object(body)) = (spec.reach, &mut body) {
        body.insert("oneOf".to_owned(), json!([{"required": ["subject"]}, {"required": ["subjects"]}]));
    }
    body
}

#[cfg(test)]
mod tests {
    use mandate_domain::command::Command;

    use super::*;

    #[test]
    fn every_command_has_a_schema_with_its_fields_and_every_act_its_own() {
        for name in CommandName::ALL {
            let schema = schema(*name);
            assert_eq!(schema["$id"], json!(format!("/v1/commands/{name}")));
            for field in name.spec().fields.iter().filter(|_| *name != CommandName::RecordAct) {
                assert!(schema["properties"].get(field.field.name()).is_some(), "{name}: {}", field.field);
            }
        }
        assert_eq!(schema(CommandName::RecordAct)["oneOf"].as_array().unwrap().len(), ACTS.len());
    }

    #[test]
    fn every_example_is_read_as_its_command() {
        for name in CommandName::ALL {
            let Value::Object(body) = example(*name) else { panic!("{name}") };
            Command::parse(*name, &body).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
