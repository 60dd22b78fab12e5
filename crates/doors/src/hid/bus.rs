//! The platform over the bus: `org.claviger.Ctap1` of the broker, which is started by the first question.

use std::cell::Cell;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use claviger_broker::PinTicket;
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialId, UserEntity};
use claviger_ctap::{get_assertion, make_credential};
use claviger_peer::{Peers, Role};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::{Errno, pwrite};
use rustix::time::{ClockId, clock_gettime};
use zbus::Fd;
use zbus::proxy::CacheProperties;
use zeroize::Zeroizing;

use super::upstream::Upstream;
use crate::ctap::message::{
    Ceremony, CeremonyReply, Delete, Info, List, ListReply, Listed, Malformed, PinCheck, Program, Select, Update,
};
use crate::ctap::proxy::Ctap1Proxy;

/// The broker over a bus connection.
pub struct BusUpstream<P> {
    peers: Arc<Peers>,
    program: P,
    waits: Cell<bool>,
}

impl<P: Fn() -> Option<Program>> BusUpstream<P> {
    /// Talks to whom `peers` take for the broker. `program` says who has the key open at this moment, where that is known.
    pub fn new(peers: &Arc<Peers>, program: P) -> Self {
        Self {
            peers: Arc::clone(peers),
            program,
            waits: Cell::new(false),
        }
    }

    /// The broker, proved. Not kept: it may restart between two calls, and another program may take its name.
    async fn broker(&self) -> Result<Ctap1Proxy<'static>, Status> {
        let broker = self.peers.find(Role::Broker).await.map_err(|error| {
            tracing::warn!(%error, "the platform cannot be asked");
            Status::Other
        })?;
        let proxy = Ctap1Proxy::builder(self.peers.connection())
            .destination(broker)
            .path(super::ENTRANCE.path)
            .cache_properties(CacheProperties::No)
            .build();
        proxy.await.map_err(unreachable)
    }

    /// A call that waits for the user.
    async fn asking<T>(&self, call: impl Future<Output = zbus::Result<T>>) -> Result<T, Status> {
        let _waiting = Waiting::begin(&self.waits);
        call.await.map_err(unreachable)
    }
}

impl<P: Fn() -> Option<Program>> Upstream for BusUpstream<P> {
    fn now_ms(&self) -> u64 {
        let now = clock_gettime(ClockId::Boottime);
        let (seconds, nanoseconds) = (u64::try_from(now.tv_sec), u64::try_from(now.tv_nsec));
        // Neither is ever negative.
        seconds.unwrap_or_default() * 1000 + nanoseconds.unwrap_or_default() / 1_000_000
    }

    async fn info(&self) -> Result<Info, Status> {
        let reply = self.broker().await?.info().await.map_err(unreachable)?;
        Info::decode(&reply).map_err(malformed)
    }

    async fn make(
        &self,
        request: &make_credential::Request,
        ticket: Option<PinTicket>,
    ) -> Result<make_credential::Response, Status> {
        let message = Ceremony {
            request: request.to_cbor(),
            program: (self.program)(),
            ticket,
        };
        let message = Zeroizing::new(message.encode());
        let broker = self.broker().await?;
        let reply = self.asking(broker.make(&message)).await?;
        let response = response(&reply)?;
        make_credential::Response::from_cbor(&response).map_err(|_| malformed(Malformed("the response")))
    }

    async fn get(
        &self,
        request: &get_assertion::Request,
        ticket: Option<PinTicket>,
    ) -> Result<get_assertion::Response, Status> {
        let silent = !request.options.up;
        let message = Ceremony {
            request: request.to_cbor(),
            // Nobody is asked, so nobody needs to know.
            program: if silent { None } else { (self.program)() },
            ticket,
        };
        // It may hold the key that wraps the outputs of hmac-secret.
        let message = Zeroizing::new(message.encode());
        let broker = self.broker().await?;
        let call = broker.get(&message);
        let reply = if silent {
            call.await.map_err(unreachable)?
        } else {
            self.asking(call).await?
        };
        let response = response(&reply)?;
        get_assertion::Response::from_cbor(&response).map_err(|_| malformed(Malformed("the response")))
    }

    async fn select(&self) -> Result<(), Status> {
        let message = Select {
            program: (self.program)(),
        };
        let broker = self.broker().await?;
        done(self.asking(broker.select(&message.encode())).await?)
    }

    async fn list(&self, ticket: Option<PinTicket>) -> Result<Vec<Listed>, Status> {
        let message = List {
            program: (self.program)(),
            ticket,
        };
        let message = Zeroizing::new(message.encode());
        let broker = self.broker().await?;
        let reply = ListReply::decode(&self.asking(broker.list(&message)).await?).map_err(malformed)?;
        match reply.status {
            Status::Success => Ok(reply.credentials),
            status => Err(status),
        }
    }

    async fn delete(&self, id: &CredentialId, ticket: Option<PinTicket>) -> Result<(), Status> {
        let message = Delete {
            credential: id.clone(),
            program: (self.program)(),
            ticket,
        };
        let message = Zeroizing::new(message.encode());
        let broker = self.broker().await?;
        done(self.asking(broker.delete(&message)).await?)
    }

    async fn update(&self, id: &CredentialId, user: &UserEntity, ticket: Option<PinTicket>) -> Result<(), Status> {
        let message = Update {
            credential: id.clone(),
            program: (self.program)(),
            ticket,
            user: user.clone(),
        };
        let message = Zeroizing::new(message.encode());
        let broker = self.broker().await?;
        done(self.asking(broker.update(&message)).await?)
    }

    async fn check_pin(&self, pin_hash: Zeroizing<[u8; 16]>) -> Result<PinCheck, Status> {
        let file = sealed(&pin_hash).map_err(|error| {
            tracing::error!(%error, "no memory for a PIN on its way to hello");
            Status::Other
        })?;
        let reply = self.broker().await?.check_pin(Fd::from(file.as_fd())).await;
        let reply = Zeroizing::new(reply.map_err(unreachable)?);
        PinCheck::decode(&reply).map_err(malformed)
    }

    async fn cancel(&self) {
        // On the same connection as the question, so it cannot come before it.
        let Ok(broker) = self.broker().await else { return };
        if let Err(error) = broker.inner().call_noreply("Cancel", &()).await {
            tracing::warn!(%error, "a question could not be withdrawn");
        }
    }

    fn waits_for_user(&self) -> bool {
        self.waits.get()
    }
}

/// Sets a flag as long as it lives, so that a question that is dropped does not leave it set.
struct Waiting<'a>(&'a Cell<bool>);

impl<'a> Waiting<'a> {
    fn begin(flag: &'a Cell<bool>) -> Self {
        flag.set(true);
        Self(flag)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

fn response(reply: &[u8]) -> Result<Vec<u8>, Status> {
    let reply = CeremonyReply::decode(reply).map_err(malformed)?;
    match reply.status {
        // A reply that was read has a response with success.
        Status::Success => reply.response.ok_or(Status::Other),
        status => Err(status),
    }
}

fn done(code: u32) -> Result<(), Status> {
    let status = u8::try_from(code).ok().and_then(Status::from_code);
    match status.unwrap_or(Status::Other) {
        Status::Success => Ok(()),
        status => Err(status),
    }
}

// Both take what `map_err` gives.
#[allow(clippy::needless_pass_by_value)]
fn unreachable(error: zbus::Error) -> Status {
    tracing::warn!(%error, "the broker cannot be asked");
    Status::Other
}

#[allow(clippy::needless_pass_by_value)]
fn malformed(error: Malformed) -> Status {
    tracing::error!(%error, "the broker's answer");
    Status::Other
}

/// A memory file that nobody can change any more.
fn sealed(secret: &[u8; 16]) -> Result<OwnedFd, Errno> {
    let file = memfd_create("claviger-pin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    // One page: written whole or not at all.
    pwrite(&file, secret, 0)?;
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file)
}
