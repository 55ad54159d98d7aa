//! The database on SQLite: the port's promises, old files, and who may read them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conformance;
mod old_files;
mod private;
