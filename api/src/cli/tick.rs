//! `mandate tick`: one pass of the scheduler, for those who run it by cron, and for tests.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mandate_domain::time::{Clock, Instant, SystemClock, VirtualClock};
use mandate_projections::Projections;
use mandate_scheduler::{PassReport, Scheduler};
use mandate_store::Store;
use serde_json::json;

use super::{Exit, moment, print};
use crate::config::{Config, HELP};

/// One pass of the scheduler: raise, rescind, escalate, warn and send what is due; the server must be stopped
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A configuration file
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// The folder of the log [default: ./mandate-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Write mails to files in this folder instead of sending them
    #[arg(long, value_name = "DIR")]
    mail_dir: Option<PathBuf>,
    /// As if it were this moment [default: now]
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    at: Option<Instant>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
///
/// # Errors
/// A configuration that cannot be used, a log that is in use, a pass that fails.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut config = match &arguments.config {
        Some(path) => Config::read(path)?,
        None => Config::default(),
    };
    if let Some(data_dir) = &arguments.data_dir {
        config.data_dir.clone_from(data_dir);
    }
    if let Some(dir) = &arguments.mail_dir {
        config.mail.dir = Some(dir.clone());
        config.mail.smtp = None;
    }
    let clock: Arc<dyn Clock> = match arguments.at {
        Some(at) => Arc::new(VirtualClock::new(at)),
        None => Arc::new(SystemClock),
    };
    let store = Store::open(config.place().options(Arc::clone(&clock))?)?;
    let projections = Projections::open(&config.data_dir, &store)?;
    let (mailer, settings) = (config.mailer()?, config.scheduler_settings()?);
    let scheduler = Scheduler::new(store.clone(), projections, Arc::clone(&clock), mailer, settings)?;
    let report = scheduler.pass(clock.now())?;
    drop(scheduler);
    drop(store);
    print(words(&report, arguments.json).as_bytes())?;
    Ok(Exit::Done)
}

fn words(report: &PassReport, as_json: bool) -> String {
    let PassReport { steps, mails } = report;
    if as_json {
        let value = json!({
            "raised": steps.raised, "rescinded": steps.rescinded, "closed": steps.closed,
            "escalated": steps.escalated, "warned": steps.warned, "queued": steps.queued,
            "accepted": mails.accepted, "deferred": mails.deferred, "rejected": mails.rejected,
            "ambiguous": mails.ambiguous, "more": mails.more,
        });
        return format!("{value}\n");
    }
    format!(
        "Breaches raised: {}, withdrawn: {}, closed: {}, escalated: {}. Warnings: {}.\nMails accepted: {}, to be tried \
         again: {}, given up: {}.{}\n",
        steps.raised,
        steps.rescinded,
        steps.closed,
        steps.escalated,
        steps.warned,
        mails.accepted,
        mails.deferred + mails.ambiguous,
        mails.rejected,
        if mails.more { " More wait: run it again." } else { "" },
    )
}
