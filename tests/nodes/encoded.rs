//! H.264 files as others make them: every picture at its time, and what cannot be read told in words.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use framegate::catalog;
use framegate::media::Item;
use framegate::node::{Flow, Inputs, Node, Output, Settings, Then};
use framegate::nodes::test_pattern::read_frame_number;
use serde_json::json;
use tempfile::TempDir;

use crate::rig::{Given, Rig, frame, take, unit};

/// A folder with a numbered clip in it, and what ffmpeg makes of that clip.
struct Studio {
    folder: TempDir,
}

impl Studio {
    /// With `count` pictures at 25 a second.
    fn new(count: usize) -> Studio {
        let studio = Studio { folder: tempfile::tempdir().unwrap() };
        studio.pattern("clip.y4m", "320x240", count);
        studio
    }

    fn pattern(&self, name: &str, size: &str, count: usize) {
        let rig = Rig::new();
        let frames = rig.pattern(count, json!({ "size": size, "rate": "25" }));
        rig.store("write", json!({ "path": self.path(name) }), "25", frames);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes `name` of the clip.
    fn make(&self, name: &str, options: &str) -> PathBuf {
        self.make_of("clip.y4m", name, options)
    }

    fn make_of(&self, from: &str, name: &str, options: &str) -> PathBuf {
        let run = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-threads", "1"])
            .args(options.split_whitespace().take_while(|option| *option != "--"))
            .arg("-i")
            .arg(self.path(from))
            .args(options.split_whitespace().skip_while(|option| *option != "--").skip(1))
            .arg(self.path(name))
            .stdin(Stdio::null())
            .output()
            .expect("ffmpeg is installed (Debian: apt-get install ffmpeg)");
        assert!(run.status.success(), "{options}: {}", String::from_utf8_lossy(&run.stderr));
        self.path(name)
    }
}

/// What browsers take: no pictures out of order.
const PLAIN: &str = "-- -c:v libx264 -bf 0 -g 10";
/// As x264 does unasked: up to three pictures in a row that are shown before others they need.
const REORDERED: &str = "-- -c:v libx264 -bf 3 -g 10";

fn read(path: &Path) -> Given {
    take(&mut *Rig::new().source("file", json!({ "path": path })), 1000)
}

/// The pictures of a file, decoded where it gave them encoded, as number and time in milliseconds.
fn seen(rig: &Rig, given: Given) -> Vec<(u32, i64)> {
    assert!(given.failed.is_none(), "{:?}", given.failed);
    let encoded = matches!(given.items.first(), Some(Item::AccessUnit(_)));
    let frames = if encoded { rig.through("h264_decode", json!({}), given.items) } else { given.items };
    let number = |item: &Item| read_frame_number(&frame(item).plane(0)).expect("a number in the picture");
    frames.iter().map(|item| (number(item), item.pts().nanos() / 1_000_000)).collect()
}

fn each_40_ms(numbers: impl IntoIterator<Item = u32>) -> Vec<(u32, i64)> {
    numbers.into_iter().zip(0..).map(|(number, place)| (number, place * 40)).collect()
}

/// What the check says of a file, or that it is sound and gives this.
fn checked(path: &Path) -> String {
    let kinds = catalog::kinds();
    let kind = kinds.find("file").unwrap();
    let settings = Settings::from_json(kind.about().with, &json!({ "path": path })).unwrap();
    match kind.contract(&settings) {
        Err(findings) => findings[0].message.clone(),
        Ok(contract) => {
            let formats = kind.outputs(&settings, &[]).unwrap();
            format!("{}: {}", contract.outputs[0].name, formats[0])
        }
    }
}

#[test]
fn an_mp4_file_is_given_as_it_is_with_the_times_of_its_container() {
    let studio = Studio::new(25);
    for (name, more) in
        [("plain.mp4", ""), ("tail.mov", " -profile:v baseline"), ("head.mp4", " -movflags faststart")]
    {
        let path = studio.make(name, &format!("{PLAIN}{more}"));
        assert_eq!(checked(&path), "access_units: h264 320x240 25 fps");
        let given = read(&path);
        let keyframes: Vec<bool> = given.items.iter().map(|item| unit(item).keyframe).collect();
        assert_eq!(keyframes.iter().filter(|keyframe| **keyframe).count(), 3, "{keyframes:?}");
        // A viewer can join at each of them: they carry their parameter sets.
        let joins = |item: &&Item| unit(item).keyframe;
        assert!(
            given
                .items
                .iter()
                .filter(joins)
                .all(|item| unit(item).data[4] & 0x1f == 7 || unit(item).data[4] & 0x1f == 9)
        );
        assert_eq!(seen(&Rig::new(), given), each_40_ms(0..25), "{name}");
    }
}

#[test]
fn pictures_that_come_in_another_order_are_decoded_and_shown_in_theirs() {
    let studio = Studio::new(30);
    for name in ["reordered.mp4", "reordered.h264"] {
        let path = studio.make(name, REORDERED);
        assert_eq!(checked(&path), "frames: i420 320x240 25 fps");
        assert_eq!(seen(&Rig::new(), read(&path)), each_40_ms(0..30), "{name}");
    }
}

#[test]
fn a_file_in_fragments_is_read_as_one_in_one_piece() {
    let studio = Studio::new(30);
    let fragments =
        ["frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets"];
    for flags in fragments {
        let path = studio.make("pieces.mp4", &format!("{PLAIN} -movflags {flags}"));
        assert_eq!(checked(&path), "access_units: h264 320x240 25 fps");
        assert_eq!(seen(&Rig::new(), read(&path)), each_40_ms(0..30), "{flags}");
        let path = studio.make("pieces.mp4", &format!("{REORDERED} -movflags {flags}"));
        assert_eq!(checked(&path), "frames: i420 320x240 25 fps");
        assert_eq!(seen(&Rig::new(), read(&path)), each_40_ms(0..30), "{flags}");
    }
}

#[test]
fn a_byte_stream_is_given_as_it_is_at_the_rate_it_says() {
    let studio = Studio::new(25);
    let path = studio.make("plain.h264", PLAIN);
    assert_eq!(checked(&path), "access_units: h264 320x240 25 fps");
    assert_eq!(seen(&Rig::new(), read(&path)), each_40_ms(0..25));

    // What we write has no rate, and can be given one.
    let rig = Rig::new();
    let units = rig.through("h264", json!({}), rig.pattern(12, json!({ "size": "320x240" })));
    let own = studio.path("own.h264");
    rig.store("write", json!({ "path": own }), "30", units);
    assert!(checked(&own).ends_with("own.h264 does not say its rate"), "{}", checked(&own));
    let given = take(&mut *rig.source("file", json!({ "path": own, "rate": 25 })), 100);
    assert_eq!(seen(&rig, given), each_40_ms(0..12));

    // From a pipe it is read when it is told so.
    let pipe = studio.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let bytes = fs::read(&path).unwrap();
    let mut source = rig.source("file", json!({ "path": pipe, "format": "h264" }));
    let writer = std::thread::spawn(move || fs::write(pipe, bytes).unwrap());
    let given = take(&mut *source, 100);
    writer.join().unwrap();
    assert_eq!(seen(&rig, given), each_40_ms(0..25));
}

#[test]
fn uneven_times_cut_beginnings_and_loops_keep_what_the_container_says() {
    let studio = Studio::new(30);
    // Two of three pictures: 0, 40, 120, 160, 240 ms …
    let uneven = studio.make("uneven.mp4", &format!("{PLAIN} -vf select=mod(n+1\\,3) -fps_mode passthrough"));
    let expected: Vec<(u32, i64)> = (0..30).filter(|n| n % 3 != 2).map(|n| (n, i64::from(n) * 40)).collect();
    assert_eq!(seen(&Rig::new(), read(&uneven)), expected);

    // Cut without encoding anew: the first picture shown needs others that are not.
    studio.make("whole.mp4", &format!("{PLAIN} -bf 2"));
    let cut = studio.make_of("whole.mp4", "cut.mp4", "-ss 0.60 -- -c copy");
    assert_eq!(seen(&Rig::new(), read(&cut)), each_40_ms(15..30));

    for (name, options) in [
        ("plain.mp4", PLAIN),
        ("reordered.mp4", REORDERED),
        ("plain.h264", PLAIN),
        ("reordered.h264", REORDERED),
    ] {
        let path = studio.make(name, &format!("{options} -frames:v 12"));
        let rig = Rig::new();
        let mut source = rig.source("file", json!({ "path": path, "loop": true }));
        let given = take(&mut *source, 30);
        let rounds = (0..12).chain(0..12).chain(0..6);
        assert_eq!(seen(&rig, given), each_40_ms(rounds), "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_told_before_anything_runs() {
    let studio = Studio::new(6);
    let cases = [
        ("other.mp4", "-- -c:v libx265 -x265-params log-level=none", "it has H.265, and only H.264 is read"),
        (
            "chroma.mp4",
            "-- -c:v libx264 -pix_fmt yuv444p",
            "its H.264 track has YUV444 chroma, and only 4:2:0 is decoded",
        ),
        ("depth.mp4", "-- -c:v libx264 -pix_fmt yuv420p10le", "has 10 bits a sample, and only 8 are decoded"),
        ("depth.h264", "-- -c:v libx264 -pix_fmt yuv420p10le", "depth.h264 has 10 bits a sample"),
        (
            "laced.mp4",
            "-- -c:v libx264 -flags +ildct+ilme",
            "is interlaced, which is not decoded; deinterlace it first",
        ),
        ("sound.mp4", "-f lavfi -t 1 -i sine -- -map 0:a -c:a aac", "it has audio, and only H.264 is read"),
        ("clip.mkv", "-- -c:v libx264", "this is no Y4M file, and neither MP4 nor H.264"),
    ];
    for (name, options, says) in cases {
        let path = studio.make(name, options);
        assert!(checked(&path).contains(says), "{name}: {}", checked(&path));
    }
    let whole = fs::read(studio.make("whole.mp4", PLAIN)).unwrap();
    let cut = studio.path("cut.mp4");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    assert!(checked(&cut).contains("the file is cut short: its \"mdat\" box has"), "{}", checked(&cut));
}

#[test]
fn another_size_in_mid_stream_is_followed_or_told() {
    let studio = Studio::new(6);
    studio.pattern("small.y4m", "160x128", 6);
    let join = |options: &str| {
        let both = studio.path("both.h264");
        let parts = ["clip.y4m", "small.y4m"]
            .map(|from| fs::read(studio.make_of(from, "part.h264", options)).unwrap());
        fs::write(&both, parts.concat()).unwrap();
        both
    };
    let rig = Rig::new();
    let frames = rig.through("h264_decode", json!({}), read(&join(PLAIN)).items);
    let sizes: Vec<String> = frames.iter().map(|item| frame(item).size().to_string()).collect();
    assert_eq!(sizes, [["320x240"; 6], ["160x128"; 6]].concat());

    let given = read(&join(&format!("{REORDERED} -x264-params b-adapt=0")));
    let failed = given.failed.expect("it cannot go on");
    assert_eq!(failed.then, Then::StopGraph);
    assert!(failed.message.ends_with("both.h264: the pictures change their size in mid-stream"), "{failed}");
}

#[test]
fn the_decoder_gives_any_format_and_keeps_what_rides_on_a_unit() {
    let rig = Rig::new();
    let units = rig.through("h264", json!({}), rig.pattern(3, json!({ "size": "320x240" })));
    for format in ["i420", "nv12", "gray8", "rgb24", "rgba32"] {
        let frames = rig.through("h264_decode", json!({ "to": format }), units.clone());
        for (number, item) in frames.iter().enumerate() {
            let frame = frame(item);
            assert_eq!((frame.pixel().name(), frame.sequence), (format, number as u64));
            assert_eq!(frame.pts, units[number].pts());
        }
    }
}

/// Numbers that look random and are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Cuts, flips, repeats or leaves out a part of `bytes`.
    fn damage(&mut self, bytes: &mut Vec<u8>, from: usize) {
        let at = from + self.below(bytes.len() - from);
        let until = (at + 1 + self.below(64)).min(bytes.len());
        match self.below(5) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << self.below(8),
            2 => bytes[at..until].fill(self.below(256) as u8),
            3 => drop(bytes.drain(at..until)),
            _ => {
                let again = bytes[at..until].to_vec();
                drop(bytes.splice(at..at, again));
            }
        }
    }
}

/// Reads a file that may be anything, to its end or to the first error that stops the graph. Any
/// error will do; a panic fails the test.
fn survives(path: &Path) {
    let rig = Rig::new();
    let built = rig.build("file", json!({ "path": path, "rate": 25 }), &[]);
    let Ok(Node::Source(mut source)) = built else { return };
    let mut decoder = rig.filter("h264_decode", json!({}));
    let (mut out, mut last) = (Output::default(), None);
    loop {
        let flow = source.next(&mut out);
        for (_, item) in out.drain() {
            assert!(last < Some(item.pts()), "times rise");
            last = Some(item.pts());
            if let Item::AccessUnit(_) = item {
                drop(decoder.process(Inputs::one(item), &mut Output::default()));
            }
        }
        match flow {
            Ok(Flow::More | Flow::Waiting) => {}
            Err(error) if error.then == Then::SkipItem => {}
            Ok(Flow::End) | Err(_) => return,
        }
    }
}

#[test]
fn no_damage_to_a_file_is_a_panic_or_turns_time_back() {
    let studio = Studio::new(12);
    let sources = [
        ("plain.mp4", PLAIN, ""),
        ("pieces.mp4", PLAIN, " -movflags frag_keyframe+empty_moov"),
        ("reordered.mp4", REORDERED, ""),
        ("plain.h264", PLAIN, ""),
        ("reordered.h264", REORDERED, ""),
    ];
    let mut dice = Dice(7);
    for (name, options, more) in sources {
        let path = studio.make(name, &format!("{options}{more}"));
        let whole = fs::read(&path).unwrap();
        // The tables of an MP4 file are at its end, and a small part of it.
        let tables = whole.windows(4).position(|name| name == b"moov").unwrap_or(0);
        for round in 0..120 {
            let mut bytes = whole.clone();
            let from = if round % 2 == 0 { 0 } else { tables };
            for _ in 0..=dice.below(3) {
                if bytes.len() > from {
                    dice.damage(&mut bytes, from);
                }
            }
            fs::write(&path, bytes).unwrap();
            survives(&path);
        }
    }
}

#[test]
fn after_damage_the_decoder_asks_for_a_keyframe_and_goes_on_with_it() {
    let rig = Rig::new();
    let with = json!({ "keyframe_every": "200ms" });
    let mut units = rig.through("h264", with, rig.pattern(18, json!({ "size": "320x240" })));
    let Item::AccessUnit(hit) = &mut units[2] else { unreachable!("the encoder gives access units") };
    hit.data = hit.data[..8].iter().copied().chain([0xff; 40]).collect();
    let mut decoder = rig.filter("h264_decode", json!({}));
    let (mut out, mut lost) = (Output::default(), Vec::new());
    for item in units {
        let number = unit(&item).sequence;
        let result = decoder.process(Inputs::one(item), &mut out);
        if let Err(error) = &result {
            assert_eq!(error.then, Then::SkipItem);
            assert!(error.message.starts_with("picture 2 cannot be decoded ("), "{error}");
        }
        if out.drain().count() == 0 {
            lost.push(number);
        }
    }
    assert_eq!(lost, [2, 3, 4, 5], "the keyframe is picture 6");
}
