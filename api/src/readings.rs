//! How many breaches there are under each recorded reading of the framework, and under those that were not chosen.

use std::collections::BTreeMap;

use mandate_domain::calendar::Calendar;
use mandate_domain::judge::backtest::Period;
use mandate_domain::judge::{History, Judge, Verdict, View};
use mandate_domain::policy::{
    Basis, DRAFTS, Interpretation, Policy, PolicyError, PolicyFiles, shipped_draft,
};
use serde::Serialize;

use crate::backtest::{Asked, compared, run};
use crate::bulk::{cores, judge_all};

/// A recorded reading with what it comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// Its id.
    pub id: String,
    /// What the words leave open.
    pub question: String,
    /// What was chosen.
    pub choice: String,
    /// The rules that rest on it.
    pub rules: Vec<String>,
    /// Duties under these rules.
    pub duties: u64,
    /// Breaches under these rules.
    pub breaches: u64,
    /// Readings that were not chosen and ship as drafts.
    pub alternatives: Vec<Alternative>,
}

/// A reading that was not chosen, with what it would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// The draft.
    pub draft: String,
    /// What would have been chosen.
    pub choice: String,
    /// Breaches under the rules that rest on the reading, were it chosen.
    pub breaches: u64,
    /// Breaches that it adds.
    pub appear: u64,
    /// Breaches that it takes away.
    pub vanish: u64,
}

/// Counts the breaches of a history under each reading of a policy, without subjects that are `hidden`.
///
/// # Errors
/// [`PolicyError`] when a draft that ships does not go with the policy in force.
pub fn readings(
    files: &PolicyFiles,
    policy: &Policy,
    calendar: &Calendar,
    (history, view): (&History, View),
    hidden: &dyn Fn(&str) -> bool,
) -> Result<Vec<Reading>, PolicyError> {
    let threads = cores();
    let judge = Judge::new(policy, calendar, history, view);
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let verdicts = judge_all(&judge, threads);
    let seen = |verdict: &&Verdict| !hidden(history.symbols.text(verdict.subject()));
    for verdict in verdicts.iter().filter(seen) {
        let (duties, breaches) = counts.entry(judge.rule_id(verdict)).or_default();
        *duties += 1;
        *breaches += u64::from(verdict.breach);
    }
    let mut found: Vec<Reading> =
        policy.interpretations.values().map(|reading| counted(policy, reading, &counts)).collect();
    for draft in DRAFTS {
        let Some(own) = shipped_draft(draft) else { continue };
        let drafted = Policy::load(&files.clone().with(own))?;
        let Some((taken, reading)) = taken(&mut found, &drafted) else { continue };
        let compared = compared(policy, calendar, &drafted);
        let asked = Asked { compared, history, view, period: Period::default() };
        let lines = run(&asked, threads, hidden, |_| false).summary.lines;
        let policy_lines = || lines.iter().filter(|line| line.basis == Basis::Policy);
        let appear = policy_lines().map(|line| line.numbers.missed_appear).sum::<u64>();
        let vanish = policy_lines().map(|line| line.numbers.missed_vanish).sum::<u64>();
        let breaches = (taken.breaches + appear).saturating_sub(vanish);
        let alternative = Alternative {
            draft: (*draft).to_owned(),
            choice: reading.choice.clone(),
            breaches,
            appear,
            vanish,
        };
        taken.alternatives.push(alternative);
    }
    Ok(found)
}

/// The reading that a draft takes the place of, and the draft's own.
fn taken<'f, 'd>(
    found: &'f mut [Reading],
    drafted: &'d Policy,
) -> Option<(&'f mut Reading, &'d Interpretation)> {
    let reading = drafted.interpretations.values().find(|reading| reading.instead_of.is_some())?;
    let taken = found.iter_mut().find(|own| Some(&own.id) == reading.instead_of.as_ref())?;
    Some((taken, reading))
}

fn counted(policy: &Policy, reading: &Interpretation, counts: &BTreeMap<&str, (u64, u64)>) -> Reading {
    let rests = |rule: &&mandate_domain::policy::Rule| {
        rule.versions.iter().any(|version| version.interpretations.contains(&reading.id))
    };
    let rules: Vec<String> = policy.rules.iter().filter(rests).map(|rule| rule.id.clone()).collect();
    let of = |rule: &String| counts.get(rule.as_str()).copied().unwrap_or_default();
    Reading {
        id: reading.id.clone(),
        question: reading.question.clone(),
        choice: reading.choice.clone(),
        duties: rules.iter().map(|rule| of(rule).0).sum(),
        breaches: rules.iter().map(|rule| of(rule).1).sum(),
        rules,
        alternatives: Vec::new(),
    }
}
