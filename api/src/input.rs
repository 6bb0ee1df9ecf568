//! Reading files of facts: JSON Lines, plain or compressed, decoded on all cores, in the order of the lines.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use mandate_domain::fact::{Fact, FactError};
use mandate_domain::judge::Facts;

/// Longest line that is read, in bytes; a longer one is refused without being held in memory.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Size of the pieces that are decoded at once, in bytes.
const BLOCK_BYTES: usize = 1 << 18;
/// Room for the line that reaches over that size, which most fit into.
const ROOM_BYTES: usize = 1 << 12;

/// Why a file of facts cannot be read as a whole.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file cannot be opened or read.
    #[error("{file}: {source}")]
    Read {
        /// The file as it was named.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A bundle that cannot be used.
    #[error("{file}: {source}")]
    Bundle {
        /// The file as it was named.
        file: String,
        /// What is wrong with it.
        source: mandate_store::CarriedError,
    },
    /// Neither a policy nor one of the drafts.
    #[error(
        "{path}: no policy there: name a folder with rule files such as 4.10.toml, one rule file, or a draft ({})",
        mandate_domain::policy::DRAFTS.join(", ")
    )]
    NoPolicy {
        /// The path as it was named.
        path: String,
    },
}

/// One line that is not a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
    /// The line itself, unless it is too long.
    pub text: Option<String>,
}

/// One line that was read.
#[derive(Debug)]
pub struct ReadLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// The fact with the text it was read from, or what is wrong.
    pub fact: Result<Fact, BadLine>,
    /// The text, where the caller asked for it.
    pub text: Option<String>,
}

/// Whether the text of each line is handed on beside its fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// Facts only.
    Dropped,
    /// Facts with their text.
    Kept,
}

/// Opens a file of facts, `-` for standard input; gzip and zstd are recognised by their first bytes.
///
/// # Errors
/// [`InputError::Read`] when it cannot be opened or is no valid gzip or zstd.
pub fn open(file: &Path) -> Result<Box<dyn BufRead + Send>, InputError> {
    let wrong = |source| InputError::Read { file: file.display().to_string(), source };
    let raw: Box<dyn Read + Send> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(wrong)?)
    };
    let mut reader = BufReader::with_capacity(BLOCK_BYTES, raw);
    let start = reader.fill_buf().map_err(wrong)?;
    if start.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(BufReader::with_capacity(BLOCK_BYTES, flate2::bufread::MultiGzDecoder::new(reader))))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let decoder = zstd::stream::read::Decoder::with_buffer(reader).map_err(wrong)?;
        Ok(Box::new(BufReader::with_capacity(BLOCK_BYTES, decoder)))
    } else {
        Ok(Box::new(reader))
    }
}

/// A run of whole lines.
#[derive(Default)]
struct Block {
    number: u64,
    first_line: u64,
    lines: Vec<u8>,
    /// Where each of them ends, in `lines`.
    ends: Vec<usize>,
    /// Lines that were too long, by number.
    too_long: Vec<u64>,
}

/// Reads every line of a file on `threads` threads and hands them to `each` in order.
///
/// Blank lines are skipped but counted. What `each` answers with stops the reading when it is an error.
///
/// # Errors
/// [`InputError::Read`] when the file cannot be read to its end, or what `each` answered.
pub fn read_lines<E: From<InputError>>(
    file: &Path,
    threads: usize,
    texts: Texts,
    each: impl FnMut(ReadLine) -> Result<(), E>,
) -> Result<(), E> {
    read_lines_of(open(file)?, file, threads, texts, each)
}

/// The same of a file that is open.
///
/// # Errors
/// As [`read_lines`].
pub fn read_lines_of<E: From<InputError>>(
    reader: Box<dyn BufRead + Send>,
    file: &Path,
    threads: usize,
    texts: Texts,
    mut each: impl FnMut(ReadLine) -> Result<(), E>,
) -> Result<(), E> {
    let decode = |block: &Block, lines: &mut Vec<ReadLine>| decode(block, texts, lines);
    in_order(reader, file, threads, decode, |lines: &mut Vec<ReadLine>| {
        lines.drain(..).try_for_each(&mut each)
    })
}

/// What lines that follow one another hold.
#[derive(Debug, Default)]
pub struct ReadFacts {
    /// The facts; each stands at the number of its line, counted on from those of earlier files.
    pub facts: Facts,
    /// Lines that are no facts.
    pub bad: Vec<BadLine>,
    /// Number of the last line.
    pub last: u64,
    /// How long the lines are together.
    pub bytes: usize,
}

/// Reads every line of an open file on `threads` threads, each of which gathers the facts that it decodes, and hands what
/// they gathered to `each` in order. The first line stands at the position after `base`.
///
/// # Errors
/// As [`read_lines`].
pub fn read_facts_of<E: From<InputError>>(
    reader: Box<dyn BufRead + Send>,
    file: &Path,
    threads: usize,
    base: u32,
    each: impl FnMut(&mut ReadFacts) -> Result<(), E>,
) -> Result<(), E> {
    in_order(reader, file, threads, |block, read: &mut ReadFacts| gather(block, base, read), each)
}

/// What was used and may be used again: memory that is given back must be cleared by the system before it is had again.
struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    fn take(&self) -> T {
        self.0.lock().ok().and_then(|mut pool| pool.pop()).unwrap_or_default()
    }

    fn put(&self, used: T) {
        if let Ok(mut pool) = self.0.lock() {
            pool.push(used);
        }
    }
}

/// Cuts a file into runs of whole lines, makes something of each on `threads` threads, and hands that on in order.
///
/// What is made is filled into one that `each` has seen before, or a new one.
fn in_order<T: Send + Default, E: From<InputError>>(
    mut reader: Box<dyn BufRead + Send>,
    file: &Path,
    threads: usize,
    make: impl Fn(&Block, &mut T) + Sync,
    mut each: impl FnMut(&mut T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.max(1);
    let (blocks, spare) = (Pool(Mutex::new(Vec::new())), Pool(Mutex::new(Vec::new())));
    let (blocks, spare) = (&blocks, &spare);
    std::thread::scope(|scope| {
        let (to_workers, work) = sync_channel::<Result<Block, InputError>>(threads * 2);
        let (to_caller, done) = sync_channel::<(u64, Result<T, InputError>)>(threads * 2);
        let name = file.display().to_string();
        scope.spawn(move || {
            let mut number = 0;
            let mut line = 1;
            loop {
                let block = next_block(&mut reader, &name, blocks.take(), number, &mut line);
                number += 1;
                match block {
                    Ok(None) => break,
                    Ok(Some(block)) => {
                        if to_workers.send(Ok(block)).is_err() {
                            break;
                        }
                    }
                    Err(error) => {
                        // The receiver may be gone already; then nobody is left to tell.
                        let _ = to_workers.send(Err(error));
                        break;
                    }
                }
            }
        });
        let work = std::sync::Arc::new(Mutex::new(work));
        for _ in 0..threads {
            let (work, to_caller, make) = (std::sync::Arc::clone(&work), to_caller.clone(), &make);
            scope.spawn(move || {
                loop {
                    let next = work.lock().map(|queue| queue.recv());
                    let answer = match next {
                        Ok(Ok(Ok(block))) => {
                            let (number, mut made) = (block.number, spare.take());
                            make(&block, &mut made);
                            blocks.put(block);
                            (number, Ok(made))
                        }
                        Ok(Ok(Err(error))) => (u64::MAX, Err(error)),
                        Ok(Err(_)) | Err(_) => break,
                    };
                    if to_caller.send(answer).is_err() {
                        break;
                    }
                }
            });
        }
        drop(to_caller);
        drop(work);
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        let mut failed = None;
        for (number, made) in &done {
            match made {
                Ok(made) => drop(waiting.insert(number, made)),
                Err(error) => failed = Some(error),
            }
            while let Some(mut made) = waiting.remove(&next) {
                next += 1;
                each(&mut made)?;
                spare.put(made);
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    })
}

/// Reads lines up to the size of a block; a line that is too long is skipped and noted.
fn next_block(
    reader: &mut (impl BufRead + ?Sized),
    name: &str,
    used: Block,
    number: u64,
    line: &mut u64,
) -> Result<Option<Block>, InputError> {
    let mut block = Block { number, first_line: *line, ..used };
    block.lines.clear();
    block.lines.reserve(BLOCK_BYTES + ROOM_BYTES);
    block.ends.clear();
    block.too_long.clear();
    while block.lines.len() < BLOCK_BYTES {
        let before = block.lines.len();
        let mut limited = reader.take(MAX_LINE_BYTES as u64 + 1);
        let wrong = |source| InputError::Read { file: name.to_owned(), source };
        let count = limited.read_until(b'\n', &mut block.lines).map_err(wrong)?;
        if count == 0 {
            break;
        }
        let ended = block.lines.last() == Some(&b'\n');
        if !ended && count > MAX_LINE_BYTES {
            block.lines.truncate(before);
            block.lines.push(b'\n');
            block.too_long.push(*line);
            reader.skip_until(b'\n').map_err(wrong)?;
        } else if !ended {
            block.lines.push(b'\n');
        }
        block.ends.push(block.lines.len());
        *line += 1;
    }
    Ok(if block.lines.is_empty() { None } else { Some(block) })
}

impl Block {
    /// Its lines with their numbers, blank ones left out; trimmed, or what is wrong with them.
    fn lines(&self) -> impl Iterator<Item = (u64, Result<&str, String>)> {
        // Looked at as a whole where nothing is wrong, which is nearly always.
        let whole = std::str::from_utf8(&self.lines).ok();
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).zip(self.first_line..).filter_map(move |((start, end), line)| {
            if self.too_long.contains(&line) {
                let reason = format!("longer than {MAX_LINE_BYTES} bytes; one fact is one line");
                return Some((line, Err(reason)));
            }
            let text = match whole.and_then(|whole| whole.get(start..*end)) {
                Some(text) => Ok(text),
                None => std::str::from_utf8(self.lines.get(start..*end).unwrap_or_default()),
            };
            match text.map(str::trim) {
                Ok("") => None,
                Ok(text) => Some((line, Ok(text))),
                Err(error) => Some((line, Err(format!("not UTF-8: {error}")))),
            }
        })
    }
}

fn not_a_fact(line: u64, text: &str, error: &FactError) -> BadLine {
    BadLine { line, reason: error.to_string(), text: Some(text.to_owned()) }
}

fn decode(block: &Block, texts: Texts, read: &mut Vec<ReadLine>) {
    read.reserve(block.lines.len() / 200);
    read.extend(block.lines().map(|(line, text)| match text {
        Ok(text) => {
            let kept = (texts == Texts::Kept).then(|| text.to_owned());
            let fact = Fact::parse(text).map_err(|error| not_a_fact(line, text, &error));
            ReadLine { line, fact, text: kept }
        }
        Err(reason) => ReadLine { line, fact: Err(BadLine { line, reason, text: None }), text: None },
    }));
}

/// Fills what has no facts and no bad lines.
fn gather(block: &Block, base: u32, read: &mut ReadFacts) {
    read.bytes = block.lines.len();
    read.last = 0;
    read.facts.make_room(read.bytes / 200);
    for (line, text) in block.lines() {
        let position = u32::try_from(line).map_or(u32::MAX, |line| base.saturating_add(line));
        read.last = line;
        let fact = text.map_err(|reason| BadLine { line, reason, text: None });
        match fact.and_then(|text| Fact::borrowed(text).map_err(|error| not_a_fact(line, text, &error))) {
            Ok(fact) => read.facts.push(&fact, fact.recorded_or_time(), position),
            Err(bad) => read.bad.push(bad),
        }
    }
}

/// Names of the files in a policy folder that belong to the policy, with their text. Where there is no such folder, a
/// name such as `five-working-days` is that of a draft that ships with the program.
///
/// # Errors
/// [`InputError::Read`] naming the file or folder.
pub fn policy_files(folder: &Path) -> Result<mandate_domain::policy::PolicyFiles, InputError> {
    let wrong = |file: &Path, source| InputError::Read { file: file.display().to_string(), source };
    let draft = folder.to_str().and_then(mandate_domain::policy::shipped_draft);
    if let Some(draft) = draft.filter(|_| !folder.exists()) {
        return Ok(draft);
    }
    let mut files = mandate_domain::policy::PolicyFiles::default();
    let listed: Vec<PathBuf> = if folder.is_dir() {
        let entries = std::fs::read_dir(folder).map_err(|e| wrong(folder, e))?;
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(|e| wrong(folder, e))?
    } else {
        vec![folder.to_owned()]
    };
    for path in listed {
        let belongs = path.extension().is_some_and(|end| end == "toml") || path.ends_with("text.txt");
        if let (true, Some(name)) = (belongs, path.file_name().and_then(|name| name.to_str())) {
            let text = std::fs::read_to_string(&path).map_err(|e| wrong(&path, e))?;
            files.0.insert(name.to_owned(), text);
        }
    }
    // Nothing read would mean the shipped rules, under the name of another policy.
    if files.0.is_empty() {
        return Err(InputError::NoPolicy { path: folder.display().to_string() });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIED: &str = r#"{"specversion":"1.0","id":"a","source":"/t","type":"nominal.died","subject":"nominal/N1","time":"2026-03-02T09:00:00Z"}"#;

    fn read(bytes: &[u8]) -> Vec<ReadLine> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("facts");
        std::fs::write(&file, bytes).unwrap();
        let mut all = Vec::new();
        read_lines::<InputError>(&file, 2, Texts::Dropped, |line| {
            all.push(line);
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn lines_keep_their_order_and_number_over_many_blocks() {
        let text = format!("{DIED}\n\n").repeat(5_000);
        let lines: Vec<u64> = read(text.as_bytes()).iter().map(|line| line.line).collect();
        assert_eq!(lines, (0..5_000).map(|n| n * 2 + 1).collect::<Vec<_>>());
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_and_the_next_is_read() {
        let text = format!("{DIED}\n{}\n{DIED}\n", "x".repeat(3 * MAX_LINE_BYTES));
        let lines = read(text.as_bytes());
        assert_eq!(lines.len(), 3);
        let bad = lines[1].fact.as_ref().unwrap_err();
        assert_eq!((bad.line, bad.reason.starts_with("longer than 1048576 bytes")), (2, true));
        assert!(lines[2].fact.is_ok() && lines[2].line == 3);
    }

    #[test]
    fn gzip_and_zstd_are_recognised() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, DIED.as_bytes()).unwrap();
        let zstd = zstd::encode_all(DIED.as_bytes(), 1).unwrap();
        for bytes in [gzip.finish().unwrap(), zstd] {
            assert!(read(&bytes)[0].fact.is_ok());
        }
    }

    #[test]
    fn what_is_not_utf_8_is_refused_with_its_line() {
        let lines = read(b"\xff\xfe\n");
        assert!(lines[0].fact.as_ref().unwrap_err().reason.starts_with("not UTF-8"));
    }
}
