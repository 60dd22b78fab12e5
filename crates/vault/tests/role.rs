//! The process: `role::run` on a bus of its own, as D-Bus sees it from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claviger_dev::bus::Bus;
use claviger_joint::messages::Description;
use claviger_provider::dbus::Provider1Proxy;
use claviger_vault::provider::PROVIDER_ID;
use claviger_vault::role::{RunOptions, run};
use rustix::process::{Pid, Signal, kill_process};

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
        logind: None,
        hidden: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if let Err(error) = runtime.block_on(run(options, std::future::pending())) {
        panic!("refused: {error}");
    }
}

/// A vault in a process of its own.
fn start_vault(bus: &Bus, directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(DIRECTORY, directory)
        .env("DBUS_SESSION_BUS_ADDRESS", bus.address())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
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
    let mut vault = start_vault(&bus, dir.path());
    let connection = bus.connect().await;
    let proxy = Provider1Proxy::builder(&connection)
        .destination(PROVIDER_ID)
        .build()
        .await
        .unwrap();
    let description = describe(&proxy).await;
    assert!(description.locked);
    assert!(description.unlock_key.is_some());
    assert_eq!(description.name, "Claviger vault");

    let second = start_vault(&bus, dir.path()).wait_with_output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another process has the vault"), "{said}");

    kill_process(Pid::from_child(&vault), Signal::TERM).unwrap();
    assert!(vault.wait().unwrap().success());
}
