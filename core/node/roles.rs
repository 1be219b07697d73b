//! What a running node does: three closed roles, each a small trait.
//!
//! A node is never called by two threads at once; the thread may change from call to call.

use smallvec::SmallVec;

use super::contract::Format;
use super::error::NodeError;
use super::setting::Settings;
use super::wish::{Handled, Wish};
use crate::media::{AccessUnit, Detections, Frame, Item};

/// A running node.
pub enum Node {
    Source(Box<dyn Source>),
    Filter(Box<dyn Filter>),
    Sink(Box<dyn Sink>),
}

/// Produces items.
pub trait Source: Send {
    /// Gives the next item or items. Comes back within about 100 ms: when nothing has come by
    /// then it says [`Flow::Waiting`], so that the graph can be stopped.
    ///
    /// PTS: a source paced by PTS counts from zero at its first item; one paced by its device uses
    /// the graph's clock (see [`Epoch`](super::Epoch)).
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError>;

    /// Hears a wish from downstream.
    fn request(&mut self, wish: Wish) -> Handled;

    /// Takes other settings while it runs (see [`Adjusted`]). No default: a source that kept its old
    /// settings in silence would say one thing in the graph and do another.
    fn adjust(&mut self, settings: &Settings) -> Adjusted;
}

/// What a node made of other settings, between two of its turns. They have passed the kind's own
/// checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adjusted {
    /// They hold from the next turn on.
    Applied,
    /// It cannot take them as it is, and goes on as it was: a new one has to be built in its place.
    NeedsRebuild,
    /// It cannot take them and goes on as it was, and no other could be built beside it: it holds what
    /// there is only one of. A sentence says why; the whole change is refused with it.
    Refused(String),
}

/// What a source says after each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// There is more where that came from.
    More,
    /// Nothing has come yet; ask again.
    Waiting,
    /// End of stream: no more will come.
    End,
}

/// Takes items and gives items.
pub trait Filter: Send {
    /// One set of inputs in, zero or more items out.
    fn process(&mut self, inputs: Inputs, out: &mut Output) -> Result<(), NodeError>;

    /// Gives what it still holds; nothing comes after. No default: a filter that inherited an empty
    /// `finish` would lose its last frames and look healthy.
    fn finish(&mut self, out: &mut Output) -> Result<(), NodeError>;

    /// Hears a wish from downstream. No default: an encoder that passed on a keyframe wish unheard
    /// would leave viewers without a picture.
    fn request(&mut self, wish: Wish) -> Handled;

    /// Takes other settings, or other formats to come, while it runs: as [`Sink::adjust`].
    fn adjust(&mut self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted;
}

/// Only takes items. Its wishes go through [`Site::upstream`](super::Site::upstream).
pub trait Sink: Send {
    /// Takes one set of inputs.
    fn consume(&mut self, inputs: Inputs) -> Result<(), NodeError>;

    /// Nothing comes after. No default: a file that is not finished is a file that is lost.
    fn finish(&mut self) -> Result<(), NodeError>;

    /// Takes other settings, or other formats on its input ports, while it runs (see [`Adjusted`]).
    /// `inputs` is what [`NodeKind::build`](super::NodeKind::build) would be given; either may be as
    /// before. Items of the old formats may still come for a while. No default, as for [`Source`].
    fn adjust(&mut self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted;
}

/// One set of inputs: for each port of the contract, in its order, the item that came, if any.
pub struct Inputs(SmallVec<[Option<Item>; 2]>);

impl Inputs {
    pub fn new(items: impl IntoIterator<Item = Option<Item>>) -> Inputs {
        Inputs(items.into_iter().collect())
    }

    /// A single item on the only port.
    pub fn one(item: Item) -> Inputs {
        Inputs::new([Some(item)])
    }

    /// Takes the item of port `port` out of the set.
    pub fn take(&mut self, port: usize) -> Option<Item> {
        self.0.get_mut(port).and_then(Option::take)
    }

    /// The frame of port `port`.
    pub fn take_frame(&mut self, port: usize) -> Option<Frame> {
        match self.take(port)? {
            Item::Frame(frame) => Some(frame),
            Item::AccessUnit(_) | Item::Detections(_) => None,
        }
    }

    /// The access unit of port `port`.
    pub fn take_access_unit(&mut self, port: usize) -> Option<AccessUnit> {
        match self.take(port)? {
            Item::AccessUnit(unit) => Some(unit),
            Item::Frame(_) | Item::Detections(_) => None,
        }
    }

    /// The detections of port `port`.
    pub fn take_detections(&mut self, port: usize) -> Option<Detections> {
        match self.take(port)? {
            Item::Detections(detections) => Some(detections),
            Item::Frame(_) | Item::AccessUnit(_) => None,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<&Item>> {
        self.0.iter().map(Option::as_ref)
    }
}

/// What a node gives in one call: items, each for an output port of its contract. Within one call
/// and port, PTS rise.
#[derive(Default)]
pub struct Output(SmallVec<[(usize, Item); 2]>);

impl Output {
    pub fn give(&mut self, port: usize, item: Item) {
        self.0.push((port, item));
    }

    pub fn drain(&mut self) -> impl Iterator<Item = (usize, Item)> + '_ {
        self.0.drain(..)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
