//! The client against a hub that answers as it is told, with a clock that stands still.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod fake;
mod servers;
mod tokens;
