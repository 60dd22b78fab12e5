//! What a hello that was told to lock still has of a PIN and a recovery code: the real service, in a process of its own.

use std::process::{Child, Command, Stdio};

use claviger_ctap::crypto::native;
use claviger_dev::{bus::Bus, logind::Logind as Played, memory::Needle, wait::until};
use claviger_hello::{
    Hello,
    bus::NAME,
    client::HelloClient,
    service::{self, Surroundings},
};
use claviger_logind::Logind;
use claviger_peer::{Peers, SystemBus};
use claviger_pin::{ClientPin, Pin, memfd};
use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::bed::{Bed, client_pin, own_executable, request, sealed};

const FOLDER: &str = "CLAVIGER_TEST_HELLO";
const SYSTEM_BUS: &str = "CLAVIGER_TEST_SYSTEM_BUS";
/// What a test does in the process that is looked into, which runs that test once more: it is hello. Elsewhere nothing.
async fn be_hello() {
    let (Ok(folder), Ok(system)) = (std::env::var(FOLDER), std::env::var(SYSTEM_BUS)) else {
        return;
    };
    let hello = Hello::open(folder.as_ref()).unwrap();
    let connection = zbus::Connection::session().await.unwrap();
    let peers = Peers::new(&connection, &own_executable()).await.unwrap();
    let around = Surroundings {
        logind: Some(Logind::on(SystemBus::at(&system, getuid().as_raw()))),
        ..Surroundings::default()
    };
    let mut told = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    let until = async {
        told.recv().await;
    };
    service::run(peers, hello, around, until).await.unwrap();
    // The role would end now; so its memory can be looked at once more.
    connection.close().await.unwrap();
    loop {
        std::thread::park();
    }
}

/// Hello's process; ends with the value.
struct Running(Child);

impl Running {
    /// Starts it, for the test of this name.
    async fn start(test: &str, bed: &Bed, system: &Bus) -> Self {
        let child = Command::new(own_executable())
            .args(["--exact", test, "--nocapture"])
            .env(FOLDER, bed.bus.folder().join("hello"))
            .env(SYSTEM_BUS, system.address())
            .env("DBUS_SESSION_BUS_ADDRESS", bed.bus.address())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until("hello serves", async || serves(bed).await).await;
        Self(child)
    }

    fn has_any(&self, secrets: &[(&'static str, Needle)]) -> Vec<&'static str> {
        let is_there = |(_, needle): &&(&str, Needle)| needle.is_in(self.0.id());
        secrets.iter().filter(is_there).map(|(name, _)| *name).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn serves(bed: &Bed) -> bool {
    let bus = zbus::fdo::DBusProxy::new(&bed.connect().await).await.unwrap();
    bus.name_has_owner(NAME.try_into().unwrap()).await.unwrap()
}

/// Uses the PIN in every way, makes a code, and leaves a ticket open. Returns what nobody may find afterwards.
async fn use_it(client: &HelloClient) -> Vec<(&'static str, Needle)> {
    let mut random = [0; 16];
    native().random(&mut random).unwrap();
    let pin: String = random.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    client.set_pin(sealed(&pin)).await.unwrap();
    client.verify(sealed(&pin), &request(1)).await.unwrap();
    let (_, ticket) = client.verify_and_hold(sealed(&pin), &request(2)).await.unwrap();
    let code = client.make_recovery_code(&ticket).await.unwrap();
    let code = memfd::receive_recovery_code(&code).unwrap();
    client
        .confirm_recovery_code(memfd::seal_code_ends(&code.ends()).unwrap())
        .await
        .unwrap();
    let drilled = memfd::seal_recovery_code(&code).unwrap();
    client.drill_recovery_code(drilled).await.unwrap();
    client.verify_client_pin(client_pin(&pin)).await.unwrap();
    let hash = ClientPin::of(native(), &Pin::new(&pin).unwrap());
    vec![
        ("PIN", Needle::of(pin.as_bytes())),
        ("hash of the PIN", Needle::of(hash.as_bytes())),
        ("recovery code", Needle::of(code.as_bytes())),
        ("spelled recovery code", Needle::of(code.spelled().as_bytes())),
    ]
}

#[tokio::test]
async fn before_sleep_no_pin_and_no_code_is_left_in_memory() {
    be_hello().await;
    let (bed, system) = (Bed::new(), Bus::start());
    let logind = Played::serve(system.connect().await).await;
    let hello = Running::start(
        "memory::before_sleep_no_pin_and_no_code_is_left_in_memory",
        &bed,
        &system,
    )
    .await;
    let client = bed.client().await;
    until("hello hears logind", async || {
        client.status().await.unwrap().locks_with_session
    })
    .await;
    let secrets = use_it(&client).await;

    logind.prepare_for_sleep(true).await;
    until("the machine may sleep", async || logind.delays() == 0).await;
    assert_eq!(hello.has_any(&secrets), Vec::<&str>::new());
}

#[tokio::test]
async fn told_to_end_it_leaves_no_pin_and_no_code_in_memory() {
    be_hello().await;
    let (bed, system) = (Bed::new(), Bus::start());
    let hello = Running::start(
        "memory::told_to_end_it_leaves_no_pin_and_no_code_in_memory",
        &bed,
        &system,
    )
    .await;
    let client = bed.client().await;
    assert!(!client.status().await.unwrap().locks_with_session);
    let secrets = use_it(&client).await;
    kill_process(Pid::from_raw(hello.0.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    until("hello has ended", async || !serves(&bed).await).await;
    assert_eq!(hello.has_any(&secrets), Vec::<&str>::new());
}
