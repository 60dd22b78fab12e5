//! The door as a CTAP authenticator: commands in, answers out, whatever the transport.
//!
//! The PIN/UV auth protocols end here; credentials, consent and verification are the platform's ([`Upstream`]). Each command has a file
//! of its own that follows the numbered steps of the specification. What differs from a security key is decided here:
//!
//! * A token *using UV* is handed out without a prompt, because here it opens nothing: the command that it is used for asks the user, and
//!   that one prompt verifies. So there is one prompt for a sign-in, and the UV flag comes from hello's evidence alone.
//! * A token *using PIN* carries hello's ticket for the PIN that the program has shown. The command that it is used for asks for consent
//!   only, and spends the ticket for its evidence.
//! * The list of credentials is shown to a program once per token, after the user's consent. To who shows the PIN again on the same
//!   channel soon after, it is the same showing: libfido2 gets a token for each question, and `ssh-keygen -K` asks five.
//! * There is no *get next assertion*: the user chooses the account in the prompt.
//! * The PIN is chosen with `claviger`, and nothing is reset from here.

mod client_pin;
mod credential_management;
mod extensions;
mod get_assertion;
mod get_info;
mod make_credential;

use claviger_broker::PinTicket;
use claviger_ctap::authenticator::Refusal;
use claviger_ctap::authenticator::device::command;
use claviger_ctap::authenticator::token::{Lifetimes, TokenKeeper};
use claviger_ctap::crypto::ecdh::EphemeralKey;
use claviger_ctap::crypto::{Crypto, CryptoError};
use claviger_ctap::status::Status;
use credential_management::Continuation;

use super::upstream::Upstream;
use crate::ctap::message::Listed;

/// The authenticator. A new one is a key that was just plugged in.
pub struct DoorAuthenticator {
    crypto: &'static dyn Crypto,
    key_agreement: EphemeralKey,
    tokens: TokenKeeper<Backing>,
    continuation: Option<Continuation>,
}

/// What a token has behind it.
#[derive(Default)]
struct Backing {
    /// For a PIN that a program has shown, until it is spent.
    ticket: Option<PinTicket>,
    /// The credentials that the user has agreed to show to whoever holds the token.
    list: Option<Shown>,
}

/// The credentials that a program was shown.
struct Shown {
    channel: u32,
    /// Whether it had proved the PIN.
    by_pin: bool,
    /// When they were looked at last.
    touched_ms: u64,
    list: Vec<Listed>,
}

/// The body of an answer, without the status byte.
type Answer = Result<Vec<u8>, Refusal>;

impl DoorAuthenticator {
    /// A key that was just plugged in.
    ///
    /// # Errors
    ///
    /// The operating system gave no random bytes.
    pub fn new(crypto: &'static dyn Crypto) -> Result<Self, CryptoError> {
        Ok(Self {
            crypto,
            key_agreement: EphemeralKey::generate(crypto)?,
            tokens: TokenKeeper::new(LIFETIMES),
            continuation: None,
        })
    }

    /// Carries out one command: its code and its parameters. The answer is a status byte, and after success whatever the command gives.
    ///
    /// `channel` says which client it is: a client cannot continue what another has begun. The future may be dropped at any moment, to
    /// cancel the command.
    pub async fn process<U: Upstream>(&mut self, upstream: &U, channel: u32, message: &[u8]) -> Vec<u8> {
        match self.dispatch(upstream, channel, message).await {
            Ok(body) => [&[Status::Success.code()], body.as_slice()].concat(),
            Err(refusal) => {
                tracing::debug!(command = message.first(), %refusal, "a command was refused");
                vec![refusal.status().code()]
            }
        }
    }

    async fn dispatch<U: Upstream>(&mut self, upstream: &U, channel: u32, message: &[u8]) -> Answer {
        let Some((code, parameters)) = message.split_first() else {
            return refuse(Status::InvalidLength, "a command without its code");
        };
        // CTAP 2.1 §6: whatever is not a continuation ends what could have been continued.
        let now_ms = upstream.now_ms();
        let continuation = self.continuation.take().filter(|c| c.belongs_to(channel, now_ms));
        match *code {
            command::MAKE_CREDENTIAL => self.make_credential(upstream, parameters).await,
            command::GET_ASSERTION => self.get_assertion(upstream, parameters).await,
            command::CLIENT_PIN => self.client_pin(upstream, channel, parameters).await,
            // The code of the prototype, with the same parameters, is the only one that libfido2 knew until 1.15.
            command::CREDENTIAL_MANAGEMENT | CREDENTIAL_MANAGEMENT_PREVIEW => {
                self.credential_management(upstream, channel, continuation, parameters)
                    .await
            }
            command::GET_INFO | command::RESET | command::GET_NEXT_ASSERTION | command::SELECTION
                if !parameters.is_empty() =>
            {
                refuse(Status::InvalidLength, "the command has no parameters")
            }
            command::GET_INFO => get_info::answer(upstream).await,
            command::SELECTION => upstream.select().await.map(|()| Vec::new()).map_err(platform),
            // The user chose the account already: there never is a next one (§6.3).
            command::GET_NEXT_ASSERTION => refuse(Status::NotAllowed, "there is no next assertion"),
            command::RESET => refuse(Status::OperationDenied, "passkeys and PIN are not deleted from here"),
            _ => refuse(Status::InvalidCommand, "a command that the door does not have"),
        }
    }

    /// Step 1 of makeCredential and getAssertion: a parameter of no bytes asks for consent only, so that the user can choose among keys.
    async fn selection_by_parameter<U: Upstream>(&self, upstream: &U) -> Answer {
        upstream.select().await.map_err(platform)?;
        if upstream.info().await.map_err(platform)?.pin_set {
            refuse(Status::PinInvalid, "selection by an empty pinUvAuthParam")
        } else {
            refuse(Status::PinNotSet, "selection by an empty pinUvAuthParam")
        }
    }
}

impl std::fmt::Debug for DoorAuthenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DoorAuthenticator").finish_non_exhaustive()
    }
}

/// As those of a USB key. Hello's tickets end earlier (120 s); a token that has outlived its ticket has the prompt ask for the PIN.
const LIFETIMES: Lifetimes = Lifetimes {
    initial_ms: 30_000,
    present_ms: 30_000,
    max_ms: 600_000,
};

/// `authenticatorCredentialManagement` as it was numbered before CTAP 2.1.
const CREDENTIAL_MANAGEMENT_PREVIEW: u8 = 0x41;

/// Longest allow or exclude list: such a list of the vault's ids (32 bytes) fits the longest message.
const MAX_LIST: usize = 100;

fn refuse<T>(status: Status, why: &'static str) -> Result<T, Refusal> {
    Err(Refusal::Rule { status, why })
}

/// What the platform answered instead of an answer.
fn platform(status: Status) -> Refusal {
    Refusal::Rule {
        status,
        why: "the platform's answer",
    }
}
