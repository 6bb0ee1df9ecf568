//! What the templates are filled with, and the templates.

use std::collections::BTreeSet;

use askama::Template;
use mandate_domain::time::Date;

use super::words::{place, without_year};
use super::{Footer, Held};
use crate::notice::Template as Mail;

/// More entries than this are listed one to a line, with the words of each paragraph once.
const IN_FULL: usize = 25;

/// One duty, before the list is put in order.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub held: Held,
    /// The day by which the list is ordered.
    pub sort_on: Option<Date>,
    /// Working days since the deadline, for what escalates.
    pub working_days: Option<u16>,
    pub entry: Entry,
}

/// One duty as listed.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub reference: String,
    pub who: String,
    pub paragraph: String,
    pub sentence: String,
    pub act_by: Option<String>,
    pub day_label: &'static str,
    pub day: String,
    /// What clears it, or why it is withdrawn: a sentence without its full stop.
    pub note: String,
}

/// The entries of one holder, or some of them in the order of the list.
#[derive(Debug)]
pub(super) struct Section {
    pub place: String,
    pub entries: Vec<Entry>,
}

/// The words of one paragraph, for lists of one line to an entry.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ParagraphKey {
    pub paragraph: String,
    pub sentence: String,
    pub note: String,
}

/// What a template shows.
#[derive(Debug)]
pub(super) struct Content {
    pub footer: Footer,
    pub count: usize,
    /// Whether the subject line counts, and does not name the one duty.
    pub counted: bool,
    pub compact: bool,
    pub first_who: String,
    pub first_paragraph: String,
    /// Where they are: the one organisation, or how many.
    pub place: String,
    /// The first day to act, in words.
    pub soonest: String,
    pub sections: Vec<Section>,
    pub keys: Vec<ParagraphKey>,
    /// Working days since the deadline, where they are the same for all.
    pub working_days: Option<u16>,
    /// The days until the first of them is due, at the moment of sending.
    pub days_left: i32,
    /// The posts that nobody holds, for want of whom this mail goes to its recipient.
    pub vacancies: Vec<String>,
}

impl Content {
    pub fn new(mail: Mail, mut items: Vec<Item>, footer: Footer, today: Date) -> Self {
        let count = items.len();
        let compact = count > IN_FULL;
        let by_holder = match mail {
            Mail::Breach | Mail::Summary | Mail::Rescission | Mail::Escalation => true,
            // The most urgent first, whoever holds it, unless the list is long.
            Mail::Warning
            | Mail::Vetting
            | Mail::Opened
            | Mail::Partnership
            | Mail::Transfer
            | Mail::Digest
            | Mail::Team
            | Mail::Quarterly
            | Mail::Operations => compact,
        };
        items.sort_by(|one, two| {
            let holder = |item: &Item| by_holder.then(|| item.held.holder.clone());
            let rest = |item: &Item| (item.sort_on, item.entry.reference.clone());
            holder(one).cmp(&holder(two)).then_with(|| rest(one).cmp(&rest(two)))
        });
        let mut keys: Vec<ParagraphKey> = Vec::new();
        if compact {
            keys.extend(items.iter().map(|Item { entry, .. }| ParagraphKey {
                paragraph: entry.paragraph.clone(),
                sentence: entry.sentence.clone(),
                note: entry.note.clone(),
            }));
            keys.sort_unstable();
            keys.dedup();
        }
        let first = items.first().map(|item| (item.entry.who.clone(), item.entry.paragraph.clone()));
        let (first_who, first_paragraph) = first.unwrap_or_default();
        let soonest = items.iter().filter_map(|item| item.sort_on).min();
        let days: BTreeSet<Option<u16>> = items.iter().map(|item| item.working_days).collect();
        let working_days = if days.len() == 1 { days.first().copied().flatten() } else { None };
        let common_place = common_place(mail, &items);
        let mut sections: Vec<Section> = Vec::new();
        for Item { held, entry, .. } in items {
            let place = place(held.holder.as_deref());
            match sections.last_mut() {
                Some(section) if section.place == place => section.entries.push(entry),
                Some(_) | None => sections.push(Section { place, entries: vec![entry] }),
            }
        }
        Self {
            footer,
            count,
            counted: mail == Mail::Summary || count != 1,
            compact,
            first_who,
            first_paragraph,
            place: common_place,
            soonest: soonest.map_or_else(|| "an unknown day".to_owned(), without_year),
            sections,
            keys,
            working_days,
            days_left: soonest.map_or(0, |day| day.days() - today.days()),
            vacancies: Vec::new(),
        }
    }
}

/// The one organisation in which all are, or how many there are.
fn common_place(mail: Mail, items: &[Item]) -> String {
    let mut held_by: Vec<&Held> = items.iter().map(|item| &item.held).collect();
    held_by.sort_unstable();
    held_by.dedup_by_key(|held| (&held.holder, &held.unit));
    if mail == Mail::Warning
        && let [Held { unit: Some(unit), .. }] = held_by.as_slice()
    {
        return place(Some(unit));
    }
    held_by.dedup_by_key(|held| &held.holder);
    match held_by.as_slice() {
        [Held { holder, .. }] => place(holder.as_deref()),
        holders => format!("{} organisations", holders.len()),
    }
}

macro_rules! templates {
    ($($name:ident $path:literal $escape:literal)*) => { $(
        #[derive(Template)]
        #[template(path = $path, escape = $escape)]
        pub(super) struct $name<'a> {
            pub c: &'a Content,
        }
    )* };
}

templates! {
    BreachSubject "breach/subject.txt" "none"
    BreachText "breach/body.txt" "none"
    BreachHtml "breach/body.html" "html"
    WarningSubject "warning/subject.txt" "none"
    WarningText "warning/body.txt" "none"
    WarningHtml "warning/body.html" "html"
    EscalationSubject "escalation/subject.txt" "none"
    EscalationText "escalation/body.txt" "none"
    EscalationHtml "escalation/body.html" "html"
    VettingSubject "vetting/subject.txt" "none"
    VettingText "vetting/body.txt" "none"
    VettingHtml "vetting/body.html" "html"
    RescissionSubject "rescission/subject.txt" "none"
    RescissionText "rescission/body.txt" "none"
    RescissionHtml "rescission/body.html" "html"
}
