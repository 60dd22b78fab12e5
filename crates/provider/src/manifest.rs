//! Manifests: how a provider makes itself known before it ever runs.
//!
//! A manifest is a key file `<id>.provider` in `claviger/providers/` under the XDG data directories, with one group
//! `[Provider]`. It is data from the provider's author: the platform shows its name and icon, starts its bus name, and uses
//! the RP ID lists to leave a provider out of ceremonies that it cannot serve. It grants nothing; enabling takes the user.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use claviger_ctap::types::RpId;
use zbus::names::WellKnownName;

use crate::svg::{self, SvgError};
use claviger_joint::{IdError, PROTOCOL_VERSION, ProviderId};

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
    /// `Name`: what the user reads, 1 to 64 characters, no control characters.
    pub name: String,
    /// `DBusName`: the well-known name on the session bus that the provider owns and D-Bus activation starts.
    pub bus_name: String,
    /// `Icon`: an SVG file, for light surroundings. A relative path is relative to the manifest.
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
        if name.trim().is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
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

    /// Reads a manifest file: its name must be `<id>.provider`, and relative icon paths become relative to its folder.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let mut manifest = Self::parse(&read_limited(path, MAX_BYTES)?.ok_or(ManifestError::TooLarge)?)?;
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if stem != Some(manifest.id.as_str()) || path.extension().is_none_or(|extension| extension != EXTENSION) {
            return Err(ManifestError::FileName);
        }
        if let Some(folder) = path.parent() {
            for icon in [&mut manifest.icon, &mut manifest.icon_dark].into_iter().flatten() {
                *icon = folder.join(&*icon);
            }
        }
        Ok(manifest)
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

    /// Reads and checks an icon (the dark one falls back to the light one); `None` when the manifest names none.
    ///
    /// # Errors
    /// [`ManifestError::Icon`] when the picture is not a still, self-contained SVG (see [`svg::check`]); the caller shows a
    /// generic picture then, an unfit icon does not make the provider unfit.
    pub fn load_icon(&self, dark: bool) -> Result<Option<String>, ManifestError> {
        let dark_icon = if dark { self.icon_dark.as_ref() } else { None };
        let Some(path) = dark_icon.or(self.icon.as_ref()) else {
            return Ok(None);
        };
        let text = read_limited(path, svg::MAX_BYTES)?.ok_or(SvgError::TooLarge)?;
        svg::check(&text)?;
        Ok(Some(text))
    }
}

/// What [`load_dirs`] found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// One manifest per id, in the order of their ids, with the file each came from.
    pub manifests: Vec<(PathBuf, Manifest)>,
    /// Files that are not usable, to be shown by `claviger doctor`.
    pub problems: Vec<(PathBuf, ManifestError)>,
}

/// Loads all `*.provider` files of these folders. The first folder that has an id wins, so the administrator's folders come
/// before the user's: a user's file cannot take the place of an installed provider. Folders that do not exist are skipped.
pub fn load_dirs(folders: &[PathBuf]) -> Loaded {
    let mut found: BTreeMap<ProviderId, (PathBuf, Manifest)> = BTreeMap::new();
    let mut loaded = Loaded::default();
    for folder in folders {
        let mut files: Vec<PathBuf> = match std::fs::read_dir(folder) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                loaded.problems.push((folder.clone(), error.into()));
                continue;
            }
        };
        files.retain(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
        files.sort();
        for path in files {
            match Manifest::load(&path) {
                Ok(manifest) => {
                    found.entry(manifest.id.clone()).or_insert((path, manifest));
                }
                Err(error) => loaded.problems.push((path, error)),
            }
        }
    }
    loaded.manifests = found.into_values().collect();
    loaded
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
    Icon(#[from] SvgError),
}

/// The keys of the `[Provider]` group. Keys that this version does not know, and other groups, are ignored.
struct Group(BTreeMap<String, String>);

impl Group {
    fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut keys = BTreeMap::new();
        let mut ours = false;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                ours = name == "Provider";
                continue;
            }
            let (key, value) = line.split_once('=').ok_or(ManifestError::Line(index + 1))?;
            if ours
                && keys
                    .insert(key.trim_end().to_owned(), value.trim_start().to_owned())
                    .is_some()
            {
                return Err(ManifestError::Duplicate(key.trim_end().chars().take(40).collect()));
            }
        }
        Ok(Self(keys))
    }

    fn required(&mut self, key: &'static str) -> Result<String, ManifestError> {
        self.optional(key)?.ok_or(ManifestError::Missing(key))
    }

    fn optional(&mut self, key: &'static str) -> Result<Option<String>, ManifestError> {
        let value = self
            .0
            .remove(key)
            .map(|raw| unescape(&raw).ok_or(ManifestError::Value(key)))
            .transpose()?;
        Ok(value.filter(|value| !value.is_empty()))
    }

    fn list(&mut self, key: &'static str) -> Result<Vec<String>, ManifestError> {
        let whole = self.optional(key)?.unwrap_or_default();
        Ok(whole
            .split(';')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(str::to_owned)
            .collect())
    }

    fn rp_ids(&mut self, key: &'static str) -> Result<Vec<String>, ManifestError> {
        self.list(key)?.into_iter().map(|entry| rp_id(entry, key)).collect()
    }
}

/// RP IDs in manifests are lower-case host names in their ASCII (punycode) form, so that comparing bytes is comparing names.
fn rp_id(text: String, key: &'static str) -> Result<String, ManifestError> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
    };
    if text.len() <= RpId::MAX_BYTES && text.split('.').all(label) {
        Ok(text)
    } else {
        Err(ManifestError::Value(key))
    }
}

/// The escapes of the desktop entry specification: `\s` space, `\n`, `\t`, `\r`, `\\`.
fn unescape(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                's' => ' ',
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

/// The text of a file, or `None` when it is larger than `limit` bytes.
fn read_limited(path: &Path, limit: usize) -> io::Result<Option<String>> {
    let mut text = String::new();
    let read = File::open(path)?.take(limit as u64 + 1).read_to_string(&mut text)?;
    Ok((read <= limit).then_some(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\
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

    #[test]
    fn the_first_folder_with_an_id_wins_and_problems_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let (system, user) = (root.path().join("system"), root.path().join("user"));
        std::fs::create_dir_all(&system).unwrap();
        std::fs::create_dir_all(&user).unwrap();
        std::fs::write(system.join("org.example.Notebook.provider"), TEXT).unwrap();
        std::fs::write(
            user.join("org.example.Notebook.provider"),
            TEXT.replace("Note\\sbook", "Impostor"),
        )
        .unwrap();
        std::fs::write(user.join("org.example.Wrong.provider"), TEXT).unwrap();
        std::fs::write(user.join("README"), "not a manifest").unwrap();
        let loaded = load_dirs(&[system.clone(), root.path().join("missing"), user]);
        assert_eq!(loaded.manifests.len(), 1);
        assert_eq!(loaded.manifests[0].1.name, "Note book");
        assert_eq!(
            loaded.manifests[0].1.icon.as_deref(),
            Some(system.join("notebook.svg").as_path())
        );
        assert_eq!(loaded.problems.len(), 1);
        assert!(matches!(loaded.problems[0].1, ManifestError::FileName));
    }

    #[test]
    fn icons_are_checked_when_they_are_loaded() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("org.example.Notebook.provider");
        std::fs::write(&path, TEXT).unwrap();
        let manifest = Manifest::load(&path).unwrap();
        assert!(matches!(manifest.load_icon(false), Err(ManifestError::Io(_))));
        let icon = r#"<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1"/></svg>"#;
        std::fs::write(root.path().join("notebook.svg"), icon).unwrap();
        assert_eq!(manifest.load_icon(true).unwrap().as_deref(), Some(icon));
        std::fs::write(root.path().join("notebook.svg"), "<svg onload='x'/>").unwrap();
        assert!(matches!(
            manifest.load_icon(false),
            Err(ManifestError::Icon(SvgError::Attribute(_)))
        ));
        std::fs::write(root.path().join("notebook.svg"), " ".repeat(svg::MAX_BYTES + 1)).unwrap();
        assert!(matches!(
            manifest.load_icon(false),
            Err(ManifestError::Icon(SvgError::TooLarge))
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
