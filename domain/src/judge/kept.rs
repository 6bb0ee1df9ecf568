//! A duty's record in the short form in which read models keep it: by place instead of by name, without what its id
//! says.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::Error as _;

use super::{DutyRecord, Flags, Judge, Outcome, RowId, Verdict};
use crate::policy::Basis;
use crate::time::{Date, Instant};
use crate::vocabulary::NONE;

/// What is kept, in this order.
#[derive(Deserialize)]
struct Kept<'t>(
    // Where the rule, the subject and the opening fact end within the id.
    [usize; 3],
    #[serde(borrow)] Cow<'t, str>,
    // Local basis, inherited, breach, born overdue, as bits.
    u8,
    // Holder.
    Option<Cow<'t, str>>,
    // Opened at, counted from, opens on, due on, act by, due at.
    i64,
    i32,
    Option<i32>,
    Option<i32>,
    Option<i32>,
    Option<i64>,
    // Outcome; closed by and at; superseded by.
    Cow<'t, str>,
    Option<Cow<'t, str>>,
    Option<i64>,
    Option<Cow<'t, str>>,
    // Known since.
    i64,
    // Flags, as bits.
    u8,
);

const LOCAL: u8 = 1;
const INHERITED: u8 = 2;
const BREACH: u8 = 4;
const BORN_OVERDUE: u8 = 8;

impl DutyRecord {
    /// Reads what [`Judge::write_kept`] wrote of the duty with an id, as at a moment: an open one is overdue from its due
    /// moment on.
    ///
    /// # Errors
    /// Where the text is none that it wrote of that duty.
    pub fn of_kept(duty: &str, text: &str, at: Instant) -> Result<Self, serde_json::Error> {
        let Kept(
            [rule, subject, opener],
            paragraph,
            marks,
            holder,
            opened_at,
            counted_from,
            opens_on,
            due_on,
            act_by,
            due_at,
            outcome,
            closed_by,
            closed_at,
            superseded_by,
            known_since,
            flags,
        ) = serde_json::from_str(text)?;
        let part = |from: usize, to: usize| {
            let part = duty.get(from..to).map(str::to_owned);
            part.ok_or_else(|| serde_json::Error::custom("it is kept of another duty"))
        };
        let has = |mark: u8| marks & mark != 0;
        let is_overdue = outcome == Outcome::Pending.name()
            && due_at.is_some_and(|due_at| Instant::from_nanos(due_at) <= at);
        let outcome = if is_overdue { Cow::Borrowed(Outcome::Overdue.name()) } else { outcome };
        Ok(Self {
            duty: duty.to_owned(),
            rule: part(0, rule)?,
            paragraph: paragraph.into_owned(),
            basis: if has(LOCAL) { "local" } else { "policy" }.to_owned(),
            subject: part(rule + 1, subject)?,
            holder: holder.map(Cow::into_owned),
            inherited: has(INHERITED),
            opened_by: part(subject + 1, opener)?,
            opened_at: Instant::from_nanos(opened_at),
            counted_from: Date::from_days(counted_from),
            opens_on: opens_on.map(Date::from_days),
            due_on: due_on.map(Date::from_days),
            act_by: act_by.map(Date::from_days),
            due_at: due_at.map(Instant::from_nanos),
            outcome: outcome.into_owned(),
            closed_by: closed_by.map(Cow::into_owned),
            closed_at: closed_at.map(Instant::from_nanos),
            superseded_by: superseded_by.map(Cow::into_owned),
            breach: has(BREACH) || (is_overdue && !has(LOCAL)),
            known_since: Instant::from_nanos(known_since),
            born_overdue: has(BORN_OVERDUE),
            flags: Flags::of_bits(flags).names().map(str::to_owned).collect(),
            explanation: None,
        })
    }
}

impl Judge<'_> {
    /// Appends the record of a verdict in the short form, for [`DutyRecord::of_kept`]. The clock alone changes nothing of
    /// it: whether an open duty is overdue is not in it.
    pub fn write_kept(&self, verdict: &Verdict, out: &mut Vec<u8>) {
        let history = self.context.history;
        let rule = self.context.compiled.rule(verdict.version);
        let subject = history.symbols.text(verdict.subject);
        let holder = (verdict.holder != NONE).then(|| history.symbols.text(verdict.holder));
        let (source, id) = history.source_and_id(verdict.opener);
        let rule_ends = rule.id.len();
        let subject_ends = rule_ends + 1 + subject.len();
        let opener_ends = subject_ends + 1 + source.len() + 1 + id.len();
        let marks = [
            (LOCAL, rule.basis == Basis::Local),
            (INHERITED, verdict.inherited),
            (BREACH, verdict.breach && verdict.outcome != Outcome::Overdue),
            (BORN_OVERDUE, verdict.born_overdue),
        ];
        let marks = marks.into_iter().filter(|(_, on)| *on).fold(0, |bits, (mark, _)| bits | mark);
        let mut line = Line { out };
        line.raw("[[");
        line.number(i64::try_from(rule_ends).unwrap_or(0));
        for end in [subject_ends, opener_ends] {
            line.raw(",");
            line.number(i64::try_from(end).unwrap_or(0));
        }
        line.raw("]");
        line.text(Some(rule.paragraph.for_holder(holder)));
        line.value(Some(marks));
        line.text(holder);
        line.value(Some(verdict.opened_at.nanos()));
        line.value(Some(verdict.counted_from.days()));
        line.value(verdict.opens_on.map(Date::days));
        line.value(verdict.due_on.map(Date::days));
        line.value(verdict.act_by.map(Date::days));
        line.value(verdict.due_at.map(Instant::nanos));
        let outcome = if verdict.outcome == Outcome::Overdue { Outcome::Pending } else { verdict.outcome };
        line.text(Some(outcome.name()));
        line.fact(self, verdict.closed_by);
        line.value(verdict.closed_at.map(Instant::nanos));
        match verdict.superseded_by {
            None => line.text(None),
            Some((version, opener)) => line.text(Some(&self.id_of(version, verdict.subject, opener))),
        }
        line.value(Some(verdict.known_since.nanos()));
        line.value(Some(verdict.flags.bits()));
        line.raw("]");
    }
}

/// A list of JSON values in the making.
struct Line<'o> {
    out: &'o mut Vec<u8>,
}

impl Line<'_> {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: impl itoa::Integer) {
        self.raw(itoa::Buffer::new().format(number));
    }

    fn value(&mut self, number: Option<impl itoa::Integer>) {
        self.raw(",");
        match number {
            None => self.raw("null"),
            Some(number) => self.number(number),
        }
    }

    /// The inside of a JSON string; what needs escaping is left to the general writer.
    fn inside(&mut self, text: &str) {
        super::record::Line { out: self.out }.inside(text);
    }

    fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.raw(",null") };
        self.raw(",\"");
        self.inside(text);
        self.raw("\"");
    }

    fn fact(&mut self, judge: &Judge<'_>, row: Option<RowId>) {
        let Some(row) = row else { return self.raw(",null") };
        let (source, id) = judge.context.history.source_and_id(row);
        self.raw(",\"");
        self.inside(source);
        self.raw("#");
        self.inside(id);
        self.raw("\"");
    }
}
