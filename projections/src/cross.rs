//! What is read across subjects: policies, holidays, programmes, annulments, waivers and merges.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use mandate_domain::calendar::Calendar;
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::fact::{Fact, Value};
use mandate_domain::judge::{DutyId, History, adopted_policy};
use mandate_domain::policy::{Basis, Policy};
use mandate_domain::time::Instant;
use mandate_store::{Position, Reader, StoreError};

use crate::error::ProjectionError;
use crate::placed::Placed;

/// The (source, id) of a fact.
type Id = (Box<str>, Box<str>);

/// The facts that are read across subjects.
#[derive(Debug)]
pub(crate) struct Cross {
    pub calendar: Calendar,
    /// Programme switches and holidays, in order of position.
    shared: Vec<Placed>,
    policies: Vec<Placed>,
    /// Policies, holidays and what annuls them: whom they concern is not known beforehand.
    global: HashSet<Id>,
    /// Programme switches and what annuls them, with the area.
    switches: HashMap<Id, Box<str>>,
    /// Annulments by the fact that they name.
    annulments: HashMap<Id, Vec<Placed>>,
    /// Waivers by the subject of the duty that they waive.
    waivers: HashMap<String, Vec<Placed>>,
    /// What regions publish for their users, and where organisations are placed; in order of position.
    publications: Vec<Placed>,
    placements: Vec<Placed>,
    /// Those, and what annuls them.
    for_users: HashSet<Id>,
    /// Checks of the to-do list that are about all nominals of a prison, by prison; and the prison by the ids of those
    /// and of what annuls them.
    checks: HashMap<String, Vec<Placed>>,
    for_checks: HashMap<Id, String>,
    /// The nominals for whom a prison ever asked for partnership.
    asked: HashMap<String, BTreeSet<String>>,
    /// Vetting by user.
    vetting: HashMap<String, Vec<Placed>>,
    /// Who was ever said to hold the post of CPC, by organisation; and the organisations of each.
    cpcs: HashMap<String, BTreeSet<String>>,
    orgs_of: HashMap<String, BTreeSet<String>>,
    /// For each subject that a merge names, the set that merges connect.
    merged: HashMap<String, Arc<BTreeSet<String>>>,
    epochs: Vec<Epoch>,
    /// The policy that ships with the program.
    shipped: Arc<Books>,
}

/// From when which policy and which publications of holidays count.
#[derive(Debug, Clone)]
pub(crate) struct Epoch {
    /// When it began, and the last event by which it did.
    pub at: Instant,
    pub position: u32,
    pub books: Arc<Books>,
    /// A policy adopted then that cannot be used: of which subject, and why not.
    pub refused: Option<(String, String)>,
}

/// A policy with what the tables take from it.
#[derive(Debug)]
pub(crate) struct Books {
    pub policy: Policy,
    /// By rule and version, the types of fact that show the act was done.
    evidence: HashMap<(String, u16), u128>,
}

impl Books {
    /// The rules whose numbers stand in the policy.
    pub fn policy_rules(&self) -> Vec<String> {
        let policy = self.policy.rules.iter().filter(|rule| rule.basis == Basis::Policy);
        policy.map(|rule| rule.id.clone()).collect()
    }

    fn new(policy: Policy) -> Self {
        let evidence = policy
            .rules
            .iter()
            .flat_map(|rule| rule.versions.iter().map(|version| (rule.id.clone(), version)))
            .map(|(rule, version)| ((rule, version.number), mandate_domain::judge::evidence_of(version)))
            .collect();
        Self { policy, evidence }
    }

    /// The types of fact that show the act was done, as bits; `None` for a rule that the policy has not.
    pub fn evidence(&self, rule: &str, version: u16) -> Option<u128> {
        self.evidence.get(&(rule.to_owned(), version)).copied()
    }
}

/// Facts of other subjects.
#[derive(Debug, Default, Clone)]
pub(crate) struct Foreign {
    pub facts: Vec<Placed>,
    /// The moments that they bring.
    pub moments: Vec<(Instant, u32)>,
}

/// Whom an event concerns beside the subject it is stated of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nobody.
    Own,
    /// Other subjects.
    Subjects(Vec<String>),
    /// Users.
    Users,
    /// The nominals that were ever in an area.
    Area(String),
    /// Whoever has an open duty, or had one at an instant.
    OpenAt(Instant),
    /// Everybody.
    Everybody,
}

/// Events read at once when it is made.
const PAGE: usize = 2_000;
/// The types that [`Cross`] keeps.
const TYPES: &[FactType] = &[
    FactType::FactAnnulled,
    FactType::NominalMerged,
    FactType::DutyWaived,
    FactType::ProgrammeSwitchedOn,
    FactType::ProgrammeSwitchedOff,
    FactType::BankHolidaysPublished,
    FactType::PolicyAdopted,
    FactType::DocumentPublished,
    FactType::OrganisationPlaced,
    FactType::PostFilled,
    FactType::VettingCleared,
    FactType::VettingWithdrawn,
    FactType::PartnershipRequested,
    FactType::TodoChecked,
];

impl Cross {
    /// Loads what the log holds up to a position.
    pub fn load(reader: &Reader, until: Position) -> Result<Self, ProjectionError> {
        let shipped = Arc::new(Books::new(Policy::shipped()?));
        let mut cross = Self {
            calendar: Calendar::shipped()?,
            shared: Vec::new(),
            policies: Vec::new(),
            global: HashSet::new(),
            switches: HashMap::new(),
            annulments: HashMap::new(),
            waivers: HashMap::new(),
            publications: Vec::new(),
            placements: Vec::new(),
            for_users: HashSet::new(),
            checks: HashMap::new(),
            for_checks: HashMap::new(),
            asked: HashMap::new(),
            vetting: HashMap::new(),
            cpcs: HashMap::new(),
            orgs_of: HashMap::new(),
            merged: HashMap::new(),
            epochs: Vec::new(),
            shipped,
        };
        let (mut after, mut limit) = (Position::START, PAGE);
        while after < until {
            match reader.read_types(TYPES, after, limit) {
                Ok(page) => {
                    for event in page.events.into_iter().filter(|event| event.position <= until) {
                        cross.note(&Placed::from_event(event));
                    }
                    if page.searched_to <= after {
                        break;
                    }
                    after = page.searched_to;
                }
                // An event that cannot be decoded is gone round: what comes before it is read in smaller parts.
                Err(StoreError::Unreadable { position, .. }) if limit == 1 => after = position,
                Err(StoreError::Unreadable { .. }) => limit = (limit / 8).max(1),
                Err(error) => return Err(error.into()),
            }
        }
        cross.renew_epochs();
        Ok(cross)
    }

    /// Takes in an event that is read across subjects; of others nothing is kept.
    pub fn note(&mut self, placed: &Placed) {
        let fact = &placed.fact;
        let id = || (fact.source.clone(), fact.id.clone());
        match fact.kind {
            FactType::FactAnnulled => {
                let Some(target) = target(fact) else { return };
                if self.global.contains(&target) {
                    self.global.insert(id());
                }
                if let Some(area) = self.switches.get(&target).cloned() {
                    self.switches.insert(id(), area);
                }
                if self.for_users.contains(&target) {
                    self.for_users.insert(id());
                }
                if let Some(prison) = self.for_checks.get(&target).cloned() {
                    self.for_checks.insert(id(), prison);
                }
                push_one(self.annulments.entry(target).or_default(), placed.clone());
            }
            FactType::NominalMerged => self.connect(fact),
            FactType::DutyWaived => {
                if let Some(subject) = waived_subject(&fact.subject) {
                    push_one(self.waivers.entry(subject).or_default(), placed.clone());
                }
            }
            FactType::ProgrammeSwitchedOn | FactType::ProgrammeSwitchedOff => {
                self.switches.insert(id(), fact.subject.clone());
                self.shared.push(placed.clone());
            }
            FactType::BankHolidaysPublished => {
                self.global.insert(id());
                self.shared.push(placed.clone());
            }
            FactType::PolicyAdopted => {
                self.global.insert(id());
                self.policies.push(placed.clone());
            }
            FactType::DocumentPublished => {
                self.for_users.insert(id());
                self.publications.push(placed.clone());
            }
            FactType::OrganisationPlaced => {
                self.for_users.insert(id());
                self.placements.push(placed.clone());
            }
            FactType::PostFilled => self.note_cpc(fact),
            FactType::PartnershipRequested => {
                if let Some(prison) = fact.text(Field::Org).filter(|org| org.starts_with("prison/")) {
                    self.asked.entry(prison.to_owned()).or_default().insert(fact.subject.to_string());
                }
            }
            FactType::TodoChecked => {
                if let Some(prison) = prison_checked(fact) {
                    let annulments: Vec<Id> = self
                        .annulments_of(fact)
                        .iter()
                        .map(|a| (a.fact.source.clone(), a.fact.id.clone()))
                        .collect();
                    for known in annulments.into_iter().chain([id()]) {
                        self.for_checks.insert(known, prison.to_owned());
                    }
                    self.checks.entry(prison.to_owned()).or_default().push(placed.clone());
                }
            }
            FactType::VettingCleared | FactType::VettingWithdrawn => {
                push_one(self.vetting.entry(fact.subject.to_string()).or_default(), placed.clone());
            }
            _ => {}
        }
    }

    fn note_cpc(&mut self, fact: &Fact) {
        let (Some("cpc"), Some(user)) = (fact.text(Field::Post), fact.text(Field::User)) else { return };
        self.cpcs.entry(fact.subject.to_string()).or_default().insert(user.to_owned());
        self.orgs_of.entry(user.to_owned()).or_default().insert(fact.subject.to_string());
    }

    /// Whether an event may concern everybody: policies and holidays change with it.
    pub fn is_global(&self, fact: &Fact) -> bool {
        match fact.kind {
            FactType::PolicyAdopted | FactType::BankHolidaysPublished => true,
            FactType::FactAnnulled => target(fact).is_some_and(|target| self.global.contains(&target)),
            _ => false,
        }
    }

    /// Whom an event, which was noted, concerns beside its own subject.
    pub fn reach(&self, placed: &Placed) -> Reach {
        let fact = &placed.fact;
        match fact.kind {
            FactType::PolicyAdopted => Reach::Everybody,
            // Published elsewhere before it was told here: duties that have ended since may be dated anew. One that claims
            // to be published later than that lies ahead of everybody.
            FactType::BankHolidaysPublished if placed.known_at() != placed.recorded_at => Reach::Everybody,
            FactType::BankHolidaysPublished => Reach::OpenAt(placed.known_at()),
            FactType::ProgrammeSwitchedOn | FactType::ProgrammeSwitchedOff => {
                Reach::Area(fact.subject.to_string())
            }
            FactType::DutyWaived => {
                waived_subject(&fact.subject).map_or(Reach::Own, |subject| Reach::Subjects(vec![subject]))
            }
            // Before anything is published it is nobody's concern where an organisation lies.
            FactType::OrganisationPlaced if self.publications.is_empty() => Reach::Own,
            FactType::DocumentPublished | FactType::OrganisationPlaced => Reach::Users,
            FactType::VettingCleared | FactType::VettingWithdrawn => {
                Reach::Subjects(self.orgs_of(&fact.subject).map(str::to_owned).collect())
            }
            FactType::TodoChecked => prison_checked(fact).map_or(Reach::Own, |prison| self.asked_by(prison)),
            FactType::FactAnnulled => {
                let Some(target) = target(fact) else { return Reach::Own };
                if let Some(prison) = self.for_checks.get(&target) {
                    return self.asked_by(prison);
                }
                match self.switches.get(&target) {
                    _ if self.global.contains(&target) => Reach::Everybody,
                    Some(area) => Reach::Area(area.to_string()),
                    None if self.for_users.contains(&target) => Reach::Users,
                    None => Reach::Own,
                }
            }
            _ => Reach::Own,
        }
    }

    /// Finds out anew from when which policy counts; to be called when an event that may concern everybody was noted.
    pub fn renew_epochs(&mut self) {
        let mut books = self.shipped.clone();
        let from = Instant::MIN;
        let shipped = Epoch { at: from, position: 0, books: books.clone(), refused: None };
        self.epochs = vec![shipped];
        let mut moments: Vec<(Instant, u32)> = self.published().iter().map(Placed::order).collect();
        moments.sort_unstable();
        let history = self.history_of_policies();
        for group in moments.chunk_by(|one, next| one.0 == next.0) {
            let Some((at, position)) = group.last().copied() else { continue };
            let mut refused = None;
            match adopted_policy(&history, at) {
                None => books = self.shipped.clone(),
                Some(Ok(policy)) if policy.sha256 == books.policy.sha256 => {}
                Some(Ok(policy)) => books = Arc::new(Books::new(policy)),
                Some(Err(error)) => {
                    let adopted = self.policies.iter().filter(|placed| placed.order() <= (at, position));
                    let adopted = adopted.max_by_key(|placed| placed.order());
                    let subject = adopted.map_or(String::new(), |placed| placed.fact.subject.to_string());
                    refused = Some((subject, error.to_string()));
                }
            }
            self.epochs.push(Epoch { at, position, books: books.clone(), refused });
        }
    }

    /// The policies that were adopted, with what annuls them.
    fn history_of_policies(&self) -> History {
        let mut facts: Vec<Placed> = self.policies.clone();
        self.add_annulments(&mut facts);
        facts.sort_by_key(|placed| placed.position);
        let mut history = History::default();
        for placed in &facts {
            history.add(&placed.fact, placed.known_at(), placed.position);
        }
        history
    }

    /// From when which policy counts, from the one that ships with the program on.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Whether a subject by itself, followed up to just before an instant, needs not be looked at as a whole to be followed
    /// on to another: it is not merged and nothing of its duties is waived, and policy and holidays are the same throughout.
    pub fn stays_as_followed(&self, subject: &str, from: Instant, until: Instant) -> bool {
        self.waivers_of(subject).is_empty()
            && !self.epochs.iter().any(|epoch| epoch.at >= from && epoch.at <= until)
            && self.calendar.published_between(from.just_before(), until).next().is_none()
    }

    /// The policy in force at the end.
    pub fn books(&self) -> Arc<Books> {
        self.epochs.last().map_or_else(|| self.shipped.clone(), |epoch| epoch.books.clone())
    }

    /// The policy in force by what was known at an instant.
    pub fn books_known_at(&self, known_at: Instant) -> Result<Arc<Books>, ProjectionError> {
        if self.policies.is_empty() {
            return Ok(self.shipped.clone());
        }
        match adopted_policy(&self.history_of_policies(), known_at) {
            None => Ok(self.shipped.clone()),
            Some(policy) => Ok(Arc::new(Books::new(policy?))),
        }
    }

    fn connect(&mut self, fact: &Fact) {
        let Some(into) = fact.text(Field::Into) else { return };
        let mut set = BTreeSet::from([fact.subject.to_string(), into.to_owned()]);
        for member in set.clone() {
            set.extend(self.merged.get(&member).into_iter().flat_map(|known| known.iter().cloned()));
        }
        let set = Arc::new(set);
        for member in set.iter() {
            self.merged.insert(member.clone(), set.clone());
        }
    }

    /// The subjects that are judged together with one: those that merges connect with it, itself included, by name.
    pub fn members(&self, subject: &str) -> Vec<String> {
        let set = self.merged.get(subject);
        set.map_or_else(|| vec![subject.to_owned()], |set| set.iter().cloned().collect())
    }

    /// The member under which a set is followed: the first by name.
    pub fn leader<'c>(&'c self, subject: &'c str) -> &'c str {
        self.merged.get(subject).and_then(|set| set.first()).map_or(subject, String::as_str)
    }

    /// Every subject that a merge names.
    pub fn merged(&self) -> impl Iterator<Item = &str> {
        self.merged.keys().map(String::as_str)
    }

    /// Every subject of whose duties one was waived.
    pub fn waived(&self) -> impl Iterator<Item = &str> {
        self.waivers.keys().map(String::as_str)
    }

    /// The waivers of a subject's duties.
    pub fn waivers_of(&self, subject: &str) -> &[Placed] {
        self.waivers.get(subject).map_or(&[], Vec::as_slice)
    }

    /// The organisations of which a user was ever said to be the CPC: they read the user's vetting.
    pub fn orgs_of<'c>(&'c self, user: &str) -> impl Iterator<Item = &'c str> + use<'c> {
        self.orgs_of.get(user).into_iter().flatten().map(String::as_str)
    }

    fn asked_by(&self, prison: &str) -> Reach {
        let asked = self.asked.get(prison).into_iter().flatten();
        Reach::Subjects(asked.cloned().collect())
    }

    /// The checks of to-do lists that may end a day of a unit with some facts, with what annuls them: those of a prison
    /// from the day of its request for partnership on, without those that came when the nominal was known to have left
    /// it for good.
    pub fn checks_read<'p>(&self, own: &(impl Iterator<Item = &'p Placed> + Clone)) -> Foreign {
        let mut facts: Vec<Placed> = Vec::new();
        for request in own.clone().filter(|placed| placed.fact.kind == FactType::PartnershipRequested) {
            let asking = request.fact.text(Field::Org);
            let Some((prison, checks)) = asking.and_then(|org| self.checks.get_key_value(org)) else {
                continue;
            };
            let about = |other: &&Placed, kind: FactType| {
                other.fact.kind == kind && other.fact.text(Field::Prison) == Some(prison)
            };
            let received = own.clone().filter(|other| about(other, FactType::CustodyReceived));
            let last_received = received.map(|other| other.fact.time).max();
            let leaves: Vec<&Placed> = own
                .clone()
                .filter(|other| {
                    about(other, FactType::CustodyLeft)
                        && other.fact.time > request.fact.time
                        && other.fact.text(Field::Reason) != Some("temporary")
                        // Of those merged for a while only, one's leaving is not the other's.
                        && other.fact.subject == request.fact.subject
                        // One that is annulled may not have taken place, and after one there may be a return.
                        && self.annulments_of(&other.fact).is_empty()
                        && last_received.is_none_or(|received| received < other.fact.time)
                })
                .collect();
            let from = request.fact.time.london_date().start();
            let has_left = |check: &Placed| {
                leaves.iter().any(|left| left.fact.time < check.fact.time && left.order() < check.order())
            };
            facts.extend(checks.iter().filter(|c| c.fact.time >= from && !has_left(c)).cloned());
        }
        facts.sort_by_key(|placed| placed.position);
        facts.dedup_by_key(|placed| placed.position);
        self.add_annulments(&mut facts);
        let moments = facts.iter().flat_map(Placed::moments).collect();
        Foreign { facts, moments }
    }

    /// The facts of other subjects that one reads, with what annuls them, and the moments they bring.
    pub fn foreign(&self, subject: &str) -> Foreign {
        match SubjectKind::of(subject) {
            Some(SubjectKind::User) => self.foreign_of_users(),
            _ => {
                let users = self.cpcs.get(subject).into_iter().flatten();
                let mut facts: Vec<Placed> =
                    users.filter_map(|user| self.vetting.get(user)).flatten().cloned().collect();
                self.add_annulments(&mut facts);
                let moments = facts.iter().flat_map(Placed::moments).collect();
                Foreign { facts, moments }
            }
        }
    }

    /// What every user reads: publications and placements. A placement brings a moment of its own only after
    /// something was published.
    fn foreign_of_users(&self) -> Foreign {
        let Some(first) = self.publications.iter().map(Placed::order).min() else {
            return Foreign::default();
        };
        let mut facts: Vec<Placed> = self.publications.iter().chain(&self.placements).cloned().collect();
        self.add_annulments(&mut facts);
        let moments = facts.iter().filter(|placed| placed.order() >= first);
        let moments = moments.flat_map(Placed::moments).collect();
        Foreign { facts, moments }
    }

    /// Where organisations were placed, in order of position.
    pub fn placements(&self) -> &[Placed] {
        &self.placements
    }

    /// The annulments of a fact.
    pub fn annulments_of(&self, fact: &Fact) -> &[Placed] {
        if self.annulments.is_empty() {
            return &[];
        }
        self.annulments.get(&(fact.source.clone(), fact.id.clone())).map_or(&[], Vec::as_slice)
    }

    /// Programme switches and holidays with what annuls them.
    pub fn shared(&self) -> Vec<Placed> {
        let mut facts = self.shared.clone();
        self.add_annulments(&mut facts);
        facts
    }

    /// Adopted policies and published holidays with what annuls them, in the order of the log.
    pub fn published(&self) -> Vec<Placed> {
        let holidays =
            self.shared.iter().filter(|placed| placed.fact.kind == FactType::BankHolidaysPublished);
        let mut facts: Vec<Placed> = self.policies.iter().chain(holidays).cloned().collect();
        self.add_annulments(&mut facts);
        facts.sort_by_key(|placed| placed.position);
        facts
    }

    /// Adds the annulments of some facts, and the annulments of those.
    pub fn add_annulments(&self, facts: &mut Vec<Placed>) {
        let mut seen: BTreeSet<u32> = facts.iter().map(|placed| placed.position).collect();
        let mut at = 0;
        while let Some(placed) = facts.get(at) {
            let annulments = self.annulments_of(&placed.fact).to_vec();
            facts.extend(annulments.into_iter().filter(|annulment| seen.insert(annulment.position)));
            at += 1;
        }
    }

    /// When programmes were switched in each area, and when a switch was annulled, by area and in order.
    pub fn switched(&self) -> HashMap<&str, Vec<(Instant, u32)>> {
        let mut found: HashMap<&str, Vec<(Instant, u32)>> = HashMap::new();
        for placed in &self.shared {
            if placed.fact.kind == FactType::BankHolidaysPublished {
                continue;
            }
            let mut own = vec![placed.clone()];
            self.add_annulments(&mut own);
            let moments = own.iter().flat_map(Placed::moments);
            found.entry(&placed.fact.subject).or_default().extend(moments);
        }
        for moments in found.values_mut() {
            moments.sort_unstable();
        }
        found
    }
}

/// Adds to a list that seldom holds more than one, of which there are many.
fn push_one(list: &mut Vec<Placed>, placed: Placed) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(placed);
}

/// The prison whose to-do list was checked, if the check is about all of its nominals.
fn prison_checked(fact: &Fact) -> Option<&str> {
    let of_all = SubjectKind::of(&fact.subject) != Some(SubjectKind::Nominal);
    fact.text(Field::Prison).filter(|_| of_all)
}

/// The (source, id) of the fact that an annulment names.
pub(crate) fn target(fact: &Fact) -> Option<Id> {
    match fact.get(Field::Event) {
        Some(Value::Event(named)) => Some((**named).clone()),
        _ => None,
    }
}

/// The subject of the duty that a fact is stated of.
pub(crate) fn waived_subject(duty: &str) -> Option<String> {
    DutyId::parse(duty.strip_prefix("duty/")?).map(|id| id.subject.to_owned())
}

/// Whether subjects of this kind are judged.
pub(crate) fn is_judged(subject: &str) -> bool {
    let kind = SubjectKind::of(subject);
    !matches!(
        kind,
        Some(
            SubjectKind::Duty
                | SubjectKind::Policy
                | SubjectKind::Calendar
                | SubjectKind::Message
                | SubjectKind::Webhook
                | SubjectKind::Client
        ) | None
    )
}
