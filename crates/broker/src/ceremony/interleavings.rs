//! The machine and the prompt queue driven through random interleavings, with a model of their own beside them.
//!
//! Each run takes one to three ceremonies with random inputs through one prompt queue. At each step something random happens:
//! most often what a daemon would do next (the user acts on the view on show, hello or a provider answers what is pending),
//! sometimes something out of turn with forged tokens, sometimes an end from outside. The [model](world) knows only inputs,
//! events and effects, never the machine's state, and asserts the promises of the [machine](super). Deterministic: xorshift
//! with fixed seeds.

mod random;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use random::{Random, random_input};
use world::World;

use super::Event;
use crate::queue::PromptQueue;

/// How often the driver has been where.
type Visits = BTreeMap<&'static str, u64>;

const RUNS: u64 = 100_000;

#[test]
fn promises_hold_over_100_000_interleavings() {
    let mut visits = BTreeMap::new();
    for seed in 1..=RUNS {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(seed, &mut visits)));
        assert!(outcome.is_ok(), "a promise was broken in the run with seed {seed}");
    }
    // The driver must have been everywhere, or it has shown nothing.
    for place in [
        "answered/verified",
        "answered/consented",
        "approved",
        "cancelled-by-user",
        "cancelled-by-caller",
        "caller-gone",
        "timed-out",
        "no-credential",
        "excluded",
        "locked-out",
        "no-prompt",
        "provider-disabled",
        "provider-locked",
        "provider-crashed",
        "provider-hung",
        "provider-unreachable",
        "provider-refused",
        "answer-rejected",
        "unsupported",
        "denied-by-policy",
        "verification-unavailable",
        "executed twice",
        "cancelled at work",
        "remembered",
        "pin chosen",
        "pin changed",
        "unlocked",
        "own window",
        "ticket spent",
        "ticket gone",
        "answered by ticket",
        "approved by ticket",
    ] {
        let times = visits.get(place).copied().unwrap_or(0);
        assert!(times >= 100, "only {times} × {place}; {visits:?}");
    }
}

fn run(seed: u64, visits: &mut Visits) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut queue = PromptQueue::new();
    let mut worlds: Vec<World> = (0..=random.below(3))
        .map(|number| {
            // Two of three ceremonies share a caller.
            let caller = format!("caller {}", number / 2);
            let ticket = queue.admit(&caller, None).expect("far below the limits");
            let brings_ticket = random.below(4) == 0;
            World::new(random_input(&mut random), brings_ticket, ticket, caller)
        })
        .collect();
    for _ in 0..random.below(60) + 2 {
        let Some(index) = random.index(worlds.len()) else { break };
        match random.below(300) {
            // The user acts on what is on show, whoever it belongs to.
            0..120 => {
                let shown = queue.current();
                if let Ok(ticket) = queue.act(shown.prompt, shown.revision) {
                    let world = worlds
                        .iter_mut()
                        .find(|world| world.ticket == ticket)
                        .expect("a view has a ceremony");
                    let event = world.user_acts(&shown, &mut random);
                    world.feed(event, &mut queue, visits);
                }
            }
            // What is pending comes back.
            120..280 => {
                let world = &mut worlds[index];
                if let Some(event) = world.next_event(&mut random) {
                    world.feed(event, &mut queue, visits);
                }
            }
            // Something out of turn, with forged tokens.
            280..297 => {
                let world = &mut worlds[index];
                if let Some(event) = world.stray_event(&mut random) {
                    world.feed(event, &mut queue, visits);
                }
            }
            // Its connection ends: every ceremony of that caller is told.
            297 => {
                let caller = worlds[index].caller.clone();
                for world in worlds.iter_mut().filter(|world| world.caller == caller) {
                    world.feed(Event::CallerGone, &mut queue, visits);
                }
            }
            298 => worlds[index].feed(Event::CallerCancelled, &mut queue, visits),
            _ => worlds[index].feed(Event::TimedOut, &mut queue, visits),
        }
    }
    for world in &mut worlds {
        world.feed(Event::TimedOut, &mut queue, visits);
        assert!(world.machine.is_finished(), "a timeout must end it");
        assert_eq!(world.finishes, 1, "exactly one answer");
    }
    assert_eq!((queue.waiting(), queue.admitted()), (0, 0), "nothing is left behind");
}
