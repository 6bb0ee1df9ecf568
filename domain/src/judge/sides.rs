//! What nDelius, ViSOR and NOMIS say of a subject, followed through its facts: where they differ, and since when.

use std::collections::BTreeMap;

use super::Judge;
use super::fold::deregistrations_that_were_changes;
use super::history::{History, RowId};
use super::state::{State, answered_users};
use super::view::Sight;
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::policy::coverage::Check;
use crate::reconcile::{Approval, Approved, Discrepancy, LEVEL_ITEMS, LogOns, Reconciled, Side};
use crate::time::Instant;
use crate::vocabulary::{NONE, StateField};

/// What two sides may differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    Record,
    Registration,
    Alert,
    Owner,
    /// The manager of a kind.
    Manager(Kind),
    /// What the latest check of one side found missing.
    Dataset(Checker),
    /// Level or category, by the latest check of one side.
    Level(Checker),
    /// The partners of a prison.
    Partners(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Com,
    Pom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checker {
    Area,
    Prison,
}

/// A manager as allocated and as recorded.
#[derive(Debug, Clone, Copy)]
struct Managers {
    allocated: u32,
    recorded: u32,
}

const NOBODY: Managers = Managers { allocated: NONE, recorded: NONE };

/// What of a discrepancy depends on the matter.
struct Told {
    check: Check,
    paragraph: &'static str,
    about: Option<String>,
    /// The prison, where it is one that has to mend it.
    prison: Option<String>,
    sides: Vec<Side>,
    mended_by: &'static str,
}

/// The sides of one nominal at a place in its facts.
struct Sides<'h> {
    history: &'h History,
    state: State,
    registered: bool,
    com: Managers,
    pom: Managers,
    /// The latest check of each side, where it found something missing.
    area_check: Option<RowId>,
    prison_check: Option<RowId>,
    /// Prisons whose users are partners, with those named.
    partners: Vec<(u32, Vec<u32>)>,
    /// Prisons that were left and not come back to.
    left: Vec<(u32, Instant)>,
    /// What differs, and since when.
    differs: Vec<(Matter, Instant)>,
}

impl<'h> Sides<'h> {
    fn new(history: &'h History) -> Self {
        Self {
            history,
            state: State::new(),
            registered: false,
            com: NOBODY,
            pom: NOBODY,
            area_check: None,
            prison_check: None,
            partners: Vec::new(),
            left: Vec::new(),
            differs: Vec::new(),
        }
    }

    /// Takes in the next fact.
    fn take(&mut self, row: RowId) {
        let before = self.state.get(StateField::Prison);
        self.state.step(self.history, row);
        self.note(row);
        let time = self.history.row(row).time;
        let prison = self.state.get(StateField::Prison);
        if prison != before {
            if before != NONE {
                self.left.push((before, time));
                // Another prison has its own manager and its own check.
                self.pom.allocated = NONE;
                self.prison_check = None;
            }
            self.left.retain(|(left, _)| *left != prison);
        }
        let now = self.matters();
        self.differs.retain(|(matter, _)| now.contains(matter));
        for matter in now {
            if !self.differs.iter().any(|(known, _)| *known == matter) {
                self.differs.push((matter, time));
            }
        }
    }

    /// Takes in what the state does not hold.
    fn note(&mut self, row: RowId) {
        let history = self.history;
        let given = |field: Field| history.value(row, field).unwrap_or(NONE);
        let kind = history.row(row).kind;
        match kind {
            FactType::NdeliusVisorRegistered => self.registered = true,
            FactType::NdeliusVisorDeregistered => self.registered = false,
            FactType::OffenderManagerAllocated | FactType::OffenderManagerRecorded => {
                let managers =
                    if history.text(row, Field::Kind) == "pom" { &mut self.pom } else { &mut self.com };
                if kind == FactType::OffenderManagerAllocated {
                    managers.allocated = given(Field::Manager);
                } else {
                    managers.recorded = given(Field::Manager);
                }
            }
            FactType::DatasetChecked => {
                let missing = (history.value(row, Field::Complete) != Some(1)).then_some(row);
                match history.value(row, Field::Prison) {
                    None => self.area_check = missing,
                    Some(_) => self.prison_check = missing,
                }
            }
            FactType::PartnersAdded if history.kind_of(given(Field::Org)) == Some(SubjectKind::Prison) => {
                let (org, users) = (given(Field::Org), answered_users(history, row));
                match self.partners.iter_mut().find(|(prison, _)| *prison == org) {
                    Some((_, named)) => named.extend(users),
                    None => self.partners.push((org, users.to_vec())),
                }
            }
            FactType::PartnersRemoved => {
                let (org, users) = (given(Field::Org), answered_users(history, row));
                for (_, named) in self.partners.iter_mut().filter(|(prison, _)| *prison == org) {
                    named.retain(|user| !users.is_empty() && !users.contains(user));
                }
                self.partners.retain(|(prison, named)| *prison != org || !named.is_empty());
            }
            _ => {}
        }
    }

    /// In what the sides differ.
    fn matters(&self) -> Vec<Matter> {
        let mut found = Vec::new();
        let state = &self.state;
        let live = state.is(StateField::Record, "live");
        if state.get(StateField::Alive) == 1 {
            if !live && self.must_have_a_record() {
                found.push(Matter::Record);
            }
            if live {
                self.matters_of_a_live_record(&mut found);
            }
        }
        if live || state.is(StateField::Record, "archived") {
            let left = |prison: u32| self.left.iter().any(|(left, _)| *left == prison);
            let partners = self.partners.iter().map(|(prison, _)| *prison).filter(|prison| left(*prison));
            found.extend(partners.map(Matter::Partners));
        }
        found
    }

    /// Whether category and level ask for a record of the probation service, whatever programmes are on.
    fn must_have_a_record(&self) -> bool {
        let statutory = self.state.is(StateField::Supervision, "statutory");
        self.state.get(StateField::Level) >= 2
            && match self.state.get(StateField::Category) {
                2 => true,
                3 => statutory,
                _ => false,
            }
    }

    fn matters_of_a_live_record(&self, found: &mut Vec<Matter>) {
        let state = &self.state;
        let held = state.is(StateField::Custody, "held");
        if !self.registered {
            found.push(Matter::Registration);
        }
        if held && !state.is(StateField::Alert, "active") {
            found.push(Matter::Alert);
        }
        if self.owner_wanted().is_some_and(|owner| !state.is(StateField::RecordOwner, owner)) {
            found.push(Matter::Owner);
        }
        let differ =
            |managers: Managers| managers.allocated != NONE && managers.allocated != managers.recorded;
        if differ(self.com) {
            found.push(Matter::Manager(Kind::Com));
        }
        if held && differ(self.pom) {
            found.push(Matter::Manager(Kind::Pom));
        }
        let prison_check = self.prison_check.filter(|_| held);
        for (checker, check) in [(Checker::Area, self.area_check), (Checker::Prison, prison_check)] {
            let Some(check) = check else { continue };
            found.push(Matter::Dataset(checker));
            if self.missing(check).any(|item| LEVEL_ITEMS.contains(&item)) {
                found.push(Matter::Level(checker));
            }
        }
    }

    /// Who owns the record by the category.
    fn owner_wanted(&self) -> Option<&'static str> {
        match self.state.get(StateField::Category) {
            1 | 4 => Some("police"),
            2 => Some("probation"),
            3 if self.state.is(StateField::Supervision, "statutory") => Some("probation"),
            _ => None,
        }
    }

    /// What a check found missing.
    fn missing(&self, check: RowId) -> impl Iterator<Item = &'h str> + use<'h> {
        let history = self.history;
        let list = history.value(check, Field::Missing).map_or(&[][..], |list| history.list(list));
        list.iter().map(|item| history.symbols.text(*item))
    }

    /// The check of one side.
    const fn check_of(&self, checker: Checker) -> Option<RowId> {
        match checker {
            Checker::Area => self.area_check,
            Checker::Prison => self.prison_check,
        }
    }

    fn named(&self, symbol: u32) -> Option<String> {
        (symbol != NONE).then(|| self.history.symbols.text(symbol).to_owned())
    }

    /// What differs, in words.
    fn discrepancies(&self, subject: &str) -> Vec<Discrepancy> {
        let area = self.named(self.state.get(StateField::Area));
        let discrepancy = |(matter, since): &(Matter, Instant)| {
            let told = self.told(*matter);
            Discrepancy {
                check: told.check,
                paragraph: told.paragraph.to_owned(),
                subject: subject.to_owned(),
                about: told.about,
                owner: told.prison.clone().or_else(|| area.clone()),
                area: area.clone(),
                unit: self.named(self.state.get(StateField::Unit)),
                prison: told.prison,
                since: *since,
                sides: told.sides,
                mended_by: told.mended_by.to_owned(),
            }
        };
        self.differs.iter().map(discrepancy).collect()
    }

    fn told(&self, matter: Matter) -> Told {
        let of_area = |check, paragraph, sides, mended_by| Told {
            check,
            paragraph,
            about: None,
            prison: None,
            sides,
            mended_by,
        };
        let live = || Side::new("ViSOR", "a live record");
        match matter {
            Matter::Record => of_area(
                Check::RecordMissing,
                if self.state.get(StateField::Category) == 3 { "4.14" } else { "4.10" },
                vec![Side::new("nDelius", self.registration()), Side::new("ViSOR", self.record_in_words())],
                "a record is created or unarchived (record.created, record.unarchived)",
            ),
            Matter::Registration => of_area(
                Check::RegistrationMissing,
                "4.34",
                vec![Side::new("nDelius", "no ViSOR registration"), live()],
                "the ViSOR registration is added on nDelius (ndelius.visor_registered)",
            ),
            Matter::Alert => Told {
                prison: self.named(self.state.get(StateField::Prison)),
                ..of_area(
                    Check::AlertMissing,
                    "5.14",
                    vec![live(), Side::new("NOMIS", "in custody without the PVN alert")],
                    "the alert PVN is added on NOMIS (alert.added)",
                )
            },
            Matter::Owner => {
                let wanted = service(self.owner_wanted().unwrap_or("none"));
                let owner = self.named(self.state.get(StateField::RecordOwnerOrg));
                let owner = owner.unwrap_or_else(|| self.owner_in_words().to_owned());
                of_area(
                    Check::OwnerDiffers,
                    "4.9",
                    vec![
                        Side::new("nDelius", format!("{}: owned by the {wanted}", self.registration())),
                        Side::new("ViSOR", format!("owned by {owner}")),
                    ],
                    "the record is transferred to its owner (record.transferred), or the category is put right",
                )
            }
            Matter::Manager(kind) => self.manager_told(kind),
            Matter::Dataset(checker) => self.dataset_told(checker),
            Matter::Level(checker) => self.level_told(checker),
            Matter::Partners(left) => self.partners_told(left),
        }
    }

    fn manager_told(&self, kind: Kind) -> Told {
        let (managers, name, paragraph, system) = match kind {
            Kind::Com => (self.com, "com", "4.24", "nDelius"),
            Kind::Pom => (self.pom, "pom", "5.17", "NOMIS"),
        };
        let recorded = self.named(managers.recorded);
        let recorded = recorded.map_or_else(|| "none recorded".to_owned(), |id| format!("{id} recorded"));
        let allocated = self.named(managers.allocated).unwrap_or_default();
        Told {
            check: Check::ManagerDiffers,
            paragraph,
            about: Some(name.to_owned()),
            prison: match kind {
                Kind::Com => None,
                Kind::Pom => self.named(self.state.get(StateField::Prison)),
            },
            sides: vec![
                Side::new(system, format!("{name} {allocated} allocated")),
                Side::new("ViSOR", format!("{name} {recorded}")),
            ],
            mended_by: "the present manager is recorded on ViSOR (offender_manager.recorded)",
        }
    }

    fn dataset_told(&self, checker: Checker) -> Told {
        let (about, prison) = self.checked_by(checker);
        Told {
            check: Check::DatasetIncomplete,
            paragraph: match checker {
                Checker::Area => "4.23",
                Checker::Prison => "5.16",
            },
            about: Some(about),
            prison,
            sides: vec![Side::new("ViSOR", self.found_missing(checker, |_| true))],
            mended_by: "a later check finds the record complete (dataset.checked)",
        }
    }

    fn level_told(&self, checker: Checker) -> Told {
        let (about, prison) = self.checked_by(checker);
        let missing = self.found_missing(checker, |item| LEVEL_ITEMS.contains(&item));
        Told {
            check: Check::LevelDiffers,
            paragraph: "4.16.p",
            about: Some(about),
            prison,
            sides: vec![Side::new("nDelius", self.registration()), Side::new("ViSOR", missing)],
            mended_by: "a later check no longer names level or category (dataset.checked)",
        }
    }

    /// Whose check it is, and the prison where it is that of one.
    fn checked_by(&self, checker: Checker) -> (String, Option<String>) {
        match checker {
            Checker::Area => ("area".to_owned(), None),
            Checker::Prison => ("prison".to_owned(), self.named(self.state.get(StateField::Prison))),
        }
    }

    /// What the latest check of a side found missing, of the items asked for.
    fn found_missing(&self, checker: Checker, asked: impl Fn(&str) -> bool) -> String {
        let Some(check) = self.check_of(checker) else { return String::new() };
        let missing: Vec<&str> = self.missing(check).filter(|item| asked(item)).collect();
        let missing = if missing.is_empty() { "items not named".to_owned() } else { missing.join(", ") };
        format!("missing or wrong on {}: {missing}", self.history.row(check).on)
    }

    fn partners_told(&self, left: u32) -> Told {
        let users = self.partners.iter().find(|(org, _)| *org == left).map_or(0, |(_, users)| users.len());
        let users = match users {
            0 => "its users are partners".to_owned(),
            1 => "1 of its users is a partner".to_owned(),
            many => format!("{many} of its users are partners"),
        };
        let on = self.left.iter().find(|(known, _)| *known == left);
        let on = on.map(|(_, at)| at.london_date().to_string()).unwrap_or_default();
        let prison = self.named(left);
        let name = prison.as_deref().unwrap_or_default();
        Told {
            check: Check::PartnersOfPrisonLeft,
            paragraph: "5.19",
            about: prison.clone(),
            sides: vec![
                Side::new("NOMIS", format!("left {name} on {on}")),
                Side::new("ViSOR", format!("{name}: {users}")),
            ],
            mended_by: "the prison's users are removed as partners (partners.removed)",
            prison,
        }
    }

    fn registration(&self) -> String {
        let (category, level) = (self.state.get(StateField::Category), self.state.get(StateField::Level));
        let supervised = self.state.is(StateField::Supervision, "statutory");
        let supervised = if category == 3 && supervised { " under statutory supervision" } else { "" };
        format!("category {category}, level {level}{supervised}")
    }

    fn record_in_words(&self) -> &'static str {
        if self.state.is(StateField::Record, "archived") {
            "an archived record"
        } else if self.state.is(StateField::Record, "deleted") {
            "a deleted record"
        } else {
            "no record"
        }
    }

    fn owner_in_words(&self) -> &'static str {
        let police = self.state.is(StateField::RecordOwner, "police");
        service(if police { "police" } else { "probation" })
    }
}

/// The words for a service that owns records.
fn service(owner: &str) -> &'static str {
    if owner == "police" { "police" } else { "probation service" }
}

impl Judge<'_> {
    /// What reconciliation finds of a unit.
    #[must_use]
    pub fn reconciled(&self, unit: u32) -> Reconciled {
        let mut found = Reconciled::default();
        for (subject, own) in self.survivors_of(&self.members(unit), self.sight) {
            found.extend(self.reconcile(subject, &self.visible_rows(&own, self.sight)));
        }
        found
    }

    /// The facts of some subjects that count, in the order of the fold.
    pub(super) fn visible_rows(&self, own: &[u32], sight: Sight) -> Vec<RowId> {
        let history = self.context.history;
        let rows = own.iter().flat_map(|member| history.rows_of(*member)).copied();
        let mut rows: Vec<RowId> = rows.filter(|row| self.context.is_visible(*row, sight)).collect();
        rows.sort_by_key(|row| (history.row(*row).time, history.row(*row).position));
        rows
    }

    /// What reconciliation finds of a subject by its visible facts, in the order of the fold.
    pub(super) fn reconcile(&self, subject: u32, rows: &[RowId]) -> Reconciled {
        let history = self.context.history;
        match history.kind_of(subject) {
            Some(SubjectKind::Nominal) => {
                let mut sides = Sides::new(history);
                let dropped = deregistrations_that_were_changes(history, rows);
                for row in rows.iter().filter(|row| !dropped.contains(row)) {
                    sides.take(*row);
                }
                let discrepancies = sides.discrepancies(history.symbols.text(subject));
                Reconciled { discrepancies, ..Reconciled::default() }
            }
            Some(SubjectKind::User) => {
                Reconciled { log_ons: log_ons(history, subject, rows), ..Reconciled::default() }
            }
            Some(SubjectKind::Terminal) => {
                let approvals = approval(history, subject, rows).into_iter().collect();
                Reconciled { approvals, ..Reconciled::default() }
            }
            _ => Reconciled::default(),
        }
    }
}

/// The log-ons of a user of the prison service at terminals.
fn log_ons(history: &History, user: u32, rows: &[RowId]) -> Vec<LogOns> {
    let mut state = State::new();
    let mut found: BTreeMap<&str, LogOns> = BTreeMap::new();
    let text = |symbol: u32| history.symbols.text(symbol);
    // What is published for the user's region is among the facts, and is no fact about the user.
    for row in
        rows.iter().filter(|row| history.kind_of(history.row(**row).subject) == Some(SubjectKind::User))
    {
        state.step(history, *row);
        let fact = history.row(*row);
        let Some(terminal) = history.value(*row, Field::Terminal) else { continue };
        if fact.kind != FactType::LoggedOn || !state.is(StateField::Service, "prison") {
            continue;
        }
        let org = state.get(StateField::Org);
        let org = (org != NONE).then(|| text(org).to_owned());
        let own = found.entry(text(terminal)).or_insert_with(|| LogOns {
            user: text(user).to_owned(),
            terminal: text(terminal).to_owned(),
            org: None,
            first_at: fact.time,
            last_at: fact.time,
        });
        own.org = org;
        own.last_at = fact.time;
    }
    found.into_values().collect()
}

/// Whether a terminal is approved, and since when.
fn approval(history: &History, terminal: u32, rows: &[RowId]) -> Option<(String, Approval)> {
    let mut state = State::new();
    let mut found: Option<Approval> = None;
    for row in rows {
        state.step(history, *row);
        let approved = if state.is(StateField::Approval, "approved") { Approved::Yes } else { Approved::No };
        let since = match found {
            // Before the first approval it never was approved.
            None if approved == Approved::No => Instant::MIN,
            Some(known) if known.approved == approved => known.since,
            _ => history.row(*row).time,
        };
        found = Some(Approval { approved, since });
    }
    found.map(|approval| (history.symbols.text(terminal).to_owned(), approval))
}
