//! Every command's form, made and read without a server.

use std::collections::BTreeSet;

use mandate_domain::command::{Command, EVERY};
use scraper::{Html, Selector};
use serde_json::{Value, json};

use super::*;
use crate::http::commands::example;
use crate::http::query::encoded;
use crate::http::site::act::fields::{INSTEAD, personal};
use crate::http::site::act::typed::body;
use crate::pages::Page as _;
use crate::pages::lint::lint;
use crate::pages::samples;

fn form(name: CommandName, act: Option<FactType>, typed: &str) -> Form {
    Form { name, act, asks: asks(name, act), typed: Query::read_typed(typed).unwrap() }
}

/// Each command, `record-act` and `state-in-error` with each act.
fn forms() -> Vec<(CommandName, Option<FactType>)> {
    let mut forms: Vec<_> = CommandName::ALL.iter().map(|name| (*name, None)).collect();
    for act in ACTS {
        let act = FactType::from_name(act);
        forms.extend([(CommandName::RecordAct, act), (CommandName::StateInError, act)]);
    }
    forms
}

fn html(form: &Form, errors: &[(String, String)]) -> String {
    let paragraph = Link::new("paragraph 4.10", "/rules/4.10");
    form.page(samples::demo(), paragraph, None, errors).html().unwrap()
}

fn fields_of(html: &str) -> BTreeSet<String> {
    let page = Html::parse_document(html);
    let selector = Selector::parse("[data-field]").unwrap();
    page.select(&selector).map(|field| field.attr("data-field").unwrap().to_owned()).collect()
}

fn now() -> mandate_domain::time::Instant {
    mandate_domain::time::Instant::parse("2026-03-10T09:00:00Z").unwrap()
}

#[test]
fn every_form_has_the_fields_of_the_list_and_passes_the_lint() {
    for (name, act) in forms() {
        let html = html(&form(name, act, ""), &[]);
        assert_eq!(lint(&html), Vec::<String>::new(), "{name} {act:?}");
        if name == CommandName::RecordAct && act.is_none() {
            continue;
        }
        let mut wanted: BTreeSet<String> =
            ["subject", "time", "time-of-day"].iter().map(|name| (*name).to_owned()).collect();
        for field in name.spec().fields.iter().chain(EVERY) {
            match field.field {
                Field::Act => {}
                Field::Personal => wanted
                    .extend(personal(name.spec().subjects).iter().map(|part| format!("personal-{part}"))),
                Field::Sample => wanted.extend(["sample-size".to_owned(), "sample-passed".to_owned()]),
                other => drop(wanted.insert(other.name().to_owned())),
            }
        }
        let prefix = if name == CommandName::StateInError { INSTEAD } else { "" };
        let own = act.map(FactType::own_fields).unwrap_or_default();
        wanted.extend(own.iter().map(|field| format!("{prefix}{}", field.field)));
        assert_eq!(fields_of(&html), wanted, "{name} {act:?}");
    }
}

#[test]
fn a_form_sent_empty_tells_every_field_that_it_needs_beside_it() {
    for (name, act) in
        forms().into_iter().filter(|(name, act)| *name != CommandName::RecordAct || act.is_some())
    {
        let form = form(name, act, "");
        let (body, mut errors) = body(&form.asks, act, name, &form.typed, now());
        assert!(form.parsed(&body, &mut errors).is_none(), "{name}");
        let told: BTreeSet<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
        for ask in form.asks.iter().filter(|ask| ask.required) {
            assert!(told.contains(ask.name.as_str()), "{name}: {}", ask.name);
        }
        let html = html(&form, &errors);
        assert_eq!(lint(&html), Vec::<String>::new(), "{name} {act:?}");
        let page = Html::parse_document(&html);
        let beside = page.select(&Selector::parse(".govuk-error-message").unwrap()).count();
        let above = page.select(&Selector::parse(".govuk-error-summary li").unwrap()).count();
        assert!(beside >= told.len().min(1) && above == errors.len(), "{name}: {errors:?}");
    }
}

/// What a person types for a value of a body.
fn typed(prefix: &str, fields: &fields::Body) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in fields {
        let name = format!("{prefix}{name}");
        match value {
            Value::Array(items) if name == "sections" => {
                pairs.extend(items.iter().map(|item| (name.clone(), item.as_str().unwrap().to_owned())));
            }
            Value::Array(items) => {
                let lines: Vec<&str> = items.iter().map(|item| item.as_str().unwrap()).collect();
                pairs.push((name, lines.join("\r\n")));
            }
            Value::Object(parts) if name == "event" => {
                let part = |part: &str| parts[part].as_str().unwrap().to_owned();
                pairs.push((name, format!("{}#{}", part("source"), part("id"))));
            }
            Value::Object(parts) => {
                pairs.extend(parts.iter().map(|(part, value)| {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    (format!("{name}-{part}"), text)
                }));
            }
            Value::String(text) if mandate_domain::time::Date::parse(text).is_ok() => {
                let parts: Vec<&str> = text.split('-').collect();
                for (part, value) in ["year", "month", "day"].iter().zip(parts) {
                    pairs.push((format!("{name}-{part}"), value.to_owned()));
                }
            }
            Value::String(text) => pairs.push((name, text.clone())),
            other => pairs.push((name, other.to_string())),
        }
    }
    pairs
}

fn sent(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

#[test]
fn what_is_typed_is_the_body_that_the_address_of_the_command_takes() {
    for name in CommandName::ALL {
        let Value::Object(wanted) = example(*name) else { panic!("{name}") };
        let act = wanted.get("act").and_then(Value::as_str).and_then(FactType::from_name);
        let form = form(*name, act, &sent(&typed("", &wanted)));
        let (body, mut errors) = body(&form.asks, act, *name, &form.typed, now());
        let command = form.parsed(&body, &mut errors);
        assert_eq!(errors, [], "{name}");
        assert_eq!(command.unwrap(), Command::parse(*name, &wanted).unwrap(), "{name}");
    }
}

#[test]
fn what_is_stated_instead_is_read_with_the_act_that_was_chosen() {
    let act = Some(FactType::MinutesAdded);
    let raw = "subject=nominal/N1&event=/t%23a&reason=x&instead-meeting=M1";
    let form = form(CommandName::StateInError, act, raw);
    let (body, errors) = body(&form.asks, act, CommandName::StateInError, &form.typed, now());
    assert_eq!(errors, []);
    assert_eq!(body["instead"], json!({"act": "minutes.added", "meeting": "M1"}));
}

#[test]
fn a_day_without_a_time_is_its_end_and_today_is_now() {
    let time = |raw: &str| {
        let form = form(CommandName::AcknowledgeBreach, None, &format!("subject=D-1&{raw}"));
        let (body, errors) = body(&form.asks, None, form.name, &form.typed, now());
        match errors.first() {
            Some((field, error)) => format!("{field}: {error}"),
            None => body.get("time").map_or("now", |at| at.as_str().unwrap()).to_owned(),
        }
    };
    assert_eq!(time(""), "now");
    assert_eq!(time("time-day=10&time-month=3&time-year=2026"), "now");
    assert_eq!(time("time-day=6&time-month=3&time-year=2026"), "2026-03-06T23:59:59.999999999Z");
    assert_eq!(time("time-day=6&time-month=3&time-year=2026&time-of-day=14:05"), "2026-03-06T14:05:00Z");
    assert_eq!(time("time-of-day=08:05"), "2026-03-10T08:05:00Z");
    assert_eq!(time("time-of-day=8am"), "time: The time of that day must be like 14:05.");
    let hour_left_out = "time-day=30&time-month=3&time-year=2025&time-of-day=01:30";
    assert!(time(hour_left_out).starts_with("time: That time is left out"), "{}", time(hour_left_out));
    assert!(time("time-day=30&time-month=2&time-year=2026").contains("must be a real date"));
}

#[test]
fn several_subjects_are_typed_on_lines_or_ticked_and_each_counts_once() {
    let raw = "subject=D-1%0D%0Aduty/D-2&subject=D-1";
    let form = form(CommandName::AcknowledgeBreach, None, raw);
    let (body, errors) = body(&form.asks, None, form.name, &form.typed, now());
    assert_eq!(errors, []);
    assert_eq!(body["subjects"], json!(["duty/D-1", "duty/D-2"]));
}

#[test]
fn values_are_kept_when_something_is_wrong() {
    let raw = "subject=N1&reason=two%0D%0Alines%20%3Cb%3E&until-day=31&until-month=2&until-year=2026&key=k";
    let form = form(CommandName::WaiveDuty, None, raw);
    let (body, mut errors) = body(&form.asks, None, form.name, &form.typed, now());
    form.parsed(&body, &mut errors);
    let html = html(&form, &errors);
    assert!(html.contains("two\nlines &#60;b&#62;") || html.contains("two\nlines &lt;b&gt;"), "{html}");
    for kept in ["value=\"31\"", "name=\"key\" value=\"k\"", "must be a real date"] {
        assert!(html.contains(kept), "{kept}");
    }
    assert_eq!(lint(&html), Vec::<String>::new());
}
