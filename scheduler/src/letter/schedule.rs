//! Mails of the clock: a digest, a team's week, a quarter in figures, what is wrong with Mandate itself.

use askama::Template as _;
use mandate_domain::judge::Outcome;
use mandate_domain::time::{Date, in_words, london_words};
use mandate_projections::{Counting, DutyCount, DutyRow, Grain, NoticeRow, Place};

use super::words::{place, who, without_year};
use super::{Draft, Footer, Letter, LetterWriter, Sent};
use crate::error::SchedulerError;
use crate::notice::Template;
use crate::overview::{Asked, Desk, Overview};
use crate::timetable::date_of;

/// Duties listed of each kind; the work list has them all.
const LISTED: usize = 50;
/// A count of people below this is not told, and neither is what would give it away.
const SMALL: u64 = 5;
/// A digest that comes so long after its time says so.
const LATE_SECONDS: i64 = 3 * 3600;

/// A duty in one line.
#[derive(Debug)]
struct Line {
    reference: String,
    who: String,
    paragraph: String,
    day: String,
}

/// What the templates of digests show.
#[derive(Debug)]
struct Digest {
    footer: Footer,
    /// `Tuesday 24 November`, or the first day of the week.
    day: String,
    overdue: usize,
    due: usize,
    overdue_lines: Vec<Line>,
    due_lines: Vec<Line>,
    /// `4.10: 3`.
    not_evidenced: Vec<String>,
    annulled: Vec<String>,
    /// That it comes late, if it does.
    late: Option<String>,
}

/// What the template of a quarter shows.
#[derive(Debug)]
struct Quarter {
    footer: Footer,
    /// `July to September 2026`.
    period: String,
    /// The organisation it is about.
    place: String,
    /// Counts in words, small ones withheld.
    due: String,
    in_time: String,
    late: String,
    rate: Option<String>,
    unresolved: String,
}

/// What the template for the administrator shows.
#[derive(Debug)]
struct Operations {
    footer: Footer,
    problems: Vec<crate::watch::Problem>,
}

impl LetterWriter<'_> {
    /// Writes a mail of the clock by what is so now.
    pub(super) fn of_schedule(
        &self,
        notice: &NoticeRow,
        template: Template,
        sent: Sent,
    ) -> Result<Draft, SchedulerError> {
        let about = notice.duties.first().map_or("", |(about, _)| about.as_str());
        let Some(on) = date_of(about) else { return Ok(Draft::Moot("it is about no day")) };
        // What could not be delivered says the same to who is told in the recipient's place.
        let user = notice.in_place_of.as_ref().unwrap_or(&notice.recipient);
        // Of several digests that waited for the mail server the latest says it all.
        if sent == Sent::NotYet
            && notice.in_place_of.is_none()
            && matches!(template, Template::Digest | Template::Team)
            && self.projections.is_followed_by_another(
                &notice.recipient,
                &notice.template,
                notice.position,
            )?
        {
            return Ok(Draft::Moot("a later one says it"));
        }
        let footer = self.footer(notice)?;
        let written = |reason: askama::Error| SchedulerError::Template {
            notice: notice.notice.clone(),
            reason: reason.to_string(),
        };
        let letter = match template {
            Template::Digest => {
                let posts = self.projections.all_post_holders()?;
                let posts = posts.into_iter().filter(|post| post.user == *user).collect();
                let desk = Desk::of_posts(self.projections, user, posts)?;
                if desk == Desk::default() {
                    return Ok(Draft::Moot("its recipient holds no post any more"));
                }
                let overview = self.shared.overview(&desk, self.asked(notice, template, on)?)?;
                let late = self.late(user, on)?;
                digest(&mut Digest { late, ..Digest::new(overview, without_year(on), footer) })
                    .map_err(written)?
            }
            Template::Team => {
                let Some(org) = self.organisation_of(user, "spo")? else {
                    return Ok(Draft::Moot("its recipient manages no team any more"));
                };
                let desk = Desk::of_team(self.projections, org)?;
                let overview = self.shared.overview(&desk, self.asked(notice, template, on)?)?;
                let day = without_weekday(on);
                team(&mut Digest::new(overview, day, footer)).map_err(written)?
            }
            Template::Quarterly => {
                let Some(org) = self.organisation_of(user, "smb-member")? else {
                    return Ok(Draft::Moot("its recipient sits on no board any more"));
                };
                quarterly(&mut self.quarter(&org, &notice.recipient, on, footer)?).map_err(written)?
            }
            Template::Operations => {
                // What this very pass has sent waits no more.
                self.projections.advance(self.now)?;
                let problems = self.shared.problems_beside(self.now)?;
                if problems.is_empty() {
                    return Ok(Draft::Moot("all is well again"));
                }
                operations(&mut Operations { footer, problems }).map_err(written)?
            }
            Template::Breach
            | Template::Summary
            | Template::Warning
            | Template::Rescission
            | Template::Escalation
            | Template::Vetting
            | Template::Opened
            | Template::Partnership
            | Template::Transfer => return Ok(Draft::Moot("no mail of the clock")),
        };
        Ok(Draft::Letter(Box::new(letter)))
    }

    fn asked<'n>(
        &self,
        notice: &'n NoticeRow,
        template: Template,
        on: Date,
    ) -> Result<Asked<'n>, SchedulerError> {
        let user = &notice.recipient;
        let first = notice.in_place_of.as_ref().unwrap_or(user);
        let after = self.shared.sent_before(template, first, on, notice.position)?;
        Ok(Asked { user, on, after, until: Place { position: notice.position, at: notice.queued_at } })
    }

    /// What a digest says of itself that comes hours after its time.
    fn late(&self, user: &str, on: Date) -> Result<Option<String>, SchedulerError> {
        let Some(daily) = &self.shared.settings.schedules.digest else { return Ok(None) };
        let due_at = self.recipients.digest_time(user, daily)?.on(on);
        Ok((due_at.plus_seconds(LATE_SECONDS) < self.now).then(|| {
            format!(
                "This digest was to come at {} and is late: it says what is so at {}.",
                london_words(due_at),
                london_words(self.now)
            )
        }))
    }

    fn organisation_of(&self, user: &str, role: &str) -> Result<Option<String>, SchedulerError> {
        let people = self.recipients.in_role(role)?;
        Ok(people.iter().find(|(known, _)| known == user).and_then(|(_, org)| org.clone()))
    }

    /// The figures of the three months before a day.
    fn quarter(&self, org: &str, user: &str, on: Date, footer: Footer) -> Result<Quarter, SchedulerError> {
        let except = self.projections.limited(self.now)?.except(user);
        let first = on.plus_months(-3);
        let desk = Desk::of_team(self.projections, org.to_owned())?;
        let holders: Vec<String> = desk.holders.into_iter().collect();
        let counts = self.projections.duty_counts(Counting {
            periods: &[(first.start(), on.start())],
            grain: Grain::Coarse,
            holders: Some(&holders),
            except: &except,
        })?;
        let sum = |outcomes: &[Outcome]| -> u64 {
            let counted = |count: &&DutyCount| {
                outcomes.contains(&count.outcome)
                    && !count.inherited
                    && !count.not_evidenced
                    && self.rules.is_policy(&count.rule)
            };
            counts.iter().flatten().filter(counted).map(|count| count.duties).sum()
        };
        let met = sum(&[Outcome::Met]);
        let missed = sum(&[Outcome::MetLate, Outcome::Overdue, Outcome::Lapsed]);
        let unresolved = self.projections.counted_for_the_board(&holders, &except)?;
        let small = |count: u64| count > 0 && count < SMALL;
        // Of two parts, each told exactly gives the other away.
        let withheld = small(met) || small(missed);
        let words = |count: u64| {
            if withheld { "withheld, as a count is below 5".to_owned() } else { count.to_string() }
        };
        let rate = (met + missed > 0 && !withheld).then(|| percent(met, met + missed));
        let last = on.previous();
        let month = |day: Date| day.to_chrono().format("%B").to_string();
        Ok(Quarter {
            footer,
            period: format!("{} to {} {}", month(first), month(last), last.year()),
            place: place(Some(org)),
            due: words(met + missed),
            in_time: words(met),
            late: words(missed),
            rate,
            unresolved: if small(unresolved) { "fewer than 5".to_owned() } else { unresolved.to_string() },
        })
    }
}

/// A share in per cent with one decimal, rounded to the nearest.
fn percent(part: u64, whole: u64) -> String {
    let tenths = (part * 2_000 + whole) / (whole * 2);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// `23 November`.
fn without_weekday(on: Date) -> String {
    let words = without_year(on);
    words.split_once(' ').map_or_else(|| words.clone(), |(_, day)| day.to_owned())
}

impl Digest {
    fn new(overview: Overview, day: String, footer: Footer) -> Self {
        let line = |row: &DutyRow, day: Option<Date>| Line {
            reference: row.reference.clone(),
            who: who(&row.record.subject),
            paragraph: row.record.paragraph.clone(),
            day: day.map_or_else(|| "not known".to_owned(), in_words),
        };
        let Overview { overdue, due, not_evidenced, annulled } = overview;
        Self {
            footer,
            day,
            overdue: overdue.len(),
            due: due.len(),
            overdue_lines: overdue.iter().take(LISTED).map(|row| line(row, row.record.due_on)).collect(),
            due_lines: due
                .iter()
                .take(LISTED)
                .map(|row| line(row, row.record.act_by.or(row.record.due_on)))
                .collect(),
            not_evidenced: not_evidenced
                .into_iter()
                .map(|(paragraph, count)| format!("{paragraph}: {count}"))
                .collect(),
            annulled: annulled.iter().map(|subject| who(subject)).collect(),
            late: None,
        }
    }

    /// How many more there are than are listed.
    fn more(&self) -> usize {
        self.overdue.saturating_sub(LISTED) + self.due.saturating_sub(LISTED)
    }

    fn is_empty(&self) -> bool {
        self.overdue + self.due == 0 && self.not_evidenced.is_empty() && self.annulled.is_empty()
    }
}

macro_rules! templates {
    ($($name:ident $content:ident $path:literal $escape:literal)*) => { $(
        #[derive(askama::Template)]
        #[template(path = $path, escape = $escape)]
        struct $name<'a> {
            c: &'a $content,
        }
    )* };
}

templates! {
    DigestSubject Digest "digest/subject.txt" "none"
    DigestText Digest "digest/body.txt" "none"
    DigestHtml Digest "digest/body.html" "html"
    TeamSubject Digest "team/subject.txt" "none"
    TeamText Digest "team/body.txt" "none"
    TeamHtml Digest "team/body.html" "html"
    QuarterlySubject Quarter "quarterly/subject.txt" "none"
    QuarterlyText Quarter "quarterly/body.txt" "none"
    QuarterlyHtml Quarter "quarterly/body.html" "html"
    OperationsSubject Operations "operations/subject.txt" "none"
    OperationsText Operations "operations/body.txt" "none"
    OperationsHtml Operations "operations/body.html" "html"
}

fn digest(c: &mut Digest) -> askama::Result<Letter> {
    c.footer.subject = DigestSubject { c }.render()?;
    Ok(Letter::new(c.footer.subject.clone(), DigestText { c }.render()?, DigestHtml { c }.render()?))
}

fn team(c: &mut Digest) -> askama::Result<Letter> {
    c.footer.subject = TeamSubject { c }.render()?;
    Ok(Letter::new(c.footer.subject.clone(), TeamText { c }.render()?, TeamHtml { c }.render()?))
}

fn quarterly(c: &mut Quarter) -> askama::Result<Letter> {
    c.footer.subject = QuarterlySubject { c }.render()?;
    Ok(Letter::new(c.footer.subject.clone(), QuarterlyText { c }.render()?, QuarterlyHtml { c }.render()?))
}

fn operations(c: &mut Operations) -> askama::Result<Letter> {
    c.footer.subject = OperationsSubject { c }.render()?;
    Ok(Letter::new(c.footer.subject.clone(), OperationsText { c }.render()?, OperationsHtml { c }.render()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_to_the_nearest_tenth() {
        for (part, whole, wanted) in
            [(1, 3, "33.3 %"), (2, 3, "66.7 %"), (1, 1, "100.0 %"), (0, 7, "0.0 %"), (1, 2000, "0.1 %")]
        {
            assert_eq!(percent(part, whole), wanted);
        }
    }
}
