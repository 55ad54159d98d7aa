//! Time, handed in: nothing in skykey asks the operating system what time it is by itself.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::lock;

/// Tells the time. Handed to whatever decides by it, so that tests can move it.
pub trait Clock: Send + Sync + std::fmt::Debug + 'static {
    /// The time now, UTC.
    fn now(&self) -> Timestamp;

    /// A reading that only ever grows, and as fast as time goes by, whatever the clock is set to
    /// (`CLOCK_MONOTONIC`).
    fn instant(&self) -> Instant;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until it is told to move. Clones share the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    /// Microseconds since 1970.
    now: Arc<AtomicI64>,
    /// Microseconds that have gone by since `start`.
    gone_by: Arc<AtomicU64>,
    start: Instant,
}

impl ManualClock {
    /// A clock that stands at `start`, to the microsecond.
    pub fn at(start: Timestamp) -> Self {
        Self {
            now: Arc::new(AtomicI64::new(start.as_microsecond())),
            gone_by: Arc::default(),
            start: Instant::now(),
        }
    }

    /// So much time goes by. Time that is negative does not: the clock is set back by it.
    pub fn advance(&self, by: SignedDuration) {
        self.jump(by);
        let gone_by = u64::try_from(by.as_micros()).unwrap_or(0);
        self.gone_by.fetch_add(gone_by, Ordering::SeqCst);
    }

    /// The clock is set, forwards or back; no time goes by.
    pub fn jump(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros())
            .expect("a test moves its clock by less than 292,000 years");
        self.now.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now.load(Ordering::SeqCst))
            .expect("a test keeps its clock within jiff's range")
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_micros(self.gone_by.load(Ordering::SeqCst))
    }
}

/// A clock that never goes back: what has expired stays so, and nothing is drawn out. When the clock
/// beneath it is set forwards it follows, since a machine that was asleep is right to; when that one is
/// set back, it goes on by itself from where it was. Clones share the same time.
#[derive(Debug, Clone)]
pub struct SteadyClock(Arc<Steady>);

#[derive(Debug)]
struct Steady {
    beneath: Arc<dyn Clock>,
    /// A time, and when it was so.
    anchor: Mutex<(Timestamp, Instant)>,
}

impl SteadyClock {
    /// Begins at the time of `beneath`.
    pub fn over(beneath: Arc<dyn Clock>) -> Self {
        let anchor = Mutex::new((beneath.now(), beneath.instant()));
        Self(Arc::new(Steady { beneath, anchor }))
    }

    /// It has been `then` already: from now on it is not earlier.
    pub fn not_before(&self, then: Timestamp) {
        let mut anchor = self.anchor();
        let instant = self.0.beneath.instant();
        if since(*anchor, instant) < then {
            *anchor = (then, instant);
        }
    }

    /// How much further it is than the clock beneath it, which was set back by so much; zero on a good
    /// day.
    pub fn lead(&self) -> SignedDuration {
        self.now().duration_since(self.0.beneath.now())
    }

    fn anchor(&self) -> std::sync::MutexGuard<'_, (Timestamp, Instant)> {
        lock(&self.0.anchor)
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let mut anchor = self.anchor();
        // In this order: what comes between the two makes it late, and never early.
        let now = self.0.beneath.now();
        let instant = self.0.beneath.instant();
        let steady = since(*anchor, instant);
        if now < steady {
            return steady;
        }
        *anchor = (now, instant);
        now
    }

    fn instant(&self) -> Instant {
        self.0.beneath.instant()
    }
}

/// What time it is at `instant`, if it was `then` at `at`.
fn since((then, at): (Timestamp, Instant), instant: Instant) -> Timestamp {
    let gone_by = instant.saturating_duration_since(at);
    SignedDuration::try_from(gone_by)
        .ok()
        .and_then(|gone_by| then.checked_add(gone_by).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks() -> (ManualClock, SteadyClock) {
        let manual = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
        let steady = SteadyClock::over(Arc::new(manual.clone()));
        (manual, steady)
    }

    fn minutes(of: i64) -> SignedDuration {
        SignedDuration::from_mins(of)
    }

    #[test]
    fn it_goes_with_the_clock_beneath_it() {
        let (manual, steady) = clocks();
        for _ in 0..3 {
            assert_eq!(steady.now(), manual.now());
            manual.advance(minutes(7));
        }
        manual.jump(minutes(20));
        assert_eq!(steady.now(), manual.now(), "forwards it follows");
        assert_eq!(steady.lead(), SignedDuration::ZERO);
    }

    #[test]
    fn set_back_it_goes_on_from_where_it_was_and_no_slower() {
        let (manual, steady) = clocks();
        let start = steady.now();
        manual.jump(minutes(-20));
        assert_eq!(steady.now(), start);
        manual.advance(minutes(5));
        assert_eq!(steady.now(), start + minutes(5), "time goes by");
        assert_eq!(steady.lead(), minutes(20));
        manual.jump(minutes(-20));
        assert_eq!(steady.now(), start + minutes(5));
        manual.jump(minutes(60));
        assert_eq!(steady.now(), start + minutes(25), "the clock is further");
        assert_eq!(steady.lead(), SignedDuration::ZERO);
    }

    #[test]
    fn it_is_not_earlier_than_it_has_been_already() {
        let (manual, steady) = clocks();
        let start = steady.now();
        steady.not_before(start - minutes(1));
        assert_eq!(steady.now(), start);
        steady.not_before(start + minutes(20));
        assert_eq!(steady.now(), start + minutes(20));
        manual.advance(minutes(1));
        assert_eq!(steady.now(), start + minutes(21));
    }

    #[test]
    fn over_the_machines_clock_it_never_goes_back_and_is_never_early() {
        let steady = SteadyClock::over(Arc::new(SystemClock));
        let mut last = steady.now();
        for _ in 0..10_000 {
            let now = steady.now();
            assert!(now >= last);
            last = now;
        }
        let after = Timestamp::now();
        assert!(
            last <= after + SignedDuration::from_millis(50),
            "{last} {after}"
        );
    }
}
