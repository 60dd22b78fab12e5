//! Approvals: things that the user agrees to with the PIN and that are no ceremonies, and what is done afterwards.

use std::sync::Mutex;
use std::time::Duration;

use claviger_hello::UvEvidence;
use claviger_hello::ticket::PinTicket;
use claviger_joint::{ProviderId, TransactionId};
use claviger_peer::Standing;
use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::view::CallerView;
use tokio::time::Instant;
use zbus::message::Header;

use super::journal::{needs_no_user, who};
use super::link::{Live, NoAnswer};
use super::run::{CeremonyOrApproval, Opened};
use super::security_key::SecurityKeyCaller;
use super::steps::envelope_caller;
use super::unsigned::UnsignedRequest;
use super::{Attendance, Broker, caller_key, lock, now_ms};
use crate::audit::{AuditEvent, Entry};
use crate::cancel::CancelToken;
use crate::ceremony::{Approval, Consent, Context, Input, Outcome, Wanted};
use crate::types::{Caller, Cause, Door, DoorTraits, Internal};

/// How long the user has to answer.
const ANSWER_DEADLINE: Duration = Duration::from_mins(2);

/// What the user's agreement yielded.
pub(super) struct Approved {
    pub(super) consent: Consent,
    pub(super) transaction: TransactionId,
    pub(super) evidence: Option<UvEvidence>,
    pub(super) boxes: Vec<(ProviderId, Vec<u8>)>,
    /// For the change that was agreed to.
    pub(super) ticket: Option<PinTicket>,
}

/// Who asked for an approval, and what becomes of it when that one goes.
pub(super) struct ApprovalCaller {
    pub(super) caller: Caller,
    pub(super) key: String,
    pub(super) cancel: CancelToken,
    /// Stands for the PIN, once.
    pub(super) ticket: Mutex<Option<PinTicket>>,
    /// Withdraws when that caller leaves the bus; `None` where a door sees to that.
    pub(super) _attendance: Option<Attendance>,
}

impl ApprovalCaller {
    /// A program at the security-key door.
    pub(super) fn at_the_security_key(from: SecurityKeyCaller) -> Self {
        Self {
            key: caller_key(&from.caller),
            caller: from.caller,
            cancel: from.cancel,
            ticket: Mutex::new(from.ticket),
            _attendance: None,
        }
    }
}

impl Broker {
    /// The sender of a message to `Manage1`, which must be the broker's own program or the settings window.
    pub(super) async fn asking(&self, header: &Header<'_>) -> Result<ApprovalCaller, Error> {
        let (cancel, attendance) = self.attend_sender(header)?;
        let process = self.inner.callers.require_manager(header).await?;
        let caller = Caller {
            door: Door::Cli,
            traits: DoorTraits::default(),
            // Any program of the user's can run this one.
            standing: Standing::Unproved,
            app_id: None,
            name: "Claviger".into(),
            executable: process.executable,
            pid: process.pid,
            window: String::new(),
        };
        Ok(ApprovalCaller {
            caller,
            key: attendance.sender().to_owned(),
            cancel,
            ticket: Mutex::default(),
            _attendance: Some(attendance),
        })
    }

    /// A token that tells when the sender of a message goes.
    pub(super) fn attend_sender(&self, header: &Header<'_>) -> Result<(CancelToken, Attendance), Error> {
        let sender = header
            .sender()
            .ok_or_else(|| Error::not_allowed("The message names no sender."))?;
        let cancel = CancelToken::new();
        let attendance = self.attend(sender, &cancel);
        Ok((cancel, attendance))
    }

    /// Asks the user. Evidence is bound to `buffer`, and to `transaction` if one is given.
    pub(super) async fn approve(
        &self,
        asking: &ApprovalCaller,
        approval: Approval,
        buffer: Vec<u8>,
        transaction: Option<TransactionId>,
        event: AuditEvent,
    ) -> Result<Approved, Cause> {
        let provider = match &approval {
            Approval::EnableProvider { provider, .. }
            | Approval::VerifyUser { provider, .. }
            | Approval::DeletePasskey { provider, .. }
            | Approval::RenamePasskey { provider, .. } => Some(provider.id.clone()),
            Approval::Unlock { .. }
            | Approval::Setup { .. }
            | Approval::UseSecurityKey
            | Approval::ListPasskeys
            | Approval::ChangePin
            | Approval::MakeRecoveryCode => None,
        };
        if !self.can_record() {
            return Err(Cause::NotRecorded);
        }
        let what = describe(&approval);
        let status = self.inner.verifier.status().await.map_err(|error| {
            tracing::error!(%error, "an approval could not be asked for");
            Cause::VerificationUnavailable
        })?;
        let first = match transaction {
            Some(transaction) => transaction,
            None => self.transaction()?,
        };
        let deadline = Instant::now() + ANSWER_DEADLINE;
        let expires_ms = now_ms().saturating_add(u64::try_from(ANSWER_DEADLINE.as_millis()).unwrap_or(u64::MAX));
        let input = Input {
            wanted: Wanted::Approve(approval),
            context: Context {
                caller: CallerView::from(&asking.caller),
                site: None,
                account: None,
                expires_ms: Some(expires_ms),
            },
            hello: status.hello,
            transactions: [first, self.transaction()?],
        };
        let ticket = lock(&asking.ticket).take();
        let finished = self
            .run(
                (&asking.key, None),
                (input, ticket),
                CeremonyOrApproval::Approval { buffer },
                deadline,
                asking.cancel.clone(),
            )
            .await;
        let mut entry = match &finished.result {
            Ok(_) => Entry::ok(event),
            Err(cause) => Entry::failed(event, cause.clone()),
        };
        entry.caller = Some(who(&asking.caller));
        entry.provider = provider;
        entry.evidence = finished.evidence;
        let entry = entry.detail(what);
        match &finished.result {
            Err(cause) if entry.evidence.is_none() && needs_no_user(cause) => self.audit_unasked(entry),
            _ => self.audit(&entry),
        }
        match finished.result? {
            Outcome::Approved {
                consent,
                evidence,
                unlock,
            } => {
                let Opened { boxes, ticket } = unlock.unwrap_or_default();
                Ok(Approved {
                    consent,
                    transaction: first,
                    evidence,
                    boxes,
                    ticket,
                })
            }
            Outcome::Answered(_) | Outcome::TurnOn { .. } => Err(Internal::WrongOutcome.into()),
        }
    }

    /// Has a provider do something that is no ceremony; a status other than ok is an error.
    pub(super) async fn order(
        &self,
        id: &ProviderId,
        live: &Live,
        request: UnsignedRequest,
    ) -> Result<Option<Vec<u8>>, Cause> {
        match self.execute(id, live, request).await {
            Ok(answer) => answer.result.map_err(Cause::from),
            Err(NoAnswer::Failed(failure)) => Err(failure.into()),
            Err(NoAnswer::Unreadable(rejection)) => Err(Cause::AnswerRejected(rejection)),
        }
    }

    /// Hands the boxes of an approval to their providers.
    pub(super) async fn open_boxes(&self, caller: &Caller, approved: Approved) -> Result<(), Cause> {
        for (id, sealed) in approved.boxes {
            if let Err(cause) = self.open_box(&id, caller, sealed, approved.transaction).await {
                // That the user agreed is in the log already; that it came to nothing is not.
                let entry = Entry::failed(AuditEvent::Manage, cause.clone()).provider(&id);
                self.audit(&Entry {
                    caller: Some(who(caller)),
                    ..entry.detail("unlock")
                });
                return Err(cause);
            }
        }
        Ok(())
    }

    async fn open_box(
        &self,
        id: &ProviderId,
        caller: &Caller,
        sealed: Vec<u8>,
        transaction: TransactionId,
    ) -> Result<(), Cause> {
        let live = self.ready(id).await.map_err(Cause::from)?;
        let unlock = UnsignedRequest::unlock(sealed, transaction, envelope_caller(caller, None));
        self.order(id, &live, unlock).await.map_err(|cause| match cause {
            // It denies only what does not open it.
            Cause::DeniedByPolicy => Cause::ProviderLocked,
            other => other,
        })?;
        if let Some(link) = self.link(id) {
            link.lock_changed(live.name.as_str(), false);
        }
        Ok(())
    }
}

/// What was asked, for the audit log.
fn describe(approval: &Approval) -> &'static str {
    match approval {
        Approval::Unlock { .. } => "the user agrees to unlock",
        Approval::EnableProvider { .. } => "enable the provider",
        Approval::VerifyUser { .. } => "verify the user for the provider",
        Approval::DeletePasskey { .. } => "delete a passkey",
        Approval::RenamePasskey { .. } => "rename a passkey",
        Approval::Setup { .. } => "set up",
        Approval::UseSecurityKey => "use Claviger as the security key",
        Approval::ListPasskeys => "list the passkeys",
        Approval::ChangePin => "change the PIN",
        Approval::MakeRecoveryCode => "the user agrees to make a recovery code",
    }
}
