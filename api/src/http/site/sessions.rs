//! Who is signed in: sessions of the demonstration, in memory, by a random cookie.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderValue, header};

/// The cookie's name.
const COOKIE: &str = "mandate-session";
/// Most sessions that are kept; the oldest is forgotten first.
const MOST: usize = 10_000;

/// One session.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The person, by the id that the sign-in page sends; none before a choice is made.
    pub person: Option<String>,
    /// What every form sends back.
    pub form_token: String,
    /// What has just been done, shown once.
    done: Option<String>,
    /// Its place in the order of beginning.
    number: u64,
}

/// Every session.
#[derive(Debug, Default)]
pub struct Sessions {
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
}

impl Sessions {
    /// The session of a request, or a new one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn open(&self, headers: &HeaderMap) -> std::io::Result<Open> {
        let stated = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let ids = stated.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        for (_, id) in ids.filter(|(name, _)| *name == COOKIE) {
            if let Some(session) = self.kept().sessions.get(id) {
                return Ok(Open { id: id.to_owned(), session: session.clone(), fresh: false });
            }
        }
        let (id, form_token) = (crate::random::hexadecimal::<24>()?, crate::random::hexadecimal::<24>()?);
        let mut kept = self.kept();
        kept.begun += 1;
        let session = Session { form_token, number: kept.begun, ..Session::default() };
        if kept.sessions.len() >= MOST {
            let oldest =
                kept.sessions.iter().min_by_key(|(_, session)| session.number).map(|(id, _)| id.clone());
            oldest.map(|id| kept.sessions.remove(&id));
        }
        kept.sessions.insert(id.clone(), session.clone());
        Ok(Open { id, session, fresh: true })
    }

    /// Who is signed in by a request's cookie; no session is begun for one without.
    #[must_use]
    pub fn person(&self, headers: &HeaderMap) -> Option<String> {
        let stated = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = stated.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut ids = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, id)| id.to_owned());
        ids.find_map(|id| self.kept().sessions.get(&id).and_then(|session| session.person.clone()))
    }

    /// Signs somebody in under a new id, so that one planted before is worth nothing; the old session ends.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn sign_in(&self, before: &Open, person: &str) -> std::io::Result<Open> {
        let id = crate::random::hexadecimal::<24>()?;
        let form_token = crate::random::hexadecimal::<24>()?;
        let session = Session { person: Some(person.to_owned()), form_token, ..before.session.clone() };
        let mut kept = self.kept();
        kept.sessions.remove(&before.id);
        kept.sessions.insert(id.clone(), session.clone());
        Ok(Open { id, session, fresh: true })
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

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The header that sets the cookie, where it must be set.
    #[must_use]
    pub fn cookie(&self) -> Option<HeaderValue> {
        let text = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", self.id);
        HeaderValue::from_str(&text).ok().filter(|_| self.fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(id: &str) -> HeaderMap {
        let text = format!("other=1; {COOKIE}={id}");
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&text).unwrap())])
    }

    #[test]
    fn a_session_is_found_again_by_its_cookie_and_by_no_other() {
        let sessions = Sessions::default();
        let first = sessions.open(&HeaderMap::new()).unwrap();
        assert!(first.cookie().is_some());
        let again = sessions.open(&with(&first.id)).unwrap();
        assert_eq!((again.fresh, &again.session.form_token), (false, &first.session.form_token));
        assert!(sessions.open(&with("invented")).unwrap().fresh);
    }

    #[test]
    fn signing_in_changes_the_id_and_ends_the_old_one() {
        let sessions = Sessions::default();
        let before = sessions.open(&HeaderMap::new()).unwrap();
        let after = sessions.sign_in(&before, "cpc").unwrap();
        assert_ne!(before.id, after.id);
        assert!(sessions.open(&with(&before.id)).unwrap().fresh);
        assert_eq!(sessions.open(&with(&after.id)).unwrap().session.person.as_deref(), Some("cpc"));
    }

    #[test]
    fn what_was_done_is_said_once() {
        let sessions = Sessions::default();
        let open = sessions.open(&HeaderMap::new()).unwrap();
        sessions.say(&open.id, "Done.".to_owned());
        assert_eq!(sessions.said(&open.id).as_deref(), Some("Done."));
        assert_eq!(sessions.said(&open.id), None);
    }
}
