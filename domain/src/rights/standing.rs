//! What the log says now of a person, and how they stand to a subject.

use std::collections::BTreeSet;

use super::Denial;
use crate::time::Date;

named! {
    /// A post in an organisation.
    Post { Cpc "cpc" Lpc "lpc" VisorLead "visor-lead" DeputyCpc "deputy-cpc" }
}

/// What a person must meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Registered, and not gone from the role.
    InRole,
    /// The same, with vetting of at least that level in date.
    Vetted(u8),
    /// The same, with `SyOps` signed, training completed and the account enabled.
    Live(u8),
}

/// A person as the log has them at an instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Full id of the user.
    pub user: Box<str>,
    /// The organisation; empty for somebody who is not registered.
    pub org: Box<str>,
    /// The organisation and those above it.
    pub chain: Vec<Box<str>>,
    /// The role, as in `user.registered`.
    pub role: Box<str>,
    /// Whether they left the role.
    pub left: bool,
    /// The level of vetting in date, an exemption of the chief responsible officer included; 0 for none.
    pub vetting: u8,
    /// The day on which vetting expired or expires.
    pub vetting_expires_on: Option<Date>,
    /// Whether the `SyOps` are signed.
    pub signed: bool,
    /// Whether approved training was completed.
    pub trained: bool,
    /// Whether the account is enabled.
    pub enabled: bool,
    /// Tokens held, each with the area in which alone it counts, where it has one.
    pub tokens: BTreeSet<(Box<str>, Option<Box<str>>)>,
    /// Posts held, each with its organisation.
    pub posts: Vec<(Post, Box<str>)>,
}

impl Standing {
    /// Whether they hold a token that counts where an organisation answers: one without an area, or of an area that is
    /// the organisation or lies above it.
    #[must_use]
    pub fn holds_token(&self, token: &str, chain: &[Box<str>]) -> bool {
        let counts = |area: &Option<Box<str>>| area.as_ref().is_none_or(|area| chain.contains(area));
        self.tokens.iter().any(|(held, area)| **held == *token && counts(area))
    }

    /// Whether they hold the partner token where they work: from there they are partners of records anywhere.
    #[must_use]
    pub fn may_be_partner(&self) -> bool {
        self.holds_token("partner", &self.chain)
    }

    /// Whether they hold a post anywhere.
    #[must_use]
    pub fn in_post(&self, post: Post) -> bool {
        self.posts.iter().any(|(held, _)| *held == post)
    }

    /// Whether they meet a floor.
    ///
    /// # Errors
    /// [`Denial::Missing`] with what is missing first, in the order in which access is given.
    pub fn meets(&self, floor: Floor) -> Result<(), Denial> {
        let missing = |paragraph, reason: String| Err(Denial::Missing { paragraph, reason });
        if self.org.is_empty() {
            return missing("4.16", format!("`{}` is not registered as a user", self.user));
        }
        if self.left {
            return missing("4.38", "you left the user role; the CPC disables the account".to_owned());
        }
        let (Floor::Vetted(level) | Floor::Live(level)) = floor else { return Ok(()) };
        if self.vetting < level {
            let reason = match (self.vetting, self.vetting_expires_on) {
                (0, Some(date)) => format!("your vetting is not in date: it ended on {date}"),
                (0, None) => "no vetting was cleared".to_owned(),
                (held, _) => format!("this takes vetting level {level}, yours is level {held}"),
            };
            return missing("6.1", reason);
        }
        if let Floor::Live(_) = floor {
            if !self.signed {
                return missing("6.3", "the SyOps are not signed".to_owned());
            }
            if !self.trained {
                return missing("6.2", "approved ViSOR training was not completed".to_owned());
            }
            if !self.enabled {
                return missing("4.16", "your account is not enabled; the CPC enables it".to_owned());
            }
        }
        Ok(())
    }
}

/// Whether a subject may be known of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sight {
    /// It is not limited.
    #[default]
    Open,
    /// It is limited, and they are listed.
    Listed,
    /// It is limited to others.
    Hidden,
}

/// How a person stands to a subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    /// They belong to the area or prison group that answers for the subject (of a record: that owns it), or to one
    /// above it.
    pub within: bool,
    /// They belong to the area or prison where the nominal is now.
    pub holding: bool,
    /// The organisation that answers for the subject and those above it.
    pub here: Vec<Box<str>>,
    /// Posts that they hold where the subject is answered for.
    pub posts: Vec<Post>,
    /// They, or their whole organisation, are partners of the record.
    pub partner: bool,
    /// They opened the record within the last 15 minutes.
    pub opened: bool,
    /// The nominal has no record yet.
    pub no_record: bool,
    /// They are the subject.
    pub same_person: bool,
    /// Whether they may know of the subject.
    pub sight: Sight,
}

impl Relation {
    /// Whether they hold one of some posts here.
    #[must_use]
    pub fn holds(&self, posts: &[Post]) -> bool {
        self.posts.iter().any(|post| posts.contains(post))
    }
}
