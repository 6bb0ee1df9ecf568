//! What the program runs on: a disk, a database, and power that can be cut.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use mandate_test_cluster::{Cluster, Options};
use mandate_tests::database::Database;
use mandate_tests::power::{Loss, Lost, Power};
use mandate_tests::random::Random;

use crate::command::Told;
use crate::killed::Running;
use crate::plan::Kills;

/// Where a campaign runs.
pub struct Machine {
    kills: Kills,
    disk: PathBuf,
    cluster: Option<Cluster>,
    power: Option<Power>,
}

impl Machine {
    /// Sets one up in an empty folder.
    pub fn new(place: &Path, database: Database, kills: Kills, commit: &str) -> anyhow::Result<Self> {
        // The server's user must get through to its own folder.
        fs::set_permissions(place, fs::Permissions::from_mode(0o711))?;
        let disk = made(place.join("disk"))?;
        let power = match kills {
            Kills::Power => Some(Power::over(&disk, &made(place.join("beside"))?)?),
            Kills::Program | Kills::Postmaster => None,
        };
        let cluster = match database {
            Database::Sqlite => None,
            Database::Postgres => {
                let mut options = Options::default().within(&disk).with("synchronous_commit", commit);
                if let Some(power) = &power {
                    power.open_to_others()?;
                    for (name, value) in power.environment() {
                        options = options.with_env(name, value);
                    }
                }
                Some(Cluster::start(options)?)
            }
        };
        Ok(Self { kills, disk, cluster, power })
    }

    /// The disk that loses what is not synced.
    pub fn disk(&self) -> &Path {
        &self.disk
    }

    /// The address of an empty database, or nothing where the program keeps its own on the disk.
    pub fn fresh_database(&self) -> anyhow::Result<Option<String>> {
        let url = self.cluster.as_ref().map(Cluster::fresh_database).transpose()?;
        if let (Some(power), Some(_)) = (&self.power, &url) {
            // PostgreSQL does not sync the folder of a database that it has just made before it says that it is there: a
            // cut soon after takes it away. What is tried here is what is stored in a database that is there.
            // Files that go meanwhile need no syncing.
            Command::new("find")
                .arg(&self.disk)
                .args(["(", "-type", "f", "-o", "-type", "d", ")", "-exec", "sync", "{}", "+"])
                .envs(power.environment())
                .stderr(Stdio::null())
                .status()?;
        }
        Ok(url)
    }

    /// Starts the program.
    pub fn start(&self, mut command: Command) -> anyhow::Result<Running> {
        if let Some(power) = &self.power {
            command.envs(power.environment());
        }
        Running::start(command)
    }

    /// Kills what is to be killed, and the program in the end. What it told, and what the disk lost.
    pub fn kill(
        &self,
        mut program: Running,
        random: &mut Random,
        goes_on: GoesOn,
    ) -> anyhow::Result<(Vec<Told>, Lost)> {
        if let (Kills::Postmaster, Some(cluster)) = (self.kills, &self.cluster) {
            cluster.kill()?;
            // What was told before it was dead is no sign that the program goes on.
            program.listen(Duration::from_millis(50))?;
            cluster.restart()?;
            if goes_on == GoesOn::Yes {
                program.listen_for_acknowledgement().context("after PostgreSQL was started again")?;
                program.listen(Duration::from_micros(random.below(100_000)))?;
            }
        }
        let Some(power) = &self.power else { return Ok((program.kill()?, Lost::default())) };
        if let Some(cluster) = &self.cluster {
            cluster.kill()?;
        }
        let told = program.kill()?;
        let loss = if random.once_in(3) { Loss::Everything } else { Loss::Some { seed: random.next() } };
        let lost = power.cut(loss)?;
        if let Some(cluster) = &self.cluster {
            cluster.restart().context("after the power was cut")?;
        }
        Ok((told, lost))
    }
}

/// Whether a program goes on when its database was killed and is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoesOn {
    Yes,
    No,
}

fn made(path: PathBuf) -> anyhow::Result<PathBuf> {
    fs::create_dir(&path).with_context(|| format!("{}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
