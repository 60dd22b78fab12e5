//! What the hid helper keeps: to open one device, to read one directory, to accept, receive and send on sockets that it has.
//!
//! The other roles forbid what is dangerous; this one allows what is needed. Whoever takes it over can make FIDO devices, or feign other
//! HID devices through the device that it may open, and nothing beyond.

use std::collections::BTreeMap;
use std::path::Path;

use claviger_kernel::sandbox::{SandboxError, hide_memory, no_core_dumps};
use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
    path_beneath_rules,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// The newest Landlock rules that this code has been written against; older kernels enforce what they know.
const LANDLOCK: ABI = ABI::V6;

/// Confines the calling process to `device` and the directory `seats` for good. Call it before any thread is started.
pub fn enter(device: &Path, seats: &Path) -> Result<(), SandboxError> {
    no_core_dumps()?;
    hide_memory()?;
    limit_files(device, seats)?;
    limit_system_calls()
}

fn limit_files(device: &Path, seats: &Path) -> Result<(), SandboxError> {
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .add_rules(path_beneath_rules([device], AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules([seats], AccessFs::ReadFile | AccessFs::ReadDir))?
        .restrict_self()?;
    if status.ruleset == RulesetStatus::NotEnforced {
        tracing::warn!("this kernel has no Landlock: files are guarded by their permissions only");
    }
    Ok(())
}

fn limit_system_calls() -> Result<(), SandboxError> {
    let seccomp = |error: &dyn std::fmt::Display| SandboxError::Seccomp(error.to_string());
    // Memory, but none that can be executed.
    let not_executable = SeccompCondition::new(
        2,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(u64::from(libc::PROT_EXEC.unsigned_abs())),
        0,
    )
    .and_then(|condition| SeccompRule::new(vec![condition]))
    .map_err(|error| seccomp(&error))?;
    let rules: BTreeMap<_, _> = ALLOWED
        .into_iter()
        .map(|call| (call, Vec::new()))
        .chain([(libc::SYS_mmap, vec![not_executable])])
        .collect();
    let architecture = std::env::consts::ARCH.try_into().map_err(|error| seccomp(&error))?;
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, architecture);
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(|error| seccomp(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| seccomp(&error))
}

/// All that one thread needs that waits, reads, writes, and keeps some memory. No new socket, program, process or thread.
const ALLOWED: [i64; 32] = [
    // The work.
    libc::SYS_ppoll,
    libc::SYS_accept4,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    // The device and the seats; Landlock says which files.
    libc::SYS_openat,
    libc::SYS_getdents64,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_lseek,
    libc::SYS_fcntl,
    // The C and Rust libraries.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_sched_yield,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit_group,
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stdout)]

    use std::fs::{self, File};
    use std::process::{Command, Stdio};

    use super::*;

    const DEVICE: &str = "CLAVIGER_TEST_DEVICE";

    /// Not a test by itself: the helper. It confines itself, tries everything, and says what it could do.
    #[test]
    fn helper() {
        let Some(device) = std::env::var_os(DEVICE) else { return };
        let device = Path::new(&device);
        let seats = device.with_file_name("seats");
        enter(device, &seats).unwrap();
        let tried = [
            ("device", File::options().read(true).write(true).open(device).is_err()),
            ("seats", fs::read_dir(&seats).is_err()),
            ("file", File::open(device.with_file_name("other")).is_err()),
            ("the system's file", File::open("/etc/passwd").is_err()),
            ("thread", std::thread::Builder::new().spawn(|| ()).is_err()),
            ("program", Command::new("/bin/true").status().is_err()),
            ("network", std::net::UdpSocket::bind("127.0.0.1:0").is_err()),
            ("local socket", std::os::unix::net::UnixDatagram::unbound().is_err()),
        ];
        for (what, refused) in tried {
            println!("\n{what}: {}", if refused { "refused" } else { "done" });
        }
        // Not even a thread may end by itself.
        std::process::exit(0);
    }

    #[test]
    fn the_helper_opens_its_device_and_reads_its_seats_and_does_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["device", "other"] {
            fs::write(folder.path().join(name), []).unwrap();
        }
        fs::create_dir(folder.path().join("seats")).unwrap();
        let ran = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hid::sandbox::tests::helper", "--nocapture"])
            .env(DEVICE, folder.path().join("device"))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
        let said = String::from_utf8(ran.stdout).unwrap();
        for what in ["device", "seats"] {
            assert!(said.contains(&format!("\n{what}: done")), "{what}\n{said}");
        }
        for what in [
            "file",
            "the system's file",
            "thread",
            "program",
            "network",
            "local socket",
        ] {
            assert!(said.contains(&format!("\n{what}: refused")), "{what}\n{said}");
        }
    }
}
