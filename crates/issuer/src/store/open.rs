//! Making, opening and recognising the two kinds of databases.

use std::fmt;
use std::path::{Path, PathBuf};

use sqlx::any::{AnyConnectOptions, install_default_drivers};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use super::held::Held;
use super::{AnyPool, AnyPoolOptions, CONNECTIONS, Connection, TIMEOUT};
use crate::error::Error;
use crate::files::{self, Privacy};
use crate::store::{row, server, session};

/// The bytes `PCTS`, by which an issuer's database is told from other SQLite files.
const APPLICATION_ID: i64 = 0x5043_5453;

/// Where an issuer's records are.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database, by its URL; the tables are in its schema `portcullis`.
    Server(String),
}

impl Database {
    /// The database that `DATABASE_URL` names.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it names another kind than PostgreSQL, [`Error::DatabaseUrl`] where
    /// it does not say what it seems to.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            server::check(url)?;
            return Ok(Self::Server(url.into()));
        }
        let reason = "must begin with postgres://; leave it out to use SQLite in the home folder";
        Err(Error::Invalid { field: "DATABASE_URL", reason })
    }
}

impl fmt::Debug for Database {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Server(_) => f.write_str("Server(..)"),
        }
    }
}

/// Makes an empty database: a file, or a schema.
pub(super) async fn create(database: &Database, held: &Held) -> Result<AnyPool, Error> {
    match database {
        Database::File(path) => {
            files::create_new(path, Privacy::Secret)
                .map_err(|source| Error::Io { path: path.clone(), source })?;
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

/// Connects to a server's database in which there must be no schema of ours.
pub(super) async fn connect_new(database: &Database, held: &Held) -> Result<AnyPool, Error> {
    let pool = connect(database, held).await?;
    if has_schema(&pool).await? {
        pool.close().await;
        return Err(Error::DatabaseTaken);
    }
    Ok(pool)
}

/// Takes back what [`create`] made.
pub(super) async fn discard(database: &Database, pool: &AnyPool) -> Result<(), Error> {
    match database {
        // The folder that it lies in is removed as a whole.
        Database::File(_) => Ok(()),
        Database::Server(_) => {
            pool.execute("DROP SCHEMA portcullis CASCADE").await?;
            Ok(())
        }
    }
}

pub(super) async fn open(database: &Database, held: &Held) -> Result<AnyPool, Error> {
    if let Database::File(path) = database {
        check_file(path)?;
    }
    let pool = connect(database, held).await?;
    if matches!(database, Database::Server(_)) && !has_schema(&pool).await? {
        pool.close().await;
        return Err(Error::SchemaMissing);
    }
    Ok(pool)
}

pub(super) async fn has_schema(pool: &AnyPool) -> Result<bool, Error> {
    let query = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = 'portcullis'");
    Ok(query.fetch_optional(pool).await?.is_some())
}

/// Whether a database that could be opened is an issuer's at all.
pub(super) async fn check(database: &Database, connection: &mut Connection) -> Result<(), Error> {
    let Database::File(_) = database else { return Ok(()) };
    let row = sqlx::query("PRAGMA application_id").fetch_one(connection).await?;
    let id: i64 = row::number(&row, "application_id")?;
    if id == APPLICATION_ID { Ok(()) } else { Err(Error::DatabaseForeign) }
}

pub(super) async fn connect(database: &Database, held: &Held) -> Result<AnyPool, Error> {
    let options = options(database)?;
    // A pool tries again and again what will never do, and then says only that it took too long.
    let mut first = session::within(TIMEOUT, options.connect()).await??;
    session::settle(&mut first, database).await?;
    match database {
        Database::File(path) => {
            // What lies beside the file is opened by the first look into it.
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

/// A pool that makes its connections when they are needed.
pub(super) fn lazily(database: &Database, held: &Held, connections: u32) -> Result<AnyPool, Error> {
    Ok(pool(connections, database, held).connect_lazy_with(options(database)?))
}

fn options(database: &Database) -> Result<AnyConnectOptions, Error> {
    install_default_drivers();
    let options = match database {
        Database::File(path) => file_options(path)?,
        Database::Server(url) => url.parse::<AnyConnectOptions>()?,
    };
    // Statements are logged by nobody: their arguments are people's data.
    let options = options.disable_statement_logging();
    Ok(options)
}

fn pool(connections: u32, database: &Database, held: &Held) -> AnyPoolOptions {
    let is_server = matches!(database, Database::Server(_));
    let (settled, held) = (database.clone(), held.clone());
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(TIMEOUT)
        // A connection that is cut answers nothing, and the pool would wait for that.
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
                // It would write to, or read, what has taken the database's place.
                held.check().map_err(|gone| sqlx::Error::Configuration(Box::new(gone)))?;
                session::settle(connection, &database).await
            })
        })
}

/// The path in a URL, whose reserved characters are escaped.
fn file_options(path: &Path) -> Result<AnyConnectOptions, Error> {
    let invalid = || Error::Io {
        path: path.to_owned(),
        source: std::io::Error::from(std::io::ErrorKind::InvalidFilename),
    };
    let absolute = std::path::absolute(path).map_err(|_| invalid())?;
    let mut url = url::Url::from_file_path(&absolute).map_err(|()| invalid())?;
    url.set_query(Some("mode=rw"));
    let url = url.as_str().replacen("file://", "sqlite://", 1);
    Ok(url.parse()?)
}

/// SQLite takes an empty file for an empty database, and a cut one for a database until it reads
/// what is missing: both are looked for here.
fn check_file(path: &Path) -> Result<(), Error> {
    use std::io::Read as _;
    let failed = |source: std::io::Error| {
        let path = path.to_owned();
        if source.kind() == std::io::ErrorKind::NotFound {
            Error::DatabaseMissing { path }
        } else {
            Error::Io { path, source }
        }
    };
    let mut magic = [0; 16];
    let mut file = std::fs::File::open(path).map_err(failed)?;
    match file.read_exact(&mut magic) {
        Ok(()) if &magic == b"SQLite format 3\0" => Ok(()),
        Ok(()) | Err(_) => Err(Error::DatabaseCorrupt(None)),
    }
}
