//! What duties that count alike have in common, by a number, and how many fall due in each month.

use hashbrown::HashMap;
use mandate_domain::time::Instant;
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::execute;
use crate::error::ProjectionError;
use crate::unit::Columns;

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// What is kept in memory of how duties are counted: the numbers given, and what the months have more or fewer.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    numbers: HashMap<String, i64>,
    /// What is looked for, in the making.
    text: String,
    /// By the first day of the month and by number, since it was last written.
    more: HashMap<(i32, i64), i64>,
    /// By number, in all months and without a due moment.
    in_all: HashMap<i64, i64>,
}

impl Counted {
    /// The number of what a version of a duty has in common with others; its row is written where that may be missing.
    pub fn number(
        &mut self,
        connection: &Connection,
        rule: &str,
        version: u16,
        outcome: &str,
        columns: &Columns,
    ) -> Result<i64, ProjectionError> {
        let Columns { holder, inherited, born_overdue, .. } = columns;
        self.text.clear();
        for part in [holder.as_deref().unwrap_or_default(), "\n", rule, "\n", outcome] {
            self.text.push_str(part);
        }
        for (mark, set) in [('h', holder.is_some()), ('i', *inherited), ('b', *born_overdue)] {
            self.text.push(if set { mark } else { '-' });
        }
        self.text.push_str(itoa::Buffer::new().format(version));
        if let Some(number) = self.numbers.get(&self.text) {
            return Ok(*number);
        }
        let digest = Sha256::digest(&self.text);
        let number = digest.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let number = i64::from_be_bytes((number >> 1).to_be_bytes());
        let sql = "INSERT OR IGNORE INTO alike (id, holder, rule, version, outcome, inherited, born_overdue) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let values = params![number, holder, rule, version, outcome, inherited, born_overdue];
        execute(connection, "write what duties have in common", sql, values)?;
        self.numbers.insert(self.text.clone(), number);
        Ok(number)
    }

    /// Notes that one more duty, or one fewer, counts, also in the month in which it is due.
    pub fn note(&mut self, due_at: Option<Instant>, number: i64, more: i64) {
        *self.in_all.entry(number).or_default() += more;
        if let Some(due_at) = due_at {
            let month = due_at.london_date().first_of_month().days();
            *self.more.entry((month, number)).or_default() += more;
        }
    }

    /// Writes what there is more or fewer; in the transaction that writes the duties.
    pub fn write_sums(&mut self, connection: &Connection) -> Result<(), ProjectionError> {
        let what = "count duties";
        for (number, more) in self.in_all.drain().filter(|(_, more)| *more != 0) {
            let sql = "INSERT INTO due_ever (alike, duties) VALUES (?1, ?2) \
                       ON CONFLICT (alike) DO UPDATE SET duties = duties + excluded.duties";
            execute(connection, what, sql, params![number, more])?;
            if more < 0 {
                execute(connection, what, "DELETE FROM due_ever WHERE alike = ?1 AND duties = 0", [number])?;
            }
        }
        for ((month, number), more) in self.more.drain().filter(|(_, more)| *more != 0) {
            let sql = "INSERT INTO due_months (month, alike, duties) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (month, alike) DO UPDATE SET duties = duties + excluded.duties";
            execute(connection, what, sql, params![month, number, more])?;
            if more < 0 {
                let sql = "DELETE FROM due_months WHERE month = ?1 AND alike = ?2 AND duties = 0";
                execute(connection, what, sql, params![month, number])?;
            }
        }
        Ok(())
    }
}

/// Whole days from the opening of a duty to when it could be known.
pub(crate) fn lag_days(columns: &Columns) -> i64 {
    (columns.known_since.nanos().saturating_sub(columns.opened_at.nanos()) / DAY).max(0)
}
