#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::crypto::native;

use super::*;

const NOTEBOOK: &str = "org.example.Notebook";

struct Fixture {
    dir: tempfile::TempDir,
    own: FileId,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let manifests = dir.path().join("manifests");
        std::fs::create_dir(&manifests).unwrap();
        for (id, name) in [(NOTEBOOK, "Notebook"), (BUILT_IN, "Claviger vault")] {
            let text = format!("[Provider]\nId={id}\nName={name}\nDBusName={id}\nVersions=1\n");
            std::fs::write(manifests.join(format!("{id}.provider")), text).unwrap();
        }
        Self {
            dir,
            own: FileId::of(&std::env::current_exe().unwrap()).unwrap(),
        }
    }

    fn open(&self) -> Registry {
        let folder = self.dir.path().join("state");
        Registry::open(&folder, &[self.dir.path().join("manifests")], self.own).unwrap()
    }

    /// A pin as another executable would have it; `content` stands for what the file holds.
    fn pin(content: u64) -> Pin {
        let file = FileId {
            device: 1,
            inode: content,
            size: 1,
            modified_ns: 1,
        };
        Pin {
            path: "/usr/bin/notebook".into(),
            file,
            changed_ns: Some(1),
            digest: content.to_string(),
        }
    }
}

fn id(text: &str) -> ProviderId {
    ProviderId::parse(text).unwrap()
}

#[test]
fn a_logo_that_may_not_be_drawn_is_a_problem_and_its_provider_has_none() {
    let fixture = Fixture::new();
    let manifests = fixture.dir.path().join("manifests");
    let manifest = manifests.join(format!("{NOTEBOOK}.provider"));
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, format!("{text}Icon=light.svg\nIconDark=dark.svg\n")).unwrap();
    let drawing = r#"<svg xmlns="http://www.w3.org/2000/svg"/>"#;
    std::fs::write(manifests.join("light.svg"), drawing).unwrap();
    std::fs::write(manifests.join("dark.svg"), "<svg><script/></svg>").unwrap();
    let registry = fixture.open();
    let logos = &registry.record(&id(NOTEBOOK)).unwrap().logos;
    assert_eq!(logos.light.as_ref().unwrap().bytes().unwrap(), drawing.as_bytes());
    assert_eq!(logos.dark, None);
    assert!(matches!(registry.problems(), [(path, ManifestError::Icon(_))] if *path == manifest));
}

#[test]
fn a_new_provider_is_registered_disabled_until_it_is_enabled_and_that_is_remembered() {
    let fixture = Fixture::new();
    let notebook = id(NOTEBOOK);
    let mut registry = fixture.open();
    assert_eq!(registry.record(&notebook).unwrap().state(), State::Unregistered);
    assert!(matches!(
        registry.enable(&notebook),
        Err(RegistryError::NotRegistered(_))
    ));
    let change = registry.register(&notebook, Fixture::pin(1), native(), 5).unwrap();
    assert_eq!(
        change,
        Transition {
            old: State::Unregistered,
            new: State::Registered,
            executable_changed: false
        }
    );
    assert_eq!(registry.enable(&notebook).unwrap().new, State::Enabled);
    let keys = registry.record(&notebook).unwrap().public_keys();
    let mut again = fixture.open();
    assert_eq!(again.record(&notebook).unwrap().state(), State::Enabled);
    assert_eq!(again.record(&notebook).unwrap().public_keys(), keys);
    let change = again.register(&notebook, Fixture::pin(1), native(), 6).unwrap();
    assert_eq!((change.old, change.new), (State::Enabled, State::Enabled));
}

#[test]
fn another_executable_sets_back_to_disabled() {
    let fixture = Fixture::new();
    let notebook = id(NOTEBOOK);
    let mut registry = fixture.open();
    registry.register(&notebook, Fixture::pin(1), native(), 5).unwrap();
    registry.enable(&notebook).unwrap();
    // The same content in a new file (reinstalled) is the same program.
    let mut moved = Fixture::pin(1);
    moved.file.inode = 99;
    assert!(
        !registry
            .register(&notebook, moved, native(), 5)
            .unwrap()
            .executable_changed
    );
    assert_eq!(registry.record(&notebook).unwrap().state(), State::Enabled);
    let change = registry.register(&notebook, Fixture::pin(2), native(), 5).unwrap();
    assert_eq!((change.new, change.executable_changed), (State::Registered, true));
}

#[test]
fn the_built_in_vault_is_enabled_only_as_the_own_executable() {
    let fixture = Fixture::new();
    let vault = id(BUILT_IN);
    let own = Pin {
        path: "/usr/bin/claviger".into(),
        file: fixture.own,
        changed_ns: None,
        digest: String::new(),
    };
    let mut registry = fixture.open();
    registry.register(&vault, Fixture::pin(1), native(), 5).unwrap();
    assert_eq!(registry.record(&vault).unwrap().state(), State::Registered);

    let fixture = Fixture::new();
    let own = Pin {
        file: fixture.own,
        ..own
    };
    let mut registry = fixture.open();
    registry.register(&vault, own.clone(), native(), 5).unwrap();
    assert_eq!(registry.record(&vault).unwrap().state(), State::Enabled);
    registry.disable(&vault).unwrap();
    registry.unregister(&vault).unwrap();
    registry.register(&vault, own, native(), 5).unwrap();
    assert_eq!(
        registry.record(&vault).unwrap().state(),
        State::Registered,
        "the user had disabled it"
    );
}

#[test]
fn keys_rotate_with_an_overlap() {
    let fixture = Fixture::new();
    let notebook = id(NOTEBOOK);
    let mut registry = fixture.open();
    let mut keys_at = |now| {
        registry.register(&notebook, Fixture::pin(1), native(), now).unwrap();
        registry.record(&notebook).unwrap().public_keys()
    };
    let first = keys_at(1000);
    assert_eq!(first.len(), 1);
    assert_eq!(keys_at(999), first, "a clock set back makes no new key");
    let second = keys_at(1000 + ROTATE_AFTER_MS);
    assert_eq!((second.len(), &second[1]), (2, &first[0]));
    let third = keys_at(1000 + 2 * ROTATE_AFTER_MS);
    assert_eq!((third.len(), &third[1]), (2, &second[0]));
    assert_eq!(fixture.open().record(&notebook).unwrap().public_keys(), third);
}

#[test]
fn keys_are_private_files_and_print_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let notebook = id(NOTEBOOK);
    let mut registry = fixture.open();
    registry.register(&notebook, Fixture::pin(1), native(), 5).unwrap();
    let path = fixture.dir.path().join("state").join(format!("{NOTEBOOK}.keys"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = registry
        .record(&notebook)
        .unwrap()
        .signing_key()
        .unwrap()
        .secret_bytes();
    assert!(!format!("{registry:?}").contains(&format!("{:?}", secret.as_slice())));
    registry.unregister(&notebook).unwrap();
    assert!(!path.exists());
    assert!(registry.record(&notebook).unwrap().signing_key().is_none());
}

#[test]
fn damaged_keys_are_neither_used_nor_replaced_and_may_be_put_back() {
    let fixture = Fixture::new();
    let notebook = id(NOTEBOOK);
    fixture
        .open()
        .register(&notebook, Fixture::pin(1), native(), 5)
        .unwrap();
    let keys = fixture.dir.path().join("state").join(format!("{NOTEBOOK}.keys"));
    let good = std::fs::read(&keys).unwrap();
    std::fs::write(&keys, &good[1..]).unwrap();
    let mut registry = fixture.open();
    assert!(registry.record(&notebook).unwrap().signing_key().is_none());
    let mut register = || registry.register(&notebook, Fixture::pin(1), native(), 5);
    assert!(matches!(register(), Err(RegistryError::Damaged(_))));
    assert_eq!(std::fs::read(&keys).unwrap(), good[1..]);
    std::fs::write(&keys, good).unwrap();
    register().unwrap();
    assert!(registry.record(&notebook).unwrap().signing_key().is_some());
}

#[test]
fn lost_decisions_disable_the_vault_for_good() {
    let fixture = Fixture::new();
    let vault = id(BUILT_IN);
    let own = || Pin {
        file: fixture.own,
        ..Fixture::pin(1)
    };
    fixture.open().register(&vault, own(), native(), 5).unwrap();
    assert_eq!(fixture.open().record(&vault).unwrap().state(), State::Enabled);
    std::fs::write(fixture.dir.path().join("state/providers.json"), "{").unwrap();
    let mut registry = fixture.open();
    registry.register(&vault, own(), native(), 5).unwrap();
    assert_eq!(registry.record(&vault).unwrap().state(), State::Registered);
    let reopened = fixture.open();
    assert_eq!(reopened.record(&vault).unwrap().state(), State::Registered);
    assert_eq!(reopened.troubles(), []);
}

#[test]
fn a_manifest_that_goes_and_comes_back_finds_its_state() {
    let fixture = Fixture::new();
    let notebook = id(NOTEBOOK);
    let mut registry = fixture.open();
    registry.register(&notebook, Fixture::pin(1), native(), 5).unwrap();
    registry.enable(&notebook).unwrap();
    let manifest = fixture
        .dir
        .path()
        .join("manifests")
        .join(format!("{NOTEBOOK}.provider"));
    let text = std::fs::read(&manifest).unwrap();
    std::fs::remove_file(&manifest).unwrap();
    registry.reload().unwrap();
    assert!(registry.record(&notebook).is_none());
    assert!(matches!(registry.enable(&notebook), Err(RegistryError::Unknown(_))));
    std::fs::write(&manifest, text).unwrap();
    registry.reload().unwrap();
    assert_eq!(registry.record(&notebook).unwrap().state(), State::Enabled);
}

#[test]
fn sequence_numbers_only_grow() {
    let fixture = Fixture::new();
    let mut registry = fixture.open();
    let record = registry.record_mut(&id(NOTEBOOK)).unwrap();
    assert_eq!(record.next_sequence(100), 100);
    assert_eq!(record.next_sequence(50), 101, "the clock was set back");
    record.raise_sequence(500);
    assert_eq!(record.next_sequence(200), 501);
    assert_eq!(record.next_sequence(1000), 1000);
}

#[test]
fn processes_are_recognised_without_reading_the_file() {
    let fixture = Fixture::new();
    let notebook = id(NOTEBOOK);
    let mut registry = fixture.open();
    let process = Process::read(std::process::id()).unwrap();
    assert_eq!(registry.recognises(&notebook, &process).unwrap(), Some(false));
    let pin = Pin::of(&process, native(), &Digests::default()).unwrap();
    assert_eq!(pin.digest.len(), 64);
    registry.register(&notebook, pin, native(), 5).unwrap();
    assert_eq!(registry.recognises(&notebook, &process).unwrap(), Some(true));
    let other = Process {
        file: Fixture::pin(7).file,
        ..process
    };
    assert_eq!(registry.recognises(&notebook, &other).unwrap(), None);
}

#[test]
fn a_name_that_could_be_taken_for_anothers_is_shown_with_id_and_program() {
    let fixture = Fixture::new();
    let evil = id("org.evil.Vault");
    let text = "[Provider]\nId=org.evil.Vault\nName=claviger  Vau1t\nDBusName=org.evil.Vault\nVersions=1\n";
    let manifest = fixture.dir.path().join("manifests/org.evil.Vault.provider");
    std::fs::write(&manifest, text).unwrap();
    let mut registry = fixture.open();
    let shown = |registry: &Registry, id: &ProviderId| registry.shown_name(id).to_string();
    assert_eq!(shown(&registry, &evil), "claviger Vau1t (org.evil.Vault)");
    assert_eq!(shown(&registry, &id(BUILT_IN)), format!("Claviger vault ({BUILT_IN})"));
    assert_eq!(shown(&registry, &id(NOTEBOOK)), "Notebook");
    registry.register(&evil, Fixture::pin(1), native(), 1).unwrap();
    assert_eq!(
        shown(&registry, &evil),
        "claviger Vau1t (org.evil.Vault, /usr/bin/notebook)"
    );

    std::fs::remove_file(manifest).unwrap();
    registry.reload().unwrap();
    assert_eq!(
        shown(&registry, &id(BUILT_IN)),
        "Claviger vault",
        "nobody is like it any more"
    );
    assert_eq!(shown(&registry, &evil), "org.evil.Vault");
}
