//! The facts that the rows stand for.

use std::collections::BTreeMap;

use mandate_domain::catalogue::SubjectKind;
use mandate_domain::fact::FactError;
use mandate_domain::time::Instant;
use mandate_store::{Claim, NewEvent};
use serde_json::{Value, json};

use super::rows::{Kind, Row, wrong};
use super::{COLUMNS, Mistake};

/// The source of the first facts.
const SOURCE: &str = "/init";

/// The facts of rows in which nothing is wrong by itself.
pub(super) fn of_rows(rows: &[Row], now: Instant) -> Result<Vec<NewEvent>, Vec<Mistake>> {
    let mut facts = Vec::new();
    let mut mistakes = Vec::new();
    let mut state = |row: &Row, kind: &str, subject: &str, about: &str, data: Value| {
        let event = json!({
            "specversion": "1.0", "id": format!("{kind}:{subject}{about}"), "source": SOURCE, "type": kind,
            "subject": subject, "time": now.to_string(), "data": data,
        });
        match NewEvent::from_value(&event, Claim::Ignore) {
            Ok(event) => facts.push(event),
            Err(error) => mistakes.push(of_error(row, &error)),
        }
    };
    for row in rows {
        let Kind::Organisation(kind) = row.kind else { continue };
        if !row.parent.is_empty() {
            state(row, "organisation.placed", &row.id, "", json!({"parent": row.parent}));
        }
        if kind != SubjectKind::Region {
            // The catalogue has no field for the name: it is kept all the same, sealed.
            state(row, "organisation.enrolled", &row.id, "", json!({"name": row.name}));
        }
    }
    for (user, person) in people(rows) {
        let data = json!({
            "org": person.org, "role": person.role, "service": service(person.org), "personal": person.personal(),
        });
        state(person.row, "user.registered", user, "", data);
    }
    for row in rows.iter().filter(|row| row.kind == Kind::Post) {
        let about = format!(":{}:{}", row.post, row.user);
        state(row, "post.filled", &row.id, &about, json!({"post": row.post, "user": row.user}));
    }
    if mistakes.is_empty() { Ok(facts) } else { Err(mistakes) }
}

/// One person, told of by a row of their own or by the row of a post.
pub(super) struct Person<'r> {
    row: &'r Row,
    org: &'r str,
    role: &'r str,
}

impl Person<'_> {
    fn personal(&self) -> Value {
        let filled = [("name", &self.row.name), ("email", &self.row.email)];
        let fields = filled.into_iter().filter(|(_, text)| !text.is_empty());
        Value::Object(fields.map(|(name, text)| (name.to_owned(), Value::from(text.as_str()))).collect())
    }
}

/// The people by id; a row of kind `user` tells more than that of a post.
pub(super) fn people(rows: &[Row]) -> BTreeMap<&str, Person<'_>> {
    let mut people = BTreeMap::new();
    for row in rows.iter().filter(|row| row.kind == Kind::Post) {
        let role = if row.post == "deputy-cpc" { "other" } else { &row.post };
        people.entry(row.user.as_str()).or_insert(Person { row, org: &row.id, role });
    }
    for row in rows.iter().filter(|row| row.kind == Kind::User) {
        people.insert(&row.id, Person { row, org: &row.parent, role: &row.post });
    }
    people
}

fn service(org: &str) -> &'static str {
    match SubjectKind::of(org) {
        Some(SubjectKind::Prison | SubjectKind::PrisonGroup) => "prison",
        Some(SubjectKind::Police) => "police",
        _ => "probation",
    }
}

/// The mistake in a row that a refused fact shows.
fn of_error(row: &Row, error: &FactError) -> Mistake {
    let FactError::Field { field, reason } = error else {
        return Mistake { line: row.line, column: None, reason: error.to_string() };
    };
    let column = match (field.as_str(), row.kind) {
        ("subject", Kind::Organisation(_) | Kind::User) => "id",
        ("subject" | "data.user", Kind::Post) => "user",
        ("data.parent" | "data.org", _) => "parent",
        ("data.post" | "data.role", _) => "post",
        ("data.personal", _) => "email",
        _ => COLUMNS.iter().copied().find(|column| field.ends_with(column)).unwrap_or("id"),
    };
    wrong(row.line, column, reason.clone())
}
