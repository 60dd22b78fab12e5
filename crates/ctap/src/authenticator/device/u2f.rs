//! CTAP1, which is U2F (CTAP 2.1 §7), with credentials that CTAP2 can use too.
//!
//! U2F knows a site by a hash only. A credential that it makes is stored under the hash in hexadecimal digits, with the
//! hash among its attributes; whoever looks for a site's credentials finds them with the others.

use super::store::{Attributes, CredentialSecrets, Protection};
use super::{Device, DeviceStore, Environment, Fault, Presence, Purpose, StoredCredential};
use crate::authenticator::{Backup, CredentialRecord, CredentialStore as _, Error, certificate};
use crate::crypto::Algorithm;
use crate::prf::PrfSeed;
use crate::status::Status;
use crate::types::{CredentialId, UserEntity, UserId};
use crate::u2f::{Control, Request, StatusWord};

/// Why a U2F command fails: a word for the host, and what goes to the log.
enum U2fRefusal<S> {
    Word(StatusWord),
    Fault(Error<S>),
}

type Answer<E> = Result<Vec<u8>, U2fRefusal<super::StoreError<E>>>;

impl<E: Environment> Device<E> {
    /// The same device without U2F.
    #[must_use]
    pub fn without_u2f(mut self) -> Self {
        self.u2f = false;
        self
    }

    /// Carries out one U2F command: a raw APDU, as CTAPHID's MSG brings it. The answer ends with a status word.
    pub fn process_u2f(&mut self, apdu: &[u8]) -> Vec<u8> {
        // It is a command like any other to whoever is half-way through a list.
        self.continuation = None;
        let (mut body, word) = match self.u2f(apdu) {
            Ok(body) => (body, StatusWord::NoError),
            Err(U2fRefusal::Word(word)) => (Vec::new(), word),
            Err(U2fRefusal::Fault(fault)) => {
                let word = match fault.status() {
                    Status::KeyStoreFull => StatusWord::NotEnoughMemory,
                    _ => StatusWord::Other,
                };
                self.environment.failed(&fault);
                (Vec::new(), word)
            }
        };
        body.extend_from_slice(&word.to_bytes());
        body
    }

    /// Whether U2F is served now: §7.2.4 switches it off together with alwaysUv, because it verifies nobody.
    pub(super) fn serves_u2f(&self) -> bool {
        self.u2f && !self.state.always_uv && self.settings.algorithms.contains(&Algorithm::Es256)
    }

    /// The credentials of a site, those that U2F has made for it too.
    pub(super) fn at_site(&self, rp_id: &str) -> Result<Vec<StoredCredential>, Fault<E>> {
        let store = self.environment.store();
        let application = self.crypto().sha256(&[rp_id.as_bytes()]);
        let mut found = store.at_site(rp_id).map_err(Error::Store)?;
        // A site whose RP ID happens to be such digits is another one.
        found.retain(|stored| stored.attributes.application.is_none());
        let by_u2f = store.at_site(&digits(&application)).map_err(Error::Store)?;
        found.extend(
            by_u2f
                .into_iter()
                .filter(|s| s.attributes.application == Some(application)),
        );
        Ok(found)
    }

    /// The hash of a credential's RP ID.
    pub(super) fn site_hash(&self, stored: &StoredCredential) -> [u8; 32] {
        let hash = || self.crypto().sha256(&[stored.record.rp_id.as_bytes()]);
        stored.attributes.application.unwrap_or_else(hash)
    }

    fn u2f(&mut self, apdu: &[u8]) -> Answer<E> {
        let request = Request::parse(apdu).map_err(U2fRefusal::Word)?;
        if !self.serves_u2f() {
            return Err(U2fRefusal::Word(StatusWord::CommandNotAllowed));
        }
        match request {
            Request::Version => Ok(b"U2F_V2".to_vec()),
            Request::Register { challenge, application } => self.u2f_register(&challenge, application),
            Request::Authenticate {
                control,
                challenge,
                application,
                key_handle,
            } => self.u2f_authenticate(control, &challenge, &application, &key_handle),
        }
    }

    /// Raw Message Formats §4.
    fn u2f_register(&mut self, challenge: &[u8; 32], application: [u8; 32]) -> Answer<E> {
        self.u2f_presence(&application, true)?;
        let crypto = self.crypto();
        let key = crypto.generate(Algorithm::Es256)?;
        let id = CredentialId::random(crypto)?;
        let record = CredentialRecord {
            id: id.clone(),
            rp_id: digits(&application),
            rp_name: None,
            // U2F knows no account; that of a credential that is not discoverable is never told.
            user: UserEntity {
                id: UserId::new([0]).map_err(|_| U2fRefusal::Word(StatusWord::Other))?,
                name: None,
                display_name: None,
            },
            public_key: key.public_key().clone(),
            discoverable: false,
            backup_eligible: self.settings.backup != Backup::DeviceBound,
            backed_up: self.settings.backup == Backup::BackedUp,
            sign_count: 0,
            created_ms: self.environment.unix_ms(),
        };
        self.check_room(&record)?;
        // The uncompressed point is the end of the SubjectPublicKeyInfo.
        let spki = record.public_key.to_spki_der();
        let (_, point) = spki
            .split_last_chunk::<65>()
            .ok_or(U2fRefusal::Word(StatusWord::Other))?;
        let handle = id.as_bytes();
        let length = u8::try_from(handle.len()).map_err(|_| U2fRefusal::Word(StatusWord::Other))?;
        let signed = [&[0], application.as_slice(), challenge, handle, point].concat();
        let signature = crypto.sign(&key, &signed)?;
        let certificate = certificate::of_u2f_key(crypto, &key)?;
        let answer = [&[5], point.as_slice(), &[length], handle, &certificate, &signature].concat();

        let attributes = Attributes {
            application: Some(application),
            ..Attributes::default()
        };
        let secrets = CredentialSecrets {
            verified_seed: PrfSeed::generate(crypto)?,
            unverified_seed: PrfSeed::generate(crypto)?,
            large_blob_key: None,
        };
        let store = self.environment.store_mut();
        store
            .insert_new(StoredCredential { record, attributes }, key, secrets)
            .map_err(|error| U2fRefusal::Fault(Error::Store(error)))?;
        Ok(answer)
    }

    /// Raw Message Formats §5.
    fn u2f_authenticate(
        &mut self,
        control: Control,
        challenge: &[u8; 32],
        application: &[u8; 32],
        key_handle: &[u8],
    ) -> Answer<E> {
        let all = self.environment.store().all();
        let all = all.map_err(|error| U2fRefusal::Fault(Error::Store(error)))?;
        let fits = |stored: &StoredCredential| {
            stored.record.id.as_bytes() == key_handle
                && stored.record.public_key.algorithm() == Algorithm::Es256
                // U2F verifies nobody: what is for verified users only is not there.
                && stored.attributes.protection != Protection::Required
                && self.site_hash(stored) == *application
        };
        let Some(StoredCredential { record, .. }) = all.into_iter().find(fits) else {
            return Err(U2fRefusal::Word(StatusWord::WrongData));
        };
        let present = match control {
            // The specification's way to say yes.
            Control::CheckOnly => return Err(U2fRefusal::Word(StatusWord::ConditionsNotSatisfied)),
            Control::EnforcePresence => {
                self.u2f_presence(application, false)?;
                1
            }
            Control::DontEnforcePresence => 0,
        };
        let store = self.environment.store_mut();
        let count = store.next_sign_count(&record.id);
        let count = count.map_err(|error| U2fRefusal::Fault(Error::Store(error)))?;
        let signed = [application.as_slice(), &[present], &count.to_be_bytes(), challenge].concat();
        let signature = store.sign(&record.id, &signed);
        let signature = signature.map_err(|error| U2fRefusal::Fault(Error::Store(error)))?;
        Ok([&[present], count.to_be_bytes().as_slice(), &signature].concat())
    }

    /// The host asks again and again until the user is there; so whatever is not consent means "not yet".
    fn u2f_presence(&mut self, application: &[u8; 32], register: bool) -> Result<(), U2fRefusal<super::StoreError<E>>> {
        match self.environment.user_presence(&Purpose::U2f { application, register }) {
            Presence::Given => Ok(()),
            _ => Err(U2fRefusal::Word(StatusWord::ConditionsNotSatisfied)),
        }
    }
}

impl<S, X: Into<Error<S>>> From<X> for U2fRefusal<S> {
    fn from(error: X) -> Self {
        Self::Fault(error.into())
    }
}

/// Hexadecimal digits.
fn digits(bytes: &[u8; 32]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)])
        .collect()
}
