//! Waiting beside what is under way.

use futures::{StreamExt, stream::FuturesUnordered};

/// Waits for something while the flights go on, and keeps what those come to. A flight that nobody polls may hold the
/// connection, or be next in the queue for it, that is waited for: then neither would ever go on.
pub(super) async fn meanwhile<F: Future, T>(
    flights: &mut FuturesUnordered<F>,
    landed: &mut Vec<F::Output>,
    wait: impl Future<Output = T>,
) -> T {
    tokio::pin!(wait);
    loop {
        tokio::select! {
            result = &mut wait => return result,
            Some(ended) = flights.next() => landed.push(ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::{sync::Mutex, time::sleep};

    #[tokio::test]
    async fn who_waits_for_what_a_flight_holds_gets_it() {
        let writer = Mutex::new(());
        let mut flights = FuturesUnordered::new();
        flights.push(async {
            let _writing = writer.lock().await;
            sleep(Duration::from_millis(5)).await;
            7
        });
        assert!(futures::poll!(flights.next()).is_pending(), "it has the writer now");
        let mut landed = Vec::new();
        let wait = meanwhile(&mut flights, &mut landed, writer.lock());
        assert!(tokio::time::timeout(Duration::from_secs(2), wait).await.is_ok(), "it never comes");
        assert_eq!(landed, [7]);
    }
}
