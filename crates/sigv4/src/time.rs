//! The time as Signature Version 4 writes it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// `YYYYMMDDThhmmssZ`, UTC, whole seconds (ISO 8601 basic).
pub fn amz_date(time: Timestamp) -> String {
    time.strftime(FORMAT).to_string()
}

/// Reads what [`amz_date`] writes, and nothing else.
pub fn parse_amz_date(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    let number = |range: std::ops::Range<usize>| {
        bytes.get(range)?.iter().try_fold(0i16, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i16::from(byte - b'0'))
        })
    };
    let small = |range| number(range).and_then(|number| i8::try_from(number).ok());
    if bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let time = DateTime::new(
        number(0..4)?,
        small(4..6)?,
        small(6..8)?,
        small(9..11)?,
        small(11..13)?,
        small(13..15)?,
        0,
    );
    TimeZone::UTC.to_timestamp(time.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        let time = parse_amz_date("20130524T000000Z").unwrap();
        assert_eq!(time, "2013-05-24T00:00:00Z".parse().unwrap());
        assert_eq!(amz_date(time), "20130524T000000Z");
        for bad in [
            "",
            "20130524T000000",
            "2013-05-24T00:00:00Z",
            "20130524T000000Z ",
            "20131324T000000Z",
            "130524T000000Z",
            "20130524t000000Z",
            "20130524T000000z",
            "20130230T000000Z",
            "20130524T240000Z",
            "20130524T006000Z",
            "20130524T000060Z",
            "+2130524T000000Z",
            "2013052\u{e9}000000Z",
        ] {
            assert_eq!(parse_amz_date(bad), None, "{bad:?}");
        }
    }
}
