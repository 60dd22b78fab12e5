//! What is broken: which file, what is wrong with it, what helps, and what works meanwhile.
//!
//! Each role says it of its own files, the broker gathers it for `status`, `doctor`, prompts and the audit log. The words stand in
//! the catalogues, by the [kind of file](StateFile) and its [damage](Damage).

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::message::Message;
use crate::sanitise;

/// A file that cannot be used as it is. In `Manage1`'s answers it is an object of these members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What the file is for.
    pub what: StateFile,
    /// What is wrong with it.
    pub damage: Damage,
    /// Where it is.
    pub file: PathBuf,
    /// The provider whose it is, where it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Where what was there has been moved to, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<PathBuf>,
}

/// What a file of the platform is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateFile {
    /// The user's rules for sites, and the default provider.
    Rules,
    /// What the user decided about providers.
    Providers,
    /// The keys that sign the requests to a provider.
    RequestKey,
    /// A provider's list of passkeys, as the platform knows it.
    Cache,
    /// The key to these lists.
    CacheKey,
    /// The audit log.
    AuditLog,
    /// A list of programs that may name a web origin.
    PrivilegedCallers,
    /// Which doors are switched off.
    Doors,
    /// A provider's manifest.
    Manifest,
    /// The passkeys that no site has confirmed.
    Unconfirmed,
    /// The PIN, with what it opens: hello's file.
    Hello,
    /// The built-in vault.
    Vault,
    /// The vault's record of how far this device has seen.
    Heads,
    /// The platform's keys, as the vault has pinned them.
    PinnedKeys,
    /// The numbers of the last requests, as the vault has seen them.
    Sequence,
    /// A folder that state is kept in.
    Folder,
    /// No file, but the clock, as a file with times in it shows it.
    Clock,
    /// A file of a later version's, by whoever reads this.
    #[serde(other)]
    Other,
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// It is not there, although it has been.
    Missing,
    /// It cannot be read or written.
    Unusable,
    /// It is a link, a folder, a pipe, a socket or a device.
    NotAFile,
    /// The disk has no room for it, or the user no part of the disk.
    NoSpace,
    /// It is longer than it can be.
    TooLarge,
    /// It is empty, cut off, or something else.
    Malformed,
    /// A later version of the platform wrote it.
    LaterVersion,
    /// Others than the user may read or change it.
    OpenToOthers,
    /// It says an earlier time than was written before.
    Behind,
    /// A damage of a later version's, by whoever reads this.
    #[serde(other)]
    Other,
}

/// What the platform itself can do about a trouble when a person presses a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// To have rules and providers decided anew, where they are decided.
    DecideAnew,
    /// To have a provider unlocked, or with an empty id all, so that it sends its list again.
    Unlock(String),
}

impl Trouble {
    /// What is wrong, in words to come.
    pub fn found(&self) -> Message {
        Message::TroubleFound {
            what: self.what,
            damage: self.damage,
            file: shown(&self.file),
        }
    }

    /// What helps.
    pub fn remedy(&self) -> Message {
        Message::TroubleRemedy {
            what: self.what,
            damage: self.damage,
            file: shown(&self.file),
            set_aside: self.set_aside.as_deref().map(shown),
        }
    }

    /// What works meanwhile.
    pub fn still_works(&self) -> Message {
        Message::TroubleStillWorks {
            what: self.what,
            damage: self.damage,
        }
    }

    /// What a button can do about it; `None` where the remedy is for a person's own hands: a backup, a file's mode, a disk, a clock.
    pub fn offer(&self) -> Option<Offer> {
        // These come first, and are nobody else's to mend.
        if matches!(self.damage, Damage::OpenToOthers | Damage::NoSpace) {
            return None;
        }
        match self.what {
            StateFile::Rules | StateFile::Providers => Some(Offer::DecideAnew),
            StateFile::Cache => Some(Offer::Unlock(self.provider.clone().unwrap_or_default())),
            StateFile::CacheKey => Some(Offer::Unlock(String::new())),
            _ => None,
        }
    }

    /// All there is to say of it, a sentence after the other, as a screen shows it.
    pub fn said(&self) -> [Message; 3] {
        [self.found(), self.remedy(), self.still_works()]
    }
}

/// For logs: the codes and the file.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}): {}",
            self.what.code(),
            shown(&self.file),
            self.damage.code()
        )?;
        match &self.set_aside {
            Some(aside) => write!(f, ", set aside as {}", shown(aside)),
            None => Ok(()),
        }
    }
}

impl StateFile {
    /// The name in the JSON form.
    pub fn code(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Providers => "providers",
            Self::RequestKey => "request-key",
            Self::Cache => "cache",
            Self::CacheKey => "cache-key",
            Self::AuditLog => "audit-log",
            Self::PrivilegedCallers => "privileged-callers",
            Self::Doors => "doors",
            Self::Manifest => "manifest",
            Self::Unconfirmed => "unconfirmed",
            Self::Hello => "hello",
            Self::Vault => "vault",
            Self::Heads => "heads",
            Self::PinnedKeys => "pinned-keys",
            Self::Sequence => "sequence",
            Self::Folder => "folder",
            Self::Clock => "clock",
            Self::Other => "other",
        }
    }
}

impl Damage {
    /// The name in the JSON form.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unusable => "unusable",
            Self::NotAFile => "not-a-file",
            Self::NoSpace => "no-space",
            Self::TooLarge => "too-large",
            Self::Malformed => "malformed",
            Self::LaterVersion => "later-version",
            Self::OpenToOthers => "open-to-others",
            Self::Behind => "behind",
            Self::Other => "other",
        }
    }
}

fn shown(path: &Path) -> String {
    sanitise::line(&path.to_string_lossy(), sanitise::MAX_PATH_CHARS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::messages::Messages;

    const FILES: [StateFile; 18] = [
        StateFile::Clock,
        StateFile::Hello,
        StateFile::Vault,
        StateFile::Heads,
        StateFile::PinnedKeys,
        StateFile::Sequence,
        StateFile::Rules,
        StateFile::Providers,
        StateFile::RequestKey,
        StateFile::Cache,
        StateFile::CacheKey,
        StateFile::AuditLog,
        StateFile::PrivilegedCallers,
        StateFile::Doors,
        StateFile::Manifest,
        StateFile::Unconfirmed,
        StateFile::Folder,
        StateFile::Other,
    ];

    const DAMAGES: [Damage; 10] = [
        Damage::Behind,
        Damage::NoSpace,
        Damage::Missing,
        Damage::Unusable,
        Damage::NotAFile,
        Damage::TooLarge,
        Damage::Malformed,
        Damage::LaterVersion,
        Damage::OpenToOthers,
        Damage::Other,
    ];

    fn trouble(what: StateFile, damage: Damage) -> Trouble {
        Trouble {
            what,
            damage,
            file: "/state/file".into(),
            provider: None,
            set_aside: Some("/state/file.damaged-20261126T173300Z".into()),
        }
    }

    #[test]
    fn every_kind_of_file_and_damage_has_words_of_its_own() {
        let english = Messages::english();
        let (mut found, mut works) = (BTreeSet::new(), BTreeSet::new());
        for what in FILES {
            for damage in DAMAGES {
                let trouble = trouble(what, damage);
                let text = english.text(&trouble.found());
                assert!(text.contains("/state/file"), "{text}");
                found.insert(text);
                let remedy = english.text(&trouble.remedy());
                assert!(remedy.contains("/state/file"), "{what:?}, {damage:?}: {remedy}");
            }
            works.insert(english.text(&trouble(what, Damage::Missing).still_works()));
        }
        assert_eq!((found.len(), works.len()), (FILES.len() * DAMAGES.len(), FILES.len()));
    }

    #[test]
    fn codes_are_those_of_the_json_form_and_later_ones_are_read() {
        for what in FILES {
            assert_eq!(serde_json::to_value(what).unwrap(), json!(what.code()));
        }
        for damage in DAMAGES {
            assert_eq!(serde_json::to_value(damage).unwrap(), json!(damage.code()));
        }
        let later = json!({"what": "weather", "damage": "rainy", "file": "/state/file", "umbrella": true});
        let read: Trouble = serde_json::from_value(later).unwrap();
        assert_eq!((read.what, read.damage), (StateFile::Other, Damage::Other));
    }
}
