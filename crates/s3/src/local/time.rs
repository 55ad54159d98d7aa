//! Times as S3 writes them: whole seconds, so that `If-Modified-Since` compares what was announced.

use skykey_types::Timestamp;

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
pub(super) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads an HTTP date of the preferred form; `None` for anything else, which RFC 9110 §13.1.3 tells
/// a server to ignore.
pub(super) fn parse_http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}

/// `1994-11-06T08:49:37.000Z`, as the XML of listings has it.
pub(super) fn in_xml(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_in_seconds() {
        let time = Timestamp::from_millisecond(784_111_777_999).unwrap();
        assert_eq!(http_date(time), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(in_xml(time), "1994-11-06T08:49:37.000Z");
        let read = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(read.as_second(), time.as_second());
        assert_eq!(parse_http_date("yesterday"), None);
    }
}
