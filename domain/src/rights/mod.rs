//! Who may do what (spec 4.3): one table of rights, each with the grounds on which it is held; default deny.
//!
//! Rights come from what the log says now of the person who acts ([`Standing`]) and of how they stand to the subject
//! ([`Relation`]). A ground is worth something only to somebody who meets its [`Floor`]: when vetting lapses, no
//! ground is left.

mod directory;
mod exemptions;
mod standing;

pub use directory::Directory;
pub use exemptions::{ACCESS_DUTIES, Exempt, REVIEW_DAYS};
pub use standing::{Floor, Post, Relation, Sight, Standing};

named! {
    /// What one may do or see.
    Right {
        CreateRecord "create-record" RequestPartnership "request-partnership" AddPartners "add-partners"
        PartnerInBulk "partner-in-bulk" GovernRecord "govern-record" ReceiveRecord "receive-record"
        OpenRecord "open-record" RecordAct "record-act" UpdateRecord "update-record" SignOff "sign-off"
        CorrectFact "correct-fact" KeepUsers "keep-users" KeepContactCard "keep-contact-card"
        KeepViews "keep-views"
        SignDocument "sign-document" RequestAccess "request-access" AuthoriseAccess "authorise-access"
        KeepAccounts "keep-accounts" ReportLeaver "report-leaver" Administer "administer" Appoint "appoint"
        AppointCpc "appoint-cpc" SwitchProgrammes "switch-programmes" AssureQuality "assure-quality" Audit "audit"
        AuditDataset "audit-dataset" AskForReport "ask-for-report" AssessTerminal "assess-terminal"
        ApproveTerminal "approve-terminal" AnswerDuty "answer-duty" Waive "waive" SeeNominal "see-nominal"
        SeeDuty "see-duty" SeeDuties "see-duties" SeeAll "see-all"
        SeeBoard "see-board" ReadLog "read-log" SeePeople "see-people" SeeRegisters "see-registers"
        SeeRetention "see-retention" SeeQuarantine "see-quarantine" SettleQuarantine "settle-quarantine"
    }
}

named! {
    /// What a right may rest on.
    Ground {
        Cpc "the CPC or deputy CPC"
        CpcInPost "the CPC in post"
        CentralSupport "a holder of the central support token"
        Lpc "the LPC"
        Lead "the ViSOR lead"
        Governor "the governor"
        Manager "a manager of the record (manager token)"
        Supervisor "a supervisor of the record (supervisor token)"
        Creator "a holder of the create token in the area"
        Partner "a partner of the record (partner token)"
        Opener "somebody who opened the record within the last 15 minutes"
        Worker "somebody who works with the nominal or for the organisation"
        WorkerBeforeRecord "somebody of the area, while there is no record"
        Anyone "any user"
        Themselves "the person themselves"
        Colleague "a colleague or line manager in the same area or prison group"
        Administrator "an administrator"
        AdministratorHere "an administrator of the area, group or region"
        SmbMember "a member of the strategic management board"
        Auditor "an auditor"
    }
}

/// What a right is called, where it is written, and on what it may rest.
#[derive(Debug, Clone, Copy)]
pub struct RightSpec {
    /// The paragraph behind it.
    pub paragraph: &'static str,
    /// The grounds, any of which will do.
    pub grounds: &'static [Ground],
}

impl Right {
    /// The row of the table.
    #[must_use]
    pub const fn spec(self) -> RightSpec {
        use Ground as G;
        let (paragraph, grounds): (&'static str, &'static [Ground]) = match self {
            Self::CreateRecord => ("4.10", &[G::Creator]),
            Self::RequestPartnership => ("5.13", &[G::Anyone]),
            Self::AddPartners => ("4.25", &[G::Manager, G::Supervisor, G::Lpc, G::Cpc, G::CentralSupport]),
            Self::PartnerInBulk
            | Self::GovernRecord
            | Self::ReceiveRecord
            | Self::AuthoriseAccess
            | Self::Audit
            | Self::Waive => ("4.16", &[G::Cpc, G::CentralSupport]),
            Self::OpenRecord => ("7", &[G::Anyone]),
            Self::RecordAct => ("4.17", &[G::Worker, G::Manager, G::Partner]),
            Self::UpdateRecord => ("5.13", &[G::Manager, G::Partner]),
            Self::SignOff => ("7", &[G::Supervisor]),
            Self::CorrectFact => (
                "4.16",
                &[G::Cpc, G::CentralSupport, G::AdministratorHere, G::Manager, G::Partner, G::Worker],
            ),
            Self::KeepUsers => ("4.16", &[G::Cpc, G::CentralSupport, G::Lpc, G::Lead, G::AdministratorHere]),
            Self::KeepContactCard | Self::SignDocument => {
                ("4.16", &[G::Themselves, G::Cpc, G::CentralSupport, G::Lpc, G::Lead, G::AdministratorHere])
            }
            Self::KeepViews => ("4.16", &[G::Themselves]),
            Self::RequestAccess => ("4.16", &[G::Cpc, G::CentralSupport, G::Lpc, G::Lead]),
            Self::KeepAccounts => ("4.16", &[G::Cpc, G::CentralSupport, G::AdministratorHere]),
            Self::ReportLeaver => ("4.39", &[G::Colleague]),
            Self::Administer => ("7", &[G::Administrator]),
            Self::Appoint => ("4.8", &[G::Cpc, G::CentralSupport, G::Governor, G::AdministratorHere]),
            Self::AppointCpc => ("4.8", &[G::AdministratorHere]),
            Self::SwitchProgrammes => ("4.11", &[G::Cpc]),
            Self::AssureQuality => ("4.16", &[G::Cpc, G::CentralSupport, G::Lpc, G::Lead, G::Governor]),
            Self::AuditDataset => ("5.9", &[G::Cpc, G::CentralSupport, G::Lead]),
            Self::AskForReport => ("4.16", &[G::SmbMember, G::Governor, G::Cpc]),
            Self::AssessTerminal => ("6.5", &[G::Cpc, G::Lead]),
            Self::ApproveTerminal => ("6.5", &[G::CpcInPost]),
            Self::AnswerDuty => ("4.16", &[G::Worker, G::Cpc, G::CentralSupport, G::Lpc, G::Lead]),
            Self::SeeNominal => (
                "7",
                &[
                    G::Partner,
                    G::Manager,
                    G::Supervisor,
                    G::Lpc,
                    G::Cpc,
                    G::CentralSupport,
                    G::WorkerBeforeRecord,
                    G::Opener,
                    G::Auditor,
                ],
            ),
            // Whoever acts on a duty, or answers for it, sees it.
            Self::SeeDuty => (
                "4.16",
                &[
                    G::Worker,
                    G::Partner,
                    G::Manager,
                    G::Supervisor,
                    G::Lpc,
                    G::Lead,
                    G::Cpc,
                    G::CentralSupport,
                    G::Governor,
                    G::Opener,
                    G::Auditor,
                ],
            ),
            // A board sees figures, and no list.
            Self::SeeDuties => ("4.16", &[G::Anyone, G::Governor, G::Auditor]),
            // Lists of every area.
            Self::SeeAll => ("4.16", &[G::CentralSupport, G::Auditor]),
            Self::SeeBoard => ("4.16", &[G::SmbMember, G::Cpc, G::CentralSupport, G::Auditor]),
            Self::ReadLog => ("4.16", &[G::Auditor]),
            // A board sees no person.
            Self::SeePeople => (
                "4.16",
                &[
                    G::Themselves,
                    G::Cpc,
                    G::CentralSupport,
                    G::Lpc,
                    G::Lead,
                    G::Supervisor,
                    G::Governor,
                    G::AdministratorHere,
                    G::Auditor,
                ],
            ),
            Self::SeeRegisters => {
                ("4.16", &[G::Anyone, G::Governor, G::SmbMember, G::AdministratorHere, G::Auditor])
            }
            Self::SeeRetention => ("4.16", &[G::Cpc, G::CentralSupport, G::Auditor]),
            Self::SeeQuarantine => ("4.16", &[G::Cpc, G::CentralSupport, G::Administrator, G::Auditor]),
            Self::SettleQuarantine => ("4.16", &[G::Cpc, G::CentralSupport, G::Administrator]),
        };
        RightSpec { paragraph, grounds }
    }
}

impl Ground {
    /// What a person must meet for the ground to be worth something.
    #[must_use]
    pub const fn floor(self) -> Floor {
        match self {
            // NPPV 3 for CPC and central support token holders (6.1).
            Self::Cpc | Self::CpcInPost | Self::CentralSupport => Floor::Live(3),
            Self::Lpc
            | Self::Lead
            | Self::Manager
            | Self::Supervisor
            | Self::Creator
            | Self::Partner
            | Self::Opener
            | Self::Worker
            | Self::WorkerBeforeRecord
            | Self::Anyone => Floor::Live(2),
            // Not a live user, and vetted to NPPV 3 (7).
            Self::Administrator | Self::AdministratorHere => Floor::Vetted(3),
            Self::Auditor => Floor::Vetted(2),
            Self::Governor | Self::Themselves | Self::Colleague | Self::SmbMember => Floor::InRole,
        }
    }

    /// Whether it is there, whatever the floor.
    #[must_use]
    pub fn is_there(self, who: &Standing, relation: &Relation) -> bool {
        let token = |token: &str| who.holds_token(token, &relation.here);
        match self {
            Self::Cpc => relation.holds(&[Post::Cpc, Post::DeputyCpc]),
            Self::CpcInPost => relation.holds(&[Post::Cpc]),
            Self::CentralSupport => relation.within && token("central-support"),
            Self::Lpc => relation.holds(&[Post::Lpc]),
            Self::Lead => relation.holds(&[Post::VisorLead]),
            Self::Governor => relation.within && &*who.role == "governor",
            Self::Manager => relation.within && token("manager"),
            Self::Supervisor => relation.within && token("supervisor"),
            Self::Creator => relation.within && token("create"),
            Self::Partner => relation.partner && who.may_be_partner(),
            Self::Opener => relation.opened,
            Self::Worker => relation.within || relation.holding,
            Self::WorkerBeforeRecord => relation.no_record && (relation.within || relation.holding),
            Self::Anyone => true,
            Self::Themselves => relation.same_person,
            Self::Colleague => relation.within && !relation.same_person,
            Self::Administrator => token("admin"),
            Self::AdministratorHere => relation.within && token("admin"),
            Self::SmbMember => relation.within && &*who.role == "smb-member",
            Self::Auditor => &*who.role == "auditor",
        }
    }
}

/// Why something is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The record is limited to others: it does not exist.
    #[error("there is no such subject")]
    Hidden,
    /// Something is missing.
    #[error("{reason} (paragraph {paragraph})")]
    Missing {
        /// The paragraph that asks for it.
        paragraph: &'static str,
        /// What is missing.
        reason: String,
    },
}

/// Whether somebody may do something.
///
/// # Errors
/// [`Denial`] naming the paragraph and what is missing.
pub fn check(right: Right, who: &Standing, relation: &Relation) -> Result<(), Denial> {
    if relation.sight == Sight::Hidden {
        return Err(Denial::Hidden);
    }
    let spec = right.spec();
    let mut below_floor = None;
    for ground in spec.grounds {
        if ground.is_there(who, relation) {
            match who.meets(ground.floor()) {
                Ok(()) => return Ok(()),
                Err(denial) => below_floor = below_floor.or(Some(denial)),
            }
        }
    }
    // Who could not do anything at all hears of that first.
    if let Some(denial) = below_floor.or_else(|| who.meets(Floor::InRole).err()) {
        return Err(denial);
    }
    let grounds: Vec<&str> = spec.grounds.iter().map(|ground| ground.name()).collect();
    let reason = format!("this takes {}", either(&grounds));
    Err(Denial::Missing { paragraph: spec.paragraph, reason })
}

fn either(words: &[&str]) -> String {
    match words.split_last() {
        None => "nobody".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests;
