//! Calls that arrive in the order in which they were made.
//!
//! A provider refuses a request whose sequence number is not above the last one that it saw. So a number is given and its message
//! written in one turn: `Connection::call_method` would let a later call overtake an earlier one on the way to the socket.

use futures_util::StreamExt;
use tokio::sync::Mutex;
use zbus::message::Type;
use zbus::{Connection, Message, MessageStream};

/// Whose turn it is to be written; first come, first served.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<()>);

impl Turns {
    /// Makes a method call with `make` and sends it before any other of these turns makes one; then waits for the reply, in nobody's
    /// turn. An error reply is an error.
    pub(super) async fn call<E: From<zbus::Error>>(
        &self,
        connection: &Connection,
        make: impl FnOnce() -> Result<Message, E>,
    ) -> Result<Message, E> {
        let (mut replies, serial) = {
            let _turn = self.0.lock().await;
            // Listens from before the call is sent, so that no reply is missed.
            let replies = MessageStream::from(connection);
            let call = make()?;
            connection.send(&call).await?;
            (replies, call.primary_header().serial_num())
        };
        while let Some(message) = replies.next().await {
            let message = message?;
            if message.header().reply_serial() != Some(serial) {
                continue;
            }
            match message.message_type() {
                Type::MethodReturn => return Ok(message),
                Type::Error => return Err(zbus::Error::from(message).into()),
                Type::MethodCall | Type::Signal => {}
            }
        }
        Err(zbus::Error::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe)).into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use claviger_dev::bus::Bus;
    use zbus::names::OwnedUniqueName;

    use super::*;

    struct Provider(u64);

    #[zbus::interface(name = "org.example.Provider")]
    impl Provider {
        /// Refuses what is not above the last number, as a provider does.
        fn execute(&mut self, number: u64, ballast: &[u8]) -> zbus::fdo::Result<u64> {
            if number <= self.0 || ballast.first().is_some_and(|byte| *byte != 0) {
                return Err(zbus::fdo::Error::Failed(format!("{number} after {}", self.0)));
            }
            self.0 = number;
            Ok(number)
        }
    }

    struct Hung;

    #[zbus::interface(name = "org.example.Hung")]
    impl Hung {
        async fn execute(&self) {
            std::future::pending::<()>().await;
        }
    }

    /// A bus of its own with a provider on it.
    struct Bed {
        _bus: Bus,
        ours: Connection,
        provider: Connection,
        name: OwnedUniqueName,
    }

    impl Bed {
        async fn new() -> Self {
            let bus = Bus::start();
            let provider = bus.builder().serve_at("/", Provider(0)).serve_at("/", Hung);
            let provider = provider.build().await.unwrap();
            Self {
                ours: bus.connect().await,
                _bus: bus,
                name: provider.unique_name().unwrap().clone(),
                provider,
            }
        }
    }

    fn call<B: serde::Serialize + zbus::zvariant::DynamicType>(
        provider: &OwnedUniqueName,
        interface: &'static str,
        body: &B,
    ) -> zbus::Result<Message> {
        Message::method_call("/", "Execute")
            .destination(provider)
            .interface(interface)
            .build(body)
    }

    #[tokio::test]
    async fn numbers_arrive_in_the_order_in_which_they_are_given() {
        let bed = Bed::new().await;
        let (turns, last) = (Arc::new(Turns::default()), Arc::new(AtomicU64::new(0)));
        let calls = (0..400).map(|_| {
            let (connection, provider) = (bed.ours.clone(), bed.name.clone());
            let (turns, last) = (Arc::clone(&turns), Arc::clone(&last));
            tokio::spawn(async move {
                let make = || {
                    let number = last.fetch_add(1, Ordering::SeqCst) + 1;
                    // Large enough that the socket's buffer fills and writers wait.
                    call(&provider, "org.example.Provider", &(number, vec![0_u8; 20_000]))
                };
                let reply = turns.call::<zbus::Error>(&connection, make).await?;
                reply.body().deserialize::<u64>()
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap().unwrap();
        }
        assert_eq!(last.load(Ordering::SeqCst), 400);
    }

    #[tokio::test]
    async fn an_error_is_an_error_and_one_that_hangs_holds_up_nobody() {
        let bed = Bed::new().await;
        let turns = Arc::new(Turns::default());
        let hanging = {
            let (connection, turns, provider) = (bed.ours.clone(), Arc::clone(&turns), bed.name.clone());
            tokio::spawn(async move {
                turns
                    .call::<zbus::Error>(&connection, || call(&provider, "org.example.Hung", &()))
                    .await
            })
        };
        let send = async |number: u64| {
            let make = || call(&bed.name, "org.example.Provider", &(number, Vec::<u8>::new()));
            turns.call::<zbus::Error>(&bed.ours, make).await
        };
        send(5).await.unwrap();
        let refused = send(5).await;
        assert!(matches!(
            refused,
            Err(zbus::Error::FDO(_) | zbus::Error::MethodError(..))
        ));
        send(6).await.unwrap();
        assert!(!hanging.is_finished());
        // And a provider that ends, ends the call.
        bed.provider.clone().close().await.unwrap();
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), hanging).await;
        ended.unwrap().unwrap().unwrap_err();
    }
}
