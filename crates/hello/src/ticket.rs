//! Tickets: one verification now, its evidence a little later.
//!
//! A client that speaks CTAP gives the PIN first and says what for afterwards. After its right PIN hello keeps the user's key
//! open for [`LIFETIME`] at most and hands out a [`PinTicket`]; whoever brings it back gets what a verification gives, once. A change
//! of what opens the key takes a ticket too, of the verification that its evidence came from; neither is good in the other's place.
//! The key is wiped when the ticket is spent, grows old, is pushed out by newer ones, or the PIN changes.

use core::{fmt, time::Duration};

use claviger_ctap::crypto::{Crypto, CryptoError};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{counter::Moment, keys::Opened};

/// How long a ticket is good at most.
pub const LIFETIME: Duration = Duration::from_mins(2);

/// How long the two groups of a new recovery code may be typed back.
pub const CODE_LIFETIME: Duration = Duration::from_mins(10);

/// How many tickets there are at a time; the oldest goes when one more is made.
pub const MAX_TICKETS: usize = 4;

/// Names one right PIN, and is good for one operation or one change, so it is kept like a secret: not `Clone`,
/// printed as `[redacted]`, wiped when dropped, and in a box, because a value that is moved leaves a copy behind that nobody wipes.
pub struct PinTicket(Box<Zeroizing<[u8; Self::LENGTH]>>);

impl PinTicket {
    /// Length in bytes.
    pub const LENGTH: usize = 16;

    /// A ticket that hello made, on its way back.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        let mut id = Box::new(Zeroizing::new([0; Self::LENGTH]));
        id.copy_from_slice(bytes);
        Self(id)
    }

    /// The bytes, for whoever passes it on.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    fn generate(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut id = Box::new(Zeroizing::new([0; Self::LENGTH]));
        crypto.random(id.as_mut_slice())?;
        Ok(Self(id))
    }
}

impl fmt::Debug for PinTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinTicket([redacted])")
    }
}

/// What a ticket is for. It stands at hello and not in the ticket, so whoever brings one cannot choose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum For {
    /// The evidence and the boxes of one verification: none was made of the gesture yet.
    Evidence,
    /// The one change of what opens the user's key that the gesture's evidence was made for. No second evidence comes of it.
    Change,
}

/// The keys behind the tickets.
#[derive(Default)]
pub(crate) struct Tickets(Vec<Held>);

struct Held {
    ticket: PinTicket,
    purpose: For,
    opened: Opened,
    since: Moment,
}

impl Tickets {
    /// Keeps what a gesture opened behind a new ticket.
    pub(crate) fn issue(
        &mut self,
        crypto: &dyn Crypto,
        opened: Opened,
        purpose: For,
        now: Moment,
    ) -> Result<PinTicket, CryptoError> {
        self.sweep(now);
        let ticket = PinTicket::generate(crypto)?;
        let copy = PinTicket::from_bytes(ticket.as_bytes());
        if self.0.len() >= MAX_TICKETS {
            self.0.remove(0);
        }
        self.0.push(Held {
            ticket: copy,
            purpose,
            opened,
            since: now,
        });
        Ok(ticket)
    }

    /// What is behind this ticket, which is spent; nothing when it is for something else.
    pub(crate) fn take(&mut self, ticket: &PinTicket, purpose: For, now: Moment) -> Option<Opened> {
        self.sweep(now);
        let held = self.remove(ticket).filter(|held| held.purpose == purpose);
        held.map(|held| held.opened)
    }

    /// Wipes what is behind this ticket.
    pub(crate) fn forget(&mut self, ticket: &PinTicket) {
        drop(self.remove(ticket));
    }

    /// Wipes the keys of tickets that are too old.
    pub(crate) fn sweep(&mut self, now: Moment) {
        self.0.retain(|held| held.is_good(now));
    }

    /// Wipes all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn remove(&mut self, ticket: &PinTicket) -> Option<Held> {
        let mut all = self.0.iter();
        let found = all.position(|held| held.ticket.0.ct_eq(ticket.0.as_slice()).into())?;
        Some(self.0.remove(found))
    }
}

impl Held {
    fn is_good(&self, now: Moment) -> bool {
        now.is_within(LIFETIME, self.since)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::native;
    use claviger_joint::evidence::{Method, Tier};

    use super::*;
    use crate::keys::UserKey;

    fn at(since_boot_ms: u64) -> Moment {
        Moment {
            boot: [1; 16],
            since_boot_ms,
        }
    }

    fn issue(tickets: &mut Tickets, number: u8, now: u64) -> PinTicket {
        let opened = Opened {
            key: Box::new(UserKey::from_bytes(Zeroizing::new([number; 32]))),
            method: Method::Pin,
            tier: Tier::Software,
        };
        tickets.issue(native(), opened, For::Evidence, at(now)).unwrap()
    }

    #[test]
    fn a_ticket_is_good_once_and_for_its_own_key() {
        let mut tickets = Tickets::default();
        let (one, two) = (issue(&mut tickets, 1, 0), issue(&mut tickets, 2, 0));
        assert_eq!(tickets.take(&two, For::Evidence, at(1)).unwrap().key.expose(), &[2; 32]);
        assert!(tickets.take(&two, For::Evidence, at(1)).is_none());
        assert_eq!(tickets.take(&one, For::Evidence, at(1)).unwrap().key.expose(), &[1; 32]);
        assert_eq!(tickets.len(), 0);
        assert!(
            tickets
                .take(&PinTicket::from_bytes(&[0; 16]), For::Evidence, at(1))
                .is_none()
        );
    }

    #[test]
    fn a_ticket_that_is_brought_for_something_else_is_spent_and_gives_nothing() {
        for (made, asked) in [(For::Evidence, For::Change), (For::Change, For::Evidence)] {
            let mut tickets = Tickets::default();
            let opened = Opened {
                key: Box::new(UserKey::from_bytes(Zeroizing::new([1; 32]))),
                method: Method::Pin,
                tier: Tier::Software,
            };
            let ticket = tickets.issue(native(), opened, made, at(0)).unwrap();
            assert!(tickets.take(&ticket, asked, at(0)).is_none());
            assert!(tickets.take(&ticket, made, at(0)).is_none());
        }
    }

    #[test]
    fn a_ticket_dies_to_the_millisecond_and_by_a_clock_that_makes_no_sense() {
        for (now, good) in [
            (at(5_000), true),
            (at(124_999), true),
            (at(125_000), false),
            (at(4_999), false),
            (
                Moment {
                    boot: [2; 16],
                    since_boot_ms: 5_000,
                },
                false,
            ),
        ] {
            let mut tickets = Tickets::default();
            let ticket = issue(&mut tickets, 1, 5_000);
            assert_eq!(tickets.take(&ticket, For::Evidence, now).is_some(), good, "{now:?}");
        }
    }

    #[test]
    fn sweeping_wipes_the_old_and_keeps_the_young() {
        let mut tickets = Tickets::default();
        issue(&mut tickets, 1, 0);
        let young = issue(&mut tickets, 2, 60_000);
        tickets.sweep(at(119_999));
        assert_eq!(tickets.len(), 2);
        tickets.sweep(at(120_000));
        assert_eq!(tickets.len(), 1);
        assert!(tickets.take(&young, For::Evidence, at(120_000)).is_some());
    }

    #[test]
    fn the_fifth_pushes_out_the_first() {
        let mut tickets = Tickets::default();
        let all: Vec<_> = (1..=5).map(|number| issue(&mut tickets, number, 0)).collect();
        assert_eq!(tickets.len(), MAX_TICKETS);
        let good: Vec<_> = all
            .iter()
            .map(|ticket| tickets.take(ticket, For::Evidence, at(0)).is_some())
            .collect();
        assert_eq!(good, [false, true, true, true, true]);
    }

    #[test]
    fn a_ticket_that_is_moved_leaves_no_copy_behind() {
        let ticket = PinTicket::from_bytes(&[7; 16]);
        let bytes = ticket.as_bytes().as_ptr();
        let moved = Box::new((ticket, 0));
        assert_eq!(moved.0.as_bytes().as_ptr(), bytes);
    }

    #[test]
    fn tickets_and_their_keys_print_nothing() {
        let mut tickets = Tickets::default();
        let ticket = issue(&mut tickets, 1, 0);
        assert_eq!(format!("{ticket:?}"), "PinTicket([redacted])");
        assert_eq!(PinTicket::from_bytes(ticket.as_bytes()).as_bytes(), ticket.as_bytes());
    }
}
