use claviger_ctap::crypto::{Algorithm, native};
use claviger_ctap::types::{CredentialId, UserEntity, UserId};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn programs() -> impl Strategy<Value = Option<Program>> {
    let program = ("[a-z]{1,20}", option::of("/[a-z/]{1,60}"), option::of(any::<u32>()));
    option::of(program.prop_map(|(name, executable, pid)| Program { name, executable, pid }))
}

fn tickets() -> impl Strategy<Value = Option<[u8; 16]>> {
    option::of(any::<[u8; 16]>())
}

fn ticket(bytes: Option<[u8; 16]>) -> Option<PinTicket> {
    bytes.as_ref().map(PinTicket::from_bytes)
}

fn bytes_of(ticket: Option<&PinTicket>) -> Option<[u8; 16]> {
    ticket.map(|ticket| *ticket.as_bytes())
}

fn users() -> impl Strategy<Value = UserEntity> {
    (vec(any::<u8>(), 1..=64), option::of(".{0,30}"), option::of(".{0,30}")).prop_map(|(id, name, display_name)| {
        UserEntity {
            id: UserId::new(id).unwrap(),
            name,
            display_name,
        }
    })
}

fn credentials() -> impl Strategy<Value = CredentialId> {
    vec(any::<u8>(), 1..=1023).prop_map(|id| CredentialId::new(id).unwrap())
}

fn statuses() -> impl Strategy<Value = Status> {
    any::<u8>().prop_filter_map("no failure", |code| {
        Status::from_code(code).filter(|status| *status != Status::Success)
    })
}

proptest! {
    #[test]
    fn ceremonies_survive_the_bus(request in vec(any::<u8>(), 0..2000), program in programs(), bytes in tickets()) {
        let sent = Ceremony { request, program, ticket: ticket(bytes) };
        let read = Ceremony::decode(&sent.encode()).unwrap();
        prop_assert_eq!(&read.request, &sent.request);
        prop_assert_eq!(&read.program, &sent.program);
        prop_assert_eq!(bytes_of(read.ticket.as_ref()), bytes);
    }

    #[test]
    fn replies_survive_the_bus(response in vec(any::<u8>(), 0..2000), status in statuses()) {
        for sent in [CeremonyReply::ok(response.clone()), CeremonyReply::failed(status)] {
            prop_assert_eq!(CeremonyReply::decode(&sent.encode()).unwrap(), sent);
        }
    }

    #[test]
    fn management_survives_the_bus(
        credential in credentials(), user in users(), program in programs(), bytes in tickets(),
    ) {
        let sent = Select { program: program.clone() };
        prop_assert_eq!(Select::decode(&sent.encode()).unwrap(), sent);
        let read = List::decode(&List { program: program.clone(), ticket: ticket(bytes) }.encode()).unwrap();
        prop_assert_eq!((&read.program, bytes_of(read.ticket.as_ref())), (&program, bytes));
        let sent = Delete { credential: credential.clone(), program: program.clone(), ticket: ticket(bytes) };
        let read = Delete::decode(&sent.encode()).unwrap();
        prop_assert_eq!((&read.credential, &read.program), (&credential, &program));
        prop_assert_eq!(bytes_of(read.ticket.as_ref()), bytes);
        let sent = Update { credential: credential.clone(), program: program.clone(), ticket: ticket(bytes), user: user.clone() };
        let read = Update::decode(&sent.encode()).unwrap();
        prop_assert_eq!((read.credential, read.program, read.user), (credential, program, user));
    }

    #[test]
    fn lists_survive_the_bus(
        entries in vec(("[a-z.]{1,30}", users(), credentials(), any::<bool>(), 1_u8..=3), 0..4),
    ) {
        let key = native().generate(Algorithm::Es256).unwrap().public_key().clone();
        let credentials = entries.into_iter().map(|(rp_id, user, credential, known, protection)| Listed {
            rp_id, user, credential, public_key: known.then(|| key.clone()), protection,
        });
        let sent = ListReply { status: Status::Success, credentials: credentials.collect() };
        prop_assert_eq!(ListReply::decode(&sent.encode()).unwrap(), sent);
    }

    #[test]
    fn infos_survive_the_bus(
        pin_set in any::<bool>(), tries_left in any::<u32>(), locked_out in any::<bool>(), client_pin in any::<bool>(),
    ) {
        let sent = Info { pin_set, tries_left, locked_out, client_pin };
        prop_assert_eq!(Info::decode(&sent.encode()).unwrap(), sent);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Ceremony::decode(&bytes);
        let _ = CeremonyReply::decode(&bytes);
        let _ = Select::decode(&bytes);
        let _ = List::decode(&bytes);
        let _ = ListReply::decode(&bytes);
        let _ = Delete::decode(&bytes);
        let _ = Update::decode(&bytes);
        let _ = Info::decode(&bytes);
        let _ = PinCheck::decode(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(position in 0_usize..200, value in any::<u8>()) {
        let program = Some(Program { name: "ssh".into(), executable: Some("/usr/bin/ssh".into()), pid: Some(7) });
        let whole = Ceremony { request: vec![0xa0], program, ticket: ticket(Some([7; 16])) }.encode();
        let mut damaged = whole.clone();
        if let Some(byte) = damaged.get_mut(position) {
            *byte = value;
        }
        if let Ok(read) = Ceremony::decode(&damaged) {
            // A key that became another one is passed over; nothing is added.
            prop_assert!(read.encode().len() <= whole.len());
        }
    }
}

#[test]
fn a_pin_check_is_a_ticket_or_a_reason() {
    let right = PinCheck(Ok(PinTicket::from_bytes(&[5; 16]))).encode();
    assert_eq!(PinCheck::decode(&right).unwrap().0.unwrap().as_bytes(), &[5; 16]);
    for why in [NotVerified::NoPin, NotVerified::PromptOnly { tries_left: 3 }] {
        let read = PinCheck::decode(&PinCheck(Err(why)).encode()).unwrap();
        assert_eq!(read.0.unwrap_err(), why);
    }
    assert!(PinCheck::decode(&right[..right.len() - 1]).is_err());
}

#[test]
fn a_response_comes_with_success_and_only_with_it() {
    let map = Map::new().with(1, 0);
    assert!(CeremonyReply::decode(&Value::from(map).encode()).is_err());
    let map = Map::new().with(1, 0x2e).with(2, [0xa0].as_slice());
    assert!(CeremonyReply::decode(&Value::from(map).encode()).is_err());
    // Not a status of the specification.
    let map = Map::new().with(1, 0x13);
    assert!(CeremonyReply::decode(&Value::from(map).encode()).is_err());
}

#[test]
fn unknown_keys_are_passed_over_and_known_ones_must_be_right() {
    let map = Map::new().with(1, [0xa0].as_slice()).with(99, true).with("x", 1);
    assert!(Ceremony::decode(&Value::from(map).encode()).is_ok());
    for (key, wrong) in [
        (1, Value::from("text")),
        (2, Value::from(7)),
        (2, Map::new().into()),
        (2, Map::new().with(1, "").into()),
        (2, Map::new().with(1, "x".repeat(257)).into()),
        (2, Map::new().with(1, "x").with(2, 1).into()),
        (2, Map::new().with(1, "x").with(3, u64::MAX).into()),
        (3, Value::from([1_u8; 15].as_slice())),
        (3, Value::from([1_u8; 17].as_slice())),
    ] {
        let map = Map::new().with(1, [0xa0].as_slice()).with(key, wrong.clone());
        assert!(Ceremony::decode(&Value::from(map).encode()).is_err(), "{key} {wrong:?}");
    }
    let long = Ceremony {
        request: vec![0; REQUEST_LIMITS.max_bytes],
        program: None,
        ticket: None,
    };
    assert!(Ceremony::decode(&long.encode()).is_err());
}

#[test]
fn requests_and_tickets_do_not_print() {
    let call = Ceremony {
        request: vec![0xab; 8],
        program: None,
        ticket: ticket(Some([0xab; 16])),
    };
    let reply = CeremonyReply::ok(vec![0xab; 8]);
    for text in [format!("{call:?}"), format!("{reply:?}")] {
        assert!(!text.contains("171") && !text.contains("ab"), "{text}");
    }
}
