//! One piece of work at a time for each key, whose outcome everybody who wants it shares.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use skykey_types::lock;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Fault;

/// How much work may be under way at once, by default.
const MAX_FLIGHTS: usize = 10_000;

/// Work under way, by key. The first caller starts the work, later callers join it, and all get a
/// clone of the same outcome, errors included. Clones share the work.
///
/// The work runs as a task of its own: a caller that is dropped neither stops it nor strands the
/// others, and a caller that comes back joins it. Nothing is remembered once it has ended; see
/// [`Cache`](crate::Cache) for that.
pub struct SingleFlight<K, T>(Arc<Inner<K, T>>);

struct Inner<K, T> {
    under_way: Mutex<HashMap<K, UnderWay<T>>>,
    max_flights: usize,
}

struct UnderWay<T> {
    started: Instant,
    outcome: watch::Receiver<Option<T>>,
}

/// Work that was joined or started.
pub struct Flight<T> {
    operation: &'static str,
    started: Instant,
    outcome: FlightOutcome<T>,
}

enum FlightOutcome<T> {
    Shared(watch::Receiver<Option<T>>),
    /// Too much was under way: the caller does its own work, and loses it if it is dropped.
    Own(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<K, T> SingleFlight<K, T>
where
    K: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// At most 10,000 pieces of work under way.
    pub fn new() -> Self {
        Self::with_max(MAX_FLIGHTS)
    }

    /// At most `max_flights` pieces of work under way. Beyond that, callers with further keys do
    /// their own work.
    pub fn with_max(max_flights: usize) -> Self {
        Self(Arc::new(Inner {
            under_way: Mutex::default(),
            max_flights,
        }))
    }

    /// Joins the work under way for `key`, or starts `work`. `operation` goes after "cannot" if the
    /// work is stopped. Needs a tokio runtime.
    pub fn join_or_start<W>(
        &self,
        operation: &'static str,
        key: K,
        work: impl FnOnce() -> W,
    ) -> Flight<T>
    where
        W: Future<Output = T> + Send + 'static,
    {
        let mut under_way = lock(&self.0.under_way);
        if let Some(found) = under_way.get(&key) {
            return Flight {
                operation,
                started: found.started,
                outcome: FlightOutcome::Shared(found.outcome.clone()),
            };
        }
        let started = Instant::now();
        let work = work();
        if under_way.len() >= self.0.max_flights {
            return Flight {
                operation,
                started,
                outcome: FlightOutcome::Own(Box::pin(work)),
            };
        }
        let (sender, outcome) = watch::channel(None);
        let shared = UnderWay {
            started,
            outcome: outcome.clone(),
        };
        under_way.insert(key.clone(), shared);
        drop(under_way);
        // Dropped with the task, also if the work panics or the runtime stops.
        let entry = Entry {
            flights: self.0.clone(),
            key,
        };
        tokio::spawn(async move {
            let outcome = work.await;
            drop(entry);
            let _ = sender.send(Some(outcome));
        });
        Flight {
            operation,
            started,
            outcome: FlightOutcome::Shared(outcome),
        }
    }

    /// Joins the work under way for `key`, or starts `work`, and waits for its outcome.
    pub async fn run<W>(
        &self,
        operation: &'static str,
        key: K,
        work: impl FnOnce() -> W,
    ) -> Result<T, Fault>
    where
        W: Future<Output = T> + Send + 'static,
    {
        self.join_or_start(operation, key, work).outcome().await
    }

    /// How many pieces of work are under way.
    pub fn under_way(&self) -> usize {
        lock(&self.0.under_way).len()
    }
}

impl<T: Clone> Flight<T> {
    /// When the work was started, perhaps by another caller.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Waits for the outcome. [`Fault::Stopped`] if the work panicked or the runtime stops.
    pub async fn outcome(self) -> Result<T, Fault> {
        match self.outcome {
            FlightOutcome::Own(work) => Ok(work.await),
            FlightOutcome::Shared(mut outcome) => outcome
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|value| value.clone())
                .ok_or(Fault::Stopped {
                    operation: self.operation,
                }),
        }
    }
}

/// The entry of work under way, which ends with it.
struct Entry<K: Hash + Eq, T> {
    flights: Arc<Inner<K, T>>,
    key: K,
}

impl<K: Hash + Eq, T> Drop for Entry<K, T> {
    fn drop(&mut self) {
        lock(&self.flights.under_way).remove(&self.key);
    }
}

impl<K, T> Clone for SingleFlight<K, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, T> Default for SingleFlight<K, T>
where
    K: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T> fmt::Debug for SingleFlight<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight")
            .field("under_way", &lock(&self.0.under_way).len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    use super::*;

    const OPERATION: &str = "count";

    /// Work that waits until it is let, counts how often it was begun, and returns that.
    #[derive(Clone, Default)]
    struct Work {
        begun: Arc<AtomicUsize>,
        may_end: Arc<Notify>,
    }

    impl Work {
        fn begin(&self) -> impl Future<Output = Result<usize, &'static str>> + Send + 'static {
            let work = self.clone();
            async move {
                let begun = work.begun.fetch_add(1, Ordering::SeqCst) + 1;
                work.may_end.notified().await;
                Ok(begun)
            }
        }
    }

    #[tokio::test]
    async fn one_caller_works_and_all_share_the_outcome() {
        let (flights, work) = (SingleFlight::new(), Work::default());
        let joined: Vec<_> = (0..100)
            .map(|_| flights.join_or_start(OPERATION, "a", || work.begin()))
            .collect();
        let other = flights.join_or_start(OPERATION, "b", || async { Err("no") });
        assert_eq!(other.outcome().await, Ok(Err("no")));
        assert_eq!(flights.under_way(), 1);
        work.may_end.notify_one();
        for flight in joined {
            assert_eq!(flight.outcome().await, Ok(Ok(1)));
        }
        assert_eq!(flights.under_way(), 0);
        work.may_end.notify_one();
        let next = flights.run(OPERATION, "a", || work.begin()).await;
        assert_eq!(next, Ok(Ok(2)), "nothing is remembered");
    }

    #[tokio::test]
    async fn an_error_reaches_all_who_wait_and_not_the_next() {
        let flights = SingleFlight::<_, Result<u8, &str>>::new();
        let mut tasks = JoinSet::new();
        let (begin, begun) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        for _ in 0..10 {
            let (flights, begin, begun) = (flights.clone(), begin.clone(), begun.clone());
            tasks.spawn(async move {
                let work = || async move {
                    begun.fetch_add(1, Ordering::SeqCst);
                    begin.notified().await;
                    Err("away")
                };
                flights.run(OPERATION, (), work).await
            });
        }
        while begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        begin.notify_one();
        let outcomes = tasks.join_all().await;
        assert!(
            outcomes
                .into_iter()
                .all(|outcome| outcome == Ok(Err("away")))
        );
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        let next = flights.run(OPERATION, (), || async { Ok(7) }).await;
        assert_eq!(next, Ok(Ok(7)));
    }

    #[tokio::test]
    async fn a_first_caller_that_hangs_up_loses_no_work_and_strands_nobody() {
        let (flights, work) = (SingleFlight::new(), Work::default());
        let first = {
            let (flights, work) = (flights.clone(), work.clone());
            tokio::spawn(async move { flights.run(OPERATION, (), || work.begin()).await })
        };
        while work.begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let waiting = flights.join_or_start(OPERATION, (), || work.begin());
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let back = flights.join_or_start(OPERATION, (), || work.begin());
        work.may_end.notify_one();
        assert_eq!(waiting.outcome().await, Ok(Ok(1)));
        assert_eq!(back.outcome().await, Ok(Ok(1)));
    }

    #[tokio::test]
    async fn work_whose_callers_all_hung_up_still_ends() {
        let (flights, work) = (SingleFlight::new(), Work::default());
        drop(flights.join_or_start(OPERATION, (), || work.begin()));
        work.may_end.notify_one();
        while flights.under_way() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(work.begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_for_those_who_wait_and_is_begun_again() {
        let flights = SingleFlight::<(), u8>::new();
        let panics = || async { panic!("on purpose") };
        let outcome = flights.run(OPERATION, (), panics).await;
        let stopped = Fault::Stopped {
            operation: OPERATION,
        };
        assert_eq!(outcome, Err(stopped));
        assert_eq!(flights.run(OPERATION, (), || async { 1 }).await, Ok(1));
    }

    #[tokio::test]
    async fn beyond_the_limit_callers_do_their_own_work() {
        let (flights, work) = (SingleFlight::with_max(1), Work::default());
        let shared = flights.join_or_start(OPERATION, 0, || work.begin());
        for key in 1..100 {
            let own = flights.run(OPERATION, key, || async { Ok(0) }).await;
            assert_eq!(own, Ok(Ok(0)));
            assert_eq!(flights.under_way(), 1);
        }
        work.may_end.notify_one();
        assert_eq!(shared.outcome().await, Ok(Ok(1)));
    }
}
