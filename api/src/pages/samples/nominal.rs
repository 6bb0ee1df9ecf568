//! Sample nominals.

use crate::pages::Reference;
use crate::pages::act::CanDo;
use crate::pages::nominal::{Change, NominalPage, Partner, StateLine, TimelineEntry, TimelineOrder};
use crate::pages::row::DutyRow;
use crate::pages::samples::acts;
use crate::pages::samples::{self, lists};
use crate::pages::words::{Status, TimeLeft};

fn state(name: &str, value: &str, since: Option<&str>) -> StateLine {
    StateLine { name: name.to_owned(), value: value.to_owned(), since: since.map(str::to_owned) }
}

fn change(field: &str, before: &str, after: &str) -> Change {
    Change { field: field.to_owned(), before: before.to_owned(), after: after.to_owned() }
}

fn entry(kind: &str, type_name: &str, source: &str, times: [&str; 2], changes: Vec<Change>) -> TimelineEntry {
    let [occurred, recorded] = times;
    TimelineEntry {
        kind: kind.to_owned(),
        type_name: type_name.to_owned(),
        source: Reference::plain(source),
        occurred_at: occurred.to_owned(),
        recorded_at: recorded.to_owned(),
        effective_on: None,
        late: None,
        evidence: "system".to_owned(),
        changes,
        annulled: None,
        in_error_href: Some("/act/state-in-error?subject=nominal/N-7F3K29QX".to_owned()),
    }
}

fn timeline() -> Vec<TimelineEntry> {
    let created = TimelineEntry {
        late: Some("Recorded 4 days late".to_owned()),
        evidence: "attested".to_owned(),
        effective_on: Some("Thursday 5 March 2026".to_owned()),
        ..entry(
            "Record created",
            "record.created",
            "/visor/attested#e2",
            ["Friday 6 March 2026 at 15:00", "Tuesday 10 March 2026 at 11:20"],
            vec![change("Record", "none", "live"), change("Record owner", "none", "probation")],
        )
    };
    let wrong = TimelineEntry {
        annulled: Some(
            "Stated in error, annulled on Thursday 5 March 2026 at 10:00 by /ndelius#e4.".to_owned(),
        ),
        ..entry(
            "MAPPA registration changed",
            "mappa.changed",
            "/ndelius#e3",
            ["Wednesday 4 March 2026 at 16:45", "Wednesday 4 March 2026 at 16:45:10"],
            vec![],
        )
    };
    vec![
        created,
        wrong,
        entry(
            "Registered under MAPPA",
            "mappa.registered",
            "/ndelius#e1",
            ["Monday 2 March 2026 at 09:00", "Monday 2 March 2026 at 09:00"],
            vec![
                change("MAPPA category", "none", "2"),
                change("MAPPA level", "none", "2"),
                change("Supervision", "none", "statutory"),
                change("Area", "not known", "area/A07"),
            ],
        ),
    ]
}

/// A nominal with everything.
pub fn full() -> NominalPage {
    let met = DutyRow {
        status: Status::Met,
        time_left: TimeLeft::EndedOn("Friday 6 March 2026".to_owned()),
        marks: vec![],
        ..lists::overdue_row()
    };
    let since = Some("Monday 2 March 2026 at 09:00");
    NominalPage {
        frame: samples::present("/nominals/N-7F3K29QX"),
        reference: "N-7F3K29QX".to_owned(),
        state: vec![
            state("MAPPA category", "2", since),
            state("MAPPA level", "2", since),
            state("Supervision", "statutory", since),
            state("Record", "live", Some("Friday 6 March 2026 at 15:00")),
            state("Record owner", "probation", Some("Friday 6 March 2026 at 15:00")),
            state("Area", "area/A07", since),
            state("Custody", "out", None),
            state("Release date", "not known", None),
        ],
        duties: vec![lists::local_row(), met],
        partners: vec![Partner {
            org: "prison/LEI".to_owned(),
            users: "all users".to_owned(),
            since: "Monday 9 March 2026 at 14:00".to_owned(),
        }],
        timeline: timeline(),
        order: TimelineOrder::Occurred,
        other_order_href: "/nominals/N-7F3K29QX?order=recorded".to_owned(),
        csv_href: "/nominals/N-7F3K29QX/history.csv".to_owned(),
        json_href: "/v1/nominals/N-7F3K29QX/history".to_owned(),
        access: Some("You opened this record without being its partner.".to_owned()),
        can_do: acts::can_do(),
    }
}

/// The same nominal as known before the late fact.
pub fn past() -> NominalPage {
    let mut page = full();
    page.frame = samples::past("/nominals/N-7F3K29QX");
    page.duties = vec![lists::overdue_row()];
    page.timeline = timeline().split_off(1);
    page.order = TimelineOrder::Recorded;
    page.can_do = CanDo::default();
    page
}

/// A nominal of whom nothing was known yet.
pub fn empty() -> NominalPage {
    NominalPage {
        state: vec![state("Record", "not known", None)],
        duties: vec![],
        partners: vec![],
        timeline: vec![],
        ..past()
    }
}
