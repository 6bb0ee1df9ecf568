//! Every rule that opens and is ended: one before, at and after its limit, one withdrawn, one recorded late.
//!
//! All open on Tuesday 3 March 2026 at 09:00. The days that follow, counted by hand: 1 working day is Wednesday 4
//! March, 2 are Thursday 5, 3 are Friday 6, 5 are Tuesday 10, 10 are Tuesday 17, 20 are Tuesday 31 March; 3 days are
//! Friday 6, 5 are Sunday 8, 7 are Tuesday 10. Summer time begins on 29 March: days after it end at 23:00 UTC.

use serde_json::{Value, json};

use super::given::{Given, Judged, given, given_live_record};

/// A type of fact with its data.
type Told = (&'static str, Value);

/// What a rule does about its limit.
struct Limit {
    rule: &'static str,
    start: Given,
    opens: Told,
    done: Told,
    due: &'static str,
    /// The last second in time, and the first moment that is late.
    edge: [&'static str; 2],
    ended_by: Option<Told>,
    holder: &'static str,
    breach: bool,
}

fn edge(due: &str) -> [&'static str; 2] {
    match due {
        "2026-03-03" => ["2026-03-03 23:59:59", "2026-03-04 00:00:00"],
        "2026-03-04" => ["2026-03-04 23:59:59", "2026-03-05 00:00:00"],
        "2026-03-05" => ["2026-03-05 23:59:59", "2026-03-06 00:00:00"],
        "2026-03-06" => ["2026-03-06 23:59:59", "2026-03-07 00:00:00"],
        "2026-03-08" => ["2026-03-08 23:59:59", "2026-03-09 00:00:00"],
        "2026-03-10" => ["2026-03-10 23:59:59", "2026-03-11 00:00:00"],
        "2026-03-17" => ["2026-03-17 23:59:59", "2026-03-18 00:00:00"],
        "2026-03-31" => ["2026-03-31 22:59:59", "2026-03-31 23:00:00"],
        "2026-04-03" => ["2026-04-03 22:59:59", "2026-04-03 23:00:00"],
        "2026-06-03" => ["2026-06-03 22:59:59", "2026-06-03 23:00:00"],
        "2026-06-17" => ["2026-06-17 22:59:59", "2026-06-17 23:00:00"],
        other => panic!("no edge is written down for {other}"),
    }
}

impl Limit {
    fn opened(&self) -> Given {
        self.start.clone().fact("o", "2026-03-03", self.opens.0, self.opens.1.clone())
    }

    fn done(&self, time: &str) -> Given {
        self.opened().fact("d", time, self.done.0, self.done.1.clone())
    }

    #[track_caller]
    fn is(&self, judged: &Judged, outcome: &str, by: Option<&str>) {
        let duty = judged.duty(self.rule, "o");
        assert_eq!(duty.outcome, outcome, "{} {duty:?}", self.rule);
        assert_eq!(duty.due_on.unwrap().to_string(), self.due, "{}", self.rule);
        let missed = matches!(outcome, "overdue" | "met_late" | "lapsed");
        assert_eq!(duty.breach, self.breach && missed, "{} {outcome}", self.rule);
        assert_eq!(duty.closed_by.as_deref(), by.map(|by| format!("/t#{by}")).as_deref(), "{}", self.rule);
        assert_eq!(duty.holder.as_deref(), Some(self.holder), "{}", self.rule);
    }

    #[track_caller]
    fn holds(&self) {
        let [last, late] = self.edge;
        let end = "2026-07-15";
        self.is(&self.opened().as_at(last), "pending", None);
        self.is(&self.opened().as_at(late), "overdue", None);
        self.is(&self.done("2026-03-03 10:00").as_at(end), "met", Some("d"));
        self.is(&self.done(last).as_at(end), "met", Some("d"));
        self.is(&self.done(late).as_at(end), "met_late", Some("d"));
        self.is(&self.done("2026-07-14").as_at(end), "met_late", Some("d"));
        // Done in time and recorded on 14 July: missed as known before, met as known after.
        let told_late = self.done(last).recorded("2026-07-14");
        self.is(&told_late.as_at_known(end, "2026-07-13"), "overdue", None);
        self.is(&told_late.as_at_known(end, "2026-07-14"), "met", Some("d"));
        if let Some((kind, data)) = &self.ended_by {
            let ended = |time: &str| self.opened().fact("w", time, kind, data.clone()).as_at(end);
            self.is(&ended(last), "withdrawn", Some("w"));
            self.is(&ended(late), "lapsed", Some("w"));
        }
    }
}

/// Rule, start, what opens, what ends, the due date, what withdraws, who answers, and whether it is a breach.
type Row = (&'static str, Given, Told, Told, &'static str, Option<Told>, &'static str, bool);

fn check(rules: Vec<Row>) {
    for (rule, start, opens, done, due, ended_by, holder, breach) in rules {
        Limit { rule, start, opens, done, due, edge: edge(due), ended_by, holder, breach }.holds();
    }
}

fn registered() -> Given {
    given().registered("reg", "2026-03-02 08:00", 2, 2)
}

fn held() -> Given {
    given_live_record().received("i", "2026-03-02 09:00", "LEI", "admission")
}

fn died() -> Told {
    ("nominal.died", json!({}))
}

fn archived() -> Told {
    ("record.archived", json!({}))
}

/// A user of area A1 with an enabled account.
fn user() -> Given {
    given()
        .about("user/U")
        .fact(
            "u",
            "2026-01-01",
            "user.registered",
            json!({"org": "area/A1", "role": "lpc", "service": "probation"}),
        )
        .fact("e", "2026-01-05", "account.enabled", json!({}))
}

#[test]
fn records_are_created_asked_for_and_archived_within_their_limits() {
    let level = |level: u8| json!({"registration": "R1", "category": 2, "level": level, "area": "area/A1"});
    let supervised = |level: u8| {
        json!({"registration": "R1", "category": 3, "level": level, "area": "area/A1",
               "statutory_supervision": true})
    };
    let created = || ("record.created", json!({"owner": "area/A1"}));
    let lowered = || Some(("mappa.changed", json!({"registration": "R1", "level": 1})));
    let prison = json!({"request": "Q", "prison": "prison/LEI"});
    let third =
        || given().registered_supervised("reg", "2026-03-02 08:00", 3, 2).record("rec", "2026-03-02 08:01");
    let police = || given().police_record("rec", "2026-03-02").registered("reg", "2026-03-02 08:00", 1, 1);
    check(vec![
        (
            "4.10",
            given(),
            ("mappa.registered", level(2)),
            created(),
            "2026-03-08",
            lowered(),
            "area/A1",
            true,
        ),
        (
            "4.14",
            given(),
            ("mappa.registered", supervised(2)),
            created(),
            "2026-03-06",
            lowered(),
            "area/A1",
            true,
        ),
        (
            "4.12",
            registered(),
            ("record.requested", prison),
            created(),
            "2026-03-10",
            Some(died()),
            "area/A1",
            false,
        ),
        (
            "4.15",
            third(),
            ("mappa.deregistered", json!({"registration": "R1"})),
            ("record.archived", json!({})),
            "2026-03-10",
            None,
            "area/A1",
            false,
        ),
        (
            "4.26",
            given().police_record("rec", "2026-03-02"),
            ("mappa.registered", json!({"registration": "R1", "category": 1, "level": 1, "area": "area/A1"})),
            ("partnership.requested", json!({"request": "Q", "org": "area/A1"})),
            "2026-03-10",
            Some(archived()),
            "area/A1",
            false,
        ),
        (
            "4.26",
            given().police_record("rec", "2026-03-02"),
            ("mappa.registered", json!({"registration": "R1", "category": 4, "level": 1, "area": "area/A1"})),
            ("partners.added", json!({"org": "area/A2"})),
            "2026-03-10",
            Some(("mappa.deregistered", json!({"registration": "R1"}))),
            "area/A1",
            false,
        ),
    ]);
    // Registered on the day before, so that nothing opened on 3 March.
    assert!(police().as_at("2026-03-20").only("4.10").0.is_empty());
}

#[test]
fn what_administrators_copy_and_add_is_due_within_its_limit() {
    let live = given_live_record;
    let managed = |manager: &str, kind: &str| json!({"manager": manager, "kind": kind});
    check(vec![
        (
            "4.17",
            live(),
            ("contact.flagged", json!({"contact": "C"})),
            ("contact.copied", json!({"contact": "C"})),
            "2026-03-05",
            Some(died()),
            "area/A1",
            false,
        ),
        (
            "4.18",
            live(),
            ("oasys.completed", json!({"assessment": "A"})),
            ("oasys.copied", json!({"assessment": "A", "sections": ["R10", "R11"]})),
            "2026-03-10",
            Some(archived()),
            "area/A1",
            false,
        ),
        (
            "4.19",
            live(),
            ("oasys.copied", json!({"assessment": "A", "sections": ["R10"]})),
            ("manager.notified", json!({"assessment": "A"})),
            "2026-03-04",
            Some(died()),
            "area/A1",
            false,
        ),
        (
            "4.20.3",
            live(),
            ("meeting.held", json!({"meeting": "M", "level": 3})),
            ("minutes.produced", json!({"meeting": "M"})),
            "2026-03-10",
            Some(died()),
            "area/A1",
            true,
        ),
        (
            "4.20.2",
            live(),
            ("meeting.held", json!({"meeting": "M", "level": 2})),
            ("minutes.added", json!({"meeting": "M"})),
            "2026-03-17",
            Some(died()),
            "area/A1",
            true,
        ),
        (
            "4.20.add",
            live(),
            ("minutes.received", json!({"meeting": "M"})),
            ("minutes.added", json!({"meeting": "M"})),
            "2026-03-04",
            Some(died()),
            "area/A1",
            false,
        ),
        (
            "4.21",
            live(),
            ("polygraph.completed", json!({"report": "P"})),
            ("polygraph.added", json!({"report": "P"})),
            "2026-03-10",
            Some(archived()),
            "area/A1",
            false,
        ),
        (
            "4.22",
            live(),
            ("level1_review.completed", json!({"review": "V"})),
            ("level1_review.copied", json!({"review": "V"})),
            "2026-03-10",
            Some(archived()),
            "area/A1",
            false,
        ),
        (
            "4.24",
            live(),
            ("offender_manager.allocated", managed("M", "com")),
            ("offender_manager.recorded", managed("M", "com")),
            "2026-03-10",
            Some(("offender_manager.allocated", managed("N", "com"))),
            "area/A1",
            false,
        ),
        (
            "4.25",
            live(),
            ("partnership.requested", json!({"request": "Q", "org": "prison/LEI"})),
            ("partnership.refused", json!({"request": "Q", "reason": "no"})),
            "2026-03-06",
            Some(archived()),
            "area/A1",
            true,
        ),
    ]);
}

#[test]
fn what_prisons_do_is_due_within_its_limit() {
    let received = json!({"prison": "prison/LEI", "reason": "admission", "spell": "S"});
    let left = |reason: &str| json!({"prison": "prison/LEI", "reason": reason, "spell": "S"});
    let prison = || json!({"prison": "prison/LEI"});
    let managed = |manager: &str| json!({"manager": manager, "kind": "pom"});
    let gone = || Some(("custody.left", json!({"prison": "prison/LEI", "reason": "release", "spell": "S"})));
    check(vec![
        (
            "5.12",
            registered(),
            ("custody.received", received.clone()),
            ("visor.searched", json!({"prison": "prison/LEI", "spell": "S", "found": false})),
            "2026-03-05",
            Some(died()),
            "prison/LEI",
            false,
        ),
        (
            "5.13",
            given_live_record(),
            ("custody.received", received.clone()),
            ("partnership.requested", json!({"request": "Q", "org": "prison/LEI"})),
            "2026-03-10",
            gone(),
            "prison/LEI",
            true,
        ),
        (
            "5.14",
            given_live_record(),
            ("custody.received", received),
            ("alert.added", json!({"code": "PVN"})),
            "2026-03-05",
            gone(),
            "prison/LEI",
            false,
        ),
        (
            "5.16",
            held(),
            ("partners.added", json!({"org": "prison/LEI"})),
            ("dataset.checked", json!({"complete": true, "prison": "prison/LEI"})),
            "2026-03-17",
            Some(died()),
            "prison/LEI",
            false,
        ),
        (
            "5.17",
            held(),
            ("offender_manager.allocated", managed("M")),
            ("offender_manager.recorded", managed("M")),
            "2026-03-10",
            Some(("offender_manager.allocated", managed("N"))),
            "prison/LEI",
            false,
        ),
        (
            "5.18",
            held(),
            ("custody.left", left("release")),
            ("custody_attachment.updated", prison()),
            "2026-03-05",
            None,
            "prison/LEI",
            false,
        ),
        (
            "5.19",
            held(),
            ("custody.left", left("transfer")),
            ("owner.notified", json!({"prison": "prison/LEI", "about": "transfer"})),
            "2026-03-05",
            Some(died()),
            "prison/LEI",
            false,
        ),
        (
            "5.9.partners",
            held(),
            ("custody.left", left("transfer")),
            ("partners.removal_requested", json!({"org": "prison/LEI"})),
            "2026-03-10",
            None,
            "prison/LEI",
            false,
        ),
        (
            "5.22",
            held(),
            ("risk_information.added", json!({"item": "I"})),
            ("risk_information.copied", json!({"item": "I"})),
            "2026-03-05",
            Some(archived()),
            "prison/LEI",
            false,
        ),
    ]);
}

#[test]
fn what_is_owed_of_users_and_organisations_is_due_within_its_limit() {
    let plain = |kind: &'static str| (kind, json!({}));
    let audit = |kind: &str| ("audit.completed", json!({"kind": kind}));
    let area = || given().about("area/A1");
    let group = || given().about("prison-group/G1");
    let trained = || ("training.completed", json!({"course": "visor", "provider": "P"}));
    let post = |post: &str| ("post.filled", json!({"post": post, "user": "user/U"}));
    check(vec![
        (
            "4.38",
            user(),
            plain("user.left_role"),
            plain("cpc.informed_of_leaver"),
            "2026-03-04",
            None,
            "area/A1",
            false,
        ),
        (
            "4.38",
            user(),
            plain("user.left_role"),
            plain("account.disabled"),
            "2026-03-04",
            None,
            "area/A1",
            false,
        ),
        (
            "4.38.close",
            user(),
            plain("user.left_role"),
            plain("account.archived"),
            "2026-03-04",
            None,
            "area/A1",
            false,
        ),
        ("4.7", user(), trained(), plain("qa_elearning.completed"), "2026-03-31", None, "area/A1", false),
        (
            "4.16.rug",
            area(),
            plain("organisation.enrolled"),
            ("rug.attended", json!({"by": "x"})),
            "2026-06-17",
            None,
            "area/A1",
            true,
        ),
        (
            "4.16.rug",
            group(),
            ("rug.attended", json!({"by": "x"})),
            ("rug.attended", json!({"by": "x"})),
            "2026-06-17",
            None,
            "prison-group/G1",
            true,
        ),
        (
            "4.16.dataset",
            area(),
            plain("organisation.enrolled"),
            audit("minimum-dataset"),
            "2026-06-03",
            None,
            "area/A1",
            false,
        ),
        (
            "4.16.dataset",
            group(),
            audit("minimum-dataset"),
            audit("minimum-dataset"),
            "2026-06-03",
            None,
            "prison-group/G1",
            false,
        ),
        (
            "4.16.logon",
            area(),
            plain("organisation.enrolled"),
            audit("log-on"),
            "2026-04-03",
            None,
            "area/A1",
            false,
        ),
        (
            "4.16.logon",
            group(),
            audit("log-on"),
            audit("log-on"),
            "2026-04-03",
            None,
            "prison-group/G1",
            false,
        ),
        (
            "4.8.lpc",
            given().about("unit/U1"),
            plain("organisation.enrolled"),
            post("lpc"),
            "2026-03-03",
            None,
            "unit/U1",
            true,
        ),
        (
            "5.5",
            given().about("prison/LEI"),
            plain("organisation.enrolled"),
            post("visor-lead"),
            "2026-03-03",
            None,
            "prison/LEI",
            true,
        ),
    ]);
    let level_3 = json!({"level": 3, "expires_on": "2030-01-01"});
    let vetted = || given().about("user/U").fact("v", "2026-01-02", "vetting.cleared", level_3.clone());
    check(vec![
        (
            "4.8.cpc",
            vetted().about("area/A1"),
            plain("organisation.enrolled"),
            post("cpc"),
            "2026-03-03",
            None,
            "area/A1",
            true,
        ),
        (
            "5.4",
            vetted().about("prison-group/G1"),
            plain("organisation.enrolled"),
            post("cpc"),
            "2026-03-03",
            None,
            "prison-group/G1",
            true,
        ),
    ]);
}
