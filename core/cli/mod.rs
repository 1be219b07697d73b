//! The commands, one file each. Each parses its own arguments and has one entry function that
//! returns how the process should end.
//!
//! Owns what the commands share: how a graph file is read, which kinds there are, and how output
//! leaves. Exit status: 0 it is well, 1 the graph has errors or the run failed, 2 the command was
//! misused, an unreadable file included.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::catalog;
use crate::graph::{self, Text};
use crate::node::Kinds;
use crate::plugin::compiler;

mod cameras;
mod check;
pub mod explain;
pub mod findings;
mod kinds;
mod log;
#[cfg(unix)]
mod pipe;
mod plugin;
mod reload;
mod run;
pub mod schema;
mod show;
mod signals;
mod status;
mod top;
mod value;

use findings::Look;

/// The exit status of a command that was misused.
const MISUSED: u8 = 2;

/// Your own sandboxed code between a camera and its viewers.
///
/// A YAML file describes a graph: where video comes from, what looks at or changes each frame, how
/// it is encoded and who may watch.
#[derive(Parser)]
#[command(name = "framegate", version, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Begin here:
  framegate run                       the built-in demo: open the address it prints
  framegate kinds                     what a graph can be made of
  framegate check graphs/demo.yaml    what is wrong with a graph, and what to do about it
  framegate show graphs/demo.yaml     what runs, in which order, and what it costs
  framegate run graphs/demo.yaml      run it; Ctrl-C stops";

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Cameras(cameras::Args),
    Check(check::Args),
    Explain(explain::Args),
    Show(show::Args),
    Kinds(kinds::Args),
    Schema(schema::Args),
    Top(top::Args),
    Plugin(plugin::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    compiler::apart(plugin::COMPILE);
    match Args::parse().command {
        Command::Run(args) => run::main(args),
        Command::Cameras(args) => cameras::main(args),
        Command::Check(args) => check::main(args),
        Command::Explain(args) => explain::main(args),
        Command::Show(args) => show::main(args),
        Command::Kinds(args) => kinds::main(args),
        Command::Schema(args) => schema::main(args),
        Command::Top(args) => top::main(args),
        Command::Plugin(args) => plugin::main(args),
    }
}

/// Every kind that commands may look at without running anything.
fn all_kinds() -> Kinds {
    catalog::kinds()
}

/// The value of an environment variable, for `${NAME}` in graphs.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads a graph file, never more of it than a graph may be long.
///
/// # Errors
/// A sentence that names the file and what it is instead of a graph.
fn read_graph(path: &Path) -> Result<Text, String> {
    let name = path.display().to_string();
    let text = graph::text_of(open(path)).map_err(|why| format!("cannot read \"{name}\": {why}"))?;
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    Ok(Text { name, folder, text })
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a file, or a pipe without waiting for ever.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::metadata(path)?.file_type().is_fifo() {
        true => Ok(Box::new(pipe::Patient::open(path)?)),
        false => Ok(Box::new(File::open(path)?)),
    }
}

/// Prints to standard output. A reader that left early (`| head`) is no failure.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Says why the command could not do its work.
fn misused(message: &str) -> ExitCode {
    eprintln!("framegate: {message}");
    ExitCode::from(MISUSED)
}

/// How text that goes to `stream` looks.
fn look(stream: &impl IsTerminal) -> Look {
    let colour = stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if colour { Look::Colour } else { Look::Plain }
}

/// Settings from the command line, as `run`, `check` and `show` take them.
#[derive(clap::Args)]
struct Overrides {
    /// Override a setting: `camera.rate=15`, `motion.limits.time=50ms`, `server.listen=0.0.0.0:8080`
    ///
    /// The key is one of the node's `with:`, or one of the `server:` section. May be given again.
    #[arg(long = "set", value_name = "NODE.KEY=VALUE")]
    set: Vec<graph::Override>,
}
