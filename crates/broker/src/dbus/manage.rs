//! `org.claviger.Manage1`: what the user does with the platform itself. For the broker's own program and the settings window; JSON
//! where there is structure.

use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::text::sentence;
use serde::Serialize;
use zbus::interface;
use zbus::message::Header;

use crate::daemon::Broker;

/// Serves `org.claviger.Manage1`.
#[derive(Debug)]
pub struct ManageInterface(pub(crate) Broker);

#[interface(name = "org.claviger.Manage1")]
impl ManageInterface {
    /// How the platform is.
    async fn status(&self, #[zbus(header)] header: Header<'_>) -> Result<String, Error> {
        self.0.callers().require_manager(&header).await?;
        json(&self.0.status().await?)
    }

    /// The passkeys whose site, account or provider contains `filter`.
    async fn passkeys(&self, filter: &str, #[zbus(header)] header: Header<'_>) -> Result<String, Error> {
        self.0.callers().require_manager(&header).await?;
        json(&self.0.passkeys(filter))
    }

    /// Gives a passkey another name, after the user agreed.
    async fn rename_passkey(
        &self,
        provider: &str,
        id: &str,
        name: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Error> {
        self.0.rename_passkey((provider, id), name, &header).await
    }

    /// Deletes a passkey, after the user agreed.
    async fn delete_passkey(&self, provider: &str, id: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.delete_passkey(provider, id, &header).await
    }

    /// Offers a passkey at no sign-in any more. It stays where it is.
    async fn hide_passkey(&self, provider: &str, id: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.hide_passkey(provider, id, true)
    }

    /// Offers a hidden passkey again.
    async fn unhide_passkey(&self, provider: &str, id: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.hide_passkey(provider, id, false)
    }

    /// The providers.
    async fn providers(&self, #[zbus(header)] header: Header<'_>) -> Result<String, Error> {
        self.0.callers().require_manager(&header).await?;
        json(&self.0.providers().await?)
    }

    /// Lets a provider take part, after the user agreed.
    async fn enable_provider(&self, id: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.enable_provider(id, &header).await
    }

    /// Lets a provider take no part any more.
    async fn disable_provider(&self, id: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.disable_provider(id).await
    }

    /// Makes a provider the one that new passkeys go to unless the user chooses otherwise.
    async fn set_default_provider(&self, id: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.set_default_provider(id).await
    }

    /// Has providers offered in this order, all others after them by their names.
    async fn set_provider_order(&self, ids: Vec<String>, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.set_provider_order(&ids)
    }

    /// The user's rules.
    async fn rules(&self, #[zbus(header)] header: Header<'_>) -> Result<String, Error> {
        self.0.callers().require_manager(&header).await?;
        json(&self.0.rules())
    }

    /// Sets the provider for a site.
    async fn set_rule(&self, rp_id: &str, provider: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.set_rule(rp_id, provider).await
    }

    /// Removes the rule for a site.
    async fn clear_rule(&self, rp_id: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.clear_rule(rp_id)
    }

    /// A provider's logo.
    async fn logos(&self, provider: &str, #[zbus(header)] header: Header<'_>) -> Result<String, Error> {
        self.0.callers().require_manager(&header).await?;
        json(&self.0.logos(provider)?)
    }

    /// Turns the security-key door on or off.
    async fn switch_security_key(&self, on: bool, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.switch_security_key(on).await
    }

    /// Locks a provider, or with an empty id all that run.
    async fn lock(&self, provider: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.lock(provider).await
    }

    /// Unlocks a provider, or with an empty id all that are locked, after the user was verified.
    async fn unlock(&self, provider: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.unlock(provider, &header).await
    }

    /// Has the user choose a PIN if there is none, and makes the vault.
    async fn setup(&self, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.setup(&header).await
    }

    /// Has the user give the present PIN and choose another one.
    async fn change_pin(&self, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.change_pin(&header).await
    }

    /// Makes a recovery code, in a sealed memory file, after the user gave the PIN.
    async fn make_recovery_code(&self, #[zbus(header)] header: Header<'_>) -> Result<zbus::OwnedFd, Error> {
        Ok(self.0.make_recovery_code(&header).await?.into())
    }

    /// Has the code that was made be the one, with its first and its last group in a sealed memory file.
    async fn confirm_recovery_code(
        &self,
        ends: zbus::OwnedFd,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.confirm_recovery_code(ends.into()).await
    }

    /// Tries the recovery code in a sealed memory file, and changes nothing.
    async fn drill_recovery_code(&self, code: zbus::OwnedFd, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.drill_recovery_code(code.into()).await
    }

    /// Sets a new PIN with the recovery code, each in a sealed memory file.
    async fn recover(
        &self,
        code: zbus::OwnedFd,
        new: zbus::OwnedFd,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Error> {
        self.0.callers().require_manager(&header).await?;
        self.0.recover(code.into(), new.into()).await
    }

    /// The last entries of the audit log, and whether the whole of it is intact.
    async fn audit(&self, last: u32, #[zbus(header)] header: Header<'_>) -> Result<String, Error> {
        self.0.callers().require_manager(&header).await?;
        json(&self.0.audit_entries(last).await?)
    }
}

/// An answer as it goes over the bus. A path that is not UTF-8 cannot be said in JSON.
fn json(answer: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(answer).map_err(|error| Error::failed(sentence(&error.to_string())))
}
