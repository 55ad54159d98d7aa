//! Stamps: the small images around a source that changed, three of each.

use crate::observation::{BANDS, Band, FULL_WELL, POINTINGS, READ_NOISE, Visit, round, sky_cards};
use crate::random::Random;
use crate::sky::{Exposure, Star, electrons};
use crate::{Card, float_image};

/// How many sources have stamps, three each.
pub const ALERTS: u32 = 100;
/// Columns and rows of a stamp.
pub const STAMP_SIDE: u32 = 63;
/// The size of a stamp's file: one block of header, six of data.
pub const STAMP_BYTES: usize = 20_160;

/// Which of a source's three stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampKind {
    /// The new exposure.
    Science,
    /// The sky as it was before, stacked from sixteen exposures.
    Template,
    /// The first less the second: what changed.
    Difference,
}

impl StampKind {
    /// Every kind, in the order of the index.
    pub const ALL: [Self; 3] = [Self::Science, Self::Template, Self::Difference];

    /// The word in keys and headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Science => "science",
            Self::Template => "template",
            Self::Difference => "difference",
        }
    }
}

/// The stamp `index` of the sky that follows from `seed`, as a FITS file of exactly
/// [`STAMP_BYTES`]: 63 × 63 electrons as 32-bit floating point numbers, sky taken off, with the
/// source in the middle. `index / 3` is the source (any number; the demo has [`ALERTS`]),
/// `index % 3` the kind in the order of [`StampKind::ALL`]. The difference is that of the other
/// two, pixel by pixel.
pub fn stamp(seed: u64, index: u32) -> Vec<u8> {
    let (source, kind) = (index / 3, StampKind::ALL[index as usize % 3]);
    let scene = Scene::new(seed, source);
    let pixels = match kind {
        StampKind::Science | StampKind::Template => scene.pixels(kind),
        StampKind::Difference => {
            let pairs = scene
                .pixels(StampKind::Science)
                .into_iter()
                .zip(scene.pixels(StampKind::Template));
            pairs
                .map(|(science, template)| science - template)
                .collect()
        }
    };
    let mut cards = sky_cards(scene.position, (scene.x + 1.0, scene.y + 1.0));
    cards.extend(scene.visit.cards(&format!("alert-{source:03}"), scene.band));
    cards.push(Card::new(
        "STAMP",
        kind.as_str(),
        "science, template or difference",
    ));
    float_image(STAMP_SIDE, STAMP_SIDE, &pixels, &cards)
        .expect("these pixels fill these axes and these cards fit")
}

/// A source that changed, with what stands around it.
struct Scene {
    seed: u64,
    source: u32,
    band: Band,
    visit: Visit,
    position: (f64, f64),
    x: f64,
    y: f64,
    /// The source's light before and now, in electrons.
    before: f64,
    now: f64,
    neighbours: Vec<Star>,
}

impl Scene {
    fn new(seed: u64, source: u32) -> Self {
        let mut random = Random::new(seed, (1 << 40) + u64::from(source));
        let band = BANDS[source as usize % 3];
        let pointing = source % 4;
        let visit = Visit::on(8 + pointing, &mut random);
        let (ra, dec) = POINTINGS[pointing as usize].centre;
        let ra_step = random.between(-0.025, 0.025) / libm::cos(dec.to_radians());
        let position = (
            round(ra + ra_step, 1e7),
            round(dec + random.between(-0.025, 0.025), 1e7),
        );
        // The middle pixel is 31, counted from 0; the source lies somewhere on it.
        let (x, y) = (
            round(31.0 + random.between(-0.4, 0.4), 1000.0),
            round(31.0 + random.between(-0.4, 0.4), 1000.0),
        );
        let before = electrons(random.between(19.5, 20.8), band.zero_point());
        // Two of three have brightened.
        let now = before
            * if source % 3 == 2 {
                random.between(0.3, 0.6)
            } else {
                random.between(2.0, 6.0)
            };
        let side = f64::from(STAMP_SIDE);
        let neighbours = (0..source % 4)
            .map(|_| Star {
                x: random.between(0.0, side),
                y: random.between(0.0, side),
                electrons: electrons(random.between(21.0, 24.0), band.zero_point()),
            })
            .collect();
        Self {
            seed,
            source,
            band,
            visit,
            position,
            x,
            y,
            before,
            now,
            neighbours,
        }
    }

    fn pixels(&self, kind: StampKind) -> Vec<f32> {
        let (light, noise, label) = match kind {
            StampKind::Template => (self.before, 0.25, 1 << 41),
            StampKind::Science | StampKind::Difference => (self.now, 1.0, 1 << 42),
        };
        let sky = self.band.sky();
        let mut exposure = Exposure::new(STAMP_SIDE, STAMP_SIDE, sky);
        exposure.add_star(
            Star {
                x: self.x,
                y: self.y,
                electrons: light,
            },
            self.visit.fwhm(),
        );
        for star in &self.neighbours {
            exposure.add_star(*star, self.visit.fwhm());
        }
        let mut random = Random::new(self.seed, label + u64::from(self.source));
        exposure.read_out(sky, READ_NOISE, noise, FULL_WELL, &mut random)
    }
}
