//! One budget of requests for each customer, shared by the whole process; people go before bulk work.
//!
//! The decision is a pure struct told the time ([`Budget`]); [`Limiter`] waits by it.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Who a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A person waits for it.
    Interactive,
    /// Nobody waits: mirrors, jobs.
    Bulk,
}

/// The window that the service counts in `[doc]`.
const WINDOW: Duration = Duration::from_secs(1);
/// How long a 503 halves the budget.
const HALVED: Duration = Duration::from_secs(10);
/// Calls in a row that must fail, with all their tries, to open the breaker. A page makes three or
/// four at once, so this is a few people meeting a dead service, not one unlucky page.
const BREAK_AFTER: u32 = 10;
/// How long it stays open.
const BREAK_FOR: Duration = Duration::from_secs(5);
/// Retries that are always allowed, and their share of all requests beyond that.
const RETRY_FLOOR: f64 = 10.0;
const RETRY_SHARE: f64 = 0.1;

/// What a limiter did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimiterStats {
    /// Requests in the last second.
    pub in_window: usize,
    /// People waiting.
    pub waiting: usize,
    /// The budget at the moment, requests a second.
    pub limit: u32,
}

/// The pure core: when may the next request of a lane go?
#[derive(Debug)]
pub(crate) struct Budget {
    rate: u32,
    sent: VecDeque<(Instant, Lane)>,
    halved_until: Option<Instant>,
    waiting: usize,
}

impl Budget {
    pub(crate) fn new(rate: u32) -> Self {
        Self { rate: rate.max(1), sent: VecDeque::new(), halved_until: None, waiting: 0 }
    }

    fn limit(&self, now: Instant) -> u32 {
        if self.halved_until.is_some_and(|until| now < until) { (self.rate / 2).max(1) } else { self.rate }
    }

    /// Takes a place in the window, or says how long to wait before asking again.
    pub(crate) fn take(&mut self, now: Instant, lane: Lane) -> Result<(), Duration> {
        while self.sent.front().is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.sent.pop_front();
        }
        let limit = self.limit(now) as usize;
        // Until this many have left the window there is no place.
        let over = |count: usize, limit: usize| (count + 1).saturating_sub(limit);
        let mut leave = over(self.sent.len(), limit);
        if lane == Lane::Bulk {
            let people = self.waiting > 0 || self.sent.iter().any(|(_, lane)| *lane == Lane::Interactive);
            if people {
                // While people are at it, a quarter of the budget is theirs alone.
                let bulk = self.sent.iter().filter(|(_, lane)| *lane == Lane::Bulk).count();
                if over(bulk, (limit * 3 / 4).max(1)) > 0 {
                    leave = leave.max(1);
                }
            }
            if self.waiting > 0 {
                leave = leave.max(1);
            }
        }
        if leave == 0 {
            self.sent.push_back((now, lane));
            return Ok(());
        }
        let free = self
            .sent
            .get(leave - 1)
            .map_or(Duration::from_millis(5), |(at, _)| WINDOW.saturating_sub(now.duration_since(*at)));
        Err(free.max(Duration::from_millis(1)))
    }

    pub(crate) fn pushed_back(&mut self, now: Instant) {
        self.halved_until = Some(now + HALVED);
    }
}

#[derive(Debug)]
struct State {
    budget: Budget,
    failures: u32,
    open_until: Option<Instant>,
    tries: f64,
    retries: f64,
}

/// The budget of one customer.
#[derive(Debug)]
pub(crate) struct Limiter(Mutex<State>);

impl Limiter {
    pub(crate) fn new(rate: u32) -> Self {
        Self(Mutex::new(State { budget: Budget::new(rate), failures: 0, open_until: None, tries: 0.0, retries: 0.0 }))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self, lane: Lane) {
        let _waiting = (lane == Lane::Interactive).then(|| Waiting::new(self));
        while let Err(wait) = self.with(|state| state.budget.take(Instant::now(), lane)) {
            sleep(wait).await;
        }
    }

    /// Whether the service may be asked at all. After the pause one request may look.
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

    /// Notes a 503.
    pub(crate) fn pushed_back(&self) {
        self.with(|state| state.budget.pushed_back(Instant::now()));
    }

    /// Notes how a call ended, after its tries.
    pub(crate) fn ended(&self, outage: bool) {
        self.with(|state| {
            let now = Instant::now();
            if outage {
                state.failures += 1;
                if state.failures >= BREAK_AFTER {
                    state.open_until = Some(now + BREAK_FOR);
                }
            } else {
                state.failures = 0;
                state.open_until = None;
            }
        });
    }

    /// Counts a request, and says whether it may be repeated: a failing service gets few repeats.
    pub(crate) fn may_retry(&self, first: bool) -> bool {
        self.with(|state| {
            // Old counts fade, so that a quiet day doesn't pay for a storm.
            if state.tries > 1000.0 {
                state.tries /= 2.0;
                state.retries /= 2.0;
            }
            if first {
                state.tries += 1.0;
                return true;
            }
            let allowed = state.retries < RETRY_FLOOR + state.tries * RETRY_SHARE;
            if allowed {
                state.retries += 1.0;
            }
            allowed
        })
    }

    pub(crate) fn stats(&self) -> LimiterStats {
        self.with(|state| {
            let now = Instant::now();
            LimiterStats {
                in_window: state.budget.sent.iter().filter(|(at, _)| now.duration_since(*at) < WINDOW).count(),
                waiting: state.budget.waiting,
                limit: state.budget.limit(now),
            }
        })
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
    use proptest::{collection::vec, prelude::*};

    /// Sends at the given gaps, waiting as told; returns when each went, in milliseconds.
    fn run(rate: u32, steps: &[(u64, bool)]) -> Vec<(u64, Lane)> {
        let start = Instant::now();
        let mut budget = Budget::new(rate);
        let mut now = start;
        let mut went = Vec::new();
        for (gap, bulk) in steps {
            now += Duration::from_millis(*gap);
            let lane = if *bulk { Lane::Bulk } else { Lane::Interactive };
            while let Err(wait) = budget.take(now, lane) {
                now += wait;
            }
            went.push((u64::try_from(now.duration_since(start).as_micros()).unwrap(), lane));
        }
        went
    }

    proptest! {
        #[test]
        fn no_second_holds_more_than_the_rate(rate in 1_u32..20, steps in vec((0_u64..200, any::<bool>()), 1..120)) {
            let went = run(rate, &steps);
            for (index, (at, _)) in went.iter().enumerate() {
                let within = went[index..].iter().take_while(|(other, _)| other - at < 1_000_000).count();
                prop_assert!(within <= rate as usize, "{} in a second from {}", within, at);
            }
        }

        #[test]
        fn an_unused_budget_lets_everything_through_at_once(rate in 1_u32..100) {
            let went = run(rate, &vec![(0, false); rate as usize]);
            prop_assert!(went.iter().all(|(at, _)| *at == 0));
        }
    }

    #[test]
    fn a_503_halves_the_budget_for_ten_seconds() {
        let start = Instant::now();
        let mut budget = Budget::new(80);
        budget.pushed_back(start);
        let fits = |budget: &mut Budget, at: Instant| {
            (0..100).take_while(|_| budget.take(at, Lane::Interactive).is_ok()).count()
        };
        assert_eq!(fits(&mut budget, start), 40);
        assert_eq!(fits(&mut budget, start + Duration::from_secs(9)), 40);
        assert_eq!(fits(&mut budget, start + Duration::from_secs(11)), 80);
    }

    #[test]
    fn bulk_leaves_a_quarter_to_people_and_steps_back_for_those_who_wait() {
        let now = Instant::now();
        let mut budget = Budget::new(80);
        budget.take(now, Lane::Interactive).unwrap();
        assert_eq!((0..100).take_while(|_| budget.take(now, Lane::Bulk).is_ok()).count(), 60);
        assert!(budget.take(now, Lane::Interactive).is_ok(), "people still fit");
        let mut budget = Budget::new(80);
        assert_eq!((0..100).take_while(|_| budget.take(now, Lane::Bulk).is_ok()).count(), 80, "alone it may use all");
        let mut budget = Budget::new(80);
        budget.waiting = 1;
        assert!(budget.take(now, Lane::Bulk).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_breaker_opens_after_failures_in_a_row_and_lets_one_look() {
        let limiter = Limiter::new(80);
        for _ in 0..BREAK_AFTER {
            assert!(limiter.closed());
            limiter.ended(true);
        }
        assert!(!limiter.closed());
        tokio::time::advance(BREAK_FOR).await;
        assert!(limiter.closed(), "one may look");
        assert!(!limiter.closed(), "the next waits for what it finds");
        limiter.ended(false);
        assert!(limiter.closed());
    }

    #[tokio::test]
    async fn a_failing_service_gets_few_repeats() {
        let limiter = Limiter::new(80);
        let mut repeats = 0;
        for _ in 0..200 {
            limiter.may_retry(true);
            repeats += (0..2).filter(|_| limiter.may_retry(false)).count();
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
