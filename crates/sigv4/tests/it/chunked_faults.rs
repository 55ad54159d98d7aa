//! Every fault of an aws-chunked body, by name, and that its splitting into frames does not matter.

use bytes::Bytes;
use http::StatusCode;
use proptest::prelude::*;
use skykey_sigv4::chunked::{Decoder, MAX_CHUNK_HEADER_BYTES, MAX_TRAILER_BYTES};
use skykey_sigv4::*;

use crate::upload::{ENCODINGS, Encoding, Upload};

const CHUNKS: [&[u8]; 3] = [b"first chunk", b"2", b"and the third"];

fn upload(encoding: Encoding) -> Upload {
    Upload::new(encoding, &CHUNKS)
}

/// An unsigned body as it is given here, announced with so many bytes.
fn unsigned(body: &str, length: usize) -> Upload {
    let mut upload = Upload::announced(Encoding::UnsignedWithTrailer, &[], length);
    upload.body = body.into();
    upload
}

fn malformed(upload: &Upload) {
    let error = upload.error();
    assert!(matches!(error, BodyError::MalformedChunk(_)), "{error:?}");
    assert_eq!(
        (error.code(), error.status()),
        ("InvalidRequest", StatusCode::BAD_REQUEST)
    );
}

#[test]
fn a_whole_body_is_read_in_every_encoding() {
    for encoding in ENCODINGS {
        let (data, trailers) = upload(encoding).read(&[usize::MAX]);
        assert_eq!(data, CHUNKS.concat());
        let expected = usize::from(encoding != Encoding::Signed);
        assert_eq!(trailers.unwrap().len(), expected, "{encoding:?}");
        let (data, trailers) = Upload::new(encoding, &[]).read(&[usize::MAX]);
        assert!(data.is_empty() && trailers.is_ok());
    }
}

#[test]
fn data_are_slices_of_what_was_pushed() {
    let upload = upload(Encoding::Signed);
    let pushed = Bytes::from(upload.body.clone());
    let range = pushed.as_ptr_range();
    let mut reader = upload.verified.body_reader();
    reader.push(pushed.clone());
    while let Some(data) = reader.next_data().unwrap() {
        assert!(range.contains(&data.as_ptr()));
    }
    reader.finish().unwrap();
}

#[test]
fn a_body_that_breaks_off_anywhere_is_refused() {
    for encoding in ENCODINGS {
        let whole = upload(encoding);
        for length in 0..whole.body.len() {
            let mut cut = whole.clone();
            cut.body.truncate(length);
            let error = cut.error();
            let expected = match encoding {
                // Without the line of the signature, the rest is whole.
                Encoding::SignedWithTrailer if error == BodyError::TrailerSignature => continue,
                _ => BodyError::Truncated,
            };
            assert_eq!(error, expected, "{encoding:?} {length}");
            assert_eq!(error.code(), "IncompleteBody");
        }
    }
}

#[test]
fn no_bytes_at_all_are_an_empty_body() {
    let mut upload = Upload::new(Encoding::Signed, &[]);
    upload.body.clear();
    assert!(upload.read(&[1]).1.is_ok());
    let mut upload = Upload::new(Encoding::SignedWithTrailer, &[]);
    upload.body.clear();
    assert_eq!(upload.error(), BodyError::Truncated);
}

#[test]
fn an_altered_chunk_is_refused() {
    for encoding in [Encoding::Signed, Encoding::SignedWithTrailer] {
        for (from, to) in [
            ("first", "First"),
            ("\r\n2\r\n", "\r\n3\r\n"),
            ("chunk-signature=", "chunk-signature=0000"),
        ] {
            let mut upload = upload(encoding).replaced(from, to);
            if to.ends_with("0000") {
                // Keep the signature as long as it was.
                let at = upload
                    .body
                    .windows(4)
                    .position(|four| four == b"0000")
                    .unwrap();
                upload.body.drain(at + 4..at + 8);
            }
            let error = upload.error();
            assert_eq!(error, BodyError::ChunkSignature);
            assert_eq!(
                (error.code(), error.status()),
                ("SignatureDoesNotMatch", StatusCode::FORBIDDEN)
            );
        }
    }
}

#[test]
fn chunks_in_another_order_are_refused() {
    let upload = Upload::new(Encoding::Signed, &[b"a", b"b"]);
    let length = "1;chunk-signature=\r\na\r\n".len() + 64;
    let mut swapped = upload.clone();
    swapped.body[..length].copy_from_slice(&upload.body[length..2 * length]);
    swapped.body[length..2 * length].copy_from_slice(&upload.body[..length]);
    assert_eq!(swapped.error(), BodyError::ChunkSignature);
}

#[test]
fn a_left_out_chunk_is_refused() {
    let mut upload = Upload::announced(Encoding::Signed, &[b"a", b"b"], 1);
    let length = "1;chunk-signature=\r\na\r\n".len() + 64;
    upload.body.drain(..length);
    assert_eq!(upload.error(), BodyError::ChunkSignature);
}

#[test]
fn chunks_of_another_request_are_refused() {
    let mut upload = Upload::announced(Encoding::Signed, &[b"a"], 1);
    upload.body = Upload::new(Encoding::SignedWithTrailer, &[b"a"]).body;
    assert_eq!(upload.error(), BodyError::ChunkSignature);
}

#[test]
fn an_unsigned_chunk_among_signed_ones_is_refused() {
    let mut upload = upload(Encoding::Signed);
    upload.body = b"b\r\nfirst chunk\r\n0\r\n\r\n".into();
    malformed(&upload);
}

#[test]
fn a_signed_chunk_among_unsigned_ones_is_refused() {
    let mut upload = upload(Encoding::UnsignedWithTrailer);
    upload.body = self::upload(Encoding::Signed).body;
    malformed(&upload);
}

#[test]
fn a_malformed_chunk_header_is_refused() {
    for header in [
        "\r\n",
        "x\r\n",
        "-1\r\n",
        "+1\r\n",
        " 1\r\n",
        "1 \r\n",
        "0x1\r\n",
        "1\n",
        "1;\r\n",
        "1;a=b\r\n",
        "1;chunk-signature=\r\n",
        "1\r\r\n",
        "10000000000000000\r\n",
        "\u{e9}\r\n",
    ] {
        malformed(&unsigned(&format!("{header}a\r\n0\r\n\r\n"), 1));
    }
    for capital in ["0A", "a"] {
        let upload = unsigned(&format!("{capital}\r\n0123456789\r\n0\r\n\r\n"), 10);
        assert!(upload.read(&[1]).1.is_ok());
    }
}

#[test]
fn a_chunk_that_is_not_as_long_as_it_says_is_refused() {
    for body in [
        "1\r\nab\r\n0\r\n\r\n",
        "2\r\na\r\n0\r\n\r\n",
        "1\r\na\n0\r\n\r\n",
    ] {
        malformed(&unsigned(body, 2));
    }
}

#[test]
fn a_chunk_header_that_is_too_long_is_refused() {
    let zeros = |count: usize| format!("{}\r\n\r\n", "0".repeat(count));
    assert!(
        unsigned(&zeros(MAX_CHUNK_HEADER_BYTES - 2), 0)
            .read(&[1])
            .1
            .is_ok()
    );
    for body in [zeros(MAX_CHUNK_HEADER_BYTES - 1), "0".repeat(1 << 20)] {
        let upload = unsigned(&body, 0);
        assert_eq!(upload.read(&[100]).1, Err(BodyError::ChunkHeaderTooLong));
        assert_eq!(
            upload.read(&[usize::MAX]).1,
            Err(BodyError::ChunkHeaderTooLong)
        );
    }
    assert_eq!(BodyError::ChunkHeaderTooLong.code(), "InvalidRequest");
}

#[test]
fn another_length_than_the_decoded_one_is_refused() {
    for encoding in ENCODINGS {
        for length in [0, 24, 26, 1 << 40] {
            let upload = Upload::announced(encoding, &CHUNKS, length);
            let error = upload.error();
            assert_eq!(error, BodyError::DecodedLength(length as u64));
            assert_eq!(error.code(), "IncompleteBody");
        }
    }
    let upload = unsigned("ffffffffffffffff\r\n", 10);
    assert_eq!(upload.error(), BodyError::DecodedLength(10));
}

#[test]
fn bytes_after_the_end_are_refused() {
    for encoding in ENCODINGS {
        for more in [
            "x",
            "0\r\n\r\n",
            "x-a:b\r\n\r\n",
            "\r\nx-a:b\r\n\r\n",
            "\r\n\r\n",
        ] {
            let mut upload = upload(encoding);
            upload.body.extend(more.bytes());
            let error = upload.error();
            // What does not end in a line feed may have broken off.
            let expected = if more == "x" {
                BodyError::Truncated
            } else {
                BodyError::AfterEnd
            };
            assert_eq!(error, expected, "{encoding:?} {more:?}");
        }
    }
    assert_eq!(BodyError::AfterEnd.code(), "InvalidRequest");
}

#[test]
fn a_trailer_that_was_not_announced_at_all_is_refused() {
    let mut upload = upload(Encoding::Signed);
    upload.body.truncate(upload.body.len() - 2);
    upload
        .body
        .extend(b"x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n");
    assert_eq!(upload.error(), BodyError::AfterEnd);
}

#[test]
fn an_altered_or_unsigned_trailer_is_refused() {
    for (from, to) in [
        ("sOO8", "sOO9"),
        ("crc32c", "crc32"),
        ("x-amz-trailer-signature:", "x-amz-trailer-signature:00"),
        ("x-amz-trailer-signature", "x-amz-other"),
        ("x-amz-checksum", "x-amz-a:b\r\nx-amz-checksum"),
        ("x-amz-checksum-crc32c:sOO8/Q==\r\n", ""),
    ] {
        let error = upload(Encoding::SignedWithTrailer)
            .replaced(from, to)
            .error();
        assert_eq!(error, BodyError::TrailerSignature, "{from}");
        assert_eq!(
            (error.code(), error.status()),
            ("SignatureDoesNotMatch", StatusCode::FORBIDDEN)
        );
    }
}

#[test]
fn a_malformed_trailer_is_refused() {
    for tail in [
        "a",
        ":b",
        "a b:c",
        "a:b\r\na:c",
        "A:b\r\na:b",
        "a:\u{0}",
        "x-amz-trailer-signature:0",
    ] {
        let error = unsigned(&format!("0\r\n{tail}\r\n\r\n"), 0).error();
        assert!(
            matches!(error, BodyError::MalformedTrailer(_)),
            "{tail:?} {error:?}"
        );
        assert_eq!(error.code(), "MalformedTrailerError");
    }
}

#[test]
fn trailers_that_are_too_long_are_refused() {
    let tail = |length: usize| format!("0\r\na:{}\r\n\r\n", "b".repeat(length - 6));
    let (_, trailers) = unsigned(&tail(MAX_TRAILER_BYTES), 0).read(&[100]);
    assert_eq!(trailers.unwrap()["a"].len(), MAX_TRAILER_BYTES - 6);
    let upload = unsigned(&tail(MAX_TRAILER_BYTES + 1), 0);
    assert_eq!(upload.error(), BodyError::TrailersTooLong);
    assert_eq!(BodyError::TrailersTooLong.code(), "MalformedTrailerError");
}

#[test]
fn an_error_stays() {
    let mut decoder = Decoder::unsigned(1);
    decoder.push(Bytes::from_static(b"x\r\n1\r\na\r\n0\r\n\r\n"));
    let error = decoder.next_data().unwrap_err();
    assert_eq!(decoder.next_data(), Err(error.clone()));
    assert!(format!("{decoder:?}").contains("MalformedChunk"));
    assert_eq!(decoder.finish(), Err(error));
}

#[test]
fn a_body_that_was_not_read_cannot_be_finished() {
    let mut decoder = Decoder::unsigned(1);
    decoder.push(Bytes::from_static(b"1\r\na\r\n0\r\n\r\n"));
    assert_eq!(decoder.finish(), Err(BodyError::Unread));
    assert_eq!(
        BodyError::Unread.status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
}

proptest! {
    /// In one piece or in any others, whole or altered, a body gives the same.
    #[test]
    fn how_a_body_is_split_does_not_matter(
        encoding in 0..ENCODINGS.len(),
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..5),
        pieces in proptest::collection::vec(1_usize..50, 1..8),
        edit in proptest::option::of((any::<prop::sample::Index>(), 0_usize..6, "[0-9a-f;:=x\r\n]{0,4}")),
    ) {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let mut upload = Upload::new(ENCODINGS[encoding], &chunks);
        if let Some((at, removed, inserted)) = &edit {
            let at = at.index(upload.body.len());
            let end = (at + removed).min(upload.body.len());
            upload.body.splice(at..end, inserted.bytes());
        }
        let whole = upload.read(&[usize::MAX]);
        prop_assert_eq!(&whole, &upload.read(&pieces));
        prop_assert_eq!(&whole, &upload.read(&[1]));
        if edit.is_none() {
            prop_assert_eq!(whole.0, chunks.concat());
            prop_assert!(whole.1.is_ok());
        }
    }

    /// What is signed and arrives whole is what was sent.
    #[test]
    fn an_altered_signed_body_is_never_accepted_with_other_data(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut upload = upload(Encoding::SignedWithTrailer);
        let at = at.index(upload.body.len());
        upload.body[at] = byte;
        let (data, result) = upload.read(&[usize::MAX]);
        if let Ok(trailers) = result {
            prop_assert_eq!(data, CHUNKS.concat());
            prop_assert_eq!(&trailers["x-amz-checksum-crc32c"], "sOO8/Q==");
        }
    }

    #[test]
    fn any_bytes_are_answered(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        text in "[0-9a-f;:=x\r\n]{0,60}",
        length in 0_usize..40,
    ) {
        for body in [body, text.into_bytes()] {
            let mut upload = Upload::announced(Encoding::UnsignedWithTrailer, &[], length);
            upload.body = body;
            let whole = upload.read(&[usize::MAX]);
            prop_assert_eq!(&whole, &upload.read(&[3]));
            if whole.1.is_ok() {
                prop_assert_eq!(whole.0.len(), length);
            }
        }
    }
}
