//! The validity period of a certificate, read from its DER (X.690; RFC 5280, section 4.1).
//!
//! For warnings only: clients check it themselves. Libraries that parse a whole certificate are many times
//! the size of this.

use jiff::Timestamp;

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

/// The first and the last moment of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Validity {
    /// Reads it, or `None` if this is no certificate, or one "without end" (the year 9999).
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        let mut outer = Der(Der(certificate).expect(SEQUENCE)?);
        let mut fields = Der(outer.expect(SEQUENCE)?);
        let (first, _) = fields.next()?;
        if first == VERSION {
            fields.expect(INTEGER)?; // serial number
        } else if first != INTEGER {
            return None;
        }
        fields.expect(SEQUENCE)?; // signature algorithm
        fields.expect(SEQUENCE)?; // issuer
        let mut times = Der(fields.expect(SEQUENCE)?);
        Some(Self {
            from: time(times.next()?)?,
            until: time(times.next()?)?,
        })
    }
}

/// A walk over DER values, one after the other.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (long, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if long.is_empty() || long.len() > 4 {
                return None;
            }
            let length = long
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }
}

/// `YYMMDDHHMMSSZ` (years 1950 to 2049) or `YYYYMMDDHHMMSSZ`.
fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let century = match (tag, text.len()) {
        (UTC_TIME, 12) if text < "50" => "20",
        (UTC_TIME, 12) => "19",
        (GENERALIZED_TIME, 14) => "",
        _ => return None,
    };
    let digits = format!("{century}{text}");
    let [date, time] = [digits.get(..8)?, digits.get(8..)?];
    format!("{date}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 2);
        params.not_after = date_time_ymd(until, 3, 4);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        for (from, until) in [(1999, 2026), (2026, 2049), (2049, 2051)] {
            let found = Validity::of(&certificate(from, until)).unwrap();
            assert_eq!(found.from.to_string(), format!("{from}-01-02T00:00:00Z"));
            assert_eq!(found.until.to_string(), format!("{until}-03-04T00:00:00Z"));
        }
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        let whole = certificate(2025, 2026);
        for length in 0..whole.len() {
            assert_eq!(Validity::of(&whole[..length]), None);
        }
        assert_eq!(Validity::of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(Validity::of(&[0x30, 0x80]), None);
    }
}
