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
    let time = DateTime::strptime(FORMAT, text).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
    (amz_date(time) == text).then_some(time)
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
        ] {
            assert_eq!(parse_amz_date(bad), None, "{bad:?}");
        }
    }
}
