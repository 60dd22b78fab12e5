#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::crypto::{Algorithm, PrivateKey, native};
use claviger_dev::joint::{key, public, request};
use claviger_joint::{
    envelope::Grease,
    evidence::{EvidenceClaims, Method, Purpose, Tier},
    messages::ProviderState,
};
use tempfile::TempDir;

use super::*;

const NOW: u64 = 1_800_000_000_000;

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
            sequence: self.sequence,
            ..request(provider(), Operation::Get, TransactionId(transaction), NOW)
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
        // As the platform learns from `Describe`.
        self.sequence = self.gate.floor();
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
        purpose: Purpose::Operation(request.operation),
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
    let issued = |from: u64, to: u64| move |request: &mut Request| (request.issued_ms, request.expires_ms) = (from, to);
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
fn rule_4_a_number_passes_once_even_after_a_restart() {
    let mut bench = Bench::new();
    let [first, second, third] = [bench.request(), bench.request(), bench.request()];
    assert!(bench.send(&second).is_ok());
    assert!(bench.send(&first).is_ok(), "the other one overtook it");
    let is_used = |bench: &mut Bench, request| matches!(bench.send(request).err().unwrap().rule, Rule::Sequence);
    assert!(is_used(&mut bench, &first) && is_used(&mut bench, &second));
    bench.restart();
    for request in [&first, &second, &third] {
        assert!(is_used(&mut bench, request), "used, or it may have been");
    }
    let fresh = bench.request();
    assert!(bench.send(&fresh).is_ok());
}

#[test]
fn rule_4_a_number_far_ahead_of_the_clock_is_refused_and_takes_nothing_away() {
    let mut bench = Bench::new();
    for number in [u64::MAX, u64::MAX - 1, (NOW + 1) * 1000 + MAX_SEQUENCE_AHEAD_US] {
        assert!(matches!(
            bench.refusal(|request| request.sequence = number),
            Rule::Ahead
        ));
    }
    let mut request = bench.request();
    request.sequence = NOW * 1000 + MAX_SEQUENCE_AHEAD_US;
    assert!(bench.send(&request).is_ok(), "a clock that was set back by a day");
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
            .0
            .insert(TransactionId(u128::from(number + 1).to_be_bytes()), NOW + 1000);
    }
    let request = bench.request();
    let refused = bench.send(&request).err().unwrap();
    assert_eq!(refused.rule.status(), Status::Busy);
    assert!(bench.send_at(&request, NOW + 1000).is_ok());
    assert_eq!(bench.gate.transactions.0.len(), 1);
}

#[test]
fn probes_use_up_their_own_room_only() {
    let mut bench = Bench::new();
    let probe = |request: &mut Request| {
        let mut get = get_assertion::Request::new("example.org", [7; 32]);
        get.options.up = false;
        (request.parameters, request.expires_ms) = (get.to_cbor(), NOW + 3000);
    };
    for _ in 0..MAX_PROBES {
        let mut request = bench.request();
        probe(&mut request);
        assert!(bench.send(&request).is_ok());
    }
    let rule = bench.refusal(probe);
    assert_eq!(rule.status(), Status::Busy, "but what a person is asked about passes");
    let mut again = bench.request();
    probe(&mut again);
    again.expires_ms = NOW + 6000;
    assert!(bench.send_at(&again, NOW + 3000).is_ok(), "a probe lives for seconds");
    assert_eq!((bench.gate.probes.0.len(), bench.gate.transactions.0.len()), (1, 1));
    // One that was remembered as a probe is no other's.
    let mut taken = bench.request();
    taken.transaction = again.transaction;
    assert!(matches!(bench.send(&taken).err().unwrap().rule, Rule::Duplicate));
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
        serde_json::from_str(include_str!("../../../../joint/tests/vectors/refused.json")).unwrap();
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
        let sequence = vectors["last_sequence"].as_u64().unwrap();
        let numbers = [sequence.to_be_bytes(), [0; 8]].concat();
        std::fs::write(folder.path().join("sequence"), numbers).unwrap();
        let mut gate = Gate::open(folder.path(), provider(), native()).unwrap();
        let keys = vec![signer.public_key().clone()];
        let state = ProviderState::Enabled;
        gate.learn(&Registration::new(native(), &provider(), state, keys, None, &signer).unwrap())
            .unwrap();
        let envelope = hex(case["envelope"].as_str().unwrap());
        let refused = gate.admit(&envelope, vectors["now_ms"].as_u64().unwrap()).err();
        let status = refused.map(|refused| refused.rule.status().number());
        assert_eq!(status, case["status"].as_u64(), "{}", case["name"]);
    }
}
