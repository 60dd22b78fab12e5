//! The long-running processes: each confines itself, connects to the session bus, and serves until it is told to end.

use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::sync::Arc;

use claviger_broker::{Broker, Config, DoorSwitch};
use claviger_ctap::crypto::native;
use claviger_doors::hid::control::Control;
use claviger_doors::hid::process::{self, Place};
use claviger_doors::{browser, hid};
use claviger_files::Durability;
use claviger_hello::Hello;
use claviger_hello::service::{self, Surroundings};
use claviger_kernel::sandbox::{self, Sandbox};
use claviger_logind::Logind;
use claviger_peer::{Peers, SystemBus, proves_roles};
use claviger_vault::{Options, idle, role};
use tokio::signal::unix::{SignalKind, signal};

use crate::broken;
use crate::dirs::{self, Dirs};
use crate::output::{self, Failure};
use crate::settings;
use crate::upgrade::Program;

/// Programs beyond the known browsers that may name a web origin, one path on each line.
const PRIVILEGED_CALLERS: &str = "/etc/claviger/privileged-callers";

/// Runs `claviger broker`.
pub fn broker(dirs: &Dirs, allow_scripted_prompt: bool) -> Result<(), Failure> {
    let sandbox = Sandbox {
        owns: vec![dirs.broker_state()],
        reads: Vec::new(),
        knows_peers: true,
        abstract_sockets: false,
    };
    sandbox.enter().map_err(Failure::failed)?;
    let config = Config {
        privileged_caller_files: vec![PRIVILEGED_CALLERS.into(), dirs.config().join("privileged-callers")],
        allow_scripted_prompt,
        look: Some(Arc::new({
            let dirs = dirs.clone();
            move || broken::troubles(&dirs)
        })),
        door_switch: Some(Arc::new(settings::HidDoor(dirs.doors()))),
        ..Config::new(dirs.broker_state(), dirs.manifests(), own_executable()?)
    };
    if allow_scripted_prompt {
        tracing::warn!("a SCRIPT may approve for the user (--allow-scripted-prompt): for tests only");
    }
    block_on(async {
        let connection = zbus::Connection::session().await.map_err(Failure::failed)?;
        let broker = Broker::start_with(connection.clone(), config, async |broker| {
            browser::open(broker).await?;
            hid::open(broker).await
        })
        .await
        .map_err(Failure::failed)?;
        until_told_to_end(&connection)?.await;
        broker.shut_down().await;
        Ok(())
    })?
}

/// Runs `claviger hello`.
pub fn hello(dirs: &Dirs) -> Result<(), Failure> {
    let sandbox = Sandbox {
        owns: vec![dirs.hello_state()],
        reads: Vec::new(),
        knows_peers: true,
        abstract_sockets: false,
    };
    // It stays visible in /proc, because the broker looks at its executable before it passes on a PIN.
    sandbox.enter().map_err(Failure::failed)?;
    sandbox::lock_memory();
    let program = own_executable()?;
    block_on(async {
        let hello = Hello::open(&dirs.hello_state()).map_err(Failure::failed)?;
        let connection = zbus::Connection::session().await.map_err(Failure::failed)?;
        let peers = Peers::new(&connection, &program).await.map_err(Failure::failed)?;
        let around = Surroundings {
            logind: Some(Logind::on(SystemBus::of_the_system())),
            ..Surroundings::default()
        };
        let told = until_told_to_end(&connection)?;
        service::run(peers, hello, around, told).await.map_err(Failure::failed)
    })?
}

/// `claviger vault --accept-restored`: leaves word for the vault, which reads it when it is next unlocked.
pub fn accept_restored(dirs: &Dirs) -> Result<(), Failure> {
    let state = dirs.state.join("vault");
    let word = state.join(claviger_vault::RESTORED_WORD);
    let failed = |error| Failure::Failed(format!("cannot write {}: {error}", word.display()));
    claviger_files::make_folder(&state).map_err(failed)?;
    claviger_files::replace_private(&word, b"", Durability::PowerCut).map_err(failed)?;
    output::line("The vault takes its file as it is when it next opens, once. Now run `claviger unlock`.")
}

/// Runs `claviger vault`.
pub fn vault(dirs: &Dirs) -> Result<(), Failure> {
    let own_state = dirs.state.join("vault");
    let sandbox = Sandbox {
        owns: vec![dirs.vault(), own_state.clone(), dirs.vault_state()],
        reads: Vec::new(),
        knows_peers: false,
        abstract_sockets: dirs::bus_is_abstract(),
    };
    sandbox
        .enter()
        .and_then(|()| sandbox::hide_memory())
        .map_err(Failure::failed)?;
    if !sandbox::lock_memory() {
        tracing::info!("the memory limit (RLIMIT_MEMLOCK) is too small to keep the vault's memory out of swap");
    }
    let options = role::RunOptions {
        vault: Options {
            data_dir: dirs.vault(),
            state_dir: own_state,
        },
        provider_state_dir: dirs.vault_state(),
        idle: Some(idle::DEFAULT_IDLE),
        logind: Some(Logind::on(SystemBus::of_the_system())),
        hidden: true,
    };
    block_on(async { role::run(options, replaced()).await.map_err(Failure::failed) })?
}

/// Runs `claviger hid-door`, which holds PIN/UV tokens and no passkeys.
///
/// It looks at the programs that have the key open, so it does without Landlock, and it stays visible because the broker looks at it.
pub fn hid_door(dirs: &Dirs, place: Option<Place>) -> Result<(), Failure> {
    let sandbox = Sandbox {
        owns: Vec::new(),
        reads: Vec::new(),
        knows_peers: true,
        abstract_sockets: false,
    };
    sandbox.enter().map_err(Failure::failed)?;
    let place = place.unwrap_or_else(|| Place::Helper(hid::link::PATH.into()));
    let doors = settings::HidDoor(dirs.doors());
    block_on(async {
        let connection = zbus::Connection::session().await.map_err(Failure::failed)?;
        let peers = Peers::new(&connection, &own_executable()?)
            .await
            .map_err(Failure::failed)?;
        let peers = Arc::new(peers);
        let control = Control::open(&connection).await.map_err(|error| match error {
            zbus::Error::NameTaken => Failure::Failed("the security-key door is open already".into()),
            error => Failure::failed(error),
        })?;
        tokio::select! {
            ended = process::run(&peers, &control, &place, || doors.is_on(), native()) => {
                ended.map_err(Failure::failed)
            }
            () = until_told_to_end(&connection)? => Ok(()),
        }
    })?
}

/// Runs `claviger native-host`, which holds nothing and keeps nothing.
pub fn native_host() -> Result<(), Failure> {
    tracing::debug!(browser = parent_id(), "started by the browser");
    let program = own_executable()?;
    let sandbox = Sandbox {
        owns: Vec::new(),
        reads: Vec::new(),
        // systemd proves the broker; where it cannot, the broker's executable has to be looked at.
        knows_peers: !proves_roles(&program),
        abstract_sockets: dirs::bus_is_abstract(),
    };
    sandbox.enter().map_err(Failure::failed)?;
    block_on(async {
        let upstream = browser::native_host::BusUpstream::session(&program).await;
        tokio::select! {
            ended = browser::native_host::run(std::io::stdin(), std::io::stdout(), &upstream) => ended.map_err(Failure::failed),
            // It stays as long as the browser, and the new broker takes no word from the old program. The extension starts another one.
            () = replaced() => Ok(()),
        }
    })?
}

/// Runs a future on this thread.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    Ok(runtime.block_on(future))
}

/// Resolves when this process is to end. Signals are caught from the call on.
fn until_told_to_end(connection: &zbus::Connection) -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let connection = connection.clone();
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = connection.closed() => tracing::info!("the session bus is gone"),
            () = replaced() => {}
        }
    })
}

/// Resolves when an upgrade has replaced this program.
async fn replaced() {
    match Program::own() {
        Ok(program) => program.replaced().await,
        Err(error) => {
            tracing::warn!(%error, "an upgrade will be noticed only at the next login");
            std::future::pending::<()>().await;
        }
    }
    tracing::info!("another version of this program is installed: this one ends, the next request starts it");
}

fn own_executable() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(Failure::failed)
}
