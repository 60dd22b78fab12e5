//! User verification as a value, so that no `if` and no flag of a request stands for it.

/// Says that the user was verified for this one operation.
///
/// The engine sets the UV flag if and only if it is handed such a value, and takes it by value, so that one is spent on one operation.
/// The engine cannot know who verified: whoever implements this trait answers for that, and the flag is worth what its implementations
/// are. One should have a constructor that is private to the code that checks the verifier's evidence, not be `Clone`, and be bound to
/// the request. On the platform there is one, `claviger_joint::evidence::VerifiedEvidence`, which only a signature of hello's makes.
pub trait UvProof {}

/// What nobody has: `None::<NoUv>` says that the user was not verified.
#[derive(Debug)]
pub enum NoUv {}

impl UvProof for NoUv {}
