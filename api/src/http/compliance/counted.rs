//! Where duties are counted from, and their tallies by rule and of one area.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use mandate_domain::catalogue::SubjectKind;
use mandate_domain::judge::View;
use mandate_domain::time::{Date, Instant};
use mandate_projections::{Counting, DutyCount, Grain, Past};

use super::figures::{Audience, BLOCKS, Tally};
use super::{By, Of, tallied, upwards};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::sight::Hidden;

/// A tally, and which of its blocks are kept back.
pub type Kept = (Tally, [bool; BLOCKS]);

/// The tallies of each rule, in one area where one is named, and of all rules; what a board is not shown of them is what
/// `/v1/compliance` does not show it either.
///
/// # Errors
/// [`HttpError`] when the read models cannot be read.
pub fn by_rule(
    app: &App,
    counts: &[DutyCount],
    area: Option<&str>,
    view: View,
    audience: Audience,
) -> Result<(BTreeMap<String, Kept>, Kept), HttpError> {
    let by: &[By] = if area.is_some() { &[By::Area, By::Rule] } else { &[By::Rule] };
    let (tallies, hidden) = tallied(app, by, counts, view, audience)?;
    let area = area.map(|area| Of::One(Some(area.to_owned())));
    let (mut rules, mut all) = (BTreeMap::new(), Kept::default());
    for (key, tally) in tallies {
        if area.as_ref().is_some_and(|area| key.first() != Some(area)) {
            continue;
        }
        let kept = hidden.get(&key).copied().unwrap_or_default();
        match key.last() {
            Some(Of::One(Some(rule))) => drop(rules.insert(rule.clone(), (tally, kept))),
            Some(Of::All) => all = (tally, kept),
            Some(Of::One(None)) | None => {}
        }
    }
    Ok((rules, all))
}

/// The tally of all duties of one area, the area's units apart where that is asked for: the unit, none for the area
/// itself.
///
/// # Errors
/// [`HttpError`] when the read models cannot be read.
pub fn of_area(
    app: &App,
    counts: &[DutyCount],
    area: &str,
    view: View,
) -> Result<BTreeMap<Option<String>, Tally>, HttpError> {
    let (tallies, _) = tallied(app, &[By::Area, By::Unit], counts, view, Audience::Everyone)?;
    let area = Of::One(Some(area.to_owned()));
    let own = tallies.into_iter().filter(|(key, _)| key.first() == Some(&area));
    Ok(own
        .filter_map(|(key, tally)| match key.into_iter().next_back() {
            Some(Of::One(unit)) => Some((unit, tally)),
            Some(Of::All) | None => None,
        })
        .collect())
}

/// Where duties are counted from: as they stand at present, or as they stood at a moment.
pub struct Counted<'a> {
    app: &'a App,
    past: Option<View>,
    /// What stood then.
    stood: OnceCell<Past<'a>>,
    /// Of these holders alone, where they are named.
    holders: Option<Vec<String>>,
    /// Not of these subjects.
    except: Vec<String>,
}

impl<'a> Counted<'a> {
    /// What duties stand at a moment.
    pub fn at(app: &'a App, past: Option<View>, hidden: &Hidden) -> Self {
        Self { app, past, stood: OnceCell::new(), holders: None, except: hidden.subjects() }
    }

    /// The same of duties alone whose holders belong to an area at a moment.
    ///
    /// # Errors
    /// [`HttpError`] when the read models cannot be read.
    pub fn within(self, area: &str, view: View) -> Result<Self, HttpError> {
        let placed = self.app.projections.placements(view)?;
        let own =
            placed.keys().filter(|org| upwards(org, SubjectKind::Area, &placed).as_deref() == Some(area));
        let mut holders: Vec<String> = own.cloned().chain([area.to_owned()]).collect();
        holders.sort_unstable();
        holders.dedup();
        Ok(Self { holders: Some(holders), ..self })
    }

    /// The duties due in each of some periods, both days included and the earliest first, told apart as finely as is asked
    /// for.
    ///
    /// # Errors
    /// [`HttpError`] when the read models cannot be read.
    pub fn due(&self, periods: &[(Date, Date)], grain: Grain) -> Result<Vec<Vec<DutyCount>>, HttpError> {
        let periods: Vec<(Instant, Instant)> =
            periods.iter().map(|(from, to)| (from.start(), to.end())).collect();
        let counting =
            Counting { periods: &periods, grain, holders: self.holders.as_deref(), except: &self.except };
        let Some(view) = self.past else { return Ok(self.app.projections.duty_counts(counting)?) };
        let past = match self.stood.get() {
            Some(past) => past,
            None => {
                let past = self.app.projections.past(view)?;
                self.stood.get_or_init(|| past)
            }
        };
        Ok(past.duty_counts(counting)?)
    }
}
