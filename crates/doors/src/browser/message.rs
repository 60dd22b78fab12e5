//! What native host and service say to each other over `org.claviger.Browser1`: JSON both ways, parsed with limits.
//!
//! Request: `{"requestId", "origin", "sameOriginWithAncestors", "topOrigin"?, "mediation"?, "publicKey": {…}}`, where `publicKey` is a
//! `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` of WebAuthn Level 3.
//! Reply: `{"ok": {…}}`, a `RegistrationResponseJSON` or `AuthenticationResponseJSON`; or `{"error": {"name", "message"}, "problem"?}`,
//! where `error` is for the page and `problem` for the user.
//!
//! While the request is open, the signal `Problem` may say to the user, and not to the page, what is in its way.

use std::fmt;

use claviger_webauthn::{CallerContext, Origin, OriginError, ResponseJson, limits};
use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::verdict::DomError;

/// Longest request, in bytes: the options and room for what is around them.
pub const MAX_REQUEST_BYTES: usize = limits::MAX_JSON_BYTES + 8 * 1024;

/// Longest request id, in bytes. Chromium's are small numbers.
pub const MAX_REQUEST_ID_BYTES: usize = 64;

/// Which of the two ceremonies is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Make a passkey.
    Create,
    /// Use one.
    Get,
}

impl Kind {
    /// Reads the name of a kind.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        match text {
            "create" => Ok(Self::Create),
            "get" => Ok(Self::Get),
            _ => Err(RequestError::Malformed("kind is neither create nor get")),
        }
    }

    /// The name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
        }
    }
}

/// How much the page lets the user be bothered (Credential Management §2.3.2), where the browser says it. An unknown word is as good as
/// none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mediation {
    /// As ever: the user is asked. Also what `optional` and `required` mean here.
    #[default]
    Asked,
    /// The page offers a passkey in passing, and nobody waits for it.
    Conditional,
    /// Nobody is to be asked.
    Silent,
}

impl Mediation {
    fn parse(text: Option<&str>) -> Self {
        match text {
            Some("conditional") => Self::Conditional,
            Some("silent") => Self::Silent,
            _ => Self::Asked,
        }
    }
}

/// How a native host names one of its requests: 1 to 64 printable ASCII characters.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RequestId(String);

impl RequestId {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        let fits = (1..=MAX_REQUEST_ID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(RequestError::Malformed("requestId is not 1 to 64 printable characters"))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A page's request and where it comes from.
///
/// ```
/// use claviger_doors::browser::message::Request;
///
/// let request = Request::parse(r#"{
///     "requestId": "7",
///     "origin": "https://example.com",
///     "sameOriginWithAncestors": true,
///     "publicKey": {"challenge": "AAECAwQFBgcICQoLDA0ODw"}
/// }"#)?;
/// assert_eq!(request.caller.origin.to_string(), "https://example.com");
/// # Ok::<(), claviger_doors::browser::message::RequestError>(())
/// ```
pub struct Request {
    /// The native host's name for it.
    pub id: RequestId,
    /// Where the browser says that it comes from.
    pub caller: CallerContext,
    /// How much the user may be bothered.
    pub mediation: Mediation,
    /// The page's options, as JSON text that nobody has judged yet.
    pub options: String,
}

impl Request {
    /// Reads a request.
    pub fn parse(json: &str) -> Result<Self, RequestError> {
        if json.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::Malformed("the request is too long"));
        }
        let map: Map<String, Value> =
            serde_json::from_str(json).map_err(|_| RequestError::Malformed("the request is not a JSON object"))?;
        let text = |name: &str| map.get(name).and_then(Value::as_str);
        let id = RequestId::parse(text("requestId").ok_or(RequestError::Malformed("requestId is missing"))?)?;
        let origin = Origin::parse(text("origin").ok_or(RequestError::Malformed("origin is missing"))?)?;
        let same_origin_with_ancestors = map
            .get("sameOriginWithAncestors")
            .and_then(Value::as_bool)
            .ok_or(RequestError::Malformed("sameOriginWithAncestors is missing"))?;
        let top_origin = match map.get("topOrigin") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(Origin::parse(text)?),
            Some(_) => return Err(RequestError::Malformed("topOrigin is not a string")),
        };
        let options = map
            .get("publicKey")
            .filter(|options| options.is_object())
            .ok_or(RequestError::Malformed("publicKey is missing"))?;
        Ok(Self {
            id,
            caller: CallerContext {
                origin,
                same_origin_with_ancestors,
                top_origin,
                // Whether it is believed is known once its process is.
                checks_related_origins: false,
            },
            mediation: Mediation::parse(text("mediation")),
            options: options.to_string(),
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options hold the challenge and perhaps PRF inputs.
        f.debug_struct("Request")
            .field("id", &self.id)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

/// Why a request cannot be read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RequestError {
    /// The native host or the extension: not what this interface takes.
    #[error("{0}")]
    Malformed(&'static str),
    /// The page: its origin, or that of the page around it, cannot use WebAuthn.
    #[error(transparent)]
    Origin(#[from] OriginError),
}

/// The reply to a request, as JSON text.
pub struct Reply(String);

impl Reply {
    /// A passkey was made or used.
    pub fn ok(response: &ResponseJson) -> Self {
        // A ResponseJson is a JSON object already; parsing it to print it again would only leave copies of PRF results behind.
        Self(["{\"ok\":", response.as_str(), "}"].concat())
    }

    /// It was not, and `error` is all that the page may know. `problem` is for the user.
    pub fn error(error: &DomError, problem: Option<&str>) -> Self {
        #[derive(Serialize)]
        struct Failure<'a> {
            error: &'a DomError,
            #[serde(skip_serializing_if = "Option::is_none")]
            problem: Option<&'a str>,
        }
        // A struct of strings always serialises; an empty object would count as a malformed reply.
        Self(serde_json::to_string(&Failure { error, problem }).unwrap_or_else(|_| "{}".to_owned()))
    }

    /// The JSON text.
    pub fn into_json(self) -> String {
        self.0
    }

    /// Reads a reply on the native host's side: an object with exactly one of `ok` and `error`.
    pub fn parse(json: &str) -> Option<Map<String, Value>> {
        let map: Map<String, Value> = serde_json::from_str(json).ok()?;
        let object = |name| map.get(name).is_some_and(Value::is_object);
        (object("ok") ^ object("error")).then_some(map)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply([redacted])")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn request(changes: &[(&str, Value)]) -> String {
        let mut request = json!({
            "requestId": "7",
            "origin": "https://example.com",
            "sameOriginWithAncestors": true,
            "publicKey": {"challenge": "c2VjcmV0"},
        });
        for (name, value) in changes {
            request[*name] = value.clone();
        }
        request.to_string()
    }

    fn refusal(changes: &[(&str, Value)]) -> RequestError {
        Request::parse(&request(changes)).unwrap_err()
    }

    #[test]
    fn a_request_is_read() {
        let parsed = Request::parse(&request(&[("unheardOf", json!(1))])).unwrap();
        assert_eq!(parsed.id.as_str(), "7");
        assert_eq!(
            parsed.caller,
            CallerContext::top_level(Origin::parse("https://example.com").unwrap())
        );
        assert_eq!(parsed.options, r#"{"challenge":"c2VjcmV0"}"#);
        assert!(!format!("{parsed:?}").contains("c2VjcmV0"));
        let framed = request(&[
            ("sameOriginWithAncestors", json!(false)),
            ("topOrigin", json!("https://top.example")),
        ]);
        let framed = Request::parse(&framed).unwrap();
        assert_eq!(
            framed.caller.top_origin,
            Some(Origin::parse("https://top.example").unwrap())
        );
        assert!(!framed.caller.same_origin_with_ancestors);
    }

    #[test]
    fn how_much_the_user_may_be_bothered_is_read_where_it_is_said() {
        for (word, mediation) in [
            (json!(null), Mediation::Asked),
            (json!("required"), Mediation::Asked),
            (json!("unheard-of"), Mediation::Asked),
            (json!("conditional"), Mediation::Conditional),
            (json!("silent"), Mediation::Silent),
        ] {
            let request = request(&[("mediation", word.clone())]);
            assert_eq!(Request::parse(&request).unwrap().mediation, mediation, "{word}");
        }
    }

    #[test]
    fn what_is_no_request_is_the_hosts_fault() {
        for (name, value) in [
            ("requestId", json!("")),
            ("requestId", json!("a b")),
            ("requestId", json!("é")),
            ("requestId", json!("7".repeat(65))),
            ("requestId", json!(7)),
            ("origin", json!(null)),
            ("sameOriginWithAncestors", json!("true")),
            ("sameOriginWithAncestors", json!(null)),
            ("topOrigin", json!(1)),
            ("publicKey", json!([])),
            ("publicKey", json!(null)),
            ("publicKey", json!("{}")),
        ] {
            assert!(
                matches!(refusal(&[(name, value.clone())]), RequestError::Malformed(_)),
                "{name} {value}"
            );
        }
        for text in [
            "",
            "[]",
            "{",
            "null",
            &"[".repeat(100_000),
            &" ".repeat(MAX_REQUEST_BYTES + 1),
        ] {
            assert!(Request::parse(text).is_err());
        }
    }

    #[test]
    fn an_origin_that_cannot_use_webauthn_is_the_pages_fault() {
        assert_eq!(
            refusal(&[("origin", json!("http://example.com"))]),
            RequestError::Origin(OriginError::Insecure)
        );
        assert_eq!(
            refusal(&[("topOrigin", json!("file:///x"))]),
            RequestError::Origin(OriginError::Scheme)
        );
    }

    #[test]
    fn kinds_have_names() {
        for kind in [Kind::Create, Kind::Get] {
            assert_eq!(Kind::parse(kind.name()), Ok(kind));
        }
        assert!(Kind::parse("Create").is_err());
    }

    #[test]
    fn replies_hold_one_of_two() {
        let error = Reply::error(&DomError::not_allowed(), Some("no prompt")).into_json();
        let map = Reply::parse(&error).unwrap();
        assert_eq!(map["error"]["name"], "NotAllowedError");
        assert_eq!(map["problem"], "no prompt");
        assert!(
            !Reply::error(&DomError::not_allowed(), None)
                .into_json()
                .contains("problem")
        );
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"ok":1}"#,
            r#"{"ok":{},"error":{}}"#,
            r#"{"error":"x"}"#,
        ] {
            assert!(Reply::parse(bad).is_none(), "{bad}");
        }
        assert!(Reply::parse(r#"{"ok":{}}"#).is_some());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = Request::parse(&text);
            let _ = Reply::parse(&text);
            let _ = RequestId::parse(&text);
        }

        #[test]
        fn damaged_requests_never_panic(position in 0_usize..200, replacement in any::<char>()) {
            let whole = request(&[("topOrigin", json!("https://top.example"))]);
            let damaged: String =
                whole.chars().enumerate().map(|(n, character)| if n == position { replacement } else { character }).collect();
            if let Ok(parsed) = Request::parse(&damaged) {
                let is_object = parsed.options.starts_with('{');
                prop_assert!(is_object);
            }
        }
    }
}
