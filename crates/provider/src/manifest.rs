//! Manifests: how a provider makes itself known before it ever runs.
//!
//! A manifest is a key file `<id>.provider` in `claviger/providers/` under the XDG data directories, with one group
//! `[Provider]`. It is data from the provider's author: the platform shows its name and icon, starts its bus name, and uses
//! the RP ID lists to leave a provider out of ceremonies that it cannot serve. It grants nothing; enabling takes the user.

mod folder;
mod key_file;

use std::{io, path::PathBuf};

use zbus::names::WellKnownName;

pub use self::folder::{Loaded, load_dirs};
use claviger_joint::text::is_plain;
use claviger_joint::{IdError, PROTOCOL_VERSION, ProviderId};

use self::key_file::{Group, rp_id};
use crate::icon::IconError;

/// The ending of a manifest's file name, without the dot.
pub const EXTENSION: &str = "provider";

/// The most bytes that a manifest may have.
pub const MAX_BYTES: usize = 64 * 1024;

/// The folder of manifests under each XDG data directory.
pub const FOLDER: &str = "claviger/providers";

/// One provider's manifest, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// `Id`: reverse DNS; the file is named after it.
    pub id: ProviderId,
    /// `Name`: what the user reads, 1 to 64 characters, none that is [hidden](claviger_joint::text::is_hidden) or changes the
    /// direction of others.
    pub name: String,
    /// `DBusName`: the well-known name on the session bus that the provider owns and D-Bus activation starts.
    pub bus_name: String,
    /// `Icon`: an SVG or PNG file, for light surroundings. A relative path is relative to the manifest.
    pub icon: Option<PathBuf>,
    /// `IconDark`: the same for dark surroundings.
    pub icon_dark: Option<PathBuf>,
    /// `Versions`: the protocol versions that the provider speaks, at least one.
    pub versions: Vec<u32>,
    /// `SupportedRpIds`: the only RP IDs that the provider serves; empty means all.
    pub supported_rp_ids: Vec<String>,
    /// `BlockedRpIds`: RP IDs that the provider never serves.
    pub blocked_rp_ids: Vec<String>,
    /// `OwnRpId`: the provider's own RP ID. A passkey that unlocks the provider is never asked of the provider itself.
    pub own_rp_id: Option<String>,
    /// `Exec`: the program behind the bus name. Informational; the platform pins what it sees on the bus, not this line.
    pub exec: Option<String>,
}

impl Manifest {
    /// Reads the text of a manifest. Icon paths stay as written.
    ///
    /// # Errors
    /// The provider's author (or whoever edited the file) is at fault.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge);
        }
        let mut group = Group::parse(text)?;
        let id = ProviderId::parse(&group.required("Id")?).map_err(ManifestError::Id)?;
        let name = group.required("Name")?;
        if name.trim().is_empty() || name.chars().count() > 64 || !is_plain(&name) {
            return Err(ManifestError::Value("Name"));
        }
        let bus_name = group.required("DBusName")?;
        WellKnownName::try_from(bus_name.as_str()).map_err(|_| ManifestError::Value("DBusName"))?;
        let versions = group
            .list("Versions")?
            .iter()
            .map(|version| version.parse().map_err(|_| ManifestError::Value("Versions")))
            .collect::<Result<Vec<u32>, _>>()?;
        if versions.is_empty() {
            return Err(ManifestError::Missing("Versions"));
        }
        Ok(Self {
            id,
            name,
            bus_name,
            icon: group.optional("Icon")?.map(PathBuf::from),
            icon_dark: group.optional("IconDark")?.map(PathBuf::from),
            versions,
            supported_rp_ids: group.rp_ids("SupportedRpIds")?,
            blocked_rp_ids: group.rp_ids("BlockedRpIds")?,
            own_rp_id: group.optional("OwnRpId")?.map(|id| rp_id(id, "OwnRpId")).transpose()?,
            exec: group.optional("Exec")?,
        })
    }

    /// Whether a request for this RP ID may go to the provider. A provider is never asked about its own RP ID, or unlocking
    /// it with a passkey could ask itself.
    pub fn serves(&self, rp_id: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|entry| entry == rp_id);
        (self.supported_rp_ids.is_empty() || listed(&self.supported_rp_ids))
            && !listed(&self.blocked_rp_ids)
            && self.own_rp_id.as_deref() != Some(rp_id)
    }

    /// Whether the provider and this crate have a protocol version in common.
    pub fn speaks_our_version(&self) -> bool {
        self.versions.contains(&PROTOCOL_VERSION)
    }
}

/// Why a manifest is not usable. But for [`ManifestError::Io`] the provider's author is at fault.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read (the machine or its permissions are at fault).
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// More than [`MAX_BYTES`].
    #[error("the manifest has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// The file is not called `<id>.provider`.
    #[error("the file must be named after the provider's id, with the ending .provider")]
    FileName,
    /// A line that is neither group, key, comment nor empty.
    #[error("line {0} is not a key, a group or a comment")]
    Line(usize),
    /// A key that stands twice.
    #[error("the key {0} stands twice")]
    Duplicate(String),
    /// A required key is missing.
    #[error("the key {0} is missing")]
    Missing(&'static str),
    /// A key's value cannot be used.
    #[error("the value of {0} cannot be used")]
    Value(&'static str),
    /// The id is not one.
    #[error("Id: {0}")]
    Id(IdError),
    /// The icon is refused.
    #[error("{0}")]
    Icon(#[from] IconError),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    pub(super) const TEXT: &str = "\
# A provider for tests
[Other]
Id=ignored

[Provider]
Id=org.example.Notebook
Name = Note\\sbook
DBusName=org.example.Notebook
Icon=notebook.svg
Versions=1;2;
SupportedRpIds=example.org;localhost;
BlockedRpIds=bank.example
OwnRpId=vault.example.org
Exec=/usr/bin/notebook
X-Future=whatever
";

    #[test]
    fn every_key_is_read() {
        let manifest = Manifest::parse(TEXT).unwrap();
        assert_eq!(manifest.id.as_str(), "org.example.Notebook");
        assert_eq!(manifest.name, "Note book");
        assert_eq!(manifest.bus_name, "org.example.Notebook");
        assert_eq!(manifest.icon.as_deref(), Some(Path::new("notebook.svg")));
        assert_eq!(manifest.icon_dark, None);
        assert_eq!(manifest.versions, [1, 2]);
        assert_eq!(manifest.supported_rp_ids, ["example.org", "localhost"]);
        assert_eq!(manifest.blocked_rp_ids, ["bank.example"]);
        assert_eq!(manifest.own_rp_id.as_deref(), Some("vault.example.org"));
        assert_eq!(manifest.exec.as_deref(), Some("/usr/bin/notebook"));
        assert!(manifest.speaks_our_version());
    }

    #[test]
    fn rp_id_lists_decide_who_is_served() {
        let mut manifest = Manifest::parse(TEXT).unwrap();
        assert!(manifest.serves("localhost"));
        assert!(!manifest.serves("other.example"));
        manifest.supported_rp_ids.clear();
        assert!(manifest.serves("other.example"));
        assert!(!manifest.serves("bank.example"));
        assert!(
            !manifest.serves("vault.example.org"),
            "a provider is not asked to unlock itself"
        );
    }

    #[test]
    fn faults_are_named() {
        let fault = |from: &str, to: &str| Manifest::parse(&TEXT.replace(from, to)).unwrap_err();
        assert!(matches!(
            fault("Id=org.example.Notebook", "Id=Notebook"),
            ManifestError::Id(_)
        ));
        assert!(matches!(
            fault("Name = Note\\sbook", ""),
            ManifestError::Missing("Name")
        ));
        assert!(matches!(
            fault("Note\\sbook", "Note\\nbook"),
            ManifestError::Value("Name")
        ));
        assert!(matches!(fault("Note\\sbook", "Note\\x"), ManifestError::Value("Name")));
        for hidden in [
            "\u{202e}koobetoN",
            "Note\u{200b}book",
            "Note\u{9b}31mbook",
            "Note\u{feff}book",
            "Note\u{3164}book",
        ] {
            assert!(
                matches!(fault("Note\\sbook", hidden), ManifestError::Value("Name")),
                "{hidden:?}"
            );
        }
        assert!(matches!(
            fault("DBusName=org.example.Notebook", "DBusName=:1.2"),
            ManifestError::Value("DBusName")
        ));
        assert!(matches!(
            fault("Versions=1;2;", "Versions="),
            ManifestError::Missing("Versions")
        ));
        assert!(matches!(
            fault("Versions=1;2;", "Versions=one"),
            ManifestError::Value("Versions")
        ));
        assert!(matches!(
            fault("bank.example", "Bank.example"),
            ManifestError::Value("BlockedRpIds")
        ));
        assert!(matches!(
            fault("X-Future=whatever", "Name=Twice"),
            ManifestError::Duplicate(_)
        ));
        assert!(matches!(
            fault("X-Future=whatever", "nonsense"),
            ManifestError::Line(15)
        ));
        assert!(matches!(
            Manifest::parse(&"#".repeat(MAX_BYTES + 1)),
            Err(ManifestError::TooLarge)
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_text_is_judged_without_panic(text in "(\\[Provider\\]\n)?([A-Za-z]{0,9}=?.{0,20}\n){0,12}") {
            let _ = Manifest::parse(&text);
        }
    }
}
