//! The one typed list of what a fact may be: every type, its subjects and its fields (spec 2.2 to 2.4).
//!
//! The decoder, the rule loader's errors, the JSON Schemas and the rule-book page are all made from this list.

use std::fmt;

/// Declares an enum whose variants each have the name used in files.
macro_rules! named {
    ($(#[$meta:meta])* $enum:ident { $($variant:ident $name:literal)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $enum { $(#[doc = concat!("`", $name, "`")] $variant),* }

        impl $enum {
            /// Every variant, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name used in files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The variant of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// Place in the list, from 0.
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// What a subject id names; the id's prefix up to the slash.
    SubjectKind {
        Nominal "nominal" User "user" Area "area" Unit "unit" Prison "prison" PrisonGroup "prison-group"
        Region "region" Terminal "terminal" Duty "duty" Policy "policy" Calendar "calendar" Police "police"
        Message "message" Webhook "webhook" Client "client"
    }
}

impl SubjectKind {
    /// The kind that an id such as `area/A07` names, if the id has the form `kind/rest`.
    #[must_use]
    pub fn of(id: &str) -> Option<Self> {
        let (kind, rest) = id.split_once('/')?;
        if rest.is_empty() { None } else { Self::from_name(kind) }
    }
}

named! {
    /// The name of a field inside `data`.
    Field {
        On "on" Evidence "evidence" By "by" Personal "personal" Reason "reason" Note "note" About "about"
        Statement "statement" Kind "kind" Into "into" Registration "registration" Category "category" Level "level"
        Area "area" StatutorySupervision "statutory_supervision" To "to" Unit "unit" ReleaseOn "release_on"
        Prison "prison" Spell "spell" Found "found" Request "request" Users "users" Owner "owner" Basic "basic"
        Limited "limited" User "user" Org "org" Partnered "partnered" Assessment "assessment" Sections "sections"
        Termination "termination" Meeting "meeting" Report "report" Review "review" Contact "contact"
        Priority "priority" Manager "manager" Code "code" Attachment "attachment" Item "item" Complete "complete"
        Missing "missing" Role "role" Service "service" ExpiresOn "expires_on" Course "course" Provider "provider"
        Document "document" Version "version" Token "token" Paragraph "paragraph" PeriodFrom "period_from"
        PeriodTo "period_to" Outcome "outcome" Sample "sample" Period "period" Decision "decision" ByRole "by_role"
        Until "until" Tried "tried" Terminal "terminal" Network "network" Post "post" Programme "programme"
        DecidedBy "decided_by" Parent "parent" EffectiveFrom "effective_from" Sha256 "sha256" Text "text"
        ApprovedBy "approved_by" Holidays "holidays" Withdrawn "withdrawn" Event "event" Step "step" Rule "rule"
        DueAt "due_at" Holder "holder" KnownSince "known_since" BornOverdue "born_overdue" ToRole "to_role"
        ClosedBy "closed_by" Because "because" OutcomeNow "outcome_now" ReplacedBy "replaced_by" Name "name"
        Generation "generation" Notice "notice" Reply "reply" Template "template" Recipient "recipient"
        DetectedAt "detected_at" Local "local" Breach "breach" OrderedBy "ordered_by" Ground "ground"
        Message "message" MessageId "message_id" Teller "teller" Needs "needs" From "from"
        Duties "duties" ClosesAt "closes_at" Told "told" Seed "seed" Size "size" Act "act" List "list"
        Skipped "skipped" Number "number" DigestAt "digest_at" QuietFrom "quiet_from" QuietUntil "quiet_until" Off "off"
        Exempt "exempt" Url "url" Secret "secret" Types "types" After "after" First "first"
        Notices "notices" InPlaceOf "in_place_of" Backtest "backtest" View "view" Filter "filter"
        Through "through" UpTo "up_to"
    }
}

/// The shape of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An opaque id or code, compared for equality only.
    Id,
    /// Free text; sealed under the subject's key when stored.
    Text,
    /// Text that is part of the rule book and is never sealed.
    PublicText,
    /// `true` or `false`.
    Bool,
    /// A whole number between two bounds, both included.
    Number(i64, i64),
    /// A London date.
    Date,
    /// A London date, or null for "none".
    DateOrNull,
    /// An RFC 3339 instant.
    Instant,
    /// One of the listed words.
    Choice(&'static [&'static str]),
    /// A list of the listed words.
    Choices(&'static [&'static str]),
    /// The full id of one of the listed kinds.
    Subject(&'static [SubjectKind]),
    /// A list of full ids of one of the listed kinds.
    Subjects(&'static [SubjectKind]),
    /// A list of ids or words.
    Ids,
    /// `{source, id}` of another fact.
    EventRef,
    /// A list of `{date, title}`.
    Holidays,
    /// A list of dates.
    Dates,
    /// `{size, passed}`.
    Sample,
    /// The personal fields of 2.1: sealed when stored, ignored by the judge.
    Personal,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => f.write_str("a non-empty string"),
            Self::Text | Self::PublicText => f.write_str("a text"),
            Self::Bool => f.write_str("true or false"),
            Self::Number(low, high) => write!(f, "a whole number from {low} to {high}"),
            Self::Date => f.write_str("a date such as \"2026-03-02\""),
            Self::DateOrNull => f.write_str("a date such as \"2026-03-02\", or null"),
            Self::Instant => f.write_str("an instant such as \"2026-03-02T09:00:00Z\""),
            Self::Choice(words) => write!(f, "one of {}", quoted(words)),
            Self::Choices(words) => write!(f, "a list of {}", quoted(words)),
            Self::Subject(kinds) => write!(f, "an id such as {}", prefixes(kinds)),
            Self::Subjects(kinds) => write!(f, "a list of ids such as {}", prefixes(kinds)),
            Self::Ids => f.write_str("a list of strings"),
            Self::EventRef => f.write_str("an object {\"source\": …, \"id\": …}"),
            Self::Holidays => f.write_str("a list of {\"date\": …, \"title\": …}"),
            Self::Dates => f.write_str("a list of dates"),
            Self::Sample => f.write_str("an object {\"size\": …, \"passed\": …}"),
            Self::Personal => {
                f.write_str("an object with crn, noms, pnc, visor_ref, name, email or phone, each a string")
            }
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

fn prefixes(kinds: &[SubjectKind]) -> String {
    kinds.iter().map(|kind| format!("\"{kind}/…\"")).collect::<Vec<_>>().join(" or ")
}

/// One field of a fact type.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// Its name.
    pub field: Field,
    /// The shape of its value.
    pub shape: Shape,
    /// Whether a fact without it is refused.
    pub required: Presence,
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A fact without it is refused.
    Required,
    /// It may be left out.
    Optional,
}

pub(crate) const fn req(field: Field, shape: Shape) -> FieldSpec {
    FieldSpec { field, shape, required: Presence::Required }
}

pub(crate) const fn opt(field: Field, shape: Shape) -> FieldSpec {
    FieldSpec { field, shape, required: Presence::Optional }
}

/// The personal fields of spec 2.1, the only personal data a fact may hold.
pub const PERSONAL: &[&str] = &["crn", "noms", "pnc", "visor_ref", "name", "email", "phone"];

/// Fields that any fact may hold beside those of its type.
pub const COMMON: &[FieldSpec] = &[
    opt(Field::On, Shape::Date),
    opt(Field::Evidence, Shape::Choice(&["system", "extract", "attested"])),
    opt(Field::By, Shape::Id),
    opt(Field::Personal, Shape::Personal),
    opt(Field::Reason, Shape::Text),
    opt(Field::Note, Shape::Text),
    opt(Field::About, Shape::Text),
    opt(Field::Statement, Shape::Text),
];

use Field as F;
use Shape::{
    Bool, Choice, Choices, Date, DateOrNull, Dates, EventRef, Holidays, Id, Ids, Instant, Number, PublicText,
    Sample, Subject, Subjects, Text,
};
use SubjectKind as K;

pub(crate) const NOMINAL: &[K] = &[K::Nominal];
pub(crate) const USER: &[K] = &[K::User];
pub(crate) const AREA: &[K] = &[K::Area];
pub(crate) const PRISON: &[K] = &[K::Prison];
pub(crate) const TERMINAL: &[K] = &[K::Terminal];
pub(crate) const DUTY: &[K] = &[K::Duty];
pub(crate) const REGION: &[K] = &[K::Region];
const WEBHOOK: &[K] = &[K::Webhook];
/// Who reads: a person, or a machine by the name of its token.
const READERS: &[K] = &[K::User, K::Client];
pub(crate) const POSTS: &[K] = &[K::Area, K::Unit, K::Prison, K::PrisonGroup];
pub(crate) const ORGS: &[K] = &[K::Area, K::Unit, K::Prison, K::PrisonGroup, K::Region];
pub(crate) const MEMBERS: &[K] = &[K::Area, K::Unit, K::Prison, K::PrisonGroup, K::Region, K::Police];
pub(crate) const GROUPS: &[K] = &[K::Area, K::PrisonGroup];
pub(crate) const AUDITED: &[K] = &[K::Area, K::Prison, K::PrisonGroup];
pub(crate) const OWNERS: &[K] = &[K::Area, K::Police];
pub(crate) const PARTNERS: &[K] = &[K::Prison, K::Area];
const CHECKERS: &[K] = &[K::Nominal, K::User, K::Prison];
pub(crate) const ANY: &[K] = &[
    K::Nominal,
    K::User,
    K::Area,
    K::Unit,
    K::Prison,
    K::PrisonGroup,
    K::Region,
    K::Terminal,
    K::Duty,
    K::Policy,
    K::Calendar,
];
/// What a message from another system is filed under: the nominal where it names a known one, else itself.
const FILED: &[K] = &[K::Nominal, K::Message];

/// A place in the log, as far as JSON numbers are exact everywhere.
const PLACE: Shape = Number(0, 9_007_199_254_740_991);

const CATEGORY: Shape = Number(0, 4);
const LEVEL: Shape = Number(0, 3);
const MEETING_LEVEL: Shape = Number(1, 3);
pub(crate) const ROLES: Shape = Choice(&[
    "case-administrator",
    "mappa-administrator",
    "practitioner",
    "spo",
    "lpc",
    "cpc",
    "visor-lead",
    "security",
    "governor",
    "auditor",
    "smb-member",
    "other",
    "head-of-public-protection",
]);
pub(crate) const TOKEN_WORDS: &[&str] =
    &["create", "manager", "supervisor", "partner", "lpc", "cpc", "central-support", "admin"];
pub(crate) const TOKENS: Shape = Choice(TOKEN_WORDS);
pub(crate) const DOCUMENTS: Shape =
    Choice(&["syops", "standards", "business-model", "minimum-dataset", "audit-framework"]);
pub(crate) const COURSES: Shape = Choice(&["visor", "cpc", "train-the-trainer"]);
pub(crate) const POST: Shape = Choice(&["cpc", "lpc", "visor-lead", "deputy-cpc"]);
pub(crate) const PROGRAMMES: Shape = Choice(&["custody-level-1", "community"]);
pub(crate) const EXEMPTIONS: &[&str] = &["assistive-technology", "vetting", "wifi"];
pub(crate) const AUDITS: &[&str] = &["minimum-dataset", "log-on", "sample"];
/// Roles that may waive a duty (spec 2.4); a rule may name fewer. A waiver by another role is a fact like any other,
/// and has no effect.
pub const WAIVERS: &[&str] =
    &["cpc", "central-support", "head-of-public-protection", "chief-responsible-officer"];

macro_rules! fact_types {
    ($($variant:ident $name:literal $subjects:ident [$($spec:expr),* $(,)?])*) => {
        named! {
            /// The type of a fact or of an event that Mandate itself records.
            FactType { $($variant $name)* }
        }

        impl FactType {
            /// The kinds of subject such a fact may be about.
            #[must_use]
            pub const fn subjects(self) -> &'static [SubjectKind] {
                match self { $(Self::$variant => $subjects),* }
            }

            /// The fields of this type, without those common to all.
            #[must_use]
            pub const fn own_fields(self) -> &'static [FieldSpec] {
                match self { $(Self::$variant => const { &[$($spec),*] }),* }
            }
        }
    };
}

fact_types! {
    FactAnnulled "fact.annulled" ANY [req(F::Event, EventRef), req(F::Reason, Text)]

    NominalRegistered "nominal.registered" NOMINAL [req(F::Kind, Choice(&["mappa", "pdp", "soc", "other"]))]
    NominalMerged "nominal.merged" NOMINAL [req(F::Into, Subject(NOMINAL))]
    NominalDied "nominal.died" NOMINAL []
    MappaRegistered "mappa.registered" NOMINAL [
        req(F::Registration, Id), req(F::Category, CATEGORY), req(F::Level, LEVEL), req(F::Area, Subject(AREA)),
        opt(F::StatutorySupervision, Bool),
    ]
    MappaChanged "mappa.changed" NOMINAL [
        req(F::Registration, Id), opt(F::Category, CATEGORY), opt(F::Level, LEVEL),
        opt(F::StatutorySupervision, Bool),
    ]
    MappaDeregistered "mappa.deregistered" NOMINAL [req(F::Registration, Id)]
    CaseTransferred "case.transferred" NOMINAL [req(F::To, Subject(AREA)), opt(F::Unit, Subject(&[K::Unit]))]
    SentenceImposed "sentence.imposed" NOMINAL [req(F::Kind, Choice(&["custodial", "community", "suspended"]))]
    SentenceEnded "sentence.ended" NOMINAL []
    ReleaseDateSet "release_date.set" NOMINAL [req(F::ReleaseOn, DateOrNull)]
    CustodyReceived "custody.received" NOMINAL [
        req(F::Prison, Subject(PRISON)), req(F::Reason, Choice(&["admission", "transfer", "return"])),
        req(F::Spell, Id),
    ]
    CustodyLeft "custody.left" NOMINAL [
        req(F::Prison, Subject(PRISON)),
        req(F::Reason, Choice(&["release", "transfer", "death", "unlawfully_at_large", "temporary"])),
        req(F::Spell, Id),
    ]
    VisorSearched "visor.searched" NOMINAL [
        req(F::Prison, Subject(PRISON)), req(F::Spell, Id), req(F::Found, Bool),
    ]
    RecordRequested "record.requested" NOMINAL [
        req(F::Request, Id), req(F::Prison, Subject(PRISON)), opt(F::Users, Subjects(USER)),
    ]
    RecordCreated "record.created" NOMINAL [req(F::Owner, Subject(OWNERS)), opt(F::Basic, Bool)]
    RecordArchived "record.archived" NOMINAL []
    RecordUnarchived "record.unarchived" NOMINAL []
    RecordDeleted "record.deleted" NOMINAL []
    RecordTransferred "record.transferred" NOMINAL [req(F::To, Subject(OWNERS))]
    RecordAccessLimited "record.access_limited" NOMINAL [
        req(F::Limited, Bool), opt(F::Users, Subjects(USER)),
    ]
    RecordAccessed "record.accessed" NOMINAL [
        req(F::User, Subject(USER)), req(F::Org, Subject(MEMBERS)), req(F::Partnered, Bool), opt(F::Reason, Text),
    ]
    PartnershipRequested "partnership.requested" NOMINAL [
        req(F::Request, Id), req(F::Org, Subject(PARTNERS)), opt(F::Users, Subjects(USER)),
    ]
    PartnersAdded "partners.added" NOMINAL [
        opt(F::Request, Id), req(F::Org, Subject(PARTNERS)), opt(F::Users, Subjects(USER)),
    ]
    PartnershipRefused "partnership.refused" NOMINAL [
        req(F::Request, Id), opt(F::Users, Subjects(USER)), req(F::Reason, Text),
    ]
    PartnersRemovalRequested "partners.removal_requested" NOMINAL [req(F::Org, Subject(PARTNERS))]
    PartnersRemoved "partners.removed" NOMINAL [req(F::Org, Subject(PARTNERS)), opt(F::Users, Subjects(USER))]
    OasysCompleted "oasys.completed" NOMINAL [req(F::Assessment, Id)]
    OasysCopied "oasys.copied" NOMINAL [
        req(F::Assessment, Id), req(F::Sections, Choices(&["R10", "R11"])), opt(F::Termination, Bool),
    ]
    ManagerNotified "manager.notified" NOMINAL [req(F::Assessment, Id)]
    RiskAssessmentSignedOff "risk_assessment.signed_off" NOMINAL [req(F::Assessment, Id), req(F::By, Id)]
    MeetingHeld "meeting.held" NOMINAL [req(F::Meeting, Id), req(F::Level, MEETING_LEVEL)]
    MinutesProduced "minutes.produced" NOMINAL [req(F::Meeting, Id)]
    MinutesReceived "minutes.received" NOMINAL [req(F::Meeting, Id)]
    MinutesAdded "minutes.added" NOMINAL [req(F::Meeting, Id)]
    PolygraphCompleted "polygraph.completed" NOMINAL [req(F::Report, Id)]
    PolygraphAdded "polygraph.added" NOMINAL [req(F::Report, Id)]
    Level1ReviewCompleted "level1_review.completed" NOMINAL [req(F::Review, Id)]
    Level1ReviewCopied "level1_review.copied" NOMINAL [req(F::Review, Id)]
    ContactFlagged "contact.flagged" NOMINAL [req(F::Contact, Id), opt(F::Priority, Bool)]
    ContactCopied "contact.copied" NOMINAL [req(F::Contact, Id), opt(F::Priority, Bool)]
    ImminentRiskTold "imminent_risk.told" NOMINAL [
        req(F::Contact, Id), req(F::To, Choice(&["line-manager", "police"])),
    ]
    OffenderManagerAllocated "offender_manager.allocated" NOMINAL [
        req(F::Manager, Id), req(F::Kind, Choice(&["pom", "com"])),
    ]
    OffenderManagerRecorded "offender_manager.recorded" NOMINAL [
        req(F::Manager, Id), req(F::Kind, Choice(&["pom", "com"])),
    ]
    AlertAdded "alert.added" NOMINAL [req(F::Code, Id)]
    AlertClosed "alert.closed" NOMINAL [req(F::Code, Id)]
    AttachmentUpdated "attachment.updated" NOMINAL [req(F::Attachment, Id)]
    CustodyAttachmentUpdated "custody_attachment.updated" NOMINAL [req(F::Prison, Subject(PRISON))]
    OwnerNotified "owner.notified" NOMINAL [
        req(F::Prison, Subject(PRISON)), req(F::About, Choice(&["transfer"])),
    ]
    RiskInformationAdded "risk_information.added" NOMINAL [req(F::Item, Id)]
    RiskInformationCopied "risk_information.copied" NOMINAL [req(F::Item, Id)]
    RotlApproved "rotl.approved" NOMINAL [req(F::Prison, Subject(PRISON))]
    DatasetChecked "dataset.checked" NOMINAL [
        req(F::Complete, Bool), opt(F::Missing, Ids), opt(F::Prison, Subject(PRISON)),
    ]
    PractitionerInformed "practitioner.informed" NOMINAL [req(F::About, Text)]
    NdeliusVisorRegistered "ndelius.visor_registered" NOMINAL []
    NdeliusVisorDeregistered "ndelius.visor_deregistered" NOMINAL []
    RetentionReviewed "retention.reviewed" NOMINAL [
        opt(F::Period, Id), req(F::Decision, Choice(&["keep", "archive", "delete"])),
    ]

    UserRegistered "user.registered" USER [
        req(F::Org, Subject(MEMBERS)), req(F::Role, ROLES),
        req(F::Service, Choice(&["probation", "prison", "police"])),
    ]
    UserMoved "user.moved" USER [req(F::Org, Subject(MEMBERS)), opt(F::Role, ROLES)]
    UserLeftRole "user.left_role" USER []
    CpcInformedOfLeaver "cpc.informed_of_leaver" USER []
    VettingCleared "vetting.cleared" USER [req(F::Level, Number(2, 3)), req(F::ExpiresOn, Date)]
    VettingWithdrawn "vetting.withdrawn" USER []
    TrainingStarted "training.started" USER [req(F::Course, COURSES), req(F::Provider, Id)]
    TrainingCompleted "training.completed" USER [req(F::Course, COURSES), req(F::Provider, Id)]
    QaElearningCompleted "qa_elearning.completed" USER []
    DocumentSigned "document.signed" USER [req(F::Document, DOCUMENTS), req(F::Version, Id)]
    AccountRequested "account.requested" USER []
    AccountAuthorised "account.authorised" USER []
    AccountEnabled "account.enabled" USER []
    AccountDisabled "account.disabled" USER []
    AccountArchived "account.archived" USER []
    TokenGranted "token.granted" USER [req(F::Token, TOKENS), opt(F::Area, Subject(AREA))]
    TokenRevoked "token.revoked" USER [req(F::Token, TOKENS), opt(F::Area, Subject(AREA))]
    RequirementAttested "requirement.attested" ORGS [
        req(F::Paragraph, Id), req(F::PeriodFrom, Date), req(F::PeriodTo, Date),
        req(F::Outcome, Choice(&["met", "not_met", "working_towards"])), opt(F::Sample, Sample),
        opt(F::Users, Subjects(USER)), opt(F::Exempt, Subjects(USER)),
    ]
    ReturnSubmitted "return.submitted" PRISON [req(F::Period, Id)]
    ExemptionGranted "exemption.granted" USER [
        req(F::Kind, Choice(EXEMPTIONS)), req(F::ByRole, Id), req(F::Until, Date),
        opt(F::Tried, Ids), opt(F::Review, Date),
    ]
    LoggedOn "logged_on" USER [
        opt(F::Terminal, Subject(TERMINAL)), opt(F::Network, Choice(&["lan", "wifi"])),
    ]
    TodoChecked "todo.checked" CHECKERS [req(F::Prison, Subject(PRISON))]
    PostFilled "post.filled" POSTS [req(F::Post, POST), req(F::User, Subject(USER))]
    PostVacated "post.vacated" POSTS [req(F::Post, POST), req(F::User, Subject(USER))]
    ProgrammeSwitchedOn "programme.switched_on" AREA [
        req(F::Programme, PROGRAMMES), req(F::DecidedBy, Id), req(F::Evidence, Id),
    ]
    ProgrammeSwitchedOff "programme.switched_off" AREA [
        req(F::Programme, PROGRAMMES), req(F::DecidedBy, Id), req(F::Evidence, Id),
    ]
    OrganisationEnrolled "organisation.enrolled" POSTS []
    OrganisationPlaced "organisation.placed" ORGS [
        req(F::Parent, Subject(&[K::Region, K::Area, K::PrisonGroup, K::Prison])),
    ]
    RugAttended "rug.attended" GROUPS [req(F::By, Id)]
    AuditCompleted "audit.completed" AUDITED [
        req(F::Kind, Choice(AUDITS)), opt(F::Sample, Ids),
    ]
    ReportRequested "report.requested" GROUPS [req(F::Report, Id), req(F::To, Id)]
    ReportProvided "report.provided" GROUPS [req(F::Report, Id), req(F::To, Id), opt(F::Sha256, Id)]
    DocumentPublished "document.published" REGION [req(F::Document, DOCUMENTS), req(F::Version, Id)]
    CapacityPlanAttested "capacity_plan.attested" ORGS []
    ContinuityPlanAttested "continuity_plan.attested" ORGS []
    TerminalRiskAssessed "terminal.risk_assessed" TERMINAL [req(F::By, Id)]
    TerminalApproved "terminal.approved" TERMINAL [req(F::By, Id)]
    TerminalWithdrawn "terminal.withdrawn" TERMINAL [req(F::By, Id)]
    PolicyAdopted "policy.adopted" POLICY [
        req(F::Version, Id), req(F::EffectiveFrom, Date), req(F::Sha256, Id), req(F::Text, PublicText),
        req(F::ApprovedBy, Id), opt(F::Backtest, Id),
    ]
    BankHolidaysPublished "bank_holidays.published" CALENDAR [
        req(F::Holidays, Holidays), opt(F::Withdrawn, Dates),
    ]

    DutyWarned "duty.warned" DUTY [
        req(F::Step, Id), opt(F::DueAt, Instant), opt(F::Generation, Number(0, 1_000_000)), opt(F::Skipped, Ids),
        opt(F::Notices, Ids), opt(F::Told, Subjects(USER)),
    ]
    DutyBreached "duty.breached" DUTY [
        req(F::Rule, Id), req(F::Version, Id), req(F::DueAt, Instant), opt(F::Holder, Id),
        req(F::KnownSince, Instant), req(F::BornOverdue, Bool), opt(F::Generation, Number(0, 1_000_000)),
        opt(F::Outcome, Id), opt(F::DetectedAt, Instant), opt(F::Skipped, Ids), opt(F::Notices, Ids),
        opt(F::Told, Subjects(USER)),
    ]
    BreachAcknowledged "breach.acknowledged" DUTY [req(F::By, Id), opt(F::Note, Text)]
    BreachExplained "breach.explained" DUTY [req(F::By, Id), req(F::Reason, Text)]
    BreachAssigned "breach.assigned" DUTY [req(F::To, Id)]
    DutyWaived "duty.waived" DUTY [
        req(F::By, Id), req(F::ByRole, Id), req(F::Reason, Text), opt(F::Until, Date),
    ]
    BreachEscalated "breach.escalated" DUTY [
        req(F::Step, Id), req(F::ToRole, Id), opt(F::DueAt, Instant), opt(F::Generation, Number(0, 1_000_000)),
        opt(F::Notices, Ids), opt(F::Told, Subjects(USER)),
    ]
    BreachClosed "breach.closed" DUTY [
        req(F::Outcome, Choice(&["met_late", "lapsed"])), opt(F::ClosedBy, Id), opt(F::DueAt, Instant),
        opt(F::Generation, Number(0, 1_000_000)),
    ]
    BreachRescinded "breach.rescinded" DUTY [
        req(F::Because, Choice(&["recorded_late", "annulled", "rule", "merged"])), opt(F::OutcomeNow, Id),
        opt(F::ReplacedBy, Id), opt(F::DueAt, Instant), opt(F::Generation, Number(0, 1_000_000)),
        opt(F::Notices, Ids), opt(F::Told, Subjects(USER)),
    ]
    NoticeQueued "notice.queued" DUTY [
        req(F::Notice, Id), opt(F::Template, Id), opt(F::Recipient, Id), opt(F::Generation, Number(0, 1_000_000)),
        opt(F::Step, Id), opt(F::InPlaceOf, Subject(USER)),
    ]
    NoticeAccepted "notice.accepted" DUTY [req(F::Notice, Id), opt(F::Reply, PublicText)]
    NoticeDeferred "notice.deferred" DUTY [req(F::Notice, Id), opt(F::Reply, PublicText)]
    NoticeRejected "notice.rejected" DUTY [req(F::Notice, Id), opt(F::Reply, PublicText)]
    NoticeAmbiguous "notice.ambiguous" DUTY [req(F::Notice, Id), opt(F::Reply, PublicText)]

    SubjectErased "subject.erased" PEOPLE [req(F::OrderedBy, Ids), req(F::Ground, Id)]
    SubjectRestricted "subject.restricted" PEOPLE [req(F::OrderedBy, Ids), req(F::Ground, Id)]
    SubjectRestrictionLifted "subject.restriction_lifted" PEOPLE [req(F::OrderedBy, Ids), req(F::Ground, Id)]
    SubjectIdentified "subject.identified" NOMINAL [opt(F::From, Subject(NOMINAL))]

    MessageQuarantined "message.quarantined" FILED [
        req(F::Teller, Id), req(F::MessageId, Id), opt(F::Code, Id), req(F::Reason, PublicText), opt(F::Needs, Ids),
        req(F::Message, Text),
    ]
    MessageReplayed "message.replayed" FILED [req(F::Event, EventRef)]
    MessageDiscarded "message.discarded" FILED [req(F::Event, EventRef), req(F::By, Id), req(F::Reason, Text)]

    TransferRequested "transfer.requested" NOMINAL [
        req(F::Request, Id), req(F::To, Subject(OWNERS)), opt(F::Duties, Ids),
    ]
    TransferAccepted "transfer.accepted" NOMINAL [req(F::Request, Id)]
    TransferRefused "transfer.refused" NOMINAL [req(F::Request, Id), req(F::Reason, Text)]
    AccessOpened "access.opened" NOMINAL [
        req(F::User, Subject(USER)), req(F::Org, Subject(MEMBERS)), req(F::ClosesAt, Instant),
        opt(F::Told, Subjects(USER)), req(F::Reason, Text),
    ]
    AnnulmentOrdered "annulment.ordered" ANY [req(F::Event, EventRef), req(F::Reason, Text)]
    SubjectOrderGiven "subject.order_given" PEOPLE [
        req(F::Kind, Choice(&["erasure", "restriction", "lifting"])), req(F::Ground, Id),
    ]
    ContactCardUpdated "contact_card.updated" USER []
    ExemptionReviewed "exemption.reviewed" USER [
        req(F::Kind, Choice(EXEMPTIONS)), req(F::Decision, Choice(&["continue", "end"])), opt(F::Review, Date),
    ]
    AuditSampleDrawn "audit.sample_drawn" AUDITED [
        req(F::Kind, Choice(AUDITS)), req(F::Seed, Id), req(F::Size, Number(1, 10_000)), req(F::Sha256, Id),
        req(F::Sample, Ids),
    ]
    TerminalRegistered "terminal.registered" TERMINAL [req(F::Org, Subject(POSTS))]
    NoticeAttempted "notice.attempted" DUTY [req(F::Notice, Id), req(F::Number, Number(1, 10_000)), opt(F::Sha256, Id)]
    PreferencesSet "preferences.set" USER [
        opt(F::DigestAt, Id), opt(F::QuietFrom, Id), opt(F::QuietUntil, Id), opt(F::Off, Ids),
    ]
    PolicyProposed "policy.proposed" POLICY [
        req(F::Version, Id), req(F::EffectiveFrom, Date), req(F::Sha256, Id), req(F::Text, PublicText),
    ]

    WebhookSubscribed "webhook.subscribed" WEBHOOK [
        req(F::By, Id), req(F::Url, Text), req(F::Secret, Text), opt(F::Types, Ids), req(F::After, PLACE),
    ]
    WebhookReached "webhook.reached" WEBHOOK [req(F::After, PLACE)]
    WebhookFailing "webhook.failing" WEBHOOK [req(F::After, PLACE), req(F::Reply, PublicText)]
    WebhookDeadLettered "webhook.dead_lettered" WEBHOOK [
        req(F::First, PLACE), req(F::After, PLACE), req(F::Size, PLACE), req(F::Reply, PublicText),
    ]
    WebhookRewound "webhook.rewound" WEBHOOK [req(F::By, Id), req(F::After, PLACE)]
    WebhookEnded "webhook.ended" WEBHOOK [opt(F::By, Id), req(F::Because, Choice(&["gone", "removed"]))]
    WebhookSecretRotated "webhook.secret_rotated" WEBHOOK [req(F::By, Id), req(F::Secret, Text)]

    ViewSaved "view.saved" USER [req(F::View, Id), req(F::Name, Text), req(F::Filter, Ids)]
    ViewRemoved "view.removed" USER [req(F::View, Id)]
    AccessRead "access.read" PEOPLE [req(F::By, Id), req(F::Through, Choice(&["search", "subject-access"]))]
    LogRead "log.read" READERS [
        req(F::Through, Choice(&["list", "stream", "bundle"])), req(F::After, PLACE), opt(F::UpTo, PLACE),
    ]
}

/// Types whose telling shows that an act was done, as a rule may ask for them: a set of bits holds so many.
const EVIDENCE_TYPES: usize = 128;

/// Whose personal data may be erased or restricted (4.16 i); a message may name a person whom nobody knows yet.
pub(crate) const PEOPLE: &[K] = &[K::Nominal, K::User, K::Message];

pub(crate) const POLICY: &[K] = &[K::Policy];
const CALENDAR: &[K] = &[K::Calendar];

impl FactType {
    /// The specification of a field of this type, own fields before common ones.
    #[must_use]
    pub fn field(self, name: &str) -> Option<&'static FieldSpec> {
        self.own_fields().iter().chain(COMMON).find(|spec| spec.field.name() == name)
    }

    /// The bit of the type in a set of types that show that an act was done; none for the types at the end of the list,
    /// which no rule can ask for.
    #[must_use]
    pub const fn evidence_bit(self) -> u128 {
        if self.index() < EVIDENCE_TYPES { 1 << self.index() } else { 0 }
    }

    /// Whether only Mandate itself may state it: duties, breaches, notices, policies (spec 2.1), the orders to erase
    /// or restrict a person's data or to annul another's fact, who looked at a record or read the log, whose number is
    /// whose, what became of messages, and who is told of events.
    #[must_use]
    pub fn is_internal(self) -> bool {
        [
            "duty.",
            "breach.",
            "notice.",
            "policy.",
            "subject.",
            "message.",
            "access.",
            "annulment.",
            "preferences.",
            "webhook.",
            "view.",
            "log.",
        ]
        .iter()
        .any(|prefix| self.name().starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_subject_and_no_field_twice() {
        for kind in FactType::ALL {
            assert!(!kind.subjects().is_empty(), "{kind}");
            let mut names: Vec<_> = kind.own_fields().iter().map(|spec| spec.field).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), kind.own_fields().len(), "{kind}");
        }
    }

    #[test]
    fn every_type_that_others_may_state_has_a_bit_of_its_own_among_those_that_are_evidence() {
        let mut seen = 0;
        for kind in FactType::ALL {
            let bit = kind.evidence_bit();
            assert!(bit == 0 || seen & bit == 0, "{kind}");
            assert!(bit != 0 || kind.is_internal(), "{kind} needs a place among the first {EVIDENCE_TYPES}");
            seen |= bit;
        }
    }

    #[test]
    fn names_and_variants_lead_to_each_other() {
        for kind in FactType::ALL {
            assert_eq!(FactType::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(FactType::from_name("mappa.invented"), None);
        assert_eq!(SubjectKind::of("prison-group/G1"), Some(SubjectKind::PrisonGroup));
        assert_eq!(SubjectKind::of("area/"), None);
    }
}
