//! Who holds a post and who left, as told by facts of which some were annulled.
//!
//! Of one user, organisation and post the latest fact that is not annulled counts, by when it occurred.

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_store::Told;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::ProjectionError;
use crate::events::{execute, to_i64};

/// Annulments of annulments that are followed; there may be a circle.
const LONGEST_CHAIN: u8 = 32;

/// What a tenure is of.
struct Of {
    user: String,
    /// Organisation and post; empty for the user's role.
    org: String,
    post: String,
}

/// Takes in what was told of a post or a role.
pub(crate) fn told(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    let of_post = matches!(fact.kind, FactType::PostFilled | FactType::PostVacated);
    let begins = matches!(fact.kind, FactType::PostFilled | FactType::UserRegistered);
    let text = |field| fact.text(field).unwrap_or_default().to_owned();
    let of = if of_post {
        Of { user: text(Field::User), org: fact.subject.to_string(), post: text(Field::Post) }
    } else {
        Of { user: fact.subject.to_string(), org: String::new(), post: String::new() }
    };
    let annulled = is_annulled(connection, &fact.source, &fact.id)?;
    let sql = "INSERT OR IGNORE INTO tenures (position, teller, fact, user, org, post, at, begins, annulled) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let (position, at) = (to_i64(event), fact.time.nanos());
    let Of { user, org, post } = &of;
    execute(
        connection,
        sql,
        params![position, &*fact.source, &*fact.id, user, org, post, at, begins, annulled],
    )?;
    write(connection, &of)
}

/// Takes in an annulment, and what it changes of posts and roles: it may name an annulment in turn.
pub(crate) fn annulled(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    let Some(Value::Event(named)) = fact.get(Field::Event) else { return Ok(()) };
    let sql = "INSERT OR IGNORE INTO annulments (position, subject, recorded_at, teller, fact, named_teller, \
               named_fact) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (position, at) = (to_i64(event), event.recorded_at.nanos());
    let own = params![position, &*fact.subject, at, &*fact.source, &*fact.id, &*named.0, &*named.1];
    execute(connection, sql, own)?;
    let mut name = (named.0.to_string(), named.1.to_string());
    for _ in 0..LONGEST_CHAIN {
        let stands = is_annulled(connection, &name.0, &name.1)?;
        let sql = "UPDATE tenures SET annulled = ?3 WHERE teller = ?1 AND fact = ?2";
        execute(connection, sql, params![name.0, name.1, stands])?;
        let sql = "SELECT user, org, post FROM tenures WHERE teller = ?1 AND fact = ?2";
        let concerned = one(connection, sql, [&name.0, &name.1], |row| {
            Ok(Of { user: row.get(0)?, org: row.get(1)?, post: row.get(2)? })
        })?;
        if let Some(of) = concerned {
            return write(connection, &of);
        }
        let sql = "SELECT named_teller, named_fact FROM annulments WHERE teller = ?1 AND fact = ?2";
        let next = one(connection, sql, [&name.0, &name.1], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some(next) = next else { break };
        name = next;
    }
    Ok(())
}

/// Whether a fact is annulled by an annulment that is not annulled itself.
pub(crate) fn is_annulled(
    connection: &Connection,
    teller: &str,
    fact: &str,
) -> Result<bool, ProjectionError> {
    by_any(connection, teller, fact, LONGEST_CHAIN)
}

fn by_any(connection: &Connection, teller: &str, fact: &str, left: u8) -> Result<bool, ProjectionError> {
    let Some(left) = left.checked_sub(1) else { return Ok(false) };
    let failed = ProjectionError::database("read what annuls a fact");
    let sql = "SELECT teller, fact FROM annulments WHERE named_teller = ?1 AND named_fact = ?2 LIMIT 1000";
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let found = statement
        .query_map([teller, fact], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(&failed)?
        .collect::<Result<Vec<(String, String)>, _>>()
        .map_err(&failed)?;
    drop(statement);
    for (teller, fact) in found {
        if !by_any(connection, &teller, &fact, left)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes whether a user holds a post, or left.
fn write(connection: &Connection, of: &Of) -> Result<(), ProjectionError> {
    let Of { user, org, post } = of;
    let sql = "SELECT begins FROM tenures WHERE user = ?1 AND org = ?2 AND post = ?3 AND annulled = 0 \
               ORDER BY at DESC, position DESC LIMIT 1";
    let begins: Option<bool> = one(connection, sql, [user, org, post], |row| row.get(0))?;
    match (post.is_empty(), begins) {
        (true, Some(false)) => {
            execute(connection, "INSERT OR IGNORE INTO leavers (user) VALUES (?1)", [user])
        }
        (true, Some(true) | None) => execute(connection, "DELETE FROM leavers WHERE user = ?1", [user]),
        (false, Some(true)) => {
            let sql = "INSERT OR IGNORE INTO posts (org, post, user) VALUES (?1, ?2, ?3)";
            execute(connection, sql, [org, post, user])
        }
        (false, Some(false) | None) => {
            let sql = "DELETE FROM posts WHERE org = ?1 AND post = ?2 AND user = ?3";
            execute(connection, sql, [org, post, user])
        }
    }
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, ProjectionError> {
    let failed = ProjectionError::database("read a tenure");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    statement.query_row(values, read).optional().map_err(&failed)
}
