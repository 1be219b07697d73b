//! `framegate plugin check`: whether a component is a plugin that a graph can use.

use std::process::ExitCode;

use super::build;
use super::trial::as_written;
use crate::cli::{log, misused, print, status};
use crate::plugin::{Limits, Uninspectable, examine};

/// Check a plugin as its author: world, version, permissions, schema, settings.
///
/// Runs it, sandboxed and without a frame, to hear what it says of itself.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate plugin check gate.wasm
  framegate plugin check motion

Exit status: 0 a graph can use it, 1 it cannot, 2 there is no such file.")]
pub struct Args {
    /// A bundled plugin's name, a component's file, a project's folder, or oci://REGISTRY/NAME with a tag or digest
    plugin: String,
    /// A limit that a graph is to raise, as under `limits:`: `memory=128MiB`; may be given again
    #[arg(long = "limit", value_name = "KEY=VALUE")]
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
    let compiling = status::preparing(status::Line::of(false, log::Form::Text));
    let examined = examine(&plugin, &limits);
    drop(compiling);
    let examined = match examined {
        Ok(examined) => examined,
        Err(unknown @ Uninspectable::Unknown { .. }) => return misused(&unknown.to_string()),
        Err(reason) => {
            eprintln!("framegate: {reason}");
            return ExitCode::FAILURE;
        }
    };
    print(&as_written(&examined.portrait.to_string()));
    if !examined.example.is_empty() {
        let indented: String = examined.example.lines().map(|line| format!("    {line}\n")).collect();
        print(&format!("  in a graph\n{indented}"));
    }
    examined.advice.iter().for_each(|advice| print(&format!("advice: {advice}\n")));
    for fault in &examined.faults {
        eprintln!("framegate: \"{}\": {}", args.plugin, as_written(fault));
    }
    match examined.faults.is_empty() {
        true => {
            print("sound: a graph can use it\n");
            ExitCode::SUCCESS
        }
        false => ExitCode::FAILURE,
    }
}
