//! The rows of getAssertion, getNextAssertion and getInfo.

use super::*;

#[allow(clippy::too_many_lines)]
pub fn rows() -> Vec<Row> {
    use Status as S;
    vec![
        // getAssertion
        row(GA, S::InvalidCbor, "no CBOR", || sent(Key::new(), GA, &[])),
        row(GA, S::CborUnexpectedType, "the allow list is text", || {
            getting(3, Some("all".into()))
        }),
        row(GA, S::MissingParameter, "no RP ID", || getting(1, None)),
        row(GA, S::InvalidParameter, "a long hash", || {
            getting(2, Some(Value::from(&[0_u8; 33])))
        }),
        row(GA, S::UnsupportedOption, "the option rk", || {
            getting(5, Some(Map::new().with("rk", false).into()))
        }),
        row(GA, S::InvalidOption, "uv, but nothing verifies", || {
            sent(Key::new(), GA, &uv_get())
        }),
        row(GA, S::MissingParameter, "a MAC without its protocol", || {
            getting(6, Some(Value::from(&[0_u8; 32])))
        }),
        row(GA, S::InvalidParameter, "an unknown protocol", || {
            let request = edited(&bed::get(&[]).to_cbor(), 6, Some(Value::from(&[0_u8; 32])));
            sent(Key::new(), GA, &edited(&request, 7, Some(0.into())))
        }),
        row(GA, S::PinAuthInvalid, "a MAC of no token", || {
            let request = edited(&bed::get(&[]).to_cbor(), 6, Some(Value::from(&[0_u8; 16])));
            sent(Key::with_pin(), GA, &edited(&request, 7, Some(1.into())))
        }),
        row(GA, S::PinNotSet, "selection by an empty MAC", || {
            getting(6, Some(Value::Bytes(vec![])))
        }),
        row(GA, S::PinInvalid, "selection by an empty MAC, with a PIN", || {
            let request = edited(&bed::get(&[]).to_cbor(), 6, Some(Value::Bytes(vec![])));
            sent(Key::with_pin(), GA, &request)
        }),
        row(GA, S::LimitExceeded, "a long allow list", || {
            let mut key = Key::new();
            let id = key.made(b"alice");
            sent(key, GA, &bed::get(&[&id; 9]).to_cbor())
        }),
        row(GA, S::NoCredentials, "nobody is here", || {
            sent(Key::new(), GA, &bed::get(&[]).to_cbor())
        }),
        row(GA, S::OperationDenied, "the user declines", || {
            touched(Presence::Denied, GA, &bed::get(&[]).to_cbor())
        }),
        row(GA, S::OperationDenied, "no touch", || {
            touched(Presence::TimedOut, GA, &bed::get(&[]).to_cbor())
        }),
        row(GA, S::UserActionTimeout, "no finger", || {
            fingered(Finger::Away, GA, &uv_get())
        }),
        row(GA, S::PinBlocked, "the wrong finger too often", || {
            worn_out(GA, &uv_get())
        }),
        row(
            GA,
            S::PuatRequired,
            "alwaysUv on a device without any verification",
            || always_uv(GA, &edited(&bed::get(&[]).to_cbor(), 6, Some(Value::from(&[0_u8; 32])))),
        ),
        row(GA, S::KeepaliveCancel, "the platform cancels", || {
            touched(Presence::Cancelled, GA, &bed::get(&[]).to_cbor())
        }),
        row(GA, S::OperationDenied, "the wrong finger", || {
            fingered(Finger::Wrong, GA, &uv_get())
        }),
        row(GA, S::PuatRequired, "the wrong finger, but there is a PIN", || {
            let mut key = Key::with_uv();
            key.set_pin(PIN).unwrap();
            key.world().fingers.extend([Finger::Wrong; 3]);
            sent(key, GA, &uv_get())
        }),
        // getNextAssertion
        row(GN, S::NotAllowed, "nothing was asked before", || {
            sent(Key::new(), GN, &[])
        }),
        row(GN, S::InvalidLength, "parameters", || sent(Key::new(), GN, &[0xa0])),
        // getInfo
        row(GI, S::InvalidLength, "parameters", || sent(Key::new(), GI, &[0xa0])),
    ]
}
