//! Sample inbox, mails, sign-in, problems, rules, help.

use crate::pages::about::{Accessibility, Help};
use crate::pages::frame::{FieldError, Frame};
use crate::pages::inbox::{Inbox, MailPage, MailRow};
use crate::pages::listing::Filter;
use crate::pages::open_record::OpenRecord;
use crate::pages::paging::Pages;
use crate::pages::problem::{Problem, ProblemKind};
use crate::pages::rule::{RulePage, RuleVersion};
use crate::pages::samples::{self, duty, registers};
use crate::pages::settings::{Mail, Own, Settings};
use crate::pages::sign_in::{Elsewhere, Persona, SignIn, WithToken};
use crate::pages::words::Basis;
use crate::pages::{Link, duty::Quote};

fn row(id: u32, subject: &str, kind: &str, sent_at: &str, duties: Vec<Link>) -> MailRow {
    MailRow {
        href: format!("/inbox/{id}"),
        to: "cpc.a07@mandate.example".to_owned(),
        subject: subject.to_owned(),
        sent_at: sent_at.to_owned(),
        kind: kind.to_owned(),
        duties,
    }
}

/// The settings of a person with quiet hours and one kind of mail turned off.
pub fn settings() -> Settings {
    let mail = |name, words, on| Mail { name, words, hint: "When it comes.", on };
    Settings {
        frame: samples::demo(),
        own: Some(Own {
            digest_at: "06:45".to_owned(),
            quiet_from: "19:00".to_owned(),
            quiet_until: "07:00".to_owned(),
            mails: vec![mail("warning", "Warnings", true), mail("digest", "Daily digest", false)],
        }),
        usual_digest: Some("07:30".to_owned()),
        feed: "https://mandate.example.gov.uk/calendar/TOKEN.ics".to_owned(),
    }
}

pub fn settings_error() -> Settings {
    let error = |field: &str, text: &str| FieldError { field: field.to_owned(), text: text.to_owned() };
    let mut page = settings();
    page.frame.errors = vec![
        error("digest_at", "State a time such as 07:30."),
        error("quiet_from", "State both or neither."),
        error("quiet_until", "State both or neither."),
        error("mails", "Choose from those listed."),
    ];
    page.own = page.own.map(|own| Own { digest_at: samples::HOSTILE.to_owned(), ..own });
    page
}

pub fn settings_nobody() -> Settings {
    Settings { own: None, usual_digest: None, ..settings() }
}

/// The inbox with three mails.
pub fn inbox() -> Inbox {
    let one = || vec![Link::new("D-3F2A81C0", "/duties/D-3F2A81C0")];
    Inbox {
        frame: samples::demo(),
        filter: Filter { action: "/inbox".to_owned(), dates: vec![], chips: vec![], ..registers::filter() },
        mails: vec![
            row(
                3,
                "Tuesday 10 March: 4 overdue, 9 due this week",
                "Daily digest",
                "Tuesday 10 March 2026 at 07:00",
                vec![],
            ),
            row(2, "Breach: N-7F3K29QX, paragraph 4.10", "Breach", "Sunday 8 March 2026 at 00:00:04", one()),
            row(
                1,
                "Due by Friday 6 March: 3 ViSOR duties in U71",
                "Warning",
                "Wednesday 4 March 2026 at 09:00",
                [one(), vec![Link::new("D-5C77D014", "/duties/D-5C77D014")]].concat(),
            ),
        ],
        pages: Pages::new(1, 50, 3, |_| String::new()),
        checked_at: "Tuesday 10 March 2026 at 09:00".to_owned(),
    }
}

/// The inbox before anything was sent.
pub fn inbox_empty() -> Inbox {
    Inbox { mails: vec![], pages: Pages::new(1, 50, 0, |_| String::new()), ..inbox() }
}

/// An inbox without a mail of the kind that was asked for.
pub fn inbox_of_no_such_kind() -> Inbox {
    Inbox { filter: registers::filter(), ..inbox_empty() }
}

/// A breach mail.
pub fn mail() -> MailPage {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    MailPage {
        frame: samples::demo(),
        subject: "Breach: N-7F3K29QX, paragraph 4.10".to_owned(),
        from: "Mandate <mandate@mandate.example>".to_owned(),
        to: "cpc.a07@mandate.example".to_owned(),
        sent_at: "Sunday 8 March 2026 at 00:00:04".to_owned(),
        kind: "Breach".to_owned(),
        duties: vec![Link::new("D-3F2A81C0", "/duties/D-3F2A81C0")],
        more_duties: 0,
        text: "A duty was not met by its due date.\n\nNominal: N-7F3K29QX\nParagraph: 4.10\nDue: Saturday 7 March 2026\n\nWhy this date: http://127.0.0.1:8080/duties/D-3F2A81C0\n\n-- \nLog size 12,301, root 9f2c4ab07d51e6c38899aabbccddeeff00112233445566778899aabbccddeeff\n".to_owned(),
        html_href: Some("/inbox/2/html".to_owned()),
        headers: vec![
            header("Message-ID", "<b1c2d3e4f5061728394a5b6c7d8e9f00.1@mandate.example>"),
            header("In-Reply-To", "<a0b1c2d3e4f5061728394a5b6c7d8e9f.1@mandate.example>"),
            header("Auto-Submitted", "auto-generated"),
        ],
    }
}

/// A mail without duties, headers or HTML part.
pub fn mail_bare() -> MailPage {
    MailPage { duties: vec![], html_href: None, headers: vec![], ..mail() }
}

/// Some people of the demonstration.
pub fn sign_in() -> SignIn {
    let person = |id: &str, name: &str, role: &str, comes_for: &str| Persona {
        id: id.to_owned(),
        name: name.to_owned(),
        role: role.to_owned(),
        comes_for: comes_for.to_owned(),
    };
    SignIn {
        frame: samples::nobody(),
        people: vec![
            person("cpc", "Morgan Ellis", "CPC, area A07", "What did we miss, what is about to be missed?"),
            person("admin", "Robin Hale", "Case administrator, unit U71", "What must I do next?"),
            person("spo", "Sam Okoro", "Senior probation officer, unit U71", "Is my team up to date?"),
            person(
                "smb",
                "Alex Finch",
                "SMB member, area A07",
                "Are we compliant, and is it getting better?",
            ),
            person(
                "auditor",
                "Kit Rowan",
                "Auditor",
                "What did you know on that day, and why was this a breach?",
            ),
        ],
        next: Some("/inbox".to_owned()),
    }
}

fn problem(frame: Frame, kind: ProblemKind, reason: Option<&str>) -> Problem {
    Problem { frame, kind, reason: reason.map(str::to_owned), next: vec![], reference: None }
}

/// 400 with a reason.
pub fn bad_request() -> Problem {
    let reason = "`asAt` is “2026-13-01”, which is not a date. Write it as 2026-03-06.";
    problem(samples::demo(), ProblemKind::BadRequest, Some(reason))
}

/// 403 with a reason and a next step.
pub fn forbidden() -> Problem {
    Problem {
        next: vec![Link::new("Ask to open this record, with a reason", "/nominals/N-2M8R51TB/access")],
        ..problem(samples::live(), ProblemKind::Forbidden, Some("You are not a partner of this record."))
    }
}

/// 404 for someone who is not signed in.
pub fn not_found() -> Problem {
    problem(Frame::default(), ProblemKind::NotFound, None)
}

/// 500 with a reference.
pub fn failure() -> Problem {
    Problem { reference: Some("R-8F21C0".to_owned()), ..problem(samples::demo(), ProblemKind::Failure, None) }
}

/// A rule of the policy in two versions.
pub fn rule() -> RulePage {
    let numbers = |days: &str| {
        [
            ("Subject", "nominal"),
            ("Opens while", "category 2, level 2 or more"),
            ("Ends when", "record live"),
            ("Due", days),
            ("Holder", "area"),
            ("Warns", "2 working days before, and on, the last working day to act"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    };
    RulePage {
        frame: samples::present("/rules/4.10"),
        id: "4.10".to_owned(),
        paragraph: "4.10".to_owned(),
        sentence: "Create a ViSOR record for a case registered at level 2 or 3".to_owned(),
        basis: Basis::Policy,
        severity: "high".to_owned(),
        quotes: vec![duty::quote_4_10()],
        versions: vec![
            RuleVersion {
                effective_from: "Thursday 1 January 2026".to_owned(),
                effective_to: None,
                numbers: numbers("5 days"),
            },
            RuleVersion {
                effective_from: "Monday 16 January 2023".to_owned(),
                effective_to: Some("Wednesday 31 December 2025".to_owned()),
                numbers: numbers("5 days"),
            },
        ],
        interpretations: duty::interpretations(),
        duties_href: "/duties?rule=4.10".to_owned(),
    }
}

/// A local target with a quote for each kind of holder.
pub fn rule_local() -> RulePage {
    let quote = |paragraph: &str| Quote {
        text: "adhere to and sign (where required) the current and any subsequent revised versions"
            .to_owned(),
        citation: format!("Mandatory use of ViSOR, paragraph {paragraph}"),
    };
    RulePage {
        frame: samples::live(),
        id: "4.16.sign".to_owned(),
        paragraph: "4.16".to_owned(),
        basis: Basis::Local,
        quotes: vec![quote("4.16"), quote("5.11")],
        interpretations: vec![],
        ..rule()
    }
}

/// Help with a contact.
pub fn help() -> Help {
    Help { frame: samples::demo(), contact: Some("mandate-help@mandate.example".to_owned()) }
}

/// The statement without a contact and without anyone signed in.
pub fn accessibility() -> Accessibility {
    Accessibility { frame: Frame::default(), contact: None }
}

/// Before and after signing in elsewhere.
pub fn sign_in_elsewhere(signed_out: bool) -> Elsewhere {
    Elsewhere {
        frame: samples::nobody(),
        href: "/sign-in/issuer?next=%2Fduties".to_owned(),
        signed_out,
        sign_out: signed_out.then(|| "https://login.example.gov.uk/end?client_id=mandate".to_owned()),
    }
}

/// A token that is not known.
pub fn sign_in_with_token() -> WithToken {
    let mut frame = samples::nobody();
    let text = "Enter a token that was made for you.".to_owned();
    frame.errors.push(FieldError { field: "access-token".to_owned(), text });
    WithToken { frame, next: Some("/duties".to_owned()), signed_out: false }
}

/// A record that opens with a reason, which is missing.
pub fn open_record() -> OpenRecord {
    let mut frame = samples::live();
    frame
        .errors
        .push(FieldError { field: "reason".to_owned(), text: "Say why you open the record.".to_owned() });
    OpenRecord { frame, reference: "N-7F3K29QX".to_owned(), typed_reason: String::new() }
}
