//! Sample forms of commands, the page that asks for confirmation, and what a page offers to do.

use crate::pages::Link;
use crate::pages::act::{ActCheck, ActForm, Bulk, CanDo, Chooser, FormField, Input, OfferPage};
use crate::pages::date_boxes::DateBoxes;
use crate::pages::duties::Choice;
use crate::pages::samples::{self, HOSTILE};

/// What can be done about a duty.
pub fn can_do() -> CanDo {
    CanDo {
        first: vec![Link::new("Create the record", "/act/create-record?duty=D-3F2A81C0")],
        others: vec![
            Link::new("Acknowledge a breach", "/act/acknowledge-breach?subject=duty/D-3F2A81C0"),
            Link::new("Explain a breach", "/act/explain-breach?subject=duty/D-3F2A81C0"),
        ],
        in_the_way: vec![(
            "Waive a duty".to_owned(),
            "A duty under this rule is waived by cpc; ask one of them.".to_owned(),
        )],
        nothing: None,
    }
}

fn choice(value: &str, text: &str, chosen: bool) -> Choice {
    Choice { value: value.to_owned(), text: text.to_owned(), chosen }
}

fn field(name: &str, label: &str, input: Input) -> FormField {
    let hint = Some("For example this.".to_owned());
    FormField { name: name.to_owned(), label: label.to_owned(), hint, error: None, input }
}

/// A form with a field of each kind.
pub fn form() -> ActForm {
    let words = || vec![choice("yes", "Yes", false), choice("no", "No", true)];
    ActForm {
        frame: samples::demo(),
        title: "Attest a requirement".to_owned(),
        paragraph: Link::new("paragraph 5.7", "/coverage#p-5-7"),
        action: "/act/attest-requirement".to_owned(),
        back: Some(Link::new("Organisations", "/organisations")),
        chooser: None,
        fields: vec![
            field("subject", "Organisation", Input::Line("area/A07".to_owned())),
            field("period_from", "First day of the period", Input::Dates(DateBoxes::default())),
            field("outcome", "Outcome", Input::Radios(words())),
            field("role", "Role", Input::Select(words())),
            field("sections", "Sections copied", Input::Ticks(words())),
            field("users", "Users", Input::Lines("user/U-1\nuser/U-2".to_owned(), 4)),
        ],
        more: vec![field("note", "Note", Input::Lines(String::new(), 4))],
        hidden: vec![("key".to_owned(), "c0ffee".to_owned())],
        notice: Some("As things stand it would be refused: it is not enrolled.".to_owned()),
        button: "Record it",
    }
}

/// The same with every field wrong, and hostile text typed into it.
pub fn wrong() -> ActForm {
    let wrong = |field: FormField| FormField { error: Some(format!("{} is wrong.", field.label)), ..field };
    let mut form = form();
    form.fields = form.fields.into_iter().map(wrong).collect();
    form.more = vec![wrong(field("note", "Note", Input::Lines(HOSTILE.to_owned(), 4)))];
    form.frame.errors = form.fields.iter().chain(&form.more).filter_map(FormField::summary).collect();
    form
}

/// The choice of an act, before its fields are there.
pub fn chooser() -> ActForm {
    let choices = vec![choice("minutes.added", "Minutes added", false)];
    let chooser = Chooser {
        name: "act",
        label: "What was done",
        hint: "It decides what else is asked.",
        nothing: None,
        choices,
        carried: vec![("subject".to_owned(), "nominal/N-7F3K29QX".to_owned())],
    };
    ActForm { chooser: Some(chooser), fields: vec![], more: vec![], notice: None, ..form() }
}

/// What is asked once more.
pub fn check() -> ActCheck {
    ActCheck {
        frame: samples::demo(),
        title: "Merge a duplicate into another nominal".to_owned(),
        paragraph: Link::new("paragraph 4.16", "/coverage#p-4-16"),
        warning: "This cannot be undone by you alone: the log keeps it for good.".to_owned(),
        action: "/act/merge-nominals".to_owned(),
        answers: vec![
            ("Nominal".to_owned(), vec!["N-1".to_owned()]),
            ("Note".to_owned(), vec![HOSTILE.to_owned(), "second line".to_owned()]),
        ],
        hidden: vec![("subject".to_owned(), HOSTILE.to_owned())],
    }
}

/// What can be done about several duties at once.
pub fn bulk() -> Bulk {
    let commands = vec![choice("acknowledge-breach", "Acknowledge a breach", false)];
    Bulk { commands, back: "/duties?outcome=overdue".to_owned() }
}

/// What can be done about a user.
pub fn offer() -> OfferPage {
    OfferPage {
        frame: samples::demo(),
        subject: "user/U-1".to_owned(),
        can_do: can_do(),
        back: Link::new("People", "/people"),
    }
}

/// Nothing can be done.
pub fn offer_nothing() -> OfferPage {
    let nothing = Some("Your vetting is not in date: it ended on 2026-03-01 (paragraph 6.1).".to_owned());
    OfferPage { can_do: CanDo { nothing, ..CanDo::default() }, ..offer() }
}
