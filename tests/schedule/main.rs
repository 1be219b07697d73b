//! The scheduler in virtual time: properties over random graphs, and the promises one by one.

mod change;
mod demand;
mod graphs;
mod overload;
mod world;

use std::time::Duration;

use framegate::graph::plan::{Clock, LinkId, NodeId};
use framegate::node::{Handled, Join, Pace, Role, Then, WhenFull, Wish};
use framegate::schedule::{Event, Reason};
use proptest::prelude::*;

use graphs::{Failures, Sketch, drawn};
use world::{Act, Fails, Gives, World};

const MS: Duration = Duration::from_millis(1);

fn world(sketch: Sketch, workers: usize) -> World {
    World::new(sketch.topology, sketch.acts, workers)
}

// The world itself asserts, after every step: no turn while in a turn, no more than N at once, PTS
// that rise, queues within their bounds, exact tallies; and that it comes to an end.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_live_graph_ends_with_every_item_accounted_for(
        graph in drawn(Failures::All), workers in 1usize..5,
    ) {
        world(graph.sketch(Clock::Live), workers).run_to_end();
    }

    #[test]
    fn an_offline_graph_loses_nothing_to_full_links(graph in drawn(Failures::OnlySkips), workers in 1usize..5) {
        let mut world = world(graph.sketch(Clock::Offline), workers);
        world.run_to_end();
        // A joining link whose driving item does not come for more items than it may grow by is the
        // one exception: bounded memory goes before a partner.
        for link in world.driving_links() {
            let tally = world.scheduler.link_tally(link);
            prop_assert_eq!((tally.dropped(Reason::Full), tally.dropped(Reason::Overload)), (0, 0));
        }
        prop_assert_eq!(world.lost(Reason::Resync), 0);
        // A filter is stopped early when nobody needs what it gives; a sink never is.
        for link in world.links_into_sinks() {
            prop_assert_eq!(world.scheduler.link_tally(link).dropped(Reason::Stopped), 0);
        }
        for node in world.takers() {
            prop_assert_eq!(world.traces[node].finished, 1);
        }
    }

    #[test]
    fn an_offline_graph_ends_though_nodes_fail(graph in drawn(Failures::All), workers in 1usize..5) {
        world(graph.sketch(Clock::Offline), workers).run_to_end();
    }

    #[test]
    fn offline_every_sink_takes_the_same_for_any_number_of_workers(graph in drawn(Failures::OnlySkips)) {
        let taken = |workers| {
            let mut world = world(graph.sketch(Clock::Offline), workers);
            world.run_to_end();
            world.sinks().map(|sink| world.traces[sink].taken.clone()).collect::<Vec<_>>()
        };
        let alone = taken(1);
        prop_assert_eq!(&alone, &taken(2));
        prop_assert_eq!(&alone, &taken(4));
    }

    #[test]
    fn a_stopped_graph_ends_in_two_seconds_and_every_node_finishes(
        graph in drawn(Failures::OnlySkips), live in any::<bool>(), workers in 1usize..5, at in 0u64..400,
    ) {
        let clock = if live { Clock::Live } else { Clock::Offline };
        let mut world = world(graph.sketch(clock), workers);
        world.run_until(MS * at as u32);
        let stopped = world.now;
        world.tell(Event::Stop);
        world.run_to_end();
        // One and a half seconds of draining, and then each node's current turn and its finish.
        prop_assert!(world.now <= stopped + MS * 1500 + MS * 40 * 2 * 12, "took {:?}", world.now - stopped);
        for node in world.takers() {
            prop_assert_eq!(world.traces[node].finished, 1);
        }
    }

    #[test]
    fn wishes_reach_each_node_at_most_once_a_wish(
        graph in drawn(Failures::OnlySkips), wishes in prop::collection::vec((any::<prop::sample::Index>(), 0u64..300), 1..5),
    ) {
        let mut world = world(graph.sketch(Clock::Offline), 2);
        let mut wishes: Vec<_> = wishes.into_iter().map(|(node, at)| (at, node.index(world.traces.len()))).collect();
        wishes.sort_unstable();
        for (at, node) in &wishes {
            world.run_until(MS * *at as u32);
            world.tell(Event::Wished { node: NodeId(*node), wish: Wish::Keyframe });
        }
        world.run_to_end();
        for trace in &world.traces {
            prop_assert!(trace.heard.iter().filter(|wish| **wish == Wish::Keyframe).count() <= wishes.len());
        }
    }
}

fn slow(ms: u32) -> Act {
    Act { takes: MS * ms, ..Act::default() }
}

/// PTS in milliseconds that input `port` of `node` took, turn by turn.
fn taken(world: &World, node: usize, port: usize) -> Vec<Option<i64>> {
    world.traces[node].taken.iter().map(|turn| turn[port].map(|pts| pts / 1_000_000)).collect()
}

#[test]
fn a_slow_sink_with_drop_oldest_does_not_slow_the_other() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 100, ..Act::default() });
    sketch.topology.nodes[source].pace = Pace::ByPts;
    let (fast, sluggish) = (sketch.node(Role::Sink, slow(1)), sketch.node(Role::Sink, slow(95)));
    sketch.link(source, fast, WhenFull::DropOldest, Join::Each);
    sketch.link(source, sluggish, WhenFull::DropOldest, Join::Each);
    let mut world = world(sketch, 2);
    world.run_to_end();
    assert_eq!(world.traces[fast].taken.len(), 100);
    let lost = world.scheduler.link_tally(LinkId(1)).dropped(Reason::Full);
    assert!(lost > 80, "the slow sink lost only {lost}");
}

#[test]
fn a_paced_source_gives_each_item_when_it_is_due() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 50, ..Act::default() });
    sketch.topology.nodes[source].pace = Pace::ByPts;
    let sink = sketch.node(Role::Sink, slow(0));
    sketch.link(source, sink, WhenFull::DropOldest, Join::Each);
    let mut world = world(sketch, 1);
    world.run_to_end();
    assert_eq!(world.traces[sink].taken.len(), 50);
    // The first is due when it is made, at 1 ms; the last 490 ms later; then a turn finds the end.
    assert_eq!(world.traces[sink].finished_at, Some(MS * 492));
}

#[test]
fn a_block_anywhere_below_a_fork_holds_its_source() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 100, ..Act::default() });
    let (fast, sluggish) = (sketch.node(Role::Sink, slow(1)), sketch.node(Role::Sink, slow(20)));
    sketch.link(source, fast, WhenFull::Block, Join::Each);
    sketch.link(source, sluggish, WhenFull::Block, Join::Each);
    let mut world = world(sketch, 2);
    world.run_until(MS * 200);
    // Ten turns of the slow sink, one in its turn, two that wait, and one in the source's hands.
    let offered = world.scheduler.link_tally(LinkId(0)).offered;
    assert!(offered <= 13, "{offered} items went past a sink that took ten");
    world.run_to_end();
    assert_eq!(world.traces[sluggish].taken.len(), 100);
}

#[test]
fn an_item_near_the_outputs_goes_before_a_new_one() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 10, ..Act::default() });
    let filter = sketch.node(Role::Filter, slow(1));
    let sink = sketch.node(Role::Sink, slow(1));
    sketch.link(source, filter, WhenFull::Block, Join::Each);
    sketch.link(filter, sink, WhenFull::Block, Join::Each);
    let mut world = world(sketch, 1);
    for ms in 0..40 {
        world.run_until(MS * ms);
        let waiting: u64 = (0..2).map(|link| world.scheduler.link_tally(LinkId(link)).waiting).sum();
        assert!(waiting <= 1, "a new item was made while {waiting} waited");
    }
}

#[test]
fn a_slow_detector_is_joined_as_latest_without_holding_anybody_up() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 30, ..Act::default() });
    sketch.topology.nodes[source].pace = Pace::ByPts;
    let detector = sketch.node(Role::Filter, slow(45));
    let sink = sketch.node(Role::Sink, slow(0));
    sketch.link(source, detector, WhenFull::DropOldest, Join::Each).capacity = 1;
    sketch.link(source, sink, WhenFull::DropOldest, Join::Each);
    sketch.link(detector, sink, WhenFull::DropOldest, Join::Latest);
    let mut world = world(sketch, 2);
    world.run_to_end();
    assert_eq!(world.traces[sink].taken.len(), 30);
    let boxes = taken(&world, sink, 1);
    assert_eq!(boxes[0], None, "nothing had been found yet");
    assert!(boxes[6..].iter().all(Option::is_some), "the newest is used until there is a newer one");
}

/// source → filter (same_pts partner) and source → sink; the filter as `act` has it.
fn diamond(clock: Clock, act: Act, when_full: WhenFull) -> World {
    let mut sketch = Sketch::new(clock);
    let source = sketch.node(Role::Source, Act { count: 12, ..Act::default() });
    sketch.topology.nodes[source].pace = Pace::ByPts;
    let filter = sketch.node(Role::Filter, act);
    let sink = sketch.node(Role::Sink, slow(0));
    sketch.link(source, filter, when_full, Join::Each).capacity = 1;
    sketch.link(source, sink, WhenFull::Block, Join::Each).capacity = 8;
    sketch.link(filter, sink, WhenFull::Block, Join::SamePts);
    let mut world = world(sketch, 2);
    world.run_to_end();
    world
}

#[test]
fn same_pts_joins_what_belongs_together() {
    let world = diamond(Clock::Live, slow(4), WhenFull::Block);
    assert_eq!(taken(&world, 2, 0), taken(&world, 2, 1));
    assert_eq!(world.traces[2].taken.len(), 12);
}

#[test]
fn same_pts_does_not_wait_for_an_item_that_was_lost_on_the_way() {
    let world = diamond(Clock::Live, slow(25), WhenFull::DropOldest);
    let (frames, partners) = (taken(&world, 2, 0), taken(&world, 2, 1));
    assert_eq!(frames.len(), 12);
    assert!(partners.iter().filter(|partner| partner.is_none()).count() >= 5);
    assert!(world.now < MS * 300, "it waited for lost items until {:?}", world.now);
}

#[test]
fn same_pts_does_not_wait_for_an_item_whose_turn_failed() {
    let world = diamond(Clock::Live, Act { fails: Fails::Skips(3), ..slow(1) }, WhenFull::Block);
    let missing = taken(&world, 2, 1).iter().filter(|partner| partner.is_none()).count();
    assert_eq!(missing, 4);
    assert!(world.now < MS * 300, "it waited for failed items until {:?}", world.now);
}

#[test]
fn same_pts_waits_no_longer_than_its_patience() {
    let never = Act { gives: Gives::Every(1000), ..slow(1) };
    let world = diamond(Clock::Live, never, WhenFull::Block);
    assert_eq!(taken(&world, 2, 1), [None; 12]);
    assert!(world.now >= MS * 500 && world.now < MS * 800, "ended at {:?}", world.now);
}

#[test]
fn offline_a_branch_that_holds_back_does_not_stop_the_graph() {
    let world = diamond(Clock::Offline, Act { gives: Gives::Behind(10), ..slow(1) }, WhenFull::Block);
    assert_eq!(taken(&world, 2, 0), taken(&world, 2, 1));
    assert_eq!(world.lost(Reason::Full), 0);
}

#[test]
fn a_keyframe_wish_from_a_full_link_reaches_the_encoder_and_stops_there() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 50, ..Act::default() });
    sketch.topology.nodes[source].pace = Pace::ByPts;
    let encoder = sketch.node(Role::Filter, Act { answers: Handled::Here, ..Act::default() });
    let sink = sketch.node(Role::Sink, slow(35));
    sketch.link(source, encoder, WhenFull::DropOldest, Join::Each);
    sketch.link(encoder, sink, WhenFull::ToKeyframe, Join::Each);
    let mut world = world(sketch, 2);
    world.run_to_end();
    assert!(world.traces[encoder].heard.contains(&Wish::Keyframe));
    assert_eq!(world.traces[source].heard, []);
}

#[test]
fn a_wish_through_two_branches_is_heard_once_at_their_source() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 50, ..Act::default() });
    sketch.topology.nodes[source].pace = Pace::ByPts;
    let (left, right) = (sketch.node(Role::Filter, slow(1)), sketch.node(Role::Filter, slow(7)));
    let sink = sketch.node(Role::Sink, slow(0));
    for branch in [left, right] {
        sketch.link(source, branch, WhenFull::DropOldest, Join::Each);
        sketch.link(branch, sink, WhenFull::DropOldest, Join::Each);
    }
    let mut world = world(sketch, 2);
    world.run_until(MS * 100);
    world.tell(Event::Wished { node: NodeId(sink), wish: Wish::Keyframe });
    world.run_to_end();
    assert_eq!(world.traces[source].heard, [Wish::Keyframe]);
}

#[test]
fn a_source_is_told_to_stop_when_the_last_that_took_from_it_is_gone() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 1_000_000, ..Act::default() });
    let fails = |turn| Act { fails: Fails::At(turn, Then::StopNode), ..Act::default() };
    let (first, second) = (sketch.node(Role::Sink, fails(3)), sketch.node(Role::Sink, fails(9)));
    sketch.link(source, first, WhenFull::Block, Join::Each);
    sketch.link(source, second, WhenFull::Block, Join::Each);
    let mut world = world(sketch, 2);
    world.run_to_end();
    assert_eq!(world.traces[source].heard, [Wish::Stop]);
    assert_eq!(world.traces[second].taken.len(), 9, "the other went on");
}

#[test]
fn a_failure_that_stops_the_graph_lets_every_other_node_finish() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 1_000_000, ..Act::default() });
    let failing = sketch.node(Role::Sink, Act { fails: Fails::At(5, Then::StopGraph), ..Act::default() });
    let other = sketch.node(Role::Sink, slow(2));
    sketch.link(source, failing, WhenFull::Block, Join::Each);
    sketch.link(source, other, WhenFull::Block, Join::Each);
    let mut world = world(sketch, 2);
    world.run_to_end();
    assert_eq!((world.traces[failing].finished, world.traces[other].finished), (0, 1));
}

#[test]
fn a_stop_drains_from_the_sources_down() {
    let mut sketch = Sketch::new(Clock::Offline);
    let source = sketch.node(Role::Source, Act { count: 1_000_000, ..Act::default() });
    let filter = sketch.node(Role::Filter, Act { gives: Gives::Behind(3), ..Act::default() });
    let sink = sketch.node(Role::Sink, slow(5));
    sketch.link(source, filter, WhenFull::Block, Join::Each);
    sketch.link(filter, sink, WhenFull::Block, Join::Each);
    let mut world = world(sketch, 2);
    world.run_until(MS * 100);
    world.tell(Event::Stop);
    world.run_to_end();
    assert!(world.traces[filter].finished_at < world.traces[sink].finished_at);
    assert_eq!(world.lost(Reason::Stopped), 0);
    let (took, got) = (world.traces[filter].taken.len(), world.traces[sink].taken.len());
    assert_eq!(took, got, "what the filter held back was drained too");
}

#[test]
fn an_aborted_graph_gives_out_nothing_more() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { count: 1_000_000, ..Act::default() });
    let sink = sketch.node(Role::Sink, slow(5));
    sketch.link(source, sink, WhenFull::Block, Join::Each);
    let mut world = world(sketch, 2);
    world.run_until(MS * 50);
    world.tell(Event::Abort);
    world.run_until(Duration::MAX);
    assert_eq!(world.traces[sink].finished, 0);
    assert!(world.scheduler.is_over());
}

#[test]
fn every_driving_input_starts_turns_of_its_own() {
    let mut sketch = Sketch::new(Clock::Offline);
    let left = sketch.node(Role::Source, Act { count: 3, ..Act::default() });
    let right = sketch.node(Role::Source, Act { count: 2, interval: MS * 15, ..Act::default() });
    let sink = sketch.node(Role::Sink, slow(1));
    sketch.link(left, sink, WhenFull::Block, Join::Each);
    sketch.link(right, sink, WhenFull::Block, Join::Each);
    let mut world = world(sketch, 2);
    world.run_to_end();
    let (left, right) = (taken(&world, sink, 0), taken(&world, sink, 1));
    assert_eq!(left, [Some(0), None, Some(10), None, Some(20)]);
    assert_eq!(right, [None, Some(0), None, Some(15), None]);
}
