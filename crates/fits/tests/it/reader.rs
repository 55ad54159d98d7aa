use proptest::prelude::*;
use skykey_fits::{
    BLOCK_BYTES, Card, FitsError, Header, MAX_HEADER_BLOCKS, Value, float_image, float_pixels,
    stamp,
};

fn with_cards(cards: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> = cards
        .iter()
        .flat_map(|card| format!("{card:<80}").into_bytes())
        .collect();
    bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), b' ');
    bytes
}

const GOOD: [&str; 6] = [
    "SIMPLE  = T",
    "BITPIX  = 16",
    "NAXIS   = 2",
    "NAXIS1  = 10",
    "NAXIS2  = 20",
    "END",
];

fn with_card(at: usize, card: &'static str) -> Vec<u8> {
    let mut cards = GOOD;
    cards[at] = card;
    with_cards(&cards)
}

#[test]
fn a_header_says_what_its_data_is() {
    let header = Header::read(&with_cards(&GOOD)).unwrap();
    assert_eq!(
        (header.bitpix, header.axes.as_slice()),
        (16, [10, 20].as_slice())
    );
    assert_eq!((header.data_offset, header.data_bytes), (2880, 400));
    assert_eq!(header.check_length(5760), Ok(()));
    assert_eq!(
        header.check_length(5759),
        Err(FitsError::Truncated {
            found: 5759,
            needed: 5760
        })
    );
    let table = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  = 8",
        "NAXIS   = 2",
        "NAXIS1  = 10",
        "NAXIS2  = 20",
        "PCOUNT  = 7",
        "GCOUNT  = 1",
        "END",
    ];
    assert_eq!(Header::read(&with_cards(&table)).unwrap().data_bytes, 207);
    let nothing = with_cards(&["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", "END"]);
    assert_eq!(Header::read(&nothing).unwrap().data_bytes, 0);
}

#[test]
fn a_broken_structure_is_named() {
    for (at, card, keyword) in [
        (1, "BITPIX  = 17", "BITPIX"),
        (1, "BITPIX  = '16'", "BITPIX"),
        (2, "NAXIS   = -1", "NAXIS"),
        (2, "NAXIS   = 1000", "NAXIS"),
        (2, "NAXIS   = 3", "NAXIS3"),
        (3, "NAXIS2  = 10", "NAXIS1"),
        (4, "NAXIS2  = -1", "NAXIS2"),
        (4, "NAXIS2  = 9223372036854775807", "NAXIS"),
    ] {
        let found = Header::read(&with_card(at, card));
        assert_eq!(
            found,
            Err(FitsError::BadStructure {
                keyword: keyword.to_owned()
            }),
            "{card}"
        );
    }
}

#[test]
fn what_is_not_fits_is_an_error() {
    assert_eq!(Header::read(b""), Err(FitsError::NotFits));
    assert_eq!(Header::read(b"\x89PNG"), Err(FitsError::NotFits));
    assert_eq!(
        Header::read(&with_card(0, "SIMPLE  = F")),
        Err(FitsError::NotFits)
    );
    assert!(matches!(
        Header::read(&with_card(3, "naxis1  = 1")),
        Err(FitsError::BadCard { number: 4, .. })
    ));
    assert!(matches!(
        Header::read(&with_card(5, "END     x")),
        Err(FitsError::BadCard { number: 6, .. })
    ));
    assert_eq!(
        Header::read(&with_cards(&GOOD)[..2879]),
        Err(FitsError::Truncated {
            found: 2879,
            needed: 2880
        })
    );
    assert_eq!(
        Header::read(&with_card(5, "COMMENT")),
        Err(FitsError::Truncated {
            found: 2880,
            needed: 5760
        })
    );
    let mut trailing = with_cards(&GOOD);
    trailing[2879] = b'x';
    assert!(matches!(
        Header::read(&trailing),
        Err(FitsError::BadCard { .. })
    ));
}

#[test]
fn a_header_without_end_is_given_up() {
    let mut endless = with_cards(&GOOD[..5]);
    endless.resize((MAX_HEADER_BLOCKS + 3) * BLOCK_BYTES, b' ');
    let limit = MAX_HEADER_BLOCKS * BLOCK_BYTES;
    assert_eq!(
        Header::read(&endless),
        Err(FitsError::HeaderTooLong { limit })
    );
}

#[test]
fn an_image_needs_all_its_pixels() {
    assert_eq!(
        float_image(2, 2, &[0.0; 3], &[]),
        Err(FitsError::WrongPixels {
            found: 3,
            needed: 4
        })
    );
    let bad = [Card::new("TOOLONGKEY", Value::None, "")];
    assert!(matches!(
        float_image(1, 1, &[0.0], &bad),
        Err(FitsError::BadCard { number: 6, .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..9000), like_fits: bool) {
        if like_fits && bytes.len() > 10 {
            bytes[..10].copy_from_slice(b"SIMPLE  = ");
        }
        let _ = float_pixels(&bytes);
    }

    #[test]
    fn random_cards_never_panic(cards in prop::collection::vec("[A-Z0-9 ]{8}= [ -~]{0,70}", 0..80), end: bool) {
        let mut all = vec!["SIMPLE  = T", "BITPIX  = -32", "NAXIS   = 1", "NAXIS1  = 4"];
        all.extend(cards.iter().map(String::as_str));
        if end {
            all.push("END");
        }
        let _ = float_pixels(&with_cards(&all));
    }

    #[test]
    fn a_changed_stamp_never_panics(
        changes in prop::collection::vec((0..2880_usize, any::<u8>()), 1..20),
        cut in 0..20_161_usize,
    ) {
        let mut bytes = stamp(1, 0);
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let _ = float_pixels(&bytes[..cut]);
    }

    #[test]
    fn pixels_and_cards_read_back(
        pixels in prop::collection::vec(any::<f32>(), 6),
        text in "[ -~]{0,30}",
        number: f64,
    ) {
        prop_assume!(number.is_finite());
        let cards = [Card::new("TEXT", text.trim_end(), "text"), Card::new("NUMBER", number, "")];
        let bytes = float_image(3, 2, &pixels, &cards).unwrap();
        prop_assert_eq!(bytes.len(), 2 * BLOCK_BYTES);
        let (header, read) = float_pixels(&bytes).unwrap();
        prop_assert_eq!(&header.cards[5..], &cards);
        let bits = |pixels: &[f32]| pixels.iter().map(|pixel| pixel.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&read), bits(&pixels));
    }
}
