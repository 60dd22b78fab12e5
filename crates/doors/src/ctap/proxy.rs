//! `org.claviger.Ctap1` from a door's side.

use zbus::Fd;

/// The broker's interface for a door's process, at the path of its [`super::Entrance`]. What the bytes are is in [`super::message`]; the methods' meaning in
/// [`super::service::Ctap1`].
#[zbus::proxy(interface = "org.claviger.Ctap1", default_service = "org.claviger.Broker")]
pub trait Ctap1 {
    /// [`super::message::Ceremony`] → [`super::message::CeremonyReply`].
    fn make(&self, request: &[u8]) -> zbus::Result<Vec<u8>>;

    /// [`super::message::Ceremony`] → [`super::message::CeremonyReply`].
    fn get(&self, request: &[u8]) -> zbus::Result<Vec<u8>>;

    /// Ends what the sender has running.
    fn cancel(&self) -> zbus::Result<()>;

    /// [`super::message::Select`] → a CTAP status.
    fn select(&self, request: &[u8]) -> zbus::Result<u32>;

    /// [`super::message::List`] → [`super::message::ListReply`].
    fn list(&self, request: &[u8]) -> zbus::Result<Vec<u8>>;

    /// [`super::message::Delete`] → a CTAP status.
    fn delete(&self, request: &[u8]) -> zbus::Result<u32>;

    /// [`super::message::Update`] → a CTAP status.
    fn update(&self, request: &[u8]) -> zbus::Result<u32>;

    /// [`super::message::Info`].
    fn info(&self) -> zbus::Result<Vec<u8>>;

    /// A sealed memory file with the first 16 bytes of the PIN's SHA-256 → [`super::message::PinCheck`].
    fn check_pin(&self, pin_hash: Fd<'_>) -> zbus::Result<Vec<u8>>;
}
