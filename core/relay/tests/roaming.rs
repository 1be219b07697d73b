//! Viewers whose network changes while they watch: ICE is restarted, and the session goes on.

use std::time::Duration;

use super::scenarios::shown;
use super::watcher::Boxes;
use super::world::World;
use crate::relay::fanout::{Ended, How};
use crate::relay::peer::Why;

const SECOND: Duration = Duration::from_secs(1);
/// Of a session that nobody answers.
const OF_NOBODY: &str = "a=ice-ufrag:nobody\r\na=ice-pwd:of-twenty-two-characters\r\na=mid:0\r\n";

fn watched(seed: u64) -> (World, usize) {
    let mut world = World::new(seed);
    world.play(1);
    let index = world.join(Boxes::Wanted);
    world.play(60);
    assert!(shown(&world.watchers[index]).len() > 30);
    (world, index)
}

/// That the watcher has seen every picture from its first to within a few of the last.
fn assert_nothing_is_missing(world: &mut World, index: usize, least: usize) {
    let shown = shown(&world.watchers[index]);
    assert!(shown.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "{shown:?}");
    assert!(shown.len() >= least, "{} of {least}", shown.len());
    assert_eq!(world.fanout.snapshot(world.now)[0].viewers, 1);
    assert_eq!(world.ended, []);
}

#[test]
fn a_viewer_that_changes_its_network_keeps_its_session_and_misses_nothing() {
    let (mut world, index) = watched(1);
    let roamed = world.now;
    world.roam(index);
    world.play(90);
    let missed = &world.missed;
    let (first, last) = (missed.first().unwrap(), missed.last().unwrap());
    assert!(*first < roamed + Duration::from_millis(50), "the old way is used while there is no other");
    assert!(*last < roamed + SECOND / 2, "and not after: {:?}", *last - roamed);
    // Longer than any patience with the old way, of which the stack still believes that it is there.
    world.play(900);
    assert_nothing_is_missing(&mut world, index, 1000);
    let told = world.watchers[index].messages.len();
    assert!(told > 1000, "detections go the new way too: {told}");
}

#[test]
fn it_may_change_again_and_its_end_is_noticed_wherever_it_is() {
    let (mut world, index) = watched(2);
    for _ in 0..3 {
        world.roam(index);
        world.play(60);
    }
    assert_nothing_is_missing(&mut world, index, 200);
    world.watchers[index].alive = false;
    world.pass(10 * SECOND);
    assert_eq!(world.ended, [Ended { session: index.to_string(), how: How::By(Why::Lost) }]);
    assert!(world.fanout.tables().iter().all(|(_, entries)| *entries == 0), "{:?}", world.fanout.tables());
}

#[test]
fn a_goodbye_is_heard_and_said_on_the_new_way() {
    for leaves in [true, false] {
        let (mut world, index) = watched(3);
        world.roam(index);
        world.play(30);
        match leaves {
            true => world.watchers[index].end.leave(),
            false => world.fanout.close(&index.to_string()),
        }
        world.pass(SECOND / 10);
        let how = if leaves { How::By(Why::Left) } else { How::Closed };
        assert_eq!(world.ended, [Ended { session: index.to_string(), how }]);
        assert!(leaves || world.watchers[index].was_told_goodbye());
    }
}

#[test]
fn a_restart_that_leads_nowhere_changes_nothing() {
    let (mut world, index) = watched(4);
    for _ in 0..3 {
        world.restart(index, OF_NOBODY);
        world.play(30);
    }
    let fragments =
        |world: &World| world.fanout.tables().iter().find(|(table, _)| *table == "fragments").unwrap().1;
    assert_eq!(fragments(&world), 2, "of several searches the last goes on");
    world.play(400);
    assert_eq!(fragments(&world), 1, "and is given up");
    assert_nothing_is_missing(&mut world, index, 500);
    assert!(world.missed.is_empty());
}

#[test]
fn while_a_way_is_sought_in_vain_a_viewer_that_vanished_is_gone_as_soon_as_ever() {
    let (mut world, index) = watched(5);
    world.watchers[index].alive = false;
    for _ in 0..10 {
        world.restart(index, OF_NOBODY);
        world.pass(SECOND);
    }
    assert_eq!(world.ended, [Ended { session: index.to_string(), how: How::By(Why::Lost) }]);
}
