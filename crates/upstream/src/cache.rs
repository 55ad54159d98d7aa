//! Values that were fetched from a system, kept for a while.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skykey_types::{Clock, SignedDuration, Timestamp, lock};
use tokio::time::timeout_at;

use crate::{Fault, SingleFlight};

/// How long callers wait for a refresh, from its start, before they get the stale value.
const REFRESH_PATIENCE: Duration = Duration::from_millis(250);

/// Values by key. One fetch for each key is under way at a time ([`SingleFlight`]), all who wait
/// for it share its outcome, and only values are kept, never errors. Clones share the values.
///
/// A stale value is refreshed in the background while it is still returned, so that a system that
/// hangs delays nobody to whom an answer is known. How old is stale, and how old is too old, each
/// call says ([`Freshness`]); the clock is the one that was handed in. A clock that is set back
/// makes no value young.
pub struct Cache<K, V, E>(Arc<Inner<K, V, E>>);

struct Inner<K, V, E> {
    settings: CacheSettings<E>,
    clock: Arc<dyn Clock>,
    entries: Mutex<HashMap<K, Entry<V, E>>>,
    flights: SingleFlight<K, Result<V, E>>,
}

struct Entry<V, E> {
    value: V,
    /// When its fetch began.
    at: Timestamp,
    /// How the last refresh failed, and when.
    failed: Option<(Timestamp, E)>,
}

/// How a [`Cache`] behaves.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings<E> {
    /// What is fetched, after "cannot".
    pub operation: &'static str,
    /// How many values are kept at most. When there is no room, further values are not kept.
    pub max_entries: usize,
    /// The age at which a value makes room for others. No value is older when it is returned.
    pub max_age: SignedDuration,
    /// After a failed refresh, the system is not asked again within this; meanwhile callers get
    /// the stale value, or the error if there is none.
    pub retry_interval: SignedDuration,
    /// Whether an error says only that the system is away. Then the stale value is returned;
    /// otherwise the error is, to those who waited for it.
    pub is_outage: fn(&E) -> bool,
}

/// What a value is worth to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Good as it is.
    Fresh,
    /// To be refreshed, and good until that is done.
    Stale,
    /// Not to be used any more.
    Expired,
}

impl Freshness {
    /// Fresh up to the age `fresh`, stale up to the age `stale`.
    pub fn by_age(age: SignedDuration, fresh: SignedDuration, stale: SignedDuration) -> Self {
        if age < fresh {
            Self::Fresh
        } else if age < stale {
            Self::Stale
        } else {
            Self::Expired
        }
    }
}

impl<K, V, E> Cache<K, V, E>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + From<Fault> + Send + Sync + 'static,
{
    /// An empty cache.
    pub fn new(settings: CacheSettings<E>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            settings,
            clock,
            entries: Mutex::default(),
            flights: SingleFlight::new(),
        }))
    }

    /// Returns the value for `key`: the kept one if `freshness` (of the value and its age) allows
    /// it, otherwise what `fetch` returns. The fetch goes on if this call is dropped.
    pub async fn get<F>(
        &self,
        key: K,
        freshness: impl Fn(&V, SignedDuration) -> Freshness,
        fetch: impl FnOnce() -> F,
    ) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let inner = &self.0;
        let (stale, flight) = {
            let entries = lock(&inner.entries);
            let now = inner.clock.now();
            let mut stale = None;
            if let Some(entry) = entries.get(&key) {
                let age = now.duration_since(entry.at).abs();
                match freshness(&entry.value, age) {
                    _ if age >= inner.settings.max_age => {}
                    Freshness::Fresh => return Ok(entry.value.clone()),
                    Freshness::Stale => stale = Some(entry.value.clone()),
                    Freshness::Expired => {}
                }
                if let Some((at, error)) = &entry.failed
                    && now.duration_since(*at).abs() < inner.settings.retry_interval
                {
                    return stale.ok_or_else(|| error.clone());
                }
            }
            // The lock is held, so that a fetch that ends now is either joined or seen.
            let operation = inner.settings.operation;
            let flight = inner.flights.join_or_start(operation, key.clone(), || {
                let (inner, fetch) = (inner.clone(), fetch());
                async move {
                    let outcome = fetch.await;
                    inner.keep(key, now, &outcome);
                    outcome
                }
            });
            (stale, flight)
        };
        let patience = flight.started() + REFRESH_PATIENCE;
        let Some(stale) = stale else {
            return flight.outcome().await?;
        };
        match timeout_at(patience, flight.outcome()).await {
            Ok(Ok(Err(error))) if !(inner.settings.is_outage)(&error) => Err(error),
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(_) | Err(_) => Ok(stale),
        }
    }

    /// Returns the kept value for `key`, if `freshness` does not call it expired. Fetches nothing.
    pub fn peek(
        &self,
        key: &K,
        freshness: impl FnOnce(&V, SignedDuration) -> Freshness,
    ) -> Option<V> {
        let entries = lock(&self.0.entries);
        let entry = entries.get(key)?;
        let age = self.0.clock.now().duration_since(entry.at).abs();
        let usable =
            age < self.0.settings.max_age && freshness(&entry.value, age) != Freshness::Expired;
        usable.then(|| entry.value.clone())
    }

    /// Forgets the value for `key`. A fetch under way still keeps what it brings.
    pub fn remove(&self, key: &K) {
        lock(&self.0.entries).remove(key);
    }
}

impl<K: Hash + Eq, V, E: Clone> Inner<K, V, E> {
    fn keep(&self, key: K, at: Timestamp, outcome: &Result<V, E>)
    where
        V: Clone,
    {
        let mut entries = lock(&self.entries);
        let now = self.clock.now();
        let value = match outcome {
            Ok(value) => value.clone(),
            Err(error) => {
                if let Some(entry) = entries.get_mut(&key) {
                    entry.failed = Some((now, error.clone()));
                }
                return;
            }
        };
        let CacheSettings {
            max_entries,
            max_age,
            ..
        } = self.settings;
        if entries.len() >= max_entries && !entries.contains_key(&key) {
            entries.retain(|_, entry| now.duration_since(entry.at).abs() < max_age);
            if entries.len() >= max_entries {
                return;
            }
        }
        let failed = None;
        entries.insert(key, Entry { value, at, failed });
    }
}

impl<K, V, E> Clone for Cache<K, V, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V, E> fmt::Debug for Cache<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("operation", &self.0.settings.operation)
            .field("entries", &lock(&self.0.entries).len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use skykey_types::ManualClock;
    use tokio::sync::Notify;

    use super::*;

    const FRESH: SignedDuration = SignedDuration::from_secs(100);
    const STALE: SignedDuration = SignedDuration::from_secs(1000);
    const OPERATION: &str = "ask";

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "a cache asks about a reference"
    )]
    fn by_age(_: &u32, age: SignedDuration) -> Freshness {
        Freshness::by_age(age, FRESH, STALE)
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Failure {
        Away,
        No,
    }

    impl From<Fault> for Failure {
        fn from(_: Fault) -> Self {
            Self::Away
        }
    }

    struct Trial {
        cache: Cache<u32, u32, Failure>,
        clock: ManualClock,
        fetched: Arc<AtomicUsize>,
    }

    impl Trial {
        fn new() -> Self {
            let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
            let settings = CacheSettings {
                operation: OPERATION,
                max_entries: 10,
                max_age: STALE,
                retry_interval: SignedDuration::from_secs(10),
                is_outage: |error: &Failure| *error == Failure::Away,
            };
            Self {
                cache: Cache::new(settings, Arc::new(clock.clone())),
                clock,
                fetched: Arc::default(),
            }
        }

        fn pass(&self, seconds: i64) {
            self.clock.advance(SignedDuration::from_secs(seconds));
        }

        fn fetched(&self) -> usize {
            self.fetched.load(Ordering::SeqCst)
        }

        async fn get(&self, outcome: Result<u32, Failure>) -> Result<u32, Failure> {
            self.get_key(1, async { outcome }).await
        }

        async fn get_key(
            &self,
            key: u32,
            fetch: impl Future<Output = Result<u32, Failure>> + Send + 'static,
        ) -> Result<u32, Failure> {
            let fetched = self.fetched.clone();
            let fetch = || async move {
                fetched.fetch_add(1, Ordering::SeqCst);
                fetch.await
            };
            self.cache.get(key, by_age, fetch).await
        }
    }

    #[tokio::test]
    async fn a_value_is_fetched_once_while_it_is_fresh() {
        let trial = Trial::new();
        assert_eq!(trial.get(Ok(1)).await, Ok(1));
        trial.pass(99);
        assert_eq!(trial.get(Ok(2)).await, Ok(1));
        assert_eq!(trial.fetched(), 1);
        trial.pass(1);
        assert_eq!(trial.get(Ok(3)).await, Ok(3));
        assert_eq!(trial.fetched(), 2);
        assert_eq!(trial.cache.peek(&1, by_age), Some(3));
        trial.cache.remove(&1);
        assert_eq!(trial.cache.peek(&1, by_age), None);
    }

    #[tokio::test]
    async fn all_who_wait_share_a_failure_and_the_next_asks_again() {
        let trial = Trial::new();
        let away = || async {
            tokio::task::yield_now().await;
            Err(Failure::Away)
        };
        let (a, b) = tokio::join!(trial.get_key(1, away()), trial.get_key(1, away()));
        assert_eq!((a, b), (Err(Failure::Away), Err(Failure::Away)));
        assert_eq!(trial.fetched(), 1);
        assert_eq!(trial.get(Err(Failure::No)).await, Err(Failure::No));
        assert_eq!(trial.fetched(), 2);
    }

    #[tokio::test]
    async fn a_stale_value_serves_while_the_system_is_away_but_not_for_ever() {
        let trial = Trial::new();
        trial.get(Ok(1)).await.unwrap();
        trial.pass(200);
        for _ in 0..3 {
            assert_eq!(trial.get(Err(Failure::Away)).await, Ok(1));
        }
        trial.pass(9);
        assert_eq!(trial.get(Err(Failure::Away)).await, Ok(1));
        assert_eq!(trial.fetched(), 2, "it is left alone for a while");
        trial.pass(1);
        assert_eq!(trial.get(Err(Failure::Away)).await, Ok(1));
        assert_eq!(trial.fetched(), 3);
        trial.pass(790);
        assert_eq!(trial.get(Err(Failure::Away)).await, Err(Failure::Away));
        assert_eq!(trial.get(Err(Failure::No)).await, Err(Failure::Away));
        assert_eq!(trial.fetched(), 4, "also without a value it is left alone");
        trial.pass(10);
        assert_eq!(trial.get(Ok(2)).await, Ok(2));
    }

    #[tokio::test]
    async fn a_refusal_is_returned_although_there_is_a_stale_value() {
        let trial = Trial::new();
        trial.get(Ok(1)).await.unwrap();
        trial.pass(200);
        assert_eq!(trial.get(Err(Failure::No)).await, Err(Failure::No));
    }

    #[tokio::test(start_paused = true)]
    async fn a_system_that_hangs_delays_nobody_who_can_have_the_stale_value() {
        let trial = Trial::new();
        trial.get(Ok(1)).await.unwrap();
        trial.pass(100);
        let (answer, begun) = (Arc::new(Notify::new()), tokio::time::Instant::now());
        let hangs = {
            let answer = answer.clone();
            async move {
                answer.notified().await;
                Ok(2)
            }
        };
        assert_eq!(trial.get_key(1, hangs).await, Ok(1));
        assert_eq!(
            begun.elapsed(),
            REFRESH_PATIENCE,
            "the first waits a moment"
        );
        for _ in 0..100 {
            assert_eq!(trial.get(Ok(9)).await, Ok(1));
        }
        assert_eq!(begun.elapsed(), REFRESH_PATIENCE, "the others do not");
        assert_eq!(trial.fetched(), 2, "one refresh is under way");
        answer.notify_one();
        while trial.cache.0.flights.under_way() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(trial.get(Ok(9)).await, Ok(2));
        assert_eq!(trial.fetched(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_usable_value_callers_wait_for_the_refresh() {
        let trial = Trial::new();
        trial.get(Ok(1)).await.unwrap();
        trial.pass(1000);
        let slow = async {
            tokio::time::sleep(Duration::from_secs(15)).await;
            Ok(2)
        };
        let (a, b) = tokio::join!(trial.get_key(1, slow), trial.get(Ok(9)));
        assert_eq!((a, b), (Ok(2), Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_hangs_up_leaves_the_value_for_the_next() {
        let trial = Trial::new();
        let slow = async {
            tokio::time::sleep(Duration::from_secs(15)).await;
            Ok(2)
        };
        let hung_up = tokio::time::timeout(Duration::from_secs(2), trial.get_key(1, slow)).await;
        assert!(hung_up.is_err());
        tokio::time::sleep(Duration::from_secs(14)).await;
        assert_eq!(trial.get(Ok(9)).await, Ok(2));
        assert_eq!(trial.fetched(), 1);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_makes_nothing_young() {
        let trial = Trial::new();
        trial.get(Ok(1)).await.unwrap();
        trial.clock.jump(SignedDuration::from_secs(-2000));
        assert_eq!(trial.get(Ok(2)).await, Ok(2));
    }

    #[tokio::test]
    async fn values_do_not_grow_without_end_and_old_ones_make_room() {
        let trial = Trial::new();
        for key in 0..20 {
            trial.get_key(key, async { Ok(1) }).await.unwrap();
        }
        assert_eq!(lock(&trial.cache.0.entries).len(), 10);
        trial.pass(1000);
        trial.get_key(20, async { Ok(1) }).await.unwrap();
        assert_eq!(lock(&trial.cache.0.entries).len(), 1);
    }
}
