//! Creates, opens and recognises both kinds of database.

use std::path::Path;

use portcullis_core::crypto::IssuerId;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::{AnyPool, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use super::connection::{CONNECTIONS, Connection, TIMEOUT};
use super::database::Database;
use super::held::Held;
use crate::files::{self, FileError, Privacy};
use crate::store::error::StoreError;
use crate::store::{row, session};

/// The bytes `PCTS`, which mark a SQLite file as an issuer's database.
const APPLICATION_ID: i64 = 0x5043_5453;

/// Makes an empty database: a file, or a schema.
pub(super) async fn create(database: &Database, held: &Held) -> Result<AnyPool, StoreError> {
    match database {
        Database::File(path) => {
            files::create_new(path, Privacy::Secret)
                .map_err(|source| FileError::Io { path: path.clone(), source })?;
            let pool = connect(database, held).await?;
            pool.execute("PRAGMA application_id = 1346589779").await?;
            Ok(pool)
        }
        Database::Server(_) => {
            let pool = connect_new(database, held).await?;
            pool.execute("CREATE SCHEMA portcullis").await?;
            Ok(pool)
        }
    }
}

/// Connects to a server's database that must not have our schema.
pub(super) async fn connect_new(database: &Database, held: &Held) -> Result<AnyPool, StoreError> {
    let pool = connect(database, held).await?;
    if has_schema(&pool).await? {
        pool.close().await;
        return Err(StoreError::Taken);
    }
    Ok(pool)
}

/// Removes what [`create`] made.
pub(super) async fn discard(database: &Database, pool: &AnyPool) -> Result<(), StoreError> {
    match database {
        // The caller removes the folder as a whole.
        Database::File(_) => Ok(()),
        Database::Server(_) => {
            pool.execute("DROP SCHEMA portcullis CASCADE").await?;
            Ok(())
        }
    }
}

pub(super) async fn open(database: &Database, held: &Held) -> Result<AnyPool, StoreError> {
    if let Database::File(path) = database {
        check_file(path)?;
    }
    let pool = connect(database, held).await?;
    if matches!(database, Database::Server(_)) && !has_schema(&pool).await? {
        pool.close().await;
        return Err(StoreError::SchemaMissing);
    }
    Ok(pool)
}

pub(super) async fn has_schema(pool: &AnyPool) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = 'portcullis'");
    Ok(query.fetch_optional(pool).await?.is_some())
}

/// Checks that an opened database is an issuer's.
pub(super) async fn check(
    database: &Database,
    connection: &mut Connection,
) -> Result<(), StoreError> {
    let Database::File(_) = database else { return Ok(()) };
    let row = sqlx::query("PRAGMA application_id").fetch_one(connection).await?;
    let id: i64 = row::number(&row, "application_id")?;
    if id == APPLICATION_ID { Ok(()) } else { Err(StoreError::Foreign) }
}

pub(super) async fn connect(database: &Database, held: &Held) -> Result<AnyPool, StoreError> {
    let options = options(database)?;
    // Connect once without the pool: a pool retries permanent errors and then only reports a
    // timeout.
    let mut first = session::within(TIMEOUT, options.connect()).await??;
    session::settle(&mut first, database).await?;
    match database {
        Database::File(path) => {
            // SQLite opens the companion files on the first read.
            first.execute("SELECT COUNT(*) FROM sqlite_schema").await?;
            held.keep(path, first)?;
            Ok(pool(CONNECTIONS, database, held).connect_with(options).await?)
        }
        Database::Server(_) => {
            let pool = pool(CONNECTIONS, database, held).connect_with(options).await?;
            let mut second = pool.acquire().await?;
            session::check_own_session(&mut first, &mut second).await?;
            first.close().await?;
            Ok(pool)
        }
    }
}

/// Checks that the records are those of `issuer`.
pub(super) async fn check_issuer(
    connection: &mut Connection,
    issuer: IssuerId,
) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT id FROM issuer").fetch_optional(connection).await?;
    let found: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
    if found == Some(issuer.to_string()) { Ok(()) } else { Err(StoreError::Foreign) }
}

/// A pool that connects on demand.
pub(super) fn lazily(
    database: &Database,
    held: &Held,
    connections: u32,
) -> Result<AnyPool, StoreError> {
    Ok(pool(connections, database, held).connect_lazy_with(options(database)?))
}

fn options(database: &Database) -> Result<AnyConnectOptions, StoreError> {
    install_default_drivers();
    let options = match database {
        Database::File(path) => file_options(path)?,
        Database::Server(url) => url.parse::<AnyConnectOptions>()?,
    };
    // Don't log statements: their arguments are personal data.
    let options = options.disable_statement_logging();
    Ok(options)
}

fn pool(connections: u32, database: &Database, held: &Held) -> AnyPoolOptions {
    let is_server = matches!(database, Database::Server(_));
    let (settled, held) = (database.clone(), held.clone());
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(TIMEOUT)
        // The pool's own test has no time limit, and a cut connection never answers.
        .test_before_acquire(!is_server)
        .before_acquire(move |connection, _| {
            Box::pin(async move {
                if is_server {
                    session::answers(connection).await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| Box::pin(session::is_reusable(connection)))
        .after_connect(move |connection, _| {
            let (database, held) = (settled.clone(), held.clone());
            Box::pin(async move {
                // A new connection would use a file that has replaced the database.
                held.check().map_err(|gone| sqlx::Error::Configuration(Box::new(gone)))?;
                session::settle(connection, &database).await
            })
        })
}

/// Encodes the path as a URL, with reserved characters escaped.
fn file_options(path: &Path) -> Result<AnyConnectOptions, StoreError> {
    let invalid = || FileError::Io {
        path: path.to_owned(),
        source: std::io::Error::from(std::io::ErrorKind::InvalidFilename),
    };
    let absolute = std::path::absolute(path).map_err(|_| invalid())?;
    let mut url = url::Url::from_file_path(&absolute).map_err(|()| invalid())?;
    url.set_query(Some("mode=rw"));
    let url = url.as_str().replacen("file://", "sqlite://", 1);
    Ok(url.parse()?)
}

/// SQLite treats an empty file as an empty database, and detects a truncated one only when it reads
/// the missing part. Detect both here.
fn check_file(path: &Path) -> Result<(), StoreError> {
    use std::io::Read as _;
    let failed = |source: std::io::Error| {
        let path = path.to_owned();
        if source.kind() == std::io::ErrorKind::NotFound {
            StoreError::Missing { path }
        } else {
            FileError::Io { path, source }.into()
        }
    };
    let mut magic = [0; 16];
    let mut file = std::fs::File::open(path).map_err(failed)?;
    match file.read_exact(&mut magic) {
        Ok(()) if &magic == b"SQLite format 3\0" => Ok(()),
        Ok(()) | Err(_) => Err(StoreError::Corrupt(None)),
    }
}
