//! The `prf` extension between the platform and a provider: 32 secret bytes for a credential and a salt.
//!
//! The salts arrive already hashed: the client computes `SHA-256("WebAuthn PRF" ‖ 0x00 ‖ input)` (WebAuthn Level 3
//! §10.1.4). The answer is HMAC-SHA-256 under a seed that belongs to the credential, as in `hmac-secret` (CTAP 2.1
//! §12.5), and leaves in the unsigned extension outputs of CTAP 2.2. Only the seed for verified users exists: without
//! user verification there is no output.
//!
//! The types here zeroise their secrets. The CBOR values made from them do not: they are on their way out of the process.
//!
//! Request: `"prf": {"eval"?: {"first": bstr32, "second"?: bstr32}, "evalByCredential"?: {credential id: same}}`.
//! Answer: `"prf": {"enabled"?: bool, "results"?: {"first": bstr32, "second"?: bstr32}}`.

use std::fmt;

use zeroize::Zeroizing;

use crate::cbor::{Map, Value};
use crate::crypto::{Crypto, CryptoError};
use crate::fields::{Fields, MessageError};
use crate::types::CredentialId;

/// The name of the extension.
pub const NAME: &str = "prf";

/// One or two salts, already hashed by the client.
pub struct PrfSalts {
    /// The first salt.
    pub first: Zeroizing<[u8; 32]>,
    /// The second, when the page asks for two outputs (to change from one key to the next).
    pub second: Option<Zeroizing<[u8; 32]>>,
}

impl PrfSalts {
    fn to_map(&self) -> Map {
        pair_to_map(&self.first, self.second.as_deref())
    }

    fn from_value(value: Value) -> Result<Self, MessageError> {
        let (first, second) = pair_from_value(value, "prf.eval")?;
        Ok(Self { first, second })
    }
}

impl fmt::Debug for PrfSalts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrfSalts([redacted])")
    }
}

/// The extension's input. Empty, it asks at creation whether outputs will be available.
#[derive(Debug, Default)]
pub struct PrfInput {
    /// Salts for whatever credential is used.
    pub eval: Option<PrfSalts>,
    /// Salts for particular credentials, which come before [`Self::eval`].
    pub eval_by_credential: Vec<(CredentialId, PrfSalts)>,
}

impl PrfInput {
    /// Reads the input from a request's extensions; `None` when the extension is not asked for.
    pub fn from_extensions(extensions: &Map) -> Result<Option<Self>, MessageError> {
        let Some(value) = extensions.text(NAME) else {
            return Ok(None);
        };
        let mut fields = Fields::from_value(value.clone(), NAME)?;
        let eval = fields
            .take("eval", "prf.eval", Some)?
            .map(PrfSalts::from_value)
            .transpose()?;
        let by_credential = fields.take("evalByCredential", "prf.evalByCredential", Value::into_map)?;
        let mut eval_by_credential = Vec::new();
        for (id, salts) in by_credential.unwrap_or_default() {
            let bad = MessageError::Invalid {
                field: "prf.evalByCredential",
            };
            let id = id.into_bytes().and_then(|id| CredentialId::new(id).ok()).ok_or(bad)?;
            eval_by_credential.push((id, PrfSalts::from_value(salts)?));
        }
        Ok(Some(Self {
            eval,
            eval_by_credential,
        }))
    }

    /// The value to put under [`NAME`] into a request's extensions.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        if let Some(salts) = &self.eval {
            map.insert("eval", salts.to_map());
        }
        if !self.eval_by_credential.is_empty() {
            let by_credential: Map = self
                .eval_by_credential
                .iter()
                .map(|(id, salts)| (id.as_bytes(), salts.to_map()))
                .collect();
            map.insert("evalByCredential", by_credential);
        }
        map.into()
    }

    /// The salts for this credential.
    pub fn salts_for(&self, id: &CredentialId) -> Option<&PrfSalts> {
        let own = self
            .eval_by_credential
            .iter()
            .find(|(other, _)| other == id)
            .map(|(_, salts)| salts);
        own.or(self.eval.as_ref())
    }

    /// Whether an output may be asked for, so that the user must be verified.
    pub fn wants_output(&self) -> bool {
        self.eval.is_some() || !self.eval_by_credential.is_empty()
    }
}

/// The secret from which a credential's outputs are computed. Made with the credential and stored beside its key.
pub struct PrfSeed(Zeroizing<[u8; 32]>);

impl PrfSeed {
    /// A new random seed.
    pub fn generate(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut seed = Zeroizing::new([0; 32]);
        crypto.random(seed.as_mut_slice())?;
        Ok(Self(seed))
    }

    /// A seed from storage.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes, for a store that encrypts them.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA-256(seed, salt).
    pub fn evaluate(&self, crypto: &dyn Crypto, salt: &[u8; 32]) -> PrfOutput {
        PrfOutput(Zeroizing::new(crypto.hmac_sha256(self.0.as_slice(), &[salt])))
    }
}

impl fmt::Debug for PrfSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrfSeed([redacted])")
    }
}

/// One output: 32 secret bytes.
pub struct PrfOutput(Zeroizing<[u8; 32]>);

impl PrfOutput {
    /// An output that was computed elsewhere.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PrfOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrfOutput([redacted])")
    }
}

/// The extension's output.
#[derive(Debug, Default)]
pub struct PrfAnswer {
    /// At creation: whether the credential can give outputs.
    pub enabled: Option<bool>,
    /// The outputs for the first and the second salt.
    pub results: Option<(PrfOutput, Option<PrfOutput>)>,
}

impl PrfAnswer {
    /// Reads the answer from a response's unsigned extension outputs; `None` when it has none.
    pub fn from_unsigned_outputs(outputs: &Map) -> Result<Option<Self>, MessageError> {
        let Some(value) = outputs.text(NAME) else {
            return Ok(None);
        };
        let mut fields = Fields::from_value(value.clone(), NAME)?;
        let enabled = fields.take("enabled", "prf.enabled", |v| v.as_bool())?;
        let results = match fields.take("results", "prf.results", Some)? {
            Some(value) => {
                let (first, second) = pair_from_value(value, "prf.results")?;
                Some((PrfOutput(first), second.map(PrfOutput)))
            }
            None => None,
        };
        Ok(Some(Self { enabled, results }))
    }

    /// The unsigned extension outputs that hold this answer and nothing else.
    pub fn to_unsigned_outputs(&self) -> Map {
        let mut map = Map::new();
        if let Some(enabled) = self.enabled {
            map.insert("enabled", enabled);
        }
        if let Some((first, second)) = &self.results {
            map.insert(
                "results",
                pair_to_map(&first.0, second.as_ref().map(PrfOutput::as_bytes)),
            );
        }
        Map::new().with(NAME, map)
    }
}

fn pair_to_map(first: &[u8; 32], second: Option<&[u8; 32]>) -> Map {
    let map = Map::new().with("first", first);
    match second {
        Some(second) => map.with("second", second),
        None => map,
    }
}

type Secret = Zeroizing<[u8; 32]>;

fn pair_from_value(value: Value, field: &'static str) -> Result<(Secret, Option<Secret>), MessageError> {
    let mut fields = Fields::from_value(value, field)?;
    let mut one = |name| {
        let bytes = fields.take(name, field, Value::into_bytes)?.map(Zeroizing::new);
        let sized = bytes.map(|bytes| bytes.as_slice().try_into().map(Zeroizing::new));
        sized.transpose().map_err(|_| MessageError::Invalid { field })
    };
    let first = one("first")?.ok_or(MessageError::Missing { field })?;
    Ok((first, one("second")?))
}
