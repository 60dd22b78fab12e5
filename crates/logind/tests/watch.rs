//! The watch over a real bus. logind is played: the real one runs beside systemd only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::{Cell, RefCell};
use std::future::{Ready, ready};

use claviger_dev::bus::Bus;
use claviger_dev::logind::Logind as Played;
use claviger_dev::wait::until;
use claviger_logind::{Cause, Logind};
use claviger_peer::SystemBus;
use rustix::process::getuid;

/// What the watch has done.
#[derive(Default)]
struct Watched {
    there: Cell<bool>,
    locked: RefCell<Vec<Cause>>,
}

impl Watched {
    fn lock(&self, cause: Cause) -> Ready<()> {
        self.locked.borrow_mut().push(cause);
        ready(())
    }

    async fn until_there(&self, is: bool) {
        until("the watch knows whether logind is there", async || {
            self.there.get() == is
        })
        .await;
    }

    async fn until_locked(&self, causes: &[Cause]) {
        until("it is locked", async || *self.locked.borrow() == causes).await;
    }
}

/// Does `steps` while somebody watches.
async fn while_watched(bus: &Bus, owner: u32, watched: &Watched, steps: impl Future<Output = ()>) {
    let logind = Logind::on(SystemBus::at(bus.address(), owner));
    tokio::select! {
        () = logind.watch(|is| watched.there.set(is), |cause| watched.lock(cause)) => panic!("it returned"),
        () = steps => {}
    }
}

#[tokio::test]
async fn sleep_waits_for_the_lock_and_the_next_one_does_too() {
    let (bus, watched) = (Bus::start(), Watched::default());
    let logind = Played::serve(bus.connect().await).await;
    while_watched(&bus, getuid().as_raw(), &watched, async {
        watched.until_there(true).await;
        let mut causes = Vec::new();
        for _ in 0..2 {
            until("sleep is delayed", async || logind.delays() == 1).await;
            logind.prepare_for_sleep(true).await;
            causes.push(Cause::Sleep);
            // Only who has locked lets the machine sleep.
            until("the machine may sleep", async || logind.delays() == 0).await;
            assert_eq!(*watched.locked.borrow(), causes);
            logind.prepare_for_sleep(false).await;
        }
        until("sleep is delayed", async || logind.delays() == 1).await;
    })
    .await;
}

#[tokio::test]
async fn the_sessions_lock_and_its_end_are_heard() {
    let (bus, watched) = (Bus::start(), Watched::default());
    let logind = Played::serve(bus.connect().await).await;
    while_watched(&bus, getuid().as_raw(), &watched, async {
        watched.until_there(true).await;
        logind.lock_session().await;
        watched.until_locked(&[Cause::Locked]).await;
        logind.end_session().await;
        watched.until_locked(&[Cause::Locked, Cause::Ended]).await;
        assert_eq!(logind.delays(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_logind_that_comes_later_or_anew_is_heard() {
    let (bus, watched) = (Bus::start(), Watched::default());
    while_watched(&bus, getuid().as_raw(), &watched, async {
        for _ in 0..2 {
            watched.until_there(false).await;
            let logind = Played::serve(bus.connect().await).await;
            watched.until_there(true).await;
            logind.lock_session().await;
            until("it is locked", async || !watched.locked.take().is_empty()).await;
            logind.end().await;
        }
        watched.until_there(false).await;
    })
    .await;
}

#[tokio::test]
async fn another_users_program_is_not_taken_for_logind_and_no_other_program_is_heard() {
    let (bus, watched) = (Bus::start(), Watched::default());
    let logind = Played::serve(bus.connect().await).await;
    while_watched(&bus, getuid().as_raw() + 1, &watched, async {
        // Whoever is believed is asked for a delay; this answers after the watch was turned away.
        assert_eq!(logind.delays(), 0);
        logind.lock_session().await;
    })
    .await;
    assert!(!watched.there.get());

    while_watched(&bus, getuid().as_raw(), &watched, async {
        watched.until_there(true).await;
        let stranger = bus.connect().await;
        let path = "/org/freedesktop/login1";
        let manager = "org.freedesktop.login1.Manager";
        stranger
            .emit_signal(None::<&str>, path, manager, "PrepareForSleep", &(true,))
            .await
            .unwrap();
        logind.lock_session().await;
        watched.until_locked(&[Cause::Locked]).await;
    })
    .await;
}

#[tokio::test]
async fn without_a_system_bus_nothing_is_heard_and_the_watch_goes_on() {
    let watched = Watched::default();
    watched.there.set(true);
    let logind = Logind::on(SystemBus::at("unix:path=/nonexistent", 0));
    tokio::select! {
        () = logind.watch(|is| watched.there.set(is), |cause| watched.lock(cause)) => panic!("it returned"),
        () = watched.until_there(false) => {}
    }
}
