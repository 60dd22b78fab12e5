//! `claviger passkey …`: the passkeys of all providers, from the metadata that the providers pushed.

use claviger_prompt_api::manage::Passkey;
use claviger_prompt_api::sanitise;

use super::client;
use crate::cli::Passkey as Command;
use crate::output::{self, Failure, line};

/// Stands for the last use of a passkey that its site knows nothing of.
const UNCONFIRMED: &str = "never confirmed by the site";

/// How many characters of an id the list shows; enough to name one passkey on the command line.
const SHORT_ID: usize = 12;

/// Runs the command.
pub async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List { filter, output } => list(filter.as_deref().unwrap_or(""), output.json).await,
        Command::Show { id, output } => show(&id, output.json).await,
        Command::Rename { id, name } => {
            let passkey = find(&id).await?;
            let broker = client::connect().await?;
            client::asking(broker.rename_passkey(&passkey.provider, &passkey.id, &name)).await?;
            line(format_args!("Renamed to {name}."))
        }
        Command::Delete { id } => {
            let passkey = find(&id).await?;
            let broker = client::connect().await?;
            client::asking(broker.delete_passkey(&passkey.provider, &passkey.id)).await?;
            line("Deleted. The site does not know yet: remove it in your account there too.")
        }
    }
}

async fn list(filter: &str, as_json: bool) -> Result<(), Failure> {
    let passkeys = passkeys(filter).await?;
    if as_json {
        return output::json(&passkeys);
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
            passkey.id.chars().take(SHORT_ID).collect(),
            passkey.rp_id.clone(),
            passkey.user_name.clone().unwrap_or_else(|| "–".to_owned()),
            passkey.provider_name.clone(),
            if passkey.confirmed {
                time(passkey.last_used_ms)
            } else {
                UNCONFIRMED.to_owned()
            },
        ]
    }));
    output::table(&rows)?;
    if passkeys.iter().any(|passkey| !passkey.confirmed) {
        line(
            "What its site never confirmed can go: the next passkey for the account replaces it, or `claviger passkey delete ID`.",
        )?;
    }
    Ok(())
}

async fn show(id: &str, as_json: bool) -> Result<(), Failure> {
    let passkey = find(id).await?;
    if as_json {
        return output::json(&passkey);
    }
    line(format_args!("ID:           {}", passkey.id))?;
    line(format_args!(
        "Site:         {} ({})",
        sanitise::line(&passkey.rp_id, sanitise::MAX_HOST_CHARS),
        claimed(passkey.rp_name.as_ref())
    ))?;
    line(format_args!(
        "Account:      {} ({})",
        claimed(passkey.user_name.as_ref()),
        claimed(passkey.display_name.as_ref())
    ))?;
    line(format_args!(
        "Kept by:      {} ({})",
        claimed(Some(&passkey.provider_name)),
        passkey.provider
    ))?;
    line(format_args!("Created:      {}", time(passkey.created_ms)))?;
    line(format_args!("Last used:    {}", time(passkey.last_used_ms)))?;
    if !passkey.confirmed {
        line(format_args!("Site:         {UNCONFIRMED}"))?;
    }
    line(format_args!("Discoverable: {}", passkey.discoverable))?;
    line(format_args!("Backed up:    {}", passkey.backed_up))
}

/// The passkey whose id, or provider's id with `/` and its id, begins with `prefix`; an error when there is none, or more than one.
async fn find(prefix: &str) -> Result<Passkey, Failure> {
    let mut fitting: Vec<Passkey> = passkeys("")
        .await?
        .into_iter()
        .filter(|passkey| {
            let whole = format!("{}/{}", passkey.provider, passkey.id);
            passkey.id.starts_with(prefix) || whole.starts_with(prefix)
        })
        .collect();
    let found = fitting.pop();
    match (found, fitting.len()) {
        (Some(passkey), 0) => Ok(passkey),
        (Some(_), more) => Err(Failure::Usage(format!(
            "{} passkeys begin with {prefix}; say more of the id, or PROVIDER/ID",
            more + 1
        ))),
        (None, _) => Err(Failure::Usage(format!(
            "no passkey begins with {prefix}; see `claviger passkey list`"
        ))),
    }
}

async fn passkeys(filter: &str) -> Result<Vec<Passkey>, Failure> {
    let answer = client::connect().await?.passkeys(filter).await;
    client::json(&answer.map_err(|error| client::failure(&error))?)
}

/// What a site or a provider says, in quotation marks, or a dash.
fn claimed(text: Option<&String>) -> String {
    text.map_or_else(|| "–".to_owned(), |text| sanitise::quoted(text))
}

/// A time in UTC, `YYYY-MM-DD HH:MM`.
fn time(ms: Option<u64>) -> String {
    ms.map_or_else(|| "never".to_owned(), super::audit::utc)
}
