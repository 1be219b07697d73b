//! One viewer on a bad line among others on good ones: it is helped, and they never notice.
//!
//! `cargo test --lib relay::tests::loss -- --nocapture --test-threads 1` prints what became of each.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::loopback::{Stage, viewer};
use super::network::{Network, Way};
use super::scenarios::{IDR, shown};
use super::watcher::Boxes;
use super::world::World;
use crate::relay::figures::SessionStats;

/// A world with a viewer on a line of its own, the first, and four others; all are in step.
fn mixed(seed: u64, layers: &'static [u8], way: Way) -> World {
    let mut world = World::new(seed);
    world.layers = layers;
    world.play(1);
    for _ in 0..5 {
        world.join(Boxes::Unwanted);
    }
    world.play(60);
    let bad = world.watchers[0].end.address;
    world.network.ways.insert(bad, way);
    world
}

fn session(world: &mut World, index: usize) -> SessionStats {
    world.fanout.snapshot(world.now)[0].sessions[index].clone()
}

fn wishes(world: &World) -> usize {
    world.wishes.load(Ordering::Relaxed)
}

/// The longest time that the picture stood still: each is shown once it and all before it are whole.
fn longest_still(world: &World, index: usize) -> Duration {
    let mut last = None;
    let mut longest = Duration::ZERO;
    for at in world.watchers[index].whole_at().into_values() {
        let before = last.map_or(at, |last: Instant| last);
        longest = longest.max(at.saturating_duration_since(before));
        last = Some(at.max(before));
    }
    longest
}

/// Prints one row; `asked` are the keyframes asked for before.
fn tell(line: &str, world: &mut World, asked: usize) {
    let counts = session(world, 0).counts;
    println!(
        "{line}: {} packets, {} sent again, {} pictures left out, {} keyframes, still for at most {} ms; \
         the others {} ms",
        counts.packets,
        counts.resent,
        counts.thinned,
        wishes(world) - asked,
        longest_still(world, 0).as_millis(),
        longest_still(world, 1).as_millis(),
    );
}

/// The others were shown every picture, and nothing had to be sent to them twice.
fn others_never_noticed(world: &mut World) {
    for index in 1..5 {
        let shown = shown(&world.watchers[index]);
        assert!(shown.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "viewer {index}: {shown:?}");
        let stats = session(world, index);
        assert_eq!(
            (stats.counts.nacks, stats.counts.resent, stats.counts.dropped_to_key, stats.counts.thinned),
            (0, 0, 0, 0)
        );
    }
}

#[test]
fn what_a_lossy_line_loses_is_sent_again_and_nobody_else_notices() {
    for (seed, percent) in [(20, 0.5), (21, 2.0), (22, 5.0), (23, 10.0)] {
        let mut world = mixed(seed, &[0], Way { loss: percent / 100.0, ..Way::default() });
        let asked = wishes(&world);
        world.play(300);
        world.network.ways.clear();
        world.play(30);
        let pictures = shown(&world.watchers[0]);
        assert!(pictures.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "{percent} %: {pictures:?}");
        tell(&format!("{percent} % loss"), &mut world, asked);
        assert!(session(&mut world, 0).counts.resent > 0);
        assert!(longest_still(&world, 0) < Duration::from_millis(500), "{:?}", longest_still(&world, 0));
        assert_eq!(wishes(&world), asked, "nobody was given a keyframe for it");
        others_never_noticed(&mut world);
    }
}

#[test]
fn packets_that_overtake_each_other_by_200_ms_are_all_shown() {
    let mut world = mixed(24, &[0], Way { jitter: Duration::from_millis(200), ..Way::default() });
    let asked = wishes(&world);
    world.play(150);
    world.network.ways.clear();
    world.play(30);
    tell("200 ms jitter", &mut world, asked);
    let pictures = shown(&world.watchers[0]);
    assert!(pictures.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "{pictures:?}");
    assert!(longest_still(&world, 0) < Duration::from_millis(300), "{:?}", longest_still(&world, 0));
    others_never_noticed(&mut world);
}

#[test]
fn after_a_line_was_dead_its_viewer_goes_on_with_one_keyframe() {
    let mut world = mixed(25, &[0], Way { loss: 1.0, ..Way::default() });
    let asked = wishes(&world);
    world.play(60);
    world.network.ways.clear();
    let (back, now) = (world.now, world.now);
    let before = shown(&world.watchers[0]).last().unwrap().1;
    world.watchers[0].say_picture_lost(now);
    let is_back = |world: &World| {
        let after = shown(&world.watchers[0]);
        after.iter().any(|(kind, number)| *kind == IDR && *number > before + 50)
    };
    while !is_back(&world) {
        assert!(world.now < back + Duration::from_secs(2), "{:?}", shown(&world.watchers[0]));
        world.play(1);
    }
    println!("dead for 2 s: shown again {} ms after it came back", (world.now - back).as_millis());
    assert_eq!(wishes(&world), asked + 1);
    world.play(30);
    others_never_noticed(&mut world);
}

#[test]
fn a_viewer_on_a_thin_line_is_sent_fewer_layers_and_needs_no_keyframe() {
    let mut world = mixed(26, &[0, 2, 1, 2], Way { rate: Some(300_000), ..Way::default() });
    let asked = wishes(&world);
    let play = |world: &mut World, count| {
        for _ in 0..count {
            // 600 kb/s in all; a quarter of the pictures are of the base layer.
            world.picture(2_500);
            world.pass(Duration::from_millis(33));
        }
    };
    play(&mut world, 450);
    let settled = shown(&world.watchers[1]).last().unwrap().1;
    play(&mut world, 150);
    assert_eq!(wishes(&world), asked, "it was lowered without a keyframe");
    let stats = session(&mut world, 0);
    assert!(stats.counts.thinned > 200, "{stats:?}");
    let seen: Vec<u64> = shown(&world.watchers[0]).iter().map(|(_, number)| *number).collect();
    tell("300 kb/s of 600", &mut world, asked);
    let base = (settled..settled + 140).filter(|number| number % 4 == 0);
    assert!(base.clone().all(|number| seen.contains(&number)), "{seen:?}");
    others_never_noticed(&mut world);
    world.network.ways.clear();
    play(&mut world, 1_800);
    let seen = shown(&world.watchers[0]);
    let last = &seen[seen.len() - 60..];
    assert!(last.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "it is back at the full rate: {last:?}");
}

#[test]
fn one_bad_line_among_five_lowers_the_bitrate_for_nobody_and_two_do_until_they_are_good_again() {
    let bad = Way { loss: 0.3, ..Way::default() };
    let mut world = mixed(27, &[0], bad);
    world.play(300);
    assert_eq!(world.aims.lock().unwrap().len(), 0);
    let second = world.watchers[1].end.address;
    world.network.ways.insert(second, bad);
    world.play(300);
    let least = world.aims.lock().unwrap().iter().copied().min().expect("it came down for two of five");
    // 360 kb/s are sent.
    assert!(least < 320_000, "{least}");
    world.network.ways.clear();
    world.play(3_000);
    assert_eq!(world.aims.lock().unwrap().last(), Some(&u64::MAX), "and came back");
}

#[test]
fn a_viewer_that_joins_is_sent_its_first_picture_within_100_ms_of_connecting() {
    let mut world = World::new(28);
    world.play(60);
    for _ in 0..5 {
        let index = world.join(Boxes::Unwanted);
        world.play(45);
        let watcher = &world.watchers[index];
        let (connected, first) = (watcher.connected.unwrap(), watcher.came[0]);
        assert!(first < connected + Duration::from_millis(100), "{:?}", first - connected);
        assert_eq!(shown(watcher)[0].0, IDR);
    }
}

#[test]
fn over_real_sockets_too_what_is_lost_is_sent_again() {
    let mut stage = Stage::new([127, 0, 0, 1].into(), 1);
    stage.picture();
    let (socket, mut watcher) = viewer("127.0.0.1");
    let answer = stage.hub.offer("live", &watcher.end.offer(Instant::now())).unwrap();
    watcher.end.accept(Instant::now(), &answer.sdp);
    stage.play(&socket, &mut watcher, |seen| seen.pictures().len() >= 3);
    let mut network = Network::new(29, Duration::from_millis(5));
    let way = Way { loss: 0.05, jitter: Duration::from_millis(20), ..Way::default() };
    network.ways.insert(watcher.end.address, way);
    stage.play_over(&mut network, &socket, &mut watcher, |seen| seen.pictures().len() >= 60);
    network.ways.clear();
    stage.play_over(&mut network, &socket, &mut watcher, |seen| seen.pictures().len() >= 75);
    let first = watcher.packets[0].header.sequence_number;
    let numbers: BTreeSet<u16> =
        watcher.packets.iter().map(|packet| packet.header.sequence_number.wrapping_sub(first)).collect();
    let missing = (0..300).filter(|number| !numbers.contains(number)).count();
    assert_eq!(missing, 0, "of the first 300 packets");
    assert!(stage.hub.stats()[0].sessions[0].counts.resent > 0);
}
