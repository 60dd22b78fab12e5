//! `claviger setup`: the files that make the platform start by itself and let browsers find it.
//!
//! Everything goes below the user's own directories, every file is written whole or not at all, and `--remove` takes
//! away what was written and nothing else: passkeys, the PIN and the audit log stay.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::system;
use crate::dirs::Dirs;
use crate::output::{Failure, line};

/// The native messaging host's name, as the extension asks for it.
pub const NATIVE_HOST: &str = "org.claviger.browser";

/// The extension's id: the browser derives it from the public `key` in `extension/manifest.json`.
pub const EXTENSION_ID: &str = "oadifemdliealhhopcejpkgocoongbin";

/// The name under which the browser starts the native host; the binary knows its role by it.
pub const NATIVE_HOST_PROGRAM: &str = "claviger-native-host";

/// The roles that D-Bus starts, with their bus names.
pub const SERVICES: [(&str, &str); 3] = [
    ("broker", "org.claviger.Broker"),
    ("hello", "org.claviger.Hello"),
    ("vault", "org.claviger.Vault"),
];

/// The browsers whose extension can reach Claviger, with their directory below `$XDG_CONFIG_HOME`.
pub const BROWSERS: [(&str, &str); 4] = [
    ("Chromium", "chromium"),
    ("Google Chrome", "google-chrome"),
    ("Brave", "BraveSoftware/Brave-Browser"),
    ("Microsoft Edge", "microsoft-edge"),
];

const DBUS_SERVICE: &str = include_str!("../../data/dbus.service.in");
const SYSTEMD_SERVICE: &str = include_str!("../../data/systemd.service.in");
const VAULT_MANIFEST: &str = include_str!("../../data/org.claviger.Vault.provider");

/// One thing that setup puts into place.
#[derive(Debug)]
pub struct Piece {
    /// What it is for, in a few words.
    pub purpose: String,
    /// Where it goes.
    pub path: PathBuf,
    /// What it is.
    pub content: Content,
}

/// What a piece consists of.
#[derive(Debug)]
pub enum Content {
    /// A file with this text.
    Text(String),
    /// A symbolic link to this program.
    Link(PathBuf),
}

/// Everything that setup puts into place for `program`, the installed binary.
pub fn pieces(dirs: &Dirs, program: &Path) -> Vec<Piece> {
    let host_program = dirs.data_home.join("claviger").join(NATIVE_HOST_PROGRAM);
    let fill = |template: &str, role: &str, name: &str| {
        template
            .replace("@NAME@", name)
            .replace("@ROLE@", role)
            .replace("@PROGRAM@", &quoted(program))
    };
    // What systemd would expand in a path is written twice.
    let unit = |template, role, name| fill(template, role, name).replace('%', "%%").replace('$', "$$");
    let units = dirs.config_home.join("systemd/user");
    let services = SERVICES.iter().flat_map(|(role, name)| {
        [
            Piece {
                purpose: format!("starts the {role} on demand"),
                path: dirs.data_home.join(format!("dbus-1/services/{name}.service")),
                content: Content::Text(fill(DBUS_SERVICE, role, name)),
            },
            Piece {
                purpose: format!("runs the {role} under systemd"),
                path: units.join(format!("claviger-{role}.service")),
                content: Content::Text(unit(SYSTEMD_SERVICE, role, name)),
            },
        ]
    });
    let door = units.join(system::DOOR_UNIT);
    let browsers = BROWSERS.iter().map(|(browser, folder)| Piece {
        purpose: format!("lets {browser} reach Claviger"),
        path: dirs
            .config_home
            .join(folder)
            .join(format!("NativeMessagingHosts/{NATIVE_HOST}.json")),
        content: Content::Text(native_host_manifest(&host_program)),
    });
    services
        .chain([
            Piece {
                purpose: "runs the security-key door under systemd".into(),
                path: door.clone(),
                content: Content::Text(unit(system::DOOR, "", "")),
            },
            Piece {
                purpose: "starts the security-key door at login".into(),
                path: units.join("default.target.wants").join(system::DOOR_UNIT),
                content: Content::Link(door),
            },
            Piece {
                purpose: "makes the built-in vault known".into(),
                path: dirs.data_home.join("claviger/providers/org.claviger.Vault.provider"),
                content: Content::Text(VAULT_MANIFEST.into()),
            },
            Piece {
                purpose: "is what the browsers start".into(),
                path: host_program.clone(),
                content: Content::Link(program.to_owned()),
            },
        ])
        .chain(browsers)
        .collect()
}

/// Runs the command up to, not including, the choice of a PIN.
pub fn install(dirs: &Dirs, dry_run: bool) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    for piece in pieces(dirs, &program) {
        let state = if piece.is_in_place() {
            "already there"
        } else if dry_run {
            "would write"
        } else {
            piece.put()?;
            "written"
        };
        line(format_args!(
            "{state:>13}  {}  ({})",
            piece.path.display(),
            piece.purpose
        ))?;
    }
    line("")?;
    line("Load the extension once in each browser: open chrome://extensions, switch on \"Developer mode\",")?;
    line(format_args!(
        "choose \"Load unpacked\" and the folder {}.",
        extension_folder(&program).display()
    ))
}

/// Takes away what [`install`] wrote.
pub fn remove(dirs: &Dirs) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    for piece in pieces(dirs, &program) {
        match fs::remove_file(&piece.path) {
            Ok(()) => line(format_args!("removed  {}", piece.path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Failure::Failed(format!(
                    "cannot remove {}: {error}",
                    piece.path.display()
                )));
            }
        }
    }
    line("Your passkeys, your PIN and the audit log are untouched.")
}

/// Where the built extension lies: beside an installed program, or in the checkout that built it.
pub fn extension_folder(program: &Path) -> PathBuf {
    let installed = Path::new("/usr/share/claviger/extension");
    program
        .ancestors()
        .map(|dir| dir.join("extension/dist"))
        .find(|dir| dir.join("manifest.json").exists())
        .unwrap_or_else(|| installed.to_owned())
}

impl Piece {
    /// Whether the piece is there with the right content.
    pub fn is_in_place(&self) -> bool {
        match &self.content {
            Content::Text(text) => fs::read_to_string(&self.path).is_ok_and(|found| found == *text),
            Content::Link(target) => fs::read_link(&self.path).is_ok_and(|found| found == *target),
        }
    }

    /// Writes it, whole or not at all.
    pub fn put(&self) -> Result<(), Failure> {
        self.try_put()
            .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", self.path.display())))
    }

    fn try_put(&self) -> io::Result<()> {
        let temporary = self.path.with_extension("new");
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent)?;
        }
        remove_if_there(&temporary)?;
        match &self.content {
            Content::Text(text) => {
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o644)
                    .open(&temporary)?;
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
            }
            Content::Link(target) => symlink(target, &temporary)?,
        }
        fs::rename(&temporary, &self.path)
    }
}

/// The path as one word of an `Exec` line, for D-Bus and systemd alike.
pub fn quoted(program: &Path) -> String {
    let escaped = program.display().to_string().replace('\\', r"\\").replace('"', r#"\""#);
    format!("\"{escaped}\"")
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn native_host_manifest(program: &Path) -> String {
    let manifest = json!({
        "name": NATIVE_HOST,
        "description": "Claviger: passkeys kept by the provider you choose",
        "path": program,
        "type": "stdio",
        "allowed_origins": [format!("chrome-extension://{EXTENSION_ID}/")],
    });
    format!("{manifest:#}\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn dirs(root: &Path) -> Dirs {
        Dirs {
            config_home: root.join("config"),
            data_home: root.join("data"),
            state: root.join("state/claviger"),
            system_data: Vec::new(),
        }
    }

    #[test]
    fn setup_is_idempotent_and_remove_takes_away_exactly_what_it_wrote() {
        let root = tempfile::tempdir().unwrap();
        let dirs = dirs(root.path());
        let strangers = dirs.config_home.join("chromium/NativeMessagingHosts/org.example.json");
        fs::create_dir_all(strangers.parent().unwrap()).unwrap();
        fs::write(&strangers, "{}").unwrap();
        install(&dirs, false).unwrap();
        let program = std::env::current_exe().unwrap();
        assert!(pieces(&dirs, &program).iter().all(Piece::is_in_place));
        install(&dirs, false).unwrap();
        remove(&dirs).unwrap();
        assert!(pieces(&dirs, &program).iter().all(|piece| !piece.path.exists()));
        assert!(strangers.exists());
    }

    #[test]
    fn the_extension_id_is_that_of_the_extension_s_public_key() {
        use base64::Engine as _;
        use claviger_ctap::crypto::native;

        let manifest: serde_json::Value =
            serde_json::from_str(include_str!("../../../../extension/static/manifest.json")).unwrap();
        let key = base64::engine::general_purpose::STANDARD
            .decode(manifest["key"].as_str().unwrap())
            .unwrap();
        // Chromium writes the first 16 bytes of the key's SHA-256 in hexadecimal with the digits a to p.
        let id: String = native().sha256(&[&key])[..16]
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from(b'a' + digit))
            .collect();
        assert_eq!(id, EXTENSION_ID);
    }

    #[test]
    fn a_dry_run_writes_nothing() {
        let root = tempfile::tempdir().unwrap();
        install(&dirs(root.path()), true).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_service_files_have_no_placeholder_left() {
        let pieces = pieces(
            &dirs(Path::new("/home/user")),
            Path::new("/opt/my \"100%\" tools/claviger"),
        );
        let systemd = pieces
            .iter()
            .find(|piece| piece.path.ends_with("claviger-vault.service"))
            .unwrap();
        assert!(matches!(&systemd.content,
            Content::Text(text) if text.contains(r#"ExecStart="/opt/my \"100%%\" tools/claviger" vault"#)));
        for piece in pieces {
            if let Content::Text(text) = piece.content {
                assert!(!text.contains('@'), "{text}");
            }
        }
    }
}
