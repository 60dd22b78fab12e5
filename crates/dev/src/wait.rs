//! Waiting for what another process or task does.

use std::time::{Duration, Instant};

/// For a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long is left to who works between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until it is so; after a minute the test fails, and says `what` did not happen.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
