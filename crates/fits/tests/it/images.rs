use std::collections::BTreeSet;

use skykey_fits::{
    BLOCK_BYTES, FIELDS, Header, STAMP_BYTES, STAMP_SIDE, StampKind, Value, demo_images,
    float_pixels, stamp, star_field,
};

/// FNV-1a, to pin the bytes of an image.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn median(pixels: &[f32]) -> f32 {
    let mut sorted = pixels.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted[sorted.len() / 2]
}

/// The noise, as stars do not move it: 1.4826 times the median deviation from the median.
fn noise(pixels: &[f32]) -> f32 {
    let middle = median(pixels);
    1.4826
        * median(
            &pixels
                .iter()
                .map(|pixel| (pixel - middle).abs())
                .collect::<Vec<_>>(),
        )
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    let found = [
        fingerprint(&star_field(1, 0)),
        fingerprint(&stamp(1, 0)),
        fingerprint(&stamp(1, 2)),
    ];
    assert_eq!(
        found,
        [
            0x7a0e_8ebe_451f_c5bc,
            0x1341_f043_2226_8c50,
            0xa93f_59c3_965a_3143
        ],
        "every image of every demo would change: {found:#x?}"
    );
    assert_ne!(stamp(1, 0), stamp(2, 0));
    assert_ne!(stamp(1, 0), stamp(1, 3));
}

#[test]
fn a_field_has_the_header_of_an_observation() {
    let bytes = star_field(1, 4);
    assert_eq!(bytes.len() % BLOCK_BYTES, 0);
    let (header, pixels) = float_pixels(&bytes).unwrap();
    assert_eq!(
        (header.bitpix, header.axes.as_slice(), pixels.len()),
        (-32, [1024, 1024].as_slice(), 1024 * 1024)
    );
    for (keyword, text) in [
        ("CTYPE1", "RA---TAN"),
        ("CTYPE2", "DEC--TAN"),
        ("RADESYS", "ICRS"),
        ("OBJECT", "ECDFS"),
        ("FILTER", "r"),
        ("ORIGIN", "skykey"),
    ] {
        assert_eq!(header.text(keyword), Some(text));
    }
    assert_eq!(header.value("SYNTH"), Some(&Value::Logical(true)));
    assert_eq!(
        (header.number("CRPIX1"), header.number("CRVAL1")),
        (Some(512.5), Some(53.125))
    );
    assert!((1.0..=1.6).contains(&header.number("AIRMASS").unwrap()));
    let keywords: BTreeSet<_> = header.cards.iter().map(|card| &card.keyword).collect();
    assert_eq!(keywords.len(), header.cards.len(), "a keyword stands twice");
}

#[test]
fn the_date_and_the_mjd_say_the_same() {
    for index in 0..FIELDS {
        let header = Header::read(&stamp(1, index * 3)).unwrap();
        let date = header.text("DATE-OBS").unwrap();
        let number = |from: usize, to: usize| date[from..to].parse::<f64>().unwrap();
        assert_eq!(&date[..8], "2026-03-");
        // 2000-01-01 is MJD 51544; from there to 2026-03-01 there are 26 years, 7 leap days, 59 days.
        let day = 51_544.0 + 26.0 * 365.0 + 7.0 + 59.0 + number(8, 10) - 1.0;
        let seconds = number(11, 13) * 3600.0 + number(14, 16) * 60.0 + number(17, 23);
        let mjd = header.number("MJD-OBS").unwrap();
        assert!(
            (mjd - day - seconds / 86_400.0).abs() < 1e-8,
            "{date} is not MJD {mjd}"
        );
    }
}

#[test]
fn a_field_shows_stars_on_a_level_sky_with_the_noise_of_its_light() {
    let (header, pixels) = float_pixels(&star_field(1, 1)).unwrap();
    let number = |keyword: &str| header.number(keyword).unwrap();
    let (middle, found) = (median(&pixels), noise(&pixels));
    assert!(middle.abs() < 5.0, "the sky is at {middle}");
    let expected = (number("SKYLEVEL") + number("RDNOISE") * number("RDNOISE")).sqrt();
    assert!(
        (f64::from(found) / expected - 1.0).abs() < 0.1,
        "the noise is {found}, expected {expected}"
    );
    let is_peak = |at: usize| {
        [1, 1023, 1024, 1025]
            .iter()
            .all(|step| pixels[at] > pixels[at - step] && pixels[at] >= pixels[at + step])
    };
    let peaks = (1025..pixels.len() - 1025)
        .filter(|at| pixels[*at] > middle + 7.0 * found && is_peak(*at))
        .count();
    assert!((200..1200).contains(&peaks), "{peaks} stars");
    assert!(
        pixels
            .iter()
            .all(|pixel| pixel.is_finite() && f64::from(*pixel) <= number("SATURATE") + 1.0)
    );
}

#[test]
fn every_stamp_has_its_size_and_its_source_in_the_middle() {
    for source in 0..100 {
        let images = [0, 1, 2].map(|kind| {
            let bytes = stamp(5, source * 3 + kind);
            assert_eq!(bytes.len(), STAMP_BYTES);
            let (header, pixels) = float_pixels(&bytes).unwrap();
            assert_eq!(header.data_offset, BLOCK_BYTES);
            assert_eq!(header.axes, [u64::from(STAMP_SIDE); 2]);
            assert_eq!(
                header.text("STAMP"),
                Some(StampKind::ALL[kind as usize].as_str())
            );
            assert!((header.number("CRPIX1").unwrap() - 32.0).abs() <= 0.5);
            let middle = pixels[31 * STAMP_SIDE as usize + 31];
            assert!(
                (middle - median(&pixels)).abs() > 5.0 * noise(&pixels),
                "source {source}, kind {kind}"
            );
            pixels
        });
        let [science, template, difference] = images;
        for ((science, template), difference) in science.iter().zip(&template).zip(&difference) {
            assert_eq!((science - template).to_bits(), difference.to_bits());
        }
    }
}

#[test]
fn the_demo_is_twelve_fields_and_three_hundred_stamps() {
    let images: Vec<_> = demo_images(1).collect();
    assert_eq!(images.len(), 312);
    assert_eq!(images[0].key, "fields/cosmos-g.fits");
    assert_eq!(images[11].key, "fields/edfs-a-i.fits");
    assert_eq!(images[12].key, "stamps/alert-000-science.fits");
    assert_eq!(images[311].key, "stamps/alert-099-difference.fits");
    assert_eq!(
        images
            .iter()
            .map(|image| &image.key)
            .collect::<BTreeSet<_>>()
            .len(),
        312
    );
    assert_eq!(images[13].render(), stamp(1, 1));
    assert_eq!(images[3].render(), star_field(1, 3));
}
