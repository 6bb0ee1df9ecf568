//! Finding the PostgreSQL that is installed, and running its programs.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// The oldest major version that will do.
const OLDEST: u32 = 15;
/// Where distributions put what is not in `PATH`.
const FOLDERS: &[&str] = &["/usr/lib/postgresql", "/usr/lib64", "/usr", "/opt"];

/// A user other than root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The programs of one installed version, and the user to run the server as if this process may not itself.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    bin: PathBuf,
    pub(crate) user: Option<User>,
}

impl Programs {
    /// The newest that is installed.
    pub(crate) fn find() -> Result<Self, Error> {
        let looked_in = places();
        let versions = looked_in.iter().filter_map(|bin| Some((version(bin)?, bin)));
        let newest = versions.filter(|(version, _)| *version >= OLDEST).max_by_key(|(version, _)| *version);
        let Some((_, bin)) = newest else {
            let looked_in = looked_in.iter().map(|bin| bin.display().to_string()).collect();
            return Err(Error::Missing { wanted: OLDEST, looked_in });
        };
        Ok(Self { bin: bin.clone(), user: other_user()? })
    }

    /// A program of this version in a clean environment, as this process's user.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C");
        command
    }

    /// The same as the server's user.
    pub(crate) fn server_command(&self, program: &str, folder: &Path) -> Command {
        let mut command = self.command(program);
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command.current_dir(folder).process_group(0);
        command
    }

    /// Where psql is, for the watchdog.
    pub(crate) fn psql(&self) -> PathBuf {
        self.bin.join("psql")
    }
}

/// Runs a program to its end; what it printed.
pub(crate) fn run(command: &mut Command, program: &str) -> Result<String, Error> {
    let failed = |told: String| Error::Program { program: program.to_owned(), told };
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(said(&output.stdout));
    }
    Err(failed(format!("{}; {} {}", output.status, said(&output.stderr), said(&output.stdout))))
}

/// Folders that may hold the programs.
fn places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    for folder in FOLDERS {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            places.push(entry.path().join("bin"));
        }
    }
    if let Ok(told) = run(Command::new("pg_config").arg("--bindir"), "pg_config") {
        places.push(PathBuf::from(told));
    }
    places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    places.retain(|place| place.is_dir());
    places
}

/// The major version of the server in a folder, if all programs are there.
fn version(bin: &Path) -> Option<u32> {
    if !["postgres", "initdb", "psql", "pg_isready"].iter().all(|program| bin.join(program).is_file()) {
        return None;
    }
    // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
    let told = run(Command::new(bin.join("postgres")).arg("--version"), "postgres").ok()?;
    let number = told.split_once(") ")?.1.split(|c: char| !c.is_ascii_digit()).next()?;
    number.parse().ok()
}

/// Whom the server runs as when this process is root's.
fn other_user() -> Result<Option<User>, Error> {
    use std::os::unix::fs::MetadataExt as _;
    let own = std::fs::metadata("/proc/self").map_err(Error::file("look up", "/proc/self"))?;
    if own.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(Error::file("read", "/etc/passwd"))?;
    let find = |name: &str| {
        let mut fields = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
        Some(User { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    };
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or(Error::NoUser)
}
