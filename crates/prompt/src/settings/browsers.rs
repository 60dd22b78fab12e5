//! Which browsers are installed, and whether they find the platform's program. Files are looked at, nothing is run.

use std::env;
use std::path::{Path, PathBuf};

use claviger_prompt_api::browsers::{self, BROWSERS, NATIVE_HOST};

use super::model::state::{Browser, Way};
use crate::data_dirs;

/// Where a package puts the extension.
const EXTENSION: &str = "/usr/share/claviger/extension";

/// The `.desktop` files of those that the extension serves, by distribution.
const DESKTOP: [(&str, &[&str]); 4] = [
    ("Chromium", &["chromium.desktop", "chromium-browser.desktop"]),
    ("Google Chrome", &["google-chrome.desktop"]),
    ("Brave", &["brave-browser.desktop"]),
    ("Microsoft Edge", &["microsoft-edge.desktop"]),
];

/// The browser that has no extension of ours, and its `.desktop` files.
const BY_KEY: (&str, &[&str]) = ("Firefox", &["firefox.desktop", "firefox-esr.desktop"]);

/// The browsers of this machine.
pub fn installed() -> Vec<Browser> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let home = PathBuf::from(set("HOME").unwrap_or_default());
    let data_home = set("XDG_DATA_HOME").map_or_else(|| home.join(".local/share"), PathBuf::from);
    let config = set("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let data: Vec<PathBuf> = std::iter::once(data_home).chain(data_dirs::system()).collect();
    found(&data, &config, Path::new(EXTENSION))
}

fn found(data: &[PathBuf], config: &Path, extension: &Path) -> Vec<Browser> {
    let is_installed = |files: &[&str]| {
        let mut all = data
            .iter()
            .flat_map(|dir| files.iter().map(move |file| dir.join("applications").join(file)));
        all.any(|file| file.exists())
    };
    let manifest = format!("{NATIVE_HOST}.json");
    let by_extension = |known: &browsers::Browser| {
        let user = config.join(known.config).join("NativeMessagingHosts");
        let mut folders = std::iter::once(user).chain(known.system.map(PathBuf::from));
        Browser {
            name: known.name.to_owned(),
            way: Way::Extension {
                host_found: folders.any(|folder| folder.join(&manifest).exists()),
                folder: Some(extension.to_owned()).filter(|folder| folder.join("manifest.json").exists()),
            },
        }
    };
    let files = |known: &browsers::Browser| {
        DESKTOP
            .iter()
            .find(|(name, _)| *name == known.name)
            .map(|(_, files)| *files)
    };
    let here = BROWSERS.iter().filter(|known| files(known).is_some_and(is_installed));
    let by_key = is_installed(BY_KEY.1).then(|| Browser {
        name: BY_KEY.0.to_owned(),
        way: Way::SecurityKey,
    });
    here.map(by_extension).chain(by_key).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_browser_is_found_by_its_desktop_file_and_the_platform_by_its_manifest() {
        let root = tempfile::tempdir().unwrap();
        let (data, config) = (root.path().join("data"), root.path().join("config"));
        let put = |path: PathBuf| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        put(data.join("applications/brave-browser.desktop"));
        put(data.join("applications/firefox-esr.desktop"));
        let look = || found(std::slice::from_ref(&data), &config, &root.path().join("extension"));
        let brave = |host_found| Browser {
            name: "Brave".into(),
            way: Way::Extension {
                host_found,
                folder: None,
            },
        };
        let firefox = Browser {
            name: "Firefox".into(),
            way: Way::SecurityKey,
        };
        assert_eq!(look(), [brave(false), firefox.clone()]);
        put(config
            .join("BraveSoftware/Brave-Browser/NativeMessagingHosts")
            .join(format!("{NATIVE_HOST}.json")));
        assert_eq!(look(), [brave(true), firefox]);
    }
}
