//! Wakes, asks, raises, mails; decides nothing by itself.
//!
//! What is due is a question to the read models, and what a duty is was decided by the judge. This crate records the
//! steps that have come as events (`duty.warned`, `duty.breached`, `breach.closed`, `breach.rescinded`), each once under
//! the key (duty, step, due moment, generation) and together with the notices that go with it, and sends the notices.
//! [`Scheduler::pass`] does all of it once; [`Scheduler::run`] does it whenever something is due.

mod append;
mod deliver;
mod duty_log;
mod error;
mod escalate;
mod event;
mod feeds;
mod letter;
mod mail;
mod notice;
mod occasions;
mod outbox;
mod overview;
mod recipients;
mod redirect;
mod run;
mod schedule;
mod scheduler;
mod settings;
mod steps;
mod tenure;
mod timetable;
mod watch;

pub use error::{SchedulerError, SettingsError};
pub use mail::{EmlFiles, Mailer, Security, Smtp};
pub use overview::open_duties_of;
pub use run::Kick;
pub use schedule::{LondonTime, Schedule};
pub use scheduler::{MailReport, PassReport, Scheduler, StepReport};
pub use settings::{ADMINISTRATOR, AllowedDomains, Fallback, Nodes, Schedules, Settings};
pub use tenure::OnDuty;
pub use watch::{DEAD_SECONDS, PROBLEMS, Problem, Vitals, Watch, silent_feeds};
