//! Plain writers to SQLite, for the controls: what is not durable when it is acknowledged must be caught.

use std::path::Path;
use std::str::FromStr;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context as _, bail};
use rusqlite::Connection;

use crate::command::{Number, Told};
use crate::program::{for_each_thread, tell};

/// How a plain writer keeps its promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// `synchronous=FULL`, `synchronous_commit=on`: it does.
    Full,
    /// `synchronous=NORMAL`: not over a power cut. `synchronous_commit=off`: not when the postmaster is killed, either.
    Normal,
    /// SQLite only: it acknowledges before it commits, so not over a kill.
    Early,
}

impl FromStr for Promise {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "full" => Ok(Self::Full),
            "normal" => Ok(Self::Normal),
            "early" => Ok(Self::Early),
            other => bail!("`{other}`: expected full, normal or early"),
        }
    }
}

impl Promise {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
            Self::Early => "early",
        }
    }
}

/// Most rows in one transaction, besides the first.
const GROUP: usize = 19;

type Row = (Number, Sender<u64>);

fn open(folder: &Path, promise: Promise) -> anyhow::Result<Connection> {
    std::fs::create_dir_all(folder)?;
    let connection = Connection::open(folder.join("plain.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = if promise == Promise::Normal { "NORMAL" } else { "FULL" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS rows (position INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE) STRICT",
    )?;
    Ok(connection)
}

/// Inserts rows until it is killed.
pub fn run(folder: &Path, promise: Promise, run: u32) -> anyhow::Result<()> {
    let mut connection = open(folder, promise)?;
    let (queue, rows) = channel::<Row>();
    std::thread::spawn(move || {
        if let Err(error) = write(&mut connection, promise, &rows) {
            eprintln!("{error:#}");
            std::process::exit(3);
        }
    });
    for_each_thread(|thread| {
        let queue = queue.clone();
        for turn in 0.. {
            let number = Number { run, thread, turn };
            let (reply, answer) = channel();
            queue.send((number, reply))?;
            let positions = vec![answer.recv()?];
            tell(&Told::Acknowledged { number, version: 0, positions })?;
        }
        Ok(())
    })
}

fn write(connection: &mut Connection, promise: Promise, rows: &Receiver<Row>) -> anyhow::Result<()> {
    while let Ok(first) = rows.recv() {
        let transaction = connection.transaction()?;
        let mut answers = Vec::new();
        for (number, reply) in std::iter::once(first).chain(rows.try_iter().take(GROUP)) {
            transaction.execute("INSERT INTO rows (number) VALUES (?)", [number.to_string()])?;
            let position = u64::try_from(transaction.last_insert_rowid())?;
            if promise == Promise::Early {
                reply.send(position).ok();
            } else {
                answers.push((reply, position));
            }
        }
        transaction.commit()?;
        for (reply, position) in answers {
            reply.send(position).ok();
        }
    }
    Ok(())
}

/// How many of these rows are not where they were acknowledged.
pub fn lost(folder: &Path, acknowledged: &[(Number, u64)]) -> anyhow::Result<usize> {
    let path = folder.join("plain.db");
    if !path.exists() {
        return Ok(acknowledged.len());
    }
    let connection = Connection::open(path)?;
    let intact: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    anyhow::ensure!(intact == "ok", "SQLite's integrity_check: {intact}");
    let there: bool = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'rows'", [], |row| row.get(0))
        .context("look for the table")?;
    if !there {
        return Ok(acknowledged.len());
    }
    let mut find = connection.prepare("SELECT count(*) FROM rows WHERE position = ? AND number = ?")?;
    let mut lost = 0;
    for (number, position) in acknowledged {
        let found: bool =
            find.query_row((i64::try_from(*position)?, number.to_string()), |row| row.get(0))?;
        lost += usize::from(!found);
    }
    Ok(lost)
}
