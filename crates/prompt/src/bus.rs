//! The session bus, on a thread of its own with the runtime that it needs.
//!
//! GTK has the main thread, and what crosses between the two are the channels of [`tokio::sync::mpsc`], which wake either side's loop.

use std::path::PathBuf;
use std::{env, io, thread};

use claviger_peer::{PeerError, Peers};
use thiserror::Error;

/// The program that the roles of the platform run; it lies beside this one.
const PLATFORM: &str = "claviger";

/// Why there is no bus to speak on.
#[derive(Debug, Error)]
pub enum BusError {
    /// There is no session bus, or it does not let us in.
    #[error("the session bus cannot be reached: {0}")]
    Unreachable(#[from] zbus::Error),
    /// The platform's program is not where it should be, or the bus does not tell who is on it.
    #[error(transparent)]
    Peers(#[from] PeerError),
    /// The system does not say where this program is, or gives no thread.
    #[error("the system refuses what every program needs: {0}")]
    System(#[from] io::Error),
}

/// Starts the thread, which connects and then does `work`, and ends with it.
///
/// # Errors
/// The system's, when it gives no thread.
pub fn start<W>(work: W) -> Result<(), BusError>
where
    W: AsyncFnOnce(Result<Peers, BusError>) + Send + 'static,
{
    thread::Builder::new().name("bus".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(async { work(connect().await).await }),
            // Without a runtime there is no future to drive, so the work is told of nothing and its channels close.
            Err(_) => drop(work),
        }
    })?;
    Ok(())
}

async fn connect() -> Result<Peers, BusError> {
    let connection = zbus::Connection::session().await?;
    Ok(Peers::new(&connection, &platform()?).await?)
}

/// The platform's program, beside this one.
///
/// # Errors
/// The system does not say where this program is.
pub fn platform() -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(PLATFORM))
}
