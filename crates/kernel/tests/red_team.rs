//! What a role that somebody took over can still do to other processes of the user.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};

use claviger_kernel::sandbox::Sandbox;
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, Signal, getpid, kill_process, pidfd_getfd, pidfd_open, pidfd_send_signal,
};

const ROLE: &str = "CLAVIGER_TEST_ROLE";
const TARGET: &str = "CLAVIGER_TEST_TARGET";
/// A file of the user's that no role needs.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

/// Not a test by itself: the role. It confines itself, tries everything, and says what it could do.
#[test]
fn role() {
    let (Ok(role), Ok(target)) = (std::env::var(ROLE), std::env::var(TARGET)) else {
        return;
    };
    let sandbox = Sandbox {
        owns: Vec::new(),
        reads: Vec::new(),
        knows_peers: role == "broker",
        abstract_sockets: false,
    };
    sandbox.enter().unwrap();
    let pid = Pid::from_raw(target.parse().unwrap()).unwrap();
    let handle = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let refused = |tried: Result<(), Errno>| tried == Err(Errno::PERM);
    let tried = [
        ("signal", refused(kill_process(pid, Signal::CONT))),
        ("signal by handle", refused(pidfd_send_signal(&handle, Signal::CONT))),
        (
            "descriptor",
            refused(pidfd_getfd(handle.as_fd(), 0, PidfdGetfdFlags::empty()).map(drop)),
        ),
        ("own signal", kill_process(getpid(), Signal::CONT).is_err()),
        ("executable", std::fs::read_link(format!("/proc/{target}/exe")).is_err()),
        ("memory", File::open(format!("/proc/{target}/mem")).is_err()),
        ("abstract socket", UnixStream::connect_addr(&address(&target)).is_err()),
        ("program", Command::new("/bin/true").status().is_err()),
        ("network", std::net::UdpSocket::bind("127.0.0.1:0").is_err()),
        ("file", File::open(FILE).is_err()),
        ("the system's file", File::open("/etc/passwd").is_err()),
    ];
    for (what, refused) in tried {
        println!("\n{what}: {}", if refused { "refused" } else { "done" });
    }
}

/// Another process of the user, which does not hide.
struct Target(Child);

impl Target {
    fn start() -> Self {
        Self(unprivileged("sleep").arg("60").spawn().unwrap())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What a role of this kind could do to a target, line by line.
fn attempts(role: &str) -> String {
    let target = Target::start();
    let pid = target.0.id().to_string();
    let _listener = UnixListener::bind_addr(&address(&pid)).unwrap();
    let program = std::env::current_exe().unwrap();
    let ran = unprivileged(program.to_str().unwrap())
        .args(["--exact", "role", "--nocapture"])
        .env(ROLE, role)
        .env(TARGET, pid)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(ran.status.success());
    String::from_utf8(ran.stdout).unwrap()
}

/// With no more rights than a user has: root may reach into every process.
fn unprivileged(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-all", "--inh-caps=-all", program]);
        command
    } else {
        Command::new(program)
    }
}

fn address(name: &str) -> SocketAddr {
    SocketAddr::from_abstract_name(format!("claviger-test-{name}")).unwrap()
}

#[test]
fn the_vault_reaches_no_other_process_and_no_file_that_is_not_its_own() {
    let said = attempts("vault");
    for what in [
        "signal",
        "signal by handle",
        "descriptor",
        "executable",
        "memory",
        "abstract socket",
        "program",
        "network",
        "file",
    ] {
        assert!(said.contains(&format!("\n{what}: refused")), "{what}\n{said}");
    }
    for what in ["own signal", "the system's file"] {
        assert!(said.contains(&format!("\n{what}: done")), "{what}\n{said}");
    }
}

/// What SECURITY.md says is not claimed: roles that know their peers can read what does not hide.
#[test]
fn the_broker_and_hello_reach_the_memory_of_a_process_that_does_not_hide_and_nothing_else() {
    let said = attempts("broker");
    for what in ["signal", "signal by handle", "descriptor", "program", "network"] {
        assert!(said.contains(&format!("\n{what}: refused")), "{what}\n{said}");
    }
    for what in ["executable", "memory", "abstract socket", "own signal", "file"] {
        assert!(said.contains(&format!("\n{what}: done")), "{what}\n{said}");
    }
}
