//! How a node says that the world failed, and what should follow.

use std::error::Error;
use std::fmt;

/// What the runner does after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// This set of inputs is lost, counted as `failed`; the node goes on with the next.
    SkipItem,
    /// The node has come to an end; what it feeds ends with it and the rest of the graph goes on.
    StopNode,
    /// The graph cannot do its work any more: it stops in order, and `run` ends with this error.
    StopGraph,
}

/// A failure of the world: a camera unplugged, a disk full, a guest that trapped. The runner adds
/// which node it was.
#[derive(Debug)]
pub struct NodeError {
    pub then: Then,
    /// Lower case, no full stop: the thing, the value, the rule, the next step.
    pub message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl NodeError {
    pub fn new(then: Then, message: impl Into<String>) -> NodeError {
        NodeError { then, message: message.into(), source: None }
    }

    pub fn skip(message: impl Into<String>) -> NodeError {
        NodeError::new(Then::SkipItem, message)
    }

    pub fn stop_node(message: impl Into<String>) -> NodeError {
        NodeError::new(Then::StopNode, message)
    }

    pub fn stop_graph(message: impl Into<String>) -> NodeError {
        NodeError::new(Then::StopGraph, message)
    }

    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> NodeError {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for NodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<crate::media::PoolFull> for NodeError {
    /// Memory comes back as soon as somebody lets go of a frame, so only this item is lost.
    fn from(full: crate::media::PoolFull) -> NodeError {
        NodeError::skip(full.to_string())
    }
}
