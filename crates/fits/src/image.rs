//! Images of 32-bit floating point numbers, `BITPIX` -32.

use crate::header::write_header;
use crate::{BLOCK_BYTES, Card, FitsError, Header};

/// A FITS file with one image. `pixels` go row by row from the bottom left. `cards` follow the
/// mandatory ones and must not repeat them.
pub fn float_image(
    width: u32,
    height: u32,
    pixels: &[f32],
    cards: &[Card],
) -> Result<Vec<u8>, FitsError> {
    let needed = (width as usize).saturating_mul(height as usize);
    if pixels.len() != needed {
        return Err(FitsError::WrongPixels {
            found: pixels.len(),
            needed,
        });
    }
    let mut all = vec![
        Card::new("SIMPLE", true, "conforms to the FITS standard"),
        Card::new("BITPIX", -32, "32-bit floating point"),
        Card::new("NAXIS", 2, "two axes"),
        Card::new("NAXIS1", i64::from(width), "columns"),
        Card::new("NAXIS2", i64::from(height), "rows"),
    ];
    all.extend_from_slice(cards);
    let mut bytes = write_header(&all)?;
    bytes.reserve_exact((pixels.len() * 4).next_multiple_of(BLOCK_BYTES));
    for pixel in pixels {
        bytes.extend_from_slice(&pixel.to_be_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
    Ok(bytes)
}

/// The pixels of a file whose first image has `BITPIX` -32 (else [`FitsError::BadStructure`]),
/// with its header.
pub fn float_pixels(bytes: &[u8]) -> Result<(Header, Vec<f32>), FitsError> {
    let header = Header::read(bytes)?;
    if header.bitpix != -32 {
        return Err(FitsError::BadStructure {
            keyword: "BITPIX".to_owned(),
        });
    }
    header.check_length(bytes.len() as u64)?;
    let length = usize::try_from(header.data_bytes).unwrap_or(usize::MAX);
    let data = bytes[header.data_offset..]
        .get(..length)
        .unwrap_or_default();
    let pixels = data
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_be_bytes(*bytes))
        .collect();
    Ok((header, pixels))
}
