//! The shipped rules against the table of spec 3.5, and a rule that is one more file.

use mandate_domain::policy::{Basis, Due, Form, Holder, Policy, shipped_files};
use mandate_domain::vocabulary::StateField;
use serde_json::json;

use super::given::given_under;

use Basis::{Local, Policy as Stated};
use Form::{Every, On, Prior, While};
use Holder::{Area, Org, Prison};

/// Id, form, due, done before its opening counts, who answers, basis: line by line as in the table.
const TABLE: &[(&str, Form, Due, bool, Holder, Basis)] = &[
    ("4.10", While, Due::Days(5), false, Area, Stated),
    (
        "4.11",
        While,
        Due::Before { field: StateField::ReleaseOn, months: 6, opens_months: Some(8) },
        false,
        Area,
        Stated,
    ),
    ("4.13", While, Due::Days(3), false, Area, Stated),
    ("4.14", While, Due::WorkingDays(3), false, Area, Stated),
    ("4.12", On, Due::WorkingDays(5), false, Area, Local),
    ("4.15", On, Due::WorkingDays(5), false, Area, Local),
    ("4.17", On, Due::WorkingDays(2), true, Area, Local),
    ("4.18", On, Due::WorkingDays(5), true, Area, Local),
    ("4.19", On, Due::WorkingDays(1), true, Area, Local),
    ("4.20.3", On, Due::WorkingDays(5), true, Area, Stated),
    ("4.20.2", On, Due::WorkingDays(10), true, Area, Stated),
    ("4.20.add", On, Due::WorkingDays(1), true, Area, Local),
    ("4.21", On, Due::WorkingDays(5), true, Area, Local),
    ("4.22", On, Due::WorkingDays(5), true, Area, Local),
    ("4.24", On, Due::WorkingDays(5), true, Area, Local),
    ("5.17", On, Due::WorkingDays(5), true, Prison, Local),
    ("4.25", On, Due::Days(3), false, Area, Stated),
    ("4.26", While, Due::Days(7), false, Area, Local),
    ("4.28", Prior, Due::Prior, false, Area, Stated),
    ("4.36", Prior, Due::Prior, false, Area, Stated),
    ("4.38", On, Due::WorkingDays(1), true, Org, Local),
    ("4.38.close", On, Due::WorkingDays(1), true, Org, Local),
    ("4.16.request", Prior, Due::Prior, false, Org, Stated),
    ("4.16.request.training", Prior, Due::Prior, false, Org, Stated),
    ("4.16.vetting", While, Due::On(StateField::VettingExpiresOn), false, Org, Stated),
    ("4.16.rug", On, Due::Months { months: 3, days: 14 }, false, Org, Stated),
    ("4.16.dataset", On, Due::Months { months: 3, days: 0 }, false, Org, Local),
    ("4.16.logon", On, Due::Months { months: 1, days: 0 }, false, Org, Local),
    ("4.16.sign", On, Due::WorkingDays(20), false, Org, Local),
    ("4.7", On, Due::WorkingDays(20), true, Org, Local),
    ("4.8.cpc", While, Due::Days(0), false, Org, Stated),
    ("5.4", While, Due::Days(0), false, Org, Stated),
    ("4.8.lpc", While, Due::Days(0), false, Org, Stated),
    ("5.5", While, Due::Days(0), false, Org, Stated),
    ("5.12", On, Due::WorkingDays(2), true, Prison, Local),
    ("5.13", On, Due::Days(7), false, Prison, Stated),
    ("5.14", While, Due::WorkingDays(2), false, Prison, Local),
    ("5.15", Every, Due::SameDay, false, Prison, Stated),
    ("5.16", On, Due::WorkingDays(10), false, Prison, Local),
    ("5.18", On, Due::WorkingDays(2), false, Prison, Local),
    ("5.19", On, Due::WorkingDays(2), false, Prison, Local),
    ("5.9.partners", On, Due::WorkingDays(5), false, Prison, Local),
    ("5.9.record", Prior, Due::Prior, false, Prison, Stated),
    ("5.22", On, Due::WorkingDays(2), true, Prison, Local),
    ("5.23", Prior, Due::Prior, false, Prison, Stated),
    ("6.1", Prior, Due::Prior, false, Org, Stated),
    ("6.6", Prior, Due::Prior, false, Org, Stated),
    ("6.1.token", Prior, Due::Prior, false, Org, Stated),
    ("6.2", Prior, Due::Prior, false, Org, Stated),
    ("6.3", Prior, Due::Prior, false, Org, Stated),
    ("4.3", Prior, Due::Prior, false, Org, Stated),
    ("6.4", Prior, Due::Prior, false, Org, Stated),
];

#[test]
fn the_shipped_rules_are_those_of_the_table() {
    let policy = Policy::shipped().unwrap();
    for (id, form, due, early, holder, basis) in TABLE {
        let rule = policy.rule(id).unwrap_or_else(|| panic!("{id} has no file"));
        let [version] = rule.versions.as_slice() else { panic!("{id} has one version") };
        let found = (version.form, version.due, version.early, version.holder, rule.basis);
        assert_eq!(found, (*form, *due, *early, *holder, *basis), "{id}");
        assert_eq!(version.effective_from.to_string(), "2023-01-16", "{id}");
        let local = version.interpretations.iter().any(|reading| reading == "local-target");
        assert!(local == (*basis == Local), "{id}: a local target says that it is one");
    }
    assert_eq!(policy.rules.len(), TABLE.len());
}

#[test]
fn every_reading_is_used_by_a_rule() {
    let policy = Policy::shipped().unwrap();
    let used: std::collections::BTreeSet<&String> = policy
        .rules
        .iter()
        .flat_map(|rule| &rule.versions)
        .flat_map(|version| &version.interpretations)
        .collect();
    let unused: Vec<_> = policy.interpretations.keys().filter(|reading| !used.contains(reading)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn the_prison_side_cites_its_own_paragraphs() {
    let policy = Policy::shipped().unwrap();
    for (id, area, prison) in [
        ("4.16.rug", "4.16", "5.10"),
        ("4.16.dataset", "4.16", "5.10"),
        ("4.16.logon", "4.16", "5.10"),
        ("4.16.vetting", "4.16", "5.10"),
        ("4.16.request", "4.16", "5.10"),
        ("4.16.request.training", "4.16", "5.10"),
        ("4.16.sign", "4.16", "5.11"),
        ("4.3", "4.3", "5.6"),
    ] {
        let rule = policy.rule(id).unwrap();
        for (holder, paragraph) in
            [("area/A1", area), ("unit/U1", area), ("prison/LEI", prison), ("prison-group/G1", prison)]
        {
            assert_eq!(rule.paragraph.for_holder(Some(holder)), paragraph, "{id} {holder}");
        }
        let words = |holder| rule.quote.for_holder(Some(holder)).to_owned();
        assert!(
            words("area/A1") != words("prison/LEI") && words("prison/LEI") == words("prison-group/G1"),
            "{id}"
        );
        assert_eq!(rule.paragraph.for_holder(None), area, "{id}");
    }
}

/// A rule that no one foresaw: a report that was asked for is provided within three working days.
const REPORT: &str = r#"
id = "4.16.report"
paragraph.area = "4.16"
paragraph.prison = "5.10"
duty = "Provide a report that was asked for"
quote.area = "Produce statistical information when requested."
quote.prison = "Produce statistical information on request"
basis = "local"
severity = "low"

[[versions]]
effective_from = 2023-01-16
subject = ["area", "prison-group"]
form = "on"
on = [{ type = "report.requested" }]
done = [{ type = "report.provided" }]
match = "report"
early = true
due = { working_days = 3 }
holder = "org"
"#;

#[test]
fn a_new_rule_is_one_more_file_and_no_code() {
    let mut files = shipped_files();
    files.0.insert("4.16.report.toml".to_owned(), REPORT.to_owned());
    let policy = Policy::load(&files).unwrap();
    let report = |what: &str| (format!("report.{what}"), json!({"report": "Q", "to": "board"}));
    let told = |at: &str| {
        let [asked, provided] = [report("requested"), report("provided")];
        given_under(policy.clone())
            .about("area/A1")
            .fact("q", "2026-03-02", &asked.0, asked.1)
            .fact("p", at, &provided.0, provided.1)
            .as_at("2026-03-20")
            .only("4.16.report")
    };
    told("2026-03-05 23:59:59").shows(&["4.16.report q: met by p, due 2026-03-05"]);
    told("2026-03-06 00:00:00").shows(&["4.16.report q: met_late by p, due 2026-03-05"]);
}

#[test]
fn a_type_that_is_never_stated_of_the_subject_is_refused() {
    let mut files = shipped_files();
    let wrong = REPORT.replace("[\"area\", \"prison-group\"]", "\"nominal\"");
    files.0.insert("4.16.report.toml".to_owned(), wrong);
    let error = Policy::load(&files).unwrap_err().to_string();
    assert!(error.contains("report.requested is never stated of a nominal"), "{error}");
}

/// While a record is live its dataset is checked, and each check that comes too late opens the next.
const CHECKED: &str = r#"
id = "4.16.checked"
paragraph = "4.16"
duty = "Check the dataset of a live record"
quote = "Produce statistical information when requested."
basis = "local"
severity = "low"

[[versions]]
effective_from = 2023-01-16
subject = "nominal"
form = "while"
while = { record = "live" }
ends = "met"
closes_overdue = [{ type = "dataset.checked", where = { complete = true } }]
due = { days = 5 }
holder = "area"
"#;

#[test]
fn what_changes_no_state_may_close_an_overdue_duty() {
    let mut files = shipped_files();
    files.0.insert("4.16.checked.toml".to_owned(), CHECKED.to_owned());
    let policy = Policy::load(&files).unwrap();
    let checked = |id: &str, at: &str| {
        let facts = given_under(policy.clone()).fact(
            "r",
            "2026-03-02",
            "record.created",
            json!({"owner": "area/A1"}),
        );
        facts
            .fact(id, at, "dataset.checked", json!({"complete": true, "missing": []}))
            .as_at("2026-03-12")
            .only("4.16.checked")
    };
    checked("late", "2026-03-10").shows(&[
        "4.16.checked r: met_late by late, due 2026-03-07",
        "4.16.checked late: pending, due 2026-03-15",
    ]);
    checked("early", "2026-03-05").shows(&["4.16.checked r: overdue, due 2026-03-07"]);
}
