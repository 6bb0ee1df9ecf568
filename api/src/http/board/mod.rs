//! The board report: the framework's four outcomes, quarter on quarter, and what late facts changed.

mod kept;
mod outcomes;
mod quarters;

use std::collections::BTreeMap;

use mandate_domain::judge::View;
use mandate_domain::policy::{Basis, Policy};
use mandate_domain::time::{Date, Instant};
use mandate_projections::{DutyCount, Grain};

pub use self::outcomes::{OUTCOMES, Outcome};
pub use self::quarters::{Quarter, quarters};
use super::app::App;
use super::compliance::{Audience, Counted, Tally, by_rule, percent};
use super::error::HttpError;
use super::sight::Hidden;

/// Quarters side by side, the present one among them.
pub const QUARTERS: usize = 5;
/// Counts from 1 up to below this are small.
const SMALL: u64 = 5;

/// So many met of so many that had to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Met in time.
    pub met: u64,
    /// All that had to be.
    pub all: u64,
}

impl Share {
    /// The rate in percent, cut off after one decimal; none of nothing.
    #[must_use]
    pub fn percent(self) -> Option<String> {
        percent(self.met, self.all)
    }

    /// Under the policy's own numbers, or under local targets.
    fn of(tally: &Tally, basis: Basis) -> Self {
        let judged = match basis {
            Basis::Policy => &tally.policy,
            Basis::Local => &tally.local,
        };
        Self { met: judged.met, all: judged.all() }
    }

    const fn figures(self) -> [u64; 3] {
        [self.met, self.all - self.met, self.all]
    }

    fn plus(self, other: Self) -> Self {
        Self { met: self.met + other.met, all: self.all + other.all }
    }
}

/// A number of the report; none where it is kept back.
pub type Shown = Option<Share>;

/// A quarter in figures.
#[derive(Debug, Clone)]
pub struct InFigures {
    /// Which.
    pub quarter: Quarter,
    /// The outcomes, in their order.
    pub outcomes: [Shown; 4],
    /// All of them.
    pub all: Shown,
    /// The rules of each outcome.
    pub rules: BTreeMap<String, Shown>,
}

/// What is reported on.
pub struct Asked<'a> {
    /// One area; all where none is named.
    pub area: Option<&'a str>,
    /// The moment.
    pub view: View,
    /// The moment, where it is a past one.
    pub past: Option<View>,
    /// For whom.
    pub audience: Audience,
    /// What is hidden from whoever looks.
    pub hidden: Hidden,
}

/// The block of figures of a basis among those that are kept back each by itself.
const fn block(basis: Basis) -> usize {
    match basis {
        Basis::Policy => 0,
        Basis::Local => 4,
    }
}

/// The last quarters in figures, the earliest first: under the policy's own numbers, and under local targets.
///
/// # Errors
/// [`HttpError`] when the read models cannot be read, or a past moment cannot be judged.
pub fn figures(app: &App, asked: &Asked<'_>) -> Result<Vec<[InFigures; 2]>, HttpError> {
    let quarters = quarters(asked.view.as_at.london_date(), QUARTERS);
    let periods: Vec<(Date, Date)> = quarters.iter().map(|quarter| (quarter.from, quarter.to)).collect();
    let counts = counted(app, asked, asked.past, asked.audience)?.due(&periods, Grain::Coarse)?;
    let both = quarters.into_iter().zip(&counts);
    both.map(|(quarter, counts)| in_figures(app, asked, counts, quarter)).collect()
}

/// The duties of the area asked about; what a board is not shown follows from all areas.
fn counted<'a>(
    app: &'a App,
    asked: &Asked<'_>,
    past: Option<View>,
    audience: Audience,
) -> Result<Counted<'a>, HttpError> {
    let counted = Counted::at(app, past, &asked.hidden);
    match (asked.area, audience) {
        (Some(area), Audience::Everyone) => counted.within(area, past.unwrap_or(asked.view)),
        (Some(_), Audience::Board) | (None, _) => Ok(counted),
    }
}

fn in_figures(
    app: &App,
    asked: &Asked<'_>,
    counts: &[DutyCount],
    quarter: Quarter,
) -> Result<[InFigures; 2], HttpError> {
    let (rules, (all, all_kept)) = by_rule(app, counts, asked.area, asked.view, asked.audience)?;
    let of = |basis: Basis| {
        let is_kept = |kept: &[bool]| kept.get(block(basis)) == Some(&true);
        let leaves: Vec<(&str, kept::Leaf)> = rules
            .iter()
            .map(|(rule, (tally, kept))| {
                let share = Share::of(tally, basis);
                (rule.as_str(), kept::Leaf { hidden: is_kept(kept), figures: share.figures(), share })
            })
            .collect();
        let groups = OUTCOMES.map(|outcome| {
            let own = leaves.iter().filter(|(rule, _)| Outcome::of(rule) == outcome);
            own.map(|(_, leaf)| *leaf).collect::<Vec<_>>()
        });
        let hidden = kept::groups(&groups, is_kept(&all_kept));
        let sum =
            |group: &[kept::Leaf]| group.iter().fold(Share::default(), |sum, leaf| sum.plus(leaf.share));
        let mut outcomes = [None; 4];
        for ((shown, group), hidden) in outcomes.iter_mut().zip(&groups).zip(hidden) {
            *shown = (!hidden).then(|| sum(group));
        }
        InFigures {
            quarter,
            outcomes,
            all: (!is_kept(&all_kept)).then(|| Share::of(&all, basis)),
            rules: leaves
                .iter()
                .filter(|(_, leaf)| leaf.hidden || leaf.share.all > 0)
                .map(|(rule, leaf)| ((*rule).to_owned(), (!leaf.hidden).then_some(leaf.share)))
                .collect(),
        }
    };
    Ok([of(Basis::Policy), of(Basis::Local)])
}

/// What late facts changed in a quarter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// Fewer duties than a board is told of.
    Little,
    /// Then, and now.
    From(Share, Share),
}

impl Change {
    /// The change as it may be told.
    fn of(then: Share, now: Share, audience: Audience) -> Self {
        let small = |count: u64| (1..SMALL).contains(&count);
        let differ =
            then.figures().into_iter().zip(now.figures()).any(|(one, other)| small(one.abs_diff(other)));
        let figures = then.figures().into_iter().chain(now.figures()).any(small);
        if then == now {
            Self::Nothing
        } else if audience == Audience::Board && (differ || figures) {
            Self::Little
        } else {
            Self::From(then, now)
        }
    }
}

/// A quarter as it was known at its end and as it is known at a later moment, both as at its end: what differs does so
/// because facts came late or were annulled. By outcome, and by rule for those who answer for duties.
///
/// # Errors
/// [`HttpError`] when the read models cannot be read.
pub fn changes(
    app: &App,
    asked: &Asked<'_>,
    quarter: Quarter,
) -> Result<([Change; 4], BTreeMap<String, Change>), HttpError> {
    let end = Instant::from_nanos(quarter.to.end().nanos() - 1);
    let at = |known_at: Instant| -> Result<BTreeMap<String, Share>, HttpError> {
        let view = View { as_at: end, known_at };
        let counted = counted(app, asked, Some(view), Audience::Everyone)?;
        let counts = counted.due(&[(quarter.from, quarter.to)], Grain::Coarse)?.concat();
        let (rules, _) = by_rule(app, &counts, asked.area, view, Audience::Everyone)?;
        Ok(rules.into_iter().map(|(rule, (tally, _))| (rule, Share::of(&tally, Basis::Policy))).collect())
    };
    let (then, now) = (at(end)?, at(asked.view.known_at)?);
    let of = |shares: &BTreeMap<String, Share>, outcome: Outcome| {
        let own = shares.iter().filter(|(rule, _)| Outcome::of(rule) == outcome);
        own.fold(Share::default(), |sum, (_, share)| sum.plus(*share))
    };
    let outcomes = OUTCOMES.map(|outcome| Change::of(of(&then, outcome), of(&now, outcome), asked.audience));
    let mut rules = BTreeMap::new();
    if asked.audience == Audience::Everyone {
        for rule in then.keys().chain(now.keys()) {
            let share = |shares: &BTreeMap<String, Share>| shares.get(rule).copied().unwrap_or_default();
            let change = Change::of(share(&then), share(&now), asked.audience);
            if change != Change::Nothing {
                rules.insert(rule.clone(), change);
            }
        }
    }
    Ok((outcomes, rules))
}

/// The rules of a policy that serve an outcome under a basis.
#[must_use]
pub fn rules_of(policy: &Policy, outcome: Outcome, basis: Basis) -> Vec<String> {
    let own = policy.rules.iter().filter(|rule| rule.basis == basis && Outcome::of(&rule.id) == outcome);
    own.map(|rule| rule.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(met: u64, all: u64) -> Share {
        Share { met, all }
    }

    #[test]
    fn a_board_is_told_of_a_small_change_without_its_figures() {
        let told = |then, now, audience| Change::of(then, now, audience);
        assert_eq!(told(share(20, 25), share(21, 25), Audience::Board), Change::Little);
        assert_eq!(told(share(20, 30), share(20, 30), Audience::Board), Change::Nothing);
        let large = Change::From(share(20, 40), share(30, 40));
        assert_eq!(told(share(20, 40), share(30, 40), Audience::Board), large);
        let small = Change::From(share(20, 25), share(21, 25));
        assert_eq!(told(share(20, 25), share(21, 25), Audience::Everyone), small);
    }
}
