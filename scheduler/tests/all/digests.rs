use mandate_domain::catalogue::{FactType, Field};
use mandate_scheduler::{Schedule, Schedules};
use serde_json::json;

use crate::fixture::{World, at};

/// The usual mails of the clock, without the watch over Mandate itself.
fn usual() -> Schedules {
    Schedules { watch: false, ..Schedules::usual().unwrap() }
}

fn with(schedules: Schedules) -> World {
    let mut world = World::new();
    world.settings = world.settings.clone().with_schedules(schedules);
    world.restart();
    world
}

/// The digests alone; what else is due has mails of its own.
fn digests() -> World {
    with(Schedules { team: None, quarterly: None, ..usual() })
}

/// `who: subject` of the mails of one kind.
fn of(world: &World, kind: &str) -> Vec<String> {
    let notices: Vec<_> = world
        .events(FactType::NoticeQueued)
        .iter()
        .filter(|event| event.fact.text(Field::Template) == Some(kind))
        .map(|event| event.fact.text(Field::Notice).unwrap().to_owned())
        .collect();
    let mails = world.mails().into_iter().filter(|mail| notices.contains(&mail.notice));
    mails.map(|mail| format!("{}: {}", mail.header("To"), mail.header("Subject"))).collect()
}

fn text_of(world: &World, subject: &str) -> String {
    let mails = world.mails();
    mails.iter().find(|mail| mail.header("Subject") == subject).unwrap().decoded()
}

/// Four nominals registered on Monday 16 November 2026 (due on Saturday 21), two on Friday 20 (due on Wednesday 25).
fn november(world: &mut World) {
    world.set("2026-11-16T09:00:00Z");
    for number in 1..=4 {
        world.nominal(&format!("N-{number}"));
    }
    world.set("2026-11-20T09:00:00Z");
    for number in 5..=6 {
        world.nominal(&format!("N-{number}"));
    }
}

#[test]
fn a_digest_comes_once_on_a_working_morning_and_counts_what_is_overdue_and_due() {
    let mut world = digests();
    november(&mut world);
    world.pass_at("2026-11-24T07:29:59Z");
    assert!(of(&world, "digest").iter().all(|line| !line.contains("24 November")));
    world.pass_at("2026-11-24T07:30:00Z");
    let subject = "Tuesday 24 November: 4 overdue, 2 due this week";
    assert_eq!(
        of(&world, "digest").iter().filter(|line| line.ends_with(subject)).collect::<Vec<_>>(),
        [&format!("cpc@example.gov.uk: {subject}")],
        "who has nothing before them hears nothing on a Tuesday"
    );
    world.pass_at("2026-11-24T12:00:00Z");
    world.restart_with_the_log_alone();
    world.pass_at("2026-11-24T18:00:00Z");
    assert_eq!(of(&world, "digest").iter().filter(|line| line.ends_with(subject)).count(), 1);
    insta::assert_snapshot!("digest", text_of(&world, subject));
}

#[test]
fn on_mondays_it_comes_even_if_there_is_nothing_so_that_silence_is_not_mistaken_for_health() {
    let world = digests();
    world.pass_at("2026-11-23T07:30:00Z");
    let subject = "Monday 23 November: 0 overdue, 0 due this week";
    let told = ["cpc", "gcpc", "lead", "lpc"].map(|who| format!("{who}@example.gov.uk: {subject}"));
    let mut found = of(&world, "digest");
    found.sort_unstable();
    assert_eq!(found, told);
    assert!(text_of(&world, subject).contains("Nothing is overdue and nothing is due this week."));
    world.pass_at("2026-11-24T07:30:00Z");
    assert_eq!(of(&world, "digest").len(), 4, "nothing on the Tuesday");
}

#[test]
fn no_digest_comes_on_a_weekend_and_one_of_a_day_that_has_passed_is_not_made_up_for() {
    let mut world = digests();
    november(&mut world);
    // Down from Friday to Sunday evening.
    world.pass_at("2026-11-22T20:00:00Z");
    assert_eq!(of(&world, "digest"), [""; 0]);
    // Late on the day itself.
    world.pass_at("2026-11-23T19:00:00Z");
    assert_eq!(of(&world, "digest").len(), 4);
}

#[test]
fn each_date_has_one_digest_across_both_clock_changes() {
    let daily = Schedule::parse("0 30 0 * * *").unwrap();
    for (from, hours, wanted) in [("2026-03-27T12:00:00Z", 96, 4), ("2026-10-23T12:00:00Z", 96, 4)] {
        let schedules =
            Schedules { digest: Some(daily.clone()), nothing_due: Some(daily.clone()), ..Schedules::none() };
        let mut world = with(schedules);
        world.tell("post.vacated", "unit/A07-1", &json!({ "post": "lpc", "user": "user/U-lpc" }));
        world.tell("post.vacated", "prison/LEI", &json!({ "post": "visor-lead", "user": "user/U-lead" }));
        world.tell("post.vacated", "prison-group/G1", &json!({ "post": "cpc", "user": "user/U-gcpc" }));
        world.pass_at(from);
        let before = of(&world, "digest").len();
        for quarter in 1..=hours * 4 {
            let now = mandate_domain::time::Instant::parse(from).unwrap().plus_seconds(quarter * 900);
            world.pass_at(&now.to_string());
        }
        assert_eq!(of(&world, "digest").len() - before, wanted, "{from}");
    }
}

#[test]
fn a_person_has_the_digest_at_a_time_of_their_own_or_not_at_all() {
    let mut world = digests();
    november(&mut world);
    world.tell("preferences.set", "user/U-cpc", &json!({ "digest_at": "06:15" }));
    world.pass_at("2026-11-23T06:14:59Z");
    assert_eq!(of(&world, "digest"), [""; 0]);
    world.pass_at("2026-11-23T06:15:00Z");
    assert_eq!(of(&world, "digest"), ["cpc@example.gov.uk: Monday 23 November: 4 overdue, 2 due this week"]);
    world.tell("preferences.set", "user/U-cpc", &json!({ "off": ["digest"] }));
    world.pass_at("2026-11-24T12:00:00Z");
    assert!(of(&world, "digest").iter().all(|line| !line.contains("24 November")));
}

#[test]
fn what_was_stated_in_error_is_in_the_next_digest() {
    let mut world = digests();
    november(&mut world);
    world.pass_at("2026-11-23T07:30:00Z");
    world.set("2026-11-23T10:00:00Z");
    let data = json!({ "owner": "area/A07" });
    let id = world.tell("record.created", "nominal/N-1", &data);
    let annulment = json!({ "event": { "source": "/t", "id": id }, "reason": "another person" });
    world.tell("fact.annulled", "nominal/N-1", &annulment);
    world.pass_at("2026-11-24T07:30:00Z");
    let text = text_of(&world, "Tuesday 24 November: 4 overdue, 2 due this week");
    assert!(text.contains("Facts stated in error since the digest before, about:\n\nN-1\n"), "{text}");
    world.pass_at("2026-11-25T07:30:00Z");
    let text = text_of(&world, "Wednesday 25 November: 4 overdue, 2 due this week");
    assert!(!text.contains("stated in error"), "{text}");
}

#[test]
fn who_manages_a_team_hears_of_its_week_once_also_when_mondays_slot_was_missed() {
    let mut world = with(Schedules { digest: None, quarterly: None, ..usual() });
    let data = json!({ "org": "unit/A07-1", "role": "spo", "service": "probation",
        "personal": { "email": "spo@example.gov.uk" } });
    world.tell("user.registered", "user/U-spo", &data);
    november(&mut world);
    let moved = json!({ "to": "area/A07", "unit": "unit/A07-1" });
    world.tell("case.transferred", "nominal/N-1", &moved);
    world.pass_at("2026-11-24T15:00:00Z");
    let subject = "Your team's ViSOR duties, week of 23 November";
    assert_eq!(of(&world, "team"), [format!("spo@example.gov.uk: {subject}")]);
    let text = text_of(&world, subject);
    assert!(text.contains("Overdue: 1\n") && text.contains("N-1") && !text.contains("N-2"), "{text}");
    world.pass_at("2026-11-27T15:00:00Z");
    assert_eq!(of(&world, "team").len(), 1);
    world.pass_at("2026-11-30T08:00:00Z");
    assert_eq!(of(&world, "team").len(), 2);
    insta::assert_snapshot!("team", text);
}

#[test]
fn a_board_hears_of_its_quarter_in_totals_and_of_no_small_count() {
    let mut world = with(Schedules { digest: None, team: None, ..usual() });
    let data = json!({ "org": "area/A07", "role": "smb-member", "service": "probation",
        "personal": { "email": "smb@example.gov.uk" } });
    world.tell("user.registered", "user/U-smb", &data);
    world.set("2026-10-05T09:00:00Z");
    for number in 1..=12 {
        world.nominal(&format!("N-{number}"));
    }
    world.set("2026-10-06T09:00:00Z");
    for number in 1..=7 {
        let subject = format!("nominal/N-{number}");
        world.tell("record.created", &subject, &json!({ "owner": "area/A07" }));
    }
    world.pass_at("2027-01-01T08:59:59Z");
    assert!(of(&world, "quarterly").iter().all(|line| !line.contains("October")));
    world.pass_at("2027-01-01T09:00:00Z");
    let subject = "Quarterly ViSOR report: October to December 2026, area A07";
    assert!(of(&world, "quarterly").contains(&format!("smb@example.gov.uk: {subject}")));
    let text = text_of(&world, subject);
    assert!(text.contains("Compliance rate: 58.3 %"), "{text}");
    assert!(!text.contains("N-"), "no person: {text}");
    insta::assert_snapshot!("quarterly", text);
}

#[test]
fn of_counts_below_five_a_board_hears_neither_the_count_nor_what_gives_it_away() {
    let mut world = with(Schedules { digest: None, team: None, ..usual() });
    let data = json!({ "org": "area/A07", "role": "smb-member", "service": "probation",
        "personal": { "email": "smb@example.gov.uk" } });
    world.tell("user.registered", "user/U-smb", &data);
    world.set("2026-10-05T09:00:00Z");
    for number in 1..=12 {
        world.nominal(&format!("N-{number}"));
    }
    world.set("2026-10-06T09:00:00Z");
    for number in 1..=8 {
        let subject = format!("nominal/N-{number}");
        world.tell("record.created", &subject, &json!({ "owner": "area/A07" }));
    }
    world.pass_at("2027-01-01T09:00:00Z");
    let text = text_of(&world, "Quarterly ViSOR report: October to December 2026, area A07");
    assert!(text.contains("Done in time: withheld, as a count is below 5"), "{text}");
    assert!(text.contains("more than 20 working days after the deadline: fewer than 5"), "{text}");
    assert!(!text.contains("Compliance rate"), "{text}");
}

#[test]
fn what_has_no_evidence_is_in_digests_and_in_no_other_mail() {
    let mut world = digests();
    world.tell("organisation.enrolled", "area/A08", &json!({}));
    world.person("user/U-other", "area/A08");
    world.tell("post.filled", "area/A08", &json!({ "post": "cpc", "user": "user/U-other" }));
    world.set("2026-11-16T09:00:00Z");
    let data = json!({ "registration": "r", "category": 2, "level": 2, "area": "area/A08" });
    world.tell("mappa.registered", "nominal/N-1", &data);
    assert_eq!(world.pass_at("2026-11-22T00:00:00Z").steps.raised, 1);
    world.pass_at("2026-11-24T07:30:00Z");
    world.pass_at("2026-11-30T07:30:00Z");
    let other: Vec<_> = world
        .subjects()
        .into_iter()
        .filter(|line| line.starts_with("other@") && !line.contains("Due by"))
        .collect();
    assert_eq!(
        other,
        [
            "other@example.gov.uk: Tuesday 24 November: 0 overdue, 0 due this week",
            "other@example.gov.uk: Monday 30 November: 0 overdue, 0 due this week",
        ]
    );
    assert!(
        text_of(&world, "Tuesday 24 November: 0 overdue, 0 due this week").contains("\nparagraph 4.10: 1\n")
    );
}

/// Area A08 of region N54, which nobody has told anything of, and a breach of it on Sunday 22 November.
fn unevidenced(posts: &[(&str, &str)]) -> World {
    let mut world = digests();
    world.tell("organisation.placed", "area/A08", &json!({ "parent": "region/N54" }));
    world.tell("organisation.enrolled", "area/A08", &json!({}));
    world.person("user/U-other", "area/A08");
    for (org, user) in posts {
        world.tell("post.filled", org, &json!({ "post": "cpc", "user": user }));
    }
    world.set("2026-11-16T09:00:00Z");
    let data = json!({ "registration": "r", "category": 2, "level": 2, "area": "area/A08" });
    world.tell("mappa.registered", "nominal/N-1", &data);
    world
}

#[test]
fn what_has_no_evidence_goes_to_the_next_level_where_nobody_has_a_digest_of_it() {
    let summaries = |world: &World| {
        world.pass_at("2026-11-22T00:00:00Z");
        of(world, "summary")
    };
    let to = |who: &str| vec![format!("{who}@example.gov.uk: 1 breach in area A08")];
    // The post is vacant and nobody is above it.
    assert_eq!(summaries(&unevidenced(&[])), to("administrator"));
    assert_eq!(summaries(&unevidenced(&[("area/A08", "user/U-other")])), [""; 0]);
    // The CPC wants no digest, but is not told nothing.
    let mut world = unevidenced(&[("area/A08", "user/U-other")]);
    world.tell("preferences.set", "user/U-other", &json!({ "off": ["digest"] }));
    assert_eq!(summaries(&world), to("other"));
    let mut world = unevidenced(&[("area/A08", "user/U-other")]);
    world.tell("user.left_role", "user/U-other", &json!({}));
    assert_eq!(summaries(&world), to("administrator"));
}

#[test]
fn what_has_no_evidence_and_escalates_goes_to_the_head_where_nobody_has_a_digest_of_it() {
    for (posts, told) in [(&[][..], 1), (&[("area/A08", "user/U-other")], 0)] {
        let world = unevidenced(posts);
        world.pass_at("2026-11-22T00:00:00Z");
        world.pass_at("2026-11-28T00:00:00Z");
        assert_eq!(of(&world, "escalation").len(), told, "{posts:?}");
    }
}

#[test]
fn a_daily_check_that_was_missed_without_evidence_is_in_the_next_digest_and_in_no_later_one() {
    let mut world = World::empty();
    world.settings =
        world.settings.clone().with_schedules(Schedules { team: None, quarterly: None, ..usual() });
    world.restart();
    world.tell("organisation.enrolled", "prison/LEI", &json!({}));
    world.person("user/U-lead", "prison/LEI");
    world.tell("post.filled", "prison/LEI", &json!({ "post": "visor-lead", "user": "user/U-lead" }));
    // From Monday 16 to Wednesday 18 November somebody is to look at the to-do list each day; nobody ever did.
    world.set("2026-11-16T09:00:00Z");
    world.tell("record.created", "nominal/N-9", &json!({ "owner": "police/essex" }));
    let received = json!({ "prison": "prison/LEI", "reason": "admission", "spell": "s1" });
    world.tell("custody.received", "nominal/N-9", &received);
    let request = json!({ "request": "r1", "org": "prison/LEI" });
    world.tell("partnership.requested", "nominal/N-9", &request);
    let missed = |world: &World, day: &str, time: &str| {
        world.pass_at(time);
        let subjects: Vec<_> = of(world, "digest").into_iter().filter(|line| line.contains(day)).collect();
        let text = subjects.first().map(|line| text_of(world, line.split_once(": ").unwrap().1));
        text.unwrap_or_default().lines().find(|line| line.starts_with("paragraph 5.15")).map(str::to_owned)
    };
    assert_eq!(missed(&world, "Tuesday 17", "2026-11-17T07:30:00Z"), None);
    world.pass_at("2026-11-18T00:00:00Z");
    let one = Some("paragraph 5.15: 1".to_owned());
    assert_eq!(missed(&world, "Wednesday 18", "2026-11-18T07:30:00Z"), one);
    world.set("2026-11-18T09:00:00Z");
    let left = json!({ "prison": "prison/LEI", "reason": "release", "spell": "s1" });
    world.tell("custody.left", "nominal/N-9", &left);
    assert_eq!(missed(&world, "Thursday 19", "2026-11-19T07:30:00Z"), None);
}

#[test]
fn what_was_stated_in_error_is_in_the_digest_after_the_last_one_that_was_sent() {
    let annul = |world: &mut World, time: &str| {
        world.set(time);
        let id = world.tell("record.created", "nominal/N-1", &json!({ "owner": "area/A07" }));
        let annulment = json!({ "event": { "source": "/t", "id": id }, "reason": "another person" });
        world.tell("fact.annulled", "nominal/N-1", &annulment);
    };
    let holds = |world: &World, day: &str| {
        text_of(world, &format!("{day} November: 4 overdue, 2 due this week")).contains("stated in error")
    };
    // After their own digest at 06:15, before the usual one at 07:30.
    let mut world = digests();
    november(&mut world);
    world.tell("preferences.set", "user/U-cpc", &json!({ "digest_at": "06:15" }));
    world.pass_at("2026-11-23T06:15:00Z");
    annul(&mut world, "2026-11-23T07:00:00Z");
    world.pass_at("2026-11-24T06:15:00Z");
    world.pass_at("2026-11-25T06:15:00Z");
    assert_eq!(["Tuesday 24", "Wednesday 25"].map(|day| holds(&world, day)), [true, false]);
    // On a day whose digest never came, since nothing ran.
    let mut world = digests();
    november(&mut world);
    world.pass_at("2026-11-23T07:30:00Z");
    annul(&mut world, "2026-11-23T10:00:00Z");
    world.pass_at("2026-11-25T07:30:00Z");
    assert!(holds(&world, "Wednesday 25"));
}

#[test]
fn a_digest_that_comes_hours_late_says_so_and_of_several_that_waited_the_latest_goes() {
    let mut world = digests();
    november(&mut world);
    world.pass_at("2026-11-24T10:30:00Z");
    let text = |day: &str| format!("{day} November: 4 overdue, 2 due this week");
    assert!(!text_of(&world, &text("Tuesday 24")).contains("is late"), "three hours are none");
    // The mail server is away from Wednesday to Friday noon.
    world.block();
    world.pass_at("2026-11-25T07:30:00Z");
    world.pass_at("2026-11-26T07:30:00Z");
    world.unblock();
    world.pass_at("2026-11-26T10:30:01Z");
    let cpc: Vec<_> = of(&world, "digest").into_iter().filter(|line| line.starts_with("cpc@")).collect();
    let thursday = "Thursday 26 November: 6 overdue, 0 due this week";
    assert_eq!(cpc[1..], [format!("cpc@example.gov.uk: {thursday}")], "Wednesday's would say the same");
    let said = "This digest was to come at 07:30 on Thursday 26 November 2026 and is late";
    let text = text_of(&world, thursday);
    assert_eq!(text.matches(said).count(), 2, "in both parts: {text}");
    assert!(
        world.texts(FactType::NoticeRejected, Field::Reply).contains(&"moot: a later one says it".to_owned())
    );
}

#[test]
fn a_digest_that_could_not_be_stored_comes_once_it_can_be() {
    let mut world = digests();
    november(&mut world);
    world.pass_at("2026-11-24T07:29:59Z");
    let before = of(&world, "digest").len();
    world.tamper("CREATE TRIGGER no_more BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no room'); END");
    world.set("2026-11-24T07:30:00Z");
    assert!(world.scheduler().record_steps(at("2026-11-24T07:30:00Z")).is_err());
    world.tamper("DROP TRIGGER no_more");
    world.pass_at("2026-11-24T07:31:00Z");
    assert_eq!(of(&world, "digest").len(), before + 1);
}
