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
