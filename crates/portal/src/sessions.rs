//! Web sessions: a browser's login at the portal. They are in memory only. After a restart the IAM still
//! has the person's login, so one click logs them in again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, HeaderValue, header};
use axum_extra::extract::CookieJar;
use skykey_broker::Caller;
use skykey_iam::{Login, LoginStart};
use skykey_types::{Clock, Secret, SignedDuration, Timestamp, lock, random_token};

/// The cookie with the id of a web session. Cookies are shared between ports, so the name is the
/// portal's own.
pub const SESSION_COOKIE: &str = "skykey_portal";
/// The cookie with the id of a pending login.
const LOGIN_COOKIE: &str = "skykey_portal_login";

const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(8);
const LOGIN_LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// How many there may be; beyond it the oldest go.
const MAX_ENTRIES: usize = 10_000;

/// A browser's login.
#[derive(Debug, Clone)]
pub(crate) struct WebSession {
    pub(crate) caller: Caller,
    pub(crate) name: String,
    /// The token of every form.
    pub(crate) csrf: Secret,
    token_ends: Timestamp,
}

/// Characters in an id.
const ID_CHARS: usize = 32;

/// Entries with an expiry.
type Expiring<K, T> = Mutex<HashMap<K, (Timestamp, T)>>;

/// All web sessions and all pending logins.
#[derive(Debug)]
pub(crate) struct Sessions {
    clock: Arc<dyn Clock>,
    secure: bool,
    live: Mutex<HashMap<String, (Timestamp, WebSession)>>,
    logins: Expiring<(String, Hash), Arc<LoginStart>>,
}

impl Sessions {
    /// `secure`: the portal is served by https, so browsers send its cookies by https only.
    pub(crate) fn new(clock: Arc<dyn Clock>, secure: bool) -> Self {
        Self {
            clock,
            secure,
            live: Mutex::default(),
            logins: Mutex::default(),
        }
    }

    /// Returns the live session of the request's cookie.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Option<WebSession> {
        let id = cookie(headers, SESSION_COOKIE)?;
        let now = self.clock.now();
        let mut session = lock(&self.live)
            .get(&id)
            .filter(|(end, _)| *end > now)?
            .1
            .clone();
        if session.token_ends <= now {
            session.caller.iam_token = None;
        }
        Some(session)
    }

    /// Opens a session, and returns its cookie.
    pub(crate) fn open(&self, login: Login) -> HeaderValue {
        let session = WebSession {
            caller: Caller {
                id: login.id,
                username: login.username,
                iam_token: Some(login.access_token),
            },
            name: login.name,
            csrf: Secret::new(random_token(32)),
            token_ends: login.expires,
        };
        let id = random_token(32);
        keep(
            &self.live,
            id.clone(),
            self.clock.now(),
            SESSION_LIFETIME,
            session,
        );
        self.set_cookie(SESSION_COOKIE, &id, SESSION_LIFETIME)
    }

    /// Ends the session of the request's cookie, and returns a cookie that deletes it.
    pub(crate) fn close(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(id) = cookie(headers, SESSION_COOKIE) {
            lock(&self.live).remove(&id);
        }
        self.set_cookie(SESSION_COOKIE, "", SignedDuration::ZERO)
    }

    /// Stores a pending login for this browser, which may have others in other tabs.
    pub(crate) fn begin(&self, headers: &HeaderMap, start: LoginStart) -> HeaderValue {
        let id = cookie(headers, LOGIN_COOKIE).filter(|id| is_ours(id));
        let id = id.unwrap_or_else(|| random_token(ID_CHARS));
        keep(
            &self.logins,
            (id.clone(), hash(&start.state)),
            self.clock.now(),
            LOGIN_LIFETIME,
            Arc::new(start),
        );
        self.set_cookie(LOGIN_COOKIE, &id, LOGIN_LIFETIME)
    }

    /// Returns and removes the pending login of this browser with this `state`.
    pub(crate) fn take_login(
        &self,
        headers: &HeaderMap,
        state: &Secret,
    ) -> Option<Arc<LoginStart>> {
        let id = cookie(headers, LOGIN_COOKIE)?;
        let (end, start) = lock(&self.logins).remove(&(id, hash(state)))?;
        (end > self.clock.now() && start.state == *state).then_some(start)
    }

    fn set_cookie(&self, name: &str, value: &str, lasts: SignedDuration) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!(
            "{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}",
            lasts.as_secs()
        );
        HeaderValue::from_str(&text).expect("a cookie of letters and digits is a header value")
    }
}

/// Whether it has the form of a portal's id, so that it can be sent back.
fn is_ours(id: &str) -> bool {
    id.len() == ID_CHARS && id.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    // No browser sends a thousand cookies.
    if headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::len)
        .sum::<usize>()
        > 8192
    {
        return None;
    }
    CookieJar::from_headers(headers)
        .get(name)
        .map(|cookie| cookie.value().to_owned())
}

/// A SHA-256: looking it up leaks no timing of the state's bytes.
type Hash = [u8; 32];

fn hash(state: &Secret) -> Hash {
    let digest = digest(&SHA256, state.expose().as_bytes());
    digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

fn keep<K: Clone + Eq + std::hash::Hash, T>(
    map: &Expiring<K, T>,
    id: K,
    now: Timestamp,
    lasts: SignedDuration,
    value: T,
) {
    let mut map = lock(map);
    if map.len() >= MAX_ENTRIES {
        map.retain(|_, (end, _)| *end > now);
    }
    if map.len() >= MAX_ENTRIES
        && let Some(oldest) = map
            .iter()
            .min_by_key(|(_, (end, _))| *end)
            .map(|(id, _)| id.clone())
    {
        map.remove(&oldest);
    }
    map.insert(id, (now + lasts, value));
}
