//! Runs single nodes by the name of their kind, without a graph around them.

use std::time::{Instant, SystemTime};

use framegate::catalog;
use framegate::media::{AccessUnit, Frame, Item, PixelFormat, Pool};
use framegate::node::{
    Epoch, Filter, Flow, Format, Inputs, Node, NodeError, Output, Settings, Sink, Site, Source, VideoFormat,
};
use serde_json::Value;

/// One chain of nodes over one pool.
pub struct Rig {
    pub pool: Pool,
    epoch: Epoch,
}

/// What a node gave, and what it said when it failed.
pub struct Given {
    pub items: Vec<Item>,
    pub failed: Option<NodeError>,
}

impl Rig {
    pub fn new() -> Rig {
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
        Rig { pool: Pool::new(256 << 20), epoch }
    }

    pub fn build(&self, kind: &str, with: Value, inputs: &[Option<Format>]) -> Result<Node, NodeError> {
        let kinds = catalog::kinds();
        let kind = kinds.find(kind).unwrap_or_else(|| panic!("there is a kind \"{kind}\""));
        let settings = Settings::from_json(kind.about().with, &with).unwrap();
        kind.build(&settings, inputs, &Site::alone("node", self.pool.clone(), self.epoch))
    }

    pub fn source(&self, kind: &str, with: Value) -> Box<dyn Source> {
        match self.build(kind, with, &[]).unwrap() {
            Node::Source(source) => source,
            _ => panic!("\"{kind}\" is a source"),
        }
    }

    pub fn filter(&self, kind: &str, with: Value) -> Box<dyn Filter> {
        match self.build(kind, with, &[None]).unwrap() {
            Node::Filter(filter) => filter,
            _ => panic!("\"{kind}\" is a filter"),
        }
    }

    pub fn sink(&self, kind: &str, with: Value, input: Option<Format>) -> Box<dyn Sink> {
        match self.build(kind, with, &[input]).unwrap() {
            Node::Sink(sink) => sink,
            _ => panic!("\"{kind}\" is a sink"),
        }
    }

    /// The first `count` frames of a test pattern.
    pub fn pattern(&self, count: usize, with: Value) -> Vec<Item> {
        let mut source = self.source("test_pattern", with);
        take(&mut *source, count).items
    }

    /// Everything a filter makes of these items.
    pub fn through(&self, kind: &str, with: Value, items: Vec<Item>) -> Vec<Item> {
        let mut filter = self.filter(kind, with);
        let mut out = Output::default();
        for item in items {
            filter.process(Inputs::one(item), &mut out).unwrap();
        }
        filter.finish(&mut out).unwrap();
        out.drain().map(|(_, item)| item).collect()
    }

    /// Puts these items into a sink, to its end, as a link of this rate would.
    pub fn store(&self, kind: &str, with: Value, rate: &str, items: Vec<Item>) {
        let rate = Some(rate.parse().unwrap());
        let input = items.first().map(|first| match first {
            Item::Frame(frame) => {
                Format::Frames(VideoFormat { pixel: frame.pixel(), size: Some(frame.size()), rate })
            }
            _ => Format::AccessUnits(VideoFormat { pixel: PixelFormat::I420, size: None, rate }),
        });
        let mut sink = self.sink(kind, with, input);
        items.into_iter().for_each(|item| sink.consume(Inputs::one(item)).unwrap());
        sink.finish().unwrap();
    }
}

/// Up to `count` items of a source, fewer when it ends or fails.
pub fn take(source: &mut dyn Source, count: usize) -> Given {
    let mut out = Output::default();
    let mut items = Vec::new();
    while items.len() < count {
        let flow = source.next(&mut out);
        items.extend(out.drain().map(|(_, item)| item));
        match flow {
            Ok(Flow::End) => break,
            Ok(Flow::More | Flow::Waiting) => {}
            Err(error) => return Given { items, failed: Some(error) },
        }
    }
    Given { items, failed: None }
}

pub fn frame(item: &Item) -> &Frame {
    match item {
        Item::Frame(frame) => frame,
        _ => panic!("a frame"),
    }
}

pub fn unit(item: &Item) -> &AccessUnit {
    match item {
        Item::AccessUnit(unit) => unit,
        _ => panic!("an access unit"),
    }
}

/// All samples of a frame, padding left out.
pub fn samples(frame: &Frame) -> Vec<u8> {
    let planes = frame.planes().iter();
    planes.flat_map(|plane| plane.view().rows().flatten().copied().collect::<Vec<_>>()).collect()
}
