//! The policy as data: rules with their versions, the framework's words beside each number (spec 3.3, 7).

pub mod coverage;
mod files;
mod load;
mod text;
pub(crate) mod toml_reader;

use std::collections::BTreeMap;

use serde::Serialize;

pub use files::{DRAFTS, PolicyFiles, concatenated, shipped_draft, shipped_files, split_concatenation};
pub(crate) use load::hexadecimal;
pub use text::normalised;

use crate::catalogue::{FactType, Field, SubjectKind};
use crate::time::Date;
use crate::vocabulary::{NONE, StateField};

/// Why a policy cannot be used; each problem names file, line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct PolicyError(pub Vec<Problem>);

/// One thing that is wrong in a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy {file}: line {line}: {reason}")]
pub struct Problem {
    /// The file's name within the policy folder.
    pub file: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// A versioned set of rules.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The rules in table order: ids compared part by part, numbers by value.
    pub rules: Vec<Rule>,
    /// The readings that the rules rest on, by id.
    pub interpretations: BTreeMap<String, Interpretation>,
    /// Texts that conditions compare with; the index is the symbol used in them.
    pub symbols: Vec<String>,
    /// SHA-256 of the canonical concatenation of all files, in hexadecimal.
    pub sha256: String,
}

/// A recorded reading of the framework's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interpretation {
    /// Its id.
    pub id: String,
    /// What the words leave open.
    pub question: String,
    /// What was chosen.
    pub choice: String,
    /// What might have been chosen.
    pub alternatives: Vec<String>,
    /// Why.
    pub reason: String,
    /// In a draft: the reading in force that it takes the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

/// One rule: the text, as data, that opens duties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id, such as `4.20.3`.
    pub id: String,
    /// The paragraph of the framework, by kind of holder.
    pub paragraph: PerHolder,
    /// The words of the framework, by kind of holder.
    pub quote: PerHolder,
    /// The duty in one sentence.
    pub duty: String,
    /// Whether the number is the policy's or a region's.
    pub basis: Basis,
    /// How grave a breach is.
    pub severity: Severity,
    /// Its versions, in order of time.
    pub versions: Vec<Version>,
    /// The file it came from.
    pub file: String,
}

/// A text that may differ by the kind of organisation that holds the duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerHolder {
    /// For every other holder.
    pub default: String,
    /// For the kinds named.
    pub by_kind: Vec<(SubjectKind, String)>,
}

impl PerHolder {
    /// The text for a holder such as `prison/LEI`; a prison group has that of prisons unless it has its own.
    #[must_use]
    pub fn for_holder(&self, holder: Option<&str>) -> &str {
        let of = |kind: SubjectKind| self.by_kind.iter().find(|(known, _)| *known == kind);
        let found = match holder.and_then(SubjectKind::of) {
            Some(SubjectKind::PrisonGroup) => {
                of(SubjectKind::PrisonGroup).or_else(|| of(SubjectKind::Prison))
            }
            Some(kind) => of(kind),
            None => None,
        };
        found.map_or(&self.default, |(_, text)| text)
    }
}

/// Whether a rule's number is stated by the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Stated by the policy: missing it is a breach.
    Policy,
    /// Chosen by a region: missing it is a missed local target.
    Local,
}

/// How grave a breach is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

/// Which of the four forms of 3.3 a rule has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Open while a condition on the state holds.
    While,
    /// Opened by a fact, ended by another.
    On,
    /// Something must have been done before a fact.
    Prior,
    /// One duty for each working day while a condition holds.
    Every,
}

/// The organisation that answers for a duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// The nominal's area.
    Area,
    /// The prison named by the opening fact or the state.
    Prison,
    /// The subject itself or the user's organisation.
    Org,
}

/// The date from which a duty is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedFrom {
    /// The effective date of the opening fact.
    Opening,
    /// The effective date of the latest sentence.
    Sentence,
    /// The effective date of the latest reception (admission or transfer).
    Reception,
}

/// How the due date follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// So many days after.
    Days(u16),
    /// The nth working day after.
    WorkingDays(u16),
    /// Calendar months before a date in the state; the window may open earlier still.
    Before {
        /// The date in the state.
        field: StateField,
        /// Months before it.
        months: u16,
        /// Months before it at which the window opens.
        opens_months: Option<u16>,
    },
    /// On a date in the state.
    On(StateField),
    /// Calendar months after, then days.
    Months {
        /// Months after.
        months: u16,
        /// Days after that.
        days: u16,
    },
    /// Before the opening fact.
    Prior,
    /// At the end of the duty's own day (`every`).
    SameDay,
}

impl Due {
    /// The date in the state that the due date follows, if it follows one.
    #[must_use]
    pub const fn follows(self) -> Option<StateField> {
        match self {
            Self::Before { field, .. } | Self::On(field) => Some(field),
            Self::Days(_) | Self::WorkingDays(_) | Self::Months { .. } | Self::Prior | Self::SameDay => None,
        }
    }
}

/// A programme that an area may switch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programme {
    /// Records for custodial level 1 cases (4.11).
    CustodyLevel1,
    /// Records for community sentences (4.13).
    Community,
}

impl Programme {
    /// Every programme.
    pub const ALL: [Self; 2] = [Self::CustodyLevel1, Self::Community];

    /// The programme of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "custody-level-1" => Some(Self::CustodyLevel1),
            "community" => Some(Self::Community),
            _ => None,
        }
    }

    /// Its name in facts and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CustodyLevel1 => "custody-level-1",
            Self::Community => "community",
        }
    }
}

/// A test of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// One of these encoded values.
    AnyOf(Vec<u32>),
    /// A number between two bounds, both included.
    Range(u32, u32),
    /// Not none.
    Known,
    /// None.
    Unknown,
    /// A set that holds all of these bits.
    HoldsAll(u32),
    /// A set that holds one of these bits.
    HoldsAny(u32),
    /// A list that holds one of these encoded values; looked at where lists are known.
    Contains(Vec<u32>),
    /// An id that is one of these, or begins with one of these that ends in `/`.
    BeginsWith(Vec<String>),
}

/// Conditions on the state; every entry must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// The tests by field.
    pub tests: Vec<(StateField, Test)>,
    /// A programme that must be on in the area.
    pub programme: Option<Programme>,
}

impl Condition {
    /// The fields asked, as a set of bits.
    #[must_use]
    pub fn fields(&self) -> u64 {
        self.tests.iter().fold(0, |set, (field, _)| set | field.bit())
    }

    /// Whether every test holds for the values, indexed by field; programmes are not looked at.
    #[must_use]
    pub fn holds(&self, values: &[u32]) -> bool {
        self.tests.iter().all(|(field, test)| test.holds(values.get(field.index()).copied().unwrap_or(NONE)))
    }

    /// Whether it asks that the record be live.
    #[must_use]
    pub fn asks_live_record(&self) -> bool {
        let live = StateField::Record.word("live");
        self.tests.iter().any(|(field, test)| {
            *field == StateField::Record
                && matches!(test, Test::AnyOf(values) if values.len() == 1 && values.first().copied() == live)
        })
    }
}

impl Test {
    /// Whether an encoded value passes; texts by prefix and lists are looked at elsewhere and fail here.
    #[must_use]
    pub fn holds(&self, value: u32) -> bool {
        match self {
            Self::AnyOf(values) => values.contains(&value),
            Self::Range(low, high) => value != NONE && (*low..=*high).contains(&value),
            Self::Known => value != NONE,
            Self::Unknown => value == NONE,
            Self::HoldsAll(bits) => value != NONE && value & bits == *bits,
            Self::HoldsAny(bits) => value != NONE && value & bits != 0,
            Self::Contains(_) | Self::BeginsWith(_) => false,
        }
    }
}

/// Most data fields that a rule may hold against each other.
pub const MATCHED: usize = 2;

/// A type of fact with conditions on its data and on the state before and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The type.
    pub kind: FactType,
    /// Conditions on its data.
    pub data: Vec<(Field, Test)>,
    /// Conditions on the state just after it.
    pub after: Condition,
    /// Conditions on the state just before it.
    pub before: Condition,
    /// Overrides the version's `counted_from` (5.13).
    pub counted_from: Option<CountedFrom>,
    /// Whether duties opened by it are flagged `policy_gap` (5.13).
    pub policy_gap: bool,
    /// Whether the rule's `match` is not asked of it (4.24, `withdrawn_by`).
    pub any_match: bool,
    /// A date field that must not lie before the effective date it is held against (6.1, 6.6, 4.16.vetting).
    pub current: Option<Field>,
    /// A date field that must not lie before the opening's effective date, whenever the fact comes (6.6).
    pub covers: Option<Field>,
    /// Types that undo it when they come in between (6.1).
    pub unless: Vec<FactType>,
    /// Whether it opens a duty for each user whose organisation is, or lies under, the one it is stated of (4.16.sign).
    pub each_user: bool,
}

/// How the organisations of two facts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The same prison.
    Prison,
    /// The same organisation.
    Org,
}

/// A rule as it stood for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// First effective date.
    pub effective_from: Date,
    /// Last effective date, included.
    pub effective_to: Option<Date>,
    /// The kinds of subject it is about.
    pub subjects: Vec<SubjectKind>,
    /// Its form.
    pub form: Form,
    /// The condition of `while` and `every`.
    pub holds: Condition,
    /// The condition that ends a `while` duty well.
    pub until: Option<Condition>,
    /// The guard at the opening (`if`).
    pub guard: Condition,
    /// The condition just before the opening (`was`).
    pub was: Condition,
    /// What opens (`on`, `prior`).
    pub on: Vec<Entry>,
    /// What ends well.
    pub done: Vec<Entry>,
    /// What must have been done before (`prior`).
    pub needs: Vec<Entry>,
    /// How far back it counts.
    pub since: Vec<Entry>,
    /// What withdraws.
    pub withdrawn_by: Vec<Entry>,
    /// What ends an overdue duty although `while` holds.
    pub closes_overdue: Vec<Entry>,
    /// The data fields that must be equal, at most [`MATCHED`].
    pub matches: Vec<Field>,
    /// The organisation that must be equal.
    pub by: Option<By>,
    /// Whether an earlier fact counts.
    pub early: bool,
    /// Whether every named user must be answered.
    pub all_users: bool,
    /// Whether `while` turning false is how the duty is met.
    pub ends_met: bool,
    /// From when it is counted.
    pub counted_from: CountedFrom,
    /// When it is due.
    pub due: Due,
    /// Days of grace where the date computed lies in the past.
    pub grace: Option<u16>,
    /// The act that it shares with other rules.
    pub obligation: Option<String>,
    /// Rules whose earlier due date it keeps.
    pub keeps_earlier_due_of: Vec<String>,
    /// Who answers.
    pub holder: Holder,
    /// Steps before due, in working days before `act_by` or days before due.
    pub warn: Vec<Step>,
    /// Steps after due.
    pub escalate: Vec<Escalation>,
    /// Roles that may waive.
    pub waive: Vec<String>,
    /// Readings it rests on.
    pub interpretations: Vec<String>,
    /// Whether it opens after death (4.15, 5.18, 5.9.partners).
    pub opens_after_death: bool,
    /// Whether it goes on when the record is no longer live (5.18, 5.19, 5.9.partners).
    pub outlives_record: bool,
    /// Place of the version in its rule, from 1.
    pub number: u16,
}

/// A warning step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many working days before the last working day to act; 0 is that day.
    WorkingDays(u16),
    /// So many days before the due date.
    Days(u16),
}

impl Step {
    /// Its name in `duty.warned`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::WorkingDays(n) => format!("warn-{n}wd"),
            Self::Days(n) => format!("warn-{n}d"),
        }
    }
}

/// An escalation step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Working days after the breach.
    pub working_days: u16,
    /// Who is told.
    pub to: String,
}

impl Version {
    /// Whether it governs an opening with this effective date.
    #[must_use]
    pub fn governs(&self, effective_on: Date) -> bool {
        self.effective_from <= effective_on && self.effective_to.is_none_or(|last| effective_on <= last)
    }

    /// Whether it applies to this kind of subject.
    #[must_use]
    pub fn is_about(&self, kind: SubjectKind) -> bool {
        self.subjects.contains(&kind)
    }
}

impl Policy {
    /// The policy that ships with the program: the framework as of this build.
    ///
    /// # Errors
    /// Never in a released build: a test loads it.
    pub fn shipped() -> Result<Self, PolicyError> {
        Self::load(&shipped_files())
    }

    /// Reads a policy from its files.
    ///
    /// # Errors
    /// [`PolicyError`] with every problem found, each naming file, line and reason.
    pub fn load(files: &PolicyFiles) -> Result<Self, PolicyError> {
        load::load(files)
    }

    /// The rule of that id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The first day on which a duty that opens, or is open, may be another under the other policy; `None` where the two
    /// have the same rules. What a reading's text says makes no difference.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> Option<Date> {
        if self.symbols != other.symbols {
            let rules = self.rules.iter().chain(&other.rules);
            return rules.filter_map(Rule::effective_from).min();
        }
        let of_ours = self.rules.iter().filter_map(|rule| rule.differs_from(other.rule(&rule.id)));
        let new = other.rules.iter().filter(|rule| self.rule(&rule.id).is_none());
        of_ours.chain(new.filter_map(Rule::effective_from)).min()
    }
}

impl Rule {
    /// The first day of its first version.
    fn effective_from(&self) -> Option<Date> {
        self.versions.iter().map(|version| version.effective_from).min()
    }

    /// The first day on which it differs from another, or from none.
    fn differs_from(&self, other: Option<&Self>) -> Option<Date> {
        let Some(other) = other else { return self.effective_from() };
        let without_versions =
            |rule: &Self| Self { versions: Vec::new(), file: String::new(), ..rule.clone() };
        if without_versions(self) != without_versions(other) {
            return self.effective_from().into_iter().chain(other.effective_from()).min();
        }
        let (longer, shorter) =
            if self.versions.len() < other.versions.len() { (other, self) } else { (self, other) };
        let pairs = longer.versions.iter().enumerate().map(|(at, one)| (one, shorter.versions.get(at)));
        pairs.filter_map(|(one, other)| one.differs_from(other)).min()
    }
}

impl Version {
    /// The first day on which it differs from another, or from none.
    fn differs_from(&self, other: Option<&Self>) -> Option<Date> {
        let Some(other) = other else { return Some(self.effective_from) };
        let without_end = |version: &Self| Self { effective_to: None, ..version.clone() };
        if without_end(self) != without_end(other) {
            return Some(self.effective_from.min(other.effective_from));
        }
        let ends = [self.effective_to, other.effective_to];
        (self.effective_to != other.effective_to)
            .then(|| ends.into_iter().flatten().min())
            .flatten()
            .map(Date::next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shipped files with one of them changed.
    fn with(name: &str, change: impl Fn(&str) -> String) -> Result<Policy, PolicyError> {
        let mut files = shipped_files();
        let text = files.0.get(name).cloned().unwrap_or_default();
        files.0.insert(name.to_owned(), change(&text));
        Policy::load(&files)
    }

    fn refused(name: &str, from: &str, to: &str) -> String {
        let result = with(name, |text| {
            assert!(text.contains(from), "{name} has no {from:?}");
            text.replacen(from, to, 1)
        });
        result.unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_policy_loads_in_table_order() {
        let policy = Policy::shipped().unwrap();
        let ids: Vec<_> = policy.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.get(..3), Some(&["4.3", "4.7", "4.8.cpc"][..]));
        assert!(ids.iter().position(|id| *id == "4.20.2") < ids.iter().position(|id| *id == "5.13"));
        assert_eq!(policy.sha256.len(), 64);
    }

    #[test]
    fn two_policies_differ_from_the_first_day_of_what_differs() {
        let shipped = Policy::shipped().unwrap();
        let day = |text: &str| Some(Date::parse(text).unwrap());
        let changed = |from: &str, to: &str| with("4.10.toml", |text| text.replacen(from, to, 1)).unwrap();
        let later = |text: &str| {
            let (head, first) = text.split_once("[[versions]]\n").unwrap();
            let old = first.replacen("form =", "effective_to = 2026-08-31\nform =", 1);
            let new = first.replacen("2023-01-16", "2026-09-01", 1).replacen("days = 5", "days = 4", 1);
            format!("{head}[[versions]]\n{old}\n[[versions]]\n{new}")
        };
        let cases = [
            (Policy::shipped().unwrap(), None),
            (changed("days = 5", "days = 4"), day("2023-01-16")),
            (changed("severity = \"high\"", "severity = \"low\""), day("2023-01-16")),
            (changed("2023-01-16", "2022-01-16"), day("2022-01-16")),
            (changed("form =", "effective_to = 2026-08-31\nform ="), day("2026-09-01")),
            (with("4.10.toml", later).unwrap(), day("2026-09-01")),
        ];
        for (other, expected) in cases {
            assert_eq!(shipped.differs_from(&other), expected);
            assert_eq!(other.differs_from(&shipped), expected);
        }
    }

    #[test]
    fn each_kind_of_mistake_is_named_with_file_line_and_reason() {
        let cases = [
            (
                "4.10.toml",
                "due = { days = 5 }",
                "due = { days = 5, dayz = 1 }",
                "line 14: unknown key `dayz`",
            ),
            (
                "4.10.toml",
                "due = { days = 5 }",
                "due = \"5 dayz\"",
                "line 14: `\"5 dayz\"`: expected \"prior\", { days = N }",
            ),
            ("4.10.toml", "severity = ", "severty = ", "line 1: `severity` is missing"),
            ("4.10.toml", "within 5 days", "within 6 days", "line 4: the quote"),
            ("4.10.toml", "paragraph = \"4.10\"", "paragraph = \"\"", "line 2: `\"\"`: expected a paragraph"),
            (
                "4.10.toml",
                "category = 2",
                "category = 7",
                "line 12: `7`: expected a number from 0 to 4 for `category`",
            ),
            ("4.10.toml", "category = 2", "colour = 2", "line 12: `colour` is no field of the state"),
            ("4.25.toml", "partners.added", "partners.invented", "expected a fact type of the catalogue"),
            (
                "4.25.toml",
                "match = \"request\"",
                "match = \"meeting\"",
                "line 14: `\"meeting\"`: expected a data field",
            ),
            (
                "4.17.toml",
                "\"local-target\"",
                "\"no-such\"",
                "interpretation `no-such` is not in interpretations.toml",
            ),
            ("4.10.toml", "until = { record = \"live\" }\n", "", "needs `until` or `ends = \"met\"`"),
            ("4.11.toml", ", release_on = \"known\"", "", "`while` must ask `release_on = \"known\"`"),
            ("4.10.toml", "id = \"4.10\"", "id = \"4.9\"", "must be named 4.9.toml"),
            ("4.10.toml", "id = \"4.10\"", "id = ", "line 1:"),
        ];
        for (file, from, to, wanted) in cases {
            let error = refused(file, from, to);
            assert!(error.contains(&format!("policy {file}: line ")), "{error}");
            assert!(error.contains(wanted), "{error}\nwanted {wanted}");
        }
    }

    #[test]
    fn versions_that_overlap_or_leave_a_gap_are_refused() {
        let second = |text: &str, first_ends: &str| {
            let version = text.split_once("[[versions]]\n").unwrap().1.replace("2023-01-16", "2025-01-01");
            text.replace("2023-01-16\n", &format!("2023-01-16\n{first_ends}")) + "\n[[versions]]\n" + &version
        };
        for (first_ends, accepted) in [
            ("effective_to = 2024-12-31\n", true),
            ("effective_to = 2025-01-01\n", false),
            ("effective_to = 2024-12-30\n", false),
            ("", false),
        ] {
            let loaded = with("4.10.toml", |text| second(text, first_ends));
            assert_eq!(loaded.is_ok(), accepted, "{first_ends:?}: {loaded:?}");
        }
    }

    #[test]
    fn two_entries_that_open_at_the_same_fact_are_refused() {
        let error = refused(
            "4.17.toml",
            "on = [{ type = \"contact.flagged\" }]",
            "on = [{ type = \"contact.flagged\" }, { type = \"contact.flagged\" }]",
        );
        assert!(error.contains("two duties of one rule at one fact"), "{error}");
    }
}
