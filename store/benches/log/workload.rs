//! What both sides do: events of 400 bytes, aggregates of ten of them, tasks that append for a while.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use mandate_store::{Claim, NewEvent};
use serde::{Deserialize, Serialize};

/// Events in each stream beforehand.
pub const SEEDED: u64 = 10;
/// Streams that are appended to.
pub const STREAMS: u64 = 20_000;
const PAYLOAD_BYTES: usize = 400;
/// Coprime to the number of streams of any task, so that each is come by before any comes again.
const STRIDE: u64 = 7_919;

/// What a task does again and again: takes a new id and a stream.
pub type Work = Arc<dyn Fn(u64, u64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A fact of 400 bytes about one of the streams.
pub fn fact(id: u64, stream: u64) -> String {
    let short = |filler: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"e-{id:012}","source":"/ndelius","type":"contact.flagged","subject":"nominal/N-{stream:08}","time":"2026-03-02T09:00:00Z","data":{{"contact":"{filler}"}}}}"#
        )
    };
    let filler = "c".repeat(PAYLOAD_BYTES - short("").len());
    short(&filler)
}

/// The aggregate's id of a stream.
pub fn aggregate_id(stream: u64) -> String {
    format!("N-{stream:08}")
}

/// The same as an event for the log.
pub fn new_event(id: u64, stream: u64) -> NewEvent {
    NewEvent::parse(&fact(id, stream), Claim::Ignore).unwrap()
}

/// An event of the stock crates: the same bytes, read without our checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flagged {
    specversion: String,
    id: String,
    source: String,
    r#type: String,
    subject: String,
    time: String,
    data: FlaggedData,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FlaggedData {
    contact: String,
}

impl DomainEvent for Flagged {
    fn event_type(&self) -> String {
        self.r#type.clone()
    }
    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

/// Counts its events; the command is the texts of the next ones.
#[derive(Debug, Serialize, Deserialize)]
pub struct Counter<E> {
    events: u64,
    #[serde(skip)]
    event: std::marker::PhantomData<fn() -> E>,
}

impl<E> Default for Counter<E> {
    fn default() -> Self {
        Self { events: 0, event: std::marker::PhantomData }
    }
}

impl<E: DomainEvent + 'static> Aggregate for Counter<E> {
    const TYPE: &'static str = "nominal";
    type Command = Vec<String>;
    type Event = E;
    type Error = std::io::Error;
    type Services = ();

    async fn handle(
        &mut self,
        command: Vec<String>,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for text in command {
            sink.write(serde_json::from_str(&text)?, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, _: E) {
        self.events += 1;
    }
}

/// Ids that no event has had yet, and how the streams that are appended to lie among all.
#[derive(Debug, Clone)]
pub struct Feed {
    next: Arc<AtomicU64>,
    /// Every so many-th stream is appended to.
    every: u64,
}

impl Feed {
    /// A feed for [`STREAMS`] times `scale` streams that hold [`SEEDED`] events each.
    pub fn new(scale: u64) -> Self {
        Self { next: Arc::new(AtomicU64::new(STREAMS * scale * SEEDED)), every: scale }
    }

    /// A new id.
    pub fn id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The stream of a task's turn; no two tasks meet on one.
    pub fn stream(&self, task: u64, tasks: u64, turn: u64) -> u64 {
        let own = STREAMS / tasks;
        (task + tasks * (turn * STRIDE % own)) * self.every
    }
}

/// Calls in all and a second, and the 99th percentile of their time in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub calls: f64,
    pub per_second: f64,
    pub p99_ms: f64,
}

/// How long tasks go on.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    Elapsed(Duration),
    Turns(u64),
}

/// Runs some tasks, each calling `work` with new ids and with its own streams in turn.
pub async fn rate(tasks: u64, until: Until, feed: &Feed, work: &Work) -> Rate {
    let begun = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let (work, feed) = (Arc::clone(work), feed.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                for turn in 0.. {
                    let at = Instant::now();
                    let ended = match until {
                        Until::Elapsed(lasting) => at.duration_since(begun) >= lasting,
                        Until::Turns(turns) => turn >= turns,
                    };
                    if ended {
                        break;
                    }
                    work(feed.id(), feed.stream(task, tasks, turn)).await;
                    times.push(at.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in running {
        times.extend(task.await.unwrap());
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let calls = per_second(times.len(), 1.0);
    Rate { calls, per_second: calls / elapsed, p99_ms: percentile_ms(&mut times, 99) }
}

#[expect(clippy::cast_precision_loss, reason = "a figure of three digits is printed")]
pub fn per_second(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

/// A percentile in milliseconds.
pub fn percentile_ms(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default().as_secs_f64() * 1_000.0
}

/// The middle of some values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
