//! `framegate kinds`.

use std::process::ExitCode;

/// Lists the kinds of node.
#[derive(clap::Args)]
pub struct Args {}

pub fn main(_args: Args) -> ExitCode {
    ExitCode::FAILURE
}
