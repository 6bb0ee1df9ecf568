//! What goes wrong with a request, and the one place where it becomes a status and a body.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mandate_domain::command::RefusalKind;
use mandate_domain::fact::{repeated, shortened};
use mandate_projections::ProjectionError;
use mandate_store::{CommandFailure, OrderError, StoreError};
use serde::Serialize;

/// Why a request is not answered as it wished; what it says holds no personal data that the caller did not send.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// A parameter that is unknown, stated twice or wrong.
    #[error("parameter `{name}`: {reason}")]
    Parameter {
        /// The parameter.
        name: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A body that cannot be read as what it says it is.
    #[error("{0}")]
    Malformed(String),
    /// A well-formed body that cannot be taken.
    #[error("{0}")]
    Unprocessable(String),
    /// No token, or one that is unknown.
    #[error("{0}")]
    Unauthorised(&'static str),
    /// Not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// No such thing; the same words whether it does not exist or may not be known to exist.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// By which id.
        id: String,
    },
    /// No such address.
    #[error("there is nothing at this address; the list of addresses is in the documentation")]
    NoSuchAddress,
    /// An address that does not know the method.
    #[error("this address does not answer to {0}")]
    Method(String),
    /// The request came under the name of another host.
    #[error("this server does not answer for the host `{0}`; use the address it was started with")]
    Misdirected(String),
    /// A body that is too long.
    #[error("the body is longer than {limit} bytes; send it in parts")]
    TooLong {
        /// The most that is read.
        limit: usize,
    },
    /// A body that came too slowly.
    #[error("the body did not arrive within {seconds} s; send it again")]
    TooSlow {
        /// How long was waited.
        seconds: u64,
    },
    /// A content type that is not read here.
    #[error("{0}")]
    MediaType(String),
    /// Facts that were refused, each with its reason.
    #[error("{message}")]
    Facts {
        /// The status.
        status: StatusCode,
        /// The code of the first reason.
        code: &'static str,
        /// What became of the whole.
        message: String,
        /// What became of each.
        results: Vec<super::facts::FactResult>,
    },
    /// Something that was settled before.
    #[error("{0}")]
    Conflict(String),
    /// A right that is missing.
    #[error("{reason} (paragraph {paragraph})")]
    NotAllowed {
        /// The paragraph behind it.
        paragraph: String,
        /// What is missing.
        reason: String,
    },
    /// A command that was not carried out.
    #[error("{}", command_words(.0))]
    Command(#[from] CommandFailure),
    /// Somebody who was not signed in, without detail.
    #[error("{0}")]
    SignIn(&'static str),
    /// Too many attempts to sign in, or with a token that is not known.
    #[error("too many attempts to sign in came from your address; try again in {seconds} s")]
    TooMany {
        /// After how long.
        seconds: u64,
    },
    /// Too many requests of a costly kind at once.
    #[error(
        "too much is being judged at once, or much is being taken in; nothing was changed, try again shortly"
    )]
    Busy,
    /// Too many streams of events are open.
    #[error(
        "too many streams of events are open, of all readers or of yours; close one, or read `/v1/events?after=` instead"
    )]
    Streams,
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The read models.
    #[error(transparent)]
    Projections(#[from] ProjectionError),
    /// Something of ours failed.
    #[error("{0}")]
    Failed(String),
}

/// The body of an error, as HMPPS services write it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    status: u16,
    error_code: &'static str,
    user_message: String,
    developer_message: String,
    more_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paragraph: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    results: Vec<super::facts::FactResult>,
}

/// Seconds after which a request that found the log unavailable may be sent again.
const RETRY_AFTER: u64 = 10;

impl HttpError {
    /// A wrong parameter.
    #[must_use]
    pub fn parameter(name: &str, reason: impl Into<String>) -> Self {
        Self::Parameter { name: shortened(name), reason: reason.into() }
    }

    /// Something that is not there.
    #[must_use]
    pub fn not_found(what: &'static str, id: &str) -> Self {
        Self::NotFound { what, id: repeated(id) }
    }

    /// The status and the code.
    #[must_use]
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Parameter { .. } => (StatusCode::BAD_REQUEST, "INVALID_PARAMETER"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "MALFORMED_BODY"),
            Self::Unprocessable(_) => (StatusCode::UNPROCESSABLE_ENTITY, "NOT_ACCEPTABLE_CONTENT"),
            Self::Unauthorised(_) => (StatusCode::UNAUTHORIZED, "UNAUTHORISED"),
            Self::Forbidden(_) | Self::NotAllowed { .. } => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Self::Command(failure) => command_status(failure),
            Self::NotFound { .. } | Self::NoSuchAddress => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::Misdirected(_) => (StatusCode::MISDIRECTED_REQUEST, "WRONG_HOST"),
            Self::TooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LONG"),
            Self::TooSlow { .. } => (StatusCode::REQUEST_TIMEOUT, "BODY_TOO_SLOW"),
            Self::MediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "CONFLICT"),
            Self::Facts { status, code, .. } => (*status, code),
            Self::Busy | Self::Streams => (StatusCode::SERVICE_UNAVAILABLE, "BUSY"),
            Self::SignIn(_) => (StatusCode::FORBIDDEN, "NOT_SIGNED_IN"),
            Self::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_ATTEMPTS"),
            Self::Store(error) | Self::Projections(ProjectionError::Log(error)) => store_status(error),
            Self::Projections(ProjectionError::TooMuch(_)) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "NOT_ACCEPTABLE_CONTENT")
            }
            Self::Projections(_) | Self::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "FAILURE"),
        }
    }

    /// Seconds after which the request may be sent again, where it is worth it.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { seconds } => Some(*seconds),
            other => (other.status().0 == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER),
        }
    }

    /// What the caller is told, whose every failure of ours is replaced by a reference under which it was logged.
    fn told(&self, status: StatusCode) -> String {
        if let Self::Store(StoreError::Database { .. })
        | Self::Projections(ProjectionError::Log(StoreError::Database { .. })) = self
            && status == StatusCode::SERVICE_UNAVAILABLE
        {
            tracing::error!(error = %self, "the log cannot be reached");
            return "the log cannot be reached at present; send the request again in a moment".to_owned();
        }
        if status != StatusCode::INTERNAL_SERVER_ERROR {
            return self.to_string();
        }
        let reference = crate::random::hexadecimal::<6>().unwrap_or_default();
        tracing::error!(error = %self, reference, "a request failed");
        format!("something went wrong here; the administrator finds it in the log under `{reference}`")
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let (status, error_code) = self.status();
        let wait = self.retry_after();
        let developer_message = self.told(status);
        let more_info = match &self {
            Self::Unauthorised(_) | Self::Forbidden(_) => Some("mandate token --help".to_owned()),
            _ => None,
        };
        let user_message = sentence(&developer_message);
        let paragraph = match &self {
            Self::NotAllowed { paragraph, .. } => Some(paragraph.clone()),
            Self::Command(CommandFailure::Refused(refusal)) if refusal.kind != RefusalKind::Missing => {
                Some(refusal.paragraph.to_string())
            }
            _ => None,
        };
        let results = if let Self::Facts { results, .. } = self { results } else { Vec::new() };
        let body = Body {
            status: status.as_u16(),
            error_code,
            user_message,
            developer_message,
            more_info,
            paragraph,
            results,
        };
        let mut response = (status, Json(body)).into_response();
        response.headers_mut().extend(wait.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
        let more: Option<(HeaderName, &'static str)> = match status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer realm=\"mandate\"")),
            // What is left of the body is not read.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                Some((header::CONNECTION, "close"))
            }
            _ => None,
        };
        if let Some((name, value)) = more {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// What is said of a command that was not carried out; of a subject that may not be known of, the words are those for
/// one that does not exist.
fn command_words(failure: &CommandFailure) -> String {
    match failure {
        CommandFailure::Refused(refusal) if refusal.kind == RefusalKind::Missing => {
            let (what, id) = refusal.subject.split_once('/').unwrap_or(("subject", &refusal.subject));
            format!("there is no {what} `{}`", repeated(id))
        }
        other => other.to_string(),
    }
}

fn store_status(error: &StoreError) -> (StatusCode, &'static str) {
    match error {
        StoreError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "LOG_UNAVAILABLE"),
        StoreError::OutcomeUnknown { .. } => (StatusCode::SERVICE_UNAVAILABLE, "OUTCOME_UNKNOWN"),
        StoreError::ReadOnly { .. } => (StatusCode::SERVICE_UNAVAILABLE, "LOG_READ_ONLY"),
        StoreError::TooMany { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "TOO_MANY_FACTS"),
        error if error.is_unavailable() => (StatusCode::SERVICE_UNAVAILABLE, "LOG_UNAVAILABLE"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "FAILURE"),
    }
}

fn command_status(failure: &CommandFailure) -> (StatusCode, &'static str) {
    match failure {
        CommandFailure::Refused(refusal) => match refusal.kind {
            RefusalKind::Right => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            RefusalKind::Invariant => (StatusCode::CONFLICT, "REFUSED"),
            RefusalKind::Content => (StatusCode::UNPROCESSABLE_ENTITY, "NOT_ACCEPTABLE_CONTENT"),
            RefusalKind::Missing => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            RefusalKind::Stale => (StatusCode::PRECONDITION_FAILED, "VERSION_CONFLICT"),
        },
        CommandFailure::OtherBody => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
        CommandFailure::Contended => (StatusCode::SERVICE_UNAVAILABLE, "BUSY"),
        CommandFailure::Store(error) | CommandFailure::Order(OrderError::Store(error)) => store_status(error),
        CommandFailure::Order(_) => (StatusCode::CONFLICT, "REFUSED"),
        CommandFailure::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "FAILURE"),
    }
}

/// A reason as a sentence.
#[must_use]
pub fn sentence(reason: &str) -> String {
    let end = if reason.ends_with(['.', '!', '?', '”']) { "" } else { "." };
    let first_word = reason.split_whitespace().next().unwrap_or_default();
    let mut chars = reason.chars();
    match chars.next() {
        // An id keeps its letters as they are.
        Some(first) if !first_word.contains('/') => {
            format!("{}{}{end}", first.to_uppercase(), chars.as_str())
        }
        _ => format!("{reason}{end}"),
    }
}
