//! Which Debian package brought a program, as dpkg's lists of installed files have it. Files are looked at, nothing is run.
//!
//! It says who put a file at that path, not that the file is still theirs: what runs is what the broker has pinned.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::model::state::Origin;

/// Where dpkg keeps a list of files for each package.
const LISTS: &str = "/var/lib/dpkg/info";

/// The longest list that is read, in bytes; the kernel's headers have the longest, of 2 MiB.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// The most files of dpkg's that are looked at.
const MAX_FILES: usize = 100_000;

/// Folders that are links into `/usr`, and that a package may still name its files by.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// The lists, and what was found in them.
#[derive(Debug)]
pub struct Packages {
    folder: PathBuf,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    /// When a package came or went last, before it was looked for.
    as_of: Option<SystemTime>,
    origins: BTreeMap<PathBuf, Origin>,
}

impl Packages {
    /// Those of this machine.
    pub fn of_system() -> Self {
        Self::in_folder(Path::new(LISTS))
    }

    fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            found: Mutex::default(),
        }
    }

    /// Where these programs come from; none of them on a machine without dpkg. The lists are read when a program is new or dpkg did
    /// something since, which takes as long as reading some ten megabytes does.
    pub fn origins<'a>(&self, programs: impl Iterator<Item = &'a Path>) -> BTreeMap<PathBuf, Origin> {
        let programs: Vec<&Path> = programs.filter(|program| program.is_absolute()).collect();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let as_of = fs::metadata(&self.folder).and_then(|folder| folder.modified()).ok();
        let is_known = |program: &&Path| found.origins.contains_key(*program);
        if found.as_of != as_of || !programs.iter().all(is_known) {
            *found = Found {
                as_of,
                origins: self.search(&programs).unwrap_or_default(),
            };
        }
        found.origins.clone()
    }

    fn search(&self, programs: &[&Path]) -> io::Result<BTreeMap<PathBuf, Origin>> {
        let mut sought: Vec<(&Path, Vec<Vec<u8>>)> =
            programs.iter().map(|program| (*program, spellings(program))).collect();
        let mut origins: BTreeMap<PathBuf, Origin> = programs
            .iter()
            .map(|program| ((*program).to_owned(), Origin::NoPackage))
            .collect();
        for entry in fs::read_dir(&self.folder)?.take(MAX_FILES).flatten() {
            if sought.is_empty() {
                break;
            }
            let path = entry.path();
            let Some(package) = package(&path) else { continue };
            // One that cannot be read may have the file; there is nobody to tell, and nothing depends on it.
            let Ok(list) = read(&path) else { continue };
            sought.retain(|(program, spellings)| {
                let is_listed = list
                    .split(|byte| *byte == b'\n')
                    .any(|line| spellings.iter().any(|spelling| spelling == line));
                if is_listed {
                    origins.insert((*program).to_owned(), Origin::Package(package.clone()));
                }
                !is_listed
            });
        }
        Ok(origins)
    }
}

/// The package that a list is of: `name.list`, or `name:architecture.list`.
fn package(list: &Path) -> Option<String> {
    let name = list.file_name()?.to_str()?.strip_suffix(".list")?;
    let (name, _) = name.split_once(':').unwrap_or((name, ""));
    Some(name.to_owned())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut list = Vec::new();
    File::open(path)?.take(MAX_LIST_BYTES).read_to_end(&mut list)?;
    Ok(list)
}

/// The ways in which a package may name a program.
fn spellings(program: &Path) -> Vec<Vec<u8>> {
    let mut spellings = vec![program.as_os_str().as_bytes().to_vec()];
    if let Ok(rest) = program.strip_prefix("/usr")
        && MERGED.iter().any(|folder| rest.starts_with(folder))
    {
        spellings.push(Path::new("/").join(rest).into_os_string().as_bytes().to_vec());
    }
    spellings
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn lists(lists: &[(&str, &str)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, text) in lists {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn origin(packages: &Packages, program: &str) -> Option<Origin> {
        let program = Path::new(program);
        packages.origins([program].into_iter()).get(program).cloned()
    }

    #[test]
    fn a_program_is_of_the_package_that_lists_its_very_path() {
        let folder = lists(&[
            ("notebook:amd64.list", "/.\n/usr\n/usr/bin\n/usr/bin/notebook\n"),
            (
                "notebook-doc.list",
                "/usr/share/doc/usr/bin/notes\n/usr/bin/notes.html\n",
            ),
            ("notes.md5sums", "/usr/bin/notes\n"),
            ("coreutils.list", "/bin/true\n"),
        ]);
        let packages = Packages::in_folder(folder.path());
        for (program, from) in [
            ("/usr/bin/notebook", Some(Origin::Package("notebook".into()))),
            ("/usr/bin/true", Some(Origin::Package("coreutils".into()))),
            ("/usr/bin/notes", Some(Origin::NoPackage)),
            ("/usr/bin/note", Some(Origin::NoPackage)),
            ("notebook", None),
        ] {
            assert_eq!(origin(&packages, program), from, "{program}");
        }
    }

    #[test]
    fn without_dpkg_nothing_is_said_of_packages() {
        let packages = Packages::in_folder(Path::new("/nonexistent"));
        assert_eq!(origin(&packages, "/usr/bin/notebook"), None);
    }

    #[test]
    fn a_package_that_comes_later_is_seen() {
        let folder = lists(&[]);
        let packages = Packages::in_folder(folder.path());
        assert_eq!(origin(&packages, "/usr/bin/notebook"), Some(Origin::NoPackage));
        fs::write(folder.path().join("notebook.list"), "/usr/bin/notebook\n").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(1);
        File::open(folder.path()).unwrap().set_modified(later).unwrap();
        assert_eq!(
            origin(&packages, "/usr/bin/notebook"),
            Some(Origin::Package("notebook".into()))
        );
    }

    #[test]
    fn a_list_that_cannot_be_read_is_passed_over() {
        let folder = lists(&[("notebook.list", "/usr/bin/notebook\n")]);
        fs::create_dir(folder.path().join("a.list")).unwrap();
        let packages = Packages::in_folder(folder.path());
        assert_eq!(
            origin(&packages, "/usr/bin/notebook"),
            Some(Origin::Package("notebook".into()))
        );
    }
}
