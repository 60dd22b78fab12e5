//! What each command does. The commands hold no logic of the platform: they ask the broker and print its answer.

pub mod audit;
pub mod client;
pub mod doctor;
mod doctor_hid;
pub mod door;
pub mod lock;
pub mod passkey;
pub mod provider;
pub mod setup;
pub mod status;
pub mod system;
pub mod verify;
pub mod virtual_key;
