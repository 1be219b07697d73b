//! `framegate plugin push`: a plugin into an OCI registry, for others to name in their graphs.

use std::process::ExitCode;

use super::tell_pinned;
use crate::cli::misused;
use crate::plugin;
use crate::plugin::registry::Reference;

/// Put a plugin into an OCI registry, and print the line that graphs have it by.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate plugin push night.wasm registry.example.org/tools/night:1.0
  framegate plugin push night.wasm localhost:5000/night

The account is the one of `docker login`, or FRAMEGATE_REGISTRY (its host), FRAMEGATE_REGISTRY_USER and
FRAMEGATE_REGISTRY_PASSWORD. It goes over TLS; a registry on this machine is spoken to without.

Exit status: 0 it is there, 1 it is no plugin or was not taken, 2 the command was misused.")]
pub struct Args {
    /// A component's file, or a bundled plugin's name
    #[arg(value_name = "FILE")]
    plugin: String,
    /// Where it goes; the tag is `latest` if left out
    #[arg(value_name = "REGISTRY/NAME[:TAG]")]
    to: String,
}

pub fn main(args: &Args) -> ExitCode {
    let to = match Reference::bare(&args.to) {
        Ok(to) if to.digest.is_none() => to,
        Ok(_) => return misused("a digest is what a push gives; write REGISTRY/NAME[:TAG]"),
        Err(fault) => return misused(&fault.to_string()),
    };
    tell_pinned(plugin::push(&args.plugin, &to))
}
