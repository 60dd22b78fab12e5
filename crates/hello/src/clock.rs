//! Time, as hello needs it: a clock that cannot be set for waiting, and the wall clock for what evidence says.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::time::{ClockId, clock_gettime};

use crate::counter::Moment;

/// Where hello gets the time from. Tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// The time since boot, and which boot.
    fn moment(&self) -> Moment;
    /// Milliseconds since 1970.
    fn unix_ms(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    boot: [u8; 16],
}

impl SystemClock {
    /// Reads which boot this is from `/proc/sys/kernel/random/boot_id`.
    pub fn new() -> std::io::Result<Self> {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let boot = parse_boot_id(text.trim())
            .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "the kernel's boot id is malformed"))?;
        Ok(Self { boot })
    }
}

impl Clock for SystemClock {
    fn moment(&self) -> Moment {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
        Moment {
            boot: self.boot,
            since_boot_ms: in_ms(Duration::new(seconds, nanoseconds)),
        }
    }

    fn unix_ms(&self) -> u64 {
        in_ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

/// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
fn parse_boot_id(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    (digits.len() == 32).then_some(())?;
    Some(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes())
}

fn in_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_both_clocks() {
        let clock = SystemClock::new().unwrap();
        let (one, two) = (clock.moment(), clock.moment());
        assert_eq!(one.boot, two.boot);
        assert!(one.since_boot_ms > 0 && one.since_boot_ms <= two.since_boot_ms);
        assert!(clock.unix_ms() > 1_600_000_000_000);
    }

    #[test]
    fn boot_ids_are_read_exactly() {
        let id = parse_boot_id("0123ab45-0000-4000-8000-0000000000ff").unwrap();
        assert_eq!((id[0], id[3], id[15]), (0x01, 0x45, 0xff));
        for bad in [
            "",
            "0123",
            "0123ab45-0000-4000-8000-0000000000fg",
            "0123ab45-0000-4000-8000-0000000000ff0",
        ] {
            assert!(parse_boot_id(bad).is_none(), "{bad}");
        }
    }
}
