//! What a campaign is asked to do.

use std::str::FromStr;

use anyhow::bail;
use mandate_tests::arguments::Arguments;
use mandate_tests::database::Database;

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kills {
    /// The program that appends.
    Program,
    /// The first process of PostgreSQL, under a program that goes on; then the program.
    Postmaster,
    /// The program, or PostgreSQL and the program, with the power: what is unsynced is lost.
    Power,
}

impl FromStr for Kills {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "program" => Ok(Self::Program),
            "postmaster" => Ok(Self::Postmaster),
            "power" => Ok(Self::Power),
            other => bail!("`{other}`: expected program, postmaster or power"),
        }
    }
}

/// A campaign against the store.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub database: Database,
    pub kills: Kills,
    pub number: u32,
    pub seed: u64,
}

impl Plan {
    pub fn read(mut arguments: Arguments) -> anyhow::Result<Self> {
        let plan = Self {
            database: arguments.take("--database", Database::Sqlite)?,
            kills: arguments.take("--kills", Kills::Program)?,
            number: arguments.take("--number", 20)?,
            seed: arguments.take("--seed", 1)?,
        };
        arguments.end()?;
        if (plan.database, plan.kills) == (Database::Sqlite, Kills::Postmaster) {
            bail!("--kills postmaster: SQLite has none; give --database postgres");
        }
        Ok(plan)
    }
}
