//! The process: `role::run` on a bus of its own, as D-Bus sees it from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use claviger_joint::messages::Description;
use claviger_provider::dbus::Provider1Proxy;
use claviger_vault::provider::PROVIDER_ID;
use claviger_vault::role::{RunOptions, run};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DIRECTORY: &str = "CLAVIGER_TEST_ROLE_DIRECTORY";

/// Not a test by itself: the process under test. Without the variable it has nothing to do.
#[test]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let directory = Path::new(&directory);
    let options = RunOptions {
        vault: common::options(directory),
        provider_state_dir: directory.join("sdk"),
        idle: None,
        registration: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if let Err(error) = runtime.block_on(run(options, std::future::pending())) {
        panic!("refused: {error}");
    }
}

/// A bus and the processes on it; ends them when dropped.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon is needed for this test");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        Self {
            daemon,
            address: address.trim().to_owned(),
        }
    }

    fn vault(&self, directory: &Path) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(DIRECTORY, directory)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _gone = self.daemon.kill();
        let _reaped = self.daemon.wait();
    }
}

async fn describe(proxy: &Provider1Proxy<'_>) -> Description {
    let start = Instant::now();
    loop {
        match proxy.describe(&[1]).await {
            Ok(bytes) => return Description::decode(&bytes).unwrap(),
            Err(error) => assert!(start.elapsed() < Duration::from_secs(20), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_process_serves_refuses_a_second_one_and_ends_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::start();
    let mut vault = bus.vault(dir.path());
    let connection = zbus::connection::Builder::address(bus.address.as_str())
        .build()
        .await
        .unwrap();
    let proxy = Provider1Proxy::builder(&connection)
        .destination(PROVIDER_ID)
        .build()
        .await
        .unwrap();
    let description = describe(&proxy).await;
    assert!(description.locked);
    assert!(description.unlock_key.is_some());
    assert_eq!(description.name, "Claviger vault");

    let second = bus.vault(dir.path()).wait_with_output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another process has the vault"), "{said}");

    kill_process(Pid::from_child(&vault), Signal::TERM).unwrap();
    assert!(vault.wait().unwrap().success());
}
