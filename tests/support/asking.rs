//! Waiting for what a running program can only be asked about.

use std::thread;
use std::time::{Duration, Instant};

/// Nothing a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(180);
/// Asking without a pause would take the program under test its core.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks until `holds`. For HTTP, which has no event for most things; whatever is printed is waited
/// for with `Framegate::wait_for`.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "{what}: it never came about");
        thread::sleep(PAUSE);
    }
}
