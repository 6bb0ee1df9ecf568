//! A server in this process: the address, the runtime, the signals, the end in order.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::http::{App, router, serve};

/// Threads that may block at once: reading, judging.
const BLOCKING_THREADS: usize = 32;

/// How long the background work may take after it was told to stop.
const LAST_TIME: Duration = Duration::from_secs(10);

/// What the background work waits for.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An address that is held, and a runtime to answer on.
pub struct Running {
    listener: TcpListener,
    address: SocketAddr,
}

impl Running {
    /// Takes an address before anything else is opened.
    ///
    /// # Errors
    /// When it cannot be listened on.
    pub fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| {
            format!("--listen {address}: cannot listen there; is it in use? Give another port")
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address, with the port that the system chose where 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process is told to stop, the background work beside it; then lets both end in order.
    ///
    /// # Errors
    /// When the runtime cannot be made.
    pub fn serve<W>(self, app: &App, background: impl FnOnce(Stop) -> W) -> anyhow::Result<()>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()?;
        let ended = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let (stop, stopped) = watch::channel(false);
            let background = tokio::spawn(background(stop_of(stopped.clone())));
            let router = router(app);
            let closing = async {
                told_to_stop().await;
                app.close();
            };
            serve(listener, router, closing).await?;
            stop.send_replace(true);
            match tokio::time::timeout(LAST_TIME, background).await {
                Ok(ended) => ended.context("the background work ended early"),
                Err(_) => {
                    tracing::warn!(
                        "the pass in hand is left; what it has written stands, and the next start goes on"
                    );
                    Ok(())
                }
            }
        });
        // A thread that still works is not waited for: each of its steps is stored whole or not at all.
        runtime.shutdown_background();
        ended
    }
}

fn stop_of(mut stopped: watch::Receiver<bool>) -> Stop {
    Box::pin(async move {
        // A sender that is gone is as good as one that said so.
        drop(stopped.wait_for(|stopped| *stopped).await);
    })
}

/// Completes when the process is asked to end.
async fn told_to_stop() {
    let asked = async |kind: SignalKind| match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(error) => {
            tracing::error!(%error, "signals cannot be heard");
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = asked(SignalKind::terminate()) => {}
        () = asked(SignalKind::interrupt()) => {}
    }
    tracing::info!("told to stop: requests in hand are answered first");
}

/// Writes the log of the program to standard error; `RUST_LOG` says how much.
///
/// # Errors
/// When it was started before.
pub fn start_logging(usual: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init()
        .map_err(|error| anyhow::anyhow!("{error}"))
}
