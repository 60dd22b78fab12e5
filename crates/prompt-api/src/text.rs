//! Every sentence that a prompt shows, in one place: plain words, no jargon, and what to do next where there is something.

use crate::sanitise;
use crate::view::{Kind, Problem};

/// Stands for an account without a name.
pub const UNNAMED_ACCOUNT: &str = "Account without a name";

/// Stands for a program without a name.
pub const UNNAMED_PROGRAM: &str = "A program";

/// Warns that a provider already holds a passkey for the account, which CTAP has it replace (CTAP 2.1, 6.1.2 step 17).
pub const REPLACES_PASSKEY: &str = "Replaces the passkey it already keeps for this account";

/// The code of a wrong PIN.
pub const WRONG_PIN: &str = "wrong-pin";
/// The code of a PIN that is too easy to guess.
pub const WEAK_PIN: &str = "weak-pin";
/// The code of a PIN that came too soon after a wrong one.
pub const WAIT: &str = "wait";
/// The code of an approval that lacks the PIN.
pub const PIN_NEEDED: &str = "pin-needed";
/// The code of an approval that lacks a choice.
pub const CHOICE_NEEDED: &str = "choice-needed";
/// The code of a provider that turned out to be locked.
pub const LOCKED: &str = "locked";
/// The code of a passkey that the site excludes.
pub const EXCLUDED: &str = "excluded";

/// A provider's name, or its id where the name shows nothing.
pub fn provider_name(name: &str, id: &str) -> String {
    sanitise::label(name).unwrap_or_else(|| sanitise::line(id, sanitise::MAX_LABEL_CHARS))
}

/// The label of a provider whose passkeys are not known.
pub fn look_in(provider_name: &str) -> String {
    format!("Look in {provider_name}")
}

/// Marks the second line of a passkey whose provider is disabled.
pub fn disabled(detail: &str) -> String {
    format!("{detail} (disabled)")
}

/// The title of a screen for a site.
pub fn site_title(kind: Kind, rp_id: &str) -> String {
    match kind {
        Kind::Create => format!("Create a passkey for {rp_id}"),
        _ => format!("Sign in to {rp_id}"),
    }
}

/// A program at the security-key door, of which the name is known or not.
fn program(name: &str) -> String {
    if name == UNNAMED_PROGRAM {
        name.to_owned()
    } else {
        format!("{UNNAMED_PROGRAM} ({name})")
    }
}

/// The title of the screen on which a program asks which security key to use.
pub fn use_title(name: &str) -> String {
    format!("{} asks for a security key. Use Claviger?", program(name))
}

/// The title of the screen on which a program asks for the list of passkeys.
pub fn list_title(name: &str) -> String {
    format!("{} asks to see the list of all your passkeys", program(name))
}

/// The title of a screen for what a program of this name says is a site.
pub fn program_title(kind: Kind, name: &str, rp_id: &str) -> String {
    let program = program(name);
    match kind {
        Kind::Create => format!("{program} asks to create a passkey for {rp_id}"),
        _ => format!("{program} asks to sign in to {rp_id}"),
    }
}

/// The title of the screen that meets an excluded passkey.
pub fn excluded_title(rp_id: &str) -> String {
    format!("You already have a passkey for {rp_id}")
}

/// The title of the screen that asks for a new PIN.
pub const CHOOSE_PIN_TITLE: &str = "Choose a PIN for your passkeys";

/// The title of the screen of a setup that finds nothing to do but to make sure that the PIN is known.
pub const CONFIRM_PIN_TITLE: &str = "Confirm the PIN for your passkeys";

/// The title of the screen that enables a provider.
pub fn enable_title(provider_name: &str) -> String {
    format!("Let {provider_name} keep your passkeys?")
}

/// The title of the screen that unlocks providers.
pub fn unlock_title(provider_names: &[String]) -> String {
    match provider_names {
        [] => "Unlock".to_owned(),
        [one] => format!("Unlock {one}"),
        [first, rest @ ..] => format!("Unlock {first} and {} more", rest.len()),
    }
}

/// The title of the screen on which a provider asks the user to verify.
pub fn verify_title(provider_name: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{provider_name} asks: {hint}"),
        None => format!("{provider_name} wants to know that it is you"),
    }
}

/// The title of the screen that deletes a passkey.
pub fn delete_title(account: &str, rp_id: &str) -> String {
    format!("Delete the passkey “{account}” for {rp_id}? You may not be able to sign in with it any more.")
}

/// The title of the screen that renames a passkey.
pub fn rename_title(account: &str, rp_id: &str, name: &str) -> String {
    format!("Rename the passkey “{account}” for {rp_id} to “{name}”?")
}

/// Tells of a wrong PIN.
pub fn wrong_pin(tries_left: u32) -> Problem {
    let left = match tries_left {
        1 => "One attempt is left.".to_owned(),
        left => format!("{left} attempts are left."),
    };
    problem(WRONG_PIN, &format!("That PIN is wrong. {left}"))
}

/// Tells how long to wait for the next attempt.
pub fn wait(wait_ms: u64) -> Problem {
    let seconds = wait_ms.div_ceil(1000);
    let time = if seconds < 120 {
        format!("{seconds} seconds")
    } else {
        format!("{} minutes", seconds.div_ceil(60))
    };
    problem(
        WAIT,
        &format!("Too many wrong attempts. Wait {time} before the next one."),
    )
}

/// Tells why a new PIN is not good enough; `reason` comes from hello.
pub fn weak_pin(reason: &str) -> Problem {
    let reason = sanitise::line(reason, 200);
    if reason.is_empty() {
        return problem(WEAK_PIN, "That PIN is too easy to guess.");
    }
    problem(WEAK_PIN, &sentence(&reason))
}

/// Asks for the PIN that was left out.
pub fn pin_needed() -> Problem {
    problem(PIN_NEEDED, "Enter the PIN to go on.")
}

/// Asks for the PIN anew, because what stood for it is too old.
pub fn ticket_gone() -> Problem {
    problem(PIN_NEEDED, "The PIN was entered too long ago. Enter it again.")
}

/// Asks for the choice that was left out or not understood.
pub fn choice_needed() -> Problem {
    problem(CHOICE_NEEDED, "Choose one of the entries.")
}

/// Says that the provider turned out to be locked.
pub fn locked(provider_name: &str) -> Problem {
    problem(
        LOCKED,
        &format!("{provider_name} is locked. Enter the PIN to unlock it."),
    )
}

/// Says where the excluded passkey is.
pub fn excluded(provider_name: &str) -> Problem {
    problem(
        EXCLUDED,
        &format!(
            "{provider_name} already keeps a passkey for this account, and the site wants no second one. Go on to tell it so."
        ),
    )
}

/// An error's text as a sentence.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// A problem of this code, told in this sentence.
pub fn problem(code: &str, text: &str) -> Problem {
    Problem {
        code: code.to_owned(),
        text: text.to_owned(),
    }
}
