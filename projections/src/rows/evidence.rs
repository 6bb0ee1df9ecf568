//! Which types of fact showed for whom, and since when.

use hashbrown::HashMap;
use mandate_domain::catalogue::FactType;
use mandate_domain::time::Instant;
use rusqlite::{Connection, params};

use super::execute;
use crate::error::ProjectionError;

/// The types of fact recorded for each holder, and since when.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    since: HashMap<String, HashMap<u8, Instant>>,
}

impl Evidence {
    /// What the tables hold.
    pub fn load(connection: &Connection) -> Result<Self, ProjectionError> {
        let failed = ProjectionError::database("read evidence");
        let mut evidence = Self::default();
        let mut statement =
            connection.prepare_cached("SELECT holder, type, since FROM evidence").map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let read =
                || -> rusqlite::Result<(String, String, i64)> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) };
            let (holder, kind, since) = read().map_err(&failed)?;
            if let Some(kind) = FactType::from_name(&kind) {
                let kind = u8::try_from(kind.index()).unwrap_or(u8::MAX);
                evidence.since.entry(holder).or_default().insert(kind, Instant::from_nanos(since));
            }
        }
        Ok(evidence)
    }

    /// Takes in what was seen since an instant; whether it is new or earlier than known.
    pub fn add(&mut self, holder: &str, kind: u8, at: Instant) -> bool {
        if !self.since.contains_key(holder) {
            self.since.insert(holder.to_owned(), HashMap::new());
        }
        let Some(known) = self.since.get_mut(holder) else { return false };
        let since = known.entry(kind).or_insert(Instant::MAX);
        let fresh = at < *since;
        *since = (*since).min(at);
        fresh
    }

    /// Writes what was seen of evidence, where it is new.
    pub fn write(
        &mut self,
        connection: &Connection,
        seen: &[(String, u8, Instant)],
    ) -> Result<(), ProjectionError> {
        for (holder, kind, at) in seen {
            if self.add(holder, *kind, *at) {
                write_evidence(connection, holder, *kind, *at)?;
            }
        }
        Ok(())
    }

    /// Writes all of it.
    pub fn write_all(&self, connection: &Connection) -> Result<(), ProjectionError> {
        for (holder, kinds) in &self.since {
            for (kind, at) in kinds {
                write_evidence(connection, holder, *kind, *at)?;
            }
        }
        Ok(())
    }
}

fn write_evidence(
    connection: &Connection,
    holder: &str,
    kind: u8,
    at: Instant,
) -> Result<(), ProjectionError> {
    let Some(kind) = FactType::ALL.get(usize::from(kind)) else { return Ok(()) };
    let sql = "INSERT INTO evidence (holder, type, since) VALUES (?1, ?2, ?3) \
               ON CONFLICT (holder, type) DO UPDATE SET since = min(since, excluded.since)";
    execute(connection, "write evidence", sql, params![holder, kind.name(), at.nanos()])
}
