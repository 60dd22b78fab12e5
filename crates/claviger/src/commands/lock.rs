//! `claviger lock`, `claviger unlock`, `claviger pin change`, and the choice of a PIN at the end of `claviger setup`.

use super::{client, status};
use crate::cli::OneProvider;
use crate::dirs::Dirs;
use crate::output::{Failure, done};

/// Locks one provider, or all.
pub async fn lock(one: &OneProvider) -> Result<(), Failure> {
    client::connect()
        .await?
        .lock(one.provider.as_deref().unwrap_or(""))
        .await
        .map_err(|error| client::failure(&error))?;
    done(one.output.json, "Locked.")
}

/// Unlocks one provider, or all, with the PIN.
pub async fn unlock(one: &OneProvider) -> Result<(), Failure> {
    let broker = client::connect().await?;
    client::asking(broker.unlock(one.provider.as_deref().unwrap_or(""))).await?;
    done(one.output.json, "Unlocked.")
}

/// Changes the PIN.
pub async fn change_pin(json: bool) -> Result<(), Failure> {
    let broker = client::connect().await?;
    client::asking(broker.change_pin()).await?;
    done(json, "Your PIN is changed.")
}

/// Chooses a PIN if there is none yet, which also makes the vault.
pub async fn choose_pin(dirs: &Dirs) -> Result<(), Failure> {
    let broker = client::connect().await?;
    client::asking(broker.setup()).await?;
    status::run(dirs, false).await
}
