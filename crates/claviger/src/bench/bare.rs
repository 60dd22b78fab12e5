//! The bare costs: one signature and one check, of each algorithm.

use claviger_ctap::crypto::{self, Algorithm};

use super::figures::{Figures, timed};
use crate::output::Failure;

const RUNS: usize = 1000;

/// What one of each costs.
pub struct Bare {
    /// ES256 (P-256), the key in memory.
    pub es256_sign: Figures,
    /// ES256.
    pub es256_verify: Figures,
    /// Ed25519, the key in memory.
    pub eddsa_sign: Figures,
    /// Ed25519, strict.
    pub eddsa_verify: Figures,
}

/// Measures them.
pub fn measure() -> Result<Bare, Failure> {
    let (es256_sign, es256_verify) = algorithm(Algorithm::Es256)?;
    let (eddsa_sign, eddsa_verify) = algorithm(Algorithm::EdDsa)?;
    Ok(Bare {
        es256_sign,
        es256_verify,
        eddsa_sign,
        eddsa_verify,
    })
}

fn algorithm(algorithm: Algorithm) -> Result<(Figures, Figures), Failure> {
    let crypto = crypto::native();
    let key = crypto.generate(algorithm).map_err(Failure::failed)?;
    // Authenticator data and client data hash of an assertion are about that long.
    let message = [7; 69];
    let (mut signing, mut checking) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (signature, time) = timed(|| crypto.sign(&key, &message));
        signing.push(time);
        let signature = signature.map_err(Failure::failed)?;
        let (checked, time) = timed(|| crypto.verify(key.public_key(), &message, &signature));
        checked.map_err(Failure::failed)?;
        checking.push(time);
    }
    let none = || Failure::Failed("nothing was measured".into());
    Ok((
        Figures::of(signing).ok_or_else(none)?,
        Figures::of(checking).ok_or_else(none)?,
    ))
}
