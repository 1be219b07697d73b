//! `framegate plugin`.

use std::process::ExitCode;

/// Tools for plugin authors.
#[derive(clap::Args)]
pub struct Args {}

pub fn main(_args: Args) -> ExitCode {
    ExitCode::FAILURE
}
