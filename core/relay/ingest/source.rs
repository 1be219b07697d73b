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
        site.waiting.begin("nobody publishes to it yet".to_owned());
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
        self.site.waiting.end();
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
        let told = format!("{why}; waiting for the next");
        self.site.waiting.begin(told.clone());
        tracing::info!(node = self.site.node, "{told}");
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::{Instant, SystemTime};

    use serde_json::json;

    use crate::media::Pool;
    use crate::node::{Epoch, NodeKind};
    use crate::relay::hub::Hub;
    use crate::relay::ingest::entrance::{Hold, Inlet};
    use crate::relay::ingest::kind::Kind;

    /// Counts how often a keyframe was asked for.
    #[derive(Clone, Default)]
    struct Asked(Arc<Mutex<usize>>);

    impl Hold for Asked {
        fn need_keyframe(&self) {
            *self.0.lock().unwrap() += 1;
        }
    }

    struct Stage {
        inlet: Inlet,
        guest: Guest,
        asked: Asked,
        begun: Instant,
    }

    fn stage(on_lost: &str) -> Stage {
        let with = Kind::new(Hub::new()).about().with;
        let settings = Settings::from_json(with, &json!({ "on_lost": on_lost })).unwrap();
        let begun = Instant::now();
        let epoch = Epoch { instant: begun, wall: SystemTime::now(), live: true };
        let site = Site::alone("guest", Pool::new(0), epoch);
        let (inlet, news) = Inlet::new();
        let asked = Asked::default();
        let entrance = Entrance { news, hold: Box::new(asked.clone()) };
        Stage { inlet, guest: Guest::new(entrance, &settings, &site), asked, begun }
    }

    impl Stage {
        fn pass(&self, keyframe: bool, elapsed: u64, came: u64) {
            let came = self.begun + Duration::from_millis(came);
            self.inlet.pass(vec![0, 0, 1, 0x65], keyframe, Duration::from_millis(elapsed), came);
        }

        /// What the next piece of news becomes: a time in milliseconds, if a picture.
        fn next(&mut self) -> Option<i64> {
            let mut out = Output::default();
            self.guest.next(&mut out).unwrap();
            let item = out.drain().next();
            item.map(|(_, item)| match item {
                Item::AccessUnit(unit) => unit.pts.nanos() / 1_000_000,
                Item::Frame(_) | Item::Detections(_) => panic!("it gives access units"),
            })
        }
    }

    #[test]
    fn one_publisher_follows_another_with_times_that_rise() {
        let mut stage = stage("wait");
        stage.inlet.began();
        stage.pass(true, 0, 100);
        stage.pass(false, 40, 150);
        stage.inlet.ended(How::By(Why::Left));
        stage.inlet.began();
        // What the second sends before its own keyframe refers to nothing that anybody has.
        stage.pass(false, 0, 151);
        stage.pass(true, 40, 151);
        stage.pass(false, 80, 151);
        let times: Vec<Option<i64>> = (0..8).map(|_| stage.next()).collect();
        assert_eq!(times, [None, Some(100), Some(140), None, None, None, Some(151), Some(152)]);
    }

    #[test]
    fn what_it_waits_for_is_told() {
        let mut stage = stage("wait");
        let why = |stage: &Stage| stage.guest.site.waiting.why();
        assert!(why(&stage).is_some_and(|why| why.contains("nobody publishes")));
        stage.inlet.began();
        stage.next();
        assert_eq!(why(&stage), None);
        stage.inlet.ended(How::By(Why::Lost));
        stage.next();
        assert!(why(&stage).is_some_and(|why| why.contains("waiting for the next")));
    }

    #[test]
    fn with_on_lost_stop_the_end_of_the_publisher_is_the_end_of_the_graph() {
        let mut stage = stage("stop");
        stage.inlet.began();
        stage.next();
        stage.inlet.ended(How::By(Why::Left));
        let error = stage.guest.next(&mut Output::default()).unwrap_err().to_string();
        assert!(error.contains("has left") && error.contains("\"on_lost\""), "{error}");
    }

    #[test]
    fn asleep_it_gives_nothing_and_awake_it_begins_with_a_keyframe_it_asks_for() {
        let mut stage = stage("wait");
        stage.inlet.began();
        stage.pass(true, 0, 100);
        assert_eq!((stage.next(), stage.next()), (None, Some(100)));
        assert_eq!(stage.guest.request(Wish::Sleep), Handled::PassOn);
        stage.pass(true, 40, 140);
        assert_eq!(stage.next(), None);
        stage.guest.request(Wish::Wake);
        assert_eq!(*stage.asked.0.lock().unwrap(), 1);
        stage.pass(false, 80, 180);
        stage.pass(true, 120, 220);
        assert_eq!((stage.next(), stage.next()), (None, Some(220)));
        assert_eq!(stage.guest.request(Wish::Keyframe), Handled::Here);
        assert_eq!(*stage.asked.0.lock().unwrap(), 2);
    }
}
