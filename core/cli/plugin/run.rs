//! `framegate plugin run`: a plugin in a browser, the picture before it and after it side by side.
//!
//! Owns the graph that shows it. A project is built first, and again whenever it is saved; the graph
//! itself runs as any other does, and watches the component.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::tags::Tags;
use super::trial::{PLUGIN, SOURCE, Subject, Trial, as_written, in_the_words_of_the_user};
use super::{build, rebuild};
use crate::cli::misused;
use crate::cli::run::{self, Words};

/// See a plugin at work in a browser: the picture before it and after it, side by side.
///
/// A project is built again whenever one of its files is saved, and what comes of it takes over between
/// two frames. One that does not build, or fails at once, changes nothing. What it tags frames with is told
/// here whenever that changes, once a second at the most.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate plugin run .                          build this project and show it
  framegate plugin run gate.wasm --input clip.y4m
  framegate plugin run grayscale --with strength=0.5
  framegate plugin run . --after motion           the same, with boxes where something moves to work on

Ctrl-C stops. Exit status: 0 it ended well, 1 it does not build or run, 2 the command was misused.")]
pub struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Where the page is served
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
}

pub fn main(mut args: Args) -> ExitCode {
    let folder = PathBuf::from(&args.subject.plugin);
    // Before the build: what is saved meanwhile is not missed.
    let watched = build::is_project(&folder).then(|| rebuild::Project::watch(&folder));
    if let Err(status) = args.subject.build() {
        return status;
    }
    if let Some(watched) = watched {
        rebuild::begin(folder, watched);
    }
    match trial(&args) {
        Ok(trial) => {
            let (text, overrides) = trial.graph();
            let words = Words { finding: in_the_words_of_the_user, line: as_written };
            run::made(&text, overrides, vec![Arc::new(Tags)], words)
        }
        Err(reason) => misused(&reason),
    }
}

fn trial(args: &Args) -> Result<Trial, String> {
    let mut trial = Trial::live(&args.subject)?;
    let inputs = json!({ "left": SOURCE, "right": format!("{PLUGIN}.frames") });
    trial.node(json!({ "id": "both", "kind": "side_by_side", "inputs": inputs }));
    trial.node(json!({ "id": "tags", "kind": "tags", "inputs": format!("{PLUGIN}.frames") }));
    trial.node(json!({ "id": "h264", "kind": "h264", "inputs": "both" }));
    trial.node(json!({ "id": "live", "kind": "relay", "inputs": "h264" }));
    trial.set("server", &format!("listen={}", args.listen))?;
    // Any free one: several plugins may be looked at side by side.
    trial.set("server", "udp_port=0")?;
    Ok(trial)
}
