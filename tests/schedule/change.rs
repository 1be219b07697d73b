//! Graphs that change their shape while they run: nothing that stays may notice.

use std::time::Duration;

use framegate::graph::plan::{Clock, LinkId, NodeId};
use framegate::node::{Handled, Join, Pace, Role, Then, WhenFull, Wish};
use framegate::schedule::{Event, Keep, Reason};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::graphs::{Failures, Sketch, drawn};
use crate::world::{Act, Fails, World};

const MS: Duration = Duration::from_millis(1);

/// One edit of a graph file.
#[derive(Clone, Debug)]
enum Edit {
    /// A node is another one now, in the same place.
    Replace(Index),
    /// A link has another capacity.
    Relink(Index, usize),
    /// A sink more.
    Tap(Index, u64),
    /// A sink less.
    Remove(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => any::<Index>().prop_map(Edit::Replace),
        2 => (any::<Index>(), 1usize..4).prop_map(|(link, capacity)| Edit::Relink(link, capacity)),
        2 => (any::<Index>(), 0u64..30).prop_map(|(node, takes)| Edit::Tap(node, takes)),
        2 => any::<Index>().prop_map(Edit::Remove),
    ]
}

/// A sketch that is edited, and by which ids its nodes and links run.
struct Edited {
    sketch: Sketch,
    keep: Keep,
}

impl Edited {
    fn new(sketch: Sketch) -> Edited {
        let nodes = (0..sketch.topology.nodes.len()).map(|index| Some(NodeId(index))).collect();
        let links = (0..sketch.topology.links.len()).map(|index| Some(LinkId(index))).collect();
        Edited { sketch, keep: Keep { nodes, links } }
    }

    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Replace(node) => self.replace(node.index(self.keep.nodes.len())),
            Edit::Relink(link, capacity) if !self.keep.links.is_empty() => {
                let link = link.index(self.keep.links.len());
                self.sketch.topology.links[link].capacity = *capacity;
                self.keep.links[link] = None;
            }
            Edit::Relink(..) => {}
            Edit::Tap(node, takes) => {
                let takes = Duration::from_millis(*takes);
                self.tap(node.index(self.keep.nodes.len()), Act { takes, ..Act::default() });
            }
            Edit::Remove(sink) => {
                let sinks: Vec<_> = (0..self.keep.nodes.len()).filter(|node| self.is_sink(*node)).collect();
                if sinks.len() > 1 {
                    self.remove(*sink.get(&sinks));
                }
            }
        }
    }

    fn is_sink(&self, node: usize) -> bool {
        self.sketch.topology.nodes[node].role == Role::Sink
    }

    fn replace(&mut self, node: usize) {
        self.keep.nodes[node] = None;
        for (link, kept) in self.sketch.topology.links.iter().zip(&mut self.keep.links) {
            if link.from.0 == node || link.to.0 == node {
                *kept = None;
            }
        }
    }

    fn tap(&mut self, node: usize, act: Act) {
        if !self.is_sink(node) {
            let sink = self.sketch.node(Role::Sink, act);
            self.sketch.link(node, sink, WhenFull::DropOldest, Join::Each);
            self.keep.nodes.push(None);
            self.keep.links.push(None);
        }
    }

    fn remove(&mut self, node: usize) {
        let into: Vec<usize> =
            self.sketch.topology.nodes[node].inputs.iter().flatten().map(|link| link.0).collect();
        self.sketch.remove(node);
        self.keep.nodes.remove(node);
        let mut index = 0;
        self.keep.links.retain(|_| {
            index += 1;
            !into.contains(&(index - 1))
        });
    }

    fn apply(&mut self, world: &mut World) {
        let places = world.change(self.sketch.clone(), &self.keep);
        self.keep.nodes = places.nodes.into_iter().map(Some).collect();
        self.keep.links = places.links.into_iter().map(Some).collect();
    }

    /// A node that has ended cannot be kept: the runner builds another in its place.
    fn forget_the_ended(&mut self, world: &World) {
        for node in 0..self.keep.nodes.len() {
            if self.keep.nodes[node].is_some_and(|id| world.scheduler.has_ended(id)) {
                self.replace(node);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    // The world asserts after every step what it asserts of graphs that stay as they are: PTS rise on
    // every input across a change, tallies add up, and all comes to an end.
    #[test]
    fn a_graph_that_is_changed_while_it_runs_keeps_every_promise(
        graph in drawn(Failures::All), workers in 1usize..5,
        changes in prop::collection::vec((1u64..120, prop::collection::vec(edit(), 1..4)), 1..5),
    ) {
        let sketch = graph.sketch(Clock::Live);
        let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), workers);
        let mut edited = Edited::new(sketch);
        for (after, edits) in &changes {
            world.run_until(world.now + MS * *after as u32);
            if world.scheduler.is_over() {
                break;
            }
            edited.forget_the_ended(&world);
            edits.iter().for_each(|edit| edited.edit(edit));
            edited.apply(&mut world);
        }
        world.run_to_end();
    }
}

/// A paced source of 10 ms, a filter that takes `takes`, a sink.
fn chain(takes: Duration) -> Sketch {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 40, ..Act::default() });
    sketch.topology.nodes[source].pace = Pace::ByPts;
    let filter = sketch.node(Role::Filter, Act { takes, ..Act::default() });
    let sink = sketch.node(Role::Sink, Act::default());
    sketch.link(source, filter, WhenFull::DropOldest, Join::Each).capacity = 1;
    sketch.link(filter, sink, WhenFull::DropOldest, Join::Each).capacity = 1;
    sketch
}

fn changed(sketch: &Sketch, world: &mut World, edit: impl FnOnce(&mut Edited)) {
    let mut edited = Edited::new(sketch.clone());
    edit(&mut edited);
    edited.apply(world);
}

#[test]
fn a_filter_that_is_replaced_in_the_middle_of_a_turn_costs_no_item() {
    for at in 100..110 {
        let sketch = chain(MS * 6);
        let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), 2);
        world.run_until(MS * at);
        changed(&sketch, &mut world, |edited| edited.replace(1));
        world.run_to_end();
        assert_eq!(world.traces[2].taken.len(), 40, "changed at {at} ms");
        assert_eq!(world.traces[1].finished, 1, "the old filter finished");
        assert!(world.traces[3].taken.len() > 20, "the new filter works");
    }
}

#[test]
fn a_sink_that_is_removed_takes_what_waits_and_finishes() {
    let mut sketch = chain(MS);
    let sink = sketch.node(Role::Sink, Act { takes: MS * 25, ..Act::default() });
    sketch.link(1, sink, WhenFull::DropOldest, Join::Each).capacity = 4;
    let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), 2);
    world.run_until(MS * 200);
    let waiting = world.scheduler.link_tally(LinkId(2)).waiting;
    let taken = world.traces[sink].taken.len();
    assert_eq!(waiting, 4, "the case needs a full queue");
    changed(&sketch, &mut world, |edited| edited.remove(sink));
    world.run_to_end();
    assert_eq!(world.traces[sink].finished, 1);
    assert_eq!(world.traces[sink].taken.len(), taken + 4);
    assert_eq!(world.traces[2].taken.len(), 40, "the other sink did not notice");
}

#[test]
fn a_source_that_nobody_needs_after_a_change_stops() {
    let sketch = chain(MS);
    let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), 2);
    world.run_until(MS * 100);
    changed(&sketch, &mut world, |edited| edited.replace(0));
    world.run_until(MS * 130);
    assert!(world.scheduler.has_ended(NodeId(0)));
    assert!(!world.scheduler.has_ended(NodeId(1)), "who is fed by another one goes on");
    world.run_to_end();
}

#[test]
fn who_joins_a_stream_in_its_middle_begins_at_a_keyframe_and_asks_for_it() {
    let mut sketch = chain(MS);
    sketch.acts[1].answers = Handled::Here;
    let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), 2);
    world.run_until(MS * 112);
    changed(&sketch, &mut world, |edited| {
        edited.tap(1, Act::default());
        edited.sketch.topology.links[2].format = Sketch::ENCODED;
    });
    world.run_to_end();
    assert_eq!(world.traces[1].heard, [Wish::Keyframe]);
    // Every fifth unit of these tests is one.
    let first = world.traces[3].taken[0][0].unwrap() / 10_000_000;
    assert_eq!((first - 1) % 5, 4, "it began at {first}");
    assert!(world.scheduler.link_tally(LinkId(2)).dropped(Reason::Resync) > 0);
}

#[test]
fn a_new_sink_wakes_what_slept_and_a_new_node_below_it_learns_that_nobody_watches() {
    let mut sketch = chain(MS);
    sketch.acts[0].answers = Handled::Here;
    let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), 2);
    world.run_until(MS * 50);
    world.tell(Event::Wished { node: NodeId(2), wish: Wish::Sleep });
    world.run_until(MS * 60);
    assert!(world.is_asleep(0));
    let mut edited = Edited::new(sketch);
    edited.replace(1);
    edited.apply(&mut world);
    world.run_until(MS * 80);
    assert!(world.is_asleep(0), "the new filter was told, and told the source");
    edited.tap(0, Act::default());
    edited.apply(&mut world);
    world.run_until(MS * 100);
    assert!(!world.is_asleep(0));
    assert!(!world.traces[4].taken.is_empty());
}

#[test]
fn a_wish_of_a_node_that_is_still_to_come_is_heard_when_it_has() {
    let sketch = chain(MS);
    let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), 2);
    world.run_until(MS * 50);
    let next = world.scheduler.next_node();
    world.tell(Event::Wished { node: next, wish: Wish::Keyframe });
    changed(&sketch, &mut world, |edited| edited.tap(1, Act::default()));
    world.run_until(MS * 60);
    assert_eq!(world.traces[0].heard, [Wish::Keyframe]);
}

#[test]
fn a_change_of_a_graph_that_is_being_stopped_does_not_set_it_going_again() {
    let sketch = chain(MS);
    let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), 2);
    world.run_until(MS * 50);
    world.tell(Event::Stop);
    changed(&sketch, &mut world, |edited| edited.replace(0));
    world.run_to_end();
    assert!(world.now < MS * 200, "ended at {:?}", world.now);
    assert_eq!(world.traces[3].taken.len(), 0);
}

#[test]
fn a_node_that_fails_in_the_middle_of_a_change_over_ends_as_ever() {
    let mut sketch = chain(MS * 6);
    sketch.acts[2].fails = Fails::At(10, Then::StopNode);
    let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), 2);
    world.run_until(MS * 97);
    changed(&sketch, &mut world, |edited| edited.replace(1));
    world.run_to_end();
    assert!(world.now < MS * 300, "ended at {:?}", world.now);
}
