//! The server process of a private cluster.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::options::Options;
use crate::programs::{Programs, run};

/// How long the server may take to accept, or to be gone.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// Lines of the log in an error.
const TAIL: usize = 20;

/// A folder with the data of a cluster, its socket and its log, and the process that serves it while there is one.
#[derive(Debug)]
pub(crate) struct Server {
    folder: PathBuf,
    programs: Programs,
    options: Options,
    process: Option<Child>,
}

impl Server {
    /// Makes the data of a new cluster in an empty folder.
    pub(crate) fn create(folder: &Path, programs: Programs, options: Options) -> Result<Self, Error> {
        if let Some(user) = programs.user {
            chown(folder, Some(user.uid), Some(user.gid)).map_err(Error::file("give away", folder))?;
        }
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder, private).map_err(Error::file("make private", folder))?;
        let mut initdb = programs.server_command("initdb", folder);
        initdb.args(["--pgdata", "data", "--username", "postgres", "--auth", "trust", "--encoding", "UTF8"]);
        initdb.args(["--locale", "C", "--data-checksums", "--no-instructions", "--no-sync"]);
        if let Some(wal) = options.wal() {
            std::fs::create_dir(wal).map_err(Error::file("make", wal))?;
            if let Some(user) = programs.user {
                chown(wal, Some(user.uid), Some(user.gid)).map_err(Error::file("give away", wal))?;
            }
            initdb.arg("--waldir").arg(wal);
        }
        run(&mut initdb, "initdb")?;
        Ok(Self { folder: folder.to_owned(), programs, options, process: None })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The folder with the socket, which is the host for libpq.
    pub(crate) fn host(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn port(&self) -> &str {
        self.options.port()
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Starts the server and waits until it accepts.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        let mut log = OpenOptions::new();
        let log = log.append(true).create(true).open(self.log()).map_err(Error::file("open", self.log()))?;
        let mut command = self.programs.server_command("postgres", &self.folder);
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.folder).args(self.options.arguments());
        command.envs(self.options.environment());
        command.stdin(Stdio::null()).stdout(same(&log, &self.folder)?).stderr(log);
        let started = command.spawn().map_err(Error::file("start", "postgres"))?;
        self.process = Some(started);
        let accepts = self.wait_until("accepts no connection", Self::accepts);
        if accepts.is_err() {
            self.kill().ok();
        }
        accepts
    }

    /// Whether it accepts connections now.
    ///
    /// # Errors
    /// When it has ended by itself.
    fn accepts(&mut self) -> Result<bool, Error> {
        let ended = self.process.as_mut().and_then(|child| child.try_wait().ok().flatten());
        if let Some(status) = ended {
            return Err(self.failed(&format!("ended by itself: {status}")));
        }
        let mut ready = self.programs.command("pg_isready");
        ready.arg("--host").arg(&self.folder).args(["--port", self.port(), "--timeout", "1", "--quiet"]);
        let status = ready.status().map_err(Error::file("start", "pg_isready"))?;
        Ok(status.success())
    }

    /// SIGKILL of the first process; returns when all the others are gone too.
    pub(crate) fn kill(&mut self) -> Result<(), Error> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.kill().map_err(Error::file("kill", "postgres"))?;
        self.reap(process)
    }

    /// A signal by its name: `INT` for a fast shutdown. Returns when all processes are gone.
    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        let Some(process) = self.process.take() else { return Ok(()) };
        let mut kill = std::process::Command::new("/bin/sh");
        run(kill.args(["-c", "kill -INT \"$1\"", "kill"]).arg(process.id().to_string()), "kill -INT")?;
        self.reap(process)
    }

    /// Waits for the first process, then for its children, which end by themselves when it is dead.
    fn reap(&mut self, mut process: Child) -> Result<(), Error> {
        process.wait().map_err(Error::file("wait for", "postgres"))?;
        let data = self.data();
        self.wait_until("did not end", |_| Ok(!some_process_runs_in(&data)))
    }

    /// After [`Self::kill`] and before the next start: the process it names is gone, and its number may be given to
    /// another.
    pub(crate) fn forget_pid(&self) -> Result<(), Error> {
        let path = self.data().join("postmaster.pid");
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("remove", path)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Waits for the process after the watchdog was told to end it.
    pub(crate) fn wait(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.wait().ok();
        }
    }

    fn wait_until(
        &mut self,
        otherwise: &str,
        mut done: impl FnMut(&mut Self) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if done(self)? {
                return Ok(());
            }
            std::thread::park_timeout(PAUSE);
        }
        Err(self.failed(&format!("{otherwise} after {} s", PATIENCE.as_secs())))
    }

    fn failed(&self, what: &str) -> Error {
        let text = std::fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().rev().take(TAIL).collect();
        let log = lines.into_iter().rev().map(|line| format!("  {line}\n")).collect();
        Error::Server { folder: self.folder.clone(), what: what.to_owned(), log }
    }
}

fn same(file: &File, folder: &Path) -> Result<File, Error> {
    file.try_clone().map_err(Error::file("use the log in", folder))
}

/// Whether any process has this folder as its current one: every process of a server has its data there.
fn some_process_runs_in(data: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok())
        .any(|folder| folder == data)
}
