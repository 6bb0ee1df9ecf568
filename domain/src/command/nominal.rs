//! Nominals: records, partners, transfers, limited access, orders about a person's data, acts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Evolve, NewFact, Refusal};
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::command::CommandName;
use crate::fact::{Fact, Value};
use crate::rights::{Relation, Right, Sight};
use crate::time::Instant;

/// How long a record stays open to somebody who is not its partner, in seconds.
pub const OPEN_SECONDS: i64 = 15 * 60;

/// The record of a nominal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Record {
    #[default]
    None,
    Live,
    Archived,
    Deleted,
}

/// Partners of one organisation.
#[derive(Debug, Clone, Default)]
struct Partners {
    /// Whether all of it are.
    whole: bool,
    users: BTreeSet<Box<str>>,
}

/// A request for partnership that is not answered in full, or for a record.
#[derive(Debug, Clone)]
struct Request {
    id: Box<str>,
    org: Box<str>,
    /// Users still to be answered; none named: the whole organisation.
    users: BTreeSet<Box<str>>,
}

/// What one person ordered about somebody's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// `erasure`, `restriction` or `lifting`.
    pub kind: Box<str>,
    /// Why.
    pub ground: Box<str>,
    /// Who ordered it.
    pub by: Box<str>,
}

impl Order {
    pub(super) fn of(fact: &Fact) -> Option<Self> {
        let text = |field| fact.text(field).map(Box::<str>::from);
        Some(Self { kind: text(Field::Kind)?, ground: text(Field::Ground)?, by: text(Field::By)? })
    }
}

/// A nominal as the log has it.
#[derive(Debug, Clone, Default)]
pub struct Nominal {
    /// The survivor, where it was merged into another.
    pub merged_into: Option<Box<str>>,
    /// The area that manages it.
    pub area: Option<Box<str>>,
    /// The prison in which it is held.
    pub prison: Option<Box<str>>,
    /// Users who alone may know of it.
    pub listed: Option<BTreeSet<Box<str>>>,
    category: i64,
    statutory: bool,
    record: Record,
    owner: Option<Box<str>>,
    partners: BTreeMap<Box<str>, Partners>,
    requests: Vec<Request>,
    /// Records that prisons asked for.
    wanted: Vec<Request>,
    /// The transfer that awaits an answer: request, to whom.
    offered: Option<(Box<str>, Box<str>)>,
    /// Whether the termination assessment was copied since the nominal was last registered.
    termination_copied: bool,
    /// Who copied each assessment.
    copied: BTreeMap<Box<str>, Option<Box<str>>>,
    signed_off: BTreeSet<Box<str>>,
    opened: Vec<(Box<str>, Instant)>,
    order: Option<Order>,
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
        self.opened.iter().any(|(by, closes_at)| **by == *user && now < *closes_at)
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
            FactType::NominalMerged => self.merged_into = text(Field::Into),
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
            FactType::RecordAccessLimited => {
                self.listed =
                    fact.is_true(Field::Limited).then(|| fact.texts(Field::Users).iter().cloned().collect());
            }
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
                    self.copied.insert(assessment, text(Field::By));
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
            FactType::SubjectErased | FactType::SubjectRestricted | FactType::SubjectRestrictionLifted => {
                self.order = None;
            }
            _ => {}
        }
    }
}

pub(super) fn decide(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    use CommandName as C;
    if case.stream.is_empty() {
        return Err(case.missing());
    }
    let state: Nominal = case.state();
    let org = match (case.command.name, &state.offered) {
        // Who receives answers; the police are not here to answer, so the owner attests what they said.
        (C::AcceptTransfer | C::RefuseTransfer, Some((_, to))) if !to.starts_with("police/") => to.clone(),
        _ => state.answers_for().unwrap_or_default(),
    };
    let relation = case.cx.directory.relation_to_nominal(&case.who, &state, &org, case.cx.now);
    // A record limited to others does not exist, whatever else is true of it.
    if relation.sight == Sight::Hidden {
        return Err(case.missing());
    }
    if case.command.name == C::StateInError {
        return case.annul(&relation);
    }
    case.may(case.command.right(), &relation)?;
    if let Some(survivor) = &state.merged_into {
        let reason = format!("it was merged into `{survivor}`");
        return Err(case.broken("4.16", reason, "give the command for that nominal"));
    }
    match case.command.name {
        C::CreateRecord => create(case, &state),
        C::RequestPartnership => request_partnership(case, &state),
        C::PartnerNominal | C::PartnerInBulk | C::RefusePartnership | C::RemovePartners => {
            partners(case, &state)
        }
        C::RequestTransfer | C::AcceptTransfer | C::RefuseTransfer => transfer(case, &state),
        C::ArchiveRecord => {
            live(case, &state)?;
            not_offered(case, &state)?;
            if state.owner.as_deref().is_some_and(|owner| owner.starts_with("area/")) {
                terminated(case, &state)?;
            }
            Ok(case.one(FactType::RecordArchived))
        }
        C::UnarchiveRecord => {
            let archived = state.record == Record::Archived;
            case.must(archived, "4.16", "the record is not archived", "nothing is to be unarchived")?;
            Ok(case.one(FactType::RecordUnarchived))
        }
        C::MergeNominals => merge(case, &state),
        C::LimitAccess => limit(case),
        C::LiftAccessLimit => {
            case.must(
                state.listed.is_some(),
                "4.16",
                "the record is not limited",
                "nothing is to be lifted",
            )?;
            let lifted = case.fact(FactType::RecordAccessLimited);
            Ok(vec![lifted.with(Field::Limited, Value::Bool(false))])
        }
        C::OrderErasure | C::OrderRestriction | C::OrderLifting | C::ConfirmOrder => {
            order(case, state.order.as_ref())
        }
        C::OpenRecord => open(case, &state, &relation),
        C::RecordAct => act(case, &state),
        C::SignOffAssessment => sign_off(case, &state),
        _ => Err(case.missing()),
    }
}

fn live(case: &Case<'_>, state: &Nominal) -> Result<(), Refusal> {
    let remedy = "create it, or unarchive it, first";
    case.must(state.record == Record::Live, "4.16", "there is no live record", remedy)
}

fn not_offered(case: &Case<'_>, state: &Nominal) -> Result<(), Refusal> {
    let Some((_, to)) = &state.offered else { return Ok(()) };
    let reason = format!("a transfer to `{to}` awaits its answer");
    Err(case.broken("4.16", reason, "have it accepted or refused first"))
}

/// Before a record of probation's is archived or goes to the police, the termination assessment is on it.
fn terminated(case: &Case<'_>, state: &Nominal) -> Result<(), Refusal> {
    case.must(
        state.termination_copied,
        "4.28",
        "the termination OASys (R10 and R11) was not copied to the record",
        "record `oasys.copied` with `termination` true and both sections first",
    )
}

fn create(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let owner = case.text(Field::Owner);
    case.must(
        state.has_no_record(),
        "4.9",
        "there is a record already",
        "unarchive it, or ask for a transfer",
    )?;
    if owner.starts_with("police/") || matches!(state.category, 1 | 4) {
        return Err(case.broken(
            "7",
            "the police create and own the records of MAPPA categories 1 and 4",
            "request partnership once the police have created it (4.26)",
        ));
    }
    let category_3 = state.category == 3;
    case.must(
        !category_3 || state.statutory,
        "4.14",
        "a category 3 case without statutory supervision is not probation's to record",
        "the police own the record",
    )?;
    let own = case.relation(owner).within;
    case.must(
        own,
        "4.9",
        "a record is created by the area that will own it",
        "name your own area, or ask the other",
    )?;
    let basic = case.command.get(Field::Basic) == Some(&Value::Bool(true));
    let Some(request) = case.command.text(Field::Request) else {
        case.must(
            !basic,
            "4.12",
            "a basic record answers a prison's request",
            "name it under `request`, or create a full record",
        )?;
        return Ok(case.one(FactType::RecordCreated));
    };
    let Some(Request { org: prison, users, .. }) = state.wanted.iter().find(|wanted| *wanted.id == *request)
    else {
        return Err(case.broken(
            "4.12",
            "no prison asked for it under that request",
            "check the request's id",
        ));
    };
    let record = case.fact(FactType::RecordCreated);
    let partners = case.fact(FactType::PartnersAdded).with_text(Field::Org, prison);
    // The users that the prison named are partnered in the same act.
    let partners =
        if users.is_empty() { partners } else { partners.with_texts(Field::Users, users.iter().cloned()) };
    Ok(vec![record, partners])
}

fn request_partnership(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let org = case.text(Field::Org);
    live(case, state)?;
    let theirs = case.cx.directory.chain(&case.who.org, case.cx.now);
    let own = theirs.iter().any(|above| **above == *org)
        || (org.starts_with("prison/") && case.relation(org).within);
    case.must(own, "5.13", "partnership is requested for one's own prison or area", "name your own")?;
    let asked = state.requests.iter().any(|open| *open.org == *org);
    case.must(!asked, "5.13", "a request of theirs awaits its answer", "wait for it, or have it answered")?;
    let whole = state.partners.get(org).is_some_and(|partners| partners.whole);
    case.must(!whole, "5.13", "the organisation is a partner already", "nothing is to be requested")?;
    let id = format!("{}:{}", case.cx.command_id, case.subject);
    Ok(vec![case.fact(FactType::PartnershipRequested).with_text(Field::Request, &id)])
}

fn partners(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let (org, users) = (case.text(Field::Org), case.command.texts_of(Field::Users));
    match case.command.name {
        CommandName::RefusePartnership => {
            let asked = state.requests.iter().any(|open| *open.id == *case.text(Field::Request));
            case.must(asked, "4.25", "no request with that id is open", "check the request's id")?;
            Ok(case.one(FactType::PartnershipRefused))
        }
        CommandName::RemovePartners => {
            let known = state.partners.get(org).is_some_and(|partners| {
                users.is_empty() || users.iter().any(|user| partners.users.contains(user))
            });
            case.must(known, "5.19", "they are no partners of the record", "nothing is to be removed")?;
            Ok(case.one(FactType::PartnersRemoved))
        }
        _ => {
            live(case, state)?;
            for user in users {
                let person = case.cx.directory.standing(user, case.cx.now);
                let reason = if person.org.is_empty() || person.left {
                    format!("`{user}` is not a user")
                } else if !person.holds_token("partner") {
                    format!("`{user}` does not hold the partner token")
                } else {
                    continue;
                };
                return Err(case.broken("7", reason, "have the token granted, or leave them out"));
            }
            if let Some(request) = case.command.text(Field::Request) {
                let asked = state.requests.iter().any(|open| *open.id == *request && *open.org == *org);
                case.must(
                    asked,
                    "4.25",
                    "no request of that organisation with that id is open",
                    "leave the request out",
                )?;
            }
            let known = state.partners.get(org);
            let nothing_new = known.is_some_and(|partners| {
                partners.whole
                    || (!users.is_empty() && users.iter().all(|user| partners.users.contains(user)))
            });
            let awaited = state.requests.iter().any(|open| *open.org == *org);
            case.must(
                !nothing_new || awaited,
                "4.25",
                "they are partners of the record already",
                "nothing is to be added",
            )?;
            Ok(case.one(FactType::PartnersAdded))
        }
    }
}

fn transfer(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    if case.command.name == CommandName::RequestTransfer {
        let to = case.text(Field::To);
        live(case, state)?;
        not_offered(case, state)?;
        case.must(
            state.owner.as_deref() != Some(to),
            "4.16",
            "the record is theirs already",
            "name another owner",
        )?;
        if to.starts_with("police/") {
            terminated(case, state)?;
        }
        let id = format!("{}:{}", case.cx.command_id, case.subject);
        return Ok(vec![case.fact(FactType::TransferRequested).with_text(Field::Request, &id)]);
    }
    let Some((request, to)) = &state.offered else {
        return Err(case.broken("4.16", "no transfer of it awaits an answer", "nothing is to be answered"));
    };
    if case.command.name == CommandName::RefuseTransfer {
        return Ok(vec![case.fact(FactType::TransferRefused).with_text(Field::Request, request)]);
    }
    Ok(vec![
        case.fact(FactType::TransferAccepted).with_text(Field::Request, request),
        case.fact(FactType::RecordTransferred).with_text(Field::To, to),
    ])
}

/// Merges a duplicate into another; who may not see the duplicate may not see it through the survivor.
fn merge(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let into = case.text(Field::Into);
    let survivor = case.cx.survivor.as_ref().filter(|stream| !stream.is_empty());
    let Some(survivor) = survivor else {
        return Err(case.content("into", "there is no such nominal", "check the reference"));
    };
    let other: Nominal = survivor.fold(case.cx.directory.annulments(), case.cx.now);
    let org = other.answers_for().unwrap_or_default();
    let relation = case.cx.directory.relation_to_nominal(&case.who, &other, &org, case.cx.now);
    if relation.sight == Sight::Hidden {
        return Err(case.content("into", "there is no such nominal", "check the reference"));
    }
    case.may(Right::GovernRecord, &relation)?;
    case.must(into != case.subject, "4.16", "a nominal is not merged into itself", "name the other")?;
    case.must(
        other.merged_into.is_none(),
        "4.16",
        "the other was merged itself",
        "name the nominal into which it was",
    )?;
    not_offered(case, state)?;
    case.must(
        state.listed == other.listed,
        "4.16",
        "access to the two is limited differently",
        "limit both to the same people first, so that nobody sees one through the other",
    )?;
    Ok(case.one(FactType::NominalMerged))
}

fn limit(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    let users = case.command.texts_of(Field::Users);
    let own = users.contains(&case.cx.actor);
    case.must(
        own,
        "4.16",
        "you are not on the list: nobody of CPC level could open the record again",
        "list yourself too",
    )?;
    for user in users {
        let known = case.cx.directory.user(user, case.cx.now).is_some_and(|user| user.org.is_some());
        if !known {
            let reason = format!("`{user}` is not registered as a user");
            return Err(case.content("users", &reason, "check the list"));
        }
    }
    Ok(vec![case.fact(FactType::RecordAccessLimited).with(Field::Limited, Value::Bool(true))])
}

/// Orders about a person's data take two different people: one orders, the other confirms (4.16 i).
pub(super) fn order(case: &Case<'_>, given: Option<&Order>) -> Result<Vec<NewFact>, Refusal> {
    let kind = match case.command.name {
        CommandName::OrderErasure => "erasure",
        CommandName::OrderRestriction => "restriction",
        CommandName::OrderLifting => "lifting",
        _ => return confirm(case, given),
    };
    case.must(
        given.is_none(),
        "4.16",
        "an order about this person awaits its confirmation",
        "have it confirmed first",
    )?;
    let own = *case.cx.actor == *case.subject;
    case.must(!own, "4.16", "nobody orders this about themselves", "somebody else orders it")?;
    let ground = case.text(Field::Ground);
    if ground.trim().chars().count() < 3 {
        return Err(case.content("ground", "too short", "say why, as a code or reference"));
    }
    Ok(vec![case.fact(FactType::SubjectOrderGiven).with_text(Field::Kind, kind)])
}

fn confirm(case: &Case<'_>, given: Option<&Order>) -> Result<Vec<NewFact>, Refusal> {
    let Some(order) = given else {
        return Err(case.broken("4.16", "no order awaits a confirmation", "order it first"));
    };
    let other = *order.by != *case.cx.actor && *case.cx.actor != *case.subject;
    let remedy = "another person of CPC level confirms it";
    case.must(other, "4.16", "you ordered it yourself: it takes two people", remedy)?;
    let kind = match &*order.kind {
        "erasure" => FactType::SubjectErased,
        "restriction" => FactType::SubjectRestricted,
        _ => FactType::SubjectRestrictionLifted,
    };
    let people = [order.by.clone(), case.cx.actor.clone()];
    Ok(vec![case.fact(kind).with_texts(Field::OrderedBy, people).with_text(Field::Ground, &order.ground)])
}

/// Opens the record for 15 minutes and names the owner's CPC, who is told.
fn open(case: &Case<'_>, state: &Nominal, relation: &Relation) -> Result<Vec<NewFact>, Refusal> {
    let partner = relation.partner && case.who.holds_token("partner");
    case.must(!partner, "7", "you are a partner of the record", "read it: no reason is needed")?;
    let told = case.cx.directory.cpcs(&state.answers_for().unwrap_or_default(), case.cx.now);
    let opened = case
        .fact(FactType::AccessOpened)
        .with_text(Field::User, &case.cx.actor)
        .with_text(Field::Org, &case.who.org)
        .with(Field::ClosesAt, Value::Instant(case.cx.now.plus_seconds(OPEN_SECONDS)))
        .with_texts(Field::Told, told);
    Ok(vec![NewFact { time: case.cx.now, ..opened }])
}

fn act(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let Some(act) = case.command.act else { return Err(case.missing()) };
    if super::list::updates_record(act) {
        let lead = case.who.in_post(crate::rights::Post::VisorLead);
        case.must(
            !lead,
            "5.9",
            "a ViSOR lead is not tasked with updating records",
            "have an administrator do it",
        )?;
        live(case, state)?;
    }
    let prison = case.command.text(Field::Prison);
    if let Some(prison) = prison
        && SubjectKind::of(prison) == Some(SubjectKind::Prison)
    {
        let own = case.relation(prison).within;
        case.must(own, "5.9", "a prison's act is recorded by its own staff", "name your own prison")?;
    }
    if act == FactType::ManagerNotified {
        let copied = state.copied.contains_key(case.text(Field::Assessment));
        case.must(copied, "4.19", "that assessment was not copied to the record", "copy it first")?;
    }
    Ok(case.one(act))
}

fn sign_off(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let assessment = case.text(Field::Assessment);
    let Some(copied_by) = state.copied.get(assessment) else {
        return Err(case.broken("7", "that assessment was not copied to the record", "have it copied first"));
    };
    let other = copied_by.as_deref() != Some(&*case.cx.actor);
    case.must(
        other,
        "7",
        "who copied an assessment does not sign it off",
        "another supervisor signs it off",
    )?;
    let open = !state.signed_off.contains(assessment);
    case.must(open, "7", "it is signed off already", "nothing is to be signed off")?;
    Ok(case.one(FactType::RiskAssessmentSignedOff))
}
