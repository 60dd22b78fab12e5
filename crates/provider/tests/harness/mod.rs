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
    authenticator::{self, CredentialRecord, MemoryStore, PrfOutput, PrfSeed, Settings},
    crypto::{Algorithm, PrivateKey, PublicKey, native},
    get_assertion, get_info, make_credential,
    types::{Aaguid, CredentialId, RpEntity, UserEntity, UserId},
};
use claviger_dev::bus::Bus;
use claviger_joint::{
    ProviderId, TransactionId, Trouble,
    answer::Answer,
    envelope::{Caller, Door, Grease, Presentation, Request},
    evidence::{EvidenceClaims, Method, Purpose, Tier},
    messages::{ProviderState, Registration},
    metadata::{Diff, Entry, Snapshot},
    operation::{Operation, Update},
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

pub fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_secret(Algorithm::EdDsa, &[seed; 32]).unwrap()
}

pub fn public(seed: u8) -> PublicKey {
    key(seed).public_key().clone()
}

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
    Request {
        provider: id(),
        operation,
        transaction: TransactionId::random(native()).unwrap(),
        sequence: NEXT.fetch_add(1, Ordering::Relaxed),
        issued_ms: now_ms(),
        expires_ms: now_ms() + 60_000,
        caller: Caller {
            app_id: None,
            name: "test".into(),
            origin: Some("https://example.org".into()),
            top_origin: None,
            door: Door::Browser,
        },
        window: None,
        parameters,
        evidence: None,
        presentation: Presentation::Silent,
        hint: None,
        unlock_box: None,
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

/// A store in memory that can be locked; it is opened by the first secret that it ever saw.
pub struct TestStore {
    memory: MemoryStore,
    secret: Option<[u8; 32]>,
    locked: bool,
    pub lockable: bool,
    pub deleted: Vec<CredentialId>,
    pub trouble: Option<Trouble>,
}

impl authenticator::CredentialStore for TestStore {
    type Error = Failure;

    fn find(&self, rp_id: &str) -> Result<Vec<CredentialRecord>, Failure> {
        if let Some(trouble) = &self.trouble {
            return Err(Failure::trouble(trouble.clone()));
        }
        let mut found = self.memory.find(rp_id).map_err(memory)?;
        found.retain(|record| !self.deleted.contains(&record.id));
        Ok(found)
    }

    fn insert(&mut self, record: CredentialRecord, key: PrivateKey, prf_seed: PrfSeed) -> Result<(), Failure> {
        self.memory.insert(record, key, prf_seed).map_err(memory)
    }

    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.memory.sign(id, message).map_err(memory)
    }

    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Failure> {
        self.memory.prf(id, salt).map_err(memory)
    }
}

impl sdk::CredentialStore for TestStore {
    fn settings(&self) -> Settings {
        Settings::new(Aaguid([9; 16]))
    }

    fn is_locked(&self) -> bool {
        self.locked
    }

    fn trouble(&self) -> Option<Trouble> {
        self.trouble.clone()
    }

    fn takes_unlock_secret(&self) -> bool {
        self.lockable
    }

    fn unlock(&mut self, secret: UnlockSecret) -> Result<(), Failure> {
        if self.secret.get_or_insert(*secret.expose()) != secret.expose() {
            return Err(Failure::denied("another secret"));
        }
        self.locked = false;
        Ok(())
    }

    fn lock(&mut self) {
        self.locked = self.lockable;
    }

    fn list(&self) -> Result<Vec<Entry>, Failure> {
        let records = self
            .memory
            .records()
            .filter(|record| !self.deleted.contains(&record.id));
        Ok(records
            .cloned()
            .map(|record| Entry::try_from(record).unwrap())
            .collect())
    }

    fn delete(&mut self, id: &CredentialId) -> Result<(), Failure> {
        self.memory
            .records()
            .find(|record| record.id == *id)
            .ok_or_else(|| Failure::not_found("no such credential"))?;
        self.deleted.push(id.clone());
        Ok(())
    }
}

fn memory(error: authenticator::MemoryError) -> Failure {
    Failure::internal(error.to_string())
}

/// A provider over [`TestStore`] whose get waits for a permit, so that a test decides when it ends.
pub struct TestProvider {
    pub inner: StoreProvider<TestStore>,
    pub permits: Arc<Semaphore>,
    pub begun: Arc<Semaphore>,
    /// How often it had to list all that it has.
    pub listed: AtomicU64,
}

impl TestProvider {
    pub fn new(lockable: bool) -> Self {
        let memory = MemoryStore::new(native());
        let store = TestStore {
            memory,
            secret: None,
            locked: lockable,
            lockable,
            deleted: Vec::new(),
            trouble: None,
        };
        Self {
            inner: StoreProvider::new(Arc::new(Mutex::new(store))),
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

    async fn update(&self, call: Call, update: Update) -> Result<(), Failure> {
        self.inner.update(call, update).await
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
