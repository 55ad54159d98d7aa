//! FITS images: cards, headers, and star fields rendered from a seed.

/// Temporary.
pub struct DemoImage { /// Key.
 pub key: String }
impl DemoImage { /// Bytes.
 pub fn render(&self) -> Vec<u8> { Vec::new() } }
/// Temporary.
pub fn demo_images(_seed: u64) -> Vec<DemoImage> { Vec::new() }
