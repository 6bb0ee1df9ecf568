//! Who is signed in: sessions in memory, by a random cookie, each with an end.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderValue, header};
use mandate_domain::time::Instant;

/// Most sessions that are kept; of those in which nobody is signed in the oldest is forgotten first.
const MOST: usize = 10_000;

/// When sessions end, and how their cookie is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Seconds without a request after which a session ends.
    pub idle_seconds: i64,
    /// Seconds after which it ends, whatever is asked for.
    pub longest_seconds: i64,
    /// How people reach the server.
    pub transport: Transport,
}

/// How people reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In clear, on this machine.
    Clear,
    /// Over TLS, which something in front of the server may end.
    Tls,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle_seconds: 30 * 60, longest_seconds: 10 * 60 * 60, transport: Transport::Clear }
    }
}

impl Limits {
    /// Those of the demonstration, whose clock moves on by days.
    #[must_use]
    pub const fn of_demonstration() -> Self {
        const YEARS: i64 = 50 * 365 * 24 * 60 * 60;
        Self { idle_seconds: YEARS, longest_seconds: YEARS, transport: Transport::Clear }
    }
}

impl Transport {
    /// That of the address that people use.
    #[must_use]
    pub fn of(base_url: &str) -> Self {
        if base_url.starts_with("https://") { Self::Tls } else { Self::Clear }
    }

    /// A cookie that scripts do not see, that goes to this host only, and that other sites' pages do not have sent but
    /// by a link that leads here: people come back from the issuer, and from a mail, by one.
    #[must_use]
    pub fn cookie(self, name: &str, value: &str, seconds: Option<i64>) -> Option<HeaderValue> {
        let (prefix, secure) = match self {
            Self::Clear => ("", ""),
            Self::Tls => ("__Host-", "; Secure"),
        };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let text = format!("{prefix}{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::from_str(&text).ok()
    }

    /// The values of a cookie that a request carries.
    pub fn stated<'h>(self, headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
        let name = match self {
            Self::Clear => name.to_owned(),
            Self::Tls => format!("__Host-{name}"),
        };
        let stated = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = stated.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(move |(own, _)| *own == name).map(|(_, value)| value)
    }
}

/// The cookie's name.
const COOKIE: &str = "mandate-session";

/// One session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who is signed in: the id that the demonstration's page sends, or the full id of a user; none before.
    pub person: Option<String>,
    /// The name that they are shown by, where the issuer states one.
    pub name: Option<String>,
    /// What every form sends back.
    pub form_token: String,
    /// What has just been done, shown once.
    done: Option<String>,
    /// Its place in the order of beginning.
    number: u64,
    begun_at: Instant,
    seen_at: Instant,
}

impl Session {
    fn has_ended(&self, limits: &Limits, now: Instant) -> bool {
        self.seen_at.plus_seconds(limits.idle_seconds) <= now
            || self.begun_at.plus_seconds(limits.longest_seconds) <= now
    }
}

/// Every session.
#[derive(Debug, Default)]
pub struct Sessions {
    limits: Limits,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    sessions: HashMap<String, Session>,
    begun: u64,
}

/// A session with its id.
#[derive(Debug, Clone)]
pub struct Open {
    /// Its id, as in the cookie.
    pub id: String,
    /// The session.
    pub session: Session,
    /// Whether it was begun just now, so that the cookie must be set.
    pub fresh: bool,
    transport: Transport,
}

impl Sessions {
    /// No sessions yet, with their limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, kept: Mutex::default() }
    }

    /// How people reach the server.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.limits.transport
    }

    /// The session of a request, or a new one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn open(&self, headers: &HeaderMap, now: Instant) -> std::io::Result<Open> {
        let transport = self.limits.transport;
        for id in transport.stated(headers, COOKIE) {
            if let Some(session) = self.live(id, now) {
                return Ok(Open { id: id.to_owned(), session, fresh: false, transport });
            }
        }
        self.begin(None, None, now)
    }

    /// Who is signed in by a request's cookie; no session is begun for one without.
    #[must_use]
    pub fn person(&self, headers: &HeaderMap, now: Instant) -> Option<String> {
        let mut ids = self.limits.transport.stated(headers, COOKIE);
        ids.find_map(|id| self.live(id, now).and_then(|session| session.person))
    }

    /// The same without keeping the session open for longer: for what goes on by itself.
    #[must_use]
    pub fn peek(&self, headers: &HeaderMap, now: Instant) -> Option<String> {
        let kept = self.kept();
        let mut ids = self.limits.transport.stated(headers, COOKIE);
        ids.find_map(|id| {
            let session = kept.sessions.get(id).filter(|session| !session.has_ended(&self.limits, now))?;
            session.person.clone()
        })
    }

    /// Signs somebody in under a new id, so that one planted before is worth nothing; the old session ends.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn sign_in(
        &self,
        before: &Open,
        person: &str,
        name: Option<String>,
        now: Instant,
    ) -> std::io::Result<Open> {
        self.end(&before.id);
        self.begin(Some(person.to_owned()), name, now)
    }

    /// Ends a session.
    pub fn end(&self, id: &str) {
        self.kept().sessions.remove(id);
    }

    /// Notes what has been done, for the next page.
    pub fn say(&self, id: &str, done: String) {
        if let Some(session) = self.kept().sessions.get_mut(id) {
            session.done = Some(done);
        }
    }

    /// What has been done, once.
    pub fn said(&self, id: &str) -> Option<String> {
        self.kept().sessions.get_mut(id).and_then(|session| session.done.take())
    }

    /// A session that has not ended, seen now.
    fn live(&self, id: &str, now: Instant) -> Option<Session> {
        let mut kept = self.kept();
        let session = kept.sessions.get_mut(id)?;
        if session.has_ended(&self.limits, now) && session.person.is_some() {
            kept.sessions.remove(id);
            return None;
        }
        session.seen_at = session.seen_at.max(now);
        Some(session.clone())
    }

    fn begin(&self, person: Option<String>, name: Option<String>, now: Instant) -> std::io::Result<Open> {
        let (id, form_token) = (crate::random::hexadecimal::<24>()?, crate::random::hexadecimal::<24>()?);
        let mut kept = self.kept();
        kept.begun += 1;
        let number = kept.begun;
        let session = Session { person, name, form_token, done: None, number, begun_at: now, seen_at: now };
        if kept.sessions.len() >= MOST {
            let order = |session: &Session| (session.person.is_some(), session.number);
            let first = kept.sessions.iter().min_by_key(|(_, one)| order(one)).map(|(id, _)| id.clone());
            first.map(|id| kept.sessions.remove(&id));
        }
        kept.sessions.insert(id.clone(), session.clone());
        Ok(Open { id, session, fresh: true, transport: self.limits.transport })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The header that sets the cookie, where it must be set.
    #[must_use]
    pub fn cookie(&self) -> Option<HeaderValue> {
        self.transport.cookie(COOKIE, &self.id, None).filter(|_| self.fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NINE: &str = "2026-03-03T09:00:00Z";

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn with(name: &str, id: &str) -> HeaderMap {
        let text = format!("other=1; {name}={id}");
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&text).unwrap())])
    }

    fn open(sessions: &Sessions, headers: &HeaderMap, now: &str) -> Open {
        sessions.open(headers, at(now)).unwrap()
    }

    #[test]
    fn a_session_is_found_again_by_its_cookie_and_by_no_other() {
        let sessions = Sessions::default();
        let first = open(&sessions, &HeaderMap::new(), NINE);
        assert!(first.cookie().is_some());
        let again = open(&sessions, &with(COOKIE, &first.id), NINE);
        assert_eq!((again.fresh, &again.session.form_token), (false, &first.session.form_token));
        assert!(open(&sessions, &with(COOKIE, "invented"), NINE).fresh);
    }

    #[test]
    fn signing_in_changes_the_id_and_ends_the_old_one() {
        let sessions = Sessions::default();
        let before = open(&sessions, &HeaderMap::new(), NINE);
        let after = sessions.sign_in(&before, "cpc", None, at(NINE)).unwrap();
        assert_ne!(before.id, after.id);
        assert_ne!(before.session.form_token, after.session.form_token);
        assert!(open(&sessions, &with(COOKIE, &before.id), NINE).fresh);
        assert_eq!(sessions.person(&with(COOKIE, &after.id), at(NINE)).as_deref(), Some("cpc"));
    }

    #[test]
    fn who_is_signed_in_is_signed_out_after_half_an_hour_without_a_request_and_after_ten_hours() {
        let sessions = Sessions::default();
        let before = open(&sessions, &HeaderMap::new(), NINE);
        let id = sessions.sign_in(&before, "cpc", None, at(NINE)).unwrap().id;
        let person = |now: &str| sessions.person(&with(COOKIE, &id), at(now));
        assert!(person("2026-03-03T09:29:59Z").is_some());
        assert!(person("2026-03-03T09:59:58Z").is_some());
        assert!(person("2026-03-03T10:29:58Z").is_none());
        let id = sessions.sign_in(&before, "cpc", None, at(NINE)).unwrap().id;
        let person = |now: String| sessions.person(&with(COOKIE, &id), at(&now));
        for minutes in (20..600).step_by(20) {
            let now = format!("2026-03-03T{:02}:{:02}:00Z", 9 + minutes / 60, minutes % 60);
            assert!(person(now.clone()).is_some(), "{now}");
        }
        assert!(person("2026-03-03T19:00:00Z".to_owned()).is_none());
    }

    #[test]
    fn over_tls_the_cookie_is_bound_to_the_host_and_never_sent_in_clear() {
        let limits =
            Limits { transport: Transport::of("https://mandate.example.gov.uk"), ..Limits::default() };
        let sessions = Sessions::new(limits);
        let first = open(&sessions, &HeaderMap::new(), NINE);
        let cookie = first.cookie().unwrap();
        let text = cookie.to_str().unwrap();
        assert!(text.starts_with("__Host-mandate-session="), "{text}");
        for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!open(&sessions, &with("__Host-mandate-session", &first.id), NINE).fresh);
        assert!(open(&sessions, &with(COOKIE, &first.id), NINE).fresh);
    }

    #[test]
    fn visits_without_a_person_do_not_drive_out_who_is_signed_in() {
        let sessions = Sessions::default();
        let before = open(&sessions, &HeaderMap::new(), NINE);
        let id = sessions.sign_in(&before, "cpc", None, at(NINE)).unwrap().id;
        for _ in 0..MOST + 5 {
            open(&sessions, &HeaderMap::new(), NINE);
        }
        assert!(sessions.person(&with(COOKIE, &id), at(NINE)).is_some());
        assert_eq!(sessions.kept().sessions.len(), MOST);
    }

    #[test]
    fn what_was_done_is_said_once() {
        let sessions = Sessions::default();
        let open = open(&sessions, &HeaderMap::new(), NINE);
        sessions.say(&open.id, "Done.".to_owned());
        assert_eq!(sessions.said(&open.id).as_deref(), Some("Done."));
        assert_eq!(sessions.said(&open.id), None);
    }
}
