use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::Duration;

use mandate_domain::catalogue::{FactType, Field};
use mandate_scheduler::{MailReport, Mailer, Security, Smtp};

use crate::fixture::{Sent, World, at};
use crate::smtp_server::{Act, Server, Verb};

fn smtp(port: u16) -> Mailer {
    let smtp = Smtp::new("127.0.0.1", port, Security::Plaintext).unwrap();
    Mailer::Smtp(smtp.with_timeout(Duration::from_secs(10)))
}

/// A breach of N-1 is due at 8 March 00:00, its mail goes to the server; warnings were not given.
fn about_to_breach(server: &Server) -> World {
    let mut world = World::new();
    world.mailer = smtp(server.address.port());
    world.restart();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world
}

fn outcome(report: MailReport) -> (usize, usize, usize, usize) {
    (report.accepted, report.deferred, report.rejected, report.ambiguous)
}

/// The messages without the empty line that ends each on the wire.
fn received(server: &Server) -> Vec<Sent> {
    server.messages().into_iter().map(|bytes| Sent::new(String::new(), bytes)).collect()
}

#[test]
fn a_mail_is_accepted_and_the_answer_is_recorded_on_the_first_duty_without_the_address() {
    let server = Server::start();
    let world = about_to_breach(&server);
    let report = world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(outcome(report.mails), (1, 0, 0, 0));
    assert_eq!(world.texts(FactType::NoticeAccepted, Field::Reply), ["250 2.0.0 queued as 4F1C2A9D"]);
    assert!(world.events(FactType::NoticeAccepted)[0].fact.subject.starts_with("duty/4.10:nominal/N-1:"));
    let mails = received(&server);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].header("Subject"), "Breach: N-1, paragraph 4.10");
}

#[test]
fn an_answer_of_400_is_tried_again_after_its_pause_and_then_succeeds() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    for verb in [Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Dot] {
        server.then(&[Act::Answer(verb, "451 4.3.0 <cpc@example.gov.uk> try later")]);
    }
    let passes = [
        ("2026-03-08T00:00:00Z", (0, 1, 0, 0)),
        ("2026-03-08T00:00:59Z", (0, 0, 0, 0)),
        ("2026-03-08T00:01:00Z", (0, 1, 0, 0)),
        ("2026-03-08T00:03:00Z", (0, 1, 0, 0)),
        ("2026-03-08T00:07:59Z", (0, 0, 0, 0)),
        ("2026-03-08T00:08:00Z", (0, 1, 0, 0)),
        ("2026-03-08T00:18:00Z", (1, 0, 0, 0)),
    ];
    for (place, (time, wanted)) in passes.into_iter().enumerate() {
        if place % 2 == 1 {
            world.restart();
        }
        assert_eq!(outcome(world.pass_at(time).mails), wanted, "{time}");
    }
    assert_eq!(world.texts(FactType::NoticeDeferred, Field::Reply), ["451 4.3.0 [withheld] try later"; 4]);
    let mails = received(&server);
    assert_eq!(mails.len(), 2, "the first was refused after the dot");
    assert_eq!(mails[0], mails[1]);
}

#[test]
fn an_answer_of_500_is_not_tried_again_and_the_administrator_is_told() {
    for verb in [Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Dot] {
        let server = Server::start();
        let world = about_to_breach(&server);
        server.then(&[Act::Answer(verb, "550 5.1.1 no such user")]);
        assert_eq!(outcome(world.pass_at("2026-03-08T00:00:00Z").mails), (1, 0, 1, 0), "{verb:?}");
        assert_eq!(
            received(&server).last().unwrap().header("To"),
            "administrator@example.gov.uk",
            "{verb:?}"
        );
        assert_eq!(outcome(world.pass_at("2026-03-09T00:00:00Z").mails), (0, 0, 0, 0), "{verb:?}");
        assert_eq!(world.texts(FactType::NoticeRejected, Field::Reply), ["550 5.1.1 no such user"]);
    }
}

#[test]
fn a_server_that_refuses_everybody_delays_all_mails_and_loses_none() {
    for act in [
        Act::Answer(Verb::Greeting, "554 not now"),
        Act::Answer(Verb::Greeting, "421 busy"),
        Act::Answer(Verb::Ehlo, "550 who are you"),
        Act::HangUp(Verb::Greeting),
        Act::HangUp(Verb::Ehlo),
    ] {
        let server = Server::start();
        let mut world = about_to_breach(&server);
        world.nominal("N-2");
        server.then(&[act]);
        assert_eq!(outcome(world.pass_at("2026-03-08T00:00:00Z").mails), (0, 1, 0, 0), "{act:?}");
        assert_eq!(server.connections(), 1, "{act:?}: asked once, not once for each mail");
        assert_eq!(outcome(world.pass_at("2026-03-08T00:00:59Z").mails), (0, 0, 0, 0), "{act:?}");
        assert_eq!(outcome(world.pass_at("2026-03-08T00:01:00Z").mails), (2, 0, 0, 0), "{act:?}");
        assert_eq!(received(&server).len(), 2, "{act:?}");
    }
}

#[test]
fn a_line_that_breaks_before_the_final_dot_is_a_deferral() {
    for verb in [Verb::Mail, Verb::Rcpt, Verb::Data] {
        let server = Server::start();
        let world = about_to_breach(&server);
        server.then(&[Act::HangUp(verb)]);
        assert_eq!(outcome(world.pass_at("2026-03-08T00:00:00Z").mails), (0, 1, 0, 0), "{verb:?}");
        assert_eq!(outcome(world.pass_at("2026-03-08T00:01:00Z").mails), (1, 0, 0, 0), "{verb:?}");
        assert_eq!(received(&server).len(), 1, "{verb:?}");
    }
}

#[test]
fn an_answer_lost_after_the_final_dot_is_ambiguous_and_the_same_bytes_are_sent_once_more() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    server.then(&[Act::HangUp(Verb::Dot)]);
    assert_eq!(outcome(world.pass_at("2026-03-08T00:00:00Z").mails), (0, 0, 0, 1));
    world.restart();
    assert_eq!(outcome(world.pass_at("2026-03-08T00:00:59Z").mails), (0, 0, 0, 0));
    assert_eq!(outcome(world.pass_at("2026-03-08T00:01:00Z").mails), (1, 0, 0, 0));
    assert_eq!(outcome(world.pass_at("2026-03-09T00:00:00Z").mails), (0, 0, 0, 0));
    let mails = received(&server);
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0], mails[1], "Message-ID and every other byte");
    assert_eq!(world.events(FactType::NoticeAmbiguous).len(), 1);
}

#[test]
fn a_mail_whose_answer_was_lost_twice_is_not_sent_a_third_time() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    server.then(&[Act::HangUp(Verb::Dot), Act::HangUp(Verb::Dot)]);
    world.pass_at("2026-03-08T00:00:00Z");
    world.restart();
    assert_eq!(
        outcome(world.pass_at("2026-03-08T00:01:00Z").mails),
        (1, 0, 1, 0),
        "the administrator is told"
    );
    world.pass_at("2026-03-09T00:00:00Z");
    let to: Vec<_> = received(&server).iter().map(|mail| mail.header("To")).collect();
    assert_eq!(to, ["cpc@example.gov.uk", "cpc@example.gov.uk", "administrator@example.gov.uk"]);
}

#[test]
fn a_breach_rescinded_after_its_answer_was_lost_is_withdrawn_by_mail_since_it_may_have_gone() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    server.then(&[Act::HangUp(Verb::Dot)]);
    world.pass_at("2026-03-08T00:00:00Z");
    world.set("2026-03-08T00:01:00Z");
    let data = serde_json::json!({ "owner": "area/A07" });
    world.tell_at(at("2026-03-06T12:00:00Z"), "record.created", "nominal/N-1", &data);
    world.pass_at("2026-03-08T00:01:00Z");
    let mails = received(&server);
    assert_eq!(mails[0], mails[1], "sent again as it was");
    assert_eq!(mails[2].header("Subject"), "Withdrawn: N-1, paragraph 4.10");
    assert_eq!(mails[2].header("In-Reply-To"), mails[0].header("Message-ID"));
}

#[test]
fn a_relay_that_is_down_for_72_hours_delays_a_mail_and_does_not_lose_it() {
    // A port on which nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut world = World::new();
    world.mailer = smtp(closed);
    world.restart();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    let mut now = at("2026-03-08T00:00:00Z");
    let mut deferred = 0;
    while now < at("2026-03-11T00:00:00Z") {
        world.clock.set(now);
        let report = world.scheduler().pass(now).unwrap();
        deferred += report.mails.deferred;
        assert_eq!(report.mails.rejected, 0);
        now = report.mails.next_at.unwrap();
    }
    // Six shorter pauses, 78 minutes together, and then every hour.
    assert_eq!(deferred, 6 + 71);
    let server = Server::start();
    world.mailer = smtp(server.address.port());
    world.restart();
    assert_eq!(outcome(world.pass_at(&now.to_string()).mails), (1, 0, 0, 0));
    assert_eq!(received(&server).len(), 1);
}

#[test]
fn while_a_relay_is_away_one_mail_is_tried_for_all_and_each_is_given_up_72_hours_after_it_was_queued() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut world = World::new();
    world.mailer = smtp(port);
    world.restart();
    world.set("2026-03-02T09:00:00Z");
    for number in 1..=4 {
        world.nominal(&format!("N-{number}"));
    }
    let mut now = at("2026-03-08T00:00:00Z");
    let (mut deferred, mut rejected) = (0, Vec::new());
    while now < at("2026-03-11T01:00:00Z") {
        world.clock.set(now);
        let report = world.scheduler().pass(now).unwrap().mails;
        deferred += report.deferred;
        if report.rejected > 0 {
            rejected.push((now, report.rejected));
        }
        now = report.next_at.unwrap();
    }
    // As often as one mail alone: of the others nothing is said until they are given up.
    assert_eq!(deferred, 6 + 71);
    assert_eq!(world.events(FactType::NoticeAttempted).len(), deferred + 1);
    assert_eq!(rejected, [(at("2026-03-11T00:18:00Z"), 4)]);
    let replies = world.texts(FactType::NoticeRejected, Field::Reply);
    assert!(
        replies.iter().all(|reply| reply.starts_with("given up after 72 hours: mail server not reached"))
    );
}

#[test]
fn a_mail_deferred_for_longer_than_72_hours_is_given_up_and_the_administrator_is_told() {
    let server = Server::start();
    let world = about_to_breach(&server);
    server.then(&[Act::Answer(Verb::Rcpt, "450 4.2.2 mailbox full"); 2]);
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(outcome(world.pass_at("2026-03-11T00:00:00Z").mails), (1, 0, 1, 0));
    let replies = world.texts(FactType::NoticeRejected, Field::Reply);
    assert_eq!(replies, ["given up after 72 hours: 450 4.2.2 mailbox full"]);
    assert_eq!(received(&server).last().unwrap().header("To"), "administrator@example.gov.uk");
}

#[test]
fn a_clock_that_jumps_far_ahead_and_back_does_not_hold_a_mail_for_years() {
    let server = Server::start();
    let world = about_to_breach(&server);
    server.then(&[Act::Answer(Verb::Rcpt, "451 later"); 2]);
    world.pass_at("2026-03-08T00:00:00Z");
    world.pass_at("2026-03-09T00:00:00Z");
    assert_eq!(outcome(world.pass_at("2026-03-08T00:05:00Z").mails), (1, 0, 0, 0));
}

#[test]
fn a_server_that_fails_at_any_verb_once_gets_the_mail_in_the_end() {
    for verb in Verb::ALL {
        for act in [Act::HangUp(verb), Act::Answer(verb, "451 later")] {
            let server = Server::start();
            let world = about_to_breach(&server);
            server.then(&[act]);
            world.pass_at("2026-03-08T00:00:00Z");
            world.pass_at("2026-03-08T00:01:00Z");
            assert_eq!(world.events(FactType::NoticeAccepted).len(), 1, "{act:?}");
            assert!((1..=2).contains(&received(&server).len()), "{act:?}");
        }
    }
}

#[test]
fn a_server_without_tls_gets_nothing_where_tls_is_required() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    world.mailer = Mailer::Smtp(Smtp::new("127.0.0.1", server.address.port(), Security::StartTls).unwrap());
    world.restart();
    assert_eq!(outcome(world.pass_at("2026-03-08T00:00:00Z").mails), (0, 1, 0, 0));
    assert_eq!(received(&server).len(), 0);
    let replies = world.texts(FactType::NoticeDeferred, Field::Reply);
    assert!(replies[0].contains("STARTTLS is not supported"), "{replies:?}");
}

#[test]
fn a_pass_sends_up_to_its_limit_and_says_that_there_is_more() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    world.settings = world.settings.clone().with_limits(100, 2);
    world.nominal("N-2");
    world.nominal("N-3");
    world.restart();
    let report = world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!((report.mails.accepted, report.mails.more), (2, true));
    let report = world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!((report.mails.accepted, report.mails.more), (1, false));
    assert_eq!(server.connections(), 2, "one for each pass");
}

#[test]
fn while_a_mail_server_takes_its_time_breaches_are_raised_and_rescinded() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    world.set("2026-03-02T10:00:00Z");
    world.nominal("N-2");
    world.set("2026-03-08T00:00:00Z");
    let hold = server.hold(Verb::Dot);
    let now = at("2026-03-08T00:00:00Z");
    world.scheduler().record_steps(now).unwrap();
    let scheduler = world.scheduler().clone();
    let sending = std::thread::spawn(move || scheduler.send_mails(now).unwrap());
    hold.reached();
    let data = serde_json::json!({ "owner": "area/A07" });
    world.tell_at(at("2026-03-06T12:00:00Z"), "record.created", "nominal/N-1", &data);
    world.set("2026-03-08T00:00:05Z");
    let (done, finished) = channel();
    let scheduler = world.scheduler().clone();
    std::thread::spawn(move || {
        let report = scheduler.record_steps(at("2026-03-08T00:00:05Z")).unwrap();
        done.send(report.rescinded).ok();
    });
    // The server answers in any case after this, so that a pass that waits for it is told from one that does not.
    let rescinded = finished.recv_timeout(Duration::from_secs(5));
    drop(hold);
    assert_eq!(rescinded, Ok(1), "not after the mail server has answered");
    sending.join().unwrap();
    // The mail about N-1 went while the breach was rescinded: its withdrawal follows.
    world.pass_at("2026-03-08T00:01:00Z");
    let subjects: Vec<_> = received(&server).iter().map(|mail| mail.header("Subject")).collect();
    let of = |reference: &str| subjects.iter().filter(|line| line.contains(reference)).collect::<Vec<_>>();
    assert_eq!(of("N-1"), ["Breach: N-1, paragraph 4.10", "Withdrawn: N-1, paragraph 4.10"]);
    assert_eq!(of("N-2"), ["Breach: N-2, paragraph 4.10"]);
}

#[test]
fn a_breach_rescinded_while_its_mail_was_refused_for_now_is_neither_mailed_nor_withdrawn_by_mail() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    world.set("2026-03-08T00:00:00Z");
    server.then(&[Act::Answer(Verb::Dot, "451 later")]);
    let hold = server.hold(Verb::Dot);
    let now = at("2026-03-08T00:00:00Z");
    world.scheduler().record_steps(now).unwrap();
    let scheduler = world.scheduler().clone();
    let sending = std::thread::spawn(move || scheduler.send_mails(now).unwrap());
    hold.reached();
    let data = serde_json::json!({ "owner": "area/A07" });
    world.tell_at(at("2026-03-06T12:00:00Z"), "record.created", "nominal/N-1", &data);
    world.set("2026-03-08T00:00:05Z");
    let (done, finished) = channel();
    let scheduler = world.scheduler().clone();
    std::thread::spawn(move || {
        done.send(scheduler.record_steps(at("2026-03-08T00:00:05Z")).unwrap().rescinded).ok();
    });
    assert_eq!(finished.recv_timeout(Duration::from_secs(5)), Ok(1));
    drop(hold);
    assert_eq!(sending.join().unwrap().deferred, 1);
    world.pass_at("2026-03-08T00:02:00Z");
    assert_eq!(received(&server).len(), 1, "what was refused, and nothing after it");
}

#[test]
fn a_mail_given_up_is_a_dead_letter_for_a_day_whenever_it_was_queued_and_the_deputy_is_told() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    world.person("user/U-deputy", "area/A07");
    world.tell(
        "post.filled",
        "area/A07",
        &serde_json::json!({ "post": "deputy-cpc", "user": "user/U-deputy" }),
    );
    server.then(&[Act::Answer(Verb::Rcpt, "450 4.2.2 mailbox full"); 2]);
    let codes = |time: &str| -> Vec<&str> {
        let found = world.scheduler().problems(at(time)).unwrap();
        found.iter().map(|problem| problem.code).filter(|code| *code == "dead-letters").collect()
    };
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(codes("2026-03-10T23:59:59Z"), [""; 0]);
    assert_eq!(outcome(world.pass_at("2026-03-11T00:00:00Z").mails), (1, 0, 1, 0));
    assert_eq!(received(&server).last().unwrap().header("To"), "deputy@example.gov.uk");
    assert_eq!(codes("2026-03-11T00:00:01Z"), ["dead-letters"]);
    assert_eq!(codes("2026-03-12T00:00:00Z"), ["dead-letters"]);
    assert_eq!(codes("2026-03-12T00:00:01Z"), [""; 0]);
}

#[test]
fn the_deputy_of_the_owners_cpc_is_told_of_an_opening_that_could_not_be_delivered() {
    let server = Server::start();
    let mut world = about_to_breach(&server);
    world.person("user/U-deputy", "area/A07");
    world.tell(
        "post.filled",
        "area/A07",
        &serde_json::json!({ "post": "deputy-cpc", "user": "user/U-deputy" }),
    );
    let data = serde_json::json!({ "user": "user/U-lead", "org": "prison/LEI", "partnered": false });
    world.tell("record.accessed", "nominal/N-OLD", &data);
    server.then(&[Act::Answer(Verb::Rcpt, "550 5.1.1 no such user")]);
    assert_eq!(outcome(world.pass_at("2026-03-02T09:00:10Z").mails), (1, 0, 1, 0));
    assert_eq!(received(&server)[0].header("To"), "deputy@example.gov.uk");
}
