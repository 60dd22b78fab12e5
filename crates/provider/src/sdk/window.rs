//! The replay window: which sequence numbers a provider accepts, each of them once (protocol §7).
//!
//! Sequence numbers grow, but requests that were sent at the same time may overtake each other. So the highest [`WIDTH`] numbers that
//! were accepted are remembered; what lies above the highest that was forgotten, and is not among them, is new.

use std::collections::BTreeSet;

/// How many accepted numbers are remembered.
pub(super) const WIDTH: usize = 64;

/// The numbers that count as used.
#[derive(Debug)]
pub(super) struct Window {
    /// This one and all below.
    floor: u64,
    /// Those above it.
    accepted: BTreeSet<u64>,
}

impl Window {
    /// All numbers up to this one are used, and none above.
    pub(super) fn above(floor: u64) -> Self {
        Self {
            floor,
            accepted: BTreeSet::new(),
        }
    }

    /// Whether the number is new.
    pub(super) fn admits(&self, number: u64) -> bool {
        number > self.floor && !self.accepted.contains(&number)
    }

    /// Uses a number.
    pub(super) fn accept(&mut self, number: u64) {
        self.accepted.insert(number);
        if self.accepted.len() > WIDTH {
            self.floor = self.accepted.pop_first().unwrap_or(self.floor);
        }
    }

    /// The highest number that is used.
    pub(super) fn highest(&self) -> u64 {
        self.accepted.last().copied().unwrap_or(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_overtake_each_other_within_the_window_only() {
        let mut window = Window::above(1000);
        assert!(!window.admits(1000));
        // Far apart, as clocks make them: what counts is how many there were, not how far they lie from each other.
        let numbers: Vec<u64> = (1..=64).map(|n| 1000 + n * 1_000_000).collect();
        for number in numbers.iter().rev() {
            assert!(window.admits(*number));
            window.accept(*number);
            assert!(!window.admits(*number));
        }
        assert!(window.admits(1_000_999), "one that nobody has used yet");
        window.accept(65_001_000);
        assert_eq!(window.highest(), 65_001_000);
        assert!(!window.admits(1_000_999), "it has slid out");
        assert!(window.admits(1_001_001));
    }
}
