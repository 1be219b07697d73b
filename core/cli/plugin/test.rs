//! `framegate plugin test`: a clip through a plugin in the real sandbox, and what came of it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::found::Tolerance;
use super::golden::Bar;
use super::judge::{Asked, Judge, Seen, SeenFound};
use super::trial::{self, Checked, PLUGIN, Run, Subject, Trial, absolute, as_written};
use crate::cli::{all_kinds, log, misused, print};
use crate::run;

/// Run a plugin on a clip, in the real sandbox, and look at what it gives.
///
/// The clock is offline: no frame is lost, and the same clip gives the same result each time.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate plugin test gate.wasm --input clip.y4m --output out.y4m
  framegate plugin test gate.wasm --input clip.y4m --expect golden.y4m --psnr 40
  framegate plugin test motion --with threshold=20 --detections found.jsonl
  framegate plugin test tracker.wasm --after motion --detections tracked.jsonl
  framegate plugin test tracker.wasm --after motion --expect-detections tracked.jsonl --within 0.02

A golden clip is an output you have looked at and kept, and so are golden detections. Of these labels, tracks, tags
and how many there are must be the same; their order may be another.
Exit status: 0 as expected, 1 the plugin failed or gave something else, 2 the command was misused.")]
pub struct Args {
    #[command(flatten)]
    subject: Subject,
    /// How many frames of the test pattern
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "input")]
    frames: u64,
    /// Write what it gives here, as Y4M; replaces the file
    #[arg(long, value_name = "OUT.Y4M")]
    output: Option<PathBuf>,
    /// The clip it must give
    #[arg(long, value_name = "GOLDEN.Y4M")]
    expect: Option<PathBuf>,
    /// How alike: `exact`, or so many dB in the worst frame
    #[arg(long, value_name = "N|exact", default_value = "exact", requires = "expect")]
    psnr: Bar,
    /// Write the detections and tags of each frame here, a JSON object a line; replaces the file
    #[arg(long, value_name = "OUT.JSONL")]
    detections: Option<PathBuf>,
    /// The detections and tags it must give, as `--detections` wrote them
    #[arg(long, value_name = "GOLDEN.JSONL")]
    expect_detections: Option<PathBuf>,
    /// How far boxes and scores may be apart, in fractions of the picture and of certainty
    #[arg(long, value_name = "N", default_value = "0.01", requires = "expect_detections")]
    within: Tolerance,
}

pub fn main(mut args: Args) -> ExitCode {
    log::start_in(as_written, log::Form::Text, false);
    if let Err(status) = args.subject.build() {
        return status;
    }
    let judge = Arc::new(Judge::new(Asked {
        golden: args.expect.clone().map(|path| (path, args.psnr)),
        detections: args.detections.clone(),
        golden_detections: args.expect_detections.clone().map(|path| (path, args.within)),
    }));
    let trial = match trial(&args) {
        Ok(trial) => trial,
        Err(reason) => return misused(&reason),
    };
    let mut kinds = all_kinds();
    kinds.present.push(judge.clone());
    let Checked::Sound(plan) = trial.check(&kinds) else { return ExitCode::FAILURE };
    match trial::run(plan, run::cores()) {
        Ok(run) => sum_up(&args, &run, &judge.seen()),
        Err(reason) => {
            eprintln!("framegate: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn trial(args: &Args) -> Result<Trial, String> {
    let mut trial = Trial::offline(&args.subject, args.frames)?;
    let frames = format!("{PLUGIN}.frames");
    trial.node(json!({ "id": "judge", "kind": "judge", "inputs": frames }));
    if let Some(output) = &args.output {
        trial.node(
            json!({ "id": "output", "kind": "write", "with": { "overwrite": true }, "inputs": frames }),
        );
        trial.set("output", &format!("path={}", absolute(output)?))?;
    }
    Ok(trial)
}

fn sum_up(args: &Args, run: &Run, seen: &Seen) -> ExitCode {
    let failed = run.tell_failures().is_err();
    let dropped = run.count(PLUGIN, "dropped_by_plugin");
    let mut words = format!("{} frames out", seen.frames);
    if dropped > 0 {
        words += &format!(", {dropped} dropped by the plugin");
    }
    words += &format!(", {} detections on them\n", seen.detections);
    print(&words);
    let as_expected = args.expect.is_none() || told_likeness(args, seen);
    let found_as_expected = args.expect_detections.is_none() || told_found(args, seen.frames, &seen.found);
    match !failed && as_expected && found_as_expected {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Says how like the golden clip the output was, and whether that is enough.
fn told_likeness(args: &Args, seen: &Seen) -> bool {
    if let Some((frame, likeness)) = seen.worst {
        print(&format!("worst frame {frame}: {likeness}, wanted {}\n", args.psnr));
    }
    if seen.below > 0 {
        eprintln!("framegate: {} of {} frames are not what was expected", seen.below, seen.frames);
    }
    if seen.unmatched > 0 {
        eprintln!("framegate: the output and the golden clip differ by {} frames in length", seen.unmatched);
    }
    seen.below == 0 && seen.unmatched == 0
}

/// Says how like the golden detections what was found is, and whether that is enough.
fn told_found(args: &Args, frames: u64, found: &SeenFound) -> bool {
    let within = args.within;
    print(&format!("detections at most {:.4} apart, wanted within {within}\n", found.farthest));
    if let Some((frame, how)) = &found.first {
        let differing = found.differing;
        eprintln!("framegate: {differing} of {frames} frames have not the detections that were expected");
        eprintln!("framegate: frame {frame} is the first: {how}");
    }
    if found.unmatched > 0 {
        let unmatched = found.unmatched;
        eprintln!("framegate: the output and the golden detections differ by {unmatched} frames in length");
    }
    found.differing == 0 && found.unmatched == 0
}
