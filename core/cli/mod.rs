//! The commands, one file each. Each parses its own arguments and has one entry function that
//! returns how the process should end.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod kinds;
mod plugin;
mod run;
mod schema;
mod show;

/// Your own sandboxed code between a camera and its viewers.
#[derive(Parser)]
#[command(name = "framegate", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    Show(show::Args),
    Kinds(kinds::Args),
    Schema(schema::Args),
    Plugin(plugin::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    match Args::parse().command {
        Command::Run(args) => run::main(args),
        Command::Check(args) => check::main(args),
        Command::Show(args) => show::main(args),
        Command::Kinds(args) => kinds::main(args),
        Command::Schema(args) => schema::main(args),
        Command::Plugin(args) => plugin::main(args),
    }
}
