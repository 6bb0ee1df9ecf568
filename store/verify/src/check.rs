//! The whole verification of a bundle, in one pass and in the memory of one record.
//!
//! The rules, in the order in which they are tried:
//!
//! 1. The bundle is of the log that the key is named after.
//! 2. Each event's stored leaf is the digest of what is stored, its position follows the one before, and it was not
//!    recorded before the one in front of it.
//! 3. Each signed checkpoint, those in the bundle and those that the auditor brings, has the root that the events give
//!    at its size. Where one has not, the first bad position is after the last size at which one had; for one that the
//!    auditor brings, after the last at which another that he brings had, because whoever changed the events may have
//!    had those in the bundle signed anew.
//! 4. A checkpoint that covers more than the bundle's last position needs a consistency proof, else events are missing.
//!    For one that the auditor brings even a valid proof is taken only where he expects a part of the log
//!    ([`Options::part`]): whoever cut the tail off could have kept the proof.
//! 5. A checkpoint covers the last position; what comes after the greatest size that was signed is not proven.
//!
//! The frontier in the header of a bundle that begins later is believed only because a signed root depends on it.

use std::collections::BTreeMap;
use std::io::{self, Read};

use crate::bundle::{BundleError, Header, Reader, Record};
use crate::leaf::{Entry, sha256};
use crate::note::{Checkpoint, NoteError, VerifyingKey};
use crate::tree::{Frontier, verify_consistency};
use crate::{Hash, MAX_POSITION};

mod report;

pub use report::{Alteration, Beside, Holder, Lack, MAX_BESIDE, MAX_OTHER_KEYS, Report, Verdict, json_text};

/// The most checkpoints that may stand in a bundle before the position that they cover.
pub const MAX_PENDING: usize = 16_384;
/// Events between two calls of [`Options::progress`].
pub const PROGRESS_EVERY: u64 = 16_384;

/// What [`verify_with`] does beyond [`verify`].
#[derive(Default)]
pub struct Options<'a> {
    /// A part of the log is expected: a checkpoint that the auditor brings may cover more than the bundle holds when the
    /// bundle proves that it is consistent.
    pub part: bool,
    /// Called now and then with the last position that was read and the last of the bundle.
    pub progress: Option<&'a mut dyn FnMut(u64, u64)>,
}

/// Verifies a bundle with the log's key and the checkpoints (signed notes) that the auditor brings.
///
/// Give it a buffered input.
///
/// # Errors
/// Only when the input cannot be read; whatever is wrong with what was read is in the report.
pub fn verify<N: AsRef<str>>(input: impl Read, key: &VerifyingKey, brought: &[N]) -> io::Result<Report> {
    verify_with(input, key, brought, Options::default())
}

/// As [`verify`], with options.
///
/// # Errors
/// As [`verify`].
pub fn verify_with<N: AsRef<str>>(
    input: impl Read,
    key: &VerifyingKey,
    brought: &[N],
    options: Options<'_>,
) -> io::Result<Report> {
    let mut checker = Checker::new(key, options);
    let found = checker.bring(brought).and_then(|()| checker.run(input));
    let verdict = match found {
        Ok(verdict) | Err(Stop::Verdict(verdict)) => verdict,
        Err(Stop::Io(error)) => return Err(error),
    };
    // A hole was found before whatever came later.
    let verdict = match (checker.hole, verdict) {
        (Some(hole), Verdict::Unreadable { .. }) => missing(hole.first, hole.last, Lack::Hole),
        (_, verdict) => verdict,
    };
    Ok(Report {
        origin: checker.origin,
        events: checker.events,
        proven: checker.matched.greatest,
        checkpoints: checker.checkpoints,
        other_keys: checker.other_keys,
        beside: checker.beside,
        verdict,
    })
}

/// The verification ends here.
enum Stop {
    Verdict(Verdict),
    Io(io::Error),
}

impl From<BundleError> for Stop {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Io(error) => Self::Io(error),
            other => unreadable(&other),
        }
    }
}

fn unreadable(why: &impl ToString) -> Stop {
    Stop::Verdict(Verdict::Unreadable { why: why.to_string() })
}

fn altered(first: u64, last: u64, what: Alteration) -> Stop {
    Stop::Verdict(Verdict::Altered { first, last, what })
}

fn missing(first: u64, last: u64, why: Lack) -> Verdict {
    Verdict::Missing { first, last, why }
}

/// A root that the key signed for some size.
struct Signed {
    root: Hash,
    holder: Holder,
}

/// Sizes that agree with a checkpoint, of which the last two are enough: they only grow.
#[derive(Default)]
struct Matches {
    greatest: Option<u64>,
    before: Option<u64>,
}

impl Matches {
    fn add(&mut self, size: u64) {
        if self.greatest != Some(size) {
            self.before = self.greatest.replace(size);
        }
    }

    /// The greatest below a size, for which no smaller one was added after it.
    fn below(&self, size: u64) -> Option<u64> {
        [self.greatest, self.before].into_iter().flatten().find(|matched| *matched < size)
    }
}

/// Events that are wanting between others.
struct Hole {
    first: u64,
    last: u64,
    /// The greatest position that was seen.
    seen: u64,
}

struct Checker<'k, 'o> {
    key: &'k VerifyingKey,
    options: Options<'o>,
    origin: Option<String>,
    first: u64,
    last: u64,
    tree: Frontier,
    recorded_at: i64,
    events: u64,
    /// Checkpoints of sizes that were not reached yet.
    pending: BTreeMap<u64, Vec<Signed>>,
    pending_count: usize,
    /// The smallest size in `pending`, so that an event costs one comparison.
    next_signed: u64,
    /// Sizes that agree with a checkpoint, and those that agree with one of the auditor's.
    matched: Matches,
    matched_brought: Matches,
    checkpoints: u64,
    /// The size of the consistency proof that was read last.
    proof_before: Option<u64>,
    /// A checkpoint that cannot be compared, which matters only when everything else is well.
    lack: Option<Verdict>,
    other_key: Option<String>,
    other_keys: Vec<String>,
    beside: Vec<Beside>,
    hole: Option<Hole>,
}

impl<'k, 'o> Checker<'k, 'o> {
    fn new(key: &'k VerifyingKey, options: Options<'o>) -> Self {
        Self {
            key,
            options,
            origin: None,
            first: 1,
            last: 0,
            tree: Frontier::new(),
            recorded_at: i64::MIN,
            events: 0,
            pending: BTreeMap::new(),
            pending_count: 0,
            next_signed: u64::MAX,
            matched: Matches::default(),
            matched_brought: Matches::default(),
            checkpoints: 0,
            proof_before: None,
            lack: None,
            other_key: None,
            other_keys: Vec::new(),
            beside: Vec::new(),
            hole: None,
        }
    }

    /// Takes in the auditor's checkpoints.
    fn bring<N: AsRef<str>>(&mut self, notes: &[N]) -> Result<(), Stop> {
        for note in notes {
            match self.key.open(note.as_ref()) {
                Ok(checkpoint) => self.keep(&checkpoint, Holder::Auditor)?,
                Err(NoteError::OtherKey { signed_by }) => self.other_key = Some(signed_by),
                Err(error) => return Err(unreadable(&format!("the checkpoint that you brought: {error}"))),
            }
        }
        Ok(())
    }

    fn run(&mut self, input: impl Read) -> Result<Verdict, Stop> {
        let mut reader = Reader::new(input)?;
        let mut announced = 0;
        while let Some(record) = reader.next_record()? {
            match record {
                Record::Header(header) => self.begin(header)?,
                Record::Beside { name, text } => self.note_beside(name, text),
                Record::Event(entry, leaf) => self.event(&entry, &leaf)?,
                Record::Checkpoint(note) => self.checkpoint(note)?,
                Record::Proof { size, hashes } => self.proof(size, hashes)?,
                Record::End(events) => announced = events,
            }
        }
        self.end(announced)
    }

    fn begin(&mut self, header: Header) -> Result<(), Stop> {
        (self.first, self.last, self.tree) = (header.first, header.last, header.frontier);
        self.origin = Some(header.origin.clone());
        if header.origin != self.key.name() {
            let why = Lack::OtherLog { wanted: self.key.name().to_owned() };
            return Err(Stop::Verdict(missing(self.first, self.last, why)));
        }
        let before = self.tree.size();
        let later = self.pending.split_off(&before);
        for (size, signed) in std::mem::replace(&mut self.pending, later) {
            for signed in signed {
                self.begins_later(size, signed.holder);
            }
        }
        self.compare()
    }

    /// Notes what the bundle carries beside the log.
    fn note_beside(&mut self, name: &str, text: &str) {
        if self.beside.len() < MAX_BESIDE {
            self.beside
                .push(Beside { name: name.chars().take(32).collect(), digest: sha256(text.as_bytes()) });
        }
    }

    /// Notes that a checkpoint covers less than what comes before the bundle.
    fn begins_later(&mut self, size: u64, holder: Holder) {
        let verdict = missing(size.saturating_add(1), self.first.saturating_sub(1), Lack::Before { holder });
        self.lack.get_or_insert(verdict);
    }

    fn event(&mut self, entry: &Entry<'_>, leaf: &Hash) -> Result<(), Stop> {
        let position = entry.position;
        if let Some(hole) = &mut self.hole {
            if position <= hole.seen {
                return Err(altered(hole.first, hole.first, Alteration::Order { found: hole.last + 1 }));
            }
            hole.seen = position;
            return Ok(());
        }
        let due = self.tree.size().saturating_add(1);
        if entry.digest() != *leaf {
            return Err(altered(due, due, Alteration::Leaf));
        }
        if due > self.last {
            return Err(altered(due, due, Alteration::Beyond));
        }
        if position > due && position <= self.last {
            self.hole = Some(Hole { first: due, last: position - 1, seen: position });
            return Ok(());
        }
        if position != due {
            return Err(altered(due, due, Alteration::Order { found: position }));
        }
        if entry.recorded_at < self.recorded_at {
            return Err(altered(due, due, Alteration::Clock));
        }
        self.recorded_at = entry.recorded_at;
        self.tree.append(leaf);
        self.events += 1;
        if self.events.is_multiple_of(PROGRESS_EVERY)
            && let Some(progress) = &mut self.options.progress
        {
            progress(position, self.last);
        }
        if position == self.next_signed { self.compare() } else { Ok(()) }
    }

    fn checkpoint(&mut self, note: &str) -> Result<(), Stop> {
        if self.hole.is_some() {
            return Ok(());
        }
        match self.key.open(note) {
            Ok(checkpoint) if checkpoint.size >= self.tree.size() => {
                self.keep(&checkpoint, Holder::Bundle)?;
                if checkpoint.size == self.tree.size() { self.compare() } else { Ok(()) }
            }
            Ok(checkpoint) if checkpoint.size < self.first - 1 => {
                self.begins_later(checkpoint.size, Holder::Bundle);
                Ok(())
            }
            Ok(checkpoint) => {
                let (size, at) = (checkpoint.size, self.tree.size());
                Err(unreadable(&format!(
                    "the checkpoint of size {size} stands after position {at}, too late to compare"
                )))
            }
            Err(NoteError::OtherKey { signed_by }) => {
                if self.other_keys.len() < MAX_OTHER_KEYS && !self.other_keys.contains(&signed_by) {
                    self.other_keys.push(signed_by);
                }
                Ok(())
            }
            Err(NoteError::Signature) => {
                let after = self.matched.greatest.map_or(1, |size| size + 1).min(self.last);
                Err(altered(after, self.last, Alteration::Signature))
            }
            Err(error) => Err(unreadable(&format!("a checkpoint in the bundle: {error}"))),
        }
    }

    /// Keeps a checkpoint until the events have come to its size.
    fn keep(&mut self, checkpoint: &Checkpoint, holder: Holder) -> Result<(), Stop> {
        if self.pending_count == MAX_PENDING {
            return Err(unreadable(&format!(
                "more than {MAX_PENDING} checkpoints stand before their positions"
            )));
        }
        self.pending_count += 1;
        self.pending.entry(checkpoint.size).or_default().push(Signed { root: checkpoint.root, holder });
        self.next_signed = self.next_signed.min(checkpoint.size);
        Ok(())
    }

    /// Compares the tree with the checkpoints of its size.
    fn compare(&mut self) -> Result<(), Stop> {
        let size = self.tree.size();
        if let Some(signed) = self.pending.remove(&size) {
            self.pending_count -= signed.len();
            let root = self.tree.root();
            for signed in signed {
                let holder = signed.holder;
                if signed.root != root {
                    let what = Alteration::Root { holder, agreed: self.matched.below(size) };
                    return Err(altered(self.after_match(size, holder), size, what));
                }
                self.agrees(size, holder);
            }
        }
        self.next_signed = self.pending.keys().next().copied().unwrap_or(u64::MAX);
        Ok(())
    }

    fn agrees(&mut self, size: u64, holder: Holder) {
        self.checkpoints += 1;
        self.matched.add(size);
        if holder == Holder::Auditor {
            self.matched_brought.add(size);
        }
    }

    /// The first position that can be bad when the checkpoint of this size does not agree.
    fn after_match(&self, size: u64, holder: Holder) -> u64 {
        let matches = match holder {
            Holder::Bundle => &self.matched,
            Holder::Auditor => &self.matched_brought,
        };
        matches.below(size).map_or(1, |matched| matched + 1)
    }

    fn proof(&mut self, size: u64, hashes: &[Hash]) -> Result<(), Stop> {
        self.complete()?;
        if size <= self.proof_before.unwrap_or(self.last) {
            return Err(unreadable(&format!("the consistency proof to size {size} is out of its order")));
        }
        self.proof_before = Some(size);
        let Some(signed) = self.pending.remove(&size) else { return Ok(()) };
        self.pending_count -= signed.len();
        let root = self.tree.root();
        for signed in signed {
            let holder = signed.holder;
            if verify_consistency(self.last, &root, size, &signed.root, hashes).is_err() {
                return Err(altered(self.after_match(size, holder), size, Alteration::Proof { holder }));
            }
            self.agrees(size, holder);
            if holder == Holder::Auditor && !self.options.part {
                self.lack.get_or_insert(missing(self.last + 1, size, Lack::Part));
            }
        }
        Ok(())
    }

    /// All events that the header announces were read.
    fn complete(&self) -> Result<(), Stop> {
        if let Some(hole) = &self.hole {
            return Err(Stop::Verdict(missing(hole.first, hole.last, Lack::Hole)));
        }
        let due = self.tree.size().min(MAX_POSITION) + 1;
        if due <= self.last {
            return Err(Stop::Verdict(missing(due, self.last, Lack::Tail)));
        }
        Ok(())
    }

    fn end(&mut self, announced: u64) -> Result<Verdict, Stop> {
        self.complete()?;
        if announced != self.events {
            return Err(unreadable(&format!(
                "its end announces {announced} events, but it holds {}",
                self.events
            )));
        }
        if let Some((size, signed)) = self.pending.last_key_value() {
            let (size, roots) = (*size, signed.iter().map(|signed| signed.root));
            if roots.collect::<Vec<_>>().windows(2).any(|pair| pair.first() != pair.last()) {
                return Err(altered(self.after_match(size, Holder::Auditor), size, Alteration::Fork));
            }
            let holder = signed.first().map_or(Holder::Bundle, |signed| signed.holder);
            return Ok(missing(self.last + 1, size, Lack::Signed { holder }));
        }
        if let Some(lack) = self.lack.take() {
            return Ok(lack);
        }
        if let Some(signed_by) = self.other_key.take() {
            return Ok(missing(self.first, self.last, Lack::OtherKey { signed_by }));
        }
        match self.matched.greatest {
            Some(size) if size >= self.last => {
                let root = self.tree.root();
                Ok(Verdict::Ok { first: self.first, last: self.last, log_size: size, root })
            }
            Some(size) => Ok(missing(self.first.max(size + 1), self.last, Lack::Unsigned)),
            None => Ok(missing(self.first, self.last, Lack::Unsigned)),
        }
    }
}
