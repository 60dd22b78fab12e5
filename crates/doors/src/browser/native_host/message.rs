//! What extension and native host say to each other, one JSON object per frame, each with the name of its channel.

use std::fmt;

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::browser::{
    message::{Kind, Reply, RequestId},
    verdict::DomError,
};

/// The name of a channel, which the extension chooses; it is put beside every answer.
pub type ChannelId = RequestId;

/// What a frame holds: a message, or what is wrong with it, and in which channel.
#[derive(Debug, Eq, PartialEq)]
pub struct Frame {
    /// The channel.
    pub channel: ChannelId,
    /// The message; a wrong one ends its channel and no other.
    pub message: Result<ToHost, MessageError>,
}

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// It is in no channel, so what it is about cannot be told.
    pub fn parse(frame: &[u8]) -> Result<Self, MessageError> {
        let map: Map<String, Value> =
            serde_json::from_slice(frame).map_err(|_| MessageError("the message is not a JSON object"))?;
        let channel = map.get("channel").and_then(Value::as_str).unwrap_or_default();
        let channel = ChannelId::parse(channel).map_err(|_| MessageError("the message names no channel"))?;
        Ok(Self {
            channel,
            message: ToHost::parse(&map),
        })
    }
}

/// A message of the extension.
#[derive(Eq, PartialEq)]
pub enum ToHost {
    /// Run a ceremony.
    Ceremony {
        /// Which.
        kind: Kind,
        /// The name of the request.
        id: RequestId,
        /// The request as `org.claviger.Browser1` takes it, but for its id; the service judges it.
        request: Map<String, Value>,
    },
    /// The page no longer wants the answer.
    Cancel(RequestId),
    /// The answer did not reach the page.
    Undelivered(RequestId),
    /// The channel is over, and with it what runs in it.
    Close,
    /// Are you there?
    Ping,
    /// What can the platform do?
    Capabilities,
    /// How is the platform?
    Status,
}

impl ToHost {
    fn parse(map: &Map<String, Value>) -> Result<Self, MessageError> {
        let text = |name: &str| map.get(name).and_then(Value::as_str);
        let id = |map: &Map<String, Value>| {
            let id = map.get("requestId").and_then(Value::as_str).unwrap_or_default();
            RequestId::parse(id).map_err(|_| MessageError("requestId is missing or malformed"))
        };
        match text("type") {
            Some("ceremony") => {
                let kind = Kind::parse(text("kind").unwrap_or_default())
                    .map_err(|_| MessageError("kind is neither create nor get"))?;
                let request = map
                    .get("request")
                    .and_then(Value::as_object)
                    .ok_or(MessageError("request is missing"))?;
                Ok(Self::Ceremony {
                    kind,
                    id: id(request)?,
                    request: request.clone(),
                })
            }
            Some("cancel") => Ok(Self::Cancel(id(map)?)),
            Some("undelivered") => Ok(Self::Undelivered(id(map)?)),
            Some("close") => Ok(Self::Close),
            Some("ping") => Ok(Self::Ping),
            Some("capabilities") => Ok(Self::Capabilities),
            Some("status") => Ok(Self::Status),
            Some(_) => Err(MessageError("the type of the message is not known")),
            None => Err(MessageError("the message has no type")),
        }
    }
}

impl fmt::Debug for ToHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ceremony { kind, id, .. } => f
                .debug_struct("Ceremony")
                .field("kind", kind)
                .field("id", id)
                .finish_non_exhaustive(),
            Self::Cancel(id) => f.debug_tuple("Cancel").field(id).finish(),
            Self::Undelivered(id) => f.debug_tuple("Undelivered").field(id).finish(),
            Self::Close => f.write_str("Close"),
            Self::Ping => f.write_str("Ping"),
            Self::Capabilities => f.write_str("Capabilities"),
            Self::Status => f.write_str("Status"),
        }
    }
}

/// The extension said something that is not in the protocol.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct MessageError(pub &'static str);

/// How the platform is, as far as the extension's popup shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Status {
    /// Whether the broker answers.
    pub platform: bool,
    /// The kind of prompt that is attached.
    pub prompt: Option<String>,
    /// Whether a PIN has been chosen.
    pub pin: bool,
    /// A sentence for the user about what is wrong and what helps.
    pub problem: Option<String>,
}

/// An answer, in its channel.
pub fn in_channel(channel: &ChannelId, mut answer: Value) -> Value {
    if let Some(members) = answer.as_object_mut() {
        members.insert("channel".to_owned(), json!(channel.as_str()));
    }
    answer
}

/// The answer to a ping.
pub fn pong() -> Value {
    json!({"type": "pong"})
}

/// What is in the way of an open ceremony, for the user.
pub fn problem(id: &RequestId, problem: &str) -> Value {
    json!({"type": "problem", "requestId": id.as_str(), "problem": problem})
}

/// The answer to a wrong message; its channel is closed.
pub fn error(text: &str) -> Value {
    json!({"type": "error", "message": text})
}

/// The answer to a question for the status.
pub fn status(status: &Status) -> Value {
    json!({
        "type": "status",
        "platform": status.platform,
        "prompt": status.prompt,
        "pin": status.pin,
        "problem": status.problem,
    })
}

/// The answer to a question for the capabilities, `json` being the service's. Without the platform there is nothing it can do.
pub fn capabilities(json: Option<&str>) -> Value {
    let map = json.and_then(|json| serde_json::from_str::<Map<String, Value>>(json).ok());
    let mut map =
        map.unwrap_or_else(|| Map::from_iter([("userVerifyingPlatformAuthenticator".to_owned(), json!(false))]));
    map.insert("type".to_owned(), json!("capabilities"));
    Value::Object(map)
}

/// The answer to a ceremony, `reply` being the service's.
pub fn response(id: &RequestId, reply: &str) -> Value {
    match Reply::parse(reply) {
        Some(reply) => respond(id, reply),
        None => failure(id, "the platform gave an answer that cannot be read"),
    }
}

/// The answer to a ceremony that the platform could not be asked for.
pub fn failure(id: &RequestId, problem: &str) -> Value {
    let reply = Reply::error(&DomError::not_allowed(), Some(problem)).into_json();
    respond(id, Reply::parse(&reply).unwrap_or_default())
}

fn respond(id: &RequestId, mut reply: Map<String, Value>) -> Value {
    reply.insert("type".to_owned(), json!("response"));
    reply.insert("requestId".to_owned(), json!(id.as_str()));
    Value::Object(reply)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> ToHost {
        Frame::parse(text.as_bytes()).unwrap().message.unwrap()
    }

    #[test]
    fn messages_are_read() {
        let ceremony = r#"{"channel":"c","type":"ceremony","kind":"get","request":{"requestId":"1","publicKey":{}}}"#;
        let ceremony = Frame::parse(ceremony.as_bytes()).unwrap();
        assert_eq!(ceremony.channel.as_str(), "c");
        let ceremony = ceremony.message.unwrap();
        assert!(!format!("{ceremony:?}").contains("publicKey"));
        let ToHost::Ceremony { kind, id, request } = ceremony else {
            panic!("a ceremony");
        };
        assert_eq!((kind, id.as_str()), (Kind::Get, "1"));
        assert!(request.contains_key("publicKey"));
        let one = RequestId::parse("1").unwrap();
        for (text, message) in [
            (
                r#"{"channel":"c","type":"cancel","requestId":"1"}"#,
                ToHost::Cancel(one.clone()),
            ),
            (
                r#"{"channel":"c","type":"undelivered","requestId":"1"}"#,
                ToHost::Undelivered(one),
            ),
            (r#"{"channel":"c","type":"close"}"#, ToHost::Close),
            (r#"{"channel":"c","type":"ping","more":1}"#, ToHost::Ping),
            (r#"{"channel":"c","type":"capabilities"}"#, ToHost::Capabilities),
            (r#"{"channel":"c","type":"status"}"#, ToHost::Status),
        ] {
            assert_eq!(read(text), message);
        }
    }

    #[test]
    fn wrong_messages_are_refused_in_their_channel() {
        for message in [
            r#""type":1"#,
            r#""type":"unheard-of""#,
            r#""type":"ceremony""#,
            r#""type":"ceremony","kind":"get""#,
            r#""type":"ceremony","kind":"steal","request":{"requestId":"1"}"#,
            r#""type":"ceremony","kind":"get","request":{}"#,
            r#""type":"ceremony","kind":"get","request":[]"#,
            r#""type":"cancel""#,
            r#""type":"cancel","requestId":"""#,
            r#""type":"undelivered""#,
        ] {
            let frame = Frame::parse(format!(r#"{{"channel":"c",{message}}}"#).as_bytes()).unwrap();
            assert!(frame.message.is_err(), "{message}");
        }
    }

    #[test]
    fn what_is_in_no_channel_is_no_message() {
        for frame in [
            "",
            "[]",
            "{}",
            r#"{"type":"ping"}"#,
            r#"{"channel":"","type":"ping"}"#,
            r#"{"channel":7}"#,
        ] {
            assert!(Frame::parse(frame.as_bytes()).is_err(), "{frame}");
        }
        assert!(Frame::parse(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn answers_have_the_form_that_the_extension_knows() {
        let id = RequestId::parse("7").unwrap();
        assert_eq!(
            response(&id, r#"{"ok":{"id":"AA"}}"#),
            json!({"type": "response", "requestId": "7", "ok": {"id": "AA"}})
        );
        for unreadable in [
            response(&id, "{}"),
            response(&id, "nonsense"),
            failure(&id, "nobody there"),
        ] {
            assert_eq!(unreadable["error"]["name"], "NotAllowedError");
            assert_eq!(unreadable["requestId"], "7");
            assert!(unreadable["problem"].is_string());
        }
        assert_eq!(
            capabilities(None),
            json!({"type": "capabilities", "userVerifyingPlatformAuthenticator": false})
        );
        assert_eq!(
            capabilities(Some(r#"{"a":1,"type":"x"}"#)),
            json!({"type": "capabilities", "a": 1})
        );
        assert_eq!(
            status(&Status::default()),
            json!({"type": "status", "platform": false, "prompt": null, "pin": false, "problem": null})
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(frame in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
            let _ = Frame::parse(&frame);
            let _ = response(&RequestId::parse("7").unwrap(), &text);
            let _ = capabilities(Some(&text));
        }
    }
}
