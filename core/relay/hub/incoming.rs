//! What is published to us: entrances that nodes open, and offers of those who publish.

use std::sync::{Arc, Weak};
use std::time::Instant;

use super::{Answer, Hub, Shared, lock};
use crate::node::Site;
use crate::relay::directory::{Door, Entry};
use crate::relay::ingest::{self, Entrance, Hold, Inlet, Proposal, Publisher};
use crate::relay::mailbox::Command;
use crate::relay::refusal::Refusal;
use crate::relay::stream::StreamId;

/// A second publisher would be another picture in the same stream.
const MOST_PUBLISHERS: usize = 1;

impl Hub {
    /// The ids of the nodes that can be published to.
    pub fn entrances(&self) -> Vec<String> {
        lock(&self.0.directory).entrances.names().cloned().collect()
    }

    /// Answers the offer of somebody who publishes to `entrance`. Takes 1 to 4 ms.
    ///
    /// # Errors
    /// Why there will be no session.
    pub fn publish(&self, entrance: &str, sdp: &str) -> Result<Answer, Refusal> {
        if !lock(&self.0.directory).entrances.has(entrance) {
            return Err(Refusal::NoSuchStream(entrance.to_owned()));
        }
        // What is wrong with it, it is told whether there is room or not.
        let proposal = Proposal::read(sdp)?;
        let (id, door) = lock(&self.0.directory).let_in(entrance)?;
        let answered = self.take_in(entrance, id, &door, &proposal);
        if answered.is_err() {
            lock(&self.0.directory).leave(entrance, id);
        }
        answered
    }

    /// Opens an entrance for the node at `site`, until its end is dropped.
    pub(in crate::relay) fn entrance(&self, site: &Site) -> Entrance {
        let id = StreamId(self.next());
        let (inlet, news) = Inlet::new();
        let door = Door { inlet, counters: site.counters.clone() };
        lock(&self.0.directory).entrances.add(site.node.clone(), Entry::new(id, MOST_PUBLISHERS, door));
        let shared = Arc::downgrade(&self.0);
        Entrance { news, hold: Box::new(Doorkeeper { shared, id, entrance: site.node.clone() }) }
    }

    fn take_in(
        &self,
        entrance: &str,
        id: StreamId,
        door: &Door,
        proposal: &Proposal,
    ) -> Result<Answer, Refusal> {
        let now = Instant::now();
        let negotiated = self.negotiate(|identity, reach| ingest::answer(now, proposal, identity, reach))?;
        self.begin((entrance, id), &proposal.sdp, negotiated, |peer_id, session, peer| {
            let way_in = (door.inlet.clone(), &door.counters);
            Command::Admit(Box::new(Publisher::new(now, peer_id, session, peer, id, way_in)))
        })
    }
}

/// A node's hold on its entrance: it does not keep the hub alive, and closes the entrance when dropped.
struct Doorkeeper {
    shared: Weak<Shared>,
    id: StreamId,
    entrance: String,
}

impl Hold for Doorkeeper {
    fn need_keyframe(&self) {
        if let Some(shared) = self.shared.upgrade() {
            // A thread that has more to do than it can is asked again by the next wish.
            let _ = Hub(shared).leave(Command::NeedKeyframe(self.id));
        }
    }
}

impl Drop for Doorkeeper {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        lock(&shared.directory).entrances.remove(&self.entrance, self.id);
        // Nobody publishes before the network is open.
        let _ = Hub(shared).leave(Command::End(self.id));
    }
}
