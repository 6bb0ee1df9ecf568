//! The derivation of a duty in references and dates, for a checker that shares no code with the judge
//! (`domain/check`); computed only when it is asked for.

use hashbrown::HashMap;
use serde::Serialize;

use super::compiled::VersionId;
use super::history::RowId;
use super::view::Sight;
use super::{Changes, Flags, Judge, Outcome, Verdict};
use crate::time::{Date, Instant};
use crate::vocabulary::NONE;

/// Every fact on which an opening rests, by the version and the opening fact.
pub(super) type Rests = HashMap<(VersionId, RowId), Vec<RowId>>;

/// What is claimed of a duty, without text: facts by position, the rule by id and version, the calendar by how many
/// announcements of bank holidays were taken in. The reference of the fields is `mandate_check::Derivation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Derivation {
    /// The rule.
    pub rule: String,
    /// Its version that governs the duty, from 1.
    pub version: u16,
    /// Whose duty it is.
    pub subject: String,
    /// As at.
    pub as_at: Instant,
    /// As known at, where that is another instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Instant>,
    /// The fact that opened it.
    pub opened: u32,
    /// The day of a daily duty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Date>,
    /// The other facts on which opening and deadline rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rests: Vec<u32>,
    /// The day from which it is counted.
    pub from: Date,
    /// When its window opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<Date>,
    /// The last day; none where it cannot be dated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
    /// The last working day on or before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Date>,
    /// How many announcements of bank holidays had been made when it ended or fell due, or are known.
    pub calendar: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// The fact that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<u32>,
    /// When it ended, where that is not when the fact that ended it occurred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Instant>,
    /// The rule that took over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// Whether it is a breach of the policy.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub breach: bool,
    /// Who answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Flags, but for `not_evidenced`, which rests on everything ever told of the holder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
}

/// What is found of a subject for its derivations.
struct Folded {
    of: u32,
    sight: Sight,
    /// When holidays were published, by what was known then; in order.
    told: Vec<Instant>,
    rests: Rests,
    verdicts: Vec<Verdict>,
}

impl Judge<'_> {
    /// The derivations of verdicts, in their order. Those of one subject are best asked for together: its facts are
    /// folded again for what only a derivation tells.
    #[must_use]
    pub fn derivations(&self, verdicts: &[Verdict]) -> Vec<Derivation> {
        let mut folded: Option<Folded> = None;
        let mut all = Vec::with_capacity(verdicts.len());
        for verdict in verdicts {
            let sight = self.sight_of(verdict);
            let known = folded.take().filter(|known| known.of == verdict.subject && known.sight == sight);
            let known =
                &*folded.insert(known.unwrap_or_else(|| self.folded_for_derivations(verdict.subject, sight)));
            all.push(self.derivation(verdict, known));
        }
        all
    }

    /// The sight at which a duty was judged: just before its opening fact was annulled, if it was.
    fn sight_of(&self, verdict: &Verdict) -> Sight {
        match verdict.closed_by.filter(|_| verdict.outcome == Outcome::Annulled) {
            Some(annulment) => self.just_before(verdict.opener, annulment, self.sight),
            None => self.sight,
        }
    }

    fn folded_for_derivations(&self, subject: u32, sight: Sight) -> Folded {
        let of_then = self.of_then(sight);
        let judge = of_then.as_ref().unwrap_or(self);
        let told = judge.context.calendar.announcements().iter().map(|one| one.published).collect();
        let mut folded = Folded { of: subject, sight, told, rests: Rests::default(), verdicts: Vec::new() };
        let members = judge.members(subject);
        let own = judge.survivors_of(&members, sight).into_iter().find(|(of, _)| *of == subject);
        let Some((_, own)) = own else { return folded };
        let Some((mut fold, _)) = judge.fold(subject, &own, sight, Changes::Kept) else { return folded };
        judge.conclude(&mut fold, subject, sight, &mut folded.verdicts);
        folded.rests = fold.rests.take().unwrap_or_default();
        folded
    }

    fn derivation(&self, verdict: &Verdict, folded: &Folded) -> Derivation {
        let history = self.context.history;
        let Folded { of: _, sight, told, rests, verdicts } = folded;
        // An annulled duty is what it was just before; its calendar is that of its end then.
        let judged = verdicts.iter().find(|one| one.key() == verdict.key()).unwrap_or(verdict);
        let rests = rests.get(&(verdict.version, verdict.opener)).map_or(&[][..], Vec::as_slice);
        let position = |row: RowId| history.row(row).position;
        let compiled = &self.context.compiled;
        let others = rests.iter().copied().chain(judged.rests_on).filter(|row| *row != verdict.opener);
        let mut others: Vec<u32> = others.map(position).collect();
        others.sort_unstable();
        others.dedup();
        let kept = judged.flags.has(Flags::KEPT_DUE).then(|| super::plus_one(judged.opened_at));
        let settled = [judged.closed_at, judged.due_at, kept].into_iter().flatten().min();
        let known = settled.map_or(sight.known_at, |at| at.just_before().min(sight.known_at));
        Derivation {
            rule: compiled.rule(verdict.version).id.clone(),
            version: compiled.version(verdict.version).version.number,
            subject: history.symbols.text(verdict.subject).to_owned(),
            as_at: self.view.as_at,
            known_at: (self.view.known_at != self.view.as_at).then_some(self.view.known_at),
            opened: position(verdict.opener),
            day: verdict.day,
            rests: others,
            from: verdict.counted_from,
            opens: verdict.opens_on,
            due: verdict.due_on,
            act: verdict.act_by,
            calendar: told.partition_point(|published| *published <= known),
            outcome: verdict.outcome,
            closed: verdict.closed_by.map(position),
            closed_at: verdict
                .closed_at
                .filter(|at| Some(*at) != verdict.closed_by.map(|by| history.row(by).time)),
            successor: verdict.superseded_by.map(|(by, _)| compiled.rule(by).id.clone()),
            breach: verdict.breach,
            holder: (verdict.holder != NONE).then(|| history.symbols.text(verdict.holder).to_owned()),
            flags: verdict.flags.names().filter(|name| *name != "not_evidenced").collect(),
        }
    }
}
