//! The fact types told, and the systems that tell them.

/// A system or register that tells facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The probation case management system.
    Delius,
    /// The prison management system.
    Nomis,
    /// The assessment system.
    Oasys,
    /// ViSOR, whose side is told by attestation.
    Visor,
    /// Minutes and meetings, told by the MAPPA unit.
    Mappa,
    /// The staff register.
    Staff,
    /// The vetting register.
    Vetting,
    /// The learning system.
    Learning,
    /// The account register.
    Accounts,
    /// What boards and organisations decide and attest.
    Governance,
    /// The government's own publications.
    Government,
}

impl Source {
    /// Returns the source as an envelope names it.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Delius => "/ndelius",
            Self::Nomis => "/nomis",
            Self::Oasys => "/oasys",
            Self::Visor => "/visor/attested",
            Self::Mappa => "/mappa/attested",
            Self::Staff => "/staff",
            Self::Vetting => "/vetting",
            Self::Learning => "/my-learning",
            Self::Accounts => "/identity-manager",
            Self::Governance => "/governance/attested",
            Self::Government => "/gov-uk",
        }
    }

    /// Says whether a person attests what the source tells.
    pub(super) fn attested(self) -> bool {
        match self {
            Self::Visor | Self::Mappa | Self::Governance => true,
            Self::Delius
            | Self::Nomis
            | Self::Oasys
            | Self::Staff
            | Self::Vetting
            | Self::Learning
            | Self::Accounts
            | Self::Government => false,
        }
    }
}

/// Defines the fact types: variant, name in the catalogue, who tells it.
macro_rules! kinds {
    ($($variant:ident $name:literal $source:ident)*) => {
        /// A type of the fact catalogue (specification 2.2 and 2.3).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Kind {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Kind {
            /// Every type that a history tells.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the name in the catalogue.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns who tells it.
            pub(super) fn source(self) -> Source {
                match self {
                    $(Self::$variant => Source::$source,)*
                }
            }
        }
    };
}

kinds! {
    NominalRegistered "nominal.registered" Delius
    NominalMerged "nominal.merged" Delius
    NominalDied "nominal.died" Delius
    MappaRegistered "mappa.registered" Delius
    MappaChanged "mappa.changed" Delius
    MappaDeregistered "mappa.deregistered" Delius
    CaseTransferred "case.transferred" Delius
    SentenceImposed "sentence.imposed" Delius
    SentenceEnded "sentence.ended" Delius
    ReleaseDateSet "release_date.set" Nomis
    CustodyReceived "custody.received" Nomis
    CustodyLeft "custody.left" Nomis
    VisorSearched "visor.searched" Visor
    RecordRequested "record.requested" Visor
    RecordCreated "record.created" Visor
    RecordArchived "record.archived" Visor
    RecordUnarchived "record.unarchived" Visor
    RecordDeleted "record.deleted" Visor
    RecordTransferred "record.transferred" Visor
    RecordAccessLimited "record.access_limited" Visor
    RecordAccessed "record.accessed" Visor
    PartnershipRequested "partnership.requested" Visor
    PartnersAdded "partners.added" Visor
    PartnershipRefused "partnership.refused" Visor
    PartnersRemovalRequested "partners.removal_requested" Visor
    PartnersRemoved "partners.removed" Visor
    OasysCompleted "oasys.completed" Oasys
    OasysCopied "oasys.copied" Visor
    ManagerNotified "manager.notified" Visor
    RiskAssessmentSignedOff "risk_assessment.signed_off" Visor
    MeetingHeld "meeting.held" Mappa
    MinutesProduced "minutes.produced" Mappa
    MinutesReceived "minutes.received" Mappa
    MinutesAdded "minutes.added" Visor
    PolygraphCompleted "polygraph.completed" Delius
    PolygraphAdded "polygraph.added" Visor
    Level1ReviewCompleted "level1_review.completed" Delius
    Level1ReviewCopied "level1_review.copied" Visor
    ContactFlagged "contact.flagged" Delius
    ContactCopied "contact.copied" Visor
    ImminentRiskTold "imminent_risk.told" Visor
    OffenderManagerAllocated "offender_manager.allocated" Delius
    OffenderManagerRecorded "offender_manager.recorded" Visor
    AlertAdded "alert.added" Nomis
    AlertClosed "alert.closed" Nomis
    AttachmentUpdated "attachment.updated" Visor
    CustodyAttachmentUpdated "custody_attachment.updated" Visor
    OwnerNotified "owner.notified" Visor
    RiskInformationAdded "risk_information.added" Nomis
    RiskInformationCopied "risk_information.copied" Visor
    RotlApproved "rotl.approved" Nomis
    DatasetChecked "dataset.checked" Visor
    PractitionerInformed "practitioner.informed" Visor
    NdeliusVisorRegistered "ndelius.visor_registered" Delius
    NdeliusVisorDeregistered "ndelius.visor_deregistered" Delius
    FactAnnulled "fact.annulled" Delius
    UserRegistered "user.registered" Staff
    UserMoved "user.moved" Staff
    UserLeftRole "user.left_role" Staff
    CpcInformedOfLeaver "cpc.informed_of_leaver" Staff
    VettingCleared "vetting.cleared" Vetting
    VettingWithdrawn "vetting.withdrawn" Vetting
    TrainingStarted "training.started" Learning
    TrainingCompleted "training.completed" Learning
    QaElearningCompleted "qa_elearning.completed" Learning
    DocumentSigned "document.signed" Accounts
    AccountRequested "account.requested" Accounts
    AccountAuthorised "account.authorised" Accounts
    AccountEnabled "account.enabled" Accounts
    AccountDisabled "account.disabled" Accounts
    AccountArchived "account.archived" Accounts
    TokenGranted "token.granted" Accounts
    TokenRevoked "token.revoked" Accounts
    RequirementAttested "requirement.attested" Governance
    ReturnSubmitted "return.submitted" Governance
    RetentionReviewed "retention.reviewed" Visor
    ExemptionGranted "exemption.granted" Governance
    LoggedOn "logged_on" Accounts
    TodoChecked "todo.checked" Visor
    PostFilled "post.filled" Governance
    PostVacated "post.vacated" Governance
    ProgrammeSwitchedOn "programme.switched_on" Governance
    ProgrammeSwitchedOff "programme.switched_off" Governance
    OrganisationEnrolled "organisation.enrolled" Governance
    OrganisationPlaced "organisation.placed" Governance
    RugAttended "rug.attended" Governance
    AuditCompleted "audit.completed" Governance
    ReportRequested "report.requested" Governance
    ReportProvided "report.provided" Governance
    DocumentPublished "document.published" Governance
    CapacityPlanAttested "capacity_plan.attested" Governance
    ContinuityPlanAttested "continuity_plan.attested" Governance
    TerminalRiskAssessed "terminal.risk_assessed" Governance
    TerminalApproved "terminal.approved" Governance
    TerminalWithdrawn "terminal.withdrawn" Governance
    BankHolidaysPublished "bank_holidays.published" Government
}
