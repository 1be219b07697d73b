//! The node: pictures of one publisher after another, dated on the graph's clock.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::entrance::{Entrance, News, Picture};
use crate::media::{AccessUnit, Item, Pace, Pts};
use crate::node::{Adjusted, Flow, Handled, NodeError, Output, Settings, Site, Source, Wish};
use crate::relay::fanout::How;
use crate::relay::peer::Why;

/// How long `next` waits before it lets the graph have a look around.
const WAIT: Duration = Duration::from_millis(100);
/// The least time from one picture to the next: viewers tell pictures apart by their times.
const LEAST_STEP: i64 = 1_000_000;

/// A running entrance.
pub(super) struct Guest {
    entrance: Entrance,
    pace: Pace,
    last: Option<Pts>,
    /// Nothing is given before it: what follows a gap refers to pictures that nobody has.
    needs_keyframe: bool,
    asleep: bool,
    sequence: u64,
    settings: Settings,
    site: Site,
}

impl Guest {
    pub fn new(entrance: Entrance, settings: &Settings, site: &Site) -> Guest {
        Guest {
            entrance,
            pace: Pace::default(),
            last: None,
            needs_keyframe: true,
            asleep: false,
            sequence: 0,
            settings: settings.clone(),
            site: site.clone(),
        }
    }

    fn began(&mut self) {
        self.site.counters.named("publishers").add(1);
        tracing::info!(node = self.site.node, "a publisher is connected");
        self.pace.begin_again();
        self.needs_keyframe = true;
    }

    fn picture(&mut self, picture: Picture, out: &mut Output) -> Flow {
        let came = self.site.epoch.pts_at(picture.came);
        let pts = self.pace.pts(picture.elapsed, came).unwrap_or(came);
        self.needs_keyframe = (self.needs_keyframe && !picture.keyframe) || self.asleep;
        if self.needs_keyframe {
            return Flow::Waiting;
        }
        let pts = self.last.map_or(pts, |last| pts.max(last.shifted(LEAST_STEP)));
        self.last = Some(pts);
        self.sequence += 1;
        out.give(
            0,
            Item::AccessUnit(AccessUnit {
                data: picture.bytes.into(),
                keyframe: picture.keyframe,
                layer: 0,
                pts,
                sequence: self.sequence - 1,
                annotations: Arc::default(),
            }),
        );
        Flow::More
    }

    fn ended(&mut self, how: How) -> Result<Flow, NodeError> {
        let why = match how {
            How::By(Why::Left) => "the publisher has left",
            How::By(Why::Lost) => "nothing is heard of the publisher any more",
            How::Closed => "the publisher's session was closed",
            How::Fault => "the publisher's session ended by a fault of the relay",
        };
        if self.settings.choice("on_lost") == "stop" {
            return Err(NodeError::stop_graph(format!("{why}, and \"on_lost\" is \"stop\"")));
        }
        tracing::info!(node = self.site.node, "{why}; waiting for the next");
        Ok(Flow::Waiting)
    }
}

impl Source for Guest {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        match self.entrance.news.recv_timeout(WAIT) {
            Ok(News::Began) => {
                self.began();
                Ok(Flow::Waiting)
            }
            Ok(News::Picture(picture)) => Ok(self.picture(picture, out)),
            Ok(News::Ended(how)) => self.ended(how),
            Err(RecvTimeoutError::Timeout) => Ok(Flow::Waiting),
            // Only if the relay thread and all that could make another are gone.
            Err(RecvTimeoutError::Disconnected) => Ok(Flow::End),
        }
    }

    /// While nobody watches the publisher stays, and its pictures are not given: it could not be
    /// fetched back.
    fn request(&mut self, wish: Wish) -> Handled {
        match wish {
            Wish::Keyframe => {
                self.entrance.hold.need_keyframe();
                return Handled::Here;
            }
            Wish::Sleep => self.asleep = true,
            Wish::Wake => {
                self.asleep = false;
                self.entrance.hold.need_keyframe();
            }
            Wish::Bitrate(_) | Wish::Stop => {}
        }
        Handled::PassOn
    }

    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        self.settings = settings.clone();
        Adjusted::Applied
    }
}
