//! Who may rest while nobody watches, in virtual time: a source only when every branch lets it.

use std::time::Duration;

use framegate::graph::plan::{Clock, LinkId, NodeId};
use framegate::node::{Handled, Join, Role, WhenFull, Wish, Work};
use framegate::schedule::{Event, Reason};
use proptest::prelude::*;

use crate::graphs::{Failures, Sketch, drawn};
use crate::world::{Act, World};
use crate::{MS, slow, world};

/// A camera that never ends and can sleep.
fn camera() -> Act {
    Act { count: u64::MAX, interval: MS * 33, answers: Handled::Here, ..Act::default() }
}

/// camera → left → relay, camera → right → recording; by index in that order.
fn forked() -> World {
    let mut sketch = Sketch::new(Clock::Live);
    let camera = sketch.node(Role::Source, camera());
    for _ in 0..2 {
        let branch = sketch.node(Role::Filter, slow(2));
        let sink = sketch.node(Role::Sink, slow(0));
        sketch.link(camera, branch, WhenFull::DropOldest, Join::Each);
        sketch.link(branch, sink, WhenFull::DropOldest, Join::Each);
    }
    world(sketch, 2)
}

const CAMERA: usize = 0;
const LEFT: usize = 1;
const RELAY: usize = 2;
const RECORDING: usize = 4;

fn wish(world: &mut World, sink: usize, wish: Wish) {
    world.tell(Event::Wished { node: NodeId(sink), wish });
}

fn turns(world: &World, node: usize) -> u64 {
    world.scheduler.node_tally(NodeId(node)).turns
}

fn let_pass(world: &mut World, time: Duration) {
    world.run_until(world.now + time);
}

#[test]
fn a_branch_that_nobody_watches_costs_no_turn_and_the_other_misses_nothing() {
    let mut world = forked();
    let_pass(&mut world, MS * 100);
    wish(&mut world, RELAY, Wish::Sleep);
    let_pass(&mut world, MS * 20);
    let (left, recorded) = (turns(&world, LEFT), turns(&world, RECORDING));
    let_pass(&mut world, MS * 500);
    assert_eq!(turns(&world, LEFT), left);
    assert!(turns(&world, RECORDING) > recorded + 10);
    assert!(!world.is_asleep(CAMERA), "the recording needs it");
    let passed_over = world.scheduler.link_tally(LinkId(0)).dropped(Reason::Asleep);
    assert!(passed_over > 10, "{passed_over}");
    wish(&mut world, RELAY, Wish::Wake);
    let_pass(&mut world, MS * 100);
    assert!(turns(&world, LEFT) > left);
}

#[test]
fn a_source_sleeps_once_every_branch_lets_it_and_wakes_for_the_first_that_does_not() {
    let mut world = forked();
    let_pass(&mut world, MS * 100);
    wish(&mut world, RELAY, Wish::Sleep);
    wish(&mut world, RECORDING, Wish::Sleep);
    let_pass(&mut world, MS * 50);
    let given = turns(&world, CAMERA);
    let_pass(&mut world, MS * 10_000);
    assert_eq!(turns(&world, CAMERA), given);
    assert_eq!(world.scheduler.next_alarm(), None, "nobody looks at the clock meanwhile");
    wish(&mut world, RELAY, Wish::Wake);
    let relayed = turns(&world, RELAY);
    let_pass(&mut world, MS * 500);
    assert!(turns(&world, CAMERA) > given + 10);
    assert!(turns(&world, RELAY) > relayed + 10);
    assert_eq!(world.traces[CAMERA].heard, [Wish::Sleep, Wish::Wake], "each wish is heard once");
}

#[test]
fn a_source_that_sleeps_can_be_stopped() {
    for work in [Work::Compute, Work::Device] {
        let mut sketch = Sketch::new(Clock::Live);
        let source = sketch.node(Role::Source, camera());
        sketch.topology.nodes[source].work = work;
        let sink = sketch.node(Role::Sink, slow(0));
        sketch.link(source, sink, WhenFull::DropOldest, Join::Each);
        let mut world = world(sketch, 1);
        wish(&mut world, sink, Wish::Sleep);
        let_pass(&mut world, MS * 100);
        assert!(world.is_asleep(source));
        world.tell(Event::Stop);
        world.run_to_end();
        assert_eq!(world.traces[sink].finished, 1);
    }
}

#[test]
fn a_source_that_cannot_sleep_is_asked_on_and_what_it_gives_is_passed_over() {
    let mut sketch = Sketch::new(Clock::Live);
    let source = sketch.node(Role::Source, Act { answers: Handled::PassOn, ..camera() });
    let filter = sketch.node(Role::Filter, slow(2));
    let sink = sketch.node(Role::Sink, slow(0));
    sketch.link(source, filter, WhenFull::DropOldest, Join::Each);
    sketch.link(filter, sink, WhenFull::DropOldest, Join::Each);
    let mut world = world(sketch, 2);
    wish(&mut world, sink, Wish::Sleep);
    let_pass(&mut world, MS * 20);
    let (asked, filtered) = (turns(&world, source), turns(&world, filter));
    let_pass(&mut world, MS * 500);
    assert!(turns(&world, source) > asked + 10);
    assert_eq!(turns(&world, filter), filtered);
}

#[test]
fn when_the_branch_that_needed_it_ends_a_source_may_sleep() {
    let mut world = forked();
    wish(&mut world, RELAY, Wish::Sleep);
    let_pass(&mut world, MS * 100);
    assert!(!world.is_asleep(CAMERA));
    wish(&mut world, RECORDING, Wish::Stop);
    let_pass(&mut world, MS * 100);
    assert!(world.is_asleep(CAMERA));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn however_wishes_cross_a_source_rests_exactly_when_all_that_it_reaches_want_it(
        graph in drawn(Failures::OnlySkips),
        wishes in prop::collection::vec((any::<prop::sample::Index>(), 0u64..300, any::<bool>()), 1..24),
    ) {
        let mut sketch = graph.sketch(Clock::Live);
        for (shape, act) in sketch.topology.nodes.iter().zip(&mut sketch.acts) {
            act.answers = Handled::PassOn;
            // Time must pass while a source that never ends gives items.
            act.takes = act.takes.max(MS);
            if shape.role == Role::Source {
                (act.count, act.answers) = (u64::MAX, Handled::Here);
            }
        }
        // Enough workers that nobody starves: sources come last, and here they never end.
        let mut world = world(sketch, 16);
        let sinks: Vec<usize> = world.sinks().collect();
        let mut wishes: Vec<_> =
            wishes.into_iter().map(|(sink, at, sleep)| (at, sinks[sink.index(sinks.len())], sleep)).collect();
        wishes.sort_unstable();
        for (at, sink, sleep) in &wishes {
            world.run_until(MS * *at as u32);
            wish(&mut world, *sink, if *sleep { Wish::Sleep } else { Wish::Wake });
        }
        let_pass(&mut world, MS * 2_000);
        let before: Vec<u64> = (0..world.traces.len()).map(|node| turns(&world, node)).collect();
        let_pass(&mut world, MS * 500);
        let sleeps = |sink: &usize| wishes.iter().rfind(|(_, of, _)| of == sink).is_some_and(|(.., sleep)| *sleep);
        for source in world.sources() {
            let below = world.sinks_below(source);
            // One that feeds nothing has long been told to stop.
            if below.is_empty() {
                continue;
            }
            prop_assert_eq!(world.is_asleep(source), below.iter().all(sleeps), "source {}", source);
            if world.is_asleep(source) {
                prop_assert_eq!(turns(&world, source), before[source]);
            }
        }
        world.tell(Event::Stop);
        world.run_to_end();
    }
}
