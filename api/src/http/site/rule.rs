//! One rule of the rule book.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::policy::{Basis as RuleBasis, Form, Holder, Rule, Step, Version};

use super::duty::{reading, span};
use super::visitor::Visitor;
use super::{Access, answer, show};
use crate::cli::within;
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::rules::{quotes, severity};
use crate::pages::duty::Quote;
use crate::pages::rule::{RulePage, RuleVersion};
use crate::pages::words::Basis;

/// The rule book begins with its first rule.
pub async fn first(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    show(app, Access::SignedIn, &uri, &headers, |app, _| {
        let book = app.book(app.now())?;
        let first = book.policy.rules.first().ok_or(HttpError::NoSuchAddress)?;
        Ok(Redirect::to(&format!("/rules/{}", first.id)).into_response())
    })
    .await
}

/// The page.
pub async fn page(State(app): State<App>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    let fill = move |app: &App, visitor: &Visitor| {
        Query::read(raw.as_deref(), &[])?;
        fill(app, visitor, &id)
    };
    show(app, Access::SignedIn, &uri, &headers, fill).await
}

fn fill(app: &App, visitor: &Visitor, id: &str) -> Result<Response, HttpError> {
    let book = app.book(app.now())?;
    let rule = book.policy.rule(id).ok_or_else(|| HttpError::not_found("rule", id))?;
    let quote = |quote: crate::http::rules::Quote| {
        let holder =
            quote.holder_kind.map_or(String::new(), |kind| format!(", for a {}", kind.replace('-', " ")));
        Quote {
            text: quote.text,
            citation: format!("Mandatory use of ViSOR, paragraph {}{holder}", quote.paragraph),
        }
    };
    let mut ids: Vec<&String> = rule.versions.iter().flat_map(|version| &version.interpretations).collect();
    ids.sort();
    ids.dedup();
    let page = RulePage {
        id: rule.id.clone(),
        paragraph: rule.paragraph.default.clone(),
        sentence: rule.duty.clone(),
        basis: match rule.basis {
            RuleBasis::Policy => Basis::Policy,
            RuleBasis::Local => Basis::Local,
        },
        severity: severity(rule.severity).to_owned(),
        quotes: quotes(rule).into_iter().map(quote).collect(),
        versions: rule.versions.iter().rev().map(|version| rule_version(rule, version)).collect(),
        interpretations: ids
            .into_iter()
            .filter_map(|id| book.policy.interpretations.get(id))
            .map(reading)
            .collect(),
        duties_href: format!("/duties?rule={}", rule.id),
        frame: visitor.frame(app, None)?,
    };
    answer(&page)
}

fn rule_version(rule: &Rule, version: &Version) -> RuleVersion {
    let (effective_from, effective_to) = span(version.effective_from, version.effective_to);
    let kinds: Vec<&str> = version.subjects.iter().map(|kind| kind.name()).collect();
    let form = match version.form {
        Form::While => "open while a condition on the state holds",
        Form::On => "opened by a fact and ended by another",
        Form::Prior => "something must have been done before a fact",
        Form::Every => "once on each working day while a condition holds",
    };
    let holder = match version.holder {
        Holder::Area => "the nominal's area",
        Holder::Prison => "the prison",
        Holder::Org => "the organisation itself, or the user's",
    };
    let warn: Vec<String> = version.warn.iter().map(|step| warning(*step)).collect();
    let escalate: Vec<String> = version
        .escalate
        .iter()
        .map(|step| format!("{} working days after, to {}", step.working_days, step.to))
        .collect();
    let told = |steps: Vec<String>| if steps.is_empty() { "never".to_owned() } else { steps.join("; ") };
    let mut numbers = vec![
        ("Subject", kinds.join(", ")),
        ("Form", form.to_owned()),
        ("Due", within(version)),
        ("Holder", holder.to_owned()),
        ("Warns", told(warn)),
        ("Escalates", told(escalate)),
    ];
    if let Some(grace) = version.grace {
        numbers.insert(3, ("Grace", format!("{grace} days")));
    }
    if let Some(obligation) = &version.obligation {
        numbers.push(("Obligation", format!("{obligation}, shared with other rules than {}", rule.id)));
    }
    let numbers = numbers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    RuleVersion { effective_from, effective_to, numbers }
}

fn warning(step: Step) -> String {
    match step {
        Step::WorkingDays(0) => "on the last working day to act".to_owned(),
        Step::WorkingDays(1) => "1 working day before it".to_owned(),
        Step::WorkingDays(days) => format!("{days} working days before the last working day to act"),
        Step::Days(days) => format!("{days} days before the due date"),
    }
}
