//! Every `prior` rule: what must come first did, did not, or was mended later; and what does not count.

use serde_json::{Value, json};

use super::given::{Given, Judged, given, given_live_record};

type Told = (&'static str, Value);

/// A rule under which something must precede an act on Tuesday 3 March 2026 at 09:00.
struct Prior {
    rule: &'static str,
    start: Given,
    needs: Told,
    opens: Told,
    /// What does not count, though it came first.
    other: Vec<Told>,
    holder: &'static str,
}

impl Prior {
    fn acted(&self, facts: Given) -> Given {
        facts.fact("o", "2026-03-03", self.opens.0, self.opens.1.clone())
    }

    fn first(&self, facts: Given, time: &str) -> Given {
        facts.fact("n", time, self.needs.0, self.needs.1.clone())
    }

    #[track_caller]
    fn is(&self, judged: &Judged, outcome: &str, by: Option<&str>) {
        let duty = judged.duty(self.rule, "o");
        assert_eq!(duty.outcome, outcome, "{} {duty:?}", self.rule);
        assert_eq!(duty.closed_by.as_deref(), by.map(|by| format!("/t#{by}")).as_deref(), "{}", self.rule);
        assert_eq!(duty.due_at, Some(duty.opened_at), "{}", self.rule);
        assert_eq!(duty.due_on.unwrap().to_string(), "2026-03-03", "{}", self.rule);
        assert_eq!(duty.breach, outcome != "met", "{}", self.rule);
        assert!(!duty.born_overdue, "{}", self.rule);
        assert_eq!(duty.holder.as_deref(), Some(self.holder), "{}", self.rule);
    }

    #[track_caller]
    fn holds(&self) {
        let start = || self.start.clone();
        let end = "2026-03-31";
        self.is(&self.acted(self.first(start(), "2026-03-02 12:00")).as_at(end), "met", Some("n"));
        self.is(&self.acted(self.first(start(), "2026-03-03 09:00:00")).as_at(end), "met", Some("n"));
        // Told after the act, of the same instant.
        self.is(&self.first(self.acted(start()), "2026-03-03 09:00:00").as_at(end), "met", Some("n"));
        self.is(&self.first(self.acted(start()), "2026-03-03 09:00:01").as_at(end), "met_late", Some("n"));
        self.is(&self.acted(start()).as_at("2026-03-03"), "overdue", None);
        let mended = self.first(self.acted(start()), "2026-03-20");
        self.is(&mended.as_at("2026-03-19"), "overdue", None);
        self.is(&mended.as_at(end), "met_late", Some("n"));
        // Done before, recorded a week after.
        let told_late = self.first(self.acted(start()), "2026-03-02 12:00").recorded("2026-03-10");
        self.is(&told_late.as_at_known(end, "2026-03-09"), "overdue", None);
        self.is(&told_late.as_at_known(end, "2026-03-10"), "met", Some("n"));
        for (kind, data) in &self.other {
            let before = start().fact("x", "2026-03-02 12:00", kind, data.clone());
            self.is(&self.acted(before).as_at(end), "overdue", None);
            let after = self.acted(start()).fact("x", "2026-03-20", kind, data.clone());
            self.is(&after.as_at(end), "overdue", None);
        }
    }
}

fn user_of(org: &str, service: &str) -> Given {
    let data = json!({"org": org, "role": "other", "service": service});
    given().about("user/U").fact("u", "2026-01-01", "user.registered", data)
}

fn user() -> Given {
    user_of("area/A1", "probation")
}

fn held() -> Given {
    given_live_record().received("i", "2026-03-02 09:00", "LEI", "admission")
}

fn cleared(level: u8, expires_on: &str) -> Told {
    ("vetting.cleared", json!({"level": level, "expires_on": expires_on}))
}

fn plain(kind: &'static str) -> Told {
    (kind, json!({}))
}

fn trained(course: &str) -> Told {
    ("training.completed", json!({"course": course, "provider": "P"}))
}

fn token(token: &str) -> Told {
    ("token.granted", json!({"token": token}))
}

#[test]
fn access_needs_vetting_training_and_the_signed_procedures_first() {
    let signed = |document: &str| ("document.signed", json!({"document": document, "version": "1"}));
    let started = || ("training.started", json!({"course": "visor", "provider": "P"}));
    let exempt = |kind: &str, role: &str, until: &str| {
        ("exemption.granted", json!({"kind": kind, "by_role": role, "until": until}))
    };
    let officer = "chief-responsible-officer";
    for rule in [
        Prior {
            rule: "6.1",
            start: user(),
            needs: cleared(2, "2030-01-01"),
            opens: plain("account.enabled"),
            other: vec![cleared(2, "2026-03-02"), trained("visor")],
            holder: "area/A1",
        },
        Prior {
            rule: "4.16.request",
            start: user(),
            needs: cleared(2, "2030-01-01"),
            opens: plain("account.requested"),
            other: vec![cleared(3, "2026-03-02")],
            holder: "area/A1",
        },
        Prior {
            rule: "4.16.request.training",
            start: user(),
            needs: trained("visor"),
            opens: plain("account.requested"),
            other: vec![trained("cpc"), started()],
            holder: "area/A1",
        },
        Prior {
            rule: "4.3",
            start: user(),
            needs: cleared(2, "2026-03-20"),
            opens: started(),
            other: vec![cleared(2, "2026-03-02")],
            holder: "area/A1",
        },
        Prior {
            rule: "6.1.token",
            start: user(),
            needs: cleared(3, "2030-01-01"),
            opens: token("cpc"),
            other: vec![cleared(2, "2030-01-01"), cleared(3, "2026-03-02")],
            holder: "area/A1",
        },
        Prior {
            rule: "6.1.token",
            start: user_of("prison/LEI", "prison"),
            needs: cleared(3, "2030-01-01"),
            opens: token("central-support"),
            other: vec![cleared(2, "2030-01-01")],
            holder: "prison/LEI",
        },
        Prior {
            rule: "6.2",
            start: user(),
            needs: trained("visor"),
            opens: plain("account.enabled"),
            other: vec![trained("train-the-trainer")],
            holder: "area/A1",
        },
        Prior {
            rule: "6.3",
            start: user(),
            needs: signed("syops"),
            opens: started(),
            other: vec![signed("standards")],
            holder: "area/A1",
        },
        Prior {
            rule: "6.6",
            start: user(),
            needs: exempt("wifi", officer, "2026-03-03"),
            opens: ("logged_on", json!({"network": "wifi"})),
            other: vec![
                exempt("wifi", officer, "2026-03-02"),
                exempt("wifi", "cpc", "2030-01-01"),
                exempt("vetting", officer, "2030-01-01"),
            ],
            holder: "area/A1",
        },
    ] {
        rule.holds();
    }
}

#[test]
fn a_terminal_is_assessed_before_it_is_approved() {
    Prior {
        rule: "6.4",
        start: given().about("terminal/T1"),
        needs: ("terminal.risk_assessed", json!({"by": "x"})),
        opens: ("terminal.approved", json!({"by": "y"})),
        other: vec![("terminal.withdrawn", json!({"by": "x"}))],
        holder: "terminal/T1",
    }
    .holds();
}

#[test]
fn risk_is_told_and_records_are_looked_at_and_completed_first() {
    let copied = |termination: bool, sections: Value| {
        ("oasys.copied", json!({"assessment": "A", "sections": sections, "termination": termination}))
    };
    let both = json!(["R10", "R11"]);
    let checked = |complete: bool, prison: &str| {
        ("dataset.checked", json!({"complete": complete, "prison": format!("prison/{prison}")}))
    };
    let read = |prison: &str| {
        let org = format!("prison/{prison}");
        ("record.accessed", json!({"user": "user/U", "org": org, "partnered": true}))
    };
    for rule in [
        Prior {
            rule: "4.28",
            start: given_live_record(),
            needs: copied(true, both.clone()),
            opens: plain("record.archived"),
            other: vec![copied(false, both), copied(true, json!(["R10"]))],
            holder: "area/A1",
        },
        Prior {
            rule: "4.36",
            start: given_live_record(),
            needs: ("imminent_risk.told", json!({"contact": "C", "to": "line-manager"})),
            opens: ("contact.flagged", json!({"contact": "C", "priority": true})),
            other: vec![
                ("imminent_risk.told", json!({"contact": "C", "to": "police"})),
                ("imminent_risk.told", json!({"contact": "D", "to": "line-manager"})),
            ],
            holder: "area/A1",
        },
        Prior {
            rule: "5.23",
            start: held(),
            needs: read("LEI"),
            opens: ("rotl.approved", json!({"prison": "prison/LEI"})),
            other: vec![read("MDI")],
            holder: "prison/LEI",
        },
        Prior {
            rule: "5.9.record",
            start: held(),
            needs: checked(true, "LEI"),
            opens: ("custody.left", json!({"prison": "prison/LEI", "reason": "transfer", "spell": "S"})),
            other: vec![checked(false, "LEI"), checked(true, "MDI")],
            holder: "prison/LEI",
        },
    ] {
        rule.holds();
    }
}

#[test]
fn the_dataset_is_checked_in_the_present_stay_at_that_prison() {
    let checked = |facts: Given, id: &str, time: &str| {
        facts.fact(id, time, "dataset.checked", json!({"complete": true, "prison": "prison/LEI"}))
    };
    // A stay in January with a check, then another from 2 March on.
    let again = checked(
        given().registered("reg", "2026-01-02", 2, 2).record("rec", "2026-01-02 10:00").received(
            "j",
            "2026-01-05",
            "LEI",
            "admission",
        ),
        "k",
        "2026-01-10",
    )
    .left("l", "2026-01-20", "LEI", "release")
    .received("i", "2026-03-02", "LEI", "admission");
    let left = |facts: Given| {
        facts.left("o", "2026-03-03", "LEI", "transfer").as_at("2026-03-31").only("5.9.record")
    };
    left(again.clone()).shows(&["5.9.record o: overdue, due 2026-03-03"]);
    left(checked(again.clone(), "n", "2026-03-02 12:00")).shows(&["5.9.record o: met by n, due 2026-03-03"]);
    // Back from court: the stay is the same, and so is the check.
    let returned = checked(again, "n", "2026-03-02 10:00")
        .left("c", "2026-03-02 11:00", "LEI", "temporary")
        .received("b", "2026-03-02 18:00", "LEI", "return");
    left(returned).shows(&["5.9.record o: met by n, due 2026-03-03"]);
}

#[test]
fn leaving_without_a_live_record_or_by_another_way_asks_for_no_check() {
    for (facts, reason) in [
        (
            given().registered("reg", "2026-03-02 08:00", 2, 2).received(
                "i",
                "2026-03-02",
                "LEI",
                "admission",
            ),
            "transfer",
        ),
        (held(), "release"),
        (held(), "death"),
        (held(), "temporary"),
    ] {
        facts.left("o", "2026-03-03", "LEI", reason).as_at("2026-03-31").only("5.9.record").shows(&[]);
    }
    // Missed, and then the record is archived: it has lapsed.
    held()
        .left("o", "2026-03-03", "LEI", "transfer")
        .archived("x", "2026-03-05")
        .as_at("2026-03-31")
        .only("5.9.record")
        .shows(&["5.9.record o: lapsed by x, due 2026-03-03"]);
    // A reception elsewhere that was told first acts as the leaving, and opens nothing.
    held().received("j", "2026-03-03", "MDI", "transfer").as_at("2026-03-31").only("5.9.record").shows(&[]);
}

#[test]
fn vetting_withdrawn_in_between_does_not_count_and_cleared_anew_it_does() {
    let at = |facts: Given, id: &str, time: &str, told: Told| facts.fact(id, time, told.0, told.1);
    for (rule, opens) in [
        ("6.1", plain("account.enabled")),
        ("4.16.request", plain("account.requested")),
        ("4.3", ("training.started", json!({"course": "cpc", "provider": "P"}))),
        ("6.1.token", token("cpc")),
    ] {
        let act = |facts: Given| at(facts, "o", "2026-03-03", opens.clone());
        let cleared_first = || at(user(), "v", "2026-03-01", cleared(3, "2030-01-01"));
        let withdrawn = || at(cleared_first(), "w", "2026-03-02", plain("vetting.withdrawn"));
        let show = |facts: Given, line: &str| {
            facts.as_at("2026-03-31").only(rule).shows(&[&format!("{rule} o: {line}, due 2026-03-03")]);
        };
        show(act(withdrawn()), "overdue");
        show(act(at(withdrawn(), "n", "2026-03-02 10:00", cleared(3, "2030-01-01"))), "met by n");
        show(at(act(withdrawn()), "n", "2026-03-05", cleared(3, "2030-01-01")), "met_late by n");
        show(at(act(cleared_first()), "w", "2026-03-05", plain("vetting.withdrawn")), "met by v");
        // It runs to the day of the act, and not to the day before it.
        show(act(at(user(), "v", "2026-03-01", cleared(3, "2026-03-03"))), "met by v");
        show(act(at(user(), "v", "2026-03-01", cleared(3, "2026-03-02"))), "overdue");
        // One that comes later must run to its own day.
        show(at(act(user()), "v", "2026-03-05", cleared(3, "2026-03-05")), "met_late by v");
        show(at(act(user()), "v", "2026-03-05", cleared(3, "2026-03-04")), "overdue");
    }
}

#[test]
fn a_permission_for_wifi_given_afterwards_must_cover_the_day_it_was_used() {
    let used = || user().fact("o", "2026-03-03", "logged_on", json!({"network": "wifi"}));
    let granted = |until: &str| {
        let data = json!({"kind": "wifi", "by_role": "chief-responsible-officer", "until": until});
        used().fact("n", "2026-03-20", "exemption.granted", data).as_at("2026-03-31").only("6.6")
    };
    // It may have run out by the day on which it was given.
    granted("2026-03-03").shows(&["6.6 o: met_late by n, due 2026-03-03"]);
    granted("2026-03-02").shows(&["6.6 o: overdue, due 2026-03-03"]);
    let lan = user().fact("o", "2026-03-03", "logged_on", json!({"network": "lan"}));
    lan.as_at("2026-03-31").only("6.6").shows(&[]);
}

#[test]
fn other_tokens_and_acts_that_state_what_holds_ask_for_nothing() {
    for other in ["create", "manager", "supervisor", "partner", "lpc", "admin"] {
        user()
            .fact("o", "2026-03-03", "token.granted", json!({"token": other}))
            .as_at("2026-03-31")
            .only("6.1.token")
            .shows(&[]);
    }
    let enabled = |facts: Given, id: &str, time: &str| facts.fact(id, time, "account.enabled", json!({}));
    let twice = enabled(enabled(user(), "o", "2026-03-03"), "p", "2026-03-04");
    twice.as_at("2026-03-31").only("6.1").shows(&["6.1 o: overdue, due 2026-03-03"]);
    let asked = |facts: Given, id: &str, time: &str| facts.fact(id, time, "account.requested", json!({}));
    asked(asked(user(), "o", "2026-03-03"), "p", "2026-03-04")
        .as_at("2026-03-31")
        .only("4.16.request")
        .shows(&["4.16.request o: overdue, due 2026-03-03", "4.16.request p: overdue, due 2026-03-04"]);
}
