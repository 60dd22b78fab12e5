//! `authenticatorSelection` (CTAP 2.1 §6.9).

use super::{Answer, Device, Environment, Purpose};
use crate::status::Status;

impl<E: Environment> Device<E> {
    pub(super) fn selection(&mut self) -> Answer<E> {
        // The user's touch, and nothing but; declining, doing nothing and cancelling have their own status.
        self.ask(&Purpose::Select, Status::UserActionTimeout)?;
        Ok(Vec::new())
    }
}
