//! Limits on the attempts at a password, or at a code that people type.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

const FREE_FAILURES_PER_NAME: u32 = 5;
const MAX_WAIT_PER_NAME: SignedDuration = SignedDuration::from_mins(15);
// Guesses of one password for all names are slowed too, but never long enough to lock people out.
const FREE_FAILURES_ALL_NAMES: u32 = 100;
const MAX_WAIT_ALL_NAMES: SignedDuration = SignedDuration::from_secs(5);
const FAILURE_RETENTION: SignedDuration = SignedDuration::from_hours(1);
const MAX_NAMES: usize = 10_000;

/// Recent failures, by username and in total. An attempt counts as a failure from its start, so that
/// many at once gain nothing; success removes it.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    names: HashMap<String, Tally>,
    all: Tally,
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    failures: u32,
    last: Timestamp,
}

impl Throttle {
    /// Counts an attempt and allows it; the error is the time to wait.
    pub(crate) fn begin(&mut self, username: &str, now: Timestamp) -> Result<(), SignedDuration> {
        let name = shortened(username);
        let mine = self.names.get(name).copied().unwrap_or_default().at(now);
        let all = self.all.at(now);
        let wait = mine
            .wait(FREE_FAILURES_PER_NAME, MAX_WAIT_PER_NAME, now)
            .max(all.wait(FREE_FAILURES_ALL_NAMES, MAX_WAIT_ALL_NAMES, now));
        if wait > SignedDuration::ZERO {
            return Err(wait);
        }
        self.make_room(name, now);
        self.names.insert(name.to_owned(), mine.and_one(now));
        self.all = all.and_one(now);
        Ok(())
    }

    /// Removes the attempt that [`Throttle::begin`] counted, and all of the name's failures.
    pub(crate) fn forgive(&mut self, username: &str) {
        self.names.remove(shortened(username));
        self.all.failures = self.all.failures.saturating_sub(1);
    }

    fn make_room(&mut self, name: &str, now: Timestamp) {
        if self.names.len() < MAX_NAMES || self.names.contains_key(name) {
            return;
        }
        self.names.retain(|_, tally| tally.at(now).failures > 0);
        if self.names.len() >= MAX_NAMES {
            let oldest = self
                .names
                .iter()
                .min_by_key(|(_, tally)| tally.last)
                .map(|(name, _)| name.clone());
            oldest.and_then(|name| self.names.remove(&name));
        }
    }
}

impl Tally {
    fn at(self, now: Timestamp) -> Self {
        if now.duration_since(self.last) > FAILURE_RETENTION {
            Self::default()
        } else {
            self
        }
    }

    fn and_one(self, now: Timestamp) -> Self {
        Self {
            failures: self.failures.saturating_add(1),
            last: now,
        }
    }

    fn wait(self, free: u32, longest: SignedDuration, now: Timestamp) -> SignedDuration {
        if self.failures < free {
            return SignedDuration::ZERO;
        }
        let doublings = (self.failures - free).min(20);
        let wait = SignedDuration::from_secs(1 << doublings).min(longest);
        (wait - now.duration_since(self.last)).max(SignedDuration::ZERO)
    }
}

/// Shortens a username to the limit of 64 characters; longer ones, which do not exist, share a tally.
fn shortened(username: &str) -> &str {
    let end = username
        .char_indices()
        .nth(64)
        .map_or(username.len(), |(at, _)| at);
    &username[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn the_sixth_failure_waits_a_second_and_the_seventh_two() {
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            throttle.begin("ada", at(0)).unwrap();
        }
        let refused = |seconds| Err(SignedDuration::from_secs(seconds));
        assert_eq!(throttle.begin("ada", at(0)), refused(1));
        assert_eq!(throttle.begin("bob", at(0)), Ok(()));
        assert_eq!(throttle.begin("ada", at(1)), Ok(()));
        assert_eq!(throttle.begin("ada", at(1)), refused(2));
        assert_eq!(throttle.begin("ada", at(4000)), Ok(()));
        assert_eq!(throttle.begin("ada", at(4000)), Ok(()));
    }

    #[test]
    fn the_wait_is_never_longer_than_a_quarter_of_an_hour() {
        let mut tally = Tally::default();
        for _ in 0..1000 {
            tally = tally.and_one(at(0));
        }
        assert_eq!(
            tally.wait(FREE_FAILURES_PER_NAME, MAX_WAIT_PER_NAME, at(0)),
            MAX_WAIT_PER_NAME
        );
    }

    #[test]
    fn guessing_over_many_names_is_slowed_and_bounded_in_memory() {
        let mut throttle = Throttle::default();
        for n in 0..100 {
            throttle.begin(&format!("name{n}"), at(0)).unwrap();
        }
        assert!(throttle.begin("other", at(0)).is_err());
        for n in 0..20_000 {
            throttle
                .begin(&format!("name{n}"), at(10 * (n + 1)))
                .unwrap();
        }
        assert!(throttle.names.len() <= MAX_NAMES);
    }

    #[test]
    fn success_is_forgiven() {
        let mut throttle = Throttle::default();
        for _ in 0..1000 {
            throttle.begin("ada", at(0)).unwrap();
            throttle.forgive("ada");
        }
    }
}
