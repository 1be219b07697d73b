//! `framegate show`.

use std::process::ExitCode;

/// Shows the plan of a graph.
#[derive(clap::Args)]
pub struct Args {}

pub fn main(_args: Args) -> ExitCode {
    ExitCode::FAILURE
}
