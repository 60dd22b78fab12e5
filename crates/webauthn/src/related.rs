//! Related origins (L3 §5.11): a site that may use the passkeys of another, because that one lists it.
//!
//! The list lies at the other site, in `/.well-known/webauthn`, and nothing here has a network. A browser that was asked by the page
//! has read it before it asks anybody else. So its word is the proof; whose word counts is for the embedder to say.

use claviger_ctap::types::RpId;

use crate::{CallerContext, Origin, RpIdError};

/// A browser's word that an RP ID's site lists an origin as related.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RelatedOrigin {
    origin: Origin,
    rp_id: RpId,
}

impl RelatedOrigin {
    /// What the browser vouches for by asking for `rp_id` in the name of `origin`.
    ///
    /// ```
    /// use claviger_webauthn::{Origin, RelatedOrigin};
    ///
    /// let shop = Origin::parse("https://shop.example.org")?;
    /// assert_eq!(RelatedOrigin::vouched_for(&shop, "example.com")?.rp_id().as_str(), "example.com");
    /// assert!(RelatedOrigin::vouched_for(&shop, "com").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// No list could say so: one of the two is not a domain that somebody registers.
    pub fn vouched_for(origin: &Origin, rp_id: &str) -> Result<Self, RpIdError> {
        // Whatever the list says, the RP ID must be one that its own site may have.
        let own = Origin::parse(&format!("https://{rp_id}")).map_err(|_| RpIdError::NotADomain)?;
        origin.registrable_domain()?;
        own.registrable_domain()?;
        Ok(Self {
            origin: origin.clone(),
            rp_id: own.claim(Some(rp_id))?,
        })
    }

    /// Who asks.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whose passkeys it asks for.
    pub fn rp_id(&self) -> &RpId {
        &self.rp_id
    }
}

/// The RP ID that a page asked for, and what makes it the page's where its origin does not (L3 §5.1.3 step 8, §5.1.4.1 step 7).
pub(crate) fn claim(
    caller: &CallerContext,
    requested: Option<&str>,
) -> Result<(RpId, Option<RelatedOrigin>), RpIdError> {
    match (caller.origin.claim(requested), requested) {
        (Err(RpIdError::Foreign), Some(rp_id)) if caller.checks_related_origins => {
            let related = RelatedOrigin::vouched_for(&caller.origin, rp_id)?;
            Ok((related.rp_id.clone(), Some(related)))
        }
        (claimed, _) => Ok((claimed?, None)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn vouched(origin: &str, rp_id: &str) -> Result<String, RpIdError> {
        let origin = Origin::parse(origin).unwrap();
        RelatedOrigin::vouched_for(&origin, rp_id).map(|related| related.rp_id().to_string())
    }

    #[test]
    fn a_related_site_asks_for_what_somebody_registered() {
        assert_eq!(
            vouched("https://shop.example.org", "example.com").unwrap(),
            "example.com"
        );
        assert_eq!(
            vouched("https://example.co.uk", "Login.Example.com").unwrap(),
            "login.example.com"
        );
        for (origin, rp_id) in [
            ("https://shop.example.org", "com"),
            ("https://shop.example.org", "co.uk"),
            ("https://shop.example.org", "github.io"),
            ("https://shop.example.org", "192.0.2.1"),
            ("https://shop.example.org", "example.com:8443"),
            ("https://shop.example.org", "example.com/x"),
            ("https://shop.example.org", "example.com."),
            ("https://shop.example.org", ""),
            ("https://shop.example.org", "localhost"),
            ("http://localhost", "example.com"),
            ("https://192.0.2.1", "example.com"),
            ("https://github.io", "example.com"),
        ] {
            assert!(vouched(origin, rp_id).is_err(), "{origin} {rp_id}");
        }
    }

    #[test]
    fn only_a_browser_that_reads_the_list_is_believed() {
        let mut caller = CallerContext::top_level(Origin::parse("https://shop.example.org").unwrap());
        assert_eq!(claim(&caller, Some("example.com")), Err(RpIdError::Foreign));
        caller.checks_related_origins = true;
        let (rp_id, related) = claim(&caller, Some("example.com")).unwrap();
        assert_eq!((rp_id.as_str(), related.is_some()), ("example.com", true));
        // What is the page's own needs nobody's word.
        assert_eq!(claim(&caller, Some("example.org")).unwrap().1, None);
        assert_eq!(claim(&caller, None).unwrap().0.as_str(), "shop.example.org");
        assert_eq!(claim(&caller, Some("org")), Err(RpIdError::PublicSuffix));
    }
}
