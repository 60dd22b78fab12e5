//! The gate: every rule by which a provider refuses a request, in the order of the protocol's section "What a provider must
//! refuse". Nothing behind it sees a request that did not pass.

use std::{collections::HashMap, path::Path};

use claviger_ctap::{cose::Sign1, crypto::Crypto};
use claviger_joint::{
    MessageError, ProviderId, TransactionId,
    answer::Status,
    envelope::{EnvelopeError, MAX_LIFETIME_MS, Request, SignedRequest},
    evidence::{self, EvidenceError, Expected, VerifiedEvidence},
    messages::Registration,
    operation::Operation,
};

use super::state::{Numbers, NumbersFile, Pins, StateError};

/// How far in the future a request may be issued, in milliseconds, should the clock be set back by a little in between.
/// There is none for expiry: one clock serves both sides.
pub const SKEW_MS: u64 = 5_000;

/// The most transactions that are remembered. Each is forgotten at its expiry.
pub const MAX_TRANSACTIONS: usize = 4096;

/// A request that passed, with its evidence when it brought any.
pub(super) struct Admitted {
    pub(super) request: Request,
    pub(super) evidence: Option<VerifiedEvidence>,
}

/// A request that did not pass.
#[derive(Debug)]
pub(super) struct Refused {
    /// [`TransactionId::UNKNOWN`] when the signature is not good: nothing of such a request is believed.
    pub(super) transaction: TransactionId,
    pub(super) rule: Rule,
}

/// The rule by which a request is refused. But for [`Rule::Memory`] and [`Rule::Disk`] the sender is at fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rule {
    #[error("{0}")]
    Envelope(#[from] EnvelopeError),
    #[error("the key id is not known")]
    UnknownKey,
    #[error("the request is for another provider")]
    OtherProvider,
    #[error("the request was issued in the future")]
    Future,
    #[error("the request has expired")]
    Expired,
    #[error("the request lives for no time, or for too long")]
    Lifetime,
    #[error("the sequence number is not above the last one")]
    Sequence,
    #[error("the transaction is known already")]
    Duplicate,
    #[error("too many transactions are remembered")]
    Memory,
    #[error("the evidence is signed under a key that is not known")]
    UnknownUvKey,
    #[error("{0}")]
    Evidence(#[from] EvidenceError),
    #[error("operation {0} is not known")]
    Operation(u64),
    #[error("the sequence number cannot be written down")]
    Disk,
}

impl Rule {
    /// The status that tells of this rule.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Operation(_) | Self::Envelope(EnvelopeError::Message(MessageError::Version(_))) => {
                Status::Unsupported
            }
            Self::Memory => Status::Busy,
            Self::Disk => Status::Internal,
            _ => Status::InvalidRequest,
        }
    }

    /// Whether renewing the acquaintance with the platform may make the request acceptable. Such a request has used up
    /// nothing, so it can be tried again.
    pub(super) fn may_pass_with_new_keys(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::UnknownUvKey)
    }
}

/// The memory of a provider: whom it trusts, and what it has seen.
pub(super) struct Gate {
    provider: ProviderId,
    crypto: &'static dyn Crypto,
    pins: Pins,
    journal: NumbersFile,
    transactions: HashMap<TransactionId, u64>,
}

impl Gate {
    /// Opens the memory in this folder, which exists.
    pub(super) fn open(folder: &Path, provider: ProviderId, crypto: &'static dyn Crypto) -> Result<Self, StateError> {
        let pins = Pins::open(folder, crypto)?;
        Ok(Self {
            provider,
            crypto,
            pins,
            journal: NumbersFile::open(folder)?,
            transactions: HashMap::new(),
        })
    }

    /// The last sequence number that was accepted.
    pub(super) fn floor(&self) -> u64 {
        self.journal.numbers().sequence
    }

    /// Learns the platform's keys, as far as they are trusted.
    pub(super) fn learn(&mut self, registration: &Registration) -> Result<(), StateError> {
        self.pins.learn(self.crypto, &self.provider, registration)
    }

    /// Lets a request in, or says by which rule it stays outside. `now_ms` is the time in milliseconds since 1970.
    pub(super) fn admit(&mut self, envelope: &[u8], now_ms: u64) -> Result<Admitted, Refused> {
        // 1. A known key, and its signature.
        let request = self.verify(envelope).map_err(|rule| Refused {
            transaction: TransactionId::UNKNOWN,
            rule,
        })?;
        let transaction = request.transaction;
        self.judge(request, now_ms)
            .map_err(|rule| Refused { transaction, rule })
    }

    /// Checks evidence for a buffer that this provider asked about.
    pub(super) fn verify_evidence(
        &mut self,
        bytes: &[u8],
        transaction: TransactionId,
        buffer_hash: [u8; 32],
        now_ms: u64,
    ) -> Result<VerifiedEvidence, Rule> {
        let mut numbers = self.journal.numbers();
        let evidence = self.check_evidence(bytes, transaction, buffer_hash, now_ms, &mut numbers.evidence)?;
        self.journal.write(numbers).map_err(|_| Rule::Disk)?;
        Ok(evidence)
    }

    fn verify(&self, envelope: &[u8]) -> Result<Request, Rule> {
        let signed = SignedRequest::parse(envelope)?;
        let key = self.pins.request_key(signed.kid()).ok_or(Rule::UnknownKey)?;
        Ok(signed.verify(self.crypto, key)?)
    }

    fn judge(&mut self, request: Request, now_ms: u64) -> Result<Admitted, Rule> {
        // 2. For us.
        if request.provider != self.provider {
            return Err(Rule::OtherProvider);
        }
        // 3. Now.
        if request.issued_ms > now_ms.saturating_add(SKEW_MS) {
            return Err(Rule::Future);
        }
        if request.expires_ms <= now_ms {
            return Err(Rule::Expired);
        }
        match request.expires_ms.checked_sub(request.issued_ms) {
            Some(1..=MAX_LIFETIME_MS) => {}
            _ => return Err(Rule::Lifetime),
        }
        // 4. New.
        let mut numbers = self.journal.numbers();
        if request.sequence <= numbers.sequence {
            return Err(Rule::Sequence);
        }
        if self.transactions.len() >= MAX_TRANSACTIONS {
            self.transactions.retain(|_, expires_ms| *expires_ms > now_ms);
        }
        if self.transactions.contains_key(&request.transaction) || request.transaction == TransactionId::UNKNOWN {
            return Err(Rule::Duplicate);
        }
        if self.transactions.len() >= MAX_TRANSACTIONS {
            return Err(Rule::Memory);
        }
        // 5. Evidence under a key that we do not know yet: the request stays unused until we have asked the platform.
        if let Some(bytes) = &request.evidence {
            let signed = Sign1::parse(bytes).map_err(EvidenceError::from)?;
            if self.pins.uv_key().is_none_or(|(kid, _)| kid.0 != signed.kid()) {
                return Err(Rule::UnknownUvKey);
            }
        }
        // 6. From here on the request is used up, whatever becomes of it; this is on disk before anything is done.
        numbers.sequence = request.sequence;
        let buffer_hash = self.crypto.sha256(&[&request.parameters]);
        let evidence = request
            .evidence
            .as_deref()
            .map(|bytes| self.check_evidence(bytes, request.transaction, buffer_hash, now_ms, &mut numbers.evidence));
        self.transactions.insert(request.transaction, request.expires_ms);
        self.journal.write(Numbers { ..numbers }).map_err(|_| Rule::Disk)?;
        let evidence = evidence.transpose()?;
        // 7. Something that we know.
        if let Operation::Unknown(number) = request.operation {
            return Err(Rule::Operation(number));
        }
        Ok(Admitted { request, evidence })
    }

    fn check_evidence(
        &self,
        bytes: &[u8],
        transaction: TransactionId,
        buffer_hash: [u8; 32],
        now_ms: u64,
        last_count: &mut u64,
    ) -> Result<VerifiedEvidence, Rule> {
        let (_, key) = self.pins.uv_key().ok_or(Rule::UnknownUvKey)?;
        let expected = Expected {
            audience: &self.provider,
            transaction,
            buffer_hash,
            now_ms,
        };
        Ok(evidence::verify(self.crypto, bytes, key, &expected, last_count)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{Algorithm, PrivateKey, native};
    use claviger_joint::{
        envelope::{Caller, Door, Grease, Presentation},
        evidence::{EvidenceClaims, Method, Tier},
        messages::ProviderState,
    };
    use tempfile::TempDir;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_secret(Algorithm::EdDsa, &[seed; 32]).unwrap()
    }

    fn provider() -> ProviderId {
        ProviderId::parse("org.example.Notebook").unwrap()
    }

    struct Bench {
        folder: TempDir,
        gate: Gate,
        sequence: u64,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let gate = Gate::open(folder.path(), provider(), native()).unwrap();
            let mut bench = Self {
                folder,
                gate,
                sequence: 0,
            };
            bench.meet(&[1], Some(2));
            bench
        }

        fn meet(&mut self, keys: &[u8], uv: Option<u8>) {
            let public = |seed: u8| key(seed).public_key().clone();
            let keys = keys.iter().copied().map(public).collect();
            let state = ProviderState::Enabled;
            let registration = Registration::new(native(), &provider(), state, keys, uv.map(public), &key(1)).unwrap();
            self.gate.learn(&registration).unwrap();
        }

        /// A fresh, good request.
        fn request(&mut self) -> Request {
            self.sequence += 1;
            let mut transaction = [0x77; 16];
            transaction[..8].copy_from_slice(&self.sequence.to_be_bytes());
            Request {
                provider: provider(),
                operation: Operation::Get,
                transaction: TransactionId(transaction),
                sequence: self.sequence,
                issued_ms: NOW,
                expires_ms: NOW + 60_000,
                caller: Caller {
                    app_id: None,
                    name: "test".into(),
                    origin: None,
                    top_origin: None,
                    door: Door::Cli,
                },
                window: None,
                parameters: vec![0xa0],
                evidence: None,
                presentation: Presentation::Silent,
                hint: None,
                unlock_box: None,
            }
        }

        fn send(&mut self, request: &Request) -> Result<Admitted, Refused> {
            self.send_at(request, NOW)
        }

        fn send_at(&mut self, request: &Request, now_ms: u64) -> Result<Admitted, Refused> {
            let grease = Grease::random(native()).unwrap();
            self.gate
                .admit(&request.sign(native(), &key(1), &grease).unwrap(), now_ms)
        }

        /// Sends a good request with a change, expects a refusal, and that the refusal broke nothing.
        #[track_caller]
        fn refusal(&mut self, change: impl FnOnce(&mut Request)) -> Rule {
            let mut request = self.request();
            change(&mut request);
            let refused = self.send(&request).err().expect("the request must be refused");
            assert_eq!(refused.transaction, request.transaction);
            let good = self.request();
            assert!(self.send(&good).is_ok());
            refused.rule
        }

        fn restart(&mut self) {
            self.gate = Gate::open(self.folder.path(), provider(), native()).unwrap();
        }
    }

    fn evidence(request: &Request, seed: u8, count: u64) -> Vec<u8> {
        let claims = EvidenceClaims {
            audience: request.provider.clone(),
            transaction: request.transaction,
            buffer_hash: native().sha256(&[&request.parameters]),
            method: Method::Pin,
            tier: Tier::Software,
            time_ms: NOW,
            count,
        };
        claims.sign(native(), &key(seed)).unwrap()
    }

    #[test]
    fn a_good_request_passes() {
        let mut bench = Bench::new();
        let request = bench.request();
        let admitted = bench.send(&request).ok().unwrap();
        assert_eq!(admitted.request, request);
        assert!(admitted.evidence.is_none());
        assert_eq!(bench.gate.floor(), 1);
    }

    #[test]
    fn rule_1_an_unknown_key_is_refused() {
        let mut bench = Bench::new();
        let envelope = bench.request().sign(native(), &key(9), &Grease::none()).unwrap();
        let refused = bench.gate.admit(&envelope, NOW).err().unwrap();
        assert_eq!(refused.transaction, TransactionId::UNKNOWN);
        assert!(matches!(refused.rule, Rule::UnknownKey));
        assert!(refused.rule.may_pass_with_new_keys());
        assert_eq!(refused.rule.status(), Status::InvalidRequest);
        bench.meet(&[9, 1], Some(2));
        assert!(bench.gate.admit(&envelope, NOW).is_ok(), "it used up nothing");
    }

    #[test]
    fn rule_1_a_bad_signature_is_refused() {
        let mut bench = Bench::new();
        let mut envelope = bench.request().sign(native(), &key(1), &Grease::none()).unwrap();
        *envelope.last_mut().unwrap() ^= 1;
        let refused = bench.gate.admit(&envelope, NOW).err().unwrap();
        assert!(matches!(refused.rule, Rule::Envelope(EnvelopeError::Cose(_))));
        assert_eq!(refused.transaction, TransactionId::UNKNOWN);
        assert_eq!(bench.gate.floor(), 0);
        let refused = bench.gate.admit(b"noise", NOW).err().unwrap();
        assert_eq!(refused.rule.status(), Status::InvalidRequest);
    }

    #[test]
    fn rule_2_another_providers_request_is_refused() {
        let rule = Bench::new().refusal(|request| request.provider = ProviderId::parse("org.example.Other").unwrap());
        assert!(matches!(rule, Rule::OtherProvider));
    }

    #[test]
    fn rule_3_the_clock() {
        let mut bench = Bench::new();
        let issued =
            |from: u64, to: u64| move |request: &mut Request| (request.issued_ms, request.expires_ms) = (from, to);
        assert!(matches!(bench.refusal(issued(NOW - 1000, NOW)), Rule::Expired));
        assert!(matches!(
            bench.refusal(issued(NOW + SKEW_MS + 1, NOW + 60_000)),
            Rule::Future
        ));
        assert!(matches!(bench.refusal(issued(NOW + 1, NOW + 1)), Rule::Lifetime));
        assert!(matches!(
            bench.refusal(issued(NOW, NOW + MAX_LIFETIME_MS + 1)),
            Rule::Lifetime
        ));
        for (from, to) in [(NOW - MAX_LIFETIME_MS + 1, NOW + 1), (NOW + SKEW_MS, NOW + SKEW_MS + 1)] {
            let mut request = bench.request();
            issued(from, to)(&mut request);
            assert!(bench.send(&request).is_ok());
        }
    }

    #[test]
    fn rule_4_a_replay_is_refused_even_after_a_restart() {
        let mut bench = Bench::new();
        let first = bench.request();
        let second = bench.request();
        assert!(bench.send(&second).is_ok());
        for _ in 0..2 {
            assert!(matches!(bench.send(&second).err().unwrap().rule, Rule::Sequence));
            assert!(
                matches!(bench.send(&first).err().unwrap().rule, Rule::Sequence),
                "an older one, never seen"
            );
            bench.restart();
        }
    }

    #[test]
    fn rule_4_a_transaction_passes_once() {
        let mut bench = Bench::new();
        let used = bench.request();
        assert!(bench.send(&used).is_ok());
        assert!(matches!(
            bench.refusal(|request| request.transaction = used.transaction),
            Rule::Duplicate
        ));
        assert!(matches!(
            bench.refusal(|request| request.transaction = TransactionId::UNKNOWN),
            Rule::Duplicate
        ));
    }

    #[test]
    fn transactions_are_forgotten_at_their_expiry_and_their_number_is_limited() {
        let mut bench = Bench::new();
        for number in 0..MAX_TRANSACTIONS as u64 {
            bench
                .gate
                .transactions
                .insert(TransactionId(u128::from(number + 1).to_be_bytes()), NOW + 1000);
        }
        let request = bench.request();
        let refused = bench.send(&request).err().unwrap();
        assert_eq!(refused.rule.status(), Status::Busy);
        assert!(bench.send_at(&request, NOW + 1000).is_ok());
        assert_eq!(bench.gate.transactions.len(), 1);
    }

    #[test]
    fn rule_5_evidence_must_be_hellos_for_this_request() {
        let mut bench = Bench::new();
        let mut request = bench.request();
        request.evidence = Some(evidence(&request, 2, 1));
        let claims = bench.send(&request).ok().unwrap().evidence.unwrap().claims().clone();
        assert_eq!(claims.transaction, request.transaction);

        let rule = bench.refusal(|request| request.evidence = Some(evidence(request, 3, 2)));
        assert!(matches!(rule, Rule::UnknownUvKey) && rule.may_pass_with_new_keys());
        let rule = bench.refusal(|request| request.evidence = Some(vec![1, 2, 3]));
        assert!(matches!(rule, Rule::Evidence(EvidenceError::Cose(_))));
        let rule = bench.refusal(|other| other.evidence = request.evidence.clone());
        assert!(matches!(rule, Rule::Evidence(EvidenceError::Transaction)));
        let rule = bench.refusal(|request| {
            request.evidence = Some(evidence(request, 2, 3));
            request.parameters = vec![0xa1, 0x01, 0x02];
        });
        assert!(matches!(rule, Rule::Evidence(EvidenceError::Buffer)));
        bench.restart();
        let rule = bench.refusal(|request| request.evidence = Some(evidence(request, 2, 1)));
        assert!(
            matches!(rule, Rule::Evidence(EvidenceError::Replayed)),
            "counts survive a restart"
        );
    }

    #[test]
    fn rule_5_hellos_key_may_come_later() {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::open(folder.path(), provider(), native()).unwrap();
        let mut bench = Bench {
            folder,
            gate,
            sequence: 0,
        };
        bench.meet(&[1], None);
        let mut request = bench.request();
        request.evidence = Some(evidence(&request, 2, 1));
        assert!(matches!(bench.send(&request).err().unwrap().rule, Rule::UnknownUvKey));
        bench.meet(&[1], Some(2));
        assert!(
            bench.send(&request).ok().unwrap().evidence.is_some(),
            "it used up nothing"
        );
    }

    #[test]
    fn rule_7_an_unknown_operation_is_refused_and_used_up() {
        let mut bench = Bench::new();
        let mut request = bench.request();
        request.operation = Operation::Unknown(77);
        let refused = bench.send(&request).err().unwrap();
        assert_eq!(refused.rule.status(), Status::Unsupported);
        assert_eq!(bench.gate.floor(), request.sequence);
    }

    /// The refusals that `docs/provider-protocol.md` publishes for implementers in other languages.
    #[test]
    fn the_published_refusals_are_refused() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../joint/tests/vectors/refused.json")).unwrap();
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                .collect()
        };
        let secret: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let signer = PrivateKey::from_secret(Algorithm::EdDsa, &secret).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        assert!(cases.len() > 10);
        for case in cases {
            let folder = tempfile::tempdir().unwrap();
            let mut gate = Gate::open(folder.path(), provider(), native()).unwrap();
            let keys = vec![signer.public_key().clone()];
            let state = ProviderState::Enabled;
            gate.learn(&Registration::new(native(), &provider(), state, keys, None, &signer).unwrap())
                .unwrap();
            let sequence = vectors["last_sequence"].as_u64().unwrap();
            gate.journal.write(Numbers { sequence, evidence: 0 }).unwrap();
            let envelope = hex(case["envelope"].as_str().unwrap());
            let refused = gate.admit(&envelope, vectors["now_ms"].as_u64().unwrap()).err();
            let status = refused.map(|refused| refused.rule.status().number());
            assert_eq!(status, case["status"].as_u64(), "{}", case["name"]);
        }
    }
}
