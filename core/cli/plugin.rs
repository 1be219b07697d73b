//! `framegate plugin`: tools for those who write plugins and those who must trust them.

use std::process::ExitCode;

mod build;
mod inspect;
mod new;

/// Tools for plugin authors.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(clap::Subcommand)]
enum Tool {
    New(new::Args),
    Build(build::Args),
    Inspect(inspect::Args),
}

pub fn main(args: Args) -> ExitCode {
    match args.tool {
        Tool::New(args) => new::main(&args),
        Tool::Build(args) => build::main(&args),
        Tool::Inspect(args) => inspect::main(&args),
    }
}
