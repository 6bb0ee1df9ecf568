//! A user's vetting: cleared, and what happens when it runs out.

use super::calendar::{Day, Moment};
use super::kind::Kind;
use super::log::Value;
use super::teller::Answer;
use super::user::UserLife;
use super::world::World;

/// What happens when a vetting runs out.
#[derive(Debug, Clone, Copy)]
enum Expiry {
    Renewed,
    RenewedLate,
    Disabled,
    DisabledLate,
    DisabledThenBack,
    Exempt,
    Withdrawn,
    Forgotten,
}

impl UserLife<'_> {
    /// Most vettings expire within the history; those of newcomers and some others do not.
    pub(super) fn first_expiry(&mut self, joined_on: Day) -> Day {
        let world = self.teller.world;
        if joined_on >= world.first || (!world.dense && self.teller.random.permille(550)) {
            return joined_on.plus(self.teller.random.between(700, 1095));
        }
        if self.teller.random.permille(130) {
            return world.last.plus(self.teller.random.between(1, 200));
        }
        let (low, high) = world.within(10, 0);
        World::spread(low, high, self.teller.random.below(1_000_000))
    }

    /// Clears the user at the level that the role needs.
    pub(super) fn clear(&mut self, on: Day, expires_on: Day) {
        let at = self.teller.office_from(on);
        let level = Value::Number(self.level());
        self.teller.tell(
            Kind::VettingCleared,
            at,
            &[("level", level), ("expires_on", Value::Date(expires_on))],
        );
    }

    /// Tells what happens around the end of a vetting; returns the next expiry while the account lives on.
    pub(super) fn expire(&mut self, expires_on: Day) -> Option<Day> {
        let profile = self.teller.world.profile(self.person.org);
        let (in_time, _) = profile.shares(self.teller.world.progress(expires_on));
        let careless = if self.teller.world.dense { 60 } else { (1000 - in_time) / 5 };
        let what = if self.stays {
            self.teller.random.weighted(&[
                (900, Expiry::Renewed),
                (60, Expiry::RenewedLate),
                (40, Expiry::Exempt),
            ])
        } else {
            self.teller.random.weighted(&[
                (if self.teller.world.dense { 300 } else { 620 }, Expiry::Renewed),
                (careless * 2, Expiry::RenewedLate),
                (180, Expiry::Disabled),
                (careless, Expiry::DisabledLate),
                (70, Expiry::DisabledThenBack),
                (70, Expiry::Exempt),
                (60, Expiry::Withdrawn),
                (careless * 3, Expiry::Forgotten),
            ])
        };
        let renewed_until = expires_on.plus(self.teller.random.between(200, 1095));
        match what.unwrap_or(Expiry::Renewed) {
            Expiry::Renewed => {
                let on = expires_on.plus(-self.teller.random.between(3, 60));
                self.clear(on, renewed_until);
                Some(renewed_until)
            }
            Expiry::RenewedLate => {
                let on = expires_on.plus(self.teller.random.between(1, 45));
                self.clear(on, renewed_until);
                Some(renewed_until)
            }
            Expiry::Disabled => {
                let from = self.teller.office_from(expires_on.plus(-6));
                let answer =
                    if self.teller.random.permille(80) { Answer::RecordedLate } else { Answer::InTime };
                self.teller.close_as(answer, Kind::AccountDisabled, from, expires_on, &[]);
                None
            }
            Expiry::DisabledLate => {
                let at = self.teller.late(expires_on, 30);
                self.disable(at);
                None
            }
            Expiry::DisabledThenBack => {
                let at = self.teller.in_time(self.teller.world.calendar.start_of(expires_on), expires_on);
                self.disable(at);
                let on = expires_on.plus(self.teller.random.between(10, 60));
                self.clear(on, renewed_until);
                self.enable(on.plus(3));
                Some(renewed_until)
            }
            Expiry::Exempt => self.exempt(expires_on, renewed_until),
            Expiry::Withdrawn => {
                let on = expires_on.plus(-self.teller.random.between(5, 40));
                let at = self.teller.office_from(on);
                self.teller.tell(Kind::VettingWithdrawn, at, &[]);
                let withdrawn_on = self.teller.world.calendar.day_of(at);
                match self.teller.random.below(3) {
                    0 => self.disable(at.plus(1800)),
                    1 => {
                        let at = self.teller.late(withdrawn_on, 12);
                        self.disable(at);
                    }
                    _ => {}
                }
                None
            }
            Expiry::Forgotten => None,
        }
    }

    fn exempt(&mut self, expires_on: Day, renewed_until: Day) -> Option<Day> {
        let until = expires_on.plus(self.teller.random.between(20, 90));
        let granted_on = expires_on.plus(-self.teller.random.between(2, 20));
        let at = self.teller.office_from(granted_on);
        self.grant_exemption(at, until);
        let until = if self.teller.random.permille(200) {
            // An exemption is withdrawn by one that ends sooner.
            let sooner = expires_on.plus(4);
            self.grant_exemption(at.plus(90_000), sooner);
            sooner
        } else {
            until
        };
        match self.teller.random.below(if self.stays { 1 } else { 3 }) {
            0 => {
                self.clear(expires_on.plus(12), renewed_until);
                Some(renewed_until)
            }
            1 => {
                let at = self.teller.in_time(self.teller.world.calendar.start_of(expires_on.plus(2)), until);
                self.disable(at);
                None
            }
            _ => None,
        }
    }

    fn grant_exemption(&mut self, at: Moment, until: Day) {
        self.teller.tell(
            Kind::ExemptionGranted,
            at,
            &[
                ("kind", Value::Word("vetting")),
                ("by_role", Value::Word("chief-responsible-officer")),
                ("until", Value::Date(until)),
                ("tried", Value::Words(&["renewal asked for", "chased with the force"])),
            ],
        );
    }
}
