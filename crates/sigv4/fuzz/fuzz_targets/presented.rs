//! `check` of `tests/it/fuzz/presented.rs`, driven by libFuzzer.
#![no_main]

#[path = "../../tests/it/fuzz/presented.rs"]
mod presented;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    presented::check(input);
});
