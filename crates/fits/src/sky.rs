//! What a camera sees: sky, stars blurred by the air, noise. Counts are in electrons.

use std::f64::consts::PI;

use crate::random::Random;

/// A picture being exposed.
pub(crate) struct Exposure {
    width: u32,
    height: u32,
    electrons: Vec<f64>,
}

/// A point that shines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Star {
    /// Its column, counted from 0 at the middle of the first pixel.
    pub(crate) x: f64,
    /// Its row.
    pub(crate) y: f64,
    /// All its light, in electrons.
    pub(crate) electrons: f64,
}

/// How far a star is drawn: until it adds less than this to a pixel, in electrons.
const FAINTEST: f64 = 0.5;

impl Exposure {
    pub(crate) fn new(width: u32, height: u32, sky: f64) -> Self {
        Self {
            width,
            height,
            electrons: vec![sky; width as usize * height as usize],
        }
    }

    /// Adds a star with Moffat's profile (Moffat 1969) of exponent 3, which is near what turbulent
    /// air does, and keeps clear of powers that machines round differently. `fwhm` in pixels.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the picture"
    )]
    pub(crate) fn add_star(&mut self, star: Star, fwhm: f64) {
        // FWHM = 2 alpha sqrt(2^(1/3) - 1)
        let alpha = fwhm / (2.0 * 0.509_824_528_338_595_1);
        let peak = star.electrons * 2.0 / (PI * alpha * alpha);
        let reach = alpha * libm::cbrt((peak.abs() / FAINTEST).max(1.0)).sqrt() + 1.0;
        let range = |middle: f64, size: u32| {
            let from = (middle - reach).clamp(0.0, f64::from(size)) as u32;
            let to = (middle + reach + 1.0).clamp(0.0, f64::from(size)) as u32;
            from..to
        };
        for row in range(star.y, self.height) {
            let dy = f64::from(row) - star.y;
            for column in range(star.x, self.width) {
                let dx = f64::from(column) - star.x;
                let base = 1.0 + (dx * dx + dy * dy) / (alpha * alpha);
                self.electrons[row as usize * self.width as usize + column as usize] +=
                    peak / (base * base * base);
            }
        }
    }

    /// Reads the picture out: the noise of the light (Poisson's, which for hundreds of electrons
    /// is the normal distribution) and of the amplifier, then the sky's level taken off. `noise`
    /// scales both; a picture stacked from `n` has `1 / sqrt(n)`.
    #[expect(clippy::cast_possible_truncation, reason = "the file holds 32 bits")]
    pub(crate) fn read_out(
        self,
        sky: f64,
        read_noise: f64,
        noise: f64,
        full_well: f64,
        random: &mut Random,
    ) -> Vec<f32> {
        let mut read = |electrons: f64| {
            let deviation = (electrons.max(0.0) + read_noise * read_noise).sqrt();
            ((electrons + noise * deviation * random.normal()).min(full_well) - sky) as f32
        };
        self.electrons.into_iter().map(&mut read).collect()
    }
}

/// Electrons from a magnitude, given the magnitude of one electron.
pub(crate) fn electrons(magnitude: f64, zero_point: f64) -> f64 {
    libm::pow(10.0, 0.4 * (zero_point - magnitude))
}
