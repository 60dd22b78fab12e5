//! The prompt queue: views of many ceremonies, shown one after another.
//!
//! Pure: it holds no prompt and no clock. A ceremony is [admitted](PromptQueue::admit) before its machine is made, which bounds
//! what one caller, or all of them, can pile up. Its view waits in the order in which it was first shown, until the ceremony closes
//! it or [leaves](PromptQueue::leave): a ceremony whose caller goes or whose time is over ends, and that takes its view along. A
//! prompt answers a view by prompt number and revision, so that a click meant for one view never counts for the next. How many
//! others wait is said on the view and is a revision too, but none that takes the answer to the one before it away: else whoever
//! asks again and again could keep every answer from counting.

use std::collections::{BTreeMap, VecDeque};

use claviger_prompt_api::view::View;

use crate::patience::Asker;
use crate::types::Cause;

/// How many ceremonies one page may have at a time, with all its frames and tabs: fewer than its browser, so that no page
/// keeps the others from signing in.
pub const MAX_PER_PAGE: usize = 2;

/// How many ceremonies one caller may have at a time: fewer than all together, so that no browser keeps the others out.
pub const MAX_PER_CALLER: usize = 12;

/// How many ceremonies there may be at a time.
pub const MAX_TOTAL: usize = 32;

/// Names an admitted ceremony; also the number of its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

impl Ticket {
    /// The number, as in [`View::prompt`]; never 0.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// An action named a prompt or a revision that is no longer on show; the prompt should look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the prompt has changed meanwhile")]
pub struct Stale;

/// The views that wait for the user, and the ceremonies that may show one.
#[derive(Debug, Default)]
pub struct PromptQueue {
    admitted: BTreeMap<Ticket, Admitted>,
    waiting: VecDeque<(Ticket, View)>,
    last_ticket: u64,
    revision: u32,
    /// The revision since which the view in front is as it is, but for how many wait behind it.
    since: u32,
    /// The ceremony whose view was in front last.
    last: Option<Ticket>,
    /// Whether that one has come to a good end since, with nothing on show.
    done: bool,
}

#[derive(Debug)]
struct Admitted {
    caller: String,
    page: Option<String>,
}

impl PromptQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a ceremony in. `caller` tells callers apart, for example by their unique bus name; `page` tells apart for whom a browser
    /// asks, by the origin in the address bar.
    ///
    /// # Errors
    /// [`Cause::Busy`] when the page has [`MAX_PER_PAGE`] ceremonies, the caller has [`MAX_PER_CALLER`], or all together have
    /// [`MAX_TOTAL`].
    pub fn admit(&mut self, caller: &str, page: Option<&str>) -> Result<Ticket, Cause> {
        let of_caller = || self.admitted.values().filter(|admitted| admitted.caller == caller);
        let of_page = of_caller().filter(|admitted| page.is_some() && admitted.page.as_deref() == page);
        if of_page.count() >= MAX_PER_PAGE || of_caller().count() >= MAX_PER_CALLER || self.admitted.len() >= MAX_TOTAL
        {
            return Err(Cause::Busy);
        }
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.admitted.insert(
            ticket,
            Admitted {
                caller: caller.to_owned(),
                page: page.map(str::to_owned),
            },
        );
        Ok(ticket)
    }

    /// Who is behind a ceremony: the caller and its page.
    pub fn asker(&self, ticket: Ticket) -> Option<Asker> {
        let admitted = self.admitted.get(&ticket)?;
        Some(Asker {
            caller: admitted.caller.clone(),
            page: admitted.page.clone(),
        })
    }

    /// Shows a ceremony's view: in place of its present one, or else behind all others. One that has left shows nothing.
    pub fn show(&mut self, ticket: Ticket, view: View) {
        if !self.admitted.contains_key(&ticket) {
            return;
        }
        let front = self.front();
        self.done = false;
        let count = self.waiting.len();
        match self.waiting.iter_mut().find(|(owner, _)| *owner == ticket) {
            Some((_, shown)) => *shown = view,
            None => self.waiting.push_back((ticket, view)),
        }
        if front.is_none_or(|front| front == ticket) {
            self.changed();
        } else if self.waiting.len() != count {
            self.counted();
        }
    }

    /// Takes a ceremony's view out.
    pub fn close(&mut self, ticket: Ticket) {
        let (front, count) = (self.front(), self.waiting.len());
        self.waiting.retain(|(owner, _)| *owner != ticket);
        if self.front() != front {
            self.last = Some(ticket);
            self.changed();
        } else if self.waiting.len() != count {
            self.counted();
        }
    }

    /// A ceremony has come to a good end. Where its view was the last on show, the idle view says so.
    pub fn succeeded(&mut self, ticket: Ticket) {
        if self.waiting.is_empty() && self.last == Some(ticket) && !self.done {
            self.done = true;
            self.changed();
        }
    }

    /// Ends a ceremony: its view goes and its place is free again.
    pub fn leave(&mut self, ticket: Ticket) {
        self.close(ticket);
        self.admitted.remove(&ticket);
    }

    /// The view on show, with its prompt number and revision; the idle view if there is none.
    pub fn current(&self) -> View {
        match self.waiting.front() {
            Some((ticket, view)) => View {
                prompt: ticket.0,
                revision: self.revision,
                waiting: u32::try_from(self.waiting.len() - 1).unwrap_or(u32::MAX),
                ..view.clone()
            },
            None => View {
                done: self.done,
                ..View::idle(self.revision)
            },
        }
    }

    /// The view on show if it is another than the prompt has; `None` means: wait.
    pub fn newer_than(&self, prompt: u64, revision: u32) -> Option<View> {
        let current = (self.front().map_or(0, Ticket::number), self.revision);
        (current != (prompt, revision)).then(|| self.current())
    }

    /// The ceremony that an action is for.
    ///
    /// # Errors
    /// [`Stale`] unless prompt and revision are those on show, or differ from these by how many wait only.
    pub fn act(&self, prompt: u64, revision: u32) -> Result<Ticket, Stale> {
        let age = |of: u32| self.revision.wrapping_sub(of);
        self.front()
            .filter(|front| front.0 == prompt && age(revision) <= age(self.since))
            .ok_or(Stale)
    }

    /// How many views wait, the one on show included.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many ceremonies are admitted.
    pub fn admitted(&self) -> usize {
        self.admitted.len()
    }

    fn front(&self) -> Option<Ticket> {
        self.waiting.front().map(|(ticket, _)| *ticket)
    }

    fn changed(&mut self) {
        // Never two alike in a row, which is all that matters to a prompt.
        self.revision = self.revision.wrapping_add(1);
        self.since = self.revision;
    }

    /// How many wait behind the view in front is another number now.
    fn counted(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_prompt_api::message::Message;
    use claviger_prompt_api::view::Kind;
    use proptest::prelude::*;

    use super::*;

    fn view(title: &str) -> View {
        View {
            kind: Kind::SignIn,
            title: Some(titled(title)),
            ..View::idle(0)
        }
    }

    fn titled(title: &str) -> Message {
        Message::SignInTitle { site: title.to_owned() }
    }

    #[test]
    fn views_queue_one_after_another() {
        let mut queue = PromptQueue::new();
        assert_eq!(queue.current().kind, Kind::Idle);
        let (first, second) = (queue.admit("a", None).unwrap(), queue.admit("b", None).unwrap());
        queue.show(first, view("first"));
        let shown = queue.current();
        assert_eq!((shown.prompt, shown.title), (first.number(), Some(titled("first"))));
        queue.show(second, view("second"));
        let counted = queue.newer_than(shown.prompt, shown.revision).unwrap();
        assert_eq!((counted.prompt, counted.waiting), (first.number(), 1));
        queue.show(second, view("second still"));
        assert_eq!(
            queue.newer_than(counted.prompt, counted.revision),
            None,
            "the second waits unseen"
        );
        queue.close(first);
        let next = queue.newer_than(shown.prompt, shown.revision).unwrap();
        assert_eq!(
            (next.prompt, next.title),
            (second.number(), Some(titled("second still")))
        );
        queue.leave(second);
        assert_eq!(queue.newer_than(next.prompt, next.revision).unwrap().kind, Kind::Idle);
    }

    #[test]
    fn an_action_counts_only_for_what_is_on_show() {
        let mut queue = PromptQueue::new();
        let ticket = queue.admit("a", None).unwrap();
        assert_eq!(queue.act(0, 0), Err(Stale));
        queue.show(ticket, view("one"));
        let before = queue.current();
        assert_eq!(queue.act(before.prompt, before.revision), Ok(ticket));
        queue.show(ticket, view("two"));
        assert_eq!(queue.act(before.prompt, before.revision), Err(Stale));
        assert_eq!(queue.act(before.prompt + 1, queue.current().revision), Err(Stale));
        assert_eq!(queue.waiting(), 1);
    }

    #[test]
    fn who_waits_behind_takes_no_answer_away() {
        let mut queue = PromptQueue::new();
        let (shown, other) = (queue.admit("a", None).unwrap(), queue.admit("b", None).unwrap());
        queue.show(shown, view("old"));
        let old = queue.current().revision;
        queue.show(shown, view("shown"));
        let seen = queue.current();
        for _ in 0..3 {
            queue.show(other, view("other"));
            assert_eq!(queue.act(seen.prompt, seen.revision), Ok(shown));
            queue.close(other);
            assert_eq!(queue.act(seen.prompt, seen.revision), Ok(shown));
        }
        assert_eq!(queue.act(seen.prompt, old), Err(Stale));
        assert_eq!(
            queue.act(seen.prompt, queue.current().revision.wrapping_add(1)),
            Err(Stale)
        );
        queue.show(shown, view("another"));
        assert_eq!(queue.act(seen.prompt, seen.revision), Err(Stale));
    }

    #[test]
    fn a_good_end_is_said_of_what_was_on_show_last() {
        let mut queue = PromptQueue::new();
        let (shown, silent) = (queue.admit("a", None).unwrap(), queue.admit("b", None).unwrap());
        queue.show(shown, view("shown"));
        queue.succeeded(shown);
        assert!(!queue.current().done, "it is still on show");
        queue.close(shown);
        let idle = queue.current();
        queue.succeeded(silent);
        assert_eq!(queue.newer_than(0, idle.revision), None, "nobody saw that one");
        queue.succeeded(shown);
        let done = queue.newer_than(0, idle.revision).unwrap();
        assert!(done.done && done.kind == Kind::Idle);
        queue.show(silent, view("another"));
        queue.leave(silent);
        assert!(!queue.current().done);
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut queue = PromptQueue::new();
        let mut flood: Vec<Ticket> = (0..MAX_PER_CALLER)
            .map(|_| queue.admit("flood", None).unwrap())
            .collect();
        assert_eq!(queue.admit("flood", None), Err(Cause::Busy));
        assert!(queue.admit("other", None).is_ok());
        queue.leave(flood.pop().unwrap());
        assert!(queue.admit("flood", None).is_ok());
        let admitted = (0..100)
            .filter(|number| queue.admit(&format!("caller {number}"), None).is_ok())
            .count();
        assert_eq!(queue.admitted(), MAX_TOTAL);
        assert_eq!(admitted, MAX_TOTAL - MAX_PER_CALLER - 1);
    }

    #[test]
    fn one_page_leaves_room_for_the_others() {
        let mut queue = PromptQueue::new();
        let flood = (0..100)
            .filter_map(|_| queue.admit("browser", Some("https://flood.example")).ok())
            .collect::<Vec<_>>();
        assert_eq!(flood.len(), MAX_PER_PAGE);
        assert!(queue.admit("browser", Some("https://bank.example")).is_ok());
        assert!(queue.admit("other browser", Some("https://flood.example")).is_ok());
        queue.leave(flood[0]);
        assert!(queue.admit("browser", Some("https://flood.example")).is_ok());
        let pages = (0..100).filter(|page| queue.admit("browser", Some(&page.to_string())).is_ok());
        assert_eq!(pages.count(), MAX_PER_CALLER - MAX_PER_PAGE - 1);
        assert!(queue.admit("other browser", Some("https://bank.example")).is_ok());
    }

    #[test]
    fn a_ceremony_that_leaves_takes_its_view_along() {
        let mut queue = PromptQueue::new();
        let (gone, stays) = (queue.admit("gone", None).unwrap(), queue.admit("stays", None).unwrap());
        queue.show(gone, view("gone"));
        queue.show(stays, view("stays"));
        let before = queue.current();
        queue.leave(gone);
        assert_eq!(queue.act(before.prompt, before.revision), Err(Stale));
        assert_eq!(queue.current().title, Some(titled("stays")));
        queue.show(gone, view("too late"));
        assert_eq!(queue.waiting(), 1);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Admit(u8),
        Show(usize),
        Close(usize),
        Leave(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u8..6).prop_map(Step::Admit),
            (0_usize..40).prop_map(Step::Show),
            (0_usize..40).prop_map(Step::Close),
            (0_usize..40).prop_map(Step::Leave),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_happens_limits_hold_and_changes_are_seen(steps in proptest::collection::vec(step(), 0..120)) {
            let mut queue = PromptQueue::new();
            let mut tickets: Vec<Ticket> = Vec::new();
            let mut gone: Vec<Ticket> = Vec::new();
            for step in steps {
                let before = queue.current();
                let ticket = |index: usize| tickets.get(index).copied();
                match step {
                    Step::Admit(caller) => {
                        if let Ok(ticket) = queue.admit(&caller.to_string(), None) {
                            tickets.push(ticket);
                        }
                    }
                    Step::Show(index) => if let Some(ticket) = ticket(index) { queue.show(ticket, view("x")) },
                    Step::Close(index) => if let Some(ticket) = ticket(index) { queue.close(ticket) },
                    Step::Leave(index) => if let Some(ticket) = ticket(index) {
                        queue.leave(ticket);
                        gone.push(ticket);
                    },
                }
                prop_assert!(queue.admitted() <= MAX_TOTAL);
                prop_assert!(queue.waiting() <= queue.admitted());
                let now = queue.current();
                prop_assert!(!gone.iter().any(|ticket| ticket.number() == now.prompt));
                prop_assert_eq!(queue.newer_than(before.prompt, before.revision).is_none(), before == now);
                prop_assert_eq!(queue.act(now.prompt, now.revision).is_ok(), now.kind != Kind::Idle);
            }
        }
    }
}
