//! What the worlds promise, seen through real components.

use std::time::Duration;

use framegate::media::{Annotations, Detection, Frame, PixelFormat, Region, Size};
use serde_json::json;

use crate::bench::{Bench, misbehaving};

#[test]
fn what_a_filter_writes_goes_on_and_the_rest_stays() {
    for (pixel, width) in [(PixelFormat::I420, 64), (PixelFormat::Nv12, 37), (PixelFormat::Gray8, 5)] {
        let beside = json!({ "plugin": crate::bench::guest("misbehave") });
        let with = json!({ "mode": "panic", "at": 99 });
        let size = Size::new(width, 9).unwrap();
        let mut bench = Bench::of(beside, with, pixel, size).unwrap();
        let picture = bench.run().picture.unwrap();
        let width = width as usize;
        assert!(picture[..width].iter().all(|luma| *luma == 42), "{pixel}");
        assert!(picture[width..2 * width].iter().all(|luma| *luma == 1), "{pixel}");
        assert_eq!(picture.len(), pixel.bytes(size));
    }
}

#[test]
fn an_analyzer_passes_frames_without_touching_their_memory() {
    let mut bench = Bench::new(json!({ "plugin": "passthrough" }), json!({}));
    let frame = bench.frame();
    let allocated = bench.site.pool.usage().allocations;
    let given = bench.run_with(frame).unwrap();
    assert_eq!(given.annotations, Annotations::default());
    assert!(given.picture.is_some());
    assert_eq!(bench.site.pool.usage().allocations, allocated);
}

#[test]
fn in_steady_state_no_frame_memory_is_allocated() {
    let mut bench = misbehaving("panic", json!({}));
    let beside = json!({ "plugin": crate::bench::guest("misbehave") });
    let mut good = Bench::new(beside, json!({ "mode": "panic", "at": 99_999 }));
    good.run();
    let allocated = good.site.pool.usage().allocations;
    for _ in 0..20 {
        good.run();
    }
    assert_eq!(good.site.pool.usage().allocations, allocated);
    // Failures included.
    bench.run();
    bench.run();
    let allocated = bench.site.pool.usage().allocations;
    for _ in 0..5 {
        bench.pass(Duration::from_secs(1));
        bench.run();
    }
    assert_eq!(bench.site.pool.usage().allocations, allocated);
}

/// A grey picture with a bright square whose left edge is at `x`.
fn square_at(bench: &mut Bench, x: usize) -> Frame {
    let mut frame = bench.frame();
    for plane in &mut frame.planes_mut().unwrap() {
        plane.fill(128);
    }
    let mut luma = frame.plane_mut(0).unwrap();
    luma.fill(90);
    (40..72).for_each(|row| luma.row(row)[x..x + 32].fill(220));
    frame
}

#[test]
fn a_detector_reports_on_the_frame_and_beside_it() {
    let size = Size::new(192, 128).unwrap();
    let mut bench = Bench::of(json!({ "plugin": "motion" }), json!({}), PixelFormat::I420, size).unwrap();
    let mut found = Vec::new();
    for step in 0..40 {
        let frame = square_at(&mut bench, if step < 10 { 8 } else { 8 + 4 * (step - 10) });
        let given = bench.run_with(frame).unwrap();
        assert_eq!(given.detections.as_ref().map(Vec::len), Some(given.annotations.detections.len()));
        found = given.annotations.detections;
    }
    // The square ends up at x = 124..156 of 192 and y = 40..72 of 128.
    let Region { x, y, width, height } = found.first().expect("the moving square is found").region;
    assert!(x < 140.0 / 192.0 && x + width > 140.0 / 192.0, "{found:?}");
    assert!(y < 56.0 / 128.0 && y + height > 56.0 / 128.0, "{found:?}");
    assert_eq!(bench.count("traps"), 0, "{}", bench.log.text());
}

#[test]
fn an_overlay_paints_what_others_found_and_keeps_it() {
    let size = Size::new(192, 128).unwrap();
    let mut bench = Bench::of(json!({ "plugin": "overlay" }), json!({}), PixelFormat::I420, size).unwrap();
    let plain = square_at(&mut bench, 8);
    let before = crate::bench::packed(&plain);
    let mut found = square_at(&mut bench, 8);
    let region = Region::new(0.5, 0.25, 0.25, 0.5).unwrap();
    let detection = Detection { label: "thing".into(), score: 0.9, region, track: Some(3) };
    found.annotations_mut().detections.push(detection.clone());
    drop(plain);
    let given = bench.run_with(found).unwrap();
    assert_eq!(given.annotations.detections, [detection]);
    let picture = given.picture.unwrap();
    assert_ne!(picture, before);
    // The box's left edge is drawn, its inside is not.
    let luma = |x: usize, y: usize| picture[y * 192 + x];
    assert!((95..99).any(|x| luma(x, 90) != 90), "the left edge at x = 96 is not drawn");
    assert_eq!(luma(120, 70), 90);
}

#[test]
fn grayscale_takes_the_colour_out() {
    let mut bench = Bench::new(json!({ "plugin": "grayscale" }), json!({}));
    let given = bench.run().picture.unwrap();
    let luma = 64 * 48;
    assert_eq!(given[64..128], [1; 64]);
    assert!(given[luma..].iter().all(|chroma| *chroma == 128));
}
