//! `org.claviger.Prompt1`: views out, actions and PINs in.

use std::os::fd::OwnedFd;

use claviger_prompt_api::action::Action;
use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::text::sentence;
use zbus::interface;
use zbus::message::Header;

use crate::daemon::Broker;

/// Serves `org.claviger.Prompt1`.
#[derive(Debug)]
pub struct PromptInterface(pub(crate) Broker);

#[interface(name = "org.claviger.Prompt1")]
impl PromptInterface {
    /// Makes the sender the one prompt; `kind` is `terminal`, `scripted` or `graphical`. An earlier prompt is dismissed, but
    /// one that is proved by none that is not.
    async fn attach(&self, kind: &str, #[zbus(header)] header: Header<'_>) -> Result<(), Error> {
        let peer = self.0.callers().require_prompt(&header).await?;
        let sender = header
            .sender()
            .ok_or_else(|| Error::not_allowed("The message names no sender."))?;
        self.0.attach_prompt(sender, kind, &peer)
    }

    /// The view on show once it is another than `revision` of `prompt`; waits until it is.
    async fn next_view(&self, prompt: u64, revision: u32, #[zbus(header)] header: Header<'_>) -> Result<String, Error> {
        let sender = header
            .sender()
            .ok_or_else(|| Error::not_allowed("The message names no sender."))?;
        self.0.next_view(sender, prompt, revision).await
    }

    /// What the user did with `revision` of `prompt`. `pins` holds the PIN as a sealed memory file if the view asked for one; for a
    /// recovery the code and the new PIN.
    #[allow(clippy::needless_pass_by_value)] // The macro hands headers over by value.
    fn act(
        &self,
        prompt: u64,
        revision: u32,
        action: &str,
        pins: Vec<zbus::OwnedFd>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Error> {
        let sender = header
            .sender()
            .ok_or_else(|| Error::not_allowed("The message names no sender."))?;
        let action = Action::parse(action).map_err(|error| Error::invalid_argument(sentence(&error.to_string())))?;
        let pins = pins.into_iter().map(OwnedFd::from).collect();
        self.0.act(sender, prompt, revision, action, pins)
    }
}
