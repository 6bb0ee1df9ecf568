//! Power cuts, played on files: a process runs with `tests/power/shim.c` preloaded and is killed; then what it wrote and
//! did not sync is undone, all of it or, by a seed, some of it.
//!
//! The model is that of POSIX: what fsync or fdatasync of a file covered stays; other contents may be lost, sector by
//! sector; a name that was made, renamed or removed may be lost unless its folder was synced afterwards.

mod cut;
mod journal;

#[cfg(test)]
mod tests;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

pub use cut::{Loss, Lost};

/// A folder whose unsynced contents can be lost.
#[derive(Debug)]
pub struct Power {
    shim: PathBuf,
    folder: PathBuf,
    journal: PathBuf,
}

impl Power {
    /// Watches over `folder`; `beside` is an empty folder elsewhere on the same file system, for the shim and what it
    /// remembers.
    ///
    /// # Errors
    /// When there is no C compiler, or one folder is within the other.
    pub fn over(folder: &Path, beside: &Path) -> anyhow::Result<Self> {
        let look_up = |path: &Path| path.canonicalize().with_context(|| format!("{}", path.display()));
        let (folder, beside) = (look_up(folder)?, look_up(beside)?);
        ensure!(
            !beside.starts_with(&folder) && !folder.starts_with(&beside),
            "{} and {}: one is within the other",
            folder.display(),
            beside.display()
        );
        let shim = beside.join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("power/shim.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let compiled = Command::new(&compiler)
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&shim, &source])
            .args(["-ldl", "-lpthread"])
            .output()
            .with_context(|| format!("no C compiler {}: install gcc or set CC", compiler.display()))?;
        ensure!(
            compiled.status.success(),
            "{}: {}",
            source.display(),
            String::from_utf8_lossy(&compiled.stderr)
        );
        let journal = beside.join("journal");
        std::fs::create_dir(&journal)?;
        Ok(Self { shim, folder, journal })
    }

    /// What a program needs in its environment to be watched.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, &Path); 3] {
        [("LD_PRELOAD", &self.shim), ("POWER_FOLDER", &self.folder), ("POWER_JOURNAL", &self.journal)]
    }

    /// Lets programs of other users be watched as well.
    ///
    /// # Errors
    /// When the folder is not this process's own.
    pub fn open_to_others(&self) -> std::io::Result<()> {
        std::fs::set_permissions(&self.journal, std::fs::Permissions::from_mode(0o777))
    }

    /// Cuts the power: every process that was watched must be dead.
    ///
    /// # Errors
    /// When a file cannot be put back.
    pub fn cut(&self, loss: Loss) -> anyhow::Result<Lost> {
        let lost = cut::cut(&self.folder, &self.journal, loss)?;
        for entry in std::fs::read_dir(&self.journal)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(lost)
    }
}
