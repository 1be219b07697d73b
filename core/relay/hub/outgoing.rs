//! What `whip_push` asks of the hub: a stream that nobody can ask for, and sessions that we begin.

use std::sync::{Arc, mpsc};
use std::time::Instant;

use super::{Hub, Line, lock, secret};
use crate::node::Site;
use crate::relay::answer::Reach;
use crate::relay::demand::Demand;
use crate::relay::demux::PeerId;
use crate::relay::far::Transport;
use crate::relay::feed::{Feed, Pulse};
use crate::relay::mailbox::Command;
use crate::relay::peer::Peer;
use crate::relay::profile::Profile;
use crate::relay::push::{self, Invitation, News};
use crate::relay::stream::{Stream, StreamId};
use crate::relay::viewer::Viewer;

impl Hub {
    /// Makes a stream that nobody can ask for: it goes to the servers that are invited.
    pub(in crate::relay) fn outlet(&self, site: &Site) -> Feed {
        let id = StreamId(self.next());
        self.leave_or_keep(Command::Open(id, Box::new(Stream::new(site, 1, Demand::always()))));
        let line = Line { shared: Arc::downgrade(&self.0), id, stream: site.node.clone() };
        Feed::new(id, Pulse::default(), Box::new(line), site)
    }

    /// An offer to send a stream of `profile`, by UDP or by TCP.
    ///
    /// # Errors
    /// When the network is not open, or what the WebRTC stack said.
    pub(in crate::relay) fn invite(
        &self,
        now: Instant,
        profile: Profile,
        by: Transport,
    ) -> Result<Invitation, String> {
        let (identity, reach) = self.way_out().map_err(|refusal| refusal.to_string())?;
        // A server waits for TCP itself, where it takes any.
        let reach = Reach { tcp: false, ..reach };
        push::invite(now, profile, &identity, &reach, by)
    }

    /// Sends `stream` to `peer`, which an invitation has become; `news` is told of the end. Gives the
    /// session's name.
    ///
    /// # Errors
    /// When the network is not open.
    pub(in crate::relay) fn attend(
        &self,
        stream: StreamId,
        peer: Peer,
        news: mpsc::Sender<News>,
    ) -> Result<String, String> {
        let session = secret();
        let viewer = Viewer::new(Instant::now(), PeerId(self.next()), session.clone(), stream, peer);
        lock(&self.0.attended).insert(session.clone(), news);
        self.leave(Command::Add(Box::new(viewer))).map_err(|refusal| {
            lock(&self.0.attended).remove(&session);
            refusal.to_string()
        })?;
        Ok(session)
    }

    /// Ends a session of [`Hub::attend`]; nobody is told.
    pub(in crate::relay) fn dismiss(&self, session: &str) {
        lock(&self.0.attended).remove(session);
        // A thread that is gone has closed it already.
        let _ = self.leave(Command::Close { session: session.to_owned() });
    }
}
