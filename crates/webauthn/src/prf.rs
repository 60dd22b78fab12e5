//! The `prf` extension (L3 §10.1.4): a pseudo-random function per credential, for pages that encrypt.
//!
//! Pages give inputs of any length. What goes to the authenticator is a 32-byte salt, SHA-256 of a context string and the input,
//! so that a page can never choose the salts which a non-web caller uses with the same credential. Inputs and salts are zeroised here;
//! results are borrowed from the provider's answer and written straight into the zeroised response.

use std::fmt;

use claviger_ctap::{
    cbor::{Map, Value},
    crypto,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    Error,
    json::{Object, base64url},
    limits,
    options::DescriptorList,
};

/// Length of a salt and of a result, in bytes.
const PRF_BYTES: usize = 32;

/// What keeps the web's salts apart from everybody else's.
const CONTEXT: &[u8] = b"WebAuthn PRF\0";

/// What a page asked of `prf`, checked, with its inputs hashed.
#[derive(Debug)]
pub(crate) struct Prf {
    eval: Option<Salts>,
    by_credential: Vec<(Vec<u8>, Salts)>,
}

impl Prf {
    /// Client extension processing at registration; `None` when the page does not use the extension.
    pub(crate) fn at_create(extensions: Option<Object<'_>>) -> Result<Option<Self>, Error> {
        let Some(prf) = inputs(extensions)? else {
            return Ok(None);
        };
        // 1. evalByCredential makes no sense before there is a credential.
        if prf.has("evalByCredential") {
            return Err(Error::NotSupported("prf.evalByCredential when a passkey is created"));
        }
        // 2. Hash the inputs.
        Ok(Some(Self {
            eval: prf.object("eval")?.map(Salts::hash).transpose()?,
            by_credential: Vec::new(),
        }))
    }

    /// Client extension processing at authentication.
    pub(crate) fn at_get(extensions: Option<Object<'_>>, allowed: &DescriptorList) -> Result<Option<Self>, Error> {
        let Some(prf) = inputs(extensions)? else {
            return Ok(None);
        };
        let mut by_credential = Vec::new();
        if let Some(map) = prf.object("evalByCredential")? {
            for (key, value) in map.members() {
                // 1. Salts for certain credentials need certain credentials.
                if !allowed.given {
                    return Err(Error::NotSupported("prf.evalByCredential without allowCredentials"));
                }
                // 2. Each key is the base64url id of an allowed credential.
                let id = base64url(key)
                    .filter(|id| !id.is_empty() && allowed.ids.contains(id))
                    .ok_or(Error::UnknownPrfCredential)?;
                let serde_json::Value::Object(values) = value else {
                    return Err(prf.error("evalByCredential", "has a member that is not an object"));
                };
                by_credential.push((id.to_vec(), Salts::hash(Object::new("evalByCredential", values))?));
            }
        }
        if by_credential.len() > limits::MAX_PRF_CREDENTIALS {
            return Err(prf.error("evalByCredential", "has too many members"));
        }
        // 3. and 4. Hash the inputs; which of them apply is known once a credential has been chosen.
        Ok(Some(Self {
            eval: prf.object("eval")?.map(Salts::hash).transpose()?,
            by_credential,
        }))
    }

    /// Whether results are asked for, and not only whether the credential could give them.
    pub(crate) fn evaluates(&self) -> bool {
        self.eval.is_some() || !self.by_credential.is_empty()
    }

    /// The extension input of the CTAP request (see docs/provider-protocol.md).
    pub(crate) fn request(&self) -> Map {
        let mut map = Map::new();
        if let Some(eval) = &self.eval {
            map.insert("eval", eval.to_cbor());
        }
        if !self.by_credential.is_empty() {
            let mut by_credential = Map::new();
            for (id, salts) in &self.by_credential {
                by_credential.insert(id.as_slice(), salts.to_cbor());
            }
            map.insert("evalByCredential", by_credential);
        }
        map
    }

    /// The results of a provider's `prf` output, as far as the page asked for them of this credential.
    pub(crate) fn results<'a>(&self, id: &[u8], output: Option<&'a Map>) -> Result<Option<Results<'a>>, Error> {
        let own = self
            .by_credential
            .iter()
            .find(|(own, _)| own == id)
            .map(|(_, salts)| salts);
        let Some(asked) = own.or(self.eval.as_ref()) else {
            return Ok(None);
        };
        let Some(results) = output.and_then(|output| output.text("results")) else {
            return Ok(None);
        };
        let results = results.as_map().ok_or(Error::Provider("its PRF results are no map"))?;
        Ok(Some(Results {
            first: result(results, "first")?,
            second: asked.second.map(|_| result(results, "second")).transpose()?,
        }))
    }
}

/// The `prf` member of a provider's unsigned extension outputs.
pub(crate) fn output(unsigned: Option<&Map>) -> Result<Option<&Map>, Error> {
    let Some(prf) = unsigned.and_then(|outputs| outputs.text("prf")) else {
        return Ok(None);
    };
    prf.as_map()
        .map(Some)
        .ok_or(Error::Provider("its PRF output is no map"))
}

/// PRF results for one credential, still in the provider's answer.
pub(crate) struct Results<'a> {
    pub(crate) first: &'a [u8],
    pub(crate) second: Option<&'a [u8]>,
}

/// One or two salts.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Salts {
    first: [u8; PRF_BYTES],
    second: Option<[u8; PRF_BYTES]>,
}

impl Salts {
    fn hash(values: Object<'_>) -> Result<Self, Error> {
        let salt = |input: &[u8]| crypto::portable().sha256(&[CONTEXT, input]);
        Ok(Self {
            first: salt(&values.required_bytes("first")?),
            second: values.bytes("second")?.map(|input| salt(&input)),
        })
    }

    fn to_cbor(&self) -> Map {
        let map = Map::new().with("first", self.first.as_slice());
        match &self.second {
            Some(second) => map.with("second", second.as_slice()),
            None => map,
        }
    }
}

impl fmt::Debug for Salts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salts([redacted])")
    }
}

fn inputs(extensions: Option<Object<'_>>) -> Result<Option<Object<'_>>, Error> {
    extensions.map_or(Ok(None), |extensions| extensions.object("prf"))
}

fn result<'a>(results: &'a Map, name: &str) -> Result<&'a [u8], Error> {
    results
        .text(name)
        .and_then(Value::as_bytes)
        .filter(|bytes| bytes.len() == PRF_BYTES)
        .ok_or(Error::Provider("a PRF result is missing or not 32 bytes long"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::{json::parse_object, testing::hex};

    // printf 'WebAuthn PRF\0first' | sha256sum; printf 'WebAuthn PRF\0' | sha256sum
    const FIRST: &str = "e9dfe497cb7e3b350ab7e7e0103b46142e37aefda2bf9cf576d6b94a4762aa35";
    const EMPTY: &str = "6a7e64b2aa34c92736143a062fa149aff1bd8bb3f7ee6f346885481f9414a3d3";

    fn at_get(json: &str) -> Result<Option<Prf>, Error> {
        let map = parse_object(json).unwrap();
        let options = Object::new("", &map);
        let allowed = crate::options::descriptors(options, "allowCredentials").unwrap();
        Prf::at_get(options.object("extensions").unwrap(), &allowed)
    }

    fn at_create(extensions: &str) -> Result<Option<Prf>, Error> {
        let map = parse_object(extensions).unwrap();
        Prf::at_create(Some(Object::new("extensions", &map)))
    }

    #[test]
    fn inputs_are_hashed_in_the_web_context() {
        let prf = at_create(r#"{"prf":{"eval":{"first":"Zmlyc3Q","second":""}}}"#)
            .unwrap()
            .unwrap();
        let salts = prf.eval.as_ref().unwrap();
        assert_eq!(hex(&salts.first), FIRST);
        assert_eq!(hex(&salts.second.unwrap()), EMPTY);
        assert!(prf.evaluates());
        let request = prf.request();
        let eval = request.text("eval").and_then(Value::as_map).unwrap();
        assert_eq!(
            eval.text("first").and_then(Value::as_bytes),
            Some(salts.first.as_slice())
        );
        assert_eq!(eval.len(), 2);
    }

    #[test]
    fn asking_whether_it_is_there_evaluates_nothing() {
        for extensions in [r#"{"prf":{}}"#, r#"{"prf":{"eval":null}}"#] {
            let prf = at_create(extensions).unwrap().unwrap();
            assert!(!prf.evaluates());
            assert!(prf.request().is_empty());
        }
        assert!(at_create("{}").unwrap().is_none());
        assert!(at_create(r#"{"prf":null}"#).unwrap().is_none());
    }

    #[test]
    fn create_refuses_eval_by_credential() {
        for extensions in [
            r#"{"prf":{"evalByCredential":{}}}"#,
            r#"{"prf":{"evalByCredential":{"AQ":{"first":"AA"}}}}"#,
        ] {
            assert_eq!(at_create(extensions).unwrap_err().dom_name(), "NotSupportedError");
        }
    }

    #[test]
    fn malformed_inputs_are_type_errors() {
        for extensions in [
            r#"{"prf":1}"#,
            r#"{"prf":{"eval":[]}}"#,
            r#"{"prf":{"eval":{}}}"#,
            r#"{"prf":{"eval":{"first":"!"}}}"#,
            r#"{"prf":{"eval":{"first":"AA","second":7}}}"#,
        ] {
            assert_eq!(
                at_create(extensions).unwrap_err().dom_name(),
                "TypeError",
                "{extensions}"
            );
        }
    }

    #[test]
    fn eval_by_credential_needs_an_allow_list() {
        let without = r#"{"extensions":{"prf":{"evalByCredential":{"AQ":{"first":"AA"}}}}}"#;
        assert_eq!(at_get(without).unwrap_err().dom_name(), "NotSupportedError");
        let empty = r#"{"extensions":{"prf":{"evalByCredential":{}}}}"#;
        assert!(!at_get(empty).unwrap().unwrap().evaluates());
    }

    #[test]
    fn keys_must_be_ids_of_allowed_credentials() {
        for key in ["", "AQ=", "!!", "Ag", "A"] {
            let json = format!(
                r#"{{"allowCredentials":[{{"type":"public-key","id":"AQ"}}],"extensions":{{"prf":{{"evalByCredential":{{"{key}":{{"first":"AA"}}}}}}}}}}"#
            );
            assert_eq!(at_get(&json).unwrap_err(), Error::UnknownPrfCredential, "{key:?}");
        }
    }

    #[test]
    fn salts_of_a_credential_go_before_the_general_ones() {
        let prf = at_get(
            r#"{"allowCredentials":[{"type":"public-key","id":"AQ"},{"type":"public-key","id":"Ag"}],
                "extensions":{"prf":{"eval":{"first":"AA"},"evalByCredential":{"AQ":{"first":"AQ","second":"Ag"}}}}}"#,
        )
        .unwrap()
        .unwrap();
        let request = prf.request();
        let by_credential = request.text("evalByCredential").and_then(Value::as_map).unwrap();
        assert!(by_credential.get(&Value::from([1_u8].as_slice())).is_some());
        let (one, two) = ([1_u8; 32], [2_u8; 32]);
        let output = Map::new().with(
            "results",
            Map::new().with("first", one.as_slice()).with("second", two.as_slice()),
        );
        let own = prf.results(&[1], Some(&output)).unwrap().unwrap();
        assert_eq!((own.first, own.second), (one.as_slice(), Some(two.as_slice())));
        // For the other credential one salt was asked for: a second result is not passed on.
        let general = prf.results(&[2], Some(&output)).unwrap().unwrap();
        assert_eq!((general.first, general.second), (one.as_slice(), None));
    }

    #[test]
    fn results_that_do_not_fit_are_the_providers_fault() {
        let prf = at_create(r#"{"prf":{"eval":{"first":"AA","second":"AA"}}}"#)
            .unwrap()
            .unwrap();
        let long = [0_u8; 33];
        for results in [
            Value::from(7_u64),
            Value::from(Map::new()),
            Value::from(Map::new().with("first", &long[..32])),
            Value::from(Map::new().with("first", &long[..32]).with("second", long.as_slice())),
            Value::from(Map::new().with("first", &long[..31]).with("second", &long[..32])),
        ] {
            let output = Map::new().with("results", results);
            assert!(matches!(prf.results(&[1], Some(&output)), Err(Error::Provider(_))));
        }
        assert!(prf.results(&[1], Some(&Map::new())).unwrap().is_none());
        let unasked = at_create(r#"{"prf":{}}"#).unwrap().unwrap();
        let output = Map::new().with("results", Map::new().with("first", &long[..32]));
        assert!(unasked.results(&[1], Some(&output)).unwrap().is_none());
    }

    #[test]
    fn debug_shows_no_salt() {
        let prf = at_create(r#"{"prf":{"eval":{"first":"AA"}}}"#).unwrap();
        assert!(format!("{prf:?}").contains("Salts([redacted])"));
    }
}
