//! Who runs next: a pure state machine. No clock, no threads, no locks, no files.
