//! A folder whose name is still there after the power went.

use std::fs::{DirBuilder, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Makes a folder that only its owner can enter, and those above it that are missing. What is synced in a folder whose
/// own name is not on disk would go with that name, so the folders above are synced; the nearest also when there was
/// nothing to make, because whoever made it may have been killed before it was synced.
pub(crate) fn make(folder: &Path) -> Result<(), Error> {
    let missing = folder.ancestors().take_while(|above| !above.exists()).count();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for made in folder.ancestors().take(missing.max(1)) {
        let Some(above) = made.parent() else { break };
        let above = if above == Path::new("") { Path::new(".") } else { above };
        match File::open(above).and_then(|above| above.sync_all()) {
            // Not ours to read, and so not where we made anything.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            done => done?,
        }
    }
    Ok(())
}
