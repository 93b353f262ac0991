//! Memory that is free goes back to the system.
//!
//! librdkafka takes and frees buffers of megabytes on a thread of its own. glibc keeps what such a thread freed for the next time, and
//! raises its own threshold for giving it back whenever a large buffer is freed (mallopt(3), `M_MMAP_THRESHOLD`): after a backlog the
//! exporter would weigh half as much again as what it holds, for good.

use std::time::{Duration, Instant};

/// Between two times; and as much has to be read meanwhile that it is worth it.
const EVERY: Duration = Duration::from_secs(10);
const WORTH: usize = 8 << 20;

/// Decides when free memory goes back.
pub(crate) struct Trim {
    last: Instant,
    read: usize,
}

impl Trim {
    pub(crate) fn new(now: Instant) -> Trim {
        Trim { last: now, read: 0 }
    }

    /// A record of so many bytes was read.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.read += bytes;
    }

    /// Time goes by.
    pub(crate) fn tick(&mut self, now: Instant) {
        if self.read >= WORTH && now.saturating_duration_since(self.last) >= EVERY {
            *self = Trim::new(now);
            trim();
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: malloc_trim(3) takes a number and is safe on any thread; it leaves everything that is in use as it is.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators do so by themselves, or not at all.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
