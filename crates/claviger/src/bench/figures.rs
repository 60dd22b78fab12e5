//! Medians and percentiles of measured times.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What many runs of the same thing took, in microseconds.
#[derive(Debug)]
pub struct Figures {
    /// Half of the runs took no longer.
    pub median: f64,
    /// 99 of 100 runs took no longer.
    pub p99: f64,
}

impl Figures {
    /// Sums up runs; `None` when there were none.
    pub fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let at = |per_cent: usize| {
            let index = (times.len() * per_cent).div_ceil(100).saturating_sub(1);
            times.get(index).map(|time| time.as_secs_f64() * 1e6)
        };
        Some(Self {
            median: at(50)?,
            p99: at(99)?,
        })
    }

    /// For programs, rounded to a tenth of a microsecond.
    pub fn json(&self) -> Value {
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        json!({"median": tenth(self.median), "p99": tenth(self.p99)})
    }
}

/// Runs something and says how long it took.
pub fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = run();
    (result, start.elapsed())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_99th_percentile_are_runs_that_happened() {
        let times = (1..=200).rev().map(Duration::from_micros).collect();
        let figures = Figures::of(times).unwrap();
        assert!(
            (figures.median - 100.0).abs() < 1e-6 && (figures.p99 - 198.0).abs() < 1e-6,
            "{figures:?}"
        );
        assert!(Figures::of(Vec::new()).is_none());
    }
}
