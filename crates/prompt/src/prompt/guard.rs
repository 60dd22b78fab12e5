//! When a gesture counts: so that nobody agrees to what they have not seen, by a click or a key that was meant for something else.
//!
//! Pure, with the time as an argument. A window that has just appeared, or whose question has changed, takes no approval for
//! [`UNSEEN`]; nor does one without the focus. What is typed meanwhile was meant for another window and is dropped, and
//! whoever goes on typing has not looked up yet, so the keys have to [`REST`] first. Enter approves when a PIN was typed, or after
//! something was done on purpose in this window: Tab, an arrow, a click.

use std::time::{Duration, Instant};

/// How long a person needs at least to see that there is something else now.
pub const UNSEEN: Duration = Duration::from_millis(500);

/// How long no key is pressed by somebody who has seen that their typing goes nowhere.
pub const REST: Duration = Duration::from_millis(300);

/// What the window knows of the person in front of it.
#[derive(Debug, Default)]
pub struct Guard {
    /// When what is on show came to be; none when nothing is.
    since: Option<Instant>,
    /// When the window got the focus; none while it has not.
    focused: Option<Instant>,
    /// Until when keys are dropped.
    deaf_until: Option<Instant>,
    /// Whether something was done on purpose since the question came.
    moved: bool,
}

/// What has become of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There is a question where there was none, or another one.
    Other,
    /// The same question looks different: a wrong PIN, a provider that turned out to be locked.
    Same,
}

/// A key, as far as the guard tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Escape.
    Escape,
    /// Tab and the keys with arrows.
    Move,
    /// Every other one. Enter is one of them: the control that has the focus says what it means.
    Other,
}

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was meant for another window.
    Drop,
    /// It is for the control that has the focus.
    Pass,
    /// It refuses.
    Refuse,
}

impl Guard {
    /// What is on show has changed.
    pub fn shows(&mut self, change: Change, now: Instant) {
        self.since = Some(now);
        if change == Change::Other {
            self.moved = false;
            self.deaf_until = Some(now + UNSEEN);
        }
    }

    /// Nothing is on show any more.
    pub fn hides(&mut self) {
        self.since = None;
    }

    /// The window got the focus, or lost it.
    pub fn focus(&mut self, has: bool, now: Instant) {
        if has && self.focused.is_none() {
            self.deaf_until = self.deaf_until.max(Some(now + UNSEEN));
        }
        self.focused = match (has, self.focused) {
            (false, _) => None,
            (true, since) => Some(since.unwrap_or(now)),
        };
    }

    /// A key was pressed, or repeats because it is held.
    pub fn key(&mut self, key: Key, now: Instant) -> Verdict {
        if self.is_deaf(now) {
            self.deaf_until = self.deaf_until.max(Some(now + REST));
            return Verdict::Drop;
        }
        match key {
            Key::Escape => Verdict::Refuse,
            Key::Move => {
                self.moved = true;
                Verdict::Pass
            }
            Key::Other => Verdict::Pass,
        }
    }

    /// Something in the window was clicked.
    pub fn clicked(&mut self, now: Instant) {
        self.moved |= self.may_approve(now);
    }

    /// Whether text goes nowhere now, by whatever way it comes.
    pub fn is_deaf(&self, now: Instant) -> bool {
        self.since.is_none() || self.focused.is_none() || self.deaf_until.is_some_and(|until| now < until)
    }

    /// Whether an approval counts now.
    pub fn may_approve(&self, now: Instant) -> bool {
        self.opens_in(now).is_some_and(|left| left.is_zero())
    }

    /// Whether Enter, in a field or a list, approves now.
    pub fn may_enter(&self, pin_typed: bool, now: Instant) -> bool {
        self.may_approve(now) && (pin_typed || self.moved)
    }

    /// How much longer no approval counts if nothing happens meanwhile; none if that takes the focus.
    pub fn opens_in(&self, now: Instant) -> Option<Duration> {
        let since = self
            .since
            .max(self.focused)
            .filter(|_| self.since.is_some() && self.focused.is_some())?;
        Some((since + UNSEEN).saturating_duration_since(now))
    }

    /// How much longer what is typed is dropped if nothing happens meanwhile; none if that takes the focus.
    pub fn listens_in(&self, now: Instant) -> Option<Duration> {
        self.since.and(self.focused)?;
        Some(
            self.deaf_until
                .map_or(Duration::ZERO, |until| until.saturating_duration_since(now)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that goes when it is told.
    struct Clock(Instant);

    impl Clock {
        fn start() -> Self {
            Self(Instant::now())
        }

        fn after(&mut self, ms: u64) -> Instant {
            self.0 += Duration::from_millis(ms);
            self.0
        }
    }

    /// A guard whose window has been in front for a second, and its clock.
    fn open() -> (Guard, Clock) {
        let mut clock = Clock::start();
        let mut guard = Guard::default();
        guard.focus(true, clock.0);
        guard.shows(Change::Other, clock.0);
        clock.after(1000);
        assert!(guard.may_approve(clock.0));
        (guard, clock)
    }

    #[test]
    fn a_window_that_has_just_appeared_takes_no_approval() {
        let mut clock = Clock::start();
        let mut guard = Guard::default();
        assert!(!guard.may_approve(clock.0));
        guard.shows(Change::Other, clock.0);
        guard.focus(true, clock.after(100));
        assert!(!guard.may_approve(clock.after(499)));
        assert_eq!(guard.opens_in(clock.0), Some(Duration::from_millis(1)));
        assert!(guard.may_approve(clock.after(1)));
    }

    #[test]
    fn a_question_that_changes_under_the_pointer_takes_none_either() {
        let (mut guard, mut clock) = open();
        for change in [Change::Same, Change::Other] {
            guard.shows(change, clock.0);
            assert!(!guard.may_approve(clock.after(499)));
            assert!(guard.may_approve(clock.after(1)));
        }
    }

    #[test]
    fn nothing_counts_without_the_focus() {
        let (mut guard, mut clock) = open();
        guard.focus(false, clock.0);
        assert!(!guard.may_approve(clock.after(10_000)));
        assert_eq!((guard.opens_in(clock.0), guard.listens_in(clock.0)), (None, None));
        assert_eq!(guard.key(Key::Escape, clock.0), Verdict::Drop);
        guard.focus(true, clock.0);
        assert!(!guard.may_approve(clock.after(499)));
        assert!(guard.may_approve(clock.after(1)));
    }

    #[test]
    fn what_was_meant_for_another_window_is_dropped_until_the_keys_rest() {
        let (mut guard, mut clock) = open();
        guard.shows(Change::Other, clock.0);
        for _ in 0..20 {
            assert_eq!(guard.key(Key::Other, clock.after(100)), Verdict::Drop);
        }
        assert_eq!(guard.key(Key::Escape, clock.after(299)), Verdict::Drop);
        assert_eq!(guard.key(Key::Other, clock.after(300)), Verdict::Pass);
        assert_eq!(guard.key(Key::Escape, clock.0), Verdict::Refuse);
    }

    #[test]
    fn a_wrong_pin_does_not_make_the_window_deaf() {
        let (mut guard, clock) = open();
        guard.shows(Change::Same, clock.0);
        assert_eq!(guard.key(Key::Other, clock.0), Verdict::Pass);
    }

    #[test]
    fn enter_approves_with_a_pin_or_after_a_move() {
        let (mut guard, mut clock) = open();
        assert!(!guard.may_enter(false, clock.0));
        assert!(guard.may_enter(true, clock.0));
        guard.key(Key::Move, clock.0);
        assert!(guard.may_enter(false, clock.0));
        guard.shows(Change::Same, clock.0);
        assert!(!guard.may_enter(true, clock.0), "whatever was typed");
        guard.shows(Change::Other, clock.0);
        assert!(
            !guard.may_enter(false, clock.after(1000)),
            "the move was for another question"
        );
        guard.clicked(clock.0);
        assert!(guard.may_enter(false, clock.0));
    }

    #[test]
    fn a_click_that_came_too_soon_is_no_move() {
        let (mut guard, mut clock) = open();
        guard.shows(Change::Other, clock.0);
        guard.clicked(clock.after(100));
        assert!(!guard.may_enter(false, clock.after(1000)));
    }

    #[test]
    fn a_hidden_window_takes_nothing() {
        let (mut guard, clock) = open();
        guard.hides();
        assert!(guard.is_deaf(clock.0) && !guard.may_approve(clock.0));
        assert_eq!(guard.key(Key::Escape, clock.0), Verdict::Drop);
    }
}
