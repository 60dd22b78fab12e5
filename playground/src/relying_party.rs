//! Accounts, passkeys and ceremonies under way, all in memory; verification is webauthn-rs's.
//!
//! webauthn-rs's core is used rather than its passkey face because the playground must be able to ask for things that
//! the latter fixes: each user verification requirement, each algorithm, each way to name credentials, any extension.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;
use webauthn_rs_core::{
    WebauthnCore,
    error::WebauthnError,
    proto::{
        AttestationConveyancePreference, AuthenticationState, COSEAlgorithm, Credential, PublicKeyCredential,
        RegisterPublicKeyCredential, RegistrationState, RequestRegistrationExtensions, UserVerificationPolicy,
    },
};

/// How many ceremonies may be open at once; the oldest is dropped for a new one.
const MAX_PENDING: usize = 256;
/// How many accounts fit.
const MAX_USERS: usize = 1024;

/// Why the relying party says no.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The request makes no sense; the text says why.
    Request(String),
    /// The library rejected the credential or assertion.
    Verification(WebauthnError),
    /// This machine gives no random numbers.
    Randomness(getrandom::Error),
}

impl From<WebauthnError> for Refusal {
    fn from(error: WebauthnError) -> Self {
        Self::Verification(error)
    }
}

impl From<getrandom::Error> for Refusal {
    fn from(error: getrandom::Error) -> Self {
        Self::Randomness(error)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request(why) => f.write_str(why),
            Self::Verification(error) => write!(f, "{error:?}"),
            Self::Randomness(error) => write!(f, "no random numbers: {error}"),
        }
    }
}

/// What a page asks for when it wants to register a passkey.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RegistrationWish {
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) user_verification: UserVerificationPolicy,
    /// `"required"`, `"preferred"` or `"discouraged"`.
    pub(crate) resident_key: String,
    /// `"platform"`, `"cross-platform"` or none.
    pub(crate) attachment: Option<String>,
    /// COSE numbers, the preferred one first.
    pub(crate) algorithms: Vec<i64>,
    pub(crate) attestation: AttestationConveyancePreference,
    /// Whether the account's own passkeys are excluded.
    pub(crate) exclude: bool,
    /// Client extension inputs, passed on as they are.
    pub(crate) extensions: Map<String, Value>,
    /// In ms.
    pub(crate) timeout: Option<u64>,
}

impl Default for RegistrationWish {
    fn default() -> Self {
        Self {
            name: String::new(),
            display_name: None,
            user_verification: UserVerificationPolicy::Preferred,
            resident_key: "required".into(),
            attachment: None,
            algorithms: vec![-7, -8],
            attestation: AttestationConveyancePreference::None,
            exclude: true,
            extensions: Map::new(),
            timeout: None,
        }
    }
}

/// What a page asks for when it wants to sign somebody in.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SignInWish {
    /// With a name the account's passkeys are the allow list; without, any discoverable passkey may answer.
    pub(crate) name: Option<String>,
    /// Narrows the allow list to one passkey (base64url credential id).
    pub(crate) credential: Option<String>,
    pub(crate) user_verification: UserVerificationPolicy,
    /// Client extension inputs, passed on as they are.
    pub(crate) extensions: Map<String, Value>,
    /// In ms.
    pub(crate) timeout: Option<u64>,
}

impl Default for SignInWish {
    fn default() -> Self {
        Self {
            name: None,
            credential: None,
            user_verification: UserVerificationPolicy::Preferred,
            extensions: Map::new(),
            timeout: None,
        }
    }
}

/// A ceremony that has been answered: what the page gets, and the record of it.
pub(crate) struct Finished {
    pub(crate) result: Result<Value, Refusal>,
    pub(crate) record: Value,
}

/// The relying party.
pub(crate) struct RelyingParty {
    core: WebauthnCore,
    rp_id: String,
    origin: String,
    users: Vec<User>,
    pending: BTreeMap<u64, Pending>,
    sessions: BTreeMap<String, usize>,
    next_ceremony: u64,
}

struct User {
    handle: Vec<u8>,
    name: String,
    display_name: String,
    credentials: Vec<Credential>,
    /// What the user's browser encrypted with a passkey; meaningless to this side.
    note: Option<Value>,
}

enum Pending {
    Register {
        user: Candidate,
        state: RegistrationState,
        options: Value,
    },
    SignIn {
        state: AuthenticationState,
        options: Value,
    },
}

/// Who a new passkey is for: nobody has an account before their first passkey is accepted.
struct Candidate {
    handle: Vec<u8>,
    name: String,
    display_name: String,
}

impl RelyingParty {
    /// A relying party without accounts.
    pub(crate) fn new(rp_id: &str, origin: &str) -> Result<Self, url::ParseError> {
        let core = WebauthnCore::new_unsafe_experts_only(
            "Claviger playground",
            rp_id,
            vec![Url::parse(origin)?],
            Duration::from_mins(5),
            Some(false),
            Some(false),
        );
        Ok(Self {
            core,
            rp_id: rp_id.into(),
            origin: origin.into(),
            users: Vec::new(),
            pending: BTreeMap::new(),
            sessions: BTreeMap::new(),
            next_ceremony: 1,
        })
    }

    /// Starts a registration: `{"ceremony": n, "publicKey": …}`.
    pub(crate) fn begin_registration(&mut self, wish: RegistrationWish) -> Result<Value, Refusal> {
        let known = self.users.iter().find(|user| user.name == wish.name);
        let candidate = Candidate {
            handle: known.map_or_else(|| random(16), |user| Ok(user.handle.clone()))?,
            name: wish.name.clone(),
            display_name: wish.display_name.unwrap_or(wish.name),
        };
        let exclude = known.filter(|_| wish.exclude).map(|user| {
            user.credentials
                .iter()
                .map(|credential| credential.cred_id.clone())
                .collect()
        });
        let builder = self
            .core
            .new_challenge_register_builder(&candidate.handle, &candidate.name, &candidate.display_name)?
            .attestation(wish.attestation)
            .user_verification_policy(wish.user_verification)
            .exclude_credentials(exclude)
            .credential_algorithms(wish.algorithms.into_iter().map(algorithm).collect::<Result<_, _>>()?)
            .extensions(Some(RequestRegistrationExtensions {
                uvm: None,
                ..Default::default()
            }));
        let (challenge, state) = self.core.generate_challenge_register(builder)?;
        let mut options = to_json(&challenge.public_key)?;
        if let Some(selection) = options.get_mut("authenticatorSelection").and_then(Value::as_object_mut) {
            selection.insert("requireResidentKey".into(), json!(wish.resident_key == "required"));
            selection.insert("residentKey".into(), json!(wish.resident_key));
            if let Some(attachment) = wish.attachment {
                selection.insert("authenticatorAttachment".into(), json!(attachment));
            }
        }
        add(&mut options, wish.extensions, wish.timeout);
        let answer = options.clone();
        let ceremony = self.remember(Pending::Register {
            user: candidate,
            state,
            options,
        });
        Ok(json!({ "ceremony": ceremony, "publicKey": answer }))
    }

    /// Checks a new passkey and opens the account with it, or adds it to the account.
    pub(crate) fn finish_registration(&mut self, ceremony: u64, response: &Value) -> Result<Finished, Refusal> {
        let Some(Pending::Register { user, state, options }) = self.pending.remove(&ceremony) else {
            return Err(Refusal::Request("no such registration is under way".into()));
        };
        let result = self.accept_registration(user, &state, response);
        Ok(self.finished("create", &options, response, result))
    }

    /// Starts a sign-in: `{"ceremony": n, "publicKey": …}`.
    pub(crate) fn begin_sign_in(&mut self, wish: SignInWish) -> Result<Value, Refusal> {
        let allowed: Vec<Credential> = match &wish.name {
            None => Vec::new(),
            Some(name) => self
                .users
                .iter()
                .filter(|user| user.name == *name)
                .flat_map(|user| &user.credentials)
                .filter(|credential| {
                    wish.credential
                        .as_ref()
                        .is_none_or(|id| *id == encode(&credential.cred_id))
                })
                .cloned()
                .collect(),
        };
        if wish.name.is_some() && allowed.is_empty() {
            return Err(Refusal::Request("there is no such account or passkey".into()));
        }
        let builder = self
            .core
            .new_challenge_authenticate_builder(allowed, Some(wish.user_verification))?;
        let (challenge, state) = self.core.generate_challenge_authenticate(builder)?;
        let mut options = to_json(&challenge.public_key)?;
        add(&mut options, wish.extensions, wish.timeout);
        let answer = options.clone();
        let ceremony = self.remember(Pending::SignIn { state, options });
        Ok(json!({ "ceremony": ceremony, "publicKey": answer }))
    }

    /// Checks an assertion and signs its account in.
    pub(crate) fn finish_sign_in(&mut self, ceremony: u64, response: &Value) -> Result<Finished, Refusal> {
        let Some(Pending::SignIn { state, options }) = self.pending.remove(&ceremony) else {
            return Err(Refusal::Request("no such sign-in is under way".into()));
        };
        let result = self.accept_sign_in(state, response);
        Ok(self.finished("get", &options, response, result))
    }

    /// All accounts with their passkeys, for the page.
    pub(crate) fn accounts(&self) -> Value {
        self.users.iter().map(describe_user).collect()
    }

    /// Keeps what a signed-in user's browser encrypted.
    pub(crate) fn set_note(&mut self, session: &str, note: Value) -> Result<(), Refusal> {
        let user = self.session(session)?;
        if note.to_string().len() > 16 * 1024 {
            return Err(Refusal::Request("the note is too long".into()));
        }
        user.note = Some(note);
        Ok(())
    }

    /// Gives back what [`Self::set_note`] kept, or null.
    pub(crate) fn note(&mut self, session: &str) -> Result<Value, Refusal> {
        Ok(self.session(session)?.note.clone().unwrap_or(Value::Null))
    }

    fn accept_registration(
        &mut self,
        candidate: Candidate,
        state: &RegistrationState,
        response: &Value,
    ) -> Result<Value, Refusal> {
        let response: RegisterPublicKeyCredential = from_json(response)?;
        let mut credential = self.core.register_credential(&response, state, None)?;
        // webauthn-rs goes beyond the specification and holds each sign-in to the verification that was asked for at
        // registration. Here each ceremony stands for itself (WebAuthn section 7.2, step 17), so that all three
        // requirements can be tried on one passkey.
        credential.registration_policy = UserVerificationPolicy::Discouraged_DO_NOT_USE;
        if self
            .users
            .iter()
            .flat_map(|user| &user.credentials)
            .any(|other| other.cred_id == credential.cred_id)
        {
            return Err(Refusal::Request("this credential id is taken".into()));
        }
        let described = describe_credential(&credential);
        let index = if let Some(index) = self.users.iter().position(|user| user.handle == candidate.handle) {
            index
        } else {
            if self.users.len() >= MAX_USERS || self.users.iter().any(|user| user.name == candidate.name) {
                return Err(Refusal::Request(
                    "this name is taken, or there are too many accounts".into(),
                ));
            }
            self.users.push(User {
                handle: candidate.handle,
                name: candidate.name,
                display_name: candidate.display_name,
                credentials: Vec::new(),
                note: None,
            });
            self.users.len() - 1
        };
        if let Some(user) = self.users.get_mut(index) {
            user.credentials.push(credential);
        }
        self.signed_in(index, &described)
    }

    fn accept_sign_in(&mut self, mut state: AuthenticationState, response: &Value) -> Result<Value, Refusal> {
        let response: PublicKeyCredential = from_json(response)?;
        let unknown = || Refusal::Request("nobody here has this passkey".into());
        let (index, credential) = self
            .users
            .iter()
            .enumerate()
            .find_map(|(index, user)| {
                let credential = user
                    .credentials
                    .iter()
                    .find(|known| *known.cred_id == *response.raw_id)?;
                Some((index, credential.clone()))
            })
            .ok_or_else(unknown)?;
        let user = self.users.get(index).ok_or_else(unknown)?;
        if response
            .get_user_unique_id()
            .is_some_and(|handle| handle != user.handle)
        {
            return Err(Refusal::Request("the user handle is another account's".into()));
        }
        if is_discoverable(&state) {
            if response.get_user_unique_id().is_none() {
                return Err(Refusal::Request("a discoverable sign-in must name its user".into()));
            }
            state.set_allowed_credentials(vec![credential.clone()]);
        }
        let result = self.core.authenticate_credential(&response, &state)?;
        let mut described = describe_credential(&credential);
        if let Some(described) = described.as_object_mut() {
            described.insert("userVerified".into(), json!(result.user_verified()));
            described.insert("backedUp".into(), json!(result.backup_state()));
        }
        self.signed_in(index, &described)
    }

    fn signed_in(&mut self, index: usize, credential: &Value) -> Result<Value, Refusal> {
        let session = encode(&random(16)?);
        self.sessions.insert(session.clone(), index);
        let user = self.users.get(index).map(describe_user);
        Ok(json!({ "session": session, "user": user, "credential": credential }))
    }

    fn session(&mut self, session: &str) -> Result<&mut User, Refusal> {
        let index = self.sessions.get(session).copied();
        index
            .and_then(|index| self.users.get_mut(index))
            .ok_or_else(|| Refusal::Request("sign in first".into()))
    }

    fn remember(&mut self, pending: Pending) -> u64 {
        if self.pending.len() >= MAX_PENDING {
            self.pending.pop_first();
        }
        let ceremony = self.next_ceremony;
        self.next_ceremony += 1;
        self.pending.insert(ceremony, pending);
        ceremony
    }

    fn finished(&self, kind: &str, options: &Value, response: &Value, result: Result<Value, Refusal>) -> Finished {
        let verification = options.pointer("/authenticatorSelection/userVerification");
        let record = json!({
            "kind": kind,
            "options": options,
            "response": response,
            "expected": {
                "challenge": options.get("challenge"),
                "origin": self.origin,
                "rpId": self.rp_id,
                "userVerification": verification.or_else(|| options.get("userVerification")),
            },
            "accepted": result.is_ok(),
            "refusal": result.as_ref().err().map(ToString::to_string),
        });
        Finished { result, record }
    }
}

/// Whether a sign-in was started without an allow list. The library keeps that to itself but for its serialised form.
fn is_discoverable(state: &AuthenticationState) -> bool {
    serde_json::to_value(state)
        .ok()
        .and_then(|state| state.get("credentials")?.as_array().map(Vec::is_empty))
        .unwrap_or(false)
}

/// Adds what the library's own option types have no room for.
fn add(options: &mut Value, extensions: Map<String, Value>, timeout: Option<u64>) {
    let Some(options) = options.as_object_mut() else { return };
    if let Some(timeout) = timeout {
        options.insert("timeout".into(), json!(timeout));
    }
    let present = options.entry("extensions").or_insert_with(|| json!({}));
    if let Some(present) = present.as_object_mut() {
        present.extend(extensions);
    }
}

fn describe_user(user: &User) -> Value {
    json!({
        "name": user.name,
        "displayName": user.display_name,
        "passkeys": user.credentials.iter().map(describe_credential).collect::<Vec<_>>(),
        "hasNote": user.note.is_some(),
    })
}

fn describe_credential(credential: &Credential) -> Value {
    json!({
        "id": encode(&credential.cred_id),
        "algorithm": credential.cred.type_ as i32,
        "userVerified": credential.user_verified,
        "backupEligible": credential.backup_eligible,
        "backedUp": credential.backup_state,
        "attestation": credential.attestation_format,
        "transports": credential.transports,
    })
}

fn algorithm(cose: i64) -> Result<COSEAlgorithm, Refusal> {
    match cose {
        -7 => Ok(COSEAlgorithm::ES256),
        -8 => Ok(COSEAlgorithm::EDDSA),
        -257 => Ok(COSEAlgorithm::RS256),
        other => Err(Refusal::Request(format!("no such algorithm here: {other}"))),
    }
}

fn random(len: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = vec![0; len];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn to_json(value: &impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| Refusal::Request(error.to_string()))
}

fn from_json<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Refusal> {
    T::deserialize(value).map_err(|error| Refusal::Request(format!("the credential cannot be read: {error}")))
}
