//! What nDelius, ViSOR and NOMIS say of a subject, followed through its facts: where they differ, and since when.

use std::collections::BTreeMap;

use super::Judge;
use super::fold::deregistrations_that_were_changes;
use super::history::{History, RowId};
use super::state::{State, answered_users};
use super::view::Sight;
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::policy::Programme;
use crate::policy::coverage::Check;
use crate::reconcile::{
    Approval, Approved, Backlog, Discrepancy, LEVEL_ITEMS, LogOns, Reconciled, Side, Span,
};
use crate::time::Instant;
use crate::vocabulary::{NONE, StateField};

/// The obligation of the rules that ask for a record.
const RECORD: &str = "record";

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
        let differs = self.differs.iter();
        differs.map(|(matter, since)| self.discrepancy(subject, *matter, *since)).collect()
    }

    fn discrepancy(&self, subject: &str, matter: Matter, since: Instant) -> Discrepancy {
        let area = self.named(self.state.get(StateField::Area));
        let prison = self.named(self.state.get(StateField::Prison));
        let of_area =
            |check, paragraph: &str, about: Option<&str>, sides: Vec<Side>, mended_by: &str| Discrepancy {
                check,
                paragraph: paragraph.to_owned(),
                subject: subject.to_owned(),
                about: about.map(str::to_owned),
                owner: area.clone(),
                area: area.clone(),
                unit: self.named(self.state.get(StateField::Unit)),
                prison: None,
                since,
                sides,
                mended_by: mended_by.to_owned(),
            };
        let of_prison =
            |prison: Option<String>, own: Discrepancy| Discrepancy { owner: prison.clone(), prison, ..own };
        let live = || Side::new("ViSOR", "a live record");
        match matter {
            Matter::Record => {
                let paragraph = if self.state.get(StateField::Category) == 3 { "4.14" } else { "4.10" };
                let sides = vec![
                    Side::new("nDelius", self.registration()),
                    Side::new("ViSOR", self.record_in_words()),
                ];
                let mended_by = "a record is created or unarchived (record.created, record.unarchived)";
                of_area(Check::RecordMissing, paragraph, None, sides, mended_by)
            }
            Matter::Registration => {
                let sides = vec![Side::new("nDelius", "no ViSOR registration"), live()];
                let mended_by = "the ViSOR registration is added on nDelius (ndelius.visor_registered)";
                of_area(Check::RegistrationMissing, "4.34", None, sides, mended_by)
            }
            Matter::Alert => {
                let sides = vec![live(), Side::new("NOMIS", "in custody without the PVN alert")];
                let mended_by = "the alert PVN is added on NOMIS (alert.added)";
                of_prison(prison, of_area(Check::AlertMissing, "5.14", None, sides, mended_by))
            }
            Matter::Owner => {
                let wanted = self.owner_wanted().unwrap_or("none");
                let owner = self.named(self.state.get(StateField::RecordOwnerOrg));
                let owner = owner.unwrap_or_else(|| self.owner_in_words().to_owned());
                let sides = vec![
                    Side::new(
                        "nDelius",
                        format!("{}: owned by the {}", self.registration(), service(wanted)),
                    ),
                    Side::new("ViSOR", format!("owned by {owner}")),
                ];
                let mended_by = "the record is transferred to its owner (record.transferred), or the category is put right";
                of_area(Check::OwnerDiffers, "4.9", None, sides, mended_by)
            }
            Matter::Manager(kind) => self.manager_differs(kind, prison, &of_area),
            Matter::Dataset(checker) | Matter::Level(checker) => {
                let level = matches!(matter, Matter::Level(_));
                let check = self.check_of(checker);
                let missing: Vec<&str> = check
                    .into_iter()
                    .flat_map(|check| self.missing(check))
                    .filter(|item| !level || LEVEL_ITEMS.contains(item))
                    .collect();
                let on = check.map(|check| self.history.row(check).on.to_string()).unwrap_or_default();
                let missing =
                    if missing.is_empty() { "items not named".to_owned() } else { missing.join(", ") };
                let name = if level { Check::LevelDiffers } else { Check::DatasetIncomplete };
                let mut sides = vec![Side::new("ViSOR", format!("missing or wrong on {on}: {missing}"))];
                if level {
                    sides.insert(0, Side::new("nDelius", self.registration()));
                }
                let mended_by = "a later check finds the record complete (dataset.checked)";
                match checker {
                    Checker::Area => {
                        let paragraph = if level { "4.16.p" } else { "4.23" };
                        of_area(name, paragraph, Some("area"), sides, mended_by)
                    }
                    Checker::Prison => {
                        let paragraph = if level { "4.16.p" } else { "5.16" };
                        of_prison(prison, of_area(name, paragraph, Some("prison"), sides, mended_by))
                    }
                }
            }
            Matter::Partners(left) => {
                let (prison, users) = (self.named(left), self.partners.iter().find(|(org, _)| *org == left));
                let users = match users.map_or(0, |(_, users)| users.len()) {
                    0 => "its users are partners".to_owned(),
                    1 => "1 of its users is a partner".to_owned(),
                    many => format!("{many} of its users are partners"),
                };
                let on = self.left.iter().find(|(known, _)| *known == left);
                let on = on.map(|(_, at)| at.london_date().to_string()).unwrap_or_default();
                let name = prison.clone().unwrap_or_default();
                let sides = vec![
                    Side::new("NOMIS", format!("left {name} on {on}")),
                    Side::new("ViSOR", format!("{name}: {users}")),
                ];
                let mended_by = "the prison's users are removed as partners (partners.removed)";
                let own = of_area(Check::PartnersOfPrisonLeft, "5.19", Some(&name), sides, mended_by);
                of_prison(prison, own)
            }
        }
    }

    fn manager_differs(
        &self,
        kind: Kind,
        prison: Option<String>,
        of_area: &dyn Fn(Check, &str, Option<&str>, Vec<Side>, &str) -> Discrepancy,
    ) -> Discrepancy {
        let (managers, name, paragraph, system) = match kind {
            Kind::Com => (self.com, "com", "4.24", "nDelius"),
            Kind::Pom => (self.pom, "pom", "5.17", "NOMIS"),
        };
        let recorded = self.named(managers.recorded);
        let recorded = recorded.map_or_else(|| "none recorded".to_owned(), |id| format!("{id} recorded"));
        let allocated = self.named(managers.allocated).unwrap_or_default();
        let sides = vec![
            Side::new(system, format!("{name} {allocated} allocated")),
            Side::new("ViSOR", format!("{name} {recorded}")),
        ];
        let mended_by = "the present manager is recorded on ViSOR (offender_manager.recorded)";
        let own = of_area(Check::ManagerDiffers, paragraph, Some(name), sides, mended_by);
        match kind {
            Kind::Com => own,
            Kind::Pom => Discrepancy { owner: prison.clone(), prison, ..own },
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
    fn visible_rows(&self, own: &[u32], sight: Sight) -> Vec<RowId> {
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

    /// The backlog of a programme in an area: its live cases of category 2 that the programme covers, and that have
    /// neither a record nor a duty to make one.
    ///
    /// # Policy
    /// 4.11 covers custodial cases at level 1, 4.13 community sentences, as the rules read them; a case of 4.11 whose
    /// release date is not known is one as well. A case that was exempted is none.
    #[must_use]
    pub fn backlog(&self, area: &str, programme: Programme) -> Backlog {
        let history = self.context.history;
        let at = self.sight.as_at;
        let mut spans = Vec::new();
        let mut switched_on = None;
        if let Some(symbol) = history.symbols.find(area) {
            let switch = self.context.programme_on(symbol, programme, at.london_date(), self.sight);
            switched_on = switch.map(|row| {
                let found = history.row(row);
                found.on.max(found.recorded.london_date())
            });
            for unit in
                self.units().into_iter().filter(|unit| history.kind_of(*unit) == Some(SubjectKind::Nominal))
            {
                let members = self.members(unit);
                for (subject, own) in self.survivors_of(&members, self.sight) {
                    let covered = self.covered(&own, symbol, programme);
                    if !covered.is_empty() {
                        let open = self.record_duties(&members, subject);
                        let name = history.symbols.text(subject).to_owned();
                        spans.push((name, Span::without(&covered, &open)));
                    }
                }
            }
        }
        Backlog::of(area, programme.name(), switched_on, &spans, at)
    }

    /// When a nominal was a case that a programme of an area covers, and had no record.
    fn covered(&self, own: &[u32], area: u32, programme: Programme) -> Vec<Span> {
        let history = self.context.history;
        let rows = self.visible_rows(own, self.sight);
        let dropped = deregistrations_that_were_changes(history, &rows);
        let mut state = State::new();
        let mut spans: Vec<Span> = Vec::new();
        for row in rows.iter().filter(|row| !dropped.contains(row)) {
            state.step(history, *row);
            let sentence = match programme {
                Programme::CustodyLevel1 => {
                    state.is(StateField::Sentence, "custodial") && state.get(StateField::Level) == 1
                }
                Programme::Community => state.is(StateField::Sentence, "community"),
            };
            let covered = sentence
                && state.get(StateField::Alive) == 1
                && state.get(StateField::Area) == area
                && state.get(StateField::Category) == 2
                && !state.is(StateField::Record, "live");
            let time = history.row(*row).time;
            match spans.last_mut().filter(|span| span.until.is_none()) {
                Some(span) if !covered => span.until = Some(time),
                None if covered => spans.push(Span { from: time, until: None }),
                _ => {}
            }
        }
        spans
    }

    /// When a duty to make a record was open; one that was exempted counts for good.
    fn record_duties(&self, members: &[u32], subject: u32) -> Vec<Span> {
        let verdicts = self.judge_members(members, self.sight, None);
        let of_a_record = |verdict: &&super::Verdict| {
            verdict.subject() == subject
                && self.context.compiled.version(verdict.version).version.obligation.as_deref()
                    == Some(RECORD)
        };
        let span = |verdict: &super::Verdict| Span {
            from: verdict.opened_at,
            until: verdict.closed_at.filter(|_| verdict.outcome != super::Outcome::Exempt),
        };
        verdicts.iter().filter(of_a_record).map(span).collect()
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
