//! A simulated disk whose power can be cut.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::{Birth, DiskError, Found, Medium};

#[derive(Clone, Debug)]
struct File {
    content: Vec<u8>,
    synced: bool,
    birth: Birth,
}

#[derive(Clone, Debug, Default)]
struct Contents {
    files: Vec<File>,
    /// What the name pointed to at the last sync of the directory, and at each change since.
    names: Vec<Option<usize>>,
    born: i64,
    noted: Option<u64>,
    steps_left: Option<usize>,
}

/// A disk that keeps what was synced and anything of what was not.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<Contents>>);

impl Disk {
    /// Cuts the power after so many more steps.
    pub(super) fn cut_after(&self, steps: usize) {
        self.0.lock().unwrap().steps_left = Some(steps);
    }

    /// The content of the file that was made last.
    pub(super) fn newest(&self) -> Vec<u8> {
        self.0.lock().unwrap().files.last().unwrap().content.clone()
    }

    fn step(&self) -> Result<MutexGuard<'_, Contents>, DiskError> {
        let mut contents = self.0.lock().unwrap();
        match contents.steps_left.as_mut() {
            Some(0) => return Err(DiskError::TooLarge("the power is out".into())),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(contents)
    }

    /// Every disk that may be found when the power is back: each name that was given since the last sync, with each prefix of
    /// a content that was not synced.
    pub(super) fn after_power_cut(&self) -> Vec<Self> {
        let contents = self.0.lock().unwrap().clone();
        let names = if contents.names.is_empty() {
            vec![None]
        } else {
            contents.names.clone()
        };
        let mut survivors = Vec::new();
        for name in names {
            let lengths = match name.map(|index| &contents.files[index]) {
                Some(file) if !file.synced => 0..=file.content.len(),
                Some(file) => file.content.len()..=file.content.len(),
                None => 0..=0,
            };
            for length in lengths {
                let mut files = contents.files.clone();
                if let Some(index) = name {
                    files[index].content.truncate(length);
                    files[index].synced = true;
                }
                let survivor = Contents {
                    files,
                    names: vec![name],
                    born: contents.born,
                    noted: contents.noted,
                    steps_left: None,
                };
                survivors.push(Self(Arc::new(Mutex::new(survivor))));
            }
        }
        survivors
    }

    /// Copies a file of these bytes to where hello's file is.
    pub(super) fn put_back(&self, content: Vec<u8>) {
        let mut contents = self.0.lock().unwrap();
        contents.born += 1;
        let birth = Birth {
            seconds: contents.born,
            nanoseconds: 0,
        };
        contents.files.push(File {
            content,
            synced: true,
            birth,
        });
        contents.names = vec![Some(contents.files.len() - 1)];
    }
}

impl Medium for Disk {
    fn read(&mut self) -> Result<Option<Found>, DiskError> {
        let contents = self.0.lock().unwrap();
        let file = contents
            .names
            .last()
            .copied()
            .flatten()
            .map(|index| contents.files[index].clone());
        Ok(file.map(|file| Found {
            bytes: file.content,
            birth: Some(file.birth),
        }))
    }

    fn create(&mut self) -> Result<Option<Birth>, DiskError> {
        let mut contents = self.step()?;
        contents.born += 1;
        let birth = Birth {
            seconds: contents.born,
            nanoseconds: 0,
        };
        contents.files.push(File {
            content: Vec::new(),
            synced: false,
            birth,
        });
        Ok(Some(birth))
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.step()?.files.last_mut().unwrap().content.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), DiskError> {
        self.step()?.files.last_mut().unwrap().synced = true;
        Ok(())
    }

    fn publish(&mut self) -> Result<(), DiskError> {
        let mut contents = self.step()?;
        if contents.names.is_empty() {
            contents.names.push(None);
        }
        let newest = contents.files.len() - 1;
        contents.names.push(Some(newest));
        Ok(())
    }

    fn sync_directory(&mut self) -> Result<(), DiskError> {
        let mut contents = self.step()?;
        let newest = contents.names.last().copied().flatten();
        contents.names = vec![newest];
        Ok(())
    }

    fn note(&mut self, generation: u64) -> Result<(), DiskError> {
        self.step()?.noted = Some(generation);
        Ok(())
    }

    fn noted(&mut self) -> Result<Option<u64>, DiskError> {
        Ok(self.0.lock().unwrap().noted)
    }
}
