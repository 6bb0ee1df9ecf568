//! `mandate replay` and `mandate explain`: duties judged from the log alone, beside a running server as well.

use clap::Args;
use mandate_domain::calendar::Calendar;
use mandate_domain::judge::{DutyRecord, History, Judge, Verdict, View, adopted_policy, short_reference};
use mandate_domain::policy::Policy;
use mandate_domain::time::{Clock as _, Instant, SystemClock};

use super::judge::{moment, table};
use super::place::Place;
use super::source::whole_log;
use super::{Exit, print};
use crate::bulk::{cores, judge_all};
use crate::duty_csv;

/// Judge the log anew and print the duties as they stood: what was true by a moment, of what was known by another
#[derive(Debug, Args)]
pub struct Replay {
    /// Only the duties of this subject, by its full id, such as nominal/N-7F3K29QX
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    #[command(flatten)]
    moments: Moments,
    #[command(flatten)]
    place: Place,
    /// Print JSON, one duty a line
    #[arg(long)]
    json: bool,
}

/// Say why a duty is due when it is, step by step, with the policy's words and each day that counts
#[derive(Debug, Args)]
pub struct Explain {
    /// The duty, by its id or its short reference, such as D-7F3K29QX
    #[arg(value_name = "DUTY")]
    duty: String,
    #[command(flatten)]
    moments: Moments,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print it in references and dates alone, one line of JSON, as `mandate check` takes it
    #[arg(long, conflicts_with = "json")]
    derivation: bool,
}

#[derive(Debug, Args)]
struct Moments {
    /// Only what occurred by then (an instant, or a date for the end of that day) [default: now]
    #[arg(long, value_name = "T", value_parser = moment)]
    as_at: Option<Instant>,
    /// Only what was recorded by then [default: now]
    #[arg(long, value_name = "K", value_parser = moment)]
    known_at: Option<Instant>,
}

impl Moments {
    fn view(&self) -> View {
        let now = SystemClock.now();
        View { as_at: self.as_at.unwrap_or(now), known_at: self.known_at.unwrap_or(now) }
    }
}

/// Runs `replay`.
///
/// # Errors
/// A log that is not there or cannot be read.
pub fn replay(arguments: &Replay) -> anyhow::Result<Exit> {
    let history = whole_log(&arguments.place.reader()?)?;
    with_judge(&history, arguments.moments.view(), |judge, mut verdicts| {
        if let Some(subject) = &arguments.subject {
            verdicts.retain(|verdict| judge.record(verdict).subject == *subject);
        }
        if arguments.json {
            for verdict in &verdicts {
                print(format!("{}\n", serde_json::to_string(&judge.record(verdict))?).as_bytes())?;
            }
        } else {
            print(table(judge, verdicts.iter()).as_bytes())?;
        }
        Ok(Exit::Done)
    })
}

/// Runs `explain`.
///
/// # Errors
/// A log that is not there or cannot be read.
pub fn explain(arguments: &Explain) -> anyhow::Result<Exit> {
    let history = whole_log(&arguments.place.reader()?)?;
    with_judge(&history, arguments.moments.view(), |judge, verdicts| {
        let named = |verdict: &&Verdict| {
            let duty = judge.record(verdict).duty;
            duty == arguments.duty || short_reference(&duty).eq_ignore_ascii_case(&arguments.duty)
        };
        let Some(verdict) = verdicts.iter().find(named) else {
            eprintln!(
                "mandate: there is no duty `{}` at that moment; `mandate replay` lists those there are",
                arguments.duty
            );
            return Ok(Exit::Refused);
        };
        if arguments.derivation {
            let derivations = judge.derivations(std::slice::from_ref(verdict));
            for derivation in derivations {
                print(format!("{}\n", serde_json::to_string(&derivation)?).as_bytes())?;
            }
            return Ok(Exit::Done);
        }
        let (record, explanation) = (judge.record(verdict), judge.explain(verdict));
        let text = if arguments.json {
            let whole = DutyRecord { explanation: Some(explanation), ..record };
            format!("{}\n", serde_json::to_string_pretty(&whole)?)
        } else {
            format!(
                "{} ({})\n{}\n  {}\n",
                record.duty,
                short_reference(&record.duty),
                record.outcome.replace('_', " "),
                duty_csv::in_lines(&explanation, "\n  ")
            )
        };
        print(text.as_bytes())?;
        Ok(Exit::Done)
    })
}

fn with_judge(
    history: &History,
    view: View,
    work: impl FnOnce(&Judge<'_>, Vec<Verdict>) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let policy = match adopted_policy(history, view.known_at) {
        Some(adopted) => adopted?,
        None => Policy::shipped()?,
    };
    let calendar = Calendar::shipped()?;
    let judge = Judge::new(&policy, &calendar, history, view);
    let verdicts = judge_all(&judge, cores());
    work(&judge, verdicts)
}
