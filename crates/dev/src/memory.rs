//! Looking for a secret in the memory of a running process, as somebody would who took it.

use std::fs::{self, File};
use std::io::BufRead as _;
use std::os::unix::fs::FileExt as _;

/// What is looked for, kept so that it is not itself found in the memory of who looks.
#[derive(Debug, Clone)]
pub struct Needle(Vec<u8>);

const MASK: u8 = 0xa5;
/// Bytes read at a time, beside what may be the beginning of a needle.
const CHUNK: usize = 1 << 20;

impl Needle {
    /// These bytes, sixteen or so: shorter ones may be found by chance.
    pub fn of(secret: &[u8]) -> Self {
        Self(secret.iter().map(|byte| byte ^ MASK).collect())
    }

    /// Whether it stands anywhere in what this process, which may be the own one, could read of its memory. It has to be a process that
    /// lets itself be looked at.
    pub fn is_in(&self, pid: u32) -> bool {
        let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let mut buffer = vec![0; CHUNK + self.0.len()];
        let own = buffer.as_ptr().addr();
        let own = own..own + buffer.len();
        let is_own = |address: usize| pid == std::process::id() && own.contains(&address);
        maps.lines().filter(|line| line.contains(" r")).any(|line| {
            let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            let (start, end) = (address(start), address(end));
            (start..end).step_by(CHUNK).any(|from| {
                let wanted = (end - from).min(buffer.len());
                // What the kernel maps into every process is not to be read.
                let read = memory.read_at(&mut buffer[..wanted], from as u64).unwrap_or(0);
                let found = self.starts_in(&buffer[..read]);
                found.into_iter().any(|at| !is_own(from + at))
            })
        })
    }

    /// Where it begins in these bytes. Most of the search is the standard library's, which is optimised in tests too.
    fn starts_in(&self, bytes: &[u8]) -> Vec<usize> {
        let (first, mut rest, mut starts) = (self.0[0] ^ MASK, bytes, Vec::new());
        while rest.len() >= self.0.len() {
            let skipped = rest.skip_until(first).unwrap();
            let at = bytes.len() - rest.len() - 1;
            let is_there = skipped > 0 && bytes[at..].len() >= self.0.len();
            if is_there
                && bytes[at..]
                    .iter()
                    .zip(&self.0)
                    .all(|(byte, masked)| byte ^ MASK == *masked)
            {
                starts.push(at);
            }
        }
        starts
    }
}

fn address(text: &str) -> usize {
    usize::from_str_radix(text, 16).unwrap()
}
