//! Areas, units, prisons, prison groups and regions: enrolment, posts, programmes, audits, attestations, reports.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Evolve, NewFact, Refusal, draw, list_digest};
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::command::CommandName;
use crate::fact::{Fact, Value};

/// An organisation as the log has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organisation {
    /// Whether it is enrolled.
    pub enrolled: bool,
    /// What it lies under.
    pub parent: Option<Box<str>>,
    /// Posts, each with who holds it; several may.
    pub posts: BTreeSet<(Box<str>, Box<str>)>,
    /// Programmes that are switched on.
    pub programmes: BTreeSet<Box<str>>,
    /// Samples drawn for an audit that is not completed yet, by kind.
    pub samples: BTreeMap<Box<str>, Box<[Box<str>]>>,
    /// Reports asked for and not yet provided, each with for whom.
    pub reports: BTreeSet<(Box<str>, Box<str>)>,
    /// Documents published, each with its version.
    pub documents: BTreeSet<(Box<str>, Box<str>)>,
    /// Periods for which a return was submitted.
    pub returns: BTreeSet<Box<str>>,
}

impl Evolve for Organisation {
    fn evolve(&mut self, fact: &Fact) {
        let text = |field| fact.text(field).map(Box::<str>::from);
        let pair = |one, two| Some((text(one)?, text(two)?));
        match fact.kind {
            FactType::OrganisationEnrolled => self.enrolled = true,
            FactType::OrganisationPlaced => self.parent = text(Field::Parent),
            FactType::PostFilled => self.posts.extend(pair(Field::Post, Field::User)),
            FactType::PostVacated => {
                if let Some(post) = pair(Field::Post, Field::User) {
                    self.posts.remove(&post);
                }
            }
            FactType::ProgrammeSwitchedOn => self.programmes.extend(text(Field::Programme)),
            FactType::ProgrammeSwitchedOff => {
                self.programmes.remove(fact.text(Field::Programme).unwrap_or_default());
            }
            FactType::AuditSampleDrawn => {
                if let Some(kind) = text(Field::Kind) {
                    self.samples.insert(kind, fact.texts(Field::Sample).into());
                }
            }
            FactType::AuditCompleted => {
                self.samples.remove(fact.text(Field::Kind).unwrap_or_default());
            }
            FactType::ReportRequested => self.reports.extend(pair(Field::Report, Field::To)),
            FactType::ReportProvided => {
                if let Some(report) = pair(Field::Report, Field::To) {
                    self.reports.remove(&report);
                }
            }
            FactType::DocumentPublished => self.documents.extend(pair(Field::Document, Field::Version)),
            FactType::ReturnSubmitted => self.returns.extend(text(Field::Period)),
            _ => {}
        }
    }
}

pub(super) fn decide(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    use CommandName as C;
    case.may(case.command.right(), &case.relation(case.subject))?;
    let state: Organisation = case.state();
    let facts = match case.command.name {
        C::EnrolOrganisation => {
            case.must(!state.enrolled, "4.1", "it is enrolled already", "nothing is to be done")?;
            Ok(case.one(FactType::OrganisationEnrolled))
        }
        C::PlaceOrganisation => place(case, &state),
        C::FillPost => fill(case, &state),
        C::VacatePost => {
            let post = (case.text(Field::Post).into(), case.text(Field::User).into());
            case.must(state.posts.contains(&post), "4.8", "they do not hold it", "nothing is to be vacated")?;
            Ok(case.one(FactType::PostVacated))
        }
        C::SwitchProgrammeOn | C::SwitchProgrammeOff => {
            let on = state.programmes.contains(case.text(Field::Programme));
            let wanted = case.command.name == C::SwitchProgrammeOn;
            let reason = if on { "it is on already" } else { "it is not on" };
            let paragraph = if case.text(Field::Programme) == "community" { "4.13" } else { "4.11" };
            case.must(on != wanted, paragraph, reason, "nothing is to be switched")?;
            Ok(case.one(if wanted { FactType::ProgrammeSwitchedOn } else { FactType::ProgrammeSwitchedOff }))
        }
        C::AttendRug => Ok(case.one(FactType::RugAttended)),
        C::DrawSample => sample(case, &state),
        C::CompleteAudit => {
            let (kind, audit) = (case.text(Field::Kind), case.fact(FactType::AuditCompleted));
            match state.samples.get(kind) {
                Some(drawn) => Ok(vec![audit.with_texts(Field::Sample, drawn.iter().cloned())]),
                None if kind == "sample" => {
                    Err(case.broken("5.10", "no sample was drawn for it", "draw it with `draw-sample` first"))
                }
                None => Ok(vec![audit]),
            }
        }
        C::AttestRequirement => attest(case),
        C::AttestCapacityPlan => Ok(case.one(FactType::CapacityPlanAttested)),
        C::AttestContinuityPlan => Ok(case.one(FactType::ContinuityPlanAttested)),
        C::SubmitReturn => {
            let known = state.returns.contains(case.text(Field::Period));
            case.must(
                !known,
                "5.9",
                "the return of that period was submitted already",
                "state the one before in error first",
            )?;
            Ok(case.one(FactType::ReturnSubmitted))
        }
        C::RequestReport | C::ProvideReport => {
            let asked =
                state.reports.contains(&(case.text(Field::Report).into(), case.text(Field::To).into()));
            let request = case.command.name == C::RequestReport;
            let (reason, remedy) = if request {
                ("that report is asked for already", "wait for it")
            } else {
                ("nobody asked for that report", "state the report and for whom as in the request")
            };
            case.must(asked != request, "4.16", reason, remedy)?;
            Ok(case.one(if request { FactType::ReportRequested } else { FactType::ReportProvided }))
        }
        C::PublishDocument => {
            let known = (case.text(Field::Document).into(), case.text(Field::Version).into());
            case.must(
                !state.documents.contains(&known),
                "4.16",
                "that version was published already",
                "publish the next version",
            )?;
            Ok(case.one(FactType::DocumentPublished))
        }
        _ => Err(case.missing()),
    }?;
    case.that_take_effect(&state, facts)
}

/// Attests a requirement for a period. Of the people that it names, those exempt from the paragraph because their
/// assistive technology cannot use `ViSOR` are told apart: it is no failing of theirs.
fn attest(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    let (from, to) = (case.command.get(Field::PeriodFrom), case.command.get(Field::PeriodTo));
    let (Some(Value::Date(from)), Some(Value::Date(to))) = (from, to) else { return Err(case.missing()) };
    if from > to {
        return Err(case.content("period_to", "it lies before `period_from`", "state the last day"));
    }
    let named = case.command.texts_of(Field::Users).iter().cloned();
    let (directory, paragraph) = (&case.cx.directory, case.text(Field::Paragraph));
    let (exempt, bound): (Vec<Box<str>>, Vec<Box<str>>) =
        named.partition(|user| directory.is_exempt_from(user, paragraph, *to, case.cx.now));
    let fact = case.fact(FactType::RequirementAttested);
    if exempt.is_empty() {
        return Ok(vec![fact]);
    }
    let missed = case.text(Field::Outcome) == "not_met" && case.command.get(Field::Sample).is_none();
    case.must(
        !missed || !bound.is_empty(),
        "6.7",
        "everybody named is exempt from it because of their assistive technology",
        "leave them out, or attest that it is met",
    )?;
    let fact = fact.with_texts(Field::Exempt, exempt);
    Ok(vec![fact.with_texts(Field::Users, bound)])
}

fn place(case: &Case<'_>, state: &Organisation) -> Result<Vec<NewFact>, Refusal> {
    let parent = case.text(Field::Parent);
    let fits = matches!(
        (SubjectKind::of(case.subject), SubjectKind::of(parent)),
        (Some(SubjectKind::Unit), Some(SubjectKind::Area))
            | (Some(SubjectKind::Prison), Some(SubjectKind::PrisonGroup))
            | (Some(SubjectKind::Area | SubjectKind::PrisonGroup), Some(SubjectKind::Region))
    );
    if !fits {
        let remedy = "a unit lies under an area, a prison under a prison group, these under a region";
        return Err(case.content("parent", "of the wrong kind", remedy));
    }
    case.must(
        state.parent.as_deref() != Some(parent),
        "4.1",
        "it lies there already",
        "nothing is to be placed",
    )?;
    Ok(case.one(FactType::OrganisationPlaced))
}

/// One CPC for each area or prison group, one LPC for each unit, ViSOR leads in prisons, each vetted for it.
fn fill(case: &Case<'_>, state: &Organisation) -> Result<Vec<NewFact>, Refusal> {
    let (post, user) = (case.text(Field::Post), case.text(Field::User));
    let kind = SubjectKind::of(case.subject);
    let (paragraph, level, fits) = match post {
        "lpc" => ("4.8", 2, kind == Some(SubjectKind::Unit)),
        "visor-lead" => ("5.5", 2, kind == Some(SubjectKind::Prison)),
        _ if kind == Some(SubjectKind::PrisonGroup) => ("5.4", 3, true),
        _ => ("4.8", 3, kind == Some(SubjectKind::Area)),
    };
    if !fits {
        let remedy =
            "CPC and deputy are of an area or prison group, the LPC of a unit, the ViSOR lead of a prison";
        return Err(case.content("post", "no post of such an organisation", remedy));
    }
    let own = *case.cx.actor == *user;
    case.must(!own, paragraph, "nobody appoints themselves", "somebody else appoints them")?;
    let held = state.posts.contains(&(post.into(), user.into()));
    case.must(!held, paragraph, "they hold it already", "nothing is to be filled")?;
    if matches!(post, "cpc" | "lpc")
        && let Some((_, holder)) = state.posts.iter().find(|(filled, _)| **filled == *post)
    {
        let reason = format!("there is one {post} here, and `{holder}` is in post");
        return Err(case.broken(paragraph, reason, "vacate the post first"));
    }
    let Some(person) = case.cx.directory.user(user, case.cx.now).filter(|user| user.org.is_some()) else {
        return Err(case.content("user", "not registered as a user", "register them first"));
    };
    case.must(!person.left, "4.38", "they left the user role", "choose somebody else")?;
    let vetting = person.vetting_level(case.cx.now.london_date());
    if vetting < level {
        let reason = format!("a {post} needs vetting level {level} in date, they hold {vetting}");
        return Err(case.broken(paragraph, reason, "record the clearance with `clear-vetting` first"));
    }
    if post == "visor-lead" {
        let updates = person.tokens.iter().any(|(token, _)| &**token == "manager")
            || matches!(person.role.as_deref(), Some("case-administrator" | "mappa-administrator"));
        case.must(
            !updates,
            "5.9",
            "a ViSOR lead is not tasked with updating records, and they are",
            "choose a manager who does not update records",
        )?;
    }
    Ok(case.one(FactType::PostFilled))
}

/// Draws the sample; the seed and the digest of the list are recorded, so that it can be drawn again.
fn sample(case: &Case<'_>, state: &Organisation) -> Result<Vec<NewFact>, Refusal> {
    let kind = case.text(Field::Kind);
    case.must(
        !state.samples.contains_key(kind),
        "5.10",
        "a sample is drawn and its audit not completed",
        "complete the audit; a sample is not drawn again because of what it drew",
    )?;
    let list = case.command.texts_of(Field::List);
    if list.is_empty() {
        return Err(case.content("list", "empty", "state what is to be drawn from"));
    }
    let size = match case.command.get(Field::Size) {
        Some(Value::Number(size)) => usize::try_from(*size).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let seed = case.command.text(Field::Seed).unwrap_or(&case.cx.command_id);
    let fact = case.fact(FactType::AuditSampleDrawn);
    Ok(vec![
        fact.with_text(Field::Seed, seed)
            .with_text(Field::Sha256, &list_digest(list))
            .with_texts(Field::Sample, draw(seed, list, size)),
    ])
}
