//! `framegate plugin inspect`: what a plugin is and may do, for those who must decide to trust it.

use std::process::ExitCode;

use super::build;
use crate::cli::{log, print, status};
use crate::plugin::{Ask, inspect};

/// Show what a plugin is and what it may do, without running it.
#[derive(clap::Args)]
pub struct Args {
    /// A bundled plugin's name, a component's file, a project's folder, or oci://REGISTRY/NAME with a tag or digest
    plugin: String,
    /// Run it, sandboxed, to let it say its name and settings.
    #[arg(long)]
    describe: bool,
}

pub fn main(args: &Args) -> ExitCode {
    let plugin = match build::subject(&args.plugin) {
        Ok(plugin) => plugin,
        Err(status) => return status,
    };
    let ask = if args.describe { Ask::Describe } else { Ask::Nothing };
    // Languages with an interpreter take a while to compile.
    let compiling = status::preparing(status::Line::of(false, log::Form::Text));
    let portrait = inspect(&plugin, ask);
    drop(compiling);
    match portrait {
        Ok(portrait) => {
            print(&portrait.to_string());
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("framegate: {reason}");
            ExitCode::FAILURE
        }
    }
}
