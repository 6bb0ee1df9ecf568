//! A command as it is sent, parsed once into types.

use serde_json::{Map, Value as Json};

use super::list::{CommandName, EVERY, MAX_SUBJECTS, Reach, updates_record};
use crate::catalogue::{COMMON, FactType, Field, FieldSpec, Presence, Shape, SubjectKind};
use crate::fact::{
    MAX_NAME_BYTES, NUMBER, Newlines, Value, decode_value, forbidden_character, holds_number, repeated,
};
use crate::rights::Right;
use crate::time::Instant;

/// Why a text is not a command; names the field and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {reason}")]
pub struct CommandError {
    /// The field.
    pub field: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// Something that a person asks of Mandate.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// What is asked.
    pub name: CommandName,
    /// Of which subjects, each once.
    pub subjects: Vec<Box<str>>,
    /// When it took place, where that is not now.
    pub time: Option<Instant>,
    /// The act that `record-act` attests.
    pub act: Option<FactType>,
    /// What it says, free text left out.
    pub data: Vec<(Field, Value)>,
    /// Free text.
    pub texts: Vec<(Field, Box<str>)>,
    /// Personal fields.
    pub personal: Map<String, Json>,
    /// What `state-in-error` states anew: a `record-act`.
    pub instead: Option<Box<Self>>,
}

/// Names of a body that are no fields.
const ENVELOPE: [&str; 4] = ["subject", "subjects", "time", "instead"];

fn wrong(field: &str, reason: impl Into<String>) -> CommandError {
    CommandError { field: repeated(field), reason: reason.into() }
}

impl Command {
    /// Reads the body of a command.
    ///
    /// # Errors
    /// [`CommandError`] naming the field: unknown, missing, of another shape, a subject of the wrong kind.
    pub fn parse(name: CommandName, body: &Map<String, Json>) -> Result<Self, CommandError> {
        Self::read(name, body, None)
    }

    /// A command of which nothing is known yet but the subject.
    pub(super) fn bare(name: CommandName, subject: &str) -> Self {
        Self {
            name,
            subjects: vec![subject.into()],
            time: None,
            act: None,
            data: Vec::new(),
            texts: Vec::new(),
            personal: Map::new(),
            instead: None,
        }
    }

    fn read(
        name: CommandName,
        body: &Map<String, Json>,
        subjects: Option<&[Box<str>]>,
    ) -> Result<Self, CommandError> {
        let act = match (name, body.get("act")) {
            (CommandName::RecordAct, Some(Json::String(act))) => FactType::from_name(act),
            _ => None,
        };
        let mut command = Self {
            name,
            subjects: match subjects {
                Some(subjects) => subjects.to_vec(),
                None => subjects_of(name, body)?,
            },
            time: match body.get("time") {
                None | Some(Json::Null) => None,
                Some(Json::String(text)) => {
                    Some(Instant::parse(text).map_err(|error| wrong("time", error.to_string()))?)
                }
                Some(_) => return Err(wrong("time", "expected an instant such as \"2026-03-02T09:00:00Z\"")),
            },
            act,
            data: Vec::new(),
            texts: Vec::new(),
            personal: Map::new(),
            instead: None,
        };
        for (key, value) in body {
            if !ENVELOPE.contains(&key.as_str()) {
                command.take(key, value)?;
            }
        }
        command.check_required()?;
        match (name, body.get("instead")) {
            (_, None | Some(Json::Null)) => {}
            (CommandName::StateInError, Some(Json::Object(instead))) => {
                let read = Self::read(CommandName::RecordAct, instead, Some(&command.subjects));
                let read = read.map_err(|error| wrong(&format!("instead.{}", error.field), error.reason))?;
                command.instead = Some(Box::new(read));
            }
            (CommandName::StateInError, Some(_)) => {
                return Err(wrong("instead", "expected an object with `act` and its fields"));
            }
            (_, Some(_)) => return Err(wrong("instead", "only `state-in-error` states something anew")),
        }
        Ok(command)
    }

    fn take(&mut self, key: &str, value: &Json) -> Result<(), CommandError> {
        let Some(spec) = self.specs().find(|spec| spec.field.name() == key) else {
            let known: Vec<&str> = self.specs().map(|spec| spec.field.name()).collect();
            return Err(wrong(key, format!("unknown; known are subject, time, {}", known.join(", "))));
        };
        let decoded = decode_value(spec, &value.to_string()).map_err(|reason| wrong(key, reason))?;
        if decoded.as_ref().is_some_and(Value::holds_number) {
            return Err(wrong(key, NUMBER));
        }
        if let (Shape::Personal, Json::Object(fields)) = (spec.shape, value) {
            self.personal.clone_from(fields);
        }
        if let (Shape::Text, Json::String(text)) = (spec.shape, value) {
            if spec.required == Presence::Required && text.trim().is_empty() {
                return Err(wrong(key, "empty; say it in a few words"));
            }
            self.texts.push((spec.field, text.as_str().into()));
        } else if let Some(decoded) = decoded {
            self.data.push((spec.field, decoded));
        }
        Ok(())
    }

    /// The fields that the command may have.
    fn specs(&self) -> impl Iterator<Item = &'static FieldSpec> + use<> {
        let of_act = self.act.map_or(&[][..], FactType::own_fields);
        let common = if self.act.is_some() { COMMON } else { EVERY };
        self.name.spec().fields.iter().chain(of_act).chain(common)
    }

    fn check_required(&self) -> Result<(), CommandError> {
        for spec in self.specs().filter(|spec| spec.required == Presence::Required) {
            let there = match spec.shape {
                Shape::Text => self.texts.iter().any(|(field, _)| *field == spec.field),
                Shape::Personal => !self.personal.is_empty(),
                _ => self.get(spec.field).is_some(),
            };
            if !there {
                let reason = format!("missing; `{}` needs {}", self.name, spec.shape);
                return Err(wrong(spec.field.name(), reason));
            }
        }
        Ok(())
    }

    /// The right that it needs.
    #[must_use]
    pub fn right(&self) -> Right {
        match (self.name, self.act) {
            (CommandName::RecordAct, Some(act)) if updates_record(act) => Right::UpdateRecord,
            (CommandName::FillPost | CommandName::VacatePost, _) if self.text(Field::Post) == Some("cpc") => {
                Right::AppointCpc
            }
            (CommandName::CompleteAudit | CommandName::DrawSample, _)
                if self.text(Field::Kind) != Some("log-on") =>
            {
                Right::AuditDataset
            }
            _ => self.name.spec().right,
        }
    }

    /// What was asked and is not done by what was decided: it waits for a second person.
    #[must_use]
    pub fn waits_for(&self, decided: &[FactType]) -> Vec<FactType> {
        let decided = |kind: FactType| decided.contains(&kind);
        match self.name {
            CommandName::StateInError if decided(FactType::AnnulmentOrdered) => {
                let instead = self.instead.as_ref().and_then(|instead| instead.act);
                std::iter::once(FactType::FactAnnulled).chain(instead).collect()
            }
            CommandName::OrderErasure => vec![FactType::SubjectErased],
            CommandName::OrderRestriction => vec![FactType::SubjectRestricted],
            CommandName::OrderLifting => vec![FactType::SubjectRestrictionLifted],
            CommandName::ProposePolicy => vec![FactType::PolicyAdopted],
            _ => Vec::new(),
        }
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Value> {
        self.data.iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }

    /// The text of a field that holds one.
    #[must_use]
    pub fn text(&self, field: Field) -> Option<&str> {
        match self.get(field) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The texts of a field that holds a list.
    #[must_use]
    pub fn texts_of(&self, field: Field) -> &[Box<str>] {
        match self.get(field) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// Source and id of the fact that `event` names.
    #[must_use]
    pub fn event(&self) -> Option<(&str, &str)> {
        match self.get(Field::Event) {
            Some(Value::Event(named)) => Some((&named.0, &named.1)),
            _ => None,
        }
    }
}

fn subjects_of(name: CommandName, body: &Map<String, Json>) -> Result<Vec<Box<str>>, CommandError> {
    let spec = name.spec();
    let stated: Vec<&Json> = match (body.get("subject"), body.get("subjects"), spec.reach) {
        (Some(one), None, _) => vec![one],
        (None, Some(Json::Array(several)), Reach::Many) => several.iter().collect(),
        (None, Some(_), Reach::One) => {
            return Err(wrong("subjects", format!("`{name}` takes one `subject`")));
        }
        (Some(_), Some(_), _) => return Err(wrong("subjects", "state `subject` or `subjects`, not both")),
        (None, Some(_), Reach::Many) => return Err(wrong("subjects", "expected a list of ids")),
        (None, None, _) => return Err(wrong("subject", "missing; state the full id it is about")),
    };
    if stated.is_empty() || stated.len() > MAX_SUBJECTS {
        return Err(wrong("subjects", format!("expected 1 to {MAX_SUBJECTS} of them, got {}", stated.len())));
    }
    let mut subjects: Vec<Box<str>> = Vec::with_capacity(stated.len());
    for subject in stated {
        let text = subject.as_str().unwrap_or_default();
        let kind = SubjectKind::of(text).filter(|kind| spec.subjects.contains(kind));
        let fits = kind.is_some()
            && text.len() <= MAX_NAME_BYTES
            && forbidden_character(text, Newlines::Refused).is_none()
            && !holds_number(text);
        if !fits {
            let kinds: Vec<String> = spec.subjects.iter().map(|kind| format!("`{kind}/…`")).collect();
            return Err(wrong("subject", format!("expected an opaque id such as {}", kinds.join(" or "))));
        }
        if !subjects.iter().any(|known| **known == *text) {
            subjects.push(text.into());
        }
    }
    subjects.sort_unstable();
    Ok(subjects)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(name: CommandName, body: &Json) -> Result<Command, CommandError> {
        Command::parse(name, body.as_object().unwrap())
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (name, body, field, words) in [
            (CommandName::WaiveDuty, json!({"reason": "x"}), "subject", "missing"),
            (CommandName::WaiveDuty, json!({"subject": "nominal/N", "reason": "x"}), "subject", "`duty/…`"),
            (CommandName::WaiveDuty, json!({"subject": "duty/d"}), "reason", "missing"),
            (CommandName::WaiveDuty, json!({"subject": "duty/d", "reason": " "}), "reason", "empty"),
            (
                CommandName::WaiveDuty,
                json!({"subject": "duty/d", "reason": "x", "until": "soon"}),
                "until",
                "soon",
            ),
            (
                CommandName::WaiveDuty,
                json!({"subject": "duty/d", "reason": "x", "colour": 1}),
                "colour",
                "unknown",
            ),
            (
                CommandName::WaiveDuty,
                json!({"subjects": ["duty/d"], "reason": "x"}),
                "subjects",
                "one `subject`",
            ),
            (CommandName::ArchiveRecord, json!({"subjects": []}), "subjects", "1 to 1000"),
            (CommandName::ArchiveRecord, json!({"subject": "nominal/X777978"}), "subject", "opaque"),
            (CommandName::ArchiveRecord, json!({"subject": "X777978"}), "subject", "opaque"),
            (
                CommandName::SignOffAssessment,
                json!({"subject": "nominal/N", "assessment": "X777978"}),
                "assessment",
                "looks like a CRN",
            ),
            (
                CommandName::LimitAccess,
                json!({"subject": "nominal/N", "users": ["user/u", "user/A8513EA"]}),
                "users",
                "looks like a CRN",
            ),
            (
                CommandName::DrawSample,
                json!({"subject": "area/A1", "kind": "sample", "size": 5, "list": ["X777978"]}),
                "list",
                "looks like a CRN",
            ),
            (
                CommandName::OrderErasure,
                json!({"subject": "nominal/N", "ground": " 2002/0073319Z "}),
                "ground",
                "looks like a CRN",
            ),
            (
                CommandName::RecordAct,
                json!({"subject": "nominal/N", "act": "nominal.died"}),
                "act",
                "expected one of",
            ),
            (
                CommandName::RecordAct,
                json!({"subject": "nominal/N", "act": "minutes.added"}),
                "meeting",
                "missing",
            ),
            (
                CommandName::StateInError,
                json!({"subject": "nominal/N", "event": {"source": "/t", "id": "1"}, "reason": "x",
                       "instead": {"act": "minutes.added"}}),
                "instead.meeting",
                "missing",
            ),
        ] {
            let error = parse(name, &body).unwrap_err();
            assert_eq!(error.field, field, "{error}");
            assert!(error.reason.contains(words), "{error}");
            for number in ["X777978", "A8513EA", "0073319Z"] {
                assert!(!error.to_string().contains(number), "{error}");
            }
        }
    }

    #[test]
    fn what_waits_for_a_second_person_is_told_with_what_was_to_be_stated_instead() {
        let body = json!({"subject": "nominal/N", "event": {"source": "/t", "id": "1"}, "reason": "x",
                          "instead": {"act": "minutes.added", "meeting": "m"}});
        let command = parse(CommandName::StateInError, &body).unwrap();
        let waiting = [FactType::FactAnnulled, FactType::MinutesAdded];
        assert_eq!(command.waits_for(&[FactType::AnnulmentOrdered]), waiting);
        assert_eq!(command.waits_for(&waiting), []);
        let order = json!({"subject": "nominal/N", "ground": "RRD-1"});
        let command = parse(CommandName::OrderErasure, &order).unwrap();
        assert_eq!(command.waits_for(&[FactType::SubjectOrderGiven]), [FactType::SubjectErased]);
    }

    #[test]
    fn free_text_and_personal_fields_are_kept_apart() {
        let body = json!({"subject": "user/U", "org": "area/A", "role": "lpc", "service": "probation",
                          "note": "canary", "personal": {"name": "canary"}});
        let command = parse(CommandName::RegisterUser, &body).unwrap();
        assert!(!format!("{:?}", command.data).contains("canary"));
        assert_eq!(command.personal["name"], "canary");
        assert_eq!(command.texts, [(Field::Note, "canary".into())]);
    }
}
