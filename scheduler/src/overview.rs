//! What one person has before them: overdue, due this week, without evidence, stated in error.

use std::collections::{BTreeMap, BTreeSet};

use mandate_domain::judge::Outcome;
use mandate_domain::time::{Date, Instant};
use mandate_projections::{DutyFilter, DutyRow, MAX_PAGE, PostHolder, ProjectionError, Projections};

use crate::error::SchedulerError;
use crate::scheduler::Shared;

/// Organisations below one another that are looked at.
const MAX_DEPTH: usize = 4;
/// What marks a duty of whose holder nothing that could end it was ever recorded.
pub(crate) const NOT_EVIDENCED: &str = "not_evidenced";

/// The organisations that a person answers for, and the units whose cases they keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Desk {
    pub holders: BTreeSet<String>,
    pub units: BTreeSet<String>,
}

/// What is before them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overview {
    /// Overdue, the oldest first.
    pub overdue: Vec<DutyRow>,
    /// Due up to the end of the week, by the last working day to act.
    pub due: Vec<DutyRow>,
    /// Overdue, without evidence: how many of each paragraph.
    pub not_evidenced: BTreeMap<String, usize>,
    /// Of whom something was annulled since the digest before.
    pub annulled: Vec<String>,
}

impl Overview {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.overdue.is_empty()
            && self.due.is_empty()
            && self.not_evidenced.is_empty()
            && self.annulled.is_empty()
    }
}

impl Desk {
    /// The desk of who holds some posts: a CPC has the organisation and all below it, an LPC a unit, a ViSOR lead a
    /// prison, a deputy what the post has while nobody else fills it.
    pub fn of_posts(
        projections: &Projections,
        user: &str,
        posts: Vec<PostHolder>,
    ) -> Result<Self, ProjectionError> {
        let mut desk = Self::default();
        for PostHolder { org, post, .. } in posts {
            let stands_in = post == "deputy-cpc";
            if stands_in && !projections.post_holders(&org, "cpc")?.iter().all(|cpc| cpc == user) {
                continue;
            }
            match post.as_str() {
                "cpc" | "deputy-cpc" => desk.add_with_those_below(projections, org)?,
                _ if org.starts_with("unit/") => {
                    desk.units.insert(org.clone());
                    desk.holders.insert(org);
                }
                _ => drop(desk.holders.insert(org)),
            }
        }
        Ok(desk)
    }

    /// The desk of who manages an organisation's team.
    pub fn of_team(projections: &Projections, org: String) -> Result<Self, ProjectionError> {
        let mut desk = Self::default();
        if org.starts_with("unit/") {
            desk.units.insert(org.clone());
            desk.holders.insert(org);
        } else {
            desk.add_with_those_below(projections, org)?;
        }
        Ok(desk)
    }

    fn add_with_those_below(
        &mut self,
        projections: &Projections,
        org: String,
    ) -> Result<(), ProjectionError> {
        let mut level = vec![org];
        for _ in 0..MAX_DEPTH {
            let mut below = Vec::new();
            for org in level {
                if self.holders.insert(org.clone()) {
                    below.extend(projections.children(&org)?);
                }
            }
            level = below;
        }
        Ok(())
    }
}

/// The Sunday that ends the week of a day.
pub(crate) fn end_of_week(day: Date) -> Date {
    (0..7).map(|ahead| day.plus_days(ahead)).find(|day| is_sunday(*day)).unwrap_or(day)
}

fn is_sunday(day: Date) -> bool {
    day.is_weekend() && !day.next().is_weekend()
}

/// The open duties of all that a person answers for, by day, as in a calendar.
///
/// # Errors
/// [`ProjectionError`] when the read models cannot be read.
pub fn open_duties_of(projections: &Projections, user: &str) -> Result<Vec<DutyRow>, ProjectionError> {
    let posts = projections.all_post_holders()?.into_iter().filter(|post| post.user == user).collect();
    let desk = Desk::of_posts(projections, user, posts)?;
    let mut found = duties_of(projections, &desk, Outcome::Overdue, None)?;
    found.extend(duties_of(projections, &desk, Outcome::Pending, None)?);
    found.sort_by(|one, other| {
        (one.record.due_on, &one.reference).cmp(&(other.record.due_on, &other.reference))
    });
    Ok(found)
}

/// Duties of a desk with an outcome: those that its organisations hold and those of its units' cases.
fn duties_of(
    projections: &Projections,
    desk: &Desk,
    outcome: Outcome,
    due_to: Option<Date>,
) -> Result<Vec<DutyRow>, ProjectionError> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let filter = DutyFilter { outcomes: vec![outcome], due_to, size: MAX_PAGE, ..DutyFilter::default() };
    let list = |orgs: &BTreeSet<String>| orgs.iter().cloned().collect::<Vec<_>>();
    for filter in [
        DutyFilter { holders: list(&desk.holders), ..filter.clone() },
        DutyFilter { units: list(&desk.units), ..filter },
    ] {
        if filter.holders.is_empty() && filter.units.is_empty() {
            continue;
        }
        let rows = projections.duties(&filter)?.content;
        found.extend(rows.into_iter().filter(|row| seen.insert(row.record.duty.clone())));
    }
    Ok(found)
}

impl Shared {
    /// What is before a person on a day.
    pub fn overview(&self, desk: &Desk, on: Date) -> Result<Overview, SchedulerError> {
        let mut overview = Overview::default();
        let due_to = end_of_week(on);
        for row in duties_of(&self.projections, desk, Outcome::Overdue, None)? {
            if row.record.flags.iter().any(|flag| flag == NOT_EVIDENCED) {
                *overview.not_evidenced.entry(row.record.paragraph).or_default() += 1;
            } else {
                overview.overdue.push(row);
            }
        }
        overview.overdue.sort_by(|one, other| {
            (one.record.due_at, &one.reference).cmp(&(other.record.due_at, &other.reference))
        });
        overview.due = duties_of(&self.projections, desk, Outcome::Pending, Some(due_to))?;
        overview.due.sort_by(|one, other| {
            let by = |row: &DutyRow| (row.record.act_by.or(row.record.due_on), row.reference.clone());
            by(one).cmp(&by(other))
        });
        let since = self.digest_before(on);
        let found = self.projections.annulments(since, on.end())?;
        let own = |org: &Option<String>| {
            org.as_ref().is_some_and(|org| desk.holders.contains(org) || desk.units.contains(org))
        };
        let own = found.into_iter().filter(|one| one.orgs.iter().any(own));
        let annulled: BTreeSet<String> = own.map(|one| one.subject).collect();
        overview.annulled = annulled.into_iter().collect();
        Ok(overview)
    }

    /// When the digest before that of a day was due.
    fn digest_before(&self, on: Date) -> Instant {
        let Some(daily) = &self.settings.schedules.digest else { return on.previous().start() };
        let before = (1..8).map(|back| on.plus_days(-back)).find(|day| daily.falls_on(*day));
        before.map_or_else(|| on.previous().start(), |day| daily.time().on(day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_ends_on_its_sunday() {
        for (day, sunday) in [
            ("2026-11-23", "2026-11-29"),
            ("2026-11-28", "2026-11-29"),
            ("2026-11-29", "2026-11-29"),
            ("2026-11-30", "2026-12-06"),
        ] {
            assert_eq!(end_of_week(Date::parse(day).unwrap()).to_string(), sunday);
        }
    }
}
