//! The kind, and access units of what drivers give. The device itself is tried by `tests/camera`.

use super::units::{OutOfOrder, Unit, Units};
use super::*;
use crate::media::{Frame, FrameFormat, Item, Pool, Rate, annex_b};
use crate::node::{Epoch, Filter, Inputs, Output, Then};
use crate::nodes::test_pattern;
use serde_json::json;
use std::time::{Instant, SystemTime};

const KIND: H264V4l2 = H264V4l2::of(Coding::H264);

fn settings(json: serde_json::Value) -> Settings {
    Settings::from_json(ABOUT.with, &json).unwrap()
}

fn frames(size: &str) -> Option<Format> {
    let size = Some(size.parse().unwrap());
    Some(Format::Frames(VideoFormat { pixel: PixelFormat::Nv12, size, rate: None }))
}

#[test]
fn faults_are_found_without_a_device() {
    let found = KIND.contract(&settings(json!({ "min_bitrate": "3M" }))).unwrap_err();
    assert_eq!(found[0].message, "\"min_bitrate\" must not be over \"bitrate\", which is 2M, got 3M");
    let outputs = |size| KIND.outputs(&settings(json!({})), &[frames(size)]);
    assert_eq!(outputs("12x64").unwrap_err().code, "size-not-supported");
    assert_eq!(outputs("321x241").unwrap()[0].to_string(), "h264 320x240");
    assert_eq!(KIND.contract(&settings(json!({}))).unwrap().work, Work::Device);
}

#[test]
fn a_device_that_is_not_there_stops_the_graph_before_it_begins() {
    let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
    let site = Site::alone("h264", Pool::new(0), epoch);
    let settings = settings(json!({ "device": "/dev/video-none" }));
    let error = KIND.build(&settings, &[frames("320x240")], &site).err().expect("there is no such device");
    assert_eq!(error.then, Then::StopGraph);
    assert!(error.message.starts_with("/dev/video-none is not there; "), "{error}");
}

/// What the encoder on the CPU makes of so many pictures, of which every third is a keyframe.
fn stream(count: usize) -> Vec<Vec<u8>> {
    let settings =
        Settings::from_json(crate::nodes::h264::H264.about().with, &json!({ "keyframe_every": "100ms" }));
    let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
    let site = Site::alone("h264", Pool::new(0), epoch);
    let Node::Filter(mut filter) = crate::nodes::h264::H264.build(&settings.unwrap(), &[], &site).unwrap()
    else {
        unreachable!("h264 is a filter")
    };
    let format = FrameFormat::new(PixelFormat::I420, "64x48".parse().unwrap());
    let frames = test_pattern::frames(format, Rate::new(30, 1).unwrap(), 0, Pool::new(1 << 24)).unwrap();
    frames.take(count).map(|frame| unit(&mut *filter, frame)).collect()
}

fn unit(filter: &mut dyn Filter, frame: Frame) -> Vec<u8> {
    let mut out = Output::default();
    filter.process(Inputs::one(Item::Frame(frame)), &mut out).unwrap();
    match out.drain().next() {
        Some((_, Item::AccessUnit(unit))) => unit.data.to_vec(),
        _ => unreachable!("each of these pictures has an access unit"),
    }
}

/// The same bytes without their parameter sets, and the sets alone.
fn apart(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let is_set = |unit: &&[u8]| matches!(annex_b::kind(unit), annex_b::SPS | annex_b::PPS);
    let joined = |units: Vec<&[u8]>| units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect();
    let (sets, rest) = annex_b::units(bytes).partition(is_set);
    (joined(sets), joined(rest))
}

#[test]
fn a_driver_that_gives_its_parameter_sets_once_gets_them_before_each_keyframe() {
    let whole = stream(7);
    let mut units = Units::new(Coding::H264);
    for (index, bytes) in whole.iter().enumerate() {
        let given = if index == 0 { bytes.clone() } else { apart(bytes).1 };
        let made = units.take(given).unwrap().unwrap();
        assert_eq!(made, Unit { bytes: bytes.clone(), keyframe: index % 3 == 0 }, "unit {index}");
    }
}

#[test]
fn parameter_sets_in_a_buffer_of_their_own_belong_to_the_picture_after_them() {
    let whole = stream(2);
    let (sets, rest) = apart(&whole[0]);
    let mut units = Units::new(Coding::H264);
    assert_eq!(units.take(sets), Ok(None));
    assert_eq!(units.take(rest), Ok(Some(Unit { bytes: whole[0].clone(), keyframe: true })));
    assert_eq!(units.take(whole[1].clone()), Ok(Some(Unit { bytes: whole[1].clone(), keyframe: false })));
}

#[test]
fn pictures_out_of_order_are_refused() {
    // A slice with its first block 0 (`1`) and of type 1 (`010`), which is B.
    assert_eq!(Units::new(Coding::H264).take(vec![0, 0, 1, 0x41, 0b1010_0000, 0x80]), Err(OutOfOrder));
}

#[test]
fn another_codec_goes_on_as_it_is() {
    let coding = Coding::Other { fourcc: *b"FWHT", is_keyframe: |bytes| bytes == [7] };
    let mut units = Units::new(coding);
    assert_eq!(units.take(vec![7]), Ok(Some(Unit { bytes: vec![7], keyframe: true })));
    assert_eq!(units.take(vec![8, 9]), Ok(Some(Unit { bytes: vec![8, 9], keyframe: false })));
}
