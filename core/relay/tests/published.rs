//! What is published to us, from one relay to another over a network that loses and delays: access
//! units come whole, in order, and never after a hole.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::network::Way;
use super::world::{World, number};
use crate::relay::fanout::How;
use crate::relay::ingest::News;
use crate::relay::peer::Why;

const SECOND: Duration = Duration::from_secs(1);

fn published(seed: u64) -> World {
    let mut world = World::new(seed);
    world.publish();
    begun(world)
}

/// The same by a publisher of another make.
fn published_by_guest(seed: u64) -> World {
    let mut world = World::new(seed);
    world.publish_as_guest();
    begun(world)
}

fn begun(mut world: World) -> World {
    world.pass(SECOND);
    assert!(matches!(world.taker().news.try_recv(), Ok(News::Began)), "it is connected within a second");
    world
}

/// A picture that came, and was what was sent to the last byte.
struct Came {
    number: u64,
    keyframe: bool,
    elapsed: Duration,
}

fn pictures(world: &mut World) -> Vec<Came> {
    let came = |news| match news {
        News::Picture(picture) => Some(Came {
            number: number(&picture.bytes, &[1_500, 15_000]),
            keyframe: picture.keyframe,
            elapsed: picture.elapsed,
        }),
        News::Began | News::Ended(_) => None,
    };
    world.taker().news.try_iter().filter_map(came).collect()
}

/// Plays `count` pictures, a few at a time as the node would take them.
fn play(world: &mut World, count: usize) -> Vec<Came> {
    let mut all = vec![];
    for _ in 0..count {
        world.play(1);
        all.extend(pictures(world));
    }
    all
}

/// The numbers of `pictures`, each of which follows the one before it or is a keyframe.
fn sound(pictures: &[Came]) -> Vec<u64> {
    let numbers: Vec<u64> = pictures.iter().map(|picture| picture.number).collect();
    assert!(pictures.first().is_none_or(|first| first.keyframe), "it begins with a keyframe");
    for (pair, later) in numbers.windows(2).zip(&pictures[1..]) {
        assert!(pair[1] > pair[0], "{numbers:?}");
        assert!(pair[1] == pair[0] + 1 || later.keyframe, "{} follows {} in {numbers:?}", pair[1], pair[0]);
    }
    numbers
}

#[test]
fn every_picture_comes_whole_and_as_far_from_the_last_as_it_was_taken() {
    let mut world = published(1);
    let pictures = play(&mut world, 90);
    assert!(sound(&pictures).len() >= 89, "{} of 90", pictures.len());
    for pair in pictures.windows(2) {
        let apart = pair[1].elapsed - pair[0].elapsed;
        assert!((33_300_000..33_400_000).contains(&apart.as_nanos()), "{apart:?}");
    }
    for name in ["lost_packets", "packets_asked_again", "keyframes_asked"] {
        assert_eq!(world.taker().count(name), 0, "{name}");
    }
}

#[test]
fn what_overtook_each_other_is_put_in_order() {
    let mut world = published(2);
    play(&mut world, 2);
    world.hinder(Way { jitter: Duration::from_millis(60), ..Way::default() });
    let pictures = play(&mut world, 90);
    // The last ones are still under way.
    let numbers: Vec<u64> = pictures.iter().map(|picture| picture.number).collect();
    assert!(numbers.len() >= 85 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert_eq!(world.taker().count("lost_packets"), 0);
}

#[test]
fn what_is_lost_is_asked_for_again_and_a_hole_is_never_given() {
    let (mut repaired, mut given) = (0, 0);
    for seed in 0..8 {
        let mut world = published(seed);
        world.hinder(Way { loss: 0.1, jitter: Duration::from_millis(10), ..Way::default() });
        let pictures = play(&mut world, 150);
        given += sound(&pictures).len();
        repaired += world.taker().count("packets_asked_again");
    }
    assert!(repaired > 100, "{repaired} packets were asked for again");
    assert!(given > 8 * 150 * 9 / 10, "{given} of {} pictures came", 8 * 150);
}

#[test]
fn after_an_outage_it_goes_on_with_a_keyframe_that_was_asked_for() {
    let mut world = published(3);
    let mut all = play(&mut world, 30);
    let asked = world.wishes.load(Ordering::Relaxed);
    world.network.loss = 1.0;
    // More than is asked for again, or could be sent again.
    for _ in 0..60 {
        world.picture(15_000);
        world.pass(SECOND / 30);
    }
    world.network.loss = 0.0;
    let after = play(&mut world, 60);
    assert!(after.len() >= 45, "{} of 60 after the outage", after.len());
    all.extend(after);
    sound(&all);
    let asked = world.wishes.load(Ordering::Relaxed) - asked;
    assert!((1..=3).contains(&asked), "{asked} keyframes were asked for");
    assert!(world.taker().count("keyframes_asked") >= 1);
}

#[test]
fn a_keyframe_that_the_graph_needs_is_asked_for_once() {
    let mut world = published(4);
    play(&mut world, 30);
    let now = world.now;
    (0..5).for_each(|_| world.taker().need_keyframe(now));
    let pictures = play(&mut world, 30);
    assert_eq!(pictures.iter().filter(|picture| picture.keyframe).count(), 1);
    assert_eq!(world.taker().count("keyframes_asked"), 1);
}

#[test]
fn a_publisher_that_vanishes_is_gone_within_ten_seconds() {
    let mut world = published(5);
    play(&mut world, 30);
    world.network.loss = 1.0;
    world.pass(10 * SECOND);
    let ended: Vec<How> = world.taker().ended.iter().map(|ended| ended.how).collect();
    assert_eq!(ended, [How::By(Why::Lost)]);
    let told = world.taker().news.try_iter().any(|news| matches!(news, News::Ended(How::By(Why::Lost))));
    assert!(told, "the node hears of it");
    assert_eq!(world.taker().fanout.deadline(), None, "nothing of it is left");
}

#[test]
fn one_that_says_goodbye_is_gone_at_once() {
    let mut world = published(6);
    play(&mut world, 10);
    world.fanout.end_all();
    world.pass(SECOND / 10);
    assert!(world.taker().news.try_iter().any(|news| matches!(news, News::Ended(How::By(Why::Left)))));
}

#[test]
fn one_that_sends_b_pictures_is_sent_off() {
    let mut world = published(8);
    play(&mut world, 10);
    world.b_pictures = true;
    world.play(3);
    assert!(world.taker().news.try_iter().any(|news| matches!(news, News::Ended(How::Closed))));
    assert_eq!(world.taker().fanout.deadline(), None, "nothing of it is left");
}

#[test]
fn a_node_that_takes_nothing_loses_up_to_the_next_keyframe_and_no_memory() {
    let mut world = published(7);
    world.play(200);
    let waiting = pictures(&mut world);
    assert!((32..=64).contains(&waiting.len()), "{} wait", waiting.len());
    assert!(world.taker().count("dropped") > 0);
    let mut all = waiting;
    all.extend(play(&mut world, 60));
    sound(&all);
}

#[test]
fn one_that_changes_its_network_keeps_its_session_and_nothing_of_it_is_missing() {
    let mut world = published_by_guest(9);
    let mut all = play(&mut world, 30);
    for _ in 0..3 {
        let roamed = world.now;
        world.roam_as_guest();
        all.extend(play(&mut world, 60));
        let late = world.missed.iter().filter(|at| **at > roamed + SECOND / 2).count();
        assert_eq!(late, 0, "the old way is used no longer than it takes to find the new one");
        world.missed.clear();
    }
    // Longer than any patience with the first way, of which the stack still believes that it is there.
    all.extend(play(&mut world, 600));
    let numbers = sound(&all);
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert!(numbers.len() >= 808, "{} of 810", numbers.len());
    assert_eq!((world.taker().count("keyframes_asked"), world.taker().count("lost_packets")), (0, 0));
    assert_eq!(world.taker().ended, []);
}

#[test]
fn its_end_is_noticed_wherever_it_is() {
    let mut world = published_by_guest(10);
    play(&mut world, 30);
    world.roam_as_guest();
    play(&mut world, 30);
    world.lose_guest();
    world.pass(10 * SECOND);
    let ended: Vec<How> = world.taker().ended.iter().map(|ended| ended.how).collect();
    assert_eq!(ended, [How::By(Why::Lost)]);
    assert_eq!(world.taker().fanout.deadline(), None, "nothing of it is left");
}

/// ICE alone would keep it for ever, and the entrance with it.
#[test]
fn one_that_is_found_and_never_shakes_hands_makes_room_ten_seconds_after_its_offer() {
    let mut world = World::new(11);
    world.publish_as_guest();
    world.hinder(Way { without_dtls: true, ..Way::default() });
    world.pass(10 * SECOND - SECOND / 1_000);
    assert_eq!(world.taker().ended, []);
    world.pass(SECOND / 1_000);
    let ended: Vec<How> = world.taker().ended.iter().map(|ended| ended.how).collect();
    assert_eq!(ended, [How::By(Why::Lost)]);
    assert!(world.taker().news.try_recv().is_err(), "the node was never told of it");
    assert_eq!(world.taker().fanout.deadline(), None, "nothing of it is left");
}
