//! The node: pictures from an open camera, and what happens when they stop.
//!
//! A camera is lost when the library says so, or when no picture has come for longer than two
//! seconds and three intervals: some drivers go silent without a word. Then the graph stops, waits
//! or shows a slate, as it was told, and meanwhile the camera is looked for again.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::clock;
use super::frames::{self, Keep, Lost as NoFrame};
use super::owner::Owner;
use super::session::{Capture, Shot};
use super::wanted::{USUAL_SIZE, Wanted, Which};
use crate::media::{Frame, FrameFormat, Item, PixelFormat, Pts, Rate, Size};
use crate::node::{Adjusted, Flow, Handled, NodeError, Output, Settings, Site, Source, Wish};
use crate::pixels;

/// How long `next` waits before it lets the graph have a look around.
const WAIT: Duration = Duration::from_millis(100);
/// Without a picture for this long, and three intervals more, the camera is taken for lost.
const SILENCE: Duration = Duration::from_secs(2);
/// What the interval is taken for before two pictures have shown it.
const SLOWEST: Duration = Duration::from_millis(200);
/// From one attempt to open a lost camera to the next.
const RETRY: Duration = Duration::from_secs(1);
/// From one slate to the next: enough for a viewer that joins to see it soon.
const SLATE: Duration = Duration::from_millis(200);

/// What to do when the camera is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLost {
    /// Give nothing until it is back.
    Wait,
    /// End the graph with an error.
    Stop,
    /// Give a slate until it is back.
    Slate,
}

impl OnLost {
    /// As it is written in a graph.
    pub const NAMES: [&'static str; 3] = ["wait", "stop", "slate"];

    pub fn named(name: &str) -> OnLost {
        match name {
            "stop" => OnLost::Stop,
            "slate" => OnLost::Slate,
            _ => OnLost::Wait,
        }
    }
}

/// A running camera node.
pub struct Camera {
    state: State,
    asleep: bool,
    wanted: Wanted,
    on_lost: OnLost,
    rate: Option<Rate>,
    site: Site,
    stamps: Stamps,
    /// What the last picture was, for a slate of the same size.
    format: FrameFormat,
    // After the state: an open capture is closed before its thread's last user leaves.
    owner: Owner,
}

enum State {
    Open(Open),
    Lost(Search),
}

struct Open {
    capture: Capture,
    last: Instant,
    watch: Watch,
}

/// A lost camera being looked for.
struct Search {
    opening: Option<Receiver<Result<Capture, String>>>,
    again: Instant,
    slate: Instant,
}

impl Camera {
    /// Opens the camera; it must be there when the graph starts.
    ///
    /// # Errors
    /// A sentence about what cannot be had.
    pub fn start(
        owner: Owner,
        wanted: Wanted,
        on_lost: OnLost,
        rate: Option<Rate>,
        site: &Site,
    ) -> Result<Camera, NodeError> {
        let answer = owner.open(wanted.clone(), &site.counters).recv();
        let capture = answer.map_err(|_| NodeError::stop_graph("the cameras' thread has ended"))?;
        let capture = capture.map_err(NodeError::stop_graph)?;
        let size = Size::new(USUAL_SIZE.0, USUAL_SIZE.1).expect("the usual size is one");
        let mut camera = Camera {
            state: State::Lost(Search::begin()),
            asleep: false,
            format: FrameFormat::new(wanted.pixel, size),
            wanted,
            on_lost,
            rate,
            site: site.clone(),
            stamps: Stamps::default(),
            owner,
        };
        camera.opened(capture);
        Ok(camera)
    }

    fn opened(&mut self, capture: Capture) {
        let first = capture.given[0];
        tracing::info!(
            node = self.site.node,
            "\"{}\" gives {:?} {} with a stride of {}, as {}",
            capture.model,
            first.layout,
            first.size,
            first.stride,
            match first.layout.cost(self.wanted.pixel) {
                0 => "it lies in the camera's memory".to_owned(),
                _ => format!("turned into {} from there", self.wanted.pixel),
            }
        );
        self.wanted.which = Which::Again { id: capture.id.clone(), model: capture.model.clone() };
        self.format = FrameFormat::new(self.wanted.pixel, first.size);
        self.stamps.reopen();
        self.state = State::Open(Open { capture, last: Instant::now(), watch: Watch::new(self.rate) });
    }

    fn lost(&mut self, model: &str, why: &str) -> Result<Flow, NodeError> {
        self.site.counters.named("lost").add(1);
        if self.on_lost == OnLost::Stop {
            return Err(NodeError::stop_graph(format!("\"{model}\" {why}, and \"on_lost\" is \"stop\"")));
        }
        tracing::warn!(node = self.site.node, "\"{model}\" {why}; looking for it");
        self.state = State::Lost(Search::begin());
        Ok(Flow::Waiting)
    }

    fn film(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let State::Open(open) = &mut self.state else { return Ok(Flow::Waiting) };
        match open.capture.shots.recv_timeout(WAIT) {
            Ok(shot) => {
                open.last = Instant::now();
                self.give(&shot, out)
            }
            Err(RecvTimeoutError::Timeout) if open.last.elapsed() <= open.watch.patience() => {
                Ok(Flow::Waiting)
            }
            Err(outcome) => {
                let model = open.capture.model.clone();
                let silent = format!("gave no picture for {:.1} s", open.last.elapsed().as_secs_f32());
                let why = if outcome == RecvTimeoutError::Timeout { &silent } else { "was unplugged" };
                self.lost(&model, why)
            }
        }
    }

    fn give(&mut self, shot: &Shot, out: &mut Output) -> Result<Flow, NodeError> {
        let State::Open(open) = &mut self.state else { return Ok(Flow::Waiting) };
        let count = |name: &str, more| self.site.counters.named(name).add(more);
        let pts = clock::pts(shot.stamp, &self.site.epoch);
        let Some((sequence, missed)) = self.stamps.next(pts, shot.sequence) else {
            count("out_of_order", 1);
            return Ok(Flow::More);
        };
        count("missed", missed);
        open.watch.saw(pts);
        if self.asleep {
            return Ok(Flow::Waiting);
        }
        let keep = if open.capture.can_lend() { Keep::Memory } else { Keep::Copy };
        if keep == Keep::Copy {
            count("copied_for_the_camera", 1);
        }
        for (port, given) in open.capture.given.iter().enumerate() {
            match frames::frame(&shot.loan, port, *given, self.wanted.pixel, keep, &self.site.pool) {
                Ok(mut frame) => {
                    (frame.pts, frame.sequence) = (pts, sequence);
                    out.give(port, Item::Frame(frame));
                }
                Err(NoFrame::Short) => count("damaged", 1),
                Err(NoFrame::Pool(full)) => return Err(full.into()),
            }
        }
        Ok(Flow::More)
    }

    /// Looks for the lost camera, a little at a time.
    fn search(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let State::Lost(search) = &mut self.state else { return Ok(Flow::Waiting) };
        match search.look(WAIT) {
            Looked::Nothing => {}
            Looked::Due => {
                search.opening = Some(self.owner.open(self.wanted.clone(), &self.site.counters));
            }
            Looked::Found(capture) => {
                self.site.counters.named("found_again").add(1);
                self.opened(*capture);
                return Ok(Flow::Waiting);
            }
        }
        if self.on_lost == OnLost::Slate && search.slate.elapsed() >= SLATE {
            search.slate = Instant::now();
            let pts = self.site.epoch.pts_at(search.slate);
            if let Some(sequence) = self.stamps.made(pts) {
                let mut frame = slate(self.format, &self.site)?;
                (frame.pts, frame.sequence) = (pts, sequence);
                out.give(0, Item::Frame(frame));
                return Ok(Flow::More);
            }
        }
        Ok(Flow::Waiting)
    }
}

impl Source for Camera {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        match self.state {
            State::Open(_) => self.film(out),
            State::Lost(_) => self.search(out),
        }
    }

    /// While nobody watches the camera goes on and its pictures are not touched: opening one again
    /// takes up to seconds, and exposure would have to settle anew.
    fn request(&mut self, wish: Wish) -> Handled {
        match wish {
            Wish::Sleep => self.asleep = true,
            Wish::Wake => self.asleep = false,
            Wish::Keyframe | Wish::Bitrate(_) | Wish::Stop => {}
        }
        Handled::PassOn
    }

    /// A camera is asked for its controls and format once, as it starts.
    fn adjust(&mut self, _: &Settings) -> Adjusted {
        Adjusted::NeedsRebuild
    }
}

impl Search {
    fn begin() -> Search {
        let now = Instant::now();
        Search { opening: None, again: now, slate: now.checked_sub(SLATE).unwrap_or(now) }
    }

    /// Waits at most `wait` for news.
    fn look(&mut self, wait: Duration) -> Looked {
        let Some(opening) = &self.opening else {
            let left = self.again.saturating_duration_since(Instant::now());
            std::thread::sleep(left.min(wait));
            return if left <= wait { Looked::Due } else { Looked::Nothing };
        };
        match opening.recv_timeout(wait) {
            Ok(Ok(capture)) => return Looked::Found(Box::new(capture)),
            Err(RecvTimeoutError::Timeout) => return Looked::Nothing,
            Ok(Err(why)) => tracing::debug!("{why}"),
            Err(RecvTimeoutError::Disconnected) => {}
        }
        (self.opening, self.again) = (None, Instant::now() + RETRY);
        Looked::Nothing
    }
}

enum Looked {
    Nothing,
    /// It is time to try again.
    Due,
    Found(Box<Capture>),
}

/// How long the camera may be silent, from the pace it has shown.
struct Watch {
    interval: Duration,
    last: Option<Pts>,
}

impl Watch {
    fn new(rate: Option<Rate>) -> Watch {
        Watch { interval: rate.map_or(SLOWEST, Rate::interval), last: None }
    }

    fn saw(&mut self, pts: Pts) {
        if let Some(last) = self.last.replace(pts) {
            // Half of the change each time: a dark room slows a camera down within a few frames.
            self.interval = (self.interval + pts.since(last)) / 2;
        }
    }

    fn patience(&self) -> Duration {
        SILENCE + 3 * self.interval
    }
}

/// Keeps PTS rising and counts what the driver left out, over any number of openings.
#[derive(Default)]
struct Stamps {
    last: Option<Pts>,
    /// Our number for the next frame.
    next: u64,
    /// The driver's number of the last frame since the camera was opened.
    driver: Option<u32>,
}

impl Stamps {
    /// A new opening counts from the start again.
    fn reopen(&mut self) {
        self.driver = None;
    }

    /// The frame's number and how many are missing before it; `None` when it is not after the last.
    fn next(&mut self, pts: Pts, driver: u32) -> Option<(u64, u64)> {
        if self.last.is_some_and(|last| pts <= last) {
            return None;
        }
        let missed = self.driver.map_or(0, |last| u64::from(driver.wrapping_sub(last).saturating_sub(1)));
        // A driver that starts over has not lost four thousand million frames.
        let missed = if missed > u64::from(u32::MAX / 2) { 0 } else { missed };
        (self.last, self.driver) = (Some(pts), Some(driver));
        self.next += missed + 1;
        Some((self.next - 1, missed))
    }

    /// The number of a frame of our own making.
    fn made(&mut self, pts: Pts) -> Option<u64> {
        let after = self.last.is_none_or(|last| pts > last);
        after.then(|| {
            self.last = Some(pts);
            self.next += 1;
            self.next - 1
        })
    }
}

/// A dark picture that says what it is for.
fn slate(format: FrameFormat, site: &Site) -> Result<Frame, NodeError> {
    const TEXT: &str = "no camera";
    let mut frame =
        Frame::pooled(&site.pool, FrameFormat::new(PixelFormat::I420, format.size), Pts::ZERO, 0)?;
    for (index, level) in [40, 128, 128].into_iter().enumerate() {
        frame.plane_mut(index)?.fill(level);
    }
    let size = (format.size.height() / 10).clamp(8, 64) as u8;
    let (width, height) = pixels::draw::text_size(size, TEXT);
    let middle = |all: u32, part: u32| (i64::from(all) - i64::from(part)) as i32 / 2;
    let (x, y) = (middle(format.size.width(), width), middle(format.size.height(), height));
    pixels::draw::text(&mut frame, x, y, size, pixels::Rgba::opaque(200, 200, 200), TEXT)?;
    Ok(pixels::convert(&frame, format.pixel, &site.pool)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Pts {
        Pts::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn frames_the_driver_left_out_are_gaps_in_the_count() {
        let mut stamps = Stamps::default();
        assert_eq!(stamps.next(at(0), 7), Some((0, 0)));
        assert_eq!(stamps.next(at(33), 8), Some((1, 0)));
        assert_eq!(stamps.next(at(133), 11), Some((4, 2)));
    }

    #[test]
    fn a_camera_that_comes_back_counts_on_and_not_from_the_start() {
        let mut stamps = Stamps::default();
        stamps.next(at(0), 500);
        stamps.made(at(200));
        stamps.reopen();
        assert_eq!(stamps.next(at(400), 0), Some((2, 0)));
    }

    #[test]
    fn a_frame_that_is_not_after_the_last_is_not_given() {
        let mut stamps = Stamps::default();
        stamps.next(at(40), 1);
        assert_eq!(stamps.next(at(40), 2), None);
        assert_eq!(stamps.made(at(39)), None);
        assert_eq!(stamps.next(at(41), 3), Some((2, 1)));
    }

    #[test]
    fn silence_is_measured_by_the_cameras_own_pace() {
        let mut watch = Watch::new("10".parse().ok());
        assert_eq!(watch.patience(), Duration::from_millis(2300));
        (0..40).for_each(|frame| watch.saw(at(frame * 1000)));
        assert!(watch.patience() > Duration::from_millis(4900), "{:?}", watch.patience());
    }
}
