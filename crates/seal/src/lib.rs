//! Secrets at rest and in the hands of others: boxes sealed with AES-256-GCM-SIV, the ring of keys
//! that opens them, and files that nobody else may read. It knows nothing of what is inside a
//! box. What always holds: a box opens only with the ring that sealed it, for the purpose it was
//! sealed for, unaltered; anything else is an error, never a panic.

mod file;
mod ring;

pub use file::{Room, read_private, write_private};
pub use ring::{KeyRing, OpenError, Purpose, RingError};
