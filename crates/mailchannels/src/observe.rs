//! Whoever counts is told of calls: by the operation's name and how it ended, never with what.

use crate::Error;
use std::time::Duration;

/// Is told of calls.
pub trait Observer: Send + Sync {
    /// A call of an operation ended, after all its tries, with this outcome: one of [`Error::OUTCOMES`].
    fn ended(&self, operation: &'static str, outcome: &'static str);
    /// A try waited this long for a place in the customer's budget.
    fn waited(&self, waited: Duration);
}

/// A call on its way. One that is given up by who asked ends as `abandoned`.
pub(crate) struct Watched<'a> {
    observer: Option<&'a dyn Observer>,
    operation: &'static str,
    outcome: &'static str,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(observer: Option<&'a dyn Observer>, operation: &'static str) -> Self {
        Self { observer, operation, outcome: Error::OUTCOMES[1] }
    }

    /// Notes the outcome, and passes it on.
    pub(crate) fn ended<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.outcome = result.as_ref().err().map_or(Error::OUTCOMES[0], Error::outcome);
        result
    }

    pub(crate) fn waited(&self, waited: Duration) {
        if let Some(observer) = self.observer {
            observer.waited(waited);
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(observer) = self.observer {
            observer.ended(self.operation, self.outcome);
        }
    }
}
