//! A header: cards in blocks, and what they say about the data behind them.

use crate::{CARD_BYTES, Card, FitsError, Value};

/// Headers and data come in blocks of this many bytes.
pub const BLOCK_BYTES: usize = 2880;
/// How long a header the reader takes, in blocks: 9,216 cards.
pub const MAX_HEADER_BLOCKS: usize = 256;

const MAX_AXES: i64 = 999;

/// A header that was read, with what it says about its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// All cards, in their order, without `END`.
    pub cards: Vec<Card>,
    /// The type of a pixel: 8, 16, 32, 64 for integers, -32, -64 for floating point numbers.
    pub bitpix: i64,
    /// The lengths of the axes, `NAXIS1` (which varies fastest) first.
    pub axes: Vec<u64>,
    /// Where the data starts, in bytes from the start of the header.
    pub data_offset: usize,
    /// The length of the data in bytes, without what fills the last block.
    pub data_bytes: u64,
}

impl Header {
    /// Reads the header at the start of `bytes`: of a file, or of an extension. Strict where the
    /// standard is: printable ASCII, mandatory keywords in their order, blanks up to the block's
    /// end. Fails with an error for whatever it cannot take, and takes at most
    /// [`MAX_HEADER_BLOCKS`]. The data need not be there: see [`Header::check_length`].
    pub fn read(bytes: &[u8]) -> Result<Self, FitsError> {
        let (cards, data_offset) = read_cards(bytes)?;
        let first = cards.first().ok_or(FitsError::NotFits)?;
        match (first.keyword.as_str(), &first.value) {
            ("SIMPLE", Value::Logical(true)) | ("XTENSION", Value::Text(_)) => {}
            _ => return Err(FitsError::NotFits),
        }
        let bitpix = integer_at(&cards, 1, "BITPIX", |value| {
            matches!(value, 8 | 16 | 32 | 64 | -32 | -64)
        })?;
        let naxis = integer_at(&cards, 2, "NAXIS", |value| (0..=MAX_AXES).contains(&value))?;
        let axes = (1..=naxis)
            .zip(3..)
            .map(|(axis, place)| {
                integer_at(&cards, place, &format!("NAXIS{axis}"), |value| value >= 0)
            })
            .map(|length| length.map(i64::unsigned_abs))
            .collect::<Result<Vec<_>, _>>()?;
        let mut header = Self {
            cards,
            bitpix,
            axes,
            data_offset,
            data_bytes: 0,
        };
        header.data_bytes = header.count_data()?;
        Ok(header)
    }

    /// The value of the first card with this keyword.
    pub fn value(&self, keyword: &str) -> Option<&Value> {
        self.cards
            .iter()
            .find(|card| card.keyword == keyword)
            .map(|card| &card.value)
    }

    /// The value as a number, if it is one.
    pub fn number(&self, keyword: &str) -> Option<f64> {
        match self.value(keyword)? {
            Value::Real(value) => Some(*value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a caller that reads a real number gets the nearest one"
            )]
            Value::Integer(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The value as text, if it is text.
    pub fn text(&self, keyword: &str) -> Option<&str> {
        match self.value(keyword)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Refuses a file of `length` bytes that cannot hold the header and its data, filled up to
    /// whole blocks.
    pub fn check_length(&self, length: u64) -> Result<(), FitsError> {
        let block = BLOCK_BYTES as u64;
        let needed = self
            .data_bytes
            .div_ceil(block)
            .saturating_mul(block)
            .saturating_add(self.data_offset as u64);
        if length < needed {
            Err(FitsError::Truncated {
                found: length,
                needed,
            })
        } else {
            Ok(())
        }
    }

    /// `|BITPIX| / 8 × GCOUNT × (PCOUNT + NAXIS1 × … × NAXISn)`, section 4.4.1.
    fn count_data(&self) -> Result<u64, FitsError> {
        let structure = |keyword: &str| FitsError::BadStructure {
            keyword: keyword.to_owned(),
        };
        let count = |keyword: &str, default: u64| match self.value(keyword) {
            None => Ok(default),
            Some(Value::Integer(value)) => u64::try_from(*value).map_err(|_| structure(keyword)),
            Some(_) => Err(structure(keyword)),
        };
        if self.axes.is_empty() {
            return Ok(0);
        }
        self.axes
            .iter()
            .try_fold(1_u64, |product, length| product.checked_mul(*length))
            .ok_or_else(|| structure("NAXIS"))?
            .checked_add(count("PCOUNT", 0)?)
            .and_then(|values| values.checked_mul(self.bitpix.unsigned_abs() / 8))
            .ok_or_else(|| structure("NAXIS"))?
            .checked_mul(count("GCOUNT", 1)?)
            .ok_or_else(|| structure("GCOUNT"))
    }
}

/// Writes cards, `END` and blanks up to the block's end.
pub(crate) fn write_header(cards: &[Card]) -> Result<Vec<u8>, FitsError> {
    let mut bytes = Vec::with_capacity((cards.len() + 1) * CARD_BYTES + BLOCK_BYTES);
    for (card, number) in cards.iter().zip(1..) {
        let columns = card.format().map_err(|why| FitsError::BadCard {
            number,
            keyword: card.keyword.clone(),
            why,
        })?;
        bytes.extend_from_slice(&columns);
    }
    bytes.extend_from_slice(b"END");
    bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), b' ');
    Ok(bytes)
}

/// The cards before `END`, and the length of the blocks that hold them.
fn read_cards(bytes: &[u8]) -> Result<(Vec<Card>, usize), FitsError> {
    // Said before anything else, so that what is another kind of file is called that.
    if !bytes.starts_with(b"SIMPLE  = ") && !bytes.starts_with(b"XTENSION= ") {
        return Err(FitsError::NotFits);
    }
    let mut cards = Vec::new();
    let mut ended = false;
    for (at, block) in bytes
        .chunks(BLOCK_BYTES)
        .take(MAX_HEADER_BLOCKS)
        .enumerate()
    {
        let lines = block.as_chunks::<CARD_BYTES>().0;
        if block.len() < BLOCK_BYTES {
            break;
        }
        for line in lines {
            if ended && *line != [b' '; CARD_BYTES] {
                return Err(bad_card(&cards, line, "after END there are only blanks"));
            }
            if ended {
                continue;
            }
            if line.starts_with(b"END     ") {
                ended = true;
                if line[8..].iter().any(|byte| *byte != b' ') {
                    return Err(bad_card(&cards, line, "END has no value"));
                }
                continue;
            }
            cards.push(Card::parse(line).map_err(|why| bad_card(&cards, line, why))?);
        }
        if ended {
            return Ok((cards, (at + 1) * BLOCK_BYTES));
        }
    }
    let limit = MAX_HEADER_BLOCKS * BLOCK_BYTES;
    if bytes.len() >= limit {
        return Err(FitsError::HeaderTooLong { limit });
    }
    let needed = (bytes.len() + 1).next_multiple_of(BLOCK_BYTES);
    Err(FitsError::Truncated {
        found: bytes.len() as u64,
        needed: needed as u64,
    })
}

fn bad_card(before: &[Card], line: &[u8; CARD_BYTES], why: &'static str) -> FitsError {
    let keyword = line[..8]
        .iter()
        .filter(|byte| byte.is_ascii_graphic())
        .map(|byte| char::from(*byte))
        .collect();
    FitsError::BadCard {
        number: before.len() + 1,
        keyword,
        why,
    }
}

fn integer_at(
    cards: &[Card],
    place: usize,
    keyword: &str,
    is_possible: impl Fn(i64) -> bool,
) -> Result<i64, FitsError> {
    match cards.get(place) {
        Some(Card {
            keyword: found,
            value: Value::Integer(value),
            ..
        }) if found == keyword && is_possible(*value) => Ok(*value),
        _ => Err(FitsError::BadStructure {
            keyword: keyword.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn noise_is_an_error_never_a_panic(noise in proptest::collection::vec(any::<u8>(), 0..6000)) {
            let mut begun = Card::new("SIMPLE", true, "").format().unwrap().to_vec();
            prop_assert!(Header::read(&noise).is_err());
            begun.extend(&noise);
            let _ = Header::read(&begun);
        }

        #[test]
        fn cards_of_any_text_never_panic(lines in proptest::collection::vec("[ -~]{0,80}", 0..40)) {
            let mut bytes = Card::new("SIMPLE", true, "").format().unwrap().to_vec();
            for line in lines.iter().map(String::as_str).chain(["END"]) {
                bytes.extend(format!("{line:<80}").bytes());
            }
            let _ = Header::read(&bytes);
        }
    }

    #[test]
    fn what_is_not_fits_says_so() {
        assert_eq!(Header::read(&[b' '; BLOCK_BYTES]), Err(FitsError::NotFits));
        assert!(matches!(
            Header::read(b"SIMPLE  =                    T"),
            Err(FitsError::Truncated { .. })
        ));
    }
}
