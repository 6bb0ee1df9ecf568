use mandate_scheduler::Fallback;
use serde_json::json;

use crate::fixture::World;

/// A prisoner who is a nominal is received into LEI: the prison asks for partnership within 7 days (5.13).
fn prisoner() -> World {
    let mut world = World::new();
    world.tell("record.created", "nominal/N-EARLIER", &json!({ "owner": "police/essex" }));
    let received = json!({ "prison": "prison/LEI", "reason": "admission", "spell": "s0" });
    world.tell("custody.received", "nominal/N-EARLIER", &received);
    world.tell(
        "partnership.requested",
        "nominal/N-EARLIER",
        &json!({ "request": "r0", "org": "prison/LEI" }),
    );
    // Gone again on the same day, so that no daily check is missed.
    let left = json!({ "prison": "prison/LEI", "reason": "release", "spell": "s0" });
    world.tell("custody.left", "nominal/N-EARLIER", &left);
    world.set("2026-03-02T09:00:00Z");
    world.tell("record.created", "nominal/N-9", &json!({ "owner": "police/essex" }));
    let received = json!({ "prison": "prison/LEI", "reason": "admission", "spell": "s1" });
    world.tell("custody.received", "nominal/N-9", &received);
    world
}

fn breach_lines(world: &World) -> Vec<String> {
    world.subjects().into_iter().filter(|line| line.contains("paragraph 5.13")).collect()
}

#[test]
fn a_breach_of_a_prison_goes_to_its_visor_lead_and_to_the_cpc_of_its_group() {
    let world = prisoner();
    world.pass_at("2026-03-10T00:00:00Z");
    assert_eq!(
        breach_lines(&world),
        [
            "gcpc@example.gov.uk: Breach: N-9, paragraph 5.13",
            "lead@example.gov.uk: Breach: N-9, paragraph 5.13",
        ]
    );
}

#[test]
fn where_the_post_is_vacant_the_deputy_is_told_and_else_the_administrator() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.tell("post.vacated", "area/A07", &json!({ "post": "cpc", "user": "user/U-cpc" }));
    world.pass_at("2026-03-08T00:00:00Z");
    assert!(
        world.subjects().contains(&"administrator@example.gov.uk: Breach: N-1, paragraph 4.10".to_owned())
    );
    world.nominal("N-2");
    world.tell("post.filled", "area/A07", &json!({ "post": "deputy-cpc", "user": "user/U-lpc" }));
    world.pass_at("2026-03-14T00:00:00Z");
    assert!(world.subjects().contains(&"lpc@example.gov.uk: Breach: N-2, paragraph 4.10".to_owned()));
}

#[test]
fn who_left_is_told_nothing_though_nobody_vacated_the_post() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.tell("user.left_role", "user/U-cpc", &json!({}));
    world.pass_at("2026-03-08T00:00:00Z");
    let breach = "administrator@example.gov.uk: Breach: N-1, paragraph 4.10".to_owned();
    let breaches: Vec<_> = world.subjects().into_iter().filter(|line| line.contains("Breach")).collect();
    assert_eq!(breaches, [breach]);
    let mails = world.mails();
    let text = mails.iter().find(|mail| mail.header("Subject").contains("Breach")).unwrap().decoded();
    assert!(text.contains("Nobody holds the post of CPC of area A07: that is why"), "{text}");
}

#[test]
fn a_leaving_that_was_stated_in_error_is_undone_and_so_is_an_appointment() {
    let breach_to = |told: &dyn Fn(&mut World)| {
        let mut world = World::new();
        world.set("2026-03-02T09:00:00Z");
        world.nominal("N-1");
        told(&mut world);
        world.pass_at("2026-03-08T00:00:00Z");
        let breaches: Vec<_> =
            world.subjects().into_iter().filter(|line| line.contains("Breach: N-1")).collect();
        world.restart_with_the_log_alone();
        let posts = world.read_models("anew");
        posts.advance(crate::fixture::at("2026-03-08T00:00:00Z")).unwrap();
        (breaches, posts.post_holders("area/A07", "cpc").unwrap())
    };
    let annul = |world: &mut World, id: String| {
        let data = json!({ "event": { "source": "/t", "id": id }, "reason": "another person" });
        world.tell("fact.annulled", "user/U-cpc", &data)
    };
    let to = |who: &str| vec![format!("{who}@example.gov.uk: Breach: N-1, paragraph 4.10")];
    let (told, posts) = breach_to(&|world| {
        let id = world.tell("user.left_role", "user/U-cpc", &json!({}));
        annul(world, id);
    });
    assert_eq!((told, posts), (to("cpc"), vec!["user/U-cpc".to_owned()]));
    let (told, posts) = breach_to(&|world| {
        let id = world.tell("user.left_role", "user/U-cpc", &json!({}));
        let id = annul(world, id);
        annul(world, id);
    });
    assert_eq!((told, posts), (to("administrator"), Vec::new()), "the annulment was the error");
    let (told, _) = breach_to(&|world| {
        let data = json!({ "post": "cpc", "user": "user/U-lpc" });
        let id = world.tell("post.filled", "area/A07", &data);
        annul(world, id);
    });
    assert_eq!(told, to("cpc"));
}

#[test]
fn who_is_warned_already_is_not_warned_again_in_place_of_one_who_lost_the_post() {
    let mut world = World::new();
    world.person("user/U-second", "unit/A07-1");
    world.tell("post.filled", "unit/A07-1", &json!({ "post": "lpc", "user": "user/U-second" }));
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    let moved = json!({ "to": "area/A07", "unit": "unit/A07-1" });
    world.tell("case.transferred", "nominal/N-1", &moved);
    world.block();
    world.pass_at("2026-03-06T07:00:00Z");
    world.unblock();
    world.set("2026-03-06T07:05:00Z");
    world.tell("post.vacated", "unit/A07-1", &json!({ "post": "lpc", "user": "user/U-lpc" }));
    world.pass_at("2026-03-06T07:05:00Z");
    assert_eq!(
        world.subjects(),
        ["second@example.gov.uk: Due by Friday 6 March: 1 ViSOR duty in unit A07-1"]
    );
}

#[test]
fn where_the_group_has_no_cpc_the_level_above_it_is_told_beside_the_visor_lead() {
    let mut world = prisoner();
    let vacated = json!({ "post": "cpc", "user": "user/U-gcpc" });
    world.tell("post.vacated", "prison-group/G1", &vacated);
    world.pass_at("2026-03-10T00:00:00Z");
    assert_eq!(
        breach_lines(&world),
        [
            "lead@example.gov.uk: Breach: N-9, paragraph 5.13",
            "administrator@example.gov.uk: Breach: N-9, paragraph 5.13",
        ]
    );
    let mails = world.mails();
    let of = |who: &str| {
        let breach = mails.iter().filter(|mail| mail.header("Subject").contains("5.13"));
        breach
            .filter(|mail| mail.header("To").starts_with(who))
            .map(crate::fixture::Sent::decoded)
            .collect::<String>()
    };
    let vacancy = "Nobody holds the post of CPC of prison group G1";
    assert_eq!([of("administrator").contains(vacancy), of("lead").contains(vacancy)], [true, false]);
}

#[test]
fn who_lost_the_post_before_the_mail_went_is_not_told_and_the_present_holder_is() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.pass_at("2026-03-06T12:00:00Z");
    let (folder, away) = (world.mail_folder().to_owned(), world.folder.join("away"));
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&folder, "").unwrap();
    world.pass_at("2026-03-08T00:00:00Z");
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    world.set("2026-03-08T00:05:00Z");
    world.tell("post.vacated", "area/A07", &json!({ "post": "cpc", "user": "user/U-cpc" }));
    world.tell("post.filled", "area/A07", &json!({ "post": "cpc", "user": "user/U-gcpc" }));
    world.pass_at("2026-03-08T00:05:00Z");
    let breaches: Vec<_> = world.subjects().into_iter().filter(|line| line.contains("Breach")).collect();
    assert_eq!(breaches, ["gcpc@example.gov.uk: Breach: N-1, paragraph 4.10"]);
}

#[test]
fn who_has_no_address_or_one_that_is_not_allowed_is_refused_and_the_administrator_is_told() {
    for email in [None, Some("cpc@example.com"), Some("no address"), Some("a b@example.gov.uk")] {
        let mut world = World::new();
        world.set("2026-03-02T09:00:00Z");
        let personal = email.map_or(json!({ "phone": "0" }), |email| json!({ "email": email, "phone": "0" }));
        let data = json!({ "org": "area/A07", "role": "cpc", "service": "probation", "personal": personal });
        world.tell("user.registered", "user/U-new", &data);
        world.tell("post.vacated", "area/A07", &json!({ "post": "cpc", "user": "user/U-cpc" }));
        world.tell("post.filled", "area/A07", &json!({ "post": "cpc", "user": "user/U-new" }));
        world.nominal("N-1");
        let report = world.pass_at("2026-03-08T00:00:00Z");
        assert_eq!(report.mails.rejected, 1, "{email:?}");
        let breaches: Vec<_> = world.subjects().into_iter().filter(|line| line.contains("Breach")).collect();
        assert_eq!(breaches, ["administrator@example.gov.uk: Breach: N-1, paragraph 4.10"], "{email:?}");
        assert_eq!(world.pass_at("2026-03-09T00:00:00Z").mails.accepted, 0, "{email:?}");
    }
}

#[test]
fn the_administrator_may_have_an_address_in_the_settings_alone() {
    let mut world = World::empty();
    let fallback =
        Fallback { user: "user/U-root".to_owned(), address: Some("root@example.gov.uk".to_owned()) };
    world.settings = world.settings.clone().with_fallback(fallback);
    world.restart();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(world.subjects(), ["root@example.gov.uk: 1 breach in area A07"]);
}
