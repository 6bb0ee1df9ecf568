//! The facts as told, and which of them count at a moment.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;

use crate::Unread;
use crate::holidays::Announced;
use crate::time::{Instant, date, instant, london_day};

/// One fact.
#[derive(Debug)]
pub(crate) struct Fact {
    pub position: u32,
    pub reference: String,
    pub kind: String,
    pub subject: String,
    pub time: Instant,
    pub recorded: Instant,
    pub on: NaiveDate,
    pub data: Value,
}

/// As at, as known at, and a fact that counts although it is annulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub as_at: Instant,
    pub known_at: Instant,
    pub restored: Option<u32>,
}

type ByName = HashMap<String, Vec<Arc<Fact>>>;

/// Every fact by position, and those that matter to other subjects by what they are about.
#[derive(Debug, Default)]
pub struct Facts {
    lines: Vec<(u32, Box<str>)>,
    of: HashMap<Box<str>, Vec<u32>>,
    annulments: ByName,
    /// By what they waive, without the rule: the subject, then the opening fact.
    waivers: BTreeMap<String, Vec<(String, Arc<Fact>)>>,
    switches: ByName,
    placements: ByName,
    /// Checks of a prison's whole to-do list, by time and position.
    checks: ByName,
    pub(crate) merges: Vec<Arc<Fact>>,
    /// Everyone whom a merge names.
    merged: HashSet<String>,
    pub(crate) publications: Vec<Arc<Fact>>,
    /// Who was ever said to be CPC, by organisation.
    pub(crate) cpcs: HashMap<String, Vec<String>>,
    holidays: Vec<Arc<Fact>>,
    policies: Vec<Arc<Fact>>,
}

#[derive(Deserialize)]
struct Head<'l> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'l, str>,
    #[serde(borrow)]
    subject: Cow<'l, str>,
}

impl Fact {
    fn read(line: &str, position: u32) -> Result<Self, Unread> {
        let event: Value =
            serde_json::from_str(line).map_err(|error| Unread(format!("position {position}: {error}")))?;
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let time = instant(text("time"))?;
        let recorded = event.get("recordedtime").and_then(Value::as_str).map_or(Ok(time), instant)?;
        let data = event.get("data").cloned().unwrap_or_default();
        let on = data.get("on").and_then(Value::as_str).map_or(Ok(london_day(time)), date)?;
        let reference = format!("{}#{}", text("source"), text("id"));
        let (kind, subject) = (text("type").to_owned(), text("subject").to_owned());
        Ok(Self { position, reference, kind, subject, time, recorded, on, data })
    }

    /// A field as text; numbers and booleans as they are written.
    pub fn get(&self, field: &str) -> Option<String> {
        word(self.data.get(field)?)
    }

    pub fn text(&self, field: &str) -> String {
        self.get(field).unwrap_or_default()
    }

    pub fn list(&self, field: &str) -> Vec<String> {
        self.data.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(word).collect()
    }

    pub fn date(&self, field: &str) -> Option<NaiveDate> {
        date(self.data.get(field)?.as_str()?).ok()
    }

    /// The prison or organisation that it names.
    pub fn organisation(&self) -> String {
        self.get("prison").or_else(|| self.get("org")).unwrap_or_default()
    }

    pub const fn place(&self) -> (Instant, u32) {
        (self.time, self.position)
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What is kept aside, since it matters to other subjects.
const ASIDE: [&str; 10] = [
    "fact.annulled",
    "duty.waived",
    "programme.switched_on",
    "programme.switched_off",
    "organisation.placed",
    "nominal.merged",
    "document.published",
    "post.filled",
    "bank_holidays.published",
    "policy.adopted",
];

impl Facts {
    /// Adds a fact, one CloudEvent as JSON; positions increase.
    ///
    /// # Errors
    /// [`Unread`] naming the position.
    pub fn add(&mut self, line: &str, position: u32) -> Result<(), Unread> {
        let head: Head<'_> =
            serde_json::from_str(line).map_err(|error| Unread(format!("position {position}: {error}")))?;
        let at = u32::try_from(self.lines.len()).map_err(|_| Unread("too many facts".to_owned()))?;
        let is_check = head.kind == "todo.checked" && !head.subject.starts_with("nominal/");
        if is_check || ASIDE.contains(&head.kind.as_ref()) {
            self.put_aside(Arc::new(Fact::read(line, position)?));
        }
        match self.of.get_mut(head.subject.as_ref()) {
            Some(places) => places.push(at),
            None => drop(self.of.insert(head.subject.into(), vec![at])),
        }
        self.lines.push((position, line.into()));
        Ok(())
    }

    fn put_aside(&mut self, fact: Arc<Fact>) {
        let once = |all: &mut Vec<Arc<Fact>>, fact: Arc<Fact>| {
            if all.iter().all(|known| known.reference != fact.reference) {
                all.push(fact);
            }
        };
        let subject = fact.subject.clone();
        match fact.kind.as_str() {
            "fact.annulled" => {
                let event = fact.data.get("event").cloned().unwrap_or_default();
                let part = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
                let target = format!("{}#{}", part("source"), part("id"));
                if target != fact.reference {
                    self.annulments.entry(target).or_default().push(fact);
                }
            }
            "duty.waived" => {
                if let Some((rule, duty)) = subject.strip_prefix("duty/").and_then(|id| id.split_once(':')) {
                    self.waivers.entry(duty.to_owned()).or_default().push((rule.to_owned(), fact));
                }
            }
            "programme.switched_on" | "programme.switched_off" => {
                self.switches.entry(subject).or_default().push(fact);
            }
            "organisation.placed" => self.placements.entry(subject).or_default().push(fact),
            "todo.checked" => {
                let checks = self.checks.entry(fact.text("prison")).or_default();
                checks.insert(checks.partition_point(|known| known.place() < fact.place()), fact);
            }
            "nominal.merged" => {
                self.merged.extend([subject, fact.text("into")]);
                once(&mut self.merges, fact);
            }
            "document.published" => once(&mut self.publications, fact),
            "bank_holidays.published" => once(&mut self.holidays, fact),
            "policy.adopted" => self.policies.push(fact),
            _ if fact.text("post") == "cpc" => {
                let users = self.cpcs.entry(subject).or_default();
                let user = fact.text("user");
                if !users.contains(&user) {
                    users.push(user);
                }
            }
            _ => {}
        }
    }

    /// The fact at a position.
    pub(crate) fn at(&self, position: u32) -> Option<Fact> {
        let at = self.lines.binary_search_by_key(&position, |(position, _)| *position).ok()?;
        let (position, line) = self.lines.get(at)?;
        Fact::read(line, *position).ok()
    }

    /// The facts of a subject, visible or not; one that was told twice counts once.
    pub(crate) fn of(&self, subject: &str) -> Vec<Arc<Fact>> {
        let places = self.of.get(subject).map_or(&[][..], Vec::as_slice);
        let lines = places.iter().filter_map(|at| self.lines.get(usize::try_from(*at).ok()?));
        let mut told = HashSet::new();
        lines
            .filter_map(|(position, line)| Fact::read(line, *position).ok())
            .filter(|fact| told.insert(fact.reference.clone()))
            .map(Arc::new)
            .collect()
    }

    /// Whether a merge names a subject.
    pub(crate) fn is_merged(&self, subject: &str) -> bool {
        self.merged.contains(subject)
    }

    /// Checks of a prison's whole to-do list from an instant up to another, visible or not, in order.
    pub(crate) fn checks(&self, prison: &str, from: Instant, to: Instant) -> &[Arc<Fact>] {
        let checks = self.checks.get(prison).map_or(&[][..], Vec::as_slice);
        let place = |at: Instant| checks.partition_point(|fact| fact.time < at);
        checks.get(place(from)..place(to)).unwrap_or_default()
    }

    /// The annulment of a fact that is in force and was recorded first.
    pub(crate) fn annulment(&self, fact: &Fact, moment: &Moment) -> Option<&Arc<Fact>> {
        let told = self.annulments.get(&fact.reference)?.iter();
        let mut found = BTreeMap::new();
        let in_force = told.filter(|one| self.in_force(one, moment, &mut found));
        in_force.min_by_key(|one| (one.recorded, one.position))
    }

    /// Whether an annulment is known and not itself annulled; what was `found` by position is not looked for twice.
    fn in_force(&self, annulment: &Fact, moment: &Moment, found: &mut BTreeMap<u32, bool>) -> bool {
        if let Some(known) = found.get(&annulment.position) {
            return *known;
        }
        let is_known = annulment.recorded <= moment.known_at;
        // Where annulments name each other in a circle, the first one asked about stands.
        found.insert(annulment.position, is_known);
        let others = self.annulments.get(&annulment.reference).map_or(&[][..], Vec::as_slice);
        let stands = is_known && !others.iter().any(|one| self.in_force(one, moment, found));
        found.insert(annulment.position, stands);
        stands
    }

    pub(crate) fn is_known(&self, fact: &Fact, moment: &Moment) -> bool {
        fact.recorded <= moment.known_at
            && (moment.restored == Some(fact.position) || self.annulment(fact, moment).is_none())
    }

    pub(crate) fn counts(&self, fact: &Fact, moment: &Moment) -> bool {
        fact.time <= moment.as_at && self.is_known(fact, moment)
    }

    /// Waivers of the duties of a subject that count: the rule, the opening fact (and day), the waiver.
    pub(crate) fn waivers(&self, subject: &str, moment: &Moment) -> Vec<(&str, &str, &Arc<Fact>)> {
        let start = format!("{subject}:");
        let mut found = Vec::new();
        for (duty, all) in self.waivers.range(start.clone()..) {
            let Some(opener) = duty.strip_prefix(&start) else { break };
            found.extend(all.iter().map(|(rule, fact)| (rule.as_str(), opener, fact)));
        }
        let today = london_day(moment.as_at);
        let lasts = |fact: &Fact| fact.date("until").is_none_or(|until| until >= today);
        found.retain(|(.., fact)| self.counts(fact, moment) && lasts(fact));
        found
    }

    /// The text of the policy in force, with the position of the fact that adopted it.
    pub(crate) fn policy(&self, moment: &Moment) -> Option<(u32, String)> {
        let adopted = self.policies.iter().filter(|fact| self.is_known(fact, moment));
        let latest = adopted.max_by_key(|fact| (fact.recorded, fact.position))?;
        Some((latest.position, latest.text("text")))
    }

    /// What facts had published of bank holidays.
    pub(crate) fn announced(&self, moment: &Moment) -> Vec<Announced> {
        let mut all = Vec::new();
        for fact in self.holidays.iter().filter(|fact| self.is_known(fact, moment)) {
            let at = fact.recorded;
            let day = |value: &Value| value.as_str().and_then(|text| date(text).ok());
            let listed = |field: &str| fact.data.get(field).and_then(Value::as_array).into_iter().flatten();
            let published = listed("holidays").filter_map(|one| day(one.get("date")?));
            all.extend(published.map(|day| Announced { at, is_holiday: true, day }));
            let withdrawn = listed("withdrawn").filter_map(day);
            all.extend(withdrawn.map(|day| Announced { at, is_holiday: false, day }));
        }
        all
    }

    /// The switch by which a programme is on in an area on a day.
    pub(crate) fn switch(&self, area: &str, programme: &str, day: NaiveDate, moment: &Moment) -> Option<u32> {
        let effect = |fact: &Fact| (fact.on.max(london_day(fact.recorded)), fact.time, fact.position);
        let own = self.switches.get(area)?.iter().filter(|fact| fact.text("programme") == programme);
        let told = own.filter(|fact| effect(fact).0 <= day && self.counts(fact, moment));
        let latest = told.max_by_key(|fact| effect(fact))?;
        (latest.kind == "programme.switched_on").then_some(latest.position)
    }

    /// Whether an organisation is, or lies under, another at a place in the fold.
    pub(crate) fn lies_under(&self, org: &str, region: &str, at: (Instant, u32), moment: &Moment) -> bool {
        let (mut org, mut passed) = (org.to_owned(), Vec::new());
        while org != region {
            let told = self.placements.get(&org).map_or(&[][..], Vec::as_slice).iter();
            let counting = told.filter(|fact| fact.place() <= at && self.counts(fact, moment));
            let placed = counting.max_by_key(|fact| fact.place());
            let Some(placed) = placed.filter(|fact| !passed.contains(&fact.position)) else { return false };
            passed.push(placed.position);
            let Some(parent) = placed.get("parent") else { return false };
            org = parent;
        }
        true
    }
}
