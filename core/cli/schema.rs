//! `framegate schema`.

use std::process::ExitCode;

/// Prints the JSON Schema of the graph file.
#[derive(clap::Args)]
pub struct Args {}

pub fn main(_args: Args) -> ExitCode {
    ExitCode::FAILURE
}
