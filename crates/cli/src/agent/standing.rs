//! What an agent knows: the last credentials or the last no, and how long that may be told from memory.

use std::sync::Arc;

use serde_json::{Value, json};
use skykey_client::{GrantedLease, MIN_LEASE_VALIDITY};
use skykey_types::{SignedDuration, Timestamp};

use crate::endpoint::Refusal;

/// Poll interval until a lease tells the portal's own.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// Poll interval while the portal cannot be reached.
const WHILE_AWAY: SignedDuration = SignedDuration::from_secs(10);
/// Longest poll interval after a refusal.
const SELDOM: SignedDuration = SignedDuration::from_mins(5);
/// How late an answer of the portal may be before the agent's memory is too old to be served:
/// longer than the client waits for the slowest portal.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// Credentials, or why there are none.
pub(super) type Known = Result<Arc<GrantedLease>, Refusal>;

/// What has become different, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    None,
    /// There are credentials again.
    Ready,
    /// Nobody can say, and there are none.
    Away(String),
    /// A no.
    Refused(String),
}

pub(super) struct Memory {
    known: Option<Known>,
    /// What went wrong while what is known is still good.
    trouble: Option<String>,
    /// What went wrong with files.
    files: Option<String>,
    looked: Timestamp,
    /// As often as the last lease says.
    look_every: SignedDuration,
    /// Since when there is a no.
    since: Timestamp,
}

impl Memory {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            known: None,
            trouble: None,
            files: None,
            looked: now,
            look_every: LOOK_EVERY,
            since: now,
        }
    }

    /// Remembers what was told. Where nobody could say, credentials that are still good stay.
    pub(super) fn take_in(&mut self, told: Known, now: Timestamp) -> Turn {
        self.looked = now;
        let was_ready = matches!(self.known, Some(Ok(_)));
        let was_refused = self.is_refused();
        let turn = match &told {
            Ok(granted) => {
                let seconds = granted.lease.after_removal.seen_within.clamp(1, 300);
                self.look_every = SignedDuration::from_secs(seconds);
                if was_ready || self.known.is_none() {
                    Turn::None
                } else {
                    Turn::Ready
                }
            }
            Err(no) if no.is_final => {
                if was_refused {
                    Turn::None
                } else {
                    self.since = now;
                    Turn::Refused(no.message.clone())
                }
            }
            Err(no) => {
                let still_good = matches!(&self.known, Some(Ok(granted)) if is_good(granted, now));
                if still_good {
                    self.trouble = Some(no.message.clone());
                    return Turn::None;
                }
                if was_refused {
                    // Nobody has said yes since.
                    self.trouble = Some(no.message.clone());
                    return Turn::None;
                }
                if matches!(self.known, Some(Err(_))) {
                    Turn::None
                } else {
                    Turn::Away(no.message.clone())
                }
            }
        };
        self.trouble = None;
        self.known = Some(told);
        turn
    }

    /// Whether nothing was told yet.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_none()
    }

    /// Remembers how writing files went; whether that is different.
    pub(super) fn files(&mut self, trouble: Option<String>) -> bool {
        let is_new = self.files != trouble;
        self.files = trouble;
        is_new
    }

    /// What can be told without asking; nothing if that is too old, as after a sleep of the machine, or if
    /// the credentials have ended.
    pub(super) fn answer(&self, now: Timestamp) -> Option<Known> {
        let age = now.duration_since(self.looked).abs();
        match self.known.as_ref()? {
            _ if age >= self.interval(self.looked) + GRACE => None,
            Ok(granted) if !is_good(granted, now) => None,
            known => Some(known.clone()),
        }
    }

    /// Returns how long to wait before the next request to the portal.
    pub(super) fn next_look(&self, now: Timestamp) -> SignedDuration {
        let age = now.duration_since(self.looked).abs();
        (self.interval(self.looked) - age).max(SignedDuration::from_millis(100))
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.known.is_none()
            || self.answer(now).is_none()
            || now.duration_since(self.looked).abs() >= self.interval(self.looked)
    }

    /// `GET /health`: whether there are credentials, and the body.
    pub(super) fn health(&self, survey: &str, now: Timestamp) -> (bool, Value) {
        let (state, left) = match &self.known {
            None => ("starting", None),
            Some(Ok(granted)) if is_good(granted, now) => {
                let end = granted.credentials.expiration;
                ("ready", end.map(|end| end.duration_since(now).as_secs()))
            }
            Some(Err(no)) if no.is_final => ("refused", None),
            Some(_) => ("away", None),
        };
        let error = match &self.known {
            Some(Err(no)) => Some(&no.message),
            _ => self.trouble.as_ref().or(self.files.as_ref()),
        };
        let body = json!({
            "state": state, "survey": survey, "seconds_left": left, "error": error,
        });
        (state == "ready", body)
    }

    /// From one look, made at `looked`, to the next.
    fn interval(&self, looked: Timestamp) -> SignedDuration {
        match &self.known {
            Some(Ok(granted)) => {
                // In time for the next ones.
                let until = granted.credentials.expiration.map_or(SELDOM, |end| {
                    end.duration_since(looked)
                        .saturating_sub(MIN_LEASE_VALIDITY)
                });
                if until > SignedDuration::ZERO {
                    self.look_every.min(until)
                } else {
                    self.look_every
                }
            }
            // Often at first, since a person removed by mistake waits; the portal records each
            // refusal.
            Some(Err(no)) if no.is_final => (looked.duration_since(self.since) / 4)
                .max(self.look_every)
                .min(SELDOM.max(self.look_every)),
            None | Some(Err(_)) => WHILE_AWAY,
        }
    }

    fn is_refused(&self) -> bool {
        matches!(&self.known, Some(Err(no)) if no.is_final)
    }
}

fn is_good(granted: &GrantedLease, now: Timestamp) -> bool {
    granted.credentials.expiration.is_none_or(|end| end > now)
}

#[cfg(test)]
mod tests {
    use skykey_client::{AfterRemoval, LeaseSummary, Place};
    use skykey_types::{AccessKeyId, Credentials};

    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn after(seconds: i64) -> Timestamp {
        START + SignedDuration::from_secs(seconds)
    }

    fn granted(until: i64) -> GrantedLease {
        GrantedLease {
            lease: LeaseSummary {
                id: "lease-1".to_owned(),
                survey: "m13".to_owned(),
                access: "read".to_owned(),
                method: "gateway".to_owned(),
                issued: START,
                expires: Some(after(until)),
                state: "live".to_owned(),
                after_removal: AfterRemoval {
                    seen_within: 20,
                    ..AfterRemoval::default()
                },
                ..LeaseSummary::default()
            },
            credentials: Credentials {
                access_key_id: AccessKeyId::new("AK"),
                secret_access_key: "SK".to_owned().into(),
                session_token: None,
                expiration: Some(after(until)),
            },
            place: Place {
                endpoint: "http://127.0.0.1:1/".to_owned(),
                region: "r".to_owned(),
                prefixes: Vec::new(),
            },
        }
    }

    fn no(is_final: bool) -> Known {
        Err(Refusal {
            is_final,
            code: "c".to_owned(),
            message: if is_final { "no" } else { "away" }.to_owned(),
        })
    }

    fn state(memory: &Memory, seconds: i64) -> String {
        let (is_ready, body) = memory.health("m13", after(seconds));
        assert_eq!(is_ready, body["state"] == "ready");
        format!("{} {}", body["state"].as_str().unwrap(), body["error"])
    }

    #[test]
    fn credentials_are_told_until_they_end_or_the_memory_is_too_old() {
        let mut memory = Memory::new(START);
        assert!(memory.answer(START).is_none() && memory.is_due(START));
        assert_eq!(
            memory.take_in(Ok(Arc::new(granted(3600))), START),
            Turn::None
        );
        assert!(memory.answer(after(79)).unwrap().is_ok());
        assert!(!memory.is_due(after(19)) && memory.is_due(after(20)));
        // The machine slept, or its clock was set back.
        assert!(memory.answer(after(80)).is_none() && memory.answer(after(-80)).is_none());
        memory.take_in(Ok(Arc::new(granted(3600))), after(3590));
        assert!(memory.answer(after(3600)).is_none());
        assert_eq!(state(&memory, 3600), "away null");
    }

    #[test]
    fn it_looks_as_often_as_the_lease_says_and_in_time_for_the_next_one() {
        let mut memory = Memory::new(START);
        let mut wait = |until: i64| {
            memory.take_in(Ok(Arc::new(granted(until))), START);
            memory.next_look(START).as_secs()
        };
        assert_eq!(wait(3600), 20);
        // 20 minutes are left in 5 s.
        assert_eq!(wait(1205), 5);
        // It cannot be renewed just now.
        assert_eq!(wait(1199), 20);
    }

    #[test]
    fn a_portal_that_is_away_takes_nothing_that_is_good() {
        let mut memory = Memory::new(START);
        memory.take_in(Ok(Arc::new(granted(100))), START);
        assert_eq!(memory.take_in(no(false), after(20)), Turn::None);
        assert!(memory.answer(after(20)).unwrap().is_ok());
        assert_eq!(state(&memory, 20), "ready \"away\"");
        assert_eq!(
            memory.take_in(no(false), after(100)),
            Turn::Away("away".to_owned())
        );
        assert_eq!(memory.take_in(no(false), after(110)), Turn::None);
        assert_eq!(state(&memory, 110), "away \"away\"");
        assert_eq!(memory.next_look(after(110)).as_secs(), 10);
        assert_eq!(
            memory.take_in(Ok(Arc::new(granted(3600))), after(120)),
            Turn::Ready
        );
    }

    #[test]
    fn a_no_is_told_at_once_and_said_once_and_outlasts_an_outage() {
        let mut memory = Memory::new(START);
        memory.take_in(Ok(Arc::new(granted(3600))), START);
        assert_eq!(
            memory.take_in(no(true), after(20)),
            Turn::Refused("no".to_owned())
        );
        assert!(memory.answer(after(21)).unwrap().is_err());
        assert_eq!(memory.take_in(no(true), after(40)), Turn::None);
        // Nobody has said yes meanwhile.
        assert_eq!(memory.take_in(no(false), after(60)), Turn::None);
        assert!(memory.answer(after(61)).unwrap().unwrap_err().is_final);
        assert_eq!(memory.next_look(after(60)).as_secs(), 20, "often at first");
        memory.take_in(no(true), after(20 + 400));
        assert_eq!(memory.next_look(after(420)).as_secs(), 100);
        memory.take_in(no(true), after(86_400));
        assert_eq!(memory.next_look(after(86_400)).as_secs(), 300);
        assert_eq!(
            memory.take_in(Ok(Arc::new(granted(90_000))), after(86_700)),
            Turn::Ready
        );
        assert_eq!(state(&memory, 86_700), "ready null");
    }

    #[test]
    fn trouble_with_files_is_said_once_and_shown() {
        let mut memory = Memory::new(START);
        memory.take_in(Ok(Arc::new(granted(3600))), START);
        assert!(memory.files(Some("disk full".to_owned())));
        assert!(!memory.files(Some("disk full".to_owned())));
        assert_eq!(state(&memory, 1), "ready \"disk full\"");
        assert!(memory.files(None));
    }
}
