//! What one person has before them: overdue, due this week, without evidence, stated in error.

use std::collections::{BTreeMap, BTreeSet};

use mandate_domain::judge::Outcome;
use mandate_domain::time::{Date, Instant};
use mandate_projections::{
    DutyFilter, DutyRow, MAX_PAGE, NoticeRow, Place, PostHolder, ProjectionError, Projections,
};
use mandate_store::Position;

use crate::error::SchedulerError;
use crate::notice::Template;
use crate::scheduler::Shared;
use crate::settings::Schedules;

/// Organisations below one another that are looked at.
const MAX_DEPTH: usize = 4;
/// What marks a duty of whose holder nothing that could end it was ever recorded.
const NOT_EVIDENCED: &str = "not_evidenced";

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
    /// Overdue, or missed for good since the digest before, without evidence: how many of each paragraph.
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

/// The open duties of all that a person answers for and may know of now, by day, as in a calendar.
///
/// # Errors
/// [`ProjectionError`] when the read models cannot be read.
pub fn open_duties_of(
    projections: &Projections,
    user: &str,
    now: Instant,
) -> Result<Vec<DutyRow>, ProjectionError> {
    let posts = projections.all_post_holders()?.into_iter().filter(|post| post.user == user).collect();
    let desk = Desk::of_posts(projections, user, posts)?;
    let except = projections.limited(now)?.except(user);
    let mut found = duties_of(projections, &desk, Outcome::Overdue, None, &except)?;
    found.extend(duties_of(projections, &desk, Outcome::Pending, None, &except)?);
    found.sort_by(|one, other| {
        (one.record.due_on, &one.reference).cmp(&(other.record.due_on, &other.reference))
    });
    Ok(found)
}

/// Duties of a desk with an outcome, but for those of some subjects: those that its organisations hold and those of its
/// units' cases.
fn duties_of(
    projections: &Projections,
    desk: &Desk,
    outcome: Outcome,
    due_to: Option<Date>,
    except: &[String],
) -> Result<Vec<DutyRow>, ProjectionError> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let except = except.to_vec();
    let filter =
        DutyFilter { outcomes: vec![outcome], due_to, except, size: MAX_PAGE, ..DutyFilter::default() };
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

/// Whose overview, and since which digest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub user: &'a str,
    pub on: Date,
    /// The digest before, and where this one stands.
    pub after: Place,
    pub until: Place,
}

impl Shared {
    /// What is before a person on a day, of what they may know.
    pub fn overview(&self, desk: &Desk, asked: Asked<'_>) -> Result<Overview, SchedulerError> {
        let limited = self.projections.limited(self.clock.now())?;
        let except = limited.except(asked.user);
        let mut overview = Overview::default();
        let due_to = end_of_week(asked.on);
        for row in duties_of(&self.projections, desk, Outcome::Overdue, None, &except)? {
            if is_not_evidenced(&row) {
                *overview.not_evidenced.entry(row.record.paragraph).or_default() += 1;
            } else {
                overview.overdue.push(row);
            }
        }
        let own = |org: &Option<String>| {
            org.as_ref().is_some_and(|org| desk.holders.contains(org) || desk.units.contains(org))
        };
        let orgs: Vec<String> = desk.holders.union(&desk.units).cloned().collect();
        for row in self.projections.lapsed(&orgs, asked.after, asked.until)? {
            if is_not_evidenced(&row) && limited.may_know(asked.user, &row.record.subject) {
                *overview.not_evidenced.entry(row.record.paragraph).or_default() += 1;
            }
        }
        overview.overdue.sort_by(|one, other| {
            (one.record.due_at, &one.reference).cmp(&(other.record.due_at, &other.reference))
        });
        overview.due = duties_of(&self.projections, desk, Outcome::Pending, Some(due_to), &except)?;
        overview.due.sort_by(|one, other| {
            let by = |row: &DutyRow| (row.record.act_by.or(row.record.due_on), row.reference.clone());
            by(one).cmp(&by(other))
        });
        let found = self.projections.annulments(asked.after, asked.until)?;
        let own = found.into_iter().filter(|one| one.orgs.iter().any(own));
        let annulled: BTreeSet<String> =
            own.map(|one| one.subject).filter(|subject| limited.may_know(asked.user, subject)).collect();
        overview.annulled = annulled.into_iter().collect();
        Ok(overview)
    }

    /// Where the mail of the clock stands that a person was sent before a place in the log; without one, when the one before
    /// that of a day was due.
    pub fn sent_before(
        &self,
        template: Template,
        user: &str,
        on: Date,
        before: Position,
    ) -> Result<Place, SchedulerError> {
        let sent = self.projections.sent_before(user, template.name(), before)?;
        if let Some(NoticeRow { position, queued_at, .. }) = sent {
            return Ok(Place { position, at: queued_at });
        }
        let Schedules { digest, team, .. } = &self.settings.schedules;
        let schedule = if template == Template::Team { team } else { digest };
        let due = schedule.as_ref().and_then(|schedule| {
            let day = (1..8).map(|back| on.plus_days(-back)).find(|day| schedule.falls_on(*day))?;
            Some(schedule.time().on(day))
        });
        Ok(Place { position: Position::START, at: due.unwrap_or_else(|| on.previous().start()) })
    }
}

/// Whether a missed duty is one of whose holder nothing that could end it was ever recorded.
pub(crate) fn is_not_evidenced(row: &DutyRow) -> bool {
    row.record.flags.iter().any(|flag| flag == NOT_EVIDENCED)
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
