//! The figures of one cell.

use std::collections::BTreeMap;

use mandate_domain::judge::Outcome;
use mandate_domain::policy::Basis;
use mandate_projections::DutyCount;
use serde::Serialize;

/// Duties that had to be met, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged {
    pub met: u64,
    pub met_late: u64,
    pub overdue: u64,
    pub lapsed: u64,
}

impl Judged {
    fn add(&mut self, outcome: Outcome, duties: u64) {
        match outcome {
            Outcome::Met => self.met += duties,
            Outcome::MetLate => self.met_late += duties,
            Outcome::Overdue => self.overdue += duties,
            Outcome::Lapsed => self.lapsed += duties,
            Outcome::Pending
            | Outcome::Withdrawn
            | Outcome::Superseded
            | Outcome::Exempt
            | Outcome::Annulled => {}
        }
    }

    pub const fn missed(&self) -> u64 {
        self.met_late + self.overdue + self.lapsed
    }

    pub const fn all(&self) -> u64 {
        self.met + self.missed()
    }
}

/// What was counted in one cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Under rules of the policy, neither not evidenced nor inherited.
    pub policy: Judged,
    /// Of those missed, how many could be known only after they were due.
    pub late_notified: u64,
    pub not_evidenced: Judged,
    pub inherited: Judged,
    pub withdrawn: u64,
    pub exempt: u64,
    pub superseded: u64,
    pub pending: u64,
    /// Under local targets, likewise.
    pub local: Judged,
    pub local_apart: u64,
    /// Duties of the rate by how many days passed until they could be known.
    pub lags: BTreeMap<u32, u64>,
}

impl Tally {
    /// Takes in duties that count alike.
    pub fn add(&mut self, count: &DutyCount, basis: Basis) {
        let duties = count.duties;
        match (basis, count.outcome) {
            (_, Outcome::Annulled) => {}
            (Basis::Local, outcome) if count.not_evidenced || count.inherited => {
                let mut apart = Judged::default();
                apart.add(outcome, duties);
                self.local_apart += apart.all();
            }
            (Basis::Local, outcome) => self.local.add(outcome, duties),
            (Basis::Policy, Outcome::Pending) => self.pending += duties,
            (Basis::Policy, Outcome::Withdrawn) => self.withdrawn += duties,
            (Basis::Policy, Outcome::Exempt) => self.exempt += duties,
            (Basis::Policy, Outcome::Superseded) => self.superseded += duties,
            (Basis::Policy, Outcome::Met | Outcome::MetLate | Outcome::Overdue | Outcome::Lapsed) => {
                self.add_judged(count);
            }
        }
    }

    /// Takes in another tally.
    pub fn join(&mut self, other: &Self) {
        for (own, more) in [
            (&mut self.policy, &other.policy),
            (&mut self.not_evidenced, &other.not_evidenced),
            (&mut self.inherited, &other.inherited),
            (&mut self.local, &other.local),
        ] {
            own.met += more.met;
            own.met_late += more.met_late;
            own.overdue += more.overdue;
            own.lapsed += more.lapsed;
        }
        self.late_notified += other.late_notified;
        self.withdrawn += other.withdrawn;
        self.exempt += other.exempt;
        self.superseded += other.superseded;
        self.pending += other.pending;
        self.local_apart += other.local_apart;
        for (days, duties) in &other.lags {
            *self.lags.entry(*days).or_default() += duties;
        }
    }

    fn add_judged(&mut self, count: &DutyCount) {
        let DutyCount { outcome, duties, .. } = *count;
        if count.not_evidenced {
            self.not_evidenced.add(outcome, duties);
        } else if count.inherited {
            self.inherited.add(outcome, duties);
        } else {
            self.policy.add(outcome, duties);
            *self.lags.entry(count.lag_days).or_default() += duties;
            if outcome != Outcome::Met && count.born_overdue {
                self.late_notified += duties;
            }
        }
    }

    /// The days within which so many of a hundred duties could be known: the least that so many reach.
    fn percentile(&self, percent: u64) -> Option<u32> {
        let all: u64 = self.lags.values().sum();
        let rank = (all * percent).div_ceil(100).max(1);
        let mut reached = 0;
        self.lags.iter().find_map(|(days, duties)| {
            reached += duties;
            (reached >= rank).then_some(*days)
        })
    }
}

/// For whom figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// People who answer for duties: every count as it is.
    Everyone,
    /// A board: no small counts, and fewer figures so that fewer are kept back.
    Board,
}

/// Blocks of figures that are shown or kept back each by itself.
pub const BLOCKS: usize = 5;

/// The figures of each block that add up over cells, as they are shown to a board.
pub fn blocks(tally: &Tally) -> [Vec<u64>; BLOCKS] {
    [
        vec![tally.policy.met, tally.policy.missed(), tally.policy.all()],
        vec![tally.not_evidenced.all()],
        vec![tally.inherited.all()],
        vec![tally.withdrawn, tally.exempt, tally.superseded, tally.pending],
        vec![tally.local.met, tally.local.missed(), tally.local.all(), tally.local_apart],
    ]
}

/// A cell as written; a figure is null where it is kept back or not shown to a board.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    met: Option<u64>,
    met_late: Option<u64>,
    overdue: Option<u64>,
    lapsed: Option<u64>,
    missed: Option<u64>,
    denominator: Option<u64>,
    rate_percent: Option<String>,
    late_notified: Option<u64>,
    late_acted: Option<u64>,
    recording_lag_median_days: Option<u32>,
    recording_lag_p90_days: Option<u32>,
    not_evidenced: Option<u64>,
    inherited: Option<u64>,
    inherited_met: Option<u64>,
    withdrawn: Option<u64>,
    exempt: Option<u64>,
    superseded: Option<u64>,
    pending: Option<u64>,
    local_met: Option<u64>,
    local_missed: Option<u64>,
    local_denominator: Option<u64>,
    local_rate_percent: Option<String>,
    local_apart: Option<u64>,
    kept_back: Vec<&'static str>,
}

/// Names of the blocks.
const NAMES: [&str; BLOCKS] = ["rate", "notEvidenced", "inherited", "leftOut", "localTargets"];

/// The rate of a cell, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rate {
    /// It would give a small count away.
    KeptBack,
    /// No duty under the policy fell due.
    Nothing,
    /// So many of so many, in percent, cut off after one decimal.
    Of {
        /// Met in time.
        met: u64,
        /// All that had to be.
        all: u64,
        /// Percent.
        percent: String,
    },
}

impl Figures {
    /// The rate.
    pub fn rate(&self) -> Rate {
        match (self.met, self.denominator, &self.rate_percent) {
            (Some(met), Some(all), Some(percent)) => Rate::Of { met, all, percent: percent.clone() },
            (Some(_), Some(_), None) => Rate::Nothing,
            _ => Rate::KeptBack,
        }
    }

    /// The figures of a cell, but for the blocks kept back.
    pub fn of(tally: &Tally, audience: Audience, kept_back: [bool; BLOCKS]) -> Self {
        let [no_rate, no_evidence, no_inherited, no_left_out, no_local] = kept_back;
        let Tally { policy, local, .. } = tally;
        let shown = |hidden: bool, number: u64| (!hidden).then_some(number);
        let rate = |number| shown(no_rate, number);
        let detail = |number| shown(no_rate || audience == Audience::Board, number);
        let lag = |percent| if audience == Audience::Board { None } else { tally.percentile(percent) };
        Self {
            met: rate(policy.met),
            met_late: detail(policy.met_late),
            overdue: detail(policy.overdue),
            lapsed: detail(policy.lapsed),
            missed: rate(policy.missed()),
            denominator: rate(policy.all()),
            rate_percent: rate(policy.all()).and_then(|all| percent(policy.met, all)),
            late_notified: detail(tally.late_notified),
            late_acted: detail(policy.missed().saturating_sub(tally.late_notified)),
            recording_lag_median_days: lag(50),
            recording_lag_p90_days: lag(90),
            not_evidenced: shown(no_evidence, tally.not_evidenced.all()),
            inherited: shown(no_inherited, tally.inherited.all()),
            inherited_met: shown(no_inherited || audience == Audience::Board, tally.inherited.met),
            withdrawn: shown(no_left_out, tally.withdrawn),
            exempt: shown(no_left_out, tally.exempt),
            superseded: shown(no_left_out, tally.superseded),
            pending: shown(no_left_out, tally.pending),
            local_met: shown(no_local, local.met),
            local_missed: shown(no_local, local.missed()),
            local_denominator: shown(no_local, local.all()),
            local_rate_percent: shown(no_local, local.all()).and_then(|all| percent(local.met, all)),
            local_apart: shown(no_local, tally.local_apart),
            kept_back: NAMES
                .into_iter()
                .zip(kept_back)
                .filter(|(_, kept)| *kept)
                .map(|(name, _)| name)
                .collect(),
        }
    }

    /// The columns of a CSV.
    pub const COLUMNS: [&'static str; 24] = [
        "met",
        "metLate",
        "overdue",
        "lapsed",
        "missed",
        "denominator",
        "ratePercent",
        "lateNotified",
        "lateActed",
        "recordingLagMedianDays",
        "recordingLagP90Days",
        "notEvidenced",
        "inherited",
        "inheritedMet",
        "withdrawn",
        "exempt",
        "superseded",
        "pending",
        "localMet",
        "localMissed",
        "localDenominator",
        "localRatePercent",
        "localApart",
        "keptBack",
    ];

    /// The cells of a CSV, in the order of the columns; empty where nothing is shown.
    pub fn cells(&self) -> Vec<String> {
        fn text<T: ToString>(value: Option<&T>) -> String {
            value.map_or(String::new(), ToString::to_string)
        }
        vec![
            text(self.met.as_ref()),
            text(self.met_late.as_ref()),
            text(self.overdue.as_ref()),
            text(self.lapsed.as_ref()),
            text(self.missed.as_ref()),
            text(self.denominator.as_ref()),
            text(self.rate_percent.as_ref()),
            text(self.late_notified.as_ref()),
            text(self.late_acted.as_ref()),
            text(self.recording_lag_median_days.as_ref()),
            text(self.recording_lag_p90_days.as_ref()),
            text(self.not_evidenced.as_ref()),
            text(self.inherited.as_ref()),
            text(self.inherited_met.as_ref()),
            text(self.withdrawn.as_ref()),
            text(self.exempt.as_ref()),
            text(self.superseded.as_ref()),
            text(self.pending.as_ref()),
            text(self.local_met.as_ref()),
            text(self.local_missed.as_ref()),
            text(self.local_denominator.as_ref()),
            text(self.local_rate_percent.as_ref()),
            text(self.local_apart.as_ref()),
            self.kept_back.join(" "),
        ]
    }
}

/// A share in hundredths with one decimal, cut off, so that only all of them are 100.0; none of nothing.
#[must_use]
pub fn percent(part: u64, whole: u64) -> Option<String> {
    let tenths = (part * 1_000).checked_div(whole)?;
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_of_them_are_a_hundred_percent_and_none_of_nothing_is_no_rate() {
        assert_eq!(percent(2_999, 3_000).as_deref(), Some("99.9"));
        assert_eq!(percent(3_000, 3_000).as_deref(), Some("100.0"));
        assert_eq!(percent(2, 3).as_deref(), Some("66.6"));
        assert_eq!(percent(0, 0), None);
    }

    #[test]
    fn the_lag_is_the_least_number_of_days_that_so_many_reach() {
        let tally = Tally { lags: [(0, 5), (2, 4), (9, 1)].into(), ..Tally::default() };
        assert_eq!((tally.percentile(50), tally.percentile(90)), (Some(0), Some(2)));
        assert_eq!(Tally::default().percentile(50), None);
    }
}
