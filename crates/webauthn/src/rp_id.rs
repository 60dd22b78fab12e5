//! Which RP IDs an origin may name.

use claviger_ctap::types::RpId;
use psl::Psl as _;
use thiserror::Error;

use crate::origin::{Domain, Origin};

impl Origin {
    /// The RP ID that a page asked for (`None`: its own domain), if it is equal to or a registrable domain suffix of the
    /// origin's effective domain (WebAuthn L3 §5.1.3 step 8 and §5.1.4.1 step 7; HTML §7.1.1.2). The text is the normalised domain
    /// (lower-case ASCII); its SHA-256 is the RP ID hash.
    ///
    /// An origin that *is* a public suffix may claim itself, as HTML says: nobody else can claim that name, so nobody shares it.
    ///
    /// ```
    /// use claviger_webauthn::Origin;
    ///
    /// let origin = Origin::parse("https://login.example.co.uk")?;
    /// assert_eq!(origin.claim(Some("example.co.uk"))?.as_str(), "example.co.uk");
    /// assert_eq!(origin.claim(None)?.as_str(), "login.example.co.uk");
    /// assert!(origin.claim(Some("co.uk")).is_err());
    /// assert!(origin.claim(Some("example.org")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn claim(&self, requested: Option<&str>) -> Result<RpId, RpIdError> {
        let host = self.domain().ok_or(RpIdError::Address)?;
        // HTML compares parsed hosts, so "Example.COM" from example.com is equal to it. The normal form is what gets hashed and
        // shown; one site cannot have two RP IDs that differ in letter case only.
        let domain = Domain::parse(requested.unwrap_or(host)).ok_or(RpIdError::NotADomain)?;
        let claimed = RpId::new(domain.as_str()).map_err(|_| RpIdError::NotADomain)?;
        if claimed.as_str() == host {
            return Ok(claimed);
        }
        if !is_subdomain(host, claimed.as_str()) {
            return Err(RpIdError::Foreign);
        }
        // A suffix of the host that is not longer than the host's public suffix belongs to a registry, or (railway.app under
        // up.railway.app) to the owner of a suffix that strangers' sites share.
        let registry = psl::List.suffix(host.as_bytes()).ok_or(RpIdError::PublicSuffix)?;
        let itself = psl::List
            .suffix(claimed.as_str().as_bytes())
            .ok_or(RpIdError::PublicSuffix)?;
        if claimed.as_str().len() <= registry.as_bytes().len() || claimed.as_str().len() <= itself.as_bytes().len() {
            return Err(RpIdError::PublicSuffix);
        }
        Ok(claimed)
    }
}

impl Origin {
    /// Checks that the origin's domain is one that somebody registers: neither an address nor a public suffix, nor a name like
    /// `localhost` that no registry knows.
    pub(crate) fn registrable_domain(&self) -> Result<(), RpIdError> {
        let host = self.domain().ok_or(RpIdError::Address)?;
        let suffix = psl::List.suffix(host.as_bytes()).ok_or(RpIdError::PublicSuffix)?;
        if host.len() <= suffix.as_bytes().len() {
            return Err(RpIdError::PublicSuffix);
        }
        Ok(())
    }
}

/// Why an origin may not have an RP ID. The site's fault; the page gets a `SecurityError`.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RpIdError {
    /// The origin's host is an IP address.
    #[error("a site with an IP address for a name cannot use passkeys")]
    Address,
    /// The RP ID is not a valid domain (empty, an address, forbidden characters, a root dot).
    #[error("the RP ID is not a valid domain name")]
    NotADomain,
    /// The RP ID is some other site's.
    #[error("the RP ID is neither the site's domain nor a parent of it")]
    Foreign,
    /// The RP ID is one that whole registries of strangers share, like `co.uk` or `github.io`.
    #[error("the RP ID is a public suffix")]
    PublicSuffix,
}

/// Whether `host` ends with `parent` at a label boundary and is longer than it.
fn is_subdomain(host: &str, parent: &str) -> bool {
    host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim(origin: &str, rp_id: &str) -> Result<String, RpIdError> {
        Origin::parse(origin)
            .unwrap()
            .claim(Some(rp_id))
            .map(|id| id.to_string())
    }

    #[test]
    fn a_site_may_claim_itself_and_its_registrable_parents() {
        for (origin, rp_id) in [
            ("https://example.com", "example.com"),
            ("https://foo.example.com", "example.com"),
            ("https://bar.foo.example.com:8443", "foo.example.com"),
            ("https://login.example.co.uk", "example.co.uk"),
            ("https://alice.github.io", "alice.github.io"),
            ("http://localhost:8080", "localhost"),
            ("https://localhost", "localhost"),
            ("http://app.localhost", "app.localhost"),
            ("https://intranet", "intranet"),
            ("https://sso.corp.internal", "corp.internal"),
            ("https://github.io", "github.io"),
            ("https://a.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(claim(origin, rp_id).as_deref(), Ok(rp_id), "{origin}");
        }
    }

    #[test]
    fn case_and_unicode_are_normalised() {
        assert_eq!(
            claim("https://example.com", "EXAMPLE.Com").as_deref(),
            Ok("example.com")
        );
        assert_eq!(
            claim("https://a.xn--bcher-kva.example", "bücher.example").as_deref(),
            Ok("xn--bcher-kva.example")
        );
    }

    #[test]
    fn other_sites_and_look_alikes_are_foreign() {
        for (origin, rp_id) in [
            ("https://example.com", "google.com"),
            ("https://notexample.com", "example.com"),
            ("https://example.com", "foo.example.com"),
            ("https://example.com.evil.net", "example.com"),
            ("https://exаmple.com", "example.com"),
            ("https://example.com", "exаmple.com"),
            ("https://localhost", "example.com"),
            ("http://localhost", "foo.localhost"),
        ] {
            assert_eq!(claim(origin, rp_id), Err(RpIdError::Foreign), "{origin} {rp_id}");
        }
    }

    #[test]
    fn public_suffixes_are_refused() {
        for (origin, rp_id) in [
            ("https://example.com", "com"),
            ("https://login.example.co.uk", "co.uk"),
            ("https://login.example.co.uk", "uk"),
            ("https://alice.github.io", "github.io"),
            ("https://alice.github.io", "io"),
            ("https://login.awesomecompany", "awesomecompany"),
            ("http://foo.localhost", "localhost"),
            ("https://foo.up.railway.app", "railway.app"),
            ("https://foo.up.railway.app", "up.railway.app"),
            ("https://foo.公司.cn", "公司.cn"),
            ("https://foo.xn--55qx5d.cn", "xn--55qx5d.cn"),
            ("https://a.b.kawasaki.jp", "b.kawasaki.jp"),
        ] {
            assert_eq!(claim(origin, rp_id), Err(RpIdError::PublicSuffix), "{origin} {rp_id}");
        }
        // An exception rule of the list (`!city.kawasaki.jp`) makes a name registrable again.
        assert!(claim("https://www.city.kawasaki.jp", "city.kawasaki.jp").is_ok());
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        for rp_id in [
            "",
            ".",
            "example.com.",
            ".example.com",
            "https://example.com",
            "example.com:443",
            "exam%70le.com",
            "a b",
            "127.0.0.1",
            "[::1]",
        ] {
            assert_eq!(
                claim("https://example.com", rp_id),
                Err(RpIdError::NotADomain),
                "{rp_id:?}"
            );
        }
        for origin in ["https://127.0.0.1", "https://[::1]"] {
            assert_eq!(claim(origin, "127.0.0.1"), Err(RpIdError::Address));
            assert_eq!(Origin::parse(origin).unwrap().claim(None), Err(RpIdError::Address));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".{0,60}") {
            let origin = Origin::parse("https://www.example.com").unwrap();
            if let Ok(id) = origin.claim(Some(&text)) {
                prop_assert!(["example.com", "www.example.com"].contains(&id.as_str()));
            }
        }

        #[test]
        fn what_may_be_claimed_is_a_suffix_at_a_label_boundary(
            labels in proptest::collection::vec("[a-z]{1,6}", 1..5),
            tail in proptest::sample::select(vec!["com", "co.uk", "github.io", "example", "up.railway.app"]),
            cut in 0usize..40,
        ) {
            let host = format!("{}.{tail}", labels.join("."));
            let origin = Origin::parse(&format!("https://{host}")).unwrap();
            let wanted = host.get(cut.min(host.len())..).unwrap();
            if let Ok(id) = origin.claim(Some(wanted)) {
                prop_assert!(id.as_str() == host || is_subdomain(&host, id.as_str()));
                prop_assert!(id.as_str() == host || id.as_str().len() > tail.len());
            }
        }

        #[test]
        fn every_origin_with_a_domain_may_claim_it(host in "[a-z]{1,8}(\\.[a-z]{2,8}){0,3}") {
            let origin = Origin::parse(&format!("https://{host}")).unwrap();
            if let Some(domain) = origin.domain() {
                let own = origin.claim(None).unwrap();
                prop_assert_eq!(own.as_str(), domain);
            }
        }
    }
}
