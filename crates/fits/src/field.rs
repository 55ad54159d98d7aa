//! Star fields: four pointings through three filters.

use crate::observation::{
    BANDS, Band, FULL_WELL, POINTINGS, Pointing, READ_NOISE, Visit, camera_cards, round, sky_cards,
};
use crate::random::Random;
use crate::sky::{Exposure, Star, electrons};
use crate::{Card, float_image};

/// How many star fields there are: four pointings through `g`, `r` and `i`.
pub const FIELDS: u32 = 12;

const SIDE: u32 = 1024;
const STARS: u32 = 900;
/// The brightest and the faintest star, in magnitudes.
const BRIGHTEST: f64 = 15.5;
const FAINTEST: f64 = 25.0;
/// How the number of stars grows with the magnitude: tenfold in 1 / 0.25 magnitudes.
const SLOPE: f64 = 0.25;

/// The star field `index` (modulo [`FIELDS`]) of the sky that follows from `seed`, as a FITS file:
/// 1024 × 1024 pixels of 0.2", electrons as 32-bit floating point numbers with the sky taken off,
/// [`TAN`](https://doi.org/10.1051/0004-6361:20021327) coordinates. `index / 3` is the pointing,
/// `index % 3` the filter; a pointing has the same stars in each filter.
pub fn star_field(seed: u64, index: u32) -> Vec<u8> {
    let (number, pointing, band) = place(index);
    let mut random = Random::new(seed, 1000 + u64::from(index % FIELDS));
    let visit = Visit::on(8 + number, &mut random);
    let sky = band.sky();
    let mut exposure = Exposure::new(SIDE, SIDE, sky);
    for star in stars(seed, number, band) {
        exposure.add_star(star, visit.fwhm());
    }
    let pixels = exposure.read_out(sky, READ_NOISE, 1.0, FULL_WELL, &mut random);

    let middle = f64::from(SIDE + 1) / 2.0;
    let mut cards = sky_cards(pointing.centre, (middle, middle));
    cards.extend(visit.cards(pointing.name, band));
    cards.extend(camera_cards(sky));
    cards.push(Card::comment(
        "A synthetic sky: no star in this image exists.",
    ));
    float_image(SIDE, SIDE, &pixels, &cards)
        .expect("these pixels fill these axes and these cards fit")
}

/// The pointing's number, the pointing and the filter.
pub(crate) fn place(index: u32) -> (u32, Pointing, Band) {
    let index = index % FIELDS;
    let number = index / 3;
    (
        number,
        POINTINGS[number as usize],
        BANDS[index as usize % 3],
    )
}

/// The stars of a pointing as a filter sees them.
fn stars(seed: u64, number: u32, band: Band) -> impl Iterator<Item = Star> {
    let mut random = Random::new(seed, u64::from(number));
    let (bright, faint) = (
        libm::pow(10.0, SLOPE * BRIGHTEST),
        libm::pow(10.0, SLOPE * FAINTEST),
    );
    let edge = f64::from(SIDE) + 20.0;
    (0..STARS).map(move |_| {
        let (x, y) = (random.between(-20.0, edge), random.between(-20.0, edge));
        let magnitude_in_r = libm::log10(random.between(bright, faint)) / SLOPE;
        // From blue stars to red ones: g - r, and r - i which is less.
        let colour = random.between(0.2, 1.4);
        let magnitude = match band.name {
            "g" => magnitude_in_r + colour,
            "i" => magnitude_in_r - 0.4 * colour,
            _ => magnitude_in_r,
        };
        Star {
            x,
            y,
            electrons: round(electrons(magnitude, band.zero_point()), 1.0),
        }
    })
}
