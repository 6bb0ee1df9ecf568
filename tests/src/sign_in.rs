//! Signing in at an issuer, and what is let through afterwards.

use axum::body::Body;
use axum::http::Request;
use mandate_api::http::Tellers;
use serde_json::{Value, json};

use crate::issuer::{Issuer, Signed};
use crate::office::furnish;
use crate::server::{Answer, Server, at, get};

const NINE: &str = "2026-03-03T09:00:00Z";

/// A server with an issuer, and an office of people in its log.
struct Place {
    server: Server,
    issuer: Issuer,
    feed: String,
}

/// What a browser keeps.
#[derive(Default)]
struct Browser(Vec<(String, String)>);

impl Browser {
    fn cookies(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    fn keep(&mut self, answer: &Answer) {
        for set in answer.headers.get_all("set-cookie") {
            let (pair, rest) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(rest.contains("HttpOnly") && rest.contains("SameSite=Lax"), "{rest}");
            self.0.retain(|(own, _)| own != name);
            if !rest.contains("Max-Age=0") {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    async fn get(&mut self, place: &Place, address: &str) -> Answer {
        let request = get(address).header("cookie", self.cookies());
        let answer = place.server.send(request.body(Body::empty()).unwrap()).await;
        self.keep(&answer);
        answer
    }

    async fn post(&mut self, place: &Place, address: &str, form: &str, more: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(address)
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", self.cookies());
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let answer = place.server.send(request.body(Body::from(form.to_owned())).unwrap()).await;
        self.keep(&answer);
        answer
    }

    /// Leaves for the issuer and comes back.
    async fn sign_in(&mut self, place: &Place, user: &str) -> Answer {
        let left = self.get(place, "/sign-in/issuer?next=/duties").await;
        assert_eq!(left.status, 303, "{}", left.text);
        let back = place.issuer.signed_in(&to(&left), user);
        self.get(place, &back).await
    }
}

fn to(answer: &Answer) -> String {
    answer.headers["location"].to_str().unwrap().to_owned()
}

fn form_token(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("name=\"token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

impl Place {
    async fn open() -> Self {
        let issuer = Issuer::listen(at(NINE)).await;
        let server = Server::signing_in(Tellers::Nobody, issuer.sign_in());
        let feed = issuer.access_token(json!({"client_id": "feed", "authorities": ["ROLE_MANDATE__FACTS"]}));
        furnish(&server, &feed).await;
        Self { server, issuer, feed }
    }

    fn token_of(&self, user: &str) -> String {
        self.issuer.access_token(json!({"mandate_user": user}))
    }

    async fn read(&self, token: &str, address: &str) -> Answer {
        let request = get(address).header("authorization", format!("Bearer {token}"));
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    async fn tell(&self, subject: &str, kind: &str, data: Value) {
        crate::office::tell(&self.server, &self.feed, subject, kind, data).await;
    }

    fn now(&self, now: &str) {
        self.server.advance(now);
        self.issuer.set(at(now));
    }
}

#[tokio::test]
async fn a_person_signs_in_sees_what_they_may_and_signs_out() {
    let place = Place::open().await;
    let mut browser = Browser::default();
    let first = browser.get(&place, "/duties").await;
    assert_eq!((first.status, to(&first).as_str()), (303, "/sign-in?next=/duties"));
    let page = browser.get(&place, "/sign-in?next=/duties").await;
    assert!(page.text.contains("href=\"/sign-in/issuer?next=/duties\""), "{}", page.text);
    let before = browser.cookies();
    let back = browser.sign_in(&place, "cpc").await;
    assert_eq!((back.status, to(&back).as_str()), (303, "/duties"), "{}", back.text);
    assert_ne!(before, browser.cookies(), "the session has another id");
    let duties = browser.get(&place, "/duties").await;
    assert_eq!(duties.status, 200, "{}", duties.text);
    assert!(duties.text.contains("Una Canary") && duties.text.contains("CPC, area/A1"), "{}", duties.text);
    assert_eq!(browser.get(&place, "/v1/duties").await.status, 200);
    assert_eq!(browser.get(&place, "/v1/events").await.status, 403, "the log is the auditor's");
    let form = format!("token={}", form_token(&duties));
    let out = browser.post(&place, "/sign-out", &form, &[]).await;
    assert_eq!((out.status, to(&out).as_str()), (303, "/sign-in?signed-out=1"));
    let page = browser.get(&place, "/sign-in?signed-out=1").await;
    assert!(page.text.contains(&format!("{}/end?client_id=mandate", place.issuer.name)), "{}", page.text);
    assert_eq!(browser.get(&place, "/v1/duties").await.status, 401);
}

#[tokio::test]
async fn without_being_known_nothing_of_the_log_is_read() {
    let place = Place::open().await;
    for address in
        ["/v1/duties", "/v1/nominals/N1", "/v1/people", "/v1/events", "/v1/rules", "/v1/compliance"]
    {
        let answer = place.server.get(address).await;
        assert_eq!(answer.status, 401, "{address}: {}", answer.text);
        assert_eq!(place.read("abc.def.ghi", address).await.status, 401, "{address}");
    }
    for address in ["/health/ping", "/info", "/v3/api-docs", "/accessibility", "/sign-in"] {
        assert_eq!(place.server.get(address).await.status, 200, "{address}");
    }
}

/// Each way in which a right ends, while a session is open and a token in force.
#[tokio::test]
async fn whoever_loses_access_is_refused_at_the_next_request() {
    let ends: [(&str, Value); 3] =
        [("vetting.withdrawn", json!({})), ("account.disabled", json!({})), ("user.left_role", json!({}))];
    for (kind, data) in ends {
        let place = Place::open().await;
        let (mut browser, token) = (Browser::default(), place.token_of("manager"));
        browser.sign_in(&place, "manager").await;
        for address in ["/v1/duties", "/v1/nominals/N1", "/v1/terminals"] {
            assert_eq!(place.read(&token, address).await.status, 200, "{address}");
            assert_eq!(browser.get(&place, address).await.status, 200, "{address}");
        }
        assert_eq!(browser.get(&place, "/work").await.status, 200);
        place.tell("user/manager", kind, data).await;
        for address in ["/v1/duties", "/v1/nominals/N1", "/v1/terminals"] {
            let answer = place.read(&token, address).await;
            assert_eq!(answer.status, 403, "{kind} {address}: {}", answer.text);
            assert_eq!(browser.get(&place, address).await.status, 403, "{kind} {address}");
        }
        assert_eq!(browser.get(&place, "/work").await.status, 403, "{kind}");
    }
}

#[tokio::test]
async fn vetting_that_lapses_by_itself_ends_access_at_that_midnight() {
    let place = Place::open().await;
    place.tell("user/cpc", "vetting.cleared", json!({"level": 3, "expires_on": "2026-03-03"})).await;
    place.now("2026-03-03T23:59:59Z");
    let (mut browser, token) = (Browser::default(), place.token_of("cpc"));
    browser.sign_in(&place, "cpc").await;
    assert_eq!(place.read(&token, "/v1/duties").await.status, 200);
    assert_eq!(browser.get(&place, "/duties").await.status, 200);
    place.now("2026-03-04T00:00:00Z");
    let refused = place.read(&token, "/v1/duties").await;
    assert_eq!((refused.status, refused.json()["paragraph"].clone()), (403, json!("6.1")));
    assert_eq!(browser.get(&place, "/duties").await.status, 403);
}

#[tokio::test]
async fn a_token_that_is_not_as_it_should_be_signs_nobody_in_and_is_told_without_detail() {
    let place = Place::open().await;
    let cases: [(&str, Signed, Option<crate::issuer::Alter>); 14] = [
        ("alg none", Signed::None, None),
        ("the public key as a secret", Signed::WithPublicKeyAsSecret, None),
        ("signed by another", Signed::ByAnother, None),
        ("altered", Signed::Altered, None),
        ("another audience", Signed::Well, Some(|claims| set(claims, "aud", json!("another")))),
        ("no audience", Signed::Well, Some(|claims| drop(claims.remove("aud")))),
        (
            "several audiences, another party",
            Signed::Well,
            Some(|claims| {
                set(claims, "aud", json!(["mandate", "other"]));
                set(claims, "azp", json!("other"));
            }),
        ),
        ("another issuer", Signed::Well, Some(|claims| set(claims, "iss", json!("http://127.0.0.1:1")))),
        ("expired", Signed::Well, Some(|claims| set(claims, "exp", json!(1_700_000_000)))),
        ("no end", Signed::Well, Some(|claims| drop(claims.remove("exp")))),
        ("an end that is no number", Signed::Well, Some(|claims| set(claims, "exp", json!("2099-01-01")))),
        ("not yet", Signed::Well, Some(|claims| set(claims, "nbf", json!(4_000_000_000_u64)))),
        ("another nonce", Signed::Well, Some(|claims| set(claims, "nonce", json!("x")))),
        ("no nonce", Signed::Well, Some(|claims| drop(claims.remove("nonce")))),
    ];
    let mut told = Vec::new();
    for (what, signed, alter) in cases {
        let mut browser = Browser::default();
        place.issuer.next(signed, alter);
        let answer = browser.sign_in(&place, "cpc").await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text);
        assert!(answer.text.contains("could not be signed in"), "{what}: {}", answer.text);
        assert_eq!(browser.get(&place, "/v1/duties").await.status, 401, "{what}");
        told.push(answer.text.replace(&form_token_or_empty(&answer), "…"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "what is wrong with a token is not told");
    let mut browser = Browser::default();
    assert_eq!(browser.sign_in(&place, "cpc").await.status, 303, "the control");
}

fn form_token_or_empty(page: &Answer) -> String {
    if page.text.contains("name=\"token\"") { form_token(page) } else { "\u{0}".to_owned() }
}

fn set(claims: &mut serde_json::Map<String, Value>, name: &str, value: Value) {
    claims.insert(name.to_owned(), value);
}

#[tokio::test]
async fn an_access_token_that_is_not_as_it_should_be_opens_nothing() {
    let place = Place::open().await;
    let user = json!({"mandate_user": "cpc"});
    let cases: [(&str, Signed, Option<crate::issuer::Alter>); 9] = [
        ("alg none", Signed::None, None),
        ("the public key as a secret", Signed::WithPublicKeyAsSecret, None),
        ("signed by another", Signed::ByAnother, None),
        ("altered", Signed::Altered, None),
        ("made for the pages", Signed::Well, Some(|claims| set(claims, "aud", json!("mandate")))),
        ("an ID token", Signed::Well, Some(|claims| set(claims, "nonce", json!("x")))),
        ("another issuer", Signed::Well, Some(|claims| set(claims, "iss", json!("http://127.0.0.1:1")))),
        ("expired", Signed::Well, Some(|claims| set(claims, "exp", json!(1_700_000_000)))),
        ("nobody's", Signed::Well, Some(|claims| drop(claims.remove("mandate_user")))),
    ];
    for (what, signed, alter) in cases {
        place.issuer.next(signed, alter);
        let token = place.issuer.access_token(user.clone());
        let answer = place.read(&token, "/v1/duties").await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
        assert!(answer.text.contains("this token is not known here"), "{what}: {}", answer.text);
    }
    assert_eq!(place.read(&place.issuer.access_token(user), "/v1/duties").await.status, 200, "the control");
}

#[tokio::test]
async fn who_comes_back_must_have_left_from_the_same_browser_a_moment_ago_and_once() {
    let place = Place::open().await;
    let mut browser = Browser::default();
    let left = browser.get(&place, "/sign-in/issuer").await;
    let back = place.issuer.signed_in(&to(&left), "cpc");
    // From another browser, to which somebody sent the address.
    let mut other = Browser::default();
    assert_eq!(other.get(&place, &back).await.status, 403);
    // With another state.
    let (_, rest) = back.split_once("&code=").unwrap();
    assert_eq!(browser.get(&place, &format!("/sign-in/callback?state=x&code={rest}")).await.status, 403);
    // The cookie was used up by that.
    assert_eq!(browser.get(&place, &back).await.status, 403);
    // The honest way, and the same address again.
    let left = browser.get(&place, "/sign-in/issuer").await;
    let away = browser.cookies();
    let back = place.issuer.signed_in(&to(&left), "cpc");
    assert_eq!(browser.get(&place, &back).await.status, 303);
    let again = get(&back).header("cookie", &away).body(Body::empty()).unwrap();
    assert_eq!(place.server.send(again).await.status, 403, "a code is replayed");
    // Too late.
    let left = browser.get(&place, "/sign-in/issuer").await;
    let back = place.issuer.signed_in(&to(&left), "cpc");
    place.now("2026-03-03T09:10:00Z");
    assert_eq!(browser.get(&place, &back).await.status, 403);
    // The issuer's refusal, and the answer of another issuer.
    for more in ["error=access_denied", "code=x&iss=http://127.0.0.1:1"] {
        let left = to(&browser.get(&place, "/sign-in/issuer").await);
        let state = left.split("&state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let answer = browser.get(&place, &format!("/sign-in/callback?state={state}&{more}")).await;
        assert_eq!(answer.status, 403, "{more}: {}", answer.text);
    }
}

#[tokio::test]
async fn somebody_whom_the_log_does_not_know_is_told_whom_to_ask() {
    let place = Place::open().await;
    for (user, words) in [("U-unheard-of", "no user of Mandate"), ("area/A1", "nobody has registered you")] {
        let answer = Browser::default().sign_in(&place, user).await;
        assert_eq!(answer.status, 403, "{user}");
        assert!(answer.text.contains(words), "{user}: {}", answer.text);
    }
}

#[tokio::test]
async fn keys_that_are_changed_are_asked_for_once_and_those_that_are_gone_are_worth_nothing() {
    let place = Place::open().await;
    let (before, asked) = (place.token_of("cpc"), place.issuer.asked_for_keys());
    assert_eq!(place.read(&before, "/v1/duties").await.status, 200);
    place.issuer.rotate("second");
    place.now("2026-03-03T09:01:00Z");
    let after = place.token_of("cpc");
    for _ in 0..20 {
        assert_eq!(place.read(&after, "/v1/duties").await.status, 200);
        assert_eq!(place.read(&before, "/v1/duties").await.status, 401);
    }
    assert_eq!(
        place.issuer.asked_for_keys(),
        asked + 1,
        "an unknown key is no way to have it asked all the time"
    );
}

#[tokio::test]
async fn while_the_issuer_is_down_sessions_and_tokens_go_on_for_a_day() {
    let place = Place::open().await;
    let mut browser = Browser::default();
    browser.sign_in(&place, "cpc").await;
    place.issuer.be_down(true);
    let mut other = Browser::default();
    let left = other.get(&place, "/sign-in/issuer").await;
    let refused = other.get(&place, &place.issuer.signed_in(&to(&left), "cpc")).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    for now in ["2026-03-03T09:20:00Z", "2026-03-03T09:45:00Z", "2026-03-03T10:10:00Z"] {
        place.now(now);
        assert_eq!(browser.get(&place, "/duties").await.status, 200, "{now}");
        assert_eq!(place.read(&place.token_of("cpc"), "/v1/duties").await.status, 200, "{now}");
    }
    place.now("2026-03-04T08:59:00Z");
    assert_eq!(place.read(&place.token_of("cpc"), "/v1/duties").await.status, 200);
    place.now("2026-03-04T09:00:01Z");
    assert_eq!(place.read(&place.token_of("cpc"), "/v1/duties").await.status, 401);
    let told = other.get(&place, "/sign-in/issuer").await;
    assert!(told.text.contains("cannot be reached at present"), "{}", told.text);
    place.issuer.be_down(false);
    place.now("2026-03-04T09:00:30Z");
    assert_eq!(place.read(&place.token_of("cpc"), "/v1/duties").await.status, 200);
}

#[tokio::test]
async fn a_machine_does_what_its_roles_say_and_a_person_with_roles_what_the_log_says() {
    let place = Place::open().await;
    let machine =
        |id: &str, roles: &[&str]| place.issuer.access_token(json!({"client_id": id, "authorities": roles}));
    let addresses = ["/v1/duties", "/v1/nominals/N1", "/v1/people", "/v1/events", "/v1/checkpoints"];
    for (roles, allowed) in [
        (&["ROLE_MANDATE__READ"][..], [200, 200, 200, 403, 403]),
        (&["ROLE_MANDATE__READ_LOG"], [403, 403, 403, 200, 200]),
        (&["ROLE_MANDATE__FACTS"], [403, 403, 403, 403, 403]),
        (&["ROLE_MANDATE__SUBJECT_ACCESS"], [401, 401, 401, 401, 401]),
        (&["ROLE_OTHER"], [401, 401, 401, 401, 401]),
    ] {
        for (address, wanted) in addresses.iter().zip(allowed) {
            let answer = place.read(&machine("some", roles), address).await;
            assert_eq!(answer.status, wanted, "{roles:?} {address}: {}", answer.text);
        }
    }
    let asked = "/subject-access-request?crn=X1";
    assert_eq!(place.read(&machine("sar", &["ROLE_MANDATE__SUBJECT_ACCESS"]), asked).await.status, 204);
    assert_eq!(place.read(&machine("sar", &["ROLE_MANDATE__READ"]), asked).await.status, 401);
    // Sources are the configuration's to name.
    let fact = json!({"specversion": "1.0", "id": "x", "source": "/t", "type": "nominal.died",
                      "subject": "nominal/N1", "time": "2026-03-02T09:00:00Z"});
    for (token, wanted) in [
        (machine("feed", &["ROLE_MANDATE__READ"]), 403),
        (machine("other", &["ROLE_MANDATE__FACTS"]), 403),
        (machine("feed", &["ROLE_MANDATE__FACTS"]), 202),
    ] {
        let answer = crate::office::post_fact(&place.server, &token, &fact).await;
        assert_eq!(answer.status, wanted, "{}", answer.text);
    }
    let roles = json!({"mandate_user": "outsider", "authorities": ["ROLE_MANDATE__READ_LOG"]});
    let person = place.issuer.access_token(roles);
    assert_eq!(place.read(&person, "/v1/events").await.status, 403, "roles give a person nothing");
}

#[tokio::test]
async fn a_record_opens_to_somebody_of_another_area_once_the_reason_is_stored_and_for_15_minutes() {
    let place = Place::open().await;
    let mut browser = Browser::default();
    browser.sign_in(&place, "outsider").await;
    let token = place.token_of("outsider");
    let asked = browser.get(&place, "/nominals/N1").await;
    assert!(asked.text.contains("Why do you open the record of N1?"), "{}", asked.text);
    assert!(!asked.text.contains("mappa") && !asked.text.contains("area/A1"), "{}", asked.text);
    assert_eq!(place.read(&token, "/v1/nominals/N1").await.status, 403);
    let form = format!("token={}", form_token(&asked));
    let without = browser.post(&place, "/nominals/N1/access", &form, &[]).await;
    assert!(without.status == 200 && without.text.contains("Say why"), "{}", without.text);
    let before = place.server.stored();
    let form = format!("{form}&reason=A+linked+case.");
    let opened = browser.post(&place, "/nominals/N1/access", &form, &[]).await;
    assert_eq!((opened.status, place.server.stored()), (303, before + 1), "{}", opened.text);
    assert_eq!(to(&opened), "/nominals/N1");
    let page = browser.get(&place, "/nominals/N1").await;
    assert!(page.status == 200 && page.text.contains("area/A1"), "{}", page.text);
    assert_eq!(place.read(&token, "/v1/nominals/N1").await.status, 200);
    assert_eq!(place.read(&token, "/v1/nominals/N2").await.status, 403, "that one record only");
    place.now("2026-03-03T09:15:00Z");
    assert_eq!(place.read(&token, "/v1/nominals/N1").await.status, 403);
    assert!(browser.get(&place, "/nominals/N1").await.text.contains("Why do you open"));
}

#[tokio::test]
async fn lists_of_duties_hold_what_ones_own_area_answers_for() {
    let place = Place::open().await;
    for (user, duties, elsewhere) in [("manager", 2, 403), ("auditor", 2, 200), ("outsider", 0, 403)] {
        let token = place.token_of(user);
        let listed = place.read(&token, "/v1/duties?rule=4.10").await;
        assert_eq!(listed.json()["totalElements"], json!(duties), "{user}: {}", listed.text);
        let other = if user == "outsider" { "A1" } else { "A2" };
        let answer = place.read(&token, &format!("/v1/duties?area={other}")).await;
        assert_eq!(answer.status, elsewhere, "{user}: {}", answer.text);
        for list in ["reconciliation", "breaches", "todo?org=area/A1"] {
            let status = place.read(&token, &format!("/v1/{list}")).await.status;
            let wanted = if user == "outsider" && list.starts_with("todo") { 403 } else { 200 };
            assert_eq!(status, wanted, "{user} {list}");
        }
    }
}

#[tokio::test]
async fn what_a_page_of_another_site_sends_is_refused() {
    let place = Place::open().await;
    let mut browser = Browser::default();
    browser.sign_in(&place, "cpc").await;
    let page = browser.get(&place, "/duties").await;
    let form = format!("token={}&reference=N1", form_token(&page));
    for (headers, allowed) in [
        (&[("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")][..], true),
        (&[("origin", "https://mandate.example.gov.uk")], true),
        (&[], true),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", "http://127.0.0.1:8081")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:8080")], false),
    ] {
        let answer = browser.post(&place, "/search", &form, headers).await;
        assert_eq!(answer.status, if allowed { 303 } else { 403 }, "{headers:?}: {}", answer.text);
    }
    let without = browser.post(&place, "/search", "token=x&reference=N1", &[]).await;
    assert_eq!(without.status, 403, "the form's own token is asked for as well");
}

#[tokio::test]
async fn who_tries_again_and_again_is_told_to_wait() {
    let place = Place::open().await;
    let mut waited = false;
    for _ in 0..400 {
        let answer = Browser::default().get(&place, "/sign-in/callback?state=x&code=y").await;
        assert!([403, 429].contains(&answer.status), "{}", answer.text);
        if answer.status == 429 {
            waited = answer.headers.contains_key("retry-after") || answer.text.contains("try again");
            break;
        }
    }
    assert!(waited);
}

#[tokio::test]
async fn where_people_are_known_by_tokens_they_sign_in_with_one() {
    let office = crate::office::Office::open().await;
    let place_less = &office.server;
    let page = place_less.get("/sign-in").await;
    let cookie = page.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let post = async |token: &str| {
        let form = format!("token={}&access-token={token}&next=/duties", form_token(&page));
        let request = Request::post("/sign-in")
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", &cookie);
        place_less.send(request.body(Body::from(form)).unwrap()).await
    };
    for wrong in ["mandate_invented", office.token("feed")] {
        let answer = post(wrong).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains("made for you") && !answer.text.contains(wrong), "{}", answer.text);
    }
    let answer = post(office.token("cpc")).await;
    assert_eq!((answer.status, to(&answer).as_str()), (303, "/duties"), "{}", answer.text);
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let request = get("/duties").header("cookie", cookie).body(Body::empty()).unwrap();
    assert_eq!(place_less.send(request).await.status, 200);
}
