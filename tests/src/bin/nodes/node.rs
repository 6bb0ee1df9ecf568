//! One node: the program itself, in a process that can be stopped, woken and killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};

/// A node, running or stopped; killed when dropped.
pub struct Node {
    pub name: String,
    config: PathBuf,
    log: PathBuf,
    child: Child,
    pub stopped: bool,
}

/// What all nodes share.
pub struct Common<'c> {
    pub database: &'c str,
    pub key_file: &'c Path,
    pub relay: std::net::SocketAddr,
}

impl Node {
    pub fn start(folder: &Path, name: &str, common: &Common<'_>) -> anyhow::Result<Self> {
        let (config, log) = (folder.join(format!("{name}.toml")), folder.join(format!("{name}.log")));
        fs::write(
            &config,
            format!(
                "data_dir = {:?}\ndatabase_url = {:?}\nkey_file = {:?}\nlisten = \"127.0.0.1:0\"\nnode = {name:?}\n\
                 lease_seconds = 1\n\
                 [mail]\nfrom = \"Mandate <mandate@example.gov.uk>\"\ndomains = [\"*\"]\nadministrator = \"it@example.gov.uk\"\n\
                 per_minute = 100000\ndigest = \"off\"\nnothing_due = \"off\"\nteam = \"off\"\nquarterly = \"off\"\n\
                 [mail.smtp]\nhost = {:?}\nport = {}\nsecurity = \"none\"\n",
                folder.join(name).display().to_string(),
                common.database,
                common.key_file.display().to_string(),
                common.relay.ip().to_string(),
                common.relay.port(),
            ),
        )?;
        let child = spawn(&config, &log)?;
        Ok(Self { name: name.to_owned(), config, log, child, stopped: false })
    }

    fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let done = Command::new("kill").args([signal, &self.child.id().to_string()]).status()?;
        ensure!(done.success(), "kill {signal} {}", self.name);
        Ok(())
    }

    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.stopped = true;
        self.signal("-STOP")
    }

    pub fn go_on(&mut self) -> anyhow::Result<()> {
        self.stopped = false;
        self.signal("-CONT")
    }

    /// Kills it as it is, and starts it anew.
    pub fn kill_and_start(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.stopped = false;
        self.child = spawn(&self.config, &self.log)?;
        Ok(())
    }

    /// A node ends when it is told to, and only then.
    pub fn is_alive(&mut self) -> anyhow::Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(
            ended.is_none(),
            "{} ended by itself ({ended:?}): {}",
            self.name,
            fs::read_to_string(&self.log)?
        );
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(config: &Path, log: &Path) -> anyhow::Result<Child> {
    let program = std::env::current_exe()?.with_file_name("mandate");
    let log = fs::File::options().create(true).append(true).open(log)?;
    Command::new(&program)
        .arg("serve")
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("{}: build it first (cargo build --package mandate-api)", program.display()))
}
