//! A private bus with the broker, the real hello, providers on the real SDK and a prompt that the test plays.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_broker::{
    Broker, Caller, CancelToken, Cause, CeremonyAnswer, CeremonyRequest, Config, CtapRequest, Door, DoorTraits,
    Requester, UserVerification,
};
use claviger_ctap::authenticator::device::Protection;
use claviger_ctap::types::{CredentialDescriptor, CredentialId, RpEntity, RpId, UserEntity, UserId};
use claviger_ctap::{get_assertion, get_info, make_credential};
use claviger_dev::bus::Bus;
use claviger_dev::store::LockableStore;
use claviger_hello::Hello;
use claviger_hello::service::{self, Surroundings};
use claviger_joint::metadata::{Diff, Entry};
use claviger_joint::operation::Update;
use claviger_joint::unlock::UnlockSecret;
use claviger_peer::{Peers, Standing};
use claviger_pin::{Pin, memfd};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::dbus::Prompt1Proxy;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::view::{Kind, View};
use claviger_provider::manifest::Manifest;
use claviger_provider::sdk::{self, Call, Failure, Options, Provider, Serving, StoreProvider};
use claviger_webauthn::Origin;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use zbus::Connection;

pub const PIN: &str = "zebra-94";
pub const WRONG_PIN: &str = "zebra-95";
pub const NOTEBOOK: &str = "org.example.Notebook";
pub const SAFE: &str = "org.example.Safe";
pub const RP: &str = "example.org";
/// A program of somebody else's that calls what it is told to.
pub const DBUS_SEND: &str = "/usr/bin/dbus-send";

/// The bus and everything on it.
pub struct Bed {
    pub bus: Bus,
    pub broker: Broker,
    pub broker_connection: Connection,
    _hello: JoinHandle<zbus::Result<()>>,
}

impl Bed {
    /// A bus with broker and hello; `change` adjusts the configuration. The PIN is set.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::make(true, change).await
    }

    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A bus on which nobody has chosen a PIN.
    pub async fn without_pin() -> Self {
        Self::make(false, |_| {}).await
    }

    /// A bus on which somebody has chosen [`PIN`], or nobody has.
    pub async fn make(pin: bool, change: impl FnOnce(&mut Config)) -> Self {
        let bus = Bus::start();
        let manifests = bus.folder().join("manifests");
        std::fs::create_dir(&manifests).unwrap();
        for (id, name) in [(NOTEBOOK, "Notebook"), (SAFE, "Safe")] {
            std::fs::write(manifests.join(format!("{id}.provider")), manifest_text(id, name)).unwrap();
        }
        let hello = Hello::open(&bus.folder().join("hello")).unwrap();
        if pin {
            hello.set_pin(&Pin::new(PIN).unwrap()).unwrap();
        }
        let own = std::env::current_exe().unwrap();
        let connection = bus.connect().await;
        let peers = Peers::new(&connection, &own).await.unwrap();
        let hello = tokio::spawn(service::run(
            peers,
            hello,
            Surroundings::default(),
            std::future::pending(),
        ));
        let broker_connection = bus.connect().await;
        let mut config = config(bus.folder());
        change(&mut config);
        let broker = Broker::start(broker_connection.clone(), config).await.unwrap();
        Self {
            bus,
            broker,
            broker_connection,
            _hello: hello,
        }
    }

    pub async fn connect(&self) -> Connection {
        self.bus.connect().await
    }

    pub fn audit_path(&self) -> PathBuf {
        self.bus.folder().join("state/audit.jsonl")
    }

    /// Adds a manifest to those that are there from the beginning.
    pub fn add_manifest(&self, id: &str, name: &str) {
        let path = self.bus.folder().join("manifests").join(format!("{id}.provider"));
        std::fs::write(path, manifest_text(id, name)).unwrap();
    }

    /// Serves a provider and, if `enabled`, has the user enable it.
    pub async fn provider(&self, id: &str, behaviour: Behaviour, enabled: bool) -> Probe {
        let probe = Probe::serve(self, id, behaviour).await;
        if enabled {
            let prompt = Prompt::attach(self, Script::approve()).await;
            self.manage().await.enable_provider(id).await.unwrap();
            prompt.leave().await;
        }
        probe
    }

    pub async fn manage(&self) -> claviger_prompt_api::dbus::Manage1Proxy<'static> {
        claviger_prompt_api::dbus::Manage1Proxy::new(&self.connect().await)
            .await
            .unwrap()
    }

    pub async fn make_passkey(&self, user: &str) -> Result<make_credential::Response, Cause> {
        match self.broker.ceremony(make_request(user), CancelToken::new()).await? {
            CeremonyAnswer::Made(response) => Ok(response),
            CeremonyAnswer::Got(_) => panic!("an assertion in place of a registration"),
        }
    }

    pub async fn sign_in(&self) -> Result<get_assertion::Response, Cause> {
        match self.broker.ceremony(get_request(), CancelToken::new()).await? {
            CeremonyAnswer::Got(response) => Ok(response),
            CeremonyAnswer::Made(_) => panic!("a registration in place of an assertion"),
        }
    }

    /// What `program` prints, [`DBUS_SEND`] or a copy of it, when it calls a method of the broker: its full name and its arguments.
    pub async fn dbus_send(&self, program: &Path, call: &[impl AsRef<OsStr>]) -> Output {
        let mut command = Command::new(program);
        command
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus.address())
            .args([
                "--session",
                "--print-reply",
                "--reply-timeout=10000",
                "--dest=org.claviger.Broker",
                "/org/claviger/Broker",
            ])
            .args(call);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// Waits until something holds that another task brings about.
    pub async fn until(&self, holds: impl AsyncFn(&Self) -> bool) {
        let wait = async {
            while !holds(self).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .expect("it never held");
    }
}

pub fn config(directory: &Path) -> Config {
    let own = std::env::current_exe().unwrap();
    let mut config = Config::new(directory.join("state"), vec![directory.join("manifests")], own);
    config.allow_scripted_prompt = true;
    config
}

fn manifest_text(id: &str, name: &str) -> String {
    format!("[Provider]\nId={id}\nName={name}\nDBusName={id}\nVersions=1\n")
}

pub fn caller() -> Caller {
    Caller {
        door: Door::Browser,
        traits: DoorTraits {
            names_origins: true,
            ..DoorTraits::default()
        },
        standing: Standing::Unproved,
        app_id: None,
        name: "Chromium".into(),
        executable: "/usr/bin/chromium".into(),
        pid: 1,
        window: String::new(),
    }
}

/// A page in a browser.
pub fn page(origin: &str, top_origin: Option<&str>) -> Requester {
    let parse = |text: &str| Origin::parse(text).unwrap();
    Requester::Page {
        origin: parse(origin),
        top_origin: top_origin.map(parse),
        related: None,
    }
}

pub fn request_of(requester: Requester, operation: CtapRequest) -> CeremonyRequest {
    let (verified, a_minute) = (UserVerification::Required, Duration::from_mins(1));
    CeremonyRequest::new(caller(), requester, operation, verified, a_minute).unwrap()
}

pub fn request(operation: CtapRequest) -> CeremonyRequest {
    request_of(page("https://example.org", None), operation)
}

pub fn make(user: &str) -> make_credential::Request {
    let rp = RpEntity {
        id: RP.into(),
        name: Some("Example".into()),
    };
    let id = UserId::new(user.as_bytes()).unwrap();
    let user = UserEntity {
        id,
        name: Some(user.into()),
        display_name: None,
    };
    let mut make = make_credential::Request::new([0x41; 32], rp, user, vec![-7, -8]);
    make.options.rk = true;
    make
}

pub fn make_request(user: &str) -> CeremonyRequest {
    request(CtapRequest::Make(make(user)))
}

pub fn get() -> get_assertion::Request {
    get_assertion::Request::new(RP, [0x42; 32])
}

pub fn get_request() -> CeremonyRequest {
    request(CtapRequest::Get(get()))
}

/// What a provider may say of a credential that it may not have.
pub fn entry(id: CredentialId, rp_id: &str) -> Entry {
    Entry {
        credential_id: id,
        rp_id: RpId::new(rp_id).unwrap(),
        rp_name: None,
        user_handle: Some(UserId::new(b"mallory").unwrap()),
        user_name: Some("mallory".into()),
        display_name: None,
        created_ms: None,
        last_used_ms: None,
        backed_up: false,
        tag: None,
        discoverable: true,
        protection: Protection::Optional,
    }
}

/// A full list with one credential of this id at the usual site.
pub fn claim(id: &CredentialId) -> Vec<u8> {
    let diff = Diff {
        base: 0,
        new: u64::MAX / 2,
        full: true,
        more: false,
        upserts: vec![entry(id.clone(), RP)],
        removed: Vec::new(),
    };
    diff.encode()
}

/// What a provider does when it is asked for an assertion or a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// What it should.
    Honest,
    /// Nothing, for ever.
    Hang,
    /// Its connection ends.
    Crash,
    /// Answers with another signature.
    Forge,
    /// Answers without the UV flag.
    IgnoreEvidence,
}

/// A provider in this process, on its own connection.
pub struct Probe {
    pub connection: Connection,
    pub behaviour: Arc<Mutex<Behaviour>>,
    /// Woken when an operation began.
    pub asked: Arc<Notify>,
    /// Woken when a hanging operation was dropped.
    pub dropped: Arc<Notify>,
    serving: Serving<Played>,
}

impl Probe {
    async fn serve(bed: &Bed, id: &str, behaviour: Behaviour) -> Self {
        let connection = bed.connect().await;
        let behaviour = Arc::new(Mutex::new(behaviour));
        let (asked, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let store = LockableStore::new(id == SAFE);
        let played = Played {
            inner: StoreProvider::new(Arc::new(Mutex::new(store))),
            connection: connection.clone(),
            behaviour: Arc::clone(&behaviour),
            asked: Arc::clone(&asked),
            dropped: Arc::clone(&dropped),
        };
        let name = if id == SAFE { "Safe" } else { "Notebook" };
        let manifest = Manifest::parse(&manifest_text(id, name)).unwrap();
        let options = Options::new(bed.bus.folder().join(format!("provider-{id}")));
        let serving = sdk::serve(&connection, &manifest, options, played).await.unwrap();
        let probe = Self {
            connection,
            behaviour,
            asked,
            dropped,
            serving,
        };
        let state = claviger_provider::dbus::Providers1Proxy::new(&probe.connection)
            .await
            .unwrap();
        bed.until(async |_| state.state(id).await.is_ok_and(|state| state != "unregistered"))
            .await;
        probe
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    pub fn handle(&self) -> sdk::Handle<Played> {
        self.serving.handle()
    }
}

/// Tells when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

pub struct Played {
    inner: StoreProvider<LockableStore>,
    connection: Connection,
    behaviour: Arc<Mutex<Behaviour>>,
    asked: Arc<Notify>,
    dropped: Arc<Notify>,
}

impl Played {
    pub fn is_locked_now(&self) -> bool {
        self.inner.is_locked()
    }

    async fn play(&self) -> Behaviour {
        self.asked.notify_one();
        let behaviour = *self.behaviour.lock().unwrap();
        match behaviour {
            Behaviour::Hang => {
                let _dropped = Dropped(Arc::clone(&self.dropped));
                std::future::pending::<()>().await;
            }
            Behaviour::Crash => {
                self.connection.clone().close().await.unwrap();
                std::future::pending::<()>().await;
            }
            Behaviour::Honest | Behaviour::Forge | Behaviour::IgnoreEvidence => {}
        }
        behaviour
    }
}

impl Provider for Played {
    fn info(&self) -> get_info::Response {
        self.inner.info()
    }

    fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }

    fn takes_unlock_secret(&self) -> bool {
        self.inner.takes_unlock_secret()
    }

    fn metadata(&self) -> Result<Option<Vec<Entry>>, Failure> {
        self.inner.metadata()
    }

    async fn make(&self, call: Call, request: make_credential::Request) -> Result<make_credential::Response, Failure> {
        self.play().await;
        self.inner.make(call, request).await
    }

    async fn get(
        &self,
        mut call: Call,
        mut request: get_assertion::Request,
    ) -> Result<get_assertion::Response, Failure> {
        let behaviour = self.play().await;
        if behaviour == Behaviour::IgnoreEvidence {
            call.evidence = None;
            request.options.uv = false;
        }
        let mut response = self.inner.get(call, request).await?;
        if behaviour == Behaviour::Forge {
            *response.signature.last_mut().unwrap() ^= 1;
        }
        Ok(response)
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

/// What the user does: looks at a view and says what to do, with which PIN. `None` leaves the view open.
pub struct Script(Box<dyn FnMut(&View) -> Reaction + Send>);

/// What to do, with which PIN.
pub type Reaction = Option<(Action, Option<&'static str>)>;

impl Script {
    pub fn new(script: impl FnMut(&View) -> Reaction + Send + 'static) -> Self {
        Self(Box::new(script))
    }

    /// Agrees to everything with the right PIN; closes notices.
    pub fn approve() -> Self {
        Self::new(|view| Some(approve(view, None, PIN)))
    }

    /// Agrees and takes the choice whose label or provider is this.
    pub fn choose(wanted: &'static str) -> Self {
        Self::new(move |view| Some(approve(view, Some(wanted), PIN)))
    }

    /// Looks and does nothing.
    pub fn watch() -> Self {
        Self::new(|_| None)
    }
}

pub fn approve(view: &View, wanted: Option<&str>, pin: &'static str) -> (Action, Option<&'static str>) {
    if view.kind == Kind::Notice {
        return (Action::Refuse { for_a_while: false }, None);
    }
    let english = Messages::english();
    let choice = wanted.and_then(|wanted| {
        let named = view
            .choices
            .iter()
            .find(|choice| english.text(&choice.label) == wanted || choice.provider_name == wanted);
        named.map(|choice| choice.id.clone())
    });
    (
        Action::Approve {
            choice,
            remember: false,
        },
        view.pin().is_some().then_some(pin),
    )
}

/// A prompt on its own connection.
pub struct Prompt {
    connection: Connection,
    pub seen: Arc<Mutex<Vec<View>>>,
    /// Woken at every view.
    pub shown: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Prompt {
    pub async fn attach(bed: &Bed, mut script: Script) -> Self {
        let connection = bed.connect().await;
        let proxy = Prompt1Proxy::new(&connection).await.unwrap();
        proxy.attach("scripted").await.unwrap();
        let (seen, shown) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (views, wake) = (Arc::clone(&seen), Arc::clone(&shown));
        let task = tokio::spawn(async move {
            let (mut prompt, mut revision) = (u64::MAX, 0);
            // Ends when the prompt is replaced or its connection ends.
            while let Ok(json) = proxy.next_view(prompt, revision).await {
                let view: View = serde_json::from_str(&json).unwrap();
                (prompt, revision) = (view.prompt, view.revision);
                views.lock().unwrap().push(view.clone());
                wake.notify_one();
                if view.kind == Kind::Idle {
                    continue;
                }
                if let Some((action, pin)) = script.0(&view) {
                    let pin = pin.map(|pin| memfd::seal(&Pin::new(pin).unwrap()).unwrap());
                    let pins: Vec<zbus::Fd<'_>> = pin.into_iter().map(zbus::Fd::from).collect();
                    // A view that changed meanwhile comes again.
                    let _ = proxy.act(prompt, revision, &action.to_json(), &pins).await;
                }
            }
        });
        Self {
            connection,
            seen,
            shown,
            task,
        }
    }

    /// The kinds of views that came, without idle ones.
    pub fn kinds(&self) -> Vec<Kind> {
        self.views().iter().map(|view| view.kind).collect()
    }

    /// The views that came, without idle ones.
    pub fn views(&self) -> Vec<View> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|view| view.kind != Kind::Idle)
            .cloned()
            .collect()
    }

    /// Waits until a view of this kind is on show.
    pub async fn until(&self, kind: Kind) {
        let wait = async {
            while self.seen.lock().unwrap().last().is_none_or(|view| view.kind != kind) {
                self.shown.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .expect("the view never came");
    }

    pub async fn leave(self) {
        self.task.abort();
        self.connection.close().await.unwrap();
    }
}

pub fn allow(response: &make_credential::Response) -> CredentialDescriptor {
    let data = claviger_ctap::authenticator_data::AuthenticatorData::parse(&response.auth_data).unwrap();
    CredentialDescriptor::new(data.attested.unwrap().id)
}
