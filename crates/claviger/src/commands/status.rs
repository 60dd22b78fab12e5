//! `claviger status`: how the platform stands, the honest tier first.

use serde_json::Value;

use super::{client, door};
use crate::output::{self, Failure, line};

/// Runs the command.
pub async fn run(as_json: bool) -> Result<(), Failure> {
    let mut status = client::status().await?;
    let key = door::security_key().await?;
    if let Some(status) = status.as_object_mut() {
        status.insert("security_key".into(), key);
    }
    if as_json {
        return output::json(&status);
    }
    let text = |pointer: &str| status.pointer(pointer).map_or_else(|| "unknown".to_owned(), plain);
    let is = |pointer: &str| status.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
    if is("/prompt/scripted") || is("/scripted_prompt_allowed") {
        line(
            "!!! A SCRIPT may approve for you: this broker was started with --allow-scripted-prompt. Tests only. !!!",
        )?;
    }
    line(format_args!("Claviger {}", text("/version")))?;
    line(format_args!(
        "Tier:      {} (what that protects against, and what not: SECURITY.md)",
        text("/tier")
    ))?;
    line(format_args!("PIN:       {}", pin(&status)))?;
    line(format_args!(
        "Prompt:    {}",
        if is("/prompt/attached") {
            text("/prompt/kind")
        } else {
            "none; start `claviger prompt`".into()
        }
    ))?;
    for provider in status.get("providers").and_then(Value::as_array).into_iter().flatten() {
        line(format_args!("Provider:  {}", describe(provider)))?;
    }
    line(format_args!("Doors:     {}", text("/doors")))?;
    line(format_args!(
        "Key:       {}",
        door::describe(status.get("security_key").unwrap_or(&Value::Null))
    ))?;
    line(format_args!(
        "Audit log: {} entries, head {}",
        text("/audit/entries"),
        text("/audit/head")
    ))
}

/// A JSON value as a person writes it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Null => "–".into(),
        other => other.to_string(),
    }
}

fn pin(status: &Value) -> String {
    let at = |pointer: &str| status.pointer(pointer);
    let is = |pointer: &str| at(pointer).and_then(Value::as_bool).unwrap_or(false);
    if is("/pin/locked_out") {
        return "locked out after too many wrong tries (see SECURITY.md)".into();
    }
    if !is("/pin/set") {
        return "not chosen yet; run `claviger setup`".into();
    }
    let left = at("/pin/tries_left").map_or_else(String::new, |tries| format!(", {tries} tries left"));
    let wait = at("/pin/wait_ms").and_then(Value::as_u64).filter(|ms| *ms > 0);
    wait.map_or_else(
        || format!("set{left}"),
        |ms| format!("set{left}, next try in {} s", ms.div_ceil(1000)),
    )
}

fn describe(provider: &Value) -> String {
    let text = |key: &str| provider.get(key).map_or_else(String::new, plain);
    let is = |key: &str| provider.get(key).and_then(Value::as_bool).unwrap_or(false);
    let mut parts = vec![text("state")];
    if is("locked") {
        parts.push("locked".into());
    }
    if is("default") {
        parts.push("default".into());
    }
    parts.push(format!("{} passkeys", text("passkeys")));
    format!("{} ({}): {}", text("name"), text("id"), parts.join(", "))
}
