//! What the broker says in a view: the [`Message`] for each occasion, and the codes of problems.

use crate::message::Message;
use crate::view::{Kind, Problem};

/// The code of a wrong PIN.
pub const WRONG_PIN: &str = "wrong-pin";
/// The code of a PIN that is too easy to guess.
pub const WEAK_PIN: &str = "weak-pin";
/// The code of a PIN that came too soon after a wrong one.
pub const WAIT: &str = "wait";
/// The code of a PIN that is locked.
pub const LOCKED_OUT: &str = "locked-out";
/// The code of a recovery code that is not the one, or none at all.
pub const WRONG_RECOVERY_CODE: &str = "wrong-recovery-code";
/// The code that says a recovery code has set a new PIN: no problem at all, but said in the same place.
pub const PIN_SET: &str = "new-pin-set";
/// The code of an approval that lacks the PIN.
pub const PIN_NEEDED: &str = "pin-needed";
/// The code of an approval that lacks a choice.
pub const CHOICE_NEEDED: &str = "choice-needed";
/// The code of the warning that a provider's program runs what others give it.
pub const PROGRAM_HOST: &str = "program-host";
/// The code of a provider that turned out to be locked.
pub const LOCKED: &str = "locked";
/// The code of a passkey that the site excludes.
pub const EXCLUDED: &str = "excluded";

/// The title of a screen for a site.
pub fn site_title(kind: Kind, site: String) -> Message {
    match kind {
        Kind::Create => Message::CreateTitle { site },
        _ => Message::SignInTitle { site },
    }
}

/// The title of a screen for a site that another one lists as related.
pub fn related_title(kind: Kind, origin: String, site: String) -> Message {
    match kind {
        Kind::Create => Message::RelatedCreateTitle { origin, site },
        _ => Message::RelatedSignInTitle { origin, site },
    }
}

/// The title of a screen for what a program of this name, if it has one, says is a site.
pub fn program_title(kind: Kind, program: Option<String>, site: String) -> Message {
    match kind {
        Kind::Create => Message::ProgramCreateTitle { program, site },
        _ => Message::ProgramSignInTitle { program, site },
    }
}

/// The title of the screen that unlocks providers.
pub fn unlock_title(provider_names: &[String]) -> Message {
    Message::UnlockTitle {
        provider: provider_names.first().cloned(),
        more: provider_names.len().saturating_sub(1),
    }
}

/// Tells of a wrong PIN.
pub fn wrong_pin(tries_left: u32) -> Problem {
    problem(WRONG_PIN, Message::WrongPin { tries_left })
}

/// Tells how long to wait for the next attempt.
pub fn wait(wait_ms: u64) -> Problem {
    let seconds = wait_ms.div_ceil(1000);
    let text = if seconds < 120 {
        Message::WaitSeconds { seconds }
    } else {
        Message::WaitMinutes {
            minutes: seconds.div_ceil(60),
        }
    };
    problem(WAIT, text)
}

/// Tells why a new PIN is not good enough; `reason` is hello's code for it.
pub fn weak_pin(reason: &str) -> Problem {
    let reason = reason.to_owned();
    problem(WEAK_PIN, Message::WeakPin { reason })
}

/// Tells that the PIN is locked, where the recovery code helps.
pub fn locked_out() -> Problem {
    problem(LOCKED_OUT, Message::PinLockedRecover {})
}

/// Tells that it was not the recovery code.
pub fn wrong_recovery_code() -> Problem {
    problem(WRONG_RECOVERY_CODE, Message::WrongRecoveryCode {})
}

/// Tells that the recovery code has set a new PIN, which is asked for now.
pub fn pin_set() -> Problem {
    problem(PIN_SET, Message::NewPinSet {})
}

/// Tells that what was given is no recovery code.
pub fn not_a_recovery_code() -> Problem {
    problem(WRONG_RECOVERY_CODE, Message::NotARecoveryCode {})
}

/// Asks for the PIN that was left out.
pub fn pin_needed() -> Problem {
    problem(PIN_NEEDED, Message::PinNeeded {})
}

/// Asks for the PIN anew, because what stood for it is too old.
pub fn ticket_gone() -> Problem {
    problem(PIN_NEEDED, Message::TicketGone {})
}

/// Asks for the choice that was left out or not understood.
pub fn choice_needed() -> Problem {
    problem(CHOICE_NEEDED, Message::ChoiceNeeded {})
}

/// Says that the provider turned out to be locked.
pub fn locked(provider_name: &str) -> Problem {
    let provider = provider_name.to_owned();
    problem(LOCKED, Message::Locked { provider })
}

/// Says where the excluded passkey is.
pub fn excluded(provider_name: &str) -> Problem {
    let provider = provider_name.to_owned();
    problem(EXCLUDED, Message::Excluded { provider })
}

/// A problem of this code, told in this message.
pub fn problem(code: &str, text: Message) -> Problem {
    Problem {
        code: code.to_owned(),
        text,
    }
}

/// An error's text as a sentence.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}
