//! Users: the order of the policy, accounts, tokens, leavers, exemptions.

use serde_json::json;

use super::{World, at};
use crate::catalogue::Field;

const NEW: &str = "user/new";

fn registered() -> World {
    let mut world = World::new();
    let person = json!({"org": "unit/U1", "role": "case-administrator", "service": "probation",
                        "personal": {"name": "invented"}});
    world.does("cpc", "register-user", NEW, person, &["user.registered"]);
    world
}

#[test]
fn a_year_of_an_accounts_life_goes_in_the_order_of_the_policy() {
    let mut world = registered();
    let none = || json!({});
    let course = || json!({"course": "visor", "provider": "hmpps"});
    let vetting = || json!({"level": 2, "expires_on": "2027-02-28"});
    let syops = || json!({"document": "syops", "version": "2.0"});
    let refused = |world: &mut World, name: &str, body, paragraph: &str, words: &str| {
        world.refuses("cpc", name, NEW, body, paragraph, words);
    };
    // Vetting and the signed SyOps come before training, training before the account.
    refused(&mut world, "start-training", course(), "4.3", "vetting level 2");
    refused(&mut world, "request-account", none(), "4.16", "vetting level 2");
    world.does("cpc", "clear-vetting", NEW, vetting(), &["vetting.cleared"]);
    refused(&mut world, "start-training", course(), "6.3", "SyOps are not signed");
    refused(&mut world, "complete-training", course(), "6.3", "SyOps are not signed");
    world.does("new", "sign-document", NEW, syops(), &["document.signed"]);
    refused(&mut world, "sign-document", syops(), "6.3", "already");
    refused(&mut world, "complete-elearning", none(), "4.7", "not completed");
    world.does("cpc", "start-training", NEW, course(), &["training.started"]);
    refused(&mut world, "request-account", none(), "6.2", "training was not completed");
    world.does("cpc", "complete-training", NEW, course(), &["training.completed"]);
    world.does("new", "complete-elearning", NEW, none(), &["qa_elearning.completed"]);
    refused(&mut world, "authorise-account", none(), "4.16", "no account is asked for");
    refused(&mut world, "enable-account", none(), "4.16", "not authorised");
    world.does("cpc", "request-account", NEW, none(), &["account.requested"]);
    refused(&mut world, "request-account", none(), "4.16", "asked for");
    refused(&mut world, "enable-account", none(), "4.16", "not authorised");
    // Who asks does not authorise.
    refused(&mut world, "authorise-account", none(), "4.16", "does not authorise it");
    world.does("central", "authorise-account", NEW, none(), &["account.authorised"]);
    refused(&mut world, "disable-account", none(), "4.16", "not enabled");
    world.does("cpc", "enable-account", NEW, none(), &["account.enabled"]);
    refused(&mut world, "enable-account", none(), "6.1", "enabled already");
    world.does("cpc", "grant-token", NEW, json!({"token": "partner"}), &["token.granted"]);
    refused(&mut world, "grant-token", json!({"token": "partner"}), "4.16", "hold it already");
    refused(&mut world, "archive-account", none(), "4.38", "disable it first");

    // A year later vetting has run out: the account is disabled, and enabled again after the clearance only.
    world.now = at("2027-03-01T09:00:00Z");
    world.does("cpc", "disable-account", NEW, none(), &["account.disabled"]);
    refused(&mut world, "enable-account", none(), "6.1", "they hold 0");
    refused(&mut world, "clear-vetting", vetting(), "4.3", "in the past");
    world.does(
        "cpc",
        "clear-vetting",
        NEW,
        json!({"level": 2, "expires_on": "2029-02-28"}),
        &["vetting.cleared"],
    );
    world.does("cpc", "enable-account", NEW, none(), &["account.enabled"]);

    world.does("cpc", "move-user", NEW, json!({"org": "unit/U2"}), &["user.moved"]);
    // Now they are another area's.
    refused(&mut world, "record-leaver", none(), "4.39", "a colleague or line manager");
    world.does("outsider", "record-leaver", NEW, none(), &["user.left_role"]);
    world.refuses("cpc2", "grant-token", NEW, json!({"token": "create"}), "4.38", "left");
    world.does("outsider", "inform-cpc-of-leaver", NEW, none(), &["cpc.informed_of_leaver"]);
    world.refuses("outsider", "inform-cpc-of-leaver", NEW, none(), "4.38", "already");
    let again = json!({"org": "unit/U2", "role": "practitioner", "service": "probation"});
    world.refuses("cpc2", "register-user", NEW, again.clone(), "4.38", "still enabled");
    world.does("cpc2", "disable-account", NEW, none(), &["account.disabled"]);
    world.does("cpc2", "archive-account", NEW, none(), &["account.archived"]);
    world.does("cpc2", "revoke-token", NEW, json!({"token": "partner"}), &["token.revoked"]);
    world.refuses("cpc2", "revoke-token", NEW, json!({"token": "partner"}), "4.16", "do not hold");
    world.does("cpc2", "register-user", NEW, again.clone(), &["user.registered"]);
    world.refuses("cpc2", "register-user", NEW, again, "4.2", "already");
}

#[test]
fn a_token_takes_the_vetting_level_that_the_policy_asks_for() {
    let mut world = World::new();
    for token in ["cpc", "central-support", "admin"] {
        let words = "vetting level 3";
        world.refuses("cpc", "grant-token", "user/manager", json!({"token": token}), "6.1", words);
    }
    world.does("cpc", "grant-token", "user/manager", json!({"token": "supervisor"}), &["token.granted"]);
    world.does(
        "cpc",
        "clear-vetting",
        "user/manager",
        json!({"level": 3, "expires_on": "2028-01-01"}),
        &["vetting.cleared"],
    );
    world.does("cpc", "grant-token", "user/manager", json!({"token": "central-support"}), &["token.granted"]);
    world.refuses("cpc", "grant-token", "user/cpc", json!({"token": "manager"}), "4.16", "to themselves");
}

#[test]
fn there_is_one_cpc_token_in_an_area() {
    let mut world = World::new();
    let token = || json!({"token": "cpc"});
    world.refuses("cpc", "grant-token", "user/central", token(), "7", "`user/cpc` holds it");
    world.does("central", "revoke-token", "user/cpc", token(), &["token.revoked"]);
    world.does("cpc", "grant-token", "user/central", token(), &["token.granted"]);
}

#[test]
fn an_administrator_is_no_live_user_and_a_visor_lead_updates_no_records() {
    let mut world = World::new();
    world.refuses("cpc", "grant-token", "user/central", json!({"token": "admin"}), "7", "not a live user");
    let manager = json!({"token": "manager"});
    world.refuses("prison-cpc", "grant-token", "user/lead", manager, "5.9", "not tasked with updating");
    world.tell("user/central", "account.disabled", json!({}));
    world.does("cpc", "grant-token", "user/central", json!({"token": "admin"}), &["token.granted"]);
    world.refuses("cpc", "enable-account", "user/central", json!({}), "7", "not a live user");
}

#[test]
fn exemptions_are_granted_by_the_role_that_may_and_reviewed() {
    let mut world = World::new();
    let (subject, name) = ("user/manager", "grant-exemption");
    let wifi = |role: &str, until: &str| json!({"kind": "wifi", "by_role": role, "until": until});
    world.refuses("cpc", name, subject, wifi("cpc", "2026-06-01"), "6.6", "chief responsible officer");
    let past = wifi("chief-responsible-officer", "2026-03-01");
    world.refuses("cpc", name, subject, past, "6.6", "in the past");
    let granted = wifi("chief-responsible-officer", "2026-03-02");
    world.does("cpc", name, subject, granted, &["exemption.granted"]);
    let vetting = json!({"kind": "vetting", "by_role": "cpc", "until": "2026-06-01"});
    world.refuses("cpc", name, subject, vetting, "4.16", "chief responsible officer");
    let untried = json!({"kind": "assistive-technology", "by_role": "line-manager", "until": "2026-06-01"});
    world.refuses("cpc", name, subject, untried, "6.7", "what was tried");
    let tried = json!({"kind": "assistive-technology", "by_role": "line-manager", "until": "2026-06-01",
                       "tried": ["screen reader"]});
    world.does("cpc", name, subject, tried, &["exemption.granted"]);
    let review = |kind: &str, decision: &str| json!({"kind": kind, "decision": decision});
    world.refuses("cpc", "review-exemption", subject, review("vetting", "end"), "6.7", "no such exemption");
    world.does("cpc", "review-exemption", subject, review("wifi", "end"), &["exemption.reviewed"]);
    world.refuses("cpc", "review-exemption", subject, review("wifi", "end"), "6.7", "no such exemption");
}

#[test]
fn nobody_vets_trains_or_exempts_themselves() {
    let mut world = World::new();
    let me = "user/cpc";
    let until = json!({"level": 3, "expires_on": "2029-01-01"});
    world.refuses("cpc", "clear-vetting", me, until, "4.16", "their own vetting");
    let course = json!({"course": "cpc", "provider": "hmpps"});
    world.refuses("cpc", "complete-training", me, course, "4.16", "their own training");
    let exempt = json!({"kind": "wifi", "by_role": "chief-responsible-officer", "until": "2026-06-01"});
    world.refuses("cpc", "grant-exemption", me, exempt, "4.16", "exempts themselves");
    world.does(
        "manager",
        "update-contact-card",
        "user/manager",
        json!({"personal": {"phone": "01632"}}),
        &["contact_card.updated"],
    );
    let card = json!({"personal": {"phone": "01632"}});
    world.refuses("manager", "update-contact-card", "user/cpc", card, "4.16", "the person themselves");
}

#[test]
fn a_person_chooses_when_and_which_mails_come_but_not_to_hear_of_no_breach() {
    let mut world = World::new();
    let wanted =
        json!({"digest_at": "06:45", "quiet_from": "19:00", "quiet_until": "07:00", "off": ["warning"]});
    world.does("manager", "set-preferences", "user/manager", wanted.clone(), &["preferences.set"]);
    world.refuses("manager", "set-preferences", "user/cpc", wanted, "4.16", "the person themselves");
    for (field, value) in [
        ("digest_at", json!("01:30")),
        ("digest_at", json!("7:30")),
        ("digest_at", json!("24:00")),
        ("quiet_from", json!("19:00")),
        ("off", json!(["breach"])),
        ("off", json!(["escalation"])),
    ] {
        world.refuses("manager", "set-preferences", "user/manager", json!({ field: value }), "4.16", field);
    }
    // Quiet for fourteen hours at most: from 17:00 that is until 07:00.
    for (until, allowed) in [("07:00", true), ("07:01", false), ("17:00", false)] {
        let quiet = json!({"quiet_from": "17:00", "quiet_until": until});
        if allowed {
            world.does("manager", "set-preferences", "user/manager", quiet, &["preferences.set"]);
        } else {
            world.refuses("manager", "set-preferences", "user/manager", quiet, "4.16", "quiet_until");
        }
    }
}

#[test]
fn vetting_is_withdrawn_at_once_also_on_the_same_day() {
    let mut world = World::new();
    world.record("nominal/N1");
    world.does("cpc", "withdraw-vetting", "user/manager", json!({}), &["vetting.withdrawn"]);
    let act = json!({"act": "minutes.added", "meeting": "m"});
    world.refuses("manager", "record-act", "nominal/N1", act, "6.1", "not in date");
    world.refuses("cpc", "withdraw-vetting", "user/manager", json!({}), "6.1", "no vetting");
    world.hides("cpc", "withdraw-vetting", "user/unknown", json!({}));
}

#[test]
fn nobody_moves_themselves_and_roles_that_see_more_are_given_by_administrators() {
    let mut world = registered();
    let own = json!({"org": "unit/U1", "role": "practitioner"});
    world.refuses("cpc", "move-user", "user/cpc", own, "4.16", "nobody moves themselves");
    for body in [
        json!({"org": "unit/U1", "role": "auditor"}),
        json!({"org": "unit/U1", "role": "smb-member"}),
        json!({"org": "region/R1"}),
    ] {
        world.refuses("cpc", "move-user", NEW, body, "7", "administrator");
    }
    let auditor = json!({"org": "unit/U1", "role": "auditor", "service": "probation"});
    world.refuses("cpc", "register-user", "user/other", auditor, "7", "administrator");
    world.does("cpc", "move-user", NEW, json!({"org": "unit/U1", "role": "practitioner"}), &["user.moved"]);
}

#[test]
fn a_leaver_who_comes_back_holds_no_token_and_no_post_of_before() {
    let mut world = World::new();
    world.tell("unit/U1", "post.filled", json!({"post": "lpc", "user": "user/manager"}));
    world.does("cpc", "record-leaver", "user/manager", json!({}), &["user.left_role"]);
    world.does("cpc", "disable-account", "user/manager", json!({}), &["account.disabled"]);
    let again = || json!({"org": "unit/U1", "role": "mappa-administrator", "service": "probation"});
    world.refuses(
        "cpc",
        "register-user",
        "user/manager",
        again(),
        "4.38",
        "still in post as lpc of `unit/U1`",
    );
    let post = json!({"post": "lpc", "user": "user/manager"});
    world.does("cpc", "vacate-post", "unit/U1", post, &["post.vacated"]);
    world.does("cpc", "register-user", "user/manager", again(), &["user.registered"]);
    world.does("cpc", "enable-account", "user/manager", json!({}), &["account.enabled"]);
    world.record("nominal/N1");
    let act = json!({"act": "minutes.added", "meeting": "m"});
    world.refuses("manager", "record-act", "nominal/N1", act, "5.13", "a manager of the record");
    let revoke = json!({"token": "manager"});
    world.refuses("cpc", "revoke-token", "user/manager", revoke, "4.16", "do not hold");
}

#[test]
fn what_is_taken_away_for_an_earlier_time_is_taken_away_now_or_refused() {
    let mut world = World::new();
    world.now = at("2026-03-04T09:00:00Z");
    world.tell("user/manager", "vetting.cleared", json!({"level": 2, "expires_on": "2028-01-01"}));
    world.tell("user/manager", "token.granted", json!({"token": "supervisor"}));
    let (before, after) = ("2026-03-04T08:59:59Z", "2026-03-04T09:00:00Z");
    let (vetting, token) =
        (|time: &str| json!({ "time": time }), |time: &str| json!({"time": time, "token": "supervisor"}));
    let (who, words) = ("user/manager", "something later says otherwise");
    world.refuses("cpc", "withdraw-vetting", who, vetting(before), "6.1", words);
    world.refuses("cpc", "revoke-token", who, token(before), "4.16", words);
    world.does("cpc", "revoke-token", who, token(after), &["token.revoked"]);
    world.does("cpc", "withdraw-vetting", who, vetting(after), &["vetting.withdrawn"]);
    assert_eq!(world.directory.standing(who, world.now).vetting, 0);
    // What adds to what is known of the past is taken, whatever came later.
    let earlier = json!({"level": 2, "expires_on": "2028-01-01", "time": "2026-03-03T09:00:00Z"});
    world.does("cpc", "clear-vetting", who, earlier, &["vetting.cleared"]);
    assert_eq!(world.directory.standing(who, world.now).vetting, 0);
}

#[test]
fn a_token_of_an_area_counts_in_that_area_only() {
    let mut world = World::new();
    world.record("nominal/N1");
    let grant = |token: &str, area: &str| json!({"token": token, "area": area});
    world.refuses(
        "cpc",
        "grant-token",
        "user/supervisor",
        grant("manager", "area/A2"),
        "4.16",
        "do not belong to that area",
    );
    let act = || json!({"act": "minutes.added", "meeting": "m"});
    world.tell("user/supervisor", "token.granted", grant("manager", "area/A2"));
    world.refuses("supervisor", "record-act", "nominal/N1", act(), "5.13", "a manager of the record");
    world.does("cpc", "grant-token", "user/supervisor", grant("manager", "area/A1"), &["token.granted"]);
    world.does("supervisor", "record-act", "nominal/N1", act(), &["minutes.added"]);
    // A partner's token is of where the partner works, whoever owns the record.
    world.tell("nominal/N1", "partners.added", json!({"org": "area/A2"}));
    world.live("far", "unit/U2", "practitioner", 2, &[]);
    world.tell("user/far", "token.granted", grant("partner", "area/A1"));
    world.refuses("far", "record-act", "nominal/N1", act(), "5.13", "a partner of the record");
    world.tell("user/far", "token.granted", grant("partner", "area/A2"));
    world.does("far", "record-act", "nominal/N1", act(), &["minutes.added"]);
    // A central support token of the other area governs nothing here.
    world.live("second", "unit/U1", "lpc", 3, &[]);
    world.tell("user/second", "token.granted", grant("central-support", "area/A2"));
    let limit = || json!({"users": ["user/second", "user/cpc"]});
    world.refuses("second", "limit-access", "nominal/N1", limit(), "4.16", "central support");
    world.tell("user/second", "token.granted", grant("central-support", "area/A1"));
    world.does("second", "limit-access", "nominal/N1", limit(), &["record.access_limited"]);
}

#[test]
fn exemptions_are_listed_with_those_to_be_looked_at_first_in_front() {
    let mut world = World::new();
    let grant = |kind: &str, until: &str, review: Option<&str>| {
        let mut body = json!({"kind": kind, "by_role": "chief-responsible-officer", "until": until,
                              "tried": ["screen reader"]});
        if let Some(review) = review {
            body["review"] = json!(review);
        }
        body
    };
    let at_tech = "assistive-technology";
    let late = grant(at_tech, "2026-06-01", Some("2026-06-02"));
    world.refuses("cpc", "grant-exemption", "user/manager", late, "6.6", "after the last day");
    for (user, body) in [
        ("user/manager", grant(at_tech, "2026-12-31", Some("2026-05-01"))),
        ("user/supervisor", grant("wifi", "2026-04-01", None)),
        ("user/central", grant("vetting", "2026-04-02", None)),
    ] {
        world.does("cpc", "grant-exemption", user, body, &["exemption.granted"]);
    }
    let listed = |world: &World| -> Vec<(String, bool)> {
        let today = world.now.london_date();
        let all = world.directory.exemptions(world.now);
        all.iter().map(|exempt| (exempt.user.to_string(), exempt.is_due(today))).collect()
    };
    // 30 days after 2 March is 1 April.
    let (supervisor, central, manager) = ("user/supervisor", "user/central", "user/manager");
    let expected = [(supervisor, true), (central, false), (manager, false)];
    assert_eq!(listed(&world), expected.map(|(user, due)| (user.to_owned(), due)));
    world.now = at("2026-05-02T09:00:00Z");
    assert!(listed(&world).iter().all(|(_, due)| *due), "expired, or its review is past");
    let review = |decision: &str| json!({"kind": at_tech, "decision": decision, "review": "2026-11-01"});
    world.does("cpc", "review-exemption", manager, review("continue"), &["exemption.reviewed"]);
    let kept = world.directory.exemptions(world.now).pop().unwrap();
    assert_eq!((&*kept.user, &*kept.org, kept.is_due(world.now.london_date())), (manager, "unit/U1", false));
    assert_eq!(kept.exemption.reviewed_on, Some(world.now.london_date()));
    assert_eq!(*kept.exemption.tried, ["screen reader".into()]);
    let end = json!({"kind": "wifi", "decision": "end"});
    world.does("cpc", "review-exemption", supervisor, end, &["exemption.reviewed"]);
    world.does("cpc", "record-leaver", central, json!({}), &["user.left_role"]);
    assert_eq!(listed(&world), [(manager.to_owned(), false)]);
}

#[test]
fn whom_assistive_technology_exempts_is_told_apart_in_attestations_of_access_duties_only() {
    let mut world = World::new();
    let exempt = json!({"kind": "assistive-technology", "by_role": "line-manager", "until": "2026-02-28",
                        "tried": ["screen reader"]});
    world.tell_at("user/manager", "exemption.granted", "2026-02-01T09:00:00Z", exempt);
    let attest = |paragraph: &str, users: &[&str], to: &str| {
        json!({"paragraph": paragraph, "period_from": "2026-01-01", "period_to": to, "outcome": "not_met",
               "users": users})
    };
    let (name, area, kind) = ("attest-requirement", "area/A1", &["requirement.attested"][..]);
    let said = |world: &World, field| {
        let last = world.streams["area/A1"].facts().next_back().unwrap().clone();
        last.texts(field).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let both = &["user/manager", "user/supervisor"];
    for paragraph in ["4.29", "4.31", "4.37", "5.15", "5.20", "5.24"] {
        world.does("cpc", name, area, attest(paragraph, both, "2026-02-28"), kind);
        assert_eq!(said(&world, Field::Users), ["user/supervisor"], "{paragraph}");
        assert_eq!(said(&world, Field::Exempt), ["user/manager"], "{paragraph}");
    }
    // Never the case, and not after its last day.
    for (paragraph, to) in [("4.23", "2026-02-28"), ("5.22", "2026-02-28"), ("4.29", "2026-03-01")] {
        world.does("cpc", name, area, attest(paragraph, both, to), kind);
        assert_eq!(said(&world, Field::Users), *both, "{paragraph}");
        assert_eq!(said(&world, Field::Exempt), [""; 0], "{paragraph}");
    }
    let alone = attest("4.29", &["user/manager"], "2026-02-28");
    world.refuses("cpc", name, area, alone, "6.7", "everybody named is exempt");
}
