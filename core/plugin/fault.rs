//! Why a guest was stopped, in words for the one who runs it and the one who wrote it.
//!
//! Owns the translation of the engine's errors: one line that says what happened, and below it the
//! guest's backtrace and its last words. Leaves to `recovery` what follows.

use std::any::Any;
use std::fmt::{self, Write};
use std::time::Duration;

use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::engine::STACK;
use super::host::journal::neutral;
use super::limits::Exceeded;
use crate::node::units;

/// Frames of a backtrace that are shown.
const BACKTRACE: usize = 32;

const HANDLES: &str =
    "it holds more resources than it is allowed handles; raise it with `limits: { handles: … }`";

/// How a line of those guards begins: `core/cli/plugin/build/guard.py`, and `build.mjs` of JavaScript projects.
const UNCAUGHT: &str = "uncaught ";

/// Errors that the engine keeps to itself but for their text. A test holds each; text that changed
/// would still be shown, in the engine's words.
const TOLD_BY_TEXT: &[(&str, &str)] = &[
    ("fuel allocated for hostcalls", "it passed more bytes to the host at once than any frame has"),
    ("store handle limit exceeded", HANDLES),
    ("requested len", "it asked for more than 64KiB of random bytes at once"),
];

/// A guest was stopped. Its store is dead: only a new instance can go on.
#[derive(Debug)]
pub struct Fault {
    /// One line: what it did.
    message: String,
    /// Where, and what it said before; several lines, or none.
    detail: String,
}

impl Fault {
    /// Translates what came out of a call that was allowed `time`; `said` are the guest's last lines.
    pub fn of(error: &wasmtime::Error, time: Duration, said: &[String]) -> Fault {
        let backtrace = error.downcast_ref::<WasmBacktrace>();
        let mut message = reason(error, time, said);
        // An interpreter's own functions are nothing to an author, and the line has the place.
        let function = backtrace.filter(|_| !message.starts_with(UNCAUGHT)).and_then(innermost);
        if let Some(function) = function {
            let _ = write!(message, " (in {function})");
        }
        Fault { message, detail: detail(backtrace, said) }
    }

    /// The host itself panicked while it served the guest: our fault, contained at this border.
    pub fn of_panic(panic: &(dyn Any + Send), said: &[String]) -> Fault {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = neutral(text.unwrap_or("no message"));
        Fault {
            message: format!("framegate itself failed while serving it, which is a bug in framegate: {text}"),
            detail: detail(None, said),
        }
    }

    /// Something other than the guest's doing keeps it from running.
    pub fn other(message: impl Into<String>) -> Fault {
        Fault { message: message.into(), detail: String::new() }
    }

    /// The backtrace and the last lines, for whoever looks closer.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

fn reason(error: &wasmtime::Error, time: Duration, said: &[String]) -> String {
    if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        return exceeded.to_string();
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("it called exit({})", exit.0);
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return HANDLES.to_owned();
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return trap_reason(*trap, time, said);
    }
    // The chain's last link is the cause; what lies above it is where it happened.
    let root = neutral(&error.root_cause().to_string());
    let told = TOLD_BY_TEXT.iter().find(|(text, _)| root.contains(text));
    told.map(|(_, ours)| (*ours).to_owned()).or_else(|| too_many_parts(&root)).unwrap_or(root)
}

/// One limit bounds what a component is made of, whichever of its parts are too many.
fn too_many_parts(told: &str) -> Option<String> {
    let (part, count) = told.strip_prefix("resource limit exceeded: ")?.split_once(" count too high at ")?;
    let parts = match part {
        "instance" => "core modules",
        "table" => "tables",
        _ => "memories",
    };
    Some(format!(
        "it has {count} {parts}, more than it is allowed; raise it with `limits: {{ instances: … }}`"
    ))
}

fn trap_reason(trap: Trap, time: Duration, said: &[String]) -> String {
    match trap {
        Trap::Interrupt => {
            // To the millisecond: a share of the time between two frames has nine digits.
            let whole = Duration::from_millis(time.as_millis() as u64);
            let time = units::show_duration(if whole.is_zero() { time } else { whole });
            format!("it ran longer than {time} and was stopped; raise it with `limits: {{ stop_after: … }}`")
        }
        Trap::StackOverflow => {
            format!("it used more than {} of stack: endless recursion?", units::show_bytes(STACK as u64))
        }
        Trap::UnreachableCodeReached => {
            last_words(said).unwrap_or_else(|| "it gave up (a panic or an abort)".to_owned())
        }
        Trap::MemoryOutOfBounds => "it reached outside its memory".to_owned(),
        Trap::IntegerDivisionByZero => "it divided by zero".to_owned(),
        other => neutral(&other.to_string()),
    }
}

/// What it said of its own end, of which the trap itself knows nothing: what our guards around the code of other
/// languages tell of an exception, or the line of a panic. Our hook puts the text in it, Rust's own in the next.
fn last_words(said: &[String]) -> Option<String> {
    if let Some(exception) = said.iter().rev().find(|line| line.starts_with(UNCAUGHT)) {
        return Some(exception.clone());
    }
    let at = said.iter().rposition(|line| line.contains("panicked"))?;
    let (line, next) = (&said[at], said.get(at + 1));
    match next.filter(|_| line.ends_with(':')) {
        Some(text) => Some(format!("{line} {text}")),
        None => Some(line.clone()),
    }
}

/// The innermost function that has a name of its own rather than the panic machinery's.
fn innermost(backtrace: &WasmBacktrace) -> Option<String> {
    let machinery =
        ["rust_panic", "panicking", "__rust", "abort", "rust_begin_unwind", "core::", "std::", "alloc::"];
    let names = names(backtrace);
    names.into_iter().find(|name| !machinery.iter().any(|part| name.contains(part)))
}

fn names(backtrace: &WasmBacktrace) -> Vec<String> {
    let mut names = Vec::new();
    for frame in backtrace.frames().iter().take(BACKTRACE) {
        let name = frame.func_name().map(plain);
        names.push(neutral(&name.unwrap_or_else(|| format!("function {}", frame.func_index()))));
    }
    names
}

/// A function's name as its author wrote it.
fn plain(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

fn detail(backtrace: Option<&WasmBacktrace>, said: &[String]) -> String {
    let mut detail = String::new();
    for (index, name) in backtrace.map(names).unwrap_or_default().iter().enumerate() {
        let _ = writeln!(detail, "  {index:>2}: {name}");
    }
    for line in said {
        let _ = writeln!(detail, "  said: {line}");
    }
    detail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_said_of_its_end_is_told_whoever_said_it() {
        let words =
            |said: &[&str]| last_words(&said.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["hello"]), None);
        let ours = "panicked at lib.rs:3: boom";
        assert_eq!(words(&[ours, "later"]).as_deref(), Some(ours));
        let rusts = [
            "thread '<unnamed>' (1) panicked at src/lib.rs:3:5:",
            "boom",
            "note: run with `RUST_BACKTRACE=1`",
        ];
        assert_eq!(words(&rusts).as_deref(), Some("thread '<unnamed>' (1) panicked at src/lib.rs:3:5: boom"));
        let pythons = ["uncaught ValueError: boom (plugin.py:18)", rusts[0], "unexpected exception"];
        assert_eq!(words(&pythons).as_deref(), Some(pythons[0]));
    }
}
