//! What a form can be filled in with beforehand: the subjects of duties, and what the fact that opened a duty says.

use mandate_domain::catalogue::{Field, FieldSpec, Shape, SubjectKind};
use mandate_domain::command::CommandName;
use mandate_domain::judge::View;
use mandate_projections::DutyRow;

use super::fields::{Ask, INSTEAD, What};
use super::offer::suggested;
use super::typed::subjects;
use super::{NOBODY, asks_for, user_of, words};
use crate::http::app::App;
use crate::http::commands::{offers, sight};
use crate::http::duties::found;
use crate::http::error::{HttpError, sentence};
use crate::http::query::Query;
use crate::http::site::visitor::Visitor;

/// The parameters of a command's form for duties that were ticked: the duties themselves, or what they are about. The
/// act is the one that all of them wait for, if there is one.
///
/// # Errors
/// [`HttpError::NotFound`] for a duty that is not there.
pub fn of_duties(
    app: &App,
    visitor: &Visitor,
    name: CommandName,
    wanted: &[&str],
) -> Result<Vec<(String, String)>, HttpError> {
    let rows = wanted.iter().map(|id| duty(app, visitor, id)).collect::<Result<Vec<_>, _>>()?;
    let mut pairs = Vec::new();
    if let ([row], false) = (rows.as_slice(), name.spec().subjects.contains(&SubjectKind::Duty)) {
        pairs.push(("duty".to_owned(), row.reference.clone()));
    } else {
        let kinds = name.spec().subjects;
        for row in &rows {
            let about = if kinds.contains(&SubjectKind::Duty) {
                format!("duty/{}", row.reference)
            } else {
                row.record.subject.clone()
            };
            if !pairs.iter().any(|(_, known)| *known == about) {
                pairs.push(("subject".to_owned(), about));
            }
        }
    }
    if name == CommandName::RecordAct {
        let book = app.book(app.now())?;
        let acts: Vec<_> = rows
            .iter()
            .map(|row| suggested(&book.policy, row).into_iter().find_map(|(_, act)| act))
            .collect();
        let first =
            acts.first().copied().flatten().filter(|first| acts.iter().all(|act| *act == Some(*first)));
        pairs.extend(first.map(|act| ("act".to_owned(), act.name().to_owned())));
    }
    Ok(pairs)
}

/// Fills in what follows from a duty that the address names: whom the command is about, and the fields that the fact
/// which opened the duty has as well, for by these the two are matched.
///
/// # Errors
/// [`HttpError::NotFound`] for a duty that is not there.
pub fn complete(
    app: &App,
    visitor: &Visitor,
    name: CommandName,
    asks: &[Ask],
    typed: &mut Query,
) -> Result<(), HttpError> {
    let Some(id) = typed.one("duty")?.map(str::to_owned) else {
        return stated_before(app, visitor, name, asks, typed);
    };
    let row = duty(app, visitor, &id)?;
    typed.set("subject", &row.record.subject);
    if typed.one("back")?.is_none() {
        typed.set("back", &format!("/duties/{}", row.reference));
    }
    let Some(person) = user_of(visitor) else { return Ok(()) };
    if !offers(app, person, &row.record.subject, None)?.has(name) {
        return Ok(());
    }
    let now = app.now();
    let view = View { as_at: now, known_at: now };
    // What the duty itself says is told to whoever sees it; what its fact says, to whoever sees the nominal.
    let entries = if may_look(app, person, &row.record.subject)? {
        app.projections.timeline(&row.record.subject, view)?
    } else {
        Vec::new()
    };
    let opened = entries.iter().find(|entry| entry.reference == row.record.opened_by);
    for ask in asks.iter().filter(|ask| matches!(ask.what, What::Field(_))) {
        if typed.pairs().any(|(name, _)| *name == ask.name) {
            continue;
        }
        let said = |name: &str| opened.and_then(|entry| entry.data.iter().find(|(field, _)| field == name));
        // A rule that matches by prison reads the prison of one fact and the organisation of the other.
        let prison = || asks_for(ask, Field::Org).then(|| said(Field::Prison.name())).flatten();
        let of_opening = said(ask.key()).or_else(prison);
        let own = if name == CommandName::RequestPartnership {
            own_organisation(app, person, ask)?
        } else {
            let of_prison = asks_for(ask, Field::Prison) || asks_for(ask, Field::Org);
            let holder = row.record.holder.clone();
            holder.filter(|holder| asks_for(ask, Field::Owner) || of_prison && holder.starts_with("prison/"))
        };
        let holder = own.as_ref();
        if let Some(value) = of_opening.map(|(_, value)| value).or(holder) {
            let several = matches!(ask.what, What::Field(spec) if matches!(spec.shape, Shape::Subjects(_) | Shape::Ids));
            typed.set(&ask.name, &if several { value.replace(", ", "\n") } else { value.clone() });
        }
    }
    Ok(())
}

/// Whether somebody may see what the facts of a subject say: of a nominal this is a right of its own.
fn may_look(app: &App, person: &str, subject: &str) -> Result<bool, HttpError> {
    Ok(SubjectKind::of(subject) != Some(SubjectKind::Nominal) || sight(app, person, subject)?.is_ok())
}

/// The nearest organisation of whoever looks that is of a kind that the field asks for, where it asks for one's own.
fn own_organisation(app: &App, person: &str, ask: &Ask) -> Result<Option<String>, HttpError> {
    let What::Field(FieldSpec { field: Field::Org, shape: Shape::Subject(kinds), .. }) = ask.what else {
        return Ok(None);
    };
    let (now, directory) = (app.now(), app.commands().directory()?);
    let mut chain = directory.chain(&directory.standing(person, now).org, now).into_iter();
    let own = chain.find(|org| SubjectKind::of(org).is_some_and(|kind| kinds.contains(&kind)));
    Ok(own.map(Into::into))
}

/// Fills in what a fact said, for what is stated in its place.
fn stated_before(
    app: &App,
    visitor: &Visitor,
    name: CommandName,
    asks: &[Ask],
    typed: &mut Query,
) -> Result<(), HttpError> {
    let (Some(person), CommandName::StateInError) = (user_of(visitor), name) else { return Ok(()) };
    let (Some(subject), Some(event), Some(_)) =
        (typed.one("subject")?, typed.one("event")?, typed.one("instead")?)
    else {
        return Ok(());
    };
    if !may_look(app, person, subject)? || !offers(app, person, subject, None)?.has(name) {
        return Ok(());
    }
    let now = app.now();
    let entries = app.projections.timeline(subject, View { as_at: now, known_at: now })?;
    let Some(before) = entries.iter().find(|entry| entry.reference == event) else { return Ok(()) };
    for ask in asks.iter().filter(|ask| ask.name.starts_with(INSTEAD)) {
        if let Some((_, value)) = before.data.iter().find(|(field, _)| field == ask.key()) {
            typed.set(&ask.name, value);
        }
    }
    Ok(())
}

/// What stands in the way of a command about the one subject that is stated, if anything does; nothing is said of a
/// record that is limited to others, as of one that does not exist.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn in_the_way(
    app: &App,
    visitor: &Visitor,
    name: CommandName,
    typed: &Query,
) -> Result<Option<String>, HttpError> {
    let Some(person) = user_of(visitor) else { return Ok(Some(sentence(NOBODY))) };
    let stated = subjects(typed);
    let ([subject], true) = (stated.as_slice(), name != CommandName::RegisterUser) else { return Ok(None) };
    if SubjectKind::of(subject).is_none_or(|kind| !name.spec().subjects.contains(&kind)) {
        return Ok(None);
    }
    let row = subject.strip_prefix("duty/").map(|id| app.projections.duty(id)).transpose()?.flatten();
    let about = row.as_ref().map_or(subject, |row| &row.record.subject);
    let unknown = match SubjectKind::of(subject) {
        Some(SubjectKind::Duty) => row.is_none(),
        Some(SubjectKind::Nominal) => app.projections.subject(subject)?.is_none(),
        _ => false,
    };
    if unknown || visitor.hidden(app)?.is(about) {
        return Ok(None);
    }
    let subject = row.as_ref().map_or_else(|| subject.clone(), |row| format!("duty/{}", row.record.duty));
    let offered = offers(app, person, &subject, row.as_ref())?;
    let why = offered.in_the_way.iter().find(|(known, _)| *known == name).map(|(_, why)| why);
    let may_not = || {
        let grounds: Vec<&str> =
            name.spec().right.spec().grounds.iter().map(|ground| ground.name()).collect();
        let reason = offered.nothing.clone();
        reason.unwrap_or_else(|| format!("this takes {}", grounds.join(", or ")))
    };
    let words = match why {
        Some(why) => format!("As things stand it would be refused: {}", words::remedy(why)),
        None if offered.has(name) => return Ok(None),
        None => format!("You would be refused: {}", may_not()),
    };
    Ok(Some(sentence(&words)))
}

fn duty(app: &App, visitor: &Visitor, id: &str) -> Result<DutyRow, HttpError> {
    found(app, id, &visitor.caller)
}
