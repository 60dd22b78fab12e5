//! The collected client data: what the relying party's challenge and the page's origin are signed as.
//!
//! WebAuthn L3 §5.8.1.1 fixes the serialisation to the byte, so that a verifier without a JSON parser can check it (§5.8.1.2). It
//! is built here and nowhere else, from the origin that the user is shown: a browser or a page cannot hand us finished bytes.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use claviger_ctap::crypto;

use crate::origin::Origin;

/// Which ceremony the client data are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CeremonyType {
    /// `navigator.credentials.create()`.
    Create,
    /// `navigator.credentials.get()`.
    Get,
}

impl CeremonyType {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// Where a request comes from, as a browser knows it; nothing of this is taken from the page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallerContext {
    /// The origin of the document that called WebAuthn.
    pub origin: Origin,
    /// False when that document is in a frame and one of its ancestors has another origin.
    pub same_origin_with_ancestors: bool,
    /// The origin of the top-level document, where the browser says it.
    pub top_origin: Option<Origin>,
    /// Whether the browser reads the lists of related origins (L3 §5.11) before it asks, and is believed about them.
    pub checks_related_origins: bool,
}

impl CallerContext {
    /// The context of an ordinary page that is not in anybody's frame.
    pub fn top_level(origin: Origin) -> Self {
        Self {
            origin,
            same_origin_with_ancestors: true,
            top_origin: None,
            checks_related_origins: false,
        }
    }
}

/// The serialised client data and their hash.
///
/// ```
/// use claviger_webauthn::{CallerContext, CeremonyType, ClientData, Origin};
///
/// let caller = CallerContext::top_level(Origin::parse("https://example.com")?);
/// let data = ClientData::build(CeremonyType::Get, b"challenge", &caller);
/// assert_eq!(
///     data.json(),
///     br#"{"type":"webauthn.get","challenge":"Y2hhbGxlbmdl","origin":"https://example.com","crossOrigin":false}"#,
/// );
/// # Ok::<(), claviger_webauthn::OriginError>(())
/// ```
pub struct ClientData {
    json: String,
    hash: [u8; 32],
}

impl ClientData {
    /// Serialises the client data for `challenge` (the decoded bytes) in the caller's context.
    ///
    /// `topOrigin` is written only for a caller whose ancestors have another origin (L3 §5.8.1).
    pub fn build(ceremony: CeremonyType, challenge: &[u8], caller: &CallerContext) -> Self {
        let cross_origin = !caller.same_origin_with_ancestors;
        // The numbers are the specification's steps.
        // 1.–5. The first three members, always in this order.
        let mut json = String::from("{\"type\":");
        push_ccd_string(&mut json, ceremony.name());
        json.push_str(",\"challenge\":");
        push_ccd_string(&mut json, &BASE64_URL_SAFE_NO_PAD.encode(challenge));
        json.push_str(",\"origin\":");
        push_ccd_string(&mut json, &caller.origin.to_string());
        // 6.–8. crossOrigin is always written, also when it is false.
        json.push_str(if cross_origin {
            ",\"crossOrigin\":true"
        } else {
            ",\"crossOrigin\":false"
        });
        // 9. topOrigin, if there is one.
        if let Some(top_origin) = caller.top_origin.as_ref().filter(|_| cross_origin) {
            json.push_str(",\"topOrigin\":");
            push_ccd_string(&mut json, &top_origin.to_string());
        }
        // 10.–12. No members are left over: we add none of our own.
        json.push('}');
        let hash = crypto::portable().sha256(&[json.as_bytes()]);
        Self { json, hash }
    }

    /// The `clientDataJSON` bytes (UTF-8).
    pub fn json(&self) -> &[u8] {
        self.json.as_bytes()
    }

    /// SHA-256 of [`Self::json`]: the client data hash that an authenticator signs.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

impl fmt::Debug for ClientData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientData([redacted])")
    }
}

/// `CCDToString` (L3 §5.8.1.1): JSON string escaping with exactly one way to write each character.
fn push_ccd_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{20}'.. => out.push(character),
            control => {
                // Control characters only, so two digits are enough; four are the rule.
                out.push_str("\\u00");
                for nibble in [u32::from(control) >> 4, u32::from(control) & 0xf] {
                    out.extend(char::from_digit(nibble, 16));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::hex;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    fn framed(own: &str, top: Option<&str>) -> CallerContext {
        CallerContext {
            origin: origin(own),
            same_origin_with_ancestors: false,
            top_origin: top.map(origin),
            checks_related_origins: false,
        }
    }

    fn ccd(text: &str) -> String {
        let mut out = String::new();
        push_ccd_string(&mut out, text);
        out
    }

    /// Client data made by Firefox at demo.yubico.com, published with their hash in Yubico's python-fido2 test suite.
    #[test]
    fn matches_a_browser_and_its_published_hash() {
        let challenge = BASE64_URL_SAFE_NO_PAD
            .decode("cdySOP-1JI4J_BpOeO9ut25rlZJueF16aO6auTTYAis")
            .unwrap();
        let caller = CallerContext::top_level(origin("https://demo.yubico.com"));
        let data = ClientData::build(CeremonyType::Create, &challenge, &caller);
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.encode(data.json()),
            "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiY2R5U09QLTFKSTRKX0JwT2VPOXV0MjVybFpKdWVGMTZhTzZhdVRUWUFpcyIs\
             Im9yaWdpbiI6Imh0dHBzOi8vZGVtby55dWJpY28uY29tIiwiY3Jvc3NPcmlnaW4iOmZhbHNlfQ"
        );
        assert_eq!(
            hex(data.hash()),
            "8b20a0b904b4747aacae71d55bf60b4eb2583f7e639f55f40baac23c2600c178"
        );
    }

    #[test]
    fn a_foreign_frame_says_so_and_names_the_top_origin_where_known() {
        let with_top = framed("https://pay.example", Some("https://shop.example:8443"));
        let data = ClientData::build(CeremonyType::Get, b"\x00", &with_top);
        assert_eq!(
            data.json(),
            br#"{"type":"webauthn.get","challenge":"AA","origin":"https://pay.example","crossOrigin":true,"topOrigin":"https://shop.example:8443"}"#
        );
        let data = ClientData::build(CeremonyType::Get, b"\x00", &framed("https://pay.example", None));
        assert!(data.json().ends_with(br#""crossOrigin":true}"#));
    }

    #[test]
    fn a_top_level_page_has_no_top_origin() {
        let mut caller = CallerContext::top_level(origin("https://a.example"));
        caller.top_origin = Some(origin("https://a.example"));
        let data = ClientData::build(CeremonyType::Create, b"", &caller);
        assert_eq!(
            data.json(),
            br#"{"type":"webauthn.create","challenge":"","origin":"https://a.example","crossOrigin":false}"#
        );
    }

    #[test]
    fn ccd_string_escapes_what_the_specification_lists_and_nothing_else() {
        assert_eq!(ccd(""), r#""""#);
        assert_eq!(ccd(r#"a"b\c/d"#), r#""a\"b\\c/d""#);
        assert_eq!(
            ccd("\u{0}\u{8}\t\n\u{c}\r\u{1f} "),
            r#""\u0000\u0008\u0009\u000a\u000c\u000d\u001f ""#
        );
        assert_eq!(
            ccd("\u{7f}\u{80}ü\u{2028}\u{ffff}𝄞\u{10ffff}"),
            "\"\u{7f}\u{80}ü\u{2028}\u{ffff}𝄞\u{10ffff}\""
        );
    }

    #[test]
    fn debug_shows_nothing() {
        let data = ClientData::build(
            CeremonyType::Get,
            b"challenge",
            &CallerContext::top_level(origin("https://example.com")),
        );
        assert_eq!(format!("{data:?}"), "ClientData([redacted])");
    }

    proptest! {
        #[test]
        fn a_json_parser_reads_back_what_was_written(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&ccd(&text)).unwrap(), text);
        }

        #[test]
        fn the_whole_is_json_with_exactly_the_members(challenge in proptest::collection::vec(any::<u8>(), 0..80), cross in any::<bool>(), top in any::<bool>()) {
            let mut caller = framed("https://a.example", top.then_some("https://b.example"));
            caller.same_origin_with_ancestors = !cross;
            let data = ClientData::build(CeremonyType::Get, &challenge, &caller);
            let value: serde_json::Value = serde_json::from_slice(data.json()).unwrap();
            prop_assert_eq!(value["challenge"].as_str().unwrap(), BASE64_URL_SAFE_NO_PAD.encode(&challenge));
            prop_assert_eq!(value["crossOrigin"].as_bool(), Some(cross));
            prop_assert_eq!(value.get("topOrigin").is_some(), cross && top);
            prop_assert_eq!(value.as_object().unwrap().len(), if cross && top { 5 } else { 4 });
        }
    }
}
