//! Signature Version 4 against the published examples, and what must hold for every request.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chunked_examples;
mod chunked_faults;
mod fuzz;
mod properties;
mod refusals;
mod request;
mod s3_examples;
mod test_suite;
mod upload;
mod verify_examples;
mod verify_properties;
