//! `framegate plugin`: tools for those who write plugins and those who must trust them.
//!
//! `trial` is what those tools share that run a plugin: a small graph around it.

use std::process::ExitCode;

use super::print;
use crate::plugin::compiler;
use crate::plugin::registry::Reference;

mod bench;
mod build;
mod check;
mod found;
mod golden;
mod inspect;
mod judge;
mod languages;
mod new;
mod project;
mod pull;
mod push;
mod rebuild;
mod run;
mod sources;
mod tags;
mod test;
mod trial;

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
    Check(check::Args),
    Test(test::Args),
    Bench(bench::Args),
    Run(run::Args),
    Inspect(inspect::Args),
    Push(push::Args),
    Pull(pull::Args),
    /// Standard input to standard output, for this program itself.
    #[command(hide = true)]
    Compile,
}

/// How this program is started by itself, to compile one component.
pub const COMPILE: &[&str] = &["plugin", "compile"];

pub fn main(args: Args) -> ExitCode {
    match args.tool {
        Tool::New(args) => new::main(&args),
        Tool::Build(args) => build::main(&args),
        Tool::Check(args) => check::main(&args),
        Tool::Test(args) => test::main(args),
        Tool::Bench(args) => bench::main(args),
        Tool::Run(args) => run::main(args),
        Tool::Inspect(args) => inspect::main(&args),
        Tool::Push(args) => push::main(&args),
        Tool::Pull(args) => pull::main(&args),
        Tool::Compile => compile(),
    }
}

fn compile() -> ExitCode {
    match compiler::answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("framegate: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the line by which a graph names what is in a registry now, or why it is not there.
fn tell_pinned(done: Result<Reference, String>) -> ExitCode {
    match done {
        Ok(pinned) => {
            print(&format!("plugin: {pinned}\n"));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("framegate: {reason}");
            ExitCode::FAILURE
        }
    }
}
