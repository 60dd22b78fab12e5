//! A whole platform of one test's own: a private bus that starts the real roles on demand, a temporary store, and a
//! scripted prompt. Everything ends with the value.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

pub mod door;
pub mod page;
pub mod pty;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use claviger_dev::bus::Bus;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The program under test.
pub const CLAVIGER: &str = env!("CARGO_BIN_EXE_claviger");

/// A running private bus with a temporary home.
pub struct Platform {
    bus: Bus,
    prompt: Option<Child>,
    program: PathBuf,
}

impl Platform {
    /// Starts the bus. The roles start when somebody calls them; the broker gets `broker_options`.
    pub fn start(broker_options: &str) -> Self {
        Self::installed_at(Path::new(CLAVIGER), broker_options)
    }

    /// The same, with the program under test at this path.
    pub fn installed_at(program: &Path, broker_options: &str) -> Self {
        let root = TempDir::new().unwrap();
        let services = root.path().join("services");
        fs::create_dir_all(&services).unwrap();
        for (name, role) in [
            ("Broker", format!("broker {broker_options}").trim_end().to_owned()),
            ("Hello", "hello".into()),
            ("Vault", "vault".into()),
        ] {
            let text = format!(
                "[D-BUS Service]\nName=org.claviger.{name}\nExec={} {role}\n",
                program.display()
            );
            fs::write(services.join(format!("org.claviger.{name}.service")), text).unwrap();
        }
        let home = root.path().to_owned();
        let platform = Self {
            bus: Bus::with_services(root, &services, |command| environment(command, &home)),
            prompt: None,
            program: program.to_owned(),
        };
        let manifests = platform.path("data/claviger/providers");
        fs::create_dir_all(&manifests).unwrap();
        fs::write(
            manifests.join("org.claviger.Vault.provider"),
            include_str!("../../data/org.claviger.Vault.provider"),
        )
        .unwrap();
        platform
    }

    /// Answers the platform's questions with this script from now on.
    pub fn answer_with(&mut self, script: &str) {
        self.stop_prompt();
        let path = self.path("script.json");
        fs::write(&path, script).unwrap();
        let prompt = self
            .command(&["prompt", "--script"])
            .arg(&path)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.prompt = Some(prompt);
        self.wait_until("the prompt is attached", |status| status["prompt"]["attached"] == true);
    }

    /// Ends the prompt.
    pub fn stop_prompt(&mut self) {
        if let Some(mut prompt) = self.prompt.take() {
            prompt.kill().unwrap();
            prompt.wait().unwrap();
            self.wait_until("the prompt is gone", |status| status["prompt"]["attached"] == false);
        }
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command that must succeed and returns its standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "claviger {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must succeed and parses its JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }

    /// Runs a command that must fail; returns its exit status and standard error.
    pub fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "claviger {arguments:?} succeeded");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// A path below the platform's temporary home.
    pub fn path(&self, below: &str) -> PathBuf {
        self.bus.folder().join(below)
    }

    /// A command in this platform's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.environed(&self.program);
        command.args(arguments);
        command
    }

    /// Another program in this platform's environment.
    pub fn environed(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("DBUS_SESSION_BUS_ADDRESS", self.bus.address());
        environment(&mut command, self.bus.folder());
        command
    }

    /// The processes that run this platform's program: the roles and the prompt. A vault shows no more of itself than its command.
    pub fn processes(&self) -> Vec<u32> {
        let is_ours = |pid: &u32| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command.split(|byte| *byte == 0).next() == Some(self.program.as_os_str().as_bytes())
        };
        let entries = fs::read_dir("/proc").unwrap();
        let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        pids.filter(is_ours).collect()
    }

    /// Ends the prompt and every role, in order; whoever needs one starts it again. For a platform with a program of its own: what
    /// runs another's looks the same.
    pub fn end_roles(&mut self) {
        self.stop_prompt();
        let running = self.processes();
        for pid in &running {
            let pid = Pid::from_raw(pid.cast_signed()).unwrap();
            let _ended_already = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.processes().iter().any(|pid| running.contains(pid)) {
            assert!(Instant::now() < deadline, "a role does not end");
        }
    }

    /// Asks for the status until it is what it should be.
    pub fn wait_until(&self, what: &str, holds: impl Fn(&serde_json::Value) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds(&self.json(&["status", "--json"])) {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
        }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if let Some(prompt) = &mut self.prompt {
            let _ = prompt.kill();
            let _ = prompt.wait();
        }
    }
}

fn environment(command: &mut Command, root: &Path) {
    command
        .env("HOME", root)
        .env("XDG_CONFIG_HOME", root.join("config"))
        .env("XDG_DATA_HOME", root.join("data"))
        .env("XDG_STATE_HOME", root.join("state"))
        .env("XDG_DATA_DIRS", root.join("system"))
        .env("XDG_RUNTIME_DIR", root);
}
