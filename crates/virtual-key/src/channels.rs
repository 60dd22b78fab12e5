//! Which channel belongs to which peer.

use crate::wire::Peer;

/// How many channels are remembered; the oldest is forgotten first, and its client asks for a new one.
const REMEMBERED: usize = 1 << 16;

/// The channels that were given out lately. They are numbered from 1 up, so each has its place in a ring.
#[derive(Debug, Default)]
pub struct Channels {
    ring: Vec<Option<(u32, Peer)>>,
}

impl Channels {
    /// Remembers to whom a channel was given, or from where its client sends now.
    pub fn set(&mut self, channel: u32, peer: Peer) {
        let place = place(channel);
        if place >= self.ring.len() {
            self.ring.resize(place + 1, None);
        }
        if let Some(entry) = self.ring.get_mut(place) {
            *entry = Some((channel, peer));
        }
    }

    /// Whose channel it is.
    pub fn owner(&self, channel: u32) -> Option<Peer> {
        let (of, peer) = (*self.ring.get(place(channel))?)?;
        (of == channel).then_some(peer)
    }

    /// Forgets a peer; returns the channels that it had.
    pub fn remove(&mut self, gone: Peer) -> Vec<u32> {
        let mut channels = Vec::new();
        for entry in &mut self.ring {
            if let Some((channel, peer)) = *entry
                && peer == gone
            {
                channels.push(channel);
                *entry = None;
            }
        }
        channels
    }
}

fn place(channel: u32) -> usize {
    usize::try_from(channel).unwrap_or(usize::MAX) % REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_channels_is_remembered_within_bounds_and_the_newest_are_kept() {
        let mut channels = Channels::default();
        let peer = Peer::Connection(1);
        let many = u32::try_from(REMEMBERED).unwrap_or(u32::MAX) + 10;
        for channel in 1..=many {
            channels.set(channel, peer);
        }
        assert_eq!(channels.ring.len(), REMEMBERED);
        assert_eq!(channels.owner(1), None);
        assert_eq!(channels.owner(many), Some(peer));
    }

    #[test]
    fn a_peer_that_is_gone_leaves_the_others_alone() {
        let mut channels = Channels::default();
        let (one, two) = (Peer::Connection(1), Peer::Connection(2));
        channels.set(1, one);
        channels.set(2, two);
        channels.set(3, one);
        assert_eq!(channels.remove(one), [1, 3]);
        assert_eq!((channels.owner(1), channels.owner(2)), (None, Some(two)));
    }
}
