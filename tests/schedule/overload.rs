//! More work than there are cores for.

use std::time::Duration;

use framegate::graph::plan::{Clock, LinkId};
use framegate::node::{Join, Pace, Role, WhenFull, Work};
use framegate::schedule::Reason;

use crate::graphs::Sketch;
use crate::world::{Act, World};

const MS: Duration = Duration::from_millis(1);

/// Cameras of 30 pictures a second; each feeds a chain of filters that take so many milliseconds, and a sink.
fn cameras(count: usize, filters: &[u32]) -> Sketch {
    let mut sketch = Sketch::new(Clock::Live);
    for _ in 0..count {
        let act = Act { takes: Duration::ZERO, interval: MS * 33, count: 10_000_000, ..Act::default() };
        let mut last = sketch.node(Role::Source, act);
        sketch.topology.nodes[last].pace = Pace::ByPts;
        sketch.topology.nodes[last].work = Work::Device;
        for takes in filters {
            let filter = sketch.node(Role::Filter, Act { takes: MS * *takes, ..Act::default() });
            sketch.link(last, filter, WhenFull::DropOldest, Join::Each).capacity = 1;
            last = filter;
        }
        let sink = sketch.node(Role::Sink, Act { takes: Duration::ZERO, ..Act::default() });
        sketch.link(last, sink, WhenFull::DropOldest, Join::Each).capacity = 1;
    }
    sketch
}

/// Ten minutes, in steps that a world can take.
fn ten_minutes(sketch: &Sketch, workers: usize) -> World {
    let mut world = World::new(sketch.topology.clone(), sketch.acts.clone(), workers);
    for step in 1..=200 {
        world.run_until(Duration::from_secs(3 * step));
    }
    world
}

/// For each camera, what was lost of it: at the entrance, and further in.
fn lost(sketch: &Sketch, world: &World) -> (Vec<u64>, u64) {
    let (mut entrances, mut inside) = (vec![], 0);
    for (index, link) in sketch.topology.links.iter().enumerate() {
        let lost = world.scheduler.link_tally(LinkId(index)).lost();
        match sketch.topology.nodes[link.from.0].role {
            Role::Source => entrances.push(lost),
            Role::Filter | Role::Sink => inside += lost,
        }
    }
    (entrances, inside)
}

/// The longest that an item of `sink` was under way, among those of one minute.
fn worst(world: &World, sink: usize, minute: usize) -> Duration {
    let late = &world.traces[sink].late;
    let share = late.len() / 10;
    late[minute * share..(minute + 1) * share].iter().copied().max().unwrap_or_default()
}

#[test]
fn work_for_three_cores_on_two_is_shed_at_the_entrances_alike_and_latency_stays_flat() {
    for filters in [&[34][..], &[14, 20], &[8, 11, 15]] {
        let sketch = cameras(3, filters);
        let world = ten_minutes(&sketch, 2);
        let (entrances, inside) = lost(&sketch, &world);
        assert_eq!(inside, 0, "nothing was spent on what was lost: {filters:?}");
        let (least, most) = (entrances.iter().min().unwrap(), entrances.iter().max().unwrap());
        assert!(*least > 5500 && most - least < 180, "a third of each, 18181 pictures: {entrances:?}");
        for sink in world.sinks() {
            let (first, last) = (worst(&world, sink, 0), worst(&world, sink, 9));
            // It waits for one picture's work, is worked on, and may meet others' work at each step.
            assert!(last <= first + MS && first < MS * 33 * 4, "{filters:?}: {first:?}, then {last:?}");
        }
    }
}

#[test]
fn the_ledger_tells_a_lack_of_cores_from_a_node_that_is_too_slow() {
    let reasons = |sketch: &Sketch, workers| {
        let world = ten_minutes(sketch, workers);
        (world.lost(Reason::Overload), world.lost(Reason::Full))
    };
    let (overload, full) = reasons(&cameras(3, &[34]), 2);
    // A picture that comes while its camera's turn is a little late is the node's own fault.
    assert!(overload > 17_000 && full < overload / 20, "{overload}, {full}");
    let (overload, full) = reasons(&cameras(1, &[50]), 2);
    // Nor is it a lack of cores but for the instant in which the node is between two turns.
    assert!(full > 5_000 && overload < full / 10, "{overload}, {full}");
}

#[test]
fn outputs_degrade_in_the_order_of_their_priority() {
    // Two of three fit: whichever two matter more keep their pace, and the last gets what is left.
    for priorities in [[9, 5, 1], [1, 9, 5], [5, 1, 9]] {
        let mut sketch = cameras(3, &[10, 10, 5]);
        let sinks: Vec<usize> =
            (0..sketch.acts.len()).filter(|index| sketch.topology.nodes[*index].role == Role::Sink).collect();
        for (sink, priority) in sinks.iter().zip(priorities) {
            sketch.topology.nodes[*sink].priority = priority;
        }
        let (entrances, inside) = lost(&sketch, &ten_minutes(&sketch, 2));
        let lost_by = |priority| entrances[priorities.iter().position(|p| *p == priority).unwrap()];
        assert_eq!((lost_by(9), inside), (0, 0), "{priorities:?}: {entrances:?}");
        assert!(lost_by(5) < 200 && lost_by(1) > 4_000, "{priorities:?}: {entrances:?}");
    }
}

#[test]
fn a_source_on_a_worker_gets_its_turn_before_what_matters_less() {
    let mut sketch = cameras(2, &[33, 33]);
    // The first is made by the workers themselves.
    sketch.topology.nodes[0].work = Work::Compute;
    sketch.topology.nodes[3].priority = 9;
    let world = ten_minutes(&sketch, 2);
    let (entrances, _) = lost(&sketch, &world);
    assert!(world.traces[3].taken.len() > 18_000, "it lost {entrances:?}");
}

#[test]
fn what_feeds_two_outputs_matters_as_much_as_the_more_important() {
    // One camera, one filter, an output that matters and one behind a filter that is too much.
    let mut sketch = cameras(1, &[20]);
    let heavy = sketch.node(Role::Filter, Act { takes: MS * 90, ..Act::default() });
    let aside = sketch.node(Role::Sink, Act { takes: Duration::ZERO, ..Act::default() });
    sketch.link(1, heavy, WhenFull::DropOldest, Join::Each).capacity = 1;
    sketch.link(heavy, aside, WhenFull::DropOldest, Join::Each).capacity = 1;
    sketch.topology.nodes[2].priority = 9;
    let world = ten_minutes(&sketch, 2);
    assert!(world.traces[2].taken.len() > 18_000, "{}", world.traces[2].taken.len());
    assert!(world.traces[aside].taken.len() > 5_000, "{}", world.traces[aside].taken.len());
}
