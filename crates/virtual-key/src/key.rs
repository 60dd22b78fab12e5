//! The key put together: what the options say becomes a device, a wire and the loop between them.

use claviger_ctap::authenticator::device::{Device, Numbers};
use claviger_ctap::authenticator::{Attestation, Backup, Settings};
use claviger_ctap::crypto::{Algorithm, native};
use claviger_ctap::ctaphid::{Capabilities, Hid};
use claviger_kernel::sandbox::Sandbox;
use tokio::sync::mpsc;

use crate::cli::Options;
use crate::engine::Engine;
use crate::failure::{Failure, note};
use crate::first_pin::FirstPin;
use crate::front::Front;
use crate::journal::Journal;
use crate::options::AAGUID;
use crate::state::{StateFile, Store};
use crate::surroundings::Surroundings;
use crate::user::User;
use crate::wire::Bound;
use crate::{first_pin, user};

/// Runs the key until it is told to end.
pub fn run(options: &Options) -> Result<(), Failure> {
    user::check_terminal(options.presence)?;
    let (store, state_directory) = match &options.state {
        Some(path) => {
            let file = StateFile::open(path).map_err(Failure::failed)?;
            let directory = file.directory().to_owned();
            (Store::open(native(), file).map_err(Failure::failed)?, Some(directory))
        }
        None => (Store::in_memory(native()), None),
    };
    let bound = Bound::bind(&options.transport)?;
    let name = bound.name()?;
    // Sockets and files are open: what is left to open lies in these directories.
    let sandbox = Sandbox {
        owns: state_directory.into_iter().chain(bound.directory()).collect(),
        reads: Vec::new(),
        knows_peers: false,
        abstract_sockets: false,
    };
    sandbox.enter().map_err(Failure::failed)?;

    let (journal, written) = Journal::start(options.json);
    let ended = serve(options, bound, name, store, &journal);
    drop(journal);
    written.wait();
    ended
}

fn serve(options: &Options, bound: Bound, name: String, store: Store, journal: &Journal) -> Result<(), Failure> {
    let (tell, news) = mpsc::unbounded_channel();
    let (user, interruption) = User::new(options.presence, journal.clone(), tell.clone());
    user.listen(&interruption);
    let surroundings = Surroundings {
        store,
        user,
        uv: options.uv,
    };
    let device = device(options, surroundings)?;
    let speaks_u2f = !options.no_u2f && device.settings().algorithms.contains(&Algorithm::Es256);
    let engine = Engine::start(device, journal.clone(), interruption, (tell, news))?;
    let mut capabilities = Capabilities::WINK | Capabilities::CBOR;
    if !speaks_u2f {
        capabilities = capabilities | Capabilities::NMSG;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(async {
        let wire = bound.serve()?;
        Front::new(Hid::new(capabilities), wire, engine, journal.clone(), name)
            .run()
            .await
    })
}

fn device(options: &Options, surroundings: Surroundings) -> Result<Device<Surroundings>, Failure> {
    let mut settings = Settings {
        // A key of its own: nothing copies what it holds.
        backup: Backup::DeviceBound,
        // libfido2 and ssh-keygen expect a statement of every key, pam_u2f before 1.2 one with a certificate.
        attestation: Attestation::OneTimeUnlessNonePreferred,
        transports: vec!["usb".to_owned()],
        max_credentials_in_list: 64,
        ..Settings::new(options.aaguid.unwrap_or(AAGUID))
    };
    if !options.algorithms.is_empty() {
        settings.algorithms.clear();
        for algorithm in &options.algorithms {
            if !settings.algorithms.contains(algorithm) {
                settings.algorithms.push(*algorithm);
            }
        }
    }
    let device = Device::new(surroundings, settings, Numbers::default()).map_err(Failure::failed)?;
    // So that programs ask for the PIN when they create what they will use with it.
    let mut device = device.without_unverified_creation();
    if options.no_u2f {
        device = device.without_u2f();
    }
    // Whatever is there could be read: now it shows whether it can be written.
    device.environment_mut().store.write().map_err(Failure::failed)?;
    if let Some(pin) = &options.pin
        && first_pin::set(&mut device, pin)? == FirstPin::Kept
    {
        note("claviger-virtual-key: the state has a PIN already; --pin changes nothing");
    }
    Ok(device)
}
