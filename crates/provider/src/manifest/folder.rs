//! Manifests and icons on disk: which files are looked at, and which one wins.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use claviger_files::Unfit;
use claviger_joint::ProviderId;

use super::{EXTENSION, MAX_BYTES, Manifest, ManifestError};
use crate::icon::{self, Icon, IconError};

impl Manifest {
    /// Reads a manifest file: its name must be `<id>.provider`, and relative icon paths become relative to its folder.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let text = String::from_utf8(read(path, MAX_BYTES)?.ok_or(ManifestError::TooLarge)?);
        let text = text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut manifest = Self::parse(&text)?;
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

    /// Reads and checks the icon for light surroundings, or the one for `dark` ones; `None` when the manifest names none.
    ///
    /// # Errors
    /// [`ManifestError::Icon`] when the picture is not one that is drawn (see [`Icon::check`]); an unfit icon does not make the
    /// provider unfit.
    pub fn load_icon(&self, dark: bool) -> Result<Option<Icon>, ManifestError> {
        let Some(path) = (if dark { &self.icon_dark } else { &self.icon }) else {
            return Ok(None);
        };
        let bytes = read(path, icon::MAX_BYTES)?.ok_or(IconError::TooLarge)?;
        Ok(Some(Icon::check(bytes)?))
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

/// What a file holds, behind a link too, or `None` when it is larger than `limit` bytes. Waits for nobody, whatever is there.
fn read(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    match claviger_files::read_followed(path, limit as u64) {
        Ok(bytes) => Ok(Some(bytes.ok_or(io::ErrorKind::NotFound)?)),
        Err(error) if Unfit::of(&error) == Some(Unfit::TooLarge) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::super::tests::TEXT;
    use super::*;
    use crate::icon::svg::SvgError;

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
    fn what_is_no_file_is_a_problem_and_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(format!("org.example.{name}.provider"));
        rustix::fs::mkfifoat(rustix::fs::CWD, at("Pipe"), rustix::fs::Mode::RWXU).unwrap();
        std::fs::create_dir(at("Folder")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("Device")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("Socket")).unwrap();
        std::fs::File::create(at("Sparse")).unwrap().set_len(1 << 40).unwrap();
        std::fs::write(at("Bytes"), [0xff; 10]).unwrap();
        std::os::unix::fs::symlink("real", at("Notebook")).unwrap();
        std::fs::write(root.path().join("real"), TEXT).unwrap();
        let loaded = load_dirs(&[root.path().to_owned()]);
        assert_eq!(loaded.problems.len(), 6, "{:?}", loaded.problems);
        assert_eq!(loaded.manifests.len(), 1, "a package may link its manifest");
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
        assert_eq!(manifest.load_icon(false).unwrap(), Some(Icon::Svg(icon.to_owned())));
        assert_eq!(manifest.load_icon(true).unwrap(), None);
        std::fs::write(root.path().join("notebook.svg"), "<svg onload='x'/>").unwrap();
        assert!(matches!(
            manifest.load_icon(false),
            Err(ManifestError::Icon(IconError::Svg(SvgError::Attribute(_))))
        ));
        std::fs::write(root.path().join("notebook.svg"), " ".repeat(icon::MAX_BYTES + 1)).unwrap();
        assert!(matches!(
            manifest.load_icon(false),
            Err(ManifestError::Icon(IconError::TooLarge))
        ));
    }
}
