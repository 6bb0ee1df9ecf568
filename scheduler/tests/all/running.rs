use std::sync::Arc;
use std::time::Duration;

use mandate_domain::catalogue::FactType;
use tokio::sync::oneshot;

use crate::fixture::{World, at};

/// Waits until the log holds an event of a type: told by the log itself, without a sleep. A scheduler that was not
/// woken would look again after 30 seconds by its timer, so that is too late.
async fn until_stored(world: &World, kind: FactType) {
    let stored = async {
        let mut head = world.store().watch();
        while world.events(kind).is_empty() {
            head.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), stored).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_scheduler_is_woken_by_the_log_and_by_hand_and_stops_when_told() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    let (stop, stopped) = oneshot::channel::<()>();
    let scheduler = world.scheduler().clone();
    let kick = scheduler.kick();
    let running = tokio::spawn(scheduler.run(async {
        stopped.await.ok();
    }));
    // Woken by the log: a prior rule is broken by the fact itself.
    let data = serde_json::json!({ "contact": "c1", "priority": true });
    tokio::task::block_in_place(|| {
        world.nominal("N-1");
        world.tell("contact.flagged", "nominal/N-1", &data)
    });
    // Woken by hand: the virtual clock reaches the due moment of 4.10.
    world.clock.set(at("2026-03-08T00:00:00Z"));
    kick.kick();
    until_stored(&world, FactType::DutyBreached).await;
    until_stored(&world, FactType::NoticeAccepted).await;
    stop.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(world.events(FactType::DutyBreached).len(), 1);
    let again = Arc::new(world);
    let world = Arc::clone(&again);
    tokio::task::spawn_blocking(move || {
        let report = world.pass_at("2026-03-08T00:00:01Z");
        assert_eq!((report.steps.raised, report.mails.accepted), (0, 0));
    })
    .await
    .unwrap();
}

#[test]
fn passes_that_run_at_once_raise_and_mail_once() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    for number in 0..20 {
        world.nominal(&format!("N-{number}"));
    }
    let now = at("2026-03-08T00:00:00Z");
    world.clock.set(now);
    let reports: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(|| world.scheduler().pass(now).unwrap())).collect();
        running.into_iter().map(|pass| pass.join().unwrap()).collect()
    });
    assert_eq!(reports.iter().map(|report| report.steps.raised).sum::<usize>(), 20);
    assert_eq!(world.events(FactType::DutyBreached).len(), 20);
    let accepted: usize = reports.iter().map(|report| report.mails.accepted).sum();
    assert_eq!(accepted, world.mails().len());
}
