//! A strict check of provider icons. A prompt draws an icon beside a question about trust, so an icon is a still picture:
//! no script, no reference that leaves the file, no entity, no style sheet. What is not on the short list below is refused,
//! never repaired, so a picture that passes is drawn byte for byte as its author wrote it.

/// The most bytes that an icon may have.
pub const MAX_BYTES: usize = 64 * 1024;

/// The deepest nesting of elements that is accepted, so that no drawing library's recursion is at an author's mercy.
pub const MAX_DEPTH: usize = 32;

/// Why an icon is refused. The provider's author is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SvgError {
    /// More than [`MAX_BYTES`].
    #[error("the icon has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// Elements lie deeper than [`MAX_DEPTH`].
    #[error("the icon nests elements deeper than {MAX_DEPTH}")]
    TooDeep,
    /// Not well-formed XML, as far as this check looks.
    #[error("the icon is not well-formed: {0}")]
    Malformed(&'static str),
    /// A DOCTYPE, CDATA section, entity declaration or processing instruction.
    #[error("the icon has a declaration, which may hide entities or style sheets")]
    Declaration,
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

/// Accepts a still, self-contained SVG picture and hands it back unchanged.
///
/// Refused: anything but the drawing elements (so `script`, `foreignObject`, `style`, `image`, `a`, animation), attributes that
/// begin with `on`, links that do not begin with `#`, `url(…)` that does not point into the file, CSS escapes, DOCTYPE, CDATA,
/// entities, processing instructions other than a leading XML declaration, more than 64 KiB.
pub fn check(text: &str) -> Result<&str, SvgError> {
    if text.len() > MAX_BYTES {
        return Err(SvgError::TooLarge);
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(SvgError::Malformed("control character"));
    }
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    if let Some(after) = rest.strip_prefix("<?xml ") {
        rest = after
            .split_once("?>")
            .ok_or(SvgError::Malformed("XML declaration without an end"))?
            .1;
    }
    let mut open: Vec<&str> = Vec::new();
    let mut seen_root = false;
    while let Some((before, after)) = rest.split_once('<') {
        character_data(before, open.is_empty())?;
        rest = after;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment
                .split_once("-->")
                .ok_or(SvgError::Malformed("comment without an end"))?
                .1;
        } else if rest.starts_with('!') || rest.starts_with('?') {
            return Err(SvgError::Declaration);
        } else if let Some(closing) = rest.strip_prefix('/') {
            let (name, after) = closing
                .split_once('>')
                .ok_or(SvgError::Malformed("tag without an end"))?;
            if open.pop() != Some(name.trim_end()) {
                return Err(SvgError::Malformed("closing tag without its opening one"));
            }
            rest = after;
        } else {
            let (name, after) = split_name(rest);
            if open.is_empty() && (seen_root || name != "svg") {
                return Err(SvgError::Malformed("the root must be one <svg> element"));
            }
            seen_root = true;
            if !ELEMENTS.contains(&name) {
                return Err(SvgError::Element(name.chars().take(40).collect()));
            }
            let (self_closing, after) = attributes(after)?;
            rest = after;
            if !self_closing {
                open.push(name);
            }
            if open.len() > MAX_DEPTH {
                return Err(SvgError::TooDeep);
            }
        }
    }
    character_data(rest, true)?;
    if !seen_root || !open.is_empty() {
        return Err(SvgError::Malformed("the root element has no end"));
    }
    Ok(text)
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

fn character_data(text: &str, outside: bool) -> Result<(), SvgError> {
    if outside && !text.trim().is_empty() {
        return Err(SvgError::Malformed("text outside the root element"));
    }
    if text.contains('>') {
        return Err(SvgError::Malformed("a bare > in text"));
    }
    // The predefined entities cannot smuggle markup past this check, since text is not read as markup again.
    text.split('&').skip(1).try_for_each(|after| {
        ["amp;", "lt;", "gt;", "quot;", "apos;"]
            .iter()
            .any(|entity| after.starts_with(entity))
            .then_some(())
            .ok_or(SvgError::Reference)
    })
}

/// Reads attributes up to and with `>` or `/>`. Says whether the element is closed by itself, and what follows.
fn attributes(mut rest: &str) -> Result<(bool, &str), SvgError> {
    loop {
        let trimmed = rest.trim_start();
        if let Some(after) = trimmed.strip_prefix("/>") {
            return Ok((true, after));
        }
        if let Some(after) = trimmed.strip_prefix('>') {
            return Ok((false, after));
        }
        if trimmed.len() == rest.len() {
            return Err(SvgError::Malformed("no space before an attribute"));
        }
        let (name, after) = split_name(trimmed);
        if name.is_empty() {
            return Err(SvgError::Malformed("attribute without a name"));
        }
        let value = after
            .trim_start()
            .strip_prefix('=')
            .ok_or(SvgError::Malformed("attribute without a value"))?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or(SvgError::Malformed("attribute value without quotes"))?;
        let (value, after) = value
            .strip_prefix(quote)
            .and_then(|inner| inner.split_once(quote))
            .ok_or(SvgError::Malformed("attribute value without an end"))?;
        attribute(name, value)?;
        rest = after;
    }
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

fn split_name(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))
        .unwrap_or(text.len());
    text.split_at(end)
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
    fn a_plain_picture_passes_unchanged() {
        assert_eq!(check(GOOD), Ok(GOOD));
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
            "<svg x='1'y='2'/>",
            "<svg",
            "<!--",
        ] {
            assert!(matches!(check(bad), Err(SvgError::Malformed(_))), "{bad}");
        }
        assert_eq!(check(&wrapped(&"<g>".repeat(MAX_DEPTH))), Err(SvgError::TooDeep));
        assert_eq!(check(&" ".repeat(MAX_BYTES + 1)), Err(SvgError::TooLarge));
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
