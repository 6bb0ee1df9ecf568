//! A plain writer to PostgreSQL, for the controls: it is as durable as the server is set up.

use anyhow::Context as _;
use sqlx::{Connection as _, PgConnection};
use tokio::runtime::{Builder, Runtime};

use crate::command::{Number, Told};
use crate::program::{for_each_thread, tell};

fn runtime() -> anyhow::Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Makes the table.
pub fn prepare(url: &str) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let table = "CREATE TABLE rows (position bigserial PRIMARY KEY, number text NOT NULL UNIQUE)";
        sqlx::query(table).execute(&mut connection).await?;
        Ok(())
    })
}

/// Inserts rows until it is killed; a thread whose connection breaks waits for that.
pub fn run(url: &str, run: u32) -> anyhow::Result<()> {
    for_each_thread(|thread| {
        let inserted = runtime()?.block_on(insert(url, run, thread));
        if let Some(sqlx::Error::Io(_) | sqlx::Error::Database(_)) =
            inserted.as_ref().err().and_then(|error| error.downcast_ref())
        {
            loop {
                std::thread::park();
            }
        }
        inserted
    })
}

async fn insert(url: &str, run: u32, thread: u32) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for turn in 0.. {
        let number = Number { run, thread, turn };
        let position: i64 = sqlx::query_scalar("INSERT INTO rows (number) VALUES ($1) RETURNING position")
            .bind(number.to_string())
            .fetch_one(&mut connection)
            .await?;
        tell(&Told::Acknowledged { number, version: 0, positions: vec![u64::try_from(position)?] })?;
    }
    Ok(())
}

/// How many of these rows are not where they were acknowledged.
pub fn lost(url: &str, acknowledged: &[(Number, u64)]) -> anyhow::Result<usize> {
    runtime()?.block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT position, number FROM rows").fetch_all(&mut connection).await?;
        let rows = rows.into_iter().map(|(position, number)| Ok((u64::try_from(position)?, number)));
        let rows = rows.collect::<anyhow::Result<std::collections::HashMap<_, _>>>().context("rows")?;
        let is_there = |(number, position): &&(Number, u64)| {
            rows.get(position).is_some_and(|found| *found == number.to_string())
        };
        Ok(acknowledged.len() - acknowledged.iter().filter(is_there).count())
    })
}
