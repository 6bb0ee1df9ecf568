//! The state of a subject and how each fact changes it (spec 3.2).

use super::history::{History, RowId};
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::time::Date;
use crate::vocabulary::{FIELDS, NONE, StateField, decode_date};

/// What a fact did to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effect {
    /// The fields that changed, as bits.
    pub changed: u64,
    /// Whether duties may be opened by the fact.
    pub opens: bool,
}

/// A request for partnership and who is still to be answered.
#[derive(Debug, Clone)]
struct Request {
    key: u32,
    org: u32,
    awaited: Awaited,
    since_reception: bool,
    opened_a_duty: bool,
}

/// Who is still to be answered, of a request or of a duty with `all = "users"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The first answer will do.
    Anyone,
    /// These users.
    Users(Vec<u32>),
    /// Nobody.
    Answered,
}

impl Awaited {
    /// What is awaited by a request that names these users.
    pub fn of(users: &[u32]) -> Self {
        if users.is_empty() { Self::Anyone } else { Self::Users(users.to_vec()) }
    }

    /// Takes an answer for some users, or for all when it names none.
    pub fn answer(&mut self, users: &[u32]) {
        match self {
            Self::Anyone => *self = Self::Answered,
            Self::Users(_) if users.is_empty() => *self = Self::Answered,
            Self::Users(left) => {
                left.retain(|user| !users.contains(user));
                if left.is_empty() {
                    *self = Self::Answered;
                }
            }
            Self::Answered => {}
        }
    }
}

/// The state of one subject.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Encoded values by field.
    pub values: [u32; FIELDS],
    /// The fact that last changed each field; [`NONE`] when none did.
    pub changed_by: [RowId; FIELDS],
    registration: u32,
    /// Effective date of the latest sentence.
    pub sentence_on: Option<Date>,
    /// Effective date of the latest reception with reason admission or transfer.
    pub reception_on: Option<Date>,
    /// End of the latest vetting exemption of the chief responsible officer, and the fact.
    exemption: Option<(Date, RowId)>,
    requests: Vec<Request>,
    answers: Vec<RowId>,
    posts: [Vec<u32>; 3],
    /// Tokens that a user holds, each for all areas or for one.
    tokens: Vec<(u32, Option<u32>)>,
    /// Vetting levels of those who ever held the post of a CPC, where the state is that of an organisation.
    levels: Vec<(u32, u32)>,
    /// Areas that are partners of the record, with the users named.
    area_partners: Vec<(u32, Vec<u32>)>,
}

/// Places in [`State::posts`].
const LPC: usize = 0;
const VISOR_LEAD: usize = 1;
const CPC: usize = 2;
/// The vetting level that a CPC must have.
const CPC_LEVEL: u32 = 3;

impl State {
    pub fn new() -> Self {
        let mut values = [0; FIELDS];
        for (value, field) in values.iter_mut().zip(StateField::ALL) {
            *value = field.initial();
        }
        Self {
            values,
            changed_by: [NONE; FIELDS],
            registration: NONE,
            sentence_on: None,
            reception_on: None,
            exemption: None,
            requests: Vec::new(),
            answers: Vec::new(),
            posts: [Vec::new(), Vec::new(), Vec::new()],
            tokens: Vec::new(),
            levels: Vec::new(),
            area_partners: Vec::new(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "the table has a place for every field")]
    pub const fn get(&self, field: StateField) -> u32 {
        self.values[field.index()]
    }

    #[expect(clippy::indexing_slicing, reason = "the table has a place for every field")]
    pub const fn changed_by(&self, field: StateField) -> RowId {
        self.changed_by[field.index()]
    }

    pub fn is(&self, field: StateField, word: &str) -> bool {
        field.word(word) == Some(self.get(field))
    }

    #[expect(clippy::indexing_slicing, reason = "the table has a place for every field")]
    fn set(&mut self, field: StateField, value: u32, row: RowId, changed: &mut u64) {
        if self.values[field.index()] != value {
            self.values[field.index()] = value;
            self.changed_by[field.index()] = row;
            *changed |= field.bit();
        }
    }

    fn set_word(&mut self, field: StateField, word: &str, row: RowId, changed: &mut u64) {
        if let Some(value) = field.word(word) {
            self.set(field, value, row, changed);
        }
    }

    /// The date that a due date follows, and the fact on whose value it rests.
    pub fn followed(&self, field: StateField) -> Option<(Date, RowId)> {
        let own = decode_date(self.get(field)).map(|date| (date, self.changed_by(field)));
        match (field, own, self.exemption) {
            (StateField::VettingExpiresOn, Some((own, _)), Some((until, row))) if until > own => {
                Some((until, row))
            }
            _ => own,
        }
    }

    /// The prison that is left when a reception elsewhere is told before the leaving; `None` when nothing is.
    pub fn left_by_reception(&self, history: &History, row: RowId) -> Option<u32> {
        let prison = history.value(row, Field::Prison).unwrap_or(NONE);
        let held = self.is(StateField::Custody, "held");
        (held && self.get(StateField::Prison) != prison).then(|| self.get(StateField::Prison))
    }

    /// Whether a reception tells nothing: it names the prison where the person is held already.
    pub fn is_repeated_reception(&self, history: &History, row: RowId) -> bool {
        let prison = history.value(row, Field::Prison).unwrap_or(NONE);
        self.is(StateField::Custody, "held") && self.get(StateField::Prison) == prison
    }

    /// Leaves the present prison.
    pub fn leave(&mut self, row: RowId) -> u64 {
        let mut changed = 0;
        self.set_word(StateField::Custody, "out", row, &mut changed);
        self.set(StateField::Prison, NONE, row, &mut changed);
        self.set(StateField::Spell, NONE, row, &mut changed);
        self.derive(row, &mut changed);
        changed
    }

    /// Applies a fact as the fold does: a reception elsewhere leaves the present prison first, one told again is none.
    pub fn step(&mut self, history: &History, row: RowId) {
        let mut reason = None;
        let told = history.text(row, Field::Reason);
        match history.row(row).kind {
            FactType::CustodyReceived => {
                if self.is_repeated_reception(history, row) {
                    return;
                }
                let left = self.left_by_reception(history, row).is_some();
                if left {
                    self.leave(row);
                }
                reason = Some(match told {
                    "admission" => "admission",
                    "return" if !left => "return",
                    _ => "transfer",
                });
            }
            FactType::CustodyLeft if told == "temporary" => reason = Some("temporary"),
            _ => {}
        }
        self.apply(history, row, reason);
    }

    /// Applies a fact; `reason` is the word in force where that of a reception was overridden.
    pub fn apply(&mut self, history: &History, row: RowId, reason: Option<&str>) -> Effect {
        let mut changed = 0;
        let mut opens = true;
        let c = &mut changed;
        let value = |field: Field| history.value(row, field);
        let given = |field: Field| value(field).unwrap_or(NONE);
        let kind = history.row(row).kind;
        match kind {
            FactType::MappaRegistered => self.register(history, row, c),
            FactType::MappaChanged | FactType::MappaDeregistered
                if given(Field::Registration) != self.registration =>
            {
                opens = false;
            }
            FactType::MappaChanged => {
                for (field, state) in
                    [(Field::Category, StateField::Category), (Field::Level, StateField::Level)]
                {
                    if let Some(number) = value(field) {
                        self.set(state, number, row, c);
                    }
                }
                if let Some(supervised) = value(Field::StatutorySupervision) {
                    self.set(StateField::Supervision, supervised, row, c);
                }
            }
            FactType::MappaDeregistered => {
                self.registration = NONE;
                for field in [StateField::Category, StateField::Level, StateField::Supervision] {
                    self.set(field, 0, row, c);
                }
            }
            FactType::CaseTransferred => {
                self.set(StateField::Area, given(Field::To), row, c);
                self.set(StateField::Unit, given(Field::Unit), row, c);
            }
            FactType::SentenceImposed => {
                self.sentence_on = Some(history.row(row).on);
                self.set_word(StateField::Sentence, history.text(row, Field::Kind), row, c);
            }
            FactType::SentenceEnded => self.set_word(StateField::Sentence, "none", row, c),
            FactType::ReleaseDateSet => self.set(StateField::ReleaseOn, given(Field::ReleaseOn), row, c),
            FactType::CustodyReceived => {
                self.set_word(StateField::Custody, "held", row, c);
                self.set(StateField::Prison, given(Field::Prison), row, c);
                self.set(StateField::Spell, given(Field::Spell), row, c);
                if matches!(reason, Some("admission" | "transfer")) {
                    self.reception_on = Some(history.row(row).on);
                    for request in &mut self.requests {
                        request.since_reception = false;
                    }
                }
            }
            FactType::CustodyLeft => {
                let here = self.get(StateField::Prison) == given(Field::Prison);
                if here && self.is(StateField::Custody, "held") && reason != Some("temporary") {
                    changed = self.leave(row);
                }
            }
            FactType::VisorSearched if value(Field::Found) == Some(1) => self.found(row, c),
            FactType::AlertAdded if history.text(row, Field::Code) == "PVN" => {
                self.found(row, c);
                self.set_word(StateField::Alert, "active", row, c);
            }
            FactType::AlertClosed if history.text(row, Field::Code) == "PVN" => {
                self.set_word(StateField::Alert, "none", row, c);
            }
            FactType::RecordCreated => {
                self.set_word(StateField::Record, "live", row, c);
                self.set_owner(history, given(Field::Owner), row, c);
            }
            FactType::RecordUnarchived => self.set_word(StateField::Record, "live", row, c),
            FactType::RecordArchived => self.set_word(StateField::Record, "archived", row, c),
            FactType::RecordDeleted => {
                self.set_word(StateField::Record, "deleted", row, c);
                self.set_word(StateField::RecordOwner, "none", row, c);
                self.set(StateField::RecordOwnerOrg, NONE, row, c);
            }
            FactType::RecordTransferred => self.set_owner(history, given(Field::To), row, c),
            FactType::NominalDied => self.set(StateField::Alive, 0, row, c),
            FactType::PartnershipRequested => self.request(history, row),
            FactType::PartnersAdded => {
                self.answer(history, row);
                self.partner(history, row, c);
            }
            FactType::PartnershipRefused => self.answer(history, row),
            FactType::PartnersRemoved => self.partner(history, row, c),
            _ => self.apply_organisational(history, row, c),
        }
        self.derive(row, &mut changed);
        if changed == 0 && opens_only_on_change(kind) {
            opens = false;
        }
        Effect { changed, opens }
    }

    /// Facts about users, organisations and terminals.
    fn apply_organisational(&mut self, history: &History, row: RowId, c: &mut u64) {
        let given = |field: Field| history.value(row, field).unwrap_or(NONE);
        match history.row(row).kind {
            FactType::UserRegistered | FactType::UserMoved => {
                self.set(StateField::Org, given(Field::Org), row, c);
                self.set_word(StateField::Role, history.text(row, Field::Role), row, c);
                self.set_word(StateField::Service, history.text(row, Field::Service), row, c);
            }
            FactType::VettingCleared => {
                self.set(StateField::VettingLevel, given(Field::Level), row, c);
                self.set(StateField::VettingExpiresOn, given(Field::ExpiresOn), row, c);
            }
            FactType::VettingWithdrawn => {
                self.set(StateField::VettingLevel, 0, row, c);
                let withdrawn = crate::vocabulary::encode_date(history.row(row).on);
                let expires = self.get(StateField::VettingExpiresOn);
                if expires != NONE && withdrawn < expires {
                    self.set(StateField::VettingExpiresOn, withdrawn, row, c);
                }
            }
            FactType::ExemptionGranted => {
                let vetting = history.text(row, Field::Kind) == "vetting";
                let until = decode_date(given(Field::Until));
                // The same date told again states what already holds.
                let new = until != self.exemption.map(|(known, _)| known);
                if vetting && new && history.text(row, Field::ByRole) == "chief-responsible-officer" {
                    self.exemption = until.map(|until| (until, row));
                    *c |= StateField::VettingExpiresOn.bit();
                }
            }
            // Asking or authorising again does not take away an account that is enabled.
            FactType::AccountRequested | FactType::AccountAuthorised
                if self.is(StateField::Account, "enabled") => {}
            FactType::AccountRequested => self.set_word(StateField::Account, "requested", row, c),
            FactType::AccountAuthorised => self.set_word(StateField::Account, "authorised", row, c),
            FactType::AccountEnabled => self.set_word(StateField::Account, "enabled", row, c),
            FactType::AccountDisabled => self.set_word(StateField::Account, "disabled", row, c),
            FactType::AccountArchived => self.set_word(StateField::Account, "archived", row, c),
            FactType::TokenGranted | FactType::TokenRevoked => self.token(history, row, c),
            FactType::OrganisationEnrolled => self.set(StateField::Enrolled, 1, row, c),
            FactType::PostFilled | FactType::PostVacated => self.post(history, row, c),
            FactType::TerminalRiskAssessed => self.set_word(StateField::Approval, "risk_assessed", row, c),
            FactType::TerminalApproved => self.set_word(StateField::Approval, "approved", row, c),
            FactType::TerminalWithdrawn => self.set_word(StateField::Approval, "withdrawn", row, c),
            _ => {}
        }
    }

    fn register(&mut self, history: &History, row: RowId, c: &mut u64) {
        let given = |field: Field| history.value(row, field).unwrap_or(NONE);
        let category = given(Field::Category);
        self.registration = given(Field::Registration);
        let supervised = history
            .value(row, Field::StatutorySupervision)
            .unwrap_or_else(|| u32::from(matches!(category, 1 | 2 | 4)));
        self.set(StateField::Category, category, row, c);
        self.set(StateField::Level, given(Field::Level), row, c);
        self.set(StateField::Supervision, supervised, row, c);
        self.set(StateField::Area, given(Field::Area), row, c);
    }

    /// A search or an alert shows that the person is a nominal: the record is live if Mandate knew of none.
    fn found(&mut self, row: RowId, c: &mut u64) {
        if !self.is(StateField::Record, "none") {
            return;
        }
        let supervised = self.is(StateField::Supervision, "statutory");
        let probation = match self.get(StateField::Category) {
            2 => true,
            3 => supervised,
            _ => false,
        };
        self.set_word(StateField::Record, "live", row, c);
        self.set_word(StateField::RecordOwner, if probation { "probation" } else { "police" }, row, c);
    }

    fn set_owner(&mut self, history: &History, owner: u32, row: RowId, c: &mut u64) {
        let police = SubjectKind::of(history.symbols.text(owner)) == Some(SubjectKind::Police);
        self.set(StateField::RecordOwnerOrg, owner, row, c);
        self.set_word(StateField::RecordOwner, if police { "police" } else { "probation" }, row, c);
    }

    /// Grants or revokes a token, for an area where one is named; a revocation that names none is for all.
    fn token(&mut self, history: &History, row: RowId, c: &mut u64) {
        let token = StateField::Tokens.word(history.text(row, Field::Token)).unwrap_or(0);
        let area = history.value(row, Field::Area);
        self.tokens.retain(|(held, held_for)| {
            let revoked = area.is_none() || *held_for == area;
            *held != token || !revoked
        });
        if history.row(row).kind == FactType::TokenGranted {
            self.tokens.push((token, area));
        }
        let held = self.tokens.iter().fold(0, |set, (held, _)| set | held);
        self.set(StateField::Tokens, held, row, c);
    }

    fn post(&mut self, history: &History, row: RowId, c: &mut u64) {
        let (place, field) = match history.text(row, Field::Post) {
            "lpc" => (LPC, StateField::Lpc),
            "visor-lead" => (VISOR_LEAD, StateField::VisorLead),
            "cpc" => (CPC, StateField::Cpc),
            _ => return,
        };
        let user = history.value(row, Field::User).unwrap_or(NONE);
        let Some(holders) = self.posts.get_mut(place) else { return };
        holders.retain(|holder| *holder != user);
        if history.row(row).kind == FactType::PostFilled {
            holders.push(user);
        }
        if place == CPC {
            self.fill_cpc(row, c);
        } else {
            let filled = u32::from(!holders.is_empty());
            self.set(field, filled, row, c);
        }
    }

    /// Applies a fact about the vetting of someone who may hold a post of this organisation; what changed, as bits.
    pub fn apply_vetting_of_holder(&mut self, history: &History, row: RowId) -> u64 {
        let user = history.row(row).subject;
        let level = match history.row(row).kind {
            FactType::VettingCleared => history.value(row, Field::Level).unwrap_or(0),
            FactType::VettingWithdrawn => 0,
            _ => return 0,
        };
        self.levels.retain(|(known, _)| *known != user);
        self.levels.push((user, level));
        let mut changed = 0;
        self.fill_cpc(row, &mut changed);
        changed
    }

    /// The post of a CPC is filled while one who holds it is vetted at level 3.
    fn fill_cpc(&mut self, row: RowId, c: &mut u64) {
        let holders = self.posts.get(CPC).map_or(&[][..], Vec::as_slice);
        let vetted = |user: &u32| self.levels.contains(&(*user, CPC_LEVEL));
        let filled = u32::from(holders.iter().any(vetted));
        self.set(StateField::Cpc, filled, row, c);
    }

    /// An area is a partner from when partners of it are added until all users named have been removed.
    fn partner(&mut self, history: &History, row: RowId, c: &mut u64) {
        let org = history.value(row, Field::Org).unwrap_or(NONE);
        if history.kind_of(org) != Some(SubjectKind::Area) {
            return;
        }
        let users = answered_users(history, row);
        let place = self.area_partners.iter().position(|(area, _)| *area == org);
        if history.row(row).kind == FactType::PartnersAdded {
            let place = place.unwrap_or_else(|| {
                self.area_partners.push((org, Vec::new()));
                self.area_partners.len() - 1
            });
            if let Some((_, named)) = self.area_partners.get_mut(place) {
                named.extend(users);
            }
        } else if let Some(place) = place
            && let Some((_, named)) = self.area_partners.get_mut(place)
        {
            named.retain(|user| !users.is_empty() && !users.contains(user));
            if named.is_empty() {
                self.area_partners.swap_remove(place);
            }
        }
        self.set(StateField::AreaPartner, u32::from(!self.area_partners.is_empty()), row, c);
    }

    fn request(&mut self, history: &History, row: RowId) {
        let key = history.value(row, Field::Request).unwrap_or(NONE);
        if self.requests.iter().any(|request| request.key == key && request.opened_a_duty) {
            return;
        }
        let opened_a_duty = self.is(StateField::Record, "live")
            && self.is(StateField::RecordOwner, "probation")
            && self.get(StateField::Alive) == 1;
        let users = history.value(row, Field::Users).map_or(&[][..], |list| history.list(list));
        let mut request = Request {
            key,
            org: history.value(row, Field::Org).unwrap_or(NONE),
            awaited: Awaited::of(users),
            since_reception: true,
            opened_a_duty,
        };
        // An answer of the same instant that was told first counts when it names the request.
        let time = history.row(row).time;
        for answer in self.answers.iter().filter(|answer| history.row(**answer).time == time) {
            if history.value(*answer, Field::Request) == Some(key) {
                request.awaited.answer(answered_users(history, *answer));
            }
        }
        self.requests.push(request);
    }

    fn answer(&mut self, history: &History, row: RowId) {
        let users = answered_users(history, row);
        let key = history.value(row, Field::Request);
        let org = history.value(row, Field::Org);
        for request in &mut self.requests {
            if key.map_or(org == Some(request.org), |key| key == request.key) {
                request.awaited.answer(users);
            }
        }
        self.answers.push(row);
    }

    /// Brings the derived fields up to date.
    fn derive(&mut self, row: RowId, c: &mut u64) {
        let managed = self.is(StateField::Supervision, "statutory") || self.get(StateField::Level) >= 2;
        self.set(StateField::Managed, u32::from(managed), row, c);
        let prison = self.get(StateField::Prison);
        let awaiting = self.is(StateField::Custody, "held")
            && self.requests.iter().any(|request| {
                request.org == prison && request.since_reception && request.awaited != Awaited::Answered
            });
        self.set(StateField::AwaitingPartnership, u32::from(awaiting), row, c);
    }
}

/// The users that an answer names; none means all.
pub(super) fn answered_users(history: &History, row: RowId) -> &[u32] {
    history.value(row, Field::Users).map_or(&[], |list| history.list(list))
}

/// Types that open nothing when they state what already holds.
const fn opens_only_on_change(kind: FactType) -> bool {
    matches!(
        kind,
        FactType::RecordCreated
            | FactType::RecordArchived
            | FactType::RecordUnarchived
            | FactType::RecordDeleted
            | FactType::RecordTransferred
            | FactType::AccountEnabled
            | FactType::AccountDisabled
            | FactType::AccountArchived
    )
}
