//! `claviger lock`, `claviger unlock`, and the choice of a PIN at the end of `claviger setup`.

use super::{client, status};
use crate::dirs::Dirs;
use crate::output::{Failure, line};

/// Locks one provider, or all.
pub async fn lock(provider: Option<&str>) -> Result<(), Failure> {
    client::connect()
        .await?
        .lock(provider.unwrap_or(""))
        .await
        .map_err(|error| client::failure(&error))?;
    line("Locked.")
}

/// Unlocks one provider, or all, with the PIN.
pub async fn unlock(provider: Option<&str>) -> Result<(), Failure> {
    let broker = client::connect().await?;
    client::asking(broker.unlock(provider.unwrap_or(""))).await?;
    line("Unlocked.")
}

/// Chooses a PIN if there is none yet, which also makes the vault.
pub async fn choose_pin(dirs: &Dirs) -> Result<(), Failure> {
    let broker = client::connect().await?;
    client::asking(broker.setup()).await?;
    status::run(dirs, false).await
}
