//! Measures and prints. Also compiled into the comparison in `../compare`.

use std::hint::black_box;
use std::time::Instant;

/// One thing to measure.
pub struct Case<'a> {
    label: String,
    run: Box<dyn FnMut() + 'a>,
}

impl<'a> Case<'a> {
    /// `run` is what is timed, once for each measurement.
    pub fn new<T>(label: impl Into<String>, mut run: impl FnMut() -> T + 'a) -> Self {
        Self {
            label: label.into(),
            run: Box::new(move || drop(black_box(run()))),
        }
    }
}

/// Measures every case `rounds` times, one after the other in each round, so that whatever else the machine does hits
/// all of them alike. Prints the median and the 99th percentile of single calls, and returns the medians, in
/// microseconds.
pub fn measure<const N: usize>(rounds: usize, mut cases: [Case<'_>; N]) -> [f64; N] {
    let mut nanos = [const { Vec::new() }; N];
    for round in 0..rounds + rounds / 10 {
        for (case, nanos) in cases.iter_mut().zip(&mut nanos) {
            let start = Instant::now();
            (case.run)();
            let elapsed = start.elapsed();
            // The first rounds warm the caches.
            if round >= rounds / 10 {
                nanos.push(elapsed.as_nanos());
            }
        }
    }
    let mut medians = [0.0; N];
    for ((case, nanos), median) in cases.iter().zip(&mut nanos).zip(&mut medians) {
        nanos.sort_unstable();
        let micros = |at: usize| {
            let nanos = nanos.get(at).copied().unwrap_or_default();
            f64::from(u32::try_from(nanos).unwrap_or(u32::MAX)) / 1000.0
        };
        *median = micros(rounds / 2);
        println!(
            "{:<52} {:>10.1} {:>10.1}",
            case.label,
            *median,
            micros(rounds * 99 / 100)
        );
    }
    medians
}

/// What stands above the numbers of one group.
pub fn heading(text: &str) {
    println!("\n{text:<52} {:>10} {:>10}", "median µs", "p99 µs");
}

/// How often each case is measured; quickly, to see whether everything runs.
pub fn rounds(quick: bool) -> usize {
    if quick { 10 } else { 2000 }
}
