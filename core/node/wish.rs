//! What travels against the stream: a viewer's need, on its way to the node that can meet it.

use std::sync::Arc;

/// A wish from downstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The next access unit should be a keyframe.
    Keyframe,
    /// Aim for this many bits per second from now on.
    Bitrate(u64),
    /// Nobody is watching: sources and encoders may rest. Passed on by all but sources; it goes on
    /// from a node once all that it feeds wish it. A source that says [`Handled::Here`] is not asked
    /// for items until somebody is watching again.
    Sleep,
    /// Somebody is watching again. Passed on by all but sources.
    Wake,
    /// No more is needed, ever.
    Stop,
}

/// What a node did with a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It met the wish; nobody above need hear of it.
    Here,
    /// Not its business: on to whoever feeds it.
    PassOn,
}

/// Where a node sends its wishes, from any thread and at any time. Never waits.
#[derive(Clone)]
pub struct Upstream(Arc<dyn Fn(Wish) + Send + Sync>);

impl Upstream {
    pub fn new(deliver: impl Fn(Wish) + Send + Sync + 'static) -> Upstream {
        Upstream(Arc::new(deliver))
    }

    /// Goes nowhere: for a node that is run without a graph around it.
    pub fn nowhere() -> Upstream {
        Upstream::new(|_| ())
    }

    pub fn wish(&self, wish: Wish) {
        (self.0)(wish);
    }
}
