//! The vault in a process of its own, hidden as the real role is, and as much of a broker as it takes to open it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use claviger_ctap::crypto::native;
use claviger_dev::bus::Bus;
use claviger_dev::joint::key;
use claviger_dev::wait::until;
use claviger_joint::answer::Answer;
use claviger_joint::envelope::{Grease, Request};
use claviger_joint::messages::{Description, ProviderState, Registration};
use claviger_joint::metadata::Diff;
use claviger_joint::operation::Operation;
use claviger_joint::unlock::{UnlockSecret, seal};
use claviger_joint::{ProviderId, TransactionId};
use claviger_logind::Logind;
use claviger_peer::SystemBus;
use claviger_provider::dbus::{BROKER_NAME, BROKER_PATH, Provider1Proxy};
use claviger_vault::provider::PROVIDER_ID;
use claviger_vault::role::{RunOptions, run};
use rustix::process::{DumpableBehavior, getuid, set_dumpable_behavior};
use tokio::sync::Notify;
use zbus::Connection;
use zeroize::Zeroizing;

use crate::common;

const DIRECTORY: &str = "CLAVIGER_TEST_ATTACKED_VAULT";
/// Set, it has a logind at this address, and lets itself be looked into as if it had been taken over.
const SYSTEM_BUS: &str = "CLAVIGER_TEST_SYSTEM_BUS";

/// Not a test by itself: the process that is attacked. Without the variable it has nothing to do.
#[test]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let system = std::env::var(SYSTEM_BUS).ok();
    if system.is_none() {
        set_dumpable_behavior(DumpableBehavior::NotDumpable).unwrap();
    }
    let directory = Path::new(&directory);
    let options = RunOptions {
        vault: common::options(directory),
        provider_state_dir: directory.join("sdk"),
        idle: None,
        hidden: system.is_none(),
        logind: system.map(|address| Logind::on(SystemBus::at(&address, getuid().as_raw()))),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(options, std::future::pending())).unwrap();
}

/// This test program again, as its test `name`, with no more rights than a user has: root may look into every process.
pub fn unprivileged(name: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(["--exact", name, "--nocapture"]);
    command
}

/// The vault's process; ends with the value.
pub struct VaultProcess(Child);

impl VaultProcess {
    pub fn start(bus: &Bus, directory: &Path) -> Self {
        Self::spawn(&mut unprivileged("platform::child"), bus, directory)
    }

    /// One that hears the logind of this bus, and hides nothing.
    pub fn with_logind(bus: &Bus, directory: &Path, system: &Bus) -> Self {
        let mut command = unprivileged("platform::child");
        Self::spawn(command.env(SYSTEM_BUS, system.address()), bus, directory)
    }

    fn spawn(command: &mut Command, bus: &Bus, directory: &Path) -> Self {
        let child = command
            .env(DIRECTORY, directory)
            .env("DBUS_SESSION_BUS_ADDRESS", bus.address())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for VaultProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A broker that registers whoever asks.
#[derive(Clone, Default)]
pub struct Broker {
    /// What the vault said of its lock while it registered, once for each registration.
    pub was_locked: Arc<Mutex<Vec<bool>>>,
    /// A registration is not answered before this is told.
    pub holds: Option<Arc<Notify>>,
}

#[zbus::interface(name = "org.claviger.Providers1")]
impl Broker {
    async fn register(&self, provider: &str, #[zbus(connection)] connection: &Connection) -> Vec<u8> {
        assert_eq!(provider, PROVIDER_ID);
        let locked = vault(connection).await.describe(&[1]).await.unwrap();
        self.was_locked
            .lock()
            .unwrap()
            .push(Description::decode(&locked).unwrap().locked);
        if let Some(told) = &self.holds {
            told.notified().await;
        }
        let keys = vec![key(1).public_key().clone()];
        Registration::new(native(), &id(), ProviderState::Enabled, keys, None, &key(1))
            .unwrap()
            .encode()
    }

    #[allow(clippy::unused_self)]
    fn push_metadata(&self, provider: &str, diff: &[u8]) -> u64 {
        assert_eq!(provider, PROVIDER_ID);
        Diff::decode(diff).unwrap().new
    }
}

impl Broker {
    /// Takes the broker's name with a new connection.
    pub async fn appear(&self, bus: &Bus) -> Connection {
        let connection = bus.connect().await;
        connection.object_server().at(BROKER_PATH, self.clone()).await.unwrap();
        connection.request_name(BROKER_NAME).await.unwrap();
        connection
    }

    /// Waits until the vault has asked to be registered this often.
    pub async fn until_asked(&self, times: usize) {
        until("the vault registers", async || {
            self.was_locked.lock().unwrap().len() >= times
        })
        .await;
    }
}

pub async fn vault(connection: &Connection) -> Provider1Proxy<'static> {
    let proxy = Provider1Proxy::builder(connection).destination(PROVIDER_ID);
    proxy.build().await.unwrap()
}

pub async fn is_locked(connection: &Connection) -> bool {
    let description = vault(connection).await.describe(&[1]).await.unwrap();
    Description::decode(&description).unwrap().locked
}

/// Opens the vault, which knows the broker's key by now or soon.
pub async fn unlock(connection: &Connection) {
    unlock_with(connection, &common::SECRET).await;
}

/// [`unlock`] with this secret, which a new vault is made for.
pub async fn unlock_with(connection: &Connection, secret: &[u8; 32]) {
    until("the vault opens", async || {
        let description = vault(connection).await.describe(&[1]).await.unwrap();
        let recipient = Description::decode(&description).unwrap().unlock_key.unwrap();
        let transaction = TransactionId::random(native()).unwrap();
        let secret = UnlockSecret::from_bytes(Zeroizing::new(*secret));
        let sealed = seal(native(), &recipient, &id(), transaction, &secret).unwrap();
        let request = Request {
            unlock_box: Some(sealed),
            ..request(Operation::Unlock, transaction)
        };
        execute(connection, &request, 1).await.status() == Ok(())
    })
    .await;
}

/// Sends a request under the key of this seed.
pub async fn execute(connection: &Connection, request: &Request, seed: u8) -> Answer {
    let envelope = request.sign(native(), &key(seed), &Grease::none()).unwrap();
    let answer = vault(connection).await.execute(&envelope).await.unwrap();
    Answer::decode(&answer).unwrap()
}

pub fn request(operation: Operation, transaction: TransactionId) -> Request {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let issued_ms = u64::try_from(now.as_millis()).unwrap();
    Request {
        sequence: u64::try_from(now.as_micros()).unwrap(),
        ..claviger_dev::joint::request(id(), operation, transaction, issued_ms)
    }
}

fn id() -> ProviderId {
    ProviderId::parse(PROVIDER_ID).unwrap()
}
