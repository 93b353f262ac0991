//! How a long fetch tells the user that it lives.

/// Where a fetch reports to. The calls come from the thread that called `ensure`, about ten a second at the most.
pub trait Progress: Sync {
    /// A transfer of `total_bytes` begins. May be called again for a further transfer.
    fn start(&self, total_bytes: u64);
    /// `bytes` more have arrived; `what` is the file they belong to.
    fn advance(&self, bytes: u64, what: &str);
    /// Something worth a line: a wait for another process, a file that was refused, an archive that is unpacked.
    fn note(&self, text: &str);
    /// Whether the user has asked to stop. A fetch looks here several times a second.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn start(&self, _total_bytes: u64) {}
    fn advance(&self, _bytes: u64, _what: &str) {}
    fn note(&self, _text: &str) {}
}
