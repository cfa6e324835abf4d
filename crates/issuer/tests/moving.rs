//! Moving the records from SQLite to PostgreSQL, by the built program.
