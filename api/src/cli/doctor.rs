//! `mandate doctor`: what is wrong with Mandate itself, and what to do; works beside a running server.

use clap::Args;
use mandate_domain::time::{Clock as _, Instant, SystemClock, london_words};
use mandate_projections::Projections;
use mandate_scheduler::{DEAD_SECONDS, OnDuty, Problem, Vitals, Watch, silent_feeds};
use mandate_store::Options;
use std::sync::Arc;

use super::place::Place;
use super::{Exit, print};

/// Say what is wrong with Mandate itself and what to do about it; works beside a running server
///
/// Exit status: 0 nothing is wrong, 1 something is.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
///
/// # Errors
/// A log or read models that cannot be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let found = examine(&arguments.place, SystemClock.now())?;
    let on_duty = arguments.place.reader()?.lease()?.map(|holder| OnDuty::of(&holder, None));
    if arguments.json {
        print(format!("{}\n", serde_json::to_string_pretty(&found)?).as_bytes())?;
    } else {
        print(words(&found, on_duty.as_ref()).as_bytes())?;
    }
    Ok(if found.is_empty() { Exit::Done } else { Exit::Failed })
}

fn examine(place: &Place, now: Instant) -> anyhow::Result<Vec<Problem>> {
    let reader = place.reader()?;
    let status = Projections::status(&place.data_dir, &reader)?;
    let options: Options = place.options(Arc::new(SystemClock))?;
    // Each pass of a running scheduler moves the moment up to which the read models followed the clock.
    let passed_at = status.at.unwrap_or(Instant::MIN);
    let watch = Watch {
        reader: &reader,
        now,
        signs: options.signing_key.exists(),
        vitals: Vitals { started_at: passed_at, steps_at: Some(passed_at), mails_at: Some(passed_at) },
        behind: status.behind,
        parked: status.parked,
        mail: Projections::mail_of(&place.data_dir, now.plus_seconds(-DEAD_SECONDS))?,
    };
    let mut found = watch.problems()?;
    found.extend(silent_feeds(&Projections::feeds_of(&place.data_dir)?, now));
    Ok(found)
}

/// What is wrong, and which node raises and mails where there may be several.
fn words(found: &[Problem], on_duty: Option<&OnDuty>) -> String {
    let mut text = problems(found);
    if let Some(OnDuty { node, since, expired, .. }) = on_duty {
        let since = london_words(*since);
        text.push_str(&match expired {
            false => format!("Node {node} raises and mails since {since}; the others stand by.\n"),
            true => format!(
                "No node raises and mails: node {node} did so since {since} and is not heard of any more. Start a node.\n"
            ),
        });
    }
    text
}

fn problems(found: &[Problem]) -> String {
    if found.is_empty() {
        return "Nothing is wrong: the scheduler passes, mail leaves, read models and checkpoints keep up, no feed is \
                silent.\n"
            .to_owned();
    }
    found
        .iter()
        .map(|problem| format!("{}\n  {}\n  What to do: {}\n\n", problem.title, problem.what, problem.remedy))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_is_told_with_what_to_do() {
        let problem = Problem {
            code: "mail",
            title: "mail does not leave".to_owned(),
            what: "3 mails wait.".to_owned(),
            remedy: "Check the mail server.".to_owned(),
        };
        assert_eq!(
            words(&[problem], None),
            "mail does not leave\n  3 mails wait.\n  What to do: Check the mail server.\n\n"
        );
        assert!(words(&[], None).starts_with("Nothing is wrong"));
    }

    #[test]
    fn the_node_that_raises_and_mails_is_told_with_since_when() {
        let since = Instant::parse("2026-03-02T09:00:00Z").unwrap();
        let mut on_duty =
            OnDuty { node: "app-1-0f".to_owned(), since, term: Some(3), here: false, expired: false };
        let told = words(&[], Some(&on_duty));
        assert!(
            told.contains("Node app-1-0f raises and mails since") && told.contains("2 March 2026"),
            "{told}"
        );
        on_duty.expired = true;
        assert!(words(&[], Some(&on_duty)).contains("No node raises and mails"));
    }
}
