//! The command line: every command, option and role name, and nothing else. What a command does lives in
//! [`crate::commands`]; the long-running processes live in [`crate::roles`].

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use claviger_doors::hid::process::Place;

/// Claviger: passkeys for Linux, kept by the manager you choose.
#[derive(Debug, Parser)]
#[command(name = "claviger", version, about, propagate_version = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "Exit status: 0 done, 1 failed, 2 wrong usage, 3 the platform cannot be reached, \
4 you refused or the PIN was wrong, 5 `doctor` found something missing.";

/// The commands for people, then the roles that the system starts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how the platform stands: PIN, providers, prompt, doors
    Status(Output),
    /// Look for what is missing, each with its remedy
    Doctor(Output),
    /// Install the user services and the browsers' native-messaging manifests, then choose a PIN
    Setup(Setup),
    /// List, show, rename and delete passkeys
    #[command(subcommand)]
    Passkey(Passkey),
    /// List providers, enable or disable them, choose the default and the rules for sites
    #[command(subcommand)]
    Provider(Provider),
    /// Lock a provider (all of them when none is named)
    Lock(OneProvider),
    /// Unlock a provider with your PIN (all of them when none is named)
    Unlock(OneProvider),
    /// Change your PIN
    #[command(subcommand)]
    Pin(Pin),
    /// Change the PIN, make and try the recovery code, and get back in with it
    #[command(subcommand)]
    Verify(Verify),
    /// List the doors, switch the security-key door on and off
    #[command(subcommand)]
    Door(Door),
    /// Show the audit log, or check that nobody changed it
    Audit(AuditArguments),
    /// Measure the platform
    #[command(subcommand)]
    Bench(Bench),
    /// Show the platform's questions in this terminal and answer them
    Prompt(Prompt),
    /// Start claviger-virtual-key where it is installed: a security key in software, to test clients and websites with
    VirtualKey(VirtualKey),
    /// Print shell completions
    Completions {
        /// The shell to write them for
        shell: Shell,
    },
    /// Print the manual page
    Man,
    /// Role: the broker (started by D-Bus)
    #[command(hide = true)]
    Broker(Broker),
    /// Role: user verification (started by D-Bus)
    #[command(hide = true)]
    Hello,
    /// Role: the helper that owns /dev/uhid (started by systemd as a user of its own)
    #[command(hide = true)]
    Hid(Hid),
    /// Role: the security-key door (started by systemd at login)
    #[command(hide = true)]
    HidDoor(HidDoor),
    /// Role: the built-in vault (started by D-Bus)
    #[command(hide = true)]
    Vault(Vault),
    /// Role: the browser's native messaging host (started by the browser)
    #[command(hide = true)]
    NativeHost {
        /// What the browser passes along: the extension's origin. It is not trusted for anything.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        from_browser: Vec<OsString>,
    },
}

impl Command {
    /// Whether the command's result, or why there is none, goes to a program.
    pub fn prints_json(&self) -> bool {
        match self {
            Self::Status(output)
            | Self::Doctor(output)
            | Self::Passkey(
                Passkey::List { output, .. }
                | Passkey::Show { output, .. }
                | Passkey::Rename { output, .. }
                | Passkey::Hide { output, .. }
                | Passkey::Unhide { output, .. }
                | Passkey::Delete { output, .. },
            )
            | Self::Provider(
                Provider::List(output)
                | Provider::Enable { output, .. }
                | Provider::Disable { output, .. }
                | Provider::Default { output, .. }
                | Provider::Order { output, .. }
                | Provider::Rule(Rule::List(output) | Rule::Set { output, .. } | Rule::Clear { output, .. }),
            )
            | Self::Lock(OneProvider { output, .. })
            | Self::Unlock(OneProvider { output, .. })
            | Self::Pin(Pin::Change(output))
            | Self::Verify(
                Verify::List(output) | Verify::ChangePin(output) | Verify::Drill(output) | Verify::Recover(output),
            )
            | Self::Door(Door::List(output))
            | Self::Audit(AuditArguments { output, .. })
            | Self::Bench(Bench::Ceremony { output, .. } | Bench::Vault { output, .. }) => output.json,
            Self::Setup(setup) => setup.json,
            _ => false,
        }
    }
}

/// How to print.
#[derive(Clone, Copy, Debug, Args)]
pub struct Output {
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// `claviger setup`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Each is an option of the command line.
pub struct Setup {
    /// Only say what would be written
    #[arg(long)]
    pub dry_run: bool,
    /// Remove what an earlier setup wrote (passkeys and the PIN stay)
    #[arg(long, conflicts_with = "dry_run")]
    pub remove: bool,
    /// Do not start the platform and choose a PIN now
    #[arg(long)]
    pub no_start: bool,
    /// Install the virtual security key for all users of this machine instead (needs root)
    #[arg(long)]
    pub system: bool,
    /// Write the system's files below this folder, where a package keeps them, and start nothing
    #[arg(long, value_name = "DIR", requires = "system")]
    pub root: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long, requires = "system")]
    pub json: bool,
}

/// `claviger passkey …`.
#[derive(Debug, Subcommand)]
pub enum Passkey {
    /// List the passkeys of all providers
    List {
        /// Only those whose site, account or provider contains this text
        filter: Option<String>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Show one passkey
    Show {
        /// Its id, or the beginning of it, as `list` shows it
        #[arg(allow_hyphen_values = true)] // One base64url id in 64 begins with a hyphen.
        id: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Change the account name that the picker shows
    Rename {
        /// Its id, or the beginning of it, as `list` shows it
        #[arg(allow_hyphen_values = true)] // One base64url id in 64 begins with a hyphen.
        id: String,
        /// The new name
        name: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Offer a passkey at no sign-in any more; it stays where it is
    Hide {
        /// Its id, or the beginning of it, as `list` shows it
        #[arg(allow_hyphen_values = true)] // One base64url id in 64 begins with a hyphen.
        id: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Offer a hidden passkey again
    Unhide {
        /// Its id, or the beginning of it, as `list` shows it
        #[arg(allow_hyphen_values = true)] // One base64url id in 64 begins with a hyphen.
        id: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Delete a passkey for good (asks for your PIN)
    Delete {
        /// Its id, or the beginning of it, as `list` shows it
        #[arg(allow_hyphen_values = true)] // One base64url id in 64 begins with a hyphen.
        id: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
}

/// `claviger provider …`.
#[derive(Debug, Subcommand)]
pub enum Provider {
    /// List the providers
    List(Output),
    /// Let a provider keep and use passkeys (asks for your PIN)
    Enable {
        /// The provider's id, for example org.claviger.Vault
        id: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Stop using a provider; its passkeys stay where they are
    Disable {
        /// The provider's id
        id: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Choose the provider that is offered first
    Default {
        /// The provider's id
        id: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Choose the order in which providers are offered, after the one that is offered first; those that you leave out come last
    Order {
        /// The providers' ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Rules for single sites
    #[command(subcommand)]
    Rule(Rule),
}

/// `claviger provider rule …`.
#[derive(Debug, Subcommand)]
pub enum Rule {
    /// List the rules
    List(Output),
    /// Use this provider first for this site
    Set {
        /// The site's RP ID, for example example.org
        rp_id: String,
        /// The provider's id
        provider: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Forget the rule for this site
    Clear {
        /// The site's RP ID
        rp_id: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
}

/// `claviger verify …`.
#[derive(Debug, Subcommand)]
pub enum Verify {
    /// List the ways to be verified, and whether there is a recovery code
    List(Output),
    /// Choose another PIN (asks for the old one)
    ChangePin(Output),
    /// Make a recovery code, which sets a new PIN on a bad day (asks for your PIN); the one before goes when you have typed this one back
    RecoveryCode {
        /// Write a page to print into this new file too: whoever can read it can use the code
        #[arg(long, value_name = "FILE")]
        pdf: Option<PathBuf>,
    },
    /// Try your recovery code and change nothing
    Drill(Output),
    /// Set a new PIN with your recovery code: when you forgot the PIN, when it is locked, when hello's file was put back
    Recover(Output),
}

/// The provider a command is for.
#[derive(Debug, Args)]
pub struct OneProvider {
    /// The provider's id; all providers when left out
    pub provider: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub output: Output,
}

/// `claviger pin …`.
#[derive(Debug, Subcommand)]
pub enum Pin {
    /// Choose another PIN; the prompt asks for the present one first
    Change(Output),
}

/// `claviger door …`.
#[derive(Debug, Subcommand)]
pub enum Door {
    /// List the ways in, and how they are
    List(Output),
    /// Let programs use your passkeys through a virtual security key
    Enable {
        /// The door
        door: Switchable,
    },
    /// Take the virtual security key away
    Disable {
        /// The door
        door: Switchable,
    },
}

/// The doors that can be switched.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Switchable {
    /// The virtual security key
    Hid,
}

/// `claviger audit`.
#[derive(Debug, Args)]
pub struct AuditArguments {
    /// How many of the newest entries to show
    #[arg(long, default_value_t = 20)]
    pub last: u32,
    /// Check the whole chain instead of showing entries
    #[arg(long)]
    pub verify: bool,
    /// How to print.
    #[command(flatten)]
    pub output: Output,
}

/// `claviger bench …`.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Create and get, in process and over D-Bus, beside the bare costs
    Ceremony {
        /// Ceremonies of each kind
        #[arg(long, default_value_t = 300)]
        count: usize,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Vaults of growing size: create, get, list, open, and memory for each passkey
    Vault {
        /// The most passkeys: sizes from 100 to 100000 up to this
        #[arg(long, default_value_t = 100_000)]
        most: usize,
        /// Ceremonies of each kind, at each size
        #[arg(long, default_value_t = 50)]
        count: usize,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// The broker of the benchmark
    #[command(hide = true)]
    Broker {
        /// Where it keeps its state
        folder: PathBuf,
    },
    /// The door of the benchmark
    #[command(hide = true)]
    Door {
        /// Ceremonies of each kind
        count: usize,
    },
}

/// `claviger prompt`.
#[derive(Debug, Args)]
pub struct Prompt {
    /// Answer from this file instead of asking (only for tests: the broker must allow it)
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
}

/// `claviger virtual-key`.
#[derive(Debug, Args)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub struct VirtualKey {
    /// What that program is given; `--help` shows its options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    pub arguments: Vec<OsString>,
}

/// `claviger vault`.
#[derive(Debug, Args)]
pub struct Vault {
    /// Have the vault, when it is next unlocked, take a file that is older than this machine remembers, because you restored a backup on purpose
    #[arg(long)]
    pub accept_restored: bool,
}

/// `claviger hid-door`.
#[derive(Debug, Args)]
pub struct HidDoor {
    /// Where programs find the key: helper:PATH for the hid helper's socket, unix:PATH for a socket of its own
    /// (one 64-byte report in each message)
    #[arg(long, value_name = "KIND:PATH", value_parser = place)]
    pub transport: Option<Place>,
}

/// `claviger broker`.
#[derive(Debug, Args)]
pub struct Broker {
    /// Accept a scripted prompt. For tests only: whoever writes the script approves for the user
    #[arg(long)]
    pub allow_scripted_prompt: bool,
}

/// `claviger hid`.
#[derive(Debug, Args)]
pub struct Hid {
    /// Listen here instead of on the socket that systemd passes
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Give a key to every user, in an active session or not. For tests only
    #[arg(long)]
    pub any_user: bool,
}

fn place(text: &str) -> Result<Place, String> {
    match text.split_once(':') {
        Some(("helper", path)) if !path.is_empty() => Ok(Place::Helper(path.into())),
        Some(("unix", path)) if !path.is_empty() => Ok(Place::Socket(path.into())),
        _ => Err("it is helper:PATH or unix:PATH".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn a_passkey_whose_id_begins_with_hyphens_is_named_as_the_list_shows_it() {
        for id in ["-abc", "--abc", "-", "-hx-"] {
            for arguments in [&["show", id][..], &["show", "--json", id], &["show", id, "--json"]] {
                let Command::Passkey(Passkey::Show { id: named, output }) = parse(arguments).unwrap().command else {
                    panic!("{arguments:?} shows a passkey");
                };
                assert_eq!((named.as_str(), output.json), (id, arguments.contains(&"--json")));
            }
            assert!(
                matches!(parse(&["delete", id]).unwrap().command, Command::Passkey(Passkey::Delete { id: named, .. }) if named == id)
            );
            assert!(matches!(
                parse(&["rename", id, "a name"]).unwrap().command,
                Command::Passkey(Passkey::Rename { id: named, name, .. }) if named == id && name == "a name"
            ));
        }
    }

    #[test]
    fn asking_for_help_in_a_passkeys_place_is_not_an_id() {
        for (arguments, kind) in [
            (["show", "-h"], ErrorKind::DisplayHelp),
            (["delete", "--help"], ErrorKind::DisplayHelp),
        ] {
            assert_eq!(parse(&arguments).unwrap_err().kind(), kind);
        }
    }

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["claviger", "passkey"].iter().chain(arguments))
    }
}
