//! What is visible at (as at, known at): annulments, merges, programmes (spec 2.1, 3, 3.2).

use super::compiled::Compiled;
use super::history::{History, RowId, Waiver};
use crate::calendar::Calendar;
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::policy::Programme;
use crate::time::{Date, Instant};
use crate::vocabulary::{NONE, decode_date};
use hashbrown::HashMap;

/// Depth at which annulments of annulments are no longer followed; a circle ends there.
const ANNULMENT_DEPTH: u8 = 32;

/// The moment that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Facts that occurred at or before this instant.
    pub as_at: Instant,
    /// Facts that were recorded at or before this instant.
    pub known_at: Instant,
}

/// A view within its last instant: of what was recorded at `known_at` itself, what comes after a position is not there
/// yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// As in [`View`].
    pub as_at: Instant,
    /// As in [`View`].
    pub known_at: Instant,
    /// The last position that counts of what was recorded at `known_at`.
    pub until: u32,
    /// A fact that counts although it is annulled; [`NONE`] for none.
    pub restored: RowId,
}

impl From<View> for Sight {
    fn from(view: View) -> Self {
        Self { as_at: view.as_at, known_at: view.known_at, until: u32::MAX, restored: NONE }
    }
}

impl Sight {
    /// Whether what was recorded at a place in the order of recording is there.
    pub fn reaches(self, recorded: Recorded) -> bool {
        recorded <= (self.known_at, self.until)
    }
}

/// A place in the order in which facts were recorded: when, and at which position.
pub(super) type Recorded = (Instant, u32);

/// Everything a judging reads, the same for all subjects.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub compiled: Compiled<'a>,
    pub history: &'a History,
    pub calendar: Calendar,
    /// Annulments by the fact that they name.
    annulled_by: HashMap<RowId, Vec<RowId>>,
    /// A bit for each row: whether it is a key of the above. Asked for every fact at every moment.
    ever_annulled: Vec<u64>,
    /// Checks of the to-do list by prison, each by its time and position.
    checks: HashMap<u32, Vec<(Instant, u32, RowId)>>,
    /// When each placement comes to count, and its place in the order of recording; in order.
    placed_at: Vec<(Instant, Recorded)>,
    /// The same of the annulments of placements, and of those of annulments.
    displaced_at: Vec<(Instant, Recorded)>,
}

impl<'a> Context<'a> {
    pub fn new(compiled: Compiled<'a>, history: &'a History, calendar: &Calendar) -> Self {
        let mut annulled_by: HashMap<RowId, Vec<RowId>> = HashMap::new();
        for (annulment, source, id) in &history.annulments {
            if let Some(target) = history.find(source, id).filter(|target| target != annulment) {
                annulled_by.entry(target).or_default().push(*annulment);
            }
        }
        let mut ever_annulled = Vec::new();
        for row in annulled_by.keys() {
            let (word, bit) = place_of(*row);
            if ever_annulled.len() <= word {
                ever_annulled.resize(word + 1, 0);
            }
            if let Some(bits) = ever_annulled.get_mut(word) {
                *bits |= bit;
            }
        }
        let counts = |row: &RowId| {
            let found = history.row(*row);
            (found.time.max(found.recorded), (found.recorded, found.position))
        };
        let mut placed_at: Vec<(Instant, Recorded)> =
            history.placements.values().flatten().map(counts).collect();
        placed_at.sort_unstable();
        let in_order = |rows: &Vec<RowId>| {
            let place = |row: &RowId| (history.row(*row).time, history.row(*row).position, *row);
            let mut checks: Vec<_> = rows.iter().map(place).collect();
            checks.sort_unstable();
            checks
        };
        let checks = history.checks.iter().map(|(prison, rows)| (*prison, in_order(rows))).collect();
        let calendar = calendar.clone();
        let displaced_at = Vec::new();
        let mut context =
            Self { compiled, history, calendar, annulled_by, ever_annulled, checks, placed_at, displaced_at };
        let annulments = history.placements.values().flatten().flat_map(|row| context.all_annulments(*row));
        context.displaced_at =
            annulments.map(|row| (history.row(row).recorded, context.recorded(row))).collect();
        context.displaced_at.sort_unstable();
        context
    }

    /// Takes in the holidays that facts had published.
    pub fn add_published_holidays(&mut self, sight: Sight) {
        let published: Vec<_> = self
            .history
            .holidays
            .iter()
            .filter(|(row, _)| self.is_known(*row, sight))
            .flat_map(|(_, announcements)| announcements.iter().cloned())
            .collect();
        if !published.is_empty() {
            self.calendar = self.calendar.with(published);
        }
    }

    /// The annulments in force that name the fact.
    pub fn annulments_of(&self, row: RowId, sight: Sight) -> impl Iterator<Item = RowId> + '_ {
        let named = self.annulled_by.get(&row).map_or(&[][..], Vec::as_slice);
        named.iter().copied().filter(move |annulment| self.in_force(*annulment, sight, 0))
    }

    fn in_force(&self, annulment: RowId, sight: Sight, depth: u8) -> bool {
        if !self.is_recorded(annulment, sight) {
            return false;
        }
        if depth >= ANNULMENT_DEPTH {
            return true;
        }
        let named = self.annulled_by.get(&annulment).map_or(&[][..], Vec::as_slice);
        !named.iter().any(|other| self.in_force(*other, sight, depth + 1))
    }

    /// The place of a fact in the order of recording.
    pub fn recorded(&self, row: RowId) -> Recorded {
        let found = self.history.row(row);
        (found.recorded, found.position)
    }

    /// Whether a fact was recorded by then.
    fn is_recorded(&self, row: RowId, sight: Sight) -> bool {
        sight.reaches(self.recorded(row))
    }

    /// Whether any annulment of a fact is in the history, in force or not.
    pub fn is_ever_annulled(&self, row: RowId) -> bool {
        let (word, bit) = place_of(row);
        self.ever_annulled.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// The annulments of a fact, the annulments of those, and so on, in force or not.
    pub fn all_annulments(&self, row: RowId) -> Vec<RowId> {
        let mut found: Vec<RowId> = Vec::new();
        let mut named = vec![row];
        while let Some(row) = named.pop() {
            for annulment in self.annulled_by.get(&row).into_iter().flatten() {
                if !found.contains(annulment) {
                    found.push(*annulment);
                    named.push(*annulment);
                }
            }
        }
        found
    }

    /// Whether a fact was recorded by then and has occurred, annulled or not.
    pub fn is_told(&self, row: RowId, sight: Sight) -> bool {
        self.history.row(row).time <= sight.as_at && self.is_recorded(row, sight)
    }

    /// Whether a fact was recorded and not annulled by then.
    pub fn is_known(&self, row: RowId, sight: Sight) -> bool {
        self.is_recorded(row, sight)
            && (!self.is_ever_annulled(row)
                || row == sight.restored
                || self.annulments_of(row, sight).next().is_none())
    }

    /// Whether a fact counts.
    pub fn is_visible(&self, row: RowId, sight: Sight) -> bool {
        self.history.row(row).time <= sight.as_at && self.is_known(row, sight)
    }

    /// The earliest annulment in force that names the fact.
    pub fn earliest_annulment(&self, row: RowId, sight: Sight) -> Option<RowId> {
        self.annulments_of(row, sight)
            .min_by_key(|annulment| (self.history.row(*annulment).recorded, *annulment))
    }

    /// The switch by which a programme is on in an area on a date; `None` when it is off.
    pub fn programme_on(&self, area: u32, programme: Programme, date: Date, sight: Sight) -> Option<RowId> {
        let switches = self.history.programmes.get(&area)?;
        let effect = |row: RowId| {
            let found = self.history.row(row);
            (found.on.max(found.recorded.london_date()), found.time, found.position)
        };
        let latest = switches
            .iter()
            .copied()
            .filter(|row| self.history.text(*row, Field::Programme) == programme.name())
            .filter(|row| effect(*row).0 <= date && self.is_visible(*row, sight))
            .max_by_key(|row| effect(*row))?;
        (self.history.row(latest).kind == FactType::ProgrammeSwitchedOn).then_some(latest)
    }

    /// The switches of an area that count.
    pub fn visible_switches(&self, area: u32, sight: Sight) -> impl Iterator<Item = RowId> + '_ {
        let switches = self.history.programmes.get(&area).map_or(&[][..], Vec::as_slice);
        switches.iter().copied().filter(move |row| self.is_visible(*row, sight))
    }

    /// The placement by which an organisation belongs to another at a place in the order of the fold.
    pub fn placement(&self, org: u32, at: (Instant, u32), sight: Sight) -> Option<RowId> {
        let order = |row: &RowId| (self.history.row(*row).time, self.history.row(*row).position);
        let placed = self.history.placements.get(&org)?.iter().copied();
        placed.filter(|row| order(row) <= at && self.is_visible(*row, sight)).max_by_key(order)
    }

    /// The first instant after that of a view at which a placement known by then comes to count, if any of some
    /// subjects is a user to whom it matters.
    pub fn next_placement(&self, members: &[u32], sight: Sight) -> Option<Instant> {
        let user = |member: &u32| self.history.kind_of(*member) == Some(SubjectKind::User);
        if self.history.publications.is_empty() || !members.iter().any(user) {
            return None;
        }
        let later = self.placed_at.partition_point(|(at, _)| *at <= sight.as_at);
        let mut later = self.placed_at.get(later..).unwrap_or_default().iter();
        later.find(|(_, recorded)| sight.reaches(*recorded)).map(|(at, _)| *at)
    }

    /// Whether subjects of a kind read what organisations publish: it rests on where organisations are placed.
    pub fn reads_publications(&self, kind: SubjectKind) -> bool {
        kind == SubjectKind::User
            && !self.history.publications.is_empty()
            && self.compiled.of_kind(kind).is_some_and(|table| table.reads_publications)
    }

    /// How many placements and annulments of them have come to count, where that matters to a kind of subject.
    pub fn placed_by(&self, kind: SubjectKind, sight: Sight) -> usize {
        if !self.reads_publications(kind) {
            return 0;
        }
        let counted = |turns: &[(Instant, Recorded)]| {
            let reached = turns.partition_point(|(at, _)| *at <= sight.as_at);
            turns.iter().take(reached).filter(|(_, recorded)| sight.reaches(*recorded)).count()
        };
        counted(&self.placed_at) + counted(&self.displaced_at)
    }

    /// The facts of other subjects that the duties of one are opened, kept open or ended by, visible or not: what is
    /// published for its region, and the vetting of those who hold a post of it.
    pub fn foreign_rows(&self, subject: u32, kind: SubjectKind) -> Vec<RowId> {
        let reads_publications = || self.compiled.of_kind(kind).is_some_and(|table| table.reads_publications);
        match kind {
            SubjectKind::User if reads_publications() => self.history.publications.clone(),
            SubjectKind::Area | SubjectKind::Unit | SubjectKind::Prison | SubjectKind::PrisonGroup => {
                let users = self.history.cpcs.get(&subject).map_or(&[][..], Vec::as_slice);
                let rows = users.iter().flat_map(|user| self.history.rows_of(*user)).copied();
                let vetting = |row: &RowId| {
                    let kind = self.history.row(*row).kind;
                    matches!(kind, FactType::VettingCleared | FactType::VettingWithdrawn)
                };
                rows.filter(vetting).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The checks of a prison's to-do list, from an instant up to another, visible or not; in order.
    pub fn checks(&self, prison: u32, from: Instant, to: Instant) -> impl Iterator<Item = RowId> + '_ {
        let checks = self.checks.get(&prison).map_or(&[][..], Vec::as_slice);
        let first = checks.partition_point(|(time, ..)| *time < from);
        let rest = checks.get(first..).unwrap_or_default();
        rest.iter().take_while(move |(time, ..)| *time < to).map(|(.., row)| *row)
    }

    /// The survivor of each member of a set of subjects that merges connect.
    pub fn survivors(&self, members: &[u32], sight: Sight) -> HashMap<u32, u32> {
        let mut parent: HashMap<u32, u32> = HashMap::new();
        let mut merges: Vec<RowId> = self
            .history
            .merges
            .iter()
            .copied()
            .filter(|row| members.contains(&self.history.row(*row).subject) && self.is_visible(*row, sight))
            .collect();
        merges.sort_by_key(|row| (self.history.row(*row).time, self.history.row(*row).position));
        for row in merges {
            let loser = root(&parent, self.history.row(row).subject);
            let survivor = root(&parent, self.history.value(row, Field::Into).unwrap_or(NONE));
            // A merge that would close a circle is ignored.
            if loser != survivor {
                parent.insert(loser, survivor);
            }
        }
        members.iter().map(|member| (*member, root(&parent, *member))).collect()
    }

    /// Whether a waiver counts: visible, and its end not past.
    pub fn waives(&self, waiver: &Waiver, sight: Sight) -> bool {
        let until = self.history.value(waiver.row, Field::Until).and_then(decode_date);
        self.is_visible(waiver.row, sight) && until.is_none_or(|until| until >= sight.as_at.london_date())
    }
}

/// The word and the bit of a row among bits by row.
const fn place_of(row: RowId) -> (usize, u64) {
    (row as usize / 64, 1 << (row % 64))
}

fn root(parent: &HashMap<u32, u32>, subject: u32) -> u32 {
    let mut at = subject;
    while let Some(next) = parent.get(&at) {
        at = *next;
    }
    at
}

/// Sets of subjects that merges connect, whether the merges are visible or not; single ones are left out.
pub(super) fn components(history: &History) -> Vec<Vec<u32>> {
    let mut parent: HashMap<u32, u32> = HashMap::new();
    for row in &history.merges {
        let into = history.value(*row, Field::Into).unwrap_or(NONE);
        let (one, other) = (root(&parent, history.row(*row).subject), root(&parent, into));
        if one != other {
            parent.insert(one, other);
        }
    }
    let mut sets: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in &history.merges {
        for member in [history.row(*row).subject, history.value(*row, Field::Into).unwrap_or(NONE)] {
            let set = sets.entry(root(&parent, member)).or_default();
            if !set.contains(&member) {
                set.push(member);
            }
        }
    }
    sets.into_values().collect()
}
