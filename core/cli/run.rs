//! `framegate run`.

use std::process::ExitCode;

/// Checks a graph and runs it.
#[derive(clap::Args)]
pub struct Args {}

pub fn main(_args: Args) -> ExitCode {
    ExitCode::FAILURE
}
