//! Which commands somebody may give about a subject as things stand, for pages that offer them.

use super::list::CommandName;
use super::{Case, Command, Context, RefusalKind, Stream, decide, nominal, organisation_of};
use crate::catalogue::{FactType, Presence, Shape, SubjectKind};
use crate::rights::{self, Denial, Relation, Right};
use crate::time::Instant;

/// How a command stands to a subject before anything was typed into its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// Nothing known speaks against it.
    Open,
    /// The person may not, whatever the subject is like.
    NotAllowed(Denial),
    /// The person may, and what is known of the subject stands in the way: why, and what to do.
    InTheWay(String),
}

/// How a command stands to a subject. The right is the one that [`decide`] asks for; a command that needs no more than
/// words of one's own is decided as it would be if it were given.
#[must_use]
pub fn offer(name: CommandName, subject: &str, stream: &Stream, cx: &Context) -> Offer {
    if let Err(denial) = may_give(name, subject, stream, cx) {
        return Offer::NotAllowed(denial);
    }
    let needs_words_only = name
        .spec()
        .fields
        .iter()
        .filter(|field| field.required == Presence::Required)
        .all(|field| field.shape == Shape::Text);
    if !needs_words_only {
        return Offer::Open;
    }
    match decide(&Command::bare(name, subject), subject, stream, cx) {
        Ok(_) => Offer::Open,
        Err(refusal) => match refusal.kind {
            RefusalKind::Invariant => Offer::InTheWay(format!("{}; {}", refusal.reason, refusal.remedy)),
            // What it says is yet to be typed.
            RefusalKind::Content | RefusalKind::Stale => Offer::Open,
            RefusalKind::Right => Offer::NotAllowed(Denial::Missing {
                paragraph: name.spec().right.spec().paragraph,
                reason: refusal.reason,
            }),
            RefusalKind::Missing => Offer::NotAllowed(Denial::Hidden),
        },
    }
}

/// Whether somebody has one of the rights that a command may ask for.
fn may_give(name: CommandName, subject: &str, stream: &Stream, cx: &Context) -> Result<(), Denial> {
    let command = Command::bare(name, subject);
    let stream = cx.whole.get(subject).unwrap_or(stream);
    let who = cx.directory.standing(&cx.actor, cx.now);
    let case = Case { command: &command, subject, stream, cx, who };
    let relation = relation_to(subject, &case);
    // Which of several rights it takes follows from what is typed: the act, the post, the kind of audit.
    let may = match name {
        CommandName::RecordAct => &[Right::RecordAct, Right::UpdateRecord][..],
        CommandName::FillPost | CommandName::VacatePost => &[Right::Appoint, Right::AppointCpc],
        CommandName::CompleteAudit | CommandName::DrawSample => &[Right::Audit, Right::AuditDataset],
        _ => &[name.spec().right],
    };
    let mut denied = Ok(());
    for right in may {
        match rights::check(*right, &case.who, &relation) {
            Ok(()) => return Ok(()),
            Err(denial) => denied = denied.and(Err(denial)),
        }
    }
    denied
}

fn relation_to(subject: &str, case: &Case<'_>) -> Relation {
    match SubjectKind::of(subject) {
        Some(SubjectKind::Nominal) => nominal::relation(case, &case.state()),
        _ => case.relation_as(subject, &organisation_of(case)),
    }
}

/// Whether somebody may attest an act about a subject: some acts take another right than others.
///
/// # Errors
/// What is missing.
pub fn may_attest(act: FactType, subject: &str, stream: &Stream, cx: &Context) -> Result<(), Denial> {
    let command = Command { act: Some(act), ..Command::bare(CommandName::RecordAct, subject) };
    let stream = cx.whole.get(subject).unwrap_or(stream);
    let who = cx.directory.standing(&cx.actor, cx.now);
    let case = Case { command: &command, subject, stream, cx, who };
    let relation = relation_to(subject, &case);
    rights::check(command.right(), &case.who, &relation)
}

/// Whether somebody may see a nominal; until when, where that is because they opened its record.
///
/// # Errors
/// [`Denial::Hidden`] for a record limited to others, else [`Denial::Missing`].
pub fn may_see_until(nominal: &str, stream: &Stream, cx: &Context) -> Result<Option<Instant>, Denial> {
    let command = Command::bare(CommandName::OpenRecord, nominal);
    let who = cx.directory.standing(&cx.actor, cx.now);
    let case = Case { command: &command, subject: nominal, stream, cx, who };
    let state = case.state();
    let mut relation = nominal::relation(&case, &state);
    rights::check(Right::SeeNominal, &case.who, &relation)?;
    relation.opened = false;
    let anyway = rights::check(Right::SeeNominal, &case.who, &relation).is_ok();
    Ok(state.opened_until(&cx.actor, cx.now).filter(|_| !anyway))
}
