//! Somebody with every right on the database: reads a log whole, changes what he likes, and writes it back.

use mandate_store::{Database, Position, Store, StoredEvent};
use mandate_verify::leaf::{Entry, sha256};
use mandate_verify::note::{Checkpoint, SigningKey};
use mandate_verify::tree::Frontier;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::runtime::Runtime;

use crate::common::{World, cluster};

/// A row of `events`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub position: u64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: u64,
    pub event_type: String,
    pub event_version: String,
    pub source: String,
    pub event_id: String,
    pub occurred_at: i64,
    pub recorded_at: i64,
    pub claimed_at: Option<i64>,
    pub actor: Option<String>,
    pub command_id: Option<String>,
    pub leaf: Vec<u8>,
    pub payload: String,
    pub sealed: Option<Vec<u8>>,
}

impl Row {
    fn of(event: &StoredEvent) -> Self {
        let (aggregate_type, aggregate_id) = event.fact.subject.split_once('/').unwrap();
        Self {
            position: event.position.get(),
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id: aggregate_id.to_owned(),
            sequence: event.sequence.get(),
            event_type: event.fact.kind.name().to_owned(),
            event_version: event.version.to_string(),
            source: event.fact.source.to_string(),
            event_id: event.fact.id.to_string(),
            occurred_at: event.fact.time.nanos(),
            recorded_at: event.recorded_at.nanos(),
            claimed_at: event.claimed_at.map(mandate_domain::time::Instant::nanos),
            actor: event.actor.as_deref().map(str::to_owned),
            command_id: event.command_id.as_deref().map(str::to_owned),
            leaf: event.leaf.to_vec(),
            payload: event.payload.to_string(),
            sealed: event.sealed.as_ref().map(|sealed| sealed.bytes().to_vec()),
        }
    }

    /// Makes the leaf that of the row.
    pub fn rehash(&mut self) {
        let entry = Entry {
            position: self.position,
            aggregate_type: &self.aggregate_type,
            aggregate_id: &self.aggregate_id,
            sequence: self.sequence,
            event_type: &self.event_type,
            event_version: &self.event_version,
            source: &self.source,
            event_id: &self.event_id,
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
            claimed_at: self.claimed_at,
            actor: self.actor.as_deref(),
            command_id: self.command_id.as_deref(),
            payload: self.payload.as_bytes(),
            sealed: self.sealed.as_deref(),
        };
        self.leaf = entry.digest().to_vec();
    }
}

/// Everything that the database holds of a log.
#[derive(Debug, Clone)]
pub struct Whole {
    pub rows: Vec<Row>,
    /// Size and note of each checkpoint.
    pub checkpoints: Vec<(u64, String)>,
}

impl Whole {
    pub fn read(store: &Store) -> Self {
        let events = store.reader().read_after(Position::START, usize::MAX).unwrap().events;
        let mut signed = store.reader().checkpoints(Position::new(i64::MAX as u64), usize::MAX).unwrap();
        signed.reverse();
        Self {
            rows: events.iter().map(Row::of).collect(),
            checkpoints: signed.into_iter().map(|signed| (signed.size.get(), signed.note)).collect(),
        }
    }

    /// Numbers positions and places in streams anew and makes every leaf that of its row.
    pub fn renumber(&mut self) {
        let mut streams = std::collections::HashMap::new();
        for (position, row) in (1..).zip(&mut self.rows) {
            let place = streams.entry((row.aggregate_type.clone(), row.aggregate_id.clone())).or_insert(0);
            *place += 1;
            (row.position, row.sequence) = (position, *place);
        }
        self.rehash();
    }

    pub fn rehash(&mut self) {
        self.rows.iter_mut().for_each(Row::rehash);
    }

    /// The tree over the first rows.
    pub fn tree(&self, size: usize) -> Frontier {
        let mut tree = Frontier::new();
        for row in &self.rows[..size] {
            tree.append(&row.leaf.as_slice().try_into().unwrap());
        }
        tree
    }

    /// Signs every tenth size and the last with a key, in place of all checkpoints.
    pub fn sign(&mut self, key: &SigningKey) {
        let last = self.rows.len();
        let sizes = (10..last).step_by(10).chain([last]);
        self.checkpoints = sizes
            .map(|size| {
                let checkpoint =
                    Checkpoint::new(key.verifying_key().name(), size as u64, self.tree(size).root());
                (size as u64, key.sign(&checkpoint).unwrap())
            })
            .collect();
    }

    /// Puts it in the place of what a database holds. Each checkpoint's tree is that of the rows, where there are as
    /// many.
    pub fn write(&self, world: &World) {
        let mut sql = Sql::of(world);
        sql.text.push_str("DELETE FROM events; DELETE FROM checkpoints;\n");
        for row in &self.rows {
            let texts = [&row.aggregate_type, &row.aggregate_id];
            sql.text.push_str(&format!("INSERT INTO events VALUES ({}", row.position));
            for text in texts {
                sql.text(Some(text));
            }
            sql.number(Some(row.sequence.cast_signed()));
            for text in [&row.event_type, &row.event_version, &row.source, &row.event_id] {
                sql.text(Some(text));
            }
            for number in [Some(row.occurred_at), Some(row.recorded_at), row.claimed_at] {
                sql.number(number);
            }
            sql.text(row.actor.as_deref());
            sql.text(row.command_id.as_deref());
            sql.bytes(Some(&row.leaf));
            sql.text.push_str(", '{}'");
            sql.text(Some(&row.payload));
            if !sql.sqlite {
                sql.text.push_str("::json");
            }
            sql.bytes(row.sealed.as_deref());
            sql.text.push_str(");\n");
        }
        for (size, note) in &self.checkpoints {
            let tree = usize::try_from(*size).ok().filter(|size| *size <= self.rows.len());
            sql.text.push_str(&format!("INSERT INTO checkpoints VALUES ({size}"));
            sql.bytes(Some(&tree.map_or_else(Vec::new, |size| self.tree(size).to_bytes())));
            sql.text(Some(note));
            sql.text.push_str(", 0);\n");
        }
        let last = self.rows.last().map_or(i64::MIN, |row| row.recorded_at);
        sql.text.push_str(&format!("DELETE FROM head; INSERT INTO head VALUES (1, {}", self.rows.len()));
        sql.number(Some(last));
        sql.bytes(Some(&self.tree(self.rows.len()).to_bytes()));
        sql.text.push_str(");");
        Hand::of(world).run(&sql.text);
    }
}

/// Statements with their values, in the words of one database.
struct Sql {
    sqlite: bool,
    text: String,
}

impl Sql {
    fn of(world: &World) -> Self {
        Self { sqlite: world.database_is_sqlite(), text: String::new() }
    }

    fn number(&mut self, number: Option<i64>) {
        match number {
            // The least number cannot be written as a literal.
            Some(i64::MIN) => self.text.push_str(", -9223372036854775807 - 1"),
            Some(number) => self.text.push_str(&format!(", {number}")),
            None => self.text.push_str(", NULL"),
        }
    }

    fn bytes(&mut self, bytes: Option<&[u8]>) {
        self.text.push_str(", ");
        self.text.push_str(&bytes.map_or_else(|| "NULL".to_owned(), |bytes| bytes_in(self.sqlite, bytes)));
    }

    fn text(&mut self, text: Option<&str>) {
        self.text.push_str(", ");
        let text = text.map_or_else(|| "NULL".to_owned(), |text| text_in(self.sqlite, text.as_bytes()));
        self.text.push_str(&text);
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes as a value of SQL.
pub fn bytes_in(sqlite: bool, bytes: &[u8]) -> String {
    if sqlite { format!("X'{}'", hex(bytes)) } else { format!("'\\x{}'::bytea", hex(bytes)) }
}

/// A text as a value of SQL; on SQLite one that is not UTF-8 as well.
pub fn text_in(sqlite: bool, bytes: &[u8]) -> String {
    if sqlite {
        format!("CAST(X'{}' AS TEXT)", hex(bytes))
    } else {
        format!("convert_from('\\x{}', 'UTF8')", hex(bytes))
    }
}

/// A connection on which no trigger and no check holds.
pub enum Hand {
    Sqlite(rusqlite::Connection),
    Postgres(Runtime, PgConnection),
}

impl Hand {
    pub fn of(world: &World) -> Self {
        match &world.database {
            Database::Sqlite => {
                let connection = rusqlite::Connection::open(world.dir.path().join("log.db")).unwrap();
                connection
                    .execute_batch("PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON")
                    .unwrap();
                let triggers = "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type = 'trigger'";
                let drop: Option<String> = connection.query_row(triggers, [], |row| row.get(0)).unwrap();
                connection.execute_batch(&drop.unwrap_or_default()).unwrap();
                Self::Sqlite(connection)
            }
            Database::Postgres(server) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let url = cluster().url(&server.database());
                let mut connection = runtime.block_on(PgConnection::connect(&url)).unwrap();
                let rights = "SET session_replication_role = replica; SET synchronous_commit = off;
                    ALTER TABLE events DROP CONSTRAINT IF EXISTS events_position_check,
                        DROP CONSTRAINT IF EXISTS events_sequence_check, DROP CONSTRAINT IF EXISTS events_leaf_check,
                        DROP CONSTRAINT IF EXISTS events_metadata_check;
                    ALTER TABLE head DROP CONSTRAINT IF EXISTS head_position_check";
                runtime.block_on(sqlx::raw_sql(rights).execute(&mut connection)).unwrap();
                Self::Postgres(runtime, connection)
            }
        }
    }

    pub fn run(&mut self, sql: &str) {
        self.try_run(sql).unwrap_or_else(|error| panic!("{error}: {}", &sql[..sql.len().min(400)]));
    }

    /// Runs statements in one transaction; what the database says if it refuses.
    pub fn try_run(&mut self, sql: &str) -> Result<(), String> {
        match self {
            Self::Sqlite(connection) => {
                connection.execute_batch(&format!("BEGIN; {sql}; COMMIT")).map_err(|error| {
                    connection.execute_batch("ROLLBACK").ok();
                    error.to_string()
                })
            }
            Self::Postgres(runtime, connection) => {
                let done = runtime.block_on(sqlx::raw_sql(sql).execute(connection));
                done.map(drop).map_err(|error| error.to_string())
            }
        }
    }
}

/// The digest of a text, for a key from a word.
pub fn key_of(name: &str, word: &str) -> SigningKey {
    SigningKey::from_seed(name, &sha256(word.as_bytes())).unwrap()
}
