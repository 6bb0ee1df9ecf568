//! Writing what reconciliation finds.

use mandate_domain::reconcile::{Approved, Reconciled};
use rusqlite::{Connection, params};

use crate::error::ProjectionError;
use crate::rows::{Writing, execute};

/// Writes what was found of a unit, in place of what was found of its members before.
pub(crate) fn write(
    connection: &Connection,
    members: &[String],
    found: &Reconciled,
    writing: Writing,
) -> Result<(), ProjectionError> {
    if writing == Writing::Over {
        for member in members {
            let sql = match member.split_once('/').map(|(kind, _)| kind) {
                Some("nominal") => "DELETE FROM discrepancies WHERE subject = ?1",
                Some("user") => "DELETE FROM log_ons WHERE user = ?1",
                Some("terminal") => "DELETE FROM approvals WHERE terminal = ?1",
                _ => continue,
            };
            execute(connection, "remove what was reconciled", sql, [member])?;
        }
    }
    for one in &found.discrepancies {
        let record = serde_json::to_string(one).map_err(|e| ProjectionError::row("discrepancies", &e))?;
        execute(
            connection,
            "write a discrepancy",
            "INSERT INTO discrepancies (subject, \"check\", about, area, prison, since, record) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                one.subject,
                one.check.name(),
                one.about.as_deref().unwrap_or(""),
                one.area,
                one.prison,
                one.since.nanos(),
                record
            ],
        )?;
    }
    for one in &found.log_ons {
        execute(
            connection,
            "write log-ons",
            "INSERT INTO log_ons (user, terminal, org, first_at, last_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![one.user, one.terminal, one.org, one.first_at.nanos(), one.last_at.nanos()],
        )?;
    }
    for (terminal, approval) in &found.approvals {
        let approved = approval.approved == Approved::Yes;
        execute(
            connection,
            "write the approval of a terminal",
            "INSERT INTO approvals (terminal, approved, since) VALUES (?1, ?2, ?3)",
            params![terminal, approved, approval.since.nanos()],
        )?;
    }
    Ok(())
}
