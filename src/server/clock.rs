//! Says when the system's clock was set: sessions, proofs and plans go by it.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How far it may be from the time that passed, in milliseconds.
const SLACK_MS: u64 = 10_000;

/// By how much the clock was set, when that much time passed by the clock and by a watch.
fn set_by(clock_ms: i64, watch: Duration) -> Option<i64> {
    let passed = i64::try_from(watch.as_millis()).unwrap_or(i64::MAX);
    let by = clock_ms.saturating_sub(passed);
    (by.unsigned_abs() > SLACK_MS).then_some(by)
}

/// Looks at the clock for as long as it is polled, and warns when it was set.
pub async fn keep_watched(clock: fn() -> i64) {
    let (mut at, mut since) = (clock(), Instant::now());
    loop {
        sleep(LOOK_EVERY).await;
        let now = clock();
        if let Some(by) = set_by(now - at, since.elapsed()) {
            tracing::warn!(seconds = by / 1_000, "the system's clock was set; sessions may end, and proofs count anew");
        }
        (at, since) = (now, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_noticed() {
        let watch = Duration::from_secs(15);
        for (clock, by) in [
            (15_000, None),
            (16_000, None),
            (5_001, None),
            (3_615_000, Some(3_600_000)),
            (-3_585_000, Some(-3_600_000)),
            (i64::MIN, Some(i64::MIN)),
        ] {
            assert_eq!(set_by(clock, watch), by, "{clock}");
        }
    }
}
