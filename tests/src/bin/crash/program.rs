//! The program that is killed: twenty threads, each with one command in flight, and a line for each answer.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mandate_domain::time::SystemClock;
use mandate_store::{OnError, Outcome, Store, StoreError};
use mandate_tests::target::{Target, open_store};

use crate::command::{Number, THREADS, Told};

/// Between two tries while the database is down.
const PAUSE: Duration = Duration::from_millis(20);

/// Appends until it is killed.
pub fn run(target: &Target, run: u32) -> anyhow::Result<()> {
    let store = open(target)?;
    for_each_thread(|thread| append(&store, run, thread))
}

/// Opens the log; a server that is down meanwhile is waited for.
fn open(target: &Target) -> anyhow::Result<Store> {
    loop {
        match open_store(target, Arc::new(SystemClock)) {
            Err(error) if error.downcast_ref::<StoreError>().is_some_and(StoreError::is_unavailable) => {
                std::thread::park_timeout(PAUSE);
            }
            opened => return opened,
        }
    }
}

/// Runs the threads; none of them ends but by an error.
pub fn for_each_thread(each: impl Fn(u32) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let each = &each;
        let (ended, first) = std::sync::mpsc::channel();
        for thread in 0..THREADS {
            let ended = ended.clone();
            scope.spawn(move || {
                if let Err(error) = each(thread) {
                    eprintln!("thread {thread}: {error:#}");
                    ended.send(()).ok();
                }
            });
        }
        drop(ended);
        first.recv().context("no thread ran")?;
        std::process::exit(3)
    })
}

fn append(store: &Store, run: u32, thread: u32) -> anyhow::Result<()> {
    let mut version = 0;
    for turn in 0.. {
        let number = Number { run, thread, turn };
        let command = number.command(version)?;
        let outcomes = loop {
            match store.append_blocking(command.events.clone(), OnError::All) {
                Ok(outcomes) => break outcomes,
                Err(StoreError::Unavailable { reason } | StoreError::OutcomeUnknown { reason }) => {
                    tell(&Told::Unavailable(reason))?;
                    std::thread::park_timeout(PAUSE);
                }
                Err(error) => return Err(error.into()),
            }
        };
        if command.doomed {
            ensure!(outcomes.iter().all(|outcome| outcome.position().is_none()), "{number}: {outcomes:?}");
            tell(&Told::Refused { number, version })?;
        } else {
            let position = |outcome: &Outcome| outcome.position().map(mandate_store::Position::get);
            let positions: Option<Vec<u64>> = outcomes.iter().map(position).collect();
            let positions = positions.with_context(|| format!("{number}: {outcomes:?}"))?;
            tell(&Told::Acknowledged { number, version, positions })?;
        }
        version = command.version;
    }
    Ok(())
}

/// One line, in one write.
pub fn tell(told: &Told) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{told}\n").as_bytes())?;
    Ok(out.flush()?)
}
