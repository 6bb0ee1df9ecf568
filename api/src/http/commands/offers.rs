//! Which commands a person is offered about a subject.

use std::sync::Arc;

use mandate_domain::catalogue::{FactType, SubjectKind};
use mandate_domain::command::{
    ACTS, CommandName, Context, Offer, Reach, Stream, may_attest, may_see_until, offer,
};
use mandate_domain::rights::Denial;
use mandate_domain::time::Instant;
use mandate_projections::DutyRow;

use super::duty_now;
use crate::http::app::App;
use crate::http::error::HttpError;

/// The commands about a subject that a person is offered, and those that something stands in the way of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// What they can do, in the order of the list of commands.
    pub open: Vec<CommandName>,
    /// What they may do and cannot do now, each with why and what to do first.
    pub in_the_way: Vec<(CommandName, String)>,
    /// Acts that they may not attest although they may attest others, each with what is missing.
    pub acts_denied: Vec<(FactType, String)>,
    /// Why they can do nothing at all, where that is one reason.
    pub nothing: Option<String>,
}

impl Offered {
    /// Whether a command is open.
    #[must_use]
    pub fn has(&self, name: CommandName) -> bool {
        self.open.contains(&name)
    }
}

/// What a person is offered about a subject; of a duty its row is given. Blocking.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn offers(app: &App, person: &str, subject: &str, duty: Option<&DutyRow>) -> Result<Offered, HttpError> {
    let (stream, context) = standing(app, person, subject, duty)?;
    let mut offered = Offered::default();
    let mut denied = Vec::new();
    for name in about(subject) {
        match offer(name, subject, &stream, &context) {
            Offer::Open => offered.open.push(name),
            Offer::InTheWay(why) => offered.in_the_way.push((name, why)),
            Offer::NotAllowed(denial) => denied.push(denial),
        }
    }
    denied.dedup();
    if offered.has(CommandName::RecordAct) {
        let acts = ACTS.iter().filter_map(|act| FactType::from_name(act));
        let denial =
            |act| may_attest(act, subject, &stream, &context).err().map(|why| (act, why.to_string()));
        offered.acts_denied = acts.filter_map(denial).collect();
    }
    if let ([Denial::Missing { paragraph, reason }], true) =
        (denied.as_slice(), offered.open.is_empty() && offered.in_the_way.is_empty())
    {
        offered.nothing = Some(format!("{reason} (paragraph {paragraph})"));
    }
    Ok(offered)
}

/// Whether a person may see a nominal; until when, where they opened its record. Blocking.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn sight(app: &App, person: &str, nominal: &str) -> Result<Result<Option<Instant>, Denial>, HttpError> {
    let (stream, context) = standing(app, person, nominal, None)?;
    Ok(may_see_until(nominal, &stream, &context))
}

/// The history of a subject, and what commands about it are decided on.
fn standing(
    app: &App,
    person: &str,
    subject: &str,
    duty: Option<&DutyRow>,
) -> Result<(Stream, Context), HttpError> {
    let (now, directory) = (app.now(), app.commands().directory()?);
    let stream = app.commands().history(subject, &directory, now)?;
    let duties = duty.map(|row| duty_now(app, row, now)).transpose()?;
    let context = Context {
        now,
        actor: person.into(),
        command_id: "".into(),
        directory,
        expected: None,
        duties: duties.into_iter().collect(),
        survivor: None,
        whole: Arc::default(),
    };
    Ok((stream, context))
}

/// The commands about subjects of a kind.
fn about(subject: &str) -> impl Iterator<Item = CommandName> {
    let kind = SubjectKind::of(subject);
    CommandName::ALL
        .iter()
        .copied()
        .filter(move |name| kind.is_some_and(|kind| name.spec().subjects.contains(&kind)))
}

/// The commands that may name several subjects of a kind at once.
pub fn several(kind: SubjectKind) -> impl Iterator<Item = CommandName> {
    CommandName::ALL.iter().copied().filter(move |name| {
        let spec = name.spec();
        spec.reach == Reach::Many && spec.subjects.contains(&kind)
    })
}
