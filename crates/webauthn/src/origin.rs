//! Origins: who is asking.
//!
//! An [`Origin`] is the tuple origin of a secure context: `https` with any host, or `http` with `localhost` and its subdomains.
//! Everything else (`http` elsewhere, `file:`, extension pages, opaque origins) cannot use WebAuthn and does not parse, so a value
//! of this type is proof that the caller is a trustworthy web page.

use std::fmt;

use claviger_ctap::types::RpId;
use thiserror::Error;
use url::{Host, Url};

/// Longest origin text that is looked at: a scheme, the longest name and a port fit three times over.
const MAX_ORIGIN_BYTES: usize = 1024;

/// Longest label of a domain name (RFC 1035 §2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// The tuple origin (scheme, host, port) of a secure web page, normalised: lower case, IDN as punycode, default port left out.
///
/// `Display` gives the ASCII serialisation (HTML §7.1.1), which is what the client data carry and what the user is shown. Names
/// stay in punycode on purpose: a look-alike letter shows.
///
/// ```
/// use claviger_webauthn::Origin;
///
/// let origin = Origin::parse("https://Bücher.example:443")?;
/// assert_eq!(origin.to_string(), "https://xn--bcher-kva.example");
/// assert!(Origin::parse("http://localhost:8080").is_ok());
/// assert!(Origin::parse("http://example.com").is_err());
/// # Ok::<(), claviger_webauthn::OriginError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    scheme: Scheme,
    host: OriginHost,
    port: Option<u16>,
}

impl Origin {
    /// Parses the serialisation of an origin: `scheme://host[:port]` and nothing after it.
    ///
    /// Stricter than a URL parser, which would forgive white space, back slashes, user names or percent signs: an origin comes
    /// from a program, not from a keyboard.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.len() > MAX_ORIGIN_BYTES {
            return Err(OriginError::Malformed);
        }
        let (scheme, authority) = text.split_once("://").ok_or(OriginError::Malformed)?;
        let scheme = Scheme::parse(scheme)?;
        if authority.is_empty() || authority.ends_with(':') || authority.contains(is_not_of_a_host) {
            return Err(OriginError::Malformed);
        }
        let url = Url::parse(&format!("{}://{authority}", scheme.name())).map_err(|_| OriginError::Malformed)?;
        let host = match url.host() {
            Some(Host::Domain(name)) => OriginHost::Domain(Domain::from_ascii(name)?),
            Some(Host::Ipv4(address)) => OriginHost::Address(address.to_string()),
            Some(Host::Ipv6(address)) => OriginHost::Address(format!("[{address}]")),
            None => return Err(OriginError::Malformed),
        };
        if scheme == Scheme::Http && !host.is_localhost() {
            return Err(OriginError::Insecure);
        }
        Ok(Self {
            scheme,
            host,
            port: url.port(),
        })
    }

    /// The effective domain (HTML §7.1.1), or `None` when the host is an IP address, which can never have an RP ID.
    pub fn domain(&self) -> Option<&str> {
        match &self.host {
            OriginHost::Domain(domain) => Some(domain.as_str()),
            OriginHost::Address(_) => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match &self.host {
            OriginHost::Domain(domain) => domain.as_str(),
            OriginHost::Address(address) => address,
        };
        write!(f, "{}://{host}", self.scheme.name())?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Why a text is not the origin of a page that may use WebAuthn. The caller's fault, always.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum OriginError {
    /// Not `scheme://host[:port]`.
    #[error("the origin is malformed")]
    Malformed,
    /// A scheme other than `https` and `http`.
    #[error("the origin's scheme cannot use passkeys")]
    Scheme,
    /// `http` to something that is not this machine.
    #[error("the origin is not secure: http is for localhost only")]
    Insecure,
    /// The host is not a valid domain: empty or overlong label, root dot, overlong name.
    #[error("the origin's host is not a valid domain name")]
    Domain,
}

/// A normalised domain name: lower-case ASCII, labels of 1 to 63 bytes, as long as an [`RpId`] at most, no root dot.
///
/// The URL standard's "valid domain" runs UTS #46 with `VerifyDnsLength`, which is what forbids the root dot: `example.com.` has no
/// effective domain that WebAuthn accepts. It would forbid underscores too; browsers do not, and names with underscores are in
/// use, so neither do we.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Domain(String);

impl Domain {
    /// Takes a name that the URL standard's host parser has already mapped to lower-case ASCII.
    fn from_ascii(name: &str) -> Result<Self, OriginError> {
        let fits = |label: &str| (1..=MAX_LABEL_BYTES).contains(&label.len());
        if name.len() > RpId::MAX_BYTES || !name.split('.').all(fits) {
            return Err(OriginError::Domain);
        }
        Ok(Self(name.to_owned()))
    }

    /// Runs the host parser over a name from the outside; `None` when the result is not a domain (an IP address, or nonsense).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // The cap comes first: a Unicode name is never longer in ASCII than RpId::MAX_BYTES allows for, but IDN mapping is slow.
        if text.len() > MAX_ORIGIN_BYTES || text.contains(is_not_of_a_host) {
            return None;
        }
        match Host::parse(text).ok()? {
            Host::Domain(name) => Self::from_ascii(&name).ok(),
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn parse(text: &str) -> Result<Self, OriginError> {
        if text.eq_ignore_ascii_case("https") {
            return Ok(Self::Https);
        }
        if text.eq_ignore_ascii_case("http") {
            return Ok(Self::Http);
        }
        Err(OriginError::Scheme)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum OriginHost {
    Domain(Domain),
    /// An IP address as the URL standard serialises it.
    Address(String),
}

impl OriginHost {
    /// `localhost` and `*.localhost` resolve to this machine only (Secure Contexts §3.1).
    fn is_localhost(&self) -> bool {
        match self {
            Self::Domain(domain) => domain.as_str() == "localhost" || domain.as_str().ends_with(".localhost"),
            Self::Address(_) => false,
        }
    }
}

/// Characters that a URL parser would drop, decode or take for the end of the host.
fn is_not_of_a_host(character: char) -> bool {
    character.is_control() || character.is_whitespace() || matches!(character, '/' | '\\' | '?' | '#' | '@' | '%')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn normal(text: &str) -> String {
        Origin::parse(text).unwrap().to_string()
    }

    #[test]
    fn normalises_case_default_port_and_idn() {
        assert_eq!(normal("https://example.com"), "https://example.com");
        assert_eq!(normal("HTTPS://EXAMPLE.com:443"), "https://example.com");
        assert_eq!(normal("https://example.com:08443"), "https://example.com:8443");
        assert_eq!(normal("http://localhost:80"), "http://localhost");
        assert_eq!(normal("https://faß.example"), "https://xn--fa-hia.example");
        assert_eq!(normal("https://my_host.example"), "https://my_host.example");
        assert_eq!(normal("https://[2001:DB8::1]:8443"), "https://[2001:db8::1]:8443");
    }

    #[test]
    fn http_is_for_localhost_only() {
        for fine in [
            "http://localhost",
            "http://localhost:8080",
            "http://a.b.localhost:1",
            "http://LOCALHOST",
        ] {
            assert!(Origin::parse(fine).is_ok(), "{fine}");
        }
        for insecure in [
            "http://example.com",
            "http://127.0.0.1:8080",
            "http://[::1]",
            "http://localhost.example",
            "http://notlocalhost",
        ] {
            assert_eq!(Origin::parse(insecure), Err(OriginError::Insecure), "{insecure}");
        }
    }

    #[test]
    fn other_schemes_are_refused() {
        for text in [
            "ftp://example.com",
            "file:///etc",
            "chrome-extension://abcdef",
            "wss://example.com",
            "://x",
            "httpss://x.de",
        ] {
            assert_eq!(Origin::parse(text), Err(OriginError::Scheme), "{text}");
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for text in [
            "",
            "null",
            "example.com",
            "https:example.com",
            "https://",
            "https://example.com/",
            "https://example.com/path",
            "https://example.com?q",
            "https://example.com#f",
            "https://example.com\\evil",
            "https://user@example.com",
            "https://example.com:",
            "https://example.com:99999",
            "https://example.com:a",
            "https://ex%61mple.com",
            " https://example.com",
            "https://exam\tple.com",
            "https://example.com\n",
            "https://exa mple.com",
            "https://[::1",
        ] {
            assert!(Origin::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            Origin::parse(&format!("https://{}", "a".repeat(2000))),
            Err(OriginError::Malformed)
        );
    }

    #[test]
    fn hosts_that_are_not_valid_domains_are_refused() {
        for text in [
            "https://example.com.",
            "https://localhost.",
            "https://a..b",
            "https://.example.com",
        ] {
            assert_eq!(Origin::parse(text), Err(OriginError::Domain), "{text}");
        }
        assert_eq!(
            Origin::parse(&format!("https://{}.com", "a".repeat(64))),
            Err(OriginError::Domain)
        );
        assert!(Origin::parse(&format!("https://{}.com", "a".repeat(63))).is_ok());
        assert_eq!(
            Origin::parse(&format!("https://{}com", "a.".repeat(126))),
            Err(OriginError::Domain)
        );
    }

    #[test]
    fn addresses_have_no_domain_in_any_notation() {
        for text in [
            "https://127.0.0.1",
            "https://0x7f.1",
            "https://2130706433",
            "https://[::1]",
            "https://１２７.0.0.1",
        ] {
            assert_eq!(Origin::parse(text).unwrap().domain(), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics_and_what_parses_is_a_fixed_point(text in ".{0,80}") {
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert_eq!(Origin::parse(&origin.to_string()), Ok(origin));
            }
        }

        #[test]
        fn near_origins_are_fixed_points_of_their_normal_form(text in "(https?|HTTPS)://[a-zA-Z0-9äß._:%/@\\[\\]-]{0,24}") {
            if let Ok(origin) = Origin::parse(&text) {
                let normal = origin.to_string();
                prop_assert!(normal.is_ascii());
                prop_assert_eq!(normal.matches('/').count(), 2);
                prop_assert_eq!(Origin::parse(&normal), Ok(origin));
            }
        }
    }
}
