//! A star field, as a survey camera would take it: counts with bias, sky, stars and noise.

use crate::psf::{Moffat, add_star};
use crate::sky::{Chance, moment};
use crate::{Card, Image, Pixels};

/// Columns and rows.
const SIZE: usize = 1024;
/// Arcseconds a pixel.
const SCALE: f64 = 0.2;
const EXPOSURE: f64 = 30.0;
/// Electrons a count.
const GAIN: f64 = 1.6;
/// Electrons.
const READ_NOISE: f64 = 7.0;
/// Counts.
const BIAS: f64 = 1000.0;
const STARS: u32 = 900;

/// Where the telescope points: name, right ascension and declination in degrees.
const POINTINGS: [(&str, f64, f64); 4] = [
    ("COSMOS", 150.1163, 2.2010),
    ("ECDFS", 53.1250, -28.1000),
    ("XMM-LSS", 35.5708, -4.8225),
    ("EDFS-A", 58.9000, -49.3150),
];

/// The bands: name, electrons a second from a star of magnitude 0 times 10^10, sky in electrons a
/// second and pixel, and the colour of an average star against r.
const BANDS: [(&str, f64, f64, f64); 3] =
    [("g", 2.9, 12.0, 0.6), ("r", 2.4, 24.0, 0.0), ("i", 1.8, 35.0, -0.25)];

/// How many fields there are: each pointing in each band.
pub(crate) const FIELDS: u32 = 12;

/// The pointing's name and the band of field `index`.
pub(crate) fn name(index: u32) -> (&'static str, &'static str) {
    let (pointing, band) = place(index);
    (POINTINGS[pointing].0, BANDS[band].0)
}

fn place(index: u32) -> (usize, usize) {
    let index = index as usize;
    (index / BANDS.len() % POINTINGS.len(), index % BANDS.len())
}

/// Renders field `index` of the sky of `seed`. The bands of one pointing show the same stars.
pub(crate) fn render(seed: u64, index: u32) -> Image {
    let (pointing, band) = place(index);
    let (object, ra, dec) = POINTINGS[pointing];
    let (filter, throughput, sky, colour) = BANDS[band];
    let mut stars = Chance::new(seed, pointing as u64);
    let mut chance = Chance::new(seed, 1000 + u64::from(index));
    let seeing = chance.between(0.62, 1.05);
    let airmass = chance.between(1.02, 1.6);
    let psf = Moffat::new(seeing / SCALE);
    let sky = sky * EXPOSURE;
    let noise = (sky + READ_NOISE * READ_NOISE).sqrt();

    let mut electrons = vec![sky; SIZE * SIZE];
    for _ in 0..STARS {
        let edge = SIZE as f64 + 20.0;
        let at = (stars.between(-20.0, edge), stars.between(-20.0, edge));
        let magnitude = stars.magnitude(15.0, 24.5) + colour * stars.between(0.2, 1.8);
        let flux = throughput * 1e10 * 10_f64.powf(-0.4 * magnitude) * EXPOSURE;
        add_star(&mut electrons, SIZE, psf, at, flux, noise / 20.0);
    }
    let counts = electrons
        .iter()
        .map(|mean| {
            let seen = chance.poisson(*mean) + READ_NOISE * chance.normal();
            (BIAS + seen / GAIN).round().clamp(0.0, 65535.0) as u16
        })
        .collect();
    let (date, mjd) = moment(i64::from(index) * 2);
    let cards = [
        vec![
            Card::new("OBJECT", object, "deep field"),
            Card::new("FILTER", filter, "band"),
            Card::new("EXPTIME", EXPOSURE, "[s] exposure time"),
            Card::new("DATE-OBS", date, "[UTC] start of exposure"),
            Card::new("MJD-OBS", mjd, "[d] start of exposure"),
            Card::new("TIMESYS", "UTC", "time scale"),
            Card::new("AIRMASS", airmass, "airmass"),
            Card::new("SEEING", seeing, "[arcsec] FWHM of the point spread function"),
            Card::new("GAIN", GAIN, "[e-/adu] electrons per count"),
            Card::new("RDNOISE", READ_NOISE, "[e-] read noise"),
            Card::new("BIAS", BIAS, "[adu] level added by the electronics"),
            Card::new("SATURATE", 65535, "[adu] largest count"),
            Card::new("BUNIT", "adu", "unit of the pixels"),
            Card::new("TELESCOP", "skykey synthetic", "not a real telescope"),
            Card::new("INSTRUME", "starfield", "renderer"),
            Card::new("ORIGIN", "skykey", "rendered, not observed"),
        ],
        tangent_plane((ra, dec), (SIZE as f64 + 1.0) / 2.0, SCALE, chance.between(-3.0, 3.0)),
    ]
    .concat();
    Image { width: SIZE, pixels: Pixels::Counts(counts), cards }
}

/// A gnomonic projection (FITS WCS paper II, `TAN`): north up, turned by `angle` degrees, east left.
/// `centre` is the reference pixel of both axes, counted from 1; `scale` in arcseconds a pixel.
pub(crate) fn tangent_plane((ra, dec): (f64, f64), centre: f64, scale: f64, angle: f64) -> Vec<Card> {
    let scale = scale / 3600.0;
    let (sine, cosine) = angle.to_radians().sin_cos();
    vec![
        Card::new("WCSAXES", 2, "axes of the world coordinates"),
        Card::new("CTYPE1", "RA---TAN", "gnomonic projection"),
        Card::new("CTYPE2", "DEC--TAN", "gnomonic projection"),
        Card::new("CUNIT1", "deg", ""),
        Card::new("CUNIT2", "deg", ""),
        Card::new("CRVAL1", ra, "[deg] right ascension at CRPIX"),
        Card::new("CRVAL2", dec, "[deg] declination at CRPIX"),
        Card::new("CRPIX1", centre, "reference column"),
        Card::new("CRPIX2", centre, "reference row"),
        Card::new("CD1_1", -scale * cosine, "[deg/pixel]"),
        Card::new("CD1_2", scale * sine, "[deg/pixel]"),
        Card::new("CD2_1", scale * sine, "[deg/pixel]"),
        Card::new("CD2_2", scale * cosine, "[deg/pixel]"),
        Card::new("RADESYS", "ICRS", "reference frame"),
    ]
}
