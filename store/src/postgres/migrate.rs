//! Brings a database to the newest schema; migrations of the log only add.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::error::StoreError;

/// The lock that one node at a time migrates under: the text `MNDT`.
const LOCK: i64 = 0x4D4E_4454;

const MAKE_VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS mandate_schema (part text NOT NULL PRIMARY KEY, version integer NOT NULL)";

/// A part of the database with versions of its own, and the statements that make each.
pub(crate) struct Part {
    name: &'static str,
    migrations: &'static [&'static str],
}

/// The log.
pub(crate) const LOG: Part = Part {
    name: "log",
    migrations: &[
        include_str!("../../migrations/postgres/0001_log.sql"),
        include_str!("../../migrations/postgres/0002_lease.sql"),
    ],
};

/// The keys.
pub(crate) const KEYS: Part =
    Part { name: "keys", migrations: &[include_str!("../../migrations/postgres/keys/0001_keys.sql")] };

impl Part {
    /// Applies, in one transaction, the migrations that the database lacks.
    pub(crate) async fn migrate(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let failed = StoreError::postgres("bring the schema up to date");
        let mut transaction = connection.begin().await.map_err(&failed)?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        let done = match self.version(&mut transaction).await? {
            Some(version) => version,
            None => {
                sqlx::query(MAKE_VERSIONS).execute(&mut *transaction).await.map_err(&failed)?;
                0
            }
        };
        let missing = self.migrations.get(usize::try_from(done).unwrap_or(0)..).unwrap_or_default();
        for migration in missing {
            sqlx::raw_sql(migration).execute(&mut *transaction).await.map_err(&failed)?;
        }
        if !missing.is_empty() {
            let note = "INSERT INTO mandate_schema (part, version) VALUES ($1, $2) \
                        ON CONFLICT (part) DO UPDATE SET version = excluded.version";
            let set = sqlx::query(note).bind(self.name).bind(self.newest());
            set.execute(&mut *transaction).await.map_err(&failed)?;
        }
        transaction.commit().await.map_err(&failed)
    }

    /// Refuses a database without a log, or one whose schema is not the newest; for those who only read.
    pub(crate) async fn check(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        match self.version(connection).await? {
            Some(found) if found == self.newest() => Ok(()),
            Some(found) if found > 0 => {
                Err(StoreError::Older { path: "PostgreSQL".into(), found, known: self.newest() })
            }
            _ => Err(StoreError::NoLog { path: "PostgreSQL".into() }),
        }
    }

    fn newest(&self) -> i32 {
        i32::try_from(self.migrations.len()).unwrap_or(i32::MAX)
    }

    /// The version of this part: `None` before anything of ours is there, 0 before this part is.
    async fn version(&self, connection: &mut PgConnection) -> Result<Option<i32>, StoreError> {
        let failed = StoreError::postgres("read the schema version");
        let ours: bool = sqlx::query_scalar("SELECT to_regclass('mandate_schema') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await
            .map_err(&failed)?;
        if !ours {
            return Ok(None);
        }
        let version: Option<i32> = sqlx::query_scalar("SELECT version FROM mandate_schema WHERE part = $1")
            .bind(self.name)
            .fetch_optional(&mut *connection)
            .await
            .map_err(&failed)?;
        let version = version.unwrap_or(0);
        if version > self.newest() {
            return Err(StoreError::Newer {
                path: "PostgreSQL".into(),
                found: version,
                known: self.newest(),
            });
        }
        Ok(Some(version))
    }
}
