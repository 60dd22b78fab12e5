//! How fast reports may follow each other towards the programs.
//!
//! hidraw keeps 64 unread reports for each program and drops the ones that come after. A key on a wire sends one in a millisecond at most;
//! here a message of 129 reports would overrun a program that is not scheduled at once. So: a burst that fits into half of hidraw's room,
//! enough for almost every message, and then the speed of the wire.

use std::time::{Duration, Instant};

/// Reports that may go without a pause.
pub const BURST: u32 = 32;

/// The time for which each report counts.
pub const INTERVAL: Duration = Duration::from_millis(1);

/// Counts reports against the clock that it is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// When all that was sent will have been read at the agreed speed.
    read_by: Option<Instant>,
}

impl Pace {
    /// How long to wait before the next report; zero when it may go now.
    pub fn wait(&self, now: Instant) -> Duration {
        let behind = self
            .read_by
            .map_or(Duration::ZERO, |read_by| read_by.saturating_duration_since(now));
        behind.saturating_sub(INTERVAL * (BURST - 1))
    }

    /// A report went.
    pub fn sent(&mut self, now: Instant) {
        let from = self.read_by.map_or(now, |read_by| read_by.max(now));
        self.read_by = from.checked_add(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_agreed_speed() {
        let start = Instant::now();
        let mut now = start;
        let mut pace = Pace::default();
        for _ in 0..BURST {
            assert_eq!(pace.wait(now), Duration::ZERO);
            pace.sent(now);
        }
        for _ in 0..97 {
            let wait = pace.wait(now);
            assert_eq!(wait, INTERVAL);
            now += wait;
            assert_eq!(pace.wait(now), Duration::ZERO);
            pace.sent(now);
        }
        assert_eq!(now - start, INTERVAL * 97);
    }

    #[test]
    fn after_a_rest_there_is_room_for_one_burst_and_not_two() {
        let mut pace = Pace::default();
        let mut now = Instant::now();
        for _ in 0..3 {
            now += Duration::from_hours(1);
            for _ in 0..BURST {
                assert_eq!(pace.wait(now), Duration::ZERO);
                pace.sent(now);
            }
            assert!(pace.wait(now) > Duration::ZERO);
        }
    }
}
