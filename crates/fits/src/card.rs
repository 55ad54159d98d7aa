//! One card of a header: 80 ASCII columns (FITS Standard 4.0, section 4).

/// The length of a card.
pub const CARD_BYTES: usize = 80;

/// Where a value of fixed format ends.
const FIXED_COLUMNS: usize = 20;

/// A keyword with its value and comment.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// At most eight characters out of `A–Z0–9_-`; empty, `COMMENT` and `HISTORY` have no value.
    pub keyword: String,
    /// What it is set to.
    pub value: Value,
    /// What the header says about it; for a card without a value, its text.
    pub comment: String,
}

/// What a card's keyword is set to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `T` or `F`.
    Logical(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text, without its quotes and without trailing blanks.
    Text(String),
    /// A value is announced but not given.
    Undefined,
    /// No value: a comment, or a convention (`HIERARCH`, `CONTINUE`) that is not interpreted.
    None,
}

impl Card {
    /// A card with a value.
    pub fn new(keyword: &str, value: impl Into<Value>, comment: &str) -> Self {
        Self {
            keyword: keyword.to_owned(),
            value: value.into(),
            comment: comment.to_owned(),
        }
    }

    /// A `COMMENT`.
    pub fn comment(text: &str) -> Self {
        Self::new("COMMENT", Value::None, text)
    }

    /// Its 80 columns. A comment that does not fit is cut.
    pub fn format(&self) -> Result<[u8; CARD_BYTES], &'static str> {
        if self.keyword.len() > 8 || !self.keyword.bytes().all(is_keyword_byte) {
            return Err("a keyword has at most eight characters out of A-Z, 0-9, '_' and '-'");
        }
        let value = match &self.value {
            Value::None => return columns(&format!("{:<8}{}", self.keyword, self.comment)),
            Value::Undefined => String::new(),
            Value::Logical(value) => format!("{:>FIXED_COLUMNS$}", if *value { 'T' } else { 'F' }),
            Value::Integer(value) => format!("{value:>FIXED_COLUMNS$}"),
            Value::Real(value) if !value.is_finite() => return Err("a number is finite"),
            Value::Real(value) => format!("{:>FIXED_COLUMNS$}", real(*value)),
            Value::Text(text) => format!(
                "{:<FIXED_COLUMNS$}",
                format!("'{:<8}'", text.replace('\'', "''"))
            ),
        };
        let start = format!("{:<8}= {value}", self.keyword);
        if start.len() > CARD_BYTES {
            return Err("a value has at most 70 columns");
        }
        if self.comment.is_empty() {
            columns(&start)
        } else {
            columns(&format!("{start} / {}", self.comment))
        }
    }

    /// Reads 80 columns.
    pub fn parse(columns: &[u8; CARD_BYTES]) -> Result<Self, &'static str> {
        if !columns.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return Err("a card is printable ASCII");
        }
        let text = str::from_utf8(columns).map_err(|_| "a card is printable ASCII")?;
        let keyword = text[..8].trim_end_matches(' ');
        if !keyword.bytes().all(is_keyword_byte) {
            return Err("a keyword has only A-Z, 0-9, '_' and '-', and blanks only after it");
        }
        let has_value =
            &text[8..10] == "= " && !matches!(keyword, "" | "COMMENT" | "HISTORY" | "CONTINUE");
        let (value, comment) = if has_value {
            parse_value(&text[10..])?
        } else {
            (Value::None, &text[8..])
        };
        Ok(Self {
            keyword: keyword.to_owned(),
            value,
            comment: comment.trim_end_matches(' ').to_owned(),
        })
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Logical(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

fn is_keyword_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-'
}

fn columns(text: &str) -> Result<[u8; CARD_BYTES], &'static str> {
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err("a card is printable ASCII");
    }
    let mut card = [b' '; CARD_BYTES];
    let length = text.len().min(CARD_BYTES);
    card[..length].copy_from_slice(&text.as_bytes()[..length]);
    Ok(card)
}

/// The shortest digits that read back as the same number, with a point and a capital `E`.
fn real(value: f64) -> String {
    let digits = format!("{value:?}");
    match digits.split_once('e') {
        None => digits,
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
    }
}

fn parse_value(field: &str) -> Result<(Value, &str), &'static str> {
    let field = field.trim_start_matches(' ');
    if let Some(quoted) = field.strip_prefix('\'') {
        return parse_text(quoted);
    }
    let (token, comment) = match field.split_once('/') {
        Some((token, comment)) => (token.trim_end_matches(' '), comment.trim_start_matches(' ')),
        None => (field.trim_end_matches(' '), ""),
    };
    let value = match token {
        "" => Value::Undefined,
        "T" => Value::Logical(true),
        "F" => Value::Logical(false),
        _ => parse_number(token)?,
    };
    Ok((value, comment))
}

fn parse_text(quoted: &str) -> Result<(Value, &str), &'static str> {
    let mut text = String::new();
    let mut rest = quoted;
    loop {
        let (piece, after) = rest.split_once('\'').ok_or("text has no closing quote")?;
        text.push_str(piece);
        // Two quotes are one within the text.
        let Some(more) = after.strip_prefix('\'') else {
            rest = after;
            break;
        };
        text.push('\'');
        rest = more;
    }
    text.truncate(text.trim_end_matches(' ').len());
    let comment = rest.trim_start_matches(' ');
    match comment.strip_prefix('/') {
        Some(comment) => Ok((Value::Text(text), comment.trim_start_matches(' '))),
        None if comment.is_empty() => Ok((Value::Text(text), "")),
        None => Err("after a value only a comment may follow, behind '/'"),
    }
}

fn parse_number(token: &str) -> Result<Value, &'static str> {
    const WRONG: &str = "a value is text in quotes, T, F, or a number";
    // Rust reads more than FITS allows: 'inf', 'nan', 'e'.
    if !token
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.ED".contains(&byte))
    {
        return Err(WRONG);
    }
    if token
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-".contains(&byte))
    {
        return token.parse().map(Value::Integer).map_err(|_| WRONG);
    }
    match token.replace('D', "E").parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Value::Real(value)),
        _ => Err(WRONG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(card: &Card) -> String {
        String::from_utf8(card.format().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn values_stand_in_their_columns() {
        let shown = |card: Card| line(&card).trim_end().to_owned();
        assert_eq!(
            shown(Card::new("SIMPLE", true, "yes")),
            "SIMPLE  =                    T / yes"
        );
        assert_eq!(
            shown(Card::new("BITPIX", -32, "")),
            "BITPIX  =                  -32"
        );
        assert_eq!(
            shown(Card::new("OBJECT", "a'b", "x")),
            "OBJECT  = 'a''b    '           / x"
        );
        assert_eq!(
            shown(Card::new("CD1_1", -5e-5, "")),
            "CD1_1   =              -5.0E-5"
        );
        assert_eq!(shown(Card::comment("hello")), "COMMENT hello");
    }

    #[test]
    fn a_card_reads_back() {
        for card in [
            Card::new("A", false, "no"),
            Card::new("B-_9", i64::MIN, "smallest"),
            Card::new("C", 1.0 / 3.0, "third"),
            Card::new("D", -1e300, ""),
            Card::new("E", "it's '' / quoted", "a / b"),
            Card::new("F", "", "empty"),
            Card::new("G", Value::Undefined, ""),
            Card::comment("= 'not a value"),
        ] {
            assert_eq!(Card::parse(&card.format().unwrap()), Ok(card));
        }
    }

    #[test]
    fn what_is_no_card_is_refused() {
        for bad in [
            "lower   = 1",
            "A B     = 1",
            "A       = 'open",
            "A       = 'b' c",
            "A       = 1 2",
            "A       = nan",
            "A       = 1E999",
            "A       = --1",
            "A       = \u{7f}",
            "\u{e9}",
        ] {
            let mut columns = [b' '; CARD_BYTES];
            columns[..bad.len()].copy_from_slice(bad.as_bytes());
            assert!(Card::parse(&columns).is_err(), "{bad:?} was accepted");
        }
        assert!(Card::new("LONGKEYWORD", 1, "").format().is_err());
        assert!(
            Card::new("A", "x".repeat(70).as_str(), "")
                .format()
                .is_err()
        );
        assert!(Card::new("A", f64::NAN, "").format().is_err());
        assert!(Card::new("A", "caf\u{e9}", "").format().is_err());
        assert_eq!(line(&Card::new("A", 1, &"c".repeat(99))).len(), 80);
    }
}
