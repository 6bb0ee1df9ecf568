//! The forms of commands: each opens with the fields of the list, tells what is wrong beside the field, is carried out
//! once however often it is sent, and is reached from where people work.

use std::collections::BTreeMap;

use axum::body::Body;
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::command::ACTS;
use serde_json::Value;

use crate::demonstration::{Demo, signed_in};
use crate::server::{Answer, get, send};

/// The text of an attribute, as it was before it was escaped.
fn unescaped(text: &str) -> String {
    let pairs =
        [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| unescaped(value))
}

/// What stands in the form that is sent to an address: hidden, typed, ticked and chosen.
fn filled(page: &str, action: &str) -> BTreeMap<String, String> {
    let start = format!("method=\"post\" action=\"{action}\"");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no form to {action}: {page}"));
    let form = rest.split("</form>").next().unwrap();
    let mut fields = BTreeMap::new();
    for tag in form.split('<') {
        let tag_end = tag.find('>').unwrap_or(tag.len());
        let (head, text) = tag.split_at(tag_end);
        let Some(name) = attribute(head, "name") else { continue };
        let kind = attribute(head, "type").unwrap_or_default();
        if head.starts_with("input")
            && (!["radio", "checkbox"].contains(&kind.as_str()) || head.contains(" checked"))
        {
            fields.insert(name, attribute(head, "value").unwrap_or_default());
        } else if head.starts_with("textarea") {
            fields.insert(name, unescaped(text.trim_start_matches(">\n")));
        }
    }
    fields
}

fn encoded(fields: &BTreeMap<String, String>) -> String {
    let code = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", code(name), code(value))).collect();
    pairs.join("&")
}

async fn json(demo: &Demo, address: &str) -> Value {
    send(&demo.router, get(address).header("cookie", &demo.cookie).body(Body::empty()).unwrap()).await.json()
}

/// Opens a form, types into it, sends it, and confirms where it is asked.
async fn give(demo: &mut Demo, address: &str, typed: &[(&str, &str)]) -> Answer {
    let page = demo.page(address).await;
    assert_eq!(page.status, 200, "{address}: {}", page.text);
    let action = address.split('?').next().unwrap().to_owned();
    let mut fields = filled(&page.text, &action);
    fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let answer = demo.form(&action, &encoded(&fields)).await;
    if answer.status == 200 && answer.text.contains("Check before you confirm") {
        let mut again = filled(&answer.text, &action);
        again.insert("step".to_owned(), "confirm".to_owned());
        return demo.form(&action, &encoded(&again)).await;
    }
    answer
}

/// The first open duties of the person signed in, each with its page.
async fn open_duties(demo: &mut Demo, filter: &str) -> Vec<(String, String)> {
    let found = json(demo, &format!("/v1/duties?outcome=overdue,pending&size=60&{filter}")).await;
    let mut duties = Vec::new();
    for row in found["content"].as_array().unwrap() {
        let reference = row["reference"].as_str().unwrap().to_owned();
        let page = demo.page(&format!("/duties/{reference}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        duties.push((reference, page.text));
    }
    duties
}

#[tokio::test]
async fn each_commands_form_opens_and_asks_for_what_its_schema_names() {
    let mut demo = signed_in().await;
    let commands = json(&demo, "/v1/commands").await;
    let commands = commands["commands"].as_array().unwrap();
    assert!(commands.len() > 60);
    for command in commands {
        let name = command["name"].as_str().unwrap();
        let page = demo.page(&format!("/act/{name}")).await;
        assert_eq!(page.status, 200, "{name}: {}", page.text);
        let title = command["title"].as_str().unwrap();
        assert!(unescaped(&page.text).contains(title), "{name}");
        let schema = json(&demo, command["schema"].as_str().unwrap()).await;
        let Some(properties) = schema["properties"].as_object() else {
            assert_eq!(name, "record-act");
            assert!(page.text.contains("<option value=\"minutes.added\">"), "{}", page.text);
            continue;
        };
        for property in
            properties.keys().filter(|property| !["subjects", "instead"].contains(&property.as_str()))
        {
            let asked = format!("data-field=\"{property}");
            assert!(page.text.contains(&asked), "{name}: {property}");
        }
    }
    assert_eq!(demo.page("/act/invent-record").await.status, 404);
    assert_eq!(demo.page("/act/waive-duty?colour=red").await.status, 400);
}

#[tokio::test]
async fn what_is_wrong_or_refused_is_told_beside_its_field_and_nothing_typed_is_lost() {
    let mut demo = signed_in().await;
    let before = demo.stage.store.reader().head().unwrap().position;
    let wrong = give(&mut demo, "/act/explain-breach?subject=duty/D-00000000", &[("reason", "  ")]).await;
    assert!(
        wrong.text.contains("id=\"reason-error\"") && wrong.text.contains("href=\"#reason\""),
        "{}",
        wrong.text
    );
    assert!(wrong.text.contains("value=\"duty/D-00000000\""), "{}", wrong.text);
    let missing = give(
        &mut demo,
        "/act/explain-breach?subject=duty/D-00000000",
        &[("reason", "late\r\npost"), ("note-x", "")],
    )
    .await;
    assert!(
        missing.text.contains("id=\"subject-error\"") && missing.text.contains("late\npost"),
        "{}",
        missing.text
    );
    // A refusal by an invariant: a duty that is not overdue has no breach.
    let pending = open_duties(&mut demo, "breach=false&sort=due&dir=desc").await;
    let of_ours = pending.into_iter().find(|(_, page)| page.contains("It was never overdue"));
    let (duty, _) = of_ours.expect("a duty of the CPC's own that is not overdue");
    let page = demo.page(&format!("/act/acknowledge-breach?subject=duty/{duty}")).await;
    assert!(page.text.contains("As things stand it would be refused"), "{}", page.text);
    let refused = give(&mut demo, &format!("/act/acknowledge-breach?subject=duty/{duty}"), &[]).await;
    assert!(
        refused.text.contains("id=\"subject-error\"") && refused.text.contains("(Paragraph "),
        "{}",
        refused.text
    );
    assert!(refused.text.contains("<title>Error: "), "{}", refused.text);
    // Without the token of our own page nothing is taken.
    assert_eq!(demo.form("/act/acknowledge-breach", "token=x&subject=D-1").await.status, 403);
    assert_eq!(demo.stage.store.reader().head().unwrap().position, before);
}

/// A breach of the person's area that nobody acknowledged.
async fn breach(demo: &mut Demo) -> String {
    let duties = open_duties(demo, "breach=true").await;
    let open = duties.into_iter().find(|(_, page)| page.contains("/act/acknowledge-breach?"));
    open.expect("a breach that may be acknowledged").0
}

#[tokio::test]
async fn a_form_sent_twice_takes_effect_once_and_the_next_page_names_the_event() {
    let mut demo = signed_in().await;
    let duty = breach(&mut demo).await;
    let page = demo.page(&format!("/act/acknowledge-breach?subject=duty/{duty}&back=/duties/{duty}")).await;
    let fields = encoded(&filled(&page.text, "/act/acknowledge-breach"));
    let first = demo.form("/act/acknowledge-breach", &fields).await;
    assert_eq!(
        (first.status, &first.headers["location"]),
        (303, &format!("/duties/{duty}").parse().unwrap()),
        "{}",
        first.text
    );
    let position = demo.stage.store.reader().head().unwrap().position;
    let again = demo.form("/act/acknowledge-breach", &fields).await;
    assert_eq!(again.status, 303, "{}", again.text);
    assert_eq!(demo.stage.store.reader().head().unwrap().position, position);
    let next = demo.page(&format!("/duties/{duty}")).await.text;
    assert!(next.contains("Recorded: Acknowledge a breach"), "{next}");
    let place = next.split("log position ").nth(1).expect("the event's place");
    assert_eq!(place.split('<').next().unwrap().replace(',', ""), position.to_string());
    assert!(next.contains("breach is acknowledged already"), "why it is offered no more");
    // The same form under another key is a new command, which is refused.
    let other = fields.replace("key=", "key=0");
    assert!(demo.form("/act/acknowledge-breach", &other).await.text.contains("acknowledged already"));
}

#[test]
fn a_form_is_carried_out_where_one_thread_may_block() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build();
    let answered = runtime.unwrap().block_on(async {
        let mut demo = signed_in().await;
        let duty = breach(&mut demo).await;
        let page =
            demo.page(&format!("/act/acknowledge-breach?subject=duty/{duty}&back=/duties/{duty}")).await;
        let fields = encoded(&filled(&page.text, "/act/acknowledge-breach"));
        let given = demo.form("/act/acknowledge-breach", &fields);
        tokio::time::timeout(std::time::Duration::from_mins(1), given).await.map(|answer| answer.status)
    });
    assert_eq!(answered.expect("it is answered"), 303);
}

#[tokio::test]
async fn a_form_tells_nothing_of_a_nominal_that_one_may_not_see() {
    let mut demo = signed_in().await;
    let nominals = demo.stage.projections.subjects(SubjectKind::Nominal, &[], 0, 200).unwrap().content;
    let now = mandate_domain::time::Clock::now(&*demo.stage.clock);
    let view = mandate_domain::judge::View { as_at: now, known_at: now };
    let (mut kept, mut filled_in) = (0, 0);
    for person in ["spo", "cpc"] {
        demo.act_as(person).await;
        for row in &nominals {
            let reference = row.subject.replace("nominal/", "");
            let open = demo.page(&format!("/nominals/{reference}")).await.text;
            let may_see = !open.contains(&format!("action=\"/nominals/{reference}/access\""));
            let timeline = demo.stage.projections.timeline(&row.subject, view).unwrap();
            let act = timeline.iter().filter(|entry| ACTS.contains(&entry.kind.as_str())).find_map(|entry| {
                let said = entry
                    .data
                    .iter()
                    .find(|(field, _)| ["assessment", "code", "meeting"].contains(&field.as_str()));
                Some((entry, said?.1.clone()))
            });
            let Some((entry, said)) = act else { continue };
            let event = entry.reference.replace('#', "%23");
            let form =
                format!("/act/state-in-error?subject={}&event={event}&instead={}", row.subject, entry.kind);
            let shown = demo.page(&form).await.text.contains(&format!("value=\"{said}\""));
            assert!(may_see || !shown, "{person} is shown what was said of {reference}");
            kept += usize::from(!may_see);
            filled_in += usize::from(shown);
        }
    }
    assert!(kept > 0 && filled_in > 0, "{kept} kept, {filled_in} filled in");
}

#[tokio::test]
async fn an_act_stated_from_the_work_list_ends_the_duty() {
    let mut demo = signed_in().await;
    let mut ended = None;
    for person in ["administrator", "spo", "visor-lead", "cpc"] {
        demo.act_as(person).await;
        let work = demo.page("/work").await;
        assert_eq!(work.status, 200);
        assert!(
            work.text.contains("<form method=\"get\" action=\"/act\">") || work.text.contains("nothing-due")
        );
        let ticks: Vec<String> = work
            .text
            .split("id=\"tick-")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        for duty in ticks {
            let chosen = demo.page(&format!("/act?command=record-act&duty={duty}&back=/work")).await;
            assert_eq!(chosen.status, 303, "{}", chosen.text);
            let form = chosen.headers["location"].to_str().unwrap().to_owned();
            // The act follows from the rule, and what it is about from the fact that opened the duty.
            if !form.contains("act=")
                || !demo.page(&format!("/duties/{duty}")).await.text.contains("/act/record-act?duty=")
            {
                continue;
            }
            let found = [("found", "false"), ("complete", "true"), ("sections", "R10"), ("kind", "com")];
            let asked = demo.page(&form).await.text;
            let typed: Vec<(&str, &str)> =
                found.into_iter().filter(|(name, _)| asked.contains(&format!("name=\"{name}\""))).collect();
            let answer = give(&mut demo, &form, &typed).await;
            if answer.status != 303 {
                continue;
            }
            assert_eq!(answer.headers["location"], "/work");
            let now = json(&demo, &format!("/v1/duties/{duty}")).await;
            if ["met", "met_late"].contains(&now["outcome"].as_str().unwrap()) {
                ended = Some(duty);
                break;
            }
        }
        if ended.is_some() {
            break;
        }
    }
    let duty = ended.expect("a duty that one of them ends from the work list");
    assert!(!demo.page("/work").await.text.contains(&format!("tick-{duty}")));
}

#[tokio::test]
async fn several_ticked_breaches_are_acknowledged_at_once_after_a_check() {
    let mut demo = signed_in().await;
    let breaches = open_duties(&mut demo, "breach=true").await;
    let ticked: Vec<&String> = breaches
        .iter()
        .filter(|(_, page)| page.contains("/act/acknowledge-breach?"))
        .map(|(duty, _)| duty)
        .take(2)
        .collect();
    assert_eq!(ticked.len(), 2);
    let query: String = ticked.iter().map(|duty| format!("&duty={duty}")).collect();
    let chosen = demo.page(&format!("/act?command=acknowledge-breach{query}&back=/work")).await;
    let form = chosen.headers["location"].to_str().unwrap().to_owned();
    let page = demo.page(&form).await;
    let fields = filled(&page.text, "/act/acknowledge-breach");
    assert_eq!(fields["subject"].lines().count(), 2, "{fields:?}");
    let before = demo.stage.store.reader().head().unwrap().position;
    let check = demo.form("/act/acknowledge-breach", &encoded(&fields)).await;
    assert!(check.text.contains("This is recorded for 2 at once"), "{}", check.text);
    assert_eq!(demo.stage.store.reader().head().unwrap().position, before);
    // One may go back and find what was typed.
    let mut kept = filled(&check.text, "/act/acknowledge-breach");
    kept.insert("step".to_owned(), "change".to_owned());
    let change = demo.form("/act/acknowledge-breach", &encoded(&kept)).await;
    assert_eq!(
        filled(&change.text, "/act/acknowledge-breach")["subject"].lines().count(),
        2,
        "{}",
        change.text
    );
    assert_eq!(give(&mut demo, &form, &[]).await.status, 303);
    for duty in ticked {
        let page = demo.page(&format!("/duties/{duty}")).await.text;
        assert!(page.contains("breach is acknowledged already"), "{page}");
    }
    assert_eq!(
        demo.page("/act?command=acknowledge-breach&back=/work").await.status,
        400,
        "nothing was ticked"
    );
}

#[tokio::test]
async fn a_fact_in_the_history_is_stated_in_error_from_beside_it() {
    let mut demo = signed_in().await;
    let area = json(&demo, "/v1/duties?area=A02&outcome=met,overdue,pending&size=60").await;
    let mut done = None;
    for row in area["content"].as_array().unwrap() {
        let nominal = row["subject"].as_str().unwrap_or_default().replace("nominal/", "");
        if nominal.contains('/') || nominal.is_empty() {
            continue;
        }
        let page = demo.page(&format!("/nominals/{nominal}")).await.text;
        let links = page.split("href=\"/act/state-in-error?").skip(1);
        let mut links = links.filter_map(|rest| rest.split('"').next());
        let Some(link) = links.find(|link| link.contains("event=")) else { continue };
        let form = format!("/act/state-in-error?{}", unescaped(link));
        let shown = demo.page(&form).await.text;
        assert!(filled(&shown, "/act/state-in-error")["event"].contains('#'), "{shown}");
        let answer = give(&mut demo, &form, &[("reason", "a mistake")]).await;
        if answer.status != 303 {
            // Another's fact takes somebody of CPC level where it is owned.
            assert!(answer.text.contains("id=\"subject-error\""), "{}", answer.text);
            continue;
        }
        done = Some(nominal);
        break;
    }
    let nominal = done.expect("a nominal of the CPC's own");
    let next = demo.page(&format!("/nominals/{nominal}")).await.text;
    assert!(next.contains("It waits for a second person"), "{next}");
}

#[tokio::test]
async fn whoever_is_no_partner_opens_a_record_with_a_reason_for_a_quarter_of_an_hour() {
    let mut demo = signed_in().await;
    let nominals = demo.stage.projections.subjects(SubjectKind::Nominal, &[], 0, 200).unwrap().content;
    demo.act_as("visor-lead").await;
    let mut closed = None;
    for row in nominals {
        let reference = row.subject.replace("nominal/", "");
        let page = demo.page(&format!("/nominals/{reference}")).await.text;
        if page.contains(&format!("action=\"/nominals/{reference}/access\"")) {
            closed = Some((reference, page));
            break;
        }
    }
    let (reference, page) = closed.expect("a record of others");
    let mut fields = filled(&page, &format!("/nominals/{reference}/access"));
    fields.insert("reason".to_owned(), "a transfer tomorrow".to_owned());
    let answer = demo.form(&format!("/nominals/{reference}/access"), &encoded(&fields)).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let page = demo.page(&format!("/nominals/{reference}")).await.text;
    assert!(page.contains("You opened this record without being its partner"), "{page}");
    let now = mandate_domain::time::Clock::now(&*demo.stage.clock);
    demo.stage.clock.set(now.plus_seconds(15 * 60));
    let page = demo.page(&format!("/nominals/{reference}")).await.text;
    assert!(!page.contains("You opened this record"), "{page}");
}

#[tokio::test]
async fn registers_lead_to_what_can_be_done_about_their_rows() {
    let mut demo = signed_in().await;
    for (page, about) in
        [("/people", "user/"), ("/organisations", "area/"), ("/terminals", "terminal/"), ("/audits", "area/")]
    {
        let text = demo.page(page).await.text;
        let link = text.split("href=\"/act?subject=").skip(1).find(|rest| rest.starts_with(about));
        let link = link.unwrap_or_else(|| panic!("{page}: no row leads on")).split('"').next().unwrap();
        let offer = demo.page(&format!("/act?subject={}", unescaped(link))).await;
        assert_eq!(offer.status, 200, "{page}: {}", offer.text);
    }
    let people = demo.page("/people").await.text;
    assert!(people.contains("/act/register-user?back=/people"), "{people}");
    demo.act_as("auditor").await;
    assert!(!demo.page("/people").await.text.contains("/act/register-user"), "an auditor registers nobody");
}

#[tokio::test]
async fn a_list_of_duties_is_saved_under_a_name_that_only_its_owner_sees_and_removed_again() {
    let mut demo = signed_in().await;
    let list = demo.page("/duties?area=area/A02&outcome=overdue").await.text;
    let save =
        list.split("href=\"/act/save-view?").nth(1).expect("a link that saves it").split('"').next().unwrap();
    let form = format!("/act/save-view?{}", unescaped(save));
    let answer = give(&mut demo, &form, &[("name", "Overdue canary")]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let duties = demo.page("/duties").await.text;
    let saved = duties
        .split("data-testid=\"saved\"")
        .nth(1)
        .expect("saved lists")
        .split("</section>")
        .next()
        .unwrap();
    assert!(saved.contains("Overdue canary"), "{saved}");
    let hrefs: Vec<String> =
        saved.split("href=\"").skip(1).map(|rest| unescaped(rest.split('"').next().unwrap())).collect();
    assert!(hrefs[0].starts_with("/duties?") && hrefs[0].contains("outcome=overdue"), "{hrefs:?}");
    assert_eq!(demo.page(&hrefs[0]).await.status, 200);
    // The name is sealed: the log does not show it.
    let position = demo.stage.store.reader().head().unwrap().position;
    let event = json(&demo, &format!("/v1/events/{position}")).await;
    assert!(!event.to_string().contains("canary"), "{event}");
    let removal = hrefs[1].clone();
    demo.act_as("spo").await;
    assert!(!demo.page("/duties").await.text.contains("Overdue canary"), "another person's");
    demo.act_as("cpc").await;
    assert_eq!(give(&mut demo, &removal, &[]).await.status, 303);
    assert!(!demo.page("/duties").await.text.contains("Overdue canary"));
}
