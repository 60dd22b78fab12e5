//! Reading the page's JSON: bounded, and with an error that names the member.
//!
//! The options are read member by member and not with derived deserialisers, for two reasons: `serde_json`'s messages quote what
//! they choke on, and a challenge or a PRF salt must not reach a log; and `WebIDL`'s rules (unknown enumeration values count as
//! absent) are per member.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{Error, limits};

/// Parses the text of an options object within the limits of [`limits`].
pub(crate) fn parse_object(json: &str) -> Result<Map<String, Value>, Error> {
    if json.len() > limits::MAX_JSON_BYTES {
        return Err(Error::malformed("the request", "is too long"));
    }
    if depth(json) > limits::MAX_JSON_DEPTH {
        return Err(Error::malformed("the request", "is nested too deeply"));
    }
    match serde_json::from_str(json) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Error::malformed("the request", "is not an object")),
        Err(_) => Err(Error::malformed("the request", "is not valid JSON")),
    }
}

/// One JSON object and where it stands in the options. `null` counts as absent everywhere.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a> {
    path: &'a str,
    map: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// `path` is how errors name the object: empty for the options themselves.
    pub(crate) fn new(path: &'a str, map: &'a Map<String, Value>) -> Self {
        Self { path, map }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The error for a member of this object.
    pub(crate) fn error(&self, name: &str, problem: &'static str) -> Error {
        let dot = if self.path.is_empty() { "" } else { "." };
        Error::malformed(format!("{}{dot}{name}", self.path), problem)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(name, "is not a string")),
        }
    }

    pub(crate) fn required_text(&self, name: &str) -> Result<&'a str, Error> {
        self.text(name)?.ok_or_else(|| self.error(name, "is missing"))
    }

    /// A human-readable string, cut to what is worth showing and storing (L3 §6.4.1 lets a client truncate from 64 bytes on).
    pub(crate) fn required_name(&self, name: &str) -> Result<String, Error> {
        let text = self.required_text(name)?;
        let end = text.floor_char_boundary(limits::MAX_NAME_BYTES);
        Ok(text.get(..end).unwrap_or(text).to_owned())
    }

    /// A base64url member, decoded. Zeroised on drop, because PRF inputs come this way.
    pub(crate) fn bytes(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        base64url(text)
            .map(Some)
            .ok_or_else(|| self.error(name, "is not base64url"))
    }

    pub(crate) fn required_bytes(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.bytes(name)?.ok_or_else(|| self.error(name, "is missing"))
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.error(name, "is not a boolean")),
        }
    }

    pub(crate) fn unsigned(&self, name: &str) -> Result<Option<u64>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| self.error(name, "is not a whole number")),
        }
    }

    pub(crate) fn required_integer(&self, name: &str) -> Result<i64, Error> {
        let value = self.value(name).ok_or_else(|| self.error(name, "is missing"))?;
        value.as_i64().ok_or_else(|| self.error(name, "is not a whole number"))
    }

    pub(crate) fn object(&self, name: &'a str) -> Result<Option<Object<'a>>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Object { path: name, map })),
            Some(_) => Err(self.error(name, "is not an object")),
        }
    }

    pub(crate) fn required_object(&self, name: &'a str) -> Result<Object<'a>, Error> {
        self.object(name)?.ok_or_else(|| self.error(name, "is missing"))
    }

    /// A list of objects; absent is empty.
    pub(crate) fn objects(&self, name: &'a str, most: usize) -> Result<Vec<Object<'a>>, Error> {
        let items = self.list(name, most)?.iter();
        items
            .map(|item| match item {
                Value::Object(map) => Ok(Object { path: name, map }),
                _ => Err(self.error(name, "has an element that is not an object")),
            })
            .collect()
    }

    /// A list of strings; absent is empty.
    pub(crate) fn texts(&self, name: &str, most: usize) -> Result<Vec<&'a str>, Error> {
        let items = self.list(name, most)?.iter();
        items
            .map(|item| {
                item.as_str()
                    .ok_or_else(|| self.error(name, "has an element that is not a string"))
            })
            .collect()
    }

    /// The members, for maps whose keys are data (`evalByCredential`).
    pub(crate) fn members(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.map.iter().map(|(name, value)| (name.as_str(), value))
    }

    fn list(&self, name: &str, most: usize) -> Result<&'a [Value], Error> {
        match self.value(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) if items.len() <= most => Ok(items),
            Some(Value::Array(_)) => Err(self.error(name, "has too many elements")),
            Some(_) => Err(self.error(name, "is not a list")),
        }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }
}

/// Base64url without padding and without stray bits (L3 §3, "Base64url Encoding").
pub(crate) fn base64url(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok().map(Zeroizing::new)
}

/// How deeply brackets nest outside strings. Meant for text that may not be JSON at all: it only has to be right when it is.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        for (text, expected) in [
            ("", 0),
            ("{}", 1),
            ("[[{}]]", 3),
            (r#"{"[[[[":"{\"{{"}"#, 1),
            ("]]]][", 1),
            (r#"{"a":[],"b":[[]]}"#, 3),
        ] {
            assert_eq!(depth(text), expected, "{text}");
        }
    }

    #[test]
    fn limits_are_enforced() {
        let deep = format!(
            "{{\"a\":{}{}}}",
            "[".repeat(limits::MAX_JSON_DEPTH),
            "]".repeat(limits::MAX_JSON_DEPTH)
        );
        assert_eq!(
            parse_object(&deep),
            Err(Error::malformed("the request", "is nested too deeply"))
        );
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(limits::MAX_JSON_BYTES));
        assert_eq!(parse_object(&long), Err(Error::malformed("the request", "is too long")));
        assert!(parse_object("[]").is_err());
        assert!(parse_object("{").is_err());
        assert!(parse_object("{\"a\":null}").is_ok());
    }

    #[test]
    fn base64url_is_strict() {
        assert_eq!(base64url("").unwrap().len(), 0);
        assert_eq!(base64url("_-8").unwrap().as_slice(), [0xff, 0xef]);
        for bad in ["_-8=", "+/8", "A", "AB", "A A", "AA\n"] {
            assert!(base64url(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn errors_name_the_member_and_not_its_contents() {
        let map = parse_object(r#"{"user":{"id":"sécret!"}}"#).unwrap();
        let options = Object::new("", &map);
        let user = options.required_object("user").unwrap();
        let error = user.required_bytes("id").unwrap_err();
        assert_eq!(error, Error::malformed("user.id", "is not base64url"));
        assert!(!error.to_string().contains("cret"));
        assert_eq!(
            options.required_text("challenge").unwrap_err(),
            Error::malformed("challenge", "is missing")
        );
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = parse_object(&text);
        }
    }
}
