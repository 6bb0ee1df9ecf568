//! The shim itself: small programs that sync or do not.

use std::path::Path;
use std::process::Command;

use super::{Loss, Lost, Power};

struct Disk {
    power: Power,
    place: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let [folder, beside] = ["disk", "beside"].map(|name| place.path().join(name));
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir(&beside).unwrap();
        Self { power: Power::over(&folder, &beside).unwrap(), place }
    }

    fn folder(&self) -> std::path::PathBuf {
        self.place.path().join("disk")
    }

    /// Puts a file there as from before.
    fn holding(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder().join(name), text).unwrap();
        self
    }

    /// Runs a small program in the folder, to its end.
    fn run(&self, script: &str) -> &Self {
        let python = Command::new("python3")
            .args(["-c", &format!("import os\n{script}")])
            .current_dir(self.folder())
            .envs(self.power.environment())
            .output()
            .unwrap();
        assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
        self
    }

    fn cut(&self) -> Lost {
        self.power.cut(Loss::Everything).unwrap()
    }

    fn text(&self, name: &str) -> Option<String> {
        read(&self.folder().join(name))
    }
}

fn read(path: &Path) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| String::from_utf8(bytes).unwrap())
}

const WRITE: &str = "f = os.open('f', os.O_RDWR)\nos.write(f, b'new')\n";

#[test]
fn what_was_written_and_not_synced_is_lost() {
    let disk = Disk::new().holding("f", "old text");
    disk.run(WRITE);
    assert_eq!(disk.text("f").unwrap(), "new text");
    assert_eq!(disk.cut(), Lost { writes: 1, files: 1, names: 0 });
    assert_eq!(disk.text("f").unwrap(), "old text");
}

#[test]
fn what_was_synced_stays_and_what_came_after_it_goes() {
    for sync in ["os.fsync(f)", "os.fdatasync(f)"] {
        let disk = Disk::new().holding("f", "old text");
        disk.run(&format!("{WRITE}{sync}\nos.pwrite(f, b'X', 0)\nos.write(f, b'YYYYYYYYYYYY')"));
        disk.cut();
        assert_eq!(disk.text("f").unwrap(), "new text", "{sync}");
    }
}

#[test]
fn a_file_is_synced_by_its_own_sync_only() {
    let disk = Disk::new().holding("f", "old").holding("g", "old");
    disk.run("f = os.open('f', os.O_RDWR); g = os.open('g', os.O_RDWR)\nos.write(f, b'new'); os.write(g, b'new')\nos.fsync(g)");
    disk.cut();
    assert_eq!((disk.text("f").unwrap(), disk.text("g").unwrap()), ("old".to_owned(), "new".to_owned()));
}

#[test]
fn every_way_to_change_contents_is_undone() {
    for change in [
        "f = os.open('f', os.O_WRONLY); os.write(f, b'new')",
        "f = os.open('f', os.O_WRONLY | os.O_APPEND); os.write(f, b'more')",
        "f = os.open('f', os.O_RDWR | os.O_TRUNC); os.write(f, b'n')",
        "f = os.open('f', os.O_RDWR); os.pwrite(f, b'new', 5000)",
        "f = os.open('f', os.O_RDWR); os.writev(f, [b'a', b'b'])",
        "f = os.open('f', os.O_RDWR); os.pwritev(f, [b'a', b'b'], 2)",
        "f = os.open('f', os.O_RDWR); os.ftruncate(f, 2); os.ftruncate(f, 9000)",
        "f = os.open('f', os.O_RDWR); os.posix_fallocate(f, 0, 9000)",
        "f = os.dup(os.open('f', os.O_RDWR)); os.write(f, b'new')",
        "f = open('f', 'r+b', buffering=0); f.write(b'new')",
        "f = os.open('f', os.O_RDWR)\nif os.fork() == 0: os.write(f, b'new'); os._exit(0)\nos.wait(); os.pwrite(f, b'N', 0)",
        "os.makedirs('d', exist_ok=True); f = os.open('d/../f', os.O_RDWR); os.write(f, b'new')",
    ] {
        let disk = Disk::new().holding("f", "old text");
        disk.run(change);
        assert_ne!(disk.text("f").unwrap(), "old text", "{change}");
        disk.cut();
        assert_eq!(disk.text("f").unwrap(), "old text", "{change}");
        let disk = Disk::new().holding("f", "old text");
        disk.run(&format!("{change}\nos.fsync(f)"));
        let synced = disk.text("f").unwrap();
        disk.cut();
        assert_eq!(disk.text("f").unwrap(), synced, "{change}");
    }
}

#[test]
fn a_write_that_syncs_by_itself_stays() {
    let disk = Disk::new().holding("f", "old text");
    disk.run("f = os.open('f', os.O_RDWR | os.O_DSYNC); os.write(f, b'new')");
    disk.cut();
    assert_eq!(disk.text("f").unwrap(), "new text");
}

#[test]
fn a_new_file_is_there_only_if_its_folder_was_synced() {
    let make = "f = os.open('new', os.O_RDWR | os.O_CREAT); os.write(f, b'text')\n";
    let disk = Disk::new();
    disk.run(&format!("{make}os.fsync(f)"));
    disk.cut();
    assert_eq!(disk.text("new"), None);
    disk.run(&format!("{make}os.fsync(os.open('.', os.O_RDONLY))"));
    disk.cut();
    assert_eq!(disk.text("new").unwrap(), "", "the name without what was not synced");
    disk.run(&format!("{make}os.fsync(f)"));
    disk.cut();
    assert_eq!(disk.text("new").unwrap(), "text");
    disk.run("os.mkdir('d'); f = os.open('d/f', os.O_RDWR | os.O_CREAT); os.fsync(f); os.fsync(os.open('d', os.O_RDONLY))");
    disk.cut();
    assert!(!disk.folder().join("d").exists(), "the folder's own name was not synced");
}

#[test]
fn a_rename_and_an_unlink_last_only_if_the_folder_was_synced() {
    let replace = "f = os.open('beside', os.O_RDWR | os.O_CREAT); os.write(f, b'new'); os.fsync(f)\nos.rename('beside', 'f')\n";
    let disk = Disk::new().holding("f", "old").holding("g", "old");
    disk.run(&format!("{replace}os.unlink('g')"));
    assert_eq!((disk.text("f").unwrap().as_str(), disk.text("g")), ("new", None));
    disk.cut();
    assert_eq!(disk.text("f").unwrap(), "old");
    assert_eq!(disk.text("g").unwrap(), "old");
    assert_eq!(disk.text("beside"), None);
    disk.run(&format!("{replace}os.unlink('g')\nos.fsync(os.open('.', os.O_RDONLY))"));
    disk.cut();
    assert_eq!((disk.text("f").unwrap().as_str(), disk.text("g")), ("new", None));
}

#[test]
fn by_a_seed_some_sectors_are_lost_and_the_same_seed_loses_the_same() {
    let old = "o".repeat(512 * 8);
    let after = |seed| {
        let disk = Disk::new().holding("f", &old);
        disk.run("f = os.open('f', os.O_RDWR)\nfor n in range(8): os.pwrite(f, b'n' * 512, n * 512)");
        disk.power.cut(Loss::Some { seed }).unwrap();
        disk.text("f").unwrap()
    };
    let all: Vec<String> = (0..20).map(after).collect();
    assert_eq!(all[7], after(7));
    let sector = |text: &str| text.bytes().all(|byte| byte == text.as_bytes()[0]);
    for text in &all {
        assert!((0..8).all(|n| sector(&text[n * 512..(n + 1) * 512])), "a sector is whole");
    }
    assert!(all.contains(&old), "nothing is kept");
    assert!(all.iter().any(|text| text.starts_with('n') && text.ends_with('o')), "the first is kept");
    assert!(
        all.iter().any(|text| text.starts_with('o') && text.contains('n')),
        "a later one is kept without the first"
    );
}

#[test]
fn a_file_outside_is_left_alone() {
    let disk = Disk::new();
    let outside = disk.place.path().join("outside");
    disk.run("f = os.open('../outside', os.O_RDWR | os.O_CREAT); os.write(f, b'text')");
    disk.cut();
    assert_eq!(read(&outside).unwrap(), "text");
}
