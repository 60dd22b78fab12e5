//! One run: the key, what the platform knows, and what must hold.

use claviger_ctap::authenticator::device::{BuiltInUv, DeviceStore, Numbers, Presence, command};
use claviger_ctap::authenticator_config as config;
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::cbor::Map;
use claviger_ctap::client_pin::{Permissions, SubCommand};
use claviger_ctap::credential_management as management;
use claviger_ctap::large_blobs::{self, sealed};
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use claviger_ctap::status::Status;
use claviger_ctap::types::CredentialId;
use claviger_ctap::u2f;
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::bed::{Finger, Key, Token, descriptor, id_of, world};
use crate::crypto;
use crate::requests::{SITES, extensions, getting, making, value};

const PINS: [&str; 4] = ["1234", "another pin", "€€€€", "123"];
const ROOM: usize = 4;

pub struct Run {
    key: Key,
    /// The PIN that is set, as far as the platform knows.
    pin: Option<&'static str>,
    token: Option<Token>,
    known: Vec<CredentialId>,
    retries: u64,
}

impl Run {
    pub fn new(input: &mut Unstructured<'_>) -> Result<Self> {
        let mut world = world();
        let all = [BuiltInUv::None, BuiltInUv::NotConfigured, BuiltInUv::Configured];
        world.uv = *input.choose(&all)?;
        Ok(Self {
            key: Key::with(world, numbers()),
            pin: None,
            token: None,
            known: Vec::new(),
            retries: 8,
        })
    }

    pub fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        match input.int_in_range(0..=24)? {
            0 => self.key.wait(input.int_in_range(0..=700_000)?),
            1 => self.key.device.power_cycle().unwrap(),
            2 => self.restart(),
            3 => {
                let all = [Presence::Given, Presence::Denied, Presence::TimedOut, Presence::Cancelled];
                self.key.world().touches.push_back(*input.choose(&all)?);
            }
            4 => {
                let all = [Finger::Right, Finger::Wrong, Finger::Away, Finger::No, Finger::Cancelled];
                self.key.world().fingers.push_back(*input.choose(&all)?);
            }
            5 => self.key.protocol = *input.choose(&PinUvAuthProtocol::ALL)?,
            6 => self.set_pin(input)?,
            7 | 8 => self.pin_token(input)?,
            9 => self.uv_token(input)?,
            10..=12 => self.make(input)?,
            13..=15 => self.get(input)?,
            16 => drop(self.key.next()),
            17 | 18 => self.manage(input)?,
            19 => self.configure(input)?,
            20 => self.blobs(input)?,
            21 => self.reset(),
            22 => self.u2f(input)?,
            23 => {
                let code = input.int_in_range(0..=0x0e)?;
                let parameters = value(input, 3)?.encode();
                self.raw(&[&[code], parameters.as_slice()].concat());
            }
            _ => {
                let length = input.int_in_range(0..=200)?;
                let bytes = input.bytes(length.min(input.len()))?.to_vec();
                self.raw(&bytes);
            }
        }
        self.holds();
        Ok(())
    }

    /// Whatever happened, a reset after power-up gives a working key.
    pub fn ends_well(mut self) {
        self.key.device.power_cycle().unwrap();
        self.key.world().touches.clear();
        self.key.world().fingers.clear();
        self.key.call(command::RESET, &[]).unwrap();
        let made = self.key.make(&crate::bed::make(b"alice"));
        // A verifier that is set up is asked for; the engine sends the platform there.
        if self.key.world().uv != BuiltInUv::Configured {
            made.unwrap();
            self.key.get(&crate::bed::get(&[])).unwrap();
        }
    }

    /// What holds after every step.
    fn holds(&mut self) {
        let (retries, _) = self.key.pin_retries();
        assert!(retries <= 8);
        // A try comes back only with the right PIN, a new PIN or a reset, and those say so below.
        assert!(retries <= self.retries, "{retries} tries after {}", self.retries);
        self.retries = retries;
        let stored = self.key.world().store.all().unwrap().len();
        assert!(stored <= ROOM);
        // The user was asked for nothing that a log should not hold; and the logs do not grow.
        self.key.world().asked.clear();
        self.key.world().failures.clear();
    }

    /// The same store in a new process.
    fn restart(&mut self) {
        let mut next = world();
        let old = self.key.world();
        std::mem::swap(&mut next.store, &mut old.store);
        (next.now_ms, next.uv) = (old.now_ms, old.uv);
        let protocol = self.key.protocol;
        self.key = Key::with(next, numbers());
        self.key.protocol = protocol;
    }

    fn raw(&mut self, command: &[u8]) {
        let before = self.key.world().store.all().unwrap().len();
        let answer = self.key.raw(command);
        assert_ne!(answer, Err(Status::Other));
        if answer.is_ok() && command.first() == Some(&command::RESET) {
            (self.pin, self.retries) = (None, 8);
        } else if command.first() != Some(&command::MAKE_CREDENTIAL) {
            assert!(self.key.world().store.all().unwrap().len() <= before);
        }
    }

    fn set_pin(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let new = *input.choose(&PINS)?;
        let old = *input.choose(&PINS)?;
        let had = self.pin;
        let changed = if input.arbitrary()? {
            let changed = self.key.set_pin(new);
            assert!(changed.is_err() || had.is_none(), "a PIN is set over another");
            changed
        } else {
            let changed = self.key.change_pin(old, new);
            assert!(changed.is_err() || had == Some(old), "a PIN is changed without the old one");
            if had == Some(old) && changed == Err(Status::PinPolicyViolation) {
                self.retries = 8;
            }
            changed
        };
        if changed.is_ok() {
            assert!(new.chars().count() >= 4);
            (self.pin, self.retries) = (Some(new), 8);
            self.signed_by_old_token_is_refused();
        }
        Ok(())
    }

    fn signed_by_old_token_is_refused(&mut self) {
        if let Some(token) = self.token.take() {
            let mut request = crate::bed::get(&[]);
            token.sign_get(&mut request);
            request.options.up = false;
            assert_eq!(self.key.get(&request).err(), Some(Status::PinAuthInvalid));
        }
    }

    fn pin_token(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let pin = *input.choose(&PINS)?;
        let permissions = Permissions::from_bits_truncate(input.int_in_range(0..=0x7f)?);
        let site = input.choose_index(4).map(|index| SITES.get(index).copied())?;
        let result = if input.ratio(1, 4)? {
            self.key.old_token(pin)
        } else {
            self.key.token(pin, permissions, site)
        };
        match result {
            Ok(token) => {
                assert_eq!(self.pin, Some(pin), "a token for a wrong PIN");
                self.retries = 8;
                self.token = Some(token);
            }
            // The PIN may have been right all the same, and must be changed.
            Err(Status::PinPolicyViolation | Status::PinInvalid) if self.pin == Some(pin) => self.retries = 8,
            Err(status) => assert_ne!(status, Status::Other),
        }
        Ok(())
    }

    fn uv_token(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let permissions = Permissions::from_bits_truncate(input.int_in_range(0..=0x7f)?);
        let site = input.choose_index(4).map(|index| SITES.get(index).copied())?;
        if let Ok(token) = self.key.token_by_uv(permissions, site) {
            assert_eq!(self.key.world().uv, BuiltInUv::Configured);
            self.token = Some(token);
        }
        Ok(())
    }

    /// An input of hmac-secret, and whether it is well made.
    fn salts(&mut self, input: &mut Unstructured<'_>) -> Result<Map> {
        if !input.ratio(1, 4)? {
            return Ok(Map::new());
        }
        let (request, secret) = self.key.agreed(SubCommand::SetPin);
        let salts = vec![3; *input.choose(&[32, 64, 16, 48])?];
        let wrapped = secret.encrypt(crypto(), &salts).unwrap();
        Ok(Map::new()
            .with(1, request.key_agreement.unwrap().to_cose())
            .with(2, wrapped.as_slice())
            .with(3, secret.authenticate(crypto(), &[&wrapped]))
            .with(4, self.key.protocol.number()))
    }

    fn make(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let mut request = making(input, &self.known)?;
        let salts = self.salts(input)?;
        request.extensions = extensions(input, &salts)?;
        let signed = input.arbitrary()?;
        if let (true, Some(token)) = (signed, &self.token) {
            token.sign_make(&mut request);
        }
        if input.ratio(1, 8)? {
            return self.damaged(input, command::MAKE_CREDENTIAL, request.to_cbor());
        }
        if let Ok(response) = self.key.make(&request) {
            assert!(request.options.up);
            // What alwaysUv adds by itself is the built-in verifier.
            let built_in = request.options.uv || self.key.world().uv == BuiltInUv::Configured;
            self.flags(&response.auth_data, true, request.pin_uv_auth_param.is_some() || built_in);
            self.known.push(id_of(&response));
            self.known.truncate(16);
        }
        Ok(())
    }

    fn get(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let mut request = getting(input, &self.known)?;
        let salts = self.salts(input)?;
        request.extensions = extensions(input, &salts)?;
        let signed = input.arbitrary()?;
        if let (true, Some(token)) = (signed, &self.token) {
            token.sign_get(&mut request);
        }
        if input.ratio(1, 8)? {
            return self.damaged(input, command::GET_ASSERTION, request.to_cbor());
        }
        if let Ok(response) = self.key.get(&request) {
            let built_in = request.options.uv || self.key.world().uv == BuiltInUv::Configured;
            let may_verify = request.pin_uv_auth_param.is_some() || built_in;
            self.flags(&response.auth_data, request.options.up, may_verify);
            let data = AuthenticatorData::parse(&response.auth_data).unwrap();
            assert_eq!(data.rp_id_hash, crypto().sha256(&[request.rp_id.as_bytes()]));
            if !request.allow_list.is_empty() {
                assert!(request.allow_list.iter().any(|allowed| allowed.id == response.credential.id));
            }
            if !data.flags.contains(Flags::UV) {
                assert!(response.user.is_none_or(|user| user.name.is_none()));
            }
            while input.ratio(1, 2)? && self.key.next().is_ok() {}
        }
        Ok(())
    }

    fn flags(&self, auth_data: &[u8], up: bool, may_verify: bool) {
        let flags = AuthenticatorData::parse(auth_data).unwrap().flags;
        // A built-in verification shows presence even where none was asked for.
        assert!(flags.contains(Flags::UP) == up || flags.contains(Flags::UP | Flags::UV));
        assert!(may_verify || !flags.contains(Flags::UV), "UV from nowhere");
    }

    /// A request with some bytes changed.
    fn damaged(&mut self, input: &mut Unstructured<'_>, code: u8, mut encoded: Vec<u8>) -> Result<()> {
        for _ in 0..input.int_in_range(1..=3)? {
            let place = input.choose_index(encoded.len())?;
            encoded[place] = input.arbitrary()?;
        }
        if input.ratio(1, 4)? {
            encoded.truncate(input.choose_index(encoded.len())?);
        }
        self.raw(&[&[code], encoded.as_slice()].concat());
        Ok(())
    }

    fn manage(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let mut request = management::Request::new(*input.choose(&management::SubCommand::ALL)?);
        let site = crypto().sha256(&[input.choose::<&str>(&SITES)?.as_bytes()]);
        let mut params = Map::new().with(1, site);
        if !self.known.is_empty() {
            params.insert(2, descriptor(input.choose(&self.known)?).to_cbor());
        }
        if input.arbitrary()? {
            params.insert(3, value(input, 2)?);
        }
        request.params = (!input.ratio(1, 4)?).then_some(params);
        if let Some(token) = &self.token {
            token.sign_manage(&mut request);
        }
        if input.ratio(1, 8)? {
            return self.damaged(input, command::CREDENTIAL_MANAGEMENT, request.to_cbor());
        }
        let _ = self.key.manage(&request);
        Ok(())
    }

    fn configure(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let mut request = config::Request::new(*input.choose(&config::SubCommand::ALL)?);
        let mut params = config::MinPinLength::default();
        params.new_min_pin_length = input.ratio(1, 4)?.then_some(input.int_in_range(3..=11)?);
        params.force_change_pin = input.ratio(1, 4)?;
        params.rp_ids = input
            .ratio(1, 4)?
            .then(|| vec![SITES[0].to_owned(); usize::from(self.known.len() % 10 == 0) * 9 + 1]);
        request.params = Some(params.to_map());
        if let Some(token) = &self.token {
            token.sign_config(&mut request);
        }
        let _ = self.key.config(&request);
        Ok(())
    }

    fn blobs(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let array = sealed(crypto(), &vec![0x80; input.int_in_range(1..=2000)?]);
        let mut request = if input.arbitrary()? {
            large_blobs::Request::get(input.int_in_range(0..=8000)?, input.int_in_range(0..=5000)?)
        } else {
            let cut = input.int_in_range(0..=array.len())?;
            let (first, second) = array.split_at(cut);
            let mut request = large_blobs::Request::set(first.to_vec(), 0);
            request.length = u64::try_from(array.len()).ok();
            if let Some(token) = &self.token {
                token.sign_blobs(&mut request);
            }
            let _ = self.key.blobs(&request);
            large_blobs::Request::set(second.to_vec(), u64::try_from(cut).unwrap_or(0))
        };
        if let (Some(token), Some(_)) = (&self.token, &request.set) {
            token.sign_blobs(&mut request);
        }
        let _ = self.key.blobs(&request);
        let kept = self.key.world().store.load_large_blobs().unwrap();
        assert!(kept.is_none_or(|kept| large_blobs::is_intact(crypto(), &kept)));
        Ok(())
    }

    fn reset(&mut self) {
        if self.key.call(command::RESET, &[]).is_ok() {
            (self.pin, self.retries) = (None, 8);
            assert!(self.key.world().store.all().unwrap().is_empty());
            self.signed_by_old_token_is_refused();
        }
    }

    fn u2f(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let application = crypto().sha256(&[input.choose::<&str>(&SITES)?.as_bytes()]);
        let challenge = [5; 32];
        let mut apdu = match input.int_in_range(0..=3)? {
            0 => u2f::Request::Register { challenge, application }.to_apdu(),
            1 | 2 => {
                let control = *input.choose(&[3, 7, 8])?;
                let key_handle = match self.known.is_empty() {
                    true => vec![1; 32],
                    false => input.choose(&self.known)?.as_bytes().to_vec(),
                };
                let control = u2f::Control::from_byte(control).unwrap();
                u2f::Request::Authenticate { control, challenge, application, key_handle }.to_apdu()
            }
            _ => u2f::Request::Version.to_apdu(),
        };
        if input.ratio(1, 3)? {
            let place = input.choose_index(apdu.len())?;
            apdu[place] = input.arbitrary()?;
        }
        let answer = self.key.device.process_u2f(&apdu);
        assert!(answer.len() >= 2);
        if answer.ends_with(&[0x90, 0]) && answer.first() == Some(&5) {
            let handle = answer.get(67..99).unwrap_or_default();
            self.known.extend(CredentialId::new(handle).ok());
        }
        Ok(())
    }
}

fn numbers() -> Numbers {
    Numbers {
        max_credentials: ROOM,
        ..Numbers::default()
    }
}
