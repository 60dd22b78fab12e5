//! Roles and their units, and whether what systemd says of a unit proves a process. Pure, but for looking at whose the files are.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::writable::only_root_may_change;

/// A process of ours that has a unit at the user's systemd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The platform.
    Broker,
    /// User verification.
    Hello,
    /// The built-in provider.
    Vault,
    /// The user's side of the virtual security key.
    HidDoor,
    /// The graphical prompt.
    Prompt,
}

impl Role {
    /// The unit that runs it.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Broker => "claviger-broker.service",
            Self::Hello => "claviger-hello.service",
            Self::Vault => "claviger-vault.service",
            Self::HidDoor => "claviger-hid-door.service",
            Self::Prompt => "claviger-prompt.service",
        }
    }

    /// Its name on the session bus.
    pub fn bus_name(self) -> &'static str {
        match self {
            Self::Broker => "org.claviger.Broker",
            Self::Hello => "org.claviger.Hello",
            Self::Vault => "org.claviger.Vault",
            Self::HidDoor => "org.claviger.HidDoor",
            Self::Prompt => "org.claviger.Prompt",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broker => "broker",
            Self::Hello => "hello",
            Self::Vault => "vault",
            Self::HidDoor => "security-key door",
            Self::Prompt => "prompt",
        })
    }
}

/// What speaks against a process having its role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unproved {
    /// systemd does not answer, or not as it should.
    #[error("systemd cannot be asked: {0}")]
    NotAnswered(String),
    /// Another program has systemd's name on the session bus.
    #[error("what answers for systemd on the session bus is not the user's systemd (process {pid})")]
    OtherManager {
        /// The program.
        pid: u32,
    },
    /// Another process is the unit's.
    #[error("the main process of {unit} is another one ({main})")]
    OtherProcess {
        /// The unit.
        unit: &'static str,
        /// Its main process; 0 if it has none.
        main: u32,
    },
    /// The unit, or a file that changes it, could be written by others than root.
    #[error("{} says what {unit} runs, and others than root may change it", .file.display())]
    OtherUnit {
        /// The unit.
        unit: &'static str,
        /// The file; empty if the unit has none.
        file: PathBuf,
    },
    /// The process was told to load other code than its own.
    #[error("{0} is set for it")]
    Environment(String),
}

/// What systemd says of a role's unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitFacts {
    /// Property `MainPID`; 0 if there is none.
    pub main_pid: u32,
    /// Property `FragmentPath`: the unit's file.
    pub fragment: PathBuf,
    /// Property `DropInPaths`: files that change it.
    pub drop_ins: Vec<PathBuf>,
}

impl UnitFacts {
    /// Whether they prove that `pid` is `role`. An administrator's or a distribution's own drop-ins are root's, and change nothing of it.
    pub(crate) fn prove(&self, role: Role, pid: u32) -> Result<(), Unproved> {
        let unit = role.unit();
        if self.main_pid == 0 || self.main_pid != pid {
            return Err(Unproved::OtherProcess {
                unit,
                main: self.main_pid,
            });
        }
        for file in std::iter::once(&self.fragment).chain(&self.drop_ins) {
            if !is_roots(file) {
                return Err(Unproved::OtherUnit {
                    unit,
                    file: file.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Variables with which GTK, its libraries or the C library run code that is not the program's. All that begin with `LD_` have the
/// loader do so.
pub const OTHER_CODE: [&str; 9] = [
    "GTK_MODULES",
    "GTK3_MODULES",
    "GTK_PATH",
    "GTK_EXE_PREFIX",
    "GDK_PIXBUF_MODULE_FILE",
    "GDK_PIXBUF_MODULEDIR",
    "GIO_EXTRA_MODULES",
    "GIO_MODULE_DIR",
    "GCONV_PATH",
];

/// Whether the environment has none of these variables. The units take them away (`UnsetEnvironment=`).
pub(crate) fn loads_other_code(environment: &[u8]) -> Result<(), Unproved> {
    for variable in environment.split(|byte| *byte == 0) {
        let name = variable.split(|byte| *byte == b'=').next().unwrap_or_default();
        if name.starts_with(b"LD_") || OTHER_CODE.iter().any(|listed| listed.as_bytes() == name) {
            return Err(Unproved::Environment(String::from_utf8_lossy(name).into_owned()));
        }
    }
    Ok(())
}

/// Whether only root may change the file, by its name and by what a link of root's leads to.
fn is_roots(file: &Path) -> bool {
    file.is_absolute()
        && only_root_may_change(file)
        && file.canonicalize().is_ok_and(|target| only_root_may_change(&target))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A unit of root's, whatever it holds.
    fn roots() -> UnitFacts {
        UnitFacts {
            main_pid: 42,
            fragment: "/etc/passwd".into(),
            drop_ins: Vec::new(),
        }
    }

    #[test]
    fn the_main_process_of_roots_unit_is_proved() {
        assert_eq!(roots().prove(Role::Vault, 42), Ok(()));
        let administered = UnitFacts {
            drop_ins: vec!["/etc/hostname".into()],
            ..roots()
        };
        assert_eq!(administered.prove(Role::Vault, 42), Ok(()));
    }

    #[test]
    fn another_process_is_refused() {
        let other = |main| Unproved::OtherProcess {
            unit: "claviger-hello.service",
            main,
        };
        assert_eq!(roots().prove(Role::Hello, 43), Err(other(42)));
        let stopped = UnitFacts { main_pid: 0, ..roots() };
        assert_eq!(stopped.prove(Role::Hello, 0), Err(other(0)));
    }

    #[test]
    fn a_unit_that_others_may_change_is_refused() {
        // In a folder that everybody may write to a file of root's could be any other one.
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let theirs = folder.path().join("claviger-vault.service");
        std::fs::write(&theirs, "").unwrap();
        let refused = |file: &Path| {
            Err(Unproved::OtherUnit {
                unit: "claviger-vault.service",
                file: file.to_owned(),
            })
        };
        let linked = UnitFacts {
            fragment: theirs.clone(),
            ..roots()
        };
        assert_eq!(linked.prove(Role::Vault, 42), refused(&theirs));
        let changed = UnitFacts {
            drop_ins: vec!["/etc/hostname".into(), theirs.clone()],
            ..roots()
        };
        assert_eq!(changed.prove(Role::Vault, 42), refused(&theirs));
        let transient = UnitFacts {
            fragment: PathBuf::new(),
            ..roots()
        };
        assert_eq!(transient.prove(Role::Vault, 42), refused(Path::new("")));
    }

    #[test]
    fn code_from_the_environment_is_refused() {
        assert_eq!(
            loads_other_code(b"PATH=/bin\0GTK_THEME=Adwaita\0GTK_IM_MODULE=ibus\0"),
            Ok(())
        );
        for name in [
            "LD_PRELOAD",
            "LD_AUDIT",
            "GTK_MODULES",
            "GDK_PIXBUF_MODULE_FILE",
            "GCONV_PATH",
        ] {
            let environment = format!("PATH=/bin\0{name}=/tmp/x.so\0");
            assert_eq!(
                loads_other_code(environment.as_bytes()),
                Err(Unproved::Environment(name.to_owned()))
            );
        }
    }
}
