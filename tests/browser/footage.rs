//! Natural footage: cyclists through motion and overlay, encoded and relayed. The truth is taken
//! from the clip itself, not from anything that went through the graph.

use std::path::Path;

use super::seen::{self, Box, Said};
use super::support::binary::Framegate;
use super::support::chromium::Chromium;
use super::support::clips;

const WIDTH: usize = 640;
const HEIGHT: usize = 272;

fn graph(clip: &Path) -> String {
    format!(
        "version: 1\nname: bikes\nnodes:\n  \
         - {{ id: camera, kind: file, with: {{ path: \"{}\", loop: true, pace: realtime }} }}\n  \
         - {{ id: motion, kind: plugin, plugin: motion, inputs: camera }}\n  \
         - {{ id: boxes, kind: plugin, plugin: overlay, inputs: motion }}\n  \
         - {{ id: h264, kind: h264, inputs: boxes }}\n  \
         - {{ id: live, kind: relay, inputs: h264 }}\n",
        clip.display()
    )
}

#[test]
fn boxes_follow_what_moves_in_natural_footage() {
    let clip = clips::bikes();
    let luma = luma_of(&clip);
    let server = Framegate::run_text(&graph(&clip), &[]);
    let browser = Chromium::start();
    browser.open(&server.url);
    browser.until("the picture", "return document.querySelector('.stage')?.dataset.state === 'live'");
    seen::record(&browser);
    let pictures = seen::pictures(&browser, 150);
    browser.screenshot("bikes");

    let said: Vec<Said> = pictures.into_iter().filter_map(|picture| picture.said).collect();
    let boxed: Vec<&Said> = said.iter().filter(|said| !said.boxes.is_empty()).collect();
    assert!(boxed.len() * 2 >= said.len(), "boxes in {} of {} pictures", boxed.len(), said.len());
    let (mut inside, mut outside) = (Change::default(), Change::default());
    for said in boxed {
        measure(&luma, said, &mut inside, &mut outside);
    }
    let (inside, outside) = (inside.mean(), outside.mean());
    assert!(inside > 2.0 * outside, "change inside the boxes {inside:.2}, outside {outside:.2}");
}

/// How much luma changed, summed over pixels.
#[derive(Default)]
struct Change {
    sum: u64,
    pixels: u64,
}

impl Change {
    fn mean(&self) -> f64 {
        self.sum as f64 / self.pixels.max(1) as f64
    }
}

fn measure(luma: &[Vec<u8>], said: &Said, inside: &mut Change, outside: &mut Change) {
    let now = said.sequence as usize % luma.len();
    // Across the seam of the loop everything changes, which says nothing about boxes.
    let Some(before) = now.checked_sub(2) else { return };
    for (index, (a, b)) in luma[now].iter().zip(&luma[before]).enumerate() {
        let place = ((index % WIDTH) as f64 / WIDTH as f64, (index / WIDTH) as f64 / HEIGHT as f64);
        let boxed = said.boxes.iter().any(|found: &Box| found.holds(place));
        let change = if boxed { &mut *inside } else { &mut *outside };
        change.sum += u64::from(a.abs_diff(*b));
        change.pixels += 1;
    }
}

/// The luma planes of a 4:2:0 Y4M file of the size above.
fn luma_of(clip: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(clip).expect("the clip was just made");
    let header = bytes.iter().position(|&byte| byte == b'\n').expect("a header line") + 1;
    let frame = "FRAME\n".len() + WIDTH * HEIGHT * 3 / 2;
    let frames = bytes[header..].chunks_exact(frame);
    frames.map(|frame| frame["FRAME\n".len()..][..WIDTH * HEIGHT].to_vec()).collect()
}
