//! How many requests a second, and whose go first: a pure decision, told the time.

use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Who a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A person waits for it: a page, or part of one.
    Interactive,
    /// A person's change is half made: several calls in a row, of which none should wait for pages.
    Change,
    /// Nobody waits: mirrors, jobs.
    Bulk,
}

/// The window that the service counts in, a second `[doc]`, and a little more: requests that left evenly may
/// arrive closer together, and one over the limit is answered with 503.
const WINDOW: Duration = Duration::from_millis(1020);
/// The part of the budget that bulk work may send in one go. The rest it spreads over the second: a person who
/// comes in between finds a place at once instead of a full window, and requests that are late by some
/// milliseconds on their way don't meet those of the next second.
const BURST: f64 = 0.03;
/// The part of the budget that bulk work leaves to people who are at it, and has beside them, one in so many.
const QUARTER: usize = 4;
/// The part of the budget that pages leave to changes, one in so many.
const CHANGES: usize = 10;
/// How long a 503 halves the budget of bulk work.
const HALVED: Duration = Duration::from_secs(10);
/// 503s within a second that halve people's budget too, when they are also a tenth of what was sent in it. Fewer may be
/// a hiccup, or another program's doing, for which bulk work making room is enough; somebody on the phone should not
/// wait for that.
const MANY: usize = 3;
const SHARE: usize = 10;

/// The pure core: when may the next request of a lane go?
#[derive(Debug)]
pub(crate) struct Budget {
    rate: u32,
    sent: VecDeque<(Instant, Lane)>,
    /// The 503s of the last second.
    pushed: VecDeque<Instant>,
    bulk_halved_until: Option<Instant>,
    halved_until: Option<Instant>,
    /// What bulk work may send in one go, and when that was counted last.
    bulk: (f64, Option<Instant>),
    /// People waiting.
    pub(crate) waiting: usize,
}

impl Budget {
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            rate: rate.max(1),
            sent: VecDeque::new(),
            pushed: VecDeque::new(),
            bulk_halved_until: None,
            halved_until: None,
            bulk: (f64::MAX, None),
            waiting: 0,
        }
    }

    /// Requests a second at the moment that a lane may send; both together no more than people alone.
    pub(crate) fn limit(&self, now: Instant, lane: Lane) -> u32 {
        let until = match lane {
            Lane::Interactive | Lane::Change => self.halved_until,
            Lane::Bulk => self.bulk_halved_until,
        };
        if until.is_some_and(|until| now < until) { (self.rate / 2).max(1) } else { self.rate }
    }

    /// Takes a place in the window, or says how long to wait before asking again.
    pub(crate) fn take(&mut self, now: Instant, lane: Lane) -> Result<(), Duration> {
        forget(&mut self.sent, now, |(at, _)| *at);
        let limit = self.limit(now, Lane::Interactive) as usize;
        // Until this many have left the window there is no place.
        let over = |count: usize, limit: usize| (count + 1).saturating_sub(limit);
        let mut leave = over(self.sent.len(), limit);
        match lane {
            Lane::Change => {}
            Lane::Interactive => {
                let limit = limit - limit / CHANGES;
                let others: Vec<_> = (1..).zip(&self.sent).filter(|(_, (_, lane))| *lane != Lane::Change).collect();
                if let Some((place, _)) = over(others.len(), limit).checked_sub(1).and_then(|last| others.get(last)) {
                    leave = leave.max(*place);
                }
            }
            Lane::Bulk => {
                let own = self.limit(now, Lane::Bulk) as usize;
                let of_bulk = self.sent.iter().filter(|(_, lane)| *lane == Lane::Bulk).count();
                let room = if self.sent.len() == of_bulk {
                    of_bulk < own
                } else {
                    // While people are at it, a quarter stays free for those who come next; where people themselves
                    // take more than that leaves, bulk work has its quarter all the same.
                    let quarter = (own / QUARTER).max(1);
                    of_bulk < quarter || (of_bulk + quarter < own && self.sent.len() < limit - limit / QUARTER)
                };
                if self.waiting > 0 || !room {
                    leave = leave.max(1);
                }
                if leave == 0 {
                    self.spread(now)?;
                }
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

    /// Lets bulk work go evenly: a token for each request, which come at the rate of the budget.
    fn spread(&mut self, now: Instant) -> Result<(), Duration> {
        let limit = f64::from(self.limit(now, Lane::Bulk));
        let every = WINDOW.as_secs_f64() / limit;
        let (tokens, counted) = self.bulk;
        let came = counted.map_or(0.0, |at| now.duration_since(at).as_secs_f64() / every);
        let tokens = (tokens + came).min((limit * BURST).max(1.0));
        if tokens < 1.0 {
            self.bulk = (tokens, Some(now));
            return Err(Duration::from_secs_f64((1.0 - tokens) * every).max(Duration::from_millis(1)));
        }
        self.bulk = (tokens - 1.0, Some(now));
        Ok(())
    }

    /// Notes a 503.
    pub(crate) fn pushed_back(&mut self, now: Instant) {
        forget(&mut self.pushed, now, |at| *at);
        self.pushed.push_back(now);
        self.bulk_halved_until = Some(now + HALVED);
        if self.pushed.len() >= MANY && self.pushed.len() * SHARE >= self.in_window(now) {
            self.halved_until = self.bulk_halved_until;
        }
    }

    /// Requests of the last second.
    pub(crate) fn in_window(&self, now: Instant) -> usize {
        self.sent.iter().filter(|(at, _)| now.duration_since(*at) < WINDOW).count()
    }
}

/// Forgets what has left the window; the oldest is in front.
fn forget<T>(times: &mut VecDeque<T>, now: Instant, at: impl Fn(&T) -> Instant) {
    while times.front().is_some_and(|time| now.duration_since(at(time)) >= WINDOW) {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    /// Sends at the given gaps, waiting as told; returns when each went, in milliseconds.
    fn run(rate: u32, steps: &[(u64, Lane)]) -> Vec<(u64, Lane)> {
        let start = Instant::now();
        let mut budget = Budget::new(rate);
        let mut now = start;
        let mut went = Vec::new();
        for (gap, lane) in steps {
            now += Duration::from_millis(*gap);
            while let Err(wait) = budget.take(now, *lane) {
                now += wait;
            }
            went.push((u64::try_from(now.duration_since(start).as_micros()).unwrap(), *lane));
        }
        went
    }

    fn lane() -> impl Strategy<Value = Lane> {
        prop_oneof![Just(Lane::Interactive), Just(Lane::Change), Just(Lane::Bulk)]
    }

    proptest! {
        #[test]
        fn no_second_holds_more_than_the_rate(rate in 1_u32..20, steps in vec((0_u64..200, lane()), 1..120)) {
            let went = run(rate, &steps);
            for (index, (at, _)) in went.iter().enumerate() {
                let within = went[index..].iter().take_while(|(other, _)| other - at < 1_000_000).count();
                prop_assert!(within <= rate as usize, "{} in a second from {}", within, at);
            }
        }

        #[test]
        fn an_unused_budget_lets_everything_through_at_once(rate in 1_u32..100) {
            let pages = rate - rate / 10;
            let went = run(rate, &[vec![(0, Lane::Interactive); pages as usize], vec![(0, Lane::Change); (rate - pages) as usize]].concat());
            prop_assert!(went.iter().all(|(at, _)| *at == 0));
        }
    }

    #[test]
    fn pages_leave_a_tenth_to_changes_and_changes_do_not_shut_them_out() {
        let now = Instant::now();
        let mut budget = Budget::new(80);
        assert_eq!(fits(&mut budget, now, Lane::Interactive), 72);
        let later = now + Duration::from_millis(1_010);
        assert!(budget.take(later, Lane::Interactive).is_err());
        assert!((0..8).all(|_| budget.take(later, Lane::Change).is_ok()), "at once");
        assert!(budget.take(later, Lane::Change).is_err(), "and not more than the whole");
        let mut budget = Budget::new(80);
        (0..80).for_each(|_| budget.take(now, Lane::Change).unwrap());
        let waits = |budget: &mut Budget, lane| budget.take(now, lane).unwrap_err();
        assert_eq!(waits(&mut budget, Lane::Interactive), waits(&mut budget, Lane::Change), "they wait alike");
    }

    /// How many of a lane go in the second from then on.
    fn fits(budget: &mut Budget, from: Instant, lane: Lane) -> usize {
        (0..1000).filter(|ms| budget.take(from + Duration::from_millis(*ms), lane).is_ok()).count()
    }

    #[test]
    fn many_503s_halve_the_budget_for_ten_seconds() {
        let start = Instant::now();
        let mut budget = Budget::new(80);
        (0..MANY).for_each(|_| budget.pushed_back(start));
        assert_eq!(fits(&mut budget, start, Lane::Change), 40);
        assert_eq!(fits(&mut budget, start + Duration::from_secs(4), Lane::Interactive), 36);
        assert_eq!(fits(&mut budget, start + Duration::from_secs(8), Lane::Change), 40);
        assert_eq!(fits(&mut budget, start + Duration::from_secs(11), Lane::Change), 80);
    }

    #[test]
    fn a_few_503s_among_many_answers_do_not_halve_what_people_have() {
        let start = Instant::now();
        for (sent, limit) in [(30, 40), (31, 80)] {
            let mut budget = Budget::new(80);
            (0..sent).for_each(|_| budget.take(start, Lane::Interactive).unwrap());
            (0..MANY).for_each(|_| budget.pushed_back(start));
            assert_eq!(budget.limit(start, Lane::Interactive), limit, "{sent} sent");
            assert_eq!(budget.limit(start, Lane::Bulk), 40, "{sent} sent");
        }
    }

    #[test]
    fn a_503_leaves_bulk_work_something_however_busy_people_are() {
        let now = Instant::now();
        let mut budget = Budget::new(80);
        budget.pushed_back(now);
        (0..60).for_each(|_| budget.take(now, Lane::Interactive).unwrap());
        assert_eq!(fits(&mut budget, now, Lane::Bulk), 10, "a quarter of the half");
        let mut budget = Budget::new(80);
        (0..70).for_each(|_| budget.take(now, Lane::Interactive).unwrap());
        assert_eq!(fits(&mut budget, now, Lane::Bulk), 10, "what people leave");
    }

    #[test]
    fn single_503s_halve_the_budget_of_bulk_work_only() {
        let start = Instant::now();
        let mut budget = Budget::new(80);
        for second in 0..20 {
            budget.pushed_back(start + Duration::from_millis(second * 1_020));
        }
        let last = start + Duration::from_millis(19 * 1_020);
        assert_eq!(fits(&mut budget, last, Lane::Bulk), 40);
        assert_eq!(fits(&mut budget, last + Duration::from_secs(2), Lane::Change), 80);
        assert!(budget.take(last + Duration::from_millis(2_500), Lane::Bulk).is_err(), "people took it all");
        assert_eq!(fits(&mut budget, last + Duration::from_secs(11), Lane::Bulk), 80, "the whole again");
    }

    #[test]
    fn bulk_leaves_a_quarter_to_people_and_steps_back_for_those_who_wait() {
        let now = Instant::now();
        let mut budget = Budget::new(80);
        budget.take(now, Lane::Interactive).unwrap();
        let bulk = |budget: &mut Budget, ms: u64| {
            (0..ms).filter(|ms| budget.take(now + Duration::from_millis(*ms), Lane::Bulk).is_ok()).count()
        };
        assert_eq!(bulk(&mut budget, 1000), 59);
        let later = now + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| budget.take(later, Lane::Change).is_ok()).count(), 20, "people still fit");
        let mut budget = Budget::new(80);
        assert_eq!(bulk(&mut budget, 1020), 80, "alone it may use all");
        let mut budget = Budget::new(80);
        budget.waiting = 1;
        assert!(budget.take(now, Lane::Bulk).is_err());
    }

    #[test]
    fn bulk_alone_goes_evenly_at_the_rate() {
        let went = run(100, &vec![(0, Lane::Bulk); 1000]);
        let (first, last) = (went[0].0, went[999].0);
        assert!((9_800_000..10_300_000).contains(&(last - first)), "1,000 in {} µs", last - first);
        for (index, (at, _)) in went.iter().enumerate() {
            let close = went[index..].iter().take_while(|(other, _)| other - at < 100_000).count();
            assert!(close <= 14, "{close} within a tenth of a second");
        }
    }
}
