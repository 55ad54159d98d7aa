//! The endpoint without the program: signed requests to it in this process, on a store in a temporary folder
//! and a broker on fakes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod denials;
mod multipart;
mod reads;
mod served;
mod sts;
mod sts_denials;
mod world;
mod writes;
