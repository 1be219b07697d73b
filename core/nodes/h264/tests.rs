//! The kind and its encoder on moving pictures.

use super::*;
use crate::media::{AccessUnit, Detection, Frame, FrameFormat, Item, Pool, Rate};
use crate::node::{Adjusted, Epoch, Filter, Handled, Inputs, Output, Then, Wish};
use crate::nodes::test_pattern;
use serde_json::json;
use std::time::{Instant, SystemTime};

fn encoder(with: serde_json::Value) -> (Box<dyn Filter>, Site) {
    let settings = Settings::from_json(ABOUT.with, &with).unwrap();
    let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
    let site = Site::alone("h264", Pool::new(0), epoch);
    match H264.build(&settings, &[], &site).unwrap() {
        Node::Filter(filter) => (filter, site),
        _ => unreachable!("h264 is a filter"),
    }
}

fn pattern(size: &str) -> impl Iterator<Item = Frame> {
    let format = FrameFormat::new(PixelFormat::I420, size.parse().unwrap());
    test_pattern::frames(format, Rate::new(30, 1).unwrap(), 0, Pool::new(1 << 26)).unwrap()
}

fn units(filter: &mut dyn Filter, frames: impl IntoIterator<Item = Frame>) -> Vec<AccessUnit> {
    let mut out = Output::default();
    frames.into_iter().for_each(|frame| filter.process(Inputs::one(Item::Frame(frame)), &mut out).unwrap());
    let units = out.drain().map(|(_, item)| match item {
        Item::AccessUnit(unit) => unit,
        _ => unreachable!("h264 gives access units"),
    });
    units.collect()
}

fn keyframes(units: &[AccessUnit]) -> Vec<u64> {
    units.iter().filter(|unit| unit.keyframe).map(|unit| unit.sequence).collect()
}

#[test]
fn keyframes_come_by_the_clock_and_when_wished_for() {
    let (mut filter, _) = encoder(json!({ "keyframe_every": "500ms" }));
    let mut frames = pattern("320x240");
    let mut all = units(&mut *filter, frames.by_ref().take(20));
    assert_eq!(filter.request(Wish::Keyframe), Handled::Here);
    all.extend(units(&mut *filter, frames.take(20)));
    assert_eq!(keyframes(&all), [0, 15, 20, 35]);
}

#[test]
fn pts_sequence_and_annotations_ride_along() {
    let (mut filter, _) = encoder(json!({}));
    let frames = pattern("320x240").skip(7).take(3).map(|mut frame| {
        let label = frame.sequence.to_string().into();
        frame.annotations_mut().detections.push(Detection { label, ..Detection::default() });
        frame
    });
    for unit in units(&mut *filter, frames) {
        assert_eq!(unit.pts, Rate::new(30, 1).unwrap().pts_of(unit.sequence));
        assert_eq!(*unit.annotations.detections[0].label, *unit.sequence.to_string());
    }
}

#[test]
fn a_wished_bitrate_is_held_within_its_bounds() {
    let (mut filter, site) = encoder(json!({ "bitrate": "2M", "min_bitrate": "300k" }));
    let mut frames = pattern("640x360");
    let size = |units: &[AccessUnit]| units.iter().map(|unit| unit.data.len()).sum::<usize>();
    let full = size(&units(&mut *filter, frames.by_ref().take(60)));
    filter.request(Wish::Bitrate(1));
    assert_eq!(site.counters.named("bitrate").get(), 300_000);
    let least = size(&units(&mut *filter, frames.by_ref().take(60)));
    assert!(least < full, "{least} bytes after {full}");
    filter.request(Wish::Bitrate(u64::MAX));
    assert_eq!(site.counters.named("bitrate").get(), 2_000_000);
}

#[test]
fn other_settings_hold_at_once_and_cost_a_keyframe_only_where_they_must() {
    let (mut filter, site) = encoder(json!({ "bitrate": "2M" }));
    let mut frames = pattern("320x240");
    let mut adjusted = |filter: &mut dyn Filter, with| {
        let settings = Settings::from_json(ABOUT.with, &with).unwrap();
        assert_eq!(filter.adjust(&settings, &[]), Adjusted::Applied);
        keyframes(&units(filter, frames.by_ref().take(3)))
    };
    assert_eq!(adjusted(&mut *filter, json!({ "bitrate": "2M" })), [0]);
    assert_eq!(adjusted(&mut *filter, json!({ "bitrate": "1M" })), Vec::<u64>::new());
    assert_eq!(site.counters.named("bitrate").get(), 1_000_000);
    assert_eq!(adjusted(&mut *filter, json!({ "bitrate": "4M" })), [6]);
    assert_eq!(site.counters.named("bitrate").get(), 4_000_000);
    assert_eq!(adjusted(&mut *filter, json!({ "bitrate": "4M", "layers": 2 })), [9]);
}

#[test]
fn a_sleeping_encoder_rests_and_wakes_with_a_keyframe() {
    let (mut filter, site) = encoder(json!({}));
    let mut frames = pattern("320x240");
    units(&mut *filter, frames.by_ref().take(2));
    assert_eq!(filter.request(Wish::Sleep), Handled::PassOn, "its source may sleep too");
    assert!(units(&mut *filter, frames.by_ref().take(5)).is_empty());
    assert_eq!(site.counters.named("rested").get(), 5);
    filter.request(Wish::Wake);
    assert_eq!(keyframes(&units(&mut *filter, frames.take(3))), [7]);
}

#[test]
fn another_size_begins_afresh() {
    let (mut filter, _) = encoder(json!({}));
    units(&mut *filter, pattern("320x240").take(2));
    assert!(units(&mut *filter, pattern("322x241").skip(5).take(1))[0].keyframe);
}

#[test]
fn a_picture_too_dense_for_the_encoder_is_lost_alone() {
    let (mut filter, _) = encoder(json!({ "bitrate": "50M" }));
    let dense = pattern("320x240").take(10).map(|mut frame| {
        let mut state = frame.sequence;
        for plane in frame.planes_mut().unwrap().iter_mut() {
            plane.rows().flatten().for_each(|value| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *value = (state >> 56) as u8;
            });
        }
        frame
    });
    let mut out = Output::default();
    let failed = dense.filter_map(|frame| filter.process(Inputs::one(Item::Frame(frame)), &mut out).err());
    let failed: Vec<_> = failed.map(|error| error.then).collect();
    assert!(!failed.is_empty() && failed.iter().all(|then| *then == Then::SkipItem), "{failed:?}");
    assert!(!units(&mut *filter, pattern("320x240").skip(20).take(3)).is_empty());
}

#[test]
fn sizes_the_encoder_cannot_take_are_found_by_the_check() {
    let settings = Settings::from_json(ABOUT.with, &json!({})).unwrap();
    let outputs = |size: &str| {
        let size = Some(size.parse().unwrap());
        let frames = Format::Frames(VideoFormat { pixel: PixelFormat::I420, size, rate: None });
        H264.outputs(&settings, &[Some(frames)])
    };
    assert!(outputs("2160x3840").is_ok());
    assert_eq!(outputs("4096x2160").unwrap_err().code, "size-not-supported");
    assert_eq!(outputs("12x64").unwrap_err().code, "size-not-supported");
    assert_eq!(outputs("321x241").unwrap()[0].to_string(), "h264 320x240");
}

#[test]
fn a_floor_over_the_ceiling_is_refused() {
    let settings = Settings::from_json(ABOUT.with, &json!({ "min_bitrate": "3M" })).unwrap();
    let found = H264.contract(&settings).unwrap_err();
    assert_eq!(found[0].message, "\"min_bitrate\" must not be over \"bitrate\", which is 2M, got 3M");
}
