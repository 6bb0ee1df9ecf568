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
    /// What its rows are about.
    pub subject: SubjectKind,
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
        subject: SubjectKind::Nominal,
        acts: &[
            act("created", FactType::RecordCreated),
            act("archived", FactType::RecordArchived),
            act("unarchived", FactType::RecordUnarchived),
            act("deleted", FactType::RecordDeleted),
            act("transferred", FactType::RecordTransferred),
            act("access-limited", FactType::RecordAccessLimited),
        ],
        fields: &[Field::Owner, Field::Basic, Field::To, Field::Limited],
        personal: &NUMBERS,
        sample: "nominal,crn,noms,pnc,visor_ref,act,date,time,by,owner,basic,to,limited\n\
                 N-7F3K29QX,,,,,created,2026-03-02,,user/u-17,area/A07,no,,\n\
                 ,X777978,,,,transferred,2026-03-09,14:30,user/u-17,,,police/northshire,\n\
                 ,,,2002/0073319Z,,access-limited,09/03/2026,,user/u-17,,,,yes\n",
    },
    Kind {
        name: "partners",
        about: "who asked to be, and was made, a partner of which record",
        subject: SubjectKind::Nominal,
        acts: &[
            act("requested", FactType::PartnershipRequested),
            act("added", FactType::PartnersAdded),
            act("refused", FactType::PartnershipRefused),
            act("removal-requested", FactType::PartnersRemovalRequested),
            act("removed", FactType::PartnersRemoved),
        ],
        fields: &[Field::Request, Field::Org, Field::Users, Field::Reason],
        personal: &NUMBERS,
        sample: "nominal,crn,noms,pnc,visor_ref,act,date,time,by,request,org,users,reason\n\
                 N-7F3K29QX,,,,,requested,2026-03-02,09:15,user/u-17,PR-2026-0031,prison/LEI,user/u-40;user/u-41,\n\
                 N-7F3K29QX,,,,,added,2026-03-03,,user/u-17,PR-2026-0031,prison/LEI,user/u-40;user/u-41,\n\
                 ,,A8513EA,,,refused,2026-03-03,,user/u-17,PR-2026-0032,,,not involved with the case\n",
    },
    Kind {
        name: "minutes",
        about: "MAPPA meetings, and when their minutes were produced, received and added",
        subject: SubjectKind::Nominal,
        acts: &[
            act("held", FactType::MeetingHeld),
            act("produced", FactType::MinutesProduced),
            act("received", FactType::MinutesReceived),
            act("added", FactType::MinutesAdded),
        ],
        fields: &[Field::Meeting, Field::Level],
        personal: &NUMBERS,
        sample: "nominal,crn,noms,pnc,visor_ref,act,date,time,by,meeting,level\n\
                 N-7F3K29QX,,,,,held,2026-03-02,10:00,user/u-17,MTG-2026-118,3\n\
                 N-7F3K29QX,,,,,added,2026-03-12,,user/u-17,MTG-2026-118,\n",
    },
    Kind {
        name: "people",
        about: "who uses ViSOR, where and in which role",
        subject: SubjectKind::User,
        acts: &[
            act("registered", FactType::UserRegistered),
            act("moved", FactType::UserMoved),
            act("left", FactType::UserLeftRole),
        ],
        fields: &[Field::Org, Field::Role, Field::Service],
        personal: &["name", "email", "phone"],
        sample: "user,act,date,time,by,org,role,service,name,email,phone\n\
                 u-40,registered,2026-03-02,,user/u-17,prison/LEI,visor-lead,prison,Una Idowu,una@example.gov.uk,\n\
                 u-41,left,2026-03-31,,user/u-17,,,,,,\n",
    },
    Kind {
        name: "vetting",
        about: "non-police personnel vetting",
        subject: SubjectKind::User,
        acts: &[act("cleared", FactType::VettingCleared), act("withdrawn", FactType::VettingWithdrawn)],
        fields: &[Field::Level, Field::ExpiresOn],
        personal: &[],
        sample: "user,act,date,time,by,level,expires_on\n\
                 u-40,cleared,2026-03-02,,user/u-17,3,2031-03-01\n\
                 u-41,withdrawn,2026-03-09,,user/u-17,,\n",
    },
    Kind {
        name: "training",
        about: "training begun and completed, and the quality assurance e-learning",
        subject: SubjectKind::User,
        acts: &[
            act("started", FactType::TrainingStarted),
            act("completed", FactType::TrainingCompleted),
            act("e-learning", FactType::QaElearningCompleted),
        ],
        fields: &[Field::Course, Field::Provider],
        personal: &[],
        sample: "user,act,date,time,by,course,provider\n\
                 u-40,completed,2026-03-02,,user/u-17,visor,northshire-police\n\
                 u-40,e-learning,2026-03-04,,user/u-17,,\n",
    },
    Kind {
        name: "documents",
        about: "who signed which document: security operating procedures and others",
        subject: SubjectKind::User,
        acts: &[act("signed", FactType::DocumentSigned)],
        fields: &[Field::Document, Field::Version],
        personal: &[],
        sample: "user,act,date,time,by,document,version\nu-40,signed,2026-03-02,,user/u-17,syops,3.1\n",
    },
    Kind {
        name: "logons",
        about: "log-ons to ViSOR",
        subject: SubjectKind::User,
        acts: &[act("logged-on", FactType::LoggedOn)],
        fields: &[Field::Terminal, Field::Network],
        personal: &[],
        sample: "user,act,date,time,by,terminal,network\n\
                 u-40,logged-on,2026-03-02,08:58,user/u-17,terminal/T-12,lan\n",
    },
    Kind {
        name: "returns",
        about: "returns that prisons submitted",
        subject: SubjectKind::Prison,
        acts: &[act("submitted", FactType::ReturnSubmitted)],
        fields: &[Field::Period],
        personal: &[],
        sample: "prison,act,date,time,by,period\nLEI,submitted,2026-04-02,,user/u-17,2026-Q1\n",
    },
];

impl Kind {
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
        if self.subject == SubjectKind::Nominal {
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
            columns.push(column(
                self.subject.name(),
                "the id, with or without what stands before its slash",
                Presence::Required,
            ));
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
        if self.subject != SubjectKind::Nominal {
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
        other => other.to_string(),
    }
}
