//! The broker's rules, tried against systems that fail in the way each test wants.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admin;
mod after_removal;
mod authenticate;
mod backend_key;
mod give_back;
mod hand_out;
mod issue;
mod left_over;
mod lifetimes;
mod log;
mod machine;
mod metrics;
mod proofs;
mod reinstate;
mod renew;
mod role;
mod shut_down;
mod stop_servers;
mod sweep;
mod two_processes;
mod watch;
