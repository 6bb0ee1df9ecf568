//! What the log says of a user.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{FactType, Field};
use crate::command::Evolve;
use crate::command::order::Order;
use crate::fact::Fact;
use crate::time::Date;

/// Vetting as cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vetting {
    /// 2 or 3.
    pub level: u8,
    /// Its last day.
    pub expires_on: Date,
    /// Whether it was withdrawn, from then on.
    pub withdrawn: bool,
}

/// Where an account is on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Account {
    /// There is none.
    #[default]
    None,
    /// Asked for, by whom.
    Requested(Option<Box<str>>),
    /// Authorised.
    Authorised,
    /// Enabled.
    Enabled,
    /// Disabled.
    Disabled,
    /// Archived.
    Archived,
}

impl Account {
    /// Whether it can be logged on to.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        matches!(self, Self::Enabled)
    }
}

/// A user as the log has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Their organisation; none before they are registered.
    pub org: Option<Box<str>>,
    /// Their role.
    pub role: Option<Box<str>>,
    /// `probation`, `prison` or `police`.
    pub service: Option<Box<str>>,
    /// Whether they left the role.
    pub left: bool,
    /// Whether the CPC was told of it.
    pub cpc_informed: bool,
    /// The latest vetting.
    pub vetting: Option<Vetting>,
    /// Documents signed, each with its version.
    pub documents: BTreeSet<(Box<str>, Box<str>)>,
    /// Courses begun.
    pub begun: BTreeSet<Box<str>>,
    /// Courses completed.
    pub trained: BTreeSet<Box<str>>,
    /// Whether the e-learning was completed.
    pub elearning: bool,
    /// The account.
    pub account: Account,
    /// Tokens held, each with its area where it has one.
    pub tokens: BTreeSet<(Box<str>, Option<Box<str>>)>,
    /// Exemptions by kind.
    pub exemptions: BTreeMap<Box<str>, Exemption>,
    /// Lists of duties that they saved, by their ids.
    pub(super) views: BTreeSet<Box<str>>,
    /// An order about their data that awaits a second person.
    pub(super) order: Option<Order>,
}

/// What a user is exempt from for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// The role that granted it.
    pub by_role: Box<str>,
    /// Its first day.
    pub from: Date,
    /// Its last day.
    pub until: Date,
    /// What was tried before.
    pub tried: Box<[Box<str>]>,
    /// The day on which it is to be looked at again.
    pub review_on: Option<Date>,
    /// The day on which it was looked at last and continued.
    pub reviewed_on: Option<Date>,
}

impl Exemption {
    fn of(fact: &Fact) -> Option<Self> {
        Some(Self {
            by_role: fact.text(Field::ByRole)?.into(),
            from: fact.effective_on(),
            until: fact.date(Field::Until)?,
            tried: fact.texts(Field::Tried).into(),
            review_on: fact.date(Field::Review),
            reviewed_on: None,
        })
    }

    /// Whether it is in force on a day.
    #[must_use]
    pub fn covers(&self, day: Date) -> bool {
        self.from <= day && day <= self.until
    }
}

impl User {
    /// Whether a version of a document was signed.
    #[must_use]
    pub fn has_signed(&self, document: &str) -> bool {
        self.documents.iter().any(|(signed, _)| **signed == *document)
    }

    /// The level of vetting in date on a day; one withdrawn is not in date, one that the chief responsible officer
    /// exempted is until the exemption ends.
    #[must_use]
    pub fn vetting_level(&self, today: Date) -> u8 {
        let exempt = self.exemptions.get("vetting").is_some_and(|vetting| {
            vetting.until >= today && &*vetting.by_role == "chief-responsible-officer"
        });
        match self.vetting {
            Some(vetting) if !vetting.withdrawn && (vetting.expires_on >= today || exempt) => vetting.level,
            _ => 0,
        }
    }
}

impl User {
    fn review(&mut self, fact: &Fact) {
        let kind = fact.text(Field::Kind).unwrap_or_default();
        if fact.text(Field::Decision) == Some("end") {
            self.exemptions.remove(kind);
        } else if let Some(exemption) = self.exemptions.get_mut(kind) {
            exemption.reviewed_on = Some(fact.effective_on());
            exemption.review_on = fact.date(Field::Review);
        }
    }
}

fn token_of(fact: &Fact) -> Option<(Box<str>, Option<Box<str>>)> {
    Some((fact.text(Field::Token)?.into(), fact.text(Field::Area).map(Into::into)))
}

impl Evolve for User {
    fn evolve(&mut self, fact: &Fact) {
        let text = |field| fact.text(field).map(Box::<str>::from);
        match fact.kind {
            FactType::UserRegistered => {
                (self.org, self.role, self.service) =
                    (text(Field::Org), text(Field::Role), text(Field::Service));
                // Who comes back is given tokens, and leave to do without vetting or cable, anew.
                if self.left {
                    self.tokens.clear();
                    self.exemptions.retain(|kind, _| **kind == *"assistive-technology");
                }
                (self.left, self.cpc_informed) = (false, false);
            }
            FactType::UserMoved => {
                self.org = text(Field::Org);
                self.role = text(Field::Role).or(self.role.take());
            }
            FactType::UserLeftRole => self.left = true,
            FactType::CpcInformedOfLeaver => self.cpc_informed = true,
            FactType::VettingCleared => {
                let level = fact.number(Field::Level).and_then(|level| u8::try_from(level).ok());
                if let (Some(level), Some(expires_on)) = (level, fact.date(Field::ExpiresOn)) {
                    self.vetting = Some(Vetting { level, expires_on, withdrawn: false });
                }
            }
            FactType::ViewSaved => self.views.extend(fact.text(Field::View).map(Into::into)),
            FactType::ViewRemoved => drop(fact.text(Field::View).map(|view| self.views.remove(view))),
            FactType::VettingWithdrawn => {
                if let Some(vetting) = &mut self.vetting {
                    vetting.withdrawn = true;
                    vetting.expires_on = vetting.expires_on.min(fact.effective_on());
                }
            }
            FactType::DocumentSigned => {
                if let (Some(document), Some(version)) = (text(Field::Document), text(Field::Version)) {
                    self.documents.insert((document, version));
                }
            }
            FactType::TrainingStarted => self.begun.extend(text(Field::Course)),
            FactType::TrainingCompleted => self.trained.extend(text(Field::Course)),
            FactType::QaElearningCompleted => self.elearning = true,
            FactType::AccountRequested => self.account = Account::Requested(text(Field::By)),
            FactType::AccountAuthorised => self.account = Account::Authorised,
            FactType::AccountEnabled => self.account = Account::Enabled,
            FactType::AccountDisabled => self.account = Account::Disabled,
            FactType::AccountArchived => self.account = Account::Archived,
            FactType::TokenGranted => self.tokens.extend(token_of(fact)),
            FactType::TokenRevoked => {
                if let Some((token, area)) = token_of(fact) {
                    self.tokens.retain(|(held, of)| *held != token || (area.is_some() && *of != area));
                }
            }
            FactType::ExemptionGranted => {
                self.exemptions.extend(text(Field::Kind).zip(Exemption::of(fact)));
            }
            FactType::ExemptionReviewed => self.review(fact),
            FactType::SubjectOrderGiven => self.order = Order::of(fact),
            FactType::SubjectErased | FactType::SubjectRestricted | FactType::SubjectRestrictionLifted => {
                self.order = None;
            }
            _ => {}
        }
    }
}
