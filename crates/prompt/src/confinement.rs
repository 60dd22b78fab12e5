//! What the window that asks gives up before it draws anything.
//!
//! Of files it keeps the system's, and what a person may have changed about how windows look: themes, fonts, icons, settings. Nothing
//! else of the home can be read, nothing at all can be written but the switch by which dconf tells of changes, and no program be started.

use std::env;
use std::path::PathBuf;

use claviger_kernel::sandbox::Sandbox;

use crate::data_dirs;

/// The confinement, without Landlock where the window has to look at the executables of other processes.
pub fn of_the_prompt(knows_peers: bool) -> Sandbox {
    Sandbox {
        owns: dir("XDG_RUNTIME_DIR", None)
            .map(|runtime| runtime.join("dconf"))
            .into_iter()
            .collect(),
        reads: looks(),
        knows_peers,
        // A display may listen on one, and the bus.
        abstract_sockets: true,
    }
}

/// Where the looks of windows are kept.
fn looks() -> Vec<PathBuf> {
    let of = |base: Option<PathBuf>, names: &'static [&'static str]| {
        let base = base.into_iter();
        base.flat_map(move |base| names.iter().map(move |name| base.join(name)))
    };
    let home = env::home_dir();
    let mut looks = data_dirs::system();
    looks.extend(of(
        dir("XDG_CONFIG_HOME", Some(".config")),
        &["gtk-4.0", "fontconfig", "dconf", "glib-2.0/settings"],
    ));
    looks.extend(of(
        dir("XDG_DATA_HOME", Some(".local/share")),
        &["fonts", "icons", "themes"],
    ));
    looks.extend(of(dir("XDG_CACHE_HOME", Some(".cache")), &["fontconfig"]));
    looks.extend(of(home, &[".fonts", ".icons", ".themes", ".Xauthority"]));
    looks.extend(env::var_os("XAUTHORITY").map(PathBuf::from));
    looks.push("/var/cache/fontconfig".into());
    looks
}

/// A base directory, named by the environment or else below the home (Base Directory Specification 0.8).
fn dir(variable: &str, below_home: Option<&str>) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from).filter(|dir| dir.is_absolute());
    named.or_else(|| Some(env::home_dir()?.join(below_home?)))
}
