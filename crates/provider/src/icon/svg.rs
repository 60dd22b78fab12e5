//! A strict check of SVG icons. A prompt draws an icon beside a question about trust, so an icon is a still picture:
//! no script, no reference that leaves the file, no entity, no style sheet. What is not on the short list below is refused,
//! never repaired, so a picture that passes is drawn byte for byte as its author wrote it.
//!
//! `quick-xml` finds the markup. It is laxer than the parsers of drawing libraries, so what it lets through and they read in another
//! way (a bare `>` or `<`, an alias of a namespace, a declaration in the middle) is refused here.

use quick_xml::errors::SyntaxError;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Error, Reader};

/// The deepest nesting of elements that is accepted, so that no drawing library's recursion is at an author's mercy.
pub const MAX_DEPTH: usize = 32;

/// Why an icon is refused. The provider's author is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SvgError {
    /// Elements lie deeper than [`MAX_DEPTH`].
    #[error("the icon nests elements deeper than {MAX_DEPTH}")]
    TooDeep,
    /// Not well-formed XML, as far as this check looks.
    #[error("the icon is not well-formed: {0}")]
    Malformed(&'static str),
    /// A DOCTYPE, CDATA section, entity declaration or processing instruction.
    #[error("the icon has a declaration, which may hide entities or style sheets")]
    Declaration,
    /// Another encoding than UTF-8 is declared, in which the same bytes are another picture.
    #[error("the icon declares another encoding than UTF-8")]
    Encoding,
    /// A character or entity reference where none is needed.
    #[error("the icon has a character reference")]
    Reference,
    /// An element that a still picture does not need.
    #[error("the icon has a <{0}> element")]
    Element(String),
    /// An attribute that runs code or loads something.
    #[error("the icon has the attribute {0}")]
    Attribute(String),
    /// An attribute that refers to something outside the file.
    #[error("the icon refers to something outside itself in {0}")]
    External(String),
}

/// Accepts a still, self-contained SVG picture.
///
/// Refused: anything but the drawing elements (so `script`, `foreignObject`, `style`, `image`, `a`, animation), attributes that
/// begin with `on`, links that do not begin with `#`, `url(…)` that does not point into the file, CSS escapes, DOCTYPE, CDATA,
/// entities, processing instructions other than a leading XML declaration.
///
/// # Errors
/// See [`SvgError`].
pub fn check(text: &str) -> Result<(), SvgError> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(SvgError::Malformed("control character"));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let (mut depth, mut seen_root, mut at_start) = (0_usize, false, true);
    loop {
        match reader.read_event().map_err(|error| malformed(&error))? {
            Event::Eof if depth == 0 && seen_root => return Ok(()),
            Event::Eof => return Err(SvgError::Malformed("the root element has no end")),
            Event::Start(tag) => {
                element(&tag, depth, seen_root)?;
                seen_root = true;
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(SvgError::TooDeep);
                }
            }
            Event::Empty(tag) => {
                element(&tag, depth, seen_root)?;
                seen_root = true;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) => {
                if text.contains('>') {
                    return Err(SvgError::Malformed("a bare > in text"));
                }
                if text.trim().is_empty() {
                    // The one thing that may stand before the declaration.
                    continue;
                }
                if depth == 0 {
                    return Err(SvgError::Malformed("text outside the root element"));
                }
            }
            // The predefined entities cannot smuggle markup past this check, since text is not read as markup again.
            Event::GeneralRef(name) if depth > 0 && PREDEFINED.contains(&&*name) => {}
            Event::GeneralRef(_) => return Err(SvgError::Reference),
            // For HTML such a comment ends where it begins.
            Event::Comment(text) if text.starts_with('>') || text.starts_with("->") => {
                return Err(SvgError::Malformed("a comment that begins with >"));
            }
            Event::Comment(_) => {}
            // A drawing library reads the file in the encoding that it declares; this check has read UTF-8.
            Event::Decl(declared) if at_start => match declared.encoding() {
                None => {}
                Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => {}
                Some(_) => return Err(SvgError::Encoding),
            },
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::CData(_) => return Err(SvgError::Declaration),
        }
        at_start = false;
    }
}

/// Everything a logo is drawn with. No `image`, no `a`, no `style`, no filters (`feImage` loads), no animation (`set` rewrites links).
const ELEMENTS: &[&str] = &[
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "title",
    "desc",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "linearGradient",
    "radialGradient",
    "stop",
    "clipPath",
    "mask",
    "pattern",
];

/// Words that no attribute of a still picture has, wherever they stand in it.
const FORBIDDEN_WORDS: &[&str] = &[
    "javascript:",
    "data:",
    "@import",
    "expression(",
    "image(",
    "image-set(",
    "src(",
];

/// The entities that XML itself has.
const PREDEFINED: &[&str] = &["amp", "lt", "gt", "quot", "apos"];

fn element(tag: &BytesStart<'_>, depth: usize, seen_root: bool) -> Result<(), SvgError> {
    let name = tag.name().into_inner();
    if depth == 0 && (seen_root || name != "svg") {
        return Err(SvgError::Malformed("the root must be one <svg> element"));
    }
    if !ELEMENTS.contains(&name) {
        return Err(SvgError::Element(name.chars().take(40).collect()));
    }
    for found in tag.attributes() {
        let found = found.map_err(|_| SvgError::Malformed("an attribute without a value in quotes, or twice"))?;
        attribute(found.key.into_inner(), &found.value)?;
    }
    Ok(())
}

fn attribute(name: &str, value: &str) -> Result<(), SvgError> {
    let refuse = |kind: fn(String) -> SvgError| Err(kind(name.chars().take(40).collect()));
    if value.contains('<') {
        return Err(SvgError::Malformed("a bare < in an attribute"));
    }
    // References and CSS escapes could spell any of the words below in another way.
    if value.contains('&') || value.contains('\\') {
        return Err(SvgError::Reference);
    }
    if name == "xmlns" {
        return if value == "http://www.w3.org/2000/svg" {
            Ok(())
        } else {
            refuse(SvgError::Attribute)
        };
    }
    if name.starts_with("xmlns:") {
        // A namespace is a name, nothing is fetched from it; but a second prefix for SVG would give `ELEMENTS` aliases.
        return if value == "http://www.w3.org/2000/svg" {
            refuse(SvgError::Attribute)
        } else {
            Ok(())
        };
    }
    let local = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
    if local.starts_with("on") || local == "base" || local == "src" {
        return refuse(SvgError::Attribute);
    }
    if local == "href" && !value.starts_with('#') {
        return refuse(SvgError::External);
    }
    // Comments inside CSS could split the words; an icon needs none.
    let plain = value.to_ascii_lowercase();
    if plain.contains("/*") || FORBIDDEN_WORDS.iter().any(|word| plain.contains(word)) || plain.contains("//") {
        return refuse(SvgError::External);
    }
    let targets_outside = plain.split("url(").skip(1).any(|target| {
        !target
            .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
            .starts_with('#')
    });
    if targets_outside {
        refuse(SvgError::External)
    } else {
        Ok(())
    }
}

/// In words of our own: those of `quick-xml` quote the file.
fn malformed(error: &Error) -> SvgError {
    match error {
        Error::Syntax(SyntaxError::InvalidBangMarkup) => SvgError::Declaration,
        Error::Syntax(_) => SvgError::Malformed("a tag or comment without an end"),
        Error::IllFormed(_) => SvgError::Malformed("a tag without its counterpart, or a bare & or --"),
        _ => SvgError::Malformed("markup that cannot be read"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<!-- a key -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 16 16">
  <title>Key &amp; ring</title>
  <defs><linearGradient id="g"><stop offset="0" stop-color="#fff"/></linearGradient></defs>
  <g style="fill: url( '#g')" ><path d='M0 0h16v16z' fill="url(#g)"/><use xlink:href="#g" /></g>
</svg>
"##;

    fn wrapped(inner: &str) -> String {
        format!(r#"<svg xmlns="http://www.w3.org/2000/svg">{inner}</svg>"#)
    }

    #[test]
    fn a_plain_picture_passes() {
        assert_eq!(check(GOOD), Ok(()));
        assert_eq!(check(&format!("\u{feff}\n{GOOD}")), Ok(()));
    }

    #[test]
    fn what_runs_or_loads_is_refused() {
        for bad in [
            "<script>alert(1)</script>",
            "<SCRIPT/>",
            "<svg:script/>",
            "<foreignObject/>",
            "<style>@import 'http://x'</style>",
            "<image href='#x'/>",
            "<animate attributeName='href' to='http://x'/>",
            "<set attributeName='onload'/>",
            "<a href='#x'/>",
        ] {
            assert!(matches!(check(&wrapped(bad)), Err(SvgError::Element(_))), "{bad}");
        }
        for bad in [
            "<g onload='x'/>",
            "<g ONCLICK='x'/>",
            "<g x:onclick='x'/>",
            "<g xml:base='http://x'/>",
        ] {
            assert!(matches!(check(&wrapped(bad)), Err(SvgError::Attribute(_))), "{bad}");
        }
        for bad in [
            "<use href='http://x/y.svg#z'/>",
            "<use xlink:href=' #a'/>",
            "<use href='javascript:x'/>",
            "<use href='data:image/svg+xml,x'/>",
            "<g fill='url(http://x)'/>",
            "<g style='fill:URL( \"//x\")'/>",
            "<g style='fill:ur/**/l(x)'/>",
            "<g style='background:image-set(x)'/>",
        ] {
            assert!(matches!(check(&wrapped(bad)), Err(SvgError::External(_))), "{bad}");
        }
        for bad in [
            "<g style='fill:\\75rl(x)'/>",
            "<g x='&#106;avascript:'/>",
            "<title>&x;</title>",
            "<title>&#60;</title>",
        ] {
            assert_eq!(check(&wrapped(bad)), Err(SvgError::Reference), "{bad}");
        }
        for bad in [
            "<!DOCTYPE svg []>",
            "<?xml-stylesheet href='x'?>",
            "<![CDATA[<script>]]>",
            "<!ENTITY x 'y'>",
        ] {
            assert_eq!(check(&wrapped(bad)), Err(SvgError::Declaration), "{bad}");
            assert_eq!(
                check(&format!("{bad}{}", wrapped(""))),
                Err(SvgError::Declaration),
                "{bad}"
            );
        }
    }

    #[test]
    fn what_is_another_picture_in_the_encoding_that_it_declares_is_refused() {
        for encoding in ["UTF-7", "utf-16", "ISO-2022-JP", "EBCDIC-CP-US", "", "UTF-8 "] {
            let hidden = format!(
                "<?xml version='1.0' encoding='{encoding}'?>{}",
                wrapped("<title>+ADw-image/+AD4-</title>")
            );
            assert_eq!(check(&hidden), Err(SvgError::Encoding), "{encoding}");
        }
        for encoding in ["UTF-8", "utf-8"] {
            assert_eq!(
                check(&format!("<?xml version='1.0' encoding='{encoding}'?>{}", wrapped(""))),
                Ok(())
            );
        }
    }

    #[test]
    fn what_is_not_one_svg_element_is_refused() {
        for bad in [
            "",
            "x",
            "<g/>",
            "<svg>",
            "<svg></g>",
            "<svg/><svg/>",
            "<svg/>x",
            "<svg x=1/>",
            "<svg x='1' x='2'/>",
            "<svg><!-- a -- b --></svg>",
            "<svg><!--><script/>--></svg>",
            "<svg>a > b</svg>",
            "<svg x='<'/>",
            "<svg",
            "<!--",
        ] {
            assert!(matches!(check(bad), Err(SvgError::Malformed(_))), "{bad}");
        }
        assert_eq!(check(&wrapped(&"<g>".repeat(MAX_DEPTH))), Err(SvgError::TooDeep));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_text_is_judged_without_panic(text in "[<>/!?='\"&#a-z \\-]{0,80}") {
            if check(&text).is_ok() {
                prop_assert!(!text.contains("<script"));
            }
        }
    }
}
