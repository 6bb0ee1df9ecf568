//! The report of a backtest: per rule and holder what appears, vanishes and moves, and the cases behind each number.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Backtest, Case, Part, Side, Tally};
use crate::policy::Basis;
use crate::time::{Date, Instant};
use crate::vocabulary::NONE;

/// What a draft would have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Everything but the cases.
    #[serde(flatten)]
    pub summary: Summary,
    /// The cases that were asked for.
    pub cases: Vec<CaseRecord>,
}

/// What was compared, and the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// SHA-256 of the policy in force.
    pub adopted: String,
    /// SHA-256 of the draft.
    pub draft: String,
    /// SHA-256 of the draft's bank holidays, where it has its own.
    pub draft_calendar: Option<String>,
    /// As at.
    pub as_at: Instant,
    /// As known at.
    pub known_at: Instant,
    /// The first day of the deadlines compared.
    pub from: Option<Date>,
    /// The last day of the deadlines compared.
    pub to: Option<Date>,
    /// Facts in the history.
    pub facts: u64,
    /// Subjects that were judged under both.
    pub subjects: u64,
    /// Rules that are new, gone or read otherwise.
    pub changed_rules: Vec<String>,
    /// These and those that they can touch.
    pub judged_rules: Vec<String>,
    /// The numbers by rule and holder.
    pub lines: Vec<Line>,
    /// The sum of these.
    pub total: Numbers,
    /// SHA-256 of the report and of all its cases, whichever of them are shown.
    pub digest: String,
}

/// The numbers of one rule and one holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The rule.
    pub rule: String,
    /// `policy`, where a missed deadline is a breach, or `local`.
    pub basis: Basis,
    /// Who answers; none where unknown.
    pub holder: Option<String>,
    /// The numbers.
    #[serde(flatten)]
    pub numbers: Numbers,
}

/// Numbers of a report; `missed` are breaches under a rule of basis `policy`, else missed local targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Numbers {
    /// Duties under the adopted policy.
    pub duties_adopted: u64,
    /// Duties under the draft.
    pub duties_draft: u64,
    /// Duties that open under the draft alone.
    pub duties_appear: u64,
    /// Duties that open under the adopted policy alone.
    pub duties_vanish: u64,
    /// Duties due at another moment.
    pub duties_move: u64,
    /// Duties due at the same moment that end otherwise.
    pub duties_end_otherwise: u64,
    /// Missed deadlines under the adopted policy.
    pub missed_adopted: u64,
    /// Missed deadlines under the draft.
    pub missed_draft: u64,
    /// Missed deadlines that the draft adds.
    pub missed_appear: u64,
    /// Missed deadlines that the draft takes away.
    pub missed_vanish: u64,
}

impl Numbers {
    /// Whether anything differs.
    #[must_use]
    pub const fn differ(&self) -> bool {
        self.duties_appear + self.duties_vanish + self.duties_move + self.duties_end_otherwise > 0
            || self.missed_adopted != self.missed_draft
    }
}

impl From<&Tally> for Numbers {
    fn from(tally: &Tally) -> Self {
        let ([duties_adopted, duties_draft], [missed_adopted, missed_draft]) = (tally.duties, tally.missed);
        Self {
            duties_adopted,
            duties_draft,
            duties_appear: tally.appear,
            duties_vanish: tally.vanish,
            duties_move: tally.move_,
            duties_end_otherwise: tally.end_otherwise,
            missed_adopted,
            missed_draft,
            missed_appear: tally.missed_appear,
            missed_vanish: tally.missed_vanish,
        }
    }
}

/// A duty that the two policies do not judge alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseRecord {
    /// Its id.
    pub duty: String,
    /// The rule.
    pub rule: String,
    /// Whom it is about.
    pub subject: String,
    /// Who answers: under the draft, where it opens under it.
    pub holder: Option<String>,
    /// When it was opened.
    pub opened_at: Instant,
    /// `appears`, `vanishes`, `moves` or `ends_otherwise`.
    pub change: &'static str,
    /// `appears` or `vanishes`, where a missed deadline does.
    pub missed: Option<&'static str>,
    /// Under the adopted policy.
    pub adopted: Option<SideRecord>,
    /// Under the draft.
    pub draft: Option<SideRecord>,
}

/// A duty under one of the policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SideRecord {
    /// The last day.
    pub due_on: Option<Date>,
    /// The instant from which it is overdue.
    pub due_at: Option<Instant>,
    /// What it is.
    pub outcome: &'static str,
    /// The fact that ended it.
    pub closed_by: Option<String>,
    /// When it ended.
    pub closed_at: Option<Instant>,
}

impl Backtest<'_> {
    /// Writes the report of everything that was found, with those cases that are wanted.
    #[must_use]
    pub fn report(&self, mut part: Part, wanted: impl Fn(&CaseRecord) -> bool) -> Report {
        self.sort(&mut part);
        let [adopted, _] = &self.judges;
        let mut total = Tally::default();
        part.tallies.values().for_each(|tally| total.add(tally));
        let mut lines: Vec<Line> =
            part.tallies.iter().map(|((rule, holder), tally)| self.line(*rule, *holder, tally)).collect();
        let place = |line: &Line| self.scope.affected.iter().position(|id| *id == line.rule);
        lines.sort_by(|a, b| (place(a), &a.holder).cmp(&(place(b), &b.holder)));
        let mut summary = Summary {
            adopted: self.compared.adopted.sha256.clone(),
            draft: self.compared.draft.sha256.clone(),
            draft_calendar: self.compared.draft_calendar.map(crate::calendar::Calendar::sha256),
            as_at: adopted.view.as_at,
            known_at: adopted.view.known_at,
            from: self.period.from,
            to: self.period.to,
            facts: adopted.context.history.len() as u64,
            subjects: part.units,
            changed_rules: self.scope.changed.clone(),
            judged_rules: self.scope.affected.clone(),
            lines,
            total: Numbers::from(&total),
            digest: String::new(),
        };
        let mut cases = Vec::new();
        let mut hasher = Sha256::new();
        digest(&mut hasher, &summary);
        for case in &part.cases {
            let record = self.record(case);
            digest(&mut hasher, &record);
            if wanted(&record) {
                cases.push(record);
            }
        }
        summary.digest = crate::policy::hexadecimal(hasher.finalize().into());
        Report { summary, cases }
    }

    fn sort(&self, part: &mut Part) {
        let history = self.judges[0].context.history;
        let holder = |case: &Case| history.symbols.text(case.holder());
        part.cases.sort_by(|a, b| {
            (a.rule, holder(a), history.symbols.text(a.subject), a.opened_at)
                .cmp(&(b.rule, holder(b), history.symbols.text(b.subject), b.opened_at))
                .then_with(|| history.source_and_id(a.opener).cmp(&history.source_and_id(b.opener)))
                .then_with(|| a.day.cmp(&b.day))
        });
    }

    fn rule(&self, place: u16) -> &str {
        self.scope.affected.get(usize::from(place)).map_or("", String::as_str)
    }

    fn line(&self, rule: u16, holder: u32, tally: &Tally) -> Line {
        let rule = self.rule(rule);
        let found = self.compared.draft.rule(rule).or_else(|| self.compared.adopted.rule(rule));
        Line {
            rule: rule.to_owned(),
            basis: found.map_or(Basis::Local, |rule| rule.basis),
            holder: self.holder(holder),
            numbers: Numbers::from(tally),
        }
    }

    fn holder(&self, holder: u32) -> Option<String> {
        (holder != NONE).then(|| self.judges[0].context.history.symbols.text(holder).to_owned())
    }

    fn record(&self, case: &Case) -> CaseRecord {
        let history = self.judges[0].context.history;
        let (rule, subject) = (self.rule(case.rule), history.symbols.text(case.subject));
        let day = case.day.map_or(String::new(), |day| format!(":{day}"));
        let side = |side: Side| SideRecord {
            due_on: side.due_on,
            due_at: side.due_at,
            outcome: side.outcome.name(),
            closed_by: (side.closed_by != NONE).then(|| history.reference(side.closed_by)),
            closed_at: side.closed_at,
        };
        let [adopted, draft] = case.sides.map(|found| found.map(side));
        CaseRecord {
            duty: format!("{rule}:{subject}:{}{day}", history.reference(case.opener)),
            rule: rule.to_owned(),
            subject: subject.to_owned(),
            holder: self.holder(case.holder()),
            opened_at: case.opened_at,
            change: case.differs().name(),
            missed: case.missed().map(super::Differs::name),
            adopted,
            draft,
        }
    }
}

/// Takes one line of the report into its digest.
fn digest(hasher: &mut Sha256, line: &impl Serialize) {
    // Writing to memory cannot fail.
    let text = serde_json::to_string(line).unwrap_or_default();
    hasher.update(text.as_bytes());
    hasher.update(b"\n");
}
