//! What the read models answer with.

use std::collections::BTreeMap;
use std::sync::Arc;

use mandate_domain::judge::{DutyRecord, Outcome};
use mandate_domain::policy::coverage::Check;
use mandate_domain::time::{Date, Instant};
use mandate_store::Position;
use serde::Serialize;

/// A duty as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DutyRow {
    /// `D-` and eight characters.
    pub reference: String,
    /// How grave a breach is: `low`, `medium`, `high`, `critical`.
    pub severity: String,
    /// The duty in one sentence.
    pub title: String,
    /// The area's unit of the nominal, if known.
    pub unit: Option<String>,
    /// Number of the rule's version, from 1.
    pub version: u16,
    /// How often a breach of it was rescinded.
    pub generation: u32,
    /// Whether a breach of it stands raised in the log.
    pub raised: bool,
    /// Whether its subject is parked: the duty is as it was then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub parked: bool,
    /// The duty, field by field.
    #[serde(flatten)]
    pub record: DutyRecord,
}

/// Which duties to list; an empty list or none asks for all.
#[derive(Debug, Clone, Default)]
pub struct DutyFilter {
    /// Holders: areas or prisons by full id.
    pub holders: Vec<String>,
    /// Units by full id.
    pub units: Vec<String>,
    /// Rules by id.
    pub rules: Vec<String>,
    /// Outcomes.
    pub outcomes: Vec<Outcome>,
    /// One subject.
    pub subject: Option<String>,
    /// Only breaches, or only others.
    pub breach: Option<bool>,
    /// Due on or after.
    pub due_from: Option<Date>,
    /// Due on or before.
    pub due_to: Option<Date>,
    /// Subjects to leave out, as if they did not exist.
    pub except: Vec<String>,
    /// The order.
    pub sort: DutySort,
    /// Whether the order is turned round.
    pub descending: bool,
    /// Page, from 0.
    pub page: u32,
    /// Rows on a page; at most [`MAX_PAGE`].
    pub size: u32,
}

/// Duties that count alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyCount {
    /// Who answers; none where unknown.
    pub holder: Option<Arc<str>>,
    /// The unit of the nominal, where that was asked for and is known.
    pub unit: Option<Arc<str>>,
    /// The rule.
    pub rule: Arc<str>,
    /// The outcome.
    pub outcome: Outcome,
    /// Whether they were opened under another holder.
    pub inherited: bool,
    /// Whether they could be known only after they were due.
    pub born_overdue: bool,
    /// Whether no fact that could end them was ever recorded for the holder.
    pub not_evidenced: bool,
    /// Whole days from the opening to when they could be known.
    pub lag_days: u32,
    /// How many.
    pub duties: u64,
}

/// Most rows on a page.
pub const MAX_PAGE: u32 = 10_000;

/// The order of a list of duties; ties go by duty id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DutySort {
    /// By the last working day to act.
    #[default]
    ActBy,
    /// By the due moment.
    Due,
    /// By when it was opened.
    Opened,
    /// By rule.
    Rule,
    /// By subject.
    Subject,
    /// By holder.
    Holder,
    /// By outcome.
    Outcome,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed<T> {
    /// The rows.
    pub content: Vec<T>,
    /// Rows on all pages.
    pub total_elements: u64,
    /// Page, from 0.
    pub number: u32,
    /// Rows on a full page.
    pub size: u32,
}

/// What a duty was from an instant on, as then known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyVersion {
    /// From when.
    pub at: Instant,
    /// The duty; none when it is there no longer.
    pub record: Option<DutyRecord>,
}

/// A nominal, user or organisation with its state as now known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectRow {
    /// Full id.
    pub subject: String,
    /// The survivor, where it was merged.
    pub merged_into: Option<String>,
    /// Fields of the state (spec 3.2) by name.
    pub state: BTreeMap<String, String>,
    /// Whether it is parked: its state is as it was then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub parked: bool,
}

/// Which discrepancies to list; an empty list asks for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiscrepancyFilter {
    /// The checks that found them.
    pub checks: Vec<Check>,
    /// Areas of the nominals, full ids.
    pub areas: Vec<String>,
    /// Prisons that they concern, full ids.
    pub prisons: Vec<String>,
    /// Whom they are about.
    pub subject: Option<String>,
    /// Subjects to leave out, as if they did not exist.
    pub except: Vec<String>,
    /// The page, from 0.
    pub page: u32,
    /// Rows on a page.
    pub size: u32,
}

/// A breach as raised in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreachRow {
    /// The duty.
    pub duty: String,
    /// `D-` and eight characters.
    pub reference: String,
    /// Its rule.
    pub rule: String,
    /// Whom it is about.
    pub subject: String,
    /// Who answered when it was raised.
    pub holder: Option<String>,
    /// The due moment it was raised for.
    pub due_at: Instant,
    /// How often a breach of the duty had been rescinded before.
    pub generation: u32,
    /// Where it stands in the log.
    pub position: Position,
    /// When it was raised.
    pub raised_at: Instant,
    /// `raised`, `closed` or `rescinded`.
    pub status: String,
}

/// A breach to be rescinded, and what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescission {
    /// The breach.
    pub breach: BreachRow,
    /// `recorded_late`, `annulled`, `rule` or `merged`.
    pub because: &'static str,
    /// The outcome now, if the duty is there still.
    pub outcome_now: Option<String>,
    /// The duty that replaces it, if one does.
    pub replaced_by: Option<String>,
}

/// A step of a breach that stands, with whom it is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationDue {
    /// The duty.
    pub duty: DutyRow,
    /// The step's name.
    pub step: String,
    /// `head`, `board` or another role that the rule names.
    pub to_role: String,
    /// When the step came.
    pub at: Instant,
    /// When the breach was raised.
    pub raised_at: Instant,
}

/// What others did of which people are told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// In the form of a duty id: `<kind>:<subject>:<source>#<id>`.
    pub id: String,
    /// `opened`, `partnership` or `transfer`.
    pub kind: String,
    /// The nominal.
    pub subject: String,
    /// The organisation that opened the record, asks for partnership, or is to take the record over.
    pub org: Option<String>,
    /// Where the event stands.
    pub position: Position,
    /// Whether it was recorded more than a day after it occurred.
    pub late: bool,
    /// Whether it was stated in error.
    pub annulled: bool,
}

/// A place in the log with when it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The position.
    pub position: Position,
    /// The moment.
    pub at: Instant,
}

/// A teller, and how often it tells something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The source of its facts.
    pub source: String,
    /// When it first told something.
    pub first_at: Instant,
    /// When it told something last.
    pub last_at: Instant,
    /// At how many moments it told something.
    pub arrivals: u64,
    /// Since when the present period runs.
    pub period_from: Instant,
    /// The longest pause of the present period, in nanoseconds.
    pub longest_ns: i64,
    /// The longest pause of the period before, in nanoseconds.
    pub longest_before_ns: i64,
}

/// Of whom something was stated in error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annulled {
    /// Whom it was about.
    pub subject: String,
    /// The organisations concerned, as far as there are.
    pub orgs: [Option<String>; 4],
}

/// Who holds a post.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostHolder {
    /// The user, by full id.
    pub user: String,
    /// The organisation.
    pub org: String,
    /// The post.
    pub post: String,
}

/// How a person wants their mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// The London time of the digest, such as `07:30`.
    pub digest_at: Option<String>,
    /// From when no mail is sent, and until when.
    pub quiet: Option<(String, String)>,
    /// The kinds of mail turned off.
    pub off: Vec<String>,
}

/// A warning step that has come for a pending duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The duty.
    pub duty: DutyRow,
    /// The step's name.
    pub step: String,
    /// When the step came.
    pub at: Instant,
    /// Earlier steps that came as well, and are overtaken by this one.
    pub skipped: Vec<String>,
}

/// A notice owed or sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticeRow {
    /// Its id, shared by the duties that it lists.
    pub notice: String,
    /// `breach`, `warning`, `rescission` or another kind of mail.
    pub template: String,
    /// The user to whom it goes.
    pub recipient: String,
    /// The duties it lists, in order of position, each with its generation.
    pub duties: Vec<(String, u32)>,
    /// How many it lists beyond those, where only a few were asked for.
    #[serde(skip)]
    pub more_duties: u64,
    /// Where the first of its events stands.
    pub position: Position,
    /// When it was queued.
    pub queued_at: Instant,
    /// `queued`, `accepted`, `deferred`, `rejected` or `ambiguous`.
    pub status: String,
    /// What the mail server answered last.
    pub reply: Option<String>,
    /// The user for whom it was, where it could not be delivered to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<String>,
}

/// Notices that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeCount {
    /// The kind of mail.
    pub template: String,
    /// `queued`, `accepted`, `deferred`, `rejected` or `ambiguous`.
    pub status: String,
    /// Whether they could not be delivered though they had something to say.
    pub dead: bool,
    /// How many.
    pub notices: u64,
}

/// Which notices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticeFilter {
    /// About nothing but these subjects, they are left out.
    pub except: Vec<String>,
    /// Those that stand so.
    pub status: Option<String>,
    /// Those of a kind of mail.
    pub template: Option<String>,
    /// Only those that could not be delivered though they had something to say.
    pub dead: bool,
}

impl NoticeRow {
    /// Whether what it lists are duties: a mail about an act of others or of the clock lists what it is about in the form
    /// of a duty id, and no duty has that id.
    #[must_use]
    pub fn lists_duties(&self) -> bool {
        matches!(
            self.template.as_str(),
            "breach" | "summary" | "warning" | "rescission" | "escalation" | "vetting"
        )
    }
}

/// A message of another system that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineRow {
    /// Its id in quarantine.
    pub id: String,
    /// What it is filed under: a nominal, or itself.
    pub subject: String,
    /// Where it stands in the log.
    pub position: Position,
    /// Since when it is there.
    pub quarantined_at: Instant,
    /// Who told it.
    pub source: String,
    /// Under which id.
    pub message_id: String,
    /// Of which event type, where it names one.
    pub event_type: Option<String>,
    /// Why it is there.
    pub reason: String,
    /// The fields that it needs.
    pub needs: Vec<String>,
    /// `waiting`, `replayed` or `discarded`.
    pub status: String,
    /// Where the event stands that ended its waiting.
    pub settled: Option<Position>,
}

/// Which messages in quarantine to list; none asks for all.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// `waiting`, `replayed` or `discarded`.
    pub status: Option<String>,
    /// The teller.
    pub source: Option<String>,
    /// The event type.
    pub event_type: Option<String>,
    /// A field that is needed.
    pub needs: Option<String>,
    /// What it is filed under.
    pub subject: Option<String>,
    /// Subjects to leave out, as if they did not exist.
    pub except: Vec<String>,
}

/// How far the read models are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The last event taken in.
    pub position: Position,
    /// The moment up to which the clock was followed.
    pub at: Instant,
    /// When something changes next without a new fact.
    pub next_at: Option<Instant>,
}

/// A fact in the timeline of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Where it stands in the log.
    pub position: Position,
    /// `<source>#<id>`.
    pub reference: String,
    /// Its type.
    pub kind: String,
    /// When it occurred.
    pub occurred_at: Instant,
    /// When it was known (the claim where there is one).
    pub known_at: Instant,
    /// Whether `known_at` is a claim made elsewhere.
    pub imported: bool,
    /// Whether it was annulled.
    pub annulled: bool,
    /// Fields of the state that it changed: name, before, after.
    pub changes: Vec<(String, String, String)>,
    /// Its public data, as text by field.
    pub data: Vec<(String, String)>,
}

/// A subject that cannot be followed; its rows stay as they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    /// Its full id.
    pub subject: String,
    /// The event that cannot be taken in.
    pub position: Position,
    /// Why.
    pub reason: String,
    /// The last moment at which its rows were right.
    pub since: Instant,
}
