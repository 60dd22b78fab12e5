//! Which browsers are installed, whether they find the platform's program, and what has them find it. Files are looked at, and one is
//! written; nothing is run.

use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use claviger_prompt_api::browsers::{self, BROWSERS, NATIVE_HOST, NATIVE_HOST_PROGRAM};
use gtk::prelude::FileExt as _;
use gtk::{gio, glib};
use serde::Deserialize;

use super::model::state::{Browser, Host, SetUp, Way};
use crate::data_dirs;

/// Where a package puts the extension.
const EXTENSION: &str = "/usr/share/claviger/extension";

/// Where a package puts what the browsers start.
const PACKAGED_HOSTS: &str = "/usr/lib/claviger";

/// The longest manifest that is read, in bytes; ours has some hundreds.
const MAX_MANIFEST: u64 = 64 * 1024;

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
    let hosts = [data_home.join("claviger"), PathBuf::from(PACKAGED_HOSTS)];
    let hosts = hosts.map(|folder| folder.join(NATIVE_HOST_PROGRAM));
    let program = hosts.into_iter().find(|program| program.exists());
    let data: Vec<PathBuf> = std::iter::once(data_home).chain(data_dirs::system()).collect();
    found(&data, &config, program.as_deref(), Path::new(EXTENSION))
}

/// Has a browser of this user find the platform's program.
///
/// # Errors
/// The manifest cannot be written; then there is none, or the one that was there.
pub fn set_up(what: &SetUp) -> Result<(), glib::Error> {
    if let Some(folder) = what.manifest.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| glib::Error::new(gio::IOErrorEnum::Failed, &error.to_string()))?;
    }
    gio::File::for_path(&what.manifest)
        .replace_contents(
            browsers::manifest(&what.program).as_bytes(),
            None,
            false,
            gio::FileCreateFlags::REPLACE_DESTINATION,
            gio::Cancellable::NONE,
        )
        .map(drop)
}

/// Whether a manifest is there and names a program that is.
fn leads_somewhere(manifest: &Path) -> bool {
    #[derive(Deserialize)]
    struct Manifest {
        path: PathBuf,
    }
    // A pipe would be waited for.
    let is_one = fs::metadata(manifest).is_ok_and(|about| about.is_file() && about.len() <= MAX_MANIFEST);
    let read = is_one.then(|| fs::read(manifest).ok()).flatten();
    let named = read.and_then(|text| serde_json::from_slice::<Manifest>(&text).ok());
    named.is_some_and(|manifest| manifest.path.is_absolute() && manifest.path.exists())
}

fn found(data: &[PathBuf], config: &Path, program: Option<&Path>, extension: &Path) -> Vec<Browser> {
    let is_installed = |files: &[&str]| {
        let mut all = data
            .iter()
            .flat_map(|dir| files.iter().map(move |file| dir.join("applications").join(file)));
        all.any(|file| file.exists())
    };
    let manifest = format!("{NATIVE_HOST}.json");
    let by_extension = |known: &browsers::Browser| {
        let user = config.join(known.config).join("NativeMessagingHosts").join(&manifest);
        let system = known.system.map(|folder| Path::new(folder).join(&manifest));
        let host = match program {
            _ if leads_somewhere(&user) || system.is_some_and(|file| leads_somewhere(&file)) => Host::Found,
            Some(program) => Host::Writable(SetUp {
                manifest: user,
                program: program.to_owned(),
            }),
            None => Host::NoProgram,
        };
        Browser {
            name: known.name.to_owned(),
            way: Way::Extension {
                host,
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
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_found_by_its_desktop_file_and_set_up_by_one_manifest() {
        let root = tempfile::tempdir().unwrap();
        let (data, config) = (root.path().join("data"), root.path().join("config"));
        let put = |path: PathBuf| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        put(data.join("applications/brave-browser.desktop"));
        put(data.join("applications/firefox-esr.desktop"));
        let program = root.path().join("claviger-native-host");
        let look = |program| {
            found(
                std::slice::from_ref(&data),
                &config,
                program,
                &root.path().join("extension"),
            )
        };
        let brave = |host| Browser {
            name: "Brave".into(),
            way: Way::Extension { host, folder: None },
        };
        let firefox = Browser {
            name: "Firefox".into(),
            way: Way::SecurityKey,
        };
        assert_eq!(look(None), [brave(Host::NoProgram), firefox.clone()]);
        let what = SetUp {
            manifest: config
                .join("BraveSoftware/Brave-Browser/NativeMessagingHosts")
                .join(format!("{NATIVE_HOST}.json")),
            program: program.clone(),
        };
        assert_eq!(
            look(Some(&program)),
            [brave(Host::Writable(what.clone())), firefox.clone()]
        );
        set_up(&what).unwrap();
        // One that leads nowhere, or is damaged, is as good as none.
        assert_eq!(
            look(Some(&program)),
            [brave(Host::Writable(what.clone())), firefox.clone()]
        );
        put(program.clone());
        assert_eq!(look(Some(&program)), [brave(Host::Found), firefox.clone()]);
        fs::write(&what.manifest, "{").unwrap();
        assert_eq!(look(Some(&program)), [brave(Host::Writable(what.clone())), firefox]);
        set_up(&what).unwrap();
        let written: serde_json::Value = serde_json::from_slice(&fs::read(&what.manifest).unwrap()).unwrap();
        assert_eq!(written["path"], program.to_str().unwrap());
        assert_eq!(written["name"], NATIVE_HOST);
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_leaves_what_is_there() {
        let root = tempfile::tempdir().unwrap();
        let config = root.path().join("config");
        fs::write(&config, "a file where the folder should be").unwrap();
        let what = SetUp {
            manifest: config.join("NativeMessagingHosts/manifest.json"),
            program: "/usr/lib/claviger/claviger-native-host".into(),
        };
        assert!(set_up(&what).is_err());
        assert!(config.is_file());
    }
}
