//! What the answer to a repeat means when an earlier try may have been done without our hearing of it.

use crate::{Error, wire::Answer};
use http::StatusCode;

/// What a repeat finds when the first try was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// The same as the first.
    Same,
    /// DELETE: nothing, and a 404 says so.
    Gone,
    /// `PUT api-key`: a domain that this key no longer reaches `[spec]`, so a 403 or 404.
    Moved,
    /// `PUT users`: a recipient that exists; whether with our list entries can't be known.
    Existing,
}

/// Judges the answer to a repeat after a lost answer.
pub(crate) fn after_loss(again: Again, result: Result<Answer, Error>) -> Result<Answer, Error> {
    match (again, result) {
        (Again::Gone, Err(Error::NotFound { .. })) => Ok(Answer::inferred(StatusCode::NO_CONTENT)),
        (Again::Moved, Err(Error::Forbidden { .. } | Error::NotFound { .. })) => Err(Error::Ambiguous),
        (Again::Existing, Ok(answer)) if answer.status == StatusCode::OK => Err(Error::Ambiguous),
        (_, result) => result,
    }
}
