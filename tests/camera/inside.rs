//! The part of the encoder's test that runs in the machine: this same program, started there.
//!
//! It drives the kind itself, with the codec of the kernel's test driver in the place of H.264: a graph has no
//! setting for that.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use framegate::graph::{self, Text};
use framegate::media::{AccessUnit, Frame, FrameFormat, Item, PixelFormat, Pool, Pts, Size};
use framegate::node::{
    Epoch, Filter, Format, Inputs, Node, NodeError, NodeKind, Output, Settings, Site, VideoFormat, Wish,
};
use framegate::nodes::collect::Basket;
use framegate::nodes::h264_v4l2::{Coding, H264V4l2};
use framegate::{catalog, run};

use serde_json::{Value as Json, json};

use super::webcam::picture;

/// In the machine's environment: which part is to be run.
pub const PART: &str = "FRAMEGATE_PART";

/// What is encoded: so many pictures, with wishes for keyframes before two of them.
pub const PICTURES: u32 = 30;
const WISHED: [usize; 2] = [7, 20];
/// Grey would hide chroma that lies in the wrong place.
pub const CHROMA: [u8; 2] = [90, 170];

const KIND: H264V4l2 = H264V4l2::of(Coding::Other { fourcc: *b"FWHT", is_keyframe });

/// `V4L2_FWHT_FL_I_FRAME` among the flags of a frame's header (codec-fwht.h of the kernel).
fn is_keyframe(bytes: &[u8]) -> bool {
    bytes.len() > 24 && u32::from_be_bytes([bytes[20], bytes[21], bytes[22], bytes[23]]) >> 10 & 1 == 1
}

/// Does nothing but in the machine, where the test that boots it asks for a part.
#[test]
fn a_part_in_the_machine() {
    let Ok(part) = std::env::var(PART) else { return };
    match part.as_str() {
        "refusals" => refusals(),
        "graph" => whole_graph(),
        part => {
            let (pixel, size) = part.split_once(' ').expect("a pixel format and a size");
            encode(pixel.parse().unwrap(), size.parse().unwrap());
        }
    }
}

/// The node in a graph whose clock is `live` or not.
fn build(settings: Json, pixel: PixelFormat, size: Size, live: bool) -> Result<Box<dyn Filter>, NodeError> {
    let settings = Settings::from_json(KIND.about().with, &settings).unwrap();
    let frames = Format::Frames(VideoFormat { pixel, size: Some(size), rate: None });
    let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live };
    match KIND.build(&settings, &[Some(frames)], &Site::alone("encoder", Pool::new(1 << 28), epoch))? {
        Node::Filter(filter) => Ok(filter),
        _ => unreachable!("an encoder is a filter"),
    }
}

/// Picture `number`, with a time that no microsecond is.
fn frame(pool: &Pool, pixel: PixelFormat, size: Size, number: u32) -> Frame {
    let pts = Pts::from_nanos(i64::from(number) * 33_366_701);
    let mut frame = Frame::pooled(pool, FrameFormat::new(pixel, size), pts, number.into()).unwrap();
    // As the webcam's, of even sides: the last row and column of others are left out.
    let (width, height) = (size.width() as usize & !1, size.height() as usize & !1);
    let luma = picture::luma(number, width, height);
    let mut planes = frame.planes_mut().unwrap();
    for (to, from) in planes[0].rows().zip(luma.chunks(width)) {
        to[..width].copy_from_slice(from);
    }
    let [u, v] = CHROMA;
    match pixel {
        PixelFormat::I420 => {
            planes[1].fill(u);
            planes[2].fill(v);
        }
        _ => planes[1].rows().flatten().enumerate().for_each(|(at, value)| *value = [u, v][at % 2]),
    }
    drop(planes);
    frame
}

fn units(out: &mut Output) -> Vec<AccessUnit> {
    let unit = |(_, item)| match item {
        Item::AccessUnit(unit) => unit,
        _ => unreachable!("an encoder gives access units"),
    };
    out.drain().map(unit).collect()
}

fn encode(pixel: PixelFormat, size: Size) {
    let pool = Pool::new(1 << 28);
    let mut filter = build(json!({}), pixel, size, false).unwrap();
    let (mut all, mut out) = (Vec::new(), Output::default());
    let mut held = 0;
    for number in 0..PICTURES {
        if WISHED.contains(&(number as usize)) {
            filter.request(Wish::Keyframe);
        }
        let item = Item::Frame(frame(&pool, pixel, size, number));
        filter.process(Inputs::one(item), &mut out).unwrap();
        all.extend(units(&mut out));
        held = held.max(number as usize + 1 - all.len());
    }
    assert!(held > 0, "none was ever inside: the end gives nothing");
    filter.finish(&mut out).unwrap();
    all.extend(units(&mut out));

    assert_eq!(all.len(), PICTURES as usize);
    for (number, unit) in (0..PICTURES).zip(&all) {
        let sent = frame(&pool, pixel, size, number);
        assert_eq!((unit.sequence, unit.pts), (sent.sequence, sent.pts));
    }
    let keyframes: Vec<usize> = (0..all.len()).filter(|index| all[*index].keyframe).collect();
    assert!([0].iter().chain(&WISHED).all(|wished| keyframes.contains(wished)), "{keyframes:?}");
    assert!(!keyframes.contains(&(WISHED[0] + 1)), "it gives nothing but keyframes: {keyframes:?}");
    let mut file = File::create(format!("/vm/{pixel}-{size}.fwht")).unwrap();
    all.iter().for_each(|unit| file.write_all(&unit.data).unwrap());

    live_pictures_come_with_their_own_turn(pixel, size);
    another_size_begins_another_stream(pixel, size);
}

/// Not each, on a machine that is busy with other things; one that never waited would have none.
fn live_pictures_come_with_their_own_turn(pixel: PixelFormat, size: Size) {
    let pool = Pool::new(1 << 28);
    let mut filter = build(json!({}), pixel, size, true).unwrap();
    let came = (0..10).filter(|number| {
        let mut out = Output::default();
        filter.process(Inputs::one(Item::Frame(frame(&pool, pixel, size, *number))), &mut out).unwrap();
        units(&mut out).last().is_some_and(|unit| unit.sequence == u64::from(*number))
    });
    assert!(came.count() > 0);
}

fn another_size_begins_another_stream(pixel: PixelFormat, size: Size) {
    let pool = Pool::new(1 << 28);
    let mut filter = build(json!({}), pixel, size, false).unwrap();
    let (larger, mut out) = (Size::new(size.width() + 64, size.height() + 32).unwrap(), Output::default());
    for (number, size) in (0..6).zip([size, size, size, larger, larger, larger]) {
        filter.process(Inputs::one(Item::Frame(frame(&pool, pixel, size, number))), &mut out).unwrap();
    }
    filter.finish(&mut out).unwrap();
    let all = units(&mut out);
    assert_eq!(all.iter().map(|unit| unit.sequence).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert!(all[0].keyframe && all[3].keyframe);
    // Where its header has them (struct fwht_cframe_hdr).
    let told =
        |unit: &AccessUnit| [12, 16].map(|at| u32::from_be_bytes(unit.data[at..at + 4].try_into().unwrap()));
    assert_eq!(told(&all[0]), [size.width() & !1, size.height() & !1]);
    assert_eq!(told(&all[3]), [larger.width() & !1, larger.height() & !1]);
}

/// In a graph it has a thread of its own, and its end is the graph's.
fn whole_graph() {
    let mut kinds = catalog::kinds();
    for kind in &mut kinds.present {
        if kind.about().name == KIND.about().name {
            *kind = Arc::new(KIND);
        }
    }
    let text = "version: 1\nclock: offline\nnodes:\n  - id: pattern\n    kind: test_pattern\n    \
                with: { size: 650x362, count: 30 }\n  - id: encoder\n    kind: h264_v4l2\n    inputs: pattern\n  \
                - id: end\n    kind: collect\n    with: { into: encoded }\n    inputs: encoder\n";
    let text = Text { name: "encoder.yaml".to_owned(), folder: PathBuf::new(), text: text.to_owned() };
    let checked = graph::load(&text, &[], &kinds, &|_| None);
    let basket = Basket::open("encoded");
    let running = run::start(checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.findings))).unwrap();
    let ended = running.wait();
    assert!(ended.failures.is_empty(), "{ended:?}");
    let sequences = basket.items().into_iter().map(|item| match item {
        Item::AccessUnit(unit) => unit.sequence,
        _ => unreachable!("an encoder gives access units"),
    });
    assert_eq!(sequences.collect::<Vec<_>>(), (0..30).collect::<Vec<_>>());
}

fn refusals() {
    let refused = |settings, size: &str| {
        let built = build(settings, PixelFormat::I420, size.parse().unwrap(), false);
        built.err().unwrap_or_else(|| panic!("{size} was taken")).message
    };
    let small = refused(json!({}), "320x240");
    assert!(
        small.contains("cannot encode 320x240; the nearest it can is 640x360: put a `scale` node"),
        "{small}"
    );
    let profile = refused(json!({ "profile": "high" }), "640x360");
    assert!(profile.contains("cannot be told a profile, asked for high"), "{profile}");

    // Whoever has the right to record has the device alone (VIDIOC_S_PRIORITY, V4L2_PRIORITY_RECORD).
    let other = File::options().read(true).write(true).open("/dev/encoder").unwrap();
    let (request, record) = (1 << 30 | 4 << 16 | u64::from(b'V') << 8 | 68, 3_u32);
    // SAFETY: the request reads one such number, which lives through the call.
    assert_eq!(unsafe { libc::ioctl(other.as_raw_fd(), request as _, &raw const record) }, 0);
    let busy = refused(json!({}), "640x360");
    assert!(busy.ends_with("is in use by another program"), "{busy}");
}
