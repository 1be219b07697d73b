//! Single pieces of work on one thread: what is done to pixels, and the encoder.

use std::cell::RefCell;

use framegate::catalog;
use framegate::media::{Frame, FrameFormat, Item, PixelFormat, Pool, Rate, Size};
use framegate::node::{Epoch, Filter, Inputs, Node, Output, Settings, Site};
use framegate::nodes::test_pattern;
use framegate::pixels::{self, Fit, Method, Rect, Rgba, draw};
use serde_json::{Value, json};

use crate::measure::{Row, compare};

/// Frames in a ring: each piece of work finds its frame as cold as a camera's would be.
const RING: usize = 8;

struct Bench {
    pool: Pool,
    ring: Vec<Frame>,
}

impl Bench {
    fn new() -> Bench {
        let pool = Pool::new(1 << 30);
        let size = Size::new(1280, 720).expect("a size");
        let format = FrameFormat::new(PixelFormat::I420, size);
        let rate = Rate::new(30, 1).expect("a rate");
        let pattern = test_pattern::frames(format, rate, 0, pool.clone()).expect("room for a background");
        let ring = pattern.take(RING).collect();
        Bench { pool, ring }
    }

    /// Work on the next frame of the ring.
    fn row<'a>(&'a self, name: &str, mut work: impl FnMut(&'a Frame) + 'a) -> Row<'a> {
        let mut turn = 0;
        Row::new(name, move || {
            turn += 1;
            work(&self.ring[turn % RING]);
        })
    }

    /// A whole copy of a frame: what everything else is held against.
    fn copy(&self) -> Row<'_> {
        self.row("one copy of the frame", |frame| {
            let mut copy = frame.clone();
            drop(copy.planes_mut().expect("room for a copy"));
        })
    }
}

pub fn pictures() {
    let bench = Bench::new();
    let small = Size::new(320, 180).expect("a size");
    let half = Size::new(640, 360).expect("a size");
    let format = bench.ring[0].format();
    let rate = Rate::new(30, 1).expect("a rate");
    let pattern = test_pattern::frames(format, rate, 0, bench.pool.clone()).expect("room for a background");
    let pattern = RefCell::new(pattern);
    let bytes = RefCell::new(Vec::new());
    let scale = |frame: &Frame, method| {
        pixels::scale(frame, half, method, Fit::Stretch, &bench.pool).expect("room for a picture");
    };
    let convert = |frame: &Frame, to| {
        pixels::convert(frame, to, &bench.pool).expect("room for a picture");
    };
    let sample = |frame: &Frame, pixel| {
        let into = &mut *bytes.borrow_mut();
        pixels::sample(frame, None, small, pixel, &bench.pool, into).expect("room for a picture");
    };
    let rows = vec![
        bench.copy(),
        bench.row("test_pattern", |_| drop(pattern.borrow_mut().next())),
        bench.row("sample luma at 320x180", |frame| sample(frame, PixelFormat::Gray8)),
        bench.row("sample rgb24 at 320x180", |frame| sample(frame, PixelFormat::Rgb24)),
        bench.row("scale to 640x360, bilinear", |frame| scale(frame, Method::Bilinear)),
        bench.row("scale to 640x360, lanczos3", |frame| scale(frame, Method::Lanczos3)),
        bench.row("convert to nv12", |frame| convert(frame, PixelFormat::Nv12)),
        bench.row("convert to rgb24", |frame| convert(frame, PixelFormat::Rgb24)),
    ];
    compare("pictures, i420 1280x720, per frame", 60, rows);
}

pub fn drawing() {
    let bench = Bench::new();
    let area = Rect::new(321, 181, 320, 180);
    let colour = Rgba { alpha: 200, ..Rgba::WHITE };
    let on_copy = |name, mut work: Box<dyn FnMut(&mut Frame)>| {
        bench.row(name, move |frame| {
            let mut copy = frame.clone();
            work(&mut copy);
        })
    };
    let rows = vec![
        bench.copy(),
        on_copy(
            "outline a box of 320x180",
            Box::new(move |f| draw::outline(f, area, 3, colour).expect("room")),
        ),
        on_copy("fill it", Box::new(move |f| draw::fill(f, area, Rgba::BLACK).expect("room"))),
        on_copy("pixelate it", Box::new(move |f| draw::pixelate(f, area, 16).expect("room"))),
        on_copy("blur it", Box::new(move |f| draw::blur(f, area, 12).expect("room"))),
        on_copy(
            "write 20 letters",
            Box::new(move |f| draw::text(f, 9, 9, 24, colour, "twenty letters, look").expect("room")),
        ),
    ];
    compare("drawing, i420 1280x720, the copy included", 60, rows);
}

pub fn encode() {
    let bench = Bench::new();
    let settings = [
        ("complexity low", json!({ "bitrate": "2.5M", "complexity": "low" })),
        ("complexity medium", json!({ "bitrate": "2.5M", "complexity": "medium" })),
        ("complexity low, 3 layers", json!({ "bitrate": "2.5M", "layers": 3 })),
    ];
    let rows = settings.map(|(name, with)| {
        let mut encoder = encoder(with, &bench.pool);
        // The ring would show the same eight pictures again: an encoder needs a film that goes on.
        let format = bench.ring[0].format();
        let rate = Rate::new(30, 1).expect("a rate");
        let mut film =
            test_pattern::frames(format, rate, 0, bench.pool.clone()).expect("room for a background");
        Row::new(name, move || {
            let frame = film.next().expect("the pattern never ends");
            let mut out = Output::default();
            encoder
                .process(Inputs::one(Item::Frame(frame)), &mut out)
                .expect("a picture like this is encoded");
        })
    });
    compare("encode, i420 1280x720 at 2.5 Mbit/s, per frame, drawing included", 120, rows.into());
}

fn encoder(with: Value, pool: &Pool) -> Box<dyn Filter> {
    let kinds = catalog::kinds();
    let kind = kinds.find("h264").expect("there is an encoder");
    let settings = Settings::from_json(kind.about().with, &with).expect("these settings fit");
    let epoch = Epoch { instant: std::time::Instant::now(), wall: std::time::SystemTime::now(), live: false };
    match kind.build(&settings, &[], &Site::alone("h264", pool.clone(), epoch)) {
        Ok(Node::Filter(filter)) => filter,
        _ => panic!("h264 builds a filter"),
    }
}
