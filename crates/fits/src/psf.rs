//! The point spread function: how the air and the telescope draw a star.

use std::f64::consts::PI;

/// A Moffat profile (Moffat 1969, A&A 3, 455) of total flux 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moffat {
    alpha: f64,
    peak: f64,
}

/// What the wings of real seeing look like.
const BETA: f64 = 3.5;

impl Moffat {
    /// Of this full width at half maximum, in pixels.
    pub(crate) fn new(fwhm: f64) -> Self {
        let alpha = fwhm / (2.0 * ((1.0 / BETA).exp2() - 1.0).sqrt());
        Self { alpha, peak: (BETA - 1.0) / (PI * alpha * alpha) }
    }

    /// The flux of one pixel at that squared distance, in pixels.
    pub(crate) fn at(self, distance_squared: f64) -> f64 {
        let base = 1.0 + distance_squared / (self.alpha * self.alpha);
        // base^-3.5 without a logarithm
        self.peak / (base * base * base * base.sqrt())
    }

    /// The radius in pixels beyond which a star of `flux` adds less than `threshold` to a pixel.
    pub(crate) fn radius(self, flux: f64, threshold: f64) -> f64 {
        let ratio = flux * self.peak / threshold;
        if ratio <= 1.0 { 0.0 } else { self.alpha * (ratio.powf(1.0 / BETA) - 1.0).sqrt() }
    }
}

/// Adds a star of `flux` at (`x`, `y`), pixels counted from 0, to a frame `width` wide.
pub(crate) fn add_star(frame: &mut [f64], width: usize, psf: Moffat, (x, y): (f64, f64), flux: f64, threshold: f64) {
    let radius = psf.radius(flux, threshold).clamp(2.0, 200.0);
    let range = |centre: f64, length: usize| {
        let from = (centre - radius).floor().max(0.0);
        let to = (centre + radius).ceil().min(length as f64 - 1.0);
        if to < from { 0..0 } else { from as usize..to as usize + 1 }
    };
    let height = frame.len() / width;
    for row in range(y, height) {
        for column in range(x, width) {
            let (dx, dy) = (column as f64 - x, row as f64 - y);
            frame[row * width + column] += flux * psf.at(dx * dx + dy * dy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_keeps_its_flux_and_its_width() {
        let mut frame = vec![0.0; 401 * 401];
        let psf = Moffat::new(4.0);
        add_star(&mut frame, 401, psf, (200.0, 200.0), 1e6, 1e-3);
        let total: f64 = frame.iter().sum();
        assert!((total / 1e6 - 1.0).abs() < 0.01, "{total}");
        assert!((psf.at(4.0) / psf.at(0.0) - 0.5).abs() < 1e-9);
    }
}
