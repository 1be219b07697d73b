//! The reference plugins do the same in the sandbox as natively, bit for bit: on random pictures, of
//! every format they take, at awkward sizes. A difference would be a fault of the compiler, of the
//! hand-over of pixels (strides!) or of the mock that authors test with.
//!
//! What a plugin lets the host do is done by the host here too: drawing that the mock only noted down
//! is painted with the host's own brushes, and `motion` gets pictures that need no scaling.

use framegate::media::{Detection, Frame, PixelFormat, Pool, Region, Size};
use framegate::pixels::{self, Rgba, draw};
use framegate_sdk::testing::{self, Painted, Picture};
use framegate_sdk::{Plugin, Result};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value as Json, json};

use crate::bench::{Bench, packed};

/// Pictures in all, for each plugin.
const PICTURES: usize = 100;

/// Rows of these are no multiple of anything, so planes have padding, and chroma an odd end.
const AWKWARD: &[(u32, u32)] = &[(1, 1), (1, 7), (3, 2), (37, 23), (64, 48), (65, 129), (319, 181)];

/// A plugin as native code.
type Native = Box<dyn FnMut(&Picture) -> Result<()>>;

fn native<P: Plugin>(with: &Json, mut work: impl FnMut(&mut P, &Picture) -> Result<()> + 'static) -> Native {
    let mut plugin: P = testing::configure(&with.to_string()).expect("the settings are good");
    Box::new(move |picture| work(&mut plugin, picture))
}

/// Runs `name` both ways over pictures of every size and of each of `formats`.
fn compare(
    name: &str,
    formats: &[PixelFormat],
    sizes: &[(u32, u32)],
    with: Json,
    start: impl Fn(&Json) -> Native,
) {
    let mut random = StdRng::seed_from_u64(0x5eed);
    // The mock has no budget for drawing.
    let beside = json!({ "plugin": name, "limits": { "draw": 1000 } });
    let each = PICTURES.div_ceil(formats.len() * sizes.len());
    for (&pixel, &(width, height)) in
        formats.iter().flat_map(|pixel| sizes.iter().map(move |size| (pixel, size)))
    {
        let size = Size::new(width, height).expect("a size");
        let mut sandboxed = Bench::of(beside.clone(), with.clone(), pixel, size).expect("it starts");
        let mut native = start(&with);
        for _ in 0..each {
            let frame = random_frame(&mut sandboxed, &mut random);
            let picture = picture_of(&frame);
            native(&picture).expect("it runs natively");
            let wanted = painted(&frame, &picture);
            let place = format!("{name}, {pixel} {size}, frame {}", frame.sequence);
            let given = sandboxed.run_with(frame).expect("it runs");
            assert_eq!(sandboxed.count("traps"), 0, "{place}: {}", sandboxed.log.text());
            assert!(given.picture == Some(wanted), "{place}: the pictures differ");
            assert_eq!(given.annotations.detections, detections(&picture), "{place}");
        }
    }
}

fn random_frame(bench: &mut Bench, random: &mut StdRng) -> Frame {
    let mut frame = bench.frame();
    for plane in &mut frame.planes_mut().expect("a fresh frame is nobody else's") {
        plane.rows().for_each(|row| random.fill(row));
    }
    frame.annotations_mut().detections =
        (0..random.random_range(0..4)).map(|_| random_detection(random)).collect();
    frame
}

fn random_detection(random: &mut StdRng) -> Detection {
    let [x, y] = [(); 2].map(|()| random.random_range(0.0..0.9_f32));
    let (width, height) = (random.random_range(0.0..1.0 - x), random.random_range(0.0..1.0 - y));
    Detection {
        label: ["motion", "face", "car"][random.random_range(0..3)].into(),
        score: random.random_range(0.0..1.0),
        region: Region { x, y, width, height },
        track: random.random_bool(0.5).then(|| random.random()),
    }
}

/// The same picture for the mock host.
fn picture_of(frame: &Frame) -> Picture {
    let format =
        framegate_sdk::PixelFormat::from_fourcc(frame.pixel().fourcc()).expect("the sdk has every format");
    let size = framegate_sdk::Size::new(frame.size().width(), frame.size().height());
    let found = frame.annotations().detections.iter().map(|found| {
        let Region { x, y, width, height } = found.region;
        framegate_sdk::Detection {
            label: found.label.to_string(),
            score: found.score,
            region: framegate_sdk::Region { x, y, width, height },
            track: found.track,
        }
    });
    let picture =
        Picture::new(format, size).at(frame.sequence, frame.pts.nanos()).with_detections(found.collect());
    (0..frame.planes().len()).fold(picture, |picture, index| {
        picture.with_plane(index, &frame.plane(index).rows().collect::<Vec<_>>().concat())
    })
}

fn detections(picture: &Picture) -> Vec<Detection> {
    let found = picture.detections().into_iter().map(|found| {
        let framegate_sdk::Region { x, y, width, height } = found.region;
        let region = Region { x, y, width, height };
        Detection { label: found.label.into(), score: found.score, region, track: found.track }
    });
    found.collect()
}

/// What the plugin made of `frame`: its own pixels, or the host's brushes where it had it drawn.
fn painted(frame: &Frame, picture: &Picture) -> Vec<u8> {
    let strokes = picture.painted();
    if strokes.is_empty() {
        return (0..frame.planes().len()).flat_map(|index| picture.plane(index)).collect();
    }
    // Planes of its own: the frame itself must stay as it was.
    let pool = Pool::new(64 << 20);
    let mut canvas = frame.sibling(&pool, frame.format()).expect("there is room");
    for (index, plane) in canvas.planes_mut().expect("they are its own").iter_mut().enumerate() {
        plane.rows().zip(frame.plane(index).rows()).for_each(|(to, from)| to.copy_from_slice(from));
    }
    strokes.iter().for_each(|stroke| paint(&mut canvas, stroke));
    packed(&canvas)
}

fn paint(canvas: &mut Frame, stroke: &Painted) {
    let rect = |area: &framegate_sdk::Rect| pixels::Rect {
        x: area.x,
        y: area.y,
        width: area.width,
        height: area.height,
    };
    let rgba = |colour: &framegate_sdk::Colour| {
        Rgba::from_u32(u32::from_be_bytes([colour.red, colour.green, colour.blue, colour.alpha]))
    };
    let done = match stroke {
        Painted::Fill { area, colour } => draw::fill(canvas, rect(area), rgba(colour)),
        Painted::Outline { area, thickness, colour } => {
            draw::outline(canvas, rect(area), *thickness, rgba(colour))
        }
        Painted::Pixelate { area, cell } => draw::pixelate(canvas, rect(area), *cell),
        Painted::Blur { area, radius } => draw::blur(canvas, rect(area), *radius),
        Painted::Text { x, y, size, colour, text } => draw::text(canvas, *x, *y, *size, rgba(colour), text),
        Painted::Sprite { .. } => panic!("no reference plugin has a sprite"),
    };
    done.expect("there is room");
}

#[test]
fn grayscale_is_the_same_natively() {
    for strength in [0.0, 0.37, 1.0] {
        let formats = [PixelFormat::I420, PixelFormat::Nv12];
        compare("grayscale", &formats, AWKWARD, json!({ "strength": strength }), grayscale);
    }
}

#[test]
fn a_large_odd_picture_is_the_same_natively() {
    let mut random = StdRng::seed_from_u64(1);
    let size = Size::new(1919, 1079).expect("a size");
    let with = json!({ "strength": 0.5 });
    let mut bench = Bench::of(json!({ "plugin": "grayscale" }), with.clone(), PixelFormat::I420, size)
        .expect("it starts");
    let frame = random_frame(&mut bench, &mut random);
    let picture = picture_of(&frame);
    grayscale(&with)(&picture).expect("it runs natively");
    let wanted = painted(&frame, &picture);
    let given = bench.run_with(frame).expect("it runs");
    assert!(given.picture == Some(wanted));
}

fn grayscale(with: &Json) -> Native {
    native(with, |plugin: &mut grayscale::Grayscale, picture| testing::filter(plugin, picture).map(drop))
}

#[test]
fn passthrough_is_the_same_natively() {
    compare("passthrough", &PixelFormat::ALL, AWKWARD, json!({}), |with| {
        native(with, |plugin: &mut passthrough::Passthrough, picture| {
            testing::analyze(plugin, picture).map(drop)
        })
    });
}

#[test]
fn privacy_is_the_same_natively() {
    for mode in ["pixelate", "blur", "black"] {
        compare("privacy", &PixelFormat::ALL, AWKWARD, json!({ "mode": mode }), |with| {
            native(with, |plugin: &mut privacy::Privacy, picture| testing::overlay(plugin, picture).map(drop))
        });
    }
}

#[test]
fn boxes_are_the_same_natively() {
    // Without text: how wide a text is only the host's font knows.
    compare("overlay", &PixelFormat::ALL, AWKWARD, json!({ "labels": false }), |with| {
        native(with, |plugin: &mut overlay::Boxes, picture| testing::overlay(plugin, picture).map(drop))
    });
}

#[test]
fn motion_is_the_same_natively() {
    let formats = [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Gray8];
    compare("motion", &formats, AWKWARD, json!({ "threshold": 20 }), |with| {
        native(with, |plugin: &mut motion::Motion, picture| testing::detect(plugin, picture).map(drop))
    });
}
