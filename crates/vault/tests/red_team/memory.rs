//! Reading the open vault's memory through `/proc/PID/mem`, which the kernel grants or refuses when it is opened.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use claviger_ctap::crypto::native;
use claviger_dev::bus::Bus;
use claviger_dev::logind::Logind as Played;
use claviger_dev::memory::Needle;
use claviger_dev::wait::until;
use claviger_joint::TransactionId;
use claviger_joint::answer::Status;
use claviger_joint::operation::Operation;
use tokio::sync::Notify;

use crate::platform::{Broker, VaultProcess, execute, is_locked, request, unlock, unlock_with, unprivileged};

const TARGET: &str = "CLAVIGER_TEST_ATTACKED_PROCESS";

/// Not a test by itself: the attacker. It tries to open the memory until it is told to end, and then to read what it opened.
#[test]
fn attacker() {
    let Ok(target) = std::env::var(TARGET) else {
        return;
    };
    let stop = AtomicBool::new(false);
    // Before it can have opened anything, or the two words could come in either order.
    say("trying");
    let opened = std::thread::scope(|scope| {
        let attack = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                if let Some(opened) = open_memory(&target) {
                    say("opened");
                    return Some(opened);
                }
            }
            None
        });
        std::io::stdin().read_exact(&mut [0]).unwrap();
        stop.store(true, Ordering::Relaxed);
        attack.join().unwrap()
    });
    let reads = opened.map(|(memory, address)| memory.read_exact_at(&mut [0], address).is_ok());
    say(match reads {
        Some(true) => "reads",
        Some(false) => "cannot read",
        None => "never opened",
    });
}

fn open_memory(pid: &str) -> Option<(File, u64)> {
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let address = u64::from_str_radix(maps.split('-').next()?, 16).ok()?;
    Some((memory, address))
}

fn say(what: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\n{what}").unwrap();
    out.flush().unwrap();
}

/// The attacker's process; ends with the value.
struct Attacker {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Attacker {
    /// One that has begun.
    fn on(pid: u32) -> Self {
        let mut child = unprivileged("memory::attacker")
            .env(TARGET, pid.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        let mut attacker = Self { child, says };
        attacker.until_it_says(&["trying"]);
        attacker
    }

    fn until_it_says(&mut self, awaited: &[&str]) -> String {
        let mut line = String::new();
        while !awaited.contains(&line.trim()) {
            line.clear();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "it ended");
        }
        line.trim().to_owned()
    }

    /// Ends the attack and says what came of it.
    fn end(mut self) -> String {
        self.child.stdin.take().unwrap().write_all(b"!").unwrap();
        self.until_it_says(&["reads", "cannot read", "never opened"])
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn requests_of_a_stranger_do_not_make_an_open_vault_show_its_memory() {
    let (bus, dir) = (Bus::start(), tempfile::tempdir().unwrap());
    let broker = Broker::default();
    let connection = broker.appear(&bus).await;
    let process = VaultProcess::start(&bus, dir.path());
    broker.until_asked(1).await;
    unlock(&connection).await;
    let asked_before = broker.was_locked.lock().unwrap().len();

    let attacker = Attacker::on(process.id());
    let stranger = bus.connect().await;
    for _ in 0..200 {
        let request = request(Operation::LockState, TransactionId::random(native()).unwrap());
        assert_eq!(
            execute(&stranger, &request, 9).await.status(),
            Err(Status::InvalidRequest)
        );
    }
    assert!(
        broker.was_locked.lock().unwrap().len() > asked_before,
        "it asked the broker for new keys"
    );
    assert!(!is_locked(&connection).await);
    assert_eq!(attacker.end(), "never opened");
}

#[tokio::test]
async fn a_new_broker_sees_only_a_locked_vault() {
    let (bus, dir) = (Bus::start(), tempfile::tempdir().unwrap());
    let broker = Broker::default();
    let connection = broker.appear(&bus).await;
    let _process = VaultProcess::start(&bus, dir.path());
    broker.until_asked(1).await;
    unlock(&connection).await;
    assert!(!is_locked(&connection).await);

    connection.close().await.unwrap();
    let next = Broker::default();
    let connection = next.appear(&bus).await;
    next.until_asked(1).await;
    assert_eq!(*next.was_locked.lock().unwrap(), [true]);
    assert!(is_locked(&connection).await);
    unlock(&connection).await;
}

/// What SECURITY.md says is not claimed: somebody who was there when the vault started has what they opened.
#[tokio::test]
async fn memory_that_was_opened_while_the_vault_registered_stays_open() {
    let (bus, dir) = (Bus::start(), tempfile::tempdir().unwrap());
    let told = Arc::new(Notify::new());
    let broker = Broker {
        holds: Some(Arc::clone(&told)),
        ..Broker::default()
    };
    let connection = broker.appear(&bus).await;
    let process = VaultProcess::start(&bus, dir.path());
    broker.until_asked(1).await;
    let mut attacker = Attacker::on(process.id());
    attacker.until_it_says(&["opened"]);
    told.notify_one();
    unlock(&connection).await;
    assert_eq!(attacker.end(), "reads");
}

#[tokio::test]
async fn before_sleep_the_vault_is_locked_and_what_opened_it_is_in_no_memory() {
    let (bus, system, dir) = (Bus::start(), Bus::start(), tempfile::tempdir().unwrap());
    let logind = Played::serve(system.connect().await).await;
    let broker = Broker::default();
    let connection = broker.appear(&bus).await;
    let process = VaultProcess::with_logind(&bus, dir.path(), &system);
    broker.until_asked(1).await;
    until("the vault hears logind", async || logind.delays() == 1).await;
    let mut secret = [0; 32];
    native().random(&mut secret).unwrap();
    unlock_with(&connection, &secret).await;
    assert!(!is_locked(&connection).await);

    logind.prepare_for_sleep(true).await;
    until("the machine may sleep", async || logind.delays() == 0).await;
    assert!(is_locked(&connection).await);
    assert!(!Needle::of(&secret).is_in(process.id()));
}
