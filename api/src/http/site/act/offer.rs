//! What a page offers to do about what it shows.

use mandate_domain::catalogue::{FactType, SubjectKind};
use mandate_domain::command::{ACTS, CommandName};
use mandate_domain::policy::Policy;
use mandate_domain::vocabulary::StateField;
use mandate_projections::DutyRow;

use super::{user_of, words};
use crate::http::app::App;
use crate::http::commands::{Offered, offers, several, sight};
use crate::http::error::{HttpError, sentence};
use crate::http::registers::asker::Asker;
use crate::http::site::moment::address;
use crate::http::site::visitor::Visitor;
use crate::http::site::words::{at_london, kind as in_words};
use crate::pages::Link;
use crate::pages::act::{Bulk, CanDo};
use crate::pages::duties::Choice;

/// The command by which people state a fact that ends a duty, where that is not `record-act`.
const BY_COMMAND: &[(FactType, CommandName)] = &[
    (FactType::RecordCreated, CommandName::CreateRecord),
    (FactType::RecordArchived, CommandName::ArchiveRecord),
    (FactType::PartnersAdded, CommandName::PartnerNominal),
    (FactType::PartnershipRefused, CommandName::RefusePartnership),
    (FactType::PartnershipRequested, CommandName::RequestPartnership),
    (FactType::AuditCompleted, CommandName::CompleteAudit),
    (FactType::RugAttended, CommandName::AttendRug),
    (FactType::DocumentSigned, CommandName::SignDocument),
    (FactType::QaElearningCompleted, CommandName::CompleteElearning),
    (FactType::CpcInformedOfLeaver, CommandName::InformCpcOfLeaver),
    (FactType::AccountDisabled, CommandName::DisableAccount),
    (FactType::AccountArchived, CommandName::ArchiveAccount),
];

/// The commands that would end a duty well, each with its act where it is `record-act`: those that state what its rule
/// waits for.
#[must_use]
pub fn suggested(policy: &Policy, row: &DutyRow) -> Vec<(CommandName, Option<FactType>)> {
    let rule = policy.rule(&row.record.rule);
    let version = rule.and_then(|rule| rule.versions.iter().find(|version| version.number == row.version));
    let Some(version) = version else { return Vec::new() };
    let done = version.done.iter().map(|entry| entry.kind);
    // A duty that ends with a state ends with the fact that brings it about.
    let until =
        version.until.iter().flat_map(|condition| &condition.tests).filter_map(|(field, _)| match field {
            StateField::Record => Some(FactType::RecordCreated),
            StateField::Alert => Some(FactType::AlertAdded),
            _ => None,
        });
    let command = |fact: FactType| {
        if ACTS.contains(&fact.name()) {
            return Some((CommandName::RecordAct, Some(fact)));
        }
        BY_COMMAND.iter().find(|(known, _)| *known == fact).map(|(_, name)| (*name, None))
    };
    let mut found: Vec<_> = done.chain(until).filter_map(command).collect();
    found.dedup();
    found
}

/// What whoever looks can do about a duty: what would end it, and what is done about the duty itself.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn of_duty(app: &App, visitor: &Visitor, row: &DutyRow, open: bool) -> Result<CanDo, HttpError> {
    let Some(person) = user_of(visitor) else { return Ok(CanDo::default()) };
    let subject = format!("duty/{}", row.record.duty);
    let about_duty = offers(app, person, &subject, Some(row))?;
    let about_subject = offers(app, person, &row.record.subject, None)?;
    let mut can = CanDo::default();
    if open {
        let book = app.book(app.now())?;
        for (name, act) in suggested(&book.policy, row) {
            let mut pairs = vec![("duty".to_owned(), row.reference.clone())];
            pairs.extend(act.map(|act| ("act".to_owned(), act.name().to_owned())));
            let text = match act {
                Some(act) => format!("Record: {}", in_words(act.name())),
                None => title(name),
            };
            let denied = about_subject.acts_denied.iter().find(|(known, _)| act == Some(*known));
            if let Some((_, why)) = denied {
                can.in_the_way.push((text, sentence(why)));
            } else if about_subject.has(name) {
                can.first.push(Link::new(text, address(&format!("/act/{name}"), &pairs)));
            } else if let Some((_, why)) = about_subject.in_the_way.iter().find(|(known, _)| *known == name) {
                can.in_the_way.push((text, sentence(&words::remedy(why))));
            }
        }
    }
    let short = format!("duty/{}", row.reference);
    let back = format!("/duties/{}", row.reference);
    rest(&mut can, &about_duty, &short, &back);
    Ok(can)
}

/// What whoever looks can do about a nominal, a user, an organisation or a terminal.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn of_subject(app: &App, visitor: &Visitor, subject: &str, back: &str) -> Result<CanDo, HttpError> {
    let Some(person) = user_of(visitor) else { return Ok(CanDo::default()) };
    let mut can = CanDo::default();
    let mut offered = offers(app, person, subject, None)?;
    if SubjectKind::of(subject) == Some(SubjectKind::Nominal) {
        // Who may not see it does not come here, and who may has no need to open it.
        offered.open.retain(|name| *name != CommandName::OpenRecord);
    }
    rest(&mut can, &offered, subject, back);
    Ok(can)
}

fn rest(can: &mut CanDo, offered: &Offered, subject: &str, back: &str) {
    let link = |name: &CommandName| {
        let pairs = [("subject".to_owned(), subject.to_owned()), ("back".to_owned(), back.to_owned())];
        Link::new(title(*name), address(&format!("/act/{name}"), &pairs))
    };
    can.others = offered.open.iter().map(link).collect();
    let why = offered.in_the_way.iter().map(|(name, why)| (title(*name), sentence(&words::remedy(why))));
    can.in_the_way.extend(why);
    can.nothing = offered.nothing.as_deref().map(sentence);
}

/// What a command does, without what somebody else does after it.
fn title(name: CommandName) -> String {
    name.spec().title.split(';').next().unwrap_or_default().to_owned()
}

/// On what terms whoever looks sees a nominal, where these are not those of a partner.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn access(app: &App, visitor: &Visitor, nominal: &str) -> Result<Option<String>, HttpError> {
    let Some(person) = user_of(visitor) else { return Ok(None) };
    Ok(sight(app, person, nominal)?.ok().flatten().map(|until| {
        format!(
            "You opened this record without being its partner, with a reason that was stored. It closes again on {}; the owner’s CPC is told every time.",
            at_london(until)
        )
    }))
}

/// What is done beside a list, for those who hold the right where they belong.
#[must_use]
pub fn of_page(path: &str, asker: &Asker) -> Vec<Link> {
    use CommandName as C;
    let names: &[CommandName] = match path {
        "/people" => &[C::RegisterUser],
        "/organisations" => &[C::EnrolOrganisation],
        "/terminals" => &[C::RegisterTerminal],
        "/audits" => &[C::DrawSample, C::CompleteAudit, C::AttendRug],
        "/attestations" => &[C::AttestRequirement, C::AttestCapacityPlan, C::AttestContinuityPlan],
        "/retention" => &[C::RecordAct],
        _ => &[],
    };
    let back = || ("back".to_owned(), path.to_owned());
    let link = |name: &CommandName| match name {
        C::RecordAct => {
            let act = FactType::RetentionReviewed.name();
            let pairs = [("act".to_owned(), act.to_owned()), back()];
            Link::new(format!("Record: {}", in_words(act)), address("/act/record-act", &pairs))
        }
        name => Link::new(title(*name), address(&format!("/act/{name}"), &[back()])),
    };
    let may = |name: &&CommandName| asker.caller().user().is_some() && asker.must(name.spec().right).is_ok();
    names.iter().filter(may).map(link).collect()
}

/// What whoever asks can do about several duties of a list at once, if anything.
#[must_use]
pub fn bulk(asker: &Asker, back: &str) -> Option<Bulk> {
    asker.caller().user()?;
    let choice =
        |name: CommandName| Choice { value: name.name().to_owned(), text: title(name), chosen: false };
    let about_duties = several(SubjectKind::Duty);
    let about_nominals = several(SubjectKind::Nominal);
    let may = |name: &CommandName| asker.could(name.spec().right);
    let commands: Vec<_> = about_duties.chain(about_nominals).filter(may).map(choice).collect();
    (!commands.is_empty()).then(|| Bulk { commands, back: back.to_owned() })
}
