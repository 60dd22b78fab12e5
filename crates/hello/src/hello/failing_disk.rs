//! A disk that fails after so many steps, and what hello does with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicUsize, Ordering};

use claviger_ctap::crypto::native;

use super::{
    tests::{RIGHT, TestClock, WRONG, pin, request},
    *,
};
use crate::disk::{Birth, DiskError, Found};

#[derive(Debug, Default)]
struct Contents {
    published: Vec<u8>,
    new: Vec<u8>,
    noted: Option<u64>,
}

type Meanwhile = Box<dyn FnOnce() + Send>;

/// Keeps the last published file in memory and fails after so many steps.
#[derive(Clone, Default)]
pub(super) struct Failing {
    file: Arc<Mutex<Contents>>,
    pub(super) steps_left: Arc<AtomicUsize>,
    /// What happens, once, while a file is made durable.
    pub(super) meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

impl Failing {
    /// The file as a restart would find it.
    pub(super) fn published(&self) -> Vec<u8> {
        self.file.lock().unwrap().published.clone()
    }

    fn step(&self) -> Result<(), DiskError> {
        let taken = self
            .steps_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        taken.map(|_| ()).map_err(|_| DiskError::InUse("a full disk".into()))
    }
}

impl Medium for Failing {
    fn read(&mut self) -> Result<Option<Found>, DiskError> {
        let bytes = self.file.lock().unwrap().published.clone();
        Ok((!bytes.is_empty()).then_some(Found { bytes, birth: None }))
    }

    fn create(&mut self) -> Result<Option<Birth>, DiskError> {
        self.step().map(|()| None)
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.step()?;
        self.file.lock().unwrap().new = bytes.to_vec();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), DiskError> {
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        self.step()
    }

    fn publish(&mut self) -> Result<(), DiskError> {
        self.step()?;
        let mut file = self.file.lock().unwrap();
        file.published = file.new.clone();
        Ok(())
    }

    fn sync_directory(&mut self) -> Result<(), DiskError> {
        self.step()
    }

    fn note(&mut self, generation: u64) -> Result<(), DiskError> {
        self.step()?;
        self.file.lock().unwrap().noted = Some(generation);
        Ok(())
    }

    fn noted(&mut self) -> Result<Option<u64>, DiskError> {
        Ok(self.file.lock().unwrap().noted)
    }
}

#[test]
fn a_guess_is_looked_at_only_when_the_try_is_on_disk() {
    let medium = Failing::default();
    let clock = Arc::new(TestClock::default());
    medium.steps_left.store(7, Ordering::SeqCst);
    let hello = Hello::open_medium(Box::new(medium.clone()), clock.clone(), native()).unwrap();
    hello.set_pin(&pin(RIGHT)).unwrap();
    for steps in 0..6 {
        medium.steps_left.store(steps, Ordering::SeqCst);
        // Not even the right PIN, and nobody learns which it was.
        assert!(
            matches!(hello.verify(pin(RIGHT), &request(1)), Err(HelloError::Store(_))),
            "{steps}"
        );
        assert!(
            matches!(hello.verify(pin(WRONG), &request(1)), Err(HelloError::Store(_))),
            "{steps}"
        );
    }
    // The try is on disk, setting it back is not: the user goes on, and after a restart a try is missing, never one more.
    for steps in 6..12 {
        medium.steps_left.store(steps, Ordering::SeqCst);
        hello.verify(pin(RIGHT), &request(1)).unwrap();
        let restarted = Hello::open_medium(Box::new(medium.clone()), clock.clone(), native()).unwrap();
        assert_eq!(
            restarted.status().pin().unwrap().tries_left,
            if steps < 10 { 9 } else { 10 },
            "{steps}"
        );
    }
}
