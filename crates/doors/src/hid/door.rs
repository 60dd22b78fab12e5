//! What the broker knows of this door.

use std::time::Duration;

use claviger_broker::{Broker, Door, DoorTraits};

use crate::ctap::Entrance;

/// This door: a program behind it names what site it likes, and keeps to CTAP in what it may know.
pub const ENTRANCE: Entrance = Entrance {
    door: Door::Hid,
    traits: DoorTraits {
        names_origins: false,
        hides_protected: true,
        tells_unsupported: true,
        // Nobody tells the person that a prompt is missing, but one may be on its way to the broker.
        waits_for_prompt: Duration::from_secs(5),
    },
    path: "/org/claviger/Broker/hid",
};

/// Opens the door: serves CTAP for its process at an object of its own.
///
/// # Errors
///
/// The bus refused.
pub async fn open(broker: &Broker) -> zbus::Result<()> {
    ENTRANCE.open(broker).await
}
