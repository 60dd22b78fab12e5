//! Approvals: things that the user agrees to with the PIN and that are no ceremonies, and what is done afterwards.

use std::sync::Mutex;
use std::time::Duration;

use claviger_hello::UvEvidence;
use claviger_joint::answer::Answer;
use claviger_joint::envelope::Presentation;
use claviger_joint::operation::Operation;
use claviger_joint::{ProviderId, TransactionId};
use tokio::time::Instant;
use zbus::message::Header;

use super::journal::{needs_no_user, who};
use super::link::{Errand, Live, NoAnswer};
use super::run::Subject;
use super::security_key::SecurityKeyCaller;
use super::steps::{decline, envelope_caller};
use super::{Attendance, Broker, caller_key, lock, now_ms};
use crate::audit::{Entry, Event};
use crate::cancel::CancelToken;
use crate::ceremony::{Approval, Context, Course, Input, Outcome, Transaction};
use crate::dbus::Error;
use crate::pin_ticket::PinTicket;
use crate::types::{Caller, Cause, Door, DoorTraits};
use crate::view::CallerView;

/// How long the user has to answer.
const ANSWER_DEADLINE: Duration = Duration::from_mins(2);

/// What the user's agreement yielded.
pub(super) struct Approved {
    pub(super) transaction: TransactionId,
    pub(super) evidence: Option<UvEvidence>,
    pub(super) boxes: Vec<(String, Vec<u8>)>,
}

/// Who asked for an approval, and what becomes of it when that one goes.
pub(super) struct Applicant {
    pub(super) caller: Caller,
    pub(super) key: String,
    pub(super) cancel: CancelToken,
    /// Stands for the PIN, once.
    pub(super) ticket: Mutex<Option<PinTicket>>,
    /// Withdraws when the applicant leaves the bus; `None` where a door sees to that.
    pub(super) _attendance: Option<Attendance>,
}

impl Applicant {
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
    /// The sender of a message to `Manage1`, which must be the broker's own program.
    pub(super) async fn applicant(&self, header: &Header<'_>) -> Result<Applicant, Error> {
        let (cancel, attendance) = self.attend_sender(header)?;
        let process = self.inner.callers.require_own(header).await?;
        let caller = Caller {
            door: Door::Cli,
            traits: DoorTraits::default(),
            app_id: None,
            name: "Claviger".into(),
            executable: process.executable,
            pid: process.pid,
            window: String::new(),
        };
        Ok(Applicant {
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
            .ok_or_else(|| Error::NotAllowed("The message names no sender.".into()))?;
        let cancel = CancelToken::new();
        let attendance = self.attend(sender, &cancel);
        Ok((cancel, attendance))
    }

    /// Asks the user. Evidence is bound to `buffer`, and to `transaction` if one is given.
    pub(super) async fn approve(
        &self,
        applicant: &Applicant,
        approval: Approval,
        buffer: Vec<u8>,
        transaction: Option<Transaction>,
        event: Event,
    ) -> Result<Approved, Cause> {
        let provider = match &approval {
            Approval::EnableProvider { provider, .. }
            | Approval::VerifyUser { provider, .. }
            | Approval::DeletePasskey { provider, .. }
            | Approval::RenamePasskey { provider, .. } => Some(provider.id.clone()),
            Approval::Unlock { .. } | Approval::Setup { .. } | Approval::UseSecurityKey | Approval::ListPasskeys => {
                None
            }
        };
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
            course: Course::Approve(approval),
            context: Context {
                caller: CallerView::of(&applicant.caller),
                site: None,
                account: None,
                expires_ms: Some(expires_ms),
            },
            hello: status.hello,
            transactions: [first, self.transaction()?],
        };
        let ticket = lock(&applicant.ticket).take();
        let finished = self
            .run(
                (&applicant.key, None),
                (input, ticket),
                Subject::Approval { buffer },
                deadline,
                applicant.cancel.clone(),
            )
            .await;
        let mut entry = match &finished.result {
            Ok(_) => Entry::ok(event),
            Err(cause) => Entry::failed(event, cause.code()),
        };
        entry.caller = Some(who(&applicant.caller));
        entry.provider = provider;
        entry.evidence = finished.evidence;
        let entry = entry.detail(what);
        match &finished.result {
            Err(cause) if entry.evidence.is_none() && needs_no_user(cause) => self.audit_unasked(entry),
            _ => self.audit(&entry),
        }
        match finished.result? {
            Outcome::Approved { evidence, unlock, .. } => Ok(Approved {
                transaction: TransactionId(first),
                evidence,
                boxes: unlock.unwrap_or_default(),
            }),
            Outcome::Answered(_) => Err(Cause::Internal("an answer in place of an approval".into())),
        }
    }

    /// Has a provider do something that is no ceremony; an answer other than ok is an error.
    pub(super) async fn order(
        &self,
        id: &ProviderId,
        live: &Live,
        caller: &Caller,
        order: Order,
    ) -> Result<Answer, Cause> {
        let errand = Errand {
            operation: order.operation,
            transaction: order.transaction,
            parameters: order.parameters,
            evidence: order.evidence.map(UvEvidence::into_bytes),
            unlock_box: order.unlock_box,
            presentation: Presentation::Silent,
            caller: envelope_caller(caller, None),
            window: None,
            hint: None,
            deadline: Instant::now() + self.deadlines().execute,
        };
        match self.execute(id, live, errand).await {
            Ok(answer) => match decline(answer.status) {
                None => Ok(answer),
                Some(decline) => Err(decline.into()),
            },
            Err(NoAnswer::Failed(failure)) => Err(failure.into()),
            Err(NoAnswer::Unreadable(why)) => Err(Cause::AnswerRejected(why)),
        }
    }

    /// Hands the boxes of an approval to their providers.
    pub(super) async fn open_boxes(&self, caller: &Caller, approved: Approved) -> Result<(), Cause> {
        for (provider, sealed) in approved.boxes {
            let id = ProviderId::parse(&provider).map_err(|error| Cause::Internal(error.to_string()))?;
            let live = self.ready(&id).await.map_err(Cause::from)?;
            let order = Order {
                unlock_box: Some(sealed),
                ..Order::new(Operation::Unlock, approved.transaction)
            };
            self.order(&id, &live, caller, order).await?;
            if let Some(link) = self.link(&id) {
                link.lock_changed(live.name.as_str(), false);
            }
        }
        Ok(())
    }
}

/// What [`Broker::order`] sends.
pub(super) struct Order {
    pub(super) operation: Operation,
    pub(super) transaction: TransactionId,
    pub(super) parameters: Vec<u8>,
    pub(super) evidence: Option<UvEvidence>,
    pub(super) unlock_box: Option<Vec<u8>>,
}

impl Order {
    pub(super) fn new(operation: Operation, transaction: TransactionId) -> Self {
        Self {
            operation,
            transaction,
            parameters: Vec::new(),
            evidence: None,
            unlock_box: None,
        }
    }
}

/// What was asked, for the audit log.
fn describe(approval: &Approval) -> &'static str {
    match approval {
        Approval::Unlock { .. } => "unlock",
        Approval::EnableProvider { .. } => "enable the provider",
        Approval::VerifyUser { .. } => "verify the user for the provider",
        Approval::DeletePasskey { .. } => "delete a passkey",
        Approval::RenamePasskey { .. } => "rename a passkey",
        Approval::Setup { .. } => "set up",
        Approval::UseSecurityKey => "use Claviger as the security key",
        Approval::ListPasskeys => "list the passkeys",
    }
}
