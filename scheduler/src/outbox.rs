//! The bytes of mails whose outcome is not known yet, so that one sent again is the same.
//!
//! The log says what was tried and what came of it; a file here is only kept for as long as it may be needed, because
//! it names its recipient. Without it a mail that is sent again is written again from the log.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A folder of mails, each in a file named for its notice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outbox<'a> {
    folder: Option<&'a Path>,
}

impl<'a> Outbox<'a> {
    pub const fn new(folder: Option<&'a Path>) -> Self {
        Self { folder }
    }

    fn file(&self, notice: &str) -> Option<PathBuf> {
        // A notice's id is ours: letters, digits and hyphens.
        self.folder.map(|folder| folder.join(format!("{notice}.eml")))
    }

    /// The bytes kept of a notice, if they are.
    pub fn kept(&self, notice: &str) -> Option<Vec<u8>> {
        fs::read(self.file(notice)?).ok()
    }

    /// Keeps the bytes of a notice, for its owner's eyes only, before it is sent.
    pub fn keep(&self, notice: &str, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = self.file(notice) else { return Ok(()) };
        if let Some(folder) = self.folder {
            fs::create_dir_all(folder)?;
        }
        let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
        open.write_all(bytes)?;
        open.sync_all()
    }

    /// Forgets a notice whose outcome is known.
    pub fn forget(&self, notice: &str) {
        let Some(file) = self.file(notice) else { return };
        match fs::remove_file(file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%notice, %error, "a mail that was settled stays in the outbox"),
        }
    }

    /// Forgets every notice that waits no more: a program that ended may have left some.
    pub fn forget_all_but(&self, waiting: &HashSet<String>) {
        let Some(files) = self.folder.and_then(|folder| fs::read_dir(folder).ok()) else { return };
        for file in files.flatten() {
            let path = file.path();
            let notice = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if !waiting.contains(notice) {
                self.forget(notice);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn bytes_are_kept_for_their_owner_until_they_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox");
        let outbox = Outbox::new(Some(&path));
        assert_eq!(outbox.kept("n-1"), None);
        outbox.keep("n-1", b"one").unwrap();
        outbox.keep("n-2", b"two").unwrap();
        assert_eq!(outbox.kept("n-1").as_deref(), Some(b"one".as_slice()));
        assert_eq!(fs::metadata(path.join("n-1.eml")).unwrap().permissions().mode() & 0o777, 0o600);
        outbox.forget_all_but(&HashSet::from(["n-1".to_owned()]));
        assert_eq!(outbox.kept("n-2"), None);
        outbox.forget("n-1");
        outbox.forget("n-1");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }

    #[test]
    fn without_a_folder_nothing_is_kept_and_nothing_fails() {
        let outbox = Outbox::new(None);
        outbox.keep("n-1", b"one").unwrap();
        assert_eq!(outbox.kept("n-1"), None);
        outbox.forget("n-1");
    }
}
