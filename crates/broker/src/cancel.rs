//! How a door withdraws a ceremony.

use tokio::sync::watch;

/// Why a door withdraws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// The caller cancelled its request.
    Cancelled,
    /// The caller's process or connection is gone.
    CallerGone,
}

/// Shared between a door and the ceremony that it started: clone it, give one to [`crate::Broker::ceremony`], keep one.
///
/// Dropping all of the door's copies withdraws nothing.
#[derive(Debug, Clone)]
pub struct CancelToken(watch::Sender<Option<Withdrawal>>);

impl CancelToken {
    /// A token that nobody has used.
    pub fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// The caller cancelled its request.
    pub fn cancel(&self) {
        self.withdraw(Withdrawal::Cancelled);
    }

    /// The caller is gone.
    pub fn caller_gone(&self) {
        self.withdraw(Withdrawal::CallerGone);
    }

    /// Ends with the first withdrawal, at once if there was one already; else never.
    pub async fn withdrawn(&self) -> Withdrawal {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as this token, so waiting cannot fail.
        let first = receiver.wait_for(Option::is_some).await.ok().and_then(|value| *value);
        first.unwrap_or(Withdrawal::CallerGone)
    }

    fn withdraw(&self, why: Withdrawal) {
        self.0.send_if_modified(|value| {
            let first = value.is_none();
            *value = value.or(Some(why));
            first
        });
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_withdrawal_counts() {
        let token = CancelToken::new();
        let other = token.clone();
        let waiting = tokio::spawn(async move { other.withdrawn().await });
        token.cancel();
        token.caller_gone();
        assert_eq!(waiting.await.ok(), Some(Withdrawal::Cancelled));
        assert_eq!(token.withdrawn().await, Withdrawal::Cancelled);
    }
}
