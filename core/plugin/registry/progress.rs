//! What is said while a plugin travels: a line on standard error, since it may take a while and goes
//! over the network.
//!
//! Owns the words. Where the process has a log they go there, once; a terminal without one has a line
//! that is rewritten.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a line is rewritten.
const EACH: Duration = Duration::from_millis(200);

/// One way of one plugin. The line is cleared away when this is dropped.
pub struct Progress {
    words: String,
    total: u64,
    /// When the line was last written; `None` where there is no line to rewrite.
    written: Option<Instant>,
}

impl Progress {
    /// Says that `words` (`fetching oci://…`) begins, of `total` bytes.
    pub fn begin(words: String, total: u64) -> Progress {
        let has_log = tracing::dispatcher::has_been_set();
        let said = format!("{words} ({})", size(total));
        match has_log {
            true => tracing::info!("{said}"),
            // Standard error that is gone is no reason to stop.
            false if !io::stderr().is_terminal() => drop(writeln!(io::stderr(), "framegate: {said}")),
            false => {}
        }
        let written = (!has_log && io::stderr().is_terminal()).then(Instant::now);
        let progress = Progress { words, total, written };
        progress.write(0);
        progress
    }

    /// So many bytes are through.
    pub fn is_at(&mut self, bytes: u64) {
        if self.written.is_some_and(|written| written.elapsed() >= EACH) {
            self.written = Some(Instant::now());
            self.write(bytes);
        }
    }

    fn write(&self, bytes: u64) {
        if self.written.is_some() {
            let Progress { words, total, .. } = self;
            let _ = write!(io::stderr(), "\r\x1b[K{words}: {} of {}", size(bytes), size(*total));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.written.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes < 1 << 20 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        bytes => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_as_people_read_them() {
        assert_eq!(
            [size(0), size(1), size(60 << 10), size(3 << 19)],
            ["0 KiB", "1 KiB", "60 KiB", "1.5 MiB"]
        );
    }
}
