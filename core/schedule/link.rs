//! One bounded queue between an output port and an input port.
//!
//! Owns the waiting items, the rule for a full queue, the rate an input lets in, and the promise
//! that PTS rise. Does not know threads, time or nodes: the scheduler tells it what happened.

use std::collections::VecDeque;
use std::time::Duration;

use crate::graph::plan::{Clock, NodeId, PlanLink};
use crate::media::{Item, Pts};
use crate::node::{Join, WhenFull};

use super::tally::{LinkTally, Reason};
use super::throttle::Throttle;
use super::times::Times;

/// How far an offline link may grow past its capacity to let a graph get on (see `stall`).
pub(super) const MOST_STRETCH: usize = 32;

/// What a link did with an item it was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// It waits, whatever had to go for it.
    Queued,
    /// It is lost.
    Refused,
    /// It is lost, and nothing will be of use before the next keyframe.
    WantsKeyframe,
}

/// What is known of the partner a `same_pts` join looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partner {
    Here,
    MayCome,
    CannotCome,
}

pub(super) struct Link {
    pub from: NodeId,
    pub to: NodeId,
    pub join: Join,
    pub max_age: Option<Duration>,
    offline: bool,
    when_full: WhenFull,
    capacity: usize,
    stretch: usize,
    throttle: Option<Throttle>,
    /// What waits, and since when.
    queue: VecDeque<(Item, Duration)>,
    /// `latest` joins: the item that is the newest until another comes.
    newest: Option<Item>,
    last: Option<Pts>,
    /// Waiting for a keyframe.
    pub resync: bool,
    /// No more will be offered.
    ended: bool,
    /// Nobody will take any more.
    closed: bool,
    /// The node at its start has let go of it: what waits is taken, and no wish goes up.
    cut: bool,
    /// `same_pts` joins: PTS that are known not to come, rising.
    gone: VecDeque<Pts>,
    tally: LinkTally,
    /// How long items waited that were taken.
    waits: Times,
}

impl Link {
    pub fn new(plan: &PlanLink, clock: Clock) -> Link {
        let offline = clock == Clock::Offline;
        Link {
            from: plan.from,
            to: plan.to,
            join: plan.join,
            max_age: plan.max_age,
            offline,
            when_full: when_full(plan, offline),
            capacity: plan.capacity.max(1),
            stretch: 0,
            throttle: plan.rate.map(Throttle::new),
            queue: VecDeque::with_capacity(plan.capacity.max(1)),
            newest: None,
            last: None,
            resync: false,
            ended: false,
            closed: false,
            cut: false,
            gone: VecDeque::new(),
            tally: LinkTally::default(),
            waits: Times::default(),
        }
    }

    /// Takes `item` at `now` or loses it; `lost` gets the PTS of every item that is lost for it.
    /// `crowded` is what it is called when the link is full.
    pub fn offer(&mut self, item: Item, now: Duration, crowded: Reason, lost: &mut Vec<Pts>) -> Offered {
        self.tally.offered += 1;
        let pts = item.pts();
        if self.last.is_some_and(|last| pts <= last) {
            // Not told as lost: an item with this PTS may have gone before.
            self.tally.drop_one(Reason::Stale);
            return Offered::Refused;
        }
        if let Some(reason) = self.why_not(&item) {
            self.lose(pts, reason, lost);
            return Offered::Refused;
        }
        self.last = Some(pts);
        if self.has_room() {
            self.resync = false;
            self.queue.push_back((item, now));
            return Offered::Queued;
        }
        self.offer_to_full(item, now, crowded, lost)
    }

    /// Loses `item`, because what would be made of it is not needed for now.
    pub fn pass_over(&mut self, item: &Item, lost: &mut Vec<Pts>) {
        self.tally.offered += 1;
        self.lose(item.pts(), Reason::Asleep, lost);
    }

    fn why_not(&mut self, item: &Item) -> Option<Reason> {
        if self.closed {
            return Some(self.reason_when_closed());
        }
        if self.resync && !item.starts_afresh() {
            return Some(Reason::Resync);
        }
        let lets_in = self.throttle.as_mut().is_none_or(|throttle| throttle.lets_in(item.pts()));
        (!lets_in).then_some(Reason::Rate)
    }

    fn offer_to_full(&mut self, item: Item, now: Duration, crowded: Reason, lost: &mut Vec<Pts>) -> Offered {
        match self.when_full {
            // The scheduler asks for room first: more than there was comes only from a node that
            // gave several items in one turn, and those wait in its hands.
            WhenFull::Block => panic!("a blocking link was offered more than it had room for"),
            WhenFull::DropOldest => {
                let reason = if self.join == Join::Latest { Reason::Stale } else { crowded };
                self.drop_first(reason, lost);
                self.queue.push_back((item, now));
                Offered::Queued
            }
            WhenFull::DropNewest => {
                self.lose(item.pts(), crowded, lost);
                Offered::Refused
            }
            // A decoder can start at this one, so what waits before it only delays it.
            WhenFull::ToKeyframe if item.starts_afresh() => {
                while !self.queue.is_empty() {
                    self.drop_first(Reason::Resync, lost);
                }
                self.resync = false;
                self.queue.push_back((item, now));
                Offered::Queued
            }
            WhenFull::ToKeyframe => {
                self.resync = true;
                self.lose(item.pts(), crowded, lost);
                Offered::WantsKeyframe
            }
        }
    }

    /// Whether the node at its start has to wait for room.
    pub fn blocks(&self) -> bool {
        self.when_full == WhenFull::Block && !self.closed && !self.has_room()
    }

    fn has_room(&self) -> bool {
        self.queue.len() < self.capacity + self.stretch
    }

    /// Lets one more item wait. `false` when it has grown as far as it may.
    pub fn grow(&mut self) -> bool {
        let may = self.stretch < MOST_STRETCH;
        self.stretch += usize::from(may);
        may
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// PTS of the item that would be taken next.
    pub fn head(&self) -> Option<Pts> {
        self.queue.front().map(|(item, _)| item.pts())
    }

    /// Whether nothing waits and nothing will come.
    pub fn is_over(&self) -> bool {
        self.queue.is_empty() && (self.ended || self.closed)
    }

    /// Takes the next item into a turn at `now`.
    pub fn take(&mut self, now: Duration) -> Option<Item> {
        let (item, since) = self.queue.pop_front()?;
        self.waits.add(now.saturating_sub(since));
        self.tally.in_turn += 1;
        Some(item)
    }

    /// What is known of the item with the PTS of the driving item.
    pub fn partner(&self, of: Pts) -> Partner {
        match self.queue.iter().map(|(item, _)| item.pts()).find(|pts| *pts >= of) {
            Some(pts) if pts == of => Partner::Here,
            Some(_) => Partner::CannotCome,
            None if self.ended || self.closed || self.gone.contains(&of) => Partner::CannotCome,
            None if self.last.is_some_and(|last| last >= of) => Partner::CannotCome,
            None => Partner::MayCome,
        }
    }

    /// Takes the item with exactly this PTS, and loses what is older: its driving item went by.
    pub fn take_partner(&mut self, of: Pts, now: Duration, lost: &mut Vec<Pts>) -> Option<Item> {
        while self.head().is_some_and(|pts| pts < of) {
            self.drop_first(Reason::Stale, lost);
        }
        while self.gone.front().is_some_and(|pts| *pts <= of) {
            self.gone.pop_front();
        }
        (self.head() == Some(of)).then(|| self.take(now)).flatten()
    }

    /// Whether it is decided which item is the newest for a driving item at `of`. Live, it always
    /// is. Offline it must not depend on who was faster: it is the newest not after the driving one.
    pub fn newest_is_decided(&self, of: Pts) -> bool {
        !self.offline || self.ended || self.closed || self.last.is_some_and(|last| last >= of)
    }

    /// The newest item for a driving item at `of`, and whether it is its first use. None when there
    /// is none or it is too old.
    pub fn take_newest(&mut self, of: Pts, now: Duration, lost: &mut Vec<Pts>) -> (Option<Item>, FirstUse) {
        let mut first_use = FirstUse::No;
        while self.head().is_some_and(|pts| !self.offline || pts <= of) {
            let superseded = self.queue.get(1).is_some_and(|(next, _)| !self.offline || next.pts() <= of);
            if superseded {
                self.drop_first(Reason::Stale, lost);
            } else {
                self.newest = self.take(now);
                first_use = FirstUse::Yes;
            }
        }
        let max_age = self.max_age.unwrap_or(Duration::MAX);
        let newest = self.newest.clone().filter(|newest| of.since(newest.pts()) <= max_age);
        (newest, first_use)
    }

    /// It is known that no item with this PTS will come.
    pub fn mark_gone(&mut self, pts: Pts) {
        let position = self.gone.partition_point(|gone| *gone < pts);
        if self.closed || self.gone.get(position) == Some(&pts) {
            return;
        }
        self.gone.insert(position, pts);
        // Bounded: a join that has fallen behind this far goes by the PTS that do come.
        if self.gone.len() > self.capacity + MOST_STRETCH {
            self.gone.pop_front();
        }
    }

    /// The item it gave into a turn was made use of.
    pub fn passed(&mut self) {
        self.tally.in_turn -= 1;
        self.tally.passed += 1;
    }

    /// The turn that took its item failed.
    pub fn failed(&mut self) {
        self.tally.in_turn -= 1;
        self.tally.drop_one(Reason::Failed);
    }

    /// The node at its start has ended.
    pub fn end(&mut self) {
        self.ended = true;
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The node at its start feeds it no more, though that goes on.
    pub fn cut(&mut self) {
        (self.ended, self.cut) = (true, true);
    }

    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// What the link that comes after this one should know: the last PTS, and the newest item.
    pub fn leave_behind(&mut self) -> (Option<Pts>, Option<Item>) {
        (self.last, self.newest.take())
    }

    /// Takes the place of a link that left this behind: PTS go on rising.
    pub fn succeed(&mut self, last: Option<Pts>, newest: Option<Item>, lost: &mut Vec<Pts>) {
        while self.head().is_some_and(|pts| last.is_some_and(|last| pts <= last)) {
            self.drop_first(Reason::Stale, lost);
        }
        self.last = self.last.max(last);
        if self.join == Join::Latest {
            self.newest = self.newest.take().or(newest);
        }
    }

    /// The node at its end takes no more; what waits is lost.
    pub fn close(&mut self, lost: &mut Vec<Pts>) {
        let reason = self.reason_when_closed();
        self.closed = true;
        self.newest = None;
        self.gone.clear();
        while !self.queue.is_empty() {
            self.drop_first(reason, lost);
        }
    }

    /// Stopped where it would have driven a turn, stale where it would only have joined one.
    fn reason_when_closed(&self) -> Reason {
        match self.join {
            Join::Each => Reason::Stopped,
            Join::SamePts | Join::Latest => Reason::Stale,
        }
    }

    /// Loses the oldest waiting item.
    pub fn drop_first(&mut self, reason: Reason, lost: &mut Vec<Pts>) {
        if let Some((item, _)) = self.queue.pop_front() {
            self.lose(item.pts(), reason, lost);
        }
    }

    pub fn tally(&self) -> LinkTally {
        LinkTally { waiting: self.queue.len() as u64, ..self.tally }
    }

    pub fn waits(&self) -> &Times {
        &self.waits
    }

    fn lose(&mut self, pts: Pts, reason: Reason, lost: &mut Vec<Pts>) {
        self.tally.drop_one(reason);
        lost.push(pts);
    }
}

/// Whether an item of a `latest` join is in a turn for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstUse {
    Yes,
    No,
}

/// The policy that holds: offline every link blocks. Live, an input that does not drive its node
/// never holds up its producer, because the node would wait for an item that waits for the node.
fn when_full(plan: &PlanLink, offline: bool) -> WhenFull {
    match (offline, plan.join, plan.when_full) {
        (true, ..) => WhenFull::Block,
        (false, Join::SamePts | Join::Latest, WhenFull::Block) => WhenFull::DropOldest,
        (false, _, policy) => policy,
    }
}

#[cfg(test)]
mod tests;
