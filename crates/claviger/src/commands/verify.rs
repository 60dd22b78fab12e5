//! `claviger verify …`: the PIN and the recovery code. What is typed and what is shown goes between this terminal and hello in sealed
//! memory files; a code is shown once, on a terminal.

mod page;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use claviger_pin::{CodeEnds, RecoveryCode, memfd};
use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::manage::{PinStatus, RecoveryCodeStatus, Status};
use serde::Serialize;

use super::client;
use crate::cli::Verify as Command;
use crate::output::{self, Failure, done, line, note};
use crate::prompt::Terminal;

/// The document that `list --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    tier: Option<&'a str>,
    pin: Option<&'a PinStatus>,
    recovery_code: RecoveryCodeStatus,
}

/// Runs the command.
pub async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List(output) => list(output.json).await,
        Command::ChangePin(output) => super::lock::change_pin(output.json).await,
        Command::RecoveryCode { pdf } => make(pdf.as_deref()).await,
        Command::Drill(output) => {
            let broker = client::connect().await?;
            let code = Terminal::open()?.recovery_code().await?;
            let code = memfd::seal_recovery_code(&code).map_err(Failure::failed)?;
            told(broker.drill_recovery_code((&code).into()).await)?;
            done(output.json, "This is your recovery code. Nothing was changed.")
        }
        Command::Recover(output) => {
            let broker = client::connect().await?;
            let mut terminal = Terminal::open()?;
            let code = terminal.recovery_code().await?;
            let code = memfd::seal_recovery_code(&code).map_err(Failure::failed)?;
            let new = terminal.new_pin().await?;
            let new = memfd::seal(&new).map_err(Failure::failed)?;
            told(broker.recover((&code).into(), (&new).into()).await)?;
            done(
                output.json,
                "The new PIN is set. Nothing is lost, and the code stays good.",
            )
        }
    }
}

/// How it is with the recovery code, for people.
pub fn describe(code: RecoveryCodeStatus) -> &'static str {
    match code {
        RecoveryCodeStatus::None => {
            "none: a forgotten PIN loses your passkeys; make one: `claviger verify recovery-code`"
        }
        RecoveryCodeStatus::Pending => {
            "made, but never typed back: a forgotten PIN may lose your passkeys; make one: `claviger verify recovery-code`"
        }
        RecoveryCodeStatus::Confirmed => "there is one; try it now and then: `claviger verify drill`",
    }
}

async fn list(as_json: bool) -> Result<(), Failure> {
    let status: Status = client::status().await?;
    if as_json {
        return output::json(&Document {
            tier: status.tier.as_deref(),
            pin: status.pin.as_ref(),
            recovery_code: status.recovery_code,
        });
    }
    line(format_args!("PIN:           {}", super::status::pin(&status)))?;
    line(format_args!("Recovery code: {}", describe(status.recovery_code)))
}

/// Makes a code, shows it once, and has it typed back.
async fn make(pdf: Option<&Path>) -> Result<(), Failure> {
    if !output::is_terminal() {
        let text = "a recovery code is shown on a terminal only; run this in one";
        return Err(Failure::Usage(text.to_owned()));
    }
    // Before anything is made, so that nothing is made in vain.
    let page = pdf.map(create).transpose()?;
    let made = make_at(page).await;
    if let (Err(_), Some(path)) = (&made, pdf) {
        // It is of this call, and holds nothing or a code that nobody was shown.
        let _ = fs::remove_file(path);
    }
    let (mut terminal, code) = made?;
    line("")?;
    line(code.spelled().as_str())?;
    line("")?;
    line("Write it down or print it, and keep it where you keep papers. It is not shown again.")?;
    line("Whoever has it and this machine can set a new PIN.")?;
    let broker = client::connect().await?;
    loop {
        let typed = terminal.typed("Type the first and the last group:").await?;
        let ends = match CodeEnds::parse(&typed) {
            Ok(ends) => memfd::seal_code_ends(&ends).map_err(Failure::failed)?,
            Err(error) => {
                note(error);
                continue;
            }
        };
        match broker.confirm_recovery_code((&ends).into()).await {
            Err(Error::Refused(why)) => note(why.sentence),
            confirmed => {
                told(confirmed)?;
                return line("This is your recovery code from now on. One that you had before opens nothing any more.");
            }
        }
    }
}

async fn make_at(page: Option<File>) -> Result<(Terminal, RecoveryCode), Failure> {
    let broker = client::connect().await?;
    let mut terminal = None;
    let code = client::asking_at(&mut terminal, broker.make_recovery_code()).await?;
    let code = memfd::receive_recovery_code(std::os::fd::OwnedFd::from(code)).map_err(Failure::failed)?;
    if let Some(mut page) = page {
        let written = page.write_all(&page::pdf(&code)?).and_then(|()| page.sync_all());
        written.map_err(|error| Failure::Failed(format!("the page cannot be written: {error}")))?;
    }
    let terminal = terminal.map_or_else(Terminal::open, Ok)?;
    Ok((terminal, code))
}

/// A new file that nobody else can read.
fn create(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    let created = options.write(true).create_new(true).mode(0o600).open(path);
    created.map_err(|error| Failure::Usage(format!("cannot write {}: {error}", path.display())))
}

fn told(answer: Result<(), Error>) -> Result<(), Failure> {
    answer.map_err(|error| client::failure(&error))
}
