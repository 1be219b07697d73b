//! A running plugin asks the heap for nothing, frame by frame: not for pixels, samples or what is known of a
//! frame. (What it says in words is copied once: labels that a detector gives, text that is drawn.)

use framegate::media::{Detection, Frame, PixelFormat, Region, Size};
use framegate::node::Output;
use serde_json::{Value as Json, json};

use super::bench::Bench;
use super::heap::asked;

/// Rows of the first lie packed, those of the second have padding between them.
const SIZES: [(u32, u32); 2] = [(64, 48), (70, 50)];
const FRAMES: u64 = 20;

fn asks_for_nothing(plugin: &str, with: &Json, mark: fn(&mut Frame)) {
    for (width, height) in SIZES {
        let size = Size::new(width, height).unwrap();
        let beside = json!({ "plugin": plugin });
        let mut bench = Bench::of(beside, with.clone(), PixelFormat::I420, size).unwrap();
        let (mut out, mut by_the_end) = (Output::default(), 0);
        for number in 0..2 * FRAMES {
            let mut frame = bench.frame();
            mark(&mut frame);
            let before = asked();
            bench.work(frame, &mut out);
            // The first few find out how much there is to keep.
            by_the_end += if number < FRAMES { 0 } else { asked() - before };
        }
        assert_eq!(by_the_end, 0, "{plugin} at {width}x{height}, over {FRAMES} frames");
    }
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

#[test]
fn overlays_read_what_was_found_and_draw() {
    asks_for_nothing("overlay", &json!({ "labels": false }), marked);
}
