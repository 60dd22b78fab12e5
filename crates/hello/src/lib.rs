//! User verification and sealing.
