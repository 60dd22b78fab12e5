//! Authentication from the page's JSON to the page's JSON.

use claviger_ctap::{
    authenticator_data::{AuthenticatorData, Flags},
    cbor::{Limits, Map},
    crypto,
    get_assertion::{Request, Response},
    large_blob::{AtGet, LargeBlob},
    types::{CredentialDescriptor, CredentialId, UserEntity, UserId},
};
use claviger_webauthn::{Error, Hint, Unserved, UserVerification, get::Ceremony, limits};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{authenticator_data, base64url, bytes, frame, page, with};

const SITE: &str = "https://login.example.com";

fn options(changes: Value) -> String {
    with(
        json!({"challenge": "AAECAwQFBgcICQoLDA0ODw", "rpId": "example.com"}),
        changes,
    )
}

fn begin(changes: Value) -> Result<Ceremony, Error> {
    Ceremony::begin(&options(changes), &page(SITE))
}

#[track_caller]
fn refused(changes: Value) -> &'static str {
    begin(changes).unwrap_err().dom_name()
}

fn allow(ids: &[&[u8]]) -> Value {
    ids.iter()
        .map(|id| json!({"type": "public-key", "id": base64url(id)}))
        .collect()
}

fn answer(id: &[u8]) -> Response {
    let credential = CredentialDescriptor::new(CredentialId::new(id).unwrap());
    let data = authenticator_data("example.com", Flags::UP | Flags::UV, None);
    let mut response = Response::new(credential, data, b"signature".to_vec());
    response.user = Some(UserEntity {
        id: UserId::new(b"user".as_slice()).unwrap(),
        name: None,
        display_name: None,
    });
    response
}

fn finish(ceremony: &Ceremony, response: &Response) -> Value {
    serde_json::from_str(ceremony.finish(response).unwrap().as_str()).unwrap()
}

#[test]
fn the_request_carries_what_the_page_asked_for() {
    let ceremony = begin(json!({
        "timeout": 20_000,
        "allowCredentials": allow(&[b"one", b"two"]),
        "userVerification": "required",
        "hints": ["hybrid"],
    }))
    .unwrap();
    let request = ceremony.request();
    assert_eq!(request.rp_id, "example.com");
    assert_eq!(request.allow_list.len(), 2);
    assert_eq!(request.allow_list[1].id.as_bytes(), b"two");
    assert!(request.options.uv && request.options.up);
    let client_data =
        br#"{"type":"webauthn.get","challenge":"AAECAwQFBgcICQoLDA0ODw","origin":"https://login.example.com","crossOrigin":false}"#;
    assert_eq!(request.client_data_hash, crypto::native().sha256(&[client_data]));
    assert_eq!(ceremony.timeout().as_secs(), 20);
    assert_eq!(ceremony.user_verification(), UserVerification::Required);
    assert_eq!(ceremony.hints(), [Hint::Hybrid]);
}

#[test]
fn absent_members_have_the_standards_defaults() {
    let ceremony = begin(json!({"rpId": null})).unwrap();
    assert_eq!(ceremony.rp_id().as_str(), "login.example.com");
    assert_eq!(ceremony.timeout(), limits::DEFAULT_TIMEOUT);
    assert_eq!(ceremony.user_verification(), UserVerification::Preferred);
    assert!(ceremony.request().allow_list.is_empty());
}

#[test]
fn what_is_wrong_is_refused_by_its_name() {
    assert_eq!(refused(json!({"challenge": null})), "TypeError");
    assert_eq!(refused(json!({"challenge": "a+b"})), "TypeError");
    assert_eq!(
        refused(json!({"challenge": base64url(&vec![0; limits::MAX_CHALLENGE_BYTES + 1])})),
        "TypeError"
    );
    assert_eq!(refused(json!({"rpId": "com"})), "SecurityError");
    assert_eq!(refused(json!({"rpId": "example.net"})), "SecurityError");
    assert_eq!(
        refused(json!({"extensions": {"remoteDesktopClientOverride": {"origin": "https://example.net"}}})),
        "SecurityError"
    );
    assert_eq!(refused(json!({"allowCredentials": [1]})), "TypeError");
    let framed = |top| Ceremony::begin(&options(json!({})), &frame(SITE, top)).unwrap();
    assert_eq!(framed(None).unserved(), Some(Unserved::Frame));
    assert_eq!(framed(Some("https://shop.example")).unserved(), None);
}

#[test]
fn a_related_site_signs_in_with_its_own_origin_in_the_client_data() {
    let mut caller = page("https://shop.example.org");
    caller.checks_related_origins = true;
    let ceremony = Ceremony::begin(&options(json!({})), &caller).unwrap();
    assert_eq!(ceremony.rp_id().as_str(), "example.com");
    assert_eq!(ceremony.related().unwrap().origin(), &caller.origin);
    let response = finish(&ceremony, &answer(b"one"));
    let client_data: Value = serde_json::from_slice(&bytes(&response["response"]["clientDataJSON"])).unwrap();
    assert_eq!(client_data["origin"], "https://shop.example.org");
}

#[test]
fn a_list_of_strange_credentials_is_not_an_empty_list() {
    for list in [
        json!([{"type": "password", "id": "AA"}]),
        allow(&[b""]),
        allow(&[&[1; 1024]]),
    ] {
        let ceremony = begin(json!({"allowCredentials": list})).unwrap();
        assert_eq!(ceremony.unserved(), Some(Unserved::Credentials));
    }
    assert_eq!(begin(json!({"allowCredentials": []})).unwrap().unserved(), None);
}

#[test]
fn the_response_is_an_authentication_response_json() {
    let ceremony = begin(json!({})).unwrap();
    let answer = answer(b"one");
    let response = finish(&ceremony, &answer);
    assert_eq!(response["id"], base64url(b"one"));
    assert_eq!(response["rawId"], response["id"]);
    assert_eq!(response["type"], "public-key");
    assert_eq!(response["authenticatorAttachment"], "platform");
    assert_eq!(response["clientExtensionResults"], json!({}));
    let inner = &response["response"];
    assert_eq!(bytes(&inner["authenticatorData"]), answer.auth_data);
    assert_eq!(bytes(&inner["signature"]), b"signature");
    assert_eq!(bytes(&inner["userHandle"]), b"user");
    let client_data = bytes(&inner["clientDataJSON"]);
    assert_eq!(
        crypto::native().sha256(&[&client_data]),
        ceremony.request().client_data_hash
    );
    assert_eq!(response.as_object().unwrap().len(), 6);
    assert_eq!(inner.as_object().unwrap().len(), 4);
}

#[test]
fn a_listed_credential_may_come_without_a_user() {
    let ceremony = begin(json!({"allowCredentials": allow(&[b"one"])})).unwrap();
    let mut answer = answer(b"one");
    answer.user = None;
    assert!(finish(&ceremony, &answer)["response"].get("userHandle").is_none());
}

#[test]
fn answers_that_do_not_fit_are_the_providers_fault() {
    let ceremony = begin(json!({"allowCredentials": allow(&[b"one"]), "userVerification": "required"})).unwrap();
    assert!(ceremony.finish(&answer(b"one")).is_ok());
    let with_data = |data: Vec<u8>| {
        let mut answer = answer(b"one");
        answer.auth_data = data;
        answer
    };
    for (fault, answer) in [
        ("not allowed", answer(b"two")),
        ("unreadable", with_data(vec![0; 10])),
        (
            "another site",
            with_data(authenticator_data("example.org", Flags::UP | Flags::UV, None)),
        ),
        (
            "not present",
            with_data(authenticator_data("example.com", Flags::UV, None)),
        ),
        (
            "not verified",
            with_data(authenticator_data("example.com", Flags::UP, None)),
        ),
    ] {
        assert!(matches!(ceremony.finish(&answer), Err(Error::Provider(_))), "{fault}");
    }
    let anonymous = begin(json!({})).unwrap();
    let mut nobody = answer(b"one");
    nobody.user = None;
    assert!(matches!(anonymous.finish(&nobody), Err(Error::Provider(_))));
}

#[test]
fn a_large_blob_is_neither_read_nor_written_where_nobody_keeps_it_and_wrong_wishes_are_told() {
    let with = |input: Value, ids: &[&[u8]]| {
        begin(json!({"extensions": {"largeBlob": input}, "allowCredentials": allow(ids)}))
    };
    let output =
        |input: Value| finish(&with(input, &[b"one"]).unwrap(), &answer(b"one"))["clientExtensionResults"].clone();
    assert_eq!(output(json!({"read": true})), json!({"largeBlob": {}}));
    assert_eq!(output(json!({"write": "AA"})), json!({"largeBlob": {"written": false}}));
    let refused = |input: Value, ids: &[&[u8]]| with(input, ids).unwrap_err().dom_name();
    assert_eq!(
        refused(json!({"read": true, "write": "AA"}), &[b"one"]),
        "NotSupportedError"
    );
    assert_eq!(refused(json!({"support": "preferred"}), &[b"one"]), "NotSupportedError");
    assert_eq!(refused(json!({"write": "AA"}), &[]), "NotSupportedError");
    assert_eq!(refused(json!({"write": "AA"}), &[b"one", b"two"]), "NotSupportedError");
    assert_eq!(refused(json!({"write": "?"}), &[b"one"]), "TypeError");
    assert!(with(json!({"read": true}), &[]).is_ok());
}

#[test]
fn a_large_blob_comes_back_as_it_was_written() {
    let reading = with_large_blob(&json!({"read": true}));
    assert_eq!(reading.user_verification(), UserVerification::Discouraged);
    let text = [b"a certificate, say; ".as_slice(); 100].concat();
    for blob in [Vec::new(), vec![1], text, noise(4000), vec![7; 65_536]] {
        let writing = with_large_blob(&json!({"write": base64url(&blob)}));
        assert_eq!(writing.user_verification(), UserVerification::Required);
        let kept = asked_to_keep(&writing);
        assert_eq!(kept.original_size, u64::try_from(blob.len()).unwrap());
        for written in [true, false] {
            let answer = answered(Map::new().with("written", written));
            assert_eq!(large_blob_output(&writing, &answer), json!({"written": written}));
        }
        assert_eq!(
            large_blob_output(&reading, &answered(kept.to_output())),
            json!({"blob": base64url(&blob)})
        );
    }
    assert_eq!(
        large_blob_output(&reading, &answered(Map::new())),
        json!({}),
        "there is none"
    );
}

#[test]
fn a_large_blob_that_nobody_keeps_is_not_asked_for() {
    for long in [vec![0; 65_537], noise(4200)] {
        let writing = with_large_blob(&json!({"write": base64url(&long)}));
        assert!(writing.request().extensions.is_empty(), "{}", long.len());
        assert_eq!(large_blob_output(&writing, &answer(b"one")), json!({"written": false}));
    }
}

#[test]
fn of_a_large_blob_that_is_damaged_nothing_was_read() {
    let reading = with_large_blob(&json!({"read": true}));
    let blob = asked_to_keep(&with_large_blob(&json!({"write": base64url(&[3; 2000])})));
    let half = blob.data[..blob.data.len() / 2].to_vec();
    for (what, damaged) in [
        (
            "shorter than it is",
            LargeBlob {
                original_size: 1999,
                ..blob.clone()
            },
        ),
        (
            "longer than it is",
            LargeBlob {
                original_size: 2001,
                ..blob.clone()
            },
        ),
        (
            "longer than any",
            LargeBlob {
                original_size: u64::MAX,
                ..blob.clone()
            },
        ),
        (
            "cut",
            LargeBlob {
                data: half.into(),
                ..blob.clone()
            },
        ),
        (
            "not compressed",
            LargeBlob {
                data: vec![0xff; 9].into(),
                ..blob.clone()
            },
        ),
        (
            "empty",
            LargeBlob {
                data: Vec::new().into(),
                ..blob
            },
        ),
    ] {
        assert_eq!(
            large_blob_output(&reading, &answered(damaged.to_output())),
            json!({}),
            "{what}"
        );
    }
    // One that keeps none says nothing.
    let writing = with_large_blob(&json!({"write": "AA"}));
    assert_eq!(large_blob_output(&writing, &answer(b"one")), json!({"written": false}));
}

/// A sign-in with one allowed credential and this input of `largeBlob`, at a site that wants no verification.
fn with_large_blob(input: &Value) -> Ceremony {
    begin(json!({
        "userVerification": "discouraged",
        "extensions": {"largeBlob": input},
        "allowCredentials": allow(&[b"one"]),
    }))
    .unwrap()
}

/// The answer of a provider with this output of `largeBlob`.
fn answered(output: Map) -> Response {
    let mut answer = answer(b"one");
    answer.unsigned_extension_outputs = Some(Map::new().with("largeBlob", output));
    answer
}

fn large_blob_output(ceremony: &Ceremony, answer: &Response) -> Value {
    finish(ceremony, answer)["clientExtensionResults"]["largeBlob"].clone()
}

/// What a provider is asked to keep.
fn asked_to_keep(writing: &Ceremony) -> LargeBlob {
    let input = writing.request().extensions.text("largeBlob").unwrap();
    match AtGet::from_input(input).unwrap() {
        AtGet::Write(blob) => blob,
        AtGet::Read => panic!("it is written"),
    }
}

/// So many bytes that nothing makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let blocks = (0..length.div_ceil(32)).map(|number| crypto::portable().sha256(&[&number.to_be_bytes()]));
    blocks.flatten().take(length).collect()
}

#[test]
fn a_cred_blob_comes_back_to_the_page_that_asks_for_it() {
    let with_blob = |blob: &[u8]| {
        let mut answer = answer(b"one");
        let mut data = AuthenticatorData::parse(&answer.auth_data).unwrap();
        data.extensions = Some(Map::new().with("credBlob", blob));
        answer.auth_data = data.encode();
        answer
    };
    let asking = begin(json!({"extensions": {"getCredBlob": true}, "allowCredentials": allow(&[b"one"])})).unwrap();
    assert_eq!(
        asking
            .request()
            .extensions
            .text("credBlob")
            .and_then(claviger_ctap::cbor::Value::as_bool),
        Some(true)
    );
    let outputs = |ceremony: &Ceremony, answer: &Response| finish(ceremony, answer)["clientExtensionResults"].clone();
    assert_eq!(
        outputs(&asking, &with_blob(b"secret")),
        json!({"getCredBlob": base64url(b"secret")})
    );
    assert_eq!(outputs(&asking, &with_blob(b"")), json!({"getCredBlob": ""}));
    assert_eq!(outputs(&asking, &answer(b"one")), json!({}), "a provider without");
    let silent = begin(json!({"extensions": {"getCredBlob": false}, "allowCredentials": allow(&[b"one"])})).unwrap();
    assert!(silent.request().extensions.is_empty());
    assert_eq!(outputs(&silent, &with_blob(b"secret")), json!({}));
    let wrong = begin(json!({"extensions": {"getCredBlob": "AA"}}));
    assert_eq!(wrong.unwrap_err().dom_name(), "TypeError");
}

#[test]
fn prf_from_page_to_page() {
    let ceremony = begin(json!({
        "userVerification": "discouraged",
        "allowCredentials": allow(&[b"one", b"two"]),
        "extensions": {"prf": {
            "eval": {"first": "AA"},
            "evalByCredential": {base64url(b"one"): {"first": "AQ", "second": "Ag"}},
        }},
    }))
    .unwrap();
    assert_eq!(ceremony.user_verification(), UserVerification::Required);
    let results = Map::new()
        .with("first", [3; 32].as_slice())
        .with("second", [4; 32].as_slice());
    let outputs = Some(Map::new().with("prf", Map::new().with("results", results)));
    let mut one = answer(b"one");
    one.unsigned_extension_outputs = outputs.clone();
    assert_eq!(
        finish(&ceremony, &one)["clientExtensionResults"],
        json!({"prf": {"results": {"first": base64url(&[3; 32]), "second": base64url(&[4; 32])}}})
    );
    let mut two = answer(b"two");
    two.unsigned_extension_outputs = outputs;
    assert_eq!(
        finish(&ceremony, &two)["clientExtensionResults"],
        json!({"prf": {"results": {"first": base64url(&[3; 32])}}})
    );
    assert_eq!(
        finish(&ceremony, &answer(b"one"))["clientExtensionResults"],
        json!({"prf": {}})
    );
}

#[test]
fn prf_rules_of_the_allow_list() {
    let by_credential = |key: &str| json!({"prf": {"evalByCredential": {key: {"first": "AA"}}}});
    assert_eq!(refused(json!({"extensions": by_credential("AA")})), "NotSupportedError");
    let listed = |key: &str| refused(json!({"allowCredentials": allow(&[b"one"]), "extensions": by_credential(key)}));
    for key in ["", "!", "dHdv", "b25l="] {
        assert_eq!(listed(key), "SyntaxError", "{key:?}");
    }
}

#[test]
fn the_largest_request_fits_through_the_joint() {
    let ids: Vec<[u8; 128]> = (0..=255).map(|n| [n; 128]).collect();
    let list: Vec<&[u8]> = ids.iter().map(<[u8; 128]>::as_slice).collect();
    let salts: serde_json::Map<_, _> = ids
        .iter()
        .take(limits::MAX_PRF_CREDENTIALS)
        .map(|id| (base64url(id), json!({"first": "AA", "second": "AA"})))
        .collect();
    let ceremony =
        begin(json!({"allowCredentials": allow(&list), "extensions": {"prf": {"evalByCredential": salts}}})).unwrap();
    let encoded = ceremony.request().to_cbor();
    assert!(encoded.len() <= Limits::ENVELOPE.max_bytes - 4096, "{}", encoded.len());
    assert_eq!(&Request::from_cbor(&encoded).unwrap(), ceremony.request());
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = Ceremony::begin(&text, &page(SITE));
    }

    #[test]
    fn damaged_options_never_panic(position in 0_usize..400, replacement in any::<char>()) {
        let whole = options(json!({
            "allowCredentials": allow(&[b"one"]),
            "extensions": {"prf": {"evalByCredential": {base64url(b"one"): {"first": "AA"}}}},
        }));
        let damaged: String =
            whole.chars().enumerate().map(|(n, character)| if n == position { replacement } else { character }).collect();
        let _ = Ceremony::begin(&damaged, &page(SITE));
    }

    #[test]
    fn every_answer_that_passes_is_for_this_site_and_this_list(
        id in prop::sample::select(vec![b"one".as_slice(), b"two", b"three"]),
        rp_id in prop::sample::select(vec!["example.com", "example.org"]),
        flags in any::<u8>(),
    ) {
        let ceremony = begin(json!({"allowCredentials": allow(&[b"one", b"two"]), "userVerification": "required"})).unwrap();
        let mut answer = answer(id);
        let flags = Flags::from_bits(flags & 0x1d).unwrap_or(Flags::NONE);
        answer.auth_data = authenticator_data(rp_id, flags, None);
        let fits = id != b"three" && rp_id == "example.com" && flags.contains(Flags::UP | Flags::UV);
        prop_assert_eq!(ceremony.finish(&answer).is_ok(), fits);
    }
}
