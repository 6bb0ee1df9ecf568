//! Random histories: the tables followed live, in pages and moments of any size, against those made anew and against
//! the judge.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use mandate_domain::calendar::Calendar;
use mandate_domain::judge::{History, Judge, Outcome, Standing, View, adopted_policy};
use mandate_domain::policy::{Policy, Programme, concatenated, shipped_files};
use mandate_domain::time::{Date, Instant, VirtualClock};
use mandate_projections::{Counting, DutyCount, DutyFilter, DutyRow, Grain, Projections};
use mandate_store::{Claim, Keys, NewEvent, OnError, Options, Position, Store};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// The start of the first day, and the days of a history.
const START: &str = "2026-03-02T00:00:00Z";
const DAYS: i64 = 70;
const DAY_SECONDS: i64 = 86_400;

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
    /// A fact: which, of whom, by how many hours it is told late (or early, below zero), and how many hours before (or,
    /// below zero, after) it claims to have been recorded elsewhere.
    Tell { what: u8, whom: u8, late_hours: i16, claimed: Option<i16> },
    /// The clock goes on by so many minutes.
    Wait(u16),
    /// The tables are brought to the clock, so many events at once.
    Advance(usize),
}

/// Facts of users and organisations, and what annuls them.
const BETWEEN_SUBJECTS: &[u8] =
    &[18, 18, 19, 19, 23, 23, 24, 25, 25, 26, 27, 32, 33, 34, 34, 34, 35, 36, 36, 37, 38, 39, 39, 40, 41];

/// Facts of nominals in prison, and checks of to-do lists that are about all of them.
const TO_DO_LISTS: &[u8] = &[4, 6, 6, 6, 7, 8, 9, 9, 9, 9, 10, 18, 18, 19, 20, 42, 42, 42, 42, 43, 43];

/// Policies that are adopted and holidays that are published, and what is open meanwhile.
const ADOPTED: &[u8] = &[0, 0, 1, 2, 3, 4, 6, 7, 8, 11, 12, 14, 18, 19, 20, 22, 22, 22, 30, 44, 44, 45];

/// Cases that programmes cover, and what makes and ends them.
const CASES: &[u8] = &[3, 3, 3, 3, 4, 5, 11, 12, 12, 13, 13, 14, 14, 15, 16, 17, 18, 19, 20, 21, 28, 30];

fn step() -> impl Strategy<Value = Step> {
    step_of(any::<u8>())
}

fn step_of(what: impl Strategy<Value = u8>) -> impl Strategy<Value = Step> {
    let late = prop_oneof![4 => Just(0i16), 3 => 0i16..200, 1 => -100i16..0];
    let claimed = prop_oneof![
        16 => Just(None),
        4 => Just(Some(None)),
        3 => (0i16..200).prop_map(|hours| Some(Some(hours))),
        1 => (-60i16..0).prop_map(|hours| Some(Some(hours))),
    ];
    prop_oneof![
        6 => (what, 0u8..6, late, claimed).prop_map(|(what, whom, late_hours, claimed)| {
            // As a rule what claims to have been recorded elsewhere was recorded where it occurred.
            let claimed = claimed.map(|hours| hours.unwrap_or(late_hours.max(0)));
            Step::Tell { what, whom, late_hours, claimed }
        }),
        3 => prop_oneof![1u16..90, 600u16..4000].prop_map(Step::Wait),
        2 => prop_oneof![Just(4096usize), 1usize..4].prop_map(Step::Advance),
    ]
}

/// A fact of a kind: type, subject and data. Later ones name earlier ones.
fn fact(what: u8, whom: u8, told: usize) -> (&'static str, String, String) {
    let nominal = format!("nominal/N{}", whom % 5);
    let user = format!("user/U{}", whom % 2);
    let area = format!("area/A{}", whom % 2);
    let n = usize::from(what) * 7 + told;
    let data = |text: &str| {
        let text = text.replace("NN", &n.to_string()).replace("AA", &area);
        text.replace("RR", &format!("R{}", if n.is_multiple_of(4) { 1 - whom % 2 } else { whom % 2 }))
            .replace("UU", &format!("U{}", n % 2))
            .replace("WW", &format!("W{}", n % 3))
    };
    let region = format!("region/R{}", whom % 2);
    if what % 46 > 43 {
        return ("policy.adopted", "policy/framework".to_owned(), adopted(n));
    }
    let (kind, subject, text) = match what % 46 {
        32 | 33 => ("document.published", region, r#"{"document":"standards","version":"NN"}"#),
        34 => ("organisation.placed", area.clone(), r#"{"parent":"region/RR"}"#),
        35 => ("document.signed", user, r#"{"document":"standards","version":"NN"}"#),
        36 | 37 => ("post.filled", area.clone(), r#"{"post":"cpc","user":"user/UU"}"#),
        38 => ("post.vacated", area.clone(), r#"{"post":"cpc","user":"user/UU"}"#),
        39 => ("vetting.cleared", user, r#"{"level":3,"expires_on":"2026-04-0D"}"#),
        40 => ("vetting.withdrawn", user, "{}"),
        41 => ("user.moved", user, r#"{"org":"AA"}"#),
        42 => ("todo.checked", user, r#"{"prison":"prison/LEI"}"#),
        43 => ("todo.checked", "prison/LEI".to_owned(), r#"{"prison":"prison/LEI"}"#),
        30 => (
            "duty.waived",
            format!("duty/4.10:{nominal}:/t#eTT"),
            r#"{"by":"user/U1","by_role":"cpc","reason":"r"}"#,
        ),
        31 => (
            "duty.waived",
            format!("duty/4.10:{nominal}:/t#eTT"),
            r#"{"by":"user/U1","by_role":"smb-member","reason":"r","until":"2026-03-1D"}"#,
        ),
        0 => ("mappa.registered", nominal, r#"{"registration":"RNN","category":2,"level":2,"area":"AA"}"#),
        1 => (
            "mappa.registered",
            nominal,
            r#"{"registration":"RNN","category":2,"level":2,"area":"AA","unit":"unit/WW"}"#,
        ),
        2 => (
            "mappa.registered",
            nominal,
            r#"{"registration":"RNN","category":3,"level":2,"area":"AA","statutory_supervision":true}"#,
        ),
        3 => ("mappa.registered", nominal, r#"{"registration":"RNN","category":2,"level":1,"area":"AA"}"#),
        4 => ("record.created", nominal, r#"{"owner":"AA"}"#),
        5 => ("record.archived", nominal, "{}"),
        6 => ("custody.received", nominal, r#"{"prison":"prison/LEI","reason":"admission","spell":"SNN"}"#),
        7 => ("custody.received", nominal, r#"{"prison":"prison/MDI","reason":"transfer","spell":"SNN"}"#),
        8 => ("custody.left", nominal, r#"{"prison":"prison/LEI","reason":"release","spell":"SNN"}"#),
        9 => ("partnership.requested", nominal, r#"{"request":"Q1","org":"prison/LEI"}"#),
        10 => ("partners.added", nominal, r#"{"request":"Q1","org":"prison/LEI"}"#),
        11 => ("case.transferred", nominal, r#"{"from":"AA","to":"area/A2","unit":"unit/WW"}"#),
        12 => ("sentence.imposed", nominal, r#"{"kind":"community"}"#),
        13 => ("sentence.imposed", nominal, r#"{"kind":"custodial"}"#),
        14 => ("release_date.set", nominal, r#"{"release_on":"2026-10-20"}"#),
        15 => (
            "programme.switched_on",
            area.clone(),
            r#"{"programme":"community","decided_by":"SMB","evidence":"m"}"#,
        ),
        16 => (
            "programme.switched_off",
            area.clone(),
            r#"{"programme":"community","decided_by":"SMB","evidence":"m"}"#,
        ),
        17 => (
            "programme.switched_on",
            area.clone(),
            r#"{"programme":"custody-level-1","decided_by":"SMB","evidence":"m"}"#,
        ),
        18 | 19 => ("fact.annulled", nominal, r#"{"event":{"source":"/t","id":"eTT"},"reason":"error"}"#),
        20 => ("nominal.merged", nominal, r#"{"into":"nominal/N4"}"#),
        21 => ("nominal.died", nominal, "{}"),
        22 => (
            "bank_holidays.published",
            "calendar/england-and-wales".into(),
            r#"{"holidays":[{"date":"2026-03-1D","title":"Extra"}]}"#,
        ),
        23 => ("user.registered", user, r#"{"org":"AA","role":"practitioner","service":"probation"}"#),
        24 => ("vetting.cleared", user, r#"{"level":2,"expires_on":"2026-04-0D"}"#),
        25 => ("account.enabled", user, "{}"),
        26 => ("user.left_role", user, "{}"),
        27 => ("organisation.enrolled", area.clone(), r#"{"evidence":"attested"}"#),
        28 => ("oasys.completed", nominal, r#"{"assessment":"asNN"}"#),
        _ => ("visor.searched", nominal, r#"{"prison":"prison/LEI","found":true,"spell":"SNN"}"#),
    };
    // Now and then what it names is told later, or never.
    let named = (if n.is_multiple_of(11) { told + n % 3 } else { n % told.max(1) }).to_string();
    let subject = subject.replace("TT", &named);
    let text = text.replace("TT", &named).replace("1D", &format!("1{}", n % 10));
    let text = text.replace("0D", &format!("0{}", 1 + n % 9));
    (kind, subject, data(&text))
}

/// The policy as it ships, with another deadline throughout, or with another from a day in March on.
fn adopted(n: usize) -> String {
    let mut files = shipped_files();
    let text = files.0.get_mut("4.10.toml").unwrap();
    let (head, first) = text.split_once("[[versions]]\n").unwrap();
    *text = match n % 3 {
        0 => text.clone(),
        1 => text.replace("due = { days = 5 }", "due = { days = 3 }"),
        _ => {
            let day = 2 + n % 20;
            let (from, to) = (
                format!("effective_from = 2026-03-{day:02}"),
                format!("effective_to = 2026-03-{:02}", day - 1),
            );
            let old = first.replacen("form =", &format!("{to}\nform ="), 1);
            let new = first.replacen("effective_from = 2023-01-16", &from, 1).replace("days = 5", "days = 2");
            format!("{head}[[versions]]\n{old}\n[[versions]]\n{new}")
        }
    };
    let policy = Policy::load(&files).unwrap();
    serde_json::json!({"version": n.to_string(), "effective_from": "2026-03-01", "text": concatenated(&files),
        "sha256": policy.sha256, "approved_by": "user/U1"})
    .to_string()
}

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    store: Store,
    projections: Projections,
    now: Instant,
    told: usize,
    refused: usize,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Instant::parse(START).unwrap();
        let clock = Arc::new(VirtualClock::new(now));
        Keys::create(&folder.path().join("keys/kek")).unwrap();
        let store = Store::open(Options::new(folder.path(), clock.clone())).unwrap();
        let projections = Projections::open(folder.path(), &store).unwrap();
        Self { folder, clock, store, projections, now, told: 0, refused: 0 }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Wait(minutes) => {
                let last = Instant::parse(START).unwrap().plus_seconds(DAYS * DAY_SECONDS);
                self.now = self.now.plus_seconds(i64::from(*minutes) * 60).min(last);
                self.clock.set(self.now);
            }
            Step::Advance(page) => drop(self.projections.advance_in_pages(self.now, *page).unwrap()),
            Step::Tell { what, whom, late_hours, claimed } => {
                let (kind, subject, data) = fact(*what, *whom, self.told);
                let time = self.now.plus_seconds(-i64::from(*late_hours) * 3600);
                let claim = |hours: i16| self.now.plus_seconds(1800 - i64::from(hours) * 3600);
                let recorded = claimed.map(|hours| format!(r#""recordedtime":"{}","#, claim(hours)));
                let recorded = recorded.unwrap_or_default();
                let text = format!(
                    r#"{{"specversion":"1.0","id":"e{}","source":"/t","type":"{kind}","subject":"{subject}","time":"{time}",{recorded}"data":{data}}}"#,
                    self.told
                );
                self.told += 1;
                let event = NewEvent::parse(&text, Claim::Accept).unwrap();
                let outcome = self.store.append_blocking(vec![event], OnError::Each).unwrap();
                if outcome.iter().any(|outcome| outcome.position().is_none()) {
                    self.refused += 1;
                }
            }
        }
    }

    /// Every duty with its whole record but the mark, by judging the whole log at once.
    fn judged(&self) -> Vec<String> {
        self.judged_at(View { as_at: self.now, known_at: self.now })
    }

    fn judged_at(&self, view: View) -> Vec<String> {
        self.by_the_judge(view, |judge| {
            let record = |verdict| {
                let mut record = judge.record(verdict);
                record.flags.retain(|flag| flag != "not_evidenced");
                serde_json::to_string(&record).unwrap()
            };
            let mut duties: Vec<String> = judge.judge_all().iter().map(record).collect();
            duties.sort();
            duties
        })
    }

    /// The unit of each nominal that has one.
    fn units_at(&self, view: View) -> BTreeMap<String, String> {
        self.by_the_judge(view, |judge| {
            let standings = judge.units().into_iter().flat_map(|unit| judge.standings(unit));
            let nominals = standings.filter(|standing| standing.subject.starts_with("nominal/"));
            let unit = |standing: Standing| {
                let unit = standing.state.into_iter().find(|(field, _)| field.name() == "unit")?.1;
                unit.starts_with("unit/").then_some((standing.subject, unit))
            };
            nominals.filter_map(unit).collect()
        })
    }

    /// Whether the backlog of each programme in each area is that of the judge.
    fn backlogs_are_right(&self, view: View) -> Result<(), TestCaseError> {
        for (area, programme) in ["area/A0", "area/A1", "area/A2"]
            .iter()
            .flat_map(|area| Programme::ALL.map(|programme| (*area, programme)))
        {
            let judged = self.by_the_judge(view, |judge| judge.backlog(area, programme));
            let kept = self.projections.backlog(view, area, programme, &|_| false).unwrap();
            prop_assert_eq!(kept, judged, "{:?}", view);
        }
        Ok(())
    }

    fn by_the_judge<T>(&self, view: View, ask: impl FnOnce(&Judge<'_>) -> T) -> T {
        let page = self.store.reader().read_after(Position::START, 10_000).unwrap();
        let mut history = History::default();
        for (event, line) in page.events.into_iter().zip(1..) {
            let fact = event.into_fact();
            history.add(&fact, fact.recorded_or_time(), line);
        }
        let calendar = Calendar::shipped().unwrap();
        let policy = adopted_policy(&history, view.known_at).unwrap_or_else(Policy::shipped).unwrap();
        ask(&Judge::new(&policy, &calendar, &history, view))
    }

    fn listed(&self) -> Vec<String> {
        let filter = DutyFilter { size: 10_000, ..DutyFilter::default() };
        let all = self.projections.duties(&filter).unwrap();
        assert_eq!(all.total_elements, all.content.len() as u64);
        for filter in filters() {
            let chosen: Vec<&str> = all
                .content
                .iter()
                .filter(|row| is_chosen(&filter, row))
                .map(|row| row.record.duty.as_str())
                .collect();
            let found = self.projections.duties(&DutyFilter { size: 10_000, ..filter.clone() }).unwrap();
            assert_eq!(found.total_elements, chosen.len() as u64, "{filter:?}");
            let found: Vec<&str> = found.content.iter().map(|row| row.record.duty.as_str()).collect();
            assert_eq!(found, chosen, "{filter:?}");
        }
        Self::told(all.content)
    }

    /// The duties by the versions that are stored.
    fn listed_at(&self, view: View) -> Vec<String> {
        let filter = DutyFilter { size: 10_000, ..DutyFilter::default() };
        let past = self.projections.past(view).unwrap();
        let all = past.duties(&filter).unwrap();
        assert_eq!(all.total_elements, all.content.len() as u64);
        let units = self.units_at(view);
        for row in &all.content {
            assert_eq!(row.unit.as_ref(), units.get(&row.record.subject), "{} {view:?}", row.record.duty);
        }
        for filter in filters() {
            let chosen: Vec<&DutyRow> = all.content.iter().filter(|row| is_chosen(&filter, row)).collect();
            let mut found = Vec::new();
            for page in 0.. {
                let part = past.duties(&DutyFilter { page, size: 3, ..filter.clone() }).unwrap();
                assert_eq!(part.total_elements, chosen.len() as u64, "{filter:?} {view:?}");
                if part.content.is_empty() {
                    break;
                }
                found.extend(part.content.into_iter().map(|row| row.record.duty));
            }
            let chosen: Vec<&str> = chosen.iter().map(|row| row.record.duty.as_str()).collect();
            assert_eq!(found, chosen, "{filter:?} {view:?}");
        }
        Self::told(all.content)
    }

    /// Whether duties are counted as they are listed, in periods of whole months and others, however finely.
    fn counts_as_it_lists(&self, view: Option<View>) -> Result<(), TestCaseError> {
        let past = view.map(|view| self.projections.past(view).unwrap());
        let filter = DutyFilter { size: 10_000, ..DutyFilter::default() };
        let listed = match &past {
            None => self.projections.duties(&filter).unwrap().content,
            Some(past) => past.duties(&filter).unwrap().content,
        };
        let start = Instant::parse(START).unwrap();
        let (some, but) = (["area/A1".to_owned(), "prison/LEI".to_owned()], ["nominal/N1".to_owned()]);
        let days = |day: i64| start.plus_seconds(day * DAY_SECONDS);
        let periods: [&[(i64, i64)]; 3] = [&[(-40, 360)], &[(-3, 32), (32, 33), (40, 120)], &[(0, 1)]];
        for periods in periods {
            let periods: Vec<_> = periods.iter().map(|(from, until)| (days(*from), days(*until))).collect();
            for (grain, holders, except) in [
                (Grain::Coarse, None, [].as_slice()),
                (Grain::Coarse, Some(some.as_slice()), but.as_slice()),
                (Grain::Lag, None, but.as_slice()),
                (Grain::LagAndUnit, Some(some.as_slice()), [].as_slice()),
            ] {
                let counting = Counting { periods: &periods, grain, holders, except };
                let counts = match &past {
                    None => self.projections.duty_counts(counting).unwrap(),
                    Some(past) => past.duty_counts(counting).unwrap(),
                };
                prop_assert_eq!(counts.len(), periods.len());
                for (counts, period) in counts.iter().zip(&periods) {
                    let of_them = counted_of(&listed, *period, counting);
                    prop_assert_eq!(counted(counts), of_them, "{:?} {:?}", counting, view);
                }
            }
        }
        Ok(())
    }

    fn told(rows: Vec<DutyRow>) -> Vec<String> {
        let mut duties: Vec<String> = rows
            .into_iter()
            .map(|row| {
                let mut record = row.record;
                record.flags.retain(|flag| flag != "not_evidenced");
                serde_json::to_string(&record).unwrap()
            })
            .collect();
        duties.sort();
        duties
    }
}

/// Lists of some of the duties, in the order that all are listed in.
fn filters() -> Vec<DutyFilter> {
    let holders = vec!["area/A1".to_owned(), "prison/LEI".to_owned()];
    let all = DutyFilter::default;
    vec![
        DutyFilter { holders: holders.clone(), ..all() },
        DutyFilter { holders, breach: Some(true), except: vec!["nominal/N1".to_owned()], ..all() },
        DutyFilter { breach: Some(false), ..all() },
        DutyFilter { outcomes: vec![Outcome::Overdue, Outcome::Met], ..all() },
        DutyFilter { rules: vec!["4.10".to_owned(), "4.14".to_owned()], ..all() },
        DutyFilter { due_from: Some(Date::parse("2026-03-20").unwrap()), ..all() },
        DutyFilter { subject: Some("nominal/N2".to_owned()), ..all() },
        DutyFilter { units: vec!["unit/W0".to_owned(), "unit/W1".to_owned()], ..all() },
    ]
}

fn is_chosen(filter: &DutyFilter, row: &DutyRow) -> bool {
    let record = &row.record;
    (filter.holders.is_empty()
        || record.holder.as_ref().is_some_and(|holder| filter.holders.contains(holder)))
        && (filter.rules.is_empty() || filter.rules.contains(&record.rule))
        && (filter.outcomes.is_empty() || filter.outcomes.contains(&record.outcome()))
        && !filter.except.contains(&record.subject)
        && (filter.units.is_empty() || row.unit.as_ref().is_some_and(|unit| filter.units.contains(unit)))
        && filter.subject.as_ref().is_none_or(|subject| *subject == record.subject)
        && filter.breach.is_none_or(|breach| breach == record.breach)
        && filter.due_from.is_none_or(|from| record.due_on.is_some_and(|due_on| due_on >= from))
}

/// How many count alike.
fn counted(counts: &[DutyCount]) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for count in counts {
        let alike = format!("{:?}", DutyCount { duties: 0, ..count.clone() });
        *found.entry(alike).or_default() += count.duties;
    }
    found
}

/// The same of duties that are listed.
fn counted_of(
    listed: &[DutyRow],
    (from, until): (Instant, Instant),
    counting: Counting<'_>,
) -> BTreeMap<String, u64> {
    let Counting { periods: _, grain, holders, except } = counting;
    let one = |row: &DutyRow| {
        let record = &row.record;
        let is_due = record.due_at.is_some_and(|at| at >= from && at < until);
        let of_holders = |all: &[String]| record.holder.as_ref().is_some_and(|holder| all.contains(holder));
        let lag = (record.known_since.nanos() - record.opened_at.nanos()) / (DAY_SECONDS * 1_000_000_000);
        let count = DutyCount {
            holder: record.holder.as_deref().map(Into::into),
            unit: row.unit.as_deref().filter(|_| grain == Grain::LagAndUnit).map(Into::into),
            rule: record.rule.as_str().into(),
            outcome: record.outcome(),
            inherited: record.inherited,
            born_overdue: record.born_overdue,
            not_evidenced: record.flags.iter().any(|flag| flag == "not_evidenced"),
            lag_days: if grain == Grain::Coarse { 0 } else { u32::try_from(lag.max(0)).unwrap() },
            duties: 1,
        };
        (is_due && holders.is_none_or(of_holders) && !except.contains(&record.subject)).then_some(count)
    };
    counted(&listed.iter().filter_map(one).collect::<Vec<_>>())
}

#[test]
fn every_kind_of_fact_is_accepted() {
    let mut bench = Bench::new();
    for what in 0..44 {
        bench.take(&Step::Tell { what, whom: 0, late_hours: 0, claimed: Some(0) });
        assert_eq!(bench.refused, 0, "{what}");
    }
}

/// Cases tried; more where `PROPTEST_CASES` asks for them.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(48)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tables_are_those_made_anew_and_those_of_the_judge(steps in prop::collection::vec(step(), 5..120)) {
        are_right(&steps)?;
    }

    #[test]
    fn so_they_are_where_duties_rest_on_facts_of_other_subjects(
        steps in prop::collection::vec(step_of(prop::sample::select(BETWEEN_SUBJECTS)), 5..120),
    ) {
        are_right(&steps)?;
    }

    #[test]
    fn so_they_are_where_a_check_of_a_to_do_list_is_about_all_nominals_of_a_prison(
        steps in prop::collection::vec(step_of(prop::sample::select(TO_DO_LISTS)), 5..120),
    ) {
        are_right(&steps)?;
    }

    #[test]
    fn so_they_are_where_policies_are_adopted_and_holidays_published(
        steps in prop::collection::vec(step_of(prop::sample::select(ADOPTED)), 5..60),
    ) {
        are_right(&steps)?;
    }

    #[test]
    fn so_they_are_where_programmes_cover_cases(
        steps in prop::collection::vec(step_of(prop::sample::select(CASES)), 5..100),
    ) {
        are_right(&steps)?;
    }
}

fn are_right(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut bench = Bench::new();
    for step in steps {
        bench.take(step);
    }
    bench.take(&Step::Advance(3));
    prop_assert_eq!(bench.refused, 0);
    prop_assert_eq!(bench.listed(), bench.judged(), "{:?}", steps);
    let compared = Projections::compare(bench.folder.path(), bench.store.reader()).unwrap();
    prop_assert!(compared.differences.is_empty(), "{:#?} {:?}", compared.differences, steps);
    prop_assert_eq!(&compared.live, &compared.rebuilt);
    bench.counts_as_it_lists(None)?;
    bench.backlogs_are_right(View { as_at: bench.now, known_at: bench.now })?;
    // The same of tables made anew, which are followed from the beginning.
    let anew = tempfile::tempdir().unwrap();
    Projections::rebuild(anew.path(), &bench.store).unwrap();
    let anew = Projections::open(anew.path(), &bench.store).unwrap();
    anew.advance(bench.now).unwrap();
    let hours = |from: i64, hours: i64| bench.now.plus_seconds((from - hours) * 1800);
    for (place, (as_at, known_at)) in VIEWS.iter().enumerate() {
        if place == VIEWS.len() / 2 {
            bench.projections = anew.clone();
        }
        let view = View { as_at: hours(30, *as_at), known_at: hours(0, *known_at) };
        prop_assert_eq!(bench.listed_at(view), bench.judged_at(view), "{:?} {:?}", view, steps);
        bench.counts_as_it_lists(Some(view))?;
        bench.backlogs_are_right(view)?;
        let view = View { as_at: view.known_at, ..view };
        bench.backlogs_are_right(view)?;
        bench.counts_as_it_lists(Some(view))?;
        prop_assert_eq!(bench.listed_at(view), bench.judged_at(view), "{:?} {:?}", view, steps);
    }
    Ok(())
}

/// Half hours before the present at which is looked back: as at (up to fifteen hours ahead), as known at. The second half is
/// asked of tables made anew.
const VIEWS: &[(i64, i64)] = &[
    (30, 0),
    (33, 0),
    (190, 0),
    (902, 0),
    (78, 200),
    (300, 205),
    (505, 611),
    (40, 950),
    (1205, 1300),
    (0, 77),
    (7, 0),
    (81, 0),
    (411, 3),
    (77, 41),
    (130, 201),
    (301, 420),
    (611, 505),
    (950, 40),
    (1300, 1201),
    (700, 702),
];

/// Without this the properties might be about histories without such duties.
#[test]
fn the_histories_between_subjects_reach_their_rules() {
    reaches(
        BETWEEN_SUBJECTS,
        &["4.16.sign", "4.16.sign annulled", "4.8.cpc", "4.8.cpc met_late", "4.8.cpc annulled"],
    );
    reaches(CASES, &["custody-level-1 cases", "community cases", "units", "4.13", "4.11 withdrawn"]);
    reaches(TO_DO_LISTS, &["5.15 met", "5.15 lapsed", "5.15 withdrawn"]);
}

fn reaches(kinds: &'static [u8], wanted: &[&str]) {
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(step_of(prop::sample::select(kinds)), 60..120);
    let mut opened: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..40 {
        let mut bench = Bench::new();
        for step in strategy.new_tree(&mut runner).unwrap().current() {
            bench.take(&step);
        }
        let now = View { as_at: bench.now, known_at: bench.now };
        *opened.entry("units".to_owned()).or_default() += bench.units_at(now).len();
        for programme in Programme::ALL {
            let backlog = bench.by_the_judge(now, |judge| judge.backlog("area/A1", programme));
            *opened.entry(format!("{} cases", programme.name())).or_default() += backlog.cases.len();
        }
        for duty in bench.judged() {
            let record: serde_json::Value = serde_json::from_str(&duty).unwrap();
            let text = |name| record.get(name).and_then(serde_json::Value::as_str).unwrap().to_owned();
            let (rule, outcome) = (text("rule"), text("outcome"));
            *opened.entry(format!("{rule} {outcome}")).or_default() += 1;
            *opened.entry(rule).or_default() += 1;
        }
    }
    for wanted in wanted {
        assert!(opened.get(*wanted).is_some_and(|count| *count > 0), "{wanted}: {opened:?}");
    }
}
