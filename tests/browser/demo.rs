//! The demo graph in Chromium.

use std::path::Path;

use framegate::media::Size;
use framegate::nodes::test_pattern::objects;
use serde_json::Value;

use super::live::LIVE;
use super::seen::{self, Box, Picture};
use super::support::binary::Framegate;
use super::support::chromium::Chromium;

fn demo() -> Framegate {
    Framegate::run(Path::new("graphs/demo.yaml"), &[])
}

/// Where the two squares of the pattern are in picture `number`, in fractions.
fn squares(number: u32, size: Size) -> [Box; 2] {
    let (width, height) = (f64::from(size.width()), f64::from(size.height()));
    objects(u64::from(number), 0, size).map(|square| {
        let (left, top) = (f64::from(square.x) / width, f64::from(square.y) / height);
        Box {
            left,
            top,
            right: left + f64::from(square.width) / width,
            bottom: top + f64::from(square.height) / height,
        }
    })
}

#[test]
fn the_demo_plays_with_boxes_on_what_moves() {
    let server = demo();
    let browser = Chromium::start();
    browser.open(&server.url);
    browser.until("the picture", LIVE);
    seen::record(&browser);
    let pictures = seen::pictures(&browser, 150);
    browser.screenshot("demo");

    seen::assert_rising(&pictures.iter().map(|picture| picture.number).collect::<Vec<_>>());
    boxes_belong_to_their_pictures(&pictures);
    boxes_sit_on_the_squares(&pictures, size_shown(&browser));
}

fn size_shown(browser: &Chromium) -> Size {
    let shown =
        browser.ask("const v = document.querySelector('video'); return `${v.videoWidth}x${v.videoHeight}`");
    shown.as_str().expect("text").parse().expect("a size")
}

/// The number read from the pixels is the number the message was made for.
fn boxes_belong_to_their_pictures(pictures: &[Picture]) {
    let said: Vec<_> =
        pictures.iter().filter_map(|picture| Some((picture.number?, picture.said.as_ref()?))).collect();
    assert!(
        said.len() * 10 >= pictures.len() * 8,
        "{} of {} pictures had a message",
        said.len(),
        pictures.len()
    );
    // A busy browser may show the next picture while the test still reads this one.
    let exact = said.iter().filter(|(number, said)| u64::from(*number) == said.sequence).count();
    assert!(
        exact * 10 >= said.len() * 8,
        "{exact} of {} messages were drawn on their own picture",
        said.len()
    );
    let near = said.iter().all(|(number, said)| u64::from(*number).abs_diff(said.sequence) <= 3);
    assert!(near, "{said:?}");
}

fn boxes_sit_on_the_squares(pictures: &[Picture], size: Size) {
    let mut boxed = 0;
    let mut told = 0;
    for said in pictures.iter().filter_map(|picture| picture.said.as_ref()) {
        let squares = squares(said.sequence as u32, size);
        let found = squares
            .iter()
            .all(|square| said.boxes.iter().any(|found| found.grown(0.02).holds(square.middle())));
        let nothing_else =
            said.boxes.iter().all(|found| squares.iter().any(|square| square.grown(0.05).touches(found)));
        told += 1;
        boxed += usize::from(found && nothing_else);
    }
    assert!(boxed * 10 >= told * 8, "boxes on both squares and nowhere else in {boxed} of {told} pictures");
}

#[test]
fn the_browser_decodes_what_the_source_gives() {
    let server = demo();
    let browser = Chromium::start();
    browser.open(&server.url);
    browser.until("the picture", LIVE);
    let first = counts(&browser);
    let later = format!(
        "return (async () => {{ {COUNTS} const now = await counts(); return now[0] >= {} && now; }})()",
        first.relayed + 150
    );
    let last = Counts::from(&browser.until("150 more pictures relayed", &later));
    let (relayed, decoded) = (last.relayed - first.relayed, last.decoded - first.decoded);
    assert!(decoded * 10 >= relayed * 8, "of {relayed} pictures relayed, {decoded} were decoded");
    assert!(decoded <= relayed + 30, "of {relayed} pictures relayed, {decoded} were decoded");
    assert_eq!(last.lost, 0, "packets lost over loopback");
}

struct Counts {
    relayed: u64,
    decoded: u64,
    lost: u64,
}

/// Pictures relayed by the server's count, decoded by the browser's, and packets lost.
const COUNTS: &str = r"
    const counts = async () => {
        const { relays } = await (await fetch('/api/relays')).json();
        const video = document.querySelector('video');
        const quality = video.getVideoPlaybackQuality();
        const shown = document.querySelector('[data-value=lost]').textContent;
        return [relays[0].pictures, quality.totalVideoFrames, shown === '0' || shown === '–' ? 0 : 1];
    };
";

fn counts(browser: &Chromium) -> Counts {
    Counts::from(&browser.ask(&format!("return (async () => {{ {COUNTS} return counts(); }})()")))
}

impl From<&Value> for Counts {
    fn from(counts: &Value) -> Counts {
        let count = |index: usize| counts[index].as_u64().expect("a count");
        Counts { relayed: count(0), decoded: count(1), lost: count(2) }
    }
}

/// A restarted server is another process on the same address.
#[test]
fn the_page_comes_back_by_itself_when_the_server_does() {
    let first = demo();
    let browser = Chromium::start();
    browser.open(&first.url);
    browser.until("the picture", LIVE);
    let address = first.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    first.stop();
    browser.until("the page to notice", "return document.querySelector('.stage').dataset.state !== 'live'");
    let second = Framegate::run_at(Path::new("graphs/demo.yaml"), &address, &[]);
    browser.until("the picture again", LIVE);
    seen::record(&browser);
    let pictures = seen::pictures(&browser, 30);
    seen::assert_rising(&pictures.iter().map(|picture| picture.number).collect::<Vec<_>>());
    drop(second);
}
