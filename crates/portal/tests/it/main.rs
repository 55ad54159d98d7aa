//! The portal without the program: its router over a broker on fakes, called in this process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod denials;
mod jupyter;
mod pages;
mod request_ids;
mod unreadable;
mod world;
