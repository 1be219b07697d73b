//! `framegate plugin inspect`: what a plugin is and may do, for those who must decide to trust it.

use std::process::ExitCode;

use super::build;
use super::trial::as_written;
use crate::cli::{log, misused, print, status};
use crate::plugin::{Ask, Limits, inspect_within};

/// Show what a plugin is and what it may do, without running it.
#[derive(clap::Args)]
pub struct Args {
    /// A bundled plugin's name, a component's file, a project's folder, or oci://REGISTRY/NAME with a tag or digest
    plugin: String,
    /// Run it, sandboxed, to let it say its name and settings.
    #[arg(long)]
    describe: bool,
    /// A limit that a graph is to raise, as under `limits:`: `memory=128MiB`; may be given again
    #[arg(long = "limit", value_name = "KEY=VALUE", requires = "describe")]
    limits: Vec<String>,
}

pub fn main(args: &Args) -> ExitCode {
    let limits = match Limits::given(&args.limits) {
        Ok(limits) => limits,
        Err(reason) => return misused(&reason),
    };
    let plugin = match build::subject(&args.plugin) {
        Ok(plugin) => plugin,
        Err(status) => return status,
    };
    let ask = if args.describe { Ask::Describe } else { Ask::Nothing };
    // Languages with an interpreter take a while to compile.
    let compiling = status::preparing(status::Line::of(false, log::Form::Text));
    let portrait = inspect_within(&plugin, ask, &limits);
    drop(compiling);
    match portrait {
        Ok(portrait) => {
            print(&as_written(&portrait.to_string()));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("framegate: {reason}");
            ExitCode::FAILURE
        }
    }
}
