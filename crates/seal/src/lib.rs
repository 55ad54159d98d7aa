//! Secrets at rest and in other people's hands: boxes sealed with AES-256-GCM-SIV, the ring of keys that
//! opens them, and private files. It knows nothing of the contents of a box. What always holds: a box opens
//! only unaltered, with the ring that sealed it, and for the same purpose; anything else is an error,
//! never a panic.

mod file;
mod ring;

pub use file::{Room, read_private, write_private};
pub use ring::{KeyRing, OpenError, Purpose, RingError};
