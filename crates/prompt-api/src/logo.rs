//! Pictures of providers: what their authors draw them by, checked by the broker and carried as bytes that a window may decode.
//!
//! A picture is bounded in bytes and pixels, still, and refers to nothing outside itself. It is a claim all the same: it stands beside
//! the provider's name and in the place of nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The most providers whose logos go with one view.
pub const MAX_LOGOS: usize = 16;

/// A provider's logo, for either kind of surroundings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Logos {
    /// For light ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub light: Option<Logo>,
    /// For dark ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dark: Option<Logo>,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Logo {
    /// What the bytes are.
    pub format: Format,
    /// The bytes in base64, with padding.
    data: String,
}

/// What a picture's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// An SVG file.
    Svg,
    /// A PNG file.
    Png,
    /// One of a later version's, which is not drawn.
    #[serde(other)]
    Other,
}

impl Logos {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.light.is_none() && self.dark.is_none()
    }

    /// The one for these surroundings, or else the other one.
    pub fn suited(&self, dark: bool) -> Option<&Logo> {
        let (first, second) = if dark {
            (&self.dark, &self.light)
        } else {
            (&self.light, &self.dark)
        };
        first.as_ref().or(second.as_ref())
    }
}

impl Logo {
    /// A picture that has been checked.
    pub fn new(format: Format, bytes: &[u8]) -> Self {
        Self {
            format,
            data: STANDARD.encode(bytes),
        }
    }

    /// The bytes; `None` where what came is no base64.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.data).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_logo_has_the_agreed_json_form() {
        let logos = Logos {
            light: Some(Logo::new(Format::Svg, b"<svg/>")),
            dark: None,
        };
        let text = json!({"light": {"format": "svg", "data": "PHN2Zy8+"}});
        assert_eq!(serde_json::to_value(&logos).unwrap(), text);
        let read: Logos = serde_json::from_value(text).unwrap();
        assert_eq!(read.suited(true).unwrap().bytes().unwrap(), b"<svg/>");
        assert_eq!(read, logos);
    }

    #[test]
    fn what_cannot_be_read_is_not_drawn() {
        let read: Logo = serde_json::from_value(json!({"format": "webp", "data": "!"})).unwrap();
        assert_eq!((read.format, read.bytes()), (Format::Other, None));
    }
}
