//! Providers that say what is not so.

#![allow(
    clippy::unused_self,
    clippy::used_underscore_binding,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs
)]

mod bed;

use claviger_broker::Cause;
use claviger_broker::check::Rejection;
use claviger_ctap::get_info;
use claviger_ctap::types::Aaguid;
use claviger_joint::TransactionId;
use claviger_joint::answer::Answer;
use claviger_joint::envelope::MAX_SEQUENCE_AHEAD_US;
use claviger_joint::messages::Description;
use claviger_provider::dbus::{PROVIDER_PATH, Providers1Proxy};
use zbus::Connection;

use self::bed::{Bed, NOTEBOOK, Prompt, Script};

/// A provider without the SDK: it names a floor, and answers everything with an ok that names no transaction.
struct Liar {
    sequence_floor: u64,
}

#[zbus::interface(name = "org.claviger.Provider1")]
impl Liar {
    fn describe(&self, _versions: Vec<u32>) -> Vec<u8> {
        let mut info = get_info::Response::new(vec!["FIDO_2_1".to_owned()], Aaguid([7; 16]));
        info.algorithms = vec![-8, -7];
        let description = Description {
            get_info: info.to_cbor(),
            sequence_floor: self.sequence_floor,
            unlock_key: None,
            locked: false,
            name: "Notebook".to_owned(),
            trouble: None,
        };
        description.encode()
    }

    fn execute(&self, _request: &[u8]) -> Vec<u8> {
        Answer::ok(TransactionId::UNKNOWN, Some(vec![0xa0])).encode()
    }
}

/// What comes of a registration with a provider that names this floor.
async fn registration_with(sequence_floor: u64) -> Cause {
    let bed = Bed::new().await;
    let _liar: Connection = {
        let connection = bed.connect().await;
        connection
            .object_server()
            .at(PROVIDER_PATH, Liar { sequence_floor })
            .await
            .unwrap();
        connection.request_name(NOTEBOOK).await.unwrap();
        Providers1Proxy::new(&connection)
            .await
            .unwrap()
            .register(NOTEBOOK)
            .await
            .unwrap();
        connection
    };
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.manage().await.enable_provider(NOTEBOOK).await.unwrap();
    bed.make_passkey("alice").await.unwrap_err()
}

fn now_us() -> u64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    u64::try_from(since.as_micros()).unwrap()
}

#[tokio::test]
async fn a_floor_far_ahead_of_the_clock_is_not_believed() {
    for floor in [u64::MAX - 1, now_us() + MAX_SEQUENCE_AHEAD_US + 60_000_000] {
        assert_eq!(registration_with(floor).await, Cause::ProviderUnreachable);
    }
}

#[tokio::test]
async fn an_answer_to_nothing_is_no_answer() {
    let cause = registration_with(now_us() + MAX_SEQUENCE_AHEAD_US / 2).await;
    assert_eq!(cause, Cause::AnswerRejected(Rejection::AnotherRequest));
}
