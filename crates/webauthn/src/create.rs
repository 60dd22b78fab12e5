//! Registration: `navigator.credentials.create()` (L3 §5.1.3).

use std::time::Duration;

use claviger_ctap::{
    authenticator::CRED_PROTECT,
    authenticator_data::AuthenticatorData,
    cbor::{Map, Value},
    make_credential::{Request, Response},
    types::{RpEntity, RpId, UserEntity, UserId},
};
use serde::Serialize;

use crate::{
    CallerContext, CeremonyType, ClientData, Error, Hint, RelatedOrigin, ResponseJson, Unserved, UserVerification,
    cred_blob::{self, CredBlob},
    json::{self, Object},
    large_blob::LargeBlob,
    limits, options,
    prf::{self, Prf},
    protection::ProtectionPolicy,
    related,
    response::{self, Base64Url, CredProps, ExtensionOutputs, PrfOutput},
};

/// The COSE algorithms of a page that names none (L3 §5.1.3 step 10).
const ES256: i64 = -7;
const RS256: i64 = -257;

/// A registration between the page's request and the answer to it.
#[derive(Debug)]
pub struct Ceremony {
    rp_id: RpId,
    request: Request,
    client_data: ClientData,
    timeout: Duration,
    user_verification: UserVerification,
    hints: Vec<Hint>,
    attestation: Attestation,
    cred_props: bool,
    prf: Option<Prf>,
    protection: Option<ProtectionPolicy>,
    large_blob: Option<LargeBlob>,
    cred_blob: bool,
    unserved: Option<Unserved>,
    related: Option<RelatedOrigin>,
}

impl Ceremony {
    /// Checks a `PublicKeyCredentialCreationOptionsJSON` and turns it into a CTAP request.
    ///
    /// # Errors
    ///
    /// Everything but [`Error::Provider`]; whatever is wrong with the request is found here, before the user is asked anything.
    pub fn begin(options: &str, caller: &CallerContext) -> Result<Self, Error> {
        // The numbers are the steps of L3 §5.1.3. Steps that concern the browser's own state (permissions policy, user activation,
        // abort signal) were the browser's to take.
        // 3. Frames of other sites.
        let frame = options::check_caller(caller)?;
        let map = json::parse_object(options)?;
        let options = Object::new("", &map);
        let extensions = options::extensions(options)?;
        // 4. The timeout.
        let timeout = options::timeout(options)?;
        // 5. The length of the user handle.
        let user = user(options.required_object("user")?)?;
        // 6.–8. The effective domain and the RP ID.
        let rp = options.required_object("rp")?;
        let (rp_id, related) = related::claim(caller, rp.text("id")?)?;
        // 9. and 10. The algorithms.
        let algorithms = algorithms(options)?;
        // 11. and 12. Extensions.
        let mut inputs = Map::new();
        let large_blob = LargeBlob::at_create(extensions, &mut inputs)?;
        let protection = ProtectionPolicy::parse(extensions)?;
        let cred_blob = CredBlob::at_create(extensions)?;
        let prf = Prf::at_create(extensions)?;
        let cred_props = extensions.map_or(Ok(None), |extensions| extensions.boolean("credProps"))?;
        // 13.–15. The client data.
        let challenge = options::challenge(options)?;
        let client_data = ClientData::build(CeremonyType::Create, &challenge, caller);
        // 22. What the relying party wants of the authenticator.
        let selection = Selection::parse(options)?;
        let excluded = options::descriptors(options, "excludeCredentials")?;
        let attestation = Attestation::parse(options.text("attestation")?);
        let user_verification = match &prf {
            // The PRF that the web gets is the one of a verified user (L3 §10.1.4), whatever the page said.
            Some(prf) if prf.evaluates() => UserVerification::Required,
            _ => selection.user_verification,
        };
        let rp = RpEntity {
            id: rp_id.as_str().to_owned(),
            name: Some(rp.required_name("name")?),
        };
        let mut request = Request::new(*client_data.hash(), rp, user, algorithms);
        request.exclude_list = excluded.usable;
        request.extensions = inputs;
        if let Some(prf) = &prf {
            request.extensions.insert("prf", prf.request());
        }
        if let Some(level) = protection.and_then(ProtectionPolicy::request) {
            request.extensions.insert(CRED_PROTECT, level);
        }
        if let Some(blob) = &cred_blob {
            blob.ask(&mut request.extensions);
        }
        request.options.rk = selection.resident_key;
        request.options.uv = user_verification != UserVerification::Discouraged;
        request.attestation_formats_preference = attestation.formats(options)?;
        Ok(Self {
            rp_id,
            request,
            client_data,
            timeout,
            user_verification,
            hints: options::hints(options)?,
            attestation,
            cred_props: cred_props == Some(true),
            prf,
            protection,
            large_blob,
            cred_blob: cred_blob.is_some(),
            related,
            unserved: frame.or(selection.unserved),
        })
    }

    /// The CTAP request for whichever provider the user picks.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whom the passkey will be for.
    pub fn rp_id(&self) -> &RpId {
        &self.rp_id
    }

    /// How long the whole ceremony may take, 15 s to 10 min.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The page's requirement, raised to [`UserVerification::Required`] when PRF results are asked for.
    pub fn user_verification(&self) -> UserVerification {
        self.user_verification
    }

    /// What makes the RP ID the page's where its origin does not.
    pub fn related(&self) -> Option<&RelatedOrigin> {
        self.related.as_ref()
    }

    /// Why nobody here can do what the page asks, if so: then [`Self::request`] is for nobody.
    pub fn unserved(&self) -> Option<Unserved> {
        self.unserved
    }

    /// Whether the page wants no passkey that its provider does not protect as the CTAP request says (credProtect).
    pub fn enforces_protection(&self) -> bool {
        self.protection.is_some_and(|policy| policy.enforced)
    }

    /// Whether the page wants no passkey of a provider that keeps no large blobs.
    pub fn requires_large_blobs(&self) -> bool {
        self.large_blob.is_some_and(LargeBlob::is_required)
    }

    /// What the page expects the user to pick.
    pub fn hints(&self) -> &[Hint] {
        &self.hints
    }

    /// Makes the page's `RegistrationResponseJSON` of the provider's answer.
    ///
    /// # Errors
    ///
    /// [`Error::Provider`] when the answer does not fit this request. That the attestation signature is right is the broker's check.
    pub fn finish(&self, response: &Response) -> Result<ResponseJson, Error> {
        let data = response::authenticator_data(&response.auth_data, &self.rp_id, self.user_verification)?;
        let attested = data.attested.as_ref().ok_or(Error::Provider("it made no credential"))?;
        let algorithm = attested.public_key.algorithm().cose();
        if !self.request.algorithms.contains(&algorithm) {
            return Err(Error::Provider("it made a key of an algorithm that was not asked for"));
        }
        if let Some(policy) = self.protection {
            policy.check(&data)?;
        }
        let public_key = attested.public_key.to_spki_der();
        let attestation_object = self.attestation_object(&data, response);
        let unsigned = prf::output(response.unsigned_extension_outputs.as_ref())?;
        let id = attested.id.as_bytes();
        let json = RegistrationResponse {
            id: Base64Url(id),
            raw_id: Base64Url(id),
            response: AttestationResponse {
                client_data: Base64Url(self.client_data.json()),
                authenticator_data: Base64Url(&response.auth_data),
                transports: ["internal"],
                public_key: Base64Url(&public_key),
                public_key_algorithm: algorithm,
                attestation_object: Base64Url(&attestation_object),
            },
            authenticator_attachment: "platform",
            client_extension_results: ExtensionOutputs {
                // L3 §10.1.3: what the client asked the authenticator for.
                cred_props: self.cred_props.then_some(CredProps {
                    rk: self.request.options.rk,
                }),
                cred_blob: self.cred_blob.then(|| cred_blob::is_kept(&data)),
                large_blob: match self.large_blob {
                    Some(asked) => Some(asked.output(response.unsigned_extension_outputs.as_ref())?),
                    None => None,
                },
                prf: match &self.prf {
                    Some(prf) => Some(PrfOutput {
                        enabled: Some(
                            unsigned.and_then(|prf| prf.text("enabled")).and_then(Value::as_bool) == Some(true),
                        ),
                        results: prf.results(id, unsigned)?.map(Into::into),
                    }),
                    None => None,
                },
                ..ExtensionOutputs::default()
            },
            kind: "public-key",
        };
        let room = json.room();
        ResponseJson::write(&json, room)
    }

    /// The attestation object that the page may see (L3 §5.1.3, "none" among the conveyance cases).
    ///
    /// The AAGUID stays, as Level 3 has it (Level 2 blanked it): it names the provider's product, is the same for all its users, and
    /// is how account pages show where a passkey is kept.
    fn attestation_object(&self, data: &AuthenticatorData, response: &Response) -> Vec<u8> {
        let anonymous = data
            .attested
            .as_ref()
            .is_some_and(|attested| attested.aaguid.0 == [0; 16]);
        let self_attested = response.fmt == "packed" && response.att_stmt.text("x5c").is_none();
        if self.attestation == Attestation::Conveyed || (anonymous && self_attested) {
            return response.attestation_object();
        }
        Response::new("none", response.auth_data.clone(), Map::new()).attestation_object()
    }
}

/// How much of the attestation the relying party wants (L3 §5.4.7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Attestation {
    None,
    /// `indirect` (which may be direct), `direct`, and `enterprise`, which without an administrator's word is `direct`.
    Conveyed,
}

impl Attestation {
    fn parse(text: Option<&str>) -> Self {
        match text {
            Some("indirect" | "direct" | "enterprise") => Self::Conveyed,
            _ => Self::None,
        }
    }

    /// The formats to ask the authenticator for, most wanted first. Without a wish for attestation, none is the only one.
    fn formats(self, options: Object<'_>) -> Result<Vec<String>, Error> {
        let wanted = options.texts("attestationFormats", limits::MAX_SMALL_LIST)?;
        Ok(match self {
            Self::None => vec!["none".to_owned()],
            Self::Conveyed if wanted.is_empty() => vec!["packed".to_owned()],
            Self::Conveyed => wanted.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// `authenticatorSelection` (L3 §5.4.4).
struct Selection {
    unserved: Option<Unserved>,
    resident_key: bool,
    user_verification: UserVerification,
}

impl Selection {
    fn parse(options: Object<'_>) -> Result<Self, Error> {
        let Some(selection) = options.object("authenticatorSelection")? else {
            return Ok(Self {
                unserved: None,
                resident_key: false,
                user_verification: UserVerification::Preferred,
            });
        };
        // An unknown value is as good as none. "platform" is what we are.
        let cross_platform = selection.text("authenticatorAttachment")? == Some("cross-platform");
        let required = selection.boolean("requireResidentKey")? == Some(true);
        let resident_key = match selection.text("residentKey")? {
            Some("required" | "preferred") => true,
            Some("discouraged") => false,
            _ => required,
        };
        Ok(Self {
            unserved: cross_platform.then_some(Unserved::SecurityKey),
            resident_key,
            user_verification: UserVerification::parse(selection.text("userVerification")?),
        })
    }
}

fn user(user: Object<'_>) -> Result<UserEntity, Error> {
    let id = user.required_bytes("id")?;
    Ok(UserEntity {
        id: UserId::new(id.as_slice()).map_err(|_| user.error("id", "is not 1 to 64 bytes long"))?,
        name: Some(user.required_name("name")?),
        display_name: Some(user.required_name("displayName")?),
    })
}

/// The algorithms in the page's order, known here or not: a provider looks for the first that it has.
fn algorithms(options: Object<'_>) -> Result<Vec<i64>, Error> {
    if !options.has("pubKeyCredParams") {
        return Err(options.error("pubKeyCredParams", "is missing"));
    }
    let params = options.objects("pubKeyCredParams", limits::MAX_SMALL_LIST)?;
    // An empty list means ES256 and RS256.
    if params.is_empty() {
        return Ok(vec![ES256, RS256]);
    }
    let mut asked = Vec::new();
    for param in params {
        let algorithm = param.required_integer("alg")?;
        if param.required_text("type")? == "public-key" && !asked.contains(&algorithm) {
            asked.push(algorithm);
        }
    }
    if asked.is_empty() {
        return Err(Error::NotSupported("only credentials of types that there are not"));
    }
    Ok(asked)
}

#[derive(Serialize)]
struct RegistrationResponse<'a> {
    id: Base64Url<'a>,
    #[serde(rename = "rawId")]
    raw_id: Base64Url<'a>,
    response: AttestationResponse<'a>,
    #[serde(rename = "authenticatorAttachment")]
    authenticator_attachment: &'static str,
    #[serde(rename = "clientExtensionResults")]
    client_extension_results: ExtensionOutputs<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl RegistrationResponse<'_> {
    /// An upper bound of the serialised length.
    fn room(&self) -> usize {
        let response = &self.response;
        let parts = [
            &self.id,
            &self.raw_id,
            &response.client_data,
            &response.authenticator_data,
            &response.public_key,
            &response.attestation_object,
        ];
        parts.into_iter().map(Base64Url::room).sum::<usize>() + self.client_extension_results.room()
    }
}

#[derive(Serialize)]
struct AttestationResponse<'a> {
    #[serde(rename = "clientDataJSON")]
    client_data: Base64Url<'a>,
    #[serde(rename = "authenticatorData")]
    authenticator_data: Base64Url<'a>,
    transports: [&'static str; 1],
    #[serde(rename = "publicKey")]
    public_key: Base64Url<'a>,
    #[serde(rename = "publicKeyAlgorithm")]
    public_key_algorithm: i64,
    #[serde(rename = "attestationObject")]
    attestation_object: Base64Url<'a>,
}
