//! What the log says of a nominal.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{FactType, Field};
use crate::command::Evolve;
use crate::command::order::Order;
use crate::fact::{Fact, Value};
use crate::time::Instant;

/// The record of a nominal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Record {
    #[default]
    None,
    Live,
    Archived,
    Deleted,
}

/// What is kept back of a person's data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Withheld {
    #[default]
    Nothing,
    /// It is kept, and not shown.
    Restricted,
    /// It is gone.
    Erased,
}

/// Partners of one organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Partners {
    /// Whether all of it are.
    pub(super) whole: bool,
    pub(super) users: BTreeSet<Box<str>>,
}

/// A request for partnership that is not answered in full, or for a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) id: Box<str>,
    pub(super) org: Box<str>,
    /// Users still to be answered; none named: the whole organisation.
    pub(super) users: BTreeSet<Box<str>>,
}

/// A nominal as the log has it, the histories of those that merges make one with it taken together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nominal {
    /// The area that manages it.
    pub area: Option<Box<str>>,
    /// The prison in which it is held.
    pub prison: Option<Box<str>>,
    /// Users who alone may know of it, by the nominal of which that was said; a merge takes them together.
    limits: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Into which nominal each was merged.
    merged: BTreeMap<Box<str>, Box<str>>,
    pub(super) category: i64,
    pub(super) statutory: bool,
    pub(super) record: Record,
    pub(super) owner: Option<Box<str>>,
    pub(super) partners: BTreeMap<Box<str>, Partners>,
    pub(super) requests: Vec<Request>,
    /// Records that prisons asked for.
    pub(super) wanted: Vec<Request>,
    /// The transfer that awaits an answer: request, to whom.
    pub(super) offered: Option<(Box<str>, Box<str>)>,
    /// Whether the termination assessment was copied since the nominal was last registered.
    pub(super) termination_copied: bool,
    /// Everybody who copied a part of each assessment.
    pub(super) copied: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    pub(super) signed_off: BTreeSet<Box<str>>,
    opened: Vec<(Box<str>, Instant)>,
    pub(super) order: Option<Order>,
    pub(super) withheld: Withheld,
}

impl Nominal {
    /// The organisation that answers: the record's owner, else the area, else the prison.
    #[must_use]
    pub fn answers_for(&self) -> Option<Box<str>> {
        let owner = self.owner.clone().filter(|_| !self.has_no_record());
        owner.or_else(|| self.area.clone()).or_else(|| self.prison.clone())
    }

    /// Whether there is no record, live or archived.
    #[must_use]
    pub fn has_no_record(&self) -> bool {
        matches!(self.record, Record::None | Record::Deleted)
    }

    /// Whether a user of some organisations is a partner, by name or with one of them.
    #[must_use]
    pub fn is_partner(&self, user: &str, orgs: &[Box<str>]) -> bool {
        let mut theirs = orgs.iter().filter_map(|org| self.partners.get(org));
        theirs.any(|partners| partners.whole || partners.users.contains(user))
    }

    /// Whether a user opened the record and may still look.
    #[must_use]
    pub fn is_opened_by(&self, user: &str, now: Instant) -> bool {
        self.opened_until(user, now).is_some()
    }

    /// Until when a user who opened the record may look.
    #[must_use]
    pub fn opened_until(&self, user: &str, now: Instant) -> Option<Instant> {
        let theirs = self.opened.iter().filter(|(by, closes_at)| **by == *user && now < *closes_at);
        theirs.map(|(_, closes_at)| *closes_at).max()
    }

    /// The users who alone may know of it: those on every list, or on the survivor's where the lists have nobody in
    /// common, so that somebody can open the record again.
    #[must_use]
    pub fn listed(&self) -> Option<&BTreeSet<Box<str>>> {
        // Lists are taken together where nominals are merged, so that of one history there is one.
        self.limits.values().next()
    }

    /// The nominal that stands for another, as far as merges have occurred.
    fn root<'n>(&'n self, nominal: &'n str) -> &'n str {
        let mut at = nominal;
        while let Some(into) = self.merged.get(at) {
            at = into;
        }
        at
    }

    fn merge(&mut self, fact: &Fact) {
        let Some(into) = fact.text(Field::Into) else { return };
        let (loser, survivor) =
            (Box::<str>::from(self.root(&fact.subject)), Box::<str>::from(self.root(into)));
        // A merge that would close a circle is ignored.
        if loser == survivor {
            return;
        }
        if let Some(theirs) = self.limits.remove(&loser) {
            let list = self.limits.entry(survivor.clone()).or_insert_with(|| theirs.clone());
            let both: BTreeSet<Box<str>> = list.intersection(&theirs).cloned().collect();
            if !both.is_empty() {
                *list = both;
            }
        }
        self.merged.insert(loser, survivor);
    }

    fn limit(&mut self, fact: &Fact) {
        let of = Box::<str>::from(self.root(&fact.subject));
        if fact.is_true(Field::Limited) {
            self.limits.insert(of, fact.texts(Field::Users).iter().cloned().collect());
        } else {
            self.limits.remove(&of);
        }
    }

    fn add_partners(&mut self, fact: &Fact) {
        let (Some(org), users) = (fact.text(Field::Org), fact.texts(Field::Users)) else { return };
        let partners = self.partners.entry(org.into()).or_default();
        partners.whole |= users.is_empty();
        partners.users.extend(users.iter().cloned());
        self.answer(fact.text(Field::Request), Some(org), users);
    }

    fn remove_partners(&mut self, fact: &Fact) {
        let (Some(org), users) = (fact.text(Field::Org), fact.texts(Field::Users)) else { return };
        if users.is_empty() {
            self.partners.remove(org);
        } else if let Some(partners) = self.partners.get_mut(org) {
            partners.users.retain(|user| !users.contains(user));
            if !partners.whole && partners.users.is_empty() {
                self.partners.remove(org);
            }
        }
    }

    /// Takes an answer to one request, or to all of an organisation.
    fn answer(&mut self, request: Option<&str>, org: Option<&str>, users: &[Box<str>]) {
        self.requests.retain_mut(|open| {
            let meant = match (request, org) {
                (Some(request), _) => *open.id == *request,
                (None, Some(org)) => *open.org == *org,
                (None, None) => false,
            };
            if !meant {
                return true;
            }
            open.users.retain(|user| !users.contains(user));
            !(users.is_empty() || open.users.is_empty())
        });
    }

    fn found(&mut self) {
        if self.record == Record::None {
            self.record = Record::Live;
        }
    }
}

impl Evolve for Nominal {
    fn evolve(&mut self, fact: &Fact) {
        let text = |field| fact.text(field).map(Box::<str>::from);
        match fact.kind {
            FactType::NominalMerged => self.merge(fact),
            FactType::MappaRegistered => {
                if self.category == 0 {
                    self.termination_copied = false;
                }
                self.category = fact.number(Field::Category).unwrap_or_default();
                let usual = matches!(self.category, 1 | 2 | 4);
                self.statutory = match fact.get(Field::StatutorySupervision) {
                    Some(Value::Bool(stated)) => *stated,
                    _ => usual,
                };
                self.area = text(Field::Area);
            }
            FactType::MappaChanged => {
                self.category = fact.number(Field::Category).unwrap_or(self.category);
                if let Some(Value::Bool(stated)) = fact.get(Field::StatutorySupervision) {
                    self.statutory = *stated;
                }
            }
            FactType::MappaDeregistered => self.category = 0,
            FactType::CaseTransferred => self.area = text(Field::To),
            FactType::CustodyReceived => self.prison = text(Field::Prison),
            FactType::CustodyLeft
                if fact.text(Field::Reason) != Some("temporary") && self.prison == text(Field::Prison) =>
            {
                self.prison = None;
            }
            FactType::VisorSearched if fact.is_true(Field::Found) => self.found(),
            FactType::AlertAdded if fact.text(Field::Code) == Some("PVN") => self.found(),
            FactType::RecordRequested => {
                if let (Some(id), Some(org)) = (text(Field::Request), text(Field::Prison)) {
                    let users = fact.texts(Field::Users).iter().cloned().collect();
                    self.wanted.push(Request { id, org, users });
                }
            }
            FactType::RecordCreated => {
                (self.record, self.owner) = (Record::Live, text(Field::Owner));
                self.wanted.clear();
            }
            FactType::RecordArchived => self.record = Record::Archived,
            FactType::RecordUnarchived => self.record = Record::Live,
            FactType::RecordDeleted => (self.record, self.owner) = (Record::Deleted, None),
            FactType::RecordTransferred => (self.owner, self.offered) = (text(Field::To), None),
            FactType::RecordAccessLimited => self.limit(fact),
            FactType::PartnershipRequested => {
                if let (Some(id), Some(org)) = (text(Field::Request), text(Field::Org)) {
                    let users = fact.texts(Field::Users).iter().cloned().collect();
                    self.requests.push(Request { id, org, users });
                }
            }
            FactType::PartnersAdded => self.add_partners(fact),
            FactType::PartnershipRefused => {
                self.answer(fact.text(Field::Request), None, fact.texts(Field::Users));
            }
            FactType::PartnersRemoved => self.remove_partners(fact),
            FactType::OasysCopied => {
                if let Some(assessment) = text(Field::Assessment) {
                    self.copied.entry(assessment).or_default().extend(text(Field::By));
                }
                let whole = ["R10", "R11"]
                    .iter()
                    .all(|section| fact.texts(Field::Sections).iter().any(|copied| **copied == **section));
                self.termination_copied |= fact.is_true(Field::Termination) && whole;
            }
            FactType::RiskAssessmentSignedOff => self.signed_off.extend(text(Field::Assessment)),
            FactType::TransferRequested => {
                self.offered = text(Field::Request).zip(text(Field::To));
            }
            FactType::TransferAccepted | FactType::TransferRefused => self.offered = None,
            FactType::AccessOpened => {
                if let (Some(user), Some(Value::Instant(at))) = (text(Field::User), fact.get(Field::ClosesAt))
                {
                    self.opened.push((user, *at));
                }
            }
            FactType::SubjectOrderGiven => self.order = Order::of(fact),
            FactType::SubjectErased => (self.order, self.withheld) = (None, Withheld::Erased),
            FactType::SubjectRestricted | FactType::SubjectRestrictionLifted => {
                self.order = None;
                self.withheld = match (self.withheld, fact.kind) {
                    (Withheld::Erased, _) => Withheld::Erased,
                    (_, FactType::SubjectRestricted) => Withheld::Restricted,
                    _ => Withheld::Nothing,
                };
            }
            _ => {}
        }
    }
}
