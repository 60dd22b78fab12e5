//! How long whoever asks in vain has to wait before the user is asked again.
//!
//! A page or a program may ask as often as it likes, and each time there is something on the screen. So each question that came to
//! nothing weighs something, one that the user declined more; beyond a measure the asker has to wait, and twice as long each time. A
//! question that was answered, or a quiet hour, and all is forgotten. The user may also say "not for a while" at once.
//!
//! Pure: times are handed in, in milliseconds of any one clock.

use std::collections::HashMap;

/// What a declined question weighs.
const DECLINED: u32 = 4;

/// What a question weighs that came to nothing otherwise: withdrawn, or nothing to offer.
const CAME_TO_NOTHING: u32 = 1;

/// The weight up to which nobody waits: five declined questions, or twenty that came to nothing.
pub const FREE: u32 = 20;

/// The first pause, in milliseconds. It doubles with each declined question more.
pub const FIRST_PAUSE_MS: u64 = 2_000;

/// The longest pause that comes by itself, in milliseconds.
pub const LONGEST_PAUSE_MS: u64 = 10 * 60_000;

/// How long "not for a while" is, and after which time of quiet all is forgotten, in milliseconds.
pub const WHILE_MS: u64 = 60 * 60_000;

/// How many askers are remembered.
const MAX_ASKERS: usize = 1024;

/// Who asks: a program, and the page for which it does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asker {
    /// What tells one program from another.
    pub caller: String,
    /// The page, if it is a browser.
    pub page: Option<String>,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With what was asked for.
    Answered,
    /// The user said no, or did not answer.
    Declined,
    /// The user said not for a while.
    NotForAWhile,
    /// Without the user having decided anything, but with something on the screen.
    CameToNothing,
}

/// All askers that have to wait, or will.
#[derive(Debug, Default)]
pub struct Patience(HashMap<Asker, Vain>);

#[derive(Debug, Clone, Copy)]
struct Vain {
    weight: u32,
    last_ms: u64,
    until_ms: u64,
}

impl Patience {
    /// How long the asker has to wait, in milliseconds, never longer than a while; 0 if it need not.
    pub fn wait_ms(&self, asker: &Asker, now_ms: u64) -> u64 {
        let until = self.0.get(asker).filter(|vain| !vain.is_forgotten(now_ms));
        until.map_or(0, |vain| vain.until_ms.saturating_sub(now_ms).min(WHILE_MS))
    }

    /// Takes note of how a question ended.
    pub fn ended(&mut self, asker: &Asker, end: End, now_ms: u64) {
        let weight = match end {
            End::Answered => {
                self.0.remove(asker);
                return;
            }
            End::Declined => DECLINED,
            End::CameToNothing => CAME_TO_NOTHING,
            End::NotForAWhile => 0,
        };
        self.make_room(now_ms);
        let vain = self.0.entry(asker.clone()).or_insert(Vain {
            weight: 0,
            last_ms: now_ms,
            until_ms: 0,
        });
        if vain.is_forgotten(now_ms) {
            (vain.weight, vain.until_ms) = (0, 0);
        }
        vain.last_ms = now_ms;
        vain.weight = vain.weight.saturating_add(weight);
        let pause = match end {
            End::NotForAWhile => WHILE_MS,
            _ => pause_ms(vain.weight),
        };
        // Never beyond a while from now: with a clock set back a little each time, an end that is kept would move away without end.
        let longest = now_ms.saturating_add(WHILE_MS);
        vain.until_ms = vain.until_ms.max(now_ms.saturating_add(pause)).min(longest);
    }

    /// Forgets who has been quiet, and if that is not enough, who asked longest ago.
    fn make_room(&mut self, now_ms: u64) {
        if self.0.len() < MAX_ASKERS {
            return;
        }
        self.0.retain(|_, vain| !vain.is_forgotten(now_ms));
        if self.0.len() >= MAX_ASKERS
            && let Some(oldest) = self
                .0
                .iter()
                .min_by_key(|(_, vain)| vain.last_ms)
                .map(|(asker, _)| asker.clone())
        {
            self.0.remove(&oldest);
        }
    }
}

impl Vain {
    /// Whether it was quiet for long enough. A clock that was set back makes nobody wait for ever.
    fn is_forgotten(&self, now_ms: u64) -> bool {
        now_ms >= self.last_ms.saturating_add(WHILE_MS) || now_ms.saturating_add(WHILE_MS) < self.last_ms
    }
}

fn pause_ms(weight: u32) -> u64 {
    match weight.checked_sub(FREE) {
        None => 0,
        Some(beyond) => {
            let doubled = 1_u64.checked_shl(beyond / DECLINED).unwrap_or(u64::MAX);
            FIRST_PAUSE_MS.saturating_mul(doubled).min(LONGEST_PAUSE_MS)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asker(page: &str) -> Asker {
        Asker {
            caller: "browser".into(),
            page: Some(page.into()),
        }
    }

    #[test]
    fn pauses_grow_with_each_refusal_and_end_with_an_answer() {
        let (mut patience, page, mut now) = (Patience::default(), asker("https://a.example"), 0);
        let mut pauses = Vec::new();
        for _ in 0..16 {
            patience.ended(&page, End::Declined, now);
            let wait = patience.wait_ms(&page, now);
            pauses.push(wait);
            now += wait;
        }
        assert_eq!(pauses[..4], [0; 4]);
        assert_eq!(pauses[4..7], [FIRST_PAUSE_MS, 2 * FIRST_PAUSE_MS, 4 * FIRST_PAUSE_MS]);
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE_MS));
        assert_eq!(
            patience.wait_ms(&asker("https://b.example"), 0),
            0,
            "another page has its own"
        );
        patience.ended(&page, End::Answered, now);
        patience.ended(&page, End::Declined, now);
        assert_eq!(patience.wait_ms(&page, now), 0);
    }

    #[test]
    fn a_program_that_asks_without_end_is_heard_a_few_times_an_hour() {
        let (mut patience, page) = (Patience::default(), asker("https://a.example"));
        let asked = (0..WHILE_MS)
            .step_by(10)
            .filter(|now| {
                let heard = patience.wait_ms(&page, *now) == 0;
                if heard {
                    patience.ended(&page, End::CameToNothing, *now);
                }
                heard
            })
            .count();
        assert!((20..80).contains(&asked), "{asked}");
    }

    #[test]
    fn not_for_a_while_is_an_hour_and_forgotten_after_it() {
        let (mut patience, page) = (Patience::default(), asker("https://a.example"));
        patience.ended(&page, End::NotForAWhile, 5);
        assert_eq!(patience.wait_ms(&page, 5), WHILE_MS);
        assert_eq!(patience.wait_ms(&page, 5 + WHILE_MS - 1), 1);
        assert_eq!(patience.wait_ms(&page, 5 + WHILE_MS), 0);
        // A declined question that ends after it makes it no shorter.
        patience.ended(&page, End::Declined, 6);
        assert_eq!(patience.wait_ms(&page, 6), WHILE_MS - 1);
    }

    #[test]
    fn a_clock_set_back_again_and_again_makes_no_wait_longer_than_a_while() {
        let (mut patience, page) = (Patience::default(), asker("https://a.example"));
        patience.ended(&page, End::NotForAWhile, 6_131_302);
        assert_eq!(patience.wait_ms(&page, 6_131_301), WHILE_MS, "asked before it ended");
        for now in [2_531_302, 0] {
            patience.ended(&page, End::Declined, now);
            assert_eq!(patience.wait_ms(&page, now), WHILE_MS, "at {now}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever askers do, in whatever order and with whatever clock: nobody waits longer than a while, whoever was quiet that long
        /// waits not at all, an answer forgives, and the memory is bounded.
        #[test]
        fn whatever_happens_waits_are_bounded_and_forgiven(
            steps in proptest::collection::vec((0..3000_u32, 0..4_u8, 0..2 * WHILE_MS), 1..200),
        ) {
            let mut patience = Patience::default();
            for (who, end, now) in steps {
                let page = asker(&format!("https://{who}.example"));
                let end = [End::Answered, End::Declined, End::NotForAWhile, End::CameToNothing][usize::from(end)];
                patience.ended(&page, end, now);
                let wait = patience.wait_ms(&page, now);
                prop_assert!(wait <= WHILE_MS);
                prop_assert_eq!(patience.wait_ms(&page, now + WHILE_MS), 0);
                if end == End::Answered {
                    prop_assert_eq!(wait, 0);
                }
                prop_assert!(patience.0.len() <= MAX_ASKERS);
            }
        }
    }
}
