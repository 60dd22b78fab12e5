//! The table in `docs/verification.md`, held to the machine: each cell is tried.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/verification.md");
const TRANSACTION: TransactionId = TransactionId([1; 16]);
const STATES: [State; 6] = [
    State::Idle,
    State::Armed,
    State::Spent,
    State::Checking,
    State::Committed,
    State::Refused,
];
const WAYS: [(&str, &[Way]); 2] = [
    (
        "### A PIN, a PIN in another program, the recovery code",
        &[Way::Pin, Way::ClientPin, Way::RecoveryCode],
    ),
    ("### A finger", &[Way::Finger]),
];
const SECRET_EVENTS: [&str; 10] = [
    "arm",
    "a gesture comes",
    "its try is written",
    "its try is not written",
    "it is right",
    "it is wrong",
    "another way succeeds",
    "cancelled",
    "locked",
    "the caller is gone",
];
/// What happens to a finger beside that.
const FINGER_EVENTS: [&str; 4] = [
    "arm, and no PIN opened in this login",
    "a gesture comes, and the PIN's time is over",
    "it is right, and the PIN's time is over",
    "it is wrong for the fifth time",
];

fn at(hours: u64) -> Moment {
    Moment {
        boot: [1; 16],
        since_boot_ms: hours * 3_600_000,
    }
}

/// A machine in which a PIN opened in this login, a claim in this state, and one beside it that is being looked at.
fn world(way: Way, state: State, misses: u8) -> (Machine, Claim, Claim) {
    let mut machine = Machine::new(Reopening::new(Duration::from_hours(1)));
    let run = |machine: &mut Machine, claim, events: &[Event]| {
        for event in events {
            machine.step(claim, *event, at(0));
        }
    };
    let opening = machine.claim(None, Way::Pin);
    run(
        &mut machine,
        opening,
        &[Event::Arm, Event::Gesture, Event::Written, Event::Right],
    );
    let (claim, other) = (
        machine.claim(Some(TRANSACTION), way),
        machine.claim(Some(TRANSACTION), Way::Pin),
    );
    run(&mut machine, other, &[Event::Arm, Event::Gesture, Event::Written]);
    for _ in 0..misses {
        run(
            &mut machine,
            claim,
            &[Event::Arm, Event::Gesture, Event::Written, Event::Wrong],
        );
    }
    let course = [Event::Arm, Event::Gesture, Event::Written, Event::Right];
    match state {
        State::Idle => {}
        State::Armed => run(&mut machine, claim, &course[..1]),
        State::Spent => run(&mut machine, claim, &course[..2]),
        State::Checking => run(&mut machine, claim, &course[..3]),
        State::Committed => run(&mut machine, claim, &course),
        State::Refused => machine.cancel(TRANSACTION),
    }
    (machine, claim, other)
}

/// What the machine makes of this event, as the table writes it.
fn outcome(way: Way, state: State, event: &str) -> String {
    // A claim that has missed was armed, and is again: an idle one has not.
    let misses = if event.ends_with("fifth time") && state == State::Checking {
        MAX_MISSES - 1
    } else {
        0
    };
    let (mut machine, claim, other) = world(way, state, misses);
    assert_eq!(machine.state(claim), state);
    let now = if event.contains(", and ") { at(1) } else { at(0) };
    let mut step = |event| machine.step(claim, event, now);
    let act = match event.split(", and ").next().unwrap() {
        "arm" => step(Event::Arm),
        "a gesture comes" => step(Event::Gesture),
        "its try is written" => step(Event::Written),
        "its try is not written" => step(Event::NotWritten),
        "it is right" => step(Event::Right),
        "it is wrong" | "it is wrong for the fifth time" => step(Event::Wrong),
        "another way succeeds" => {
            machine.step(other, Event::Right, now);
            Act::Nothing
        }
        "cancelled" => {
            machine.cancel(TRANSACTION);
            Act::Nothing
        }
        "locked" => {
            machine.lock();
            Act::Nothing
        }
        "the caller is gone" => {
            machine.leave(claim);
            Act::Nothing
        }
        other => panic!("the table has an event that the machine does not know: {other}"),
    };
    let next = machine.state(claim);
    let does = match act {
        Act::Nothing if next == state => return "–".to_owned(),
        Act::Nothing => return format!("{next:?}"),
        Act::Wait => "wait",
        Act::Write => "write the try",
        Act::Look => "look at it",
        Act::GiveOut => "give out",
        Act::AskPin => "ask for a PIN",
    };
    format!("{next:?}: {does}")
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn each_cell_of_the_table_is_what_the_machine_does() {
    for (heading, ways) in WAYS {
        let text = DOCUMENT.split_once(heading).unwrap_or_else(|| panic!("no {heading}")).1;
        let rows = text.lines().skip_while(|line| !line.starts_with('|'));
        let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).map(cells).collect();
        let states: Vec<_> = STATES.iter().map(|state| format!("{state:?}")).collect();
        assert_eq!(rows[0][1..], states);
        let mut events: BTreeSet<_> = SECRET_EVENTS.into();
        if ways.contains(&Way::Finger) {
            events.extend(FINGER_EVENTS);
        }
        assert_eq!(
            rows[2..].iter().map(|row| row[0]).collect::<BTreeSet<_>>(),
            events,
            "{heading}"
        );
        for row in &rows[2..] {
            for (cell, state) in row[1..].iter().zip(STATES) {
                for way in ways {
                    assert_eq!(outcome(*way, state, row[0]), *cell, "{way:?}, {state:?}, {}", row[0]);
                }
            }
        }
    }
}
