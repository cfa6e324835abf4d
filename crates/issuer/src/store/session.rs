//! Session settings of every connection, and the conditions to discard one.
//!
//! A frozen process, a suspended machine and a cut network have one effect in common: the client is
//! gone, but its session keeps its locks. So the server ends a transaction when its client is
//! silent for [`SILENCE`]. In case the server lacks that setting, a client that waits for the write
//! lock ends a session that holds the lock without working ([`end_who_is_silent`]).

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::time::Time;
use sqlx::{Any, AnyPool, Connection as _, Executor as _, Row as _, Transaction};
use tokio::sync::{Mutex, MutexGuard};

use super::connection::{Connection, TIMEOUT, WRITE_LOCK, time};
use super::database::Database;
use crate::store::error::StoreError;

/// How long a writing transaction may wait for the client's next statement. The work between two
/// statements takes milliseconds.
const SILENCE: Duration = Duration::from_secs(4);
/// How long a ping may take before the connection counts as cut.
const ANSWER: Duration = Duration::from_secs(5);
/// The time limit of one publication's work, and of the wait for one read of the database.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

type Lock = Arc<Mutex<()>>;
/// A transaction that holds the write lock.
type Locked = Transaction<'static, Any>;

/// A queue for the write lock among the tasks of one process.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Held by the task that waits in the database's own queue.
    line: Lock,
    /// Held by the next of the ordinary tasks. Publishing doesn't wait for it.
    next: Option<Lock>,
}

impl Turn {
    /// The turn of ordinary tasks, which wait for one another.
    pub(super) fn of_many() -> Self {
        Self { line: Lock::default(), next: Some(Lock::default()) }
    }

    /// A turn in the same queue, behind at most one ordinary task.
    pub(super) fn first(&self) -> Self {
        Self { line: Arc::clone(&self.line), next: None }
    }

    /// Waits for the turn.
    pub(super) async fn wait(&self) -> Result<MutexGuard<'_, ()>, StoreError> {
        let both = async {
            let next = match &self.next {
                Some(next) => Some(next.lock().await),
                None => None,
            };
            let line = self.line.lock().await;
            drop(next);
            line
        };
        within(TIMEOUT, both).await.map_err(|_| StoreError::Busy)
    }
}

const SQLITE: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA cache_size = -65536";
/// The TCP settings make the server notice a dead client machine even while sending. On a Unix
/// socket they have no effect and aren't needed.
const POSTGRES: &str = "SET search_path TO portcullis; SET TIME ZONE 'UTC'; \
    SET lock_timeout = '10s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '300s'; \
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; \
    SET tcp_user_timeout = 10000";

/// Applies our session settings to a new connection.
pub(super) async fn settle(
    connection: &mut Connection,
    database: &Database,
) -> Result<(), sqlx::Error> {
    let settings = match database {
        Database::File(_) => SQLITE,
        Database::Server(_) => POSTGRES,
    };
    connection.execute(settings).await?;
    Ok(())
}

/// Whether a connection may return to the pool. A cut one may not. Nor may one that is still in a
/// transaction because the rollback failed: a new transaction would fail or become part of the old
/// one.
pub(super) async fn is_reusable(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    answers(connection).await?;
    Ok(!connection.is_in_transaction())
}

/// Whether the server answers. The library sets no time limit.
pub(super) async fn answers(connection: &mut Connection) -> Result<(), sqlx::Error> {
    tokio::time::timeout(ANSWER, connection.ping()).await.unwrap_or_else(|_| Err(timed_out()))
}

/// Starts a PostgreSQL transaction that excludes all other writers, and reads the server's clock
/// after taking the lock.
pub(super) async fn write(pool: &AnyPool, turn: &Turn) -> Result<(Locked, Time), StoreError> {
    // One task per process waits for the lock at a time. So a frozen process has at most one entry
    // in the queue, and waiting writers leave the connections to readers.
    let turn = turn.wait().await?;
    let locked = match lock(pool).await {
        Err(StoreError::Busy) if end_who_is_silent(pool).await? > 0 => lock(pool).await,
        other => other,
    };
    drop(turn);
    locked
}

async fn lock(pool: &AnyPool) -> Result<(Locked, Time), StoreError> {
    let mut writing = within(TIMEOUT, pool.begin()).await??;
    // The stricter timeout is for writers only: a reader may be silent for longer, for example
    // while it uploads a file, and blocks nobody.
    let lock = sqlx::query(
        "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT FROM (SELECT \
         set_config('idle_in_transaction_session_timeout', $1, true), \
         pg_advisory_xact_lock($2)) AS held",
    );
    let lock = lock.bind(format!("{}s", SILENCE.as_secs())).bind(WRITE_LOCK);
    // The server times out first, unless it is unreachable.
    let row = within(TIMEOUT + ANSWER, lock.fetch_one(&mut *writing)).await??;
    let now = time(row.try_get(0)?);
    Ok((writing, now))
}

/// The server's time.
pub(super) async fn now(connection: &mut Connection) -> Result<Time, StoreError> {
    let ask = sqlx::query("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT");
    Ok(time(ask.fetch_one(connection).await?.try_get(0)?))
}

/// Ends the session that has held the write lock throughout our wait while idle. The same role may
/// do so. If the server applies our settings, no such session exists.
async fn end_who_is_silent(pool: &AnyPool) -> Result<i64, StoreError> {
    let query = sqlx::query(
        "SELECT COUNT(*) FILTER (WHERE pg_terminate_backend(a.pid)) FROM pg_locks l \
         JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted \
         AND l.objsubid = 1 AND (l.classid::BIGINT << 32) + l.objid::BIGINT = $1 \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND a.wait_event_type = 'Client' AND a.state_change < now() - INTERVAL '4 s'",
    );
    let row = within(TIMEOUT, query.bind(WRITE_LOCK).fetch_one(pool)).await??;
    let ended: i64 = row.try_get(0)?;
    if ended > 0 {
        tracing::warn!(ended, "a session held the right to write and was silent: it was ended");
    }
    Ok(ended)
}

/// Applies a time limit to database work: a cut network never answers.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, StoreError> {
    tokio::time::timeout(limit, work).await.map_err(|_| StoreError::Unreachable(timed_out()))
}

fn timed_out() -> sqlx::Error {
    let reason = "the database server did not answer in time";
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, reason))
}

/// Refuses a pooler that changes the server session between transactions: settings from [`settle`]
/// would apply to other clients, and not to us.
///
/// Each of two connections sets a variable. Behind such a pooler the second overwrites the first's,
/// or the first is read in another session.
pub(super) async fn check_own_session(
    first: &mut Connection,
    second: &mut Connection,
) -> Result<(), StoreError> {
    let said = say(first).await?;
    say(second).await?;
    let ask = "SELECT COALESCE(current_setting('portcullis.session', true), '')";
    let held: String = sqlx::raw_sql(ask).fetch_one(first).await?.try_get(0)?;
    if held == said { Ok(()) } else { Err(StoreError::Pooled) }
}

/// Gives the session a random name. Uses no prepared statement, which such poolers reject too.
async fn say(connection: &mut Connection) -> Result<String, StoreError> {
    let name = u32::from_be_bytes(*crate::random::secret::<4>()?).to_string();
    let say = sqlx::AssertSqlSafe(format!("SET portcullis.session = '{name}'"));
    sqlx::raw_sql(say).execute(connection).await?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_publishes_has_one_of_those_who_ask_before_it_at_most() {
        let asks = Turn::of_many();
        let publishes = asks.first();
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let held = asks.wait().await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for (turn, name) in [(&asks, "asks"); 4].into_iter().chain([(&publishes, "publishes")]) {
            let (turn, order) = (turn.clone(), Arc::clone(&order));
            tasks.spawn(async move {
                let _line = turn.wait().await.unwrap();
                order.lock().unwrap().push(name);
            });
            // Let each task start to wait before the next one.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        assert!(order.lock().unwrap().is_empty());
        drop(held);
        tasks.join_all().await;
        let order = order.lock().unwrap().clone();
        assert_eq!(order, ["asks", "publishes", "asks", "asks", "asks"]);
    }

    #[test]
    fn the_settings_say_what_the_constants_do() {
        assert!(POSTGRES.contains(&format!("lock_timeout = '{}s'", TIMEOUT.as_secs())));
        assert!(SQLITE.contains(&format!("busy_timeout = {}", TIMEOUT.as_millis())));
        // A frozen issuer and its entry in the queue are ended before waiting tasks give up.
        assert!(SILENCE * 2 < TIMEOUT);
    }
}
