//! The year.

use anyhow::ensure;
use mandate_domain::time::Instant;
use mandate_tests::arguments::Arguments;
use mandate_tests::random::Random;
use serde_json::json;

use crate::world::World;

const SECOND: i64 = 1;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;
/// By how much a clock is set wrong.
const JUMPS: [i64; 8] = [SECOND, 30 * SECOND, HOUR, 5 * HOUR, DAY, 40 * DAY, YEAR, 10 * YEAR];
/// The holiday that is published late, as the day before it comes: Monday 15 June 2026.
const LATE: (&str, &str) = ("2026-06-15", "2026-06-12T15:00:00Z");

struct Year {
    world: World,
    random: Random,
    nominals: Vec<String>,
    /// The latest moment that a clock showed.
    latest: Instant,
    passes: u32,
    jumps: u32,
}

/// Runs it.
pub fn run(mut arguments: Arguments) -> anyhow::Result<()> {
    let (days, seed) = (arguments.take("--days", 365)?, arguments.take("--seed", 1)?);
    arguments.end()?;
    let begins = Instant::parse("2026-01-01T00:00:00Z")?;
    let world = World::new(begins)?;
    let random = Random::new(seed);
    let mut year = Year { world, random, nominals: Vec::new(), latest: begins, passes: 0, jumps: 0 };
    let done = year.live(begins, days);
    done.map_err(|error| error.context(format!("seed {seed}, at {}", year.world.now())))?;
    let logged = &year.world.logged;
    println!(
        "{days} days, seed {seed}: {} passes, {} jumps of the clock, {} nominals; {} breaches, {} withdrawn, {} closed, {} \
         warnings: none skipped, repeated, early or false",
        year.passes,
        year.jumps,
        year.nominals.len(),
        logged.breaches,
        logged.rescinded,
        logged.closed.len(),
        logged.warned,
    );
    Ok(())
}

impl Year {
    fn live(&mut self, begins: Instant, days: i64) -> anyhow::Result<()> {
        let published = Instant::parse(LATE.1)?;
        let ends = begins.plus_seconds(days * DAY);
        let mut now = begins;
        let mut late = false;
        while now < ends {
            self.set(now);
            if !late && now >= published {
                late = true;
                let holidays = json!({ "holidays": [{ "date": LATE.0, "title": "Extra day" }] });
                let fact = self.world.fact(
                    "bank_holidays.published",
                    "calendar/england-and-wales",
                    now,
                    &holidays,
                )?;
                self.world.state(vec![fact])?;
            }
            for _ in 0..self.random.below(6) {
                self.happen(now)?;
            }
            self.pass()?;
            if self.random.once_in(25) {
                self.set_back(now)?;
            }
            now = self.next(now);
        }
        self.set_ahead(ends)?;
        ensure!(days < 200 || self.world.logged.breaches > 100, "hardly anything fell due");
        Ok(())
    }

    /// From one moment to twelve hours later, often at the very midnight in London or a second off it.
    fn next(&mut self, now: Instant) -> Instant {
        let midnight = now.london_date().next().start();
        match self.random.below(4) {
            0 if midnight.plus_seconds(-1) > now => midnight.plus_seconds(-1),
            1 => midnight,
            2 => midnight.plus_seconds(1),
            _ => now.plus_seconds(60 + i64::try_from(self.random.below(12 * 3_600)).unwrap_or(0)),
        }
    }

    fn set(&mut self, now: Instant) {
        self.world.clock.set(now);
        self.latest = self.latest.max(now);
    }

    fn pass(&mut self) -> anyhow::Result<()> {
        self.world.pass()?;
        self.passes += 1;
        // What was seen once is not unseen: the read models stand at the latest moment.
        let said = self.world.oracle.says(self.latest);
        said.compare(&self.world.logged, self.world.now())
    }

    /// The clock is wrong for a while: set back, and put right again.
    fn set_back(&mut self, now: Instant) -> anyhow::Result<()> {
        let jump = self.jump();
        self.jumps += 1;
        self.world.clock.set(now.plus_seconds(-jump));
        self.pass()?;
        if self.random.once_in(2) {
            self.happen(now)?;
            self.pass()?;
        }
        self.set(now);
        self.pass()
    }

    /// In the end the clock runs ahead, ever further, and is put right each time: what fell due by it is raised once.
    fn set_ahead(&mut self, ends: Instant) -> anyhow::Result<()> {
        for jump in JUMPS {
            self.jumps += 1;
            self.set(ends.plus_seconds(jump));
            self.pass()?;
            self.world.clock.set(ends);
            self.pass()?;
        }
        Ok(())
    }

    fn jump(&mut self) -> i64 {
        let at = usize::try_from(self.random.below(JUMPS.len() as u64)).unwrap_or(0);
        JUMPS.get(at).copied().unwrap_or(SECOND)
    }

    /// Something that opens or ends duties, or that was told late.
    fn happen(&mut self, now: Instant) -> anyhow::Result<()> {
        let back = i64::try_from(self.random.below(9))? * DAY / 2;
        let time = now.plus_seconds(-back);
        let known = usize::try_from(self.random.below(self.nominals.len() as u64))?;
        let known = self.nominals.get(known).cloned();
        let (Some(subject), false) = (known, self.random.once_in(3)) else {
            let subject = format!("nominal/N-{}", self.nominals.len());
            self.nominals.push(subject.clone());
            let category = if self.random.once_in(2) { 2 } else { 3 };
            let data =
                json!({ "registration": subject, "category": category, "level": 2, "area": "area/A07" });
            let fact = self.world.fact("mappa.registered", &subject, time, &data)?;
            return self.world.state(vec![fact]);
        };
        let number = self.random.below(40);
        let fact = match self.random.below(8) {
            0 | 1 => self.world.fact("record.created", &subject, time, &json!({ "owner": "area/A07" }))?,
            2 => {
                let data = json!({ "meeting": format!("M-{subject}-{number}"), "level": 3 });
                self.world.fact("meeting.held", &subject, time, &data)?
            }
            3 => {
                let data = json!({ "meeting": format!("M-{subject}-{number}") });
                self.world.fact("minutes.added", &subject, time, &data)?
            }
            4 => {
                let data = json!({ "contact": format!("C-{number}"), "priority": true });
                self.world.fact("contact.flagged", &subject, time, &data)?
            }
            5 => {
                let data = json!({ "request": format!("R-{number}"), "org": "area/A12" });
                self.world.fact("partnership.requested", &subject, time, &data)?
            }
            6 => {
                let data = json!({ "request": format!("R-{number}"), "org": "area/A12" });
                self.world.fact("partners.added", &subject, time, &data)?
            }
            _ => {
                let data = json!({ "registration": subject });
                self.world.fact("mappa.deregistered", &subject, time, &data)?
            }
        };
        self.world.state(vec![fact])
    }
}
