use mandate_domain::catalogue::{FactType, Field};
use serde_json::json;

use crate::fixture::{World, at};

/// Area A07 under region N54, which has a head of public protection.
fn with_head() -> World {
    let mut world = World::new();
    let data = json!({ "org": "region/N54", "role": "head-of-public-protection", "service": "probation",
        "personal": { "email": "head@example.gov.uk" } });
    world.tell("user.registered", "user/U-head", &data);
    world
}

/// Nominals registered on Monday 2 March 2026: due on Saturday 7 March, five working days after that is Friday 13,
/// twenty are Tuesday 7 April (Good Friday and Easter Monday between).
fn late(world: &mut World, count: usize) {
    world.set("2026-03-02T09:00:00Z");
    for number in 1..=count {
        world.nominal(&format!("N-{number}"));
    }
}

fn escalations(world: &World) -> Vec<String> {
    world.subjects().into_iter().filter(|line| line.contains("Unresolved")).collect()
}

fn steps(world: &World) -> Vec<String> {
    world.texts(FactType::BreachEscalated, Field::Step)
}

#[test]
fn after_five_working_days_the_head_is_told_once_and_after_twenty_it_is_counted_for_the_board() {
    let mut world = with_head();
    late(&mut world, 3);
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(world.pass_at("2026-03-13T06:59:59Z").steps.escalated, 0);
    assert_eq!(world.pass_at("2026-03-13T07:00:00Z").steps.escalated, 3);
    let told = ["head@example.gov.uk: Unresolved 5 working days after the deadline: 3 in area A07"];
    assert_eq!(escalations(&world), told);
    let mails = world.mails();
    insta::assert_snapshot!("escalation", mails.last().unwrap().decoded());
    assert_eq!(world.pass_at("2026-03-13T07:00:01Z").steps.escalated, 0);
    world.restart_with_the_log_alone();
    assert_eq!(world.pass_at("2026-04-07T05:59:59Z").steps.escalated, 0);
    assert_eq!(world.pass_at("2026-04-07T06:00:00Z").steps.escalated, 3);
    assert_eq!(world.pass_at("2026-06-01T06:00:00Z").steps.escalated, 0);
    assert_eq!(escalations(&world), told, "the board has a count and no mail");
    let roles = world.texts(FactType::BreachEscalated, Field::ToRole);
    assert_eq!(roles, ["head", "head", "head", "board", "board", "board"]);
}

#[test]
fn a_breach_that_ended_before_the_step_does_not_escalate() {
    let mut world = with_head();
    late(&mut world, 2);
    world.pass_at("2026-03-08T00:00:00Z");
    world.set("2026-03-12T09:00:00Z");
    world.tell("record.created", "nominal/N-1", &json!({ "owner": "area/A07" }));
    assert_eq!(world.pass_at("2026-03-13T07:00:00Z").steps.escalated, 1);
    assert_eq!(
        escalations(&world),
        ["head@example.gov.uk: Unresolved 5 working days after the deadline: 1 in area A07"]
    );
}

#[test]
fn a_step_whose_breach_ended_before_the_mail_went_is_not_told() {
    let mut world = with_head();
    late(&mut world, 1);
    world.pass_at("2026-03-08T00:00:00Z");
    let (folder, away) = (world.mail_folder().to_owned(), world.folder.join("away"));
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&folder, "").unwrap();
    world.pass_at("2026-03-13T07:00:00Z");
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    world.set("2026-03-13T07:05:00Z");
    world.tell("record.created", "nominal/N-1", &json!({ "owner": "area/A07" }));
    world.pass_at("2026-03-13T07:06:00Z");
    assert_eq!(escalations(&world), [""; 0]);
    assert_eq!(
        world.texts(FactType::NoticeRejected, Field::Reply),
        ["moot: ended or rescinded before sending"]
    );
}

#[test]
fn after_long_downtime_each_step_is_taken_once_in_the_order_in_which_it_came() {
    for time in ["2026-04-20T09:00:00Z", "2027-04-08T09:00:00Z"] {
        let mut world = with_head();
        late(&mut world, 2);
        world.set("2026-03-03T09:00:00Z");
        world.nominal("N-LATER");
        world.pass_at("2026-03-03T09:00:00Z");
        world.restart();
        let report = world.pass_at(time);
        assert_eq!((report.steps.raised, report.steps.escalated), (3, 6), "{time}");
        assert_eq!(
            steps(&world),
            [vec!["escalate-5wd-head"; 3], vec!["escalate-20wd-board"; 3]].concat(),
            "{time}"
        );
        for event in world.events(FactType::BreachEscalated) {
            assert_eq!(event.fact.time, at(time), "the moment of detection is honest");
        }
        assert_eq!(world.pass_at(time).steps.escalated, 0);
        assert_eq!(
            escalations(&world),
            ["head@example.gov.uk: Unresolved 5 working days after the deadline: 3 in area A07"]
        );
    }
}

#[test]
fn a_breach_raised_again_after_a_rescission_escalates_again() {
    let mut world = with_head();
    late(&mut world, 1);
    world.pass_at("2026-03-08T00:00:00Z");
    world.pass_at("2026-03-13T07:00:00Z");
    world.set("2026-03-14T09:00:00Z");
    let id = world.tell_at(
        at("2026-03-06T12:00:00Z"),
        "record.created",
        "nominal/N-1",
        &json!({ "owner": "area/A07" }),
    );
    assert_eq!(world.pass_at("2026-03-14T09:00:00Z").steps.rescinded, 1);
    world.set("2026-03-15T09:00:00Z");
    let annulment = json!({ "event": { "source": "/t", "id": id }, "reason": "another person's record" });
    world.tell("fact.annulled", "nominal/N-1", &annulment);
    let report = world.pass_at("2026-03-15T09:00:00Z");
    assert_eq!((report.steps.raised, report.steps.escalated), (1, 1));
    assert_eq!(escalations(&world).len(), 2);
}

#[test]
fn where_nobody_is_head_the_level_above_is_told_and_hears_that_the_role_is_empty() {
    let mut world = World::new();
    late(&mut world, 1);
    world.pass_at("2026-03-08T00:00:00Z");
    world.pass_at("2026-03-13T07:00:00Z");
    assert_eq!(
        escalations(&world),
        ["administrator@example.gov.uk: Unresolved 5 working days after the deadline: 1 in area A07"]
    );
    let mail = world.mails().into_iter().find(|mail| mail.header("Subject").contains("Unresolved")).unwrap();
    let text = mail.decoded();
    assert!(
        text.contains("\nNobody is known as head of public protection of area A07: that is why"),
        "{text}"
    );
}

#[test]
fn a_pass_that_finds_nothing_asks_only_for_what_is_left() {
    let mut world = with_head();
    late(&mut world, 30);
    world.pass_at("2026-04-08T00:00:00Z");
    let report = world.pass_at("2026-04-08T00:00:01Z").steps;
    assert_eq!((report.raised, report.escalated, report.warned, report.known), (0, 0, 0, 0));
    assert_eq!(world.events(FactType::DutyBreached).len(), 30);
}

#[test]
fn what_fell_due_before_its_holder_took_part_escalates_in_one_mail_and_what_was_news_in_its_own() {
    let mut world = with_head();
    for area in ["area/A08", "area/A09"] {
        world.tell("organisation.placed", area, &json!({ "parent": "region/N54" }));
        // Evidence that records are made there.
        let old = format!("N-OLD-{}", &area[6..]);
        let data = json!({ "registration": old, "category": 2, "level": 2, "area": area });
        world.tell("mappa.registered", &format!("nominal/{old}"), &data);
        world.tell("record.created", &format!("nominal/{old}"), &json!({ "owner": area }));
    }
    late(&mut world, 1);
    for (number, area) in ["area/A08", "area/A09"].iter().enumerate() {
        let data = json!({ "registration": "r", "category": 2, "level": 2, "area": area });
        world.tell("mappa.registered", &format!("nominal/N-{}", number + 8), &data);
    }
    world.pass_at("2026-03-08T00:00:00Z");
    // Both areas take part from the 10th on; their breaches were due on the 8th.
    world.set("2026-03-10T09:00:00Z");
    for area in ["area/A08", "area/A09"] {
        world.tell("organisation.enrolled", area, &json!({}));
    }
    assert_eq!(world.pass_at("2026-03-13T07:00:00Z").steps.escalated, 3);
    let mut told = escalations(&world);
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "head@example.gov.uk: Unresolved 5 working days after the deadline: 1 in area A07",
            "head@example.gov.uk: Unresolved 5 working days after the deadline: 2 in 2 organisations",
        ]
    );
}
