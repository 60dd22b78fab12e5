//! A private bus with a broker on it that knows just enough: it registers, keeps metadata, verifies users, and signs
//! whatever a test wants to send, honest or not.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use claviger_ctap::{
    crypto::native,
    get_assertion, get_info, make_credential,
    types::{CredentialId, RpEntity, UserEntity, UserId},
};
pub use claviger_dev::joint::{key, public};
use claviger_dev::{bus::Bus, store::LockableStore};
use claviger_joint::{
    ProviderId, TransactionId, Trouble,
    answer::Answer,
    envelope::{Caller, Door, Grease, Request},
    evidence::{EvidenceClaims, Method, Purpose, Tier},
    messages::{ProviderState, Registration},
    metadata::{Diff, Entry, Snapshot},
    operation::Operation,
    unlock::UnlockSecret,
};
use claviger_provider::{
    dbus::{BROKER_NAME, BROKER_PATH, Provider1Proxy},
    manifest::Manifest,
    sdk::{self, Call, Failure, Options, Provider, RegistrationPhase, Serving, StoreProvider},
};
use tokio::sync::{Notify, Semaphore};
use zbus::{Connection, fdo};

pub const RP_ID: &str = "example.org";

pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

pub fn id() -> ProviderId {
    ProviderId::parse("org.example.Notebook").unwrap()
}

pub fn manifest() -> Manifest {
    Manifest::parse(include_str!("../../examples/org.example.Notebook.provider")).unwrap()
}

/// What the broker knows and was told.
pub struct Knowledge {
    pub keys: Vec<u8>,
    pub signer: u8,
    pub uv: Option<u8>,
    pub registrations: u32,
    pub metadata: Snapshot,
    /// The diffs that came, applied or not.
    pub diffs: Vec<Diff>,
    pub evidence_count: u64,
}

#[derive(Clone)]
pub struct Broker {
    pub knowledge: Arc<Mutex<Knowledge>>,
    changed: Arc<Notify>,
}

impl Broker {
    /// Puts a broker with request key 1 and hello's key 2 on the bus.
    pub async fn start(bus: &Bus) -> (Self, Connection) {
        let knowledge = Knowledge {
            keys: vec![1],
            signer: 1,
            uv: Some(2),
            registrations: 0,
            metadata: Snapshot::default(),
            diffs: Vec::new(),
            evidence_count: 0,
        };
        let broker = Self {
            knowledge: Arc::new(Mutex::new(knowledge)),
            changed: Arc::default(),
        };
        let connection = broker.appear(bus).await;
        (broker, connection)
    }

    /// Takes the broker's name with a new connection, as after a restart.
    pub async fn appear(&self, bus: &Bus) -> Connection {
        let connection = bus.connect().await;
        connection.object_server().at(BROKER_PATH, self.clone()).await.unwrap();
        connection.request_name(BROKER_NAME).await.unwrap();
        connection
    }

    pub async fn until(&self, condition: impl Fn(&Knowledge) -> bool) {
        loop {
            let changed = self.changed.notified();
            if condition(&self.knowledge.lock().unwrap()) {
                return;
            }
            changed.await;
        }
    }

    fn note<T>(&self, change: impl FnOnce(&mut Knowledge) -> T) -> T {
        let result = change(&mut self.knowledge.lock().unwrap());
        self.changed.notify_waiters();
        result
    }
}

#[zbus::interface(name = "org.claviger.Providers1")]
impl Broker {
    fn register(&self, provider: &str) -> Vec<u8> {
        self.note(|it| {
            it.registrations += 1;
            let provider = ProviderId::parse(provider).unwrap();
            let keys = it.keys.iter().copied().map(public).collect();
            let (state, uv) = (ProviderState::Enabled, it.uv.map(public));
            Registration::new(native(), &provider, state, keys, uv, &key(it.signer))
                .unwrap()
                .encode()
        })
    }

    fn push_metadata(&self, provider: &str, diff: &[u8]) -> u64 {
        assert_eq!(provider, id().as_str());
        self.note(|it| {
            let diff = Diff::decode(diff).unwrap();
            it.diffs.push(diff.clone());
            let _ = it.metadata.apply(diff);
            it.metadata.generation()
        })
    }

    fn verify_user(&self, provider: &str, transaction: &[u8], hint: &str, buffer: &[u8]) -> fdo::Result<Vec<u8>> {
        if hint == "refuse" {
            return Err(fdo::Error::Failed("refused".into()));
        }
        let provider = ProviderId::parse(provider).unwrap();
        let transaction = TransactionId::from_bytes(transaction).unwrap();
        Ok(self.evidence(&provider, transaction, buffer, Purpose::VerifyUser))
    }
}

impl Broker {
    pub fn evidence(
        &self,
        audience: &ProviderId,
        transaction: TransactionId,
        buffer: &[u8],
        purpose: Purpose,
    ) -> Vec<u8> {
        let claims = EvidenceClaims {
            audience: audience.clone(),
            transaction,
            buffer_hash: native().sha256(&[buffer]),
            method: Method::Pin,
            tier: Tier::Software,
            time_ms: now_ms(),
            purpose,
            count: self.note(|it| {
                it.evidence_count += 1;
                it.evidence_count
            }),
        };
        claims.sign(native(), &key(2)).unwrap()
    }
}

/// A good request; sequence numbers grow over all tests of a process.
pub fn request(operation: Operation, parameters: Vec<u8>) -> Request {
    static NEXT: AtomicU64 = AtomicU64::new(1000);
    let transaction = TransactionId::random(native()).unwrap();
    let bare = claviger_dev::joint::request(id(), operation, transaction, now_ms());
    Request {
        sequence: NEXT.fetch_add(1, Ordering::Relaxed),
        caller: Caller {
            origin: Some("https://example.org".into()),
            door: Door::Browser,
            ..bare.caller
        },
        parameters,
        ..bare
    }
}

pub fn make_parameters() -> Vec<u8> {
    let rp = RpEntity {
        id: RP_ID.into(),
        name: Some("Example".into()),
    };
    let name = Some("alice".to_owned());
    let user = UserEntity {
        id: UserId::new(b"alice's handle".to_vec()).unwrap(),
        name,
        display_name: None,
    };
    let mut request = make_credential::Request::new([7; 32], rp, user, vec![-8, -7]);
    request.options.rk = true;
    request.to_cbor()
}

pub fn get_parameters() -> Vec<u8> {
    get_assertion::Request::new(RP_ID, [8; 32]).to_cbor()
}

pub fn sign(request: &Request) -> Vec<u8> {
    request
        .sign(native(), &key(1), &Grease::random(native()).unwrap())
        .unwrap()
}

/// The provider as the broker sees it.
pub struct Remote(Provider1Proxy<'static>);

impl Remote {
    pub async fn new(connection: &Connection) -> Self {
        Self(
            Provider1Proxy::builder(connection)
                .destination("org.example.Notebook")
                .build()
                .await
                .unwrap(),
        )
    }

    pub fn proxy(&self) -> &Provider1Proxy<'static> {
        &self.0
    }

    pub async fn send(&self, envelope: &[u8]) -> Answer {
        Answer::decode(&self.0.execute(envelope).await.unwrap()).unwrap()
    }

    pub async fn ask(&self, request: &Request) -> Answer {
        let answer = self.send(&sign(request)).await;
        assert_eq!(answer.transaction, request.transaction);
        answer
    }
}

/// A provider over [`LockableStore`] whose get waits for a permit, so that a test decides when it ends.
pub struct TestProvider {
    pub inner: StoreProvider<LockableStore>,
    pub permits: Arc<Semaphore>,
    pub begun: Arc<Semaphore>,
    /// How often it had to list all that it has.
    pub listed: AtomicU64,
}

impl TestProvider {
    pub fn new(lockable: bool) -> Self {
        Self {
            inner: StoreProvider::new(Arc::new(Mutex::new(LockableStore::new(lockable)))),
            permits: Arc::new(Semaphore::new(1000)),
            begun: Arc::new(Semaphore::new(0)),
            listed: AtomicU64::new(0),
        }
    }
}

impl Provider for TestProvider {
    fn info(&self) -> get_info::Response {
        self.inner.info()
    }

    fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }

    fn trouble(&self) -> Option<Trouble> {
        self.inner.trouble()
    }

    fn takes_unlock_secret(&self) -> bool {
        self.inner.takes_unlock_secret()
    }

    fn metadata(&self) -> Result<Option<Vec<Entry>>, Failure> {
        self.listed.fetch_add(1, Ordering::Relaxed);
        self.inner.metadata()
    }

    fn metadata_of_site(&self, rp_id: &str) -> Result<Option<Vec<Entry>>, Failure> {
        self.inner.metadata_of_site(rp_id)
    }

    async fn make(&self, call: Call, request: make_credential::Request) -> Result<make_credential::Response, Failure> {
        self.inner.make(call, request).await
    }

    async fn get(&self, call: Call, request: get_assertion::Request) -> Result<get_assertion::Response, Failure> {
        self.begun.add_permits(1);
        self.permits.acquire().await.unwrap().forget();
        self.inner.get(call, request).await
    }

    async fn unlock(&self, secret: UnlockSecret) -> Result<(), Failure> {
        self.inner.unlock(secret).await
    }

    async fn lock(&self) -> Result<(), Failure> {
        self.inner.lock().await
    }

    async fn delete(&self, call: Call, credential: CredentialId) -> Result<(), Failure> {
        self.inner.delete(call, credential).await
    }
}

/// Bus, broker and a registered provider.
pub struct Stage {
    pub serving: Serving<TestProvider>,
    pub provider: Connection,
    pub remote: Remote,
    pub broker: Broker,
    pub broker_connection: Connection,
    pub phases: Arc<Mutex<Vec<RegistrationPhase>>>,
    pub bus: Bus,
}

impl Stage {
    pub async fn new(lockable: bool) -> Self {
        let bus = Bus::start();
        let (broker, broker_connection) = Broker::start(&bus).await;
        let provider = bus.connect().await;
        let phases: Arc<Mutex<Vec<RegistrationPhase>>> = Arc::default();
        let noted = Arc::clone(&phases);
        let mut options = Options::new(state_dir(&bus));
        options.max_waiting = 1;
        options.registration = Some(Arc::new(move |phase| noted.lock().unwrap().push(phase)));
        let serving = sdk::serve(&provider, &manifest(), options, TestProvider::new(lockable))
            .await
            .unwrap();
        let remote = Remote::new(&broker_connection).await;
        broker.until(|it| it.registrations == 1).await;
        Self {
            serving,
            provider,
            remote,
            broker,
            broker_connection,
            phases,
            bus,
        }
    }

    pub fn with_evidence(&self, mut request: Request) -> Request {
        let purpose = Purpose::Operation(request.operation);
        let evidence = self
            .broker
            .evidence(&id(), request.transaction, &request.parameters, purpose);
        request.evidence = Some(evidence);
        request
    }

    pub async fn make(&self) -> make_credential::Response {
        let answer = self
            .remote
            .ask(&self.with_evidence(request(Operation::Make, make_parameters())))
            .await;
        make_credential::Response::from_cbor(&answer.result.unwrap().unwrap()).unwrap()
    }
}

/// Where the provider of a bus keeps what it has to remember.
fn state_dir(bus: &Bus) -> PathBuf {
    bus.folder().join("state")
}

/// Serves the same provider again after its process ended, with the state that it left.
pub async fn serve_again(bus: &Bus) -> Serving<TestProvider> {
    let connection = bus.connect().await;
    sdk::serve(
        &connection,
        &manifest(),
        Options::new(state_dir(bus)),
        TestProvider::new(false),
    )
    .await
    .unwrap()
}
