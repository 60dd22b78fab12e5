use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn sample() -> Value {
    json!({
        "id": "AAAAAAAAAAAAAAAAAAAAAQ",
        "creationAt": -5,
        "title": "Bank",
        "favorite": true,
        "scope": {"urls": ["https://bank.example"], "androidApps": [{"bundleId": "x"}]},
        "credentials": [
            {"type": "passkey", "credentialId": "AQID", "rpId": "bank.example", "username": "alice", "userDisplayName": "Alice",
             "userHandle": "BAU", "key": "c2VjcmV0", "fido2Extensions": {"hmacCredentials": {"algorithm": "hmac-sha256",
             "credWithUV": "AAAA", "credWithoutUV": "BBBB"}, "largeBlob": {"uncompressedSize": 3, "data": "AA"}}, "new": [1, null]},
            {"type": "basic-auth", "username": {"fieldType": "string", "value": "alice"},
             "password": {"id": "x", "fieldType": "concealed-string", "value": "hunter2", "label": "Password", "extensions": []}},
            {"type": "totp", "secret": "JBSWY3DP", "period": 30, "digits": 6, "algorithm": "sha1", "issuer": "Bank"},
            {"type": "note", "content": {"fieldType": "string", "value": "a\"\\\u{e9}\u{1f511}"}},
            {"type": "ssh-key", "keyType": "ssh-rsa", "privateKey": "c2VjcmV0", "creationDate": {"fieldType": "date", "value": "2020-01-01"}},
            {"type": "api-key", "key": {"fieldType": "concealed-string", "value": "k"}, "url": {"fieldType": "string", "value": "u"}},
            {"type": "credit-card", "number": {"fieldType": "concealed-string", "value": "4111"}, "cardType": {"fieldType": "string", "value": "Visa"}},
            {"type": "generated-password", "password": "pw"},
            {"type": "wifi", "ssid": {"fieldType": "string", "value": "home"}, "hidden": {"fieldType": "boolean", "value": "true"}},
            {"type": "custom-fields", "label": "More", "fields": [{"fieldType": "string", "value": "v"}]},
            {"type": "person-name", "given": {"fieldType": "string", "value": "Alice"}},
            {"type": "of-the-future", "a": {"b": [1, 2.5, "c"]}},
            {"type": "totp", "secret": 7},
            {"no": "type"}
        ],
        "tags": ["money"],
        "extensions": [{"name": "someone.else", "x": 1},
            {"name": "org.claviger.passkey", "credentialId": "AQID", "publicKey": "AA", "discoverable": true, "backupEligible": true,
             "createdMs": 1_700_000_000_123_u64, "later": "kept"}],
        "fromTheFuture": {"y": "z"}
    })
}

fn id(bytes: impl Into<Vec<u8>>) -> CredentialId {
    CredentialId::new(bytes).unwrap()
}

fn parse(value: &Value) -> Item {
    Item::from_json(&serde_json::to_vec(value).unwrap()).unwrap()
}

fn again(item: &Item) -> Value {
    serde_json::from_slice(&item.to_json().unwrap()).unwrap()
}

#[test]
fn everything_known_and_unknown_comes_out_as_it_went_in() {
    let value = sample();
    assert_eq!(again(&parse(&value)), value);
}

#[test]
fn types_are_recognised_and_the_malformed_carried() {
    let item = parse(&sample());
    let typed: Vec<bool> = item
        .credentials
        .iter()
        .map(|c| !matches!(c, Credential::Other(_)))
        .collect();
    assert_eq!(typed, [[true; 10].as_slice(), &[false; 4]].concat());
    assert_eq!(item.credentials[12].kind(), Some("totp"));
    assert_eq!(item.credentials[13].kind(), None);
    assert_eq!(item.passkeys().count(), 1);
    assert!(item.passkey_extension(&id([1, 2, 3])).unwrap().backup_eligible);
    assert!(item.passkey_extension(&id([9])).is_none());
}

#[test]
fn a_passkey_whose_ids_have_a_wrong_length_is_carried_and_hides_no_other() {
    let good = sample()["credentials"][0].clone();
    let wrong = [
        ("credentialId", String::new()),
        ("credentialId", URL_SAFE_NO_PAD.encode([1; 1024])),
        ("userHandle", String::new()),
        ("userHandle", URL_SAFE_NO_PAD.encode([1; 65])),
        ("userHandle", "not base64url!".into()),
    ];
    let mut value = sample();
    value["credentials"] = json!([]);
    let credentials = value["credentials"].as_array_mut().unwrap();
    for (field, id) in &wrong {
        let mut bad = good.clone();
        bad[*field] = id.as_str().into();
        credentials.push(bad);
    }
    credentials.push(good);
    let item = parse(&value);
    let (others, passkeys) = (&item.credentials[..wrong.len()], item.passkeys().collect::<Vec<_>>());
    assert!(
        others
            .iter()
            .all(|c| matches!(c, Credential::Other(_)) && c.kind() == Some("passkey"))
    );
    assert_eq!(passkeys.len(), 1);
    assert_eq!(passkeys[0].credential_id, id([1, 2, 3]));
    assert_eq!(again(&item), value);
    let summary = Summary::read(&item.to_json().unwrap()).unwrap();
    assert_eq!((summary.passkeys.len(), summary.unreadable), (1, wrong.len()));
}

#[test]
fn debug_prints_no_field() {
    let shown = format!("{:?}", parse(&sample()));
    for secret in [
        "hunter2",
        "JBSWY3DP",
        "c2VjcmV0",
        "4111",
        "kept",
        "Bank",
        "alice",
        "bank.example",
        "money",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn errors_quote_nothing() {
    let shown = format!(
        "{:?}",
        Item::from_json(br#"{"id":"hunter2","title":"hunter2"}"#).unwrap_err()
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_giant_is_refused_both_ways() {
    let mut item = Item::new(ItemId([0; 16]), "x");
    item.subtitle = Some("y".repeat(MAX_ITEM_BYTES));
    assert_eq!(item.to_json().unwrap_err(), ItemError::TooLarge);
    assert_eq!(
        Item::from_json(&vec![b' '; MAX_ITEM_BYTES + 1]).unwrap_err(),
        ItemError::TooLarge
    );
}

#[test]
fn a_summary_takes_what_the_index_needs() {
    let json = parse(&sample()).to_json().unwrap();
    let found = Summary::read(&json).unwrap();
    assert_eq!((found.passkeys.len(), found.unreadable), (1, 0));
    let passkey = &found.passkeys[0];
    assert_eq!(
        (
            passkey.credential_id.as_bytes(),
            passkey.rp_id.as_str(),
            passkey.username.as_str()
        ),
        ([1, 2, 3].as_slice(), "bank.example", "alice")
    );
    assert_eq!(
        (passkey.user_handle.as_bytes(), passkey.extension.created_ms),
        ([4, 5].as_slice(), 1_700_000_000_123)
    );
    assert!(passkey.extension.discoverable && passkey.extension.backup_eligible);
}

/// JSON of any shape, without the numbers that f64 cannot hold.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z_]{1,8}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn unknown_fields_and_credentials_survive(extra in any_json(), credentials in prop::collection::vec(any_json(), 0..4)) {
        let mut value = sample();
        value["zz"] = extra.clone();
        value["credentials"][1]["zz"] = extra.clone();
        value["credentials"][1]["password"]["zz"] = extra.clone();
        value["scope"]["zz"] = extra.clone();
        value["extensions"][1]["zz"] = extra;
        value["credentials"].as_array_mut().unwrap().extend(credentials);
        prop_assert_eq!(again(&parse(&value)), value);
    }

    #[test]
    fn arbitrary_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Item::from_json(&bytes);
        let _ = Summary::read(&bytes);
    }

    #[test]
    fn a_summary_reads_any_item_that_parses(extra in any_json(), name in "[a-zA-Z]{1,12}") {
        let mut value = sample();
        value["credentials"][1][name.as_str()] = extra.clone();
        value["extensions"][0][name.as_str()] = extra;
        let json = parse(&value).to_json().unwrap();
        prop_assert_eq!(Summary::read(&json).unwrap().passkeys.len(), 1);
    }
}
