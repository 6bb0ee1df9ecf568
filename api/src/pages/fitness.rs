//! Every page, in every sample state, keeps what all pages promise.

use std::collections::BTreeSet;

use scraper::{Html, Selector};

use super::lint::lint;
use super::samples;
use super::{assets, words::Status};

fn select(html: &str, selector: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    let selector = Selector::parse(selector).unwrap();
    let texts = page.select(&selector).map(|found| found.text().collect::<String>());
    texts.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn sample(name: &str) -> String {
    samples::all().into_iter().find(|(sample, _)| *sample == name).unwrap().1
}

fn classes(html: &str) -> BTreeSet<String> {
    let page = Html::parse_document(html);
    let selector = Selector::parse("[class]").unwrap();
    let elements = page.select(&selector).map(|found| found.attr("class").unwrap());
    elements.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[test]
fn every_page_passes_the_lint() {
    let found: Vec<String> = samples::all()
        .iter()
        .flat_map(|(name, html)| lint(html).into_iter().map(move |finding| format!("{name}: {finding}")))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_title_is_the_heading_and_the_name_of_the_service() {
    for (name, html) in samples::all() {
        let heading = select(&html, "h1").remove(0);
        let title = select(&html, "title").remove(0);
        let wanted = format!("{heading} – Mandate");
        assert!(title == wanted || title == format!("Error: {wanted}"), "{name}: title `{title}`");
    }
}

#[test]
fn a_page_with_an_error_says_so_in_its_title_and_links_to_the_field() {
    let html = sample("duties-wrong-date");
    assert!(select(&html, "title").remove(0).starts_with("Error: "));
    let links = select(&html, ".govuk-error-summary a[href='#dueTo-day']");
    assert_eq!(links, ["Due to must be a real date, for example 6 3 2026."]);
}

#[test]
fn every_class_is_known_to_the_style_sheet() {
    if let Err(missing) = assets::check() {
        panic!("{missing}");
    }
    let address = assets::url("mandate.css");
    let css = assets::find(address.strip_prefix("/assets/").unwrap()).unwrap().bytes;
    let css = String::from_utf8(css.into_owned()).unwrap();
    // Hooks of scripts, and names that only group what others style.
    let unstyled = [
        "govuk-js-service-navigation-toggle",
        "govuk-template__header",
        "govuk-template__footer",
        "govuk-table__head",
        "govuk-table__body",
        "mandate-basis--policy",
        "mandate-answer--pending",
        "mandate-table--days",
        "mandate-table--headers",
    ];
    let used: BTreeSet<String> = samples::all().iter().flat_map(|(_, html)| classes(html)).collect();
    let unknown: Vec<&String> = used
        .iter()
        .filter(|class| !unstyled.contains(&class.as_str()) && !css.contains(&format!(".{class}")))
        .collect();
    assert!(unknown.is_empty(), "not in the style sheet: {unknown:?}");
}

#[test]
fn hostile_text_stays_text() {
    let html = sample("duty-hostile");
    assert!(select(&html, "main script, main img").is_empty());
    assert_eq!(select(&html, "blockquote"), [samples::HOSTILE]);
    assert_eq!(lint(&html), Vec::<String>::new());
}

#[test]
fn a_work_list_with_nothing_due_says_so_and_when_it_looked() {
    let html = sample("work-empty");
    let told = select(&html, "[data-testid=nothing-due]");
    assert_eq!(told, ["Nothing is due. Checked Tuesday 10 March 2026 at 09:00 for area/A07."]);
}

#[test]
fn a_missed_local_target_is_not_called_a_breach_on_its_page() {
    let answer = select(&sample("duty-local"), "[data-testid=answer]").remove(0);
    assert!(answer.contains("Missed local target."), "{answer}");
    assert!(answer.contains("not a breach"), "{answer}");
    let answer = select(&sample("duty-overdue"), "[data-testid=answer]").remove(0);
    assert!(answer.contains("Breach of paragraph 4.10."), "{answer}");
}

#[test]
fn a_past_moment_is_told_and_kept_by_the_navigation() {
    let html = sample("nominal-past");
    let told = select(&html, ".mandate-past").remove(0);
    assert!(told.contains("As at the end of Friday 6 March 2026"), "{told}");
    assert!(told.contains("as known at the end of Monday 9 March 2026"), "{told}");
    assert_eq!(select(&html, "nav a[href='/work?asAt=2026-03-06&knownAt=2026-03-09']"), ["My work"]);
    assert!(select(&sample("nominal"), ".mandate-past").is_empty());
}

#[test]
fn every_status_has_its_own_words_shape_and_class() {
    let all: Vec<Status> = samples::lists::a_row_for_each_status().iter().map(|row| row.status).collect();
    let distinct = |part: fn(Status) -> &'static str| {
        all.iter().map(|status| part(*status)).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(all.len(), 12);
    assert_eq!(distinct(Status::words), 12);
    assert_eq!(distinct(Status::shape), 12);
    assert_eq!(distinct(Status::class), 12);
}

#[test]
fn every_page_says_what_it_is_for() {
    for (name, html) in samples::all() {
        let purpose = select(&html, "p.mandate-purpose");
        assert!(purpose.len() == 1 && purpose[0].ends_with(['.', '?']), "{name}: {purpose:?}");
    }
}
