//! What every connection is told before it is used, and when one is thrown away.
//!
//! A process that is frozen, a machine that is suspended and a network that is cut have one thing
//! in common: whoever they cut off still holds what it held. So the server ends a transaction
//! whose owner is silent ([`SILENCE`]), and whoever waits for the right to write ends what holds
//! it and does not work ([`end_who_is_silent`]), should the server not have been told to.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::time::Time;
use sqlx::{Any, Connection as _, Executor as _, Row as _, Transaction};
use tokio::sync::{Mutex, MutexGuard};

use super::{AnyPool, Connection, Database, TIMEOUT, WRITE_LOCK};
use crate::error::Error;

/// How long a transaction that writes may wait for its owner's next statement. The work between two
/// statements takes milliseconds.
const SILENCE: Duration = Duration::from_secs(4);
/// How long an answer to the smallest question may take, before a connection counts as cut.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the work for one publication may take, and the wait for one look at the database.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

type Lock = Arc<Mutex<()>>;
/// A transaction that holds the right to write.
type Locked = Transaction<'static, Any>;

/// Whose turn it is to wait for the right to write, among those of one process.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Held by whoever waits in the database's own line.
    line: Lock,
    /// Held by whoever is next of those who ask. What publishes does not wait for it.
    next: Option<Lock>,
}

impl Turn {
    /// The turn of those who ask: they wait for one another.
    pub(super) fn of_many() -> Self {
        Self { line: Lock::default(), next: Some(Lock::default()) }
    }

    /// In the same line, behind one of those who ask at most.
    pub(super) fn first(&self) -> Self {
        Self { line: Arc::clone(&self.line), next: None }
    }

    /// Waits for it.
    pub(super) async fn wait(&self) -> Result<MutexGuard<'_, ()>, Error> {
        let both = async {
            let next = match &self.next {
                Some(next) => Some(next.lock().await),
                None => None,
            };
            let line = self.line.lock().await;
            drop(next);
            line
        };
        within(TIMEOUT, both).await.map_err(|_| Error::DatabaseBusy)
    }
}

const SQLITE: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA cache_size = -65536";
/// The TCP settings make the server notice that a client's machine is gone, also while it is
/// sending: they have no effect on a Unix socket, where there is no such machine.
const POSTGRES: &str = "SET search_path TO portcullis; SET TIME ZONE 'UTC'; \
    SET lock_timeout = '10s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '300s'; \
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; \
    SET tcp_user_timeout = 10000";

/// Tells a new connection what holds for all of ours.
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

/// Whether a connection may go back to the pool: not one that is cut, and not one that is still in
/// a transaction, because that could not be rolled back. What is begun there would fail, or be a
/// part of it.
pub(super) async fn is_reusable(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    answers(connection).await?;
    Ok(!connection.is_in_transaction())
}

/// Whether the other end answers. Nobody else sets a limit to this.
pub(super) async fn answers(connection: &mut Connection) -> Result<(), sqlx::Error> {
    tokio::time::timeout(ANSWER, connection.ping()).await.unwrap_or_else(|_| Err(timed_out()))
}

/// A transaction of PostgreSQL that excludes all others that write, and what the server's clock
/// says since then.
pub(super) async fn write(pool: &AnyPool, turn: &Turn) -> Result<(Locked, Time), Error> {
    // One of us waits for the lock at a time. A process that is frozen has no more than one in the
    // line then, and those of a process that wait leave its connections to those that read.
    let turn = turn.wait().await?;
    let locked = match lock(pool).await {
        Err(Error::DatabaseBusy) if end_who_is_silent(pool).await? > 0 => lock(pool).await,
        other => other,
    };
    drop(turn);
    locked
}

async fn lock(pool: &AnyPool) -> Result<(Locked, Time), Error> {
    let mut writing = within(TIMEOUT, pool.begin()).await??;
    // Whoever only reads may be silent for longer: a file is being put out, perhaps, and nobody
    // waits for that.
    let lock = sqlx::query(
        "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT FROM (SELECT \
         set_config('idle_in_transaction_session_timeout', $1, true), \
         pg_advisory_xact_lock($2)) AS held",
    );
    let lock = lock.bind(format!("{}s", SILENCE.as_secs())).bind(WRITE_LOCK);
    // The server gives up first, unless it can't be heard.
    let row = within(TIMEOUT + ANSWER, lock.fetch_one(&mut *writing)).await??;
    let now = super::time(row.try_get(0)?);
    Ok((writing, now))
}

/// What the server's clock says.
pub(super) async fn now(connection: &mut Connection) -> Result<Time, Error> {
    let ask = sqlx::query("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT");
    Ok(super::time(ask.fetch_one(connection).await?.try_get(0)?))
}

/// Ends the session that has held the right to write for as long as we have waited, and waits for
/// its client. The same role may do so. Where the settings hold, there is none.
async fn end_who_is_silent(pool: &AnyPool) -> Result<i64, Error> {
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

/// Waits for what the database is to say, but not for ever: a network that is cut says nothing.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(limit, work).await.map_err(|_| Error::DatabaseUnreachable(timed_out()))
}

fn timed_out() -> sqlx::Error {
    let reason = "the database server did not answer in time";
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, reason))
}

/// Refuses a pooler that gives each transaction another session: what [`settle`] says would hold
/// for whoever comes next, and not for us.
///
/// Two connections say something of themselves. Behind such a pooler the second takes the place
/// of the first, or the first is asked in another session.
pub(super) async fn check_own_session(
    first: &mut Connection,
    second: &mut Connection,
) -> Result<(), Error> {
    let said = say(first).await?;
    say(second).await?;
    let ask = "SELECT COALESCE(current_setting('portcullis.session', true), '')";
    let held: String = sqlx::raw_sql(ask).fetch_one(first).await?.try_get(0)?;
    if held == said { Ok(()) } else { Err(Error::DatabasePooled) }
}

/// Lets a session have a name. Nothing is prepared for it, what such a pooler takes amiss as well.
async fn say(connection: &mut Connection) -> Result<String, Error> {
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
            // Each waits before the next one comes.
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
        // A frozen issuer, and what it has in the line, is gone before those who wait give up.
        assert!(SILENCE * 2 < TIMEOUT);
    }
}
