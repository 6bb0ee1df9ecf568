//! Making all tables anew: the log is read once on all cores and put aside by range of subjects; each range is
//! followed through all its time in memory, and its rows are added in order to a file without indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use hashbrown::HashMap;
use mandate_domain::catalogue::{FactType, SubjectKind};
use mandate_domain::judge::History;
use mandate_domain::time::Instant;
use mandate_store::{Head, Outline, Position, Reader, StoreError, Told};
use rusqlite::Connection;

use crate::cross::{Cross, Foreign, is_judged};
use crate::cuts::{Cut, Cuts};
use crate::error::ProjectionError;
use crate::feeds::{Arrivals, Feeds};
use crate::model::Progress;
use crate::placed::{Decoder, Placed, encode};
use crate::rows::{self, Counted, Evidence, Writing};
use crate::spill::Spill;
use crate::unit::{Before, Failure, Followed, Ground, Span, Unit, moments};
use crate::{database, events};

/// Events read at once.
const CHUNK: u64 = 2_000;
/// Events of one range of subjects, about.
const RANGE: u64 = 6_000;
/// Places of the log that are looked at to find ranges of like size, and events at each.
const SAMPLES: u64 = 64;
const SAMPLE_EVENTS: usize = 64;

/// Makes the tables in a file: what the log holds now, or up to a position, and what the clock brought up to `at`.
pub(crate) fn make(
    file: &Path,
    log: &Reader,
    at: Instant,
    until: Option<Position>,
) -> Result<Progress, ProjectionError> {
    let mut head = log.head()?;
    match until {
        Some(until) if until < head.position => head.position = until,
        Some(until) if until > head.position => {
            return Err(StoreError::Gap { missing: head.position.next(), head: until }.into());
        }
        Some(_) | None => {}
    }
    let at = if until.is_some() { at } else { at.max(head.recorded_at) };
    let cross = Cross::load(log, head.position)?;
    let ranges = ranges(log, &cross, head)?;
    let connection = database::create_bare(file)?;
    let run =
        |sql: &str| connection.execute_batch(sql).map_err(ProjectionError::database("write the tables"));
    run("BEGIN")?;
    let mut spill = Spill::beside(file, ranges.len() + 1);
    let unreadable = put_aside(log, head, &cross, &ranges, &connection, &mut spill)?;
    let mut own = Vec::new();
    for (cut, subject) in unreadable {
        if is_judged(&subject) {
            own.push((subject, cut));
        } else {
            let failure = Failure { reason: cut.reason, position: cut.position, since: cut.at };
            rows::park(&connection, &[subject], &failure)?;
        }
    }
    let cuts = Cuts::new(log, &cross, own, head.position)?;
    for epoch in cross.epochs() {
        rows::park_policy(&connection, epoch)?;
    }
    let (mut evidence, mut counted) = (Evidence::default(), Counted::default());
    follow(&cross, &ranges, &cuts, &spill, at, |mut answer| {
        for (subject, position, facts) in &answer.streams {
            rows::add_to_stream(&connection, subject, *position, facts)?;
        }
        for (members, unit) in &mut answer.followed {
            unit.duties.sort_by(|a, b| (&a.subject, &a.duty).cmp(&(&b.subject, &b.duty)));
            rows::write(&connection, members, unit, Writing::Fresh, &mut counted)?;
            for (holder, kind, since) in &unit.evidence {
                evidence.add(holder, *kind, *since);
            }
        }
        Ok(())
    })?;
    evidence.write_all(&connection)?;
    counted.write_sums(&connection)?;
    rows::reach(&connection, head.position, at)?;
    let progress = rows::progress(&connection)?;
    database::complete(&connection)?;
    run("COMMIT")?;
    drop(connection);
    database::make_durable(file)?;
    Ok(progress)
}

/// The first subject of each range but the first, so that ranges hold about as many events each.
fn ranges(log: &Reader, cross: &Cross, head: Head) -> Result<Vec<String>, ProjectionError> {
    let wanted = usize::try_from(head.position.get() / RANGE).unwrap_or(0);
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let mut subjects: Vec<String> = Vec::new();
    for sample in 0..SAMPLES {
        let after = Position::new(head.position.get() / SAMPLES * sample);
        match log.told_after(after, SAMPLE_EVENTS) {
            Ok(told) => {
                let found = told.iter().map(|event| &*event.fact.subject);
                subjects.extend(found.filter(|s| is_judged(s)).map(|s| cross.leader(s).to_owned()));
            }
            // A guess with fewer samples is as right.
            Err(StoreError::Unreadable { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    subjects.sort_unstable();
    let mut first: Vec<String> = (1..=wanted)
        .filter_map(|range| subjects.get(subjects.len() * range / (wanted + 1)).cloned())
        .collect();
    first.dedup();
    Ok(first)
}

fn range_of(ranges: &[String], leader: &str) -> usize {
    ranges.partition_point(|first| first.as_str() <= leader)
}

/// What was read of the log at once.
#[derive(Default)]
struct Chunk {
    /// Facts to be judged, in their compact form, by range.
    by_range: Vec<Vec<u8>>,
    /// Events that have rows of their own.
    of_their_own: Vec<Told>,
    unreadable: Vec<(Cut, String)>,
    arrivals: Arrivals,
}

/// Reads the log once: events with rows of their own are written, facts are put aside; answers with what cannot be
/// decoded and whose it is.
fn put_aside(
    log: &Reader,
    head: Head,
    cross: &Cross,
    ranges: &[String],
    connection: &Connection,
    spill: &mut Spill,
) -> Result<Vec<(Cut, String)>, ProjectionError> {
    let chunks = head.position.get().div_ceil(CHUNK);
    let threads = cores();
    let mut unreadable = Vec::new();
    std::thread::scope(|scope| {
        // Chunks go round the threads, and are taken from them in the same turn.
        let ahead: Vec<Receiver<Result<Chunk, ProjectionError>>> = (0..threads)
            .map(|turn| {
                let (sender, receiver) = sync_channel(2);
                scope.spawn(move || {
                    for chunk in (turn as u64..chunks).step_by(threads) {
                        let from = chunk * CHUNK;
                        let to = (from + CHUNK).min(head.position.get());
                        let read = read_chunk(log, from, to, cross, ranges);
                        let failed = read.is_err();
                        // The other end is gone when the writing has failed.
                        if sender.send(read).is_err() || failed {
                            break;
                        }
                    }
                });
                receiver
            })
            .collect();
        let mut feeds = Feeds::default();
        for chunk in 0..chunks {
            let turn = usize::try_from(chunk).unwrap_or(0) % threads;
            let read = ahead.get(turn).and_then(|ahead| ahead.recv().ok());
            let chunk = read.unwrap_or(Err(ProjectionError::Poisoned))?;
            for event in &chunk.of_their_own {
                events::take_in(connection, event)?;
            }
            for (range, bytes) in chunk.by_range.iter().enumerate() {
                spill.add(range, bytes)?;
            }
            unreadable.extend(chunk.unreadable);
            feeds.add(chunk.arrivals);
        }
        spill.close();
        feeds.write(connection)?;
        Ok(unreadable)
    })
}

/// Reads the events after a position up to another, round those that cannot be decoded.
fn read_chunk(
    log: &Reader,
    from: u64,
    to: u64,
    cross: &Cross,
    ranges: &[String],
) -> Result<Chunk, ProjectionError> {
    let mut by_range = Vec::new();
    let likely = usize::try_from(CHUNK).unwrap_or(0) * 200 / (ranges.len() + 1);
    by_range.resize_with(ranges.len() + 1, || Vec::with_capacity(likely));
    let mut chunk = Chunk { by_range, ..Chunk::default() };
    let (mut after, mut end) = (from, to);
    while after < to {
        let wanted = usize::try_from(end - after).unwrap_or(usize::MAX);
        match log.told_after(Position::new(after), wanted) {
            Ok(told) => {
                for event in told {
                    chunk.add(event, cross, ranges);
                }
                after = end;
                end = to;
            }
            Err(StoreError::Unreadable { position, reason }) if position.get() == after + 1 => {
                let found = log.outline_at(position)?;
                let gap = StoreError::Gap { missing: position, head: Position::new(to) };
                let Outline { subject, source, recorded_at: at } = found.ok_or(gap)?;
                chunk.arrivals.note(&source, at);
                let position = u32::try_from(position.get()).unwrap_or(u32::MAX);
                chunk.unreadable.push((Cut { position, at, reason }, subject));
                after += 1;
                end = to;
            }
            Err(StoreError::Unreadable { position, .. }) => end = position.get() - 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(chunk)
}

impl Chunk {
    fn add(&mut self, event: Told, cross: &Cross, ranges: &[String]) {
        self.arrivals.note(&event.fact.source, event.recorded_at);
        if is_judged(&event.fact.subject) {
            let range = range_of(ranges, cross.leader(&event.fact.subject));
            let own = events::has_rows(&event).then(|| event.clone());
            if let Some(bytes) = self.by_range.get_mut(range) {
                encode(&Placed::from_told(event), bytes);
            }
            self.of_their_own.extend(own);
        } else if events::has_rows(&event) {
            self.of_their_own.push(event);
        }
    }
}

/// What a range gives.
struct Answer {
    /// The facts of each subject in their compact form, with where the first of them stands; by name.
    streams: Vec<(Box<str>, u32, Vec<u8>)>,
    followed: Vec<(Vec<String>, Followed)>,
}

/// Follows every unit on all cores; `write` gets the answers in order.
fn follow(
    cross: &Cross,
    ranges: &[String],
    cuts: &Cuts,
    spill: &Spill,
    until: Instant,
    mut write: impl FnMut(Answer) -> Result<(), ProjectionError>,
) -> Result<(), ProjectionError> {
    let next = AtomicUsize::new(0);
    let extra = Extra::new(cross, ranges);
    std::thread::scope(|scope| {
        // Made inside, so that threads that wait to send end when the writing has failed.
        let (sender, answers) = sync_channel::<(usize, Result<Answer, ProjectionError>)>(0);
        for _ in 0..cores() {
            let sender: SyncSender<_> = sender.clone();
            let (next, extra) = (&next, &extra);
            scope.spawn(move || {
                loop {
                    let range = next.fetch_add(1, Ordering::Relaxed);
                    if range >= spill.parts() {
                        break;
                    }
                    let answer = follow_range(cross, cuts, spill, extra, range, until);
                    let failed = answer.is_err();
                    if sender.send((range, answer)).is_err() || failed {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut expected = 0;
        for (range, answer) in &answers {
            waiting.insert(range, answer?);
            while let Some(answer) = waiting.remove(&expected) {
                expected += 1;
                write(answer)?;
            }
        }
        if expected == spill.parts() { Ok(()) } else { Err(ProjectionError::Poisoned) }
    })
}

/// Subjects of each range that may have no fact of their own.
struct Extra<'c> {
    by_range: HashMap<usize, BTreeSet<&'c str>>,
}

impl<'c> Extra<'c> {
    fn new(cross: &'c Cross, ranges: &[String]) -> Self {
        let mut by_range: HashMap<usize, BTreeSet<&str>> = HashMap::new();
        for subject in cross.merged().chain(cross.waived()).filter(|subject| is_judged(subject)) {
            let leader = cross.leader(subject);
            by_range.entry(range_of(ranges, leader)).or_default().insert(leader);
        }
        Self { by_range }
    }
}

fn follow_range(
    cross: &Cross,
    cuts: &Cuts,
    spill: &Spill,
    extra: &Extra<'_>,
    range: usize,
    until: Instant,
) -> Result<Answer, ProjectionError> {
    let bytes = spill.read(range)?;
    let mut facts: Vec<Placed> = cross.shared();
    let mut own: BTreeMap<String, Vec<(Instant, u32)>> = BTreeMap::new();
    for leader in extra.by_range.get(&range).into_iter().flatten() {
        own.entry((*leader).to_owned()).or_default();
    }
    let mut decoder = Decoder::new(&bytes);
    let mut decoded = Vec::with_capacity(bytes.len() / 160);
    let mut streams: HashMap<Box<str>, (u32, Vec<u8>)> = HashMap::new();
    while let Some((placed, held)) = decoder.next_with_bytes() {
        match streams.get_mut(&placed.fact.subject) {
            Some((_, facts)) => facts.extend_from_slice(held),
            None => {
                streams.insert(placed.fact.subject.clone(), (placed.position, held.to_vec()));
            }
        }
        decoded.push(placed);
    }
    if !decoder.is_whole() {
        return Err(ProjectionError::Spill);
    }
    drop(bytes);
    for placed in &decoded {
        let leader = cross.leader(&placed.fact.subject);
        match own.get_mut(leader) {
            Some(moments) => moments.extend(placed.moments()),
            None => drop(own.insert(leader.to_owned(), placed.moments().collect())),
        }
        add_annulments(cross, placed, leader, &mut own, &mut facts);
    }
    let mut asking: HashMap<&str, Vec<&Placed>> = HashMap::new();
    for placed in &decoded {
        let kind = placed.fact.kind;
        if matches!(kind, FactType::PartnershipRequested | FactType::CustodyReceived | FactType::CustodyLeft)
        {
            asking.entry(cross.leader(&placed.fact.subject)).or_default().push(placed);
        }
    }
    for (leader, read) in asking {
        let checks = cross.checks_read(&read.iter().copied());
        if let Some(moments) = own.get_mut(leader) {
            moments.extend(checks.moments);
        }
        facts.extend(checks.facts);
    }
    facts.extend(decoded);
    let leaders: Vec<String> = own.keys().cloned().collect();
    for leader in &leaders {
        for waiver in cross.members(leader).iter().flat_map(|member| cross.waivers_of(member)) {
            own.entry(leader.clone()).or_default().extend(waiver.moments());
            facts.push(waiver.clone());
            add_annulments(cross, waiver, leader, &mut own, &mut facts);
        }
    }
    // What users read is the same for all of them.
    let mut of_users: Option<Foreign> = None;
    for leader in &leaders {
        let Some(moments) = own.get_mut(leader) else { continue };
        if SubjectKind::of(leader) == Some(SubjectKind::User) {
            let foreign = of_users.get_or_insert_with(|| cross.foreign(leader));
            moments.extend(&foreign.moments);
        } else {
            let foreign = cross.foreign(leader);
            moments.extend(foreign.moments);
            facts.extend(foreign.facts);
        }
    }
    facts.extend(of_users.map(|foreign| foreign.facts).unwrap_or_default());
    facts.sort_by_key(|placed| placed.position);
    facts.dedup_by_key(|placed| placed.position);
    let mut history = History::default();
    for placed in &facts {
        history.add(&placed.fact, placed.known_at(), placed.position);
    }
    let by_subject = SubjectPlaces::new(&facts, cuts);
    drop(facts);
    let ground = Ground::new(&history, cross, cross.epochs());
    let mut followed_units = Vec::with_capacity(own.len());
    for (leader, mut moments) in own {
        match cuts.units(&leader) {
            None => {
                moments.sort_unstable();
                moments.dedup();
                let members = cross.members(&leader);
                let unit = Unit { members, own: moments, bends: Vec::new() };
                let followed = ground.follow(&unit, Span { from: None, until }, Before::nothing());
                followed_units.push((unit.members, followed));
            }
            Some(units) => {
                for (members, cut) in units {
                    followed_units.push(by_subject.follow(cross, members, cut.as_ref(), until));
                }
            }
        }
    }
    let streams = streams.into_iter().map(|(subject, (position, facts))| (subject, position, facts));
    let mut streams: Vec<(Box<str>, u32, Vec<u8>)> = streams.collect();
    streams.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
    Ok(Answer { streams, followed: followed_units })
}

/// Adds the annulments of a fact, and the annulments of those, to the facts of its unit.
fn add_annulments(
    cross: &Cross,
    placed: &Placed,
    leader: &str,
    own: &mut BTreeMap<String, Vec<(Instant, u32)>>,
    facts: &mut Vec<Placed>,
) {
    if cross.annulments_of(&placed.fact).is_empty() {
        return;
    }
    let mut found = vec![placed.clone()];
    cross.add_annulments(&mut found);
    own.entry(leader.to_owned()).or_default().extend(moments(found.iter()));
    facts.extend(found);
}

/// Where the facts of the subjects stand of whom some are parked.
struct SubjectPlaces<'c> {
    facts: HashMap<&'c str, Vec<Placed>>,
}

impl<'c> SubjectPlaces<'c> {
    fn new(facts: &[Placed], cuts: &'c Cuts) -> Self {
        let mut found: HashMap<&str, Vec<Placed>> = HashMap::new();
        for placed in facts {
            if let Some(subject) = cuts.subject(&placed.fact.subject) {
                found.entry(subject).or_default().push(placed.clone());
            }
        }
        Self { facts: found }
    }

    /// Follows a unit up to where it is parked, if it is, with a history of its own: merges that came later do not
    /// count.
    fn follow(
        &self,
        cross: &Cross,
        members: &[String],
        cut: Option<&Cut>,
        until: Instant,
    ) -> (Vec<String>, Followed) {
        let own = members.iter().filter_map(|member| self.facts.get(member.as_str())).flatten();
        let mut own: Vec<Placed> = own.cloned().collect();
        own.extend(members.iter().flat_map(|member| cross.waivers_of(member)).cloned());
        cross.add_annulments(&mut own);
        let limit = cut.map_or(u32::MAX, |cut| cut.position.saturating_sub(1));
        own.retain(|placed| placed.position <= limit);
        let checks = cross.checks_read(&own.iter());
        let mut own_moments = moments(own.iter());
        own_moments.extend(checks.moments);
        own.extend(checks.facts);
        for member in members {
            let foreign = cross.foreign(member);
            own_moments.extend(foreign.moments);
            own.extend(foreign.facts);
        }
        own_moments.retain(|(_, position)| *position <= limit);
        own_moments.sort_unstable();
        own_moments.dedup();
        own.extend(cross.shared());
        own.retain(|placed| placed.position <= limit);
        let unit = Unit { members: members.to_vec(), own: own_moments, bends: Vec::new() };
        own.sort_by_key(|placed| placed.position);
        own.dedup_by_key(|placed| placed.position);
        let mut history = History::default();
        for placed in &own {
            history.add(&placed.fact, placed.known_at(), placed.position);
        }
        let ground = Ground::new(&history, cross, cross.epochs());
        let span = Span { from: None, until: cut.map_or(until, |cut| cut.at) };
        let mut followed = ground.follow(&unit, span, Before::nothing());
        if let (Some(cut), None) = (cut, &followed.failed) {
            let (reason, position, since) = (cut.reason.clone(), cut.position, cut.at);
            followed.failed = Some(Failure { reason, position, since });
        }
        (unit.members, followed)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
