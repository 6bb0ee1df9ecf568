//! Mail as `.eml` files: whole or not there, and the same when written twice.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Attempt;

/// For whomever the umask lets read it: another account may pick the mails up.
const READABLE: u32 = 0o666;

/// A folder that takes one `.eml` file for each mail, named for its notice.
#[derive(Debug, Clone)]
pub struct EmlFiles {
    folder: PathBuf,
}

impl EmlFiles {
    /// Files in a folder, which is made when the first mail is written.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn write(&self, notice: &str, bytes: &[u8]) -> Attempt {
        // A notice's id is ours: letters, digits and hyphens.
        let name = format!("{notice}.eml");
        match self.try_write(&name, bytes) {
            Ok(()) => Attempt::Accepted { reply: format!("written to {name}") },
            Err(error) => {
                Attempt::Unreachable { reply: format!("{name} cannot be written: {}", error.kind()) }
            }
        }
    }

    fn try_write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        put_whole(&self.folder.join(name), bytes, READABLE)
    }
}

/// Writes a file, durably, in a folder that is made if it is not there: beside (under `.<its name>.new`), and then put in
/// place, so that who looks sees the whole of it, or the whole of the one before.
pub(crate) fn put_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let beside = folder.join(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_written_twice_is_one_file_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = EmlFiles::new(folder.path().join("mail"));
        for bytes in [b"one".as_slice(), b"two"] {
            assert_eq!(
                files.write("n-1", bytes),
                Attempt::Accepted { reply: "written to n-1.eml".to_owned() }
            );
        }
        let names: Vec<_> =
            fs::read_dir(files.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["n-1.eml"]);
        assert_eq!(fs::read(files.folder().join("n-1.eml")).unwrap(), b"two");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let attempt = EmlFiles::new(&file).write("n-1", b"x");
        assert!(matches!(attempt, Attempt::Unreachable { .. }), "{attempt:?}");
    }
}
