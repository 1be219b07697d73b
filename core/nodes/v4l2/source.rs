//! The node: pictures from an open camera, and what happens when they stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::device::{self, Asked, Came, Camera, Name, Shot};
use super::negotiate::{Capture, Wanted};
use crate::h264::{Sets, is_b_picture};
use crate::media::{AccessUnit, Frame, FrameFormat, Item, PixelFormat, PlaneRef, Pool, PoolFull, Pts, Size};
use crate::node::{Adjusted, Flow, Handled, NodeError, Output, Settings, Site, Source, Wish};
use crate::nodes::camera::{self, OnLost, SLATE, Stamps, Watch, slate};
use crate::pixels::{self, Unshown};

/// How long `next` waits before it lets the graph have a look around.
const WAIT: Duration = Duration::from_millis(100);
/// From one attempt to open a lost camera to the next.
const RETRY: Duration = Duration::from_secs(1);

/// A running camera node.
pub struct Filming {
    state: State,
    name: Name,
    wanted: Wanted,
    controls: BTreeMap<String, i64>,
    pixel: PixelFormat,
    on_lost: OnLost,
    stamps: Stamps,
    sets: Sets,
    /// Encoded pictures before it refer to others that nobody has.
    needs_keyframe: bool,
    asleep: bool,
    /// What the last picture was, for a slate of the same size.
    size: Size,
    settings: Settings,
    site: Site,
}

enum State {
    Open { camera: Camera, last: Instant, watch: Watch },
    Lost { again: Instant, slate: Instant },
}

/// What the settings say, apart from which camera.
pub struct Plan {
    pub wanted: Wanted,
    pub controls: BTreeMap<String, i64>,
    pub pixel: PixelFormat,
    pub on_lost: OnLost,
}

impl Filming {
    /// Opens the camera; it must be there when the graph starts.
    ///
    /// # Errors
    /// A sentence about what cannot be had.
    pub fn start(which: &str, plan: Plan, settings: &Settings, site: &Site) -> Result<Filming, NodeError> {
        let name = device::find(which).map_err(NodeError::stop_graph)?;
        let camera = Camera::open(&name, &plan.wanted, &plan.controls).map_err(NodeError::stop_graph)?;
        let size = camera.choice.size;
        let now = Instant::now();
        let mut filming = Filming {
            state: State::Lost { again: now, slate: now },
            name,
            wanted: plan.wanted,
            controls: plan.controls,
            pixel: plan.pixel,
            on_lost: plan.on_lost,
            stamps: Stamps::default(),
            sets: Sets::default(),
            needs_keyframe: true,
            asleep: false,
            size,
            settings: settings.clone(),
            site: site.clone(),
        };
        filming.opened(camera);
        Ok(filming)
    }

    fn opened(&mut self, camera: Camera) {
        let choice = camera.choice;
        let rate = choice.rate.map_or(String::new(), |rate| format!(" at {rate} a second"));
        let (model, path) = (&camera.name.model, camera.name.path.display());
        tracing::info!(
            node = self.site.node,
            "\"{model}\" ({path}) gives {} {}{rate}",
            choice.capture.name(),
            choice.size
        );
        if choice.capture == Capture::H264 {
            match camera.ask_for_keyframe() {
                Asked::Yes => {}
                unheard => tracing::info!(node = self.site.node, "\"{model}\" {unheard}"),
            }
        }
        self.name = camera.name.clone();
        // What comes back must be what the graph was told of.
        self.wanted = Wanted { capture: Some(choice.capture), size: Some(choice.size), ..self.wanted };
        (self.size, self.needs_keyframe) = (choice.size, true);
        self.stamps.reopen();
        self.site.waiting.end();
        self.state = State::Open { camera, last: Instant::now(), watch: Watch::new(choice.rate) };
    }

    fn lost(&mut self, why: &str) -> Result<Flow, NodeError> {
        camera::lost(&self.site, self.on_lost, &format!("\"{}\"", self.name.model), why, "looking for it")?;
        let now = Instant::now();
        self.state = State::Lost { again: now, slate: now };
        Ok(Flow::Waiting)
    }

    fn film(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let State::Open { camera, last, watch } = &mut self.state else { return Ok(Flow::Waiting) };
        let (capture, stride, size) = (camera.choice.capture, camera.stride, camera.choice.size);
        let shot = match camera.next(WAIT) {
            Ok(Came::Picture(shot)) => shot,
            Ok(Came::Nothing) if last.elapsed() <= watch.patience() => return Ok(Flow::Waiting),
            Ok(Came::Nothing) => {
                let why = format!("gave no picture for {:.1} s", last.elapsed().as_secs_f32());
                return self.lost(&why);
            }
            Err(_) => return self.lost("was unplugged"),
        };
        *last = Instant::now();
        let count = |name: &str, more| self.site.counters.named(name).add(more);
        let pts = camera::pts(shot.stamp, &self.site.epoch);
        let Some((sequence, missed)) = self.stamps.next(pts, shot.sequence) else {
            count("out_of_order", 1);
            return Ok(Flow::More);
        };
        count("missed", missed);
        watch.saw(pts);
        if self.asleep {
            self.needs_keyframe = true;
            return Ok(Flow::Waiting);
        }
        let damaged = shot.damaged || shot.bytes.is_empty();
        if damaged {
            count("damaged", 1);
        }
        if capture == Capture::H264 {
            let bytes = shot.bytes.to_vec();
            if damaged || missed > 0 {
                self.join_again();
            }
            return if damaged { Ok(Flow::More) } else { self.unit(bytes, pts, sequence, out) };
        }
        if damaged {
            return Ok(Flow::More);
        }
        match picture(&shot, capture, stride, size, self.pixel, &self.site.pool) {
            Ok(mut frame) => {
                (frame.pts, frame.sequence) = (pts, sequence);
                out.give(0, Item::Frame(frame));
                Ok(Flow::More)
            }
            // The first pictures of many cameras are cut short; the counter tells when it goes on.
            Err(Unshown::Bad(_)) => {
                count("damaged", 1);
                Ok(Flow::More)
            }
            Err(Unshown::Full(full)) => Err(full.into()),
        }
    }

    /// Something is missing, to which all up to the next keyframe may refer.
    fn join_again(&mut self) {
        self.needs_keyframe = true;
        if let State::Open { camera, .. } = &self.state {
            camera.ask_for_keyframe();
        }
    }

    fn unit(&mut self, bytes: Vec<u8>, pts: Pts, sequence: u64, out: &mut Output) -> Result<Flow, NodeError> {
        let (bytes, keyframe) = self.sets.complete(bytes);
        self.needs_keyframe &= !keyframe;
        if self.needs_keyframe {
            self.site.counters.named("skipped_to_keyframe").add(1);
            return Ok(Flow::More);
        }
        if is_b_picture(&bytes) {
            let rule = "gives B-pictures, which come in another order than they are shown in";
            return Err(NodeError::stop_graph(format!(
                "\"{}\" {rule}; use `capture: auto`",
                self.name.model
            )));
        }
        let (data, annotations) = (bytes.into(), Arc::default());
        out.give(0, Item::AccessUnit(AccessUnit { data, keyframe, layer: 0, pts, sequence, annotations }));
        Ok(Flow::More)
    }

    /// Looks for the lost camera, a little at a time.
    fn search(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let State::Lost { again, slate: shown } = &mut self.state else { return Ok(Flow::Waiting) };
        let now = Instant::now();
        if *again <= now {
            *again = now + RETRY;
            let found = device::find_again(&self.name);
            match found.map(|name| Camera::open(&name, &self.wanted, &self.controls)) {
                Some(Ok(camera)) => {
                    self.site.counters.named("found_again").add(1);
                    self.opened(camera);
                    return Ok(Flow::Waiting);
                }
                Some(Err(why)) => self.site.waiting.begin(format!("{why}; trying again")),
                None => {}
            }
        }
        if self.on_lost == OnLost::Slate && *shown <= now {
            *shown = now + SLATE;
            let pts = self.site.epoch.pts_at(now);
            if let Some(sequence) = self.stamps.made(pts) {
                let mut frame = slate(FrameFormat::new(self.pixel, self.size), &self.site)?;
                (frame.pts, frame.sequence) = (pts, sequence);
                out.give(0, Item::Frame(frame));
                return Ok(Flow::More);
            }
        }
        std::thread::sleep(WAIT);
        Ok(Flow::Waiting)
    }
}

impl Source for Filming {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        match self.state {
            State::Open { .. } => self.film(out),
            State::Lost { .. } => self.search(out),
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
        // After a sleep one is needed at once.
        if let (Wish::Keyframe | Wish::Wake, State::Open { camera, .. }) = (wish, &self.state) {
            camera.ask_for_keyframe();
        }
        Handled::PassOn
    }

    /// Controls are set while it runs, or when the lost camera is back; another format needs another
    /// opening.
    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        let Ok(controls) = super::controls(settings) else { return Adjusted::NeedsRebuild };
        let which = settings.text("camera");
        let is_same = || device::find(which).is_ok_and(|found| found.is(&self.name));
        if which != self.settings.text("camera") && !is_same() {
            return Adjusted::NeedsRebuild;
        }
        let name = format!("\"{}\"", self.name.model);
        if let Some(why) = camera::held(&name, &self.settings, settings, &["camera", "controls", "on_lost"]) {
            return Adjusted::Refused(why);
        }
        if let State::Open { camera, .. } = &self.state
            && let Err(why) = camera.change(&self.controls, &controls)
        {
            return Adjusted::Refused(format!("{name} {why}"));
        }
        self.on_lost = OnLost::named(settings.choice("on_lost"));
        (self.controls, self.settings) = (controls, settings.clone());
        Adjusted::Applied
    }
}

/// A frame of a picture in the driver's memory, which goes back to the driver afterwards.
fn picture(
    shot: &Shot<'_>,
    capture: Capture,
    stride: usize,
    size: Size,
    to: PixelFormat,
    pool: &Pool,
) -> Result<Frame, Unshown> {
    let short = || Unshown::Bad("is cut short".to_owned());
    let i420 = FrameFormat::new(PixelFormat::I420, size);
    let frame = match capture {
        Capture::Mjpeg => pixels::from_still(shot.bytes, pool)?,
        Capture::Yuyv => pixels::from_yuyv(shot.bytes, stride, i420, pool)?.ok_or_else(short)?,
        Capture::Nv12 | Capture::H264 => nv12(shot.bytes, stride, size, pool)?.ok_or_else(short)?,
    };
    if frame.size() != size {
        return Err(Unshown::Bad(format!("is {} and not {size}", frame.size())));
    }
    Ok(pixels::convert(&frame, to, pool)?)
}

/// `None` when `bytes` does not hold both planes.
fn nv12(bytes: &[u8], stride: usize, size: Size, pool: &Pool) -> Result<Option<Frame>, PoolFull> {
    let format = FrameFormat::new(PixelFormat::Nv12, size);
    let mut frame = Frame::pooled(pool, format, Pts::ZERO, 0)?;
    let mut from = 0;
    for mut plane in frame.planes_mut()? {
        let shape = plane.shape();
        let rest = bytes.get(from..).unwrap_or_default();
        if stride < shape.row_bytes || rest.len() < stride * (shape.rows - 1) + shape.row_bytes {
            return Ok(None);
        }
        plane.copy_from(PlaneRef::new(rest, stride, shape));
        from += stride * size.height() as usize;
    }
    Ok(Some(frame))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Epoch;
    use serde_json::json;
    use std::time::SystemTime;

    #[test]
    fn a_lost_camera_takes_what_a_running_one_does_for_when_it_is_back() {
        let settings = |json| Settings::from_json(super::super::ABOUT.with, &json).unwrap();
        let [model, bus, driver] = ["Door", "usb-1", "uvcvideo"].map(str::to_owned);
        let (now, size) = (Instant::now(), Size::new(320, 240).unwrap());
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: true };
        let mut filming = Filming {
            state: State::Lost { again: now, slate: now },
            name: Name { path: "/dev/video0".into(), model, bus, driver },
            wanted: Wanted { capture: None, size: Some(size), rate: None },
            controls: BTreeMap::new(),
            pixel: PixelFormat::I420,
            on_lost: OnLost::Wait,
            stamps: Stamps::default(),
            sets: Sets::default(),
            needs_keyframe: true,
            asleep: false,
            size,
            settings: settings(json!({ "camera": "Door" })),
            site: Site::alone("door", Pool::new(1 << 20), epoch),
        };
        let live = json!({ "camera": "Door", "on_lost": "slate", "controls": { "brightness": 7 } });
        assert_eq!(filming.adjust(&settings(live)), Adjusted::Applied);
        assert_eq!(filming.on_lost, OnLost::Slate);
        assert_eq!(filming.controls, BTreeMap::from([("brightness".to_owned(), 7)]));
        let why = "\"size\" of \"Door\" can change with a restart only".to_owned();
        let sized = settings(json!({ "camera": "Door", "size": "640x480" }));
        assert_eq!(filming.adjust(&sized), Adjusted::Refused(why));
        assert_eq!(filming.adjust(&settings(json!({ "camera": "Yard" }))), Adjusted::NeedsRebuild);
    }
}
