//! The `claviger` program: reads the command line, starts what it asks for, and turns the outcome into an exit status.
//!
//! It has no logic of its own. [`commands`] ask the broker and print, [`roles`] are the long-running processes that
//! D-Bus and the browsers start, [`prompt`] is the terminal's face of the broker's questions, [`mod@bench`] measures.

mod bench;
mod broken;
mod cli;
mod commands;
mod dirs;
mod hid;
mod output;
mod prompt;
mod roles;
mod settings;
mod upgrade;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use cli::{Bench, Cli, Command, Pin};
use dirs::Dirs;
use output::Failure;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = arguments();
    let (as_json, done) = if let Some(options) = hid::options(&arguments) {
        hid::start_log();
        (false, hid::run(&options))
    } else {
        let command = Cli::parse_from(arguments).command;
        start_log();
        (command.prints_json(), run(command))
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell(as_json);
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    // A system service has no home, and the virtual key keeps nothing in anybody's.
    if let Command::Hid(options) = command {
        return hid::run(&options);
    }
    if let Command::VirtualKey(options) = command {
        return Err(commands::virtual_key::become_it(&options.arguments));
    }
    let dirs = Dirs::from_env().map_err(Failure::failed)?;
    match command {
        Command::Broker(options) => roles::broker(&dirs, options.allow_scripted_prompt),
        Command::Hello => roles::hello(&dirs),
        Command::Vault(options) if options.accept_restored => roles::accept_restored(&dirs),
        Command::Vault(_) => roles::vault(&dirs),
        Command::HidDoor(options) => roles::hid_door(&dirs, options.transport),
        Command::NativeHost { .. } => roles::native_host(),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "claviger", &mut output::own_words());
            Ok(())
        }
        Command::Man => clap_mangen::Man::new(Cli::command())
            .render(&mut output::own_words())
            .map_err(Failure::failed),
        Command::Bench(Bench::Ceremony { count, output }) => bench::ceremony(count, output.json),
        Command::Bench(Bench::Vault { most, count, output }) => bench::vault(most, count, output.json),
        Command::Bench(Bench::Broker { folder }) => bench::broker(&folder),
        Command::Bench(Bench::Door { count }) => bench::door(count),
        other => roles::block_on(ask(other, &dirs))?,
    }
}

/// The commands that talk to the platform. Ctrl-C ends them, as does who tells them to end; both leave the terminal as it was.
async fn ask(command: Command, dirs: &Dirs) -> Result<(), Failure> {
    let mut told = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    tokio::select! {
        done = perform(command, dirs) => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::Refused("interrupted".into())),
        _ = told.recv() => Err(Failure::Refused("told to end".into())),
    }
}

async fn perform(command: Command, dirs: &Dirs) -> Result<(), Failure> {
    match command {
        Command::Status(output) => commands::status::run(dirs, output.json).await,
        Command::Doctor(output) => commands::doctor::run(dirs, output.json).await,
        Command::Setup(options) => setup(dirs, &options).await,
        Command::Passkey(command) => commands::passkey::run(command).await,
        Command::Provider(command) => commands::provider::run(command).await,
        Command::Lock(one) => commands::lock::lock(&one).await,
        Command::Unlock(one) => commands::lock::unlock(&one).await,
        Command::Pin(Pin::Change(output)) => commands::lock::change_pin(output.json).await,
        Command::Verify(command) => commands::verify::run(command).await,
        Command::Door(command) => commands::door::run(dirs, command).await,
        Command::Audit(command) => commands::audit::run(command).await,
        Command::Prompt(options) => prompt::run(options.script.as_deref()).await,
        // Handled in `run`, before a connection is needed.
        Command::Bench(_)
        | Command::Broker(_)
        | Command::Completions { .. }
        | Command::Hello
        | Command::Hid(_)
        | Command::HidDoor(_)
        | Command::Man
        | Command::NativeHost { .. }
        | Command::Vault(_)
        | Command::VirtualKey(_) => Ok(()),
    }
}

async fn setup(dirs: &Dirs, options: &cli::Setup) -> Result<(), Failure> {
    if options.system {
        return commands::system::run(options);
    }
    if options.remove {
        return commands::setup::remove(dirs);
    }
    commands::setup::install(dirs, options.dry_run)?;
    if options.dry_run || options.no_start {
        Ok(())
    } else {
        commands::lock::choose_pin(dirs).await
    }
}

/// A browser can start a program only without arguments of ours, so the native host is known by its name too.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let is_native_host = arguments
        .first()
        .and_then(|program| Path::new(program).file_name())
        .is_some_and(|name| name == claviger_prompt_api::browsers::NATIVE_HOST_PROGRAM);
    if is_native_host {
        arguments.insert(1, "native-host".into());
    }
    arguments
}

/// The log goes to standard error (under systemd: the journal). `CLAVIGER_LOG` chooses how much of it.
fn start_log() {
    let filter = EnvFilter::try_from_env("CLAVIGER_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(output::Log)
        .with_ansi(false)
        .init();
}
