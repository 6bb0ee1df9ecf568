//! A small language for histories: `given()` facts, judged `as_at` a moment, then `shows` the duties.
//!
//! Times are UTC: `2026-03-02 09:00`, with seconds where they matter; a date alone means 09:00. Prisons and areas
//! go by their codes. Facts are about `nominal/N1` until `about` names another subject.

use mandate_domain::calendar::Calendar;
use mandate_domain::fact::Fact;
use mandate_domain::judge::{DutyRecord, History, Judge, View};
use mandate_domain::policy::Policy;
use mandate_domain::reconcile::{Discrepancy, Reconciled};
use mandate_domain::time::Instant;
use serde_json::{Value, json};

/// Reads a moment of a test.
pub fn moment(text: &str) -> Instant {
    let full = match text.len() {
        10 => format!("{text}T09:00:00Z"),
        16 => format!("{}:00Z", text.replace(' ', "T")),
        _ => format!("{}Z", text.replace(' ', "T")),
    };
    Instant::parse(&full).unwrap()
}

/// Facts in the order in which they are told.
#[derive(Debug, Clone)]
pub struct Given {
    lines: Vec<Value>,
    subject: String,
    policy: Policy,
}

/// No facts yet, about `nominal/N1`, under the shipped policy.
pub fn given() -> Given {
    given_under(Policy::shipped().unwrap())
}

/// The same under another policy.
pub fn given_under(policy: Policy) -> Given {
    Given { lines: Vec::new(), subject: "nominal/N1".to_owned(), policy }
}

/// The same under these shipped rules alone, named with blanks between.
pub fn given_of(rules: &str) -> Given {
    let mut policy = Policy::shipped().unwrap();
    policy.rules.retain(|rule| rules.split(' ').any(|id| id == rule.id));
    assert_eq!(policy.rules.len(), rules.split(' ').count(), "{rules}");
    given_under(policy)
}

/// A nominal of category 2 at level 2 in area A1, registered on Monday 2 March 2026, with a probation record.
pub fn given_live_record() -> Given {
    given().registered("reg", "2026-03-02 08:00", 2, 2).record("rec", "2026-03-02 08:01")
}

impl Given {
    /// The facts that follow are about another subject.
    pub fn about(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.subject);
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "the data are written where the fact is told")]
    pub fn fact(self, id: &str, time: &str, kind: &str, data: Value) -> Self {
        let subject = self.subject.clone();
        self.fact_about(&subject, id, time, kind, &data)
    }

    fn fact_about(mut self, subject: &str, id: &str, time: &str, kind: &str, data: &Value) -> Self {
        self.lines.push(json!({
            "specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": subject,
            "time": moment(time).to_string(), "data": data,
        }));
        self
    }

    /// The last fact took effect on another day than that of its time.
    pub fn effective(mut self, on: &str) -> Self {
        self.lines.last_mut().unwrap()["data"]["on"] = json!(on);
        self
    }

    /// The last fact was recorded at another moment than it occurred.
    pub fn recorded(mut self, time: &str) -> Self {
        self.lines.last_mut().unwrap()["recordedtime"] = json!(moment(time).to_string());
        self
    }

    /// The same facts told in the opposite order.
    pub fn told_backwards(mut self) -> Self {
        self.lines.reverse();
        self
    }

    pub fn registered(self, id: &str, time: &str, category: u8, level: u8) -> Self {
        self.registered_as("R1", id, time, category, level)
    }

    pub fn registered_as(self, registration: &str, id: &str, time: &str, category: u8, level: u8) -> Self {
        let data =
            json!({"registration": registration, "category": category, "level": level, "area": "area/A1"});
        self.fact(id, time, "mappa.registered", data)
    }

    /// Category 3 under statutory supervision, the case of 4.14.
    pub fn registered_supervised(self, id: &str, time: &str, category: u8, level: u8) -> Self {
        let data = json!({"registration": "R1", "category": category, "level": level, "area": "area/A1",
                          "statutory_supervision": true});
        self.fact(id, time, "mappa.registered", data)
    }

    pub fn level(self, id: &str, time: &str, level: u8) -> Self {
        self.fact(id, time, "mappa.changed", json!({"registration": "R1", "level": level}))
    }

    pub fn category(self, id: &str, time: &str, category: u8) -> Self {
        self.fact(id, time, "mappa.changed", json!({"registration": "R1", "category": category}))
    }

    pub fn deregistered(self, id: &str, time: &str) -> Self {
        self.fact(id, time, "mappa.deregistered", json!({"registration": "R1"}))
    }

    pub fn transferred(self, id: &str, time: &str, area: &str) -> Self {
        self.fact(id, time, "case.transferred", json!({"to": format!("area/{area}")}))
    }

    pub fn sentenced(self, id: &str, time: &str, kind: &str) -> Self {
        self.fact(id, time, "sentence.imposed", json!({"kind": kind}))
    }

    pub fn release(self, id: &str, time: &str, on: &str) -> Self {
        self.fact(id, time, "release_date.set", json!({"release_on": on}))
    }

    pub fn record(self, id: &str, time: &str) -> Self {
        self.fact(id, time, "record.created", json!({"owner": "area/A1"}))
    }

    pub fn police_record(self, id: &str, time: &str) -> Self {
        self.fact(id, time, "record.created", json!({"owner": "police/WY"}))
    }

    pub fn archived(self, id: &str, time: &str) -> Self {
        self.fact(id, time, "record.archived", json!({}))
    }

    pub fn unarchived(self, id: &str, time: &str) -> Self {
        self.fact(id, time, "record.unarchived", json!({}))
    }

    pub fn died(self, id: &str, time: &str) -> Self {
        self.fact(id, time, "nominal.died", json!({}))
    }

    pub fn received(self, id: &str, time: &str, prison: &str, reason: &str) -> Self {
        let data =
            json!({"prison": format!("prison/{prison}"), "reason": reason, "spell": format!("S-{id}")});
        self.fact(id, time, "custody.received", data)
    }

    pub fn left(self, id: &str, time: &str, prison: &str, reason: &str) -> Self {
        let data = json!({"prison": format!("prison/{prison}"), "reason": reason, "spell": "S"});
        self.fact(id, time, "custody.left", data)
    }

    /// A search that found the person, told by a prison.
    pub fn found(self, id: &str, time: &str, prison: &str) -> Self {
        let data = json!({"prison": format!("prison/{prison}"), "spell": "S", "found": true});
        self.fact(id, time, "visor.searched", data)
    }

    pub fn alert(self, id: &str, time: &str) -> Self {
        self.fact(id, time, "alert.added", json!({"code": "PVN"}))
    }

    /// A request for partnership of a prison; the request's id is the fact's.
    pub fn requested(self, id: &str, time: &str, prison: &str, users: &[&str]) -> Self {
        self.requested_as(id, id, time, prison, users)
    }

    pub fn requested_as(self, request: &str, id: &str, time: &str, prison: &str, users: &[&str]) -> Self {
        let mut data = json!({"request": request, "org": format!("prison/{prison}")});
        if !users.is_empty() {
            data["users"] = users.iter().map(|user| format!("user/{user}")).collect();
        }
        self.fact(id, time, "partnership.requested", data)
    }

    /// Partners added; an empty request is left out.
    pub fn added(self, id: &str, time: &str, request: &str, prison: &str, users: &[&str]) -> Self {
        let mut data = json!({"org": format!("prison/{prison}")});
        if !request.is_empty() {
            data["request"] = json!(request);
        }
        if !users.is_empty() {
            data["users"] = users.iter().map(|user| format!("user/{user}")).collect();
        }
        self.fact(id, time, "partners.added", data)
    }

    pub fn refused(self, id: &str, time: &str, request: &str, users: &[&str]) -> Self {
        let mut data = json!({"request": request, "reason": "no"});
        if !users.is_empty() {
            data["users"] = users.iter().map(|user| format!("user/{user}")).collect();
        }
        self.fact(id, time, "partnership.refused", data)
    }

    pub fn checked(self, id: &str, time: &str, prison: &str) -> Self {
        self.fact(id, time, "todo.checked", json!({"prison": format!("prison/{prison}")}))
    }

    /// A copy of an assessment with both sections.
    pub fn copied(self, id: &str, time: &str, termination: bool) -> Self {
        let data = json!({"assessment": id, "sections": ["R10", "R11"], "termination": termination});
        self.fact(id, time, "oasys.copied", data)
    }

    pub fn annulled(self, id: &str, time: &str, of: &str) -> Self {
        self.fact(id, time, "fact.annulled", json!({"event": {"source": "/t", "id": of}, "reason": "error"}))
    }

    pub fn merged(self, id: &str, time: &str, into: &str) -> Self {
        self.fact(id, time, "nominal.merged", json!({"into": format!("nominal/{into}")}))
    }

    /// A waiver of the duty that the fact `opener` opened for the present subject.
    pub fn waived(self, id: &str, time: &str, rule: &str, opener: &str) -> Self {
        self.waived_by("cpc", id, time, rule, opener, None)
    }

    pub fn waived_until(self, until: &str, id: &str, time: &str, rule: &str, opener: &str) -> Self {
        self.waived_by("cpc", id, time, rule, opener, Some(until))
    }

    pub fn waived_by(
        self,
        role: &str,
        id: &str,
        time: &str,
        rule: &str,
        opener: &str,
        until: Option<&str>,
    ) -> Self {
        let mut data = json!({"by": "someone", "by_role": role, "reason": "because"});
        if let Some(until) = until {
            data["until"] = json!(until);
        }
        let duty = format!("duty/{rule}:{}:/t#{opener}", self.subject);
        self.fact_about(&duty, id, time, "duty.waived", &data)
    }

    /// A programme switched on or off in an area.
    pub fn switched(self, word: &str, id: &str, time: &str, area: &str, programme: &str) -> Self {
        let data = json!({"programme": programme, "decided_by": "board", "evidence": "minutes"});
        self.fact_about(&format!("area/{area}"), id, time, &format!("programme.switched_{word}"), &data)
    }

    pub fn holidays(self, id: &str, time: &str, published: &[&str], withdrawn: &[&str]) -> Self {
        let holidays: Vec<Value> =
            published.iter().map(|date| json!({"date": date, "title": "holiday"})).collect();
        let data = json!({"holidays": holidays, "withdrawn": withdrawn});
        self.fact_about("calendar/england-and-wales", id, time, "bank_holidays.published", &data)
    }

    pub fn cleared(self, id: &str, time: &str, expires_on: &str) -> Self {
        self.fact(id, time, "vetting.cleared", json!({"level": 2, "expires_on": expires_on}))
    }

    pub fn exempted(self, id: &str, time: &str, until: &str) -> Self {
        let data = json!({"kind": "vetting", "by_role": "chief-responsible-officer", "until": until});
        self.fact(id, time, "exemption.granted", data)
    }

    /// The facts as parsed, with their lines.
    pub fn facts(&self) -> Vec<(Fact, u32)> {
        let parsed = |line: &Value| Fact::parse(&line.to_string()).unwrap();
        self.lines.iter().map(parsed).zip(1..).collect()
    }

    /// The duties as at a moment, as known then.
    pub fn as_at(&self, at: &str) -> Judged {
        self.as_at_known(at, at)
    }

    /// The duties as at a moment, as known at another.
    pub fn as_at_known(&self, at: &str, known: &str) -> Judged {
        let view = View { as_at: moment(at), known_at: moment(known) };
        Judged(judge(&self.facts(), &self.policy, &Calendar::shipped().unwrap(), view))
    }
}

impl Given {
    /// What reconciliation lists, one line each: `check subject[ about] since`, the oldest first.
    #[track_caller]
    pub fn reconciles(&self, at: &str, known: &str, wanted: &[&str]) {
        let view = View { as_at: moment(at), known_at: moment(known) };
        let lines = self.at_view(view, |judge| {
            let mut found = Reconciled::default();
            judge.units().into_iter().for_each(|unit| found.extend(judge.reconciled(unit)));
            let line = |one: &Discrepancy| {
                let about = one.about.as_ref().map_or(String::new(), |about| format!(" {about}"));
                format!("{} {}{about} {}", one.check, one.subject, one.since)
            };
            found.listed().iter().map(line).collect::<Vec<_>>()
        });
        assert_eq!(lines, wanted, "as at {at}, as known at {known}");
    }

    /// Asks the judge at a view.
    pub fn at_view<T>(&self, view: View, ask: impl FnOnce(&Judge<'_>) -> T) -> T {
        let mut history = History::default();
        for (fact, line) in self.facts() {
            history.add(&fact, fact.recorded_or_time(), line);
        }
        ask(&Judge::new(&self.policy, &Calendar::shipped().unwrap(), &history, view))
    }
}

/// Judges facts at a view.
pub fn judge(facts: &[(Fact, u32)], policy: &Policy, calendar: &Calendar, view: View) -> Vec<DutyRecord> {
    let mut history = History::default();
    for (fact, line) in facts {
        history.add(fact, fact.recorded_or_time(), *line);
    }
    let judge = Judge::new(policy, calendar, &history, view);
    let records: Vec<_> = judge.judge_all().iter().map(|verdict| judge.record(verdict)).collect();
    for (verdict, record) in judge.judge_all().iter().zip(&records) {
        assert!(!judge.explain(verdict).is_empty(), "{} is explained", record.duty);
    }
    records
}

/// The duties of a judging.
#[derive(Debug, Clone)]
pub struct Judged(pub Vec<DutyRecord>);

impl Judged {
    /// Keeps the duties of these rules, named with blanks between.
    pub fn only(mut self, rules: &str) -> Self {
        self.0.retain(|duty| rules.split(' ').any(|rule| rule == duty.rule));
        self
    }

    /// The duty of a rule opened by the fact of that id (with `:date` for `every`).
    #[track_caller]
    pub fn duty(&self, rule: &str, opener: &str) -> &DutyRecord {
        let ends = format!("#{opener}");
        let found = self.0.iter().find(|duty| duty.rule == rule && duty.duty.ends_with(&ends));
        found.unwrap_or_else(|| panic!("no duty {rule} opened by {opener} in {:#?}", self.lines()))
    }

    /// Every duty in one line: `rule opener: outcome [by closer][ for successor], due day[ (flags)]`.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.0.iter().map(in_one_line).collect();
        lines.sort();
        lines
    }

    /// Asserts what all duties are, in any order.
    #[track_caller]
    pub fn shows(&self, wanted: &[&str]) {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        assert_eq!(self.lines(), wanted);
    }
}

fn in_one_line(duty: &DutyRecord) -> String {
    let short = |reference: &str| reference.rsplit('#').next().unwrap_or(reference).to_owned();
    let by = duty.closed_by.as_deref().map_or(String::new(), |by| format!(" by {}", short(by)));
    let successor = duty.superseded_by.as_deref().map_or(String::new(), |new| {
        let rule = new.split(':').next().unwrap_or(new);
        format!(" for {rule} {}", short(new))
    });
    let due = duty.due_on.map_or("never".to_owned(), |due| due.to_string());
    let flags: Vec<_> =
        duty.flags.iter().filter(|flag| *flag != "not_evidenced").map(String::as_str).collect();
    let flags = if flags.is_empty() { String::new() } else { format!(" ({})", flags.join(", ")) };
    format!("{} {}: {}{by}{successor}, due {due}{flags}", duty.rule, short(&duty.duty), duty.outcome)
}
