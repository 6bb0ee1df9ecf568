//! Nothing runs for a while.

use anyhow::ensure;
use mandate_domain::time::Instant;
use mandate_tests::arguments::Arguments;
use mandate_tests::random::Random;
use serde_json::json;

use crate::world::{AREAS, World};

const DAY: i64 = 86_400;
/// How long nothing runs.
const DOWN: [(&str, i64); 3] = [("1 hour", 3_600), ("3 days", 3 * DAY), ("400 days", 400 * DAY)];

/// Runs it for each length.
pub fn run(mut arguments: Arguments) -> anyhow::Result<()> {
    let (open, seed) = (arguments.take("--open", 100_000)?, arguments.take("--seed", 1)?);
    arguments.end()?;
    for (words, seconds) in DOWN {
        let told =
            down(open, seconds, seed).map_err(|error| error.context(format!("{words} down, seed {seed}")))?;
        println!("{words} down, {open} open duties: {told}");
    }
    Ok(())
}

/// Nominals are told of for a week up to a midnight, then nothing runs; the rest is looked at when it is over.
fn down(open: u32, seconds: i64, seed: u64) -> anyhow::Result<String> {
    let begins = Instant::parse("2026-03-23T00:00:00Z")?;
    let mut world = World::new(begins)?;
    let mut random = Random::new(seed);
    // Half an hour before the midnight at which the first of them fall due, across the change of the clocks.
    let stops = Instant::parse("2026-03-28T23:30:00Z")?;
    let mut facts = Vec::new();
    for number in 0..open {
        let into = i64::try_from(random.below(6 * 86_400 - 1_800))?;
        let subject = format!("nominal/N-{number}");
        let area = AREAS.get(number as usize % AREAS.len());
        let data = json!({ "registration": subject, "category": 2, "level": 2, "area": area });
        facts.push(world.fact("mappa.registered", &subject, begins.plus_seconds(into), &data)?);
        if facts.len() == 5_000 {
            world.clock.set(begins.plus_seconds(i64::from(number) * 5 * DAY / i64::from(open.max(1))));
            world.state(std::mem::take(&mut facts))?;
        }
    }
    world.clock.set(stops);
    world.state(facts)?;
    world.pass()?;
    let (before, warned) = (world.logged.breaches, world.logged.mails);
    world.logged.raised.clear();
    world.logged.told.clear();
    let now = stops.plus_seconds(seconds);
    world.clock.set(now);
    world.pass()?;
    world.oracle.says(now).compare(&world.logged, now)?;
    let raised = std::mem::take(&mut world.logged.raised);
    ensure!(raised.is_sorted(), "not in the order of due moments");
    ensure!(world.logged.breaches - before == raised.len(), "counted wrongly");
    let mails: usize = world.logged.told.values().map(std::collections::BTreeSet::len).sum();
    let recipients = world.logged.told.len();
    // A handful of news is mailed singly; a flood never is.
    ensure!(raised.len() < 50 || mails <= recipients, "{mails} mails to {recipients} recipients");
    // One CPC answers for two areas, and nobody for one, of which the administrator hears.
    ensure!(raised.len() < 50 || recipients == AREAS.len() - 1, "{recipients} recipients");
    let standing = world.logged.standing.len();
    let listed =
        world.logged.listed.keys().map(|(duty, _)| duty).collect::<std::collections::BTreeSet<_>>().len();
    ensure!(listed == world.logged.breaches, "{listed} of {} breaches are told", world.logged.breaches);
    let again = world.pass()?;
    ensure!((again.steps.raised, again.steps.queued) == (0, 0), "a second pass found more: {again:?}");
    Ok(format!(
        "{} breaches raised once, in order, as judged ({standing} stand); {mails} mails tell {recipients} recipients of them, \
         each in one ({} mails in all)",
        raised.len(),
        world.logged.mails - warned
    ))
}
