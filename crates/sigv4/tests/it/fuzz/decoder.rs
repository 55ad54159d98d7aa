//! An aws-chunked body gives the same data and the same outcome however it is split, and what is
//! accepted has the announced length. The input: one byte for the announced length, one for the
//! lengths of the pieces, then the body.

use bytes::Bytes;
use http::HeaderMap;
use skykey_sigv4::BodyError;
use skykey_sigv4::chunked::Decoder;

/// Decodes one input. Returns the outcome in words, so that new ones can be kept.
pub(crate) fn check(input: &[u8]) -> String {
    let [length, pieces, body @ ..] = input else {
        return String::new();
    };
    let length = u64::from(*length);
    let whole = read(length, body, body.len());
    assert_eq!(whole, read(length, body, 1));
    assert_eq!(whole, read(length, body, usize::from(*pieces)));
    if whole.1.is_ok() {
        assert_eq!(whole.0.len() as u64, length);
    }
    match whole.1 {
        Ok(trailers) => format!("{} trailers", trailers.len()),
        Err(error) => format!("{error:?}"),
    }
}

fn read(length: u64, body: &[u8], piece: usize) -> (Vec<u8>, Result<HeaderMap, BodyError>) {
    let mut decoder = Decoder::unsigned(length);
    let mut data = Vec::new();
    for piece in body.chunks(piece.max(1)) {
        decoder.push(Bytes::copy_from_slice(piece));
        loop {
            match decoder.next_data() {
                Ok(Some(bytes)) => data.extend_from_slice(&bytes),
                Ok(None) => break,
                Err(error) => return (data, Err(error)),
            }
        }
    }
    (data, decoder.finish())
}
