//! Judging a whole file on all cores: decode, gather, judge unit by unit, render in the order of output.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use mandate_domain::judge::{Added, Evidence, History, Judge, Verdict};

use mandate_store::{BUNDLE_MAGIC, CarriedError, read_bundle};

use crate::input::{BadLine, InputError, Texts, open, read_lines_of};

/// Facts of one or more files, with what was wrong in them.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The facts.
    pub history: History,
    /// Lines that are no facts or contradict another, with their file.
    pub bad: Vec<(PathBuf, BadLine)>,
    /// Lines that repeat a fact word for word; they count once.
    pub repeated: u64,
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
        read_lines_of(reader, file, threads, Texts::Dropped, |read| {
            let position = u32::try_from(read.line).map_or(u32::MAX, |line| base.saturating_add(line));
            last = position;
            match read.fact {
                Err(bad) => self.bad.push((file.to_owned(), bad)),
                Ok(fact) => match self.history.add(&fact, fact.recorded_or_time(), position) {
                    Added::New(_) => {}
                    Added::Same(_) => self.repeated += 1,
                    Added::Conflict(first) => {
                        let other = self.place_of(self.history.row(first).position, file, base);
                        let reason = format!(
                            "conflict: id {:?} of source {:?} was stated with other content at {other}; the first \
                             counts, give this fact an id of its own",
                            fact.id, fact.source
                        );
                        self.bad.push((file.to_owned(), BadLine { line: read.line, reason, text: None }));
                    }
                },
            }
            Ok::<(), InputError>(())
        })?;
        self.ends.push((file.to_owned(), last));
        Ok(())
    }

    /// Adds the facts of a bundle.
    fn read_bundle(&mut self, reader: Box<dyn BufRead + Send>, file: &Path) -> Result<(), InputError> {
        let base = self.ends.last().map_or(0, |(_, end)| *end);
        let mut last = base;
        let read = read_bundle(reader, |told| {
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

    /// The file and line of a position.
    fn place_of(&self, position: u32, present: &Path, base: u32) -> String {
        if position > base {
            return format!("{} line {}", present.display(), position - base);
        }
        let mut start = 0;
        for (file, end) in &self.ends {
            if position <= *end {
                return format!("{} line {}", file.display(), position - start);
            }
            start = *end;
        }
        format!("position {position}")
    }
}

/// Judges every unit on `threads` threads; verdicts come in the order of output, the evidence flags set.
#[must_use]
pub fn judge_all(judge: &Judge<'_>, threads: usize) -> Vec<Verdict> {
    let units = judge.units_in_order();
    let piece = units.len().div_ceil(threads.max(1) * 16).max(1);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let pieces: Vec<&[u32]> = units.chunks(piece).collect();
    let judged = std::sync::Mutex::new((vec![Vec::new(); pieces.len()], Evidence::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut evidence = Evidence::new();
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(units) = pieces.get(at) else { break };
                    let mut verdicts = Vec::new();
                    for unit in *units {
                        verdicts.extend(judge.judge_unit(*unit, &mut evidence));
                    }
                    judge.sort(&mut verdicts);
                    if let Ok(mut all) = judged.lock()
                        && let Some(place) = all.0.get_mut(at)
                    {
                        *place = verdicts;
                    }
                }
                if let Ok(mut all) = judged.lock() {
                    for (holder, seen) in evidence {
                        *all.1.entry(holder).or_default() |= seen;
                    }
                }
            });
        }
    });
    let (pieces, evidence) = judged.into_inner().unwrap_or_default();
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(pieces.iter().map(Vec::len).sum());
    for piece in pieces {
        verdicts.extend(piece);
    }
    judge.flag_not_evidenced(&mut verdicts, &evidence);
    // Pieces are in order already, but for merged subjects: a sort of what is sorted costs one pass.
    judge.sort(&mut verdicts);
    verdicts
}

/// Renders verdicts in pieces on `threads` threads and hands the pieces to `write` in order.
///
/// # Errors
/// What `write` answers with.
pub fn render<T: Sync, E: Send>(
    verdicts: &[T],
    threads: usize,
    one: impl Fn(&T, &mut Vec<u8>) + Sync,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    for batch in verdicts.chunks(threads.max(1) * 4096) {
        let rendered: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let handles: Vec<_> = batch
                .chunks(4096)
                .map(|piece| {
                    let one = &one;
                    scope.spawn(move || {
                        let mut bytes = Vec::with_capacity(piece.len() * 640);
                        for verdict in piece {
                            one(verdict, &mut bytes);
                        }
                        bytes
                    })
                })
                .collect();
            handles.into_iter().filter_map(|handle| handle.join().ok()).collect()
        });
        for bytes in rendered {
            write(&bytes)?;
        }
    }
    Ok(())
}
