//! C3: a list of passkeys is never shorter than what the user has, even while it comes in parts.

use claviger_ctap::types::CredentialId;
use claviger_joint::metadata::{Diff, Entry, Snapshot};
use claviger_prompt_api::manage::Passkey;
use claviger_provider::dbus::Providers1Proxy;

use crate::bed::*;

/// More than two diffs hold.
const MANY: u32 = 700;

fn entries() -> Vec<Entry> {
    let numbered = |number: u32| {
        let id = CredentialId::new(number.to_be_bytes()).unwrap();
        entry(id, &format!("{number}.example"))
    };
    (0..MANY).map(numbered).collect()
}

async fn count(bed: &Bed) -> usize {
    let listed = bed.manage().await.passkeys("").await.unwrap();
    serde_json::from_str::<Vec<Passkey>>(&listed).unwrap().len()
}

fn full_push(first: u64) -> Vec<Diff> {
    let mut generation = first;
    Snapshot::default().diffs_to(entries(), true, || {
        generation += 1;
        generation
    })
}

#[tokio::test]
async fn a_full_push_in_parts_never_shortens_the_list() {
    let bed = Bed::new().await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let proxy = Providers1Proxy::new(&notebook.connection).await.unwrap();
    for diff in full_push(u64::MAX / 2) {
        assert_eq!(proxy.push_metadata(NOTEBOOK, &diff.encode()).await.unwrap(), diff.new);
    }
    assert_eq!(count(&bed).await, MANY as usize);
    // As after each start of the provider.
    for diff in full_push(u64::MAX / 2 + 1000) {
        assert_eq!(proxy.push_metadata(NOTEBOOK, &diff.encode()).await.unwrap(), diff.new);
        assert_eq!(count(&bed).await, MANY as usize);
    }
}
