//! Recording across runs: a graph that records starts again, whatever became of the run before.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};

use crate::command::{Graph, framegate, graph};

/// Far longer than any of this takes, on the busiest machine.
const NEVER: Duration = Duration::from_secs(60);

fn recorder(path: &str, count: u32) -> Graph {
    graph(&format!(
        "
version: 1
nodes:
  - {{ id: camera, kind: test_pattern, with: {{ size: 160x120, rate: 60, count: {count} }} }}
  - {{ id: h264, kind: h264, with: {{ keyframe_every: 250ms }}, inputs: camera }}
  - {{ id: out, kind: write, with: {{ path: '{path}' }}, inputs: h264 }}
"
    ))
}

/// How many pictures ffprobe finds.
fn pictures(path: &Path) -> usize {
    let told = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .expect("ffprobe is installed (Debian: apt-get install ffmpeg)");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8_lossy(&told.stdout).lines().count()
}

#[test]
fn a_run_that_was_killed_blocks_no_start_and_what_it_recorded_plays() {
    let graph = recorder("front.mp4", 120);
    let folder = graph.path.parent().unwrap().to_owned();
    let partial = folder.join("front.mp4.part");
    let (tell, told) = mpsc::channel();
    let mut watch = notify::recommended_watcher(move |event| drop(tell.send(event))).unwrap();
    watch.watch(&folder, RecursiveMode::NonRecursive).unwrap();
    let endless = ["-q", "--set", "camera.count=100000"];
    let mut child = framegate(&endless, &graph).spawn().unwrap();
    // Until two fragments are there: the second is written by the time the file grows again.
    let (mut grown, mut size) = (0, 0);
    while grown < 2 {
        told.recv_timeout(NEVER).expect("it records").expect("the folder can be watched");
        let now = std::fs::metadata(&partial).map_or(0, |found| found.len());
        grown += usize::from(now > size);
        size = now;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(watch);

    let again = framegate(&[], &graph).output().unwrap();
    let log = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.success(), "{log}");
    assert!(log.contains("front.mp4.part was left by a run that was interrupted"), "{log}");
    assert!(pictures(&folder.join("front.interrupted-1.mp4")) >= 15);
    assert_eq!(pictures(&folder.join("front.mp4")), 120);
    assert!(!partial.exists());
}

#[test]
fn a_date_in_the_name_gives_each_run_a_file_of_its_own() {
    let graph = recorder("front-%Y%m%d-%H%M.mp4", 30);
    let folder = graph.path.parent().unwrap();
    for _ in 0..2 {
        let run = framegate(&["-q"], &graph).env("TZ", "UTC").output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "graph.yaml")
        .collect();
    names.sort_unstable();
    assert_eq!(names.len(), 2, "{names:?}");
    for name in names {
        let digits = name.bytes().filter(u8::is_ascii_digit).count();
        assert!(name.starts_with("front-2") && name.ends_with(".mp4") && digits >= 13, "{name}");
        assert_eq!(pictures(&folder.join(name)), 30);
    }
}

#[test]
fn a_fixed_name_is_refused_the_second_time_and_the_help_tells_of_dates() {
    let graph = recorder("front.mp4", 10);
    assert!(framegate(&["-q"], &graph).output().unwrap().status.success());
    let again = framegate(&["-q"], &graph).output().unwrap();
    let log = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(1));
    assert!(log.contains("error[file-exists]") && log.contains("such as front-%Y%m%d-%H%M%S.mp4"), "{log}");
}
