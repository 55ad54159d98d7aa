//! The demo's images, each with its key.

use crate::field::place;
use crate::{ALERTS, FIELDS, StampKind, stamp, star_field};

/// An image that can be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoImage {
    /// Its key in the bucket: `fields/cosmos-g.fits`, `stamps/alert-000-science.fits`.
    pub key: String,
    seed: u64,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Field(u32),
    Stamp(u32),
}

impl DemoImage {
    /// Its file: 4.2 MB for a field, 20,160 bytes for a stamp. Keeps a processor busy for some
    /// hundredths of a second for a field.
    pub fn render(&self) -> Vec<u8> {
        match self.what {
            What::Field(index) => star_field(self.seed, index),
            What::Stamp(index) => stamp(self.seed, index),
        }
    }
}

/// Returns twelve star fields and 300 stamps, in that order. Each is rendered when the iterator
/// reaches it.
pub fn demo_images(seed: u64) -> impl Iterator<Item = DemoImage> {
    let fields = (0..FIELDS).map(move |index| {
        let (_, pointing, band) = place(index);
        let key = format!("fields/{}-{}.fits", pointing.name.to_lowercase(), band.name);
        DemoImage {
            key,
            seed,
            what: What::Field(index),
        }
    });
    let stamps = (0..ALERTS * 3).map(move |index| {
        let kind = StampKind::ALL[index as usize % 3].as_str();
        DemoImage {
            key: format!("stamps/alert-{:03}-{kind}.fits", index / 3),
            seed,
            what: What::Stamp(index),
        }
    });
    fields.chain(stamps)
}
