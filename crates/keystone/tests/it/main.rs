//! The client against a Keystone that misbehaves, or counts. How it gets on with one that works
//! is tested where there is one: in `skykey-embedded`, and on a real one here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod outages;
mod own_token;
mod probes;
mod raw;
mod real;
mod scripted;
mod secrets;
