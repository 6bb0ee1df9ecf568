//! Passing again and again, on the node whose turn it is.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Passed, Webhooks};

/// The time between two looks when nothing is heard.
const LOOK: Duration = Duration::from_secs(1);

impl Webhooks {
    /// Passes whenever something is appended or a pause is over, until told to stop, on the node whose turn it is; notes
    /// each place when its turn is over. Whose turn it is is asked once a second: a node that was paused may send one
    /// event again, under its id.
    pub async fn run<F>(&self, is_on_duty: F, mut stop: watch::Receiver<bool>)
    where
        F: Fn() -> bool + Clone + Send + Sync + 'static,
    {
        while !*stop.borrow_and_update() {
            if ask(&is_on_duty).await {
                let (tell, ends) = watch::channel(false);
                let turn = async {
                    while !is_told(&mut stop) && ask(&is_on_duty).await {
                        tokio::select! {
                            _ = stop.changed() => {}
                            () = tokio::time::sleep(LOOK) => {}
                        }
                    }
                    tell.send_replace(true);
                };
                tokio::join!(self.take_turn(ends), turn);
            } else {
                tokio::select! {
                    _ = stop.changed() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    }

    /// Follows every subscription until told to stop.
    async fn take_turn(&self, mut stop: watch::Receiver<bool>) {
        let mut tasks: JoinSet<String> = JoinSet::new();
        let mut running = BTreeSet::new();
        let mut head = self.shared.store.watch();
        while !*stop.borrow_and_update() {
            for subscription in self.listed().await {
                if running.insert(subscription.reference.clone()) {
                    tasks.spawn(self.clone().follow(subscription.reference.clone(), stop.clone()));
                }
            }
            tokio::select! {
                _ = stop.changed() => break,
                changed = head.changed() => if changed.is_err() { break },
                Some(Ok(ended)) = tasks.join_next() => { running.remove(&ended); }
            }
            // New subscriptions are few: a look a second is enough of them.
            tokio::select! {
                _ = stop.changed() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Follows one subscription until it ends or the process is told to stop.
    async fn follow(self, reference: String, mut stop: watch::Receiver<bool>) -> String {
        let mut head = self.shared.store.watch();
        loop {
            head.borrow_and_update();
            let Some(subscription) = self.listed().await.into_iter().find(|one| one.reference == reference)
            else {
                return reference;
            };
            let passed = tokio::select! {
                passed = self.pass_of(&subscription) => passed,
                _ = stop.changed() => Passed::default(),
            };
            if *stop.borrow() {
                self.note(&subscription).await;
                return reference;
            }
            if passed.more {
                continue;
            }
            tokio::select! {
                _ = stop.changed() => {}
                changed = head.changed(), if passed.failing == 0 => if changed.is_err() { return reference },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

fn is_told(stop: &mut watch::Receiver<bool>) -> bool {
    *stop.borrow_and_update()
}

/// Asks whose turn it is, which may ask the database.
async fn ask<F: Fn() -> bool + Clone + Send + 'static>(is_on_duty: &F) -> bool {
    let is_on_duty = is_on_duty.clone();
    tokio::task::spawn_blocking(is_on_duty).await.unwrap_or(false)
}
