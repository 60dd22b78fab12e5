//! What the desktop knows of the program that asks: its name and icon, from its `.desktop` file.
//!
//! Both are a claim of whoever wrote that file, so only a file that root alone may change is believed, and only of a program of
//! which the same holds. Any other program is shown by its path, which the kernel names.

use std::fs;
use std::path::{Path, PathBuf};

use claviger_peer::only_root_may_change;
use claviger_prompt_api::sanitise;

use crate::data_dirs;

/// The longest `.desktop` file that is read, in bytes; browsers translate theirs into a hundred languages.
const MAX_FILE: u64 = 256 << 10;

/// What is to be shown of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// The name of its icon in the icon theme.
    pub icon: Option<String>,
}

impl Program {
    /// Looks for the program with this executable.
    pub fn of(executable: &Path) -> Option<Self> {
        if !only_root_may_change(executable) {
            return None;
        }
        let folders = data_dirs::system().into_iter().map(|dir| dir.join("applications"));
        let mut files = folders
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .flatten()
            .map(|file| file.path());
        files.find_map(|file| Entry::read(&file)?.program(executable))
    }
}

/// The members of a `.desktop` file that matter here (Desktop Entry Specification 1.5).
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    name: String,
    icon: String,
    command: String,
}

impl Entry {
    fn read(file: &Path) -> Option<Self> {
        let fits = file.extension().is_some_and(|it| it == "desktop")
            && fs::metadata(file).is_ok_and(|it| it.len() <= MAX_FILE);
        (fits && only_root_may_change(file))
            .then(|| fs::read_to_string(file).ok())
            .flatten()
            .map(|text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut entry = Self::default();
        let own = text.lines().skip_while(|line| line.trim() != "[Desktop Entry]").skip(1);
        for line in own.take_while(|line| !line.starts_with('[')) {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let member = match key.trim_end() {
                "Name" => &mut entry.name,
                "Icon" => &mut entry.icon,
                "Exec" => &mut entry.command,
                _ => continue,
            };
            value.trim().clone_into(member);
        }
        entry
    }

    /// What it says of the program, if that is the one that it starts.
    fn program(self, executable: &Path) -> Option<Program> {
        let started = self.command.split_whitespace().next()?.trim_matches('"');
        let started = Path::new(started);
        let starts = started.file_name() == executable.file_name() || is_starter(started, executable);
        let name = sanitise::label(&self.name)?;
        let icon = Some(self.icon).filter(|icon| !icon.is_empty() && !icon.contains('/'));
        starts.then_some(Program { name, icon })
    }
}

/// Whether this is a script beside the program, in a folder of its own, that starts it, as browsers have them.
fn is_starter(started: &Path, executable: &Path) -> bool {
    let real: Option<PathBuf> = fs::canonicalize(started).ok();
    let real = real.as_deref().and_then(Path::parent);
    real.is_some_and(|folder| Some(folder) == executable.parent() && !folder.ends_with("bin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROWSER: &str = "# A comment\n[Desktop Entry]\nName=Chromium Web Browser\nName[de]=Chromium-Webbrowser\n\
        Exec=/usr/bin/chromium %U\nIcon=chromium\n[Desktop Action new]\nName=New Window\nExec=/usr/bin/evil\n";

    fn browser(icon: Option<&str>) -> Program {
        let name = "Chromium Web Browser".to_owned();
        let icon = icon.map(str::to_owned);
        Program { name, icon }
    }

    #[test]
    fn an_entry_names_the_program_that_it_starts() {
        let of = |executable: &str| Entry::parse(BROWSER).program(Path::new(executable));
        assert_eq!(of("/usr/lib/chromium/chromium"), Some(browser(Some("chromium"))));
        assert_eq!(of("/usr/bin/evil"), None);
        assert_eq!(of("/usr/bin/new"), None);
    }

    #[test]
    fn an_icon_is_a_name_and_no_file() {
        let text = BROWSER.replace("Icon=chromium", "Icon=/home/alice/evil.svg");
        assert_eq!(
            Entry::parse(&text).program(Path::new("/x/chromium")),
            Some(browser(None))
        );
    }

    #[test]
    fn an_entry_without_a_name_or_a_command_is_none() {
        for text in [
            "",
            "[Desktop Entry]\nName=A\n",
            "[Desktop Entry]\nExec=chromium\nName=\u{200b}\n",
        ] {
            assert_eq!(Entry::parse(text).program(Path::new("/usr/bin/chromium")), None);
        }
    }

    #[test]
    fn a_program_that_others_may_change_has_no_name() {
        let own = std::env::current_exe().ok().filter(|own| !only_root_may_change(own));
        assert_eq!(own.and_then(|own| Program::of(&own)), None);
    }
}
