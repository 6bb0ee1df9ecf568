//! Which mails are owed: who gets one, and which duties share it.

use std::collections::HashMap;

use mandate_domain::time::Instant;
use mandate_store::Position;

use crate::event::{Key, digest};

/// More notices than this for one recipient in one pass become one.
pub(crate) const AT_ONCE: usize = 5;

macro_rules! templates {
    ($($(#[$doc:meta])* $variant:ident $name:literal)*) => {
        /// Which mail a notice is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Template { $($(#[$doc])* $variant),* }

        impl Template {
            /// Its name in `notice.queued`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The template of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

templates! {
    /// A breach, or several that came at once.
    Breach "breach"
    /// Breaches that are not news: found long after they were due, before the holder took part, not evidenced.
    Summary "summary"
    /// Duties that are due soon.
    Warning "warning"
    /// Breaches withdrawn.
    Rescission "rescission"
    /// Breaches that nobody has ended a while after the deadline.
    Escalation "escalation"
    /// Users whose vetting expires.
    Vetting "vetting"
    /// A record opened by somebody outside the partnership.
    Opened "opened"
    /// A request for partnership that waits.
    Partnership "partnership"
    /// A record that is to be taken over, with what is open.
    Transfer "transfer"
    /// What is overdue and due this week, of one person.
    Digest "digest"
    /// The same of a team, once a week.
    Team "team"
    /// The quarter in figures.
    Quarterly "quarterly"
    /// What is wrong with Mandate itself.
    Operations "operations"
}

impl Template {
    /// Whether it tells of breaches.
    pub const fn tells_of_breaches(self) -> bool {
        match self {
            Self::Breach | Self::Summary => true,
            Self::Warning
            | Self::Rescission
            | Self::Escalation
            | Self::Vetting
            | Self::Opened
            | Self::Partnership
            | Self::Transfer
            | Self::Digest
            | Self::Team
            | Self::Quarterly
            | Self::Operations => false,
        }
    }

    /// Whether a person may turn it off: what they have to act on at once they may not.
    pub const fn may_be_off(self) -> bool {
        match self {
            Self::Breach
            | Self::Summary
            | Self::Rescission
            | Self::Escalation
            | Self::Opened
            | Self::Partnership
            | Self::Transfer
            | Self::Operations => false,
            Self::Warning | Self::Vetting | Self::Digest | Self::Team | Self::Quarterly => true,
        }
    }
}

/// One mail owed, as one of its duties names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub notice: String,
    pub template: Template,
    /// A user by full id.
    pub recipient: String,
    /// The user for whom it was, where it could not be delivered to them.
    pub in_place_of: Option<String>,
}

/// Whether a breach may have a mail of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mailing {
    /// It is news.
    Singly,
    /// It goes into the one summary of its recipient.
    InSummary,
}

/// A breach to be told of.
#[derive(Debug, Clone)]
pub(crate) struct Owed<'a> {
    pub key: Key<'a>,
    pub mailing: Mailing,
    pub recipients: Vec<String>,
}

/// What one pass owes: notices that list several duties have an id that no other pass gives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// The head of the log when the round began.
    pub position: Position,
    pub volume: Volume,
}

/// How much a round brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volume {
    /// All of it is known when the first notice is planned.
    One,
    /// It comes in batches: each recipient gets one notice for all of them.
    Flood,
}

impl Round {
    /// The one notice of this round to a recipient.
    pub fn shared(&self, template: Template, recipient: &str, about: &str) -> Planned {
        let position = self.position.to_string();
        let notice = format!("n-{}", digest(&[template.name(), recipient, about, &position]));
        Planned { notice, template, recipient: recipient.to_owned(), in_place_of: None }
    }
}

/// Plans the breach mails of a round, breach by breach.
///
/// Every breach is listed in exactly one notice per recipient. Up to [`AT_ONCE`] for one recipient: a mail for each
/// that is news, one for the others together. More than that, or a flood: one mail for all.
pub(crate) fn breach_notices(owed: &[Owed<'_>], round: Round) -> Vec<Vec<Planned>> {
    let mut totals: HashMap<&str, Total> = HashMap::new();
    for breach in owed {
        for recipient in &breach.recipients {
            let total = totals.entry(recipient).or_default();
            total.all += 1;
            total.news += usize::from(breach.mailing == Mailing::Singly);
        }
    }
    let plan = |breach: &Owed<'_>, recipient: &String| {
        let total = totals.get(recipient.as_str()).copied().unwrap_or_default();
        let many = total.all > AT_ONCE;
        match (round.volume, breach.mailing) {
            (Volume::One, Mailing::Singly) if !many => single(Template::Breach, breach.key, recipient),
            (Volume::One, _) if many && total.news > 0 => round.shared(Template::Breach, recipient, ""),
            (Volume::One | Volume::Flood, _) => round.shared(Template::Summary, recipient, ""),
        }
    };
    owed.iter()
        .map(|breach| breach.recipients.iter().map(|recipient| plan(breach, recipient)).collect())
        .collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct Total {
    all: usize,
    news: usize,
}

/// The notice of one breach to one recipient: the same whenever it is planned.
fn single(template: Template, key: Key<'_>, recipient: &str) -> Planned {
    Planned { notice: key.id("n", recipient), template, recipient: recipient.to_owned(), in_place_of: None }
}

/// Plans notices of one kind: things of the same `about` share one, and more than [`AT_ONCE`] for a recipient become one.
pub(crate) fn shared_by_subject(
    template: Template,
    owed: &[(String, Vec<String>)],
    round: Round,
) -> Vec<Vec<Planned>> {
    let mut subjects: HashMap<&str, Vec<&str>> = HashMap::new();
    for (about, recipients) in owed {
        for recipient in recipients {
            let known = subjects.entry(recipient).or_default();
            if !known.contains(&about.as_str()) && known.len() <= AT_ONCE {
                known.push(about);
            }
        }
    }
    let plan = |about: &String, recipient: &String| {
        let many = subjects.get(recipient.as_str()).is_some_and(|known| known.len() > AT_ONCE);
        let about = if many || round.volume == Volume::Flood { "" } else { about.as_str() };
        round.shared(template, recipient, about)
    };
    owed.iter()
        .map(|(about, recipients)| recipients.iter().map(|recipient| plan(about, recipient)).collect())
        .collect()
}

/// The notice of a slot to a person: the same whenever it is planned.
pub(crate) fn of_slot(template: Template, recipient: &str, subject: &str) -> Planned {
    let notice = format!("n-{}", digest(&[template.name(), recipient, subject]));
    Planned { notice, template, recipient: recipient.to_owned(), in_place_of: None }
}

/// The notice that takes the place of one that goes to somebody else.
pub(crate) fn redirected(
    notice: &str,
    template: Template,
    recipient: &str,
    in_place_of: Option<&str>,
) -> Planned {
    let notice = format!("n-{}", digest(&["redirected", notice, recipient]));
    let in_place_of = in_place_of.map(str::to_owned);
    Planned { notice, template, recipient: recipient.to_owned(), in_place_of }
}

/// A breach withdrawn, and the notice that told one recipient of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Withdrawn<'a> {
    /// Place of the breach in the batch.
    pub breach: usize,
    pub recipient: &'a str,
    /// The notice that told of the breach.
    pub thread: &'a str,
}

/// Plans the rescission mails of a round: one to each thread, or one to each recipient of more than [`AT_ONCE`].
pub(crate) fn rescission_notices(withdrawn: &[Withdrawn<'_>], round: Round) -> Vec<(usize, Planned)> {
    let mut threads: HashMap<&str, Vec<&str>> = HashMap::new();
    for one in withdrawn {
        let known = threads.entry(one.recipient).or_default();
        if !known.contains(&one.thread) && known.len() <= AT_ONCE {
            known.push(one.thread);
        }
    }
    let plan = |one: &Withdrawn<'_>| {
        let many = threads.get(one.recipient).is_some_and(|threads| threads.len() > AT_ONCE);
        let about = if many || round.volume == Volume::Flood { "" } else { one.thread };
        (one.breach, round.shared(Template::Rescission, one.recipient, about))
    };
    withdrawn.iter().map(plan).collect()
}

/// Seconds to wait after the nth attempt that failed, from 1: 1, 2, 5, 10, 20 and 40 minutes, then an hour.
pub(crate) fn pause_seconds(attempts: u32) -> i64 {
    let minutes = match attempts {
        0 | 1 => 1,
        2 => 2,
        3 => 5,
        4 => 10,
        5 => 20,
        6 => 40,
        _ => 60,
    };
    minutes * 60
}

/// The moment from which a notice that fails is given up: 72 hours after it was queued.
pub(crate) const fn given_up_at(queued_at: Instant) -> Instant {
    queued_at.plus_seconds(72 * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Round = Round { position: Position::new(7), volume: Volume::One };

    fn owed(count: usize, mailing: Mailing) -> Vec<Owed<'static>> {
        let duties = ["d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"];
        let one = |duty: &&'static str| Owed {
            key: Key { duty, due_at: None, generation: 0 },
            mailing,
            recipients: vec!["user/C".to_owned()],
        };
        duties.iter().take(count).map(one).collect()
    }

    fn mails(plans: &[Vec<Planned>]) -> usize {
        let mut ids: Vec<_> = plans.iter().flatten().map(|planned| &planned.notice).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }

    #[test]
    fn up_to_five_breaches_have_a_mail_each_and_six_become_one() {
        for (count, wanted) in [(0, 0), (1, 1), (5, 5), (6, 1), (8, 1)] {
            let plans = breach_notices(&owed(count, Mailing::Singly), ROUND);
            assert_eq!(mails(&plans), wanted, "{count}");
            assert!(plans.iter().all(|plan| plan.len() == 1), "each in exactly one mail");
        }
    }

    #[test]
    fn breaches_that_are_no_news_share_one_summary_beside_single_ones() {
        let mut both = owed(3, Mailing::InSummary);
        both.extend(owed(5, Mailing::Singly).drain(3..));
        let plans = breach_notices(&both, ROUND);
        assert_eq!(mails(&plans), 3);
        assert_eq!(plans[0][0].template, Template::Summary);
        assert_eq!(plans[3][0].template, Template::Breach);
    }

    #[test]
    fn a_flood_is_one_mail_to_each_recipient_over_all_its_batches() {
        let flood = Round { volume: Volume::Flood, ..ROUND };
        let mut plans = breach_notices(&owed(2, Mailing::Singly), flood);
        plans.extend(breach_notices(&owed(8, Mailing::InSummary), flood));
        assert_eq!(mails(&plans), 1);
        let next = Round { position: Position::new(8), ..flood };
        plans.extend(breach_notices(&owed(1, Mailing::Singly), next));
        assert_eq!(mails(&plans), 2, "another pass never adds to a mail that may have gone");
    }

    #[test]
    fn withdrawals_stay_in_their_threads_until_there_are_too_many() {
        let threads = ["a", "b", "c", "d", "e", "f"];
        for (count, wanted) in [(1, 1), (5, 5), (6, 1)] {
            let withdrawn: Vec<_> = threads
                .iter()
                .take(count)
                .enumerate()
                .map(|(breach, thread)| Withdrawn { breach, recipient: "user/C", thread })
                .collect();
            let plans = rescission_notices(&withdrawn, ROUND);
            assert_eq!(
                mails(&plans.into_iter().map(|(_, plan)| vec![plan]).collect::<Vec<_>>()),
                wanted,
                "{count}"
            );
        }
    }

    #[test]
    fn pauses_grow_to_an_hour() {
        let minutes: Vec<_> = (1..=8).map(|attempts| pause_seconds(attempts) / 60).collect();
        assert_eq!(minutes, [1, 2, 5, 10, 20, 40, 60, 60]);
    }
}
