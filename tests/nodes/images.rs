//! Folders of pictures as a stream: in order, in time, and what cannot be shown named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use framegate::catalog;
use framegate::node::{Flow, NodeError, Output, Settings, Then};
use framegate::nodes::test_pattern::read_frame_number;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::rig::{Rig, frame, take};

/// Pictures 1.jpg to 12.jpg, numbered in the picture from 0.
fn shots() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::new();
    let clip = folder.path().join("clip.y4m");
    let frames = rig.pattern(12, json!({ "size": "320x240", "rate": "25" }));
    rig.store("write", json!({ "path": clip }), "25", frames);
    made(&clip, &folder.path().join("%d.jpg"), &["-q:v", "3"]);
    folder
}

fn made(from: &Path, to: &Path, options: &[&str]) {
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-i"])
        .arg(from)
        .args(options)
        .arg(to)
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg is installed (Debian: apt-get install ffmpeg)");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// The numbers in the pictures, and what was said of those that could not be shown.
fn seen(with: Value, count: usize) -> (Vec<u32>, Vec<NodeError>) {
    let rig = Rig::new();
    let mut source = rig.source("images", with);
    let (mut out, mut numbers, mut said) = (Output::default(), Vec::new(), Vec::new());
    while numbers.len() < count {
        let flow = source.next(&mut out);
        for (_, item) in out.drain() {
            let place = numbers.len() as i64;
            assert_eq!(item.pts().nanos(), place * 100_000_000, "ten a second, without gaps");
            numbers.push(read_frame_number(&frame(&item).plane(0)).expect("a number in the picture"));
        }
        match flow {
            Ok(Flow::End) => break,
            Ok(Flow::More | Flow::Waiting) => {}
            Err(error) if error.then == Then::SkipItem => said.push(error),
            Err(error) => {
                said.push(error);
                break;
            }
        }
    }
    (numbers, said)
}

fn first_finding(with: Value) -> String {
    let kinds = catalog::kinds();
    let kind = kinds.find("images").unwrap();
    let settings = Settings::from_json(kind.about().with, &with).unwrap();
    assert!(kind.contract(&settings).is_ok());
    match kind.outputs(&settings, &[]) {
        Err(finding) => format!("{}: {}", finding.code, finding.message),
        Ok(formats) => formats[0].to_string(),
    }
}

#[test]
fn a_folder_is_shown_in_the_order_of_its_numbers_and_again() {
    let folder = shots();
    let with = json!({ "path": folder.path(), "rate": 10 });
    assert_eq!(first_finding(with.clone()), "i420 320x240 10 fps");
    assert_eq!(seen(with, 100).0, (0..12).collect::<Vec<_>>());
    let pattern = folder.path().join("1?.jpg");
    assert_eq!(seen(json!({ "path": pattern, "rate": 10 }), 100).0, [9, 10, 11]);
    let with = json!({ "path": pattern, "rate": 10, "loop": true });
    assert_eq!(seen(with, 7).0, [9, 10, 11, 9, 10, 11, 9]);
}

#[test]
fn a_round_shows_what_is_there_when_it_begins() {
    let folder = shots();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let rig = Rig::new();
    let with = json!({ "path": at("1[01].jpg"), "loop": true });
    let mut source = rig.source("images", with);
    let mut next = |count| {
        let given = take(&mut *source, count);
        given.items.iter().map(|item| read_frame_number(&frame(item).plane(0)).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(next(2), [9, 10]);
    fs::remove_file(at("10.jpg")).unwrap();
    assert_eq!(next(2), [10, 10]);
}

#[test]
fn a_picture_that_cannot_be_shown_is_named_and_left_out_or_the_end() {
    let folder = shots();
    let at = |name: &str| folder.path().join(name);
    let whole = fs::read(at("3.jpg")).unwrap();
    fs::write(at("3.jpg"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("5.jpg"), "no picture").unwrap();
    made(&at("clip.y4m"), &at("7.jpg"), &["-frames:v", "1", "-vf", "scale=160:120"]);

    let with = json!({ "path": folder.path(), "rate": 10 });
    let (numbers, said) = seen(with.clone(), 100);
    assert_eq!(numbers, [0, 1, 3, 5, 7, 8, 9, 10, 11]);
    let said: Vec<String> = said.iter().map(ToString::to_string).collect();
    let expected = [
        "3.jpg is cut short; it is left out",
        "5.jpg is neither JPEG nor PNG; it is left out",
        "7.jpg is 160x120 and the first is 320x240; `size: 320x240` scales them; it is left out",
    ];
    assert_eq!(said.len(), expected.len());
    said.iter().zip(expected).for_each(|(said, expected)| assert!(said.ends_with(expected), "{said}"));

    let (numbers, said) = seen(json!({ "path": folder.path(), "rate": 10, "on_error": "stop" }), 100);
    assert_eq!((numbers, said[0].then), (vec![0, 1], Then::StopGraph));
    assert!(said[0].message.ends_with("3.jpg is cut short, and \"on_error\" is \"stop\""), "{}", said[0]);

    // One that says a size of its own takes all that are pictures.
    let (numbers, said) = seen(json!({ "path": folder.path(), "rate": 10, "size": "640x480" }), 100);
    assert_eq!((numbers, said.len()), (vec![0, 1, 3, 5, 0, 7, 8, 9, 10, 11], 2));
}

#[test]
fn png_and_every_format_given_on_keep_the_picture() {
    let folder = shots();
    let at = |name: &str| folder.path().join(name);
    made(&at("clip.y4m"), &at("%02d.png"), &[]);
    for format in ["i420", "nv12", "gray8"] {
        let with = json!({ "path": at("*.png"), "rate": 10, "format": format });
        assert_eq!(seen(with, 100).0, (0..12).collect::<Vec<_>>(), "{format}");
    }
    let with = json!({ "path": at("1.jpg"), "format": "rgb24", "size": "64x64", "fit": "contain" });
    let given = take(&mut *Rig::new().source("images", with), 2);
    let frame = frame(&given.items[0]);
    assert_eq!((given.items.len(), frame.size().to_string()), (1, "64x64".to_owned()));
    assert!(frame.plane(0).row(0).iter().all(|&byte| byte < 20), "bars above and below");
}

#[test]
fn the_check_looks_for_pictures_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(first_finding(json!({ "path": at("none") })).starts_with("file-not-found: there is no file "));
    let empty = first_finding(json!({ "path": folder.path() }));
    assert!(
        empty.starts_with("file-not-found: ") && empty.ends_with("holds no .jpg, .jpeg or .png file"),
        "{empty}"
    );
    fs::write(at("1.jpg"), "no picture").unwrap();
    fs::write(at("2.jpg"), "nor this").unwrap();
    let bad = first_finding(json!({ "path": folder.path() }));
    assert!(bad.starts_with("bad-file: none of 2 files can be shown; the first: "), "{bad}");
    assert!(bad.ends_with("1.jpg is neither JPEG nor PNG"), "{bad}");
}
