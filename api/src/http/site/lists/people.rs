//! People: vetting → `SyOps` → training → e-learning → account, and what expires.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::{Asking, Begun, Spec, Words, acted_on, instant, label, one_table, short_day, values};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::registers::people::{self, ACCOUNTS, Expiry, Filter, MISSING, Person};
use crate::http::site::visitor::Visitor;
use crate::http::site::{Access, answer, show};
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Part, Row, Tag};
use crate::pages::words::Status;

const SPEC: Spec = Spec {
    path: "/people",
    api: "/v1/people",
    choices: &[
        ("org", "Organisation"),
        ("area", "Area"),
        ("expiring", "Vetting over or ends within days"),
        ("missing", "Missing"),
        ("account", "Account"),
        ("left", "Left the role"),
    ],
    dates: &[],
};

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, &SPEC)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    let seen = app.registered().at(app.store.reader(), asking.view)?;
    let organisations = people::organisations(&seen, &asking.asker)?;
    let found = people::rows(&seen, &Filter::of(&asking.query)?, &asking.asker)?;
    drop(seen);
    let mut page = asking.listing(Section::People, WORDS, &[]);
    page.counts = counts(&found);
    page.filter = Some(asking.filter(vec![
            asking.choose(
                "org",
                "Organisation",
                "Any organisation",
                organisations.into_iter().map(|org| (org.clone(), org)),
            ),
            asking.choose(
                "expiring",
                "Vetting",
                "Any",
                [
                    ("0", "Over, or ends today"),
                    ("30", "Over or ends within 30 days"),
                    ("60", "Over or ends within 60 days"),
                    ("90", "Over or ends within 90 days"),
                ]
                .map(|(value, text)| (value.to_owned(), text.to_owned())),
            ),
            asking.choose("missing", "Missing", "Anything or nothing", values(&MISSING)),
            asking.choose("account", "Account", "Any account", values(&ACCOUNTS)),
            asking.choose(
                "left",
                "Left the role",
                "Left or not",
                [("true", "Left"), ("false", "In the role")]
                    .map(|(value, text)| (value.to_owned(), text.to_owned())),
            ),
        ]));
    let columns = vec![
        asking.column("Person", "user"),
        asking.column("Organisation", "organisation"),
        asking.column("Vetting", "vetting_expires_on"),
        asking.column("SyOps and training", "trained_on"),
        asking.column("Account", "account"),
        asking.column("Tokens and posts", "tokens"),
        asking.column("Last log-on", "last_log_on_at"),
    ];
    let (rows, pages) = asking.paged(found)?;
    let rows = rows.iter().map(row).collect();
    page.tables.push(one_table(
        "people",
        "People by organisation; the column headings sort the list",
        ["person", "people"],
        columns,
        rows,
        pages,
    ));
    answer(&page)
}

const WORDS: Words<'static> = Words {
    heading: "People",
    purpose: "Who may use ViSOR, how far each is from vetting to an account, and whose vetting ends soon.",
    paragraphs: &["4.16.a", "4.16.must-a", "6.1", "6.2", "6.3", "4.7", "4.38"],
};

fn counts(people: &[Person]) -> Vec<Count> {
    let count = |text: &str, is: fn(&Person) -> bool| {
        let count = people.iter().filter(|person| is(person)).count() as u64;
        Count { text: text.to_owned(), count }
    };
    vec![
        count("People", |_| true),
        count("Enabled accounts", |one| one.account == "enabled"),
        count("Vetting over, account enabled", |one| {
            one.account == "enabled"
                && matches!(one.vetting, Expiry::Expired | Expiry::Withdrawn | Expiry::Never)
        }),
        count("Vetting ends within 90 days", |one| {
            one.left_on.is_none() && matches!(one.vetting, Expiry::Within(_))
        }),
        count("Left, account enabled", |one| one.left_on.is_some() && one.account == "enabled"),
    ]
}

fn row(person: &Person) -> Row {
    let vetting = match person.vetting {
        Expiry::Never => Cell(vec![Part::Nothing("Not cleared".to_owned())]),
        Expiry::Withdrawn => Cell::tag("Withdrawn", Status::Overdue),
        Expiry::Expired => Cell::tag("Expired", Status::Overdue),
        Expiry::Within(30) => Cell::tag("Within 30 days", Status::DueToday),
        Expiry::Within(60) => Cell::tag("Within 60 days", Status::DueThisWeek),
        Expiry::Within(_) => Cell::tag("Within 90 days", Status::DueThisWeek),
        Expiry::InDate => Cell::tag("In date", Status::Met),
    };
    let level = person.vetting_level.map(|level| format!("level {level}"));
    let until = person.vetting_expires_on.map(|on| format!("until {}", short_day(on)));
    let vetting = vetting
        .and_secondary(level.into_iter().chain(until).collect::<Vec<_>>().join(", "))
        .and_secondary(person.exemptions_in_words());
    let step = |what: &str, on: Option<mandate_domain::time::Date>| match on {
        Some(on) => Part::Text(format!("{what} {}", short_day(on))),
        None => Part::Nothing(format!("{what}: not yet")),
    };
    let mut steps = vec![step("SyOps", person.syops_signed_on), step("Training", person.trained_on)];
    if person.service == "probation" {
        steps.push(step("E-learning", person.elearning_on));
    }
    let gone = |on: &mandate_domain::time::Date| format!("left the role on {}", short_day(*on));
    let told = match (person.left_on, person.cpc_informed_on) {
        (Some(_), None) => "the CPC was not told",
        _ => "",
    };
    let like = match (person.account, person.left_on) {
        ("enabled", Some(_)) => Status::Overdue,
        ("enabled", None) => Status::Met,
        ("requested" | "authorised", _) => Status::Pending,
        _ => Status::Withdrawn,
    };
    let account = Cell(vec![Part::Tag(Tag { words: account_words(person.account), like })])
        .and_secondary(person.account_since.map(|on| format!("since {}", short_day(on))).unwrap_or_default())
        .and_secondary(person.left_on.as_ref().map(gone).unwrap_or_default())
        .and_secondary(told);
    let tokens = person.tokens.iter().cloned().collect::<Vec<_>>().join(", ");
    Row {
        id: None,
        cells: vec![
            acted_on(&person.user, SPEC.path).and_secondary(label(&person.role)),
            Cell::text(person.organisation.clone()),
            vetting,
            Cell(steps),
            account,
            Cell::optional(Some(tokens).filter(|tokens| !tokens.is_empty()), "No token")
                .and_secondary(person.posts_in_words()),
            Cell::optional(person.last_log_on_at.map(instant), "None told"),
        ],
    }
}

fn account_words(account: &str) -> &'static str {
    match account {
        "requested" => "Requested",
        "authorised" => "Authorised",
        "enabled" => "Enabled",
        "disabled" => "Disabled",
        "archived" => "Archived",
        _ => "None",
    }
}
