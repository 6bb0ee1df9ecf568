//! The code flow with PKCE: what is kept between leaving for the issuer and coming back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use mandate_domain::time::Instant;
use sha2::{Digest as _, Sha256};

/// Seconds for which somebody may be away.
const AWAY_SECONDS: i64 = 10 * 60;
/// Most people who are away at once; the one who left first is forgotten first.
const MOST: usize = 10_000;

/// One who left for the issuer.
#[derive(Debug, Clone)]
pub struct Away {
    /// What the issuer sends back with them.
    pub state: String,
    /// What stands in the token.
    pub nonce: String,
    /// What only this server knows of the request.
    pub verifier: String,
    /// Where they wanted to go.
    pub next: String,
    left_at: Instant,
    number: u64,
}

impl Away {
    /// The digest of the verifier, which goes with the request.
    #[must_use]
    pub fn challenge(&self) -> String {
        Base64UrlUnpadded::encode_string(&Sha256::digest(self.verifier.as_bytes()))
    }
}

/// Everyone who left for the issuer, by the cookie that they took along.
#[derive(Debug, Default)]
pub struct Leaving(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    away: HashMap<String, Away>,
    left: u64,
}

impl Leaving {
    /// Somebody leaves; the cookie's value and what is kept.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn leave(&self, next: &str, now: Instant) -> std::io::Result<(String, Away)> {
        let random = crate::random::hexadecimal::<32>;
        let id = random()?;
        let mut away = Away {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            next: next.to_owned(),
            left_at: now,
            number: 0,
        };
        let mut kept = self.kept();
        kept.left += 1;
        away.number = kept.left;
        kept.away.retain(|_, other| in_time(other, now));
        if kept.away.len() >= MOST {
            let first = kept.away.iter().min_by_key(|(_, other)| other.number).map(|(id, _)| id.clone());
            first.map(|id| kept.away.remove(&id));
        }
        kept.away.insert(id.clone(), away.clone());
        Ok((id, away))
    }

    /// Somebody comes back, once.
    pub fn back(&self, id: &str, now: Instant) -> Option<Away> {
        self.kept().away.remove(id).filter(|away| in_time(away, now))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_time(away: &Away, now: Instant) -> bool {
    now < away.left_at.plus_seconds(AWAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_left_comes_back_once_and_within_ten_minutes() {
        let (leaving, at) = (Leaving::default(), |text| Instant::parse(text).unwrap());
        let nine = at("2026-03-03T09:00:00Z");
        let (id, away) = leaving.leave("/work", nine).unwrap();
        assert!(leaving.back("another", nine).is_none());
        assert_eq!(leaving.back(&id, at("2026-03-03T09:09:59Z")).unwrap().state, away.state);
        assert!(leaving.back(&id, nine).is_none());
        let (late, _) = leaving.leave("/work", nine).unwrap();
        assert!(leaving.back(&late, at("2026-03-03T09:10:00Z")).is_none());
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        let away = Away {
            state: String::new(),
            nonce: String::new(),
            verifier,
            next: String::new(),
            left_at: Instant::MIN,
            number: 0,
        };
        assert_eq!(away.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
