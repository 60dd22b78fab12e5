//! The fingerprint reader, through fprintd's bus interface (`net.reactivated.Fprint`, version 1.94).
//!
//! What lives here: which fingers are enrolled, one look at a finger, enrolment and removal, each under a [`Claim`] with a bus
//! connection of its own, so that the reader is free when the claim is gone, whatever became of its owner. Not here: what a finger
//! opens, how many misses are too many, and what is shown meanwhile; that is hello's and the prompt's.
//!
//! fprintd compares fingers and says *match*; it hands out no key. So a match proves as much as the system bus and fprintd's process
//! do, and no more: a program of root's can pretend one, a program of the user's cannot.

mod bus;
mod claim;
mod finger;
mod readers;
mod said;

pub use claim::Claim;
pub use finger::Finger;
pub use readers::{Readers, Unavailable};
pub use said::{Enrolment, Hint, Look};
