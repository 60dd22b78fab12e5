//! What setup puts into place, for one user or for all: where each piece goes and what is in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use claviger_prompt_api::browsers::{self, BROWSERS, NATIVE_HOST, NATIVE_HOST_PROGRAM};
use claviger_prompt_api::dbus::PROMPT_NAME;

use crate::commands::system;
use crate::dirs::Dirs;
use crate::output::Failure;

/// The roles that D-Bus starts, with their bus names.
pub const SERVICES: [(&str, &str); 3] = [
    ("broker", "org.claviger.Broker"),
    ("hello", "org.claviger.Hello"),
    ("vault", "org.claviger.Vault"),
];

const DBUS_SERVICE: &str = include_str!("../../../data/dbus.service.in");
const SYSTEMD_SERVICE: &str = include_str!("../../../data/systemd.service.in");
const PROMPT_DBUS_SERVICE: &str = include_str!("../../../../../packaging/dbus/org.claviger.Prompt.service.in");
const PROMPT_SERVICE: &str = include_str!("../../../../../packaging/systemd/user/claviger-prompt.service.in");
const VAULT_MANIFEST: &str = include_str!("../../../data/org.claviger.Vault.provider");

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
    let places = Places {
        dbus_services: dirs.data_home.join("dbus-1/services"),
        units: dirs.config_home.join("systemd/user"),
        providers: dirs.data_home.join("claviger/providers"),
        host_program: dirs.data_home.join("claviger").join(NATIVE_HOST_PROGRAM),
        host_target: program.to_owned(),
        browsers: BROWSERS
            .iter()
            .map(|browser| {
                (
                    browser.name,
                    dirs.config_home.join(browser.config).join("NativeMessagingHosts"),
                )
            })
            .collect(),
    };
    let door = places.units.join(system::DOOR_UNIT);
    let mut pieces = services_and_browsers(&places, &places.host_program, program);
    pieces.extend(window(&places, program));
    pieces.extend([
        Piece {
            purpose: "runs the security-key door under systemd".into(),
            path: door.clone(),
            content: Content::Text(unit(system::DOOR, "", "", program)),
        },
        door_at_login(dirs, door),
    ]);
    pieces
}

/// What is left for one user when a package has put everything else into place for all.
pub fn pieces_beside_package(dirs: &Dirs) -> Vec<Piece> {
    let door = Path::new(system::PACKAGED).join("systemd/user").join(system::DOOR_UNIT);
    vec![door_at_login(dirs, door)]
}

/// Whether `program` is a package's, and the package has put everything into place for all users.
pub fn is_packaged(program: &Path) -> bool {
    program == Path::new(system::PACKAGED_PROGRAM)
        && package(Path::new("/"), program)
            .iter()
            // What is in /etc is the administrator's to change.
            .all(|piece| piece.path.starts_with("/etc") || piece.is_in_place())
}

/// The same for all users, as a package keeps it below `root`. The door's unit is [`system::pieces`]'s.
pub fn package(root: &Path, program: &Path) -> Vec<Piece> {
    let host_program = Path::new("/usr/lib/claviger").join(NATIVE_HOST_PROGRAM);
    let places = Places {
        dbus_services: root.join("usr/share/dbus-1/services"),
        units: root.join("usr/lib/systemd/user"),
        providers: root.join("usr/share/claviger/providers"),
        host_program: root.join("usr/lib/claviger").join(NATIVE_HOST_PROGRAM),
        // Within /usr a package's links are relative (Debian policy, section 10.5).
        host_target: "../../bin/claviger".into(),
        browsers: BROWSERS
            .iter()
            .filter_map(|browser| Some((browser.name, root.join(browser.system?.trim_start_matches('/')))))
            .collect(),
    };
    services_and_browsers(&places, &host_program, program)
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

/// The path as one word of an `Exec` line, for D-Bus and systemd alike.
pub fn quoted(program: &Path) -> String {
    let escaped = program.display().to_string().replace('\\', r"\\").replace('"', r#"\""#);
    format!("\"{escaped}\"")
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
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent)?;
        }
        match &self.content {
            Content::Text(text) => claviger_files::replace_public(&self.path, text.as_bytes()),
            Content::Link(target) => claviger_files::replace_link(&self.path, target),
        }
    }
}

/// Where the pieces go, for one user or for all.
struct Places {
    dbus_services: PathBuf,
    units: PathBuf,
    providers: PathBuf,
    /// What the browsers start.
    host_program: PathBuf,
    /// What it is a link to.
    host_target: PathBuf,
    /// Each browser and its directory for native messaging hosts.
    browsers: Vec<(&'static str, PathBuf)>,
}

fn services_and_browsers(places: &Places, host_program: &Path, program: &Path) -> Vec<Piece> {
    let services = SERVICES.iter().flat_map(|(role, name)| {
        [
            Piece {
                purpose: format!("starts the {role} on demand"),
                path: places.dbus_services.join(format!("{name}.service")),
                content: Content::Text(fill(DBUS_SERVICE, role, name, program)),
            },
            Piece {
                purpose: format!("runs the {role} under systemd"),
                path: places.units.join(format!("claviger-{role}.service")),
                content: Content::Text(unit(SYSTEMD_SERVICE, role, name, program)),
            },
        ]
    });
    let browsers = places.browsers.iter().map(|(browser, folder)| Piece {
        purpose: format!("lets {browser} reach Claviger"),
        path: folder.join(format!("{NATIVE_HOST}.json")),
        content: Content::Text(browsers::manifest(host_program)),
    });
    services
        .chain([
            Piece {
                purpose: "makes the built-in vault known".into(),
                path: places.providers.join("org.claviger.Vault.provider"),
                content: Content::Text(VAULT_MANIFEST.into()),
            },
            Piece {
                purpose: "is what the browsers start".into(),
                path: places.host_program.clone(),
                content: Content::Link(places.host_target.clone()),
            },
        ])
        .chain(browsers)
        .collect()
}

/// The window that asks, a program of its own that need not be there.
fn window(places: &Places, program: &Path) -> Vec<Piece> {
    let prompt = program.with_file_name("claviger-prompt");
    if !prompt.exists() {
        return Vec::new();
    }
    let name = PROMPT_NAME;
    vec![
        Piece {
            purpose: "starts the window that asks on demand".into(),
            path: places.dbus_services.join(format!("{name}.service")),
            content: Content::Text(fill(PROMPT_DBUS_SERVICE, "", name, &prompt)),
        },
        Piece {
            purpose: "runs the window that asks under systemd".into(),
            path: places.units.join("claviger-prompt.service"),
            content: Content::Text(unit(PROMPT_SERVICE, "", name, &prompt)),
        },
    ]
}

fn door_at_login(dirs: &Dirs, door: PathBuf) -> Piece {
    Piece {
        purpose: "starts the security-key door at login".into(),
        path: dirs
            .config_home
            .join("systemd/user/default.target.wants")
            .join(system::DOOR_UNIT),
        content: Content::Link(door),
    }
}

fn fill(template: &str, role: &str, name: &str, program: &Path) -> String {
    template
        .replace("@NAME@", name)
        .replace("@ROLE@", role)
        .replace("@PROGRAM@", &quoted(program))
}

/// What systemd would expand in a path is written twice.
fn unit(template: &str, role: &str, name: &str, program: &Path) -> String {
    fill(template, role, name, program)
        .replace('%', "%%")
        .replace('$', "$$")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use claviger_prompt_api::browsers::EXTENSION_ID;

    use super::super::tests::dirs;
    use super::*;

    #[test]
    fn the_extension_id_is_that_of_the_extension_s_public_key() {
        use base64::Engine as _;
        use claviger_ctap::crypto::native;

        let manifest: serde_json::Value =
            serde_json::from_str(include_str!("../../../../../extension/static/manifest.json")).unwrap();
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
    fn the_window_that_asks_is_started_where_it_is_installed() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("claviger");
        let starts = || {
            let pieces = pieces(&dirs(root.path()), &program);
            pieces.iter().filter(|piece| piece.purpose.contains("window")).count()
        };
        assert_eq!(starts(), 0);
        fs::write(root.path().join("claviger-prompt"), "").unwrap();
        assert_eq!(starts(), 2);
    }

    #[test]
    fn the_service_files_have_no_placeholder_left() {
        let root = tempfile::tempdir().unwrap();
        let tools = root.path().join("my \"100%\" tools");
        fs::create_dir(&tools).unwrap();
        fs::write(tools.join("claviger-prompt"), "").unwrap();
        let pieces = pieces(&dirs(Path::new("/home/user")), &tools.join("claviger"));
        let systemd = pieces
            .iter()
            .find(|piece| piece.path.ends_with("claviger-vault.service"))
            .unwrap();
        assert!(matches!(&systemd.content,
            Content::Text(text) if text.contains(r#"/my \"100%%\" tools/claviger" vault"#)));
        for piece in pieces {
            if let Content::Text(text) = piece.content {
                assert!(!text.contains('@'), "{text}");
            }
        }
    }
}
