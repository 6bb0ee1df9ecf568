//! Every page with sample data, in several states, for the tests. All of it is made up.

pub mod acts;
pub mod duty;
pub mod lists;
pub mod nominal;
pub mod others;
pub mod registers;
pub mod reports;

use crate::pages::Page;
use crate::pages::date_boxes::DateBoxes;
use crate::pages::frame::{DemoClock, FieldError, Frame, Moment, Point, Section, SignedIn};

/// Text that must never reach a page as markup.
pub const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;";

/// Every sample page by name.
pub fn all() -> Vec<(&'static str, String)> {
    fn html(page: &impl Page) -> String {
        page.html().unwrap()
    }
    vec![
        ("work", html(&lists::work())),
        ("work-empty", html(&lists::work_empty())),
        ("work-past", html(&lists::work_past())),
        ("duties", html(&lists::duties())),
        ("duties-filtered", html(&lists::duties_filtered())),
        ("duties-wrong-date", html(&lists::duties_wrong_date())),
        ("duties-empty", html(&lists::duties_empty())),
        ("duty-overdue", html(&duty::overdue())),
        ("duty-rescinded", html(&duty::rescinded())),
        ("duty-local", html(&duty::local())),
        ("duty-undatable", html(&duty::undatable())),
        ("duty-bare", html(&duty::bare())),
        ("duty-hostile", html(&duty::hostile())),
        ("nominal", html(&nominal::full())),
        ("nominal-past", html(&nominal::past())),
        ("nominal-empty", html(&nominal::empty())),
        ("register", html(&registers::register())),
        ("register-filtered", html(&registers::filtered())),
        ("register-wrong-date", html(&registers::wrong_date())),
        ("register-empty", html(&registers::empty())),
        ("register-two-tables", html(&registers::two_tables())),
        ("register-hostile", html(&registers::hostile())),
        ("compliance", html(&registers::compliance())),
        ("compliance-board", html(&registers::compliance_board())),
        ("compliance-empty", html(&registers::compliance_empty())),
        ("report", html(&reports::full())),
        ("report-filtered", html(&reports::filtered())),
        ("report-empty", html(&reports::empty())),
        ("report-hostile", html(&reports::hostile())),
        ("quarantined", html(&registers::quarantined())),
        ("quarantined-error", html(&registers::quarantined_error())),
        ("quarantined-settled", html(&registers::quarantined_settled())),
        ("act", html(&acts::form())),
        ("act-wrong", html(&acts::wrong())),
        ("act-chooser", html(&acts::chooser())),
        ("offer", html(&acts::offer())),
        ("offer-nothing", html(&acts::offer_nothing())),
        ("act-check", html(&acts::check())),
        ("settings", html(&others::settings())),
        ("settings-error", html(&others::settings_error())),
        ("settings-nobody", html(&others::settings_nobody())),
        ("inbox", html(&others::inbox())),
        ("inbox-empty", html(&others::inbox_empty())),
        ("inbox-of-no-such-kind", html(&others::inbox_of_no_such_kind())),
        ("mail", html(&others::mail())),
        ("mail-bare", html(&others::mail_bare())),
        ("sign-in", html(&others::sign_in())),
        ("sign-in-elsewhere", html(&others::sign_in_elsewhere(false))),
        ("signed-out", html(&others::sign_in_elsewhere(true))),
        ("open-record", html(&others::open_record())),
        ("sign-in-token", html(&others::sign_in_with_token())),
        ("problem-400", html(&others::bad_request())),
        ("problem-403", html(&others::forbidden())),
        ("problem-404", html(&others::not_found())),
        ("problem-500", html(&others::failure())),
        ("rule", html(&others::rule())),
        ("rule-local", html(&others::rule_local())),
        ("help", html(&others::help())),
        ("accessibility", html(&others::accessibility())),
    ]
}

/// The frame of a page without anyone signed in.
pub fn nobody() -> Frame {
    Frame {
        demo: Some(DemoClock { now: "Tuesday 10 March 2026 at 09:00".to_owned() }),
        form_token: "b3f1c2".to_owned(),
        ..Frame::default()
    }
}

/// The frame of a page of the demo.
pub fn demo() -> Frame {
    Frame {
        person: Some(SignedIn { name: "Morgan Ellis".to_owned(), role: "CPC, area A07".to_owned() }),
        sections: vec![
            Section::MyWork,
            Section::Duties,
            Section::Compliance,
            Section::Reconciliation,
            Section::People,
            Section::Organisations,
            Section::Audits,
            Section::Rules,
            Section::Inbox,
        ],
        log_position: Some("12,345".to_owned()),
        ..nobody()
    }
}

/// The frame of a page outside the demo, which has a sign-out button and no inbox.
pub fn live() -> Frame {
    Frame { demo: None, sections: vec![Section::MyWork, Section::Duties], ..demo() }
}

/// The frame of a page of the demo that shows the present and could show the past.
pub fn present(path: &str) -> Frame {
    Frame { moment: Some(moment(path, None, None)), ..demo() }
}

/// The frame of a page of the demo that shows the past.
pub fn past(path: &str) -> Frame {
    let as_at = point("2026-03-06", "the end of Friday 6 March 2026", ["6", "3", "2026"]);
    let known_at = point("2026-03-09", "the end of Monday 9 March 2026", ["9", "3", "2026"]);
    Frame { moment: Some(moment(path, Some(as_at), Some(known_at))), ..demo() }
}

/// The frame of a page whose moment form was sent with a date that does not exist.
pub fn wrong_moment(path: &str) -> Frame {
    let mut moment = moment(path, None, None);
    moment.as_at.boxes = DateBoxes::typed(Some("30"), Some("2"), Some("2026"));
    let error = moment.as_at.boxes.read("As at").unwrap_err();
    moment.as_at.boxes.error = Some(error.clone());
    let errors = vec![FieldError { field: "asAt-day".to_owned(), text: error }];
    Frame { moment: Some(moment), errors, ..demo() }
}

fn moment(path: &str, as_at: Option<Point>, known_at: Option<Point>) -> Moment {
    let now = || Point { words: "now".to_owned(), ..Point::default() };
    Moment {
        as_at: as_at.unwrap_or_else(now),
        known_at: known_at.unwrap_or_else(now),
        action: path.to_owned(),
        carried: vec![("sort".to_owned(), "due".to_owned())],
        present_href: path.to_owned(),
    }
}

fn point(parameter: &str, words: &str, boxes: [&str; 3]) -> Point {
    let [day, month, year] = boxes;
    Point {
        parameter: Some(parameter.to_owned()),
        words: words.to_owned(),
        boxes: DateBoxes::typed(Some(day), Some(month), Some(year)),
    }
}
