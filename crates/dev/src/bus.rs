//! A message bus of one test's own: a real `dbus-daemon`, which ends with the value.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use zbus::Connection;
use zbus::connection::Builder;

/// A running bus and its folder, in which a test may keep what it likes.
#[derive(Debug)]
pub struct Bus {
    daemon: Child,
    address: String,
    folder: TempDir,
}

impl Bus {
    /// Starts a session bus.
    pub fn start() -> Self {
        Self::launch(tempfile::tempdir().unwrap(), "--session", |_| {})
    }

    /// Starts a bus that starts the services described in `services`, which get what `environment` adds to this process's
    /// variables. Whoever likes may listen to everything on it.
    pub fn with_services(folder: TempDir, services: &Path, environment: impl FnOnce(&mut Command)) -> Self {
        let config = folder.path().join("bus.conf");
        std::fs::write(&config, configuration(services)).unwrap();
        Self::launch(folder, &format!("--config-file={}", config.display()), environment)
    }

    fn launch(folder: TempDir, config: &str, environment: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new("dbus-daemon");
        command
            .args([config, "--nofork", "--nopidfile", "--print-address"])
            .arg(format!("--address=unix:dir={}", folder.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        environment(&mut command);
        let mut daemon = command.spawn().expect("dbus-daemon is installed (package dbus-daemon)");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        Self {
            daemon,
            address: address.trim().to_owned(),
            folder,
        }
    }

    /// Where it listens, as `DBUS_SESSION_BUS_ADDRESS` names it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The folder that goes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A connection of its own.
    pub async fn connect(&self) -> Connection {
        self.builder().build().await.unwrap()
    }

    /// A connection that is not made yet.
    pub fn builder(&self) -> Builder<'static> {
        Builder::address(self.address.as_str())
    }

    /// Ends it; every connection learns of it.
    pub fn end(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.end();
    }
}

fn configuration(services: &Path) -> String {
    format!(
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
         \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
         <busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>\n\
         <servicedir>{}</servicedir>\n\
         <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
         <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n",
        services.display()
    )
}
