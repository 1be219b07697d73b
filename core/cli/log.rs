//! Where the log goes and how it looks. It goes to standard error, as text or JSON.
//!
//! Owns the subscriber, that a log line does not run into the status line, and that no secret is in it.

use std::io::{self, IsTerminal, Stderr, Write};

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::findings::Look;
use super::look;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}

/// How a line is put to whoever reads it.
pub type Words = fn(&str) -> String;

/// Starts the log of this process. `RUST_LOG` says more precisely what is wanted.
pub fn start(form: Form, quiet: bool) {
    start_in(str::to_owned, form, quiet);
}

/// As [`start`], for a command whose user has not written the graph that the lines are about.
pub fn start_in(words: Words, form: Form, quiet: bool) {
    // What libraries have to say is of interest when it is a warning. WebRTC's warn of what every
    // browser does on every connection.
    let usual = if quiet { "warn,rtc=error" } else { "warn,rtc=error,framegate=info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let colour = look(&io::stderr()) == Look::Colour;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(ClearedLine { words })
        .with_ansi(colour)
        // It would say so on standard error, and panic when that is what is gone.
        .log_internal_errors(false);
    // Only a second start in one process is refused, and then there is a log already.
    let discreet = filter_fn(is_discreet);
    let _ = match form {
        Form::Text => log.with_target(false).finish().with(discreet).try_init(),
        Form::Json => log.json().finish().with(discreet).try_init(),
    };
}

/// Whether a line may be logged, whatever `RUST_LOG` says: the HTTP client shows every byte it sends
/// when it is asked for all it knows, passwords and tokens among them.
fn is_discreet(line: &Metadata<'_>) -> bool {
    *line.level() != Level::TRACE || !line.target().starts_with("ureq")
}

/// Standard error, with the status line cleared away before each log line.
struct ClearedLine {
    words: Words,
}

/// Where one line goes, which comes in one piece.
struct Worded {
    words: Words,
    stderr: Stderr,
}

impl Write for Worded {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.stderr.write_all((self.words)(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stderr.flush()
    }
}

impl<'a> MakeWriter<'a> for ClearedLine {
    type Writer = Worded;

    fn make_writer(&'a self) -> Worded {
        let mut stderr = io::stderr();
        if stderr.is_terminal() {
            // The line comes back within a second.
            let _ = stderr.write_all(b"\r\x1b[K");
        }
        Worded { words: self.words, stderr }
    }
}
