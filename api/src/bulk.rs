//! Judging a whole file on all cores: decode, gather, judge unit by unit, render in the order of output.

use std::io::BufRead;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};

use mandate_domain::judge::{Added, Evidence, History, Judge, Verdict};

use mandate_store::{BUNDLE_MAGIC, Carried, CarriedError, read_bundle};

use crate::beside::Beside;
use crate::input::{BadLine, InputError, ReadFacts, open, read_facts_of};

/// Facts of one or more files, with what was wrong in them.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The facts.
    pub history: History,
    /// Lines that are no facts or contradict another, with their file.
    pub bad: Vec<(PathBuf, BadLine)>,
    /// Lines that repeat a fact word for word; they count once.
    pub repeated: u64,
    /// What bundles carry beside the log.
    pub beside: Beside,
    /// Position of the last line of each file.
    ends: Vec<(PathBuf, u32)>,
}

/// Number of cores to use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Gathered {
    /// Adds the facts of a file after those already there: JSON Lines, or a bundle as `mandate log export` writes it.
    ///
    /// # Errors
    /// [`InputError`] when the file cannot be read, or is a bundle that was altered.
    pub fn read(&mut self, file: &Path, threads: usize) -> Result<(), InputError> {
        let wrong = |source| InputError::Read { file: file.display().to_string(), source };
        let mut reader = open(file)?;
        if reader.fill_buf().map_err(wrong)?.starts_with(BUNDLE_MAGIC) {
            return self.read_bundle(reader, file);
        }
        let base = self.ends.last().map_or(0, |(_, end)| *end);
        let mut last = base;
        let (mut bytes, mut measured, before) = (0, 1, self.history.len());
        // Not known of standard input and the like.
        let size = std::fs::metadata(file).map_or(0, |file| usize::try_from(file.len()).unwrap_or(0));
        read_facts_of(reader, file, threads, base, |read: &mut ReadFacts| {
            // Where all lines are blank there is none to name.
            last = last.max(u32::try_from(read.last).map_or(u32::MAX, |line| base.saturating_add(line)));
            let mut bad = std::mem::take(&mut read.bad);
            bytes += read.bytes;
            self.history.append(&mut read.facts, |history, repeated| match repeated.added {
                Added::New(_) => {}
                Added::Same(_) => self.repeated += 1,
                Added::Conflict(first) => {
                    let other = place_of(&self.ends, history.row(first).position, file, base);
                    let reason = format!(
                        "conflict: id {:?} of source {:?} was stated with other content at {other}; the first counts, \
                         give this fact an id of its own",
                        repeated.id, repeated.source
                    );
                    let line = u64::from(repeated.position - base);
                    bad.push(BadLine { line, reason, text: None });
                }
            });
            // What is there of the file tells how much is to come, the better the more of it; of a compressed one that is
            // too little, and does no harm.
            if bytes >= measured {
                measured = bytes.saturating_mul(8);
                let facts =
                    (self.history.len() - before).saturating_mul(size.saturating_sub(bytes)) / bytes.max(1);
                self.history.make_room(facts);
            }
            bad.sort_by_key(|bad| bad.line);
            self.bad.extend(bad.into_iter().map(|bad| (file.to_owned(), bad)));
            Ok::<(), InputError>(())
        })?;
        self.ends.push((file.to_owned(), last));
        Ok(())
    }

    /// Adds the facts of a bundle.
    fn read_bundle(&mut self, reader: Box<dyn BufRead + Send>, file: &Path) -> Result<(), InputError> {
        let base = self.ends.last().map_or(0, |(_, end)| *end);
        let mut last = base;
        let read = read_bundle(reader, |carried| {
            let told = match carried {
                Carried::Beside(name, text) => {
                    self.beside.take(name, text);
                    return Ok(());
                }
                Carried::Fact(told) => told,
            };
            let known_at = told.known_at();
            last = u32::try_from(told.position.get()).map_or(u32::MAX, |at| base.saturating_add(at));
            match self.history.add(&told.fact, known_at, last) {
                Added::New(_) => {}
                Added::Same(_) => self.repeated += 1,
                Added::Conflict(_) => {
                    let reason =
                        format!("conflict: {} was stated with other content before", told.fact.reference());
                    let line = told.position.get();
                    self.bad.push((file.to_owned(), BadLine { line, reason, text: None }));
                }
            }
            Ok::<(), CarriedError>(())
        });
        read.map_err(|source| InputError::Bundle { file: file.display().to_string(), source })?;
        self.ends.push((file.to_owned(), last));
        Ok(())
    }
}

/// The file and line of a position, of files that end at the given ones or of the present one, which begins after `base`.
fn place_of(ends: &[(PathBuf, u32)], position: u32, present: &Path, base: u32) -> String {
    if position > base {
        return format!("{} line {}", present.display(), position - base);
    }
    let mut start = 0;
    for (file, end) in ends {
        if position <= *end {
            return format!("{} line {}", file.display(), position - start);
        }
        start = *end;
    }
    format!("position {position}")
}

/// Units that are judged at once.
const PIECE: usize = 512;

/// Judges every unit on `threads` threads; verdicts come in the order of output, the evidence flags set.
#[must_use]
pub fn judge_all(judge: &Judge<'_>, threads: usize) -> Vec<Verdict> {
    judge_in_pieces(judge, threads).into_iter().flatten().collect()
}

/// The same in pieces, so that many verdicts need not be moved.
#[must_use]
pub fn judge_in_pieces(judge: &Judge<'_>, threads: usize) -> Vec<Vec<Verdict>> {
    let (alone, merged): (Vec<u32>, Vec<u32>) =
        judge.units_in_order().into_iter().partition(|unit| judge.is_alone(*unit));
    let mut units: Vec<&[u32]> = alone.chunks(PIECE).collect();
    if units.is_empty() {
        units.push(&[]);
    }
    // The duties of subjects that are merged stand where the survivor does, which may be anywhere.
    let firsts = units.iter().map(|units| units.first().map_or("", |unit| judge.name_of(*unit)));
    let firsts: Vec<&str> = firsts.collect();
    let evidence = Mutex::new(Evidence::new());
    let of_merged = judge_units(judge, threads, &merged.chunks(PIECE).collect::<Vec<_>>(), &[], &evidence);
    let mut beside = vec![Vec::new(); units.len()];
    for verdict in of_merged.into_iter().flatten() {
        let name = judge.name_of(verdict.subject());
        let at = firsts.partition_point(|first| *first <= name).saturating_sub(1);
        if let Some(piece) = beside.get_mut(at) {
            piece.push(verdict);
        }
    }
    let mut pieces = judge_units(judge, threads, &units, &beside, &evidence);
    let evidence = evidence.into_inner().unwrap_or_default();
    for piece in &mut pieces {
        judge.flag_not_evidenced(piece, &evidence);
    }
    pieces
}

/// Judges units in pieces, with what goes beside the duties of each; what was seen of evidence is added.
fn judge_units(
    judge: &Judge<'_>,
    threads: usize,
    units: &[&[u32]],
    beside: &[Vec<Verdict>],
    all_evidence: &Mutex<Evidence>,
) -> Vec<Vec<Verdict>> {
    on_all(threads, units, |queue| {
        let (mut evidence, mut judged, mut room) = (Evidence::new(), Vec::new(), Vec::new());
        for (at, units) in queue {
            for unit in *units {
                let others = room.len();
                judge.judge_unit_into(*unit, &mut evidence, &mut room);
                judge.sort(room.get_mut(others..).unwrap_or_default());
            }
            if let Some(beside) = beside.get(at).filter(|beside| !beside.is_empty()) {
                room.extend_from_slice(beside);
                judge.sort(&mut room);
            }
            // Kept to size; the room is filled again.
            judged.push((at, room.clone()));
            room.clear();
        }
        if let Ok(mut all) = all_evidence.lock() {
            for (holder, seen) in evidence {
                *all.entry(holder).or_default() |= seen;
            }
        }
        judged
    })
}

/// Has `work` on each of `threads` threads take numbered tasks from a common queue; what it answers with for each is
/// put in their order.
fn on_all<T: Sync, R: Send>(
    threads: usize,
    tasks: &[T],
    work: impl Fn(&mut dyn Iterator<Item = (usize, &T)>) -> Vec<(usize, R)> + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let (next, work) = (&next, &work);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1))
            .map(|_| {
                scope.spawn(move || {
                    work(&mut std::iter::from_fn(|| {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        Some((at, tasks.get(at)?))
                    }))
                })
            })
            .collect();
        let done =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        done.flatten().collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Verdicts that are rendered at once.
const RENDERED: usize = 1024;

/// Renders verdicts on `threads` threads and hands what they render to `write` in order.
///
/// # Errors
/// What `write` answers with.
pub fn render<T: Sync, E: Send>(
    pieces: &[Vec<T>],
    threads: usize,
    some: impl Fn(&[T], &mut Vec<u8>) + Sync,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let tasks: Vec<&[T]> = pieces.iter().flat_map(|piece| piece.chunks(RENDERED)).collect();
    let threads = threads.max(1).min(tasks.len().max(1));
    let (tasks, some) = (&tasks, &some);
    std::thread::scope(|scope| {
        // Tasks go round the threads, and are taken from them in the same turn; so does what was written, to be filled
        // again.
        let rendering: Vec<_> = (0..threads)
            .map(|turn| {
                let (sender, receiver) = sync_channel::<Vec<u8>>(2);
                let (to_fill, empty) = channel::<Vec<u8>>();
                scope.spawn(move || {
                    for task in tasks.iter().skip(turn).step_by(threads) {
                        let mut bytes = empty.try_recv().unwrap_or_default();
                        bytes.clear();
                        some(task, &mut bytes);
                        // The other end is gone when the writing has failed.
                        if sender.send(bytes).is_err() {
                            break;
                        }
                    }
                });
                (receiver, to_fill)
            })
            .collect();
        for at in 0..tasks.len() {
            let Some((receiver, to_fill)) = rendering.get(at % threads) else { break };
            let Ok(bytes) = receiver.recv() else { break };
            write(&bytes)?;
            // A thread that has nothing left to render needs it no more.
            let _ = to_fill.send(bytes);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use mandate_domain::calendar::Calendar;
    use mandate_domain::fact::Fact;
    use mandate_domain::judge::View;
    use mandate_domain::policy::Policy;
    use mandate_domain::time::Instant;

    use super::*;

    fn add(history: &mut History, kind: &str, nominal: usize, data: &str) {
        let position = u32::try_from(history.len()).unwrap() + 1;
        let text = format!(
            r#"{{"specversion":"1.0","id":"e{position}","source":"/t","type":"{kind}","subject":"nominal/N{nominal:04}","time":"2026-03-02T09:00:00Z","data":{data}}}"#
        );
        let fact = Fact::parse(&text).unwrap();
        history.add(&fact, fact.time, position);
    }

    #[test]
    fn a_file_that_ends_in_many_blank_lines_ends_where_its_last_fact_does() {
        let folder = tempfile::tempdir().unwrap();
        let fact = |id: &str, day: u32| {
            format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"nominal.died","subject":"nominal/N1","time":"2026-03-{day:02}T09:00:00Z"}}"#
            )
        };
        let files = [
            // More blank lines than are read at once.
            ("first", format!("\n{}\n{}", fact("a", 2), "\n".repeat(600_000))),
            ("second", format!("{}\n{}\n", fact("b", 2), fact("a", 3))),
        ];
        let mut gathered = Gathered::default();
        for (name, text) in files {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            gathered.read(&file, 2).unwrap();
        }
        let positions: Vec<u32> = gathered.history.rows().map(|(_, row)| row.position).collect();
        assert_eq!(positions, [2, 3]);
        let (file, bad) = &gathered.bad[0];
        assert!(file.ends_with("second") && bad.line == 2, "{bad:?}");
        assert!(bad.reason.contains("first line 2; the first counts"), "{}", bad.reason);
    }

    #[test]
    fn duties_judged_in_pieces_come_in_the_order_of_those_judged_at_once_wherever_the_survivors_are() {
        let mut history = History::default();
        for nominal in 0..3 * PIECE {
            add(&mut history, "meeting.held", nominal, &format!(r#"{{"meeting":"M{nominal}","level":3}}"#));
        }
        // Of pairs far apart now the first survives, now the last, now one beyond all others.
        for (loser, survivor) in
            [(3, 2 * PIECE), (2 * PIECE + 9, 5), (PIECE, 4 * PIECE), (PIECE + 1, PIECE + 2)]
        {
            add(&mut history, "nominal.merged", loser, &format!(r#"{{"into":"nominal/N{survivor:04}"}}"#));
        }
        let at = Instant::parse("2026-03-20T09:00:00Z").unwrap();
        let (policy, calendar) = (Policy::shipped().unwrap(), Calendar::shipped().unwrap());
        let judge = Judge::new(&policy, &calendar, &history, View { as_at: at, known_at: at });
        let ids =
            |verdicts: &[Verdict]| -> Vec<String> { verdicts.iter().map(|v| judge.duty_id(v)).collect() };
        let at_once = ids(&judge.judge_all());
        assert_eq!(at_once.len(), 3 * PIECE);
        for threads in [1, 3] {
            assert_eq!(ids(&judge_all(&judge, threads)), at_once, "on {threads} threads");
        }
        let mut rendered = Vec::new();
        let pieces = judge_in_pieces(&judge, 3);
        let some = |verdicts: &[Verdict], out: &mut Vec<u8>| {
            for verdict in verdicts {
                out.extend(judge.duty_id(verdict).bytes());
                out.push(b'\n');
            }
        };
        render(&pieces, 3, some, |bytes| {
            rendered.extend_from_slice(bytes);
            Ok::<(), InputError>(())
        })
        .unwrap();
        assert_eq!(String::from_utf8(rendered).unwrap().lines().collect::<Vec<_>>(), at_once);
    }
}
