//! A private bus with the real hello on it.
#![allow(dead_code, unreachable_pub)] // Shared by several test programs; none uses all of it.

use std::{
    future::pending,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use claviger_ctap::crypto::native;
use claviger_dev::bus::Bus;
use claviger_hello::{
    Hello,
    bus::NAME,
    client::HelloClient,
    clock::Clock,
    counter::Moment,
    gesture::Reader,
    service::{self, Surroundings},
    verification::{EvidenceScope, VerifyRequest},
};
use claviger_joint::{ProviderId, TransactionId, evidence::Purpose, operation::Operation};
use claviger_peer::Peers;
use claviger_pin::{ClientPin, Pin, memfd};
use tokio::task::JoinHandle;
use zbus::Connection;

pub const RIGHT: &str = "zebra-94";
pub const WRONG: &str = "zebra-95";

/// The time since boot stands still until it is moved; the wall clock is the machine's, as the client compares it.
#[derive(Debug, Default)]
pub struct TestClock(pub AtomicU64);

impl Clock for TestClock {
    fn moment(&self) -> Moment {
        Moment {
            boot: [1; 16],
            since_boot_ms: self.0.load(Ordering::SeqCst),
        }
    }

    fn unix_ms(&self) -> u64 {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        u64::try_from(now.as_millis()).unwrap()
    }
}

/// A bus of its own, and hello on it.
pub struct Bed {
    pub bus: Bus,
    pub clock: Arc<TestClock>,
    pub service: Option<JoinHandle<zbus::Result<()>>>,
}

impl Bed {
    pub fn new() -> Self {
        Self {
            bus: Bus::start(),
            clock: Arc::default(),
            service: None,
        }
    }

    /// Hello for processes of `allowed`.
    pub async fn serving(allowed: &Path) -> Self {
        Self::serving_with(allowed, Vec::new()).await
    }

    /// Hello for processes of `allowed`, with these readers.
    pub async fn serving_with(allowed: &Path, readers: Vec<Box<dyn Reader>>) -> Self {
        let around = Surroundings {
            readers,
            ..Surroundings::default()
        };
        let mut bed = Self::new();
        let path = bed.bus.folder().join("hello");
        let hello = Hello::open_with(&path, bed.clock.clone(), native()).unwrap();
        let connection = bed.connect().await;
        let peers = Peers::new(&connection, allowed).await.unwrap();
        let name = zbus::names::BusName::try_from(NAME).unwrap();
        let bus = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
        bed.service = Some(tokio::spawn(service::run(peers, hello, around, pending())));
        while !bus.name_has_owner(name.clone()).await.unwrap() {
            tokio::task::yield_now().await;
        }
        bed
    }

    pub async fn connect(&self) -> Connection {
        self.bus.connect().await
    }

    pub async fn client(&self) -> HelloClient {
        self.client_of(&own_executable()).await
    }
}

impl Bed {
    /// A client that takes processes of `executable` for hello.
    pub async fn client_of(&self, executable: &Path) -> HelloClient {
        let connection = self.connect().await;
        let peers = Peers::new(&connection, executable).await.unwrap();
        HelloClient::new(Arc::new(peers))
    }
}

pub fn own_executable() -> PathBuf {
    std::env::current_exe().unwrap()
}

pub fn sealed(text: &str) -> OwnedFd {
    memfd::seal(&Pin::new(text).unwrap()).unwrap()
}

pub fn vault() -> ProviderId {
    ProviderId::parse("org.claviger.Vault").unwrap()
}

pub fn operation(number: u8) -> EvidenceScope {
    EvidenceScope {
        audience: vault(),
        transaction: TransactionId([number; 16]),
        buffer_hash: [number; 32],
        purpose: Purpose::Operation(Operation::Get),
    }
}

pub fn request(number: u8) -> VerifyRequest {
    VerifyRequest {
        evidence: Some(operation(number)),
        unlock: Vec::new(),
    }
}

/// As a CTAP client gives this PIN, in its memory file.
pub fn client_pin(text: &str) -> OwnedFd {
    memfd::seal_client_pin(&ClientPin::of(native(), &Pin::new(text).unwrap())).unwrap()
}
