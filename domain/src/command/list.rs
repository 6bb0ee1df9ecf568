//! The one typed list of commands: parsing, errors, JSON Schemas and the table of rights are all made from it.

use crate::catalogue::Shape::{
    Bool, Choice, Date, EventRef, Id, Ids, Number, PublicText, Sample, Subject, Subjects, Text,
};
use crate::catalogue::{
    ANY, AREA, AUDITED, AUDITS, COURSES, DOCUMENTS, DUTY, EXEMPTIONS, FactType, Field as F, FieldSpec,
    GROUPS, MEMBERS, NOMINAL, ORGS, OWNERS, PARTNERS, PEOPLE, POLICY, POST, POSTS, PRISON, PROGRAMMES,
    REGION, ROLES, SubjectKind, TERMINAL, TOKENS, USER, opt, req,
};
use crate::rights::Right;

/// How many subjects one command may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// One.
    One,
    /// One or several: all or nothing.
    Many,
}

/// Most subjects that one command may name.
pub const MAX_SUBJECTS: usize = 1_000;

/// What a command is: its name, what it needs and what it says.
#[derive(Debug, Clone, Copy)]
pub struct CommandSpec {
    /// The command.
    pub name: CommandName,
    /// What it does, in a few words.
    pub title: &'static str,
    /// The paragraph behind it.
    pub paragraph: &'static str,
    /// The kinds of subject that it is about.
    pub subjects: &'static [SubjectKind],
    /// How many subjects it may name.
    pub reach: Reach,
    /// The right that it needs.
    pub right: Right,
    /// Its fields, without those that every command may have.
    pub fields: &'static [FieldSpec],
}

/// Fields that every command may have beside its own.
pub const EVERY: &[FieldSpec] =
    &[opt(F::On, Date), opt(F::Note, Text), opt(F::Evidence, Choice(&["system", "extract", "attested"]))];

macro_rules! commands {
    ($($variant:ident $name:literal $title:literal $paragraph:literal $subjects:ident $reach:ident $right:ident
       [$($field:expr),* $(,)?])*) => {
        named! {
            /// What a person may ask of Mandate.
            CommandName { $($variant $name)* }
        }

        impl CommandName {
            /// What the command is.
            #[must_use]
            pub const fn spec(self) -> CommandSpec {
                match self {
                    $(Self::$variant => CommandSpec {
                        name: self,
                        title: $title,
                        paragraph: $paragraph,
                        subjects: $subjects,
                        reach: Reach::$reach,
                        right: Right::$right,
                        fields: const { &[$($field),*] },
                    }),*
                }
            }
        }
    };
}

commands! {
    CreateRecord "create-record" "Create the record, or a basic one that a prison asked for" "4.9" NOMINAL One CreateRecord [
        req(F::Owner, Subject(OWNERS)), opt(F::Basic, Bool), opt(F::Request, Id),
    ]
    RequestPartnership "request-partnership" "Ask the owner to partner an organisation" "5.13" NOMINAL Many RequestPartnership [
        req(F::Org, Subject(PARTNERS)), opt(F::Users, Subjects(USER)),
    ]
    PartnerNominal "partner-nominal" "Add partners to a record" "4.25" NOMINAL One AddPartners [
        req(F::Org, Subject(PARTNERS)), opt(F::Request, Id), opt(F::Users, Subjects(USER)),
    ]
    PartnerInBulk "partner-in-bulk" "Add users as partners of many records" "7" NOMINAL Many PartnerInBulk [
        req(F::Org, Subject(PARTNERS)), req(F::Users, Subjects(USER)),
    ]
    RefusePartnership "refuse-partnership" "Refuse a request for partnership" "4.25" NOMINAL One AddPartners [
        req(F::Request, Id), opt(F::Users, Subjects(USER)), req(F::Reason, Text),
    ]
    RemovePartners "remove-partners" "Remove an organisation or users as partners" "5.19" NOMINAL Many AddPartners [
        req(F::Org, Subject(PARTNERS)), opt(F::Users, Subjects(USER)),
    ]
    RequestTransfer "request-transfer" "Offer a record to another owner" "4.16" NOMINAL Many GovernRecord [
        req(F::To, Subject(OWNERS)), opt(F::Duties, Ids),
    ]
    AcceptTransfer "accept-transfer" "Accept a record that was offered" "4.16" NOMINAL Many ReceiveRecord []
    RefuseTransfer "refuse-transfer" "Refuse a record that was offered" "4.16" NOMINAL Many ReceiveRecord [
        req(F::Reason, Text),
    ]
    ArchiveRecord "archive-record" "Archive a record" "4.16" NOMINAL Many GovernRecord []
    UnarchiveRecord "unarchive-record" "Bring an archived record back" "4.16" NOMINAL One GovernRecord []
    MergeNominals "merge-nominals" "Merge a duplicate into another nominal" "4.16" NOMINAL One GovernRecord [
        req(F::Into, Subject(NOMINAL)),
    ]
    LimitAccess "limit-access" "Limit a record to listed people" "4.16" NOMINAL One GovernRecord [
        req(F::Users, Subjects(USER)),
    ]
    LiftAccessLimit "lift-access-limit" "Open a limited record again" "4.16" NOMINAL One GovernRecord []
    OrderErasure "order-erasure" "Order that a person's data be erased; another person confirms" "4.16" PEOPLE One GovernRecord [
        req(F::Ground, Id),
    ]
    OrderRestriction "order-restriction" "Order that a person's data be kept and no longer shown" "4.16" PEOPLE One GovernRecord [
        req(F::Ground, Id),
    ]
    OrderLifting "order-lifting" "Order that a restriction be lifted" "4.16" PEOPLE One GovernRecord [
        req(F::Ground, Id),
    ]
    ConfirmOrder "confirm-order" "Confirm what another person ordered; it is then carried out" "4.16" PEOPLE One GovernRecord []
    WithdrawOrder "withdraw-order" "Take back an order that was not confirmed" "4.16" PEOPLE One GovernRecord [
        req(F::Reason, Text),
    ]
    OpenRecord "open-record" "Open a record without being its partner, for 15 minutes" "7" NOMINAL One OpenRecord [
        req(F::Reason, Text),
    ]
    RecordAct "record-act" "Attest that an act was done" "4.17" NOMINAL Many RecordAct [
        req(F::Act, Choice(ACTS)),
    ]
    SignOffAssessment "sign-off-assessment" "Sign off a risk assessment that another person copied" "7" NOMINAL One SignOff [
        req(F::Assessment, Id),
    ]
    StateInError "state-in-error" "Say that a fact was stated in error" "4.16" ANY One CorrectFact [
        req(F::Event, EventRef), req(F::Reason, Text),
    ]

    RegisterUser "register-user" "Register a user" "4.2" USER One KeepUsers [
        req(F::Org, Subject(MEMBERS)), req(F::Role, ROLES),
        req(F::Service, Choice(&["probation", "prison", "police"])),
        opt(F::Personal, crate::catalogue::Shape::Personal),
    ]
    UpdateContactCard "update-contact-card" "Change a user's contact card" "7" USER One KeepContactCard [
        req(F::Personal, crate::catalogue::Shape::Personal),
    ]
    SetPreferences "set-preferences" "Set when and which mails a user gets" "4.16" USER One KeepContactCard [
        opt(F::DigestAt, Id), opt(F::QuietFrom, Id), opt(F::QuietUntil, Id), opt(F::Off, Ids),
    ]
    SaveView "save-view" "Save a list of duties under a name" "4.16" USER One KeepViews [
        req(F::Name, Text), req(F::Filter, Ids),
    ]
    RemoveView "remove-view" "Remove a saved list of duties" "4.16" USER One KeepViews [req(F::View, Id)]
    ClearVetting "clear-vetting" "Record that vetting was cleared" "4.3" USER One KeepUsers [
        req(F::Level, Number(2, 3)), req(F::ExpiresOn, Date),
    ]
    WithdrawVetting "withdraw-vetting" "Record that vetting was withdrawn" "6.1" USER One KeepUsers []
    SignDocument "sign-document" "Record that a user signed a document" "6.3" USER One SignDocument [
        req(F::Document, DOCUMENTS), req(F::Version, Id),
    ]
    StartTraining "start-training" "Record that training began" "6.3" USER One KeepUsers [
        req(F::Course, COURSES), req(F::Provider, Id),
    ]
    CompleteTraining "complete-training" "Record that training was completed" "6.2" USER One KeepUsers [
        req(F::Course, COURSES), req(F::Provider, Id),
    ]
    CompleteElearning "complete-elearning" "Record that the quality assurance e-learning was completed" "4.7" USER One SignDocument []
    RequestAccount "request-account" "Ask for a user's account" "4.16" USER One RequestAccess []
    AuthoriseAccount "authorise-account" "Authorise an account that another person asked for" "4.16" USER One AuthoriseAccess []
    EnableAccount "enable-account" "Enable an authorised account" "6.1" USER One KeepAccounts []
    DisableAccount "disable-account" "Disable an account" "4.16" USER One KeepAccounts []
    ArchiveAccount "archive-account" "Archive a disabled account" "4.38" USER One KeepAccounts []
    GrantToken "grant-token" "Grant a token" "4.16" USER One KeepAccounts [
        req(F::Token, TOKENS), opt(F::Area, Subject(AREA)),
    ]
    RevokeToken "revoke-token" "Revoke a token" "4.16" USER One KeepAccounts [
        req(F::Token, TOKENS), opt(F::Area, Subject(AREA)),
    ]
    MoveUser "move-user" "Move a user to another organisation or role" "4.38" USER One KeepUsers [
        req(F::Org, Subject(MEMBERS)), opt(F::Role, ROLES),
    ]
    RecordLeaver "record-leaver" "Record that a user left the role" "4.38" USER One ReportLeaver []
    InformCpcOfLeaver "inform-cpc-of-leaver" "Attest that the CPC was told of a leaver" "4.39" USER One ReportLeaver []
    GrantExemption "grant-exemption" "Record an exemption" "6.6" USER One AuthoriseAccess [
        req(F::Kind, Choice(EXEMPTIONS)), req(F::ByRole, Id), req(F::Until, Date), opt(F::Tried, Ids),
        opt(F::Review, Date),
    ]
    ReviewExemption "review-exemption" "Continue or end an exemption" "6.7" USER One AuthoriseAccess [
        req(F::Kind, Choice(EXEMPTIONS)), req(F::Decision, Choice(&["continue", "end"])), opt(F::Review, Date),
    ]

    EnrolOrganisation "enrol-organisation" "Enrol an organisation" "4.1" POSTS One Administer []
    PlaceOrganisation "place-organisation" "Place an organisation under another" "4.1" ORGS One Administer [
        req(F::Parent, Subject(&[SubjectKind::Region, SubjectKind::Area, SubjectKind::PrisonGroup])),
    ]
    FillPost "fill-post" "Appoint somebody to a post" "4.8" POSTS One Appoint [
        req(F::Post, POST), req(F::User, Subject(USER)),
    ]
    VacatePost "vacate-post" "Say that somebody left a post" "4.8" POSTS One Appoint [
        req(F::Post, POST), req(F::User, Subject(USER)),
    ]
    SwitchProgrammeOn "switch-programme-on" "Switch a programme on" "4.11" AREA One SwitchProgrammes [
        req(F::Programme, PROGRAMMES), req(F::DecidedBy, Id), req(F::Evidence, Id),
    ]
    SwitchProgrammeOff "switch-programme-off" "Switch a programme off" "4.11" AREA One SwitchProgrammes [
        req(F::Programme, PROGRAMMES), req(F::DecidedBy, Id), req(F::Evidence, Id),
    ]
    AttendRug "attend-rug" "Record that the regional user group was attended" "4.16" GROUPS One AssureQuality []
    DrawSample "draw-sample" "Draw a sample that can be drawn again" "5.10" AUDITED One Audit [
        req(F::Kind, Choice(AUDITS)), req(F::List, Ids), req(F::Size, Number(1, 10_000)), opt(F::Seed, Id),
    ]
    CompleteAudit "complete-audit" "Complete an audit" "4.16" AUDITED One Audit [req(F::Kind, Choice(AUDITS))]
    AttestRequirement "attest-requirement" "Attest a requirement" "5.7" ORGS One AssureQuality [
        req(F::Paragraph, Id), req(F::PeriodFrom, Date), req(F::PeriodTo, Date),
        req(F::Outcome, Choice(&["met", "not_met", "working_towards"])), opt(F::Sample, Sample),
        opt(F::Users, Subjects(USER)),
    ]
    AttestCapacityPlan "attest-capacity-plan" "Attest the plan for enough staff" "4.11" ORGS One AssureQuality []
    AttestContinuityPlan "attest-continuity-plan" "Attest the plan for continuity" "4.4" ORGS One AssureQuality []
    SubmitReturn "submit-return" "Submit a prison's return" "5.9" PRISON One AssureQuality [req(F::Period, Id)]
    RequestReport "request-report" "Ask the CPC for a report" "4.16" GROUPS One AskForReport [
        req(F::Report, Id), req(F::To, Id),
    ]
    ProvideReport "provide-report" "Provide a report that was asked for" "4.16" GROUPS One AssureQuality [
        req(F::Report, Id), req(F::To, Id), opt(F::Sha256, Id),
    ]
    PublishDocument "publish-document" "Publish a document that users sign" "4.16" REGION One Administer [
        req(F::Document, DOCUMENTS), req(F::Version, Id),
    ]

    RegisterTerminal "register-terminal" "Say where a terminal stands" "6.4" TERMINAL One AssessTerminal [
        req(F::Org, Subject(POSTS)),
    ]
    AssessTerminal "assess-terminal" "Record the risk assessment of a terminal" "6.5" TERMINAL One AssessTerminal []
    ApproveTerminal "approve-terminal" "Approve a terminal" "6.5" TERMINAL One ApproveTerminal []
    WithdrawTerminal "withdraw-terminal" "Withdraw a terminal's approval" "6.4" TERMINAL One AssessTerminal []

    ProposePolicy "propose-policy" "Propose a policy; another person adopts it" "4.16" POLICY One Administer [
        req(F::Version, Id), req(F::EffectiveFrom, Date), req(F::Text, PublicText),
    ]
    AdoptPolicy "adopt-policy" "Adopt the policy that another person proposed" "4.16" POLICY One Administer [
        req(F::Version, Id), req(F::Sha256, Id), opt(F::Backtest, Id),
    ]

    AcknowledgeBreach "acknowledge-breach" "Acknowledge a breach" "4.16" DUTY Many AnswerDuty []
    ExplainBreach "explain-breach" "Explain a breach" "4.16" DUTY One AnswerDuty [req(F::Reason, Text)]
    AssignBreach "assign-breach" "Assign a breach to somebody" "4.16" DUTY Many AnswerDuty [
        req(F::To, Subject(USER)),
    ]
    WaiveDuty "waive-duty" "Waive a duty" "4.16" DUTY One Waive [req(F::Reason, Text), opt(F::Until, Date)]
}

impl CommandName {
    /// Whether it is about how things stand now: given for an earlier time it must still come to something. The others
    /// add to what is known of the past, whatever came later.
    #[must_use]
    pub const fn is_about_now(self) -> bool {
        match self {
            Self::CreateRecord
            | Self::RequestPartnership
            | Self::PartnerNominal
            | Self::PartnerInBulk
            | Self::RefusePartnership
            | Self::RemovePartners
            | Self::RequestTransfer
            | Self::AcceptTransfer
            | Self::RefuseTransfer
            | Self::ArchiveRecord
            | Self::UnarchiveRecord
            | Self::MergeNominals
            | Self::LimitAccess
            | Self::LiftAccessLimit
            | Self::OrderErasure
            | Self::OrderRestriction
            | Self::OrderLifting
            | Self::SignOffAssessment
            | Self::RegisterUser
            | Self::WithdrawVetting
            | Self::RequestAccount
            | Self::AuthoriseAccount
            | Self::EnableAccount
            | Self::DisableAccount
            | Self::ArchiveAccount
            | Self::GrantToken
            | Self::RevokeToken
            | Self::MoveUser
            | Self::RecordLeaver
            | Self::GrantExemption
            | Self::EnrolOrganisation
            | Self::PlaceOrganisation
            | Self::FillPost
            | Self::VacatePost
            | Self::SwitchProgrammeOn
            | Self::SwitchProgrammeOff
            | Self::RegisterTerminal
            | Self::ApproveTerminal
            | Self::WithdrawTerminal => true,
            Self::ConfirmOrder
            | Self::WithdrawOrder
            | Self::OpenRecord
            | Self::RecordAct
            | Self::StateInError
            | Self::UpdateContactCard
            | Self::SetPreferences
            | Self::SaveView
            | Self::RemoveView
            | Self::ClearVetting
            | Self::SignDocument
            | Self::StartTraining
            | Self::CompleteTraining
            | Self::CompleteElearning
            | Self::InformCpcOfLeaver
            | Self::ReviewExemption
            | Self::AttendRug
            | Self::DrawSample
            | Self::CompleteAudit
            | Self::AttestRequirement
            | Self::AttestCapacityPlan
            | Self::AttestContinuityPlan
            | Self::SubmitReturn
            | Self::RequestReport
            | Self::ProvideReport
            | Self::PublishDocument
            | Self::ProposePolicy
            | Self::AdoptPolicy
            | Self::AssessTerminal
            | Self::AcknowledgeBreach
            | Self::ExplainBreach
            | Self::AssignBreach
            | Self::WaiveDuty => false,
        }
    }
}

/// The facts that `record-act` states: what administrators, practitioners and prison staff do.
pub const ACTS: &[&str] = &[
    "visor.searched",
    "oasys.copied",
    "manager.notified",
    "meeting.held",
    "minutes.produced",
    "minutes.received",
    "minutes.added",
    "polygraph.added",
    "level1_review.copied",
    "contact.flagged",
    "contact.copied",
    "imminent_risk.told",
    "offender_manager.recorded",
    "alert.added",
    "alert.closed",
    "attachment.updated",
    "custody_attachment.updated",
    "owner.notified",
    "partners.removal_requested",
    "risk_information.added",
    "risk_information.copied",
    "dataset.checked",
    "practitioner.informed",
    "todo.checked",
    "retention.reviewed",
    "ndelius.visor_registered",
    "ndelius.visor_deregistered",
];

/// Whether an act changes the record itself, which only its manager and its partners may (5.13); the others are done
/// beside it by those who work with the nominal.
#[must_use]
pub fn updates_record(act: FactType) -> bool {
    matches!(
        act,
        FactType::OasysCopied
            | FactType::ManagerNotified
            | FactType::MinutesAdded
            | FactType::PolygraphAdded
            | FactType::Level1ReviewCopied
            | FactType::ContactCopied
            | FactType::OffenderManagerRecorded
            | FactType::AttachmentUpdated
            | FactType::CustodyAttachmentUpdated
            | FactType::RiskInformationCopied
            | FactType::DatasetChecked
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_subject_a_paragraph_and_no_field_twice() {
        for name in CommandName::ALL {
            let spec = name.spec();
            assert!(!spec.subjects.is_empty() && !spec.paragraph.is_empty(), "{name}");
            assert_eq!(CommandName::from_name(name.name()), Some(*name));
            let mut fields: Vec<F> = spec.fields.iter().map(|field| field.field).collect();
            fields.sort_unstable();
            fields.dedup();
            assert_eq!(fields.len(), spec.fields.len(), "{name}");
        }
    }

    #[test]
    fn every_act_is_a_fact_about_a_nominal() {
        for act in ACTS {
            let kind = FactType::from_name(act).unwrap();
            assert!(kind.subjects().contains(&SubjectKind::Nominal), "{act}");
            assert!(!kind.is_internal(), "{act}");
        }
    }
}
