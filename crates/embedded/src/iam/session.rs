//! Web sessions: a cookie that says who a browser is, and the value that proves a form is ours.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use jiff::{SignedDuration, Timestamp};
use skykey_types::{random_bytes, random_token};

use super::tokens::hash_of;

// Cookies ignore ports, and several services share 127.0.0.1: the name must be ours alone.
const COOKIE: &str = "skykey_iam";
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(8);
const MAX_SESSIONS: usize = 10_000;

/// The sessions, in memory and by the hash of the cookie.
pub(super) struct Sessions {
    csrf_key: hmac::Key,
    secure: bool,
    live: Mutex<HashMap<String, Session>>,
}

/// A person's login.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) sub: String,
    pub(super) auth_time: Timestamp,
}

impl Sessions {
    pub(super) fn new(secure: bool) -> Self {
        let csrf_key = hmac::Key::new(hmac::HMAC_SHA256, &random_bytes::<32>());
        Self {
            csrf_key,
            secure,
            live: Mutex::default(),
        }
    }

    /// Begins a session, always with a new cookie.
    pub(super) fn begin(&self, sub: &str, now: Timestamp) -> HeaderValue {
        let id = random_token(32);
        let mut sessions = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| now.duration_since(session.auth_time) < SESSION_LIFETIME);
        if sessions.len() >= MAX_SESSIONS {
            let oldest = sessions
                .iter()
                .min_by_key(|(_, session)| session.auth_time)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| sessions.remove(&key));
        }
        sessions.insert(
            hash_of(&id),
            Session {
                sub: sub.to_owned(),
                auth_time: now,
            },
        );
        self.set_cookie(&id)
    }

    pub(super) fn find(&self, headers: &HeaderMap, now: Timestamp) -> Option<Session> {
        let key = hash_of(&cookie(headers)?);
        let sessions = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        sessions
            .get(&key)
            .filter(|session| now.duration_since(session.auth_time) < SESSION_LIFETIME)
            .cloned()
    }

    /// Ends the session, and returns a cookie that deletes the browser's.
    pub(super) fn end(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(id) = cookie(headers) {
            self.live
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&hash_of(&id));
        }
        self.set_cookie("")
    }

    /// The value of the field `csrf` for this browser, and the cookie to set if it has none yet.
    pub(super) fn csrf(&self, headers: &HeaderMap) -> (String, Option<HeaderValue>) {
        if let Some(id) = cookie(headers) {
            return (self.csrf_of(&id), None);
        }
        let id = random_token(32);
        (self.csrf_of(&id), Some(self.set_cookie(&id)))
    }

    /// Whether a form or a call comes from this site's page in this browser: the value belongs to the
    /// cookie, and the browser names no other origin.
    pub(super) fn is_ours(&self, headers: &HeaderMap, csrf: &str) -> bool {
        let origin_ok = match (headers.get(ORIGIN), headers.get(HOST)) {
            (None, _) => true,
            (Some(origin), Some(host)) => {
                let origin = origin.as_bytes();
                let authority = origin
                    .strip_prefix(b"http://")
                    .or_else(|| origin.strip_prefix(b"https://"));
                authority == Some(host.as_bytes())
            }
            (Some(_), None) => false,
        };
        let Some(id) = cookie(headers) else {
            return false;
        };
        let Ok(tag) = hex::decode(csrf) else {
            return false;
        };
        origin_ok && hmac::verify(&self.csrf_key, id.as_bytes(), &tag).is_ok()
    }

    fn csrf_of(&self, id: &str) -> String {
        hex::encode(hmac::sign(&self.csrf_key, id.as_bytes()))
    }

    fn set_cookie(&self, value: &str) -> HeaderValue {
        let mut cookie = Cookie::build((COOKIE, value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .build();
        if value.is_empty() {
            cookie.make_removal();
        }
        HeaderValue::from_str(&cookie.to_string())
            .expect("a cookie of letters and digits is a header value")
    }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    let value = jar.get(COOKIE)?.value();
    (!value.is_empty() && value.len() <= 64).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE as COOKIE_HEADER;

    use super::*;

    fn browser(set_cookie: &HeaderValue) -> HeaderMap {
        let pair = set_cookie.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([
            (COOKIE_HEADER, pair.parse().unwrap()),
            (HOST, "127.0.0.1:80".parse().unwrap()),
        ])
    }

    #[test]
    fn a_session_ends_after_eight_hours_or_by_logout() {
        let sessions = Sessions::new(false);
        let now = Timestamp::UNIX_EPOCH;
        let cookie = sessions.begin("sub", now);
        assert!(
            cookie
                .to_str()
                .unwrap()
                .ends_with("; HttpOnly; SameSite=Lax; Path=/"),
            "{cookie:?}"
        );
        let headers = browser(&cookie);
        assert_eq!(sessions.find(&headers, now).unwrap().sub, "sub");
        assert!(sessions.find(&headers, now + SESSION_LIFETIME).is_none());
        sessions.end(&headers);
        assert!(sessions.find(&headers, now).is_none());
    }

    #[test]
    fn a_form_is_ours_with_the_value_of_its_own_browser_and_no_foreign_origin() {
        let sessions = Sessions::new(true);
        let (csrf, cookie) = sessions.csrf(&HeaderMap::new());
        let mut headers = browser(&cookie.unwrap());
        assert_eq!(sessions.csrf(&headers), (csrf.clone(), None));
        assert!(sessions.is_ours(&headers, &csrf));
        assert!(!sessions.is_ours(&headers, "") && !sessions.is_ours(&headers, "zz"));
        assert!(!sessions.is_ours(
            &browser(&sessions.begin("sub", Timestamp::UNIX_EPOCH)),
            &csrf
        ));
        headers.insert(ORIGIN, "http://127.0.0.1:80".parse().unwrap());
        assert!(sessions.is_ours(&headers, &csrf));
        for foreign in ["http://127.0.0.1:81", "https://evil.example", "null"] {
            headers.insert(ORIGIN, foreign.parse().unwrap());
            assert!(!sessions.is_ours(&headers, &csrf), "{foreign}");
        }
    }
}
