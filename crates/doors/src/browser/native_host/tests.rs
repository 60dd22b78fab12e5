//! The relay with the browser's pipes and a stand-in for the bus.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use serde_json::json;
use tokio::sync::Notify;

use super::*;

/// Answers `{"ok":{}}` to a ceremony whose kind is `create`, and to a `get` only once it is cancelled.
#[derive(Default)]
struct Stub {
    requests: RefCell<Vec<String>>,
    cancelled: RefCell<Vec<String>>,
    cancel: Notify,
    asked: Notify,
    deaf: bool,
    problems: RefCell<Vec<(&'static str, &'static str)>>,
}

impl Upstream for Stub {
    async fn ceremony(&self, kind: Kind, request: String) -> Result<String, String> {
        self.requests.borrow_mut().push(request);
        self.asked.notify_one();
        if self.deaf {
            return Err("nobody there".to_owned());
        }
        if kind == Kind::Get {
            self.cancel.notified().await;
        }
        Ok(r#"{"ok":{"id":"AA"}}"#.to_owned())
    }

    async fn cancel(&self, id: &RequestId) {
        self.cancelled.borrow_mut().push(id.as_str().to_owned());
        self.cancel.notify_waiters();
    }

    async fn problem(&self) -> (RequestId, String) {
        // Not before the request is there that it is about.
        self.asked.notified().await;
        self.asked.notify_one();
        let next = self.problems.borrow_mut().pop();
        match next {
            Some((id, problem)) => (RequestId::parse(id).unwrap(), problem.to_owned()),
            None => std::future::pending().await,
        }
    }

    async fn capabilities(&self) -> Option<String> {
        Some(r#"{"algorithms":[-7]}"#.to_owned())
    }

    async fn status(&self) -> Status {
        Status {
            platform: true,
            ..Status::default()
        }
    }
}

/// Plays an extension that sends `messages` and waits for `answers` of them before it closes its port.
async fn converse(stub: &Stub, messages: &[Value], answers: usize) -> (Vec<Value>, Result<(), HostError>) {
    let frames: Vec<Vec<u8>> = messages
        .iter()
        .map(|message| message.to_string().into_bytes())
        .collect();
    converse_raw(stub, &frames, answers).await
}

async fn converse_raw(stub: &Stub, frames: &[Vec<u8>], answers: usize) -> (Vec<Value>, Result<(), HostError>) {
    let (mut port, host) = UnixStream::pair().unwrap();
    let frames = frames.to_vec();
    let extension = thread::spawn(move || {
        for frame in &frames {
            write_frame(&mut port, frame).unwrap();
        }
        let mut received = Vec::new();
        while received.len() < answers {
            let Some(frame) = read_frame(&mut port).unwrap() else {
                break;
            };
            received.push(serde_json::from_slice(&frame).unwrap());
        }
        port.shutdown(Shutdown::Write).unwrap();
        // Whatever comes after the port was closed, until the host lets go.
        while let Some(frame) = read_frame(&mut port).unwrap() {
            received.push(serde_json::from_slice(&frame).unwrap());
        }
        received
    });
    let end = run(host.try_clone().unwrap(), &host, stub).await;
    host.shutdown(Shutdown::Both).unwrap();
    (extension.join().unwrap(), end)
}

fn ceremony(kind: &str, id: &str) -> Value {
    json!({"type": "ceremony", "kind": kind, "request": {"requestId": id, "origin": "https://example.com"}})
}

#[tokio::test]
async fn questions_are_answered() {
    let messages = [
        json!({"type": "ping"}),
        json!({"type": "capabilities"}),
        json!({"type": "status"}),
    ];
    let (mut answers, end) = converse(&Stub::default(), &messages, 3).await;
    end.unwrap();
    answers.sort_by_key(|answer| answer["type"].to_string());
    assert_eq!(
        answers,
        [
            json!({"type": "capabilities", "algorithms": [-7]}),
            json!({"type": "pong"}),
            json!({"type": "status", "platform": true, "prompt": null, "pin": false, "problem": null}),
        ]
    );
}

#[tokio::test]
async fn a_ceremony_is_relayed_as_it_is() {
    let stub = Stub::default();
    let (answers, end) = converse(&stub, &[ceremony("create", "1")], 1).await;
    end.unwrap();
    assert_eq!(
        answers,
        [json!({"type": "response", "requestId": "1", "ok": {"id": "AA"}})]
    );
    assert_eq!(
        *stub.requests.borrow(),
        [r#"{"origin":"https://example.com","requestId":"1"}"#]
    );
    assert!(stub.cancelled.borrow().is_empty());
}

#[tokio::test]
async fn heartbeats_go_on_during_a_ceremony() {
    let (answers, end) = converse(&Stub::default(), &[ceremony("get", "1"), json!({"type": "ping"})], 1).await;
    end.unwrap();
    assert_eq!(answers, [json!({"type": "pong"})]);
}

#[tokio::test]
async fn what_is_in_the_way_is_told_to_the_user_of_an_open_request() {
    let stub = Stub::default();
    // Taken from the end: the one of a request that nobody made first.
    stub.problems
        .borrow_mut()
        .extend([("1", "No prompt."), ("7", "Of another.")]);
    let (answers, end) = converse(&stub, &[ceremony("get", "1")], 1).await;
    end.unwrap();
    assert_eq!(
        answers,
        [json!({"type": "problem", "requestId": "1", "problem": "No prompt."})]
    );
}

#[tokio::test]
async fn a_cancelled_ceremony_is_withdrawn_and_not_answered() {
    let stub = Stub::default();
    let messages = [
        ceremony("get", "1"),
        json!({"type": "cancel", "requestId": "1"}),
        ceremony("create", "2"),
    ];
    let (answers, end) = converse(&stub, &messages, 1).await;
    end.unwrap();
    assert_eq!(*stub.cancelled.borrow(), ["1"]);
    assert!(answers.iter().all(|answer| answer["requestId"] == "2"), "{answers:?}");
}

#[tokio::test]
async fn the_end_of_the_input_withdraws_what_runs() {
    let stub = Stub::default();
    let (answers, end) = converse(
        &stub,
        &[ceremony("get", "1"), ceremony("get", "2"), json!({"type": "ping"})],
        1,
    )
    .await;
    end.unwrap();
    assert_eq!(answers.len(), 1);
    let mut cancelled = stub.cancelled.borrow().clone();
    cancelled.sort();
    assert_eq!(cancelled, ["1", "2"]);
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_not_allowed_for_the_page() {
    let stub = Stub {
        deaf: true,
        ..Stub::default()
    };
    let (answers, end) = converse(&stub, &[ceremony("get", "1")], 1).await;
    end.unwrap();
    assert_eq!(answers[0]["error"]["name"], "NotAllowedError");
    assert_eq!(answers[0]["problem"], "nobody there");
}

#[tokio::test]
async fn wrong_messages_end_the_conversation_and_what_runs() {
    let too_many: Vec<Value> = (0..=MAX_CEREMONIES).map(|n| ceremony("get", &n.to_string())).collect();
    for messages in [
        vec![ceremony("get", "1"), json!({"type": "unheard-of"})],
        vec![ceremony("get", "1"), ceremony("get", "1")],
        vec![ceremony("get", "1"), json!([])],
        too_many,
    ] {
        let stub = Stub::default();
        let (answers, end) = converse(&stub, &messages, 1).await;
        assert!(matches!(end, Err(HostError::Message(_))));
        assert_eq!(answers.last().unwrap()["type"], "error");
        assert!(!stub.cancelled.borrow().is_empty());
    }
}

#[tokio::test]
async fn a_cut_frame_ends_the_conversation() {
    let (mut port, host) = UnixStream::pair().unwrap();
    port.write_all(&[9, 0, 0, 0, b'{']).unwrap();
    port.shutdown(Shutdown::Write).unwrap();
    let end = run(host.try_clone().unwrap(), &host, &Stub::default()).await;
    assert!(matches!(end, Err(HostError::Framing(FramingError::Truncated))));
}

#[tokio::test]
async fn a_browser_that_is_gone_ends_the_conversation() {
    let (mut port, host) = UnixStream::pair().unwrap();
    write_frame(&mut port, br#"{"type":"ping"}"#).unwrap();
    let end = run(host, Closed, &Stub::default()).await;
    assert!(matches!(end, Err(HostError::Framing(FramingError::Io(_)))));
}

/// A pipe whose reader is gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
