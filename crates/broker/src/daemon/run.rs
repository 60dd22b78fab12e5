//! One ceremony in its task: feeds the machine and performs its effects.
//!
//! Whatever takes time (hello, a provider) is a future in the task's own set, so ending the task ends them all. The only things that
//! outlive a ceremony are the cancellation that it sends to a provider, what it taught the caches, and what hello does to the PIN.

mod learning;
mod pins;

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::time::Duration;

use claviger_hello::UvEvidence;
use claviger_hello::ticket::PinTicket;
use claviger_joint::{ProviderId, TransactionId};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::journal::evidence_kind;
use super::steps::envelope_caller;
use super::unsigned::{Agreed, UnsignedRequest};
use super::{Broker, lock};
use crate::audit::{AuditEvent, Entry, EvidenceKind, Failure};
use crate::cancel::{CancelToken, Withdrawal};
use crate::ceremony::{
    Assurance, AuditStep, Call, Effect, Event, Execution, Input, Machine, NotChanged, Outcome, PinFailure, Tokens,
    Verify,
};
use crate::check::Rejection;
use crate::queue::Ticket;
use crate::types::{Cause, CeremonyAnswer, CeremonyRequest, CtapRequest};

/// How long a provider has to take note of a cancellation.
const CANCEL_DEADLINE: Duration = Duration::from_secs(5);

/// The real values behind the machine's tokens.
pub(super) struct Real;

impl Tokens for Real {
    type Gesture = Gesture;
    type Evidence = UvEvidence;
    type Unlock = Opened;
    type Reply = Reply;
    type Answer = CeremonyAnswer;
}

/// What proves to hello that the user is there.
pub(super) enum Gesture {
    /// A PIN that was typed into the prompt: a sealed memory file.
    Pin(OwnedFd),
    /// A client PIN that hello has seen before.
    Ticket(PinTicket),
    /// A recovery code that was typed into the prompt: a sealed memory file.
    RecoveryCode(OwnedFd),
}

/// What a verification opened.
#[derive(Default)]
pub(super) struct Opened {
    /// Each for its provider.
    pub(super) boxes: Vec<(ProviderId, Vec<u8>)>,
    /// For the change that follows.
    pub(super) ticket: Option<PinTicket>,
}

/// What a provider answered.
pub(super) enum Reply {
    /// The payload, unchecked.
    Payload(Vec<u8>),
    /// None to the request.
    Unreadable(Rejection),
}

/// What a machine runs for.
pub(super) enum CeremonyOrApproval {
    /// A caller's request.
    Ceremony(Box<CeremonyRequest>),
    /// An approval; evidence is bound to these bytes.
    Approval {
        /// The parameters of the operation that follows, or what a provider wants evidence for.
        buffer: Vec<u8>,
    },
}

/// How a machine ended, with what the audit log wants to know.
pub(super) struct Finished {
    pub(super) result: Result<Outcome<Real>, Cause>,
    pub(super) provider: Option<ProviderId>,
    pub(super) evidence: Option<EvidenceKind>,
    pub(super) remark: Option<String>,
}

impl Finished {
    /// It never began.
    pub(super) fn early(cause: Cause) -> Self {
        Self {
            result: Err(cause),
            provider: None,
            evidence: None,
            remark: None,
        }
    }
}

/// A running ceremony.
pub(super) struct Ceremony {
    broker: Broker,
    ticket: Ticket,
    asked_for: CeremonyOrApproval,
    deadline: Instant,
    work: FuturesUnordered<BoxFuture<'static, Event<Real>>>,
    provider: Option<ProviderId>,
    evidence: Option<EvidenceKind>,
    remark: Option<String>,
    /// Whether the wait for a prompt has begun.
    waits_for_prompt: bool,
}

impl Ceremony {
    pub(super) fn new(broker: Broker, ticket: Ticket, asked_for: CeremonyOrApproval, deadline: Instant) -> Self {
        Self {
            broker,
            ticket,
            asked_for,
            deadline,
            work: FuturesUnordered::new(),
            provider: None,
            evidence: None,
            remark: None,
            waits_for_prompt: false,
        }
    }

    /// Runs the machine to its end.
    pub(super) async fn run(
        mut self,
        (input, ticket): (Input, Option<PinTicket>),
        mut mailbox: mpsc::UnboundedReceiver<Event<Real>>,
        cancel: CancelToken,
    ) -> Finished {
        let mut machine = Machine::<Real>::new(input).with_ticket(ticket.map(Gesture::Ticket));
        let mut events = VecDeque::from([Event::Started]);
        let mut withdrawn = pin!(cancel.withdrawn());
        let mut time_is_up = pin!(sleep_until(self.deadline));
        loop {
            while let Some(event) = events.pop_front() {
                tracing::trace!(ticket = self.ticket.number(), ?event, "event");
                for effect in machine.handle(event) {
                    tracing::trace!(ticket = self.ticket.number(), ?effect, "effect");
                    if let Effect::Finish(result) = effect {
                        return self.finished(result);
                    }
                    events.extend(self.perform(effect));
                }
            }
            let event = tokio::select! {
                Some(event) = mailbox.recv() => match event {
                    Event::PromptUnavailable if self.wait_for_prompt() => continue,
                    event => event,
                },
                Some(event) = self.work.next() => event,
                why = &mut withdrawn => match why {
                    Withdrawal::Cancelled => Event::CallerCancelled,
                    Withdrawal::CallerGone => Event::CallerGone,
                },
                () = &mut time_is_up => Event::TimedOut,
            };
            if matches!(event, Event::PromptAttached) {
                self.waits_for_prompt = false;
            }
            events.push_back(event);
        }
    }

    fn finished(self, result: Result<Outcome<Real>, Cause>) -> Finished {
        let evidence = match &result {
            Ok(Outcome::Approved {
                evidence: Some(evidence),
                ..
            }) => Some(evidence_kind(evidence.claims())),
            _ => self.evidence,
        };
        if matches!(result, Ok(Outcome::Answered(_) | Outcome::Approved { .. })) {
            lock(&self.broker.inner.queue).succeeded(self.ticket);
            self.broker.inner.prompt.wake();
        }
        Finished {
            result,
            provider: self.provider,
            evidence,
            remark: self.remark,
        }
    }

    /// Performs one effect. What it leads to at once is returned; what takes time joins the work.
    fn perform(&mut self, effect: Effect<Real>) -> Option<Event<Real>> {
        match effect {
            Effect::ShowView(mut view) => {
                view.logos = self.broker.logos_of(&view.choices);
                view.troubles = self.broker.troubles_on(&view);
                lock(&self.broker.inner.queue).show(self.ticket, *view);
                self.broker.inner.prompt.wake();
                self.broker.summon_prompt();
            }
            Effect::CloseView => {
                lock(&self.broker.inner.queue).close(self.ticket);
                self.broker.inner.prompt.wake();
            }
            // A ticket stands for a PIN that exists; the machine never offers one as a new PIN.
            Effect::SetPin(Gesture::Ticket(_) | Gesture::RecoveryCode(_)) => {
                return Some(Event::PinSet(Err(PinFailure::Unavailable)));
            }
            Effect::SetPin(Gesture::Pin(pin)) => self.set_pin(pin),
            Effect::ChangePin {
                old: Gesture::Pin(old),
                new: Gesture::Pin(new),
            } => self.change_pin(old, new),
            Effect::ChangePin { .. } => return Some(Event::PinChanged(Err(NotChanged::Unavailable))),
            Effect::Recover { code, new } => return self.recover(code, new),
            Effect::Verify(verify) => self.verify(verify),
            Effect::DescribeProvider { provider } => self.describe(provider),
            Effect::Execute(execution) => self.execute(execution),
            Effect::CancelProvider { provider, transaction } => self.cancel(provider, transaction),
            Effect::CheckAnswer(check) => return Some(Event::AnswerChecked(self.check(check))),
            Effect::Remember { rp_id, provider } => {
                if let Err(error) = self.broker.change_rules(|rules| rules.remember(&rp_id, &provider)) {
                    tracing::warn!(%error, "the choice was not remembered");
                }
            }
            Effect::Used { rp_id, credential } => self.used(&rp_id, &credential),
            Effect::Audit(audit) => self.note(&audit),
            // Handled by the caller, which ends with it.
            Effect::Finish(_) => {}
        }
        None
    }

    /// Whether the ceremony goes on although nobody can be asked now. If so, it hears of it again when the time for that is over.
    fn wait_for_prompt(&mut self) -> bool {
        let CeremonyOrApproval::Ceremony(request) = &self.asked_for else {
            return false;
        };
        let patience = request.caller().traits.waits_for_prompt;
        if patience.is_zero() || self.waits_for_prompt {
            return !patience.is_zero();
        }
        self.waits_for_prompt = true;
        let broker = self.broker.clone();
        self.work.push(Box::pin(async move {
            sleep(patience).await;
            match broker.inner.prompt.attached() {
                Some(_) => Event::PromptAttached,
                None => Event::PromptUnavailable,
            }
        }));
        true
    }

    fn verify(&mut self, verify: Verify<Real>) {
        let broker = self.broker.clone();
        let buffer = match &verify.call {
            Some(call) => self.parameters(call, Assurance::Verified),
            None => self.buffer(),
        };
        let buffer_hash = broker.inner.config.crypto.sha256(&[&buffer]);
        self.work.push(Box::pin(async move {
            match broker.verify(verify, buffer_hash).await {
                Ok(verified) => verified,
                Err(failure) => Event::VerifyFailed(failure),
            }
        }));
    }

    fn describe(&mut self, provider: ProviderId) {
        let broker = self.broker.clone();
        let algorithms = match &self.asked_for {
            CeremonyOrApproval::Ceremony(request) => match request.operation() {
                CtapRequest::Make(make) => Some(make.algorithms.clone()),
                CtapRequest::Get(_) => None,
            },
            CeremonyOrApproval::Approval { .. } => None,
        };
        self.work.push(Box::pin(async move {
            match broker.readiness(&provider, algorithms.as_deref()).await {
                Ok(readiness) => Event::ProviderReady(readiness),
                Err(failure) => Event::ProviderFailed(failure),
            }
        }));
    }

    fn execute(&mut self, execution: Execution<Real>) {
        let Execution {
            call,
            consent,
            evidence,
            unlock,
            presentation,
        } = execution;
        // An approval has no call: the daemon makes it after the end.
        let CeremonyOrApproval::Ceremony(request) = &self.asked_for else {
            return;
        };
        let assurance = if evidence.is_some() {
            Assurance::Verified
        } else {
            Assurance::Consented
        };
        self.provider = Some(call.provider.clone());
        self.evidence = evidence.as_ref().map(|evidence| evidence_kind(evidence.claims()));
        let what = match request.operation() {
            CtapRequest::Make(_) => Agreed::Make,
            CtapRequest::Get(_) => Agreed::Get,
        };
        let unlock_box = unlock
            .and_then(|opened| {
                opened
                    .boxes
                    .into_iter()
                    .find(|(provider, _)| *provider == call.provider)
            })
            .map(|(_, sealed)| sealed);
        let caller = envelope_caller(request.caller(), Some(request));
        let parameters = self.parameters(&call, assurance);
        let unsigned = UnsignedRequest {
            presentation,
            window: Some(request.caller().window.clone()).filter(|window| !window.is_empty()),
            deadline: Some(self.deadline),
            ..UnsignedRequest::agreed(consent, what, call.transaction, parameters, caller)
                .with_evidence(evidence)
                .with_unlock_box(unlock_box)
        };
        let broker = self.broker.clone();
        self.work
            .push(Box::pin(async move { broker.ask(&call.provider, unsigned).await }));
    }

    /// Tells the provider; nobody waits for its answer.
    fn cancel(&self, provider: ProviderId, target: TransactionId) {
        let (Some(live), Ok(transaction)) = (
            self.broker.link(&provider).and_then(|link| link.live()),
            self.broker.transaction(),
        ) else {
            return;
        };
        let caller = match &self.asked_for {
            CeremonyOrApproval::Ceremony(request) => envelope_caller(request.caller(), Some(request)),
            CeremonyOrApproval::Approval { .. } => return,
        };
        let unsigned = UnsignedRequest {
            deadline: Some(Instant::now() + CANCEL_DEADLINE),
            ..UnsignedRequest::cancel(target, transaction, caller)
        };
        let broker = self.broker.clone();
        tokio::spawn(async move {
            if let Err(error) = broker.execute(&provider, &live, unsigned).await {
                tracing::debug!(%provider, ?error, "the cancellation was not confirmed");
            }
        });
    }

    fn note(&self, audit: &AuditStep) {
        tracing::debug!(ticket = self.ticket.number(), step = audit.code(), "step");
        if let AuditStep::NotVerified(failure) = audit {
            self.broker
                .audit(&Entry::failed(AuditEvent::Verification, Failure::NotVerified(*failure)));
        }
    }

    /// The bytes of a call's request; the same at verification, execution and check.
    fn parameters(&self, call: &Call, assurance: Assurance) -> Vec<u8> {
        match &self.asked_for {
            CeremonyOrApproval::Ceremony(request) => request
                .operation()
                .for_provider(call.credential.as_ref(), assurance == Assurance::Verified)
                .parameters(),
            CeremonyOrApproval::Approval { buffer } => buffer.clone(),
        }
    }

    fn buffer(&self) -> Vec<u8> {
        match &self.asked_for {
            CeremonyOrApproval::Approval { buffer } => buffer.clone(),
            CeremonyOrApproval::Ceremony(_) => Vec::new(),
        }
    }
}
