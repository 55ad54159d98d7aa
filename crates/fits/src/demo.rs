//! The demo survey: twelve star fields and three hundred stamps.

use crate::{stamp, star_field};

/// How many alerts the demo has, of three stamps each.
const ALERTS: u32 = 100;

/// An image of the demo survey, rendered when it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoImage {
    /// Its key, `fields/cosmos-g.fits` or `stamps/alert-007-science.fits`.
    pub key: String,
    seed: u64,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Field(u32),
    Stamp(u32, &'static str),
}

impl DemoImage {
    /// The file: 2,105,280 bytes for a field, 20,160 for a stamp. A field takes some 50 ms.
    pub fn render(&self) -> Vec<u8> {
        match self.what {
            What::Field(index) => star_field::render(self.seed, index).write(),
            What::Stamp(alert, kind) => stamp::render(self.seed, alert, kind).write(),
        }
    }
}

/// Every image of the demo survey of `seed`.
pub fn demo_images(seed: u64) -> impl Iterator<Item = DemoImage> {
    let fields = (0..star_field::FIELDS).map(move |index| {
        let (object, band) = star_field::name(index);
        let key = format!("fields/{}-{band}.fits", object.to_lowercase());
        DemoImage { key, seed, what: What::Field(index) }
    });
    let stamps = (0..ALERTS).flat_map(move |alert| {
        stamp::KINDS.into_iter().map(move |kind| {
            let key = format!("stamps/alert-{alert:03}-{kind}.fits");
            DemoImage { key, seed, what: What::Stamp(alert, kind) }
        })
    });
    fields.chain(stamps)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Header, Value};

    #[test]
    fn the_demo_is_twelve_fields_and_three_hundred_stamps() {
        let images: Vec<DemoImage> = demo_images(1).collect();
        assert_eq!(images.len(), 312);
        assert_eq!(images.iter().map(|image| &image.key).collect::<BTreeSet<_>>().len(), 312);
        assert_eq!(images.iter().filter(|image| image.key.starts_with("stamps/")).count(), 300);
    }

    #[test]
    fn a_stamp_has_exactly_20160_bytes_and_its_source_in_the_middle() {
        let science = DemoImage { key: String::new(), seed: 1, what: What::Stamp(3, "difference") }.render();
        assert_eq!(science.len(), 20_160);
        let header = Header::parse(&science).unwrap();
        assert_eq!((header.bitpix, header.axes.as_slice()), (-32, &[63, 63][..]));
        let pixel = |column: usize, row: usize| {
            let at = header.data_offset + 4 * (row * 63 + column);
            f32::from_be_bytes(science[at..at + 4].try_into().unwrap())
        };
        assert!(pixel(31, 31) > 5.0 * pixel(2, 2).abs().max(10.0), "{} {}", pixel(31, 31), pixel(2, 2));
    }

    #[test]
    fn a_field_is_the_same_every_time_and_another_for_another_seed() {
        let field = |seed| DemoImage { key: String::new(), seed, what: What::Field(4) }.render();
        let first = field(1);
        assert_eq!(first.len(), 2_105_280);
        assert!(first == field(1), "the same seed gave another sky");
        assert!(first != field(2), "another seed gave the same sky");
        let header = Header::parse(&first).unwrap();
        assert_eq!(header.axes, [1024, 1024]);
        assert_eq!(header.value("CTYPE1"), Some(&Value::Text("RA---TAN".to_owned())));
    }
}
