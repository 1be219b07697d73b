//! What the host lends to every plugin: its log, its metrics, its clock's remainder.

use std::time::Duration;

use crate::backend;

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// One line in the host's log, which limits rate and length. [`info!`](crate::info) and its
/// siblings format.
pub fn log(level: Level, message: &str) {
    backend::log(level, message);
}

/// Sets a number in the node's metrics. At most 32 names a plugin.
pub fn gauge(name: &str, value: f64) {
    backend::gauge(name, value);
}

/// Adds to a number in the node's metrics. At most 32 names a plugin.
pub fn count(name: &str, delta: u64) {
    backend::count(name, delta);
}

/// Until the call should be done; zero when it is late. A constant in offline runs, which stay
/// deterministic.
pub fn time_left() -> Duration {
    backend::time_left()
}

/// Logs at [`Level::Debug`], formatted like `println!`.
#[macro_export]
macro_rules! debug {
    ($($text:tt)*) => { $crate::log($crate::Level::Debug, &::std::format!($($text)*)) };
}

/// Logs at [`Level::Info`], formatted like `println!`.
#[macro_export]
macro_rules! info {
    ($($text:tt)*) => { $crate::log($crate::Level::Info, &::std::format!($($text)*)) };
}

/// Logs at [`Level::Warn`], formatted like `println!`.
#[macro_export]
macro_rules! warn {
    ($($text:tt)*) => { $crate::log($crate::Level::Warn, &::std::format!($($text)*)) };
}
