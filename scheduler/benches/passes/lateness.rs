//! P11. A thousand duties fall due each second, one after the other, and the scheduler runs: how long after its due
//! moment a breach is durable.
//!
//! Duties of the policy fall due at midnights in London, so a due moment is made here by a fact: a clearance of police
//! that comes too late to be one before the account (a `prior` rule) is due the moment it is recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use mandate_domain::catalogue::FactType;
use mandate_domain::time::{Clock as _, SystemClock};
use mandate_store::{OnError, Position};
use serde_json::json;

use crate::bench::{Bench, Database, event, pause};

/// Duties that fall due in a second, and for how many seconds.
const DUES: u32 = 1_000;
const SECONDS: u32 = 15;
/// Facts that come together.
const TOGETHER: u32 = 10;

/// Measures, and says it.
pub fn measure(database: Database) {
    let clock = Arc::new(SystemClock);
    let (store, _projections, scheduler, _folder, _url) =
        Bench::empty(database, &(clock.clone() as Arc<dyn mandate_domain::time::Clock>));
    let done = AtomicBool::new(false);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = runtime.spawn(scheduler.run(async { drop(stopped.await) }));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Stopwatch::now();
            for some in 0..DUES * SECONDS / TOGETHER {
                let comes = begun + Duration::from_secs(1) * (some * TOGETHER) / DUES;
                pause(comes.saturating_duration_since(Stopwatch::now()));
                let now = clock.now();
                let events = (0..TOGETHER).map(|one| {
                    let number = some * TOGETHER + one;
                    let id = format!("a{number}");
                    event(
                        &id,
                        "contact.flagged",
                        &format!("nominal/N-{number}"),
                        now,
                        &json!({ "contact": id, "priority": true }),
                    )
                });
                store.append_blocking(events.collect(), OnError::All).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut late = Vec::new();
        let mut after = Position::START;
        let wanted = usize::try_from(DUES * SECONDS).unwrap();
        let mut patience = Stopwatch::now();
        while late.len() < wanted && patience.elapsed() < Duration::from_secs(30) {
            // Looked at every millisecond: what is read was durable just before.
            let page = store.reader().read_types(&[FactType::DutyBreached], after, 10_000).unwrap();
            let now = clock.now();
            for breach in &page.events {
                if let Some(mandate_domain::fact::Value::Instant(due)) =
                    breach.fact.get(mandate_domain::catalogue::Field::DueAt)
                    && breach.fact.text(mandate_domain::catalogue::Field::Rule) == Some("4.36")
                {
                    late.push(u64::try_from(now.nanos() - due.nanos()).unwrap_or(0));
                }
            }
            if let Some(last) = page.events.last() {
                after = last.position;
                patience = Stopwatch::now();
            }
            pause(Duration::from_millis(1));
        }
        late.sort_unstable();
        let part = |part: usize| {
            Duration::from_nanos(late.get(late.len() * part / 100).copied().unwrap_or(u64::MAX))
        };
        let (half, most) = (part(50), part(99));
        let text = format!(
            "{} ms, median {} ms, of {} at {DUES} a second",
            most.as_millis(),
            half.as_millis(),
            late.len()
        );
        let kept = most <= Duration::from_millis(250) && late.len() == wanted;
        crate::say(kept, "P11", "due until durable, p99", &text, "250 ms");
    });
    drop(stop);
    runtime.block_on(running).unwrap();
}
