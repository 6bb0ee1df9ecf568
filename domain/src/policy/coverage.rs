//! The coverage table: every paragraph of the framework and what covers it (spec 3.5).
//!
//! A paragraph is covered by rules, commands, access rights, data-quality checks, registers and attestations; only
//! what asks for judgement alone is guidance. Commands and rights are those of the code.

use std::fmt;

use serde::Serialize;

use super::text::normalised;
use super::toml_reader::{At, Reader, Table};
use super::{Policy, PolicyError, PolicyFiles, Problem, Rule, shipped_files};
use crate::catalogue::FactType;
use crate::command::CommandName;
use crate::rights::Right;

/// The file of the table in a policy folder.
pub const FILE: &str = "coverage.toml";

named! {
    /// A bar on what anyone may do, that no right lifts (spec 4.3).
    Bar {
        OneCpc "one-cpc" LeadUpdatesNothing "lead-updates-nothing" BePartnered "be-partnered"
        AdministratorIsNoLiveUser "administrator-is-no-live-user" LimitedRecordsHidden "limited-records-hidden"
        VettedTrainedSigned "vetted-trained-signed" TwoPeople "two-people"
    }
}

named! {
    /// A data-quality check or a reconciliation.
    Check {
        RecordMissing "record-missing" RegistrationMissing "registration-missing" AlertMissing "alert-missing"
        ManagerDiffers "manager-differs" LevelDiffers "level-differs" OwnerDiffers "owner-differs"
        DatasetIncomplete "dataset-incomplete" RiskAssessmentOutdated "risk-assessment-outdated"
        AccountUnused "account-unused" PartnersOfLeavers "partners-of-leavers" ContactsNotCopied "contacts-not-copied"
        SampleOfRecords "sample-of-records" PartnersOfPrisonLeft "partners-of-prison-left"
        TerminalNotApproved "terminal-not-approved"
    }
}

named! {
    /// A register that Mandate keeps.
    Register {
        People "people" Posts "posts" Vetting "vetting" Training "training" SignedDocuments "signed-documents"
        Tokens "tokens" Terminals "terminals" Exemptions "exemptions" ArchivedRecords "archived-records"
        RetentionReviews "retention-reviews" Audits "audits" Programmes "programmes" CapacityPlans "capacity-plans"
        ContinuityPlans "continuity-plans" ContactCards "contact-cards" Reports "reports"
        RiskTold "risk-told"
    }
}

named! {
    /// How often something is attested.
    Period { Monthly "monthly" Quarterly "quarterly" Yearly "yearly" }
}

/// What covers a paragraph, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covering {
    /// A rule, by its id.
    Rule(String),
    /// A command.
    Command(CommandName),
    /// A right.
    Access(Right),
    /// A bar.
    Bar(Bar),
    /// A data-quality check.
    Check(Check),
    /// A register.
    Register(Register),
    /// A requirement that no system can show: attested for each period by a fact of this type.
    Attestation(Period, FactType),
    /// Judgement that cannot be covered, and why.
    Guidance(String),
}

impl Covering {
    /// What sort of thing it is.
    #[must_use]
    pub const fn sort(&self) -> &'static str {
        match self {
            Self::Rule(_) => "rule",
            Self::Command(_) => "command",
            Self::Access(_) => "access",
            Self::Bar(_) => "bar",
            Self::Check(_) => "check",
            Self::Register(_) => "register",
            Self::Attestation(..) => "attestation",
            Self::Guidance(_) => "guidance",
        }
    }

    /// Its name, for an attestation the period and the type of fact, for guidance the reason.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Rule(id) => id.clone(),
            Self::Command(command) => command.to_string(),
            Self::Access(right) => right.to_string(),
            Self::Bar(bar) => bar.to_string(),
            Self::Check(check) => check.to_string(),
            Self::Register(register) => register.to_string(),
            Self::Attestation(period, kind) => format!("{period}, {kind}"),
            Self::Guidance(why) => why.clone(),
        }
    }
}

impl fmt::Display for Covering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sort(), self.name())
    }
}

/// A paragraph with all that covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// The paragraph, `4.10`; a lettered part, `4.16.a`; or a definition, `7 Bulk Partner`.
    pub paragraph: String,
    /// What covers it; never empty.
    pub by: Vec<Covering>,
}

/// The coverage table of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The paragraphs, in their order.
    pub paragraphs: Vec<Covered>,
}

/// The numbered paragraphs of the sections that state requirements: the section and its last number.
const SECTIONS: &[(u8, u8)] = &[(4, 39), (5, 26), (6, 7)];

/// The lettered parts of 4.16: what the CPC is responsible for, and what the CPC must do besides.
const LETTERED: &[&str] = &[
    "4.16.a",
    "4.16.b",
    "4.16.c",
    "4.16.d",
    "4.16.e",
    "4.16.f",
    "4.16.g",
    "4.16.h",
    "4.16.i",
    "4.16.j",
    "4.16.k",
    "4.16.l",
    "4.16.m",
    "4.16.n",
    "4.16.o",
    "4.16.p",
    "4.16.must-a",
    "4.16.must-b",
    "4.16.must-c",
];

/// The definitions of section 7 that imply behaviour, by the words they define.
const DEFINITIONS: &[&str] = &[
    "Accessing a ViSOR nominal record you are not partner to",
    "Bulk Partner",
    "Central Support Token",
    "contact details/white pages",
    "CPC (Central Point of Contact) Probation",
    "CPC (Central point of contact) Prison",
    "HMPPS Offender Manager",
    "HMPPS Offender Manager Recorded on nominal summary screen.",
    "Identity Manager - LDAP",
    "LPC (Local Point of Contact)",
    "Manager",
    "nominal record owner",
    "Partner /partnership",
    "Partner token",
    "Police owned nominal records",
    "RUG – ViSOR Regional User Group",
    "Sufficient numbers",
    "sufficient numbers of Prison staff",
    "Supervisor",
    "SyOps (System Operators agreement)",
    "To do list",
    "ViSOR Administrative access",
    "ViSOR Lead",
    "ViSOR record quality assurance checks",
    "ViSOR registration on ndelius",
    "ViSOR Tokens",
];

/// Paragraphs that no system can show: each has an attestation.
const ATTESTED: &[&str] = &[
    "4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.23", "4.27", "4.29", "4.30", "4.31", "4.32", "4.33", "4.35",
    "4.36", "4.37", "5.2", "5.3", "5.6", "5.7", "5.8", "5.9", "5.10", "5.20", "5.21", "5.22", "5.24", "5.25",
    "5.26", "6.4", "6.5", "6.6", "6.7",
];

/// Where guidance is allowed: professional judgement, signposting, and links to guides.
const GUIDANCE: &[&str] = &["4.30", "5.9", "links"];

/// The types of fact that attest.
const ATTESTING: &[FactType] = &[
    FactType::RequirementAttested,
    FactType::ReturnSubmitted,
    FactType::CapacityPlanAttested,
    FactType::ContinuityPlanAttested,
];

/// Every paragraph that must be covered.
#[must_use]
pub fn expected() -> Vec<String> {
    let numbered =
        SECTIONS.iter().flat_map(|(section, last)| (1..=*last).map(move |n| format!("{section}.{n}")));
    let lettered = LETTERED.iter().map(|part| (*part).to_owned());
    let defined = DEFINITIONS.iter().map(|words| format!("7 {words}"));
    numbered.chain(lettered).chain(defined).collect()
}

impl Coverage {
    /// The table that ships with the program.
    ///
    /// # Errors
    /// Never in a released build: a test loads it.
    pub fn shipped() -> Result<Self, PolicyError> {
        let files = shipped_files();
        Self::load(&files, &Policy::load(&files)?)
    }

    /// Reads the table of a policy and holds it against the framework and the rules.
    ///
    /// # Errors
    /// [`PolicyError`] when there is none, a paragraph is missing, a rule is unknown or not named under its paragraph,
    /// an attestation is missing, or guidance stands where it is not allowed.
    pub fn load(files: &PolicyFiles, policy: &Policy) -> Result<Self, PolicyError> {
        let Some(text) = files.0.get(FILE) else {
            let reason = "the policy has no coverage table".to_owned();
            return Err(PolicyError(vec![Problem { file: FILE.to_owned(), line: 0, reason }]));
        };
        let framework = normalised(files.0.get("text.txt").map_or("", String::as_str));
        let reader = Reader::new(FILE, text);
        let mut paragraphs = Vec::new();
        if let Some(parsed) = reader.parse() {
            for (paragraph, offset, at) in reader.root(parsed.get_ref()).entries() {
                check_key(&reader, offset, paragraph, &framework);
                let by: Vec<Covering> =
                    at.items().iter().filter_map(|item| read_covering(item, paragraph, policy)).collect();
                if by.is_empty() {
                    reader.problem(offset, format!("nothing covers `{paragraph}`"));
                }
                paragraphs.push(Covered { paragraph: paragraph.to_owned(), by });
            }
        }
        let mut problems = reader.into_problems();
        if problems.is_empty() {
            let reasons = missing(&paragraphs, policy);
            let file = FILE.to_owned();
            problems.extend(reasons.into_iter().map(|reason| Problem {
                file: file.clone(),
                line: 1,
                reason,
            }));
        }
        if !problems.is_empty() {
            return Err(PolicyError(problems));
        }
        paragraphs.sort_by_key(|covered| place(&covered.paragraph));
        Ok(Self { paragraphs })
    }

    /// What covers a paragraph.
    #[must_use]
    pub fn of(&self, paragraph: &str) -> &[Covering] {
        let found = self.paragraphs.iter().find(|covered| covered.paragraph == paragraph);
        found.map_or(&[], |covered| &covered.by)
    }
}

/// Where a paragraph stands: by section and number, lettered parts after their paragraph, definitions in order.
fn place(paragraph: &str) -> (u8, u8, usize) {
    if let Some(words) = paragraph.strip_prefix("7 ") {
        return (7, 0, DEFINITIONS.iter().position(|known| *known == words).unwrap_or(usize::MAX));
    }
    let mut parts = paragraph.split('.');
    let mut number = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(u8::MAX);
    let (section, number) = (number(), number());
    let part = LETTERED.iter().position(|known| *known == paragraph).map_or(0, |at| at + 1);
    (section, number, part)
}

fn check_key(reader: &Reader<'_>, offset: usize, paragraph: &str, framework: &str) {
    if let Some(words) = paragraph.strip_prefix("7 ")
        && !framework.contains(&normalised(words))
    {
        reader.problem(offset, format!("the framework does not define {words:?}"));
    }
    let known = GUIDANCE.contains(&paragraph) || expected().iter().any(|known| known == paragraph);
    if !known {
        reader.problem(offset, format!("the framework has no paragraph `{paragraph}`"));
    }
}

fn read_covering(at: &At<'_, '_>, paragraph: &str, policy: &Policy) -> Option<Covering> {
    let table = at.table()?;
    let read = read_kind(&table, at, paragraph, policy);
    table.finish();
    read
}

fn read_kind(table: &Table<'_, '_>, at: &At<'_, '_>, paragraph: &str, policy: &Policy) -> Option<Covering> {
    if let Some(at) = table.get("rule") {
        let id = at.text()?;
        if policy.rule(id).is_none() {
            at.problem(format!("there is no rule `{id}`"));
        }
        return Some(Covering::Rule(id.to_owned()));
    }
    if let Some(at) = table.get("command") {
        return listed(&at, CommandName::from_name, CommandName::ALL).map(Covering::Command);
    }
    if let Some(at) = table.get("access") {
        return listed(&at, Right::from_name, Right::ALL).map(Covering::Access);
    }
    if let Some(at) = table.get("bar") {
        return listed(&at, Bar::from_name, Bar::ALL).map(Covering::Bar);
    }
    if let Some(at) = table.get("check") {
        return listed(&at, Check::from_name, Check::ALL).map(Covering::Check);
    }
    if let Some(at) = table.get("register") {
        return listed(&at, Register::from_name, Register::ALL).map(Covering::Register);
    }
    if let Some(at) = table.get("attested") {
        let period = listed(&at, Period::from_name, Period::ALL)?;
        let kind = match table.get("by") {
            None => FactType::RequirementAttested,
            Some(at) => {
                listed(&at, FactType::from_name, ATTESTING).filter(|kind| ATTESTING.contains(kind))?
            }
        };
        return Some(Covering::Attestation(period, kind));
    }
    if let Some(at) = table.get("guidance") {
        if !GUIDANCE.contains(&paragraph) {
            at.problem(format!("`{paragraph}` is no guidance: only {} may be", GUIDANCE.join(", ")));
        }
        return Some(Covering::Guidance(at.text()?.to_owned()));
    }
    at.wrong("one of rule, command, access, check, register, attested, guidance")
}

/// The value of a list that a text names.
fn listed<T: Copy + fmt::Display>(
    at: &At<'_, '_>,
    from_name: impl Fn(&str) -> Option<T>,
    all: &[T],
) -> Option<T> {
    let found = from_name(at.text()?);
    if found.is_none() {
        let known: Vec<String> = all.iter().map(ToString::to_string).collect();
        at.wrong::<()>(&format!("one of {}", known.join(", ")));
    }
    found
}

/// What the table leaves out.
fn missing(paragraphs: &[Covered], policy: &Policy) -> Vec<String> {
    let mut reasons = Vec::new();
    for paragraph in expected() {
        if !paragraphs.iter().any(|covered| covered.paragraph == paragraph) {
            reasons.push(format!("paragraph `{paragraph}` is missing"));
        }
    }
    for paragraph in ATTESTED {
        let attests = |covering: &Covering| matches!(covering, Covering::Attestation(..));
        if !paragraphs.iter().any(|c| c.paragraph == *paragraph && c.by.iter().any(attests)) {
            reasons.push(format!("paragraph `{paragraph}` is attested, and no attestation is named"));
        }
    }
    for rule in &policy.rules {
        for paragraph in paragraphs_of(rule) {
            let own = |covered: &&Covered| {
                let rest = covered.paragraph.strip_prefix(paragraph);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ' ']))
            };
            let names =
                |c: &Covered| c.by.iter().any(|by| matches!(by, Covering::Rule(id) if *id == rule.id));
            if !paragraphs.iter().filter(own).any(names) {
                reasons.push(format!("rule `{}` is not named under its paragraph {paragraph}", rule.id));
            }
        }
    }
    reasons
}

/// The paragraphs that a rule cites, by whichever holder.
fn paragraphs_of(rule: &Rule) -> impl Iterator<Item = &str> {
    let by_kind = rule.paragraph.by_kind.iter().map(|(_, paragraph)| paragraph.as_str());
    std::iter::once(rule.paragraph.default.as_str()).chain(by_kind)
}

/// What covers a paragraph, as JSON.
#[derive(Debug, Serialize)]
struct Named {
    sort: &'static str,
    name: String,
}

/// A paragraph as JSON.
#[derive(Debug, Serialize)]
struct Line<'c> {
    paragraph: &'c str,
    by: Vec<Named>,
}

impl Serialize for Coverage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = |by: &Covering| Named { sort: by.sort(), name: by.name() };
        let lines = self.paragraphs.iter();
        serializer.collect_seq(
            lines.map(|c| Line { paragraph: &c.paragraph, by: c.by.iter().map(named).collect() }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loads the shipped table with a text in it replaced.
    fn with(from: &str, to: &str) -> Result<Coverage, PolicyError> {
        let mut files = shipped_files();
        let text = files.0.get(FILE).cloned().unwrap_or_default();
        assert!(text.contains(from), "{FILE} has no {from:?}");
        files.0.insert(FILE.to_owned(), text.replacen(from, to, 1));
        let policy = Policy::load(&files)?;
        Coverage::load(&files, &policy)
    }

    fn refused(from: &str, to: &str) -> String {
        with(from, to).unwrap_err().to_string()
    }

    #[test]
    fn every_paragraph_is_covered() {
        let coverage = Coverage::shipped().unwrap_or_else(|wrong| panic!("{wrong}"));
        for paragraph in expected() {
            assert!(!coverage.of(&paragraph).is_empty(), "{paragraph}");
        }
        assert_eq!(expected().iter().filter(|paragraph| paragraph.starts_with("4.16.")).count(), 19);
    }

    #[test]
    fn a_missing_paragraph_is_named() {
        assert!(refused("\"4.9\" = [", "\"4.99\" = [").contains("the framework has no paragraph `4.99`"));
        let text = shipped_files().0[FILE].clone();
        let line = text.lines().find(|line| line.starts_with("\"4.9\" = [")).unwrap();
        assert!(line.ends_with(']'), "{line}");
        assert!(refused(&format!("{line}\n"), "").contains("paragraph `4.9` is missing"));
        assert!(refused(line, "\"4.9\" = []").contains("nothing covers `4.9`"));
    }

    #[test]
    fn an_unknown_rule_and_a_rule_under_no_paragraph_are_named() {
        assert!(
            refused("{ rule = \"4.10\" }", "{ rule = \"4.1000\" }").contains("there is no rule `4.1000`")
        );
        let error = refused("{ rule = \"4.10\" }", "{ rule = \"4.11\" }");
        assert!(error.contains("rule `4.10` is not named under its paragraph 4.10"), "{error}");
        // The prison's paragraph of a rule that has two.
        let text = shipped_files().0[FILE].clone();
        let at_5_11 = text.lines().find(|line| line.starts_with("\"5.11\"")).unwrap();
        let error =
            refused(at_5_11, &at_5_11.replace("{ rule = \"4.16.sign\" }", "{ register = \"people\" }"));
        assert!(error.contains("rule `4.16.sign` is not named under its paragraph 5.11"), "{error}");
    }

    #[test]
    fn guidance_elsewhere_and_a_missing_attestation_are_named() {
        let text = shipped_files().0[FILE].clone();
        let line = text.lines().find(|line| line.starts_with("\"4.31\"")).unwrap();
        let error = refused(line, "\"4.31\" = [{ guidance = \"judgement\" }]");
        assert!(error.contains("`4.31` is no guidance"), "{error}");
        let error = refused(line, "\"4.31\" = [{ register = \"people\" }]");
        assert!(error.contains("paragraph `4.31` is attested"), "{error}");
    }

    #[test]
    fn unknown_names_are_refused_with_file_and_line() {
        let error = refused("{ command = \"archive-record\" }", "{ command = \"shred-record\" }");
        assert!(
            error.contains("policy coverage.toml: line ") && error.contains("expected one of"),
            "{error}"
        );
        let error = refused("{ rule = \"4.10\" }", "{ rule = \"4.10\", note = 1 }");
        assert!(error.contains("unknown key `note`"), "{error}");
        let error = refused("\"7 Bulk Partner\"", "\"7 Bulk Purchase\"");
        assert!(error.contains("does not define \"Bulk Purchase\""), "{error}");
    }

    #[test]
    fn every_name_in_the_lists_is_used() {
        let coverage = Coverage::shipped().unwrap();
        let used: Vec<String> =
            coverage.paragraphs.iter().flat_map(|c| &c.by).map(ToString::to_string).collect();
        let all = (Bar::ALL.iter().map(|name| format!("bar {name}")))
            .chain(Check::ALL.iter().map(|name| format!("check {name}")))
            .chain(Register::ALL.iter().map(|name| format!("register {name}")));
        let unused: Vec<String> = all.filter(|name| !used.contains(name)).collect();
        assert_eq!(unused, [] as [String; 0]);
    }

    #[test]
    fn the_paragraph_of_every_command_and_right_is_in_the_table() {
        let coverage = Coverage::shipped().unwrap();
        let commands = CommandName::ALL.iter().map(|name| (name.to_string(), name.spec().paragraph));
        let rights = Right::ALL.iter().map(|right| (right.to_string(), right.spec().paragraph));
        for (name, paragraph) in commands.chain(rights) {
            let covers = |known: &str| {
                known
                    .strip_prefix(paragraph)
                    .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
            };
            assert!(coverage.paragraphs.iter().any(|known| covers(&known.paragraph)), "{name}: {paragraph}");
        }
    }
}
