//! One budget of requests for each customer, shared by the whole process; people go before bulk work.
//!
//! The decision is a pure struct told the time ([`Budget`]); [`Limiter`] waits by it. The breaker and the
//! budget of repeats live here too, because they belong to the same customer.

use crate::{
    Error,
    budget::{Budget, Lane},
    shared::SharedLists,
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Calls in a row that must fail, with all their tries, to open the breaker. A page makes three or
/// four at once, so this is a few people meeting a dead service, not one unlucky page.
const BREAK_AFTER: u32 = 10;
/// How long it stays open.
const BREAK_FOR: Duration = Duration::from_secs(5);
/// 503s in a row that weigh as much as one failure.
const PUSHES_PER_FAILURE: u32 = 3;
/// A request given up after this long counts as a failure: the service hangs.
const HANGS: Duration = Duration::from_secs(5);
/// Retries that are always allowed, and their share of all calls beyond that.
const RETRY_FLOOR: f64 = 10.0;
const RETRY_SHARE: f64 = 0.1;

/// What a limiter did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimiterStats {
    /// Requests in the last second.
    pub in_window: usize,
    /// People waiting.
    pub waiting: usize,
    /// The budget of bulk work at the moment, requests a second: a 503 halves it.
    pub limit: u32,
    /// How long an answer takes at the moment, without waiting for a place.
    pub latency: Duration,
    /// The service failed many times in a row: calls are not even sent, one now and then apart.
    pub open: bool,
}

impl LimiterStats {
    /// How many calls must be under way at the same time for the budget, not the round trip, to be the limit.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        let in_flight = (f64::from(self.limit) * self.latency.as_secs_f64() * SLACK).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a small range")]
        let in_flight = in_flight.clamp(0.0, 1000.0) as usize;
        in_flight.clamp(AT_LEAST, AT_MOST)
    }
}

/// Calls under way at the same time: never fewer, so that a first slow answer holds up nothing, and never more.
const AT_LEAST: usize = 8;
const AT_MOST: usize = 256;
/// What is under way beyond what the budget and the latency ask for: answers don't come evenly.
const SLACK: f64 = 1.5;
/// How much of the latency is that of the latest answer.
const LATEST: f64 = 0.1;

/// How a call ended, for the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The service answered, be it with a refusal: it lives.
    Answered,
    /// 503: it wants less. An outage only when nothing else comes for long.
    PushedBack,
    /// It failed, or did not answer.
    Outage,
}

impl Ended {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::RateLimited => Self::PushedBack,
            Error::Unavailable { .. } | Error::Timeout | Error::Ambiguous => Self::Outage,
            _ => Self::Answered,
        }
    }

    /// Its share of an open breaker.
    fn weight(self) -> u32 {
        match self {
            Self::Answered => 0,
            Self::PushedBack => 1,
            Self::Outage => PUSHES_PER_FAILURE,
        }
    }
}

#[derive(Debug)]
struct State {
    budget: Budget,
    failures: u32,
    open_until: Option<Instant>,
    calls: f64,
    retries: f64,
    /// Seconds an answer takes, the latest counting most.
    latency: Option<f64>,
}

/// The budget of one customer.
#[derive(Debug)]
pub(crate) struct Limiter {
    state: Mutex<State>,
    /// Who waits in a lane waits in line: one asks the budget, the others queue behind.
    people: tokio::sync::Mutex<()>,
    changes: tokio::sync::Mutex<()>,
    bulk: tokio::sync::Mutex<()>,
    /// The customer's own lists.
    pub(crate) lists: SharedLists,
}

impl Limiter {
    pub(crate) fn new(rate: u32) -> Self {
        let budget = Budget::new(rate);
        let state =
            Mutex::new(State { budget, failures: 0, open_until: None, calls: 0.0, retries: 0.0, latency: None });
        Self {
            state,
            people: tokio::sync::Mutex::default(),
            changes: tokio::sync::Mutex::default(),
            bulk: tokio::sync::Mutex::default(),
            lists: SharedLists::default(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self, lane: Lane) {
        let _waiting = (lane != Lane::Bulk).then(|| Waiting::new(self));
        let queue = match lane {
            Lane::Interactive => &self.people,
            Lane::Change => &self.changes,
            Lane::Bulk => &self.bulk,
        };
        let _turn = queue.lock().await;
        while let Err(wait) = self.with(|state| state.budget.take(Instant::now(), lane)) {
            sleep(wait).await;
        }
    }

    /// Whether the service may be asked at all. After the pause one call may look.
    pub(crate) fn closed(&self) -> bool {
        self.with(|state| {
            let now = Instant::now();
            match state.open_until {
                Some(until) if now < until => false,
                Some(_) => {
                    state.open_until = Some(now + BREAK_FOR);
                    true
                }
                None => true,
            }
        })
    }

    /// Whether the breaker is open or a call is looking: no time for repeats.
    pub(crate) fn open(&self) -> bool {
        self.with(|state| state.open_until.is_some())
    }

    /// Notes a 503.
    pub(crate) fn pushed_back(&self) {
        self.with(|state| state.budget.pushed_back(Instant::now()));
    }

    /// Notes how a call ended, after its tries.
    pub(crate) fn ended(&self, ended: Ended) {
        self.with(|state| {
            if ended == Ended::Answered {
                state.failures = 0;
                state.open_until = None;
                return;
            }
            state.failures = state.failures.saturating_add(ended.weight());
            if state.failures >= BREAK_AFTER * PUSHES_PER_FAILURE {
                state.open_until = Some(Instant::now() + BREAK_FOR);
            }
        });
    }

    /// Counts a call; its repeats are asked for with [`Self::may_retry`].
    pub(crate) fn first_try(&self) {
        self.with(|state| {
            // Old counts fade, so that a quiet day doesn't pay for a storm.
            if state.calls > 1000.0 {
                state.calls /= 2.0;
                state.retries /= 2.0;
            }
            state.calls += 1.0;
        });
    }

    /// Takes one repeat from the budget of repeats: a failing service gets few.
    pub(crate) fn may_retry(&self) -> bool {
        self.with(|state| {
            let allowed = state.retries < RETRY_FLOOR + state.calls * RETRY_SHARE;
            if allowed {
                state.retries += 1.0;
            }
            allowed
        })
    }

    /// A request leaves. When nobody waits for it any more before it lands, the service was too slow.
    pub(crate) fn takes_off(&self) -> Flight<'_> {
        Flight { limiter: self, since: Some(Instant::now()) }
    }

    pub(crate) fn stats(&self) -> LimiterStats {
        self.with(|state| {
            let now = Instant::now();
            LimiterStats {
                in_window: state.budget.in_window(now),
                waiting: state.budget.waiting,
                limit: state.budget.limit(now, Lane::Bulk),
                latency: Duration::from_secs_f64(state.latency.unwrap_or_default()),
                open: state.open_until.is_some(),
            }
        })
    }
}

/// A request on its way. Callers with less patience than a try's timeout drop it; without a word of
/// that the breaker would never hear of a service that hangs.
pub(crate) struct Flight<'a> {
    limiter: &'a Limiter,
    since: Option<Instant>,
}

impl Flight<'_> {
    pub(crate) fn lands(mut self) {
        if let Some(since) = self.since.take() {
            let took = since.elapsed().as_secs_f64();
            self.limiter.with(|state| {
                state.latency = Some(state.latency.map_or(took, |known| known + (took - known) * LATEST));
            });
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if self.since.is_some_and(|since| since.elapsed() >= HANGS) {
            self.limiter.ended(Ended::Outage);
        }
    }
}

/// Counts a person as waiting for as long as it lives.
struct Waiting<'a>(&'a Limiter);

impl<'a> Waiting<'a> {
    fn new(limiter: &'a Limiter) -> Self {
        limiter.with(|state| state.budget.waiting += 1);
        Self(limiter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.budget.waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        pin::{Pin, pin},
        task::{Context, Waker},
    };

    #[tokio::test(start_paused = true)]
    async fn the_breaker_opens_after_failures_in_a_row_and_lets_one_look() {
        let limiter = Limiter::new(80);
        for _ in 0..BREAK_AFTER {
            assert!(limiter.closed());
            limiter.ended(Ended::Outage);
        }
        assert!(!limiter.closed());
        tokio::time::advance(BREAK_FOR).await;
        assert!(limiter.closed(), "one may look");
        assert!(!limiter.closed(), "the next waits for what it finds");
        limiter.ended(Ended::Answered);
        assert!(limiter.closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_503_opens_the_breaker_only_when_nothing_else_comes() {
        let limiter = Limiter::new(80);
        let pushes = BREAK_AFTER * PUSHES_PER_FAILURE;
        for _ in 1..pushes {
            limiter.ended(Ended::PushedBack);
        }
        limiter.ended(Ended::Answered);
        limiter.ended(Ended::PushedBack);
        assert!(limiter.closed(), "an answer between them: it lives");
        for _ in 1..pushes {
            limiter.ended(Ended::PushedBack);
        }
        assert!(!limiter.closed());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_nobody_waits_for_any_more_count_when_they_hung() {
        let limiter = Limiter::new(80);
        let give_up = async |after: Duration| {
            for _ in 0..BREAK_AFTER {
                let flight = limiter.takes_off();
                tokio::time::advance(after).await;
                drop(flight);
            }
        };
        give_up(Duration::from_secs(1)).await;
        assert!(limiter.closed(), "a browser was closed");
        give_up(HANGS).await;
        assert!(!limiter.closed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_late_does_not_overtake_who_waits_in_the_same_lane() {
        let limiter = Limiter::new(1);
        limiter.enter(Lane::Bulk).await;
        let polled = |future: Pin<&mut dyn Future<Output = ()>>| future.poll(&mut Context::from_waker(Waker::noop()));
        let (mut early, mut late) = (pin!(limiter.enter(Lane::Bulk)), pin!(limiter.enter(Lane::Bulk)));
        assert!(polled(early.as_mut()).is_pending());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(polled(late.as_mut()).is_pending(), "there is a place, but not for it");
        early.await;
        late.await;
    }

    #[tokio::test]
    async fn a_failing_service_gets_few_repeats() {
        let limiter = Limiter::new(80);
        let mut repeats = 0;
        for _ in 0..200 {
            limiter.first_try();
            repeats += (0..2).filter(|_| limiter.may_retry()).count();
        }
        assert!((20..=40).contains(&repeats), "{repeats} repeats of 200 calls");
    }

    #[tokio::test(start_paused = true)]
    async fn people_overtake_bulk_that_waits() {
        let limiter = std::sync::Arc::new(Limiter::new(2));
        limiter.enter(Lane::Bulk).await;
        limiter.enter(Lane::Bulk).await;
        let order = std::sync::Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for lane in [Lane::Bulk, Lane::Bulk, Lane::Interactive, Lane::Interactive] {
            let (limiter, order) = (limiter.clone(), order.clone());
            tasks.spawn(async move {
                limiter.enter(lane).await;
                order.lock().unwrap().push(lane);
            });
        }
        tasks.join_all().await;
        assert_eq!(*order.lock().unwrap(), [Lane::Interactive, Lane::Interactive, Lane::Bulk, Lane::Bulk]);
    }
}
