//! Signing a checkpoint of the log every minute in which something was appended.

use std::time::Duration;

use mandate_store::{Signed, Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};

/// Time between two checkpoints while something is appended.
const EVERY: Duration = Duration::from_mins(1);

/// Signs until it is dropped; a log without a signing key is left alone.
pub async fn sign_every_minute(store: Store) {
    if store.verifying_key().is_none() {
        tracing::warn!("no signing key: no checkpoints are signed; `mandate log key` makes one");
        return;
    }
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        sign(&store).await;
    }
}

/// Signs the present end of the log; what goes wrong is logged, and tried again the next time.
pub async fn sign(store: &Store) {
    let store = store.clone();
    let signed = tokio::task::spawn_blocking(move || store.checkpoint()).await;
    match signed {
        Ok(Ok(Some(Signed { size, .. }))) => tracing::info!(size = size.get(), "checkpoint signed"),
        Ok(Ok(None) | Err(StoreError::NoSigningKey { .. })) => {}
        Ok(Err(error)) => tracing::error!(%error, "no checkpoint was signed"),
        Err(error) => tracing::error!(%error, "no checkpoint was signed"),
    }
}
