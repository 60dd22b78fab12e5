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
    undelivered: RefCell<Vec<String>>,
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

    async fn undelivered(&self, id: &RequestId) {
        self.undelivered.borrow_mut().push(id.as_str().to_owned());
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

/// A message in a channel.
fn within(channel: &str, message: Value) -> Value {
    message::in_channel(&ChannelId::parse(channel).unwrap(), message)
}

fn ceremony_in(channel: &str, kind: &str, id: &str) -> Value {
    let request = json!({"requestId": id, "origin": "https://example.com"});
    within(channel, json!({"type": "ceremony", "kind": kind, "request": request}))
}

fn ceremony(kind: &str, id: &str) -> Value {
    ceremony_in("c", kind, id)
}

fn of(message: Value) -> Value {
    within("c", message)
}

#[tokio::test]
async fn questions_are_answered() {
    let messages = ["ping", "capabilities", "status"].map(|question| of(json!({"type": question})));
    let (mut answers, end) = converse(&Stub::default(), &messages, 3).await;
    end.unwrap();
    answers.sort_by_key(|answer| answer["type"].to_string());
    assert_eq!(
        answers,
        [
            of(json!({"type": "capabilities", "algorithms": [-7]})),
            of(json!({"type": "pong"})),
            of(json!({"type": "status", "platform": true, "prompt": null, "pin": false, "problem": null})),
        ]
    );
}

#[tokio::test]
async fn a_ceremony_is_relayed_under_a_name_of_the_hosts_own() {
    let stub = Stub::default();
    let (answers, end) = converse(&stub, &[ceremony("create", "7")], 1).await;
    end.unwrap();
    assert_eq!(
        answers,
        [of(json!({"type": "response", "requestId": "7", "ok": {"id": "AA"}}))]
    );
    assert_eq!(
        *stub.requests.borrow(),
        [r#"{"origin":"https://example.com","requestId":"1"}"#]
    );
    assert!(stub.cancelled.borrow().is_empty());
}

#[tokio::test]
async fn what_is_in_the_way_is_told_to_the_user_of_an_open_request() {
    let stub = Stub::default();
    // Taken from the end: the one of a request that nobody made first.
    stub.problems
        .borrow_mut()
        .extend([("1", "No prompt."), ("7", "Of another.")]);
    let (answers, end) = converse(&stub, &[ceremony("get", "5")], 1).await;
    end.unwrap();
    assert_eq!(
        answers,
        [of(
            json!({"type": "problem", "requestId": "5", "problem": "No prompt."})
        )]
    );
}

#[tokio::test]
async fn heartbeats_go_on_during_a_ceremony() {
    let messages = [ceremony("get", "1"), of(json!({"type": "ping"}))];
    let (answers, end) = converse(&Stub::default(), &messages, 1).await;
    end.unwrap();
    assert_eq!(answers, [of(json!({"type": "pong"}))]);
}

#[tokio::test]
async fn a_cancelled_ceremony_is_withdrawn_and_not_answered() {
    let stub = Stub::default();
    let messages = [
        ceremony("get", "1"),
        of(json!({"type": "cancel", "requestId": "1"})),
        ceremony("create", "2"),
    ];
    let (answers, end) = converse(&stub, &messages, 1).await;
    end.unwrap();
    assert_eq!(*stub.cancelled.borrow(), ["1"]);
    assert!(answers.iter().all(|answer| answer["requestId"] == "2"), "{answers:?}");
}

#[tokio::test]
async fn channels_share_nothing() {
    let stub = Stub::default();
    // Two that name their requests alike; one cancels, closes and complains in the other's words.
    let messages = [
        ceremony_in("a", "get", "1"),
        ceremony_in("b", "create", "1"),
        within("c", json!({"type": "cancel", "requestId": "1"})),
        within("c", json!({"type": "undelivered", "requestId": "1"})),
        within("c", json!({"type": "close"})),
        within("c", json!({"type": "unheard-of"})),
        within("a", json!({"type": "ping"})),
    ];
    let (answers, end) = converse(&stub, &messages, 3).await;
    end.unwrap();
    let said = |channel: &str| {
        let in_it = answers.iter().filter(|answer| answer["channel"] == channel);
        in_it.map(|answer| answer["type"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(
        (said("a"), said("b"), said("c")),
        (vec!["pong"], vec!["response"], vec!["error"])
    );
    assert!(stub.undelivered.borrow().is_empty(), "it was not that channel's answer");
    assert_eq!(
        *stub.cancelled.borrow(),
        ["1"],
        "at the end of the input, and not before"
    );
}

#[tokio::test]
async fn an_answer_that_reached_no_page_is_told_once_and_in_its_own_channel() {
    let stub = Stub::default();
    let undelivered = json!({"type": "undelivered", "requestId": "9"});
    let (mut port, host) = UnixStream::pair().unwrap();
    let extension = thread::spawn(move || {
        let mut send = |message: &Value| write_frame(&mut port, message.to_string().as_bytes()).unwrap();
        send(&ceremony("create", "9"));
        // Before there is an answer there is nothing to deliver.
        send(&of(undelivered.clone()));
        let answer = read_frame(&mut port).unwrap().unwrap();
        for message in [&undelivered, &undelivered] {
            write_frame(&mut port, of(message.clone()).to_string().as_bytes()).unwrap();
        }
        write_frame(&mut port, of(json!({"type": "ping"})).to_string().as_bytes()).unwrap();
        read_frame(&mut port).unwrap().unwrap();
        port.shutdown(Shutdown::Both).unwrap();
        serde_json::from_slice::<Value>(&answer).unwrap()
    });
    run(host.try_clone().unwrap(), &host, &stub).await.unwrap();
    assert_eq!(extension.join().unwrap()["ok"]["id"], "AA");
    assert_eq!(*stub.undelivered.borrow(), ["1"]);
}

#[tokio::test]
async fn a_late_answer_of_a_closed_channel_is_dropped() {
    let stub = Stub::default();
    let messages = [
        ceremony_in("a", "get", "1"),
        within("a", json!({"type": "close"})),
        within("b", json!({"type": "ping"})),
    ];
    let (answers, end) = converse(&stub, &messages, 1).await;
    end.unwrap();
    assert_eq!(answers, [within("b", json!({"type": "pong"}))]);
    assert_eq!(*stub.cancelled.borrow(), ["1"]);
}

#[tokio::test]
async fn the_end_of_the_input_withdraws_what_runs() {
    let stub = Stub::default();
    let messages = [ceremony("get", "1"), ceremony("get", "2"), of(json!({"type": "ping"}))];
    let (answers, end) = converse(&stub, &messages, 1).await;
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
async fn a_wrong_message_ends_its_channel_and_what_runs_in_it() {
    for wrong in [of(json!({"type": "unheard-of"})), ceremony("get", "1"), of(json!({}))] {
        let stub = Stub::default();
        let messages = [ceremony("get", "1"), ceremony_in("other", "get", "1"), wrong];
        let (mut port, host) = UnixStream::pair().unwrap();
        for message in &messages {
            write_frame(&mut port, message.to_string().as_bytes()).unwrap();
        }
        let conversation = run(host.try_clone().unwrap(), &host, &stub);
        let withdrawn = async {
            while stub.cancelled.borrow().is_empty() {
                stub.cancel.notified().await;
            }
            let only = stub.cancelled.borrow().clone();
            port.shutdown(Shutdown::Write).unwrap();
            only
        };
        let (end, only) = tokio::join!(conversation, withdrawn);
        end.unwrap();
        assert_eq!(only, ["1"]);
        let answer = read_frame(&mut port).unwrap().unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(
            (answer["type"].as_str(), answer["channel"].as_str()),
            (Some("error"), Some("c"))
        );
    }
}

#[tokio::test]
async fn too_many_requests_are_refused_one_by_one() {
    let messages: Vec<Value> = (0..=MAX_CEREMONIES)
        .map(|n| ceremony_in(&n.to_string(), "get", "1"))
        .collect();
    let (answers, end) = converse(&Stub::default(), &messages, 1).await;
    end.unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0]["channel"], MAX_CEREMONIES.to_string());
    assert_eq!(answers[0]["error"]["name"], "NotAllowedError");
}

#[tokio::test]
async fn a_message_in_no_channel_ends_the_conversation() {
    for frame in [&b"[]"[..], br#"{"type":"ping"}"#] {
        let (_, end) = converse_raw(&Stub::default(), &[frame.to_vec()], 0).await;
        assert!(matches!(end, Err(HostError::Message(_))));
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
    write_frame(&mut port, of(json!({"type": "ping"})).to_string().as_bytes()).unwrap();
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
