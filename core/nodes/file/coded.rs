//! Encoded files as a source: access units as they are, or pictures where they cannot be given so.
//!
//! Owns PTS and numbers over any number of rounds, and putting decoded pictures into the order in
//! which they are shown. Leaves finding access units to `mp4` and `annex_b`.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::annex_b::{Came, Clip, Units};
use super::input::Input;
use super::mp4::{Movie, Shown};
use super::{PATIENCE, heard};
use crate::h264::{self, Decoded, Decoder, Order, Sets, Stream, Trouble};
use crate::media::{AccessUnit, Frame, Item, Pool, Pts, Rate};
use crate::node::{Adjusted, Flow, Handled, NodeError, Output, Settings, Site, Source, Wish};

/// The most pictures that H.264 lets a decoder hold back.
const MOST_HELD: usize = 16;

/// The pictures of an MP4 file.
pub(super) fn movie(
    path: &Path,
    movie: Movie,
    settings: &Settings,
    site: &Site,
) -> Result<Box<dyn Source>, NodeError> {
    let file = File::open(path).map_err(|error| cannot_open(path).caused_by(error))?;
    let (needs_decoding, stream) = (movie.needs_decoding, movie.stream);
    let round = movie.samples.iter().filter(|sample| sample.shown.is_some()).count() as u64;
    let feed = Feed::Movie { file, movie, next: 0, round };
    start(path, feed, settings, None, needs_decoding.then_some(stream), site)
}

/// The pictures of an H.264 byte stream.
pub(super) fn clip(
    path: &Path,
    clip: Clip,
    settings: &Settings,
    site: &Site,
) -> Result<Box<dyn Source>, NodeError> {
    let input = Input::open(path).map_err(|error| cannot_open(path).caused_by(error))?;
    let feed = Feed::Clip { units: Units::new(input), sets: Sets::default(), number: 0, any: false };
    let decoding = clip.stream().filter(|_| clip.needs_decoding);
    start(path, feed, settings, clip.rate(), decoding, site)
}

fn cannot_open(path: &Path) -> NodeError {
    NodeError::stop_graph(format!("{} cannot be opened", path.display()))
}

fn start(
    path: &Path,
    feed: Feed,
    settings: &Settings,
    own_rate: Option<Rate>,
    decoding: Option<Stream>,
    site: &Site,
) -> Result<Box<dyn Source>, NodeError> {
    let file = Coded {
        path: path.to_owned(),
        feed,
        rate: settings.try_rate("rate").or(own_rate),
        again: settings.bool("loop"),
        settings: settings.clone(),
        rounds: 0,
        site: site.clone(),
    };
    Ok(match decoding {
        None => Box::new(AsItIs { file }),
        Some(stream) => Box::new(Pictures {
            decoder: Decoder::new(Order::Shown).map_err(NodeError::stop_graph)?,
            stream,
            memory: None,
            turns: BTreeMap::new(),
            rest: Vec::new().into_iter(),
            ended: false,
            file,
        }),
    })
}

/// Where access units come from.
enum Feed {
    Movie {
        file: File,
        movie: Movie,
        next: usize,
        /// How many pictures a round shows.
        round: u64,
    },
    Clip {
        units: Units,
        sets: Sets,
        number: u64,
        /// Whether this round has had a keyframe.
        any: bool,
    },
}

/// An encoded file being read.
struct Coded {
    path: PathBuf,
    feed: Feed,
    rate: Option<Rate>,
    again: bool,
    settings: Settings,
    rounds: u64,
    site: Site,
}

/// One access unit.
struct Unit {
    bytes: Vec<u8>,
    keyframe: bool,
    /// Its place in the order in which decoded pictures come.
    turn: u64,
    /// When and as which it is shown; `None`: not at all.
    shown: Option<Shown>,
}

enum Next {
    Unit(Unit),
    Wait,
    End,
}

impl Coded {
    fn next(&mut self, deadline: Instant) -> Result<Next, NodeError> {
        loop {
            let next = match &self.feed {
                Feed::Movie { .. } => self.sample()?,
                Feed::Clip { .. } => self.piece(deadline)?,
            };
            match next {
                Next::End if self.again => self.begin_again()?,
                next => return Ok(next),
            }
        }
    }

    fn sample(&mut self) -> Result<Next, NodeError> {
        let Feed::Movie { file, movie, next, round } = &mut self.feed else { return Ok(Next::End) };
        let Some(sample) = movie.samples.get(*next) else { return Ok(Next::End) };
        let mut bytes = vec![0; sample.bytes as usize];
        let fault = |at: u64, what: &str| {
            NodeError::stop_graph(format!("{}: byte {at}: picture {next} {what}", self.path.display()))
        };
        file.read_exact_at(&mut bytes, sample.offset)
            .map_err(|error| fault(sample.offset, "cannot be read").caused_by(error))?;
        let unit = h264::annex_b(&bytes, movie.length_bytes, &[])
            .map_err(|at| fault(sample.offset + at as u64, "has a unit that goes on past its end"))?;
        let (bytes, keyframe) = movie.sets.complete(unit);
        let shown = sample.shown.map(|shown| {
            let place = self.rounds * *round + shown.place;
            let begin = movie.length.nanos().saturating_mul(i64::try_from(self.rounds).unwrap_or(i64::MAX));
            let pts = self.rate.map_or(shown.pts.shifted(begin), |rate| rate.pts_of(place));
            Shown { pts, place }
        });
        let turn = self.rounds * movie.samples.len() as u64 + sample.turn;
        *next += 1;
        Ok(Next::Unit(Unit { bytes, keyframe, turn, shown }))
    }

    fn piece(&mut self, deadline: Instant) -> Result<Next, NodeError> {
        let Feed::Clip { units, sets, number, any } = &mut self.feed else { return Ok(Next::End) };
        loop {
            let came = units.next(deadline);
            let offset = units.input.offset();
            let fault =
                |what: &str| NodeError::stop_graph(format!("{}: byte {offset}: {what}", self.path.display()));
            let unit = match came.map_err(|what| fault(&what))? {
                Came::Nothing => return Ok(Next::Wait),
                Came::End if *any => return Ok(Next::End),
                Came::End => return Err(fault("the file ends without a keyframe")),
                Came::Unit(unit) => unit,
            };
            let (bytes, keyframe) = sets.complete(unit);
            *any |= keyframe;
            if !*any {
                self.site.counters.named("skipped_to_keyframe").add(1);
                continue;
            }
            if self.rate.is_none() {
                // A pipe says its rate as late as this.
                self.rate = Stream::find(&bytes).and_then(Result::ok).and_then(|stream| stream.rate);
            }
            let rate = self.rate.ok_or_else(|| fault("the stream does not say its rate; add `rate: 30`"))?;
            let shown = Some(Shown { pts: rate.pts_of(*number), place: *number });
            // One picture goes in for each that comes out, so their places are the same numbers.
            let turn = *number;
            *number += 1;
            return Ok(Next::Unit(Unit { bytes, keyframe, turn, shown }));
        }
    }

    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        if !settings.same_but_for(&self.settings, &["loop"]) {
            return Adjusted::NeedsRebuild;
        }
        self.again = settings.bool("loop");
        Adjusted::Applied
    }

    fn begin_again(&mut self) -> Result<(), NodeError> {
        self.rounds += 1;
        match &mut self.feed {
            Feed::Movie { next, .. } => *next = 0,
            Feed::Clip { units, any, .. } => {
                *any = false;
                units.rewind().map_err(|error| cannot_open(&self.path).caused_by(error))?;
            }
        }
        Ok(())
    }
}

/// Access units as they are.
struct AsItIs {
    file: Coded,
}

impl Source for AsItIs {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let unit = match self.file.next(Instant::now() + PATIENCE)? {
            Next::Unit(unit) => unit,
            Next::Wait => return Ok(Flow::Waiting),
            Next::End => return Ok(Flow::End),
        };
        let Some(shown) = unit.shown else { return Ok(Flow::More) };
        if matches!(self.file.feed, Feed::Clip { .. }) && h264::is_b_picture(&unit.bytes) {
            let rule = "has B-pictures, which come in another order than they are shown in";
            return Err(NodeError::stop_graph(format!(
                "picture {} of {} {rule}; encode it without (x264: --bframes 0)",
                shown.place,
                self.file.path.display()
            )));
        }
        out.give(
            0,
            Item::AccessUnit(AccessUnit {
                data: unit.bytes.into(),
                keyframe: unit.keyframe,
                layer: 0,
                pts: shown.pts,
                sequence: shown.place,
                annotations: Arc::default(),
            }),
        );
        Ok(Flow::More)
    }

    fn request(&mut self, wish: Wish) -> Handled {
        heard(wish)
    }

    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        self.file.adjust(settings)
    }
}

/// Decoded pictures, in the order in which they are shown.
struct Pictures {
    file: Coded,
    decoder: Decoder,
    stream: Stream,
    /// For the next picture: taken before it is decoded, because a file can wait for memory.
    memory: Option<Frame>,
    /// What the decoder has been given and not given back: the first is the next to come.
    turns: BTreeMap<u64, Option<Shown>>,
    /// The last pictures, which the decoder held back.
    rest: std::vec::IntoIter<Frame>,
    ended: bool,
}

impl Source for Pictures {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.ended {
                let frame = self.rest.next();
                let flow = if frame.is_some() { Flow::More } else { Flow::End };
                frame.into_iter().for_each(|frame| out.give(0, Item::Frame(frame)));
                return Ok(flow);
            }
            if !self.has_memory()? {
                return Ok(Flow::Waiting);
            }
            match self.file.next(deadline)? {
                Next::Unit(unit) => {
                    if let Some(frame) = self.decode(&unit)? {
                        out.give(0, Item::Frame(frame));
                        return Ok(Flow::More);
                    }
                }
                Next::Wait => return Ok(Flow::Waiting),
                Next::End => self.end(),
            }
        }
        Ok(Flow::Waiting)
    }

    fn request(&mut self, wish: Wish) -> Handled {
        heard(wish)
    }

    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        self.file.adjust(settings)
    }
}

impl Pictures {
    fn has_memory(&mut self) -> Result<bool, NodeError> {
        if self.memory.is_none() {
            match Frame::pooled(&self.file.site.pool, self.stream.format(), Pts::ZERO, 0) {
                Ok(frame) => self.memory = Some(frame),
                Err(full) if full.asked > full.limit => return Err(NodeError::stop_graph(full.to_string())),
                // Until somebody lets go of a frame.
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        Ok(self.memory.is_some())
    }

    /// The picture that came of `unit`, which is often an earlier one.
    fn decode(&mut self, unit: &Unit) -> Result<Option<Frame>, NodeError> {
        let Some(mut frame) = self.memory.take() else { return Ok(None) };
        let decoded = self.decoder.decode(&unit.bytes, |picture| {
            (picture.format() == frame.format()).then(|| picture.write_into(&mut frame))
        });
        if matches!(decoded, Ok(Decoded::Picture(_) | Decoded::Later)) {
            self.turns.insert(unit.turn, unit.shown);
        }
        match decoded {
            Ok(Decoded::Picture(Some(Ok(())))) => Ok(self.taken(frame)),
            Ok(Decoded::Picture(Some(Err(full)))) => Err(full.into()),
            Ok(Decoded::Picture(None)) => Err(self.fault("the pictures change their size in mid-stream")),
            Ok(Decoded::Later | Decoded::Skipped) => {
                self.memory = Some(frame);
                Ok(None)
            }
            Err(Trouble::Unsupported(what)) => Err(self.fault(&format!("the stream {what}"))),
            Err(Trouble::Damaged(what)) => {
                self.memory = Some(frame);
                self.turns.clear();
                self.file.site.counters.named("damaged").add(1);
                let place = unit.shown.map_or(unit.turn, |shown| shown.place);
                Err(NodeError::skip(format!(
                    "{}: picture {place} cannot be decoded ({what}); the next keyframe is waited for",
                    self.file.path.display()
                )))
            }
        }
    }

    /// A decoded picture with its time; `None` when it is not shown, and its memory is used again.
    fn taken(&mut self, mut frame: Frame) -> Option<Frame> {
        let shown = self.turns.pop_first().and_then(|(_, shown)| shown);
        match shown {
            Some(Shown { pts, place }) => {
                (frame.pts, frame.sequence) = (pts, place);
                Some(frame)
            }
            None => {
                self.memory = Some(frame);
                None
            }
        }
    }

    /// Takes what the decoder still holds. It is gone from there, so it must find memory.
    fn end(&mut self) {
        let format = self.stream.format();
        let own = Pool::new(MOST_HELD * 2 * format.pixel.bytes(format.size));
        let left = self.decoder.finish(|picture| picture.frame(&own, Pts::ZERO, 0).ok());
        let left: Vec<Frame> = left.into_iter().flatten().filter_map(|frame| self.taken(frame)).collect();
        (self.rest, self.memory, self.ended) = (left.into_iter(), None, true);
    }

    fn fault(&self, what: &str) -> NodeError {
        NodeError::stop_graph(format!("{}: {what}", self.file.path.display()))
    }
}
