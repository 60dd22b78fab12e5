//! What a role gives up before it does anything: the network, new programs, and files that are not its own.
//!
//! seccomp takes away every socket but Unix ones, starting programs, and the calls that reach into other processes: their memory,
//! descriptors, signals, keyrings. Landlock leaves the role its own directories, and no process outside to signal. Both are
//! one-way and are applied before the first thread starts.
//!
//! The kernel forbids a process under Landlock to look at the executable of one that is not (`/proc/PID/exe`). The broker
//! and hello know their peers by just that, so they keep to seccomp; Landlock is for the vault, which holds the keys, and for who can have
//! systemd prove its peers. What that
//! leaves to the others, `tests/red_team` shows: `/proc/PID/mem` of a process that does not hide.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    Scope, path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// The newest Landlock rules that this code has been written against; older kernels enforce what they know.
const LANDLOCK: ABI = ABI::V6;

/// Directories that hold programs, libraries, devices and the process table, never a user's secrets.
const SYSTEM: [&str; 9] = [
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc", "/proc", "/sys", "/dev",
];

/// What a role keeps.
#[derive(Debug)]
pub struct Sandbox {
    /// Directories that the role reads and writes. They are created (mode 0700) when missing.
    pub owns: Vec<PathBuf>,
    /// What else it reads, beside the system's directories; what is not there is left out.
    pub reads: Vec<PathBuf>,
    /// Whether it looks at other processes' executables, and so has to do without Landlock.
    pub knows_peers: bool,
    /// Whether it may connect to abstract sockets of others: where its message bus listens on one.
    pub abstract_sockets: bool,
}

/// Why a role could not be confined. It must not start then.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A directory of the role cannot be made.
    #[error("cannot make {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel refused the system call filter.
    #[error("the kernel refuses the system call filter: {0}")]
    Seccomp(String),
    /// The kernel refused the file rules although it knows Landlock.
    #[error("the kernel refuses the file rules: {0}")]
    Landlock(#[from] landlock::RulesetError),
    /// The kernel refused a resource limit.
    #[error("the kernel refuses a resource limit: {0}")]
    Limit(#[from] rustix::io::Errno),
}

impl Sandbox {
    /// Confines the calling process for good. Call it before any thread is started.
    ///
    /// On a kernel without Landlock the file rules are missing; the log says so and `claviger doctor` shows it.
    pub fn enter(&self) -> Result<(), SandboxError> {
        no_core_dumps()?;
        for dir in &self.owns {
            make_private(dir)?;
        }
        if !self.knows_peers {
            self.limit_files()?;
        }
        limit_system_calls()
    }

    fn limit_files(&self) -> Result<(), SandboxError> {
        let all = AccessFs::from_all(LANDLOCK);
        let read: BitFlags<AccessFs> = AccessFs::from_read(LANDLOCK);
        let scopes = if self.abstract_sockets {
            Scope::Signal.into()
        } else {
            Scope::from_all(LANDLOCK)
        };
        let status = Ruleset::default()
            .handle_access(all)?
            .scope(scopes)?
            .create()?
            .add_rules(path_beneath_rules(SYSTEM, read))?
            .add_rules(path_beneath_rules(&self.reads, read))?
            .add_rules(path_beneath_rules(["/dev/null"], all))?
            .add_rules(path_beneath_rules(&self.owns, all))?
            .restrict_self()?;
        if status.ruleset == RulesetStatus::NotEnforced {
            tracing::warn!("this kernel has no Landlock: files are guarded by their permissions only");
        }
        Ok(())
    }
}

/// Hides this process's memory from other processes of the same user, as far as the kernel does that.
///
/// It also hides `/proc/PID/exe`, so a role calls this only after the broker has pinned its executable.
pub fn hide_memory() -> Result<(), SandboxError> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Whether this kernel enforces file rules.
pub fn has_landlock() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .is_ok()
}

/// Keeps this process's pages out of swap. Returns `false` when the user's limit is too small for that.
pub fn lock_memory() -> bool {
    const NEEDED: u64 = 256 << 20;
    let allowed = getrlimit(Resource::Memlock).current.is_none_or(|bytes| bytes >= NEEDED);
    allowed
        && rustix::mm::mlockall(
            rustix::mm::MlockAllFlags::CURRENT | rustix::mm::MlockAllFlags::FUTURE | rustix::mm::MlockAllFlags::ONFAULT,
        )
        .is_ok()
}

/// The kernel gives up a core dump for a limit of exactly 1; 0 stops files, but not dumps that are piped to a collector.
pub fn no_core_dumps() -> Result<(), SandboxError> {
    Ok(setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(1),
            maximum: Some(1),
        },
    )?)
}

fn make_private(dir: &Path) -> Result<(), SandboxError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| SandboxError::Directory {
            path: dir.to_owned(),
            source,
        })
}

/// What no role does. `io_uring` could open sockets behind the filter's back; the rest starts programs, reaches into other processes,
/// or changes the machine.
const FORBIDDEN: [i64; 40] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_io_uring_setup,
    // Other processes: memory, descriptors, signals, keyrings.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // What the kernel shows or lets be patched.
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_syslog,
    // Another view of the machine.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_personality,
];

fn limit_system_calls() -> Result<(), SandboxError> {
    let seccomp = |error: &dyn std::fmt::Display| SandboxError::Seccomp(error.to_string());
    let other_than = |argument, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(|error| seccomp(&error))
    };
    let own = u64::from(std::process::id());
    let not_always = [
        (libc::SYS_socket, vec![other_than(0, unsigned(libc::AF_UNIX))?]),
        // The C library ends a process by a signal to itself, and asks for limits of process 0, which is itself.
        (libc::SYS_kill, vec![other_than(0, own)?]),
        (libc::SYS_tgkill, vec![other_than(0, own)?]),
        (libc::SYS_prlimit64, vec![other_than(0, 0)?]),
    ];
    let never = FORBIDDEN.into_iter().map(|call| (call, Vec::new()));
    let rules = never.chain(not_always).collect();
    let architecture = std::env::consts::ARCH.try_into().map_err(|error| seccomp(&error))?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(EPERM), architecture)
        .map_err(|error| seccomp(&error))?;
    let program: BpfProgram = filter
        .try_into()
        .map_err(|error: seccompiler::BackendError| seccomp(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| seccomp(&error))
}

const EPERM: u32 = libc::EPERM.unsigned_abs();

fn unsigned(value: i32) -> u64 {
    u64::from(value.unsigned_abs())
}
