//! The fuzz targets, driven by mutations of good inputs. The seed is fixed; how far a run comes depends on
//! the machine, so a failure prints its input.

mod decoder;
mod presented;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

const SEED: u64 = 0x5eed_0f5c_4e77;
/// How long each target runs with every run of the tests.
const SHORT: Duration = Duration::from_secs(1);
/// How long each runs when it is asked for; nextest ends a test after 5 minutes.
const LONG: Duration = Duration::from_mins(4);
/// How many inputs are kept to be mutated further.
const MAX_INPUTS: usize = 4096;
const MAX_INPUT_BYTES: usize = 4096;
/// What a mutation inserts: the words and the edges of both formats.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"0\r\n\r\n",
    b";chunk-signature=",
    b"x-amz-checksum-crc32:AAAAAA==\r\n",
    b"x-amz-trailer-signature:",
    b"ffffffffffffffff",
    b"00000000000000005",
    b"X-Amz-Signature=",
    b"X-Amz-Algorithm=AWS4-HMAC-SHA256&",
    b"Credential=",
    b"SignedHeaders=host",
    b"x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    b"UNSIGNED-PAYLOAD",
    b"x-amz-date:20130524T000000Z",
    b"%2F",
    b"%",
    b"&",
    b";",
    b"/",
];
const BODIES: &[&[u8]] = &[
    b"\x0b\x035\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    b"\x05\x025\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
    b"\x00\x010\r\n\r\n",
];
const REQUESTS: &[&[u8]] = &[
    b"GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nx-amz-date:20130524T000000Z\n\
      x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\
      authorization:AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
      SignedHeaders=host;x-amz-content-sha256;x-amz-date,\
      Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    b"GET\n/test.txt\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F\
      us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&\
      X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404\n\
      host:examplebucket.s3.amazonaws.com",
    b"PUT\n/a\n\nhost:h\nx-amz-date:20130524T000000Z\nx-amz-decoded-content-length:5\n\
      x-amz-content-sha256:STREAMING-UNSIGNED-PAYLOAD-TRAILER\nx-amz-trailer:x-amz-checksum-crc32\n\
      authorization:AWS4-HMAC-SHA256 Credential=A/20130524/us-east-1/s3/aws4_request,\
      SignedHeaders=host;x-amz-content-sha256;x-amz-date,\
      Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
];

#[test]
fn no_body_breaks_the_decoder() {
    drive(BODIES, decoder::check, SHORT);
}

#[test]
fn no_request_breaks_the_reader_of_signatures() {
    drive(REQUESTS, presented::check, SHORT);
}

#[test]
#[ignore = "it takes four minutes"]
fn no_body_breaks_the_decoder_in_four_minutes() {
    drive(BODIES, decoder::check, LONG);
}

#[test]
#[ignore = "it takes four minutes"]
fn no_request_breaks_the_reader_of_signatures_in_four_minutes() {
    drive(REQUESTS, presented::check, LONG);
}

/// Mutates `seeds` until the time is over. An input with an outcome that was not seen before is mutated
/// further.
#[expect(
    clippy::print_stderr,
    reason = "the figures are for whoever runs it by hand"
)]
fn drive(seeds: &[&[u8]], check: fn(&[u8]) -> String, time: Duration) {
    let mut inputs: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
    let mut outcomes: BTreeSet<String> = seeds.iter().map(|seed| check(seed)).collect();
    let mut random = Random(SEED);
    let (began, mut executions) = (Instant::now(), 0_u64);
    while began.elapsed() < time {
        let mut input = random.pick(&inputs).clone();
        for _ in 0..=random.below(4) {
            mutate(&mut input, &inputs, &mut random);
        }
        input.truncate(MAX_INPUT_BYTES);
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&input)));
        let outcome =
            outcome.unwrap_or_else(|_| panic!("broken by {:?}", input.escape_ascii().to_string()));
        executions += 1;
        if outcomes.len() < MAX_INPUTS && outcomes.insert(outcome) {
            inputs.push(input);
        }
    }
    eprintln!("{executions} executions, {} outcomes", outcomes.len());
    assert!(
        outcomes.len() > seeds.len(),
        "the mutations reach nothing new"
    );
}

fn mutate(input: &mut Vec<u8>, inputs: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = (at + random.below(16)).min(input.len());
    match random.below(6) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = u8::try_from(random.below(256)).unwrap(),
        2 => drop(input.drain(at..end)),
        3 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        4 => {
            let other = random.pick(inputs);
            let from = random.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            let word = *random.pick(WORDS);
            input.splice(at..at, word.iter().copied());
        }
    }
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 32).unwrap() % limit
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.below(all.len());
        &all[at]
    }
}
