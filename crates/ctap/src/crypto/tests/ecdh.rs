//! Key agreement.

use super::*;

#[test]
fn ecdh_follows_rfc_5903() {
    // §8.1: the 256-bit group.
    let initiator = hex_array("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
    let responder = hex_array("c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53");
    let shared = hex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
    let initiator = EphemeralKey::from_secret(&initiator).unwrap();
    let responder = EphemeralKey::from_secret(&responder).unwrap();
    assert_eq!(initiator.agree(responder.public()).to_vec(), shared);
    assert_eq!(responder.agree(initiator.public()).to_vec(), shared);
    let x = "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180";
    let y = "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3";
    let cose = hex(&format!("a5 0102 033818 2001 215820{x} 225820{y}"));
    assert_eq!(initiator.public().cose_bytes(), cose);
    let parsed = EcdhPublicKey::from_cose(&decode(&cose, &Limits::CTAP).unwrap()).unwrap();
    assert_eq!(&parsed, initiator.public());
}

#[test]
fn ecdh_keys_are_read_strictly() {
    let key = EphemeralKey::generate(portable()).unwrap();
    let good = key.public().to_cose().into_map().unwrap();
    let refused = |map: Map| EcdhPublicKey::from_cose(&Value::from(map)).is_err();
    assert!(!refused(good.clone()));
    assert!(refused(good.clone().with(3, -7)), "a signature key");
    assert!(
        refused(good.clone().with(-2, vec![0_u8; 32]).with(-3, vec![1_u8; 32])),
        "off the curve"
    );
    assert!(refused(good.clone().with(4, 1)), "another member");
    assert!(PublicKey::from_cose(&good.into()).is_err(), "not a signature key");
}
