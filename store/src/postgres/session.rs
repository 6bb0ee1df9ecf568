//! Connections to PostgreSQL, for use from threads and from tasks alike.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor as _};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::Semaphore;

use crate::block_on::block_on;
use crate::error::StoreError;

/// Connections kept open while nobody uses them.
const IDLE_CONNECTIONS: usize = 8;
/// Connections of one node at once, for the log and for the keys each; whoever comes later waits.
const MOST_CONNECTIONS: usize = 16;
/// How long opening a connection may take.
const CONNECTING: Duration = Duration::from_secs(5);
/// What each connection sets for itself: a node that stops in the middle of a transaction does not hold up the others, a
/// server that is gone is noticed, and statements see what was committed before them.
const SETTINGS: &str = "SET idle_in_transaction_session_timeout = '10s'; \
    SET default_transaction_isolation = 'read committed'; \
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// Opens connections and keeps those not in use; cheap to clone.
///
/// A runtime of its own waits on the sockets, so that a thread may use a connection as well as a task of any other
/// runtime. No connection is tried out before use: a broken one fails once and is thrown away with all idle ones.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: PgConnectOptions,
    idle: Mutex<Vec<PgConnection>>,
    /// One permit for each connection that may be open at once.
    room: Semaphore,
    runtime: Background,
}

/// A runtime that may be dropped anywhere.
#[derive(Debug)]
struct Background(Option<Runtime>);

impl Background {
    fn start() -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("log-postgres")
            .enable_all()
            .build()
            .map_err(|error| StoreError::Unavailable {
                reason: format!("no runtime for PostgreSQL: {error}"),
            })?;
        Ok(Self(Some(runtime)))
    }

    fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Sessions {
    /// Sessions of a server; nothing is opened yet.
    pub(crate) fn new(options: PgConnectOptions) -> Result<Self, StoreError> {
        let runtime = Background::start()?;
        let room = Semaphore::new(MOST_CONNECTIONS);
        Ok(Self { shared: Arc::new(Shared { options, idle: Mutex::default(), room, runtime }) })
    }

    /// Runs `work` on a connection of its own, on this thread.
    pub(crate) fn block<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        block_on(self.run(work))
    }

    /// Runs `work` on a connection of its own.
    pub(crate) async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // Never closed, so that the error cannot occur.
        let _room = self.shared.room.acquire().await.ok();
        let kept = self.idle().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let done = work(&mut connection).await;
        let mut idle = self.idle();
        match &done {
            Ok(_) if idle.len() < IDLE_CONNECTIONS => idle.push(connection),
            // What broke this one broke the others as well.
            Err(StoreError::Database { .. }) => idle.clear(),
            Ok(_) | Err(_) => {}
        }
        done
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let options = self.shared.options.clone();
        let gone = || StoreError::Unavailable { reason: "the connections were closed".to_owned() };
        let handle = self.shared.runtime.handle().ok_or_else(gone)?;
        // On the runtime of the connections, whose reactor the socket then belongs to.
        let connecting = handle.spawn(async move { connect(&options).await });
        connecting.await.map_err(|_| gone())?.map_err(StoreError::postgres("connect to PostgreSQL"))
    }

    /// The runtime that waits on the sockets.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.shared.runtime.handle()
    }

    /// The server's address and how to speak to it.
    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.shared.options
    }

    fn idle(&self) -> MutexGuard<'_, Vec<PgConnection>> {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects, with statements logged by nobody: they hold facts.
pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let options = options.clone().application_name("mandate").disable_statement_logging();
    let connecting = async {
        let mut connection = PgConnection::connect_with(&options).await?;
        connection.execute(SETTINGS).await?;
        Ok(connection)
    };
    let too_long = |_| sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer"));
    tokio::time::timeout(CONNECTING, connecting).await.map_err(too_long)?
}
