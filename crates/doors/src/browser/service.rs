//! `org.claviger.Browser1`: the broker's side of the browser door.
//!
//! A ceremony lives as long as its native host's bus connection: when that ends, because the page, the extension, the host or the
//! browser went away, the broker takes back the prompt and the provider's work.

use std::collections::HashMap;
use std::future;
use std::sync::{Arc, Mutex, PoisonError};

use claviger_broker::caller::CallerError;
use claviger_broker::{Caller, CancelToken, Cause};
use claviger_webauthn::Error;
use zbus::fdo;
use zbus::message::Header;
use zbus::names::{BusName, UniqueName};
use zbus::object_server::SignalEmitter;

use super::answered::{Answered, Made};
use super::message::{Kind, Mediation, Reply, Request, RequestError, RequestId};
use super::pending::Pending;
use super::platform::Platform;
use super::verdict::{DomError, problem_of_cause};

/// Most ceremonies of one native host at a time. All pages of a browser profile ask through one.
const MAX_PER_HOST: usize = 8;

/// What [`Browser1::capabilities`] answers. A PIN can always be chosen, so user verification is always there.
const CAPABILITIES: &str = concat!(
    r#"{"userVerifyingPlatformAuthenticator":true,"#,
    r#""extensions":["credBlob","credProps","credentialProtectionPolicy","largeBlob","prf"]}"#
);

/// The interface; one object serves all native hosts.
pub struct Browser1 {
    platform: Arc<dyn Platform>,
    running: Arc<Running>,
    answered: Answered,
}

impl Browser1 {
    /// An interface in front of `platform`.
    pub fn new(platform: Arc<dyn Platform>) -> Self {
        Self {
            platform,
            running: Arc::default(),
            answered: Answered::default(),
        }
    }

    fn not_delivered(&self, host: &UniqueName<'_>, id: &RequestId) {
        if let Some(made) = self.answered.take(host, id) {
            self.platform.undelivered(&made.caller, &made.rp_id, &made.id);
        }
    }

    async fn perform(
        &self,
        kind: Kind,
        request: &Request,
        caller: Caller,
        cancel: CancelToken,
        user: &SignalEmitter<'_>,
        host: &UniqueName<'_>,
    ) -> Reply {
        let pending = match Pending::begin(kind, &request.options, &request.caller) {
            Ok(pending) => pending,
            Err(error) => {
                tracing::warn!(origin = %request.caller.origin, kind = kind.name(), %error, "a page's request was refused");
                self.platform
                    .refused(&caller, kind, &format!("{}: {error}", request.caller.origin));
                return Reply::error(&DomError::of_error(&error), Some(&error.to_string()));
            }
        };
        if request.mediation == Mediation::Silent {
            // Credential Management §2.5.1: what would need the user gives nothing.
            let detail = format!(
                "{}: nobody is to be asked, and nothing is done unasked",
                request.caller.origin
            );
            self.platform.refused(&caller, kind, &detail);
            return Reply::error(&DomError::not_allowed(), None);
        }
        let question = match pending.request(caller.clone(), request) {
            Ok(question) => question,
            // What can be wrong with it was told above.
            Err(error) => {
                self.platform
                    .refused(&caller, kind, &format!("{}: {error}", request.caller.origin));
                return Reply::error(&DomError::not_allowed(), Some(&error.to_string()));
            }
        };
        let rp_id = question.rp_id().clone();
        if let Some(why) = self.platform.unserved(&question) {
            tell(user, &request.id, &Cause::Unserved(why)).await;
        }
        let tell_if_nobody_can_ask = async {
            self.platform.prompt_missing().await;
            tell(user, &request.id, &Cause::NoPrompt).await;
            future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = self.platform.ceremony(question, cancel) => ended,
            () = tell_if_nobody_can_ask => return Reply::error(&DomError::not_allowed(), None),
        };
        let answer = match ended {
            Ok(answer) => answer,
            Err(cause) => {
                tracing::info!(
                    kind = kind.name(),
                    cause = cause.code(),
                    "a page's request ended without an answer"
                );
                return Reply::error(&DomError::of_cause(kind, &cause), problem_of_cause(&cause).as_deref());
            }
        };
        match pending.finish(&answer) {
            Ok(response) => {
                if let Some(made) = Made::of(&answer, &caller, &rp_id) {
                    self.answered.remember(host, &request.id, made);
                }
                Reply::ok(&response)
            }
            Err(error) => {
                tracing::error!(kind = kind.name(), %error, "an answer could not be passed on");
                Reply::error(&DomError::of_error(&error), Some(&error.to_string()))
            }
        }
    }
}

// The interface macro dictates the methods' shape.
#[allow(clippy::needless_pass_by_value, clippy::unused_self)]
#[zbus::interface(name = "org.claviger.Browser1")]
impl Browser1 {
    /// Runs a ceremony: `kind` is `create` or `get`; see [`super::message`] for request and reply.
    ///
    /// Whatever becomes of the ceremony is a reply. A D-Bus error means that the native host may not ask or asked nonsense.
    async fn ceremony(
        &self,
        kind: &str,
        request: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> fdo::Result<String> {
        let sender = header.sender().ok_or_else(|| fdo::Error::from(CallerError::NoSender))?;
        let kind = Kind::parse(kind).map_err(invalid)?;
        let mut request = match Request::parse(request) {
            Ok(request) => request,
            Err(RequestError::Origin(error)) => {
                let error = Error::from(error);
                return Ok(Reply::error(&DomError::of_error(&error), Some(&error.to_string())).into_json());
            }
            Err(error) => return Err(invalid(error)),
        };
        // Both before anything is awaited, so that neither a `Cancel` nor the sender's end can come too early to be noticed.
        let cancel = CancelToken::new();
        let _running = self.running.admit(sender, &request.id, &cancel)?;
        let _attendance = self.platform.attend(sender, &cancel);
        let caller = self.platform.browser(&header).await?;
        // A listed browser has read the list before it asks; all that it forwards has passed its own check.
        request.caller.checks_related_origins = true;
        // Nobody else on the bus need hear of it.
        let user = emitter.set_destination(BusName::from(sender.clone()));
        Ok(self
            .perform(kind, &request, caller, cancel, &user, sender)
            .await
            .into_json())
    }

    /// Withdraws one of the sender's own ceremonies; one that never was is no error. One whose new passkey is on its way already is
    /// as [`Self::undelivered`].
    fn cancel(&self, request_id: &str, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        let sender = header.sender().ok_or_else(|| fdo::Error::from(CallerError::NoSender))?;
        let id = RequestId::parse(request_id).map_err(invalid)?;
        self.running.cancel(sender, &id);
        self.not_delivered(sender, &id);
        Ok(())
    }

    /// Says that the answer to one of the sender's own ceremonies did not reach its page; one without a new passkey is no error.
    fn undelivered(&self, request_id: &str, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        let sender = header.sender().ok_or_else(|| fdo::Error::from(CallerError::NoSender))?;
        self.not_delivered(sender, &RequestId::parse(request_id).map_err(invalid)?);
        Ok(())
    }

    /// Tells the user of the native host's browser what is in the way of one of its open requests, in a sentence.
    #[zbus(signal)]
    async fn problem(emitter: &SignalEmitter<'_>, request_id: &str, problem: &str) -> zbus::Result<()>;

    /// What the platform can do for pages, as JSON. The same for everybody and at all times, so that it says nothing about anybody.
    fn capabilities(&self) -> &'static str {
        CAPABILITIES
    }
}

/// The ceremonies that can be cancelled, by native host and request id.
#[derive(Default)]
struct Running(Mutex<HashMap<(String, RequestId), CancelToken>>);

impl Running {
    fn admit(self: &Arc<Self>, sender: &UniqueName<'_>, id: &RequestId, token: &CancelToken) -> fdo::Result<Admission> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (sender.as_str().to_owned(), id.clone());
        if running.contains_key(&key) {
            return Err(fdo::Error::InvalidArgs(
                "a request of this id is running already".to_owned(),
            ));
        }
        if running.keys().filter(|(host, _)| *host == key.0).count() >= MAX_PER_HOST {
            return Err(fdo::Error::LimitsExceeded("too many requests at a time".to_owned()));
        }
        running.insert(key.clone(), token.clone());
        Ok(Admission {
            running: Arc::clone(self),
            key,
        })
    }

    fn cancel(&self, sender: &UniqueName<'_>, id: &RequestId) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = running.get(&(sender.as_str().to_owned(), id.clone())) {
            token.cancel();
        }
    }
}

/// A place among the running ceremonies, given back when dropped.
struct Admission {
    running: Arc<Running>,
    key: (String, RequestId),
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.running
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

/// Tells the user what is in the way of an open request.
async fn tell(user: &SignalEmitter<'_>, id: &RequestId, cause: &Cause) {
    if let Some(problem) = problem_of_cause(cause)
        && let Err(error) = Browser1::problem(user, id.as_str(), &problem).await
    {
        tracing::debug!(%error, "the native host was not told");
    }
}

fn invalid(error: RequestError) -> fdo::Error {
    fdo::Error::InvalidArgs(error.to_string())
}
