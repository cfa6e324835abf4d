//! Maps the databases' errors to the issuer's.

use crate::store::error::StoreError;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        // PostgreSQL's codes have five characters. SQLite's are shorter numbers.
        match code.as_deref() {
            Some(state) if state.len() == 5 => of_postgres(state)(error),
            Some(code) => of_sqlite(code.parse().unwrap_or(0))(error),
            None => of_sqlx(&error)(error),
        }
    }
}

type Make = fn(sqlx::Error) -> StoreError;
const BUSY: Make = |_| StoreError::Busy;
const FULL: Make = |error| StoreError::Full(Some(error));
const CORRUPT: Make = |error| StoreError::Corrupt(Some(error));

fn of_postgres(state: &str) -> Make {
    let (class, _) = state.split_at_checked(2).unwrap_or_default();
    match (class, state) {
        // lock_not_available, query_canceled (the timeout), too_many_connections, out_of_memory and
        // configuration_limit_exceeded.
        (_, "55P03" | "57014" | "53300" | "53200" | "53400") => BUSY,
        // serialization_failure and deadlock_detected. The other codes of class 40 leave the result
        // unknown.
        (_, "40001" | "40P01") => BUSY,
        (_, "53000" | "53100" | "58030") => FULL,
        // cannot_connect_now: the server is starting or stopping.
        (_, "57P03" | "3D000") | ("08" | "28", _) => StoreError::Unreachable,
        // The session was ended by a timeout, an administrator, or the server's end.
        (_, "25P03" | "25P04") | ("57" | "40", _) => StoreError::Interrupted,
        _ => StoreError::Database,
    }
}

/// SQLite's primary result code is the low byte of the extended one.
fn of_sqlite(code: u32) -> Make {
    match code & 0xFF {
        5 | 6 => BUSY,
        // SQLITE_FULL, and SQLITE_IOERR, which some file systems cause when the disk is full.
        13 | 10 => FULL,
        // SQLITE_CORRUPT and SQLITE_NOTADB.
        11 | 26 => CORRUPT,
        _ => StoreError::Database,
    }
}

fn of_sqlx(error: &sqlx::Error) -> Make {
    use sqlx::Error as Sqlx;
    let is_full = |error: &std::io::Error| error.kind() == std::io::ErrorKind::StorageFull;
    // No column of ours holds such a value: something else altered the file.
    if matches!(error, Sqlx::ColumnDecode { .. } | Sqlx::Decode(_)) {
        CORRUPT
    } else if matches!(error, Sqlx::PoolTimedOut) {
        BUSY
    } else if matches!(error, Sqlx::Io(error) if is_full(error)) {
        FULL
    } else if matches!(error, Sqlx::Tls(_))
        // TLS reports a refused certificate as invalid data.
        || matches!(error, Sqlx::Io(error) if error.kind() == std::io::ErrorKind::InvalidData)
    {
        StoreError::Tls
    } else if matches!(error, Sqlx::Io(_)) {
        StoreError::Unreachable
    } else if matches!(error, Sqlx::Protocol(_) | Sqlx::WorkerCrashed | Sqlx::PoolClosed) {
        // The connection broke in the middle of a message.
        StoreError::Interrupted
    } else {
        StoreError::Database
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(make: Make) -> &'static str {
        make(sqlx::Error::RowNotFound).code()
    }

    #[test]
    fn what_the_servers_say_has_a_code_of_ours() {
        for (state, code) in [
            ("55P03", "database_busy"),
            ("57014", "database_busy"),
            ("53300", "database_busy"),
            ("40P01", "database_busy"),
            ("53100", "storage_full"),
            ("58030", "storage_full"),
            ("57P03", "database_unreachable"),
            ("08006", "database_unreachable"),
            ("28P01", "database_unreachable"),
            ("57P01", "database_interrupted"),
            ("57P02", "database_interrupted"),
            ("57P05", "database_interrupted"),
            ("25P03", "database_interrupted"),
            ("25P04", "database_interrupted"),
            ("40003", "database_interrupted"),
            ("23505", "database"),
            ("XX000", "database"),
        ] {
            assert_eq!(code_of(of_postgres(state)), code, "{state}");
        }
        for (result, code) in [
            (5, "database_busy"),
            (262, "database_busy"),
            (13, "storage_full"),
            (778, "storage_full"),
            (11, "database_corrupt"),
            (26, "database_corrupt"),
            (19, "database"),
        ] {
            assert_eq!(code_of(of_sqlite(result)), code, "{result}");
        }
        assert_eq!(
            of_sqlx(&sqlx::Error::WorkerCrashed)(sqlx::Error::WorkerCrashed).code(),
            "database_interrupted"
        );
    }
}
