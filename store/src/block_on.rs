//! Waiting for a future on a thread that has nothing else to do.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread. The future must not need a tokio runtime (channels and semaphores do
/// not).
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    // On a thread that a runtime holds, what waits on its channels would otherwise use up the budget of the task that
    // called, which nothing here renews, and never be ready again.
    let mut future = pin!(tokio::task::unconstrained(future));
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn what_a_task_waits_for_on_its_own_thread_is_not_held_up_by_its_budget() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let semaphore = Semaphore::new(1);
            // A task's budget is 128.
            for _ in 0..1_000 {
                drop(block_on(semaphore.acquire()).unwrap());
            }
        });
    }
}
