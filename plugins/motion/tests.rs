//! The whole detector on pictures made here: what moves is found, what does not is not.

use framegate_sdk::prelude::*;
use framegate_sdk::testing::{self, Picture};

use crate::Motion;

const SIZE: Size = Size::new(640, 360);
const FRAME_NS: i64 = 33_333_333;

/// A still scene with texture and camera noise, the same in every run.
struct Camera {
    noise: u32,
    frame: i64,
}

impl Camera {
    fn new() -> Camera {
        Camera { noise: 1, frame: 0 }
    }

    fn random(&mut self) -> u32 {
        // Xorshift: reproducible, and good enough for camera noise.
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        self.noise
    }

    /// The scene at a brightness, with light boxes in it.
    fn take(&mut self, light: i32, boxes: &[(usize, usize, usize, usize)]) -> Picture {
        let mut luma = Vec::with_capacity(640 * 360);
        for y in 0..360usize {
            for x in 0..640usize {
                let texture = 80 + ((x / 16 + y / 16) % 4 * 20) as i32;
                let inside = |(left, top, width, height): &(usize, usize, usize, usize)| {
                    (*left..left + width).contains(&x) && (*top..top + height).contains(&y)
                };
                let base = if boxes.iter().any(inside) { 210 } else { texture };
                let noise = (self.random() % 9) as i32 - 4;
                luma.push((base + light + noise).clamp(16, 235) as u8);
            }
        }
        self.frame += 1;
        Picture::new(PixelFormat::I420, SIZE)
            .with_plane(0, &luma)
            .at(self.frame as u64, self.frame * FRAME_NS)
    }
}

fn motion(settings: &str) -> Motion {
    testing::configure(settings).unwrap()
}

fn near(detection: &Detection, x: f32, y: f32, width: f32, height: f32) -> bool {
    let region = detection.region;
    let close = |a: f32, b: f32, scale: f32| (a - b / scale).abs() < 0.04;
    close(region.x, x, 640.0)
        && close(region.y, y, 360.0)
        && close(region.width, width, 640.0)
        && close(region.height, height, 360.0)
}

#[test]
fn moving_things_are_found_where_they_are_and_keep_their_numbers() {
    let (mut plugin, mut camera) = (motion("{}"), Camera::new());
    // Long enough for the things to have left where they started.
    for _ in 0..10 {
        testing::detect(&mut plugin, &camera.take(0, &[])).unwrap();
    }
    let mut numbers = Vec::new();
    for step in 0..30 {
        let (left, right) = (20 + step * 8, 560 - step * 8);
        let found =
            testing::detect(&mut plugin, &camera.take(0, &[(left, 60, 60, 60), (right, 220, 50, 80)]))
                .unwrap();
        if step < 5 {
            continue;
        }
        assert_eq!(found.len(), 2, "step {step}: {found:?}");
        let first = found.iter().find(|d| near(d, left as f32, 60.0, 60.0, 60.0));
        let second = found.iter().find(|d| near(d, right as f32, 220.0, 50.0, 80.0));
        numbers.push((first.expect("the first box").track, second.expect("the second box").track));
        assert!(found.iter().all(|d| d.label == "motion" && d.score > 0.5));
    }
    assert!(numbers.iter().all(|pair| *pair == numbers[0]), "{numbers:?}");
}

#[test]
fn noise_and_changes_of_light_are_not_motion() {
    let (mut plugin, mut camera) = (motion("{}"), Camera::new());
    for frame in 0..120 {
        // A lamp that flickers, then a cloud, then the light is switched off.
        let light = match frame {
            0..40 => (frame % 3) * 12,
            40..80 => frame - 40,
            _ => -60,
        };
        let found = testing::detect(&mut plugin, &camera.take(light, &[])).unwrap();
        assert_eq!(found, [], "frame {frame}, light {light}");
    }
}

#[test]
fn what_comes_to_rest_becomes_background_and_leaves_no_ghost() {
    let (mut plugin, mut camera) = (motion(r#"{"memory": 0.5}"#), Camera::new());
    testing::detect(&mut plugin, &camera.take(0, &[(100, 100, 60, 60)])).unwrap();
    // The box that was there at the start leaves, and another comes to stay.
    let mut last = Vec::new();
    for _ in 0..90 {
        last = testing::detect(&mut plugin, &camera.take(0, &[(400, 200, 60, 60)])).unwrap();
    }
    assert_eq!(last, []);
}

#[test]
fn only_zones_are_looked_at_and_named() {
    let zone = r#"{"zones": {"door": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}}"#;
    let (mut plugin, mut camera) = (motion(zone), Camera::new());
    let mut labels = Vec::new();
    for step in 0..40 {
        let boxes = [(40 + step * 4, 40, 50, 50), (360 + step * 4, 200, 50, 50)];
        let boxes = if step < 5 { &boxes[..0] } else { &boxes[..] };
        labels.extend(
            testing::detect(&mut plugin, &camera.take(0, boxes)).unwrap().into_iter().map(|d| d.label),
        );
    }
    assert!(labels.len() > 20);
    assert!(labels.iter().all(|label| label == "motion/door"), "{labels:?}");
}

#[test]
fn a_picture_of_another_size_starts_afresh() {
    let mut plugin = motion("{}");
    testing::detect(&mut plugin, &Camera::new().take(0, &[])).unwrap();
    let other = Picture::new(PixelFormat::Gray8, Size::new(33, 17)).with_plane(0, &[200; 33 * 17]);
    assert_eq!(testing::detect(&mut plugin, &other).unwrap(), []);
    assert_eq!(testing::detect(&mut plugin, &other).unwrap(), []);
}

#[test]
fn settings_without_sense_are_refused_by_name() {
    let refused =
        |settings: &str| testing::configure::<Motion>(settings).err().map(|error| error.message).unwrap();
    assert!(refused(r#"{"detail": 0}"#).contains("\"detail\""));
    assert!(refused(r#"{"zones": {"door": [[0, 0], [1, 1]]}}"#).contains("\"door\""));
    assert!(refused(r#"{"ignore": [[[0, 0], [1, 1], [2, 0]]]}"#).contains("got 2"));
}
