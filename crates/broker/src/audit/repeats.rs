//! What a caller can have written into the log without the user, and how that stays small.
//!
//! A page may ask in a loop for what is refused before anybody sees it. Of each caller and cause only the first
//! [`MAX_PER_WINDOW`] such entries of a minute are written; the others are counted, and one entry tells their number when the
//! minute is over. While that goes on the window doubles, up to an hour, so that a page that never stops costs a few lines
//! an hour.

use std::collections::HashMap;

use super::{Entry, Failure, Who};

/// How many entries of one caller with one cause are written before counting begins.
pub(crate) const MAX_PER_WINDOW: u64 = 5;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// The windows of all callers and causes: few causes, and as many callers as there are programs that may ask, which the user
/// decides.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    windows: HashMap<(Who, Option<&'static str>), Window>,
}

#[derive(Debug)]
struct Window {
    since_ms: u64,
    length_ms: u64,
    seen: u64,
    /// The last one that was counted and not written.
    last: Option<Entry>,
}

impl Repeats {
    /// Takes an entry and gives it back if it is to be written now. Call [`Repeats::due`] first. Times are Unix milliseconds.
    pub(crate) fn admit(&mut self, entry: Entry, now_ms: u64) -> Option<Entry> {
        let Some(caller) = &entry.caller else {
            return Some(entry);
        };
        let window = self
            .windows
            .entry((caller.clone(), entry.failure.as_ref().map(Failure::code)))
            .or_insert(Window {
                since_ms: now_ms,
                length_ms: MINUTE_MS,
                seen: 0,
                last: None,
            });
        window.seen = window.seen.saturating_add(1);
        if window.seen <= MAX_PER_WINDOW {
            return Some(entry);
        }
        window.last = Some(entry);
        None
    }

    /// Closes the windows that are over and tells what was counted in them.
    pub(crate) fn due(&mut self, now_ms: u64) -> Vec<Entry> {
        let mut due = Vec::new();
        self.windows.retain(|_, window| {
            // A clock that was set back must not keep a window open.
            let over = now_ms < window.since_ms || now_ms - window.since_ms >= window.length_ms;
            if !over {
                return true;
            }
            let summary = window.summary();
            let goes_on = summary.is_some();
            due.extend(summary);
            *window = Window {
                since_ms: now_ms,
                length_ms: window.length_ms.saturating_mul(2).min(HOUR_MS),
                seen: 0,
                last: None,
            };
            goes_on
        });
        due
    }

    /// Closes all windows, over or not: for the end.
    pub(crate) fn close(&mut self) -> Vec<Entry> {
        let closed = self.windows.drain().filter_map(|(_, mut window)| window.summary());
        closed.collect()
    }
}

impl Window {
    fn summary(&mut self) -> Option<Entry> {
        let last = self.last.take()?;
        let cause = last.failure.as_ref().map_or("", Failure::code);
        let detail = format!(
            "{} more requests came to nothing before the user was asked; the last one: {cause}: {}",
            self.seen.saturating_sub(MAX_PER_WINDOW),
            last.detail.as_deref().unwrap_or_default()
        );
        Some(Entry {
            caller: last.caller,
            ..Entry::failed(last.event, Failure::Repeated).detail(detail)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_joint::envelope::Door;
    use claviger_peer::Standing;

    use super::super::AuditEvent;
    use super::*;

    fn refused(name: &str) -> Entry {
        Entry {
            caller: Some(Who {
                door: Door::Browser,
                name: name.into(),
                executable: "/usr/bin/browser".into(),
                standing: Standing::Unproved,
            }),
            ..Entry::failed(AuditEvent::Create, Failure::RefusedAtDoor).detail("https://a.example")
        }
    }

    /// How many lines the log gets if `refused` comes every `step_ms` from `from_ms` to `to_ms`.
    fn lines(repeats: &mut Repeats, from_ms: u64, to_ms: u64, step_ms: usize) -> usize {
        (from_ms..to_ms)
            .step_by(step_ms)
            .map(|now| repeats.due(now).len() + usize::from(repeats.admit(refused("a"), now).is_some()))
            .sum()
    }

    #[test]
    fn repeated_refusals_become_one_counted_entry() {
        let mut repeats = Repeats::default();
        assert_eq!(lines(&mut repeats, 1_000, 31_000, 300), 5);
        assert!(repeats.admit(refused("b"), 31_000).is_some(), "each caller has its own");
        assert_eq!(repeats.due(60_999), []);
        let due = repeats.due(61_000);
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].failure, Some(Failure::Repeated));
        assert_eq!(due[0].caller, refused("a").caller);
        let detail = due[0].detail.as_deref().unwrap();
        assert!(detail.starts_with("95 more requests"), "{detail}");
        assert!(detail.ends_with("refused-at-door: https://a.example"), "{detail}");
        assert!(repeats.admit(refused("a"), 61_000).is_some());
    }

    #[test]
    fn a_page_that_never_stops_costs_little_and_is_forgiven_when_it_does() {
        let mut repeats = Repeats::default();
        let day = 24 * HOUR_MS;
        let first = lines(&mut repeats, 0, day, 500);
        assert!((100..250).contains(&first), "{first}");
        // The open window, then a quiet one.
        repeats.due(day + HOUR_MS);
        repeats.due(day + 2 * HOUR_MS);
        assert!(repeats.windows.is_empty());
    }

    #[test]
    fn what_was_counted_is_told_at_the_end() {
        let mut repeats = Repeats::default();
        assert_eq!(lines(&mut repeats, 0, 6_000, 1_000), 5);
        let closed = repeats.close();
        assert_eq!(closed.len(), 1);
        assert!(closed[0].detail.as_deref().unwrap().starts_with("1 more "));
        assert_eq!(repeats.close(), []);
        assert!(repeats.admit(Entry::ok(AuditEvent::Started), 0).is_some());
    }
}
