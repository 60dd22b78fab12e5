//! The frames of native messaging: a length of four bytes in the machine's byte order, then that many bytes of JSON.
//!
//! ```
//! use claviger_doors::browser::native_host::framing::{read_frame, write_frame};
//!
//! let mut pipe = Vec::new();
//! write_frame(&mut pipe, br#"{"type":"ping"}"#)?;
//! let mut input = pipe.as_slice();
//! assert_eq!(read_frame(&mut input)?.as_deref(), Some(br#"{"type":"ping"}"#.as_slice()));
//! assert_eq!(read_frame(&mut input)?, None);
//! # Ok::<(), claviger_doors::browser::native_host::framing::FramingError>(())
//! ```

use std::io::{self, Read, Write};

use thiserror::Error;

/// Longest message that is taken from the browser, in bytes. Chromium would send up to 64 MiB.
pub const MAX_IN: usize = 1024 * 1024;

/// Longest message that Chromium takes from a host, in bytes.
pub const MAX_OUT: usize = 1024 * 1024;

/// Reads one frame; `None` when the input ends before a frame begins, as it does when the extension closes its port.
///
/// Blocks until the frame is complete. No more memory is taken than bytes arrive.
pub fn read_frame(input: &mut impl Read) -> Result<Option<Vec<u8>>, FramingError> {
    let mut length = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut length)?;
    if length.is_empty() {
        return Ok(None);
    }
    let length: [u8; 4] = length.try_into().map_err(|_| FramingError::Truncated)?;
    let length = usize::try_from(u32::from_ne_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_IN {
        return Err(FramingError::TooLong(length));
    }
    let mut body = Vec::new();
    // `length` is at most MAX_IN, so it fits in 64 bits anywhere.
    input.take(length as u64).read_to_end(&mut body)?;
    if body.len() < length {
        return Err(FramingError::Truncated);
    }
    Ok(Some(body))
}

/// Writes one frame and flushes it.
pub fn write_frame(output: &mut impl Write, body: &[u8]) -> Result<(), FramingError> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_OUT);
    let length = length.ok_or(FramingError::TooLong(body.len()))?;
    output.write_all(&length.to_ne_bytes())?;
    output.write_all(body)?;
    output.flush()?;
    Ok(())
}

/// Why a frame could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FramingError {
    /// The other side: a longer frame than this protocol has, in bytes.
    #[error("a message of {0} bytes is too long")]
    TooLong(usize),
    /// The other side: the input ended inside a frame.
    #[error("the input ended inside a message")]
    Truncated,
    /// The pipe.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_the_input_is_told_from_a_cut() {
        assert!(read_frame(&mut io::empty()).unwrap().is_none());
        for cut in [
            &[1_u8][..],
            &[1, 0, 0],
            &5_u32.to_ne_bytes(),
            &[&5_u32.to_ne_bytes()[..], b"1234"].concat(),
        ] {
            assert!(matches!(read_frame(&mut &*cut), Err(FramingError::Truncated)));
        }
    }

    #[test]
    fn long_frames_are_refused_both_ways() {
        let claimed = u32::try_from(MAX_IN + 1).unwrap().to_ne_bytes();
        assert!(matches!(read_frame(&mut &claimed[..]), Err(FramingError::TooLong(length)) if length == MAX_IN + 1));
        assert!(matches!(read_frame(&mut &[0xff; 4][..]), Err(FramingError::TooLong(_))));
        assert!(matches!(
            write_frame(&mut io::sink(), &vec![0; MAX_OUT + 1]),
            Err(FramingError::TooLong(_))
        ));
        assert!(write_frame(&mut io::sink(), &vec![0; MAX_OUT]).is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut input = bytes.as_slice();
            while let Ok(Some(body)) = read_frame(&mut input) {
                prop_assert!(body.len() <= bytes.len());
            }
        }

        #[test]
        fn what_is_written_is_read(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
            let mut wire = Vec::new();
            for body in &bodies {
                write_frame(&mut wire, body).unwrap();
            }
            let mut input = wire.as_slice();
            for body in &bodies {
                let read = read_frame(&mut input).unwrap();
                prop_assert_eq!(read.as_ref(), Some(body));
            }
            prop_assert!(read_frame(&mut input).unwrap().is_none());
        }
    }
}
