//! What the relay promises its viewers, each promise played through.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value as Json;

use super::network::Way;
use super::watcher::{Boxes, Watcher};
use super::world::{STREAM, World, unmarked};
use crate::relay::demand::Demand;
use crate::relay::early::Inbound;
use crate::relay::fanout::{Ended, How, Room};
use crate::relay::far::Transport;
use crate::relay::peer::Why;

pub const IDR: u8 = 0x65;

/// What kind of slice a picture's last unit is, and which picture it is.
fn slice(units: &[Vec<u8>]) -> (u8, u64) {
    let last = units.last().unwrap();
    (last[0], unmarked(&last[1..9]))
}

pub fn shown(watcher: &Watcher) -> Vec<(u8, u64)> {
    watcher.pictures().values().map(|units| slice(units)).collect()
}

fn wishes(world: &World) -> usize {
    world.wishes.load(Ordering::Relaxed)
}

#[test]
fn a_viewer_connects_in_a_few_round_trips_and_first_sees_a_keyframe() {
    let mut world = World::new(1);
    world.play(10);
    let joined = world.now;
    let index = world.join(Boxes::Unwanted);
    world.play(30);
    let watcher = &world.watchers[index];
    let connect = watcher.connected.expect("it connected") - joined;
    // The watcher nominates 200 ms after its first check. A nomination that was forgotten would be
    // said again 200 ms later, a first DTLS flight that was dropped a whole second later.
    assert!(connect < Duration::from_millis(300), "{connect:?}");
    let shown = shown(watcher);
    assert_eq!(shown[0].0, IDR);
    assert!(shown.len() > 20, "{shown:?}");
    assert!(shown.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "{shown:?}");
    assert_eq!(wishes(&world), 1);
}

#[test]
fn lost_packets_are_sent_again_until_every_picture_is_whole() {
    let mut world = World::new(2);
    world.play(1);
    let index = world.join(Boxes::Unwanted);
    world.play(10);
    world.network.loss = 0.05;
    world.play(150);
    world.network.loss = 0.0;
    world.play(30);
    let shown = shown(&world.watchers[index]);
    assert!(shown.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "{shown:?}");
    assert!(shown.len() > 150, "{}", shown.len());
    let stats = &world.fanout.snapshot(world.now)[0].sessions[0];
    assert!(stats.counts.nacks > 0 && stats.counts.resent > 0, "{stats:?}");
    assert!(stats.rtt.is_some_and(|rtt| rtt < Duration::from_millis(50)), "{stats:?}");
}

#[test]
fn a_hundred_joins_in_a_second_cost_at_most_three_keyframes() {
    let mut world = World::new(3);
    world.play(3);
    for _ in 0..20 {
        for _ in 0..5 {
            world.join(Boxes::Unwanted);
        }
        world.picture(300);
        world.pass(Duration::from_millis(50));
    }
    assert!(wishes(&world) <= 3, "{}", wishes(&world));
    world.play(30);
    assert!(world.watchers.iter().all(|watcher| !watcher.pictures().is_empty()));
    assert_eq!(world.fanout.snapshot(world.now)[0].viewers, 100);
}

#[test]
fn picture_losses_of_many_viewers_become_one_keyframe() {
    let mut world = World::new(4);
    world.play(1);
    for _ in 0..3 {
        world.join(Boxes::Unwanted);
    }
    world.play(60);
    let before = wishes(&world);
    for index in 0..3 {
        let now = world.now;
        world.watchers[index].say_picture_lost(now);
        world.play(2);
    }
    assert_eq!(wishes(&world), before + 1);
    world.play(30);
    assert_eq!(wishes(&world), before + 1);
    let plis: u64 =
        world.fanout.snapshot(world.now)[0].sessions.iter().map(|session| session.counts.plis).sum();
    assert_eq!(plis, 3);
}

#[test]
fn a_viewer_that_falls_behind_is_dropped_to_the_next_keyframe_and_loses_nothing_after_it() {
    let mut world = World::new(5);
    world.play(1);
    let index = world.join(Boxes::Unwanted);
    world.play(30);
    let before = shown(&world.watchers[index]).last().unwrap().1;
    world.socket = Room::Full;
    for _ in 0..60 {
        world.picture(20_000);
        world.pass(Duration::from_millis(33));
    }
    let behind = world.fanout.snapshot(world.now)[0].sessions[0].counts.dropped_to_key;
    assert_eq!(behind, 1);
    world.socket = Room::Left;
    world.play(60);
    let shown = shown(&world.watchers[index]);
    let gap = shown.windows(2).position(|pair| pair[1].1 != pair[0].1 + 1).expect("something was left out");
    assert!(shown[gap].1 > before);
    assert_eq!(shown[gap + 1].0, IDR, "{shown:?}");
    assert!(shown[gap + 1..].windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "{shown:?}");
}

#[test]
fn a_slow_viewer_loses_upper_layers_first_and_keeps_every_picture_of_the_base_layer() {
    let mut world = World::new(14);
    world.layers = &[0, 2, 1, 2];
    world.play(1);
    let index = world.join(Boxes::Unwanted);
    world.play(39);
    let (asked, joined) = (wishes(&world), shown(&world.watchers[index])[0].1);
    world.socket = Room::Full;
    for _ in 0..20 {
        world.picture(20_000);
        world.pass(Duration::from_millis(33));
    }
    world.socket = Room::Left;
    world.play(60);
    let stats = &world.fanout.snapshot(world.now)[0].sessions[0];
    assert_eq!((stats.counts.dropped_to_key, wishes(&world)), (0, asked));
    assert!(stats.counts.thinned > 5, "{stats:?}");
    let shown: Vec<u64> = shown(&world.watchers[index]).iter().map(|(_, sequence)| *sequence).collect();
    assert!(
        (joined..100).filter(|sequence| sequence % 4 == 0).all(|base| shown.contains(&base)),
        "{shown:?}"
    );
    // A picture of layer 2 after one of layer 1 is never shown without it.
    assert!(shown.iter().filter(|sequence| **sequence % 4 == 3).all(|top| shown.contains(&(top - 1))));
    assert!((110..119).all(|sequence| shown.contains(&sequence)), "{shown:?}");
}

#[test]
fn a_viewer_that_vanishes_is_gone_within_ten_seconds_and_the_others_stay() {
    let mut world = World::new(6);
    world.play(1);
    let (stays, goes) = (world.join(Boxes::Unwanted), world.join(Boxes::Unwanted));
    world.play(30);
    world.watchers[goes].alive = false;
    let vanished = world.now;
    while world.ended.is_empty() && world.now < vanished + Duration::from_secs(20) {
        world.play(1);
    }
    assert!(world.now < vanished + Duration::from_secs(10));
    assert_eq!(world.ended[0].session, goes.to_string());
    assert_eq!(world.ended[0].how, How::By(Why::Lost));
    let before = shown(&world.watchers[stays]).len();
    world.play(30);
    assert_eq!(shown(&world.watchers[stays]).len(), before + 30);
}

#[test]
fn an_offer_that_never_becomes_a_connection_is_forgotten() {
    let mut world = World::new(7);
    world.play(1);
    let index = world.join(Boxes::Unwanted);
    world.watchers[index].alive = false;
    world.pass(Duration::from_secs(11));
    assert_eq!(world.ended.len(), 1);
    assert!(world.fanout.deadline().is_none());
}

/// ICE alone would keep it for ever: its checks are granted all the while.
#[test]
fn one_that_is_found_and_never_shakes_hands_is_forgotten_ten_seconds_after_its_offer() {
    let mut world = World::new(17);
    world.play(1);
    let offered = world.now;
    let index = world.join(Boxes::Unwanted);
    let way = Way { without_dtls: true, ..Way::default() };
    world.network.ways.insert(world.watchers[index].end.address, way);
    world.pass(Duration::from_millis(9_999));
    let held = |world: &World, table: &str| {
        world.fanout.tables().iter().find(|(name, _)| *name == table).expect("it is counted").1
    };
    assert_eq!((held(&world, "connections"), held(&world, "addresses")), (1, 1), "it is found, and there");
    assert_eq!((world.ended.len(), world.watchers[index].connected), (0, None));
    world.pass(Duration::from_millis(1));
    assert_eq!(world.now, offered + Duration::from_secs(10));
    assert_eq!(world.ended, [Ended { session: index.to_string(), how: How::By(Why::Lost) }]);
    assert!(world.fanout.tables().iter().all(|(_, entries)| *entries == 0), "{:?}", world.fanout.tables());
    assert_eq!(world.fanout.deadline(), None);
}

#[test]
fn a_viewer_that_says_goodbye_is_gone_at_once() {
    let mut world = World::new(8);
    world.play(1);
    let index = world.join(Boxes::Wanted);
    world.play(30);
    world.watchers[index].end.leave();
    world.pass(Duration::from_millis(20));
    assert_eq!(world.ended[0].how, How::By(Why::Left));
}

#[test]
fn closing_a_session_ends_it_once_and_tells_its_viewer() {
    let mut world = World::new(9);
    world.play(1);
    let index = world.join(Boxes::Unwanted);
    world.play(30);
    world.fanout.close(&index.to_string());
    world.fanout.close(&index.to_string());
    world.pass(Duration::from_millis(20));
    assert_eq!(world.ended.len(), 1);
    assert_eq!(world.ended[0].how, How::Closed);
    let received = world.watchers[index].packets.len();
    world.play(30);
    assert_eq!(world.watchers[index].packets.len(), received);
}

#[test]
fn what_a_session_counted_outlives_it() {
    let mut world = World::new(16);
    world.play(1);
    let index = world.join(Boxes::Unwanted);
    world.play(30);
    let before = world.fanout.snapshot(world.now)[0].totals;
    assert!(before.counts.packets > 30 && before.sessions == 1, "{before:?}");
    world.fanout.close(&index.to_string());
    let after = world.fanout.snapshot(world.now);
    assert_eq!((after[0].sessions.len(), after[0].totals), (0, before));
}

#[test]
fn the_end_of_a_stream_says_goodbye_to_all_who_watch_it() {
    let mut world = World::new(10);
    world.play(1);
    world.join(Boxes::Unwanted);
    world.join(Boxes::Unwanted);
    world.play(30);
    world.fanout.end(STREAM);
    world.pass(Duration::from_millis(20));
    assert_eq!(world.ended.len(), 2);
    assert_eq!(world.fanout.snapshot(world.now).len(), 0);
}

#[test]
fn detections_arrive_under_the_rtp_time_of_their_picture() {
    let mut world = World::new(11);
    world.play(1);
    let index = world.join(Boxes::Wanted);
    world.play(60);
    let watcher = &world.watchers[index];
    let pictures = watcher.pictures();
    let messages: Vec<Json> =
        watcher.messages.iter().map(|message| serde_json::from_str(message).unwrap()).collect();
    assert!(messages.len() > 40, "{}", messages.len());
    for message in &messages[messages.len() - 30..] {
        let time = message["rtp"].as_u64().unwrap() as u32;
        let (_, sequence) = slice(&pictures[&time]);
        assert_eq!(message["sequence"], sequence);
        assert_eq!(message["detections"][0]["track"], sequence);
    }
}

#[test]
fn every_picture_says_when_it_was_taken_not_when_it_was_sent() {
    let mut world = World::new(15);
    world.play(1);
    let index = world.join(Boxes::Unwanted);
    // Encoded late: what is told must not move with it.
    world.pass(Duration::from_millis(170));
    world.play(40);
    let (pictures, told) = (world.watchers[index].pictures(), world.watchers[index].capture_times());
    assert!(pictures.len() > 30 && pictures.keys().all(|time| told.contains_key(time)));
    // The run begins at 1.7e9 s after 1970, which is PTS and RTP time zero.
    let start = (1_700_000_000_u64 + 2_208_988_800) << 32;
    for (time, ntp) in told {
        let seconds = (ntp.wrapping_sub(start)) as f64 / 2f64.powi(32);
        assert!((seconds - f64::from(time) / 90_000.0).abs() < 0.000_1, "{time}: {seconds}");
    }
}

#[test]
fn the_bitrate_comes_down_for_a_lossy_viewer_and_climbs_back() {
    let mut world = World::new(13);
    world.play(1);
    world.join(Boxes::Unwanted);
    world.play(60);
    assert!(world.aims.lock().unwrap().is_empty());
    world.network.loss = 0.25;
    world.play(150);
    let least = world.aims.lock().unwrap().iter().copied().min().expect("it came down");
    // A picture is 1.5 kB, so 360 kb/s are sent.
    assert!(least < 340_000, "{least}");
    world.network.loss = 0.0;
    world.play(1_200);
    assert_eq!(world.aims.lock().unwrap().last(), Some(&u64::MAX));
}

#[test]
fn a_stream_on_demand_sleeps_until_somebody_comes_and_a_while_after_the_last_has_gone() {
    let linger = Duration::from_secs(10);
    let mut world = World::on_demand(15, Demand::by_viewers(linger));
    let asleep = world.asleep.clone();
    let asleep = || asleep.load(Ordering::Relaxed);
    assert!(asleep());
    assert_eq!(world.fanout.deadline(), None, "sleeping costs the relay nothing");
    let (first, second) = (world.join(Boxes::Unwanted), world.join(Boxes::Unwanted));
    world.pass(Duration::from_millis(1));
    assert!(!asleep(), "it woke with the first");
    world.play(30);
    assert!(shown(&world.watchers[first]).len() > 5);
    world.fanout.close(&first.to_string());
    world.pass(2 * linger);
    assert!(!asleep(), "one is still there");
    world.fanout.close(&second.to_string());
    world.pass(linger - Duration::from_secs(1));
    assert!(!asleep(), "it lingers");
    world.pass(Duration::from_secs(2));
    assert!(asleep());
    world.fanout.asked(world.now, STREAM);
    assert!(!asleep(), "it starts for one who is not yet there");
    world.pass(2 * linger);
    assert!(asleep(), "who did not come");
}

#[test]
fn garbage_from_a_viewers_own_address_ends_nothing() {
    use rand::{RngCore, SeedableRng};
    let mut world = World::new(12);
    world.play(1);
    let index = world.join(Boxes::Wanted);
    world.play(30);
    let mut random = rand::rngs::StdRng::seed_from_u64(12);
    let (from, to) =
        (world.watchers[index].end.address, std::net::SocketAddr::from(([198, 51, 100, 1], 8189)));
    for n in 0..3_000u32 {
        let mut bytes = vec![0; (random.next_u32() % 400) as usize];
        random.fill_bytes(&mut bytes);
        // STUN, DTLS, RTP and RTCP by their first byte, and anything at all.
        if let Some(first) = bytes.first_mut() {
            *first = [0, 1, 20, 22, 23, 63, 128, 129, 200, *first][n as usize % 10];
        }
        let (protocol, bytes) = (Transport::Udp, bytes::BytesMut::from(&bytes[..]));
        world.fanout.receive(world.now, Inbound { to, from, protocol, bytes });
    }
    let before = shown(&world.watchers[index]).len();
    world.play(30);
    assert!(world.ended.is_empty(), "{:?}", world.ended);
    assert_eq!(shown(&world.watchers[index]).len(), before + 30);
}
