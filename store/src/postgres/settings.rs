//! PostgreSQL's settings without which an acknowledged event would not be safe.

use sqlx::postgres::PgConnection;

use crate::error::StoreError;

/// A setting, the values that are strong enough, and what to set.
const NEEDED: &[(&str, &[&str], &str)] = &[
    ("fsync", &["on"], "on"),
    ("full_page_writes", &["on"], "on"),
    ("synchronous_commit", &["on", "remote_apply"], "on"),
    ("data_sync_retry", &["off"], "off"),
    ("server_encoding", &["UTF8"], "UTF8"),
];

/// The oldest server that this program knows.
const OLDEST: i32 = 150_000;

/// Refuses a server that is too old or may lose what it acknowledged.
pub(crate) async fn check(connection: &mut PgConnection) -> Result<(), StoreError> {
    let failed = StoreError::postgres("read PostgreSQL's settings");
    let read = "SELECT current_setting($1)";
    let version: String = sqlx::query_scalar(read)
        .bind("server_version_num")
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    if version.parse::<i32>().is_ok_and(|version| version < OLDEST) {
        return Err(StoreError::ServerSetting {
            setting: "server_version_num",
            value: version,
            wanted: "150000",
        });
    }
    for (setting, accepted, wanted) in NEEDED {
        let value: String =
            sqlx::query_scalar(read).bind(*setting).fetch_one(&mut *connection).await.map_err(&failed)?;
        if !accepted.contains(&value.as_str()) {
            return Err(StoreError::ServerSetting { setting, value, wanted });
        }
    }
    let standby: bool =
        sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(connection).await.map_err(&failed)?;
    if standby {
        let value = "on".to_owned();
        return Err(StoreError::ServerSetting { setting: "pg_is_in_recovery", value, wanted: "off" });
    }
    Ok(())
}
