//! The node: pictures from an open camera, and what happens when they stop.
//!
//! A camera is lost when the library says so, or when no picture has come for longer than two
//! seconds and three intervals: some drivers go silent without a word. Then the graph stops, waits
//! or shows a slate, as it was told, and meanwhile the camera is looked for again.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::controls;
use super::frames::{self, Keep, Lost as NoFrame};
use super::owner::Owner;
use super::session::{Capture, Shot};
use super::wanted::{USUAL_SIZE, Wanted, Which};
use crate::media::{FrameFormat, Item, Rate, Size};
use crate::node::{Adjusted, Flow, Handled, NodeError, Output, Settings, Site, Source, Wish};
use crate::nodes::camera::{self, OnLost, SLATE, Stamps, Watch, slate};

/// How long `next` waits before it lets the graph have a look around.
const WAIT: Duration = Duration::from_millis(100);
/// From one attempt to open a lost camera to the next.
const RETRY: Duration = Duration::from_secs(1);

/// A running camera node.
pub struct Camera {
    state: State,
    asleep: bool,
    wanted: Wanted,
    on_lost: OnLost,
    rate: Option<Rate>,
    settings: Settings,
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
        settings: &Settings,
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
            on_lost: OnLost::named(settings.choice("on_lost")),
            rate: settings.try_rate("rate"),
            settings: settings.clone(),
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
        self.site.waiting.end();
        self.state = State::Open(Open { capture, last: Instant::now(), watch: Watch::new(self.rate) });
    }

    fn lost(&mut self, model: &str, why: &str) -> Result<Flow, NodeError> {
        camera::lost(&self.site, self.on_lost, &format!("\"{model}\""), why, "looking for it")?;
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
        let pts = camera::pts(shot.stamp, &self.site.epoch);
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
            Looked::Failed(why) => self.site.waiting.begin(format!("{why}; looking for it")),
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

impl Camera {
    /// Whether `settings` name the camera that is open, by whichever of its names.
    fn is_meant_by(&self, settings: &Settings) -> bool {
        let Which::Again { id, .. } = &self.wanted.which else { return false };
        Which::read(settings.json("camera")).is_some_and(|which| which.means(id, &self.owner.names()))
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

    /// Controls go out with the next request, or when the lost camera is back; another format needs another
    /// opening.
    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        if settings.json("camera") != self.settings.json("camera") && !self.is_meant_by(settings) {
            return Adjusted::NeedsRebuild;
        }
        let name = self.wanted.which.to_string();
        if let Some(why) = camera::held(&name, &self.settings, settings, controls::LIVE) {
            return Adjusted::Refused(why);
        }
        let changed = controls::changed(&self.settings, settings);
        let changed = changed.and_then(|controls| match (&mut self.state, &controls[..]) {
            (_, []) => Ok(()),
            (State::Open(open), _) => open.capture.set(controls),
            // An opening that is under way has the controls from before.
            (State::Lost(search), _) => {
                (search.opening, search.again) = (None, Instant::now());
                Ok(())
            }
        });
        if let Err(why) = changed {
            return Adjusted::Refused(why);
        }
        self.wanted.controls = controls::asked(settings);
        self.on_lost = OnLost::named(settings.choice("on_lost"));
        self.settings = settings.clone();
        Adjusted::Applied
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
        let looked = match opening.recv_timeout(wait) {
            Ok(Ok(capture)) => return Looked::Found(Box::new(capture)),
            Err(RecvTimeoutError::Timeout) => return Looked::Nothing,
            Ok(Err(why)) => Looked::Failed(why),
            Err(RecvTimeoutError::Disconnected) => Looked::Nothing,
        };
        (self.opening, self.again) = (None, Instant::now() + RETRY);
        looked
    }
}

enum Looked {
    Nothing,
    /// It is time to try again.
    Due,
    /// It could not be opened; a sentence.
    Failed(String),
    Found(Box<Capture>),
}

#[cfg(test)]
mod tests {
    use super::super::kind::SETTINGS;
    use super::*;
    use crate::media::Pool;
    use crate::node::Epoch;
    use serde_json::json;
    use std::time::SystemTime;

    #[test]
    fn a_lost_camera_takes_what_a_running_one_does_for_when_it_is_back() {
        let settings = |json| Settings::from_json(SETTINGS, &json).unwrap();
        let old = settings(json!({ "camera": "Door" }));
        let which = Which::Again { id: "usb-1".to_owned(), model: "Door".to_owned() };
        let wanted = Wanted { which, ..Wanted::read(&old) };
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: true };
        let mut camera = Camera {
            state: State::Lost(Search::begin()),
            asleep: false,
            format: FrameFormat::new(wanted.pixel, Size::new(320, 240).unwrap()),
            wanted,
            on_lost: OnLost::Wait,
            rate: None,
            settings: old,
            site: Site::alone("door", Pool::new(1 << 20), epoch),
            stamps: Stamps::default(),
            owner: Owner::join(None).unwrap(),
        };
        let new = settings(json!({ "camera": "Door", "on_lost": "slate", "brightness": 0.5 }));
        // One is being opened with the controls from before.
        let State::Lost(search) = &mut camera.state else { unreachable!() };
        search.opening = Some(std::sync::mpsc::channel().1);
        assert_eq!(camera.adjust(&new), Adjusted::Applied);
        assert_eq!(camera.on_lost, OnLost::Slate);
        assert_eq!(camera.wanted.controls, controls::asked(&new));
        assert!(matches!(&camera.state, State::Lost(Search { opening: None, .. })));
        let why = "\"size\" of \"Door\" can change with a restart only".to_owned();
        let sized =
            settings(json!({ "camera": "Door", "on_lost": "slate", "brightness": 0.5, "size": "640x480" }));
        assert_eq!(camera.adjust(&sized), Adjusted::Refused(why));
        assert_eq!(camera.adjust(&settings(json!({ "camera": "Yard" }))), Adjusted::NeedsRebuild);
    }
}
