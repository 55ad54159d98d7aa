//! `check` of `tests/it/fuzz/decoder.rs`, driven by libFuzzer.
#![no_main]

#[path = "../../tests/it/fuzz/decoder.rs"]
mod decoder;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    decoder::check(input);
});
