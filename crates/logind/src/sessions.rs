//! What logind's signals mean for one person: pure, but for the messages that they come in.

use std::collections::HashMap;

use zbus::{Message, ObjectPath, OwnedObjectPath, OwnedVariant};

use crate::Cause;
use crate::bus::{Listed, MANAGER, SESSION};

/// What one of logind's signals says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The machine is about to sleep, or has woken.
    Sleep(bool),
    /// The machine is about to be shut down, or will not be.
    Shutdown(bool),
    /// There is a new session.
    New,
    /// This session has ended.
    Removed(OwnedObjectPath),
    /// This session is to be locked.
    Lock(OwnedObjectPath),
    /// Of this session it changed whether it is locked, and whether it is in front.
    Changed {
        session: OwnedObjectPath,
        locked: Option<bool>,
        active: Option<bool>,
    },
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing.
    Nothing,
    /// Sessions are to be listed anew.
    List,
    /// Everything is to be locked.
    Lock(Cause),
    /// The next sleep is to be delayed again.
    Awake,
}

/// The sessions of one person.
#[derive(Debug)]
pub(crate) struct Sessions {
    uid: u32,
    /// Whether each is at a seat.
    own: HashMap<OwnedObjectPath, bool>,
}

impl Told {
    /// What this signal of logind's says; `None` for what matters to nobody here.
    pub(crate) fn by(message: &Message) -> Option<Self> {
        let header = message.header();
        let body = message.body();
        let session = || Some(OwnedObjectPath::from(header.path()?.to_owned()));
        match (header.interface()?.as_str(), header.member()?.as_str()) {
            (MANAGER, "PrepareForSleep") => body.deserialize().ok().map(Self::Sleep),
            (MANAGER, "PrepareForShutdown") => body.deserialize().ok().map(Self::Shutdown),
            (MANAGER, "SessionNew") => Some(Self::New),
            (MANAGER, "SessionRemoved") => {
                let (_, session) = body.deserialize::<(&str, ObjectPath<'_>)>().ok()?;
                Some(Self::Removed(session.into()))
            }
            (SESSION, "Lock") => session().map(Self::Lock),
            ("org.freedesktop.DBus.Properties", "PropertiesChanged") => {
                let (interface, changed, _) = body
                    .deserialize::<(&str, HashMap<&str, OwnedVariant>, Vec<&str>)>()
                    .ok()?;
                let is = |name| bool::try_from(changed.get(name)?).ok();
                (interface == SESSION).then_some(Self::Changed {
                    session: session()?,
                    locked: is("LockedHint"),
                    active: is("Active"),
                })
            }
            _ => None,
        }
    }
}

impl Sessions {
    /// None yet, of this user.
    pub(crate) fn new(uid: u32) -> Self {
        Self {
            uid,
            own: HashMap::new(),
        }
    }

    /// Takes over which there are.
    pub(crate) fn list(&mut self, all: Vec<Listed>) {
        let own = all.into_iter().filter(|(_, uid, ..)| *uid == self.uid);
        self.own = own.map(|(_, _, _, seat, path)| (path, !seat.is_empty())).collect();
    }

    /// What is to be done about this.
    pub(crate) fn hear(&mut self, told: &Told) -> Act {
        match told {
            Told::Sleep(true) => Act::Lock(Cause::Sleep),
            Told::Sleep(false) => Act::Awake,
            Told::Shutdown(true) => Act::Lock(Cause::Shutdown),
            Told::New => Act::List,
            // One over the network that ends says nothing of who sits here.
            Told::Removed(session) => match self.own.remove(session) {
                Some(at_seat) if at_seat || self.own.is_empty() => Act::Lock(Cause::Ended),
                _ => Act::Nothing,
            },
            Told::Lock(session) if self.own.contains_key(session) => Act::Lock(Cause::Locked),
            Told::Changed {
                session,
                locked,
                active,
            } => match self.own.get(session) {
                Some(_) if *locked == Some(true) => Act::Lock(Cause::Locked),
                Some(true) if *active == Some(false) => Act::Lock(Cause::Away),
                _ => Act::Nothing,
            },
            Told::Shutdown(false) | Told::Lock(_) => Act::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn path(id: &str) -> OwnedObjectPath {
        format!("/org/freedesktop/login1/session/{id}").try_into().unwrap()
    }

    fn session(id: &str, uid: u32, seat: &str) -> Listed {
        (id.to_owned(), uid, "somebody".to_owned(), seat.to_owned(), path(id))
    }

    /// Person 1000 at the seat and over the network, and 1001 at the same seat.
    fn sessions() -> Sessions {
        let mut sessions = Sessions::new(1000);
        sessions.list(vec![
            session("_31", 1000, "seat0"),
            session("_32", 1000, ""),
            session("_33", 1001, "seat0"),
        ]);
        sessions
    }

    fn changed(id: &str, locked: Option<bool>, active: Option<bool>) -> Told {
        Told::Changed {
            session: path(id),
            locked,
            active,
        }
    }

    #[test]
    fn sleep_and_shutdown_lock_and_waking_delays_the_next_sleep() {
        let mut sessions = Sessions::new(1000);
        assert_eq!(sessions.hear(&Told::Sleep(true)), Act::Lock(Cause::Sleep));
        assert_eq!(sessions.hear(&Told::Sleep(false)), Act::Awake);
        assert_eq!(sessions.hear(&Told::Shutdown(true)), Act::Lock(Cause::Shutdown));
        assert_eq!(sessions.hear(&Told::Shutdown(false)), Act::Nothing);
        assert_eq!(sessions.hear(&Told::New), Act::List);
    }

    #[test]
    fn a_locked_session_locks_its_own_person_only() {
        let mut sessions = sessions();
        for (id, act) in [
            ("_31", Act::Lock(Cause::Locked)),
            ("_32", Act::Lock(Cause::Locked)),
            ("_33", Act::Nothing),
            ("_34", Act::Nothing),
        ] {
            assert_eq!(sessions.hear(&Told::Lock(path(id))), act, "{id}");
            assert_eq!(sessions.hear(&changed(id, Some(true), None)), act, "{id}");
            assert_eq!(
                sessions.hear(&changed(id, Some(false), Some(true))),
                Act::Nothing,
                "{id}"
            );
        }
    }

    #[test]
    fn who_is_not_in_front_at_their_seat_is_away() {
        let mut sessions = sessions();
        for (id, act) in [
            ("_31", Act::Lock(Cause::Away)),
            ("_32", Act::Nothing),
            ("_33", Act::Nothing),
        ] {
            assert_eq!(sessions.hear(&changed(id, None, Some(false))), act, "{id}");
        }
    }

    #[test]
    fn the_session_at_the_seat_and_the_last_one_end_what_is_open() {
        let mut sessions = sessions();
        assert_eq!(sessions.hear(&Told::Removed(path("_33"))), Act::Nothing);
        assert_eq!(sessions.hear(&Told::Removed(path("_31"))), Act::Lock(Cause::Ended));
        assert_eq!(sessions.hear(&Told::Removed(path("_32"))), Act::Lock(Cause::Ended));
        let mut sessions = self::sessions();
        assert_eq!(sessions.hear(&Told::Removed(path("_32"))), Act::Nothing);
    }
}
