//! What a viewer saw: pictures with their frame numbers, and the boxes drawn on each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use framegate::media::{PlaneRef, PlaneShape};
use framegate::nodes::test_pattern::read_frame_number;
use serde_json::Value;

use super::support::chromium::Chromium;

/// One picture as it was on the screen.
#[derive(Debug)]
pub struct Picture {
    /// Read from its pixels; `None` where the source is not a test pattern.
    pub number: Option<u32>,
    /// What the data channel said of it; `None` when nothing came.
    pub said: Option<Said>,
}

/// What the data channel said of one picture.
#[derive(Debug)]
pub struct Said {
    pub sequence: u64,
    pub boxes: Vec<Box>,
}

/// In fractions of the picture.
#[derive(Clone, Copy, Debug)]
pub struct Box {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Box {
    pub fn grown(self, by: f64) -> Box {
        Box { left: self.left - by, top: self.top - by, right: self.right + by, bottom: self.bottom + by }
    }

    pub fn holds(&self, (x, y): (f64, f64)) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }

    pub fn touches(&self, other: &Box) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    pub fn middle(&self) -> (f64, f64) {
        ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }
}

impl Said {
    pub fn read(message: &Value) -> Option<Said> {
        let boxes = message["detections"].as_array()?.iter().map(|found| {
            let part = |key: &str| found[key].as_f64().expect("a detection has a place");
            let (left, top) = (part("x"), part("y"));
            Box { left, top, right: left + part("width"), bottom: top + part("height") }
        });
        Some(Said { sequence: message["sequence"].as_u64()?, boxes: boxes.collect() })
    }
}

/// Keeps what the page shows from now on.
pub fn record(browser: &Chromium) {
    browser.ask(include_str!("recorder.js"));
}

/// The pictures recorded so far, once there are at least `count`.
pub fn pictures(browser: &Chromium, count: usize) -> Vec<Picture> {
    let seen = browser
        .until(&format!("{count} pictures"), &format!("return window.seen.length >= {count} && window.seen"));
    let picture = |shown: &Value| Picture {
        number: number(shown["luma"].as_str().expect("a strip of luma"), 320),
        said: Said::read(&shown["message"]),
    };
    seen.as_array().expect("a list of pictures").iter().map(picture).collect()
}

/// The frame number in the top strip of a picture, given as base64.
pub fn number(strip: &str, width: usize) -> Option<u32> {
    let luma = STANDARD.decode(strip).expect("base64");
    let shape = PlaneShape { rows: luma.len() / width, row_bytes: width, pixel_bytes: 1 };
    read_frame_number(&PlaneRef::new(&luma, width, shape))
}

/// The frame numbers that another player, which printed `played`, saw.
pub fn played_numbers(played: &Value) -> Vec<Option<u32>> {
    let width = played["size"][0].as_u64().expect("a width");
    let strips = played["strips"].as_array().expect("a list of strips");
    strips.iter().map(|strip| number(strip.as_str().expect("base64"), width as usize)).collect()
}

/// That another player, which printed `played`, showed `count` pictures with rising numbers and was
/// let go in order.
pub fn assert_played(played: &Value, count: usize) {
    let numbers = played_numbers(played);
    assert_eq!(numbers.len(), count);
    assert_rising(&numbers);
    assert_eq!(played["ended"], 200);
}

/// That numbers could be read, rise, and span more than one second of a 30-a-second source.
pub fn assert_rising(numbers: &[Option<u32>]) {
    let read: Vec<u32> = numbers.iter().copied().flatten().collect();
    assert!(
        read.len() * 10 >= numbers.len() * 9,
        "{} of {} numbers could be read",
        read.len(),
        numbers.len()
    );
    assert!(read.windows(2).all(|pair| pair[0] <= pair[1]), "numbers fall: {read:?}");
    let longest = read.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(longest <= Some(30), "the picture stood still for {longest:?} frames");
    let span = read[read.len() - 1] - read[0];
    assert!(span as usize >= numbers.len() / 2, "numbers rise by {span} over {} pictures", numbers.len());
}
