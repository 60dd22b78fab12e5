//! The rows of clientPIN.

use claviger_ctap::authenticator::device::BuiltInUv;

use super::*;

#[allow(clippy::too_many_lines)]
pub fn rows() -> Vec<Row> {
    use Status as S;
    vec![
        // clientPIN
        row(CP, S::InvalidCbor, "no CBOR", || sent(Key::new(), CP, &[0x18, 0x01])),
        row(CP, S::CborUnexpectedType, "the subcommand is text", || {
            sent(Key::new(), CP, &Value::from(Map::new().with(2, "set")).encode())
        }),
        row(CP, S::MissingParameter, "no subcommand", || {
            sent(Key::new(), CP, &[0xa0])
        }),
        row(CP, S::InvalidSubcommand, "an unknown subcommand", || {
            pinned(|r| r.sub_command = 8)
        }),
        row(CP, S::InvalidSubcommand, "getUVRetries without a reader", || {
            pinned(|r| r.sub_command = SubCommand::GetUvRetries.number())
        }),
        row(CP, S::MissingParameter, "no protocol", || {
            pinned(|r| r.pin_uv_auth_protocol = None)
        }),
        row(CP, S::InvalidParameter, "an unknown protocol", || {
            pinned(|r| r.pin_uv_auth_protocol = Some(3))
        }),
        row(CP, S::MissingParameter, "no key", || pinned(|r| r.key_agreement = None)),
        row(CP, S::InvalidParameter, "a point that is not on the curve", || {
            let key = Map::new()
                .with(1, 2)
                .with(3, -25)
                .with(-1, 1)
                .with(-2, [1_u8; 32])
                .with(-3, [1_u8; 32]);
            let request = Map::new().with(1, 2).with(2, 9).with(3, key).with(6, [0_u8; 32]);
            let request = request.with(9, 1).with(10, RP);
            sent(Key::with_pin(), CP, &Value::from(request).encode())
        }),
        row(CP, S::MissingParameter, "no PIN hash", || {
            pinned(|r| r.pin_hash_enc = None)
        }),
        row(CP, S::MissingParameter, "no permissions", || {
            pinned(|r| r.permissions = None)
        }),
        row(CP, S::InvalidParameter, "permission for nothing", || {
            pinned(|r| r.permissions = Some(0))
        }),
        row(CP, S::UnauthorizedPermission, "fingerprints cannot be enrolled", || {
            pinned(|r| r.permissions = Some(Permissions::BIO_ENROLLMENT.bits().into()))
        }),
        row(CP, S::UnauthorizedPermission, "pcmr together with another", || {
            pinned(|r| r.permissions = Some(0x44))
        }),
        row(CP, S::MissingParameter, "mc without an RP ID", || {
            pinned(|r| r.rp_id = None)
        }),
        row(CP, S::InvalidParameter, "getPinToken with permissions", || {
            pinned(|r| r.sub_command = SubCommand::GetPinToken.number())
        }),
        row(CP, S::InvalidSubcommand, "by finger without a reader", || {
            pinned(|r| r.sub_command = SubCommand::GetTokenUsingUv.number())
        }),
        row(CP, S::NotAllowed, "by finger before it was enrolled", || {
            let mut key = Key::with_uv();
            key.world().uv = BuiltInUv::NotConfigured;
            let result = key.token_by_uv(Permissions::MAKE_CREDENTIAL, Some(RP)).map(drop);
            (key, result)
        }),
        row(CP, S::PinInvalid, "a wrong PIN", || wrong_pins(1)),
        row(CP, S::PinAuthBlocked, "three wrong PINs", || wrong_pins(3)),
        row(CP, S::PinBlocked, "eight wrong PINs", || wrong_pins(8)),
        row(CP, S::PinInvalid, "a PIN hash that does not decrypt", || {
            pinned(|r| r.pin_hash_enc = Some(vec![1; 15]))
        }),
        row(CP, S::PinNotSet, "a token by PIN without a PIN", || {
            let mut key = Key::new();
            let result = key.token(PIN, Permissions::MAKE_CREDENTIAL, Some(RP)).map(drop);
            (key, result)
        }),
        row(CP, S::PinNotSet, "changing no PIN", || {
            let mut key = Key::new();
            let result = key.change_pin(PIN, PIN);
            (key, result)
        }),
        row(CP, S::PinAuthInvalid, "setting a second PIN", || {
            let mut key = Key::with_pin();
            let result = key.set_pin(PIN);
            (key, result)
        }),
        row(CP, S::PinAuthInvalid, "a wrong MAC over the new PIN", || {
            setting(|r| r.pin_uv_auth_param = Some(vec![0; 32]))
        }),
        row(CP, S::MissingParameter, "no new PIN", || {
            setting(|r| r.new_pin_enc = None)
        }),
        row(CP, S::MissingParameter, "no MAC over the new PIN", || {
            setting(|r| r.pin_uv_auth_param = None)
        }),
        row(CP, S::InvalidParameter, "a new PIN of 32 bytes", || {
            let mut key = Key::new();
            let (mut request, secret) = key.agreed(SubCommand::SetPin);
            let short = secret.encrypt(portable(), &[b'1'; 32]).unwrap();
            request.pin_uv_auth_param = Some(secret.authenticate(portable(), &[&short]));
            request.new_pin_enc = Some(short);
            let result = key.pin(&request).map(drop);
            (key, result)
        }),
        row(CP, S::PinAuthInvalid, "a new PIN that does not decrypt", || {
            let mut key = Key::new();
            let (mut request, secret) = key.agreed(SubCommand::SetPin);
            request.pin_uv_auth_param = Some(secret.authenticate(portable(), &[&[1; 17]]));
            request.new_pin_enc = Some(vec![1; 17]);
            let result = key.pin(&request).map(drop);
            (key, result)
        }),
        row(CP, S::PinPolicyViolation, "a short PIN", || {
            let mut key = Key::new();
            let result = key.set_pin("123");
            (key, result)
        }),
        row(CP, S::UvInvalid, "the wrong finger", || token_by(&[Finger::Wrong; 3])),
        row(CP, S::UvBlocked, "the wrong finger too often", || {
            let (mut key, _) = token_by(&[Finger::Wrong; 5]);
            let result = key.token_by_uv(Permissions::MAKE_CREDENTIAL, Some(RP)).map(drop);
            (key, result)
        }),
        row(CP, S::OperationDenied, "the user declines", || token_by(&[Finger::No])),
        row(CP, S::UserActionTimeout, "no finger", || token_by(&[Finger::Away])),
        row(CP, S::KeepaliveCancel, "the platform cancels", || {
            token_by(&[Finger::Cancelled])
        }),
    ]
}
