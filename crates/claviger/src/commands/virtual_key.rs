//! `claviger virtual-key`: the word for a program that does not come with this one. It becomes `claviger-virtual-key`, which lies
//! beside it or in `PATH`.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::output::Failure;

const PROGRAM: &str = "claviger-virtual-key";

/// Goes on as the virtual key; returns only when there is none.
pub fn become_it(arguments: &[OsString]) -> Failure {
    let beside = env::current_exe().map(|program| program.with_file_name(PROGRAM));
    // A name without a slash is looked for in PATH.
    for program in beside.into_iter().chain([PathBuf::from(PROGRAM)]) {
        let error = Command::new(&program).args(arguments).exec();
        if error.kind() != io::ErrorKind::NotFound {
            return Failure::Failed(format!("cannot start {}: {error}", program.display()));
        }
    }
    Failure::Usage(format!(
        "the virtual key is a program of its own, for tests, and it is not installed: there is no {PROGRAM} beside this program or \
         in PATH. From Claviger's source, `cargo build --release --package {PROGRAM}` makes it."
    ))
}
