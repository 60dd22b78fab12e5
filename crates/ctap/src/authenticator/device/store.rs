//! Where a device keeps what must outlive a power cut.

use zeroize::Zeroizing;

use crate::authenticator::{CredentialRecord, CredentialStore};
use crate::types::{CredentialId, UserEntity};

/// A [`CredentialStore`] that a [`Device`](super::Device) can manage: it lists, changes and deletes, and keeps the
/// device's own state.
///
/// What a method changes is durable when it returns: the device counts a PIN try *before* it looks at the PIN.
pub trait DeviceStore: CredentialStore {
    /// All credentials, of every site, oldest first.
    fn all(&self) -> Result<Vec<CredentialRecord>, Self::Error>;

    /// Replaces the account of a credential that is here.
    fn set_user(&mut self, id: &CredentialId, user: UserEntity) -> Result<(), Self::Error>;

    /// Deletes a credential that is here, with its key and its seed.
    fn delete(&mut self, id: &CredentialId) -> Result<(), Self::Error>;

    /// Counts one signature of this credential and returns the new count: higher each time for a key that never leaves
    /// this device, always 0 for one that is synchronised (WebAuthn Level 3 §6.1.1).
    fn next_sign_count(&mut self, id: &CredentialId) -> Result<u32, Self::Error>;

    /// What [`Self::save_state`] kept last.
    fn load_state(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Self::Error>;

    /// Keeps the device's state: opaque, some hundred bytes at most. It holds the hash of the PIN: encrypt it.
    fn save_state(&mut self, state: &[u8]) -> Result<(), Self::Error>;

    /// Deletes every credential and the state, at once.
    fn erase(&mut self) -> Result<(), Self::Error>;
}
