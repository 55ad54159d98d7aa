//! The device flow, RFC 8628: `POST /devicecode`, and the codes between device and person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use skykey_types::{random_bytes, random_token};

use super::Iam;
use super::answer::{OAuthError, fresh_json};
use super::clients::GrantType;
use super::params::Params;
use super::scope::Scope;
use super::tokens::{Grant, hash_of};
use crate::throttle::Throttle;

const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(10);
const POLL_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
const MAX_PENDING: usize = 1_000;
// No vowels, so no words, and no letters that look alike (RFC 8628 §6.1).
const USER_CODE_LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Returns a code for the device and one for the person.
pub(super) async fn device_code(
    State(iam): State<Arc<Iam>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    let params = Params::parse(&body)?;
    let client = iam.clients.authenticate(&headers, &params)?;
    // INDIGO's endpoint requires it for every kind of client authentication.
    if params.find("client_id").is_none() {
        return Err(OAuthError::invalid_request("the form has no client_id"));
    }
    client.allows(GrantType::DeviceCode)?;
    let scope = client.scope(params.find("scope"))?.of_a_person();
    let (device_code, user_code) = iam
        .devices
        .begin(&client.client_id, scope, iam.clock.now())?;
    let page = iam.url("device");
    let body = json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": CODE_LIFETIME.as_secs(),
        "interval": POLL_INTERVAL.as_secs(),
    });
    Ok(fresh_json(StatusCode::OK, body))
}

/// Pending requests of devices, in memory only; after a restart a new code is needed.
#[derive(Debug, Default)]
pub(super) struct Devices {
    /// By the hash of the device code.
    waiting: Mutex<HashMap<String, Request>>,
    /// Wrong codes by person, against guessing another person's code.
    guesses: Mutex<Throttle>,
}

#[derive(Debug)]
struct Request {
    user_code: String,
    client_id: String,
    scope: Scope,
    begun: Timestamp,
    interval: SignedDuration,
    polled: Option<Timestamp>,
    decision: Option<Decision>,
}

#[derive(Debug, Clone)]
enum Decision {
    Approved(Grant),
    Denied,
}

/// The request that a person approves or denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) user_code: String,
    pub(super) client_id: String,
    pub(super) scope: Scope,
}

/// Why a person's code is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserCodeError {
    Unknown,
    Throttled(SignedDuration),
}

impl Devices {
    fn begin(
        &self,
        client_id: &str,
        scope: Scope,
        now: Timestamp,
    ) -> Result<(String, String), OAuthError> {
        let mut waiting = self.waiting();
        waiting.retain(|_, request| now.duration_since(request.begun) < CODE_LIFETIME);
        if waiting.len() >= MAX_PENDING {
            return Err(OAuthError::new(
                "temporarily_unavailable",
                "too many devices are waiting; try again later",
            ));
        }
        let (device_code, user_code) = (random_token(32), new_user_code());
        let request = Request {
            user_code: user_code.clone(),
            client_id: client_id.to_owned(),
            scope,
            begun: now,
            interval: POLL_INTERVAL,
            polled: None,
            decision: None,
        };
        waiting.insert(hash_of(&device_code), request);
        Ok((device_code, user_code))
    }

    /// Returns the grant once, after the person has approved (RFC 8628 §3.5).
    pub(super) fn poll(
        &self,
        device_code: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Grant, OAuthError> {
        let mut waiting = self.waiting();
        let key = hash_of(device_code);
        let Some(request) = waiting
            .get_mut(&key)
            .filter(|request| request.client_id == client_id)
        else {
            return Err(OAuthError::invalid_grant("the device code is not valid"));
        };
        if now.duration_since(request.begun) >= CODE_LIFETIME {
            waiting.remove(&key);
            return Err(OAuthError::new(
                "expired_token",
                "the device code has expired; request a new one",
            ));
        }
        match request.decision.clone() {
            Some(Decision::Approved(grant)) => {
                waiting.remove(&key);
                Ok(grant)
            }
            Some(Decision::Denied) => {
                waiting.remove(&key);
                Err(OAuthError::new(
                    "access_denied",
                    "the person denied the request",
                ))
            }
            None => {
                let last = request.polled.replace(now);
                if last.is_some_and(|last| now.duration_since(last) < request.interval) {
                    request.interval += POLL_INTERVAL;
                    let why = format!("poll every {} seconds at most", request.interval.as_secs());
                    return Err(OAuthError::new("slow_down", why));
                }
                Err(OAuthError::new(
                    "authorization_pending",
                    "the person has not answered yet",
                ))
            }
        }
    }

    /// Returns the request of the code that the person `sub` typed.
    pub(super) fn question(
        &self,
        typed: &str,
        sub: &str,
        now: Timestamp,
    ) -> Result<Question, UserCodeError> {
        self.with_request(typed, sub, now, |request| Question {
            user_code: request.user_code.clone(),
            client_id: request.client_id.clone(),
            scope: request.scope.clone(),
        })
    }

    /// Records the person's decision.
    pub(super) fn decide(
        &self,
        typed: &str,
        sub: &str,
        auth_time: Timestamp,
        approve: bool,
        now: Timestamp,
    ) -> Result<(), UserCodeError> {
        self.with_request(typed, sub, now, |request| {
            let grant = || {
                Grant::new(
                    &request.client_id,
                    sub,
                    request.scope.clone(),
                    auth_time,
                    None,
                )
            };
            request.decision = Some(if approve {
                Decision::Approved(grant())
            } else {
                Decision::Denied
            });
        })
    }

    fn with_request<R>(
        &self,
        typed: &str,
        sub: &str,
        now: Timestamp,
        act: impl FnOnce(&mut Request) -> R,
    ) -> Result<R, UserCodeError> {
        let mut guesses = self.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        guesses.begin(sub, now).map_err(UserCodeError::Throttled)?;
        let typed: String = typed
            .chars()
            .filter(char::is_ascii_alphabetic)
            .collect::<String>()
            .to_ascii_uppercase();
        let mut waiting = self.waiting();
        let request = waiting.values_mut().find(|request| {
            request.user_code.replace('-', "") == typed
                && request.decision.is_none()
                && now.duration_since(request.begun) < CODE_LIFETIME
        });
        let request = request.ok_or(UserCodeError::Unknown)?;
        guesses.forgive(sub);
        Ok(act(request))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Request>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Eight letters, `BCDF-GHJK`: 34 bits.
fn new_user_code() -> String {
    let mut code = String::with_capacity(9);
    while code.len() < 9 {
        if code.len() == 4 {
            code.push('-');
        }
        // 240 is a multiple of 20: no letter is likelier than another.
        let [byte] = random_bytes::<1>();
        if byte < 240 {
            code.push(char::from(USER_CODE_LETTERS[usize::from(byte % 20)]));
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn polling_too_fast_is_slowed_down() {
        let devices = Devices::default();
        let (code, _) = devices.begin("cli", Scope::default(), at(0)).unwrap();
        let poll = |seconds| devices.poll(&code, "cli", at(seconds)).unwrap_err().code;
        assert_eq!(poll(0), "authorization_pending");
        assert_eq!(poll(4), "slow_down");
        assert_eq!(poll(13), "slow_down");
        assert_eq!(poll(28), "authorization_pending");
        assert_eq!(poll(600), "expired_token");
        assert_eq!(poll(600), "invalid_grant");
    }

    #[test]
    fn a_code_belongs_to_its_client_and_is_given_out_once() {
        let devices = Devices::default();
        let (code, user_code) = devices.begin("cli", Scope::from("openid"), at(0)).unwrap();
        let sloppy = user_code.to_lowercase().replace('-', " ");
        assert_eq!(
            devices.question(&sloppy, "sub", at(0)).unwrap().user_code,
            user_code
        );
        devices.decide(&sloppy, "sub", at(0), true, at(1)).unwrap();
        assert_eq!(
            devices.poll(&code, "web", at(1)).unwrap_err().code,
            "invalid_grant"
        );
        assert_eq!(devices.poll(&code, "cli", at(1)).unwrap().sub, "sub");
        assert_eq!(
            devices.poll(&code, "cli", at(1)).unwrap_err().code,
            "invalid_grant"
        );
    }

    #[test]
    fn a_person_who_guesses_codes_is_throttled() {
        let devices = Devices::default();
        for _ in 0..5 {
            assert_eq!(
                devices.question("BBBB-BBBB", "sub", at(0)),
                Err(UserCodeError::Unknown)
            );
        }
        assert!(matches!(
            devices.question("BBBB-BBBB", "sub", at(0)),
            Err(UserCodeError::Throttled(_))
        ));
        assert_eq!(
            devices.question("BBBB-BBBB", "other", at(0)),
            Err(UserCodeError::Unknown)
        );
    }

    #[test]
    fn a_user_code_has_eight_letters_without_vowels() {
        let code = new_user_code();
        assert_eq!((code.len(), code.find('-')), (9, Some(4)));
        assert!(
            code.bytes()
                .all(|b| b == b'-' || USER_CODE_LETTERS.contains(&b))
        );
    }
}
