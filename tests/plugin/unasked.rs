//! A running plugin asks the heap for nothing, frame by frame: not for pixels and samples, for what is known of a
//! frame or found in it, nor for what is drawn, measured and counted.

use framegate::media::{Detection, Frame, PixelFormat, Region, Size};
use framegate::node::Output;
use serde_json::{Value as Json, json};

use super::bench::{Bench, Given};
use super::heap::asked;

/// Rows of the first lie packed, those of the second have padding between them.
const SIZES: [(u32, u32); 2] = [(64, 48), (70, 50)];
/// The first find out how much there is to keep: all the digits of a clock, say.
const FIRST: u64 = 100;
const FRAMES: u64 = 20;

/// Gives what the plugin made of one more frame, of each size.
fn asks_for_nothing(plugin: &str, with: &Json, mark: fn(&mut Frame)) -> [Given; 2] {
    SIZES.map(|(width, height)| {
        let size = Size::new(width, height).unwrap();
        let beside = json!({ "plugin": plugin });
        let mut bench = Bench::of(beside, with.clone(), PixelFormat::I420, size).unwrap();
        let (mut out, mut by_the_end) = (Output::default(), 0);
        for number in 0..FIRST + FRAMES {
            let mut frame = bench.frame();
            mark(&mut frame);
            let before = asked();
            bench.work(frame, &mut out);
            by_the_end += if number < FIRST { 0 } else { asked() - before };
        }
        assert_eq!(by_the_end, 0, "{plugin} at {width}x{height}, over {FRAMES} frames");
        let mut frame = bench.frame();
        mark(&mut frame);
        bench.run_with(frame).unwrap()
    })
}

fn unmarked(_: &mut Frame) {}

fn marked(frame: &mut Frame) {
    let region = Region::new(0.25, 0.25, 0.5, 0.5).unwrap();
    let found = Detection { label: "thing".into(), score: 0.9, region, track: Some(3) };
    frame.annotations_mut().detections = vec![found; 3];
}

#[test]
fn filters_read_and_write_planes() {
    asks_for_nothing("negative", &json!({}), unmarked);
    asks_for_nothing("edges", &json!({}), unmarked);
}

#[test]
fn analyzers_pass_frames_on() {
    asks_for_nothing("passthrough", &json!({}), unmarked);
}

#[test]
fn detectors_take_samples_and_note_that_they_looked() {
    asks_for_nothing("motion", &json!({}), unmarked);
}

/// Something bright goes to and fro.
fn moving(frame: &mut Frame) {
    let left = 4 + 2 * (frame.sequence as usize % 12);
    let mut luma = frame.plane_mut(0).unwrap();
    (8..28).for_each(|y| luma.row(y)[left..left + 20].fill(250));
}

#[test]
fn detectors_say_what_they_found() {
    for given in asks_for_nothing("motion", &json!({}), moving) {
        assert_eq!(given.detections.as_deref(), Some(&["motion".to_owned()][..]));
    }
}

#[test]
fn overlays_read_what_was_found_draw_and_write() {
    // Of the heights that the font has, and of those it has not.
    for size in [16, 13] {
        let settings = json!({ "size": size, "text": "{count} things", "clock": true });
        asks_for_nothing("overlay", &settings, marked);
    }
}

#[test]
fn what_hides_others_asks_who_has_looked_and_hides() {
    asks_for_nothing("privacy", &json!({ "after": ["finder"] }), marked);
    for mode in ["pixelate", "blur", "black"] {
        asks_for_nothing("privacy", &json!({ "mode": mode }), marked);
    }
}
