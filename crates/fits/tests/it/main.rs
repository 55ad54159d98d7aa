//! The rendered images read back, and the reader against what is no FITS.

mod images;
mod reader;
