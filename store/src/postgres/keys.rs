//! The keys in the schema `mandate_keys` of a PostgreSQL database.

use std::path::PathBuf;

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};

use super::migrate;
use super::session::Sessions;
use crate::error::StoreError;
use crate::keys::{Dump, Gone, KeyFileRow, KeysError, Lookup, Restricted, Wrapped};

/// Keys wrapped anew at once.
const PAGE: i64 = 1_000;
/// Rows filled in with one statement.
const FILLED: usize = 10_000;

/// The keys that all nodes share.
#[derive(Debug)]
pub(crate) struct PostgresKeys {
    sessions: Sessions,
}

impl PostgresKeys {
    /// Opens the keys, whose schema is made if it is new.
    pub(crate) fn open(sessions: Sessions) -> Result<Self, StoreError> {
        sessions.block(async |connection| migrate::KEYS.migrate(connection).await)?;
        Ok(Self { sessions })
    }

    /// Where the keys are.
    pub(crate) fn place(&self) -> PathBuf {
        let options = self.sessions.options();
        let database = options.get_database().unwrap_or("postgres");
        format!("postgres://{}:{}/{database}", options.get_host(), options.get_port()).into()
    }

    pub(crate) fn key_file(&self) -> Result<Option<KeyFileRow>, KeysError> {
        self.run("check which key file belongs to them", async |connection| {
            let sql = include_str!("../../sql/postgres/keys/select_key_file.sql");
            let row = sqlx::query(sql).fetch_optional(connection).await?;
            row.map(|row| Ok(KeyFileRow { fingerprint: row.try_get(0)?, lookup: row.try_get(1)? }))
                .transpose()
        })
    }

    /// Notes the fingerprint of the first key file.
    pub(crate) fn begin(&self, fingerprint: &[u8; 32]) -> Result<(), KeysError> {
        self.run("note which key file belongs to them", async |connection| {
            let sql = include_str!("../../sql/postgres/keys/insert_fingerprint.sql");
            sqlx::query(sql).bind(fingerprint.as_slice()).execute(connection).await.map(drop)
        })
    }

    pub(crate) fn key(&self, subject: &str) -> Result<Option<Vec<u8>>, KeysError> {
        self.run("read a key", async |connection| {
            let sql = include_str!("../../sql/postgres/keys/select_subject_key.sql");
            sqlx::query_scalar(sql).bind(subject).fetch_optional(connection).await
        })
    }

    pub(crate) fn store(
        &self,
        keys: &[Wrapped],
        lookups: &[Lookup],
        now: i64,
        fingerprint: &[u8; 32],
    ) -> Result<bool, KeysError> {
        self.run("store keys", async |connection| {
            let mut transaction = connection.begin().await?;
            // A rotation waits for this transaction, or this one finds that it took place.
            let under = include_str!("../../sql/postgres/keys/share_fingerprint.sql");
            let under: Vec<u8> = sqlx::query_scalar(under).fetch_one(&mut *transaction).await?;
            if under != fingerprint {
                transaction.rollback().await?;
                return Ok(Err(KeysError::Rotated));
            }
            let inserted = sqlx::query(include_str!("../../sql/postgres/keys/insert_subject_keys.sql"))
                .bind(keys.iter().map(|key| &*key.subject).collect::<Vec<&str>>())
                .bind(keys.iter().map(|key| key.bytes.as_slice()).collect::<Vec<&[u8]>>())
                .bind(now)
                .execute(&mut *transaction)
                .await?;
            if inserted.rows_affected() != keys.len() as u64 {
                transaction.rollback().await?;
                return Ok(Ok(false));
            }
            sqlx::query(include_str!("../../sql/postgres/keys/upsert_lookups.sql"))
                .bind(lookups.iter().map(|lookup| lookup.digest.as_slice()).collect::<Vec<&[u8]>>())
                .bind(lookups.iter().map(|lookup| &*lookup.subject).collect::<Vec<&str>>())
                .bind(lookups.iter().map(|lookup| lookup.position.to_db()).collect::<Vec<i64>>())
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(Ok(true))
        })?
    }

    /// The keys of some subjects.
    pub(crate) fn keys(&self, subjects: &[&str]) -> Result<Vec<Wrapped>, KeysError> {
        self.run("read keys", async |connection| {
            let query = sqlx::query(include_str!("../../sql/postgres/keys/select_keys_of.sql"));
            let rows = query.bind(subjects).fetch_all(connection).await?;
            rows.iter()
                .map(|row| Ok(Wrapped { subject: row.try_get::<&str, _>(0)?.into(), bytes: row.try_get(1)? }))
                .collect()
        })
    }

    pub(crate) fn lookup(&self, digest: [u8; 32], limit: i64) -> Result<Vec<String>, KeysError> {
        self.run("look up a number", async |connection| {
            let sql = include_str!("../../sql/postgres/keys/select_lookup.sql");
            sqlx::query_scalar(sql).bind(digest.as_slice()).bind(limit).fetch_all(connection).await
        })
    }

    pub(crate) fn gone(&self) -> Result<Gone, KeysError> {
        self.run("read who was erased", async |connection| {
            let erased = include_str!("../../sql/postgres/keys/select_erased.sql");
            let erased: Vec<String> = sqlx::query_scalar(erased).fetch_all(&mut *connection).await?;
            let restricted = include_str!("../../sql/postgres/keys/select_restricted.sql");
            let restricted: Vec<String> = sqlx::query_scalar(restricted).fetch_all(connection).await?;
            let boxed = |subjects: Vec<String>| subjects.into_iter().map(Into::into).collect();
            Ok(Gone { erased: boxed(erased), restricted: boxed(restricted) })
        })
    }

    /// Deletes a subject's key and index entries. What the server has not overwritten yet is wrapped, and worthless
    /// once the key-encryption key is rotated.
    pub(crate) fn erase(&self, subject: &str, now: i64) -> Result<(), KeysError> {
        self.run("erase a subject", async |connection| {
            let mut transaction = connection.begin().await?;
            for sql in [
                include_str!("../../sql/postgres/keys/delete_subject_key.sql"),
                include_str!("../../sql/postgres/keys/delete_lookups.sql"),
            ] {
                sqlx::query(sql).bind(subject).execute(&mut *transaction).await?;
            }
            let note = include_str!("../../sql/postgres/keys/insert_erased.sql");
            sqlx::query(note).bind(subject).bind(now).execute(&mut *transaction).await?;
            transaction.commit().await?;
            for table in ["subject_keys", "lookups"] {
                sqlx::query(&format!("VACUUM mandate_keys.{table}")).execute(&mut *connection).await?;
            }
            Ok(())
        })
    }

    pub(crate) fn restrict(&self, subject: &str, restricted: Restricted, now: i64) -> Result<(), KeysError> {
        self.run("restrict a subject", async |connection| {
            let query = match restricted {
                Restricted::From => {
                    sqlx::query(include_str!("../../sql/postgres/keys/insert_restricted.sql"))
                        .bind(subject)
                        .bind(now)
                }
                Restricted::Lifted => {
                    sqlx::query(include_str!("../../sql/postgres/keys/delete_restricted.sql")).bind(subject)
                }
            };
            query.execute(connection).await.map(drop)
        })
    }

    /// Everything that the keys hold.
    pub(crate) fn dump(&self) -> Result<Dump, KeysError> {
        self.run("copy the keys", async |connection| {
            let mut transaction = connection.begin().await?;
            sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                .execute(&mut *transaction)
                .await?;
            let key_file = sqlx::query(include_str!("../../sql/postgres/keys/select_key_file.sql"))
                .fetch_optional(&mut *transaction)
                .await?
                .map(|row| {
                    Ok::<_, sqlx::Error>(KeyFileRow { fingerprint: row.try_get(0)?, lookup: row.try_get(1)? })
                })
                .transpose()?;
            let keys = "SELECT subject, wrapped, created_at FROM mandate_keys.subject_keys";
            let keys = sqlx::query_as(keys).fetch_all(&mut *transaction).await?;
            let lookups = "SELECT digest, subject, position FROM mandate_keys.lookups";
            let lookups = sqlx::query_as(lookups).fetch_all(&mut *transaction).await?;
            let erased = "SELECT subject, erased_at FROM mandate_keys.erased";
            let erased = sqlx::query_as(erased).fetch_all(&mut *transaction).await?;
            let restricted = "SELECT subject, restricted_at FROM mandate_keys.restricted";
            let restricted = sqlx::query_as(restricted).fetch_all(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(Dump { key_file, keys, lookups, erased, restricted })
        })
    }

    /// Fills empty keys with a copy.
    pub(crate) fn fill(&self, dump: &Dump) -> Result<(), KeysError> {
        self.run("fill the keys", async |connection| {
            let mut transaction = connection.begin().await?;
            let keys = "INSERT INTO mandate_keys.subject_keys SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[])";
            for page in dump.keys.chunks(FILLED) {
                sqlx::query(keys)
                    .bind(page.iter().map(|row| row.0.as_str()).collect::<Vec<_>>())
                    .bind(page.iter().map(|row| row.1.as_slice()).collect::<Vec<_>>())
                    .bind(page.iter().map(|row| row.2).collect::<Vec<_>>())
                    .execute(&mut *transaction)
                    .await?;
            }
            let lookups = "INSERT INTO mandate_keys.lookups SELECT * FROM unnest($1::bytea[], $2::text[], $3::bigint[])";
            for page in dump.lookups.chunks(FILLED) {
                sqlx::query(lookups)
                    .bind(page.iter().map(|row| row.0.as_slice()).collect::<Vec<_>>())
                    .bind(page.iter().map(|row| row.1.as_str()).collect::<Vec<_>>())
                    .bind(page.iter().map(|row| row.2).collect::<Vec<_>>())
                    .execute(&mut *transaction)
                    .await?;
            }
            for (table, rows) in [("erased", &dump.erased), ("restricted", &dump.restricted)] {
                let sql = format!("INSERT INTO mandate_keys.{table} SELECT * FROM unnest($1::text[], $2::bigint[])");
                sqlx::query(&sql)
                    .bind(rows.iter().map(|row| row.0.as_str()).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
                    .execute(&mut *transaction)
                    .await?;
            }
            if let Some(row) = &dump.key_file {
                sqlx::query("INSERT INTO mandate_keys.key_file (id, fingerprint, lookup) VALUES (1, $1, $2)")
                    .bind(&row.fingerprint)
                    .bind(&row.lookup)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        })
    }

    /// Wraps every key anew and notes the new key file, in one transaction; how many there were.
    pub(crate) fn rewrap(
        &self,
        anew: &dyn Fn(&Wrapped) -> Result<Vec<u8>, KeysError>,
        row: &KeyFileRow,
    ) -> Result<u64, KeysError> {
        self.run("wrap the keys anew", async |connection| {
            let mut transaction = connection.begin().await?;
            sqlx::query("SELECT 1 FROM mandate_keys.key_file WHERE id = 1 FOR UPDATE")
                .execute(&mut *transaction)
                .await?;
            sqlx::query("LOCK TABLE mandate_keys.subject_keys IN EXCLUSIVE MODE")
                .execute(&mut *transaction)
                .await?;
            let (mut count, mut after) = (0, String::new());
            loop {
                let page = sqlx::query(include_str!("../../sql/postgres/keys/select_subject_keys.sql"))
                    .bind(&after)
                    .bind(PAGE)
                    .fetch_all(&mut *transaction)
                    .await?;
                let (mut subjects, mut made) = (Vec::new(), Vec::new());
                for row in &page {
                    let wrapped =
                        Wrapped { subject: row.try_get::<String, _>(0)?.into(), bytes: row.try_get(1)? };
                    match anew(&wrapped) {
                        Ok(bytes) => made.push(bytes),
                        Err(error) => return Ok(Err(error)),
                    }
                    subjects.push(wrapped.subject.to_string());
                    count += 1;
                }
                let Some(last) = subjects.last() else { break };
                after.clone_from(last);
                let update = include_str!("../../sql/postgres/keys/update_subject_keys.sql");
                sqlx::query(update).bind(subjects).bind(made).execute(&mut *transaction).await?;
            }
            let update = include_str!("../../sql/postgres/keys/update_key_file.sql");
            sqlx::query(update).bind(&row.fingerprint).bind(&row.lookup).execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(Ok(count))
        })?
    }

    fn run<T>(
        &self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, KeysError> {
        let done = self
            .sessions
            .block(async |connection| work(connection).await.map_err(StoreError::postgres(doing)));
        done.map_err(|error| match error {
            StoreError::Database { doing, source } => KeysError::Database { doing, source },
            other => KeysError::Unreachable { reason: other.to_string() },
        })
    }
}
