//! Alert stamps: 63×63 floats around something that changed, as science, template and difference.

use crate::psf::{Moffat, add_star};
use crate::sky::{Chance, moment};
use crate::star_field::tangent_plane;
use crate::{Card, Image, Pixels};

/// Columns and rows.
const SIZE: usize = 63;
const SCALE: f64 = 0.2;
/// Electrons a pixel.
const SKY: f64 = 720.0;

/// The three images of an alert.
pub(crate) const KINDS: [&str; 3] = ["science", "template", "difference"];

/// Renders the stamp of `kind` of alert `alert` of the sky of `seed`. A host galaxy and a
/// neighbour are in science and template, the transient only in science, what remains in the difference.
pub(crate) fn render(seed: u64, alert: u32, kind: &str) -> Image {
    let mut place = Chance::new(seed, 100_000 + u64::from(alert));
    let (ra, dec) = (place.between(0.0, 360.0), place.between(-70.0, 5.0));
    let seeing = place.between(0.65, 1.0);
    let centre = (SIZE as f64 - 1.0) / 2.0;
    let transient = 10_f64.powf(place.between(3.2, 4.8));
    let host = 10_f64.powf(place.between(3.5, 5.0));
    let host_at = (centre + place.between(-6.0, 6.0), centre + place.between(-6.0, 6.0));
    let neighbour = 10_f64.powf(place.between(3.0, 5.0));
    let neighbour_at = (place.between(4.0, 58.0), place.between(4.0, 58.0));

    let expose = |stream: u64, with_transient: bool| {
        let mut chance = Chance::new(seed, stream + u64::from(alert));
        let mut frame = vec![SKY; SIZE * SIZE];
        // A galaxy is wider than a star.
        add_star(&mut frame, SIZE, Moffat::new(2.4 * seeing / SCALE), host_at, host, 0.05);
        add_star(&mut frame, SIZE, Moffat::new(seeing / SCALE), neighbour_at, neighbour, 0.05);
        if with_transient {
            add_star(&mut frame, SIZE, Moffat::new(seeing / SCALE), (centre, centre), transient, 0.05);
        }
        frame.iter().map(|mean| chance.poisson(*mean) - SKY).collect::<Vec<f64>>()
    };
    let science = || expose(200_000, true);
    // A template is the mean of many exposures.
    let template = || expose(300_000, false).iter().map(|pixel| pixel * 0.999).collect::<Vec<f64>>();
    let pixels = match kind {
        "science" => science(),
        "template" => template(),
        _ => science().iter().zip(template()).map(|(science, template)| science - template).collect(),
    };
    let (date, mjd) = moment(30 + i64::from(alert));
    let cards = [
        vec![
            Card::new("ALERTID", i64::from(alert), "alert"),
            Card::new("STAMP", kind, "science, template or difference"),
            Card::new("FILTER", "r", "band"),
            Card::new("EXPTIME", 30.0, "[s] exposure time"),
            Card::new("DATE-OBS", date, "[UTC] start of exposure"),
            Card::new("MJD-OBS", mjd, "[d] start of exposure"),
            Card::new("SEEING", seeing, "[arcsec] FWHM of the point spread function"),
            Card::new("BUNIT", "electron", "unit of the pixels"),
            Card::new("ORIGIN", "skykey", "rendered, not observed"),
        ],
        tangent_plane((ra, dec), (SIZE as f64 + 1.0) / 2.0, SCALE, 0.0),
    ]
    .concat();
    Image { width: SIZE, pixels: Pixels::Floats(pixels.iter().map(|pixel| *pixel as f32).collect()), cards }
}
