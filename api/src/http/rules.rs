//! `GET /v1/rules` and one rule: the rule book as data.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use mandate_domain::policy::{
    Basis, Form, Holder, Interpretation, PerHolder, Policy, Rule, Severity, Version,
};
use mandate_domain::time::Date;
use serde::Serialize;

use super::app::App;
use super::error::HttpError;
use super::query::Query;
use crate::cli::within;

/// A rule in the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    id: String,
    paragraph: String,
    duty: String,
    basis: Basis,
    severity: Severity,
    within: String,
}

/// The rules of the policy in force.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    sha256: String,
    rules: Vec<Listed>,
}

/// One rule.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OneRule {
    id: String,
    duty: String,
    basis: Basis,
    severity: Severity,
    file: String,
    quotes: Vec<Quote>,
    versions: Vec<OneVersion>,
    interpretations: Vec<Interpretation>,
}

/// The framework's words, for one kind of holder.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// The kind of holder; none for every other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder_kind: Option<&'static str>,
    /// The paragraph.
    pub paragraph: String,
    /// The words.
    pub text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneVersion {
    number: u16,
    effective_from: Date,
    effective_to: Option<Date>,
    form: Form,
    holder: Holder,
    within: String,
    obligation: Option<String>,
}

/// Lists the rules.
///
/// # Errors
/// [`HttpError::Parameter`] for an unknown parameter.
pub async fn list(State(app): State<App>, RawQuery(raw): RawQuery) -> Result<Json<Rules>, HttpError> {
    let query = Query::read(raw.as_deref(), &["knownAt"])?;
    let known_at = query.moment("knownAt")?.unwrap_or_else(|| app.now());
    app.blocking(move |app| {
        let book = app.book(known_at)?;
        let rules = book.policy.rules.iter().map(|rule| Listed {
            id: rule.id.clone(),
            paragraph: rule.paragraph.default.clone(),
            duty: rule.duty.clone(),
            basis: rule.basis,
            severity: rule.severity,
            within: rule.versions.last().map(within).unwrap_or_default(),
        });
        Ok(Json(Rules { sha256: book.policy.sha256.clone(), rules: rules.collect() }))
    })
    .await
}

/// Shows one rule.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none of that id.
pub async fn one(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<OneRule>, HttpError> {
    let query = Query::read(raw.as_deref(), &["knownAt"])?;
    let known_at = query.moment("knownAt")?.unwrap_or_else(|| app.now());
    app.blocking(move |app| {
        let book = app.book(known_at)?;
        let rule = book.policy.rule(&id).ok_or_else(|| HttpError::not_found("rule", &id))?;
        Ok(Json(one_rule(&book.policy, rule)))
    })
    .await
}

/// The versions of one rule.
#[derive(Debug, Serialize)]
pub struct Versions {
    id: String,
    versions: Vec<OneVersion>,
}

/// Shows the versions of one rule, the oldest first.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none of that id.
pub async fn versions(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Versions>, HttpError> {
    one(State(app), Path(id), RawQuery(raw))
        .await
        .map(|Json(rule)| Json(Versions { id: rule.id, versions: rule.versions }))
}

fn one_rule(policy: &Policy, rule: &Rule) -> OneRule {
    let version = |version: &Version| OneVersion {
        number: version.number,
        effective_from: version.effective_from,
        effective_to: version.effective_to,
        form: version.form,
        holder: version.holder,
        within: within(version),
        obligation: version.obligation.clone(),
    };
    let mut ids: Vec<&String> = rule.versions.iter().flat_map(|version| &version.interpretations).collect();
    ids.sort();
    ids.dedup();
    let readings = ids.into_iter().filter_map(|id| policy.interpretations.get(id)).cloned();
    OneRule {
        id: rule.id.clone(),
        duty: rule.duty.clone(),
        basis: rule.basis,
        severity: rule.severity,
        file: rule.file.clone(),
        quotes: quotes(rule),
        versions: rule.versions.iter().map(version).collect(),
        interpretations: readings.collect(),
    }
}

/// The framework's words for each kind of holder, each once.
#[must_use]
pub fn quotes(rule: &Rule) -> Vec<Quote> {
    let own = |per: &PerHolder, kind| {
        per.by_kind.iter().find(|(found, _)| *found == kind).map_or(&per.default, |(_, text)| text).clone()
    };
    let mut quotes = vec![Quote {
        holder_kind: None,
        paragraph: rule.paragraph.default.clone(),
        text: rule.quote.default.clone(),
    }];
    let kinds = rule.paragraph.by_kind.iter().chain(&rule.quote.by_kind).map(|(kind, _)| *kind);
    for kind in kinds {
        let quote = Quote {
            holder_kind: Some(kind.name()),
            paragraph: own(&rule.paragraph, kind),
            text: own(&rule.quote, kind),
        };
        if quotes.iter().all(|known| known.text != quote.text || known.paragraph != quote.paragraph) {
            quotes.push(quote);
        }
    }
    quotes
}

/// The word for a severity.
#[must_use]
pub const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
