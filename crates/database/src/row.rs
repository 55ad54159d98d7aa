//! Columns of a row as the domain's types.

use skykey_broker::DatabaseError;
use skykey_types::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, Row, Sqlite, Type};

use crate::failed;

/// Returns a column as it is stored.
pub(crate) fn get<'r, T>(
    row: &'r SqliteRow,
    column: impl ColumnIndex<SqliteRow>,
) -> Result<T, DatabaseError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(column).map_err(failed)
}

/// Returns a time, which is stored in microseconds since 1970.
pub(crate) fn time(row: &SqliteRow, column: &'static str) -> Result<Timestamp, DatabaseError> {
    optional_time(row, column)?.ok_or_else(|| DatabaseError::Damaged {
        column,
        found: "NULL".to_owned(),
    })
}

/// Returns a time that may be missing.
pub(crate) fn optional_time(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<Timestamp>, DatabaseError> {
    let micros: Option<i64> = get(row, column)?;
    micros
        .map(|micros| {
            Timestamp::from_microsecond(micros).map_err(|_| DatabaseError::Damaged {
                column,
                found: micros.to_string(),
            })
        })
        .transpose()
}

/// Returns a value that must parse.
pub(crate) fn parsed<T>(
    row: &SqliteRow,
    column: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, DatabaseError> {
    let text: String = get(row, column)?;
    parse(&text).ok_or(DatabaseError::Damaged {
        column,
        found: text,
    })
}
