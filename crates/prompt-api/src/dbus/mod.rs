//! The broker on the session bus, as a prompt and the settings see it: names, proxies, and the errors that its methods give.

mod manage;
mod prompt;

use zbus::DBusError;

pub use manage::Manage1Proxy;
pub use prompt::Prompt1Proxy;

/// The broker's bus name.
pub const NAME: &str = "org.claviger.Broker";

/// The broker's object.
pub const PATH: &str = "/org/claviger/Broker";

/// The bus name of the prompt, which is started when one is needed and none is attached.
pub const PROMPT_NAME: &str = "org.claviger.Prompt";

/// Why a method failed. The message is a sentence for people and says what can be done; it never holds a secret.
#[derive(Debug, Clone, PartialEq, DBusError)]
#[zbus(prefix = "org.claviger.Error")]
pub enum Error {
    /// The bus itself failed.
    #[zbus(error)]
    Bus(zbus::Error),
    /// The user said no, or did not prove to be the user.
    Refused(String),
    /// What the caller names does not exist.
    NotFound(String),
    /// The caller's argument cannot be used.
    InvalidArgument(String),
    /// The caller may not call this.
    NotAllowed(String),
    /// There is no prompt to ask the user with.
    NoPrompt(String),
    /// There were too many wrong PINs.
    LockedOut(String),
    /// Something has to be done first.
    NotReady(String),
    /// Anything else: a provider or the platform failed.
    Failed(String),
}
