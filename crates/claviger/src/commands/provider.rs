//! `claviger provider …`: who keeps the passkeys.

use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::manage::{Provider, Rule};
use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;

use super::client;
use crate::cli::{Provider as Command, Rule as RuleCommand};
use crate::output::{self, Failure, done, line};

/// Runs the command.
pub async fn run(command: Command) -> Result<(), Failure> {
    let broker = client::connect().await?;
    let failure = |error: Error| client::failure(&error);
    match command {
        Command::List(output) => {
            let providers: Vec<Provider> = client::json(&broker.providers().await.map_err(failure)?)?;
            if output.json {
                output::json(&providers)
            } else {
                print_providers(&providers)
            }
        }
        Command::Enable { id, output } => {
            client::asking(broker.enable_provider(&id)).await?;
            done(output.json, format_args!("{id} is enabled."))
        }
        Command::Disable { id, output } => {
            broker.disable_provider(&id).await.map_err(failure)?;
            let told = format_args!("{id} is disabled. Its passkeys stay where they are.");
            done(output.json, told)
        }
        Command::Default { id, output } => {
            broker.set_default_provider(&id).await.map_err(failure)?;
            done(output.json, format_args!("{id} is offered first from now on."))
        }
        Command::Order { ids, output } => {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            broker.set_provider_order(&ids).await.map_err(failure)?;
            let told = format_args!("Providers are offered in this order from now on: {}.", ids.join(", "));
            done(output.json, told)
        }
        Command::Rule(RuleCommand::List(output)) => {
            let rules: Vec<Rule> = client::json(&broker.rules().await.map_err(failure)?)?;
            if output.json {
                output::json(&rules)
            } else {
                print_rules(&rules)
            }
        }
        Command::Rule(RuleCommand::Set {
            rp_id,
            provider,
            output,
        }) => {
            broker.set_rule(&rp_id, &provider).await.map_err(failure)?;
            done(output.json, format_args!("{provider} is offered first for {rp_id}."))
        }
        Command::Rule(RuleCommand::Clear { rp_id, output }) => {
            broker.clear_rule(&rp_id).await.map_err(failure)?;
            done(output.json, format_args!("No rule for {rp_id} any more."))
        }
    }
}

fn print_providers(providers: &[Provider]) -> Result<(), Failure> {
    if providers.is_empty() {
        return line("No providers. Run `claviger setup`.");
    }
    let heading = ["ID", "NAME", "STATE", "LOCKED", "DEFAULT", "PASSKEYS"].map(str::to_owned);
    let rows = providers.iter().map(|provider| {
        [
            provider.id.clone(),
            provider.name.clone(),
            provider.state.name().to_owned(),
            provider
                .locked
                .map_or_else(|| "–".to_owned(), |locked| locked.to_string()),
            provider.default.to_string(),
            provider.passkeys.to_string(),
        ]
    });
    print_table(heading, rows)?;
    let messages = Messages::english();
    for provider in providers {
        if let Some(host) = provider.host {
            let program = provider.executable.as_ref().map(|path| path.display().to_string());
            let warning = messages.text(&Message::ProgramHost { host });
            line(format_args!(
                "{} ({}): {warning}",
                provider.id,
                program.unwrap_or_default()
            ))?;
        }
    }
    Ok(())
}

fn print_rules(rules: &[Rule]) -> Result<(), Failure> {
    if rules.is_empty() {
        return line("No rules: the default provider is offered first everywhere.");
    }
    let heading = ["RP ID", "PROVIDER"].map(str::to_owned);
    let rows = rules.iter().map(|rule| [rule.rp_id.clone(), rule.provider.clone()]);
    print_table(heading, rows)
}

fn print_table<const N: usize>(heading: [String; N], rows: impl Iterator<Item = [String; N]>) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).map(Vec::from).collect();
    output::table(&rows)
}
