//! The node: pictures of a conversation, and another conversation when one has ended.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::address::Address;
use super::session::{End, News, Picture, Session, Way};
use crate::h264;
use crate::media::{AccessUnit, Item, Pace, Pts};
use crate::node::{Adjusted, Flow, Handled, NodeError, Output, Settings, Site, Source, Wish};
use crate::nodes::camera::{self, OnLost, Watch};

/// How long `next` waits before it lets the graph have a look around.
const WAIT: Duration = Duration::from_millis(100);
/// Until the first attempt to find a lost camera again, and from one to the next at the most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A running camera node.
pub(super) struct Camera {
    address: Address,
    way: Way,
    on_lost: OnLost,
    state: State,
    pause: Duration,
    pace: Pace,
    /// Nothing is given before it: what follows a gap refers to pictures that nobody has.
    needs_keyframe: bool,
    asleep: bool,
    sequence: u64,
    settings: Settings,
    site: Site,
}

enum State {
    /// Being asked; not one picture has come.
    Asked(Session),
    Playing {
        session: Session,
        last: Instant,
        watch: Watch,
    },
    /// To be asked again.
    Lost {
        until: Instant,
    },
}

impl Camera {
    pub fn new(address: Address, way: Way, on_lost: OnLost, settings: &Settings, site: &Site) -> Camera {
        Camera {
            state: State::Asked(Session::begin(address.clone(), way)),
            address,
            way,
            on_lost,
            pause: FIRST_PAUSE,
            pace: Pace::default(),
            needs_keyframe: true,
            asleep: false,
            sequence: 0,
            settings: settings.clone(),
            site: site.clone(),
        }
    }

    fn heard(&mut self, news: News, out: &mut Output) -> Result<Flow, NodeError> {
        match news {
            News::Playing => {
                let way = if self.way == Way::Tcp { "TCP" } else { "UDP" };
                tracing::info!(node = self.site.node, "{} gives h264 over {way}", self.address);
                Ok(Flow::Waiting)
            }
            News::Picture(picture) => self.picture(picture, out),
            News::Over(End::Lost(why)) => self.lost(&why),
            News::Over(End::Refused(why)) => Err(NodeError::stop_graph(format!("{} {why}", self.address))),
        }
    }

    fn picture(&mut self, picture: Picture, out: &mut Output) -> Result<Flow, NodeError> {
        let now = Instant::now();
        let at = self.site.epoch.pts_at(now);
        self.playing(now);
        if picture.lost > 0 {
            self.site.counters.named("lost_packets").add(u64::from(picture.lost));
        }
        let pts = self.pace.pts(picture.elapsed, at);
        if let State::Playing { watch, .. } = &mut self.state {
            watch.saw(at);
        }
        self.needs_keyframe = (self.needs_keyframe || self.asleep) && !picture.keyframe;
        let Some(pts) = pts.filter(|_| !self.needs_keyframe && !self.asleep) else {
            self.needs_keyframe |= self.asleep;
            self.site.counters.named("skipped_to_keyframe").add(u64::from(!self.asleep));
            return Ok(Flow::Waiting);
        };
        if h264::is_b_picture(&picture.bytes) {
            let rule = "sends B-pictures, which come in another order than they are shown in";
            return Err(NodeError::stop_graph(format!(
                "{} {rule}; switch them off in the camera's settings (profile: baseline)",
                self.address
            )));
        }
        out.give(0, Item::AccessUnit(self.unit(picture, pts)));
        Ok(Flow::More)
    }

    fn unit(&mut self, picture: Picture, pts: Pts) -> AccessUnit {
        self.sequence += 1;
        AccessUnit {
            data: picture.bytes.into(),
            keyframe: picture.keyframe,
            layer: 0,
            pts,
            sequence: self.sequence - 1,
            annotations: Arc::default(),
        }
    }

    /// A picture came: the camera is there.
    fn playing(&mut self, now: Instant) {
        self.pause = FIRST_PAUSE;
        self.site.waiting.end();
        self.state = match std::mem::replace(&mut self.state, State::Lost { until: now }) {
            State::Asked(session) => State::Playing { session, last: now, watch: Watch::new(None) },
            State::Playing { session, watch, .. } => State::Playing { session, last: now, watch },
            lost @ State::Lost { .. } => lost,
        };
    }

    fn lost(&mut self, why: &str) -> Result<Flow, NodeError> {
        let pause = self.pause;
        let next = format!("asked again in {} s", pause.as_secs());
        camera::lost(&self.site, self.on_lost, &format!("{}:", self.address), why, &next)?;
        self.state = State::Lost { until: Instant::now() + pause };
        (self.pause, self.needs_keyframe) = ((pause * 2).min(LONGEST_PAUSE), true);
        self.pace.begin_again();
        Ok(Flow::Waiting)
    }
}

impl Source for Camera {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let (session, silent) = match &self.state {
            State::Lost { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    self.state = State::Asked(Session::begin(self.address.clone(), self.way));
                } else {
                    std::thread::sleep(left.min(WAIT));
                }
                return Ok(Flow::Waiting);
            }
            State::Asked(session) => (session, None),
            State::Playing { session, last, watch } => {
                (session, Some(last.elapsed()).filter(|silent| *silent > watch.patience()))
            }
        };
        match (session.news.recv_timeout(WAIT), silent) {
            (Ok(news), _) => self.heard(news, out),
            (Err(RecvTimeoutError::Timeout), None) => Ok(Flow::Waiting),
            (Err(RecvTimeoutError::Timeout), Some(silent)) => {
                self.lost(&format!("gave no picture for {:.1} s", silent.as_secs_f32()))
            }
            (Err(RecvTimeoutError::Disconnected), _) => self.lost("its conversation broke off"),
        }
    }

    /// While nobody watches the conversation goes on and its pictures are not given: a camera takes
    /// seconds to begin anew.
    fn request(&mut self, wish: Wish) -> Handled {
        match wish {
            Wish::Sleep => self.asleep = true,
            Wish::Wake => self.asleep = false,
            // No camera is asked for a keyframe by RTSP; it sends one every few seconds.
            Wish::Keyframe | Wish::Bitrate(_) | Wish::Stop => {}
        }
        Handled::PassOn
    }

    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        if !settings.same_but_for(&self.settings, &["on_lost"]) {
            return Adjusted::NeedsRebuild;
        }
        self.on_lost = OnLost::named(settings.choice("on_lost"));
        Adjusted::Applied
    }
}
