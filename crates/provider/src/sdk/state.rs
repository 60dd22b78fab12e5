//! What a provider keeps on disk for the protocol's sake: pinned keys, and the last numbers that it saw.
//!
//! Both live in one folder of the provider's own. Whoever can write there can replace the provider as well, so the files are
//! private (mode 0600) but not sealed.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use claviger_ctap::crypto::{Crypto, PublicKey};
use claviger_files::Durability;
use claviger_joint::{KeyId, ProviderId, messages::Registration};
use serde::{Deserialize, Serialize};

use super::window::Window;

/// The most bytes of `keys.json`.
const MAX_KEYS_FILE: u64 = 64 * 1024;

/// More than `sequence` has.
const MAX_NUMBERS_FILE: u64 = 64;

/// The keys that this provider trusts: those of the first registration, and what they endorsed since.
#[derive(Debug)]
pub(super) struct Pins {
    path: PathBuf,
    requests: Vec<(KeyId, PublicKey)>,
    uv: Option<(KeyId, PublicKey)>,
}

impl Pins {
    /// Reads `keys.json`; a missing file means that nothing was pinned yet.
    pub(super) fn open(folder: &Path, crypto: &dyn Crypto) -> Result<Self, StateError> {
        let path = folder.join("keys.json");
        let mut pins = Self {
            path,
            requests: Vec::new(),
            uv: None,
        };
        let Some(text) = claviger_files::read(&pins.path, MAX_KEYS_FILE)? else {
            return Ok(pins);
        };
        let stored: StoredPins = serde_json::from_slice(&text).map_err(|_| StateError::Keys)?;
        let key = |text: &String| {
            let bytes = BASE64.decode(text).map_err(|_| StateError::Keys)?;
            let key = PublicKey::from_cose_bytes(&bytes).map_err(|_| StateError::Keys)?;
            Ok::<_, StateError>((KeyId::of(crypto, &key), key))
        };
        pins.requests = stored.request_keys.iter().map(key).collect::<Result<_, _>>()?;
        pins.uv = stored.uv_key.as_ref().map(key).transpose()?;
        Ok(pins)
    }

    /// The pinned request key with this id.
    pub(super) fn request_key(&self, kid: &[u8]) -> Option<&PublicKey> {
        self.requests.iter().find(|(id, _)| id.0 == kid).map(|(_, key)| key)
    }

    /// Hello's pinned key, with its id.
    pub(super) fn uv_key(&self) -> Option<(KeyId, &PublicKey)> {
        self.uv.as_ref().map(|(kid, key)| (*kid, key))
    }

    /// Takes the keys of a registration: the first one as it is, later ones when a pinned key endorsed the change.
    ///
    /// Hello's key is taken once and never replaced, endorsed or not: request keys lie in a file that every program of the user
    /// can read, and who has copied one could otherwise vouch for a key of their own and sign evidence without any PIN.
    pub(super) fn learn(
        &mut self,
        crypto: &dyn Crypto,
        provider: &ProviderId,
        registration: &Registration,
    ) -> Result<(), StateError> {
        let named = |key: &PublicKey| (KeyId::of(crypto, key), key.clone());
        let requests: Vec<_> = registration.request_keys().iter().map(named).collect();
        let uv = registration.uv_key().map(named);
        if requests == self.requests && uv == self.uv {
            return Ok(());
        }
        let pinned: Vec<PublicKey> = self.requests.iter().map(|(_, key)| key.clone()).collect();
        if !pinned.is_empty() && !registration.is_endorsed_by(crypto, provider, &pinned) {
            return Err(StateError::NotEndorsed);
        }
        if self.uv.is_some() && uv != self.uv {
            return Err(StateError::OtherUvKey);
        }
        let encode = |(_, key): &(KeyId, PublicKey)| BASE64.encode(key.cose_bytes());
        let stored = StoredPins {
            version: 1,
            request_keys: requests.iter().map(encode).collect(),
            uv_key: uv.as_ref().map(encode),
        };
        let text = serde_json::to_vec_pretty(&stored).map_err(|_| StateError::Keys)?;
        claviger_files::replace_private(&self.path, &text, Durability::PowerCut)?;
        (self.requests, self.uv) = (requests, uv);
        Ok(())
    }
}

/// How far ahead of what was accepted the file says that numbers are used, in microseconds of the clock that numbers are taken from.
const RESERVE_US: u64 = 10_000_000;

/// Which sequence numbers were accepted, and the last evidence count: 16 bytes on the disk, two big-endian numbers, overwritten in place.
///
/// The first says up to where sequence numbers *may* have been used: it lies ahead of what was accepted, and is flushed to the disk before
/// a number beyond it is accepted, so about once in ten seconds of use and not at every request. Whatever starts again, after a power
/// cut too, takes all up to it as used: no number is accepted twice, and the platform learns from `Describe` where to go on.
///
/// The second is exact and not flushed: it survives the death of this process, which is what an attacker can bring about at will.
/// After a power cut it may be old by seconds; evidence from before the cut is then still bound by its age, its transaction and the
/// request that brings it.
#[derive(Debug)]
pub(super) struct NumbersFile {
    file: File,
    window: Window,
    /// What the file says of sequence numbers.
    reserved: u64,
    evidence: u64,
}

impl NumbersFile {
    /// Opens or makes `sequence`.
    pub(super) fn open(folder: &Path) -> Result<Self, StateError> {
        let path = folder.join("sequence");
        let mut bytes = vec![0; 16];
        if let Some(kept) = claviger_files::read(&path, MAX_NUMBERS_FILE)? {
            bytes = kept;
        } else {
            claviger_files::replace_private(&path, &bytes, Durability::PowerCut)?;
        }
        // Guessing a number for a file that is cut short, or emptied, would be to forget what was seen.
        let (reserved, evidence) = bytes.split_first_chunk::<8>().ok_or(StateError::Sequence)?;
        let reserved = u64::from_be_bytes(*reserved);
        Ok(Self {
            file: claviger_files::open(&path, OpenOptions::new().write(true))?,
            window: Window::above(reserved),
            reserved,
            evidence: u64::from_be_bytes(evidence.try_into().map_err(|_| StateError::Sequence)?),
        })
    }

    /// Whether a sequence number is new.
    pub(super) fn admits(&self, sequence: u64) -> bool {
        self.window.admits(sequence)
    }

    /// The highest sequence number that is used.
    pub(super) fn highest(&self) -> u64 {
        self.window.highest()
    }

    /// The last evidence count that was accepted.
    pub(super) fn evidence(&self) -> u64 {
        self.evidence
    }

    /// Uses a sequence number and an evidence count. They count, and may be acted upon, only when this succeeded.
    pub(super) fn accept(&mut self, sequence: u64, evidence: u64) -> io::Result<()> {
        if sequence > self.reserved {
            let reserved = sequence.saturating_add(RESERVE_US);
            self.write(reserved, evidence)?;
            self.file.sync_data()?;
            self.reserved = reserved;
        } else {
            self.accept_evidence(evidence)?;
        }
        self.evidence = evidence;
        self.window.accept(sequence);
        Ok(())
    }

    /// Uses an evidence count.
    pub(super) fn accept_evidence(&mut self, evidence: u64) -> io::Result<()> {
        if evidence != self.evidence {
            self.write(self.reserved, evidence)?;
            self.evidence = evidence;
        }
        Ok(())
    }

    fn write(&self, reserved: u64, evidence: u64) -> io::Result<()> {
        let mut bytes = [0; 16];
        let (first, second) = bytes.split_at_mut(8);
        first.copy_from_slice(&reserved.to_be_bytes());
        second.copy_from_slice(&evidence.to_be_bytes());
        self.file.write_all_at(&bytes, 0)
    }
}

/// Why the protocol's state cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder cannot be used (the machine or its permissions are at fault).
    #[error("the state folder: {0}")]
    Io(#[from] io::Error),
    /// `keys.json` is damaged (whoever edited it is at fault). Removing it makes the provider trust the next registration.
    #[error("keys.json is damaged; remove it to trust the platform's keys anew")]
    Keys,
    /// `sequence` is damaged. Removing it is safe when no request of the last ten minutes can be replayed.
    #[error("the file `sequence` is damaged; remove it ten minutes after the last request")]
    Sequence,
    /// The platform shows keys that no pinned key vouches for (the platform, or someone in its place, is at fault).
    #[error("the platform has other keys than before, and none of the old ones vouches for them")]
    NotEndorsed,
    /// The platform shows another UV key than before (hello started over, or someone is in the platform's place).
    #[error("the platform verifies the user by another key than before; remove keys.json if you started over")]
    OtherUvKey,
}

#[derive(Serialize, Deserialize)]
struct StoredPins {
    version: u32,
    request_keys: Vec<String>,
    uv_key: Option<String>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::collections::BTreeSet;

    use claviger_ctap::crypto::{Algorithm, PrivateKey, native};
    use claviger_joint::messages::ProviderState;
    use proptest::prelude::*;

    use super::{super::window::WIDTH, *};

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_secret(Algorithm::EdDsa, &[seed; 32]).unwrap()
    }

    fn provider() -> ProviderId {
        ProviderId::parse("org.example.Notebook").unwrap()
    }

    fn registration(keys: &[u8], uv: Option<u8>, signer: u8) -> Registration {
        let public = |seed: u8| key(seed).public_key().clone();
        let keys = keys.iter().copied().map(public).collect();
        Registration::new(
            native(),
            &provider(),
            ProviderState::Enabled,
            keys,
            uv.map(public),
            &key(signer),
        )
        .unwrap()
    }

    #[test]
    fn keys_are_pinned_and_change_only_when_endorsed() {
        let folder = tempfile::tempdir().unwrap();
        let mut pins = Pins::open(folder.path(), native()).unwrap();
        let kid = |seed: u8| KeyId::of(native(), key(seed).public_key());
        let mut learn = |registration| {
            let result = pins.learn(native(), &provider(), &registration);
            // Every step survives a restart.
            pins = Pins::open(folder.path(), native()).unwrap();
            let known: Vec<u8> = (1..9)
                .filter(|seed| pins.request_key(&kid(*seed).0).is_some())
                .collect();
            (result.is_ok(), known, pins.uv_key().map(|(kid, _)| kid))
        };
        assert_eq!(
            learn(registration(&[1], None, 1)),
            (true, vec![1], None),
            "the first is trusted"
        );
        assert_eq!(learn(registration(&[2], None, 2)), (false, vec![1], None), "a stranger");
        assert_eq!(
            learn(registration(&[2, 1], None, 2)),
            (false, vec![1], None),
            "an overlap alone proves nothing"
        );
        assert_eq!(
            learn(registration(&[1], Some(8), 2)),
            (false, vec![1], None),
            "nor for hello's key"
        );
        assert_eq!(
            learn(registration(&[1], Some(7), 1)),
            (true, vec![1], Some(kid(7))),
            "hello's key arrives"
        );
        assert_eq!(
            learn(registration(&[1], Some(8), 1)),
            (false, vec![1], Some(kid(7))),
            "a request key vouches for no other key of hello"
        );
        assert_eq!(
            learn(registration(&[1], None, 1)),
            (false, vec![1], Some(kid(7))),
            "nor can it take hello's key away, to bring another one later"
        );
        assert_eq!(
            learn(registration(&[2, 1], Some(7), 1)),
            (true, vec![1, 2], Some(kid(7))),
            "rotation begins"
        );
        assert_eq!(
            learn(registration(&[2], Some(7), 2)),
            (true, vec![2], Some(kid(7))),
            "rotation ends"
        );
        assert_eq!(
            learn(registration(&[1], Some(7), 1)),
            (false, vec![2], Some(kid(7))),
            "a retired key is a stranger"
        );
    }

    #[test]
    fn numbers_survive_and_damage_is_not_guessed_over() {
        let folder = tempfile::tempdir().unwrap();
        let open = || NumbersFile::open(folder.path());
        open().unwrap().accept(5, 3).unwrap();
        let again = open().unwrap();
        assert_eq!((again.evidence(), again.admits(5)), (3, false));
        assert!(again.highest() >= 5 && again.admits(again.highest() + 1));
        open().unwrap().accept(u64::MAX, 4).unwrap();
        assert_eq!(open().unwrap().highest(), u64::MAX);
        for damaged in [&b""[..], b"short", &[0; 17]] {
            std::fs::write(folder.path().join("sequence"), damaged).unwrap();
            assert!(matches!(open(), Err(StateError::Sequence)));
        }
        std::fs::write(folder.path().join("keys.json"), "{}").unwrap();
        assert!(matches!(Pins::open(folder.path(), native()), Err(StateError::Keys)));
    }

    #[test]
    fn the_folder_may_be_behind_a_link_and_the_files_are_none() {
        use std::os::unix::fs::symlink;

        let parent = tempfile::tempdir().unwrap();
        let (folder, link) = (parent.path().join("folder"), parent.path().join("link"));
        claviger_files::make_folder(&folder).unwrap();
        symlink(&folder, &link).unwrap();
        NumbersFile::open(&link).unwrap().accept(7, 3).unwrap();
        Pins::open(&link, native())
            .unwrap()
            .learn(native(), &provider(), &registration(&[1], None, 1))
            .unwrap();
        assert_eq!(NumbersFile::open(&folder).unwrap().evidence(), 3);
        for name in ["sequence", "keys.json"] {
            std::fs::rename(folder.join(name), parent.path().join(name)).unwrap();
            symlink(parent.path().join(name), folder.join(name)).unwrap();
        }
        assert!(matches!(NumbersFile::open(&folder), Err(StateError::Io(_))));
        assert!(matches!(Pins::open(&folder, native()), Err(StateError::Io(_))));
    }

    #[test]
    fn a_clock_that_counts_needs_the_disk_once_in_ten_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let on_disk = || std::fs::read(folder.path().join("sequence")).unwrap();
        let mut numbers = NumbersFile::open(folder.path()).unwrap();
        let mut written = BTreeSet::new();
        for number in 0..1000 {
            numbers.accept(1_800_000_000_000_000 + number * 20_000, 0).unwrap();
            written.insert(on_disk());
        }
        assert_eq!(written.len(), 2, "twenty seconds of fifty requests each");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn no_number_passes_twice_in_any_order_and_after_any_crash(
            steps in proptest::collection::vec((0..400_u64, 0..60_u8), 1..200),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut numbers = NumbersFile::open(folder.path()).unwrap();
            let (mut accepted, mut since_start) = (BTreeSet::new(), BTreeSet::new());
            for (number, crash) in steps {
                // Two seconds apart: a crash makes five of them unusable.
                let number = number * 2_000_000;
                if crash == 0 {
                    numbers = NumbersFile::open(folder.path()).unwrap();
                    since_start.clear();
                }
                let is_new = numbers.admits(number);
                prop_assert!(!(is_new && accepted.contains(&number)), "{number} twice");
                prop_assert!(is_new || number <= numbers.highest(), "what lies above all is new");
                if is_new {
                    numbers.accept(number, 0).unwrap();
                    accepted.insert(number);
                    since_start.insert(number);
                    // The window is no narrower than it is said to be.
                    let remembered = since_start.iter().rev().nth(WIDTH - 1).copied();
                    prop_assert!(since_start.len() < WIDTH || remembered.is_some_and(|low| numbers.admits(low + 1)));
                }
            }
        }
    }
}
