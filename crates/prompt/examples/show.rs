//! Draws views that no broker made: one JSON document on each line of standard input, as `Prompt1.NextView` has them. What is done in
//! the window is told on standard output; a PIN or a recovery code is not, only that there was one. Confined as the window is that a package has. For looking at
//! screens and for tests.

use std::io::{Write as _, stderr, stdin, stdout};
use std::process::ExitCode;
use std::thread;

use claviger_prompt::confinement;
use claviger_prompt::prompt::app;
use claviger_prompt::prompt::link::{Answer, Link, News, Over};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

fn main() -> ExitCode {
    if let Err(error) = confinement::of_the_prompt(false).enter() {
        let _ = writeln!(stderr(), "show: {error}");
        return ExitCode::FAILURE;
    }
    let (tell, news) = unbounded_channel();
    let (answers, mut given) = unbounded_channel();
    thread::spawn(move || {
        for line in stdin().lines().map_while(Result::ok) {
            let told = match serde_json::from_str(&line) {
                Ok(view) => News::View(Box::new(view)),
                Err(error) => News::Over(Over::Broken(error.to_string())),
            };
            if tell.send(told).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        while let Some(answer) = given.blocking_recv() {
            let _ = writeln!(stdout(), "{}", told(&answer));
        }
    });
    app::run(Link { news, answers })
}

fn told(answer: &Answer) -> Value {
    let action: Value = serde_json::from_str(&answer.action.to_json()).unwrap_or_default();
    json!({"prompt": answer.prompt, "revision": answer.revision, "action": action, "code": answer.code.is_some(), "pin": answer.pin.is_some()})
}
