//! How often somebody may try to sign in, or send a token that is not known: for each client address, and over all.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, NotUntil, Quota, RateLimiter};

use super::front::ClientAddress;

/// Attempts of one address that are let through in a minute, and at once.
const OF_ONE: (NonZeroU32, NonZeroU32) = (per(120), per(100));
/// Attempts over all that are let through in a second, and at once: what bounds the memory that addresses take.
const OF_ALL: (NonZeroU32, NonZeroU32) = (per(200), per(1_000));
/// Addresses that are remembered before those are forgotten who waited long enough.
const REMEMBERED: usize = 10_000;

type ByAddress = RateLimiter<ClientAddress, HashMapStateStore<ClientAddress>, DefaultClock>;

/// Attempts, of whatever kind.
pub struct Attempts {
    of_one: ByAddress,
    of_all: DefaultDirectRateLimiter,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            of_one: RateLimiter::hashmap(Quota::per_minute(OF_ONE.0).allow_burst(OF_ONE.1)),
            of_all: RateLimiter::direct(Quota::per_second(OF_ALL.0).allow_burst(OF_ALL.1)),
        }
    }
}

impl Attempts {
    /// Lets one more through, or says after how long to come again.
    ///
    /// # Errors
    /// The time to wait.
    pub fn admit(&self, from: ClientAddress) -> Result<(), Duration> {
        let wait = |until: NotUntil<_>| until.wait_time_from(DefaultClock::default().now());
        // Whoever is over their own measure takes nothing from that of all.
        if self.of_one.len() < REMEMBERED {
            self.of_one.check_key(&from).map_err(wait)?;
            return self.of_all.check().map_err(wait);
        }
        self.of_all.check().map_err(wait)?;
        self.of_one.retain_recent();
        self.of_one.check_key(&from).map_err(wait)
    }
}

const fn per(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> ClientAddress {
        ClientAddress::of([192, 0, 2, last].into())
    }

    #[test]
    fn one_address_that_tries_again_and_again_waits_and_another_does_not() {
        let attempts = Attempts::default();
        let admitted = (0..300).filter(|_| attempts.admit(from(1)).is_ok()).count();
        assert!((100..105).contains(&admitted), "{admitted}");
        let wait = attempts.admit(from(1)).unwrap_err();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert!(attempts.admit(from(2)).is_ok());
    }

    #[test]
    fn many_addresses_at_once_take_bounded_memory() {
        let attempts = Attempts::default();
        let mut admitted = 0;
        for number in 0..200_000_u32 {
            admitted += usize::from(attempts.admit(ClientAddress::of(number.to_be_bytes().into())).is_ok());
        }
        assert!(admitted >= 1_000, "{admitted}");
        assert!(attempts.of_one.len() <= REMEMBERED + admitted, "{}", attempts.of_one.len());
        assert!(attempts.of_one.len() < 50_000, "{}", attempts.of_one.len());
    }
}
