//! `claviger passkey …`: the passkeys of all providers, from the metadata that the providers pushed.

use serde_json::Value;

use super::client;
use super::status::plain;
use crate::cli::Passkey;
use crate::output::{self, Failure, line};

/// How many characters of an id the list shows; enough to name one passkey on the command line.
const SHORT_ID: usize = 12;

/// Runs the command.
pub async fn run(command: Passkey) -> Result<(), Failure> {
    match command {
        Passkey::List { filter, output } => list(filter.as_deref().unwrap_or(""), output.json).await,
        Passkey::Show { id, output } => show(&id, output.json).await,
        Passkey::Rename { id, name } => {
            let id = find(&id).await?.0;
            let broker = client::connect().await?;
            client::asking(broker.rename_passkey(&id, &name)).await?;
            line(format_args!("Renamed to {name}."))
        }
        Passkey::Delete { id } => {
            let id = find(&id).await?.0;
            let broker = client::connect().await?;
            client::asking(broker.delete_passkey(&id)).await?;
            line("Deleted. The site does not know yet: remove it in your account there too.")
        }
    }
}

async fn list(filter: &str, as_json: bool) -> Result<(), Failure> {
    let passkeys = passkeys(filter).await?;
    if as_json {
        return output::json(&Value::Array(passkeys));
    }
    if passkeys.is_empty() {
        return line("No passkeys.");
    }
    let mut rows = vec![
        ["ID", "SITE", "ACCOUNT", "PROVIDER", "LAST USED"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(passkeys.iter().map(|passkey| {
        vec![
            id_of(passkey).chars().take(SHORT_ID).collect(),
            text(passkey, "rp_id"),
            text(passkey, "user_name"),
            text(passkey, "provider_name"),
            time(passkey, "last_used_ms"),
        ]
    }));
    output::table(&rows)
}

async fn show(id: &str, as_json: bool) -> Result<(), Failure> {
    let passkey = find(id).await?.1;
    if as_json {
        return output::json(&passkey);
    }
    line(format_args!("ID:           {}", id_of(&passkey)))?;
    line(format_args!(
        "Site:         {} ({})",
        text(&passkey, "rp_id"),
        text(&passkey, "rp_name")
    ))?;
    line(format_args!(
        "Account:      {} ({})",
        text(&passkey, "user_name"),
        text(&passkey, "display_name")
    ))?;
    line(format_args!(
        "Kept by:      {} ({})",
        text(&passkey, "provider_name"),
        text(&passkey, "provider")
    ))?;
    line(format_args!("Created:      {}", time(&passkey, "created_ms")))?;
    line(format_args!("Last used:    {}", time(&passkey, "last_used_ms")))?;
    line(format_args!("Discoverable: {}", text(&passkey, "discoverable")))?;
    line(format_args!("Backed up:    {}", text(&passkey, "backed_up")))
}

/// The passkey whose id begins with `prefix`; an error when there is none, or more than one.
async fn find(prefix: &str) -> Result<(String, Value), Failure> {
    let mut fitting: Vec<Value> = passkeys("")
        .await?
        .into_iter()
        .filter(|passkey| id_of(passkey).starts_with(prefix))
        .collect();
    let found = fitting.pop();
    match (found, fitting.len()) {
        (Some(passkey), 0) => Ok((id_of(&passkey).to_owned(), passkey)),
        (Some(_), more) => Err(Failure::Usage(format!(
            "{} passkeys begin with {prefix}; say more of the id",
            more + 1
        ))),
        (None, _) => Err(Failure::Usage(format!(
            "no passkey begins with {prefix}; see `claviger passkey list`"
        ))),
    }
}

async fn passkeys(filter: &str) -> Result<Vec<Value>, Failure> {
    let text = client::connect()
        .await?
        .passkeys(filter)
        .await
        .map_err(|error| client::failure(&error))?;
    match client::json(&text)? {
        Value::Array(passkeys) => Ok(passkeys),
        _ => Err(Failure::Failed("the broker sent no list of passkeys".into())),
    }
}

fn id_of(passkey: &Value) -> &str {
    passkey.get("id").and_then(Value::as_str).unwrap_or("")
}

fn text(passkey: &Value, key: &str) -> String {
    passkey.get(key).map_or_else(|| "–".to_owned(), plain)
}

/// A time in UTC, `YYYY-MM-DD HH:MM`.
fn time(passkey: &Value, key: &str) -> String {
    passkey
        .get(key)
        .and_then(Value::as_u64)
        .map_or_else(|| "never".to_owned(), super::audit::utc)
}
