//! Unpredictable values, from the operating system's generator.

use rand::TryRngCore;
use rand::rngs::OsRng;

/// `N` bytes that nobody can guess.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng
        .try_fill_bytes(&mut bytes)
        .expect("the operating system has a random generator");
    bytes
}

/// `length` characters out of `A–Z2–7` (5 bits each): 32 of them hold 160 bits.
pub fn random_token(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bytes = vec![0; length];
    OsRng
        .try_fill_bytes(&mut bytes)
        .expect("the operating system has a random generator");
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_have_the_asked_length() {
        assert_eq!(random_token(16).len(), 16);
        assert_ne!(random_token(32), random_token(32));
        assert_ne!(random_bytes::<16>(), random_bytes::<16>());
    }
}
