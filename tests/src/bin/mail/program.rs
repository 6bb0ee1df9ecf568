//! The program that is killed: it passes until nothing is owed, on a clock that jumps to the next moment of interest.

use std::sync::Arc;

use mandate_domain::time::VirtualClock;
use mandate_tests::arguments::Arguments;
use mandate_tests::target::open_store;

use crate::office::{at, scheduler, target};

/// Passes until no mail waits and every breach is raised.
pub fn run(mut arguments: Arguments) -> anyhow::Result<()> {
    let folder: std::path::PathBuf = arguments.take("--folder", std::path::PathBuf::new())?;
    let port: u16 = arguments.take("--port", 0)?;
    arguments.end()?;
    let target = target(&folder);
    let clock = Arc::new(VirtualClock::new(at("2026-03-01T09:00:00Z")?));
    let store = open_store(&target, clock.clone())?;
    let mut now = store.reader().head()?.recorded_at;
    let end = at("2026-03-20T00:00:00Z")?;
    let scheduler = scheduler(&store, &target.data_dir, clock.clone(), port)?;
    loop {
        clock.set(now);
        let report = scheduler.pass(now)?;
        if report.mails.more {
            continue;
        }
        let next = [report.steps.next_at, report.mails.next_at].into_iter().flatten();
        match next.filter(|next| *next > now).min() {
            Some(next) if next < end => now = next,
            Some(_) | None => return Ok(()),
        }
    }
}
