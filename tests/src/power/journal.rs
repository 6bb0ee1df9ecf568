//! Reading what the shim remembered; the layouts are those of `tests/power/shim.c`.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// One change of a file's contents.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Undo {
    /// Where `bytes` stood.
    pub(super) offset: u64,
    /// Length of the file before.
    pub(super) length: u64,
    /// What stood there.
    pub(super) bytes: Vec<u8>,
}

/// One change of names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A file or folder that was not there.
    Created { path: PathBuf },
    /// A file that went; what it was is kept.
    Unlinked { path: PathBuf, kept: PathBuf },
    /// What stood under the new name is kept, if anything did.
    Renamed { from: PathBuf, to: PathBuf, kept: Option<PathBuf> },
}

/// Numbers and bytes, one after another. The last record may be cut off, as its writer was.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*number))
    }

    fn take(&mut self, count: u64) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn path(&mut self, length: u64) -> Option<PathBuf> {
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(self.take(length)?)))
    }
}

/// The changes of a file's contents, in the order in which they were made.
pub(super) fn undos(journal: &Path) -> anyhow::Result<Vec<Undo>> {
    let all = std::fs::read(journal).with_context(|| format!("{}", journal.display()))?;
    let mut bytes = Bytes(&all);
    let mut next = || {
        let (offset, length, count) = (bytes.number()?, bytes.number()?, bytes.number()?);
        Some(Undo { offset, length, bytes: bytes.take(count)?.to_vec() })
    };
    Ok(std::iter::from_fn(&mut next).collect())
}

/// The changes of names that no sync of their folder covers, in the order in which they were made.
pub(super) fn names(folder: &Path) -> anyhow::Result<Vec<Name>> {
    let all = match std::fs::read(folder.join("names")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.with_context(|| format!("{}", folder.display()))?,
    };
    let mut bytes = Bytes(&all);
    let mut open: Vec<((u64, u64), Name)> = Vec::new();
    let mut next = || {
        let kind = bytes.number()?;
        let parent = (bytes.number()?, bytes.number()?);
        let (kept, first, second) = (bytes.number()?, bytes.number()?, bytes.number()?);
        Some((kind, parent, kept, bytes.path(first)?, bytes.path(second)?))
    };
    while let Some((kind, parent, kept, path, to)) = next() {
        let kept = (kept > 0).then(|| folder.join(format!("kept-{kept}")));
        let name = match (kind, kept) {
            (1, None) => Name::Created { path },
            (2, Some(kept)) => Name::Unlinked { path, kept },
            (3, kept) => Name::Renamed { from: path, to, kept },
            (4, None) => {
                open.retain(|(changed, _)| *changed != parent);
                continue;
            }
            (other, _) => bail!("{}: no record of kind {other}", folder.display()),
        };
        open.push((parent, name));
    }
    Ok(open.into_iter().map(|(_, name)| name).collect())
}
