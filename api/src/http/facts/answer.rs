//! What became of each fact, and of the whole request.

use axum::http::StatusCode;
use mandate_domain::time::Instant;
use mandate_store::{First, OnError, Outcome, Position, Refusal};
use serde::Serialize;

use crate::http::error::HttpError;

/// What became of one fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FactResult {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// `stored`, `alreadyStored`, `refused`, `notStored`; in a dry run `wouldBeStored` for the first.
    pub status: &'static str,
    /// Its place in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// When the log recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Instant>,
    /// Why it was refused.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Rejection>,
    /// Where the fact stands that had its source and id first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflicts_with: Option<ConflictsWith>,
}

/// Why a fact was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// The status that it would have alone.
    #[serde(skip)]
    pub status: StatusCode,
    /// What kind of reason it is.
    pub error_code: &'static str,
    /// The field that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The reason.
    pub reason: String,
}

/// Where the fact stands that had a source and id first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ConflictsWith {
    /// In the log.
    Position(Position),
    /// In the same batch, from 0.
    Index(usize),
}

/// What became of a fact that was looked at or stored.
pub enum Became {
    /// As the log answered.
    Outcome(Outcome),
    /// It would be stored.
    WouldBeStored,
    /// It would be refused.
    WouldConflict {
        /// Where the first stands.
        position: Position,
        /// The source of both.
        source: Box<str>,
        /// The id of both.
        id: Box<str>,
    },
}

impl Rejection {
    /// Text that is no JSON object.
    pub fn not_json(reason: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error_code: "MALFORMED_BODY", field: None, reason }
    }

    /// A field that is wrong.
    pub fn field(field: String, reason: String) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            error_code: "INVALID_FACT",
            field: Some(field),
            reason,
        }
    }

    /// Something that the caller may not state.
    pub fn not_allowed(field: &str, reason: String) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            error_code: "NOT_ALLOWED",
            field: Some(field.to_owned()),
            reason,
        }
    }

    fn conflict(reason: String) -> Self {
        Self { status: StatusCode::CONFLICT, error_code: "CONFLICT", field: None, reason }
    }

    fn words(&self) -> String {
        match &self.field {
            Some(field) => format!("field `{field}`: {}", self.reason),
            None => self.reason.clone(),
        }
    }
}

impl FactResult {
    const fn plain(index: usize, status: &'static str) -> Self {
        Self { index, status, position: None, recorded_at: None, rejection: None, conflicts_with: None }
    }

    /// A fact that was refused.
    pub fn refused(index: usize, rejection: Rejection) -> Self {
        Self { rejection: Some(rejection), ..Self::plain(index, "refused") }
    }

    /// A fact that was not stored because another was refused.
    pub fn not_stored(index: usize, because_of: usize) -> Self {
        let reason = format!("not stored, because number {} of this batch was refused", because_of + 1);
        let rejection = Rejection {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            error_code: "NOT_STORED",
            field: None,
            reason,
        };
        Self { rejection: Some(rejection), ..Self::plain(index, "notStored") }
    }

    /// A fact that came to the log; `places` leads from the batch that was stored to the batch that was sent.
    pub fn of(index: usize, became: Became, places: &[usize]) -> Self {
        let sent = |place: usize| places.get(place).copied().unwrap_or(place);
        match became {
            Became::WouldBeStored => Self::plain(index, "wouldBeStored"),
            Became::WouldConflict { position, source, id } => {
                let reason = format!(
                    "event `{id}` of source `{source}` is already stored at position {position} with other content; \
                     send the new content under a new id, and annul the first if it was wrong"
                );
                let conflicts_with = Some(ConflictsWith::Position(position));
                Self { conflicts_with, ..Self::refused(index, Rejection::conflict(reason)) }
            }
            Became::Outcome(Outcome::Stored { position, recorded_at }) => Self {
                position: Some(position),
                recorded_at: Some(recorded_at),
                ..Self::plain(index, "stored")
            },
            Became::Outcome(Outcome::AlreadyStored { position }) => {
                Self { position: Some(position), ..Self::plain(index, "alreadyStored") }
            }
            Became::Outcome(Outcome::NotStored { because_of }) => Self::not_stored(index, sent(because_of)),
            Became::Outcome(Outcome::Refused(refusal)) => Self::of_refusal(index, refusal, sent),
        }
    }

    fn of_refusal(index: usize, refusal: Refusal, sent: impl Fn(usize) -> usize) -> Self {
        match refusal {
            Refusal::Conflict { teller, id, first, differing } => {
                let first = match first {
                    First::Stored(position) => First::Stored(position),
                    First::InBatch(place) => First::InBatch(sent(place)),
                };
                let conflicts_with = Some(match first {
                    First::Stored(position) => ConflictsWith::Position(position),
                    First::InBatch(place) => ConflictsWith::Index(place),
                });
                let reason = Refusal::Conflict { teller, id, first, differing }.to_string();
                Self { conflicts_with, ..Self::refused(index, Rejection::conflict(reason)) }
            }
            other
            @ (Refusal::VersionConflict { .. } | Refusal::Overtaken { .. } | Refusal::Erased { .. }) => {
                Self::refused(index, Rejection::conflict(other.to_string()))
            }
        }
    }

    /// Whether it was refused by itself.
    pub fn is_refused(&self) -> bool {
        self.status == "refused"
    }
}

/// The answer to a request.
pub enum Answer {
    One(Vec<FactResult>),
    Batch(Vec<FactResult>),
}

/// The body of an answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Body {
    /// For one fact.
    One(FactResult),
    /// For a batch.
    #[serde(rename_all = "camelCase")]
    Batch {
        /// Whether it was only looked at.
        dry_run: bool,
        /// Stored now.
        stored: usize,
        /// Stored before.
        already_stored: usize,
        /// Refused.
        refused: usize,
        /// One for each fact, in order.
        results: Vec<FactResult>,
    },
}

impl Answer {
    /// The answer for one fact.
    pub const fn one(results: Vec<FactResult>) -> Self {
        Self::One(results)
    }

    /// The answer for a batch.
    pub const fn batch(results: Vec<FactResult>) -> Self {
        Self::Batch(results)
    }

    /// What became of each.
    pub fn results(&self) -> &[FactResult] {
        match self {
            Self::One(results) | Self::Batch(results) => results,
        }
    }

    /// The body, or the error where nothing was taken.
    pub fn into_response_parts(self, on_error: OnError, dry_run: bool) -> Result<Body, HttpError> {
        let results = self.results();
        let refused = results.iter().filter(|result| result.is_refused()).count();
        let taken = results.len() - results.iter().filter(|result| result.rejection.is_some()).count();
        let all = on_error == OnError::All || taken == 0;
        if refused > 0 && (all || matches!(self, Self::One(_))) {
            return Err(self.into_error(refused));
        }
        let count = |status: &str| results.iter().filter(|result| result.status == status).count();
        let (stored, already_stored) = (count("stored"), count("alreadyStored"));
        Ok(match self {
            Self::Batch(results) => Body::Batch { dry_run, stored, already_stored, refused, results },
            Self::One(results) => match results.into_iter().next() {
                Some(result) => Body::One(result),
                None => Body::Batch { dry_run, stored, already_stored, refused, results: Vec::new() },
            },
        })
    }

    /// One reason names the whole; where they differ the batch is unprocessable.
    fn into_error(self, refused: usize) -> HttpError {
        let reasons: Vec<&Rejection> = self
            .results()
            .iter()
            .filter(|result| result.is_refused())
            .filter_map(|result| result.rejection.as_ref())
            .collect();
        let first = reasons.first().map(|reason| (reason.status, reason.error_code, reason.words()));
        let (status, code, words) =
            first.unwrap_or((StatusCode::UNPROCESSABLE_ENTITY, "INVALID_FACT", String::new()));
        let same = reasons.iter().all(|reason| reason.status == status);
        let (status, code) =
            if same { (status, code) } else { (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_FACTS") };
        match self {
            Self::One(results) => HttpError::Facts { status, code, message: words, results },
            Self::Batch(results) => {
                let place = results.iter().position(FactResult::is_refused).unwrap_or(0);
                let message = format!(
                    "nothing was stored: {refused} of {} facts refused; number {}: {words}",
                    results.len(),
                    place + 1
                );
                HttpError::Facts { status, code, message, results }
            }
        }
    }
}
