//! Authentication: `navigator.credentials.get()` (L3 §5.1.4).

use std::time::Duration;

use claviger_ctap::{
    cbor::Map,
    get_assertion::{Request, Response},
    types::RpId,
};
use serde::Serialize;

use crate::{
    CallerContext, CeremonyType, ClientData, Error, Hint, RelatedOrigin, ResponseJson, Unserved, UserVerification,
    cred_blob,
    json::{self, Object},
    large_blob::LargeBlob,
    options,
    prf::{self, Prf},
    related,
    response::{self, Base64Url, ExtensionOutputs, PrfOutput},
};

/// An authentication between the page's request and the answer to it.
#[derive(Debug)]
pub struct Ceremony {
    rp_id: RpId,
    request: Request,
    client_data: ClientData,
    timeout: Duration,
    user_verification: UserVerification,
    hints: Vec<Hint>,
    prf: Option<Prf>,
    large_blob: Option<LargeBlob>,
    cred_blob: bool,
    unserved: Option<Unserved>,
    related: Option<RelatedOrigin>,
}

impl Ceremony {
    /// Checks a `PublicKeyCredentialRequestOptionsJSON` and turns it into a CTAP request.
    ///
    /// # Errors
    ///
    /// Everything but [`Error::Provider`]; whatever is wrong with the request is found here, before the user is asked anything.
    pub fn begin(options: &str, caller: &CallerContext) -> Result<Self, Error> {
        // The numbers are the steps of L3 §5.1.4.1; see `create` for those left out.
        // 3. Frames of other sites.
        let unserved = options::check_caller(caller)?;
        let map = json::parse_object(options)?;
        let options = Object::new("", &map);
        let extensions = options::extensions(options)?;
        // 4. The timeout.
        let timeout = options::timeout(options)?;
        // 6.–8. The effective domain and the RP ID.
        let (rp_id, related) = related::claim(caller, options.text("rpId")?)?;
        // 9. and 10. Extensions, some of whose rules concern the allow list.
        let allowed = options::descriptors(options, "allowCredentials")?;
        let prf = Prf::at_get(extensions, &allowed)?;
        let mut inputs = Map::new();
        let large_blob = LargeBlob::at_get(extensions, &allowed, &mut inputs)?;
        // 11.–13. The client data.
        let challenge = options::challenge(options)?;
        let client_data = ClientData::build(CeremonyType::Get, &challenge, caller);
        // 18. What may be used. If nothing on the list can be a passkey, the list is not empty: nothing may be used.
        let nothing_usable = allowed.given && allowed.usable.is_empty();
        let unserved = unserved.or(nothing_usable.then_some(Unserved::Credentials));
        let user_verification = match &prf {
            // The PRF that the web gets is the one of a verified user (L3 §10.1.4), whatever the page said.
            Some(prf) if prf.evaluates() => UserVerification::Required,
            // What is kept changes for a verified user alone.
            _ if large_blob == Some(LargeBlob::Write) => UserVerification::Required,
            _ => UserVerification::parse(options.text("userVerification")?),
        };
        let mut request = Request::new(rp_id.as_str(), *client_data.hash());
        request.allow_list = allowed.usable;
        request.extensions = inputs;
        // Unlike at creation there is nothing to learn from an input without salts.
        if let Some(prf) = prf.as_ref().filter(|prf| prf.evaluates()) {
            request.extensions.insert("prf", prf.request());
        }
        let cred_blob = cred_blob::ask_at_get(extensions, &mut request.extensions)?;
        request.options.uv = user_verification != UserVerification::Discouraged;
        Ok(Self {
            rp_id,
            request,
            client_data,
            timeout,
            user_verification,
            hints: options::hints(options)?,
            prf,
            large_blob,
            cred_blob,
            unserved,
            related,
        })
    }

    /// The CTAP request for whichever provider holds the credential.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whose passkeys are asked for.
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

    /// What the page expects the user to pick.
    pub fn hints(&self) -> &[Hint] {
        &self.hints
    }

    /// Makes the page's `AuthenticationResponseJSON` of the provider's answer.
    ///
    /// # Errors
    ///
    /// [`Error::Provider`] when the answer does not fit this request. That the signature is right is the broker's check, who knows the
    /// public key.
    pub fn finish(&self, response: &Response) -> Result<ResponseJson, Error> {
        let data = response::authenticator_data(&response.auth_data, &self.rp_id, self.user_verification)?;
        let id = self.credential(response)?;
        let unsigned = prf::output(response.unsigned_extension_outputs.as_ref())?;
        let json = AuthenticationResponse {
            id: Base64Url(id),
            raw_id: Base64Url(id),
            response: AssertionResponse {
                client_data: Base64Url(self.client_data.json()),
                authenticator_data: Base64Url(&response.auth_data),
                signature: Base64Url(&response.signature),
                user_handle: response.user.as_ref().map(|user| Base64Url(user.id.as_bytes())),
            },
            authenticator_attachment: "platform",
            client_extension_results: ExtensionOutputs {
                get_cred_blob: cred_blob::read(&data).filter(|_| self.cred_blob).map(Base64Url),
                large_blob: match self.large_blob {
                    Some(asked) => Some(asked.output(response.unsigned_extension_outputs.as_ref())?),
                    None => None,
                },
                prf: match &self.prf {
                    Some(prf) => Some(PrfOutput {
                        enabled: None,
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

    /// The credential that was used, if this request allows it.
    fn credential<'a>(&self, response: &'a Response) -> Result<&'a [u8], Error> {
        let allowed = &self.request.allow_list;
        let used = &response.credential.id;
        if !allowed.is_empty() && !allowed.iter().any(|allowed| allowed.id == *used) {
            return Err(Error::Provider("it used a credential that is not allowed"));
        }
        // CTAP 2.1 §6.2.3: a discoverable credential comes with its user handle. Without one the page could not tell who signs in.
        if allowed.is_empty() && response.user.is_none() {
            return Err(Error::Provider("it does not say whose credential it used"));
        }
        Ok(used.as_bytes())
    }
}

#[derive(Serialize)]
struct AuthenticationResponse<'a> {
    id: Base64Url<'a>,
    #[serde(rename = "rawId")]
    raw_id: Base64Url<'a>,
    response: AssertionResponse<'a>,
    #[serde(rename = "authenticatorAttachment")]
    authenticator_attachment: &'static str,
    #[serde(rename = "clientExtensionResults")]
    client_extension_results: ExtensionOutputs<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl AuthenticationResponse<'_> {
    /// An upper bound of the serialised length.
    fn room(&self) -> usize {
        let response = &self.response;
        let parts = [
            &self.id,
            &self.raw_id,
            &response.client_data,
            &response.authenticator_data,
            &response.signature,
        ];
        parts
            .into_iter()
            .chain(response.user_handle.as_ref())
            .map(Base64Url::room)
            .sum::<usize>()
            + self.client_extension_results.room()
    }
}

#[derive(Serialize)]
struct AssertionResponse<'a> {
    #[serde(rename = "clientDataJSON")]
    client_data: Base64Url<'a>,
    #[serde(rename = "authenticatorData")]
    authenticator_data: Base64Url<'a>,
    signature: Base64Url<'a>,
    #[serde(rename = "userHandle", skip_serializing_if = "Option::is_none")]
    user_handle: Option<Base64Url<'a>>,
}
