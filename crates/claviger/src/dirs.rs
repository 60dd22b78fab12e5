//! Where things lie: the XDG base directories, read from the environment once, here and nowhere else. The libraries
//! take paths as arguments.

use std::env;
use std::path::PathBuf;

/// The directories of one user's platform.
#[derive(Clone, Debug)]
pub struct Dirs {
    /// `$XDG_CONFIG_HOME`, without `claviger`: browsers keep their profiles below it too.
    pub config_home: PathBuf,
    /// `$XDG_DATA_HOME`, without `claviger`: D-Bus service files lie below it too.
    pub data_home: PathBuf,
    /// `$XDG_STATE_HOME/claviger`.
    pub state: PathBuf,
    /// `$XDG_DATA_DIRS`, the administrator's and the distribution's directories, in order.
    pub system_data: Vec<PathBuf>,
}

/// The environment names no home directory.
#[derive(Debug, thiserror::Error)]
#[error("HOME is not set, so there is no place for your passkeys; start Claviger from your session")]
pub struct NoHome;

impl Dirs {
    /// Reads the environment. Relative paths are ignored, as the XDG base directory specification asks.
    pub fn from_env() -> Result<Self, NoHome> {
        let home = absolute("HOME").ok_or(NoHome)?;
        let or_home = |name, fallback: &str| absolute(name).unwrap_or_else(|| home.join(fallback));
        let data_dirs = env::var_os("XDG_DATA_DIRS")
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| "/usr/local/share:/usr/share".into());
        Ok(Self {
            config_home: or_home("XDG_CONFIG_HOME", ".config"),
            data_home: or_home("XDG_DATA_HOME", ".local/share"),
            state: or_home("XDG_STATE_HOME", ".local/state").join("claviger"),
            system_data: env::split_paths(&data_dirs).filter(|path| path.is_absolute()).collect(),
        })
    }

    /// Claviger's configuration: privileged callers and the like.
    pub fn config(&self) -> PathBuf {
        self.config_home.join("claviger")
    }

    /// Which doors are switched off.
    pub fn doors(&self) -> PathBuf {
        self.config().join("doors.json")
    }

    /// The directory of the built-in vault.
    pub fn vault(&self) -> PathBuf {
        self.data_home.join("claviger/vault")
    }

    /// Where the broker keeps rules, registry, cache, keys and the audit log.
    pub fn broker_state(&self) -> PathBuf {
        self.state.join("broker")
    }

    /// Where hello keeps the PIN's protector and the try counter.
    pub fn hello_state(&self) -> PathBuf {
        self.state.join("hello")
    }

    /// Where the vault, as a provider, keeps the platform's pinned keys and the last sequence number.
    pub fn vault_state(&self) -> PathBuf {
        self.state.join("providers/org.claviger.Vault")
    }

    /// The directories with provider manifests, the administrator's before the user's.
    pub fn manifests(&self) -> Vec<PathBuf> {
        let mut dirs: Vec<PathBuf> = self
            .system_data
            .iter()
            .map(|dir| dir.join("claviger/providers"))
            .collect();
        dirs.push(self.data_home.join("claviger/providers"));
        dirs
    }
}

/// Whether the session bus listens on an abstract socket, as some that are started by hand do.
pub fn bus_is_abstract() -> bool {
    env::var("DBUS_SESSION_BUS_ADDRESS").is_ok_and(|address| address.contains("unix:abstract="))
}

fn absolute(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}
