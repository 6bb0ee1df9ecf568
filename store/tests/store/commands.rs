//! Commands on the log: whole or not at all, once, also when they are sent twice at the same time.

use std::sync::Arc;

use mandate_domain::catalogue::FactType;
use mandate_domain::command::{Command, CommandName, RefusalKind};
use mandate_store::{
    Asked, Claim, CommandFailure, Commands, Done, NewEvent, OnError, Outcome, Sequence, Store,
};
use serde_json::{Value, json};

use crate::common::{World, at, create};

fn tell(store: &Store, facts: &[(&str, &str, Value)]) {
    let events = facts.iter().enumerate().map(|(number, (subject, kind, data))| {
        let head = store.reader().head().unwrap().position;
        let event = json!({"specversion": "1.0", "id": format!("{head}-{number}"), "source": "/t", "type": kind,
                           "subject": subject, "time": "2026-03-02T09:00:00Z", "data": data});
        NewEvent::from_value(&event, Claim::Ignore).unwrap()
    });
    let outcomes = store.append_blocking(events.collect(), OnError::All).unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })), "{outcomes:?}");
}

/// A log with a CPC and a holder of the central support token of area A1, and three live records.
async fn office(dir: &World) -> (Store, Commands) {
    let store = create(dir);
    let told = store.clone();
    tokio::task::spawn_blocking(move || {
        for user in ["user/cpc", "user/central"] {
            let registered = json!({"org": "area/A1", "role": "cpc", "service": "probation"});
            tell(
                &told,
                &[
                    (user, "user.registered", registered),
                    (user, "vetting.cleared", json!({"level": 3, "expires_on": "2027-12-31"})),
                    (user, "document.signed", json!({"document": "syops", "version": "1"})),
                    (user, "training.completed", json!({"course": "visor", "provider": "hmpps"})),
                    (user, "account.enabled", json!({})),
                    (user, "token.granted", json!({"token": "central-support"})),
                ],
            );
        }
        for nominal in ["nominal/N1", "nominal/N2", "nominal/N3"] {
            let registered = json!({"registration": "r", "category": 2, "level": 2, "area": "area/A1"});
            tell(
                &told,
                &[
                    (nominal, "mappa.registered", registered),
                    (nominal, "record.created", json!({"owner": "area/A1"})),
                ],
            );
        }
    })
    .await
    .unwrap();
    let commands = Commands::new(&store);
    (store, commands)
}

fn asked(name: CommandName, body: &Value, key: Option<&str>) -> Asked {
    Asked {
        command: Arc::new(Command::parse(name, body.as_object().unwrap()).unwrap()),
        body: body.to_string().into_bytes(),
        actor: "user/cpc".to_owned(),
        key: key.map(str::to_owned),
        expected: None,
        duties: Vec::new(),
        now: at("2026-03-02T12:00:00Z"),
    }
}

fn transfer(subjects: &[&str]) -> Value {
    json!({"subjects": subjects, "to": "area/A2", "note": "canary note", "duties": ["D-1"]})
}

fn kinds(done: &Done) -> Vec<FactType> {
    done.events.iter().map(|event| event.kind).collect()
}

async fn a_command_for_several_subjects_is_carried_out_whole_or_not_at_all(dir: &World) {
    let (store, commands) = office(dir).await;
    let two = asked(CommandName::RequestTransfer, &transfer(&["nominal/N1", "nominal/N2"]), None);
    let done = commands.execute(two).await.unwrap();
    assert_eq!(kinds(&done), [FactType::TransferRequested; 2]);
    let before = store.reader().head().unwrap().position;
    assert_eq!(done.position(), before);
    // The first is offered already, the others are not: nothing is stored.
    let all = asked(CommandName::RequestTransfer, &transfer(&["nominal/N3", "nominal/N1"]), None);
    match commands.execute(all).await.unwrap_err() {
        CommandFailure::Refused(refusal) => {
            assert_eq!((&*refusal.subject, refusal.kind), ("nominal/N1", RefusalKind::Invariant));
        }
        other => panic!("{other}"),
    }
    assert_eq!(store.reader().head().unwrap().position, before);
    let event = store.reader().by_position(before).unwrap().unwrap();
    assert_eq!(event.actor.as_deref(), Some("user/cpc"));
    assert!(!event.payload.contains("canary"), "the hand-over note is sealed");
}

async fn of_two_sendings_at_once_under_one_key_one_takes_effect_and_both_hear_the_same(dir: &World) {
    let (store, commands) = office(dir).await;
    let before = store.reader().head().unwrap().position;
    let body = transfer(&["nominal/N1", "nominal/N2", "nominal/N3"]);
    let sendings = (0..8).map(|number| {
        // Sent again a moment later, the command itself would say another time.
        let asked = asked(CommandName::RequestTransfer, &body, Some("key"));
        let commands = commands.clone();
        let now = asked.now.plus_seconds(number);
        tokio::spawn(async move { commands.execute(Asked { now, ..asked }).await })
    });
    let mut answers = Vec::new();
    for sending in sendings.collect::<Vec<_>>() {
        answers.push(sending.await.unwrap().unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(store.reader().head().unwrap().position.get(), before.get() + 3);
    // The log alone remembers it, also for another process.
    let again = Commands::new(&store).execute(asked(CommandName::RequestTransfer, &body, Some("key"))).await;
    assert_eq!(again.unwrap(), answers[0]);
}

async fn a_key_is_for_one_body_of_one_person(dir: &World) {
    let (store, commands) = office(dir).await;
    let one = transfer(&["nominal/N1"]);
    commands.execute(asked(CommandName::RequestTransfer, &one, Some("key"))).await.unwrap();
    let other = asked(CommandName::RequestTransfer, &transfer(&["nominal/N2"]), Some("key"));
    assert!(matches!(commands.execute(other).await.unwrap_err(), CommandFailure::OtherBody));
    let archive = asked(CommandName::ArchiveRecord, &json!({"subject": "nominal/N1"}), Some("key"));
    assert!(matches!(commands.execute(archive).await.unwrap_err(), CommandFailure::OtherBody));
    // Somebody else's key of the same name is another.
    let theirs = asked(CommandName::RequestTransfer, &transfer(&["nominal/N2"]), Some("key"));
    commands.execute(Asked { actor: "user/central".to_owned(), ..theirs }).await.unwrap();
    assert_eq!(store.reader().version("nominal/N2").unwrap(), Sequence::new(3));
}

async fn a_version_that_the_sender_did_not_see_is_refused(dir: &World) {
    let (_store, commands) = office(dir).await;
    let body = transfer(&["nominal/N1"]);
    let at_version = |expected| Asked { expected, ..asked(CommandName::RequestTransfer, &body, None) };
    match commands.execute(at_version(Some(1))).await.unwrap_err() {
        CommandFailure::Refused(refusal) => assert_eq!(refusal.kind, RefusalKind::Stale),
        other => panic!("{other}"),
    }
    assert_eq!(commands.execute(at_version(Some(2))).await.unwrap().events[0].version, Sequence::new(3));
}

async fn rights_follow_the_log_without_being_read_anew(dir: &World) {
    let (store, commands) = office(dir).await;
    let body = transfer(&["nominal/N1"]);
    let told = store.clone();
    let withdraw = move || tell(&told, &[("user/cpc", "vetting.withdrawn", json!({}))]);
    commands.execute(asked(CommandName::RequestTransfer, &body, None)).await.unwrap();
    tokio::task::spawn_blocking(withdraw).await.unwrap();
    let next = commands.execute(asked(CommandName::RequestTransfer, &transfer(&["nominal/N2"]), None)).await;
    match next.unwrap_err() {
        CommandFailure::Refused(refusal) => {
            assert_eq!((refusal.kind, &*refusal.paragraph), (RefusalKind::Right, "6.1"));
        }
        other => panic!("{other}"),
    }
}

async fn a_confirmed_order_destroys_the_key_and_is_answered_the_same_again(dir: &World) {
    let (store, commands) = office(dir).await;
    let note = asked(CommandName::RequestTransfer, &transfer(&["nominal/N1"]), None);
    let sealed = commands.execute(note).await.unwrap().position();
    let order = json!({"subject": "nominal/N1", "ground": "RRD-2026-014"});
    commands.execute(asked(CommandName::OrderErasure, &order, None)).await.unwrap();
    let confirm = || {
        let confirm = json!({"subject": "nominal/N1"});
        let asked = asked(CommandName::ConfirmOrder, &confirm, Some("k"));
        Asked { actor: "user/central".to_owned(), ..asked }
    };
    let first = commands.execute(confirm()).await.unwrap();
    assert_eq!(kinds(&first), [FactType::SubjectErased]);
    assert_eq!(commands.execute(confirm()).await.unwrap(), first);
    // The key is for that body alone, here as for every command.
    let other = json!({"subject": "nominal/N1", "note": "other words"});
    let other = asked(CommandName::ConfirmOrder, &other, Some("k"));
    let other = Asked { actor: "user/central".to_owned(), ..other };
    assert!(matches!(commands.execute(other).await.unwrap_err(), CommandFailure::OtherBody));
    let check = tokio::task::spawn_blocking(move || {
        let event = store.reader().by_position(sealed).unwrap().unwrap();
        assert!(store.keys().unseal(&event).is_err(), "what was sealed cannot be opened any more");
    });
    check.await.unwrap();
}

async fn an_order_about_a_survivor_destroys_the_keys_of_its_duplicates_as_well(dir: &World) {
    let (store, commands) = office(dir).await;
    let mut sealed = Vec::new();
    for nominal in ["nominal/N1", "nominal/N2", "nominal/N3"] {
        let note = asked(CommandName::RequestTransfer, &transfer(&[nominal]), None);
        sealed.push(commands.execute(note).await.unwrap().position());
    }
    let told = store.clone();
    let merge = move || {
        tell(&told, &[("nominal/N2", "nominal.merged", json!({"into": "nominal/N1"}))]);
        tell(&told, &[("nominal/N3", "nominal.merged", json!({"into": "nominal/N1"}))]);
        let head = told.reader().head().unwrap().position;
        let event = json!({"source": "/t", "id": told.reader().by_position(head).unwrap().unwrap().fact.id});
        tell(&told, &[("nominal/N3", "fact.annulled", json!({"event": event, "reason": "another person"}))]);
    };
    tokio::task::spawn_blocking(merge).await.unwrap();
    let order = json!({"subject": "nominal/N1", "ground": "RRD-2026-014"});
    commands.execute(asked(CommandName::OrderErasure, &order, None)).await.unwrap();
    let confirm = asked(CommandName::ConfirmOrder, &json!({"subject": "nominal/N1"}), Some("k"));
    let confirm = Asked { actor: "user/central".to_owned(), ..confirm };
    let done = commands.execute(confirm.clone()).await.unwrap();
    let erased: Vec<&str> = done.events.iter().map(|event| &*event.subject).collect();
    assert_eq!(erased, ["nominal/N1", "nominal/N2"]);
    assert_eq!(commands.execute(confirm).await.unwrap(), done);
    let check = tokio::task::spawn_blocking(move || {
        for (position, gone) in sealed.into_iter().zip([true, true, false]) {
            let event = store.reader().by_position(position).unwrap().unwrap();
            assert_eq!(store.keys().unseal(&event).is_err(), gone, "{}", event.fact.subject);
        }
    });
    check.await.unwrap();
}

async fn of_two_merges_at_once_that_would_close_a_circle_one_is_refused(dir: &World) {
    let (store, commands) = office(dir).await;
    for round in 0..6 {
        let (one, other) = (format!("nominal/A{round}"), format!("nominal/B{round}"));
        let told = store.clone();
        let both = [one.clone(), other.clone()];
        let registered = move || {
            for nominal in &both {
                let data = json!({"registration": "r", "category": 2, "level": 2, "area": "area/A1"});
                tell(&told, &[(nominal, "mappa.registered", data)]);
            }
        };
        tokio::task::spawn_blocking(registered).await.unwrap();
        let merge = |from: &str, into: &str| {
            let commands = commands.clone();
            let asked = asked(CommandName::MergeNominals, &json!({"subject": from, "into": into}), None);
            tokio::spawn(async move { commands.execute(asked).await })
        };
        let (first, second) = (merge(&one, &other), merge(&other, &one));
        let answers = [first.await.unwrap(), second.await.unwrap()];
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    }
}

async fn of_two_made_cpc_of_an_area_at_once_one_is_refused(dir: &World) {
    let (store, commands) = office(dir).await;
    let told = store.clone();
    let prepare = move || {
        let office = json!({"org": "area/A1", "role": "other", "service": "probation"});
        tell(
            &told,
            &[
                ("user/admin", "user.registered", office),
                ("user/admin", "vetting.cleared", json!({"level": 3, "expires_on": "2027-12-31"})),
                ("user/admin", "token.granted", json!({"token": "admin"})),
            ],
        );
        for round in 0..6 {
            let area = format!("area/T{round}");
            for place in 0..2 {
                let user = format!("user/t{round}-{place}");
                let registered = json!({"org": area, "role": "cpc", "service": "probation"});
                tell(
                    &told,
                    &[
                        (&area, "organisation.placed", json!({"parent": "region/R1"})),
                        (&user, "user.registered", registered),
                        (&user, "vetting.cleared", json!({"level": 3, "expires_on": "2027-12-31"})),
                        (&user, "account.authorised", json!({})),
                    ],
                );
            }
        }
        tell(&told, &[("user/admin", "user.moved", json!({"org": "region/R1"}))]);
    };
    tokio::task::spawn_blocking(prepare).await.unwrap();
    let give = |name, body: &Value| {
        let commands = commands.clone();
        let asked = Asked { actor: "user/admin".to_owned(), ..asked(name, body, None) };
        tokio::spawn(async move { commands.execute(asked).await })
    };
    for round in 0..6 {
        let user = |place| format!("user/t{round}-{place}");
        let token = |place| give(CommandName::GrantToken, &json!({"subject": user(place), "token": "cpc"}));
        let (first, second) = (token(0), token(1));
        let answers = [first.await.unwrap(), second.await.unwrap()];
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        let refused = answers.iter().find_map(|answer| answer.as_ref().err()).unwrap();
        assert!(refused.to_string().contains("has one CPC token"), "{refused}");
        let post = |place| {
            let body = json!({"subject": format!("area/T{round}"), "post": "cpc", "user": user(place)});
            give(CommandName::FillPost, &body)
        };
        let (first, second) = (post(0), post(1));
        let answers = [first.await.unwrap(), second.await.unwrap()];
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    }
}

async fn a_policy_is_proposed_and_adopted_on_its_own_stream(dir: &World) {
    let (store, commands) = office(dir).await;
    let told = store.clone();
    let prepare = move || {
        for user in ["user/admin", "user/other"] {
            let office = json!({"org": "region/R1", "role": "other", "service": "probation"});
            tell(
                &told,
                &[
                    (user, "user.registered", office),
                    (user, "vetting.cleared", json!({"level": 3, "expires_on": "2027-12-31"})),
                    (user, "token.granted", json!({"token": "admin"})),
                ],
            );
        }
    };
    tokio::task::spawn_blocking(prepare).await.unwrap();
    let text = mandate_domain::policy::concatenated(&mandate_domain::policy::shipped_files());
    let propose =
        json!({"subject": "policy/framework", "version": "2", "effective_from": "2026-04-01", "text": text});
    let by = |actor: &str, asked: Asked| Asked { actor: actor.to_owned(), ..asked };
    let proposed = by("user/admin", asked(CommandName::ProposePolicy, &propose, None));
    let done = commands.execute(proposed).await.unwrap();
    let position = done.position();
    let reader = store.reader().clone();
    let event =
        tokio::task::spawn_blocking(move || reader.by_position(position).unwrap().unwrap()).await.unwrap();
    let sha256 = event.fact.text(mandate_domain::catalogue::Field::Sha256).unwrap().to_owned();
    let adopt = json!({"subject": "policy/framework", "version": "2", "sha256": sha256});
    let own = by("user/admin", asked(CommandName::AdoptPolicy, &adopt, None));
    assert!(matches!(commands.execute(own).await.unwrap_err(), CommandFailure::Refused(_)));
    let adopted = by("user/other", asked(CommandName::AdoptPolicy, &adopt, None));
    assert_eq!(kinds(&commands.execute(adopted).await.unwrap()), [FactType::PolicyAdopted]);
}

both_async! {
    an_order_about_a_survivor_destroys_the_keys_of_its_duplicates_as_well,
    of_two_merges_at_once_that_would_close_a_circle_one_is_refused,
    of_two_made_cpc_of_an_area_at_once_one_is_refused,
    a_policy_is_proposed_and_adopted_on_its_own_stream,
    a_command_for_several_subjects_is_carried_out_whole_or_not_at_all,
    of_two_sendings_at_once_under_one_key_one_takes_effect_and_both_hear_the_same,
    a_key_is_for_one_body_of_one_person,
    a_version_that_the_sender_did_not_see_is_refused,
    rights_follow_the_log_without_being_read_anew,
    a_confirmed_order_destroys_the_key_and_is_answered_the_same_again,
}
