//! C8: on a full disk nothing is signed that cannot be recorded first, nothing is shown that was not written, and the rest works, after
//! a new start too.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use claviger_broker::{Broker, CancelToken, Cause, CeremonyRequest, CtapRequest, DoorSwitch, UserVerification, audit};
use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::manage::{Passkey, ProviderState, Rule, Status};
use claviger_prompt_api::trouble::{Damage, StateFile};

use crate::bed::*;

/// Tells the process that has a small disk of its own from the one that starts it.
const DISK: &str = "CLAVIGER_TEST_SMALL_DISK";

/// Runs the test of this name once more, where a file system of half a MiB is mounted at a place that only that process sees.
fn on_a_small_disk(test: &str) {
    let disk = tempfile::tempdir().unwrap();
    let mut unshare = Command::new("unshare");
    if !rustix::process::getuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let script = "mount -t tmpfs -o size=512k none \"$CLAVIGER_TEST_SMALL_DISK\" && exec \"$@\"";
    let ended = unshare
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DISK, disk.path())
        .status()
        .expect("unshare is installed (package util-linux)");
    assert!(ended.success(), "{test} on a small disk");
}

/// Leaves no room at all.
fn fill(disk: &Path) {
    for size in [4096, 1] {
        let mut filler = fs::File::options()
            .create(true)
            .append(true)
            .open(disk.join("filler"))
            .unwrap();
        while filler.write_all(&vec![0; size]).is_ok() {}
    }
}

async fn status(bed: &Bed) -> Status {
    serde_json::from_str(&bed.manage().await.status().await.unwrap()).unwrap()
}

/// A sign-in without the PIN, which takes no time.
async fn sign_in(broker: &Broker) -> Result<(), Cause> {
    let (page, a_minute) = (page("https://example.org", None), Duration::from_mins(1));
    let operation = CtapRequest::Get(get());
    let request = CeremonyRequest::new(caller(), page, operation, UserVerification::Discouraged, a_minute).unwrap();
    broker.ceremony(request, CancelToken::new()).await.map(drop)
}

/// The switch of a door that is shut.
#[derive(Default)]
struct Door(AtomicBool);

impl DoorSwitch for Door {
    fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn turn(&self, on: bool) -> std::io::Result<()> {
        self.0.store(on, Ordering::SeqCst);
        Ok(())
    }
}

/// How many sign-ins the log has.
fn recorded(log: &Path) -> usize {
    audit::verify(log).expect("no line is torn");
    let text = fs::read_to_string(log).unwrap();
    let is_sign_in = |line: &&str| line.contains(r#""event":"get""#) && line.contains(r#""result":"ok""#);
    text.lines().filter(is_sign_in).count()
}

#[tokio::test]
async fn nothing_is_signed_unrecorded_and_nothing_shown_unwritten() {
    let Some(disk) = std::env::var_os(DISK) else {
        return on_a_small_disk("full_disk::nothing_is_signed_unrecorded_and_nothing_shown_unwritten");
    };
    let disk = Path::new(&disk);
    let mut configured = None;
    let door = Arc::new(Door::default());
    let switch = Arc::clone(&door);
    let bed = Bed::with(|config| {
        config.state_dir = disk.join("state");
        config.door_switch = Some(switch);
        configured = Some((
            config.state_dir.clone(),
            config.manifest_dirs.clone(),
            config.own_executable.clone(),
        ));
    })
    .await;
    let log = disk.join("state/audit.jsonl");
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    sign_in(&bed.broker).await.unwrap();
    bed.broker.flush().await;
    let copied = Command::new("cp")
        .args(["-r", "state", "left"])
        .current_dir(disk)
        .status();
    assert!(copied.unwrap().success());
    fill(disk);

    let mut signed = 1;
    let refused = loop {
        match sign_in(&bed.broker).await {
            Ok(()) => signed += 1,
            Err(cause) => break cause,
        }
    };
    assert_eq!((refused, recorded(&log)), (Cause::NotRecorded, signed));
    let last = serde_json::to_value(prompt.views().last().unwrap()).unwrap();
    assert_eq!(last["problem"]["code"], "not-recorded", "the person is told");

    let manage = bed.manage().await;
    manage.disable_provider(NOTEBOOK).await.unwrap_err();
    manage.switch_security_key(true).await.unwrap_err();
    assert!(!door.is_on(), "no way in is opened unrecorded");
    assert!(matches!(manage.set_rule(RP, NOTEBOOK).await, Err(Error::Failed(_))));
    let rules: Vec<Rule> = serde_json::from_str(&manage.rules().await.unwrap()).unwrap();
    assert_eq!(rules, []);
    let told = status(&bed).await;
    let notebook = told.providers.iter().find(|provider| provider.id == NOTEBOOK).unwrap();
    assert_eq!(notebook.state, ProviderState::Enabled, "it was not written");
    let trouble = told
        .troubles
        .iter()
        .find(|trouble| trouble.what == StateFile::AuditLog)
        .unwrap();
    assert_eq!(trouble.damage, Damage::NoSpace);
    manage.lock("").await.unwrap();

    // What an earlier broker left on the disk, for one that starts while it is full.
    bed.broker.shut_down().await;
    bed.broker_connection.clone().close().await.unwrap();
    let (_, manifests, own) = configured.unwrap();
    let config = claviger_broker::Config::new(disk.join("left"), manifests, own);
    let again = Broker::start(bed.connect().await, config).await.unwrap();
    let passkeys: Vec<Passkey> = serde_json::from_str(&manage.passkeys("").await.unwrap()).unwrap();
    assert_eq!((passkeys.len(), recorded(&disk.join("left/audit.jsonl"))), (1, 1));

    fs::remove_file(disk.join("filler")).unwrap();
    manage.disable_provider(NOTEBOOK).await.unwrap();
    let told = status(&bed).await;
    assert!(
        !told.troubles.iter().any(|trouble| trouble.damage == Damage::NoSpace),
        "{:?}",
        told.troubles
    );
    again.shut_down().await;
}
