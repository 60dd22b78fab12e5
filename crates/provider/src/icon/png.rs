//! A strict check of PNG icons, before a decoder sees one: how large the picture says that it is, and that there is nothing in it that a
//! still picture does without. The pixels are the decoder's matter (PNG, third edition, section 5).

/// What every PNG file begins with.
pub const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The widest and highest that an icon may be, in pixels.
pub const MAX_SIDE: u32 = 512;

/// Why a PNG file is refused. The provider's author is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PngError {
    /// Not the parts of a PNG file, whole and in order.
    #[error("the icon is not a whole PNG file: {0}")]
    Malformed(&'static str),
    /// Wider or higher than [`MAX_SIDE`], or empty.
    #[error("the icon is {width} × {height} pixels; the most is {MAX_SIDE} × {MAX_SIDE}")]
    Size {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// A part that a still picture does without: an animation, a colour profile, compressed text.
    #[error("the icon has a part of the kind {0}, which a still picture does without")]
    Part(String),
}

/// The parts that a still picture is made of. Others are refused: they move (`acTL`), or give a decoder more to decode (`iCCP`, `zTXt`,
/// `iTXt`, `eXIf`).
const PARTS: [&[u8; 4]; 12] = [
    b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"sBIT", b"bKGD", b"tIME",
];

/// Accepts a PNG file that says a size of at most [`MAX_SIDE`] pixels each way and holds nothing but a still picture.
///
/// # Errors
/// See [`PngError`].
pub fn check(bytes: &[u8]) -> Result<(), PngError> {
    let mut rest = bytes
        .strip_prefix(&SIGNATURE)
        .ok_or(PngError::Malformed("it does not begin like one"))?;
    let (mut first, mut pixels) = (true, false);
    loop {
        let (kind, content, after) = part(rest).ok_or(PngError::Malformed("a part is cut off"))?;
        rest = after;
        if !PARTS.contains(&kind) {
            let kind = kind.iter().map(|byte| char::from(*byte));
            return Err(PngError::Part(kind.filter(char::is_ascii_alphanumeric).collect()));
        }
        match kind {
            b"IHDR" if first => header(content)?,
            b"IHDR" => return Err(PngError::Malformed("two headers")),
            _ if first => return Err(PngError::Malformed("no header")),
            b"IDAT" => pixels = true,
            b"IEND" if !pixels => return Err(PngError::Malformed("no pixels")),
            b"IEND" if !content.is_empty() || !rest.is_empty() => {
                return Err(PngError::Malformed("something stands behind its end"));
            }
            b"IEND" => return Ok(()),
            _ => {}
        }
        first = false;
    }
}

/// The kind and content of the first part, and what stands behind it. Its checksum is the decoder's to compare.
fn part(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (content, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let (_checksum, rest) = rest.split_first_chunk::<4>()?;
    Some((kind, content, rest))
}

fn header(content: &[u8]) -> Result<(), PngError> {
    let wrong = PngError::Malformed("its header is none");
    let Some((width, rest)) = content.split_first_chunk::<4>() else {
        return Err(wrong);
    };
    let Some((height, [depth, colour, 0, 0, 0 | 1])) = rest.split_first_chunk::<4>() else {
        return Err(wrong);
    };
    let fits = match colour {
        0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
        3 => matches!(depth, 1 | 2 | 4 | 8),
        2 | 4 | 6 => matches!(depth, 8 | 16),
        _ => false,
    };
    if !fits {
        return Err(wrong);
    }
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    if [width, height].iter().all(|side| (1..=MAX_SIDE).contains(side)) {
        Ok(())
    } else {
        Err(PngError::Size { width, height })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        // No decoder sees it here, so the checksum is nobody's.
        [&length[..], &kind, content, &[0; 4]].concat()
    }

    fn header_of(width: u32, height: u32) -> Vec<u8> {
        let content = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
        part(*b"IHDR", &content)
    }

    fn file(parts: &[Vec<u8>]) -> Vec<u8> {
        [&SIGNATURE[..], &parts.concat()].concat()
    }

    /// A file of the parts of a picture; its pixels are none.
    pub fn picture(width: u32, height: u32) -> Vec<u8> {
        file(&[header_of(width, height), part(*b"IDAT", b"pixels"), part(*b"IEND", b"")])
    }

    #[test]
    fn a_still_picture_passes() {
        assert_eq!(check(&picture(1, 512)), Ok(()));
        let more = file(&[
            header_of(16, 16),
            part(*b"sRGB", &[0]),
            part(*b"IDAT", b"x"),
            part(*b"IDAT", b"y"),
            part(*b"IEND", b""),
        ]);
        assert_eq!(check(&more), Ok(()));
    }

    #[test]
    fn a_size_that_is_too_large_is_refused_before_anything_is_decoded() {
        for (width, height) in [(513, 1), (1, 513), (0, 1), (1, 0), (u32::MAX, u32::MAX)] {
            assert_eq!(check(&picture(width, height)), Err(PngError::Size { width, height }));
        }
    }

    #[test]
    fn what_moves_or_has_more_to_decode_is_refused() {
        for kind in [b"acTL", b"fcTL", b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"tEXt", b"xXxX"] {
            let bytes = file(&[
                header_of(1, 1),
                part(*kind, b"x"),
                part(*b"IDAT", b"x"),
                part(*b"IEND", b""),
            ]);
            let named = String::from_utf8(kind.to_vec()).unwrap();
            assert_eq!(check(&bytes), Err(PngError::Part(named)));
        }
    }

    #[test]
    fn what_is_not_one_whole_picture_is_refused() {
        let whole = picture(1, 1);
        for end in 0..whole.len() {
            assert!(matches!(check(&whole[..end]), Err(PngError::Malformed(_))), "{end}");
        }
        let (head, data, end) = (header_of(1, 1), part(*b"IDAT", b"x"), part(*b"IEND", b""));
        for parts in [
            vec![data.clone(), head.clone(), end.clone()],
            vec![head.clone(), head.clone(), data.clone(), end.clone()],
            vec![head.clone(), end.clone()],
            vec![head.clone(), data.clone(), end.clone(), data.clone()],
            vec![part(*b"IHDR", &[0; 13]), data.clone(), end.clone()],
            vec![part(*b"IHDR", &[0; 12]), data, end],
        ] {
            assert!(matches!(check(&file(&parts)), Err(PngError::Malformed(_))), "{parts:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_judged_without_panic(at in 0..60_usize, byte: u8, tail in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut bytes = picture(1, 1);
            if let Some(there) = bytes.get_mut(at) {
                *there = byte;
            }
            bytes.extend(tail);
            let _ = check(&bytes);
        }
    }
}
