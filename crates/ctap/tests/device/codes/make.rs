//! The rows of makeCredential, and of any command.

use super::*;

#[allow(clippy::too_many_lines)]
pub fn rows() -> Vec<Row> {
    use Status as S;
    vec![
        // Any command.
        row(0x3f, S::InvalidCommand, "an unknown command", || {
            sent(Key::new(), 0x3f, &[])
        }),
        row(MC, S::RequestTooLarge, "longer than maxMsgSize", || {
            sent(Key::new(), MC, &[0; 7609])
        }),
        // makeCredential
        row(MC, S::InvalidCbor, "no CBOR", || sent(Key::new(), MC, &[0xff])),
        row(MC, S::CborUnexpectedType, "rp is text", || making(2, Some("rp".into()))),
        row(MC, S::MissingParameter, "no user", || making(3, None)),
        row(MC, S::InvalidParameter, "a short hash", || {
            making(1, Some(Value::from(&[0_u8; 31])))
        }),
        row(MC, S::UnsupportedAlgorithm, "RS256 only", || {
            let rsa = Map::new().with("alg", -257).with("type", "public-key");
            making(4, Some(vec![Value::from(rsa)].into()))
        }),
        row(MC, S::InvalidOption, "up is false", || {
            making(7, Some(Map::new().with("up", false).into()))
        }),
        row(MC, S::InvalidOption, "uv, but nothing verifies", || {
            sent(Key::new(), MC, &uv_make())
        }),
        row(MC, S::InvalidParameter, "enterprise attestation", || {
            making(0x0a, Some(1.into()))
        }),
        row(MC, S::PuatRequired, "discoverable without the PIN", || {
            sent(Key::with_pin(), MC, &bed::make(b"alice").to_cbor())
        }),
        row(MC, S::OperationDenied, "discoverable without the finger", || {
            sent(Key::with_uv(), MC, &bed::make(b"alice").to_cbor())
        }),
        row(MC, S::MissingParameter, "a MAC without its protocol", || {
            making(8, Some(Value::from(&[0_u8; 32])))
        }),
        row(MC, S::InvalidParameter, "an unknown protocol", || {
            let request = edited(&bed::make(b"alice").to_cbor(), 8, Some(Value::from(&[0_u8; 32])));
            sent(Key::new(), MC, &edited(&request, 9, Some(3.into())))
        }),
        row(MC, S::PinAuthInvalid, "a MAC of no token", || {
            let request = edited(&bed::make(b"alice").to_cbor(), 8, Some(Value::from(&[0_u8; 32])));
            sent(Key::with_pin(), MC, &edited(&request, 9, Some(2.into())))
        }),
        row(MC, S::PinNotSet, "selection by an empty MAC", || {
            making(8, Some(Value::Bytes(vec![])))
        }),
        row(MC, S::PinInvalid, "selection by an empty MAC, with a PIN", || {
            let request = edited(&bed::make(b"alice").to_cbor(), 8, Some(Value::Bytes(vec![])));
            sent(Key::with_pin(), MC, &request)
        }),
        row(MC, S::LimitExceeded, "a long exclude list", || {
            let mut key = Key::new();
            let id = key.made(b"alice");
            let mut request = bed::make(b"bob");
            request.exclude_list = bed::get(&[&id; 9]).allow_list;
            sent(key, MC, &request.to_cbor())
        }),
        row(MC, S::LimitExceeded, "a long RP ID", || {
            let mut request = bed::make(b"alice");
            request.rp.id = "x".repeat(254);
            sent(Key::new(), MC, &request.to_cbor())
        }),
        row(MC, S::CredentialExcluded, "it is here already", || {
            let mut key = Key::new();
            let id = key.made(b"alice");
            let mut request = bed::make(b"bob");
            request.exclude_list = bed::get(&[&id]).allow_list;
            sent(key, MC, &request.to_cbor())
        }),
        row(MC, S::OperationDenied, "the user declines", || {
            touched(Presence::Denied, MC, &bed::make(b"bob").to_cbor())
        }),
        row(MC, S::OperationDenied, "no touch", || {
            touched(Presence::TimedOut, MC, &bed::make(b"bob").to_cbor())
        }),
        row(MC, S::KeepaliveCancel, "the platform cancels", || {
            touched(Presence::Cancelled, MC, &bed::make(b"bob").to_cbor())
        }),
        row(MC, S::OperationDenied, "the wrong finger", || {
            fingered(Finger::Wrong, MC, &uv_make())
        }),
        row(MC, S::UserActionTimeout, "no finger", || {
            fingered(Finger::Away, MC, &uv_make())
        }),
        row(MC, S::KeepaliveCancel, "the platform cancels the finger", || {
            fingered(Finger::Cancelled, MC, &uv_make())
        }),
        row(MC, S::PinBlocked, "the wrong finger too often", || {
            worn_out(MC, &uv_make())
        }),
        row(MC, S::OperationDenied, "selection, and the user does nothing", || {
            let request = edited(&bed::make(b"alice").to_cbor(), 8, Some(Value::Bytes(vec![])));
            touched(Presence::TimedOut, MC, &request)
        }),
        row(
            MC,
            S::PuatRequired,
            "alwaysUv on a device without any verification",
            || {
                always_uv(
                    MC,
                    &edited(&bed::make(b"alice").to_cbor(), 8, Some(Value::from(&[0_u8; 32]))),
                )
            },
        ),
        row(MC, S::KeyStoreFull, "no room", || {
            let numbers = Numbers {
                max_credentials: 1,
                ..Numbers::default()
            };
            let mut key = Key::with(world(), numbers);
            key.made(b"alice");
            sent(key, MC, &bed::make(b"bob").to_cbor())
        }),
    ]
}
