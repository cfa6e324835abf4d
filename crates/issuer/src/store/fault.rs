//! What the databases say, as the issuer's errors.

use crate::error::Error;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        // PostgreSQL's codes have five characters.
        let state = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        match state.as_deref().filter(|state| state.len() == 5) {
            Some("55P03" | "40001" | "40P01") => return Self::DatabaseBusy,
            Some(state)
                if state.starts_with("08") || state.starts_with("28") || state == "3D000" =>
            {
                return Self::DatabaseUnreachable(error);
            }
            Some(_) => return Self::Database(error),
            None => {}
        }
        // SQLite's primary result code is the low byte of the extended one.
        const BUSY: u32 = 5;
        const LOCKED: u32 = 6;
        const CORRUPT: u32 = 11;
        const NOT_A_DATABASE: u32 = 26;
        let primary = error
            .as_database_error()
            .and_then(|database| database.code()?.parse::<u32>().ok())
            .map(|code| code & 0xFF);
        match primary {
            Some(BUSY | LOCKED) => Self::DatabaseBusy,
            Some(CORRUPT | NOT_A_DATABASE) => Self::DatabaseCorrupt(Some(error)),
            Some(_) | None => {
                // A value that no column of ours can hold: something else altered the file.
                let undecodable =
                    matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_));
                if undecodable {
                    Self::DatabaseCorrupt(Some(error))
                } else if matches!(error, sqlx::Error::PoolTimedOut) {
                    Self::DatabaseBusy
                } else if matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_)) {
                    Self::DatabaseUnreachable(error)
                } else {
                    Self::Database(error)
                }
            }
        }
    }
}
