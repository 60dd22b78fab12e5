//! The user's turn at the seat: a key that was refused because another session was in front is worth asking for again when that changes.

use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::Duration;

use claviger_kernel::changes::Changes;
use tokio::time::sleep;

use super::helper::Seats;

/// Waits between two tries.
#[derive(Debug)]
pub struct Turn {
    /// `None` where nobody tells; then only time passes.
    watch: Option<Watch>,
    uid: u32,
}

#[derive(Debug)]
struct Watch {
    seats: Seats,
    changes: Changes,
}

impl Turn {
    /// Watches whether this user's session is in front. Call it within a tokio runtime that has I/O enabled.
    pub fn watch(directory: &Path, uid: u32) -> Self {
        let watch = Watch::begin(directory)
            .inspect_err(|error| tracing::info!(%error, "nobody tells who sits at this machine"))
            .ok();
        Self { watch, uid }
    }

    /// Waits for so long, or until the user's session comes to the front, which is the answer.
    pub async fn wait(&mut self, pause: Duration) -> bool {
        tokio::select! {
            () = comes(self.watch.as_mut(), self.uid) => true,
            () = sleep(pause) => false,
        }
    }
}

impl Watch {
    fn begin(directory: &Path) -> io::Result<Self> {
        let seats = Seats::watch(directory)?;
        let changes = Changes::of(seats.as_fd().try_clone_to_owned()?)?;
        Ok(Self { seats, changes })
    }
}

async fn comes(watch: Option<&mut Watch>, uid: u32) {
    if let Some(Watch { seats, changes }) = watch {
        // What happened while the key was there is no news.
        seats.refresh();
        let mut before = seats.is_active(uid);
        while changes.next().await.is_ok() {
            seats.refresh();
            let now = seats.is_active(uid);
            if now && !before {
                return;
            }
            before = now;
        }
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn seat(directory: &Path, uid: u32) {
        fs::write(directory.join(".new"), format!("ACTIVE_UID={uid}\n")).unwrap();
        fs::rename(directory.join(".new"), directory.join("seat0")).unwrap();
    }

    #[tokio::test]
    async fn the_wait_ends_when_the_user_s_session_comes_to_the_front() {
        let directory = tempfile::tempdir().unwrap();
        seat(directory.path(), 1001);
        let mut turn = Turn::watch(directory.path(), 1000);
        assert!(!turn.wait(Duration::from_millis(1)).await);
        let (came, ()) = tokio::join!(turn.wait(LONG), async { seat(directory.path(), 1000) });
        assert!(came);
    }

    #[tokio::test]
    async fn it_lasts_while_others_come_and_go_and_for_who_is_there_already() {
        let directory = tempfile::tempdir().unwrap();
        seat(directory.path(), 1000);
        let mut turn = Turn::watch(directory.path(), 1000);
        for uid in [1000, 1001, 1002] {
            let short = Duration::from_millis(20);
            let (came, ()) = tokio::join!(turn.wait(short), async { seat(directory.path(), uid) });
            assert!(!came, "{uid}");
        }
    }

    #[tokio::test]
    async fn without_seats_time_passes() {
        let directory = tempfile::tempdir().unwrap();
        let mut turn = Turn::watch(&directory.path().join("none"), 1000);
        assert!(!turn.wait(Duration::from_millis(1)).await);
    }
}
