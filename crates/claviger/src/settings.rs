//! What the user has switched: small files below `$XDG_CONFIG_HOME/claviger`.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The member for the security-key door.
const HID: &str = "hid";

/// Whether the user wants the security-key door: yes, unless `doors.json` says no or cannot be read.
pub fn hid_door(doors: &Path) -> bool {
    match read(doors) {
        Ok(settings) => settings.get(HID).and_then(Value::as_bool).unwrap_or(true),
        Err(error) => {
            tracing::error!(path = %doors.display(), %error, "the doors' settings cannot be read: the security-key door stays shut");
            false
        }
    }
}

/// Switches the security-key door. What else the file says stays.
///
/// # Errors
///
/// The file cannot be read or written.
pub fn set_hid_door(doors: &Path, wanted: bool) -> io::Result<()> {
    let mut settings = read(doors)?;
    settings.insert(HID.to_owned(), wanted.into());
    let folder = doors.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    claviger_files::replace_public(doors, format!("{:#}\n", Value::Object(settings)).as_bytes())
}

fn read(path: &Path) -> io::Result<Map<String, Value>> {
    match claviger_files::read(path, MAX_BYTES)? {
        Some(bytes) => Ok(serde_json::from_slice(&bytes)?),
        None => Ok(Map::new()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_door_is_open_until_it_is_switched_off_and_a_damaged_file_shuts_it() {
        let folder = tempfile::tempdir().unwrap();
        let doors = folder.path().join("claviger/doors.json");
        assert!(hid_door(&doors));
        set_hid_door(&doors, false).unwrap();
        assert!(!hid_door(&doors));
        set_hid_door(&doors, true).unwrap();
        assert!(hid_door(&doors));
        fs::write(&doors, "{").unwrap();
        assert!(!hid_door(&doors));
        assert!(set_hid_door(&doors, true).is_err(), "nothing is lost");
        fs::remove_file(&doors).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &doors, rustix::fs::Mode::RWXU).unwrap();
        assert!(!hid_door(&doors), "and nobody waits for a pipe");
        fs::remove_file(&doors).unwrap();
        fs::write(&doors, r#"{"later": 1, "hid": true}"#).unwrap();
        set_hid_door(&doors, false).unwrap();
        assert_eq!(read(&doors).unwrap().get("later"), Some(&Value::from(1)));
    }
}
