//! The command line: the options and nothing else. What they mean is in [`crate::options`].

use std::path::PathBuf;

use clap::Parser;
use claviger_ctap::crypto::Algorithm;
use claviger_ctap::types::Aaguid;

use crate::options::{self, PresenceMode, Transport, UvMode};

/// A security key in software, to test clients and websites with. It protects nothing.
#[derive(Debug, Parser)]
#[command(name = "claviger-virtual-key", version, about, after_help = AFTER_HELP)]
pub struct Options {
    /// How clients reach it: uhid (a device of the kernel), unix:PATH (SEQPACKET) or udp:HOST:PORT
    #[arg(long, value_name = "TRANSPORT")]
    pub transport: Transport,
    /// Keep everything in this file, NOT ENCRYPTED, instead of forgetting it at the end
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// What the user does when the key wants to be touched
    #[arg(long, value_enum, default_value_t = PresenceMode::Auto)]
    pub presence: PresenceMode,
    /// Whether the key can verify its user without a PIN
    #[arg(long, value_enum, default_value_t = UvMode::None)]
    pub uv: UvMode,
    /// Set this client PIN at start, unless there is one. Other users of this machine can read it in the process list
    #[arg(long)]
    pub pin: Option<String>,
    /// The algorithms that it has, the preferred ones first: es256, eddsa, es384, ml-dsa-44, ml-dsa-65, and rs256 where it
    /// was built in [default: es256,eddsa]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = options::algorithm)]
    pub algorithms: Vec<Algorithm>,
    /// The model that it names [default: 4afbda70-1774-4ebd-893e-a6ff470c5b12]
    #[arg(long, value_name = "UUID", value_parser = options::aaguid)]
    pub aaguid: Option<Aaguid>,
    /// Speak CTAP2 only, no CTAP1/U2F
    #[arg(long)]
    pub no_u2f: bool,
    /// Print one JSON object for each thing that happens
    #[arg(long)]
    pub json: bool,
}

const AFTER_HELP: &str = "Exit status: 0 ended as told, 1 it could not start or go on, 2 wrong usage.";
