//! `claviger passkey …`: the passkeys of all providers, from the metadata that the providers pushed.

use claviger_prompt_api::manage::Passkey;
use claviger_prompt_api::sanitise;

use super::client;
use crate::cli::Passkey as Command;
use crate::output::{self, Failure, done, line};

/// Stands for the last use of a passkey that its site knows nothing of.
const UNCONFIRMED: &str = "never confirmed by the site";

/// How many characters of an id the list shows; enough to name one passkey on the command line.
const SHORT_ID: usize = 12;

/// How many passkeys are named when it is not clear which one is meant.
const MAX_NAMED: usize = 5;

/// Runs the command.
pub async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List { filter, output } => list(filter.as_deref().unwrap_or(""), output.json).await,
        Command::Show { id, output } => show(&id, output.json).await,
        Command::Rename { id, name, output } => {
            let passkey = find(&id).await?;
            let broker = client::connect().await?;
            client::asking(broker.rename_passkey(&passkey.provider, &passkey.id, &name)).await?;
            done(output.json, format_args!("Renamed to {name}."))
        }
        Command::Hide { id, output } => {
            let passkey = find(&id).await?;
            let broker = client::connect().await?;
            let hidden = broker.hide_passkey(&passkey.provider, &passkey.id).await;
            hidden.map_err(|error| client::failure(&error))?;
            done(output.json, "Hidden. It stays where it is and is not offered any more.")
        }
        Command::Unhide { id, output } => {
            let passkey = find(&id).await?;
            let broker = client::connect().await?;
            let shown = broker.unhide_passkey(&passkey.provider, &passkey.id).await;
            shown.map_err(|error| client::failure(&error))?;
            done(output.json, "It is offered again.")
        }
        Command::Delete { id, output } => {
            let passkey = find(&id).await?;
            let broker = client::connect().await?;
            client::asking(broker.delete_passkey(&passkey.provider, &passkey.id)).await?;
            let told = "Deleted. The site does not know yet: remove it in your account there too.";
            done(output.json, told)
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
            match passkey {
                Passkey { confirmed: false, .. } => UNCONFIRMED.to_owned(),
                Passkey { hidden: true, .. } => format!("{} (hidden)", time(passkey.last_used_ms)),
                _ => time(passkey.last_used_ms),
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
    line(format_args!("Hidden:       {}", passkey.hidden))?;
    line(format_args!("Discoverable: {}", passkey.discoverable))?;
    line(format_args!("Backed up:    {}", passkey.backed_up))
}

/// The passkey that is named by [its beginning](the_one).
async fn find(prefix: &str) -> Result<Passkey, Failure> {
    the_one(passkeys("").await?, prefix)
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

/// The passkey whose id, or provider's id with `/` and its id, begins with `prefix`; an error when there is none, or more than one:
/// which of them is meant is not to be guessed, even where two providers have the same id.
fn the_one(passkeys: Vec<Passkey>, prefix: &str) -> Result<Passkey, Failure> {
    let whole = |passkey: &Passkey| format!("{}/{}", passkey.provider, passkey.id);
    let mut fitting: Vec<Passkey> = passkeys
        .into_iter()
        .filter(|passkey| passkey.id.starts_with(prefix) || whole(passkey).starts_with(prefix))
        .collect();
    let count = fitting.len();
    match fitting.pop() {
        Some(passkey) if count == 1 => Ok(passkey),
        Some(last) => {
            fitting.push(last);
            let mut names: Vec<String> = fitting.iter().take(MAX_NAMED).map(whole).collect();
            if count > MAX_NAMED {
                names.push("…".to_owned());
            }
            Err(Failure::Usage(format!(
                "{count} passkeys begin with {prefix}; say which one you mean: {}",
                names.join(", ")
            )))
        }
        None => Err(Failure::Usage(format!(
            "no passkey begins with {prefix}; see `claviger passkey list`"
        ))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn kept_by(provider: &str, id: &str) -> Passkey {
        Passkey {
            id: id.into(),
            rp_id: "example.org".into(),
            rp_name: None,
            user_name: None,
            display_name: None,
            provider: provider.into(),
            provider_name: provider.into(),
            created_ms: None,
            last_used_ms: None,
            backed_up: false,
            discoverable: true,
            confirmed: true,
            hidden: false,
            tag: None,
            algorithm: None,
        }
    }

    #[test]
    fn an_id_that_two_providers_have_means_neither_and_both_are_named() {
        let both = || vec![kept_by("org.example.A", "Zm9v"), kept_by("org.example.B", "Zm9v")];
        for named in ["Zm9v", "Zm", "org.example."] {
            let refused = the_one(both(), named).unwrap_err();
            assert!(matches!(refused, Failure::Usage(_)), "{refused:?}");
            let said = refused.to_string();
            assert!(said.contains("org.example.A/Zm9v, org.example.B/Zm9v"), "{said}");
        }
        for provider in ["org.example.A", "org.example.B"] {
            let found = the_one(both(), &format!("{provider}/Zm9v")).unwrap();
            assert_eq!(found.provider, provider);
        }
    }

    #[test]
    fn of_many_passkeys_only_some_are_named() {
        let many = (0..100)
            .map(|nth| kept_by("org.example.A", &format!("Zm{nth}")))
            .collect();
        let said = the_one(many, "Zm").unwrap_err().to_string();
        assert!(said.starts_with("100 passkeys begin with Zm;"), "{said}");
        assert!(said.ends_with("/Zm4, …"), "{said}");
    }
}
