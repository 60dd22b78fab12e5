//! What the user has switched: small files below `$XDG_CONFIG_HOME/claviger`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use claviger_broker::DoorSwitch;
use serde_json::{Map, Value};

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The member for the security-key door.
const HID: &str = "hid";

/// The switch of the security-key door, in this `doors.json`.
pub struct HidDoor(pub PathBuf);

impl DoorSwitch for HidDoor {
    /// Yes, unless the file says no or cannot be read.
    fn is_on(&self) -> bool {
        match read(&self.0) {
            Ok(settings) => settings.get(HID).and_then(Value::as_bool).unwrap_or(true),
            Err(error) => {
                tracing::error!(path = %self.0.display(), %error, "the doors' settings cannot be read: the security-key door stays shut");
                false
            }
        }
    }

    /// What else the file says stays. An error names the file.
    fn turn(&self, on: bool) -> io::Result<()> {
        replace(&self.0, on).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.0.display())))
    }
}

fn replace(path: &Path, on: bool) -> io::Result<()> {
    let mut settings = read(path)?;
    settings.insert(HID.to_owned(), on.into());
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    claviger_files::replace_public(path, format!("{:#}\n", Value::Object(settings)).as_bytes())
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
        let door = HidDoor(doors.clone());
        assert!(door.is_on());
        door.turn(false).unwrap();
        assert!(!door.is_on());
        door.turn(true).unwrap();
        assert!(door.is_on());
        fs::write(&doors, "{").unwrap();
        assert!(!door.is_on());
        let refused = door.turn(true).unwrap_err().to_string();
        assert!(refused.contains("doors.json"), "{refused}");
        assert_eq!(fs::read_to_string(&doors).unwrap(), "{", "nothing is lost");
        fs::remove_file(&doors).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &doors, rustix::fs::Mode::RWXU).unwrap();
        assert!(!door.is_on(), "and nobody waits for a pipe");
        fs::remove_file(&doors).unwrap();
        fs::write(&doors, r#"{"later": 1, "hid": true}"#).unwrap();
        door.turn(false).unwrap();
        assert_eq!(read(&doors).unwrap().get("later"), Some(&Value::from(1)));
    }
}
