//! What stands in files and in the memory of a process.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes looked at in one go.
const WINDOW: usize = 1 << 20;

/// How often a mark stands in some bytes, whatever its case.
pub fn count(bytes: &[u8], mark: &str) -> usize {
    let mark = mark.as_bytes();
    let first = [mark[0].to_ascii_lowercase(), mark[0].to_ascii_uppercase()];
    let starts = bytes.iter().enumerate().filter(|(_, byte)| first.contains(byte));
    starts
        .filter(|(at, _)| bytes[*at..].get(..mark.len()).is_some_and(|text| text.eq_ignore_ascii_case(mark)))
        .count()
}

/// The files under a folder that hold a mark.
pub fn files_with(folder: &Path, mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().map(|data| data.file_type());
        match kind {
            Ok(kind) if kind.is_dir() => found.extend(files_with(&path, mark)),
            // One that a running server has removed meanwhile holds nothing.
            Ok(kind) if kind.is_file() => {
                let bytes = std::fs::read(&path).unwrap_or_default();
                if count(&bytes, mark) > 0 {
                    found.push(path.display().to_string());
                }
            }
            _ => {}
        }
    }
    found
}

/// How often a mark stands in what a process can write to of its memory, and how much that is, in bytes.
pub fn in_memory_of(process: u32, mark: &str) -> (usize, u64) {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let (mut found, mut read) = (0, 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let (mut at, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        let mut window = vec![0; WINDOW];
        // What was read last of the window before stays in front, so that a mark on the border is seen.
        let mut kept = 0;
        while at < end {
            let wanted = usize::try_from(end - at).unwrap().min(WINDOW - kept);
            let Ok(got) = memory.read_at(&mut window[kept..kept + wanted], at) else { break };
            if got == 0 {
                break;
            }
            found += count(&window[..kept + got], mark);
            let keep = (mark.len() - 1).min(kept + got);
            window.copy_within(kept + got - keep..kept + got, 0);
            (kept, at, read) = (keep, at + got as u64, read + got as u64);
        }
    }
    (found, read)
}
