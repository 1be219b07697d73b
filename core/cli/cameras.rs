//! `framegate cameras`: what cameras there are and what they can do; with `--test`, ten pictures from
//! one of them. What a user puts into a bug report.
//!
//! Owns the command and what it says without a camera feature. `listed` has the list and the trial, and
//! `libcamera` and `v4l2` what each of the two says of its cameras.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

#[cfg(any(feature = "libcamera", feature = "libcamera-0-3"))]
mod libcamera;
#[cfg(any(feature = "libcamera", feature = "libcamera-0-3", feature = "v4l2"))]
mod listed;
#[cfg(feature = "v4l2")]
mod v4l2;

#[cfg(any(feature = "libcamera", feature = "libcamera-0-3", feature = "v4l2"))]
use listed::run;

/// How to have what a build lacks.
const WITH_LIBCAMERA: &str = "`--features libcamera` (on Debian 12: `--features libcamera-0-3`)";
const WITH_V4L2: &str = "`--features v4l2`";

/// Lists the cameras of this machine, or tries one of them.
#[derive(clap::Args)]
pub struct Args {
    /// Takes ten pictures from this camera (its device, its model, its id or its place in libcamera's
    /// list), says how they came and saves the last one.
    #[arg(long, value_name = "CAMERA")]
    test: Option<String>,
    /// Where `--test` saves its picture.
    #[arg(long, value_name = "FILE", default_value = "framegate-camera.png")]
    picture: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn main(args: Args) -> ExitCode {
    match run(&args) {
        Ok(text) => {
            super::print(&format!("{text}\n"));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("framegate: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Without a camera feature there is nothing to ask.
#[cfg(not(any(feature = "libcamera", feature = "libcamera-0-3", feature = "v4l2")))]
fn run(args: &Args) -> Result<String, String> {
    let _ = (&args.test, &args.picture, args.format);
    Err(format!(
        "this build reads no cameras: build it again with {WITH_V4L2} for webcams, \
         or with {WITH_LIBCAMERA} for camera modules too"
    ))
}
