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
    queue: VecDeque<Item>,
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
        }
    }

    /// Takes `item` or loses it; `lost` gets the PTS of every item that is lost for it.
    pub fn offer(&mut self, item: Item, lost: &mut Vec<Pts>) -> Offered {
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
            self.queue.push_back(item);
            return Offered::Queued;
        }
        self.offer_to_full(item, lost)
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

    fn offer_to_full(&mut self, item: Item, lost: &mut Vec<Pts>) -> Offered {
        match self.when_full {
            // The scheduler asks for room first: more than there was comes only from a node that
            // gave several items in one turn, and those wait in its hands.
            WhenFull::Block => panic!("a blocking link was offered more than it had room for"),
            WhenFull::DropOldest => {
                let reason = if self.join == Join::Latest { Reason::Stale } else { Reason::Full };
                self.drop_first(reason, lost);
                self.queue.push_back(item);
                Offered::Queued
            }
            WhenFull::DropNewest => {
                self.lose(item.pts(), Reason::Full, lost);
                Offered::Refused
            }
            // A decoder can start at this one, so what waits before it only delays it.
            WhenFull::ToKeyframe if item.starts_afresh() => {
                while !self.queue.is_empty() {
                    self.drop_first(Reason::Resync, lost);
                }
                self.resync = false;
                self.queue.push_back(item);
                Offered::Queued
            }
            WhenFull::ToKeyframe => {
                self.resync = true;
                self.lose(item.pts(), Reason::Full, lost);
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
        self.queue.front().map(Item::pts)
    }

    /// Whether nothing waits and nothing will come.
    pub fn is_over(&self) -> bool {
        self.queue.is_empty() && (self.ended || self.closed)
    }

    /// Takes the next item into a turn.
    pub fn take(&mut self) -> Option<Item> {
        let item = self.queue.pop_front()?;
        self.tally.in_turn += 1;
        Some(item)
    }

    /// What is known of the item with the PTS of the driving item.
    pub fn partner(&self, of: Pts) -> Partner {
        match self.queue.iter().map(Item::pts).find(|pts| *pts >= of) {
            Some(pts) if pts == of => Partner::Here,
            Some(_) => Partner::CannotCome,
            None if self.ended || self.closed || self.gone.contains(&of) => Partner::CannotCome,
            None if self.last.is_some_and(|last| last >= of) => Partner::CannotCome,
            None => Partner::MayCome,
        }
    }

    /// Takes the item with exactly this PTS, and loses what is older: its driving item went by.
    pub fn take_partner(&mut self, of: Pts, lost: &mut Vec<Pts>) -> Option<Item> {
        while self.head().is_some_and(|pts| pts < of) {
            self.drop_first(Reason::Stale, lost);
        }
        while self.gone.front().is_some_and(|pts| *pts <= of) {
            self.gone.pop_front();
        }
        (self.head() == Some(of)).then(|| self.take()).flatten()
    }

    /// Whether it is decided which item is the newest for a driving item at `of`. Live, it always
    /// is. Offline it must not depend on who was faster: it is the newest not after the driving one.
    pub fn newest_is_decided(&self, of: Pts) -> bool {
        !self.offline || self.ended || self.closed || self.last.is_some_and(|last| last >= of)
    }

    /// The newest item for a driving item at `of`, and whether it is its first use. None when there
    /// is none or it is too old.
    pub fn take_newest(&mut self, of: Pts, lost: &mut Vec<Pts>) -> (Option<Item>, FirstUse) {
        let mut first_use = FirstUse::No;
        while self.head().is_some_and(|pts| !self.offline || pts <= of) {
            let superseded = self.queue.get(1).is_some_and(|next| !self.offline || next.pts() <= of);
            if superseded {
                self.drop_first(Reason::Stale, lost);
            } else {
                self.newest = self.take();
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
        if let Some(item) = self.queue.pop_front() {
            self.lose(item.pts(), reason, lost);
        }
    }

    pub fn tally(&self) -> LinkTally {
        LinkTally { waiting: self.queue.len() as u64, ..self.tally }
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
mod tests {
    use super::*;
    use crate::graph::plan::PlanLink;
    use crate::media::{AccessUnit, Detections};
    use crate::node::Format;

    fn link(when_full: WhenFull, join: Join) -> Link {
        Link::new(&plan(when_full, join), Clock::Live)
    }

    fn plan(when_full: WhenFull, join: Join) -> PlanLink {
        PlanLink {
            from: NodeId(0),
            from_port: 0,
            to: NodeId(1),
            to_port: 0,
            format: Format::Detections,
            capacity: 2,
            when_full,
            join,
            max_age: None,
            rate: None,
        }
    }

    fn pts(ms: i64) -> Pts {
        Pts::from_nanos(ms * 1_000_000)
    }

    fn item(ms: i64) -> Item {
        Item::Detections(Detections { by: "a".into(), pts: pts(ms), sequence: 0, found: Default::default() })
    }

    fn unit(ms: i64, keyframe: bool) -> Item {
        Item::AccessUnit(AccessUnit {
            data: Default::default(),
            keyframe,
            layer: 0,
            pts: pts(ms),
            sequence: 0,
            annotations: Default::default(),
        })
    }

    fn offer_all(link: &mut Link, items: impl IntoIterator<Item = Item>) -> Vec<Offered> {
        items.into_iter().map(|item| link.offer(item, &mut Vec::new())).collect()
    }

    fn waiting(link: &Link) -> Vec<i64> {
        link.queue.iter().map(|item| item.pts().nanos() / 1_000_000).collect()
    }

    #[test]
    fn the_oldest_goes_from_a_full_link_that_drops_the_oldest() {
        let mut link = link(WhenFull::DropOldest, Join::Each);
        offer_all(&mut link, [item(1), item(2), item(3)]);
        assert_eq!(waiting(&link), [2, 3]);
        assert_eq!(link.tally().dropped(Reason::Full), 1);
    }

    #[test]
    fn the_newest_goes_from_a_full_link_that_drops_the_newest() {
        let mut link = link(WhenFull::DropNewest, Join::Each);
        offer_all(&mut link, [item(1), item(2), item(3)]);
        assert_eq!(waiting(&link), [1, 2]);
        assert_eq!(link.tally().dropped(Reason::Full), 1);
    }

    #[test]
    fn a_full_link_of_encoded_video_asks_once_and_goes_on_at_the_keyframe() {
        let mut link = link(WhenFull::ToKeyframe, Join::Each);
        let units = [unit(1, true), unit(2, false), unit(3, false), unit(4, false), unit(5, true)];
        let offered = offer_all(&mut link, units);
        use Offered::{Queued, Refused, WantsKeyframe};
        assert_eq!(offered, [Queued, Queued, WantsKeyframe, Refused, Queued]);
        assert_eq!(waiting(&link), [5], "what waits before a keyframe only delays it");
        assert_eq!((link.tally().dropped(Reason::Full), link.tally().dropped(Reason::Resync)), (1, 3));
        assert!(link.tally().adds_up());
    }

    #[test]
    fn nothing_is_let_in_before_the_keyframe_even_when_there_is_room() {
        let mut link = link(WhenFull::ToKeyframe, Join::Each);
        offer_all(&mut link, [unit(1, true), unit(2, false), unit(3, false)]);
        link.take();
        assert_eq!(
            offer_all(&mut link, [unit(4, false), unit(5, true)]),
            [Offered::Refused, Offered::Queued]
        );
        assert_eq!(waiting(&link), [2, 5]);
    }

    #[test]
    fn an_item_whose_pts_does_not_rise_is_lost_and_counted() {
        let mut link = link(WhenFull::Block, Join::Each);
        offer_all(&mut link, [item(5), item(5), item(4)]);
        assert_eq!(waiting(&link), [5]);
        assert_eq!(link.tally().dropped(Reason::Stale), 2);
    }

    #[test]
    fn a_partner_is_settled_by_a_newer_one_by_the_end_and_by_its_loss() {
        let mut link = link(WhenFull::Block, Join::SamePts);
        assert_eq!(link.partner(pts(3)), Partner::MayCome);
        link.mark_gone(pts(3));
        assert_eq!(link.partner(pts(3)), Partner::CannotCome);
        offer_all(&mut link, [item(5)]);
        assert_eq!(link.partner(pts(4)), Partner::CannotCome);
        assert_eq!(link.partner(pts(5)), Partner::Here);
        assert!(link.take_partner(pts(5), &mut Vec::new()).is_some());
        link.end();
        assert_eq!(link.partner(pts(6)), Partner::CannotCome);
    }

    #[test]
    fn the_newest_is_used_again_until_it_is_too_old() {
        let plan =
            PlanLink { max_age: Some(Duration::from_millis(100)), ..plan(WhenFull::Block, Join::Latest) };
        let mut link = Link::new(&plan, Clock::Live);
        offer_all(&mut link, [item(1), item(2), item(3)]);
        let newest = |link: &mut Link, at| link.take_newest(pts(at), &mut Vec::new());
        let seen = |(item, first): (Option<Item>, FirstUse)| (item.map(|item| item.pts()), first);
        assert_eq!(seen(newest(&mut link, 10)), (Some(pts(3)), FirstUse::Yes));
        assert_eq!(seen(newest(&mut link, 103)), (Some(pts(3)), FirstUse::No));
        assert_eq!(seen(newest(&mut link, 104)), (None, FirstUse::No));
        assert_eq!(link.tally().dropped(Reason::Stale), 2);
    }

    #[test]
    fn offline_the_newest_does_not_depend_on_who_was_faster() {
        let mut link = Link::new(&plan(WhenFull::Block, Join::Latest), Clock::Offline);
        offer_all(&mut link, [item(1)]);
        assert!(!link.newest_is_decided(pts(2)));
        offer_all(&mut link, [item(3)]);
        assert!(link.newest_is_decided(pts(2)));
        assert_eq!(link.take_newest(pts(2), &mut Vec::new()).0.map(|item| item.pts()), Some(pts(1)));
        assert_eq!(waiting(&link), [3]);
    }
}
