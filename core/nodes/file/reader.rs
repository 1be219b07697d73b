//! Raw and Y4M frames, put together from bytes as they come.
//!
//! A frame that has only half come is kept until the rest does, so that a slow pipe never holds the
//! graph up.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::input::{Got, Input, Line};
use super::{PATIENCE, heard, no_end, parse_header, y4m};
use crate::media::{Frame, FrameFormat, Item, PixelFormat, Pool, PoolFull, Rate};
use crate::node::{Adjusted, Flow, Handled, NodeError, Output, Settings, Source, Wish};

/// What all frames of the stream have in common, once it is known.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub format: FrameFormat,
    pub rate: Rate,
    /// The byte of the first frame.
    pub start: u64,
    /// Whether each frame has a line before it, as in Y4M.
    pub marked: bool,
}

/// Where in the stream the reader stands.
pub(super) enum Part {
    /// Before a frame.
    Between,
    /// Within its samples.
    Samples { frame: Frame, filled: usize },
}

pub(super) struct Reader {
    pub path: PathBuf,
    pub input: Input,
    pub again: bool,
    pub settings: Settings,
    pub wanted_pixel: PixelFormat,
    pub wanted_rate: Option<Rate>,
    pub known: Option<Known>,
    pub part: Part,
    /// A header or marker line that has come in part.
    pub line: Vec<u8>,
    pub number: u64,
    pub given_this_round: bool,
    pub pool: Pool,
}

/// What came of one step.
enum Step {
    On,
    Give(Frame),
    Wait,
    End,
}

impl Source for Reader {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.step(deadline)? {
                Step::On => {}
                Step::Wait => return Ok(Flow::Waiting),
                Step::End => return Ok(Flow::End),
                Step::Give(frame) => {
                    out.give(0, Item::Frame(frame));
                    return Ok(Flow::More);
                }
            }
        }
    }

    fn request(&mut self, wish: Wish) -> Handled {
        heard(wish)
    }

    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        if !settings.same_but_for(&self.settings, &["loop"]) {
            return Adjusted::NeedsRebuild;
        }
        self.again = settings.bool("loop");
        Adjusted::Applied
    }
}

impl Reader {
    fn step(&mut self, deadline: Instant) -> Result<Step, NodeError> {
        match (self.known, std::mem::replace(&mut self.part, Part::Between)) {
            (None, _) => self.header(deadline),
            (Some(known), Part::Between) => self.begin(known, deadline),
            (Some(_), Part::Samples { frame, filled }) => self.samples(frame, filled, deadline),
        }
    }

    fn header(&mut self, deadline: Instant) -> Result<Step, NodeError> {
        match self
            .input
            .line(&mut self.line, y4m::MOST_HEADER, deadline)
            .map_err(|error| self.unreadable(error))?
        {
            Line::Part => return Ok(Step::Wait),
            Line::None if self.line.is_empty() => return Err(self.fault("nothing came before the end")),
            Line::None => {
                parse_header(&self.path, &self.line).map_err(NodeError::stop_graph)?;
                return Err(NodeError::stop_graph(no_end(&self.path, self.line.len())));
            }
            Line::Whole => {}
        }
        let header = parse_header(&self.path, &self.line).map_err(NodeError::stop_graph)?;
        if header.pixel != self.wanted_pixel {
            let (got, wanted) = (header.pixel, self.wanted_pixel);
            return Err(self.fault(&format!("the pictures are {got}, and a pipe's must be {wanted}")));
        }
        let rate = self.wanted_rate.or(header.rate);
        let rate = rate.ok_or_else(|| self.fault("the stream does not say its rate; add `rate: 30`"))?;
        let mut format = FrameFormat::new(header.pixel, header.size);
        format.colour.range = header.range.unwrap_or(format.colour.range);
        self.line.clear();
        self.known = Some(Known { format, rate, start: self.input.offset(), marked: true });
        Ok(Step::On)
    }

    /// Takes a frame's marker, if there are any, and memory for its samples.
    fn begin(&mut self, known: Known, deadline: Instant) -> Result<Step, NodeError> {
        if known.marked && !self.line.starts_with(b"FRAME\n") {
            match self
                .input
                .line(&mut self.line, y4m::MOST_HEADER, deadline)
                .map_err(|error| self.unreadable(error))?
            {
                Line::Part => return Ok(Step::Wait),
                Line::None if self.line.is_empty() => return self.end_of_round(known),
                Line::Whole if self.line == b"FRAME" || self.line.starts_with(b"FRAME ") => {}
                Line::Whole | Line::None => {
                    let start = self.input.offset() - self.line.len() as u64;
                    return Err(
                        self.fault_at(start, &format!("frame {} does not begin with FRAME", self.number))
                    );
                }
            }
            // Kept until there is memory: the marker is not read twice.
            self.line.clear();
            self.line.extend_from_slice(b"FRAME\n");
        }
        let pts = known.rate.pts_of(self.number);
        match Frame::pooled(&self.pool, known.format, pts, self.number) {
            Ok(frame) => {
                self.line.clear();
                self.part = Part::Samples { frame, filled: 0 };
                Ok(Step::On)
            }
            Err(full) if full.asked > full.limit => Err(NodeError::stop_graph(full.to_string())),
            Err(_) => {
                // A file loses nothing by waiting until somebody lets go of a frame.
                std::thread::sleep(Duration::from_millis(2));
                Ok(Step::Wait)
            }
        }
    }

    fn samples(&mut self, mut frame: Frame, filled: usize, deadline: Instant) -> Result<Step, NodeError> {
        let needed = frame.pixel().bytes(frame.size());
        let got = with_rest(&mut frame, filled, |rest| self.input.read(rest, deadline))?;
        match got.map_err(|error| self.unreadable(error))? {
            Got::Bytes(count) if filled + count == needed => {
                self.number += 1;
                self.given_this_round = true;
                return Ok(Step::Give(frame));
            }
            Got::Bytes(count) => self.part = Part::Samples { frame, filled: filled + count },
            Got::Nothing => {
                self.part = Part::Samples { frame, filled };
                return Ok(Step::Wait);
            }
            Got::End => {
                let known = self.known.expect("samples come after a header");
                if filled == 0 && !known.marked {
                    return self.end_of_round(known);
                }
                return Err(self.fault(&format!(
                    "the file ends inside frame {}, after {filled} of {needed} bytes",
                    self.number
                )));
            }
        }
        Ok(Step::On)
    }

    fn end_of_round(&mut self, known: Known) -> Result<Step, NodeError> {
        if !self.again || !self.input.can_rewind() {
            return Ok(Step::End);
        }
        if !self.given_this_round {
            return Err(self.fault("there is no frame to begin again with"));
        }
        self.given_this_round = false;
        self.input.rewind_to(known.start).map_err(|error| self.unreadable(error))?;
        Ok(Step::On)
    }

    fn fault(&self, message: &str) -> NodeError {
        self.fault_at(self.input.offset(), message)
    }

    fn fault_at(&self, offset: u64, message: &str) -> NodeError {
        NodeError::stop_graph(format!("{}: byte {offset}: {message}", self.path.display()))
    }

    fn unreadable(&self, error: std::io::Error) -> NodeError {
        self.fault("it cannot be read further").caused_by(error)
    }
}

/// Calls `read` with what follows the first `filled` bytes of a frame's samples, as far as it lies
/// in one run of memory.
fn with_rest<T>(frame: &mut Frame, filled: usize, read: impl FnOnce(&mut [u8]) -> T) -> Result<T, PoolFull> {
    let mut left = filled;
    for index in 0..frame.planes().len() {
        let shape = frame.plane(index).shape();
        let length = shape.rows * shape.row_bytes;
        if left >= length {
            left -= length;
            continue;
        }
        let mut plane = frame.plane_mut(index)?;
        return Ok(match plane.stride() == shape.row_bytes {
            true => read(&mut plane.bytes()[left..length]),
            false => read(&mut plane.row(left / shape.row_bytes)[left % shape.row_bytes..]),
        });
    }
    unreachable!("a frame is given as soon as it is full")
}
