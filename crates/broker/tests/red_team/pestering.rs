//! A13: a page that asks again and again has to wait, longer each time; and a person can say "not for a while".

use claviger_broker::{CancelToken, Cause, CtapRequest, patience};
use claviger_prompt_api::action::Action;

use crate::bed::*;

async fn ask(bed: &Bed, origin: &str) -> Cause {
    let mut get = get();
    get.rp_id = origin.strip_prefix("https://").unwrap().into();
    let request = request_of(page(origin, None), CtapRequest::Get(get));
    bed.broker.ceremony(request, CancelToken::new()).await.unwrap_err()
}

/// Without a passkey each question is a notice.
#[tokio::test]
async fn a_page_that_asks_without_end_is_shown_a_few_times_and_recorded_in_a_few_lines() {
    let bed = Bed::new().await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let entries = || claviger_broker::audit::verify(&bed.audit_path()).unwrap().seq;
    let before = entries();
    let mut paused = 0;
    for _ in 0..300 {
        paused += usize::from(ask(&bed, "https://example.org").await == Cause::Paused);
    }
    let shown = prompt.views().len();
    let free = patience::FREE as usize;
    assert!((free..2 * free).contains(&shown), "{shown} on the screen");
    assert!(paused > 300 - 2 * free, "{paused}");
    assert!(entries() - before < 60, "{} lines", entries() - before);
    assert_eq!(
        ask(&bed, "https://example.com").await,
        Cause::NoCredential,
        "another site"
    );
}

#[tokio::test]
async fn not_for_a_while_is_believed_at_once() {
    let bed = Bed::new().await;
    let script = Script::new(|_| Some((Action::Refuse { for_a_while: true }, None)));
    let prompt = Prompt::attach(&bed, script).await;
    assert_eq!(ask(&bed, "https://example.org").await, Cause::NoCredential);
    assert_eq!(ask(&bed, "https://example.org").await, Cause::Paused);
    assert_eq!(prompt.views().len(), 1);
    assert_eq!(
        ask(&bed, "https://example.com").await,
        Cause::NoCredential,
        "another site"
    );
}
