//! Given what is known, when somebody gives a command, then the facts it comes to, or the paragraph that refuses it.

mod merges;
mod nominals;
mod organisations;
mod policies;
mod users;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Command, CommandName, Context, DutyNow, Refusal, RefusalKind, Stream, decide};
use crate::catalogue::Field;
use crate::fact::Fact;
use crate::rights::Directory;
use crate::time::{Date, Instant};

/// An area A1 with a unit, an area A2, a prison group with a prison, and people in them.
pub struct World {
    pub now: Instant,
    pub directory: Directory,
    pub streams: HashMap<String, Stream>,
    pub duties: Vec<DutyNow>,
    log: Vec<Fact>,
    told: usize,
}

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

impl World {
    /// On Monday 2 March 2026 at 09:00.
    pub fn new() -> Self {
        let mut world = Self {
            now: at("2026-03-02T09:00:00Z"),
            directory: Directory::default(),
            streams: HashMap::new(),
            duties: Vec::new(),
            log: Vec::new(),
            told: 0,
        };
        for (org, parent) in [
            ("unit/U1", "area/A1"),
            ("unit/U2", "area/A2"),
            ("area/A1", "region/R1"),
            ("area/A2", "region/R1"),
            ("prison/LEI", "prison-group/G1"),
            ("prison-group/G1", "region/R1"),
        ] {
            world.tell(org, "organisation.placed", json!({ "parent": parent }));
        }
        for (name, org, role, level, tokens) in [
            ("cpc", "area/A1", "cpc", 3, &["cpc"][..]),
            ("central", "unit/U1", "lpc", 3, &["central-support"]),
            ("manager", "unit/U1", "mappa-administrator", 2, &["create", "manager"]),
            ("supervisor", "unit/U1", "spo", 2, &["supervisor"]),
            ("admin-clerk", "unit/U1", "case-administrator", 2, &["create", "partner"]),
            ("cpc2", "area/A2", "cpc", 3, &["cpc"]),
            ("outsider", "unit/U2", "practitioner", 2, &["partner"]),
            ("prison-cpc", "prison-group/G1", "cpc", 3, &["cpc"]),
            ("lead", "prison/LEI", "visor-lead", 2, &["partner"]),
            ("clerk", "prison/LEI", "case-administrator", 2, &["partner"]),
        ] {
            world.live(name, org, role, level, tokens);
        }
        for (org, post, user) in [
            ("area/A1", "cpc", "user/cpc"),
            ("area/A2", "cpc", "user/cpc2"),
            ("prison-group/G1", "cpc", "user/prison-cpc"),
            ("prison/LEI", "visor-lead", "user/lead"),
        ] {
            world.tell(org, "post.filled", json!({ "post": post, "user": user }));
        }
        let personal = json!({"org": "region/R1", "role": "other", "service": "probation"});
        world.tell("user/administrator", "user.registered", personal);
        world.tell("user/administrator", "vetting.cleared", json!({"level": 3, "expires_on": "2028-01-01"}));
        world.tell("user/administrator", "token.granted", json!({"token": "admin"}));
        let governor = json!({"org": "prison/LEI", "role": "governor", "service": "prison"});
        world.tell("user/governor", "user.registered", governor);
        let member = json!({"org": "area/A1", "role": "smb-member", "service": "probation"});
        world.tell("user/board", "user.registered", member);
        world
    }

    /// Tells the facts that make somebody a live user.
    pub fn live(&mut self, name: &str, org: &str, role: &str, level: u8, tokens: &[&str]) {
        let user = format!("user/{name}");
        let service = if org.starts_with("prison") { "prison" } else { "probation" };
        self.tell(&user, "user.registered", json!({"org": org, "role": role, "service": service}));
        self.tell(&user, "vetting.cleared", json!({"level": level, "expires_on": "2027-12-31"}));
        self.tell(&user, "document.signed", json!({"document": "syops", "version": "1"}));
        self.tell(&user, "training.completed", json!({"course": "visor", "provider": "hmpps"}));
        self.tell(&user, "account.enabled", json!({}));
        for token in tokens {
            self.tell(&user, "token.granted", json!({ "token": token }));
        }
    }

    /// A fact told by others now.
    pub fn tell(&mut self, subject: &str, kind: &str, data: Json) {
        let time = self.now.to_string();
        self.tell_at(subject, kind, &time, data);
    }

    /// A fact told by others that took place at another time.
    #[expect(clippy::needless_pass_by_value, reason = "the data are written where the fact is told")]
    pub fn tell_at(&mut self, subject: &str, kind: &str, time: &str, data: Json) {
        self.told += 1;
        let text = json!({
            "specversion": "1.0", "id": format!("t{}", self.told), "source": "/t", "type": kind, "subject": subject,
            "time": time, "data": data,
        });
        self.take(Fact::parse(&text.to_string()).unwrap());
    }

    /// The fact told last: source and id.
    pub fn last_told(&self) -> Json {
        json!({"source": "/t", "id": format!("t{}", self.told)})
    }

    fn take(&mut self, fact: Fact) {
        self.streams.entry(fact.subject.to_string()).or_default().take(fact.clone());
        self.log.push(fact.clone());
        self.directory.take(fact);
    }

    /// A nominal of category 2 at level 2 in area A1.
    pub fn nominal(&mut self, id: &str) {
        let data = json!({"registration": "r", "category": 2, "level": 2, "area": "area/A1"});
        self.tell(id, "mappa.registered", data);
    }

    /// The same with a live record of area A1.
    pub fn record(&mut self, id: &str) {
        self.nominal(id);
        self.tell(id, "record.created", json!({"owner": "area/A1"}));
    }

    /// Gives a command for one subject; its facts are taken in.
    #[expect(clippy::needless_pass_by_value, reason = "the body is written where the command is given")]
    pub fn give(&mut self, who: &str, name: &str, subject: &str, body: Json) -> Result<Vec<String>, Refusal> {
        self.told += 1;
        let mut fields = body.as_object().unwrap().clone();
        fields.insert("subject".to_owned(), json!(subject));
        let command = Command::parse(CommandName::from_name(name).unwrap(), &fields).unwrap();
        let survivor = command.text(Field::Into).map(|into| Arc::new(self.whole(into)));
        let context = Context {
            now: self.now,
            actor: format!("user/{who}").into(),
            command_id: format!("c{}", self.told).into(),
            directory: Arc::new(self.directory.clone()),
            expected: None,
            duties: self.duties.clone().into(),
            survivor,
            whole: Arc::new([(subject.into(), self.whole(subject))].into_iter().collect()),
        };
        let stream = self.streams.get(subject).cloned().unwrap_or_default();
        let decided = decide(&command, subject, &stream, &context)?;
        let mut kinds = Vec::new();
        for (number, fact) in decided.iter().enumerate() {
            kinds.push(fact.kind.name().to_owned());
            self.take(fact.under(&format!("c{}.0.{number}", self.told)));
        }
        Ok(kinds)
    }

    /// The history of a subject and of those that merges make one with it.
    pub fn whole(&self, subject: &str) -> Stream {
        let unit = self.directory.unit(subject, self.now);
        let mut whole = Stream::default();
        let theirs = self.log.iter().filter(|fact| unit.contains(&fact.subject));
        theirs.for_each(|fact| whole.take(fact.clone()));
        whole
    }

    /// Gives a command that must come to these facts.
    #[track_caller]
    pub fn does(&mut self, who: &str, name: &str, subject: &str, body: Json, facts: &[&str]) {
        let given = self.give(who, name, subject, body);
        assert_eq!(given.as_deref(), Ok(&facts.iter().map(|&kind| kind.to_owned()).collect::<Vec<_>>()[..]));
    }

    /// Gives a command that must be refused by a paragraph, with these words.
    #[track_caller]
    pub fn refuses(
        &mut self,
        who: &str,
        name: &str,
        subject: &str,
        body: Json,
        paragraph: &str,
        words: &str,
    ) {
        let refusal = self.give(who, name, subject, body).unwrap_err();
        assert_eq!(&*refusal.paragraph, paragraph, "{refusal}");
        assert!(refusal.to_string().contains(words), "{refusal}");
        assert_ne!(refusal.kind, RefusalKind::Missing, "{refusal}");
        assert!(!refusal.remedy.is_empty());
    }

    /// Gives a command that must be answered as if there were no such subject.
    #[track_caller]
    pub fn hides(&mut self, who: &str, name: &str, subject: &str, body: Json) {
        let refusal = self.give(who, name, subject, body).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Missing, "{refusal}");
        assert_eq!(refusal.reason, "there is no such subject");
    }
}

#[test]
fn a_command_of_the_future_and_one_on_another_version_are_refused() {
    let mut world = World::new();
    world.record("nominal/N1");
    let later = json!({"act": "minutes.received", "meeting": "m", "time": "2026-03-02T09:00:01Z"});
    let refusal = world.give("manager", "record-act", "nominal/N1", later).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Content);
    let now = json!({"act": "minutes.received", "meeting": "m", "time": "2026-03-02T09:00:00Z"});
    world.does("manager", "record-act", "nominal/N1", now, &["minutes.received"]);
}

#[test]
fn a_fact_told_late_and_an_annulment_count_for_rights_as_soon_as_they_are_known() {
    let mut world = World::new();
    world.record("nominal/N1");
    let act = || json!({"act": "minutes.added", "meeting": "m"});
    world.tell_at(
        "user/manager",
        "vetting.cleared",
        "2026-02-01T09:00:00Z",
        json!({"level": 2, "expires_on": "2027-01-01"}),
    );
    // The clearance of 2 March stands; one of February that is told late does not take its place.
    assert_eq!(
        world.directory.standing("user/manager", world.now).vetting_expires_on,
        Date::parse("2027-12-31").ok()
    );
    world.tell("user/manager", "account.disabled", json!({}));
    let told = world.told;
    world.refuses("manager", "record-act", "nominal/N1", act(), "4.16", "not enabled");
    let annulled = json!({"event": {"source": "/t", "id": format!("t{told}")}, "reason": "the wrong person"});
    world.tell("user/manager", "fact.annulled", annulled);
    world.does("manager", "record-act", "nominal/N1", act(), &["minutes.added"]);
    let told = world.told - 1;
    let back = json!({"event": {"source": "/t", "id": format!("t{told}")}, "reason": "it was right"});
    world.tell("user/manager", "fact.annulled", back);
    world.refuses("manager", "record-act", "nominal/N1", act(), "4.16", "not enabled");
}

#[test]
fn when_vetting_lapses_by_the_clock_the_next_command_is_refused() {
    let mut world = World::new();
    world.record("nominal/N1");
    let act = || json!({"act": "minutes.added", "meeting": "m"});
    // The last day is 31 December 2027; midnight in London is midnight UTC in winter.
    world.now = at("2027-12-31T23:59:59Z");
    world.does("manager", "record-act", "nominal/N1", act(), &["minutes.added"]);
    world.now = at("2028-01-01T00:00:00Z");
    world.refuses("manager", "record-act", "nominal/N1", act(), "6.1", "ended on 2027-12-31");
    world.tell(
        "user/manager",
        "exemption.granted",
        json!({"kind": "vetting", "by_role": "chief-responsible-officer", "until": "2028-01-31"}),
    );
    world.does("manager", "record-act", "nominal/N1", act(), &["minutes.added"]);
    let lapsed = Date::parse("2028-02-01").unwrap().start();
    world.now = lapsed;
    world.refuses("manager", "record-act", "nominal/N1", act(), "6.1", "ended on");
}

#[test]
fn a_breach_is_acknowledged_once_and_waived_by_an_entitled_role_only() {
    let mut world = World::new();
    let duty = |open, missed, waive: &[&str]| DutyNow {
        duty: "duty/4.10:nominal/N1:/t#e".into(),
        paragraph: "4.10".into(),
        holder: Some("area/A1".into()),
        open,
        missed,
        waive: waive.iter().map(|role| (*role).into()).collect(),
    };
    let id = "duty/4.10:nominal/N1:/t#e";
    world.hides("cpc", "acknowledge-breach", id, json!({}));
    world.duties = vec![duty(true, false, &["cpc"])];
    world.refuses("cpc", "acknowledge-breach", id, json!({}), "4.10", "never overdue");
    world.refuses("cpc", "explain-breach", id, json!({"reason": "x"}), "4.10", "never overdue");
    world.duties = vec![duty(true, true, &["cpc"])];
    world.refuses("outsider", "acknowledge-breach", id, json!({}), "4.16", "this takes");
    world.does("cpc", "acknowledge-breach", id, json!({"note": "seen"}), &["breach.acknowledged"]);
    world.refuses("cpc", "acknowledge-breach", id, json!({}), "4.10", "already");
    world.does("manager", "explain-breach", id, json!({"reason": "illness"}), &["breach.explained"]);
    world.refuses("cpc", "assign-breach", id, json!({"to": "user/nobody"}), "4.10", "nobody who is a user");
    world.does("cpc", "assign-breach", id, json!({"to": "user/manager"}), &["breach.assigned"]);
    world.refuses("cpc", "assign-breach", id, json!({"to": "user/manager"}), "4.10", "already");
    let reason = || json!({"reason": "the case moved"});
    world.refuses("manager", "waive-duty", id, reason(), "4.16", "the CPC or deputy CPC");
    world.refuses("central", "waive-duty", id, reason(), "4.10", "waived by cpc, not by central-support");
    let past = json!({"reason": "x", "until": "2026-03-01"});
    world.refuses("cpc", "waive-duty", id, past, "4.16", "in the past");
    world.does("cpc", "waive-duty", id, reason(), &["duty.waived"]);
    world.refuses("cpc", "waive-duty", id, reason(), "4.10", "waived already");
    world.duties = vec![duty(false, true, &["cpc"])];
    world.refuses("cpc", "waive-duty", id, reason(), "4.10", "not open");
}

#[test]
fn a_terminal_is_approved_by_the_cpc_only_and_not_without_its_assessment() {
    let mut world = World::new();
    let (terminal, none) = ("terminal/T1", || json!({}));
    world.refuses("lead", "assess-terminal", terminal, none(), "6.4", "where the terminal stands");
    world.does("lead", "register-terminal", terminal, json!({"org": "prison/LEI"}), &["terminal.registered"]);
    world.refuses("lead", "register-terminal", terminal, json!({"org": "prison/LEI"}), "6.4", "already");
    world.refuses("prison-cpc", "approve-terminal", terminal, none(), "6.4", "no risk assessment");
    world.does("lead", "assess-terminal", terminal, none(), &["terminal.risk_assessed"]);
    world.refuses("lead", "approve-terminal", terminal, none(), "6.5", "the CPC in post");
    world.refuses("cpc", "approve-terminal", terminal, none(), "6.5", "the CPC in post");
    world.does("prison-cpc", "approve-terminal", terminal, none(), &["terminal.approved"]);
    world.refuses("prison-cpc", "approve-terminal", terminal, none(), "6.4", "approved already");
    world.does("lead", "withdraw-terminal", terminal, none(), &["terminal.withdrawn"]);
    world.refuses("lead", "withdraw-terminal", terminal, none(), "6.4", "not approved");
    world.refuses("prison-cpc", "approve-terminal", terminal, none(), "6.4", "no risk assessment");
}
