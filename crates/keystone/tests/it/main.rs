//! The client against a Keystone that misbehaves, or counts. How it gets on with one that works
//! is tested where there is one: in `skykey-embedded`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod own_token;
mod scripted;
