//! The rows of reset, selection and credentialManagement.

use super::*;

#[allow(clippy::too_many_lines)]
pub fn rows() -> Vec<Row> {
    use Status as S;
    vec![
        // reset
        row(RS, S::NotAllowed, "long after power-up", || {
            let mut key = Key::new();
            key.wait(10_001);
            sent(key, RS, &[])
        }),
        row(RS, S::InvalidLength, "parameters", || sent(Key::new(), RS, &[0])),
        row(RS, S::OperationDenied, "the user declines", || {
            touched(Presence::Denied, RS, &[])
        }),
        row(RS, S::UserActionTimeout, "no touch", || {
            touched(Presence::TimedOut, RS, &[])
        }),
        row(RS, S::KeepaliveCancel, "the platform cancels", || {
            touched(Presence::Cancelled, RS, &[])
        }),
        // selection
        row(SE, S::InvalidLength, "parameters", || sent(Key::new(), SE, &[0])),
        row(SE, S::OperationDenied, "the user declines", || {
            touched(Presence::Denied, SE, &[])
        }),
        row(SE, S::UserActionTimeout, "no touch", || {
            touched(Presence::TimedOut, SE, &[])
        }),
        row(SE, S::KeepaliveCancel, "the platform cancels", || {
            touched(Presence::Cancelled, SE, &[])
        }),
        // credentialManagement
        row(CM, S::InvalidCbor, "no CBOR", || sent(Key::new(), CM, &[0x61])),
        row(CM, S::CborUnexpectedType, "the parameters are text", || {
            sent(
                Key::new(),
                CM,
                &Value::from(Map::new().with(1, 1).with(2, "x")).encode(),
            )
        }),
        row(CM, S::MissingParameter, "no subcommand", || {
            sent(Key::new(), CM, &[0xa0])
        }),
        row(CM, S::InvalidSubcommand, "an unknown subcommand", || {
            managed(Managing::GetCredsMetadata, None, |r| r.sub_command = 0x100)
        }),
        row(CM, S::PuatRequired, "no MAC", || {
            managed(Managing::GetCredsMetadata, None, |r| r.pin_uv_auth_param = None)
        }),
        row(CM, S::MissingParameter, "a MAC without its protocol", || {
            managed(Managing::EnumerateRpsBegin, None, |r| r.pin_uv_auth_protocol = None)
        }),
        row(CM, S::InvalidParameter, "an unknown protocol", || {
            managed(Managing::EnumerateRpsBegin, None, |r| r.pin_uv_auth_protocol = Some(9))
        }),
        row(CM, S::PinAuthInvalid, "a wrong MAC", || {
            managed(Managing::EnumerateRpsBegin, None, |r| {
                r.pin_uv_auth_param = Some(vec![0; 32]);
            })
        }),
        row(CM, S::MissingParameter, "which site?", || {
            managed(Managing::EnumerateCredentialsBegin, None, |_| ())
        }),
        row(CM, S::InvalidParameter, "a short hash", || {
            let params = Map::new().with(1, [0_u8; 31]);
            managed(Managing::EnumerateCredentialsBegin, Some(params), |_| ())
        }),
        row(CM, S::NoCredentials, "nobody at this site", || {
            let params = Map::new().with(1, hash("example.org"));
            managed(Managing::EnumerateCredentialsBegin, Some(params), |_| ())
        }),
        row(CM, S::NoCredentials, "no site at all", || {
            let mut key = Key::with_pin();
            let token = key.token(PIN, Permissions::CREDENTIAL_MANAGEMENT, None).unwrap();
            let result = key
                .manage(&managing(Managing::EnumerateRpsBegin, None, &token))
                .map(drop);
            (key, result)
        }),
        row(CM, S::MissingParameter, "which credential?", || {
            managed(Managing::DeleteCredential, Some(Map::new()), |_| ())
        }),
        row(CM, S::NotAllowed, "next of no sites", || {
            sent(Key::new(), CM, &Manage::new(Managing::EnumerateRpsGetNextRp).to_cbor())
        }),
        row(CM, S::NotAllowed, "next of no credentials", || {
            let request = Manage::new(Managing::EnumerateCredentialsGetNextCredential);
            sent(Key::new(), CM, &request.to_cbor())
        }),
    ]
}
