//! Rules that do not ship: one more file that asks for the state and the facts of the vocabulary, and no code.

use mandate_domain::policy::{Policy, PolicyFiles};
use serde_json::json;

use super::given::{Given, given_under};

fn loaded(id: &str, version: &str) -> Result<Policy, String> {
    let rule = format!(
        "id = \"{id}\"\nparagraph = \"4.10\"\nduty = \"Do it\"\nquote = \"within 5 days of registration\"\n\
         basis = \"policy\"\nseverity = \"low\"\n[[versions]]\neffective_from = 2023-01-16\n{version}"
    );
    let files = PolicyFiles([(format!("{id}.toml"), rule)].into());
    Policy::load(&files).map_err(|error| error.to_string())
}

/// No facts yet, under one rule.
fn under(version: &str) -> Given {
    given_under(loaded("4.99", version).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn what_must_come_before_is_prior_by_its_form_by_its_due_or_by_both() {
    for words in ["form = \"on\"\ndue = \"prior\"", "form = \"prior\"", "form = \"prior\"\ndue = \"prior\""] {
        let rule = format!(
            "subject = \"nominal\"\n{words}\non = [{{ type = \"record.archived\" }}]\n\
             needs = [{{ type = \"oasys.copied\" }}]\nholder = \"area\""
        );
        under(&rule)
            .registered("r", "2026-03-02", 2, 2)
            .archived("a", "2026-03-03")
            .copied("c", "2026-03-04", true)
            .as_at("2026-03-05")
            .shows(&["4.99 a: met_late by c, due 2026-03-03"]);
    }
}

#[test]
fn a_daily_duty_may_say_that_it_is_due_on_its_own_day() {
    let rule = "subject = \"nominal\"\nform = \"every\"\nwhile = { custody = \"held\" }\ndone = [{ type = \
                \"dataset.checked\" }]\ndue = { days = 0 }\nholder = \"area\"";
    // Received on Monday 2 March: one day, Tuesday, has passed.
    under(rule)
        .received("c", "2026-03-02", "LEI", "admission")
        .as_at("2026-03-04 00:00")
        .only("4.99")
        .shows(&["4.99 c:2026-03-03: lapsed, due 2026-03-03", "4.99 c:2026-03-04: pending, due 2026-03-04"]);
    let later = rule.replace("days = 0", "days = 1");
    assert!(loaded("4.99", &later).unwrap_err().contains("is due on its own day"));
}

#[test]
fn was_is_asked_of_the_state_just_before_a_condition_turns_true() {
    let rule = "subject = \"nominal\"\nform = \"while\"\nwhile = { category = 2, level = { min = 2 } }\nwas = { \
                level = 1 }\nuntil = { record = \"live\" }\ndue = { days = 5 }\nholder = \"area\"";
    under(rule).registered("a", "2026-03-02", 2, 2).as_at("2026-03-03").shows(&[]);
    under(rule)
        .registered("a", "2026-03-02", 2, 1)
        .level("b", "2026-03-03", 2)
        .as_at("2026-03-04")
        .shows(&["4.99 b: pending, due 2026-03-08"]);
}

#[test]
fn a_duty_may_open_at_a_death_and_is_not_ended_by_it() {
    let rule = "subject = \"nominal\"\nform = \"on\"\non = [{ type = \"nominal.died\" }]\ndone = [{ type = \
                \"record.archived\" }]\ndue = { days = 3 }\nholder = \"area\"";
    under(rule)
        .registered("r", "2026-03-02", 2, 2)
        .record("rec", "2026-03-02 10:00")
        .died("d", "2026-03-03")
        .archived("a", "2026-03-05")
        .died("again", "2026-03-06")
        .as_at("2026-03-07")
        .shows(&["4.99 d: met by a, due 2026-03-06", "4.99 again: pending, due 2026-03-09"]);
}

#[test]
fn an_opening_that_asked_for_a_live_record_ends_with_it_and_another_of_the_rule_does_not() {
    let rule = "subject = \"nominal\"\nform = \"on\"\non = [{ type = \"polygraph.completed\", if = { record = \
                \"live\" } }, { type = \"contact.flagged\" }]\ndone = [{ type = \"risk_information.copied\" }]\ndue = \
                { days = 5 }\nholder = \"area\"";
    under(rule)
        .registered("r", "2026-03-02", 2, 2)
        .record("rec", "2026-03-02 10:00")
        .fact("p", "2026-03-03", "polygraph.completed", json!({"report": "P1"}))
        .fact("f", "2026-03-03", "contact.flagged", json!({"contact": "C1"}))
        .archived("a", "2026-03-04")
        .as_at("2026-03-05")
        .shows(&["4.99 p: withdrawn by a, due 2026-03-08", "4.99 f: pending, due 2026-03-08"]);
}

#[test]
fn a_record_archived_again_ends_nothing() {
    let rule = "subject = \"nominal\"\nform = \"on\"\non = [{ type = \"contact.flagged\" }]\ndone = [{ type = \
                \"record.archived\" }]\ndue = { days = 5 }\nholder = \"area\"";
    let facts = under(rule)
        .registered("r", "2026-03-02", 2, 2)
        .record("rec", "2026-03-02 10:00")
        .archived("a", "2026-03-03")
        .fact("f", "2026-03-04", "contact.flagged", json!({"contact": "C1"}))
        .archived("b", "2026-03-05");
    facts.as_at("2026-03-06").shows(&["4.99 f: pending, due 2026-03-09"]);
    facts
        .unarchived("u", "2026-03-06")
        .archived("c", "2026-03-07")
        .as_at("2026-03-08")
        .shows(&["4.99 f: met by c, due 2026-03-09"]);
}

#[test]
fn the_tokens_of_a_user_are_a_set_of_which_any_may_be_asked() {
    let rule = "subject = \"user\"\nform = \"while\"\nwhile = { tokens = [\"cpc\", \"central-support\"], \
                vetting_level = { max = 2 } }\nends = \"met\"\ndue = { days = 1 }\nholder = \"org\"";
    let token = |token: &str| json!({"token": token});
    under(rule)
        .about("user/U1")
        .fact("t", "2026-03-02", "token.granted", token("partner"))
        .fact("c", "2026-03-03", "token.granted", json!({"token": "cpc", "area": "area/A1"}))
        .fact("d", "2026-03-04", "token.granted", json!({"token": "cpc", "area": "area/A2"}))
        .fact("x", "2026-03-05", "token.revoked", json!({"token": "cpc", "area": "area/A1"}))
        .fact("y", "2026-03-06", "token.revoked", token("cpc"))
        .as_at("2026-03-07")
        .shows(&["4.99 c: met_late by y, due 2026-03-04"]);
}

#[test]
fn data_may_be_asked_for_dates_list_members_and_all_of_a_kind() {
    let rule = |kind: &str, condition: &str| {
        format!(
            "subject = [\"nominal\", \"user\"]\nform = \"on\"\non = [{{ type = \"{kind}\", where = {{ {condition} }} }}]\n\
             done = [{{ type = \"{kind}\" }}]\ndue = {{ days = 5 }}\nholder = \"org\""
        )
    };
    let added = |condition: &str, org: &str, users: &[&str]| {
        let facts = under(&rule("partners.added", condition)).registered("r", "2026-03-02", 2, 2);
        facts.added("a", "2026-03-03", "Q1", org, users).as_at("2026-03-04").0.len()
    };
    for (condition, users, opened) in [
        ("users = \"user/U1\"", &["U1", "U2"][..], 1),
        ("users = [\"user/U3\", \"user/U2\"]", &["U1", "U2"], 1),
        ("users = \"user/U3\"", &["U1"], 0),
        ("org = \"prison/*\"", &[], 1),
        ("org = [\"area/*\", \"prison/LEI\"]", &[], 1),
        ("org = [\"area/*\", \"prison/LE\"]", &[], 0),
        ("org = [\"area/A1\", \"area/A2\"]", &[], 0),
    ] {
        assert_eq!(added(condition, "LEI", users), opened, "{condition}");
    }
    let cleared = |condition: &str| {
        let facts = under(&rule("vetting.cleared", condition)).about("user/U1");
        facts.cleared("v", "2026-03-03", "2027-01-31").as_at("2026-03-04").0.len()
    };
    for (condition, opened) in [
        ("expires_on = \"2027-01-31\"", 1),
        ("expires_on = 2027-01-31", 1),
        ("expires_on = 2027-02-01", 0),
        ("expires_on = \"known\"", 1),
    ] {
        assert_eq!(cleared(condition), opened, "{condition}");
    }
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_would_be_right() {
    let base = "subject = \"nominal\"\nform = \"while\"\nuntil = { record = \"live\" }\ndue = { days = 5 }\nholder = \
                \"area\"\n";
    let two = "subject = \"nominal\"\nform = \"on\"\non = [{ type = \"meeting.held\" }, { type = \"meeting.held\", where = { \
               level = 3 } }]\ndone = [{ type = \"minutes.added\" }]\ndue = { days = 5 }\nholder = \"area\"";
    assert!(loaded("4.99", two).unwrap_err().contains("two duties of one rule at one fact"));
    assert!(loaded("4.99", &two.replace("held\" }", "held\", where = { level = 2 } }")).is_ok());
    for (line, reason) in [
        ("while = { category = 2, programme = \"community\" }", "can be asked in `if` of the version"),
        (
            "while = { category = 2 }\nwas = { programme = \"community\" }",
            "can be asked in `if` of the version",
        ),
        (
            "while = { category = 2 }\ndone = [{ type = \"record.created\", if = { programme = \"community\" } }]",
            "can be asked in `if` of the version",
        ),
        (
            "while = { category = 2 }\ndone = [{ type = \"partners.added\", where = { org = [\"unit/*\", \"LEI\"] } }]",
            "or all of a kind such as \"prison/*\"",
        ),
    ] {
        let error = loaded("4.99", &format!("{base}{line}")).unwrap_err();
        assert!(error.contains("policy 4.99.toml: line ") && error.contains(reason), "{error}");
    }
}
