//! FITS images (FITS Standard 4.0): cards, headers, a writer, a strict reader of headers, and a
//! synthetic sky rendered from a seed. It is no general FITS library: it writes single images and
//! reads the first header. What always holds: everything written is ASCII cards of 80 columns in
//! blocks of 2,880 bytes, the reader answers any bytes with a header or an error, and the same seed
//! gives the same bytes on every machine: the arithmetic is IEEE 754's exactly rounded operations
//! and the `libm` crate's functions, never those of the machine's C library.

mod card;
mod demo;
mod error;
mod field;
mod header;
mod image;
mod observation;
mod random;
mod sky;
mod stamp;

pub use card::{CARD_BYTES, Card, Value};
pub use demo::{DemoImage, demo_images};
pub use error::FitsError;
pub use field::{FIELDS, star_field};
pub use header::{BLOCK_BYTES, Header, MAX_HEADER_BLOCKS};
pub use image::{float_image, float_pixels};
pub use stamp::{ALERTS, STAMP_BYTES, STAMP_SIDE, StampKind, stamp};
