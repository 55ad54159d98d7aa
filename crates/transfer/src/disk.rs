//! Work with files, which blocks, on threads that may.

use std::panic;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

/// Runs work on such threads and knows how much of it is under way. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<watch::Sender<usize>>);

impl Disk {
    /// Does the work. It is done also if nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match self.spawn(work).await {
            Ok(done) => done,
            Err(error) => ended(error).await,
        }
    }

    /// Begins the work.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let under_way = UnderWay::begin(&self.0);
        spawn_blocking(move || {
            let _under_way = under_way;
            work()
        })
    }

    /// Returns when nothing is under way.
    pub(crate) async fn idle(&self) {
        let mut count = self.0.subscribe();
        // The sender is ours, so that it does not close.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

/// Passes a panic on. Work is otherwise lost only when the runtime ends, and this task with it.
pub(crate) async fn ended<T>(error: JoinError) -> T {
    match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(_) => std::future::pending().await,
    }
}

struct UnderWay(Arc<watch::Sender<usize>>);

impl UnderWay {
    fn begin(count: &Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn it_is_idle_when_all_is_done_whether_anybody_waits_or_not() {
        let disk = Disk::default();
        disk.idle().await;
        assert_eq!(disk.run(|| 7).await, 7);
        let (go, gone) = mpsc::channel::<()>();
        drop(disk.spawn(move || gone.recv().is_ok()));
        let idle = tokio::spawn({
            let disk = disk.clone();
            async move { disk.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!idle.is_finished());
        go.send(()).unwrap();
        idle.await.unwrap();
    }
}
