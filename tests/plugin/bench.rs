//! One plugin node on the bench: built as a graph would build it, fed frame by frame, its log kept.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use framegate::diagnostic::Diagnostic;
use framegate::media::{Annotations, Frame, FrameFormat, Item, PixelFormat, Pool, Pts, Size};
use framegate::node::{Adjusted, Epoch, Format, Inputs, Node, NodeKind, Output, Settings, Site, VideoFormat};
use framegate::plugin::Kind;
use serde_json::{Value as Json, json};
use tracing_subscriber::fmt::MakeWriter;

/// Where the build puts guests that are not part of the program.
pub fn guest(name: &str) -> PathBuf {
    PathBuf::from(env!("FRAMEGATE_GUESTS")).join(format!("{name}.wasm"))
}

/// A node as the graph would hold it: what stands beside `with:`, and `with:` itself.
pub fn settings(kind: &Kind, beside: &Json, with: &Json) -> Settings {
    let mut settings =
        Settings::from_json(kind.about().beside, beside).expect("the test writes good settings");
    settings.raw = with.as_object().expect("the test writes a mapping").clone();
    settings
}

/// Compiled guests are shared by all tests, and kept away from the user's own.
pub fn kind() -> Kind {
    Kind::with_cache_in(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled-plugins"))
}

/// What `check` finds in such a node.
pub fn findings(beside: Json, with: Json) -> Vec<Diagnostic> {
    let kind = kind();
    kind.contract(&settings(&kind, &beside, &with)).err().unwrap_or_default()
}

pub struct Bench {
    node: Box<dyn framegate::node::Filter>,
    pub site: Site,
    pub log: Log,
    size: Size,
    pixel: PixelFormat,
    next: u64,
    /// Time that has passed on the graph's clock.
    now: Duration,
    before: usize,
    inputs: Vec<Option<Format>>,
}

/// What a node gave for one frame.
#[derive(Debug, PartialEq)]
pub struct Given {
    /// The content of all planes, packed; `None` when no frame came out.
    pub picture: Option<Vec<u8>>,
    pub annotations: Annotations,
    /// What came out of the port `detections`, by label.
    pub detections: Option<Vec<String>>,
}

impl Bench {
    /// # Panics
    /// When the node cannot be built.
    pub fn new(beside: Json, with: Json) -> Bench {
        Bench::try_new(beside, with).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_new(beside: Json, with: Json) -> Result<Bench, String> {
        Bench::of(beside, with, PixelFormat::I420, Size::new(64, 48).unwrap())
    }

    pub fn of(beside: Json, with: Json, pixel: PixelFormat, size: Size) -> Result<Bench, String> {
        let kind = kind();
        let settings = settings(&kind, &beside, &with);
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::UNIX_EPOCH, live: false };
        let site = Site::alone("bench", Pool::new(64 << 20), epoch);
        let rate = "30".parse().ok();
        let frames = Format::Frames(VideoFormat { pixel, size: Some(size), rate });
        let contract = kind.contract(&settings).map_err(|findings| findings[0].message.clone())?;
        let mut inputs = vec![None; contract.inputs.len()];
        inputs[0] = Some(frames);
        let log = Log::default();
        let built = log.keep(|| kind.build(&settings, &inputs, &site));
        let Node::Filter(node) = built.map_err(|error| error.to_string())? else {
            panic!("a plugin is a filter")
        };
        let before = site.pool.usage().out;
        Ok(Bench { node, site, log, size, pixel, next: 0, now: Duration::ZERO, before, inputs })
    }

    /// The next frame: each byte of it is its row's number.
    pub fn frame(&mut self) -> Frame {
        let format = FrameFormat::new(self.pixel, self.size);
        let pts = Pts::ZERO.after(self.now);
        let mut frame = Frame::pooled(&self.site.pool, format, pts, self.next).expect("the pool is large");
        for plane in &mut frame.planes_mut().expect("a fresh frame is nobody else's") {
            plane.rows().enumerate().for_each(|(index, row)| row.fill(index as u8));
        }
        self.next += 1;
        self.now += Duration::from_millis(33);
        frame
    }

    /// Lets time pass on the graph's clock.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Runs the node on the next frame. The frame that went in must be as it was, and once what
    /// came out is gone, all memory must be back.
    pub fn run(&mut self) -> Given {
        let frame = self.frame();
        self.run_with(frame).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn run_with(&mut self, frame: Frame) -> Result<Given, String> {
        let untouched = (packed(&frame), Annotations::clone(frame.annotations()));
        let mut out = Output::default();
        let inputs = Inputs::new([Some(Item::Frame(frame.clone())), None]);
        let done = self.log.keep(|| self.node.process(inputs, &mut out));
        assert_eq!(
            (packed(&frame), Annotations::clone(frame.annotations())),
            untouched,
            "the frame was changed"
        );
        let given = collect(&mut out);
        drop((frame, out));
        assert_eq!(self.site.pool.usage().out, self.before, "frame memory is missing");
        done.map(|()| given).map_err(|error| error.to_string())
    }

    /// As little as a graph does: the node's own work on `frame`, and letting go of what comes of it.
    pub fn work(&mut self, frame: Frame, out: &mut Output) {
        self.node.process(Inputs::one(Item::Frame(frame)), out).expect("it does its work");
        out.drain().for_each(drop);
    }

    /// Other settings for the running node, as a graph that is changed hands them over.
    pub fn adjust(&mut self, beside: &Json, with: &Json) -> Adjusted {
        let settings = settings(&kind(), beside, with);
        let inputs = self.inputs.clone();
        self.log.keep(|| self.node.adjust(&settings, &inputs))
    }

    pub fn count(&self, name: &str) -> u64 {
        self.site.counters.named(name).get()
    }
}

fn collect(out: &mut Output) -> Given {
    let mut given = Given { picture: None, annotations: Annotations::default(), detections: None };
    for (port, item) in out.drain() {
        match item {
            Item::Frame(frame) => {
                assert_eq!(port, 0);
                given.annotations = Annotations::clone(frame.annotations());
                given.picture = Some(packed(&frame));
            }
            Item::Detections(detections) => {
                assert_eq!(port, 1);
                given.detections =
                    Some(detections.found.iter().map(|found| found.label.to_string()).collect());
            }
            Item::AccessUnit(_) => panic!("a plugin does not encode"),
        }
    }
    given
}

pub fn packed(frame: &Frame) -> Vec<u8> {
    let planes = 0..frame.planes().len();
    planes.flat_map(|index| frame.plane(index).rows().collect::<Vec<_>>().concat()).collect()
}

/// Everything that was logged while it was kept.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub fn keep<T>(&self, work: impl FnOnce() -> T) -> T {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, work)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("a log is text")
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A node that runs `plugins/misbehave`: frame 1 is the one treated wrong.
pub fn misbehaving(mode: &str, more: Json) -> Bench {
    let mut beside = json!({ "plugin": guest("misbehave"), "limits": { "stop_after": "2s" } });
    beside.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Bench::new(beside, json!({ "mode": mode, "at": 1 }))
}
