//! `framegate check`.

use std::process::ExitCode;

/// Says what is wrong with a graph.
#[derive(clap::Args)]
pub struct Args {}

pub fn main(_args: Args) -> ExitCode {
    ExitCode::FAILURE
}
