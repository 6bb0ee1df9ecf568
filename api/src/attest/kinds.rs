//! The registers that arrive as CSV: one table, from which the documentation, the served samples and the errors are
//! made.

use mandate_domain::catalogue::{FactType, Field, FieldSpec, Presence, SubjectKind};

/// A register.
#[derive(Debug)]
pub struct Kind {
    /// Its name: what stands after `csv:`.
    pub name: &'static str,
    /// What it tells, as one clause.
    pub about: &'static str,
    /// What its rows are about: one kind of subject, or organisations of several.
    pub subjects: &'static [SubjectKind],
    /// The acts that its column `act` may name; a register without that column has one.
    pub acts: &'static [Act],
    /// Columns that hold fields of facts.
    pub fields: &'static [Field],
    /// Columns that hold personal data.
    pub personal: &'static [&'static str],
    /// Rows of the sample, by the columns of the header.
    pub sample: &'static str,
}

/// What a row says was done.
#[derive(Debug, PartialEq, Eq)]
pub struct Act {
    /// The word in the column `act`.
    pub word: &'static str,
    /// The fact it becomes.
    pub kind: FactType,
}

/// A column of a register.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// What it holds.
    pub holds: String,
    /// Whether the header must have it.
    pub presence: Presence,
}

const fn act(word: &'static str, kind: FactType) -> Act {
    Act { word, kind }
}

/// Numbers that lead to a nominal.
pub const NUMBERS: [&str; 4] = ["crn", "noms", "pnc", "visor_ref"];

/// Every register.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "records",
        about: "what was done with ViSOR records",
        subjects: &[SubjectKind::Nominal],
        acts: &[
            act("created", FactType::RecordCreated),
            act("archived", FactType::RecordArchived),
            act("unarchived", FactType::RecordUnarchived),
            act("deleted", FactType::RecordDeleted),
            act("transferred", FactType::RecordTransferred),
            act("access-limited", FactType::RecordAccessLimited),
        ],
        fields: &[Field::Owner, Field::Basic, Field::To, Field::Limited, Field::Users],
        personal: &NUMBERS,
        sample: "nominal,crn,noms,pnc,visor_ref,act,date,time,by,recorded,owner,basic,to,limited,users\n\
                 N-7F3K29QX,,,,,created,2026-03-02,,user/u-17,2026-03-04,area/A07,no,,,\n\
                 ,X777978,,,,transferred,2026-03-09,14:30,user/u-17,,,,police/northshire,,\n\
                 ,,,2002/0073319Z,,access-limited,09/03/2026,,user/u-17,,,,,yes,user/u-17;user/u-40\n",
    },
    Kind {
        name: "partners",
        about: "who asked to be, and was made, a partner of which record",
        subjects: &[SubjectKind::Nominal],
        acts: &[
            act("requested", FactType::PartnershipRequested),
            act("added", FactType::PartnersAdded),
            act("refused", FactType::PartnershipRefused),
            act("removal-requested", FactType::PartnersRemovalRequested),
            act("removed", FactType::PartnersRemoved),
        ],
        fields: &[Field::Request, Field::Org, Field::Users, Field::Reason],
        personal: &NUMBERS,
        sample: "nominal,crn,noms,pnc,visor_ref,act,date,time,by,recorded,request,org,users,reason\n\
                 N-7F3K29QX,,,,,requested,2026-03-02,09:15,user/u-17,,PR-2026-0031,prison/LEI,user/u-40;user/u-41,\n\
                 N-7F3K29QX,,,,,added,2026-03-03,,user/u-17,,PR-2026-0031,prison/LEI,user/u-40;user/u-41,\n\
                 ,,A8513EA,,,refused,2026-03-03,,user/u-17,,PR-2026-0032,,,not involved with the case\n",
    },
    Kind {
        name: "minutes",
        about: "MAPPA meetings, and when their minutes were produced, received and added",
        subjects: &[SubjectKind::Nominal],
        acts: &[
            act("held", FactType::MeetingHeld),
            act("produced", FactType::MinutesProduced),
            act("received", FactType::MinutesReceived),
            act("added", FactType::MinutesAdded),
        ],
        fields: &[Field::Meeting, Field::Level],
        personal: &NUMBERS,
        sample: "nominal,crn,noms,pnc,visor_ref,act,date,time,by,recorded,meeting,level\n\
                 N-7F3K29QX,,,,,held,2026-03-02,10:00,user/u-17,,MTG-2026-118,3\n\
                 N-7F3K29QX,,,,,added,2026-03-12,,user/u-17,,MTG-2026-118,\n",
    },
    Kind {
        name: "updates",
        about: "what was copied to a ViSOR record, checked in it or looked up",
        subjects: &[SubjectKind::Nominal],
        acts: &[
            act("contact-copied", FactType::ContactCopied),
            act("oasys-copied", FactType::OasysCopied),
            act("manager-notified", FactType::ManagerNotified),
            act("polygraph-added", FactType::PolygraphAdded),
            act("level1-review-copied", FactType::Level1ReviewCopied),
            act("offender-manager-recorded", FactType::OffenderManagerRecorded),
            act("risk-information-copied", FactType::RiskInformationCopied),
            act("custody-attachment-updated", FactType::CustodyAttachmentUpdated),
            act("searched", FactType::VisorSearched),
            act("dataset-checked", FactType::DatasetChecked),
            act("todo-checked", FactType::TodoChecked),
        ],
        fields: &[
            Field::Contact,
            Field::Assessment,
            Field::Sections,
            Field::Termination,
            Field::Report,
            Field::Review,
            Field::Manager,
            Field::Kind,
            Field::Item,
            Field::Prison,
            Field::Spell,
            Field::Found,
            Field::Complete,
            Field::Missing,
        ],
        personal: &NUMBERS,
        sample: "nominal,crn,noms,pnc,visor_ref,act,date,time,by,recorded,contact,assessment,sections,termination,report,review,manager,kind,item,prison,spell,found,complete,missing\n\
                 N-7F3K29QX,,,,,contact-copied,2026-03-02,,user/u-17,,CT-881,,,,,,,,,,,,,\n\
                 N-7F3K29QX,,,,,oasys-copied,2026-03-04,,user/u-17,,,OA-12,R10;R11,,,,,,,,,,,\n\
                 ,X777978,,,,offender-manager-recorded,2026-03-05,,user/u-17,,,,,,,,M-77,com,,,,,,\n\
                 ,X777978,,,,dataset-checked,2026-03-09,,user/u-17,,,,,,,,,,,prison/LEI,,,no,address;mappa-level\n",
    },
    Kind {
        name: "retention",
        about: "reviews of whether an archived record is kept",
        subjects: &[SubjectKind::Nominal],
        acts: &[act("reviewed", FactType::RetentionReviewed)],
        fields: &[Field::Decision, Field::Period],
        personal: &NUMBERS,
        sample: "nominal,crn,noms,pnc,visor_ref,act,date,time,by,recorded,decision,period\n\
                 N-7F3K29QX,,,,,reviewed,2026-03-02,,user/u-17,,keep,2026\n",
    },
    Kind {
        name: "people",
        about: "who uses ViSOR, where and in which role",
        subjects: &[SubjectKind::User],
        acts: &[
            act("registered", FactType::UserRegistered),
            act("moved", FactType::UserMoved),
            act("left", FactType::UserLeftRole),
            act("cpc-informed", FactType::CpcInformedOfLeaver),
        ],
        fields: &[Field::Org, Field::Role, Field::Service],
        personal: &["name", "email", "phone"],
        sample: "user,act,date,time,by,recorded,org,role,service,name,email,phone\n\
                 u-40,registered,2026-03-02,,user/u-17,,prison/LEI,visor-lead,prison,Una Idowu,una@example.gov.uk,\n\
                 u-41,left,2026-03-31,,user/u-17,,,,,,,\n\
                 u-41,cpc-informed,2026-04-01,,user/u-17,,,,,,,\n",
    },
    Kind {
        name: "vetting",
        about: "non-police personnel vetting",
        subjects: &[SubjectKind::User],
        acts: &[act("cleared", FactType::VettingCleared), act("withdrawn", FactType::VettingWithdrawn)],
        fields: &[Field::Level, Field::ExpiresOn],
        personal: &[],
        sample: "user,act,date,time,by,recorded,level,expires_on\n\
                 u-40,cleared,2026-03-02,,user/u-17,,3,2031-03-01\n\
                 u-41,withdrawn,2026-03-09,,user/u-17,,,\n",
    },
    Kind {
        name: "training",
        about: "training begun and completed, and the quality assurance e-learning",
        subjects: &[SubjectKind::User],
        acts: &[
            act("started", FactType::TrainingStarted),
            act("completed", FactType::TrainingCompleted),
            act("e-learning", FactType::QaElearningCompleted),
        ],
        fields: &[Field::Course, Field::Provider],
        personal: &[],
        sample: "user,act,date,time,by,recorded,course,provider\n\
                 u-40,completed,2026-03-02,,user/u-17,,visor,northshire-police\n\
                 u-40,e-learning,2026-03-04,,user/u-17,,,\n",
    },
    Kind {
        name: "documents",
        about: "who signed which document: security operating procedures and others",
        subjects: &[SubjectKind::User],
        acts: &[act("signed", FactType::DocumentSigned)],
        fields: &[Field::Document, Field::Version],
        personal: &[],
        sample: "user,act,date,time,by,recorded,document,version\n\
                 u-40,signed,2026-03-02,,user/u-17,,syops,3.1\n",
    },
    Kind {
        name: "logons",
        about: "log-ons to ViSOR",
        subjects: &[SubjectKind::User],
        acts: &[act("logged-on", FactType::LoggedOn)],
        fields: &[Field::Terminal, Field::Network],
        personal: &[],
        sample: "user,act,date,time,by,recorded,terminal,network\n\
                 u-40,logged-on,2026-03-02,08:58,user/u-17,,terminal/T-12,lan\n",
    },
    Kind {
        name: "returns",
        about: "returns that prisons submitted",
        subjects: &[SubjectKind::Prison],
        acts: &[act("submitted", FactType::ReturnSubmitted)],
        fields: &[Field::Period],
        personal: &[],
        sample: "prison,act,date,time,by,recorded,period\n\
                 LEI,submitted,2026-04-02,,user/u-17,,2026-Q1\n",
    },
    Kind {
        name: "accounts",
        about: "accounts asked for, authorised, enabled, disabled and archived",
        subjects: &[SubjectKind::User],
        acts: &[
            act("requested", FactType::AccountRequested),
            act("authorised", FactType::AccountAuthorised),
            act("enabled", FactType::AccountEnabled),
            act("disabled", FactType::AccountDisabled),
            act("archived", FactType::AccountArchived),
        ],
        fields: &[],
        personal: &[],
        sample: "user,act,date,time,by,recorded\n\
                 u-40,requested,2026-03-09,,user/u-17,\n\
                 u-40,enabled,2026-03-12,,user/u-17,\n",
    },
    Kind {
        name: "tokens",
        about: "tokens granted and revoked",
        subjects: &[SubjectKind::User],
        acts: &[act("granted", FactType::TokenGranted), act("revoked", FactType::TokenRevoked)],
        fields: &[Field::Token, Field::Area],
        personal: &[],
        sample: "user,act,date,time,by,recorded,token,area\n\
                 u-40,granted,2026-03-12,,user/u-17,,partner,\n",
    },
    Kind {
        name: "exemptions",
        about: "exemptions granted and reviewed",
        subjects: &[SubjectKind::User],
        acts: &[act("granted", FactType::ExemptionGranted), act("reviewed", FactType::ExemptionReviewed)],
        fields: &[Field::Kind, Field::ByRole, Field::Until, Field::Tried, Field::Decision],
        personal: &[],
        sample: "user,act,date,time,by,recorded,kind,by_role,until,tried,decision\n\
                 u-40,granted,2026-03-02,,user/u-17,,wifi,chief-responsible-officer,2026-06-30,,\n\
                 u-41,granted,2026-03-02,,user/u-17,,assistive-technology,cpc,2026-12-31,screen-reader;magnifier,\n",
    },
    Kind {
        name: "posts",
        about: "posts filled and vacated",
        subjects: POST_HOLDERS,
        acts: &[act("filled", FactType::PostFilled), act("vacated", FactType::PostVacated)],
        fields: &[Field::Post, Field::User],
        personal: &[],
        sample: "organisation,act,date,time,by,recorded,post,user\n\
                 area/A07,filled,2026-03-02,,user/u-17,,cpc,user/u-17\n\
                 unit/U71,vacated,2026-03-31,,user/u-17,,lpc,user/u-41\n",
    },
    Kind {
        name: "audits",
        about: "audits held, and who went to the regional user group",
        subjects: &[SubjectKind::Area, SubjectKind::Prison, SubjectKind::PrisonGroup],
        acts: &[act("completed", FactType::AuditCompleted), act("rug-attended", FactType::RugAttended)],
        fields: &[Field::Kind],
        personal: &[],
        sample: "organisation,act,date,time,by,recorded,kind\n\
                 area/A07,completed,2026-03-02,,user/u-17,,minimum-dataset\n\
                 area/A07,rug-attended,2026-03-10,,user/u-17,,\n",
    },
    Kind {
        name: "attestations",
        about: "what only an attestation can show, by paragraph and period, and plans",
        subjects: ORGANISATIONS,
        acts: &[
            act("attested", FactType::RequirementAttested),
            act("capacity-plan", FactType::CapacityPlanAttested),
            act("continuity-plan", FactType::ContinuityPlanAttested),
        ],
        fields: &[Field::Paragraph, Field::PeriodFrom, Field::PeriodTo, Field::Outcome, Field::Sample],
        personal: &[],
        sample: "organisation,act,date,time,by,recorded,paragraph,period_from,period_to,outcome,sample\n\
                 area/A07,attested,2026-04-02,,user/u-17,,4.37,2026-01-01,2026-03-31,met,18/20\n\
                 area/A07,continuity-plan,2026-04-02,,user/u-17,,,,,,\n",
    },
    Kind {
        name: "terminals",
        about: "ViSOR terminals: where they stand, risk assessed, approved, withdrawn",
        subjects: &[SubjectKind::Terminal],
        acts: &[
            act("registered", FactType::TerminalRegistered),
            act("assessed", FactType::TerminalRiskAssessed),
            act("approved", FactType::TerminalApproved),
            act("withdrawn", FactType::TerminalWithdrawn),
        ],
        fields: &[Field::Org],
        personal: &[],
        sample: "terminal,act,date,time,by,recorded,org\n\
                 T-12,registered,2026-03-02,,user/u-17,,prison/LEI\n\
                 T-12,assessed,2026-03-02,,user/u-17,,\n",
    },
];

/// The kinds of organisation.
const ORGANISATIONS: &[SubjectKind] = &[
    SubjectKind::Area,
    SubjectKind::Unit,
    SubjectKind::Prison,
    SubjectKind::PrisonGroup,
    SubjectKind::Region,
];
/// Those of them that have posts.
const POST_HOLDERS: &[SubjectKind] =
    &[SubjectKind::Area, SubjectKind::Unit, SubjectKind::Prison, SubjectKind::PrisonGroup];

impl Kind {
    /// The column that names the subject.
    #[must_use]
    pub const fn subject_column(&self) -> &'static str {
        match self.subjects {
            [one] => one.name(),
            _ => "organisation",
        }
    }

    /// Whether its rows are about nominals, who are found by their numbers too.
    #[must_use]
    pub fn is_about_nominals(&self) -> bool {
        self.subjects == [SubjectKind::Nominal]
    }
    /// The register of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// The act of that word.
    #[must_use]
    pub fn act(&self, word: &str) -> Option<&'static Act> {
        self.acts.iter().find(|act| act.word.eq_ignore_ascii_case(word))
    }

    /// The specification of a field, from the first act that takes it.
    #[must_use]
    pub fn field(&self, field: Field) -> Option<&'static FieldSpec> {
        self.acts.iter().find_map(|act| act.kind.field(field.name()))
    }

    /// The columns in their usual order.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let column = |name, holds: &str, presence| Column { name, holds: holds.to_owned(), presence };
        let mut columns = Vec::new();
        if self.is_about_nominals() {
            columns.push(column(
                "nominal",
                "the reference of the nominal, or one of the numbers beside it",
                Presence::Optional,
            ));
            for name in NUMBERS {
                let holds = match name {
                    "crn" => "a CRN such as X777978",
                    "noms" => "a NOMS number such as A8513EA",
                    "pnc" => "a PNC number with its check letter, such as 2002/0073319Z",
                    _ => "the reference of the ViSOR record",
                };
                columns.push(column(name, holds, Presence::Optional));
            }
        } else {
            let holds = match self.subjects {
                [_] => "the id, with or without what stands before its slash",
                _ => "the whole id, such as area/A07 or prison/LEI",
            };
            columns.push(column(self.subject_column(), holds, Presence::Required));
        }
        let words = self.acts.iter().map(|act| act.word).collect::<Vec<_>>().join(", ");
        columns.push(column("act", &format!("one of {words}"), Presence::Required));
        columns.push(column("date", "the date of the act, 2026-03-02 or 02/03/2026", Presence::Required));
        columns.push(column(
            "time",
            "the time in London, 14:30; without one it is 12:00",
            Presence::Optional,
        ));
        columns.push(column(
            "by",
            "the opaque id of whoever attests it; may be given with --by instead",
            Presence::Optional,
        ));
        columns.push(column(
            "recorded",
            "when it was recorded elsewhere, 2026-03-02 or 2026-03-02 14:30; kept as a claim beside the day of the import",
            Presence::Optional,
        ));
        for field in self.fields {
            let shape = self.field(*field).map_or_else(String::new, form_of);
            let with: Vec<&str> = self
                .acts
                .iter()
                .filter(|act| act.kind.own_fields().iter().any(|spec| spec.field == *field))
                .map(|act| act.word)
                .collect();
            columns.push(column(
                field.name(),
                &format!("{shape}; with {}", with.join(", ")),
                Presence::Optional,
            ));
        }
        if !self.is_about_nominals() {
            columns.extend(
                self.personal.iter().map(|name| column(name, "personal, stored sealed", Presence::Optional)),
            );
        }
        columns
    }
}

/// How a field is written in a cell.
#[must_use]
pub fn form_of(spec: &FieldSpec) -> String {
    use mandate_domain::catalogue::Shape;
    match spec.shape {
        Shape::Bool => "yes or no".to_owned(),
        Shape::Date | Shape::DateOrNull => "a date such as 2026-03-02 or 02/03/2026".to_owned(),
        Shape::Subjects(_) | Shape::Ids | Shape::Choices(_) | Shape::Dates => {
            format!("{}, with `;` between them", spec.shape)
        }
        Shape::Sample => "how many passed of how many looked at, 18/20".to_owned(),
        other => other.to_string(),
    }
}
