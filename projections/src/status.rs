//! How the read models of a data directory stand, seen from outside the program that follows the log.

use std::path::Path;

use mandate_domain::time::Instant;
use mandate_store::{Position, Reader};
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::error::ProjectionError;
use crate::model::{Feed, NoticeRow, Parked};
use crate::queries::notices_alone;
use crate::{FILE, compare, database, feeds, rows};

/// How the read models stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The last event taken in; none where there are no tables, or tables of another version of the program.
    pub position: Option<Position>,
    /// The last event of the log.
    pub head: Position,
    /// Events still to be taken in.
    pub behind: u64,
    /// The moment up to which the clock was followed.
    pub at: Option<Instant>,
    /// When something changes next without a new fact.
    pub next_at: Option<Instant>,
    /// Subjects whose next change has come and is still to be looked at.
    pub waiting: u64,
    /// Subjects that cannot be followed.
    pub parked: Vec<Parked>,
    /// Each table with its number of rows.
    pub tables: Vec<(String, u64)>,
    /// Size of the file with what SQLite keeps beside it.
    pub bytes: u64,
}

/// The mails that matter to who keeps the program running, without what they list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailStatus {
    /// Those that wait, in the order in which they were queued.
    pub waiting: Vec<NoticeRow>,
    /// Those that could not be delivered, the latest first.
    pub dead: Vec<NoticeRow>,
}

/// Most mails of each kind.
const MAILS: u32 = 1_000;

/// The mails that wait, and those given up or refused at or after an instant.
pub(crate) fn mail(connection: &Connection, since: Instant) -> Result<MailStatus, ProjectionError> {
    let waiting = "WHERE n.status IN ('queued', 'deferred', 'ambiguous') ORDER BY n.position LIMIT ?1";
    let dead = "INDEXED BY notices_dead WHERE n.dead = 1 AND n.settled_at >= ?1 \
                ORDER BY n.settled_at DESC, n.position DESC LIMIT ?2";
    Ok(MailStatus {
        waiting: notices_alone(connection, waiting, [MAILS])?,
        dead: notices_alone(connection, dead, params![since.nanos(), MAILS])?,
    })
}

/// The same of a data directory, beside a running server as well; nothing where there are no tables.
pub(crate) fn mail_of(data_dir: &Path, since: Instant) -> Result<MailStatus, ProjectionError> {
    tables_of(data_dir)?.map_or_else(|| Ok(MailStatus::default()), |connection| mail(&connection, since))
}

/// The tellers of a data directory, beside a running server as well; none where there are no tables.
pub(crate) fn feeds_of(data_dir: &Path) -> Result<Vec<Feed>, ProjectionError> {
    tables_of(data_dir)?.map_or_else(|| Ok(Vec::new()), |connection| feeds::read(&connection))
}

/// The tables of a data directory, if this program has made some.
fn tables_of(data_dir: &Path) -> Result<Option<Connection>, ProjectionError> {
    let file = data_dir.join(FILE);
    if !file.exists() {
        return Ok(None);
    }
    let connection = database::open_read_only(&file)?;
    Ok(database::is_of_this_version(&connection)?.then_some(connection))
}

/// Looks at the tables of a data directory, beside a running server as well.
pub(crate) fn status(data_dir: &Path, log: &Reader) -> Result<Status, ProjectionError> {
    let head = log.head()?.position;
    let file = data_dir.join(FILE);
    let mut status = Status {
        position: None,
        head,
        behind: head.get(),
        at: None,
        next_at: None,
        waiting: 0,
        parked: Vec::new(),
        tables: Vec::new(),
        bytes: database::bytes(&file),
    };
    if !file.exists() {
        return Ok(status);
    }
    let connection = database::open_read_only(&file)?;
    let failed = ProjectionError::database("read the tables");
    let connection = connection.unchecked_transaction().map_err(&failed)?;
    if !database::is_of_this_version(&connection)? {
        return Ok(status);
    }
    let progress = rows::progress(&connection)?;
    status.position = Some(progress.position);
    status.behind = head.get().saturating_sub(progress.position.get());
    status.at = Some(progress.at);
    status.next_at = progress.next_at;
    let count = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<u64, ProjectionError> {
        let counted: i64 = connection.query_row(sql, values, |row| row.get(0)).map_err(&failed)?;
        Ok(u64::try_from(counted).unwrap_or(0))
    };
    let waiting = "SELECT count(*) FROM subjects WHERE next_at IS NOT NULL AND next_at <= ?1";
    status.waiting = count(waiting, &[&progress.at.nanos()])?;
    status.parked = rows::parked(&connection)?;
    for table in compare::names(&connection)? {
        let rows = count(&format!("SELECT count(*) FROM \"{table}\""), &[])?;
        status.tables.push((table, rows));
    }
    Ok(status)
}
