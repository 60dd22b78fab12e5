//! User verification as a value that cannot be forged by an `if`.

/// Proof that the user was verified for this one operation.
///
/// The engine sets the UV flag if and only if it is handed such a value, and takes it by value, so that one proof is
/// spent on one operation. Implement it only for a type whose constructor is private to the code that checks the
/// verifier's evidence, that is not `Clone`, and that is bound to the request (in Claviger:
/// `claviger_joint::evidence::VerifiedEvidence`).
pub trait UvProof {}

/// The proof that nobody has: `None::<NoUv>` says that the user was not verified.
#[derive(Debug)]
pub enum NoUv {}

impl UvProof for NoUv {}
