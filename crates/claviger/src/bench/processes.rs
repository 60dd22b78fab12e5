//! Ceremonies over D-Bus: a door, the broker and the vault, each its own process on a private bus; the door's process also plays
//! the prompt.
//!
//! All of them are the real roles, but for hello: its key is opened once in the broker's process, so that the figures hold
//! everything of a verification but the PIN's key derivation.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_broker::ceremony::{HelloStatus, PinFailure, VerifyFailure};
use claviger_broker::{Broker, Config, Unavailable, UserVerifier, Verification, VerifierStatus};
use claviger_doors::browser;
use claviger_hello::verification::VerifyRequest;
use claviger_hello::{Hello, HelloError, OpenKey};
use claviger_pin::Pin;
use claviger_prompt_api::dbus::{Manage1Proxy, PATH};
use claviger_prompt_api::manage::Status;
use futures_util::future::BoxFuture;
use serde_json::Value;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;

use super::figures::Figures;
use crate::dirs::Dirs;
use crate::output::Failure;
use crate::roles;

/// How long the vault may take to tell of all that it keeps.
const LIST_PATIENCE: Duration = Duration::from_mins(5);

/// The benchmark's PIN; it guards nothing.
pub const PIN: &str = "493817";

/// Gestures that one run may use: creating, using, unlocking, and some to spare.
const GESTURES: u32 = 100_000;

/// How long the platform may take to come up.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What was measured.
pub struct OverDbus {
    /// One method call of 800 bytes and its answer.
    pub round_trip: Figures,
    /// Creating a passkey, the vault's durable write included.
    pub create: Figures,
    /// Using one.
    pub get: Figures,
    /// Resident memory of the idle broker, in KiB.
    pub broker_kib: u64,
    /// Resident memory of the idle, unlocked vault, in KiB.
    pub vault_kib: u64,
    /// From the broker's start to its first answer, in milliseconds.
    pub start_ms: f64,
}

/// Measures `count` of each below `folder`, once the broker knows of this many passkeys there.
pub fn measure(folder: &Path, count: usize, passkeys: usize) -> Result<OverDbus, Failure> {
    let bench = Bench::start(folder)?;
    roles::block_on(listed(&bench.address, passkeys))??;
    let answer = bench
        .child(&["bench", "door", &count.to_string()])
        .stdout(Stdio::piped())
        .output();
    let answer = answer.map_err(Failure::failed)?;
    let measured: Value = serde_json::from_slice(&answer.stdout).map_err(|_| {
        Failure::Failed(format!(
            "the door measured nothing: {}",
            String::from_utf8_lossy(&answer.stderr)
        ))
    })?;
    let times = |name: &str| {
        let list = measured.get(name).and_then(Value::as_array);
        let nanos = list
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .map(Duration::from_nanos);
        Figures::of(nanos.collect()).ok_or_else(|| Failure::Failed(format!("the door did not measure {name}")))
    };
    Ok(OverDbus {
        round_trip: times("round_trip")?,
        create: times("create")?,
        get: times("get")?,
        broker_kib: resident_kib(bench.broker.0.id())?,
        vault_kib: resident_kib(roles::block_on(process_of(&bench.address, "org.claviger.Vault"))??)?,
        start_ms: bench.start_ms,
    })
}

/// Runs the hidden `claviger bench broker`: the broker with hello's key already open, and an echo to measure the bus with.
pub fn broker(folder: &Path) -> Result<(), Failure> {
    let dirs = Dirs::from_env().map_err(Failure::failed)?;
    let hello = Hello::open(&folder.join("hello")).map_err(Failure::failed)?;
    let pin = Pin::new(PIN).map_err(Failure::failed)?;
    match hello.set_pin(&pin) {
        // Of an earlier run in the same folder.
        Ok(()) | Err(HelloError::AlreadySet) => {}
        Err(error) => return Err(Failure::failed(error)),
    }
    let key = hello.open_key(pin, GESTURES).map_err(Failure::failed)?;
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let config = Config {
        privileged_caller_files: vec![folder.join("privileged-callers")],
        allow_scripted_prompt: true,
        verifier: Some(Arc::new(OpenHello { hello, key })),
        ..Config::new(dirs.broker_state(), dirs.manifests(), program)
    };
    roles::block_on(async {
        let connection = zbus::Connection::session().await.map_err(Failure::failed)?;
        let broker = Broker::start(connection.clone(), config)
            .await
            .map_err(Failure::failed)?;
        browser::open(&broker).await.map_err(Failure::failed)?;
        connection
            .object_server()
            .at(PATH, Echo)
            .await
            .map_err(Failure::failed)?;
        connection.closed().await;
        Ok(())
    })?
}

/// A private bus with a broker and a prompt, ended with the value.
struct Bench {
    start_ms: f64,
    // Fields drop in this order: the bus last.
    _prompt: Ended,
    broker: Ended,
    _bus: Ended,
    address: String,
    environment: Vec<(&'static str, String)>,
}

impl Bench {
    fn start(folder: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::failed)?;
        lay_out(folder, &program).map_err(Failure::failed)?;
        let home = |name: &str| folder.join(name).display().to_string();
        let mut environment = vec![
            ("HOME", home("")),
            ("XDG_CONFIG_HOME", home("config")),
            ("XDG_DATA_HOME", home("data")),
            ("XDG_STATE_HOME", home("state")),
            ("XDG_DATA_DIRS", home("system")),
        ];
        let mut bus = Command::new("setpriv")
            // Ends with this process, however that ends.
            .args(["--pdeathsig", "TERM", "dbus-daemon"])
            .args(["--nofork", "--nopidfile", "--print-address"])
            .arg(format!("--config-file={}", home("bus.conf")))
            .envs(environment.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map(Ended)
            .map_err(|error| {
                Failure::Failed(format!("cannot start dbus-daemon (packages dbus, util-linux): {error}"))
            })?;
        let mut address = String::new();
        if let Some(output) = bus.0.stdout.take() {
            BufReader::new(output)
                .read_line(&mut address)
                .map_err(Failure::failed)?;
        }
        environment.push(("DBUS_SESSION_BUS_ADDRESS", address.trim().to_owned()));
        let spawn = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command
                .args(arguments)
                .envs(environment.iter().cloned())
                .stdout(Stdio::null());
            command.spawn().map(Ended).map_err(Failure::failed)
        };
        let start = Instant::now();
        let real = spawn(&["broker"])?;
        let start_ms = roles::block_on(first_answer(address.trim(), start))??;
        drop(real);
        let broker = spawn(&["bench", "broker", &home("")])?;
        roles::block_on(first_answer(address.trim(), Instant::now()))??;
        let prompt = spawn(&["prompt", "--script", &home("script.json")])?;
        roles::block_on(unlocked(address.trim()))??;
        Ok(Self {
            start_ms,
            _prompt: prompt,
            broker,
            _bus: bus,
            address: address.trim().to_owned(),
            environment,
        })
    }

    fn child(&self, arguments: &[&str]) -> Command {
        // `current_exe` worked a moment ago.
        let mut command = Command::new(std::env::current_exe().unwrap_or_default());
        command.args(arguments).envs(self.environment.iter().cloned());
        command
    }
}

/// A process that is ended when nobody needs it any more.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Hello after the key derivation.
struct OpenHello {
    hello: Hello,
    key: OpenKey,
}

impl UserVerifier for OpenHello {
    fn status(&self) -> BoxFuture<'_, Result<VerifierStatus, Unavailable>> {
        let status = self.hello.status();
        let status = VerifierStatus {
            hello: HelloStatus {
                methods: status.methods,
                restored: status.restored,
                recovery_code: status.recovery_code,
            },
            tier: status.tier,
            uv_key: self.hello.uv_key(),
            client_pin: status.client_pin,
            locks_with_session: status.locks_with_session,
        };
        Box::pin(async move { Ok(status) })
    }

    fn set_pin(&self, _pin: OwnedFd) -> BoxFuture<'_, Result<(), PinFailure>> {
        Box::pin(async { Err(PinFailure::AlreadySet) })
    }

    fn verify(&self, _pin: OwnedFd, request: VerifyRequest) -> BoxFuture<'_, Result<Verification, VerifyFailure>> {
        let attested = request
            .evidence
            .ok_or(VerifyFailure::Unavailable)
            .and_then(|operation| {
                let evidence = self.key.attest(&operation).map_err(|_| VerifyFailure::Unavailable)?;
                let boxes = request
                    .unlock
                    .iter()
                    .map(|target| {
                        self.key
                            .unlock_box(&target.provider, target.transaction, &target.recipient)
                    })
                    .collect::<Result<_, _>>()
                    .map_err(|_| VerifyFailure::Unavailable)?;
                Ok(Verification { evidence, boxes })
            });
        Box::pin(async move { attested })
    }
}

/// Gives back what it gets.
struct Echo;

#[zbus::interface(name = "org.claviger.Bench1")]
impl Echo {
    #[allow(clippy::unused_self)]
    fn echo(&self, load: Vec<u8>) -> Vec<u8> {
        load
    }
}

async fn first_answer(address: &str, start: Instant) -> Result<f64, Failure> {
    let broker = connect(address).await?;
    loop {
        if broker.status().await.is_ok() {
            return Ok(start.elapsed().as_secs_f64() * 1e3);
        }
        if start.elapsed() > PATIENCE {
            return Err(Failure::Failed("the benchmark's broker does not answer".into()));
        }
        tokio::task::yield_now().await;
    }
}

/// Unlocks the vault, which also makes it, once the prompt is there to approve.
async fn unlocked(address: &str) -> Result<(), Failure> {
    let broker = connect(address).await?;
    let start = Instant::now();
    loop {
        let error = match broker.unlock("").await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if start.elapsed() > PATIENCE {
            return Err(Failure::Failed(format!("the benchmark's vault does not open: {error}")));
        }
    }
}

/// Waits until the vault has pushed its list.
async fn listed(address: &str, passkeys: usize) -> Result<(), Failure> {
    let broker = connect(address).await?;
    let start = Instant::now();
    loop {
        let status: Status =
            serde_json::from_str(&broker.status().await.map_err(Failure::failed)?).map_err(Failure::failed)?;
        if status.providers.iter().any(|provider| provider.passkeys >= passkeys) {
            return Ok(());
        }
        if start.elapsed() > LIST_PATIENCE {
            let told = format!("the benchmark's vault did not tell of its {passkeys} passkeys");
            return Err(Failure::Failed(told));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn connect(address: &str) -> Result<Manage1Proxy<'static>, Failure> {
    let connection = zbus::connection::Builder::address(address)
        .build()
        .await
        .map_err(Failure::failed)?;
    Manage1Proxy::new(&connection).await.map_err(Failure::failed)
}

fn lay_out(folder: &Path, program: &Path) -> std::io::Result<()> {
    let services = folder.join("services");
    let manifests = folder.join("data/claviger/providers");
    for dir in [&services, &manifests] {
        fs::create_dir_all(dir)?;
    }
    fs::write(
        services.join("org.claviger.Vault.service"),
        format!(
            "[D-BUS Service]\nName=org.claviger.Vault\nExec={} vault\n",
            program.display()
        ),
    )?;
    fs::write(
        manifests.join("org.claviger.Vault.provider"),
        include_str!("../../data/org.claviger.Vault.provider"),
    )?;
    fs::write(folder.join("privileged-callers"), format!("{}\n", program.display()))?;
    fs::write(
        folder.join("script.json"),
        format!(r#"[{{"do":{{"approve":true,"pin":"{PIN}"}}}}]"#),
    )?;
    fs::write(
        folder.join("bus.conf"),
        format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n<busconfig><type>session</type>\
             <listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth><servicedir>{}</servicedir>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/> \
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n",
            services.display()
        ),
    )
}

fn resident_kib(pid: u32) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(Failure::failed)?;
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next());
    value
        .and_then(|kib| kib.parse().ok())
        .ok_or_else(|| Failure::Failed(format!("process {pid} has no resident memory to read")))
}

/// The process that owns a name on this bus.
async fn process_of(address: &str, name: &'static str) -> Result<u32, Failure> {
    let connection = zbus::connection::Builder::address(address)
        .build()
        .await
        .map_err(Failure::failed)?;
    let bus = DBusProxy::new(&connection).await.map_err(Failure::failed)?;
    let name = BusName::try_from(name).map_err(Failure::failed)?;
    bus.get_connection_unix_process_id(name).await.map_err(Failure::failed)
}
