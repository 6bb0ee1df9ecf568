//! Rows by `COPY … TO STDOUT (FORMAT binary)`: less work than fetching them one by one, on both ends.
//!
//! Layout: a header of 19 bytes and more, then for each row the number of its fields (`i16`) and for each field its
//! length (`i32`, -1 for null) and its bytes, then -1 in place of a number of fields; all big-endian (PostgreSQL
//! documentation, `COPY`, Binary Format).

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnection;

use crate::error::StoreError;
use crate::position::Position;
use crate::told::ToldColumns;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const FIELDS: i16 = 7;
/// Bytes that a row takes, about.
const ROW: u64 = 600;
/// Most room that is made beforehand.
const MOST_ROOM: usize = 1 << 20;

/// Rows as the server sent them.
#[derive(Debug)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
}

impl Rows {
    /// The rows after a position and up to another, in order.
    pub(crate) async fn between(
        connection: &mut PgConnection,
        after: Position,
        last: Position,
    ) -> Result<Self, StoreError> {
        let failed = StoreError::postgres("read events");
        // A COPY takes no parameters; these are numbers.
        let statement = include_str!("../../sql/postgres/copy_told_between.sql")
            .replace("{after}", &after.to_db().to_string())
            .replace("{last}", &last.to_db().to_string());
        let wanted = last.get().saturating_sub(after.get()).saturating_mul(ROW);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(MOST_ROOM).min(MOST_ROOM));
        let mut parts = connection.copy_out_raw(&statement).await.map_err(&failed)?;
        while let Some(part) = parts.try_next().await.map_err(&failed)? {
            bytes.extend_from_slice(&part);
        }
        Ok(Self { bytes })
    }

    /// Hands over row by row.
    pub(crate) fn for_each(
        &self,
        each: &mut dyn FnMut(ToldColumns<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut fields = Fields { rest: &self.bytes };
        fields.header()?;
        while let Some(told) = fields.row()? {
            each(told)?;
        }
        Ok(())
    }
}

fn malformed() -> StoreError {
    StoreError::postgres("read events")(sqlx::Error::Protocol("rows are not as COPY sends them".to_owned()))
}

/// What is still to be read.
struct Fields<'r> {
    rest: &'r [u8],
}

impl<'r> Fields<'r> {
    fn header(&mut self) -> Result<(), StoreError> {
        let signature = self.take(SIGNATURE.len())?;
        let _flags = self.take(4)?;
        let more = i32::from_be_bytes(self.array()?);
        self.take(usize::try_from(more).map_err(|_| malformed())?)?;
        if signature == SIGNATURE { Ok(()) } else { Err(malformed()) }
    }

    fn row(&mut self) -> Result<Option<ToldColumns<'r>>, StoreError> {
        match i16::from_be_bytes(self.array()?) {
            -1 if self.rest.is_empty() => Ok(None),
            FIELDS => self.told().map(Some),
            _ => Err(malformed()),
        }
    }

    /// A row of `sql/postgres/copy_told_between.sql`.
    fn told(&mut self) -> Result<ToldColumns<'r>, StoreError> {
        Ok(ToldColumns {
            position: self.number()?.ok_or_else(malformed)?,
            event_type: self.text()?.ok_or_else(malformed)?,
            event_version: self.text()?.ok_or_else(malformed)?,
            recorded_at: self.number()?.ok_or_else(malformed)?,
            claimed_at: self.number()?,
            payload: self.text()?.ok_or_else(malformed)?,
            is_sealed: self.field()?.ok_or_else(malformed)? == [1],
        })
    }

    fn number(&mut self) -> Result<Option<i64>, StoreError> {
        let number = |bytes: &[u8]| bytes.try_into().map(i64::from_be_bytes).map_err(|_| malformed());
        self.field()?.map(number).transpose()
    }

    fn text(&mut self) -> Result<Option<&'r str>, StoreError> {
        self.field()?.map(|bytes| std::str::from_utf8(bytes).map_err(|_| malformed())).transpose()
    }

    /// A field, or none for null.
    fn field(&mut self) -> Result<Option<&'r [u8]>, StoreError> {
        match i32::from_be_bytes(self.array()?) {
            -1 => Ok(None),
            length => self.take(usize::try_from(length).map_err(|_| malformed())?).map(Some),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.take(N)?.try_into().map_err(|_| malformed())
    }

    fn take(&mut self, length: usize) -> Result<&'r [u8], StoreError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(value.unwrap_or_default());
    }

    fn sent() -> Vec<u8> {
        let mut bytes = [SIGNATURE, &[0; 4], &3_i32.to_be_bytes(), b"ext"].concat();
        bytes.extend_from_slice(&FIELDS.to_be_bytes());
        let numbers = [7_i64, 1_000].map(i64::to_be_bytes);
        field(&mut bytes, Some(&numbers[0]));
        field(&mut bytes, Some(b"nominal.died"));
        field(&mut bytes, Some(b""));
        field(&mut bytes, Some(&numbers[1]));
        field(&mut bytes, None);
        field(&mut bytes, Some(b"{}"));
        field(&mut bytes, Some(&[1]));
        bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        bytes
    }

    #[test]
    fn a_row_is_read_with_nulls_and_empty_texts_apart() {
        let mut seen = 0;
        let rows = Rows { bytes: sent() };
        let mut each = |told: ToldColumns<'_>| {
            assert_eq!((told.position, told.recorded_at, told.claimed_at), (7, 1_000, None));
            assert_eq!((told.event_type, told.event_version, told.payload), ("nominal.died", "", "{}"));
            assert!(told.is_sealed);
            seen += 1;
            Ok(())
        };
        rows.for_each(&mut each).unwrap();
        assert_eq!(seen, 1);
    }

    #[test]
    fn what_is_cut_off_anywhere_or_goes_on_is_an_error() {
        let whole = sent();
        for length in 0..whole.len() {
            let rows = Rows { bytes: whole[..length].to_vec() };
            assert!(rows.for_each(&mut |_| Ok(())).is_err(), "{length}");
        }
        let longer = Rows { bytes: [&whole[..], b"x"].concat() };
        assert!(longer.for_each(&mut |_| Ok(())).is_err());
    }
}
