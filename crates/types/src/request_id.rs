//! Request ids: one id for a request, in its response, in the log and in the audit.

use crate::random_token;

/// Longest id that a proxy may give, in characters.
const MAX_CHARS: usize = 64;

/// The id of a request from outside: 1 to 64 characters out of `A–Z a–z 0–9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Makes a new id of 16 random characters out of `A–Z2–7` (80 bits).
    #[must_use]
    pub fn new() -> Self {
        Self(random_token(16))
    }

    /// Parses the id that a trusted proxy gave to the request. `None`: the text is not an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.to_owned()))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

fn is_id(text: &str) -> bool {
    (1..=MAX_CHARS).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
