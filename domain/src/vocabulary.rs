//! What a rule may ask of the state: the fields by kind of subject, their values, and what can set them.

use std::fmt;

use crate::catalogue::{FactType, SubjectKind};
use crate::time::Date;

named! {
    /// A field of the state of a subject (spec 3.2). `tokens` are those that a user holds; asked for one, whether it
    /// is among them. The post of a CPC is filled while someone holds it who is vetted
    /// at level 3; `area_partner` is true while an area is a partner of the record.
    StateField {
        Category "category" Level "level" Supervision "supervision" Sentence "sentence" Custody "custody"
        Prison "prison" Spell "spell" ReleaseOn "release_on" Record "record" RecordOwner "record_owner"
        RecordOwnerOrg "record_owner_org" Alert "alert" Area "area" Unit "unit" Alive "alive" Managed "managed"
        AwaitingPartnership "awaiting_partnership" AreaPartner "area_partner"
        Account "account" VettingLevel "vetting_level" VettingExpiresOn "vetting_expires_on" Org "org" Role "role"
        Service "service" Tokens "tokens" Enrolled "enrolled" Cpc "cpc" Lpc "lpc" VisorLead "visor_lead" Approval "approval"
    }
}

/// The values that a field of the state takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateShape {
    /// A number from 0 to the bound, included.
    Number(u32),
    /// One of the listed words; the first is the initial value.
    Words(&'static [&'static str]),
    /// A set of the listed words.
    Set(&'static [&'static str]),
    /// False or true.
    Bool,
    /// A date or none.
    OptionalDate,
    /// The full id of a subject, or none.
    OptionalId,
}

impl fmt::Display for StateShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(high) => write!(f, "a number from 0 to {high}"),
            Self::Words(words) | Self::Set(words) => write!(f, "one of {}", words.join(", ")),
            Self::Bool => f.write_str("true or false"),
            Self::OptionalDate => f.write_str("\"known\" or \"unknown\""),
            Self::OptionalId => f.write_str("an id, \"known\" or \"unknown\""),
        }
    }
}

/// The encoded value of "none" in a date or an id.
pub const NONE: u32 = u32::MAX;
/// Added to the days since 1970 so that every permitted date encodes as a positive number.
const DATE_BIAS: i32 = 40_000_000;

/// Encodes a date as a state or data value.
#[must_use]
pub fn encode_date(date: Date) -> u32 {
    u32::try_from(date.days().saturating_add(DATE_BIAS)).unwrap_or(NONE)
}

/// The date that a value encodes, if it is not "none".
#[must_use]
pub fn decode_date(value: u32) -> Option<Date> {
    if value == NONE { None } else { Some(Date::from_days(i32::try_from(value).ok()? - DATE_BIAS)) }
}

/// Number of fields, for tables indexed by [`StateField::index`].
pub const FIELDS: usize = StateField::ALL.len();

const _: () = assert!(FIELDS <= 64, "the fields must fit a set of 64 bits");

const ORGANISATIONS: &[SubjectKind] = &[
    SubjectKind::Area,
    SubjectKind::Unit,
    SubjectKind::Prison,
    SubjectKind::PrisonGroup,
    SubjectKind::Region,
];

impl StateField {
    /// The values the field takes.
    #[must_use]
    pub const fn shape(self) -> StateShape {
        use StateShape::{Bool, Number, OptionalDate, OptionalId, Set, Words};
        match self {
            Self::Category => Number(4),
            Self::Level | Self::VettingLevel => Number(3),
            Self::Supervision => Words(&["none", "statutory"]),
            Self::Sentence => Words(&["none", "custodial", "community", "suspended"]),
            Self::Custody => Words(&["out", "held"]),
            Self::Prison | Self::Spell | Self::RecordOwnerOrg | Self::Area | Self::Unit | Self::Org => {
                OptionalId
            }
            Self::ReleaseOn | Self::VettingExpiresOn => OptionalDate,
            Self::Record => Words(&["none", "live", "archived", "deleted"]),
            Self::RecordOwner => Words(&["none", "probation", "police"]),
            Self::Alert => Words(&["none", "active"]),
            Self::Alive | Self::Managed | Self::AwaitingPartnership | Self::AreaPartner | Self::Enrolled => {
                Bool
            }
            Self::Account => Words(&["none", "requested", "authorised", "enabled", "disabled", "archived"]),
            Self::Role => Words(&[
                "none",
                "case-administrator",
                "mappa-administrator",
                "practitioner",
                "spo",
                "lpc",
                "cpc",
                "visor-lead",
                "security",
                "governor",
                "auditor",
                "smb-member",
                "other",
                "head-of-public-protection",
            ]),
            Self::Tokens => Set(crate::catalogue::TOKEN_WORDS),
            Self::Service => Words(&["none", "probation", "prison", "police"]),
            Self::Cpc | Self::Lpc | Self::VisorLead => Words(&["vacant", "filled"]),
            Self::Approval => Words(&["none", "risk_assessed", "approved", "withdrawn"]),
        }
    }

    /// The kinds of subject that have the field.
    #[must_use]
    pub const fn subjects(self) -> &'static [SubjectKind] {
        match self {
            Self::Category
            | Self::Level
            | Self::Supervision
            | Self::Sentence
            | Self::Custody
            | Self::Prison
            | Self::Spell
            | Self::ReleaseOn
            | Self::Record
            | Self::RecordOwner
            | Self::RecordOwnerOrg
            | Self::Alert
            | Self::Area
            | Self::Unit
            | Self::Alive
            | Self::Managed
            | Self::AwaitingPartnership
            | Self::AreaPartner => &[SubjectKind::Nominal],
            Self::Account
            | Self::VettingLevel
            | Self::VettingExpiresOn
            | Self::Org
            | Self::Role
            | Self::Service
            | Self::Tokens => &[SubjectKind::User],
            Self::Enrolled | Self::Cpc | Self::Lpc | Self::VisorLead => ORGANISATIONS,
            Self::Approval => &[SubjectKind::Terminal],
        }
    }

    /// The field as a bit, for sets of fields.
    #[must_use]
    pub const fn bit(self) -> u64 {
        1 << (self as u8)
    }

    /// The value before any fact.
    #[must_use]
    pub const fn initial(self) -> u32 {
        match self.shape() {
            StateShape::OptionalDate | StateShape::OptionalId => NONE,
            StateShape::Bool if matches!(self, Self::Alive) => 1,
            StateShape::Bool | StateShape::Number(_) | StateShape::Words(_) | StateShape::Set(_) => 0,
        }
    }

    /// The encoded value of one of the field's words; of a set, its bit.
    #[must_use]
    pub fn word(self, word: &str) -> Option<u32> {
        match self.shape() {
            StateShape::Words(words) => {
                words.iter().position(|w| *w == word).and_then(|at| u32::try_from(at).ok())
            }
            StateShape::Set(words) => words.iter().position(|w| *w == word).map(|at| 1 << at),
            _ => None,
        }
    }

    /// The fact types that can change the field to the given encoded value.
    #[must_use]
    pub fn setters(self, value: u32) -> Vec<FactType> {
        use FactType as T;
        let named = |word: &str| self.word(word) == Some(value);
        match self {
            Self::Category | Self::Level if value == 0 => {
                vec![T::MappaRegistered, T::MappaChanged, T::MappaDeregistered]
            }
            Self::Category | Self::Level => vec![T::MappaRegistered, T::MappaChanged],
            Self::Supervision | Self::Managed => {
                vec![T::MappaRegistered, T::MappaChanged, T::MappaDeregistered]
            }
            Self::Sentence if named("none") => vec![T::SentenceEnded],
            Self::Sentence => vec![T::SentenceImposed],
            Self::Custody | Self::Prison | Self::Spell => vec![T::CustodyReceived, T::CustodyLeft],
            Self::ReleaseOn => vec![T::ReleaseDateSet],
            Self::Record if named("live") => {
                vec![T::RecordCreated, T::RecordUnarchived, T::VisorSearched, T::AlertAdded]
            }
            Self::Record if named("archived") => vec![T::RecordArchived],
            Self::Record => vec![T::RecordDeleted],
            Self::RecordOwner | Self::RecordOwnerOrg => {
                vec![
                    T::RecordCreated,
                    T::RecordTransferred,
                    T::RecordDeleted,
                    T::VisorSearched,
                    T::AlertAdded,
                ]
            }
            Self::Alert if named("active") => vec![T::AlertAdded],
            Self::Alert => vec![T::AlertClosed],
            Self::Area => vec![T::MappaRegistered, T::CaseTransferred],
            Self::Unit => vec![T::CaseTransferred],
            Self::Alive => vec![T::NominalDied],
            Self::AwaitingPartnership => {
                vec![T::PartnershipRequested, T::PartnersAdded, T::PartnershipRefused, T::CustodyReceived]
            }
            Self::AreaPartner if value == 1 => vec![T::PartnersAdded],
            Self::AreaPartner => vec![T::PartnersRemoved],
            Self::Account if named("enabled") => vec![T::AccountEnabled],
            Self::Account if named("disabled") => vec![T::AccountDisabled],
            Self::Account if named("archived") => vec![T::AccountArchived],
            Self::Account if named("authorised") => vec![T::AccountAuthorised],
            Self::Account => vec![T::AccountRequested],
            Self::VettingLevel | Self::VettingExpiresOn => vec![T::VettingCleared, T::VettingWithdrawn],
            Self::Org | Self::Role => vec![T::UserRegistered, T::UserMoved],
            Self::Service => vec![T::UserRegistered],
            Self::Tokens => vec![T::TokenGranted, T::TokenRevoked],
            // Nothing takes an organisation out again.
            Self::Enrolled if value == 0 => Vec::new(),
            Self::Enrolled => vec![T::OrganisationEnrolled],
            Self::Cpc if named("filled") => vec![T::PostFilled, T::VettingCleared],
            Self::Cpc => vec![T::PostVacated, T::VettingCleared, T::VettingWithdrawn],
            Self::Lpc | Self::VisorLead if named("filled") => vec![T::PostFilled],
            Self::Lpc | Self::VisorLead => vec![T::PostVacated],
            Self::Approval => vec![T::TerminalRiskAssessed, T::TerminalApproved, T::TerminalWithdrawn],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_belongs_to_a_subject() {
        for field in StateField::ALL {
            assert!(!field.subjects().is_empty(), "{field}");
        }
    }

    #[test]
    fn dates_survive_encoding() {
        for text in ["1900-01-01", "1970-01-01", "2200-12-31"] {
            let date = Date::parse(text).unwrap();
            assert_eq!(decode_date(encode_date(date)), Some(date));
        }
        assert_eq!(decode_date(NONE), None);
    }
}
