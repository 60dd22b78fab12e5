//! What the unit tests of several modules share.

/// Bytes from hexadecimal digits; spaces are for people.
#[allow(clippy::unwrap_used)]
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: String = digits.split_whitespace().collect();
    assert_eq!(digits.len() % 2, 0, "an odd number of digits");
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The same as an array.
#[allow(clippy::unwrap_used)]
pub(crate) fn hex_array<const N: usize>(digits: &str) -> [u8; N] {
    hex(digits).try_into().unwrap()
}
