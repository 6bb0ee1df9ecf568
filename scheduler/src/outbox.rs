//! The bytes of mails whose outcome is not known yet, so that one sent again is the same.
//!
//! The log says what was tried and what came of it; a file here is only kept for as long as it may be needed, because
//! it names its recipient. Without it a mail that is sent again is written again from the log.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sha2::{Digest as _, Sha256};

use crate::mail::put_whole;

/// Read and written by its owner.
const OWNER_ALONE: u32 = 0o600;

/// The SHA-256 of the bytes of a mail, in lower-case hexadecimal digits, as `notice.attempted` has it.
pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

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

    /// The bytes kept of a notice, if they are those of the attempt with this SHA-256.
    pub fn kept(&self, notice: &str, sha256: &str) -> Option<Vec<u8>> {
        fs::read(self.file(notice)?).ok().filter(|bytes| sha256_of(bytes) == sha256)
    }

    /// Keeps the bytes of a notice, for its owner's eyes only, before it is sent. What was kept of it stays until then:
    /// a program that ends meanwhile has them still.
    pub fn keep(&self, notice: &str, bytes: &[u8]) -> io::Result<()> {
        self.file(notice).map_or(Ok(()), |file| put_whole(&file, bytes, OWNER_ALONE))
    }

    /// Forgets a notice whose outcome is known.
    pub fn forget(&self, notice: &str) {
        if let Some(file) = self.file(notice) {
            remove(&file);
        }
    }

    /// Forgets every notice that waits no more: a program that ended may have left some.
    pub fn forget_all_but(&self, waiting: &HashSet<String>) {
        let Some(files) = self.folder.and_then(|folder| fs::read_dir(folder).ok()) else { return };
        for file in files.flatten() {
            let path = file.path();
            // What is left of one that was being written has another ending, and is none's.
            let notice = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".eml"));
            if !notice.is_some_and(|notice| waiting.contains(notice)) {
                remove(&path);
            }
        }
    }
}

fn remove(file: &Path) {
    match fs::remove_file(file) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "a mail that was settled stays in the outbox");
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
        let (one, two) = (sha256_of(b"one"), sha256_of(b"two"));
        assert_eq!(outbox.kept("n-1", &one), None);
        outbox.keep("n-1", b"two").unwrap();
        outbox.keep("n-1", b"one").unwrap();
        outbox.keep("n-2", b"two").unwrap();
        assert_eq!(outbox.kept("n-1", &one).as_deref(), Some(b"one".as_slice()));
        assert_eq!(fs::metadata(path.join("n-1.eml")).unwrap().permissions().mode() & 0o777, 0o600);
        outbox.forget_all_but(&HashSet::from(["n-1".to_owned()]));
        assert_eq!(outbox.kept("n-2", &two), None);
        outbox.forget("n-1");
        outbox.forget("n-1");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_what_the_log_says_was_sent_is_not_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(Some(folder.path()));
        outbox.keep("n-1", b"whole").unwrap();
        fs::write(folder.path().join("n-1.eml"), b"").unwrap();
        assert_eq!(outbox.kept("n-1", &sha256_of(b"whole")), None);
    }

    #[test]
    fn a_program_that_ends_while_it_writes_has_what_was_kept_before_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(Some(folder.path()));
        outbox.keep("n-1", b"whole").unwrap();
        // A folder where the new file would be: nothing can be written.
        let beside = folder.path().join(".n-1.eml.new");
        fs::create_dir(&beside).unwrap();
        outbox.keep("n-1", b"another").unwrap_err();
        assert_eq!(outbox.kept("n-1", &sha256_of(b"whole")).as_deref(), Some(b"whole".as_slice()));
        fs::remove_dir(&beside).unwrap();
        fs::write(&beside, b"anoth").unwrap();
        outbox.forget_all_but(&HashSet::from(["n-1".to_owned()]));
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["n-1.eml"]);
    }

    #[test]
    fn without_a_folder_nothing_is_kept_and_nothing_fails() {
        let outbox = Outbox::new(None);
        outbox.keep("n-1", b"one").unwrap();
        assert_eq!(outbox.kept("n-1", &sha256_of(b"one")), None);
        outbox.forget("n-1");
    }
}
