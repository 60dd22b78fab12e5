//! Which browsers are installed, and whether they find the platform's program. Files are looked at, nothing is run.

use std::env;
use std::path::{Path, PathBuf};

use super::model::state::{Browser, Way};

/// The native-messaging manifest that `claviger setup` or a package writes for each browser.
const MANIFEST: &str = "org.claviger.browser.json";

/// Where a package puts the extension.
const EXTENSION: &str = "/usr/share/claviger/extension";

/// Where `.desktop` files are when the environment names no place (Base Directory Specification).
const DATA_DIRS: &str = "/usr/local/share:/usr/share";

/// A browser that Claviger knows.
struct Known {
    name: &'static str,
    /// Its `.desktop` files, by distribution.
    desktop: &'static [&'static str],
    /// Where it looks for native hosts, below the user's configuration and for all users; none for what has no extension of ours.
    hosts: Option<(&'static str, Option<&'static str>)>,
}

const KNOWN: [Known; 5] = [
    Known {
        name: "Chromium",
        desktop: &["chromium.desktop", "chromium-browser.desktop"],
        hosts: Some(("chromium", Some("/etc/chromium/native-messaging-hosts"))),
    },
    Known {
        name: "Google Chrome",
        desktop: &["google-chrome.desktop"],
        hosts: Some(("google-chrome", Some("/etc/opt/chrome/native-messaging-hosts"))),
    },
    Known {
        name: "Brave",
        desktop: &["brave-browser.desktop"],
        hosts: Some(("BraveSoftware/Brave-Browser", None)),
    },
    Known {
        name: "Microsoft Edge",
        desktop: &["microsoft-edge.desktop"],
        hosts: Some(("microsoft-edge", Some("/etc/opt/edge/native-messaging-hosts"))),
    },
    Known {
        name: "Firefox",
        desktop: &["firefox.desktop", "firefox-esr.desktop"],
        hosts: None,
    },
];

/// The browsers of this machine.
pub fn installed() -> Vec<Browser> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let home = PathBuf::from(set("HOME").unwrap_or_default());
    let data_dirs = set("XDG_DATA_DIRS").unwrap_or_else(|| DATA_DIRS.to_owned());
    let data_home = set("XDG_DATA_HOME").map_or_else(|| home.join(".local/share"), PathBuf::from);
    let config = set("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let data: Vec<PathBuf> = std::iter::once(data_home).chain(env::split_paths(&data_dirs)).collect();
    found(&data, &config, Path::new(EXTENSION))
}

fn found(data: &[PathBuf], config: &Path, extension: &Path) -> Vec<Browser> {
    let is_installed = |known: &&Known| {
        let mut files = data.iter().flat_map(|dir| {
            known
                .desktop
                .iter()
                .map(move |file| dir.join("applications").join(file))
        });
        files.any(|file| file.exists())
    };
    let browser = |known: &Known| Browser {
        name: known.name.to_owned(),
        way: match known.hosts {
            None => Way::SecurityKey,
            Some((user, system)) => {
                let user = config.join(user).join("NativeMessagingHosts");
                let mut folders = std::iter::once(user).chain(system.map(PathBuf::from));
                Way::Extension {
                    host_found: folders.any(|folder| folder.join(MANIFEST).exists()),
                    folder: Some(extension.to_owned()).filter(|folder| folder.join("manifest.json").exists()),
                }
            }
        },
    };
    KNOWN.iter().filter(is_installed).map(browser).collect()
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
            .join(MANIFEST));
        assert_eq!(look(), [brave(true), firefox]);
    }
}
