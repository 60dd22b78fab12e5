//! Whole ceremonies in this process: every step of the real path, with the same code, but no bus and no disk.

use std::time::{SystemTime, UNIX_EPOCH};

use claviger_broker::CtapRequest;
use claviger_broker::ceremony::Assurance;
use claviger_broker::check::{self, Known};
use claviger_ctap::authenticator::{Authenticator, MemoryStore, Settings};
use claviger_ctap::crypto::{self, Algorithm, Crypto, PrivateKey, PublicKey};
use claviger_ctap::types::{Aaguid, CredentialId};
use claviger_ctap::{get_assertion, make_credential};
use claviger_hello::verification::EvidenceScope;
use claviger_hello::{Hello, OpenKey};
use claviger_joint::envelope::{Caller, Door, Grease, Presentation, Request, SignedRequest};
use claviger_joint::evidence::{self, Expected, Purpose, VerifiedEvidence};
use claviger_joint::operation::Operation as Joint;
use claviger_joint::{ProviderId, TransactionId};
use claviger_pin::Pin;
use claviger_webauthn::origin::Origin;
use claviger_webauthn::{CallerContext, ResponseJson, create, get};

use super::door::{creation_options, request_options};
use super::figures::{Figures, timed};
use super::processes::PIN;
use super::{Pair, Scratch};
use crate::output::Failure;

/// Measures `count` of each.
pub fn measure(count: usize) -> Result<Pair, Failure> {
    let folder = super::scratch("pipeline")?;
    let mut pipeline = Pipeline::new(&folder, count)?;
    let none = || Failure::Failed("nothing was measured".into());
    let (mut creating, mut getting) = (Vec::new(), Vec::new());
    for run in 0..count {
        let (made, time) = timed(|| pipeline.create(run));
        made?;
        creating.push(time);
    }
    for run in 0..count {
        let (got, time) = timed(|| pipeline.get(run));
        got?;
        getting.push(time);
    }
    Ok(Pair {
        create: Figures::of(creating).ok_or_else(none)?,
        get: Figures::of(getting).ok_or_else(none)?,
    })
}

/// Platform and provider in one.
struct Pipeline {
    crypto: &'static dyn Crypto,
    provider: ProviderId,
    hello: OpenKey,
    uv_key: PublicKey,
    last_count: u64,
    request_key: PrivateKey,
    sequence: u64,
    authenticator: Authenticator<MemoryStore>,
    /// What the platform learnt at creation: credential id and public key, by run.
    known: Vec<(CredentialId, PublicKey)>,
}

impl Pipeline {
    fn new(folder: &Scratch, count: usize) -> Result<Self, Failure> {
        let crypto = crypto::native();
        let hello = Hello::open(&folder.path().join("hello")).map_err(Failure::failed)?;
        let pin = Pin::new(PIN).map_err(Failure::failed)?;
        hello.set_pin(&pin).map_err(Failure::failed)?;
        let uv_key = hello
            .uv_key()
            .ok_or_else(|| Failure::Failed("hello has no key".into()))?;
        let gestures = u32::try_from(2 * count).map_err(Failure::failed)?;
        Ok(Self {
            crypto,
            provider: ProviderId::parse("org.claviger.Bench").map_err(Failure::failed)?,
            hello: hello.open_key(pin, gestures).map_err(Failure::failed)?,
            uv_key,
            last_count: 0,
            request_key: crypto.generate(Algorithm::EdDsa).map_err(Failure::failed)?,
            sequence: 0,
            authenticator: Authenticator::new(MemoryStore::new(crypto), Settings::new(Aaguid([0; 16])), crypto),
            known: Vec::with_capacity(count),
        })
    }

    fn create(&mut self, run: usize) -> Result<ResponseJson, Failure> {
        let (origin, options) = creation_options(run);
        let ceremony = create::Ceremony::begin(&options, &caller(&origin)?).map_err(Failure::failed)?;
        let sent = match CtapRequest::Make(ceremony.request().clone()).for_provider(None, true) {
            CtapRequest::Make(request) => request,
            CtapRequest::Get(_) => return Err(Failure::Failed("a creation became a use".into())),
        };
        let (parameters, proof) = self.through_the_joint(Joint::Make, sent.to_cbor())?;
        let asked = make_credential::Request::from_cbor(&parameters).map_err(Failure::failed)?;
        let response = self
            .authenticator
            .make_credential(&asked, Some(proof), now_ms())
            .map_err(Failure::failed)?
            .to_cbor();
        let made =
            check::made(self.crypto, &sent, Assurance::Verified, &response, |_| false).map_err(Failure::failed)?;
        self.known.push((made.id, made.public_key));
        ceremony.finish(&made.response).map_err(Failure::failed)
    }

    fn get(&mut self, run: usize) -> Result<ResponseJson, Failure> {
        let (id, public_key) = self
            .known
            .get(run)
            .cloned()
            .ok_or_else(|| Failure::Failed("nothing was created".into()))?;
        let (origin, options) = request_options(run, id.as_bytes());
        let ceremony = get::Ceremony::begin(&options, &caller(&origin)?).map_err(Failure::failed)?;
        let sent = match CtapRequest::Get(ceremony.request().clone()).for_provider(Some(&id), true) {
            CtapRequest::Get(request) => request,
            CtapRequest::Make(_) => return Err(Failure::Failed("a use became a creation".into())),
        };
        let (parameters, proof) = self.through_the_joint(Joint::Get, sent.to_cbor())?;
        let asked = get_assertion::Request::from_cbor(&parameters).map_err(Failure::failed)?;
        let response = self
            .authenticator
            .get_assertion(&asked, Some(proof))
            .map_err(Failure::failed)?
            .to_cbor();
        let known = |_: &_| Known {
            public_key: Some(public_key),
            user_handle: None,
        };
        let got = check::asserted(self.crypto, &sent, false, Assurance::Verified, &response, known)
            .map_err(Failure::failed)?;
        ceremony.finish(&got.response).map_err(Failure::failed)
    }

    /// Evidence, envelope, and the provider's checks of both.
    fn through_the_joint(
        &mut self,
        operation: Joint,
        parameters: Vec<u8>,
    ) -> Result<(Vec<u8>, VerifiedEvidence), Failure> {
        let transaction = TransactionId::random(self.crypto).map_err(Failure::failed)?;
        let buffer_hash = self.crypto.sha256(&[&parameters]);
        let evidence = self
            .hello
            .attest(&EvidenceScope {
                audience: self.provider.clone(),
                transaction,
                buffer_hash,
                purpose: Purpose::Operation(operation),
            })
            .map_err(Failure::failed)?
            .into_bytes();
        // The broker checks hello's evidence before it believes it, the provider once more.
        let expected = Expected {
            audience: &self.provider,
            transaction,
            buffer_hash,
            purpose: Purpose::Operation(operation),
            now_ms: now_ms(),
        };
        let mut seen_by_broker = self.last_count;
        evidence::verify(self.crypto, &evidence, &self.uv_key, &expected, &mut seen_by_broker)
            .map_err(Failure::failed)?;
        self.sequence += 1;
        let now = now_ms();
        let request = Request {
            provider: self.provider.clone(),
            operation,
            transaction,
            sequence: self.sequence,
            issued_ms: now,
            expires_ms: now + 60_000,
            caller: Caller {
                app_id: None,
                name: "claviger bench".into(),
                origin: None,
                top_origin: None,
                door: Door::Cli,
            },
            window: None,
            parameters,
            evidence: Some(evidence),
            presentation: Presentation::Silent,
            hint: None,
            unlock_box: None,
        };
        let grease = Grease::random(self.crypto).map_err(Failure::failed)?;
        let envelope = request
            .sign(self.crypto, &self.request_key, &grease)
            .map_err(Failure::failed)?;
        let received = SignedRequest::parse(&envelope)
            .and_then(|signed| signed.verify(self.crypto, self.request_key.public_key()))
            .map_err(Failure::failed)?;
        let evidence = received.evidence.unwrap_or_default();
        let proof = evidence::verify(self.crypto, &evidence, &self.uv_key, &expected, &mut self.last_count)
            .map_err(Failure::failed)?;
        Ok((received.parameters, proof))
    }
}

fn caller(origin: &str) -> Result<CallerContext, Failure> {
    let origin = Origin::parse(origin).map_err(Failure::failed)?;
    Ok(CallerContext {
        origin,
        same_origin_with_ancestors: true,
        checks_related_origins: false,
        top_origin: None,
    })
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
