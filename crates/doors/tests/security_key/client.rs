//! The key without its CTAPHID side, and what a program asks of it.

use claviger_ctap::crypto::portable;
use claviger_ctap::status::Status;
use claviger_ctap::types::RpEntity;
use claviger_ctap::{get_assertion, make_credential};
use claviger_dev::ctap2::Ctap2;
use claviger_doors::hid::authenticator::DoorAuthenticator;
use futures_util::FutureExt as _;

use super::stand_in::{StandIn, alice};

pub const HASH: [u8; 32] = [9; 32];
pub const SITE: &str = "example.com";
pub const PIN: &str = "493817";

/// A key with its platform.
pub struct Key {
    pub platform: StandIn,
    authenticator: DoorAuthenticator,
    pub channel: u32,
}

impl Key {
    pub fn new(platform: StandIn) -> Self {
        Self {
            platform,
            authenticator: DoorAuthenticator::new(portable()).unwrap(),
            channel: 1,
        }
    }
}

impl Ctap2 for Key {
    /// The platform of these tests answers at once.
    fn cbor(&mut self, code: u8, parameters: &[u8]) -> Result<Vec<u8>, Status> {
        let message = [&[code], parameters].concat();
        let answer = self.authenticator.process(&self.platform, self.channel, &message);
        let answer = answer.now_or_never().expect("the platform answers at once");
        let (status, body) = answer.split_first().unwrap();
        match Status::from_code(*status).unwrap() {
            Status::Success => Ok(body.to_vec()),
            status => {
                assert!(body.is_empty(), "an error has no body");
                Err(status)
            }
        }
    }
}

pub fn make_request() -> make_credential::Request {
    let rp = RpEntity {
        id: SITE.to_owned(),
        name: Some("Example".to_owned()),
    };
    let mut request = make_credential::Request::new(HASH, rp, alice(), vec![-257, -7]);
    request.attestation_formats_preference = vec!["none".to_owned()];
    request
}

pub fn get_request() -> get_assertion::Request {
    get_assertion::Request::new(SITE, HASH)
}
