//! What people do in Mandate: commands, each of which becomes facts or is refused with the paragraph behind it.
//!
//! Pure: [`Command::parse`] reads one, [`decide`] says what it comes to on what is known of its subject, and nothing is
//! stored here. A *fact* told by others is never refused for what it says; only a command is.

mod draw;
mod duty;
mod fact;
mod list;
mod merges;
mod nominal;
mod offered;
mod order;
mod organisation;
mod parse;
mod policy;
mod stream;
mod terminal;
mod user;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use draw::{draw, list_digest};
pub use duty::{Duty, DutyNow};
pub use fact::NewFact;
pub use list::{ACTS, CommandName, CommandSpec, EVERY, MAX_SUBJECTS, Reach};
pub use merges::Merges;
pub use nominal::{Nominal, OPEN_SECONDS};
pub use offered::{Offer, may_attest, may_see_until, offer};
pub use organisation::Organisation;
pub use parse::{Command, CommandError};
pub use stream::{Annulments, Evolve, Stream};
pub use terminal::Terminal;
pub use user::{Account, Exemption, User, Vetting};

use crate::catalogue::{FactType, Field, SubjectKind};
use crate::rights::{self, Denial, Directory, Relation, Right, Standing};
use crate::time::Instant;

/// The source of what commands record.
pub const SOURCE: &str = "/mandate/commands";

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {reason}; {remedy} (paragraph {paragraph})")]
pub struct Refusal {
    /// What kind of reason it is.
    pub kind: RefusalKind,
    /// The subject of which it was asked.
    pub subject: Box<str>,
    /// The paragraph behind it.
    pub paragraph: Box<str>,
    /// What stands in the way.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

/// What kind of reason a command was refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The person may not.
    Right,
    /// What is known of the subject does not allow it.
    Invariant,
    /// What the command says cannot be.
    Content,
    /// There is no such subject, or it may not be known of.
    Missing,
    /// The stream is not at the version that the sender saw.
    Stale,
}

/// What a decision needs beside the subject's own stream.
#[derive(Debug, Clone)]
pub struct Context {
    /// The present instant.
    pub now: Instant,
    /// The person who acts: full id of a user.
    pub actor: Box<str>,
    /// The command's id, from which ids and seeds are made.
    pub command_id: Box<str>,
    /// Users, posts and organisations.
    pub directory: Arc<Directory>,
    /// The version that the sender saw of the stream, if stated.
    pub expected: Option<u64>,
    /// The duties that the command is about.
    pub duties: Arc<[DutyNow]>,
    /// What is known of the nominal into which one is merged, and of those that were merged into it.
    pub survivor: Option<Arc<Stream>>,
    /// By subject, the whole history of a person who is several nominals: its own stream and those of the others that
    /// merges make one with it, in the order of the log.
    pub whole: Arc<BTreeMap<Box<str>, Stream>>,
}

/// One command on one subject, being decided.
pub(crate) struct Case<'c> {
    command: &'c Command,
    subject: &'c str,
    stream: &'c Stream,
    cx: &'c Context,
    who: Standing,
}

/// What a command comes to on one subject.
///
/// # Errors
/// [`Refusal`] with the paragraph, what stands in the way and what to do.
pub fn decide(
    command: &Command,
    subject: &str,
    stream: &Stream,
    cx: &Context,
) -> Result<Vec<NewFact>, Refusal> {
    let (own, stream) = (stream, cx.whole.get(subject).unwrap_or(stream));
    let case = Case { command, subject, stream, cx, who: cx.directory.standing(&cx.actor, cx.now) };
    if command.time.is_some_and(|time| time > cx.now) {
        return Err(case.content("time", "it lies in the future", "state when it took place"));
    }
    if let Some(expected) = cx.expected
        && expected != own.version()
    {
        let reason = format!("it is at version {}, not {expected}", own.version());
        return Err(case.refusal(RefusalKind::Stale, "4.16", reason, "read it again and decide anew"));
    }
    if command.name == CommandName::StateInError && SubjectKind::of(subject) != Some(SubjectKind::Nominal) {
        return case.state_in_error();
    }
    match SubjectKind::of(subject) {
        Some(SubjectKind::Nominal) => nominal::decide(&case),
        Some(SubjectKind::User) => user::decide(&case),
        Some(SubjectKind::Terminal) => terminal::decide(&case),
        Some(SubjectKind::Duty) => duty::decide(&case),
        Some(
            SubjectKind::Area
            | SubjectKind::Unit
            | SubjectKind::Prison
            | SubjectKind::PrisonGroup
            | SubjectKind::Region,
        ) => organisation::decide(&case),
        Some(SubjectKind::Policy) => policy::decide(&case),
        Some(
            SubjectKind::Calendar
            | SubjectKind::Police
            | SubjectKind::Message
            | SubjectKind::Webhook
            | SubjectKind::Client,
        )
        | None => Err(case.missing()),
    }
}

impl Case<'_> {
    fn state<S: Evolve>(&self) -> S {
        self.stream.fold(self.cx.directory.annulments(), self.cx.now)
    }

    /// What is decided, if anything is other for it now: a command about an earlier time that something later overrules
    /// would be answered as carried out and change nothing.
    fn that_take_effect<S: Evolve + PartialEq>(
        &self,
        before: &S,
        facts: Vec<NewFact>,
    ) -> Result<Vec<NewFact>, Refusal> {
        if self.command.time.is_none() || !self.command.name.is_about_now() {
            return Ok(facts);
        }
        let mut stream = self.stream.clone();
        for fact in &facts {
            stream.take(fact.under(&self.cx.command_id));
        }
        let after: S = stream.fold(self.cx.directory.annulments(), self.cx.now);
        if after == *before {
            let reason = "at that time it would change nothing: something later says otherwise";
            let remedy = "state a later time, or say first that the later fact was stated in error";
            return Err(self.broken(self.command.name.spec().paragraph, reason, remedy));
        }
        Ok(facts)
    }

    /// The nominal into which the subject was merged, if it was.
    fn survivor(&self) -> Option<Box<str>> {
        let (directory, now) = (&self.cx.directory, self.cx.now);
        let survivor = directory.unit(self.subject, now).into_iter().next();
        let stored_meanwhile = || {
            let own = |fact: &&crate::fact::Fact| {
                fact.kind == FactType::NominalMerged && *fact.subject == *self.subject
            };
            let mut merges = self.stream.visible(directory.annulments(), now).filter(own);
            // One that is not in the directory yet.
            let merge = merges.find(|merge| !directory.knows_merge(merge))?;
            merge.text(Field::Into).map(Into::into)
        };
        survivor.filter(|survivor| **survivor != *self.subject).or_else(stored_meanwhile)
    }

    /// A fact about the subject, with what the command says as far as the fact's type has a field for it.
    fn fact(&self, kind: FactType) -> NewFact {
        NewFact::of_command(kind, self.command, self.subject, self.cx)
    }

    fn one(&self, kind: FactType) -> Vec<NewFact> {
        vec![self.fact(kind)]
    }

    fn refusal(
        &self,
        kind: RefusalKind,
        paragraph: &str,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Refusal {
        Refusal {
            kind,
            subject: self.subject.into(),
            paragraph: paragraph.into(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }

    /// An invariant that stands in the way.
    fn broken(&self, paragraph: &str, reason: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        self.refusal(RefusalKind::Invariant, paragraph, reason, remedy)
    }

    /// An invariant that must hold.
    fn must(&self, holds: bool, paragraph: &str, reason: &str, remedy: &str) -> Result<(), Refusal> {
        if holds { Ok(()) } else { Err(self.broken(paragraph, reason, remedy)) }
    }

    /// A field that cannot be as stated.
    fn content(&self, field: &str, reason: &str, remedy: &str) -> Refusal {
        let paragraph = self.command.name.spec().paragraph;
        self.refusal(RefusalKind::Content, paragraph, format!("field `{field}`: {reason}"), remedy)
    }

    /// The same words whether the subject does not exist or may not be known of.
    fn missing(&self) -> Refusal {
        self.refusal(RefusalKind::Missing, "4.16", "there is no such subject", "check the reference")
    }

    fn may(&self, right: Right, relation: &Relation) -> Result<(), Refusal> {
        rights::check(right, &self.who, relation).map_err(|denial| match denial {
            Denial::Hidden => self.missing(),
            Denial::Missing { paragraph, reason } => {
                let remedy = format!("`{}` needs the right `{right}`", self.command.name);
                self.refusal(RefusalKind::Right, paragraph, reason, remedy)
            }
        })
    }

    /// The relation to something that an organisation answers for.
    fn relation(&self, org: &str) -> Relation {
        self.cx.directory.relation(&self.who, org, self.cx.now)
    }

    fn text(&self, field: Field) -> &str {
        self.command.text(field).unwrap_or_default()
    }

    /// The relation to a subject that an organisation answers for.
    fn relation_as(&self, subject: &str, org: &str) -> Relation {
        let mut relation = self.relation(org);
        relation.same_person = *self.cx.actor == *subject;
        relation
    }

    /// Says that a fact was stated in error: one's own at once, another's when a second person of CPC level says so.
    fn state_in_error(&self) -> Result<Vec<NewFact>, Refusal> {
        self.annul(&self.relation(&organisation_of(self)))
    }

    fn annul(&self, relation: &Relation) -> Result<Vec<NewFact>, Refusal> {
        let Some((source, id)) = self.command.event() else { return Err(self.missing()) };
        let named = |fact: &&crate::fact::Fact| *fact.source == *source && *fact.id == *id;
        let annulments = self.cx.directory.annulments();
        let Some(fact) = self.stream.facts().find(named) else {
            return Err(self.content(
                "event",
                "it is not in the history of this subject",
                "check source and id",
            ));
        };
        self.may(Right::CorrectFact, relation)?;
        let untouchable = fact.kind.is_internal() && fact.kind != FactType::DutyWaived;
        self.must(!untouchable, "4.16", "it is Mandate's own event", "only facts can be stated in error")?;
        self.must(
            !annulments.holds_for(fact),
            "4.16",
            "it no longer counts already",
            "nothing is to be done",
        )?;
        let mut facts = if fact.source.as_ref() == SOURCE && fact.text(Field::By) == Some(&*self.cx.actor) {
            self.one(FactType::FactAnnulled)
        } else {
            // Anyone else's fact takes two people of CPC level (2.1).
            self.may(Right::GovernRecord, relation)?;
            let ordered = self.stream.visible(annulments, self.cx.now).find(|order| {
                order.kind == FactType::AnnulmentOrdered
                    && order.get(Field::Event) == self.command.get(Field::Event)
            });
            match ordered.map(|order| order.text(Field::By)) {
                None => self.one(FactType::AnnulmentOrdered),
                Some(by) if by == Some(&*self.cx.actor) => {
                    let remedy = "another person of CPC level gives the same command";
                    return Err(self.broken("4.16", "you asked for it: it takes two people", remedy));
                }
                Some(_) => self.one(FactType::FactAnnulled),
            }
        };
        let annulled = facts.iter().all(|fact| fact.kind == FactType::FactAnnulled);
        // What is stated instead waits for the second person as the annulment does; the answer says so.
        if let (Some(instead), true) = (&self.command.instead, annulled) {
            let case = Case { command: instead, who: self.who.clone(), ..*self };
            facts.extend(nominal::decide(&case)?);
        }
        Ok(facts)
    }
}

/// The organisation that answers for a subject other than a nominal; empty where none is known.
fn organisation_of(case: &Case<'_>) -> Box<str> {
    match SubjectKind::of(case.subject) {
        Some(SubjectKind::User) => case.state::<User>().org.unwrap_or_default(),
        Some(SubjectKind::Terminal) => case.state::<Terminal>().org.unwrap_or_default(),
        Some(SubjectKind::Duty) => {
            case.cx.duty(case.subject).and_then(|duty| duty.holder.clone()).unwrap_or_default()
        }
        _ => case.subject.into(),
    }
}

impl Context {
    /// What is known of a duty.
    #[must_use]
    pub fn duty(&self, duty: &str) -> Option<&DutyNow> {
        self.duties.iter().find(|known| *known.duty == *duty)
    }
}

/// Whether the person has a right in a nominal, and if not why.
///
/// # Errors
/// [`Denial::Hidden`] for a record limited to others, else [`Denial::Missing`].
pub fn may_of_nominal(right: Right, stream: &Stream, cx: &Context) -> Result<(), Denial> {
    let who = cx.directory.standing(&cx.actor, cx.now);
    let state: Nominal = stream.fold(cx.directory.annulments(), cx.now);
    let org = state.answers_for().unwrap_or_default();
    let relation = cx.directory.relation_to_nominal(&who, &state, &org, cx.now);
    rights::check(right, &who, &relation)
}

#[cfg(test)]
mod tests;
