//! `claviger provider …`: who keeps the passkeys.

use claviger_prompt_api::dbus::Error;
use serde_json::Value;

use super::client;
use super::status::plain;
use crate::cli::{Provider, Rule};
use crate::output::{self, Failure, line};

/// Runs the command.
pub async fn run(command: Provider) -> Result<(), Failure> {
    let broker = client::connect().await?;
    let failure = |error: Error| client::failure(&error);
    match command {
        Provider::List(output) => {
            let providers = client::json(&broker.providers().await.map_err(failure)?)?;
            if output.json {
                output::json(&providers)
            } else {
                print_providers(&providers)
            }
        }
        Provider::Enable { id } => {
            client::asking(broker.enable_provider(&id)).await?;
            line(format_args!("{id} is enabled."))
        }
        Provider::Disable { id } => {
            broker.disable_provider(&id).await.map_err(failure)?;
            line(format_args!("{id} is disabled. Its passkeys stay where they are."))
        }
        Provider::Default { id } => {
            broker.set_default_provider(&id).await.map_err(failure)?;
            line(format_args!("{id} is offered first from now on."))
        }
        Provider::Rule(Rule::List(output)) => {
            let rules = client::json(&broker.rules().await.map_err(failure)?)?;
            if output.json {
                output::json(&rules)
            } else {
                print_rules(&rules)
            }
        }
        Provider::Rule(Rule::Set { rp_id, provider }) => {
            broker.set_rule(&rp_id, &provider).await.map_err(failure)?;
            line(format_args!("{provider} is offered first for {rp_id}."))
        }
        Provider::Rule(Rule::Clear { rp_id }) => {
            broker.clear_rule(&rp_id).await.map_err(failure)?;
            line(format_args!("No rule for {rp_id} any more."))
        }
    }
}

fn print_providers(providers: &Value) -> Result<(), Failure> {
    let columns = ["id", "name", "state", "locked", "default", "passkeys"];
    print_table(providers, &columns, "No providers. Run `claviger setup`.")
}

fn print_rules(rules: &Value) -> Result<(), Failure> {
    print_table(
        rules,
        &["rp_id", "provider"],
        "No rules: the default provider is offered first everywhere.",
    )
}

fn print_table(values: &Value, columns: &[&str], empty: &str) -> Result<(), Failure> {
    let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
    if values.is_empty() {
        return line(empty);
    }
    let heading = columns
        .iter()
        .map(|column| column.replace('_', " ").to_uppercase())
        .collect();
    let rows = values.iter().map(|value| {
        columns
            .iter()
            .map(|column| value.get(column).map_or_else(|| "–".to_owned(), plain))
            .collect::<Vec<String>>()
    });
    output::table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}
