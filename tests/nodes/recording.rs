//! MP4 recordings: every picture at its own time in every player, whole up to wherever they end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use framegate::media::{Item, Pts};
use framegate::node::Inputs;
use framegate::nodes::test_pattern::read_frame_number;
use serde_json::json;
use tempfile::TempDir;

use crate::files::seen_by_ffmpeg;
use crate::rig::{Rig, frame, take, unit};

/// What ffprobe says of a picture: when it is shown, in ticks of 1/90,000 s. Of files in fragments it
/// does not tell how long.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Probed {
    pts: u64,
    keyframe: bool,
}

fn ffprobe(path: &Path, asked: &[&str]) -> String {
    let run = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-of", "csv=print_section=0"])
        .args(asked)
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .expect("ffprobe is installed (Debian: apt-get install ffmpeg)");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn probed(path: &Path) -> Vec<Probed> {
    let told = ffprobe(path, &["-show_entries", "packet=pts,flags"]);
    let of_line = |line: &str| {
        let (pts, flags) = line.split_once(',')?;
        Some(Probed { pts: pts.parse().ok()?, keyframe: flags.starts_with('K') })
    };
    told.lines().map(|line| of_line(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

/// Pictures of 320x240 at 15 a second with a keyframe twice a second, each at `millis` of its number.
fn filmed(rig: &Rig, count: usize, millis: impl Fn(i64) -> i64) -> Vec<Item> {
    let frames = rig.pattern(count, json!({ "size": "320x240", "rate": "15" }));
    let mut units = rig.through("h264", json!({ "keyframe_every": "500ms" }), frames);
    for (number, item) in (0..).zip(&mut units) {
        let Item::AccessUnit(unit) = item else { panic!("an access unit") };
        unit.pts = Pts::from_nanos(millis(number) * 1_000_000);
    }
    units
}

/// A recording of two seconds in fragments of half a second or so.
fn recording(folder: &TempDir) -> PathBuf {
    let rig = Rig::new();
    let path = folder.path().join("front.mp4");
    rig.store("write", json!({ "path": path }), "15", filmed(&rig, 30, |number| number * 67));
    path
}

/// Where each fragment ends, the header first.
fn boundaries(file: &[u8]) -> Vec<usize> {
    let (mut at, mut ends) = (0, Vec::new());
    while at < file.len() {
        let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let name = &file[at + 4..at + 8];
        at += size;
        if name == b"moov" || name == b"mdat" {
            ends.push(at);
        }
    }
    ends
}

#[test]
fn every_picture_is_shown_at_its_own_time_and_gaps_stay() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::new();
    let path = folder.path().join("front.mp4");
    // No two intervals alike, it begins late on the graph's clock, and a gate was shut for a minute
    // before picture 24 (a keyframe).
    let millis = |n: i64| 5_000 + n * 67 + n % 3 + if n >= 24 { 60_000 } else { 0 };
    let units = filmed(&rig, 40, millis);
    assert!(unit(&units[24]).keyframe);
    rig.store("write", json!({ "path": path }), "15", units.clone());

    let seen = probed(&path);
    let expected: Vec<u64> = (0..40).map(|n| (millis(n) - millis(0)) as u64 * 90).collect();
    assert_eq!(seen.iter().map(|picture| picture.pts).collect::<Vec<_>>(), expected);
    let keyframes = |n: usize| unit(&units[n]).keyframe;
    assert!(seen.iter().enumerate().all(|(n, picture)| picture.keyframe == keyframes(n)));
    assert_eq!(seen_by_ffmpeg(&path, 320, 240), (0..40).map(Some).collect::<Vec<_>>());
    let told = ffprobe(&path, &["-show_entries", "stream=codec_tag_string,width,height"]);
    assert_eq!(told.trim(), "avc1,320,240");
    // The last picture lasts as long as those before it.
    let told = ffprobe(&path, &["-show_entries", "format=duration"]);
    let (length, last) = (told.trim().parse::<f64>().unwrap(), expected[39] as f64 / 90_000.0);
    assert!((0.06..0.08).contains(&(length - last)), "{length} {last}");
}

#[test]
fn a_recording_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::new();
    let path = folder.path().join("front.mp4");
    let frames = rig.pattern(40, json!({ "size": "320x240", "rate": "30" }));
    let units = rig.through("h264", json!({ "keyframe_every": "400ms" }), frames);
    rig.store("write", json!({ "path": path }), "30", units.clone());
    let back = take(&mut *rig.source("file", json!({ "path": path })), 100);
    assert!(back.failed.is_none());
    let told = |items: &[Item]| -> Vec<_> {
        items.iter().map(|item| (item.pts(), unit(item).sequence, unit(item).keyframe)).collect()
    };
    assert_eq!(told(&back.items), told(&units));
    let number = |item: &Item| read_frame_number(&frame(item).plane(0));
    let shown = rig.through("h264_decode", json!({}), back.items);
    assert_eq!(shown.iter().map(number).collect::<Vec<_>>(), (0..40).map(Some).collect::<Vec<_>>());
}

#[test]
fn a_recording_cut_off_anywhere_plays_to_its_last_whole_fragment() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(&folder);
    let whole = fs::read(&path).unwrap();
    let (all, ends) = (probed(&path), boundaries(&whole));
    assert!(ends.len() >= 5, "{ends:?}");
    // Between two keyframes stands one fragment: half a second is less than a second.
    let starts: Vec<usize> = (0..all.len()).filter(|n| all[*n].keyframe).chain([all.len()]).collect();
    assert_eq!(starts.len(), ends.len());
    for (index, pair) in ends.windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        // At its end, and from byte to byte within its boxes and its pictures.
        let within = [1, 5, 8, 40, 100, 150, 183, 184, 190, 200];
        for at in [to, from + (to - from) / 2, to - 1].into_iter().chain(within.map(|past| from + past)) {
            let pictures = if at == to { starts[index + 1] } else { starts[index] };
            // Within the first fragment there is nothing to be shown yet.
            if pictures == 0 {
                continue;
            }
            let seen = seen_after_restart(&whole[..at]);
            assert_eq!(seen, all[..pictures], "cut at {at}");
        }
    }
}

/// What ffprobe finds in a recording that ended like this, once the graph has started again.
fn seen_after_restart(left: &[u8]) -> Vec<Probed> {
    let folder = tempfile::tempdir().unwrap();
    let (rig, at) = (Rig::new(), |name: &str| folder.path().join(name));
    fs::write(at("front.mp4.part"), left).unwrap();
    drop(rig.sink("write", json!({ "path": at("front.mp4") }), None));
    let kept = at("front.interrupted-1.mp4");
    let seen = probed(&kept);
    let back = take(&mut *rig.source("file", json!({ "path": kept })), 100);
    assert!(back.failed.is_none() && back.items.len() == seen.len(), "our own reader agrees");
    seen
}

#[test]
fn a_recording_whose_last_pages_never_reached_the_disk_plays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::new();
    let (path, cut) = (folder.path().join("front.mp4"), folder.path().join("cut.mp4"));
    // So many fragments that some would lie across the end of a page by chance.
    let frames = rig.pattern(200, json!({ "size": "160x120", "rate": "15" }));
    let units = rig.through("h264", json!({ "keyframe_every": "100ms", "bitrate": "150k" }), frames);
    rig.store("write", json!({ "path": path }), "15", units);
    let whole = fs::read(&path).unwrap();
    let first = boundaries(&whole)[1];
    let pages: Vec<usize> =
        (1..whole.len() / 4096).map(|page| page * 4096).filter(|at| *at > first).collect();
    assert!(pages.len() > 20, "{pages:?}");
    for at in pages {
        fs::write(&cut, &whole[..at]).unwrap();
        let seen = probed(&cut).len();
        let back = take(&mut *Rig::new().source("file", json!({ "path": cut })), 1000);
        assert!(back.failed.is_none(), "cut at {at}: {:?}", back.failed);
        // ffmpeg takes the picture that was cut for one, too.
        assert!(
            seen >= 1 && (back.items.len()..=back.items.len() + 1).contains(&seen),
            "cut at {at}: {seen}"
        );
    }
}

#[test]
fn other_parameters_go_into_a_file_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::new();
    let path = folder.path().join("front.mp4");
    let mut units = filmed(&rig, 10, |number| number * 67);
    let small = rig.pattern(10, json!({ "size": "160x120", "rate": "15" }));
    for (number, item) in (10..).zip(rig.through("h264", json!({}), small)) {
        let Item::AccessUnit(mut unit) = item else { panic!("an access unit") };
        unit.pts = Pts::from_nanos(number * 67_000_000);
        units.push(Item::AccessUnit(unit));
    }
    rig.store("write", json!({ "path": path }), "15", units);
    let second = folder.path().join("front-2.mp4");
    assert_eq!(seen_by_ffmpeg(&path, 320, 240), (0..10).map(Some).collect::<Vec<_>>());
    assert_eq!(seen_by_ffmpeg(&second, 160, 120).len(), 10);
    assert_eq!(probed(&second)[0].pts, 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn nothing_that_cannot_be_shown_begins_a_recording_and_of_nothing_no_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::new();
    let path = folder.path().join("front.mp4");
    let units = filmed(&rig, 10, |number| number * 67);
    rig.store("write", json!({ "path": path }), "15", units[1..5].to_vec());
    rig.store("write", json!({ "path": folder.path().join("front.y4m") }), "15", vec![]);
    drop(rig.sink("write", json!({ "path": folder.path().join("front.h264") }), None));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    // The rest, from the keyframe on: picture 8.
    rig.store("write", json!({ "path": path }), "15", units[1..].to_vec());
    let first = units.iter().skip(1).position(|item| unit(item).keyframe).unwrap() + 1;
    assert_eq!(seen_by_ffmpeg(&path, 320, 240)[0], Some(first as u32));
}

#[test]
fn what_an_interrupted_run_left_is_kept_under_a_name_that_plays() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::new();
    let at = |name: &str| folder.path().join(name);
    let left = fs::read(recording(&folder)).unwrap();
    fs::remove_file(at("front.mp4")).unwrap();
    fs::write(at("front.mp4.part"), &left).unwrap();
    fs::write(at("front.interrupted-1.mp4"), "of an earlier one").unwrap();
    recording(&folder);
    assert_eq!(fs::read(at("front.interrupted-2.mp4")).unwrap(), left);
    assert_eq!(probed(&at("front.interrupted-2.mp4")).len(), 30);
    assert!(at("front.mp4").exists() && !at("front.mp4.part").exists());

    // Of names with dates, those of other days too; nothing that is none of ours.
    fs::write(at("yard-20260307.mp4.part"), &left).unwrap();
    fs::write(at("yard-sale.mp4.part"), "a download").unwrap();
    fs::write(at("yard-20260308.mp4.part"), "").unwrap();
    let dated = json!({ "path": at("yard-%Y%m%d.mp4") });
    rig.store("write", dated.clone(), "15", filmed(&rig, 5, |number| number * 67));
    assert_eq!(fs::read(at("yard-20260307.interrupted-1.mp4")).unwrap(), left);
    assert!(at("yard-sale.mp4.part").exists() && !at("yard-20260308.mp4.part").exists());
    // Twice a day: with a number.
    rig.store("write", dated, "15", filmed(&rig, 5, |number| number * 67));
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let twice = names.filter(|name| name.to_str().unwrap().ends_with("-2.mp4") && name.len() == 19).count();
    assert_eq!(twice, 1, "yard-YYYYMMDD-2.mp4");

    // What another program is still writing is neither moved nor emptied.
    let theirs = fs::File::create(at("door.mp4.part")).unwrap();
    theirs.lock().unwrap();
    let refused = rig.build("write", json!({ "path": at("door.mp4") }), &[None]).err().unwrap();
    assert!(refused.message.contains("is being written by another program"), "{refused}");
    assert!(at("door.mp4.part").exists());
}

/// Runs itself again where no file may grow past 50 KiB or so.
#[test]
fn a_full_disk_leaves_whole_fragments() {
    const PATH: &str = "FRAMEGATE_TEST_FULL_DISK_MP4";
    if let Some(path) = std::env::var_os(PATH) {
        let rig = Rig::new();
        let mut sink = rig.sink("write", json!({ "path": PathBuf::from(path) }), None);
        let items = filmed(&rig, 300, |number| number * 67).into_iter();
        let failed = items.map(|item| sink.consume(Inputs::one(item))).find_map(Result::err);
        println!("failed: {}", failed.expect("the limit is reached"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 50; exec \"$@\"", "bash"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "recording::a_full_disk_leaves_whole_fragments", "--nocapture"])
        .env(PATH, folder.path().join("front.mp4"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(said.contains("failed: ") && said.contains("front.mp4.part is cut short after"), "{said}");
    let kept = folder.path().join("front.mp4.part");
    let bytes = fs::read(&kept).unwrap();
    assert_eq!(boundaries(&bytes).last(), Some(&bytes.len()), "it ends where a fragment does");
    let pictures = probed(&kept).len();
    assert!(pictures >= 7, "{pictures}");
    let numbers = seen_by_ffmpeg(&kept, 320, 240);
    assert_eq!(numbers, (0..pictures as u32).map(Some).collect::<Vec<_>>());
}
