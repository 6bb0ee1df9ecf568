//! What the fields of forms are called, and what to type into them.

use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::command::{CommandName, Reach};

use crate::http::site::lists::label as said;
use crate::http::site::words::{kind, sentence_case};

/// What a field is called.
#[must_use]
pub fn label(field: Field) -> String {
    let words = match field {
        Field::On => "The day from which it takes effect",
        Field::Evidence => "How well it is shown",
        Field::Note => "Note",
        Field::Reason => "Reason",
        Field::Org => "Organisation",
        Field::Owner => "Organisation that owns the record",
        Field::Basic => "A basic record for a prison",
        Field::Request => "The request that it answers",
        Field::To => "To whom",
        Field::Into => "The nominal that stays",
        Field::Ground => "Ground",
        Field::Event => "The fact stated in error",
        Field::Assessment => "OASys assessment",
        Field::Spell => "Spell in custody",
        Field::Found => "A record was found",
        Field::Termination => "It is the termination assessment",
        Field::Sections => "Sections copied",
        Field::ExpiresOn => "The day on which it expires",
        Field::ByRole => "Role of whoever decided it",
        Field::DecidedBy => "Who decided it",
        Field::Tried => "What was tried before",
        Field::Until => "Until which day",
        Field::Review => "Review",
        Field::List => "The whole list to draw from",
        Field::Size => "How many to draw",
        Field::Seed => "Seed, to draw the same again",
        Field::PeriodFrom => "First day of the period",
        Field::PeriodTo => "Last day of the period",
        Field::DigestAt => "When the daily digest comes",
        Field::QuietFrom => "No mail from",
        Field::QuietUntil => "No mail until",
        Field::Off => "Mails that do not come",
        Field::Sha256 => "Digest (SHA-256) of the text",
        Field::EffectiveFrom => "The day from which it applies",
        Field::Parent => "The organisation above it",
        Field::Duties => "Duties that stay with the present owner",
        Field::Complete => "The minimum dataset is complete",
        Field::Missing => "What is missing",
        Field::About => "About what",
        Field::Filter => "What it lists",
        Field::View => "Id of the list",
        other => return sentence_case(other.name()),
    };
    words.to_owned()
}

/// What to type, where the shape of the field does not say it.
#[must_use]
pub fn hint(field: Field) -> Option<&'static str> {
    Some(match field {
        Field::On => "Leave it empty if it takes effect when it happens.",
        Field::Evidence => "Attested, unless a system or an extract shows it.",
        Field::Request => "The id of the request, as it stands in the history.",
        Field::Spell => "The id of the spell, as it stands in the history.",
        Field::Assessment => "The id of the assessment, as it stands in the history.",
        Field::Ground => "The reference of the decision that orders it; no name or number of a person.",
        Field::Seed => "Leave it empty for a new sample.",
        Field::List => "Opaque references, one on each line.",
        Field::DigestAt | Field::QuietFrom | Field::QuietUntil => {
            "London time, for example 07:30; not between 01:00 and 01:59."
        }
        Field::Off => "Some of warning, vetting, digest, team, quarterly; one on each line.",
        Field::Version => "For example 2026.1.",
        Field::Filter => "As in the address of the list, for example area=area/A07; one on each line.",
        Field::Name => "For yourself, without the name or number of a person.",
        Field::Sha256 => "64 digits and letters.",
        Field::Paragraph => "For example 5.7.",
        Field::Provider => "Who gave the training, for example hmpps.",
        _ => return None,
    })
}

/// A word of the catalogue as people say it.
#[must_use]
pub fn word(value: &str) -> String {
    match FactType::from_name(value) {
        Some(fact) => kind(fact.name()),
        None => said(value),
    }
}

/// What is asked of whom or what a command is.
#[must_use]
pub fn subject(kinds: &[SubjectKind], reach: Reach) -> String {
    let several = reach == Reach::Many;
    let [one, many] = match kinds {
        [SubjectKind::Nominal] => ["Nominal", "Nominals"],
        [SubjectKind::User] => ["User", "Users"],
        [SubjectKind::Duty] => ["Duty", "Duties"],
        [SubjectKind::Terminal] => ["Terminal", "Terminals"],
        [SubjectKind::Policy] => ["Policy", "Policies"],
        [SubjectKind::Area] => ["Area", "Areas"],
        [SubjectKind::Prison] => ["Prison", "Prisons"],
        [SubjectKind::Region] => ["Region", "Regions"],
        many if many.contains(&SubjectKind::Nominal) => ["Of whom or what", "Of whom or what"],
        _ => ["Organisation", "Organisations"],
    };
    if several { many.to_owned() } else { one.to_owned() }
}

/// An id of a kind, to show what one looks like.
#[must_use]
pub fn example(kind: SubjectKind) -> String {
    let rest = match kind {
        SubjectKind::Nominal => "N-7F3K29QX",
        SubjectKind::User => "U-0123",
        SubjectKind::Area => "A07",
        SubjectKind::Unit => "A07-1",
        SubjectKind::Prison => "LEI",
        SubjectKind::PrisonGroup => "G1",
        SubjectKind::Region => "R1",
        SubjectKind::Terminal => "T-1",
        SubjectKind::Duty => "D-3F2A81C0",
        SubjectKind::Policy => "framework",
        SubjectKind::Calendar => "england-and-wales",
        SubjectKind::Police => "P1",
        SubjectKind::Message => "M-1",
        SubjectKind::Webhook => "W-1",
        SubjectKind::Client => "feed",
    };
    format!("{kind}/{rest}")
}

/// What to do first, each command in it called as its form is.
#[must_use]
pub fn remedy(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(number, part)| {
        let command = if number % 2 == 1 { CommandName::from_name(part) } else { None };
        match command.map(|name| name.spec().title) {
            Some(title) => format!("“{}”", title.split(';').next().unwrap_or(title)),
            None => part.to_owned(),
        }
    });
    parts.collect()
}

/// What a personal field is called.
#[must_use]
pub fn personal(part: &str) -> String {
    match part {
        "crn" => "CRN".to_owned(),
        "noms" => "NOMS number".to_owned(),
        "pnc" => "PNC number".to_owned(),
        "visor_ref" => "ViSOR reference".to_owned(),
        other => sentence_case(other),
    }
}
