//! Facts put aside by part: in memory while they are few, else in a file without a name.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::database::{file_error, remove};
use crate::error::ProjectionError;

/// Bytes kept in memory.
const IN_MEMORY_BYTES: usize = 16 << 20;

/// Bytes put aside in parts.
#[derive(Debug)]
pub(crate) struct Spill {
    name: std::path::PathBuf,
    file: Option<File>,
    parts: Vec<Part>,
    in_memory: usize,
    written: u64,
}

#[derive(Debug, Default)]
struct Part {
    /// What is in the file: where, and how much.
    pieces: Vec<(u64, usize)>,
    rest: Vec<u8>,
}

impl Spill {
    /// An empty one, whose file would stand beside another.
    pub fn beside(file: &Path, parts: usize) -> Self {
        let mut parts_of = Vec::new();
        parts_of.resize_with(parts, Part::default);
        Self { name: file.with_extension("aside"), file: None, parts: parts_of, in_memory: 0, written: 0 }
    }

    /// Number of parts.
    pub const fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Adds to a part.
    pub fn add(&mut self, part: usize, bytes: &[u8]) -> Result<(), ProjectionError> {
        if let Some(part) = self.parts.get_mut(part) {
            part.rest.extend_from_slice(bytes);
            self.in_memory += bytes.len();
        }
        if self.in_memory > IN_MEMORY_BYTES { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> Result<(), ProjectionError> {
        let wrong = |source| file_error(&self.name, source);
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                remove(&self.name)?;
                let options = || File::options().read(true).write(true).create_new(true).open(&self.name);
                let file = options().map_err(wrong)?;
                // It goes with the process.
                remove(&self.name)?;
                file
            }
        };
        let usual = 2 * IN_MEMORY_BYTES / self.parts.len().max(1);
        for part in self.parts.iter_mut().filter(|part| !part.rest.is_empty()) {
            file.write_all_at(&part.rest, self.written).map_err(wrong)?;
            part.pieces.push((self.written, part.rest.len()));
            self.written += part.rest.len() as u64;
            // What was made room for is filled again, unless the log tells of one part after another.
            part.rest.clear();
            part.rest.shrink_to(usual);
        }
        self.in_memory = 0;
        self.file = Some(file);
        Ok(())
    }

    /// Gives back the room that is not needed: nothing more is added.
    pub fn close(&mut self) {
        self.parts.iter_mut().for_each(|part| part.rest.shrink_to_fit());
    }

    /// All bytes of a part, in the order in which they were added.
    pub fn read(&self, part: usize) -> Result<Vec<u8>, ProjectionError> {
        let Some(part) = self.parts.get(part) else { return Ok(Vec::new()) };
        let size = part.pieces.iter().map(|(_, length)| length).sum::<usize>() + part.rest.len();
        let mut bytes = Vec::with_capacity(size);
        for (at, length) in &part.pieces {
            let start = bytes.len();
            bytes.resize(start + length, 0);
            let (Some(file), Some(place)) = (&self.file, bytes.get_mut(start..)) else { continue };
            file.read_exact_at(place, *at).map_err(|source| file_error(&self.name, source))?;
        }
        bytes.extend_from_slice(&part.rest);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_back_in_order_whether_they_went_to_the_file_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::beside(&folder.path().join("read.db.new"), 3);
        let mut expected = vec![Vec::new(); 3];
        for round in 0..70u8 {
            for (part, expected) in expected.iter_mut().enumerate() {
                let bytes = vec![round; (1 << 18) + part];
                spill.add(part, &bytes).unwrap();
                expected.extend(bytes);
            }
        }
        assert!(spill.written > 0 && spill.in_memory > 0);
        for (part, expected) in expected.iter().enumerate() {
            assert!(spill.read(part).unwrap() == *expected, "part {part}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
