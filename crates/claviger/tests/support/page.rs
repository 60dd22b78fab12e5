//! A page at the browser door: the test is the browser, and starts the native host.

#![allow(clippy::unwrap_used, dead_code)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::Platform;

/// Has the broker believe this test as it does a browser; before the broker starts.
pub fn be_a_browser(platform: &Platform) {
    let callers = platform.path("config/claviger/privileged-callers");
    fs::create_dir_all(callers.parent().unwrap()).unwrap();
    fs::write(callers, format!("{}\n", std::env::current_exe().unwrap().display())).unwrap();
}

/// A page's request; it is withdrawn when the value goes.
pub struct Request(Child);

impl Request {
    /// A page at `https://<site>` asks to `create` or `get`.
    pub fn send(platform: &Platform, kind: &str, site: &str, public_key: &Value) -> Self {
        let mut host = platform
            .command(&["native-host"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let message = json!({ "channel": "c", "type": "ceremony", "kind": kind, "request": {
            "requestId": "1", "origin": format!("https://{site}"), "sameOriginWithAncestors": true,
            "publicKey": public_key,
        }});
        let message = message.to_string().into_bytes();
        let input = host.stdin.as_mut().unwrap();
        input
            .write_all(&u32::try_from(message.len()).unwrap().to_ne_bytes())
            .unwrap();
        input.write_all(&message).unwrap();
        Self(host)
    }

    /// What the page hears.
    pub fn answer(mut self) -> Value {
        let output = self.0.stdout.as_mut().unwrap();
        let mut length = [0; 4];
        output.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::try_from(u32::from_ne_bytes(length)).unwrap()];
        output.read_exact(&mut answer).unwrap();
        serde_json::from_slice(&answer).unwrap()
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
