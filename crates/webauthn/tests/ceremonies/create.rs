//! Registration from the page's JSON to the page's JSON.

use claviger_ctap::{
    authenticator_data::{AuthenticatorData, Flags},
    cbor::{self, Limits, Map},
    crypto::{self, Algorithm},
    make_credential::{Request, Response},
    types::Aaguid,
};
use claviger_webauthn::{
    CallerContext, Error, Hint, OriginError, RpIdError, Unserved, UserVerification, create::Ceremony, limits,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{AAGUID, authenticator_data, base64url, bytes, credential, frame, page, public_key, with};

const SITE: &str = "https://login.example.com";

fn options(changes: Value) -> String {
    let options = json!({
        "rp": {"id": "example.com", "name": "Example"},
        "user": {"id": "dXNlcg", "name": "alice", "displayName": "Alice"},
        "challenge": "AAECAwQFBgcICQoLDA0ODw",
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -8}],
    });
    with(options, changes)
}

fn begin(changes: Value) -> Result<Ceremony, Error> {
    Ceremony::begin(&options(changes), &page(SITE))
}

#[track_caller]
fn refused(changes: Value) -> &'static str {
    begin(changes).unwrap_err().dom_name()
}

fn answer(flags: Flags, aaguid: Aaguid, algorithm: Algorithm) -> Response {
    let attested = credential(b"credential", aaguid, public_key(algorithm));
    Response::new(
        "none",
        authenticator_data("example.com", flags, Some(attested)),
        Map::new(),
    )
}

fn plain_answer() -> Response {
    answer(Flags::UP | Flags::UV, AAGUID, Algorithm::Es256)
}

fn packed(mut response: Response) -> Response {
    "packed".clone_into(&mut response.fmt);
    response.att_stmt = Map::new().with("alg", -7).with("sig", b"signature".as_slice());
    response
}

fn finish(ceremony: &Ceremony, response: &Response) -> Value {
    serde_json::from_str(ceremony.finish(response).unwrap().as_str()).unwrap()
}

#[test]
fn the_request_carries_what_the_page_asked_for() {
    let ceremony = begin(json!({
        "timeout": 60_000,
        "hints": ["client-device", "unheard-of", "security-key"],
        "authenticatorSelection": {"authenticatorAttachment": "platform", "residentKey": "required", "userVerification": "required"},
        "excludeCredentials": [{"type": "public-key", "id": "AQID", "transports": ["usb", "telepathy"]}],
    }))
    .unwrap();
    let request = ceremony.request();
    assert_eq!(request.rp.id, "example.com");
    assert_eq!(request.rp.name.as_deref(), Some("Example"));
    assert_eq!(request.user.id.as_bytes(), b"user");
    assert_eq!(request.user.name.as_deref(), Some("alice"));
    assert_eq!(request.user.display_name.as_deref(), Some("Alice"));
    assert_eq!(request.algorithms, [-7, -8]);
    assert_eq!(request.exclude_list[0].id.as_bytes(), [1, 2, 3]);
    assert_eq!(request.exclude_list[0].transports, ["usb"]);
    assert!(request.options.rk && request.options.uv && request.options.up);
    assert!(request.extensions.is_empty());
    let client_data =
        br#"{"type":"webauthn.create","challenge":"AAECAwQFBgcICQoLDA0ODw","origin":"https://login.example.com","crossOrigin":false}"#;
    assert_eq!(request.client_data_hash, crypto::native().sha256(&[client_data]));
    assert_eq!(ceremony.timeout().as_secs(), 60);
    assert_eq!(ceremony.user_verification(), UserVerification::Required);
    assert_eq!(ceremony.hints(), [Hint::ClientDevice, Hint::SecurityKey]);
    assert_eq!(ceremony.rp_id().as_str(), "example.com");
}

#[test]
fn absent_members_have_the_standards_defaults() {
    let ceremony = begin(json!({"rp": {"name": ""}})).unwrap();
    assert_eq!(ceremony.rp_id().as_str(), "login.example.com");
    assert_eq!(ceremony.timeout(), limits::DEFAULT_TIMEOUT);
    assert_eq!(ceremony.user_verification(), UserVerification::Preferred);
    assert!(!ceremony.request().options.rk);
    assert!(ceremony.request().options.uv);
    assert_eq!(ceremony.request().attestation_formats_preference, ["none"]);
    assert!(ceremony.hints().is_empty());
}

#[test]
fn timeouts_are_clamped() {
    for (asked, seconds) in [
        (0, 15),
        (14_999, 15),
        (15_000, 15),
        (60_000, 60),
        (600_000, 600),
        (600_001, 600),
        (u64::MAX, 600),
    ] {
        assert_eq!(
            begin(json!({"timeout": asked})).unwrap().timeout().as_secs(),
            seconds,
            "{asked}"
        );
    }
    assert_eq!(refused(json!({"timeout": -1})), "TypeError");
    assert_eq!(refused(json!({"timeout": "60000"})), "TypeError");
}

#[test]
fn user_handles_have_1_to_64_bytes() {
    let user = |id: &str| json!({"user": {"id": id, "name": "a", "displayName": "b"}});
    assert!(begin(user(&base64url(&[7; 64]))).is_ok());
    assert!(begin(user(&base64url(&[7]))).is_ok());
    assert_eq!(refused(user(&base64url(&[7; 65]))), "TypeError");
    assert_eq!(refused(user("")), "TypeError");
    assert_eq!(refused(user("not base64url!")), "TypeError");
}

#[test]
fn required_members_are_required_and_typed() {
    for name in ["rp", "user", "challenge", "pubKeyCredParams"] {
        assert_eq!(refused(json!({name: null})), "TypeError", "{name} missing");
        assert_eq!(refused(json!({name: true})), "TypeError", "{name} of a wrong type");
    }
    for (member, inner) in [
        ("rp", "name"),
        ("user", "id"),
        ("user", "name"),
        ("user", "displayName"),
    ] {
        let mut whole: Value = serde_json::from_str(&options(json!({}))).unwrap();
        whole[member].as_object_mut().unwrap().remove(inner);
        let error = Ceremony::begin(&whole.to_string(), &page(SITE)).unwrap_err();
        assert_eq!(error.dom_name(), "TypeError");
        assert!(error.to_string().contains(&format!("{member}.{inner}")), "{error}");
    }
    for text in ["", "[]", "null", "{", "{\"rp\":", "\u{0}"] {
        assert_eq!(Ceremony::begin(text, &page(SITE)).unwrap_err().dom_name(), "TypeError");
    }
}

#[test]
fn algorithms_are_the_pages_in_its_order_known_here_or_not() {
    let params =
        |list: Value| begin(json!({"pubKeyCredParams": list})).map(|ceremony| ceremony.request().algorithms.clone());
    let key = |alg: i64| json!({"type": "public-key", "alg": alg});
    assert_eq!(
        params(json!([key(-8), key(-257), key(-49), key(-7), key(-8)])).unwrap(),
        [-8, -257, -49, -7]
    );
    assert_eq!(
        params(json!([{"type": "quantum-key", "alg": -8}, key(-7)])).unwrap(),
        [-7]
    );
    // The standard's default is ES256 and RS256.
    assert_eq!(params(json!([])).unwrap(), [-7, -257]);
    // What nobody here can make is still a request, which ends like one that nobody answers.
    for alone in [-257, -36, 42, 0] {
        assert_eq!(params(json!([key(alone)])).unwrap(), [alone]);
    }
    // L3 §5.1.3 step 10: of no type that there is.
    assert_eq!(
        params(json!([{"type": "quantum-key", "alg": -7}]))
            .unwrap_err()
            .dom_name(),
        "NotSupportedError"
    );
    assert_eq!(
        params(json!([{"type": "public-key"}])).unwrap_err().dom_name(),
        "TypeError"
    );
    assert_eq!(
        params(json!([{"type": "public-key", "alg": "-7"}]))
            .unwrap_err()
            .dom_name(),
        "TypeError"
    );
}

#[test]
fn the_rp_id_must_be_the_origins() {
    let rp =
        |id: &str| begin(json!({"rp": {"id": id, "name": "Example"}})).map(|ceremony| ceremony.rp_id().to_string());
    assert_eq!(rp("login.example.com").unwrap(), "login.example.com");
    assert_eq!(rp("EXAMPLE.com").unwrap(), "example.com");
    for (id, cause) in [
        ("com", RpIdError::PublicSuffix),
        ("example.org", RpIdError::Foreign),
        ("exаmple.com", RpIdError::Foreign),
        ("www.example.com", RpIdError::Foreign),
        ("example.com.", RpIdError::NotADomain),
        ("", RpIdError::NotADomain),
    ] {
        let error = rp(id).unwrap_err();
        assert_eq!(error, Error::RpId(cause), "{id}");
        assert_eq!(error.dom_name(), "SecurityError");
    }
    let numeric = Ceremony::begin(&options(json!({"rp": {"name": "x"}})), &page("https://127.0.0.1"));
    assert_eq!(numeric.unwrap_err(), Error::RpId(RpIdError::Address));
    assert_eq!(Error::from(OriginError::Insecure).dom_name(), "SecurityError");
}

#[test]
fn a_foreign_frame_is_served_where_its_top_origin_is_known() {
    let in_frame =
        |caller: &CallerContext| Ceremony::begin(&options(json!({})), caller).map_err(|error| error.dom_name());
    assert_eq!(in_frame(&frame(SITE, None)).unwrap().unserved(), Some(Unserved::Frame));
    let ceremony = in_frame(&frame(SITE, Some("https://shop.example"))).unwrap();
    assert_eq!(ceremony.unserved(), None);
    let response = finish(&ceremony, &plain_answer());
    let client_data: Value = serde_json::from_slice(&bytes(&response["response"]["clientDataJSON"])).unwrap();
    assert_eq!(client_data["crossOrigin"], true);
    assert_eq!(client_data["topOrigin"], "https://shop.example");
    // Same origin with all ancestors, and yet another one on top: somebody is wrong.
    let mut contradiction = frame(SITE, Some("https://shop.example"));
    contradiction.same_origin_with_ancestors = true;
    assert_eq!(in_frame(&contradiction).unwrap_err(), "NotAllowedError");
}

#[test]
fn a_forged_origin_override_is_refused() {
    for forged in [
        json!({"origin": "https://bank.example", "sameOriginWithAncestors": true}),
        json!(1),
        json!({}),
    ] {
        let error = begin(json!({"extensions": {"remoteDesktopClientOverride": forged}})).unwrap_err();
        assert_eq!(error, Error::ForgedOverride);
        assert_eq!(error.dom_name(), "SecurityError");
    }
}

#[test]
fn residency_and_verification_follow_the_selection() {
    let selection = |selection: Value| {
        let ceremony = begin(json!({"authenticatorSelection": selection})).unwrap();
        (ceremony.request().options.rk, ceremony.user_verification())
    };
    assert_eq!(selection(json!({})), (false, UserVerification::Preferred));
    assert_eq!(
        selection(json!({"residentKey": "preferred"})),
        (true, UserVerification::Preferred)
    );
    assert_eq!(
        selection(json!({"requireResidentKey": true})),
        (true, UserVerification::Preferred)
    );
    assert!(!selection(json!({"residentKey": "discouraged", "requireResidentKey": true})).0);
    assert!(selection(json!({"residentKey": "whatever", "requireResidentKey": true})).0);
    assert_eq!(
        selection(json!({"userVerification": "discouraged"})).1,
        UserVerification::Discouraged
    );
    assert_eq!(
        selection(json!({"userVerification": "whatever"})).1,
        UserVerification::Preferred
    );
    let discouraged = begin(json!({"authenticatorSelection": {"userVerification": "discouraged"}})).unwrap();
    assert!(!discouraged.request().options.uv);
}

#[test]
fn only_the_platform_answers_here() {
    let attachment = |kind: &str| begin(json!({"authenticatorSelection": {"authenticatorAttachment": kind}}));
    assert_eq!(attachment("platform").unwrap().unserved(), None);
    assert_eq!(attachment("implanted").unwrap().unserved(), None);
    let unserved = attachment("cross-platform").unwrap().unserved();
    assert_eq!(unserved, Some(Unserved::SecurityKey));
    assert!(unserved.unwrap().to_string().contains("security key"));
}

#[test]
fn exclude_lists_are_bounded_and_forgiving() {
    let exclude = |list: Value| begin(json!({"excludeCredentials": list}));
    let entry = |id: &[u8]| json!({"type": "public-key", "id": base64url(id)});
    let ceremony =
        exclude(json!([entry(&[1; 1023]), entry(&[1; 1024]), entry(&[]), {"type": "password", "id": "AA"}])).unwrap();
    assert_eq!(ceremony.request().exclude_list.len(), 1);
    let most: Vec<_> = (0..limits::MAX_DESCRIPTORS).map(|n| entry(&n.to_be_bytes())).collect();
    assert_eq!(
        exclude(json!(most)).unwrap().request().exclude_list.len(),
        limits::MAX_DESCRIPTORS
    );
    let more: Vec<_> = (0..=limits::MAX_DESCRIPTORS).map(|n| entry(&n.to_be_bytes())).collect();
    assert_eq!(exclude(json!(more)).unwrap_err().dom_name(), "TypeError");
    let longest: Vec<_> = (0..64).map(|_| entry(&[1; 1023])).collect();
    assert_eq!(exclude(json!(longest)).unwrap().request().exclude_list.len(), 64);
    let heavy: Vec<_> = (0..200).map(|_| entry(&[1; 1000])).collect();
    assert_eq!(exclude(json!(heavy)).unwrap_err().dom_name(), "TypeError");
    for malformed in [
        json!([{"type": "public-key"}]),
        json!([{"id": "AA"}]),
        json!(["AA"]),
        json!({}),
        json!([{"type": 1, "id": "AA"}]),
    ] {
        assert_eq!(exclude(malformed).unwrap_err().dom_name(), "TypeError");
    }
}

#[test]
fn the_largest_request_fits_through_the_joint() {
    let transports = ["usb", "nfc", "ble", "hybrid", "internal", "smart-card"];
    let list: Vec<_> = (0..limits::MAX_DESCRIPTORS)
        .map(|n| json!({"type": "public-key", "id": base64url(&[n.to_be_bytes(); 16].concat()), "transports": transports}))
        .collect();
    let long = "ü".repeat(1000);
    let ceremony = begin(json!({
        "rp": {"name": long},
        "user": {"id": base64url(&[1; 64]), "name": long, "displayName": long},
        "excludeCredentials": list,
        "attestation": "direct",
        "attestationFormats": vec!["packed"; limits::MAX_SMALL_LIST],
        "extensions": {"prf": {"eval": {"first": "AA", "second": "AA"}}},
    }))
    .unwrap();
    let encoded = ceremony.request().to_cbor();
    assert!(encoded.len() <= Limits::ENVELOPE.max_bytes - 4096, "{}", encoded.len());
    assert_eq!(&Request::from_cbor(&encoded).unwrap(), ceremony.request());
    assert!(ceremony.request().rp.name.as_ref().unwrap().len() <= limits::MAX_NAME_BYTES);
}

#[test]
fn the_response_is_a_registration_response_json() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let ceremony = begin(json!({})).unwrap();
        let answer = answer(Flags::UP | Flags::UV | Flags::BE | Flags::BS, AAGUID, algorithm);
        let response = finish(&ceremony, &answer);
        assert_eq!(response["id"], base64url(b"credential"));
        assert_eq!(response["rawId"], response["id"]);
        assert_eq!(response["type"], "public-key");
        assert_eq!(response["authenticatorAttachment"], "platform");
        assert_eq!(response["clientExtensionResults"], json!({}));
        let inner = &response["response"];
        assert_eq!(inner["transports"], json!(["internal"]));
        assert_eq!(inner["publicKeyAlgorithm"], algorithm.cose());
        assert_eq!(bytes(&inner["authenticatorData"]), answer.auth_data);
        let client_data = bytes(&inner["clientDataJSON"]);
        assert_eq!(
            crypto::native().sha256(&[&client_data]),
            ceremony.request().client_data_hash
        );
        // SubjectPublicKeyInfo: a DER sequence, as WebCrypto's importKey("spki") and Chromium read it.
        assert_eq!(bytes(&inner["publicKey"])[0], 0x30);
        let object = cbor::decode(&bytes(&inner["attestationObject"]), &Limits::CTAP)
            .unwrap()
            .into_map()
            .unwrap();
        assert_eq!(object.len(), 3);
        assert_eq!(
            object.text("authData").unwrap().as_bytes(),
            Some(answer.auth_data.as_slice())
        );
        assert_eq!(response.as_object().unwrap().len(), 6);
        assert_eq!(inner.as_object().unwrap().len(), 6);
    }
}

/// The attestation format that the page gets to see, and whether a statement came with it.
fn conveyed(conveyance: &str, response: &Response) -> (String, bool) {
    let ceremony = begin(json!({"attestation": conveyance})).unwrap();
    let response = finish(&ceremony, response);
    let object = bytes(&response["response"]["attestationObject"]);
    let object = cbor::decode(&object, &Limits::CTAP).unwrap().into_map().unwrap();
    let statement = object.text("attStmt").unwrap().as_map().unwrap();
    (
        object.text("fmt").unwrap().as_text().unwrap().to_owned(),
        !statement.is_empty(),
    )
}

#[test]
fn attestation_goes_to_those_who_ask_for_it() {
    let answer = packed(plain_answer());
    for conveyance in ["none", "unheard-of", ""] {
        assert_eq!(conveyed(conveyance, &answer), ("none".to_owned(), false));
    }
    for conveyance in ["indirect", "direct", "enterprise"] {
        assert_eq!(conveyed(conveyance, &answer), ("packed".to_owned(), true));
    }
    // Self attestation without an AAGUID says nothing about anybody: the standard leaves it as it is.
    let anonymous = packed(self::answer(Flags::UP | Flags::UV, Aaguid([0; 16]), Algorithm::Es256));
    assert_eq!(conveyed("none", &anonymous), ("packed".to_owned(), true));
    let mut certified = anonymous;
    certified
        .att_stmt
        .insert("x5c", vec![cbor::Value::from(b"certificate".as_slice())]);
    assert_eq!(conveyed("none", &certified), ("none".to_owned(), false));
}

#[test]
fn the_aaguid_stays_without_attestation() {
    let response = finish(&begin(json!({"attestation": "none"})).unwrap(), &packed(plain_answer()));
    let data = bytes(&response["response"]["authenticatorData"]);
    assert_eq!(&data[37..53], AAGUID.0.as_slice());
}

#[test]
fn attestation_formats_reach_the_provider() {
    let formats = |changes: Value| begin(changes).unwrap().request().attestation_formats_preference.clone();
    assert_eq!(formats(json!({"attestation": "direct"})), ["packed"]);
    assert_eq!(
        formats(json!({"attestation": "direct", "attestationFormats": ["tpm", "packed"]})),
        ["tpm", "packed"]
    );
    assert_eq!(
        formats(json!({"attestation": "none", "attestationFormats": ["packed"]})),
        ["none"]
    );
}

#[test]
fn cred_props_reports_what_was_made() {
    let props = |residency: &str, extensions: Value| {
        let ceremony =
            begin(json!({"authenticatorSelection": {"residentKey": residency}, "extensions": extensions})).unwrap();
        finish(&ceremony, &plain_answer())["clientExtensionResults"].clone()
    };
    assert_eq!(
        props("required", json!({"credProps": true})),
        json!({"credProps": {"rk": true}})
    );
    assert_eq!(
        props("discouraged", json!({"credProps": true})),
        json!({"credProps": {"rk": false}})
    );
    assert_eq!(props("required", json!({"credProps": false})), json!({}));
    assert_eq!(props("required", json!({})), json!({}));
}

#[test]
fn prf_from_page_to_page() {
    let ceremony = begin(json!({
        "authenticatorSelection": {"userVerification": "discouraged"},
        "extensions": {"prf": {"eval": {"first": "AA", "second": "AQ"}}},
    }))
    .unwrap();
    assert_eq!(ceremony.user_verification(), UserVerification::Required);
    assert!(ceremony.request().options.uv);
    let salts = ceremony
        .request()
        .extensions
        .text("prf")
        .unwrap()
        .as_map()
        .unwrap()
        .text("eval")
        .unwrap()
        .as_map()
        .unwrap();
    assert_eq!(
        salts.text("second").unwrap().as_bytes().unwrap(),
        crypto::native().sha256(&[b"WebAuthn PRF\0", &[1]])
    );
    let mut answer = plain_answer();
    let results = Map::new()
        .with("first", [3; 32].as_slice())
        .with("second", [4; 32].as_slice());
    answer.unsigned_extension_outputs =
        Some(Map::new().with("prf", Map::new().with("enabled", true).with("results", results)));
    assert_eq!(
        finish(&ceremony, &answer)["clientExtensionResults"],
        json!({"prf": {"enabled": true, "results": {"first": base64url(&[3; 32]), "second": base64url(&[4; 32])}}})
    );
    // A provider without PRF, and a page that only asks whether there is one.
    assert_eq!(
        finish(&ceremony, &plain_answer())["clientExtensionResults"],
        json!({"prf": {"enabled": false}})
    );
    let asking = begin(json!({"extensions": {"prf": {}}})).unwrap();
    assert_eq!(
        finish(&asking, &answer)["clientExtensionResults"],
        json!({"prf": {"enabled": true}})
    );
    // Outputs that nobody asked for are not passed on.
    assert_eq!(
        finish(&begin(json!({})).unwrap(), &answer)["clientExtensionResults"],
        json!({})
    );
}

#[test]
fn unknown_extensions_are_ignored() {
    assert!(begin(json!({"extensions": {"unheardOf": {"a": [1]}, "largeBlob": {"support": "preferred"}, "minPinLength": true}})).is_ok());
    let insists = begin(json!({"extensions": {"largeBlob": {"support": "required"}}})).unwrap();
    assert!(insists.requires_large_blobs() && insists.unserved().is_none());
    assert_eq!(refused(json!({"extensions": []})), "TypeError");
}

#[test]
fn a_credential_protection_policy_is_asked_of_the_provider_and_enforced() {
    let policy = |policy: &str, enforced: bool| {
        begin(
            json!({"extensions": {"credentialProtectionPolicy": policy, "enforceCredentialProtectionPolicy": enforced}}),
        )
    };
    let level = |ceremony: &Ceremony| {
        let input = ceremony.request().extensions.text("credProtect").cloned();
        input.and_then(|level| level.as_unsigned())
    };
    for (name, number, insists) in [
        ("userVerificationOptional", None, false),
        ("userVerificationOptionalWithCredentialIDList", Some(2), true),
        ("userVerificationRequired", Some(3), true),
    ] {
        let (asked, enforced) = (policy(name, false).unwrap(), policy(name, true).unwrap());
        assert_eq!((level(&asked), level(&enforced)), (number, number), "{name}");
        assert!(!asked.enforces_protection());
        assert_eq!(enforced.enforces_protection(), insists, "{name}");
    }
    assert_eq!(level(&policy("unheard-of", false).unwrap()), None);
    assert_eq!(policy("unheard-of", true).unwrap_err().dom_name(), "NotSupportedError");

    let protected = |level: u64| {
        let attested = credential(b"credential", AAGUID, public_key(Algorithm::Es256));
        let mut data = AuthenticatorData::parse(&authenticator_data(
            "example.com",
            Flags::UP | Flags::UV,
            Some(attested),
        ))
        .unwrap();
        data.extensions = Some(Map::new().with("credProtect", level));
        Response::new("none", data.encode(), Map::new())
    };
    let required = policy("userVerificationRequired", true).unwrap();
    assert!(required.finish(&protected(3)).is_ok());
    for less in [protected(2), plain_answer()] {
        assert!(matches!(required.finish(&less), Err(Error::Provider(_))));
    }
    let preferred = policy("userVerificationRequired", false).unwrap();
    assert!(preferred.finish(&plain_answer()).is_ok());
}

#[test]
fn large_blobs_and_cred_blobs_are_answered_as_for_a_key_that_has_none_where_nobody_keeps_them() {
    let outputs = |extensions: Value| {
        finish(&begin(json!({"extensions": extensions})).unwrap(), &plain_answer())["clientExtensionResults"].clone()
    };
    for support in [
        json!({}),
        json!({"support": "preferred"}),
        json!({"support": "unheard-of"}),
    ] {
        assert_eq!(
            outputs(json!({"largeBlob": support})),
            json!({"largeBlob": {"supported": false}})
        );
    }
    assert_eq!(outputs(json!({"credBlob": "c2VjcmV0"})), json!({"credBlob": false}));
    assert_eq!(outputs(json!({"minPinLength": true})), json!({}));
    for wrong in [
        json!({"read": true}),
        json!({"write": "AA"}),
        json!({"support": "required", "read": false}),
    ] {
        assert_eq!(
            refused(json!({"extensions": {"largeBlob": wrong}})),
            "NotSupportedError"
        );
    }
    assert_eq!(refused(json!({"extensions": {"largeBlob": true}})), "TypeError");
    assert_eq!(refused(json!({"extensions": {"credBlob": "?"}})), "TypeError");
}

#[test]
fn a_cred_blob_is_asked_of_the_provider_and_the_page_learns_whether_it_is_kept() {
    let keeping = |output: bool| {
        let mut data = AuthenticatorData::parse(&plain_answer().auth_data).unwrap();
        data.extensions = Some(Map::new().with("credBlob", output));
        Response::new("none", data.encode(), Map::new())
    };
    let ceremony = begin(json!({"extensions": {"credBlob": base64url(b"secret")}})).unwrap();
    let input = ceremony.request().extensions.text("credBlob").unwrap();
    assert_eq!(input.as_bytes(), Some(b"secret".as_slice()));
    for kept in [true, false] {
        assert_eq!(
            finish(&ceremony, &keeping(kept))["clientExtensionResults"],
            json!({"credBlob": kept})
        );
    }
    assert_eq!(
        finish(&begin(json!({})).unwrap(), &keeping(true))["clientExtensionResults"],
        json!({})
    );
    // What nobody takes is not asked for.
    let long = begin(json!({"extensions": {"credBlob": base64url(&[1; 33])}})).unwrap();
    assert!(long.request().extensions.is_empty());
    assert_eq!(
        finish(&long, &plain_answer())["clientExtensionResults"],
        json!({"credBlob": false})
    );
}

#[test]
fn a_page_learns_whether_its_passkey_can_hold_a_large_blob() {
    let with = |supported: bool| {
        let mut answer = plain_answer();
        let output = Map::new().with("supported", supported);
        answer.unsigned_extension_outputs = Some(Map::new().with("largeBlob", output));
        answer
    };
    for support in ["preferred", "required"] {
        let ceremony = begin(json!({"extensions": {"largeBlob": {"support": support}}})).unwrap();
        let input = ceremony.request().extensions.text("largeBlob").unwrap();
        assert_eq!(
            input.as_map().unwrap().text("support").unwrap().as_text(),
            Some(support)
        );
        assert_eq!(
            finish(&ceremony, &with(true))["clientExtensionResults"],
            json!({"largeBlob": {"supported": true}})
        );
        let without = ceremony.finish(&with(false));
        assert_eq!(without.is_err(), support == "required");
    }
    let silent = begin(json!({})).unwrap();
    assert_eq!(finish(&silent, &with(true))["clientExtensionResults"], json!({}));
}

#[test]
fn answers_that_do_not_fit_are_the_providers_fault() {
    let ceremony = begin(json!({
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"userVerification": "required"},
    }))
    .unwrap();
    assert!(ceremony.finish(&plain_answer()).is_ok());
    let verified = Flags::UP | Flags::UV;
    let mut truncated = plain_answer();
    truncated.auth_data.pop();
    let foreign = credential(b"credential", AAGUID, public_key(Algorithm::Es256));
    for (fault, answer) in [
        ("unreadable", truncated),
        ("another algorithm", answer(verified, AAGUID, Algorithm::EdDsa)),
        ("not verified", answer(Flags::UP, AAGUID, Algorithm::Es256)),
        ("not present", answer(Flags::UV, AAGUID, Algorithm::Es256)),
        (
            "no credential",
            Response::new("none", authenticator_data("example.com", verified, None), Map::new()),
        ),
        (
            "another site",
            Response::new(
                "none",
                authenticator_data("example.org", verified, Some(foreign)),
                Map::new(),
            ),
        ),
    ] {
        let error = ceremony.finish(&answer).unwrap_err();
        assert!(matches!(error, Error::Provider(_)), "{fault}: {error}");
        assert_eq!(error.dom_name(), "NotAllowedError");
    }
}

#[test]
fn nothing_secret_prints() {
    let ceremony = begin(json!({"extensions": {"prf": {"eval": {"first": "c2VjcmV0LXNhbHQ"}}}})).unwrap();
    let mut answer = plain_answer();
    answer.unsigned_extension_outputs = Some(Map::new().with(
        "prf",
        Map::new().with("results", Map::new().with("first", [3; 32].as_slice())),
    ));
    let response = ceremony.finish(&answer).unwrap();
    let printed = format!("{ceremony:?} {response:?}");
    assert!(printed.contains("ResponseJson([redacted])"));
    for secret in ["AAECAwQ", "challenge", "alice", "dXNlcg", "c2VjcmV0", "[3, 3", "AwMDAw"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

/// JSON that resembles options more often than chance would have it.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[A-Za-z0-9_-]{0,12}".prop_map(Value::from),
        Just(json!("public-key")),
        Just(json!("required")),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = prop::sample::select(vec![
            "rp",
            "id",
            "name",
            "user",
            "displayName",
            "challenge",
            "type",
            "alg",
            "prf",
            "eval",
            "first",
            "evalByCredential",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_members_never_panic(
        member in prop::sample::select(vec![
            "rp", "user", "challenge", "pubKeyCredParams", "timeout", "excludeCredentials", "authenticatorSelection", "hints",
            "attestation", "attestationFormats", "extensions",
        ]),
        value in json_value(),
    ) {
        if let Ok(ceremony) = begin(json!({member: value})) {
            prop_assert!(ceremony.timeout() >= limits::MIN_TIMEOUT && ceremony.timeout() <= limits::MAX_TIMEOUT);
            prop_assert!(!ceremony.request().algorithms.is_empty());
            prop_assert!(["example.com", "login.example.com"].contains(&ceremony.rp_id().as_str()));
        }
    }

    #[test]
    fn arbitrary_answers_never_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
        let ceremony = begin(json!({})).unwrap();
        let _ = ceremony.finish(&Response::new("none", data, Map::new()));
    }
}
