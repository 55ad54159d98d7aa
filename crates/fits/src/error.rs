//! What can be wrong with a FITS file, or with what is to become one.

/// Why bytes are no FITS header, or a header cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitsError {
    /// The bytes do not start as FITS does.
    #[error("not FITS: it starts neither with SIMPLE = T nor with XTENSION")]
    NotFits,
    /// The bytes end before the header does, or the header before its data.
    #[error("the file has {found} bytes, its header and data need {needed} or more")]
    Truncated {
        /// How many bytes there are.
        found: u64,
        /// How many there must be, at least.
        needed: u64,
    },
    /// No `END` within the bound.
    #[error("the header does not end within {limit} bytes")]
    HeaderTooLong {
        /// The bound in bytes.
        limit: usize,
    },
    /// A card breaks a rule.
    #[error("card {number} ({keyword:?}): {why}")]
    BadCard {
        /// Which one, counted from 1.
        number: usize,
        /// Its first eight columns, without what is not printable.
        keyword: String,
        /// The rule.
        why: &'static str,
    },
    /// A mandatory keyword is missing, out of its place, or has an impossible value.
    #[error("{keyword} is missing, out of its place or out of its range")]
    BadStructure {
        /// The keyword.
        keyword: String,
    },
    /// The image has not as many pixels as its axes say.
    #[error("{found} pixels for axes of {needed}")]
    WrongPixels {
        /// How many pixels were given.
        found: usize,
        /// How many the axes need.
        needed: usize,
    },
}
