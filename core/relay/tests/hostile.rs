//! What strangers send, made up at random and by breaking what browsers send: nothing panics, and
//! what is kept stays bounded. How many cases are tried is bounded too; a failure prints its input.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::relay::answer::{Identity, Latency, Reach, answer};
use crate::relay::candidate;
use crate::relay::demux::{Demux, PeerId};
use crate::relay::far::Far;
use crate::relay::fragment::{Fragment, matches_tag};
use crate::relay::frames::{Frames, MOST_BYTES};
use crate::relay::ingest::{self, Assembler, Next, Proposal, Reorder};
use crate::relay::offer::Offer;
use crate::relay::peer::Packet;
use crate::relay::profile::Profile;
use crate::relay::stun::{Stun, tests::request};

const OFFERS: [&str; 3] = [
    include_str!("offers/chromium.sdp"),
    include_str!("offers/firefox.sdp"),
    include_str!("offers/safari.sdp"),
];

static IDENTITY: LazyLock<Identity> =
    LazyLock::new(|| Identity::generate().expect("a certificate can be made"));

fn bounded(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// One way to break a text of lines.
#[derive(Clone, Debug)]
enum Damage {
    Without(usize),
    Twice(usize),
    Swapped(usize, usize),
    CutAt(usize),
    /// A byte of a line, made another.
    Changed(usize, usize, char),
    Inserted(usize, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<usize>().prop_map(Damage::Without),
        any::<usize>().prop_map(Damage::Twice),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Damage::Swapped(a, b)),
        any::<usize>().prop_map(Damage::CutAt),
        (any::<usize>(), any::<usize>(), any::<char>()).prop_map(|(a, b, c)| Damage::Changed(a, b, c)),
        (any::<usize>(), "[am]=[a-z-]{0,12}:?[0-9 a-z=;/.]{0,40}")
            .prop_map(|(a, line)| Damage::Inserted(a, line)),
    ]
}

fn broken(text: &str, damages: &[Damage]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for damage in damages {
        let count = lines.len().max(1);
        match damage {
            Damage::Without(at) if lines.len() > 1 => drop(lines.remove(at % count)),
            Damage::Twice(at) => lines.insert(at % count, lines[at % count].clone()),
            Damage::Swapped(a, b) => lines.swap(a % count, b % count),
            Damage::CutAt(at) => lines.truncate((at % count).max(1)),
            Damage::Changed(at, place, to) => {
                let line: Vec<char> = lines[at % count].chars().collect();
                let place = place % line.len().max(1);
                let change = |(index, old): (usize, &char)| if index == place { *to } else { *old };
                lines[at % count] = line.iter().enumerate().map(change).collect();
            }
            Damage::Inserted(at, line) => lines.insert(at % count, line.clone()),
            Damage::Without(_) => {}
        }
    }
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

/// Of a packet: a keyframe's, another picture's, or anything.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(vec![24, 0, 3, 0x67, 66, 1, 0, 2, 0x65, 0xe0]),
        Just(vec![0x41, 0xe0, 1]),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #![proptest_config(bounded(256))]

    #[test]
    fn a_broken_offer_is_answered_or_refused_and_breaks_nothing(
        which in 0..OFFERS.len(),
        damages in prop::collection::vec(damage(), 1..6),
    ) {
        let text = broken(OFFERS[which], &damages);
        if let Ok(offer) = Offer::read(&text, Profile::ConstrainedBaseline) {
            prop_assert!(offer.sdp.matches("a=candidate:").count() <= candidate::MOST);
            let reach = Reach { own: vec![SocketAddr::from(([192, 0, 2, 1], 8189))], ..Reach::default() };
            if let Ok((_, sdp)) = answer(Instant::now(), &offer, &IDENTITY, &reach, Latency::Lowest) {
                prop_assert!(sdp.starts_with("v=0"));
            }
        }
    }

    #[test]
    fn a_broken_offer_to_publish_is_answered_section_by_section_or_refused(
        which in 0..OFFERS.len(),
        damages in prop::collection::vec(damage(), 0..6),
    ) {
        let text = broken(&OFFERS[which].replace("a=recvonly", "a=sendonly"), &damages);
        if let Ok(proposal) = Proposal::read(&text) {
            prop_assert!(proposal.sdp.matches("\r\nm=").count() == 1);
            prop_assert!(proposal.sdp.matches("a=candidate:").count() <= candidate::MOST);
            let reach = Reach { own: vec![SocketAddr::from(([192, 0, 2, 1], 8189))], ..Reach::default() };
            if let Ok((_, sdp)) = ingest::answer(Instant::now(), &proposal, &IDENTITY, &reach) {
                let sections = |sdp: &str| sdp.lines().filter(|line| line.starts_with("m=")).count();
                prop_assert_eq!(sections(&sdp), sections(&text));
                prop_assert!(sdp.contains("a=recvonly"));
            }
        }
    }

    #[test]
    fn packets_of_any_content_and_order_become_whole_keyframes_first_or_nothing(
        packets in prop::collection::vec(
            (0..600u16, 0..4u32, any::<bool>(), payload()), 1..400),
    ) {
        let (mut reorder, mut assembler) = (Reorder::default(), Assembler::new());
        let (mut now, mut seen) = (Instant::now(), BTreeSet::new());
        for (number, time, marker, payload) in packets {
            now += Duration::from_millis(5);
            reorder.push(now, Packet { ssrc: 1, number, time, marker, payload: payload.into() });
            prop_assert!(reorder.ask(now).len() <= 1200);
            let mut whole = vec![];
            while let Some(next) = reorder.pop(now) {
                match next {
                    Next::Gap(_) => assembler.gap(),
                    Next::Packet(packet) => assembler.take(&packet, |unit| whole.push(unit)),
                }
            }
            for unit in whole {
                prop_assert!(unit.keyframe || !seen.is_empty(), "it begins with a keyframe");
                seen.insert(unit.time);
            }
        }
    }

    #[test]
    fn any_text_is_an_offer_a_fragment_or_refused(text in any::<String>(), tag in any::<String>()) {
        let _ = Offer::read(&text, Profile::ConstrainedBaseline);
        let _ = Proposal::read(&text);
        let _ = Proposal::read(&format!("v=0\r\nm=video {text}"));
        let _ = Offer::read(&format!("v=0\r\nm=video {text}"), Profile::ConstrainedBaseline);
        let _ = Fragment::read(&text);
        let _ = candidate::is_usable(&text);
        prop_assert!(!matches_tag(&tag.replace('*', ""), "\"no tag has this\""));
    }

    #[test]
    fn a_fragment_gives_back_the_candidates_it_was_given(
        candidates in prop::collection::vec("[0-9]{1,9} 1 udp [0-9]{1,9} 192\\.0\\.2\\.[0-9] [0-9]{1,5} typ host", 0..40),
        noise in prop::collection::vec("[a-z]=[ -~]{0,30}", 0..10),
    ) {
        let noise: Vec<&String> = noise.iter().filter(|line| !line.starts_with("a=")).collect();
        let noise: String = noise.into_iter().map(|line| format!("{line}\r\n")).collect();
        let lines: String = candidates.iter().map(|candidate| format!("a=candidate:{candidate}\r\n")).collect();
        let fragment = Fragment::read(&(noise + &lines)).expect("it is one");
        prop_assert_eq!(fragment.candidates, candidates);
    }

    #[test]
    fn a_stream_of_any_content_becomes_bounded_datagrams_or_is_refused(
        reads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..20),
        short in any::<bool>(),
    ) {
        let (mut frames, mut taken) = (Frames::default(), 0);
        for mut bytes in reads {
            if short {
                // With headers that are seldom refused.
                bytes.iter_mut().step_by(2).for_each(|byte| *byte %= 8);
            }
            let read = frames.push(&bytes, |datagram| {
                assert!((1..=MOST_BYTES).contains(&datagram.len()));
                taken += datagram.len();
            });
            if read.is_err() {
                break;
            }
        }
        prop_assert!(taken <= 60_000);
    }

    #[test]
    fn a_datagram_of_any_content_goes_to_its_viewer_or_nowhere(
        datagrams in prop::collection::vec((any::<[u8; 4]>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..120)), 1..60),
        cut in 0..60usize,
        flipped in 0..60usize,
    ) {
        let now = Instant::now();
        let mut demux = Demux::new();
        demux.add(vec!["ours".into()], PeerId(1));
        for (ip, port, bytes) in &datagrams {
            let from = Far::udp(SocketAddr::from((*ip, *port)));
            let _ = demux.route(now, from, bytes);
            demux.sent(PeerId(1), from, bytes);
        }
        let mut hello = request("ours:theirs");
        let place = flipped % hello.len();
        hello[place] ^= 0x41;
        hello.truncate(hello.len().saturating_sub(cut));
        if let Some(stun) = Stun::read(&hello) {
            let _ = (stun.receiver(), stun.nominates());
        }
        let _ = demux.route(now, Far::udp(([192, 0, 2, 9], 9).into()), &hello);
        demux.remove(PeerId(1));
        prop_assert_eq!(demux.sizes(), [0; 3]);
        let nobody = demux.route(now, Far::udp(([192, 0, 2, 9], 9).into()), &request("ours:theirs"));
        prop_assert_eq!(nobody, crate::relay::demux::Route::Nobody);
    }
}
