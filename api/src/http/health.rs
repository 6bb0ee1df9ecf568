//! `/health`, `/info` and `/metrics`, as HMPPS services answer them.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use mandate_projections::Parked;
use mandate_scheduler::{OnDuty, PROBLEMS, Problem, Scheduler};

use super::app::App;
use super::error::HttpError;
use crate::webhooks;

/// Events by which the read models may be behind while the server counts as ready.
const READY_BEHIND: u64 = 10_000;
/// Most parked subjects that are named.
const SHOWN_PARKED: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    Up,
    Down,
}

impl Status {
    const fn code(self) -> StatusCode {
        match self {
            Self::Up => StatusCode::OK,
            Self::Down => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// How far the log and the read models are.
struct Progress {
    head: u64,
    reached: u64,
    /// Subjects that cannot be followed.
    parked: Vec<Parked>,
}

fn progress(app: &App) -> Result<Progress, HttpError> {
    let head = app.store.reader().head()?.position.get();
    let reached = app.projections.progress()?.position.get();
    Ok(Progress { head, reached, parked: app.projections.parked()? })
}

/// What makes the server answer that it is down: whoever relies on being told would wait in vain. The rest is shown.
const DOWN: &[&str] = &["scheduler", "mail", "feed", "checkpoint"];

/// What is wrong: with the watch over deadlines, where it is kept in this process, and with those told of events.
///
/// # Errors
/// [`HttpError`] when the log or the read models cannot be read.
pub fn problems(app: &App) -> Result<Vec<Problem>, HttpError> {
    let found = app.scheduler.as_ref().map(|scheduler| scheduler.problems(app.now()));
    let found = found.transpose().map_err(|error| HttpError::Failed(error.to_string()))?;
    let mut found = found.unwrap_or_default();
    found.extend(app.webhooks.problems()?);
    Ok(found)
}

/// Which node raises and mails, where the scheduler runs in this process and one does.
fn on_duty(app: &App) -> Result<Option<OnDuty>, HttpError> {
    let found = app.scheduler.as_ref().map(Scheduler::on_duty);
    found.transpose().map(Option::flatten).map_err(|error| HttpError::Failed(error.to_string()))
}

/// The whole, part by part.
pub async fn health(State(app): State<App>) -> Response {
    let found = app.blocking(progress).await;
    let watched = app.blocking(problems).await;
    let (log, projections) = match &found {
        Err(_) => (json!({"status": Status::Down}), json!({"status": Status::Down})),
        Ok(progress) => (
            match app.store.read_only() {
                None => json!({"status": Status::Up, "details": {"position": progress.head}}),
                Some(reason) => json!({"status": Status::Down, "details": {
                    "position": progress.head, "readOnly": reason,
                }}),
            },
            json!({"status": Status::Up, "details": details(progress)}),
        ),
    };
    let lease = json!({"status": Status::Up, "details": app.blocking(on_duty).await.unwrap_or_default()});
    let watch_status = match &watched {
        Ok(problems) if problems.iter().all(|problem| !DOWN.contains(&problem.code)) => Status::Up,
        Ok(_) | Err(_) => Status::Down,
    };
    let watch = json!({"status": watch_status, "details": {"problems": watched.unwrap_or_default()}});
    let tried = app.blocking(|app| Ok(disk(app))).await;
    let (disk_status, disk) = tried.unwrap_or_else(|_| (Status::Down, json!({"status": Status::Down})));
    let log_is_up = found.is_ok() && app.store.read_only().is_none() && disk_status == Status::Up;
    let status = if log_is_up { watch_status } else { Status::Down };
    let body = json!({
        "status": status,
        "components": {
            "log": log, "projections": projections, "watch": watch, "lease": lease, "disk": disk,
            "ping": {"status": Status::Up},
        },
        "version": env!("CARGO_PKG_VERSION"),
    });
    (status.code(), Json(body)).into_response()
}

/// Room that must be left on the disk of the log.
const ROOM_BYTES: u64 = 1 << 20;

/// Whether the disk of the data directory has room.
fn disk(app: &App) -> (Status, Value) {
    let down = |error: String| {
        let remedy = "make room on the disk of the data directory; nothing needs to be started again";
        (Status::Down, json!({"status": Status::Down, "details": {"error": error, "remedy": remedy}}))
    };
    match rustix::fs::statvfs(app.store.data_dir()) {
        Ok(found) if found.f_bavail.saturating_mul(found.f_frsize) < ROOM_BYTES => {
            down("no room is left on the disk".to_owned())
        }
        Ok(_) => (Status::Up, json!({"status": Status::Up})),
        Err(error) => down(error.to_string()),
    }
}

/// How far the read models are, and what is parked if anything is.
fn details(progress: &Progress) -> Value {
    let mut details = json!({
        "position": progress.reached, "behind": progress.head.saturating_sub(progress.reached),
    });
    if let (false, Some(details)) = (progress.parked.is_empty(), details.as_object_mut()) {
        let first: Vec<_> = progress.parked.iter().take(SHOWN_PARKED).collect();
        details.insert("parked".to_owned(), json!({"count": progress.parked.len(), "first": first}));
    }
    details
}

/// Whether the process answers at all.
pub async fn up() -> Json<Value> {
    Json(json!({"status": Status::Up}))
}

/// Whether requests should be sent here: the log can be read and the read models are near its head.
pub async fn readiness(State(app): State<App>) -> Response {
    let ready = app
        .blocking(progress)
        .await
        .is_ok_and(|progress| progress.head.saturating_sub(progress.reached) <= READY_BEHIND);
    let status = if ready { Status::Up } else { Status::Down };
    (status.code(), Json(json!({"status": status}))).into_response()
}

/// What runs here.
pub async fn info() -> Json<Value> {
    Json(json!({
        "build": {
            "name": "mandate", "artifact": "mandate", "group": "mandate", "version": env!("CARGO_PKG_VERSION"),
        },
        "productId": "mandate",
    }))
}

/// Counters for Prometheus.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub async fn metrics(State(app): State<App>) -> Result<Response, HttpError> {
    let progress = app.blocking(progress).await?;
    let waiting = app.blocking(|app| Ok(app.projections.quarantine_waiting()?)).await?;
    let problems = app.blocking(problems).await?;
    let mut text = app.metrics.text(progress.head, progress.reached, waiting);
    text.push_str(
        "# HELP mandate_problems What is wrong with Mandate itself, by kind\n# TYPE mandate_problems gauge\n",
    );
    for code in PROBLEMS.iter().chain(&[webhooks::PROBLEM]) {
        let count = problems.iter().filter(|problem| problem.code == *code).count();
        text.push_str(&format!("mandate_problems{{code=\"{code}\"}} {count}\n"));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
