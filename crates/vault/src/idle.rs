//! Locking by itself when nobody uses the vault.
//!
//! Time comes from outside ([`Clock`]), so that tests need not wait. The monotonic one goes on while the machine is
//! suspended: a laptop that was closed overnight wakes up with its vault locked.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// How long an unused vault stays open when nothing else is set.
pub const DEFAULT_IDLE: Duration = Duration::from_mins(15);

/// What time it is.
pub trait Clock: Send + 'static {
    /// Time since some fixed moment, never going back, counting suspension.
    fn monotonic(&self) -> Duration;

    /// Milliseconds since 1970 UTC.
    fn unix_ms(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        // The kernel never gives a negative time since boot; should it, the vault locks at once.
        Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or(Duration::MAX)
    }

    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// When the vault was last used, and when it is to lock.
#[derive(Debug)]
pub(crate) struct Idle {
    limit: Option<Duration>,
    last: Duration,
}

impl Idle {
    /// Locks after `limit` without use; `None`: never.
    pub(crate) fn new(limit: Option<Duration>, now: Duration) -> Self {
        Self { limit, last: now }
    }

    /// The vault is used.
    pub(crate) fn touch(&mut self, now: Duration) {
        self.last = now;
    }

    /// How long it was not used.
    pub(crate) fn unused(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last)
    }

    /// How long until it is to lock, zero when it is time; `None` when it never does.
    pub(crate) fn left(&self, now: Duration) -> Option<Duration> {
        Some(self.limit?.saturating_sub(self.unused(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_puts_it_off_and_never_is_never() {
        let second = Duration::from_secs(1);
        let mut idle = Idle::new(Some(10 * second), 100 * second);
        assert_eq!(idle.left(100 * second), Some(10 * second));
        assert_eq!(idle.left(109 * second), Some(second));
        idle.touch(109 * second);
        assert_eq!(idle.left(110 * second), Some(9 * second));
        assert_eq!(idle.left(500 * second), Some(Duration::ZERO));
        assert_eq!(idle.left(50 * second), Some(10 * second));
        assert_eq!(Idle::new(None, second).left(500 * second), None);
    }

    #[test]
    fn the_machines_clocks_run() {
        assert!(SystemClock.monotonic() > Duration::ZERO);
        assert!(SystemClock.unix_ms() > 1_700_000_000_000);
    }
}
