//! When, where and with what: the cards that fields and stamps share.

use crate::Card;
use crate::random::Random;

/// What one pixel covers, in arcseconds.
pub(crate) const PIXEL_SCALE: f64 = 0.2;
/// The noise of reading one pixel, in electrons.
pub(crate) const READ_NOISE: f64 = 6.0;
/// What a pixel holds, in electrons.
pub(crate) const FULL_WELL: f64 = 100_000.0;
/// Electrons for one step of the camera's converter.
const GAIN: f64 = 1.6;
/// How long the shutter was open, in seconds.
pub(crate) const EXPOSURE: f64 = 30.0;
/// The camera's orientation: the sky's north, in radians from up.
const ROTATION: f64 = 0.02;
/// The Modified Julian Date of the day before the first of March 2026.
const BEFORE_MARCH: u32 = 61_099;

/// A filter, with what an 8 m telescope on a good mountain gets through it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Band {
    /// Its letter.
    pub(crate) name: &'static str,
    /// The magnitude that gives one electron a second.
    zero_point: f64,
    /// The night sky's brightness, in magnitudes a square arcsecond.
    sky: f64,
}

pub(crate) const BANDS: [Band; 3] = [
    Band {
        name: "g",
        zero_point: 28.5,
        sky: 22.3,
    },
    Band {
        name: "r",
        zero_point: 28.4,
        sky: 21.2,
    },
    Band {
        name: "i",
        zero_point: 28.2,
        sky: 20.5,
    },
];

/// Where the camera points: one of the fields that surveys go back to, with a sky that is made up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pointing {
    /// The field's name.
    pub(crate) name: &'static str,
    /// Right ascension and declination in degrees, ICRS.
    pub(crate) centre: (f64, f64),
}

pub(crate) const POINTINGS: [Pointing; 4] = [
    Pointing {
        name: "COSMOS",
        centre: (150.1163, 2.201),
    },
    Pointing {
        name: "ECDFS",
        centre: (53.125, -28.1),
    },
    Pointing {
        name: "XMM-LSS",
        centre: (35.5708, -4.8225),
    },
    Pointing {
        name: "EDFS-A",
        centre: (58.9, -49.315),
    },
];

impl Band {
    /// The magnitude that gives one electron in an exposure.
    pub(crate) fn zero_point(self) -> f64 {
        // 2.5 log10(30 s)
        self.zero_point + 3.692_803_136_799_156
    }

    /// The sky in one pixel, in electrons.
    pub(crate) fn sky(self) -> f64 {
        crate::sky::electrons(self.sky, self.zero_point()) * PIXEL_SCALE * PIXEL_SCALE
    }
}

/// The air and the moment of one exposure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit {
    /// The day of March 2026.
    day: u32,
    /// The start, in milliseconds after midnight UTC.
    millisecond: u32,
    /// How many thicknesses of the atmosphere the light crossed.
    airmass: f64,
    /// The width of a star at half its height, in arcseconds.
    pub(crate) seeing: f64,
}

impl Visit {
    /// `day` of March 2026, 1 to 31, at some time of the Chilean night.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within a day"
    )]
    pub(crate) fn on(day: u32, random: &mut Random) -> Self {
        let millisecond = random.between(1.0, 8.0) * 3_600_000.0;
        let airmass = round(random.between(1.0, 1.6), 1000.0);
        // The air blurs more when there is more of it: with the power 0.6.
        let seeing = round(random.between(0.62, 0.95) * libm::pow(airmass, 0.6), 1000.0);
        Self {
            day,
            millisecond: millisecond as u32,
            airmass,
            seeing,
        }
    }

    /// The width of a star at half its height, in pixels.
    pub(crate) fn fwhm(self) -> f64 {
        self.seeing / PIXEL_SCALE
    }

    pub(crate) fn date(self) -> String {
        let (second, thousandth) = (self.millisecond / 1000, self.millisecond % 1000);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!(
            "2026-03-{:02}T{hour:02}:{minute:02}:{second:02}.{thousandth:03}",
            self.day
        )
    }

    pub(crate) fn mjd(self) -> f64 {
        f64::from(BEFORE_MARCH + self.day) + f64::from(self.millisecond) / 86_400_000.0
    }

    /// What, when, and with what.
    pub(crate) fn cards(self, object: &str, band: Band) -> Vec<Card> {
        vec![
            Card::new("OBJECT", object, "name of the field or source"),
            Card::new("FILTER", band.name, "passband"),
            Card::new("EXPTIME", EXPOSURE, "[s] exposure time"),
            Card::new("DATE-OBS", self.date().as_str(), "start of the exposure"),
            Card::new("TIMESYS", "UTC", "time system of DATE-OBS and MJD-OBS"),
            Card::new("MJD-OBS", self.mjd(), "[d] DATE-OBS as MJD"),
            Card::new("AIRMASS", self.airmass, "at the start of the exposure"),
            Card::new("SEEING", self.seeing, "[arcsec] FWHM of a star"),
            Card::new("TELESCOP", "SKYKEY-8M", "no such telescope exists"),
            Card::new("INSTRUME", "SYNTHCAM", "no such camera exists"),
            Card::new("ORIGIN", "skykey", "who made this file"),
            Card::new("SYNTH", true, "rendered from a seed, not observed"),
            Card::new("BUNIT", "electron", "unit of the pixels"),
            Card::new(
                "MAGZERO",
                round(band.zero_point(), 1e4),
                "[mag] AB magnitude of one electron",
            ),
        ]
    }
}

/// What the camera adds to every picture.
pub(crate) fn camera_cards(sky: f64) -> Vec<Card> {
    vec![
        Card::new("GAIN", GAIN, "[electron/adu] of the converter"),
        Card::new("RDNOISE", READ_NOISE, "[electron] noise of reading a pixel"),
        Card::new(
            "SATURATE",
            round(FULL_WELL - sky, 100.0),
            "[electron] highest value of a pixel",
        ),
        Card::new(
            "SKYLEVEL",
            round(sky, 100.0),
            "[electron] sky that was subtracted",
        ),
        Card::new("PIXSCALE", PIXEL_SCALE, "[arcsec] side of a pixel"),
    ]
}

/// The gnomonic projection (FITS WCS paper II, `TAN`): `reference` in pixels, the first pixel's
/// middle being 1, lies at `ra` and `dec` in degrees. East is left.
pub(crate) fn sky_cards((ra, dec): (f64, f64), reference: (f64, f64)) -> Vec<Card> {
    let scale = PIXEL_SCALE / 3600.0;
    let (sin, cos) = (libm::sin(ROTATION), libm::cos(ROTATION));
    vec![
        Card::new("WCSAXES", 2, "axes of the coordinates"),
        Card::new("CTYPE1", "RA---TAN", "right ascension, gnomonic projection"),
        Card::new("CTYPE2", "DEC--TAN", "declination, gnomonic projection"),
        Card::new("CUNIT1", "deg", "unit of CRVAL1 and CD1_i"),
        Card::new("CUNIT2", "deg", "unit of CRVAL2 and CD2_i"),
        Card::new("CRVAL1", ra, "[deg] right ascension at the reference"),
        Card::new("CRVAL2", dec, "[deg] declination at the reference"),
        Card::new("CRPIX1", reference.0, "[pixel] column of the reference"),
        Card::new("CRPIX2", reference.1, "[pixel] row of the reference"),
        Card::new("CD1_1", -scale * cos, "[deg/pixel]"),
        Card::new("CD1_2", scale * sin, "[deg/pixel]"),
        Card::new("CD2_1", scale * sin, "[deg/pixel]"),
        Card::new("CD2_2", scale * cos, "[deg/pixel]"),
        Card::new("RADESYS", "ICRS", "reference frame of the coordinates"),
    ]
}

/// To a whole number of `steps` a unit.
pub(crate) fn round(value: f64, steps: f64) -> f64 {
    libm::round(value * steps) / steps
}
