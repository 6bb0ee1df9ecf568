//! The draft policies that ship: each loads over the shipped files, and moves a date.

use mandate_domain::policy::{DRAFTS, Policy, shipped_draft, shipped_files};

use super::given::{Given, given, given_under};

fn under(draft: &str) -> Given {
    let files = shipped_files().with(shipped_draft(draft).unwrap());
    given_under(Policy::load(&files).unwrap_or_else(|wrong| panic!("{draft}: {wrong}")))
}

/// The due date of the duty of a rule opened by `a` under the shipped policy and under a draft.
fn dates(draft: &str, rule: &str, facts: impl Fn(Given) -> Given) -> [String; 2] {
    [given(), under(draft)].map(|start| {
        let judged = facts(start).as_at("2026-12-31").only(rule);
        judged.0.first().map_or("none".to_owned(), |duty| duty.due_on.unwrap().to_string())
    })
}

#[test]
fn five_working_days_skip_the_weekend() {
    // Registered on Monday 2 March: Saturday 7 March, or the fifth working day, Monday 9 March.
    let registered = |facts: Given| facts.registered("a", "2026-03-02", 2, 2);
    assert_eq!(dates("five-working-days", "4.10", registered), ["2026-03-07", "2026-03-09"]);
}

#[test]
fn eight_months_before_release_are_two_months_earlier() {
    let released = |facts: Given| {
        facts
            .registered("r", "2026-01-05", 2, 1)
            .switched("on", "p", "2026-01-01", "A1", "custody-level-1")
            .sentenced("s", "2026-01-06", "custodial")
            .release("a", "2026-01-07", "2026-11-30")
    };
    // 30 November less six months is 30 May; less eight it is 30 March.
    assert_eq!(dates("eight-months", "4.11", released), ["2026-05-30", "2026-03-30"]);
}

#[test]
fn suspended_sentences_open_4_13_in_the_draft_alone() {
    let sentenced = |facts: Given| {
        facts
            .switched("on", "p", "2026-01-01", "A1", "community")
            .registered("r", "2026-03-02", 2, 1)
            .sentenced("a", "2026-03-04", "suspended")
    };
    assert_eq!(dates("suspended-sentences", "4.13", sentenced), ["none", "2026-03-07"]);
}

#[test]
fn short_periods_skip_weekends_and_longer_ones_do_not() {
    let registered = |facts: Given| facts.registered("a", "2026-03-02", 2, 2);
    assert_eq!(dates("short-periods-skip-weekends", "4.10", registered), ["2026-03-07", "2026-03-09"]);
    // Sentenced on Thursday 5 March: Sunday 8 March, or the third working day, Tuesday 10 March.
    let sentenced = |facts: Given| {
        facts
            .switched("on", "p", "2026-01-01", "A1", "community")
            .registered("r", "2026-03-02", 2, 1)
            .sentenced("a", "2026-03-05", "community")
    };
    assert_eq!(dates("short-periods-skip-weekends", "4.13", sentenced), ["2026-03-08", "2026-03-10"]);
    // Asked for on Friday 6 March: Monday 9 March, or Wednesday 11 March.
    let live = |facts: Given| facts.registered("r", "2026-03-02", 2, 2).record("c", "2026-03-02 10:00");
    let requested = |facts: Given| live(facts).requested("a", "2026-03-06", "LEI", &[]);
    assert_eq!(dates("short-periods-skip-weekends", "4.25", requested), ["2026-03-09", "2026-03-11"]);
    let received = |facts: Given| live(facts).received("a", "2026-03-06", "LEI", "admission");
    assert_eq!(dates("short-periods-skip-weekends", "5.13", received), ["2026-03-13", "2026-03-13"]);
}

#[test]
fn days_of_grace_stay_calendar_days_and_no_holiday_moves_them() {
    // Sentenced on 2 March, in category 2 only from Friday 13 March: past due, so three days of grace to Monday 16.
    let late = |facts: Given| {
        facts
            .switched("on", "p", "2026-01-01", "A1", "community")
            .sentenced("s", "2026-03-02", "community")
            .registered("a", "2026-03-13", 2, 1)
            .holidays("h", "2026-03-14", &["2026-03-16"], &[])
    };
    assert_eq!(dates("short-periods-skip-weekends", "4.13", late), ["2026-03-16", "2026-03-16"]);
}

#[test]
fn every_draft_loads_and_says_in_its_explanations_which_reading_it_takes() {
    for draft in DRAFTS {
        let own = shipped_draft(draft).unwrap();
        let policy = Policy::load(&shipped_files().with(own.clone())).unwrap();
        let shipped = Policy::shipped().unwrap();
        assert_eq!(policy.rules.len(), shipped.rules.len(), "{draft} changes rules and adds none");
        assert!(policy.sha256 != shipped.sha256, "{draft}");
        for file in own.0.keys().filter(|file| !file.starts_with("interpretations")) {
            let rule = policy.rule(file.trim_end_matches(".toml")).unwrap();
            let new = |reading: &String| !shipped.interpretations.contains_key(reading);
            assert!(rule.versions[0].interpretations.iter().any(new), "{draft} {file}");
        }
    }
}
