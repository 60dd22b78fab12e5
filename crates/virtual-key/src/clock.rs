//! The key's clocks.

use std::time::SystemTime;

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds since the machine was started, the time that it slept included.
pub fn monotonic_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let (seconds, nanoseconds) = (now.tv_sec, now.tv_nsec);
    u64::try_from(seconds).unwrap_or(0) * 1000 + u64::try_from(nanoseconds / 1_000_000).unwrap_or(0)
}

/// Milliseconds since 1970.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
