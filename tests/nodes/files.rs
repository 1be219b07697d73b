//! Files and pipes: what is written can be read, by us and by others, and what is broken says where.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use framegate::catalog;
use framegate::media::{Item, PixelFormat, PlaneRef, PlaneShape};
use framegate::node::{Flow, Format, Inputs, Node, NodeError, Output, Settings, Then, VideoFormat};
use framegate::nodes::test_pattern::read_frame_number;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::rig::{Rig, frame, samples, take};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A Y4M file of a test pattern, as `write` makes it.
fn pattern_file(folder: &TempDir, size: &str, format: &str, count: usize) -> PathBuf {
    let rig = Rig::new();
    let path = folder.path().join(format!("{size}-{format}.y4m"));
    let frames = rig.pattern(count, json!({ "size": size, "format": format, "rate": "25" }));
    rig.store("write", json!({ "path": path }), "25", frames);
    path
}

#[test]
fn a_y4m_file_comes_back_as_it_was() {
    let folder = folder();
    for (size, format) in [("65x49", "i420"), ("64x48", "i420"), ("67x51", "gray8")] {
        let rig = Rig::new();
        let frames = rig.pattern(4, json!({ "size": size, "format": format, "rate": "30" }));
        let path = folder.path().join(format!("{size}{format}.y4m"));
        rig.store("write", json!({ "path": path }), "30", frames.clone());
        assert!(!path.with_extension("y4m.part").exists());
        let back = take(&mut *rig.source("file", json!({ "path": path })), 10);
        assert!(back.failed.is_none());
        assert_eq!(back.items.len(), 4);
        for (sent, back) in frames.iter().zip(&back.items) {
            let (sent, back) = (frame(sent), frame(back));
            assert_eq!((sent.format(), sent.pts, sent.sequence), (back.format(), back.pts, back.sequence));
            assert_eq!(samples(sent), samples(back), "{size} {format}");
        }
    }
}

#[test]
fn a_raw_file_is_read_by_its_settings() {
    let folder = folder();
    let path = folder.path().join("clip.rgb");
    let bytes: Vec<u8> = (0..2 * 5 * 3 * 3).map(|n| n as u8).collect();
    fs::write(&path, &bytes).unwrap();
    let rig = Rig::new();
    let with = json!({ "path": path, "format": "rgb24", "size": "5x3", "rate": 10 });
    let read = take(&mut *rig.source("file", with), 10);
    assert_eq!(read.items.iter().flat_map(|item| samples(frame(item))).collect::<Vec<_>>(), bytes);
    assert_eq!(read.items[1].pts().nanos(), 100_000_000);
}

#[test]
fn a_loop_goes_on_with_rising_pts() {
    let folder = folder();
    let path = pattern_file(&folder, "64x48", "gray8", 3);
    let read = take(&mut *Rig::new().source("file", json!({ "path": path, "loop": true })), 8);
    let numbers: Vec<_> =
        read.items.iter().map(|item| read_frame_number(&frame(item).plane(0)).unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2, 0, 1, 2, 0, 1]);
    assert_eq!(read.items[7].pts().nanos(), 7 * 40_000_000);
}

/// Reads a file that is broken on purpose: how many frames came, and what was said.
fn broken(bytes: &[u8]) -> (usize, NodeError) {
    let folder = folder();
    let path = folder.path().join("broken.y4m");
    fs::write(&path, bytes).unwrap();
    let rig = Rig::new();
    let mut source = match rig.build("file", json!({ "path": path }), &[]) {
        Ok(Node::Source(source)) => source,
        Ok(_) => panic!("file is a source"),
        Err(error) => return (0, error),
    };
    let given = take(&mut *source, 100);
    (given.items.len(), given.failed.expect("it is broken"))
}

#[test]
fn a_broken_file_says_where() {
    let folder = folder();
    let whole = fs::read(pattern_file(&folder, "64x48", "i420", 2)).unwrap();
    let header = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let one = 6 + 64 * 48 * 3 / 2;

    let (frames, error) = broken(&whole[..header + one + 6 + 100]);
    assert_eq!((frames, error.then), (1, Then::StopGraph));
    let says =
        format!("byte {}: the file ends inside frame 1, after 100 of 4608 bytes", header + one + 6 + 100);
    assert!(error.message.ends_with(&says), "{error}");

    let (frames, error) = broken(&whole[..header + one + 3]);
    assert_eq!(frames, 1);
    assert!(error.message.contains(&format!("byte {}: frame 1 does not begin", header + one)), "{error}");

    let mut scrambled = whole.clone();
    scrambled[header + one..][..5].copy_from_slice(b"FRUME");
    let (frames, error) = broken(&scrambled);
    assert_eq!(frames, 1);
    assert!(error.message.contains("does not begin with FRAME"), "{error}");

    assert!(
        broken(b"YUV4MPEG2 W64 H48 F25:1 C422\n").1.message.contains("byte 24: the colour format \"422\"")
    );
    assert!(broken(b"RIFF").1.message.contains("byte 0: this is no Y4M file"));
    assert!(
        broken(b"YUV4MPEG2 W64 H48 F25:1").1.message.contains("byte 23: the file ends inside its header")
    );
    assert!(broken(&[b'Y'; 5000]).1.message.contains("byte 0"));
    assert!(broken(b"").1.message.contains("byte 0"));
}

/// What the check finds about a node, as `code path`.
fn found(kind: &str, with: Value, inputs: &[Option<Format>]) -> Vec<String> {
    let kinds = catalog::kinds();
    let kind = kinds.find(kind).unwrap();
    let settings = Settings::from_json(kind.about().with, &with).unwrap();
    let findings = match kind.contract(&settings) {
        Err(findings) => findings,
        Ok(_) => kind.outputs(&settings, inputs).err().into_iter().collect(),
    };
    findings.iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect()
}

#[test]
fn the_check_looks_at_a_file_before_anything_runs() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("bad.y4m"), "YUV4MPEG2 W4 H4 C444 F1:1\n").unwrap();
    fs::write(path("unknown.y4m"), "YUV4MPEG2 W4 H4 F0:0\n").unwrap();
    assert_eq!(found("file", json!({ "path": path("none.y4m") }), &[]), ["file-not-found with.path"]);
    assert_eq!(found("file", json!({ "path": folder.path() }), &[]), ["bad-file with.path"]);
    assert_eq!(found("file", json!({ "path": path("bad.y4m") }), &[]), ["bad-file with.path"]);
    assert_eq!(found("file", json!({ "path": path("unknown.y4m") }), &[]), ["missing-key with"]);
    assert!(found("file", json!({ "path": path("unknown.y4m"), "rate": 5 }), &[]).is_empty());
    assert_eq!(found("file", json!({ "path": "-", "loop": true }), &[]), ["out-of-range with.loop"]);
    assert_eq!(
        found("file", json!({ "path": "-", "format": "i420" }), &[]),
        ["missing-key with", "missing-key with"]
    );
    assert_eq!(found("file", json!({ "path": "-", "size": "4x4" }), &[]), ["missing-key with.size"]);

    let whole = pattern_file(&folder, "66x50", "i420", 1);
    let kinds = catalog::kinds();
    let kind = kinds.find("file").unwrap();
    let settings = Settings::from_json(kind.about().with, &json!({ "path": whole })).unwrap();
    assert_eq!(kind.outputs(&settings, &[]).unwrap()[0].to_string(), "i420 66x50 25 fps");

    assert_eq!(found("write", json!({ "path": whole }), &[]), ["file-exists with.path"]);
    let video = VideoFormat { pixel: PixelFormat::I420, size: None, rate: None };
    let frames = [Some(Format::Frames(video))];
    assert!(found("write", json!({ "path": whole, "overwrite": true }), &frames).is_empty());
    assert_eq!(found("write", json!({ "path": path("x.h264") }), &frames), ["formats-disagree with.path"]);
    let units = [Some(Format::AccessUnits(video))];
    assert_eq!(found("write", json!({ "path": path("x.y4m") }), &units), ["formats-disagree with.path"]);
}

#[test]
fn the_check_knows_what_a_file_would_hold_and_where_it_would_be() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let video = VideoFormat { pixel: PixelFormat::I420, size: None, rate: None };
    let (frames, units) = ([Some(Format::Frames(video))], [Some(Format::AccessUnits(video))]);
    let of = |name: &str, inputs: &[Option<Format>]| found("write", json!({ "path": path(name) }), inputs);
    for sound in ["a.mp4", "a.MP4", "a.h264", "a.264", "front-%Y%m%d-%H%M%S.mp4", "100%%.mp4"] {
        assert!(of(sound, &units).is_empty(), "{sound}");
    }
    assert!(of("a.y4m", &frames).is_empty());
    assert_eq!(of("a.mp4", &frames), ["formats-disagree with.path"]);
    for name in ["a.mkv", "a", "a.mp4.part", "%Q.mp4", "a%.mp4", "%H:%f.mp4"] {
        assert_eq!(of(name, &units), ["bad-name with.path"], "{name}");
    }
    assert_eq!(of("nowhere/a.mp4", &units), ["file-not-found with.path"]);
    assert_eq!(of("", &units), ["file-exists with.path"], "a folder");
    // Both at once, and of a name with dates none is there already.
    assert_eq!(of("nowhere/a.mkv", &units), ["file-not-found with.path", "bad-name with.path"]);
    fs::write(path("100%.mp4"), "there").unwrap();
    assert_eq!(of("100%%.mp4", &units), ["file-exists with.path"]);
    assert!(found("write", json!({ "path": "-" }), &units).is_empty());
    assert!(found("write", json!({ "path": "/dev/full" }), &frames).is_empty());
    // What an interrupted run has left is no hindrance.
    fs::write(path("cut.y4m.part"), "kept").unwrap();
    assert!(of("cut.y4m", &frames).is_empty());
}

#[test]
fn a_pipe_gives_each_frame_when_it_has_come_and_never_holds_up() {
    let folder = folder();
    let bytes = fs::read(pattern_file(&folder, "64x48", "i420", 2)).unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let rig = Rig::new();
    let mut source = rig.source("file", json!({ "path": pipe }));
    let mut out = Output::default();
    let mut next = || (source.next(&mut out).unwrap(), out.drain().count());
    // Nobody writes yet; then the writer stops within the header, the marker and the samples.
    assert_eq!(next(), (Flow::Waiting, 0));
    let mut writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let header = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let one = 6 + 64 * 48 * 3 / 2;
    let mut sent = 0;
    for until in [5, header + 3, header + 2000] {
        writer.write_all(&bytes[sent..until]).unwrap();
        sent = until;
        assert_eq!(next(), (Flow::Waiting, 0));
    }
    // What is there is given; a machine that stood still for longer than a turn may wait costs a turn.
    let mut given = || loop {
        match next() {
            (Flow::Waiting, 0) => {}
            given => return given,
        }
    };
    writer.write_all(&bytes[sent..header + one]).unwrap();
    assert_eq!(given(), (Flow::More, 1));
    writer.write_all(&bytes[header + one..]).unwrap();
    assert_eq!(given(), (Flow::More, 1));
    drop(writer);
    assert_eq!(given(), (Flow::End, 0));
}

#[test]
fn a_file_is_not_replaced_unasked_and_appears_only_when_whole() {
    let folder = folder();
    let rig = Rig::new();
    let path = folder.path().join("out.y4m");
    let mut sink = rig.sink("write", json!({ "path": path }), None);
    for item in rig.pattern(2, json!({ "size": "64x48" })) {
        sink.consume(Inputs::one(item)).unwrap();
    }
    assert!(!path.exists() && folder.path().join("out.y4m.part").exists());
    // Somebody else puts a file there meanwhile: theirs stays, and so does what was written.
    fs::write(&path, "theirs").unwrap();
    assert!(sink.finish().unwrap_err().message.contains("out.y4m.part"));
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
    assert!(folder.path().join("out.y4m.part").exists());
    // It keeps the name to its end.
    drop(sink);
    assert!(rig.build("write", json!({ "path": path }), &[None]).is_err());
    let other = rig.pattern(1, json!({ "size": "64x48" }));
    rig.store("write", json!({ "path": path, "overwrite": true }), "30", other);
    assert_ne!(fs::read(&path).unwrap(), b"theirs");
}

#[test]
fn a_full_device_is_an_error_that_names_it() {
    let rig = Rig::new();
    let mut sink = rig.sink("write", json!({ "path": "/dev/full" }), None);
    let item = rig.pattern(1, json!({ "size": "64x48" })).remove(0);
    let error = sink.consume(Inputs::one(item)).unwrap_err();
    assert_eq!(error.then, Then::StopGraph);
    assert!(error.to_string().contains("/dev/full is cut short after 0 bytes"), "{error}");
    assert!(error.to_string().contains("No space left"), "{error}");
}

/// Runs itself again where no file may grow past 50 KiB or so.
#[test]
fn what_was_whole_before_the_disk_was_full_is_kept() {
    const PATH: &str = "FRAMEGATE_TEST_FULL_DISK";
    if let Some(path) = std::env::var_os(PATH) {
        let rig = Rig::new();
        let mut sink = rig.sink("write", json!({ "path": PathBuf::from(path) }), None);
        let items = rig.pattern(1000, json!({ "size": "64x48" })).into_iter();
        let failed = items.map(|item| sink.consume(Inputs::one(item))).find_map(Result::err);
        println!("failed: {}", failed.expect("the limit is reached"));
        return;
    }
    let folder = folder();
    let path = folder.path().join("out.y4m");
    let child = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 50; exec \"$@\"", "bash"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "files::what_was_whole_before_the_disk_was_full_is_kept", "--nocapture"])
        .env(PATH, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(said.contains("failed: ") && said.contains("out.y4m.part is cut short after"), "{said}");
    let kept =
        take(&mut *Rig::new().source("file", json!({ "path": folder.path().join("out.y4m.part") })), 1000);
    assert!(kept.failed.is_none() && kept.items.len() >= 5, "{} frames", kept.items.len());
}

/// The frame numbers that ffmpeg sees in a file.
pub fn seen_by_ffmpeg(path: &Path, width: usize, height: usize) -> Vec<Option<u32>> {
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "-"])
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg is installed (Debian: apt-get install ffmpeg)");
    assert!(run.status.success() && run.stderr.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
    let shape = PlaneShape { rows: height, row_bytes: width, pixel_bytes: 1 };
    let pictures = run.stdout.chunks(width * height + width.div_ceil(2) * height.div_ceil(2) * 2);
    pictures.map(|picture| read_frame_number(&PlaneRef::new(picture, width, shape))).collect()
}

#[test]
fn ffmpeg_reads_what_we_write() {
    let folder = folder();
    let rig = Rig::new();
    let numbers = |count| (0..count).map(Some).collect::<Vec<_>>();
    let y4m = pattern_file(&folder, "321x241", "i420", 5);
    assert_eq!(seen_by_ffmpeg(&y4m, 321, 241), numbers(5));
    let path = folder.path().join("out.h264");
    let units =
        rig.through("h264", json!({ "bitrate": "2M" }), rig.pattern(30, json!({ "size": "640x360" })));
    assert_eq!(units.len(), 30);
    rig.store("write", json!({ "path": path }), "30", units);
    assert_eq!(seen_by_ffmpeg(&path, 640, 360), numbers(30));
}

#[test]
fn we_read_what_ffmpeg_writes() {
    let folder = folder();
    let (path, ours) = (folder.path().join("theirs.y4m"), pattern_file(&folder, "320x240", "i420", 6));
    for pixels in ["yuv420p", "gray"] {
        let run = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-i"])
            .arg(&ours)
            .args(["-pix_fmt", pixels, "-strict", "-1"])
            .arg(&path)
            .stdin(Stdio::null())
            .output()
            .expect("ffmpeg is installed (Debian: apt-get install ffmpeg)");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let read = take(&mut *Rig::new().source("file", json!({ "path": path })), 100);
        let number = |item: &Item| read_frame_number(&frame(item).plane(0));
        assert_eq!(
            read.items.iter().map(number).collect::<Vec<_>>(),
            (0..6).map(Some).collect::<Vec<_>>(),
            "{pixels}"
        );
    }
}
