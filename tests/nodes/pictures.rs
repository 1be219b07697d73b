//! Test pattern → filters → encoder → decoder.

use framegate::media::{Detection, Item, PixelFormat, PlaneRef, PlaneShape, Size};
use framegate::node::{Inputs, Output};
use framegate::nodes::test_pattern::read_frame_number;
use openh264::decoder::Decoder;
use openh264::formats::YUVSource;
use serde_json::json;

use crate::rig::{Rig, frame, unit};

/// The frame number and size that a viewer would see of each access unit.
fn decoded(units: &[Item]) -> Vec<(Option<u32>, Size)> {
    let mut decoder = Decoder::new().unwrap();
    let mut seen = Vec::new();
    for item in units {
        let picture = decoder.decode(&unit(item).data).unwrap().expect("each access unit is a picture");
        let (width, height) = picture.dimensions();
        let shape = PlaneShape { rows: height, row_bytes: width, pixel_bytes: 1 };
        let luma = PlaneRef::new(picture.y(), picture.strides().0, shape);
        seen.push((read_frame_number(&luma), Size::new(width as u32, height as u32).unwrap()));
    }
    seen
}

fn assert_numbers_survive(size: &str, shown: &str, bitrate: &str, count: usize) {
    let rig = Rig::new();
    let frames = rig.pattern(count, json!({ "size": size }));
    let units = rig.through("h264", json!({ "bitrate": bitrate, "keyframe_every": "1s" }), frames);
    // Rate control may leave out a few at so few bits.
    assert!(units.len() > count * 2 / 3, "{} of {count} pictures at {size}", units.len());
    for (item, (number, size)) in units.iter().zip(decoded(&units)) {
        assert_eq!(number, Some(unit(item).sequence as u32));
        assert_eq!(size.to_string(), shown);
    }
}

#[test]
fn the_frame_number_survives_encoding_at_500_kbit() {
    assert_numbers_survive("640x360", "640x360", "500k", 90);
    assert_numbers_survive("1280x720", "1280x720", "500k", 60);
}

#[test]
fn odd_pictures_lose_their_last_row_and_column_and_nothing_else() {
    assert_numbers_survive("639x361", "638x360", "1M", 10);
}

#[test]
fn every_format_reaches_the_encoder_with_its_number_time_and_annotations() {
    for format in PixelFormat::ALL {
        let rig = Rig::new();
        let mut frames = rig.pattern(5, json!({ "size": "321x243", "format": format.name(), "rate": "25" }));
        for item in &mut frames {
            if let Item::Frame(frame) = item {
                let label = format!("thing {}", frame.sequence).into();
                frame.annotations_mut().detections.push(Detection { label, ..Detection::default() });
            }
        }
        let scaled = rig.through("scale", json!({ "size": "480x270", "fit": "stretch" }), frames);
        let converted = rig.through("convert", json!({ "to": "i420" }), scaled);
        let units = rig.through("h264", json!({}), converted);
        for (index, (item, (number, _))) in units.iter().zip(decoded(&units)).enumerate() {
            let unit = unit(item);
            assert_eq!(number, Some(index as u32), "{format}");
            assert_eq!(unit.pts.nanos(), index as i64 * 40_000_000);
            assert_eq!(*unit.annotations.detections[0].label, *format!("thing {index}"));
        }
        assert_eq!(units.len(), 5);
    }
}

#[test]
fn a_crop_is_encoded_without_a_copy() {
    let rig = Rig::new();
    let frames = rig.pattern(3, json!({ "size": "640x360" }));
    let out_before = rig.pool.usage().out;
    let top = rig.through("crop", json!({ "box": [0.0, 0.0, 1.0, 0.5] }), frames);
    assert_eq!(rig.pool.usage().out, out_before);
    let units = rig.through("h264", json!({}), top);
    assert!(decoded(&units).iter().all(|(_, size)| size.to_string() == "640x180"));
}

#[test]
fn in_steady_state_no_frame_memory_is_allocated() {
    let rig = Rig::new();
    let mut source = rig.source("test_pattern", json!({ "size": "640x360" }));
    let mut filters = [
        rig.filter("rate", json!({ "to": 30 })),
        rig.filter("convert", json!({ "to": "rgb24" })),
        rig.filter("scale", json!({ "size": "320x240", "fit": "contain" })),
        rig.filter("crop", json!({ "box": [0.0, 0.0, 0.5, 1.0] })),
        rig.filter("convert", json!({ "to": "i420" })),
        rig.filter("h264", json!({})),
    ];
    let mut warm = None;
    for turn in 0..40 {
        let mut items = Output::default();
        source.next(&mut items).unwrap();
        for filter in &mut filters {
            let mut out = Output::default();
            items.drain().for_each(|(_, item)| filter.process(Inputs::one(item), &mut out).unwrap());
            items = out;
        }
        if turn == 5 {
            warm = Some(rig.pool.usage().allocations);
        }
    }
    assert_eq!(Some(rig.pool.usage().allocations), warm);
}

#[test]
fn a_lower_rate_keeps_every_third_picture() {
    let rig = Rig::new();
    let frames = rig.pattern(30, json!({ "size": "64x48", "rate": 30, "format": "gray8" }));
    let slow = rig.through("rate", json!({ "to": 10 }), frames);
    let numbers: Vec<_> = slow.iter().map(|item| read_frame_number(&frame(item).plane(0))).collect();
    assert_eq!(numbers, (0..10).map(|n| Some(n * 3)).collect::<Vec<_>>());
}
