//! What is due, giving it out, and the way items take from node to node.
//!
//! Owns the nodes, the links and every decision about who may take a turn. Leaves how nodes end to
//! `ending`, what to do when an offline graph stands still to `stall`, and all waiting, threads and
//! clocks to whoever holds it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::graph::plan::{Clock, LinkId, NodeId};
use crate::media::{Item, Pts};
use crate::node::{Handled, Inputs, Output, Role, SAME_PTS_PATIENCE, Then, Wish};

use super::change::Keep;
use super::exchange::{Action, Event, Hand, Outcome, Turn};
use super::join::{Drive, Look, look, take};
use super::link::{Link, Offered};
use super::node::{Doing, Node, Phase};
use super::ready::Ready;
use super::tally::{LinkTally, NodeTally, Reason};
use super::times::Times;
use super::topology::Topology;
use super::wishes::Serial;

/// How long a source on the worker pool is left alone when it had nothing, or failed to make an
/// item: long enough to cost nothing, short against a frame.
const REST: Duration = Duration::from_millis(5);

/// What a node could do now.
#[derive(Clone, Copy)]
enum Due {
    Hear,
    Finish,
    Next,
    Take(Drive),
    /// Perhaps something, then.
    At(Duration),
    Nothing,
}

/// The state of a running graph, without its nodes, threads and clock.
pub struct Scheduler {
    pub(super) clock: Clock,
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Link>,
    /// For each link, the joins that an item lost there settles.
    pub(super) settles: Vec<Vec<LinkId>>,
    pub(super) ready: Ready,
    pub(super) alarms: BinaryHeap<Reverse<(Duration, NodeId)>>,
    workers: usize,
    /// Nodes in a turn, devices included.
    pub(super) running: usize,
    computing: usize,
    /// Nodes that have not ended.
    pub(super) open: usize,
    /// It was told to stop in order.
    pub(super) stopped: bool,
    pub(super) aborted: bool,
    /// When draining has taken long enough.
    pub(super) hurry_at: Option<Duration>,
    pub(super) serial: Serial,
    /// Wishes of nodes that have been built and do not run yet.
    pub(super) early: Vec<(NodeId, Wish)>,
    /// Kept so that no turn allocates one.
    pub(super) lost: Vec<Pts>,
}

impl Scheduler {
    /// A graph at its start. At most `workers` (at least one) compute nodes run at once.
    pub fn new(topology: Topology, workers: usize) -> Scheduler {
        let mut scheduler = Scheduler {
            clock: topology.clock,
            nodes: Vec::new(),
            links: Vec::new(),
            settles: Vec::new(),
            ready: Ready::new(&[], &[]),
            alarms: BinaryHeap::new(),
            workers: workers.max(1),
            running: 0,
            computing: 0,
            open: 0,
            stopped: false,
            aborted: false,
            hurry_at: None,
            serial: 0,
            early: Vec::new(),
            lost: Vec::new(),
        };
        let keep = Keep::nothing(&topology);
        scheduler.change(topology, &keep, Duration::ZERO);
        scheduler
    }

    /// Takes note of `event`, which happened at `now`.
    ///
    /// # Panics
    /// When a node comes back that was not sent: whoever holds the scheduler broke the rule that a
    /// node has one turn at a time.
    pub fn on(&mut self, event: Event, now: Duration) {
        match event {
            Event::Returned { node, given, outcome } => self.returned(node, given, outcome, now),
            Event::Heard { node, handled } => self.heard(node, handled, now),
            Event::Wished { node, wish } if node.0 >= self.nodes.len() => self.early.push((node, wish)),
            Event::Wished { node, wish } => self.wished(node, wish, now),
            Event::Stop => self.stop(now),
            Event::Abort => self.aborted = true,
        }
        self.get_on_if_stalled(now);
    }

    /// What `hand` should do at `now`.
    pub fn next_action(&mut self, hand: Hand, now: Duration) -> Action {
        self.ring(now);
        self.get_on_if_stalled(now);
        match hand {
            _ if self.is_over() => Action::Leave,
            Hand::Device(node) if self.nodes[node.0].phase == Phase::Ended => Action::Leave,
            Hand::Device(node) => self.start(node, now).unwrap_or(Action::Wait { until: self.next_alarm() }),
            Hand::Worker => self.start_most_urgent(now).unwrap_or(Action::Wait { until: self.next_alarm() }),
        }
    }

    /// Whether no node will take a turn again.
    pub fn is_over(&self) -> bool {
        self.aborted || self.open == 0
    }

    /// Whether a node has come to its end.
    pub fn has_ended(&self, node: NodeId) -> bool {
        self.nodes[node.0].phase == Phase::Ended
    }

    /// How many more workers would find something to do now.
    pub fn idle_work(&self) -> usize {
        self.ready.compute().min(self.workers - self.computing)
    }

    /// The device nodes whose thread should ask for its next action, since this was last asked.
    pub fn take_called(&mut self) -> impl Iterator<Item = NodeId> + '_ {
        self.ready.take_called()
    }

    /// When something may become due without an event.
    pub fn next_alarm(&self) -> Option<Duration> {
        let alarm = self.alarms.peek().map(|Reverse((at, _))| *at);
        alarm.into_iter().chain(self.hurry_at).min()
    }

    pub fn link_tally(&self, link: LinkId) -> LinkTally {
        self.links[link.0].tally()
    }

    /// How long items waited on `link` that were taken from it.
    pub fn link_waits(&self, link: LinkId) -> &Times {
        self.links[link.0].waits()
    }

    pub fn node_tally(&self, node: NodeId) -> NodeTally {
        self.nodes[node.0].tally
    }

    // Turns: what is due, and giving it out.

    fn start_most_urgent(&mut self, now: Duration) -> Option<Action> {
        if self.computing == self.workers {
            return None;
        }
        loop {
            let node = self.ready.first()?;
            if let Some(action) = self.start(node, now) {
                return Some(action);
            }
        }
    }

    fn start(&mut self, id: NodeId, now: Duration) -> Option<Action> {
        let due = self.due(id, now);
        let node = &mut self.nodes[id.0];
        let (doing, turn) = match due {
            Due::Hear => {
                let (wish, serial) = node.wishes.next().expect("a node with a wish pending was just seen");
                (Doing::Hear(wish, serial), Turn::Hear(wish))
            }
            Due::Finish => {
                node.phase = Phase::Closing;
                (Doing::Finish, Turn::Finish)
            }
            Due::Next => (Doing::Turn, Turn::Next),
            Due::Take(drive) => (Doing::Turn, Turn::Take(self.take_inputs(id, drive, now))),
            Due::At(_) | Due::Nothing => {
                self.ready.remove(id);
                return None;
            }
        };
        let node = &mut self.nodes[id.0];
        node.doing = Some(doing);
        self.ready.begin(id);
        self.running += 1;
        self.computing += usize::from(node.computes());
        Some(Action::Run { node: id, turn })
    }

    fn due(&mut self, id: NodeId, now: Duration) -> Due {
        let node = &self.nodes[id.0];
        match (node.phase, node.role) {
            _ if node.doing.is_some() => Due::Nothing,
            (Phase::Finished | Phase::Ended, _) => Due::Nothing,
            _ if !node.wishes.is_empty() => Due::Hear,
            _ if !node.outbox.is_empty() => Due::Nothing,
            (Phase::Closing, Role::Source) => Due::Nothing,
            (Phase::Closing, Role::Filter | Role::Sink) => Due::Finish,
            (Phase::Open, Role::Source) if node.asleep || self.is_blocked(id) => Due::Nothing,
            (Phase::Open, Role::Source) if now < node.rests_until => Due::At(node.rests_until),
            (Phase::Open, Role::Source) => Due::Next,
            (Phase::Open, Role::Filter | Role::Sink) => self.due_by_inputs(id, now),
        }
    }

    fn due_by_inputs(&mut self, id: NodeId, now: Duration) -> Due {
        if !self.nodes[id.0].successors.is_empty() {
            self.change_over(id, now);
        }
        match look(&self.nodes[id.0], &self.links, self.clock) {
            Look::Over => Due::Finish,
            Look::Idle | Look::WaitsForOrder => Due::Nothing,
            Look::Go(_) | Look::WaitsForPartner(_) if self.is_blocked(id) => Due::Nothing,
            Look::Go(drive) => Due::Take(drive),
            Look::WaitsForPartner(_) if self.clock == Clock::Offline => Due::Nothing,
            Look::WaitsForPartner(drive) => match self.patience(id, drive.pts, now) {
                until if now < until => Due::At(until),
                _ => Due::Take(drive),
            },
        }
    }

    /// Until when node `id` waits for the partners of its driving item. One that stood behind an
    /// item for which the node waited in vain has waited with it: its time is up as much later as it
    /// is later itself. Otherwise a link's worth of items would each wait anew.
    fn patience(&mut self, id: NodeId, driving: Pts, now: Duration) -> Duration {
        let node = &mut self.nodes[id.0];
        let ages = node.inputs.iter().flatten().filter_map(|link| self.links[link.0].max_age);
        let longest = now + ages.min().unwrap_or(SAME_PTS_PATIENCE).min(SAME_PTS_PATIENCE);
        let until = match node.patience {
            Some((pts, until)) if pts == driving => until,
            Some((pts, until)) => longest.min(until + driving.since(pts)),
            None => longest,
        };
        node.patience = Some((driving, until));
        until
    }

    fn take_inputs(&mut self, id: NodeId, drive: Drive, now: Duration) -> Inputs {
        let node = &mut self.nodes[id.0];
        node.driving = Some(drive.pts);
        node.gives_up = false;
        // What becomes stale here settles nothing: its own join has just gone by.
        let inputs = take(node, &mut self.links, drive, now, &mut self.lost);
        self.lost.clear();
        let in_vain = node.patience.filter(|(pts, until)| *pts == drive.pts && *until <= now);
        node.patience = in_vain.filter(|_| self.links[drive.link.0].head().is_some());
        for port in 0..self.nodes[id.0].inputs.len() {
            if let Some(link) = self.nodes[id.0].inputs[port] {
                self.refresh(self.links[link.0].from, now);
            }
        }
        inputs
    }

    pub(super) fn is_blocked(&self, id: NodeId) -> bool {
        self.nodes[id.0].outputs.iter().flatten().any(|link| self.links[link.0].blocks())
    }

    // What comes back, and the way it takes.

    fn returned(&mut self, id: NodeId, mut given: Output, outcome: Outcome, now: Duration) {
        let doing = self.came_back(id);
        let node = &mut self.nodes[id.0];
        let failed = matches!(outcome, Outcome::Failed(_));
        for link in node.taken.drain(..) {
            let link = &mut self.links[link.0];
            if failed { link.failed() } else { link.passed() }
        }
        node.tally.turns += u64::from(doing == Doing::Turn);
        node.tally.failed += u64::from(failed);
        let driving = node.driving.take();
        match outcome {
            Outcome::Failed(then) => self.fail(id, doing, then, driving, now),
            Outcome::Done | Outcome::Waiting | Outcome::End => {
                let clock = Pts::ZERO.after(now);
                for (port, item) in given.drain() {
                    let item = match &mut node.pacer {
                        Some(pacer) => pacer.place(item, clock),
                        None => item,
                    };
                    node.outbox.push_back((port, item));
                    node.tally.given += 1;
                }
                if outcome == Outcome::End || doing == Doing::Finish {
                    node.phase = Phase::Finished;
                }
                if outcome == Outcome::Waiting && node.computes() {
                    node.rests_until = now + REST;
                }
            }
        }
        self.refresh(id, now);
    }

    fn fail(&mut self, id: NodeId, doing: Doing, then: Then, driving: Option<Pts>, now: Duration) {
        for index in 0..self.nodes[id.0].settles.len() {
            let settled = self.nodes[id.0].settles[index];
            driving.into_iter().for_each(|pts| self.settle(settled, pts, now));
        }
        let node = &mut self.nodes[id.0];
        if then == Then::SkipItem && doing != Doing::Finish {
            node.rests_until = now + REST;
            return;
        }
        node.outbox.clear();
        node.phase = Phase::Finished;
        if then == Then::StopGraph {
            self.stop(now);
        }
    }

    fn heard(&mut self, id: NodeId, handled: Handled, now: Duration) {
        let Doing::Hear(wish, serial) = self.came_back(id) else {
            panic!("node {} answered a wish it was not told", id.0)
        };
        let node = &mut self.nodes[id.0];
        if node.role == Role::Source {
            node.asleep =
                wish == Wish::Sleep && handled == Handled::Here || node.asleep && wish != Wish::Wake;
        }
        if handled == Handled::PassOn {
            self.send_up(id, wish, serial, now);
        }
        self.refresh(id, now);
    }

    fn came_back(&mut self, id: NodeId) -> Doing {
        let node = &mut self.nodes[id.0];
        let doing = node.doing.take();
        self.running -= 1;
        self.computing -= usize::from(node.computes());
        doing.unwrap_or_else(|| panic!("node {} came back from a turn it was not given", id.0))
    }

    /// Looks again at what a node holds and could do. Everything that may matter to a node ends here.
    pub(super) fn refresh(&mut self, id: NodeId, now: Duration) {
        self.empty_outbox(id, now);
        let node = &mut self.nodes[id.0];
        if node.doing.is_none() {
            if node.role == Role::Source && node.phase == Phase::Closing && node.wishes.is_empty() {
                node.phase = Phase::Finished;
            }
            if node.phase == Phase::Finished && node.outbox.is_empty() {
                self.end(id, now);
            }
        }
        self.mark(id, now);
    }

    /// Puts a node among the ready, or sets its alarm, or neither.
    pub(super) fn mark(&mut self, id: NodeId, now: Duration) {
        match self.due(id, now) {
            Due::Hear | Due::Finish | Due::Next | Due::Take(_) => return self.ready.insert(id),
            Due::At(at) => self.set_alarm(id, at),
            Due::Nothing => {}
        }
        self.ready.remove(id);
    }

    /// Moves what a node gave onto its links, as far as they have room and it is due.
    fn empty_outbox(&mut self, id: NodeId, now: Duration) {
        while let Some((port, item)) = self.nodes[id.0].outbox.front() {
            let (port, pts) = (*port, item.pts());
            if self.nodes[id.0].pacer.is_some() && Pts::ZERO.after(now) < pts {
                return self.set_alarm(id, Duration::from_nanos(pts.nanos().unsigned_abs()));
            }
            if self.links_of(id, port).any(|link| self.links[link.0].blocks()) {
                return;
            }
            let (_, item) = self.nodes[id.0].outbox.pop_front().expect("its front was just seen");
            self.fan_out(id, port, item, now);
        }
    }

    fn fan_out(&mut self, id: NodeId, port: usize, item: Item, now: Duration) {
        let count = self.links_of(id, port).count();
        let mut item = Some(item);
        for index in 0..count {
            let link = self.nodes[id.0].outputs[port][index];
            // The last link gets the item itself: a frame that nobody shares is written in place.
            let one = if index + 1 == count { item.take() } else { item.clone() };
            self.offer(link, one.expect("only the last link takes the item"), now);
        }
    }

    fn offer(&mut self, id: LinkId, item: Item, now: Duration) {
        let link = &mut self.links[id.0];
        let (from, to) = (link.from, link.to);
        if self.nodes[to.0].wishes.is_resting() {
            link.pass_over(&item, &mut self.lost);
            return self.settle_lost(id, now);
        }
        let crowded = if self.ready.waits_for_worker(to) { Reason::Overload } else { Reason::Full };
        let offered = link.offer(item, now, crowded, &mut self.lost);
        self.settle_lost(id, now);
        if offered == Offered::WantsKeyframe {
            let serial = self.new_serial();
            self.send(from, id, Wish::Keyframe, serial, now);
        }
        self.mark(to, now);
    }

    fn links_of(&self, id: NodeId, port: usize) -> impl Iterator<Item = LinkId> + '_ {
        self.nodes[id.0].outputs.get(port).into_iter().flatten().copied()
    }

    // Joins that need not wait any more.

    /// Tells the joins further down that what was lost on `link` cannot come.
    pub(super) fn settle_lost(&mut self, link: LinkId, now: Duration) {
        let mut lost = std::mem::take(&mut self.lost);
        for pts in lost.drain(..) {
            for index in 0..self.settles[link.0].len() {
                self.settle(self.settles[link.0][index], pts, now);
            }
        }
        self.lost = lost;
    }

    fn settle(&mut self, join: LinkId, pts: Pts, now: Duration) {
        self.links[join.0].mark_gone(pts);
        self.mark(self.links[join.0].to, now);
    }

    /// Closes a link at its end and tells who should know.
    pub(super) fn close(&mut self, id: LinkId, now: Duration) {
        self.links[id.0].close(&mut self.lost);
        self.settle_lost(id, now);
    }

    // Time.

    fn set_alarm(&mut self, id: NodeId, at: Duration) {
        let node = &mut self.nodes[id.0];
        if node.alarm.is_none_or(|set| at < set) {
            node.alarm = Some(at);
            self.alarms.push(Reverse((at, id)));
        }
    }

    fn ring(&mut self, now: Duration) {
        while let Some(Reverse((at, id))) = self.alarms.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.alarms.pop();
            let node = &mut self.nodes[id.0];
            if node.alarm == Some(at) {
                node.alarm = None;
            }
            self.refresh(id, now);
        }
        if self.hurry_at.is_some_and(|at| at <= now) {
            self.hurry_at = None;
            self.hurry(now);
        }
    }
}
