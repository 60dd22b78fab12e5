//! The one check that a provider's picture passes before anything draws it: [`svg`] for drawings, [`png`] for photographs of them.
//!
//! A picture that passes is handed on byte for byte. One that does not is refused, never repaired, and its provider is shown without.

pub mod png;
pub mod svg;

/// The most bytes that an icon may have.
pub const MAX_BYTES: usize = 64 * 1024;

/// A picture that has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Icon {
    /// A still drawing that loads and runs nothing.
    Svg(String),
    /// A PNG file of at most [`png::MAX_SIDE`] pixels each way.
    Png(Vec<u8>),
}

/// Why an icon is refused. The provider's author is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IconError {
    /// More than [`MAX_BYTES`].
    #[error("the icon has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is neither of the two kinds.
    #[error("the icon is neither an SVG nor a PNG file")]
    Unknown,
    /// No SVG file that is drawn here.
    #[error(transparent)]
    Svg(#[from] svg::SvgError),
    /// No PNG file that is drawn here.
    #[error(transparent)]
    Png(#[from] png::PngError),
}

impl Icon {
    /// Accepts a still, self-contained picture.
    ///
    /// # Errors
    /// The provider's author is at fault: see [`svg::check`] and [`png::check`].
    pub fn check(bytes: Vec<u8>) -> Result<Self, IconError> {
        if bytes.len() > MAX_BYTES {
            return Err(IconError::TooLarge);
        }
        if bytes.starts_with(&png::SIGNATURE) {
            png::check(&bytes)?;
            return Ok(Self::Png(bytes));
        }
        let text = String::from_utf8(bytes).map_err(|_| IconError::Unknown)?;
        svg::check(&text)?;
        Ok(Self::Svg(text))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_first_bytes() {
        let drawing = r#"<svg xmlns="http://www.w3.org/2000/svg"/>"#;
        assert_eq!(Icon::check(drawing.into()), Ok(Icon::Svg(drawing.to_owned())));
        let photograph = png::tests::picture(1, 1);
        assert_eq!(Icon::check(photograph.clone()), Ok(Icon::Png(photograph)));
        for other in [&b"\xff\xd8\xff\xe0"[..], b"\x89PNX"] {
            assert_eq!(Icon::check(other.to_vec()), Err(IconError::Unknown));
        }
        assert_eq!(Icon::check(vec![b' '; MAX_BYTES + 1]), Err(IconError::TooLarge));
    }
}
