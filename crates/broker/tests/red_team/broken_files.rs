//! C6: whatever lies in the place of a file of the broker's, the broker starts, says so, loses nothing, and errs on the safe side.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claviger_broker::Broker;
use claviger_dev::bus::Bus;
use claviger_prompt_api::dbus::Manage1Proxy;
use claviger_prompt_api::manage::{ProviderState, Status};
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};

use crate::bed::*;

/// A start that takes longer waits for something.
const GENEROUS: Duration = Duration::from_mins(1);

/// What can lie in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    Empty,
    Garbage,
    TooLong,
    Folder,
    Pipe,
    Socket,
    Device,
    DanglingLink,
}

const THINGS: [Thing; 8] = [
    Thing::Empty,
    Thing::Garbage,
    Thing::TooLong,
    Thing::Folder,
    Thing::Pipe,
    Thing::Socket,
    Thing::Device,
    Thing::DanglingLink,
];

impl Thing {
    fn put(self, path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match self {
            Self::Empty => fs::write(path, "").unwrap(),
            Self::Garbage => fs::write(path, [0xa5; 700]).unwrap(),
            Self::TooLong => fs::File::create(path).unwrap().set_len(1 << 40).unwrap(),
            Self::Folder => fs::create_dir(path).unwrap(),
            Self::Pipe => rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap(),
            Self::Socket => drop(UnixListener::bind(path).unwrap()),
            Self::Device => symlink("/dev/zero", path).unwrap(),
            Self::DanglingLink => symlink("nowhere", path).unwrap(),
        }
    }
}

/// A broker that has been started on what lies there.
struct Started {
    bus: Bus,
    _broker: Broker,
    manage: Manage1Proxy<'static>,
}

impl Started {
    async fn on(prepare: impl FnOnce(&Path)) -> Self {
        let bus = Bus::start();
        let manifests = bus.folder().join("manifests");
        fs::create_dir(&manifests).unwrap();
        let vault = "[Provider]\nId=org.claviger.Vault\nName=Vault\nDBusName=org.claviger.Vault\nVersions=1\n";
        fs::write(manifests.join("org.claviger.Vault.provider"), vault).unwrap();
        prepare(bus.folder());
        let mut config = config(bus.folder());
        config.privileged_caller_files = vec![bus.folder().join("privileged-callers")];
        let start = Broker::start(bus.connect().await, config);
        let broker = tokio::time::timeout(GENEROUS, start).await.expect("it waits").unwrap();
        let manage = Manage1Proxy::new(&bus.connect().await).await.unwrap();
        Self {
            bus,
            _broker: broker,
            manage,
        }
    }

    async fn status(&self) -> Status {
        serde_json::from_str(&self.manage.status().await.unwrap()).unwrap()
    }
}

/// The file that this is about, beside those that follow from it.
fn trouble<'a>(status: &'a Status, file: &Path) -> Option<&'a Trouble> {
    status.troubles.iter().find(|trouble| trouble.file == file)
}

fn asides(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.to_string_lossy().contains(".damaged-"))
        .collect()
}

async fn is_set_aside(file: &str, what: StateFile) {
    for thing in THINGS {
        // An empty log is one that nothing has been written to.
        if what == StateFile::AuditLog && thing == Thing::Empty {
            continue;
        }
        let started = Started::on(|folder| thing.put(&folder.join(file))).await;
        let path = started.bus.folder().join(file);
        let status = started.status().await;
        let trouble = trouble(&status, &path).unwrap_or_else(|| panic!("{file}, {thing:?}: not told"));
        assert_eq!(trouble.what, what);
        let asides = asides(path.parent().unwrap());
        assert_eq!(asides, [trouble.set_aside.clone().unwrap()], "{file}, {thing:?}");
        if thing == Thing::Garbage {
            assert_eq!(fs::read(&asides[0]).unwrap(), [0xa5; 700], "nothing of it is lost");
        }
        let log: claviger_prompt_api::manage::AuditLog =
            serde_json::from_str(&started.manage.audit(100).await.unwrap()).unwrap();
        assert!(log.intact, "{file}, {thing:?}: {:?}", log.problem);
        assert!(
            log.entries.iter().any(|entry| entry["cause"] == "state-damaged"),
            "{file}, {thing:?}"
        );
    }
}

#[tokio::test]
async fn whatever_is_in_the_place_of_the_rules_is_set_aside() {
    is_set_aside("state/rules.json", StateFile::Rules).await;
}

#[tokio::test]
async fn whatever_is_in_the_place_of_the_providers_decisions_is_set_aside() {
    is_set_aside("state/providers/providers.json", StateFile::Providers).await;
}

#[tokio::test]
async fn whatever_is_in_the_place_of_the_cache_key_is_set_aside() {
    is_set_aside("state/metadata/cache.key", StateFile::CacheKey).await;
}

#[tokio::test]
async fn whatever_is_in_the_place_of_a_cache_is_set_aside() {
    is_set_aside("state/metadata/org.claviger.Vault.cache", StateFile::Cache).await;
}

#[tokio::test]
async fn whatever_is_in_the_place_of_the_audit_log_is_set_aside() {
    is_set_aside("state/audit.jsonl", StateFile::AuditLog).await;
}

#[tokio::test]
async fn a_file_in_the_place_of_a_folder_is_set_aside() {
    for folder in ["state", "state/providers", "state/metadata"] {
        let started = Started::on(|root| Thing::Garbage.put(&root.join(folder))).await;
        let status = started.status().await;
        let trouble = trouble(&status, &started.bus.folder().join(folder)).unwrap();
        assert_eq!((trouble.what, trouble.damage), (StateFile::Folder, Damage::NotAFile));
    }
}

#[tokio::test]
async fn damaged_keys_of_one_provider_stay_where_they_are_and_the_others_do_not_notice() {
    for thing in THINGS {
        // A provider without keys gets some when it registers.
        if matches!(thing, Thing::Empty) {
            continue;
        }
        let file = "state/providers/org.claviger.Vault.keys";
        let started = Started::on(|root| thing.put(&root.join(file))).await;
        let status = started.status().await;
        let trouble = trouble(&status, &started.bus.folder().join(file)).unwrap();
        assert_eq!(trouble.what, StateFile::RequestKey, "{thing:?}");
        assert_eq!(trouble.provider.as_deref(), Some("org.claviger.Vault"));
        assert_eq!(trouble.set_aside, None);
        assert!(fs::symlink_metadata(&trouble.file).is_ok());
    }
}

#[tokio::test]
async fn lists_and_manifests_that_are_no_files_are_told_and_not_waited_for() {
    for thing in THINGS {
        let started = Started::on(|root| {
            thing.put(&root.join("manifests/org.example.Broken.provider"));
            thing.put(&root.join("privileged-callers"));
        })
        .await;
        let status = started.status().await;
        if thing != Thing::DanglingLink {
            assert_eq!(status.manifest_problems.len(), 1, "{thing:?}");
        }
        assert_eq!(status.providers.len(), 1, "the other manifest serves");
        if !matches!(thing, Thing::Empty | Thing::DanglingLink) {
            let trouble = trouble(&status, &started.bus.folder().join("privileged-callers"));
            assert_eq!(trouble.unwrap().what, StateFile::PrivilegedCallers, "{thing:?}");
        }
    }
}

/// Lost decisions do not enable what the user had disabled, the built-in vault neither, and not after a second start either.
#[tokio::test]
async fn without_the_decisions_every_provider_is_disabled() {
    for lost in [false, true] {
        let bed = Bed::with(|config| {
            let folder = config.state_dir.join("providers");
            fs::create_dir_all(&folder).unwrap();
            // Keys tell that somebody has registered.
            fs::write(folder.join("org.claviger.Vault.keys"), [7; 40]).unwrap();
            if !lost {
                fs::write(folder.join("providers.json"), "{").unwrap();
            }
        })
        .await;
        let manage = bed.manage().await;
        let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
        bed.add_manifest("org.claviger.Vault", "Claviger vault");
        // The test's program is the broker's own, so this provider is the built-in vault.
        let _vault = bed.provider("org.claviger.Vault", Behaviour::Honest, false).await;
        let status: Status = serde_json::from_str(&manage.status().await.unwrap()).unwrap();
        assert!(status.providers.len() >= 2);
        for provider in &status.providers {
            assert_eq!(provider.state, ProviderState::Disabled, "{}", provider.id);
        }
        let damage = if lost { Damage::Missing } else { Damage::Malformed };
        let file = bed.bus.folder().join("state/providers/providers.json");
        assert_eq!(trouble(&status, &file).unwrap().damage, damage);
        bed.manage()
            .await
            .enable_provider("org.claviger.Vault")
            .await
            .unwrap_err();
    }
}

#[tokio::test]
async fn a_clock_that_went_back_is_told_and_stops_nothing() {
    let started = Started::on(|folder| {
        let log = folder.join("state/audit.jsonl");
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        let mut log = claviger_broker::audit::AuditLog::open(&log, 1).unwrap();
        let entry = claviger_broker::audit::Entry::ok(claviger_broker::audit::AuditEvent::Stopped);
        // The year 2286.
        log.append(9_999_999_999_999, &entry).unwrap();
    })
    .await;
    let status = started.status().await;
    let log = started.bus.folder().join("state/audit.jsonl");
    let told = trouble(&status, &log).map(|trouble| (trouble.what, trouble.damage, trouble.set_aside.clone()));
    assert_eq!(told, Some((StateFile::Clock, Damage::Behind, None)));
}
