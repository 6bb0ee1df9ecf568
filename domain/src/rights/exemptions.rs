//! Who is exempt from what, until when, and whose exemption is to be looked at again.

use super::Directory;
use crate::command::Exemption;
use crate::time::{Date, Instant};

/// The duties of access that a person need not meet whose assistive technology cannot use `ViSOR`. What is to be done for
/// a case is done by somebody else (framework, page 2; 6.7).
pub const ACCESS_DUTIES: &[&str] = &["4.29", "4.31", "4.37", "5.15", "5.20", "5.24"];

/// How many days before its day an exemption is due for review.
pub const REVIEW_DAYS: i32 = 30;

/// An exemption of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exempt {
    /// Full id of the user.
    pub user: Box<str>,
    /// Their organisation.
    pub org: Box<str>,
    /// `assistive-technology`, `vetting` or `wifi`.
    pub kind: Box<str>,
    /// What was granted.
    pub exemption: Exemption,
}

impl Exempt {
    /// The day by which it is to be looked at: the day stated for it, else its last.
    #[must_use]
    pub fn review_by(&self) -> Date {
        let until = self.exemption.until;
        self.exemption.review_on.map_or(until, |review| review.min(until))
    }

    /// Whether it is due for review: its day is past, or within [`REVIEW_DAYS`].
    #[must_use]
    pub fn is_due(&self, today: Date) -> bool {
        self.review_by().days() <= today.days().saturating_add(REVIEW_DAYS)
    }
}

impl Directory {
    /// The exemptions of everybody who did not leave, those to be looked at first in front; one that has run out stays until a
    /// review ends it.
    #[must_use]
    pub fn exemptions(&self, now: Instant) -> Vec<Exempt> {
        let mut all: Vec<Exempt> = Vec::new();
        for (user, state) in self.users(now).filter(|(_, state)| !state.left) {
            let org = state.org.unwrap_or_default();
            all.extend(state.exemptions.into_iter().map(|(kind, exemption)| Exempt {
                user: user.into(),
                org: org.clone(),
                kind,
                exemption,
            }));
        }
        all.sort_by(|one, other| {
            let key = |exempt: &Exempt| (exempt.review_by(), exempt.user.clone(), exempt.kind.clone());
            key(one).cmp(&key(other))
        });
        all
    }

    /// Whether a person is exempt on a day from what a paragraph asks of everybody with access; what it asks for a case
    /// is never exempt.
    #[must_use]
    pub fn is_exempt_from(&self, user: &str, paragraph: &str, day: Date, now: Instant) -> bool {
        let covered = |exemption: &Exemption| exemption.covers(day);
        ACCESS_DUTIES.contains(&paragraph)
            && self
                .user(user, now)
                .is_some_and(|user| user.exemptions.get("assistive-technology").is_some_and(covered))
    }
}
