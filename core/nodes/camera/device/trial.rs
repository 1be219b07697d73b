//! Ten pictures from one camera, without a graph: the quickest way to see whether it works.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value as Json, json};

use crate::h264::{Decoded, Decoder, Order, Picture, Trouble};
use crate::media::{Frame, Item, PixelFormat, Pool, Pts, Size};
use crate::node::{Epoch, Flow, Node, NodeKind, Output, Settings, Site, Source};
use crate::pixels;

const PICTURES: usize = 10;
/// How long they are waited for.
const PATIENCE: Duration = Duration::from_secs(15);
const MEMORY: usize = 256 << 20;

/// What came of it.
#[derive(Debug)]
pub struct Trial {
    /// The kind of node that took them.
    pub kind: &'static str,
    /// What its `camera` was set to.
    pub camera: Json,
    pub size: Size,
    /// From each picture to the next.
    pub steps: Vec<Duration>,
    /// What the node counted: frames missed, damaged, copied.
    pub counters: Vec<(String, u64)>,
    /// Where the last picture is.
    pub picture: PathBuf,
}

impl Trial {
    /// Takes the pictures by a node of `kind` with the settings `with`, and saves the last one as PNG.
    ///
    /// # Errors
    /// A sentence: no such camera, in use, silent, or a file that cannot be written.
    pub fn of(kind: &dyn NodeKind, with: &Json, picture: &Path) -> Result<Trial, String> {
        let (camera, mut with) = (with["camera"].clone(), with.clone());
        with["on_lost"] = json!("stop");
        let settings = Settings::from_json(kind.about().with, &with)?;
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: true };
        let site = Site::alone("camera", Pool::new(MEMORY), epoch);
        let node = kind.build(&settings, &[], &site).map_err(|error| error.to_string())?;
        let Node::Source(mut source) = node else { unreachable!("a camera is a source") };
        let Taken { last, times } = take(&mut *source, &site.pool)?;
        let last = last.ok_or_else(|| format!("{camera} gave no picture within {} s", PATIENCE.as_secs()))?;
        save(&last, &site.pool, picture)?;
        Ok(Trial {
            kind: kind.about().name,
            camera,
            size: last.size(),
            steps: times.windows(2).map(|pair| pair[1].since(pair[0])).collect(),
            counters: site.counters.snapshot(),
            picture: picture.to_owned(),
        })
    }
}

/// The camera's memory goes back to it: only the last picture is kept.
#[derive(Default)]
struct Taken {
    last: Option<Frame>,
    times: Vec<Pts>,
}

fn take(source: &mut dyn Source, pool: &Pool) -> Result<Taken, String> {
    let (mut out, mut taken) = (Output::default(), Taken::default());
    let mut decoder = Decoder::new(Order::Coded)?;
    let started = Instant::now();
    while taken.times.len() < PICTURES && started.elapsed() < PATIENCE {
        if source.next(&mut out).map_err(|error| error.to_string())? == Flow::End {
            break;
        }
        for (_, item) in out.drain() {
            taken.times.push(item.pts());
            match item {
                Item::Frame(frame) => taken.last = Some(frame),
                Item::AccessUnit(unit) => {
                    let copy = |picture: &Picture<'_>| picture.frame(pool, unit.pts, unit.sequence);
                    match decoder.decode(&unit.data, copy) {
                        Ok(Decoded::Picture(frame)) => {
                            taken.last = Some(frame.map_err(|full| full.to_string())?)
                        }
                        Ok(Decoded::Later | Decoded::Skipped) => {}
                        Err(Trouble::Unsupported(why)) => return Err(format!("what it encodes {why}")),
                        Err(Trouble::Damaged(why)) => return Err(format!("a picture is damaged: {why}")),
                    }
                }
                Item::Detections(_) => {}
            }
        }
    }
    Ok(taken)
}

fn save(frame: &Frame, pool: &Pool, path: &Path) -> Result<(), String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let rgb = pixels::convert(frame, PixelFormat::Rgb24, pool).map_err(|full| fault(&full))?;
    let file = File::create(path).map_err(|error| fault(&error))?;
    let mut encoder = png::Encoder::new(file, rgb.size().width(), rgb.size().height());
    encoder.set_color(png::ColorType::Rgb);
    let rows: Vec<u8> = rgb.plane(0).rows().flatten().copied().collect();
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&rows));
    written.map_err(|error| fault(&error))
}
