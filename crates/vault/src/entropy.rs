//! Where random bytes come from.

/// A source of random bytes; tests give their own.
pub trait Entropy: Send + Sync {
    /// Fills the whole slice.
    ///
    /// # Errors
    /// [`NoEntropy`] when the source fails; the slice must not be used then.
    fn fill(&self, into: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The source of randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoEntropy;

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, into: &mut [u8]) -> Result<(), NoEntropy> {
        getrandom::fill(into).map_err(|_| NoEntropy)
    }
}
