//! The moment the power goes.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::journal::{Name, Undo, names, undos};
use crate::random::Random;

/// A disk writes a sector wholly or not at all.
const SECTOR: u64 = 512;

/// What of the unsynced goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it.
    Everything,
    /// For each file all of it, or what came last, or any of its sectors; of the names those changed last.
    Some {
        /// Decides which.
        seed: u64,
    },
}

/// What went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Changes of contents that were undone, wholly or in part.
    pub writes: u64,
    /// Files whose contents changed by it.
    pub files: u64,
    /// Changes of names that were undone.
    pub names: u64,
}

pub(super) fn cut(folder: &Path, journal: &Path, loss: Loss) -> anyhow::Result<Lost> {
    let mut random = match loss {
        Loss::Everything => None,
        Loss::Some { seed } => Some(Random::new(seed)),
    };
    let mut lost = Lost::default();
    // Contents first: the names then lead to files as they are put back.
    let mut files = Vec::new();
    find_files(folder, &mut files)?;
    // What a name that is put back stands for loses its unsynced contents as well.
    find_files(journal, &mut files)?;
    files.sort_unstable();
    let mut done = BTreeSet::new();
    for path in &files {
        if path.to_string_lossy().ends_with("-shm") {
            fs::remove_file(path)?;
            continue;
        }
        let file = fs::metadata(path)?;
        let remembered = journal.join(format!("{}-{}.undo", file.dev(), file.ino()));
        if !done.insert((file.dev(), file.ino())) || !remembered.exists() {
            continue;
        }
        let undos = undos(&remembered)?;
        if !undos.is_empty() && put_back(path, &undos, random.as_mut())? {
            lost.files += 1;
            lost.writes += undos.len() as u64;
        }
    }
    let mut names = names(journal)?;
    if let Some(random) = &mut random {
        let kept = random.below(names.len() as u64 + 1);
        names.drain(..usize::try_from(kept)?);
    }
    for name in names.iter().rev() {
        undo_name(name).with_context(|| format!("{name:?}"))?;
        lost.names += 1;
    }
    Ok(lost)
}

fn find_files(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            find_files(&entry.path(), found)?;
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Puts a file's contents back; whether anything changed.
fn put_back(path: &Path, undos: &[Undo], random: Option<&mut Random>) -> anyhow::Result<bool> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let now = fs::read(path)?;
    let mut before = now.clone();
    let before_of = |undone: &[Undo], contents: &mut Vec<u8>| -> anyhow::Result<()> {
        for undo in undone.iter().rev() {
            contents.resize(usize::try_from(undo.length)?, 0);
            let at = usize::try_from(undo.offset)?;
            if !undo.bytes.is_empty() {
                let stood = contents.get_mut(at..at + undo.bytes.len()).context("a journal out of bounds")?;
                stood.copy_from_slice(&undo.bytes);
            }
        }
        Ok(())
    };
    before_of(undos, &mut before)?;
    let left = match random {
        None => before,
        Some(random) => match random.below(4) {
            0 => before,
            1 => {
                // What was written first is there.
                let kept = usize::try_from(random.below(undos.len() as u64 + 1))?;
                let mut left = now.clone();
                before_of(undos.get(kept..).unwrap_or_default(), &mut left)?;
                left
            }
            _ => sectors(&before, &now, random),
        },
    };
    if left == now {
        return Ok(false);
    }
    file.set_len(left.len() as u64)?;
    file.write_all_at(&left, 0)?;
    Ok(true)
}

/// Each sector as it was before or as it is now; where only one has it, that one or zeros, at either length.
fn sectors(before: &[u8], now: &[u8], random: &mut Random) -> Vec<u8> {
    let sector = usize::try_from(SECTOR).unwrap_or(usize::MAX);
    let length = if random.once_in(2) { before.len() } else { now.len() };
    let mut left = vec![0; length];
    for (number, into) in left.chunks_mut(sector).enumerate() {
        let from = if random.once_in(2) { before } else { now };
        for (at, byte) in into.iter_mut().enumerate() {
            *byte = from.get(number * sector + at).copied().unwrap_or(0);
        }
    }
    left
}

fn undo_name(name: &Name) -> std::io::Result<()> {
    let absent_is_fine = |done: std::io::Result<()>| match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    };
    match name {
        Name::Created { path } if path.is_dir() => fs::remove_dir_all(path),
        Name::Created { path } => absent_is_fine(fs::remove_file(path)),
        // A name that was made again in between was undone just before.
        Name::Unlinked { path, kept } => absent_is_fine(fs::rename(kept, path)),
        Name::Renamed { from, to, kept } => {
            absent_is_fine(fs::rename(to, from))?;
            match kept {
                Some(kept) => fs::rename(kept, to),
                None => Ok(()),
            }
        }
    }
}
