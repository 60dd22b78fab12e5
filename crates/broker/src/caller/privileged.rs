//! Programs that may name a web origin.

use std::path::{Path, PathBuf};

use claviger_peer::{Process, only_root_may_change, only_we_may_change};
use claviger_prompt_api::manage::AllowedProgram;
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};

use crate::state_file;

/// The longest list that is read, in bytes.
const MAX_LIST: u64 = 1024 * 1024;

/// Browsers that may name a web origin, where the distributions and vendors install them. An entry ending in `/*/…` stands for one
/// path component. They count only while they and the folders above them belong to root and nobody else may write there.
const BROWSERS: &[(&str, &str)] = &[
    ("/usr/lib/chromium/chromium", "Chromium"),
    ("/usr/lib/chromium-browser/chromium-browser", "Chromium"),
    ("/usr/lib64/chromium-browser/chromium-browser", "Chromium"),
    ("/usr/lib64/chromium/chromium", "Chromium"),
    ("/usr/bin/chromium", "Chromium"),
    ("/snap/chromium/*/usr/lib/chromium-browser/chrome", "Chromium"),
    ("/opt/google/chrome/chrome", "Google Chrome"),
    ("/opt/google/chrome-beta/chrome", "Google Chrome Beta"),
    ("/opt/google/chrome-unstable/chrome", "Google Chrome Dev"),
    ("/opt/brave.com/brave/brave", "Brave"),
    ("/snap/brave/*/opt/brave.com/brave/brave", "Brave"),
    ("/opt/microsoft/msedge/msedge", "Microsoft Edge"),
    ("/opt/microsoft/msedge-beta/msedge", "Microsoft Edge Beta"),
    ("/opt/vivaldi/vivaldi-bin", "Vivaldi"),
    ("/usr/lib/x86_64-linux-gnu/opera/opera", "Opera"),
    ("/usr/lib/firefox/firefox", "Firefox"),
    ("/usr/lib/firefox-esr/firefox-esr", "Firefox ESR"),
    ("/usr/lib64/firefox/firefox", "Firefox"),
    ("/snap/firefox/*/usr/lib/firefox/firefox", "Firefox"),
];

/// The programs that may name a web origin on behalf of a page.
#[derive(Debug, Clone, Default)]
pub struct PrivilegedCallers {
    /// Each with the list that it stands in.
    listed: Vec<(PathBuf, PathBuf)>,
    troubles: Vec<Trouble>,
}

impl PrivilegedCallers {
    /// The built-in list and those named in `files`, one absolute path per line; empty lines, lines that begin with `#` and missing
    /// files are skipped, and so are files that others than root and the user may change.
    pub fn load(files: &[PathBuf]) -> Self {
        let (mut listed, mut troubles) = (Vec::new(), Vec::new());
        for file in files {
            let text = match claviger_files::read_followed(file, MAX_LIST) {
                Ok(None) => continue,
                Ok(Some(_)) if !only_we_may_change(file) => Err(Damage::OpenToOthers),
                Ok(Some(text)) => String::from_utf8(text).map_err(|_| Damage::Malformed),
                Err(error) => Err(state_file::damage(&error)),
            };
            let text = match text {
                Ok(text) => text,
                Err(damage) => {
                    let trouble = state_file::trouble(StateFile::PrivilegedCallers, damage, file);
                    troubles.push(state_file::noted(trouble));
                    continue;
                }
            };
            for line in text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                let path = Path::new(line);
                if path.is_absolute() {
                    listed.push((path.to_owned(), file.clone()));
                } else {
                    tracing::warn!(file = %file.display(), line, "a privileged caller must be an absolute path");
                }
            }
        }
        Self { listed, troubles }
    }

    /// Lists that could not be used.
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// What the lists name, as it is now.
    pub fn listed(&self) -> Vec<AllowedProgram> {
        let listed = self.listed.iter().map(|(program, list)| AllowedProgram {
            program: program.clone(),
            list: list.clone(),
            counts: only_we_may_change(program),
        });
        listed.collect()
    }

    /// The name to show for `process` if it may name an origin: it runs the very file that the broker finds at the path of a known
    /// browser, which only root may change, or at a listed path, which only root and the user may change.
    pub fn name_of(&self, process: &Process) -> Option<String> {
        let claimed = process.executable.to_str()?;
        if let Some((_, name)) = BROWSERS.iter().find(|(pattern, _)| matches(pattern, claimed)) {
            if !process.runs(&process.executable) {
                tracing::warn!(
                    pid = process.pid,
                    executable = claimed,
                    "it runs another file than the one of that name"
                );
            } else if only_root_may_change(&process.executable) {
                return Some((*name).to_owned());
            } else {
                tracing::warn!(
                    executable = claimed,
                    "looks like a browser, but others than root may change it"
                );
            }
        }
        let (path, _) = self.listed.iter().find(|(path, _)| process.runs(path))?;
        if only_we_may_change(path) {
            let path = path.canonicalize().ok()?;
            Some(path.file_name()?.to_string_lossy().into_owned())
        } else {
            tracing::warn!(path = %path.display(), "listed as a privileged caller, but others may change it");
            None
        }
    }
}

/// Whether `path` is `pattern`, in which a component `*` stands for any one component.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut want, mut have) = (pattern.split('/'), path.split('/'));
    loop {
        match (want.next(), have.next()) {
            (None, None) => return true,
            (Some(want), Some(have)) if want == have || (want == "*" && !have.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use claviger_peer::FileId;

    use super::*;

    #[test]
    fn patterns_stand_for_one_component() {
        assert!(matches("/snap/chromium/*/usr/chrome", "/snap/chromium/3000/usr/chrome"));
        assert!(!matches(
            "/snap/chromium/*/usr/chrome",
            "/snap/chromium/3000/home/usr/chrome"
        ));
        assert!(!matches("/snap/chromium/*/usr/chrome", "/snap/chromium//usr/chrome"));
        assert!(!matches("/usr/bin/chromium", "/usr/bin/chromium2"));
    }

    #[test]
    fn a_browser_that_others_may_change_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chromium");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert!(!only_root_may_change(&path));
        assert!(only_root_may_change(Path::new("/usr/bin/env")) || Path::new("/usr/bin/env").is_symlink());
    }

    /// A process that says it runs the program at `path` and does, unless a `file` is given.
    fn process(path: &Path, file: Option<FileId>) -> Process {
        Process {
            pid: 1,
            parent: 0,
            started: 1,
            executable: path.to_owned(),
            file: file.unwrap_or_else(|| FileId::of(path).unwrap()),
        }
    }

    /// A program in a new folder, and a list that names it.
    fn listed_program() -> (tempfile::TempDir, PathBuf, PrivilegedCallers) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().canonicalize().unwrap().join("my-browser");
        std::fs::write(&program, "").unwrap();
        let list = dir.path().join("privileged-callers");
        std::fs::write(&list, format!("# mine\n\n{}\nrelative/browser\n", program.display())).unwrap();
        let callers = PrivilegedCallers::load(&[list, dir.path().join("missing")]);
        (dir, program, callers)
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn listed_files_add_callers() {
        let (_dir, program, callers) = listed_program();
        assert_eq!(callers.name_of(&process(&program, None)).as_deref(), Some("my-browser"));
        assert_eq!(callers.name_of(&process(Path::new("/usr/bin/env"), None)), None);
    }

    #[test]
    fn another_file_at_a_listed_path_is_no_caller() {
        let (dir, program, callers) = listed_program();
        let other = dir.path().join("other");
        std::fs::write(&other, "").unwrap();
        // What a bind mount in a namespace of the process's own looks like from here.
        let impostor = process(&program, Some(FileId::of(&other).unwrap()));
        assert_eq!(callers.name_of(&impostor), None);
    }

    #[test]
    fn another_file_at_a_browsers_path_is_no_browser() {
        let own = Process::read(std::process::id()).unwrap();
        for (pattern, _) in BROWSERS {
            let path = PathBuf::from(pattern.replace('*', "1"));
            assert_eq!(
                PrivilegedCallers::default().name_of(&process(&path, Some(own.file))),
                None
            );
        }
    }

    #[test]
    fn an_installed_browser_is_one() {
        let installed = BROWSERS.iter().find(|(path, _)| only_root_may_change(Path::new(path)));
        // Nothing to see on a machine without a browser.
        if let Some((path, name)) = installed {
            let callers = PrivilegedCallers::default();
            assert_eq!(callers.name_of(&process(Path::new(path), None)).as_deref(), Some(*name));
        }
    }

    #[test]
    fn a_listed_program_that_others_may_change_is_no_caller() {
        let (dir, program, callers) = listed_program();
        let name = || callers.name_of(&process(&program, None));
        for (changed, open, closed) in [(program.as_path(), 0o757, 0o755), (dir.path(), 0o777, 0o700)] {
            set_mode(changed, open);
            assert_eq!(name(), None, "{}", changed.display());
            set_mode(changed, closed);
            assert!(name().is_some(), "{}", changed.display());
        }
        let list = dir.path().join("privileged-callers");
        set_mode(&list, 0o666);
        assert_eq!(PrivilegedCallers::load(&[list]).name_of(&process(&program, None)), None);
    }
}
