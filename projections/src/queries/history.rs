//! A duty or a subject at any (as at, known at), judged on the fly; and what each was before.

use std::collections::BTreeMap;

use mandate_domain::catalogue::Field;
use mandate_domain::fact::{Fact, Value};
use mandate_domain::judge::{Derivation, DutyRecord, Evidence, History, Judge, Outcome, Verdict, View};
use mandate_domain::policy::Programme;
use mandate_domain::reconcile::Backlog;
use mandate_domain::time::{Date, Instant};
use mandate_store::{MAX_READ, Position, Reader, Sequence, StoreError, StoredEvent};

use super::all;
use super::duties::Marks;
use crate::error::ProjectionError;
use crate::model::{DutyVersion, Progress, TimelineEntry};
use crate::placed::Placed;
use crate::{Projections, judged, rows};

impl Projections {
    /// The facts of all nominals that were ever in an area and of those that merges connect with them, and what these read
    /// across subjects.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    fn history_of_area(&self, area: &str) -> Result<History, ProjectionError> {
        self.read(|connection| {
            let sql = "SELECT subject FROM areas WHERE area = ?1";
            judged::history(connection, &self.shared, &rows::subjects(connection, sql, [area])?)
        })
    }

    /// The backlog of a programme in an area at a view, but for nominals that are left out, as if they did not exist.
    ///
    /// # Errors
    /// [`ProjectionError::TooMuch`] where as at and known at differ and the area is too large to be judged;
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn backlog(
        &self,
        view: View,
        area: &str,
        programme: Programme,
        left_out: &dyn Fn(&str) -> bool,
    ) -> Result<Backlog, ProjectionError> {
        let kept = {
            let state = self.one_state()?;
            let Progress { at, next_at, .. } = rows::progress(&state)?;
            // What the clock will bring by then is not in the tables.
            let is_followed = view.as_at <= at || next_at.is_none_or(|next| next > view.as_at);
            let is_kept = is_followed && view.as_at == view.known_at;
            is_kept.then(|| rows::cases(&state, area, programme, view)).transpose()?
        };
        let Some(mut cases) = kept else {
            let history = self.history_of_area(area)?;
            return self.by_facts(&history, view, |judge| judge.backlog_but(area, programme, left_out));
        };
        cases.retain(|(subject, _)| !left_out(subject));
        let switched_on = self.switched_on(view, area, programme)?;
        Ok(Backlog::of(area, programme.name(), switched_on, &cases, view.as_at))
    }

    /// Since when a programme is on in an area; none where it is not.
    ///
    /// # Errors
    /// [`ProjectionError::Poisoned`].
    pub fn switched_on(
        &self,
        view: View,
        area: &str,
        programme: Programme,
    ) -> Result<Option<Date>, ProjectionError> {
        self.by_facts(&self.history_of_all()?, view, |judge| judge.switched_on(area, programme))
    }

    /// Asks the judge of some facts, with the policy and the calendar of a view.
    fn by_facts<T>(
        &self,
        history: &History,
        view: View,
        ask: impl FnOnce(&Judge<'_>) -> T,
    ) -> Result<T, ProjectionError> {
        let (books, calendar) = {
            let cross = self.shared.cross()?;
            (cross.books_known_at(view.known_at)?, cross.calendar.clone())
        };
        Ok(ask(&Judge::new(&books.policy, &calendar, history, view)))
    }

    /// Policies that were adopted and holidays that were published, with what annuls them: each fact with when it was
    /// recorded and where it stands.
    ///
    /// # Errors
    /// [`ProjectionError::Poisoned`].
    pub fn published(&self) -> Result<Vec<(Fact, Instant, u32)>, ProjectionError> {
        let found = self.shared.cross()?.published().into_iter();
        Ok(found.map(|placed| (placed.fact.clone(), placed.known_at(), placed.position)).collect())
    }

    /// The facts that concern everybody: programmes, holidays, and what annuls them.
    ///
    /// # Errors
    /// [`ProjectionError::Poisoned`].
    fn history_of_all(&self) -> Result<History, ProjectionError> {
        let mut history = History::default();
        for placed in self.shared.cross()?.shared() {
            history.add(&placed.fact, placed.known_at(), placed.position);
        }
        Ok(history)
    }

    /// Judges the set of subjects to which one belongs.
    fn judge<T>(
        &self,
        subject: &str,
        view: View,
        each: impl FnOnce(&Judge<'_>, u32, &[String]) -> T,
    ) -> Result<Option<T>, ProjectionError> {
        let (history, calendar, policy, members) = {
            let cross = self.shared.cross()?;
            let members = cross.members(subject);
            // All that the log holds, whether the read models have reached it or not.
            let mut facts: BTreeMap<u32, Placed> =
                cross.shared().into_iter().map(|placed| (placed.position, placed)).collect();
            let mut own = Vec::new();
            for member in &members {
                own.extend(read_what_can_be(&self.shared.log, member)?);
                own.extend_from_slice(cross.waivers_of(member));
                own.extend(cross.foreign(member).facts);
            }
            own.extend(cross.checks_read(&own.iter()).facts);
            cross.add_annulments(&mut own);
            facts.extend(own.into_iter().map(|placed| (placed.position, placed)));
            let mut history = History::default();
            for placed in facts.values() {
                history.add(&placed.fact, placed.known_at(), placed.position);
            }
            (history, cross.calendar.clone(), cross.books_known_at(view.known_at)?, members)
        };
        let policy = &policy.policy;
        let judge = Judge::new(policy, &calendar, &history, view);
        let unit = members.iter().find_map(|member| history.symbols.find(member));
        Ok(unit.map(|unit| each(&judge, unit, &members)))
    }

    /// The duties of a subject, and of those merged with it, at a view.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log cannot be read.
    pub fn duties_at(&self, subject: &str, view: View) -> Result<Vec<DutyRecord>, ProjectionError> {
        let judged = self.judge(subject, view, |judge, unit, _| {
            let mut verdicts = judge.judge_unit(unit, &mut Evidence::new());
            judge.sort(&mut verdicts);
            verdicts.iter().map(|verdict| judge.record(verdict)).collect()
        })?;
        Ok(judged.unwrap_or_default())
    }

    /// A duty at a view, with its derivation; none when it was not there.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log cannot be read.
    pub fn explanation(&self, duty: &str, view: View) -> Result<Option<DutyRecord>, ProjectionError> {
        self.judged_duty(duty, view, |judge, found| {
            let explanation = Some(judge.explain(found));
            Some(DutyRecord { explanation, ..judge.record(found) })
        })
    }

    /// The derivation of a duty at a view in references and dates, for a checker; none when it was not there.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log cannot be read.
    pub fn derivation(&self, duty: &str, view: View) -> Result<Option<Derivation>, ProjectionError> {
        self.judged_duty(duty, view, |judge, found| {
            judge.derivations(std::slice::from_ref(found)).into_iter().next()
        })
    }

    /// What is made of a duty, judged at a view; none when it was not there.
    fn judged_duty<T>(
        &self,
        duty: &str,
        view: View,
        made: impl FnOnce(&Judge<'_>, &Verdict) -> Option<T>,
    ) -> Result<Option<T>, ProjectionError> {
        let Some(subject) = subjects_of(duty).next() else { return Ok(None) };
        let judged = self.judge(subject, view, |judge, unit, _| {
            let verdicts = judge.judge_unit(unit, &mut Evidence::new());
            let found = verdicts.iter().find(|verdict| judge.duty_id(verdict) == duty)?;
            made(judge, found)
        })?;
        Ok(judged.flatten())
    }

    /// The state of a subject at a view: fields by name.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log cannot be read.
    pub fn state_at(&self, subject: &str, view: View) -> Result<Vec<(String, String)>, ProjectionError> {
        let judged = self.judge(subject, view, |judge, unit, _| {
            let standings = judge.standings(unit);
            let own = standings.into_iter().find(|standing| standing.members.iter().any(|m| m == subject))?;
            Some(own.state.into_iter().map(|(field, value)| (field.name().to_owned(), value)).collect())
        })?;
        Ok(judged.flatten().unwrap_or_default())
    }

    /// What a duty was from each instant on, as then known.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn duty_history(&self, duty: &str) -> Result<Vec<DutyVersion>, ProjectionError> {
        let books = self.books()?;
        let sql = "SELECT at, version, record FROM duty_history WHERE subject = ?1 AND duty = ?2 UNION ALL \
                   SELECT since, version, record FROM duties WHERE subject = ?1 AND duty = ?2 ORDER BY 1 LIMIT 10000";
        self.read(|connection| {
            let mut found: Vec<(i64, u16, Option<String>)> = Vec::new();
            for subject in subjects_of(duty) {
                found =
                    all(connection, sql, [subject, duty], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                if !found.is_empty() {
                    break;
                }
            }
            let mut marks = Marks::new(connection, &books);
            let ends: Vec<Instant> = found.iter().skip(1).map(|(at, ..)| Instant::from_nanos(*at)).collect();
            let mut versions = Vec::with_capacity(found.len());
            for ((at, version, record), end) in
                found.into_iter().zip(ends.into_iter().chain(std::iter::once(Instant::MAX)))
            {
                let at = Instant::from_nanos(at);
                let Some(text) = record else {
                    versions.push(DutyVersion { at, record: None });
                    continue;
                };
                // It fell due while it stood so.
                let as_found = rows::record(duty, &text, at)?;
                let falls_due =
                    |due: &Instant| as_found.outcome() == Outcome::Pending && *due > at && *due < end;
                let due_at = as_found.due_at.filter(falls_due);
                let stages = std::iter::once((at, due_at.unwrap_or(end)));
                for (at, end) in stages.chain(due_at.map(|due| (due, end))) {
                    let plain = rows::record(duty, &text, at)?;
                    if versions.last().is_some_and(|last| last.record.as_ref() == Some(&plain)) {
                        continue;
                    }
                    let mut marked = plain.clone();
                    let evidenced_since = marks.mark(&mut marked, version, at)?;
                    versions.push(DutyVersion { at, record: Some(marked) });
                    // Evidence that came while it stood took the mark away.
                    if evidenced_since > at && evidenced_since < end {
                        versions.push(DutyVersion { at: evidenced_since, record: Some(plain) });
                    }
                }
            }
            Ok(versions)
        })
    }

    /// The facts of a subject and of those merged with it that were known at a view, by when they occurred, with
    /// what each changed.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log cannot be read.
    pub fn timeline(&self, subject: &str, view: View) -> Result<Vec<TimelineEntry>, ProjectionError> {
        let judged = self.judge(subject, view, |judge, unit, members| {
            (judge.state_changes(unit), judge.annulled_references(unit), members.to_vec())
        })?;
        let Some((changes, annulled, members)) = judged else { return Ok(Vec::new()) };
        let mut entries = Vec::new();
        for member in &members {
            let mut after = Sequence::START;
            loop {
                let events = self.shared.log.read_subject(member, after, MAX_READ)?;
                let Some(last) = events.last() else { break };
                after = last.sequence;
                let known =
                    |event: &&StoredEvent| event.known_at() <= view.known_at && event.fact.time <= view.as_at;
                for event in events.iter().filter(known) {
                    let reference = event.fact.reference();
                    let own = changes.iter().filter(|change| change.fact == reference);
                    entries.push(TimelineEntry {
                        position: event.position,
                        kind: event.fact.kind.name().to_owned(),
                        occurred_at: event.fact.time,
                        known_at: event.known_at(),
                        imported: event.claimed_at.is_some(),
                        annulled: annulled.contains(&reference),
                        changes: own
                            .map(|c| (c.field.name().to_owned(), c.before.clone(), c.after.clone()))
                            .collect(),
                        data: public_data(&event.fact),
                        reference,
                    });
                }
            }
        }
        entries.sort_by_key(|entry| (entry.occurred_at, entry.position));
        Ok(entries)
    }
}

/// The subjects that a duty's id, `<rule>:<subject>:<source>#<id>`, may name: an id may hold a colon.
fn subjects_of(duty: &str) -> impl Iterator<Item = &str> {
    let rest = duty.split_once(':').map_or("", |(_, rest)| rest);
    rest.match_indices(':').filter_map(move |(at, _)| rest.get(..at))
}

/// The facts of a subject in the log up to a position.
fn read_stream(reader: &Reader, subject: &str, until: Position) -> Result<Vec<Placed>, StoreError> {
    let mut facts = Vec::new();
    let (mut after, mut limit) = (Sequence::START, MAX_READ);
    loop {
        match reader.told_of_subject(subject, after, limit) {
            Ok(told) => {
                let done = told.len() < limit;
                after = Sequence::new(after.get() + told.len() as u64);
                let counted = told.into_iter().filter(|told| told.position <= until);
                facts.extend(counted.map(Placed::from_told));
                if done {
                    return Ok(facts);
                }
            }
            // One that cannot be decoded and does not count yet is gone up to, in smaller parts.
            Err(StoreError::Unreadable { position, .. }) if position > until => {
                if limit == 1 {
                    return Ok(facts);
                }
                limit = (limit / 8).max(1);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The facts of a subject, up to the first that cannot be decoded.
fn read_what_can_be(log: &Reader, subject: &str) -> Result<Vec<Placed>, ProjectionError> {
    match read_stream(log, subject, Position::new(u64::MAX)) {
        Err(StoreError::Unreadable { position, .. }) => {
            Ok(read_stream(log, subject, Position::new(position.get().saturating_sub(1)))?)
        }
        read => Ok(read?),
    }
}

/// The public data of a fact as text by field.
fn public_data(fact: &Fact) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::None => None,
        Value::Text(text) => Some(text.to_string()),
        Value::Bool(value) => Some(if *value { "yes" } else { "no" }.to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Date(date) => Some(date.to_string()),
        Value::Instant(at) => Some(at.to_string()),
        Value::Texts(texts) => Some(texts.join(", ")),
        Value::Event(event) => Some(format!("{}#{}", event.0, event.1)),
        Value::Holidays(days) => {
            Some(days.iter().map(|(date, title)| format!("{date} {title}")).collect::<Vec<_>>().join(", "))
        }
        Value::Dates(dates) => Some(dates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        Value::Sample(size, passed) => Some(format!("{passed} of {size}")),
    };
    let shown = |(field, value): &(Field, Value)| Some((field.name().to_owned(), text(value)?));
    fact.data.iter().filter_map(shown).collect()
}
