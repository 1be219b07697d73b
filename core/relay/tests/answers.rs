//! The answers browsers get, held against what their offers asked for.

use std::net::SocketAddr;
use std::time::Instant;

use crate::relay::answer::{Identity, Latency, Reach, answer};
use crate::relay::offer::Offer;
use crate::relay::profile::Profile;

/// As Chromium writes it, shortened: audio too, several H.264 profiles among other codecs, names
/// instead of addresses.
const CHROMIUM: &str = include_str!("offers/chromium.sdp");
/// As Firefox writes it, shortened.
const FIREFOX: &str = include_str!("offers/firefox.sdp");

/// Recorded from Firefox 153 before it has fetched its H.264 decoder, as it is just after its first start.
const FIREFOX_AT_FIRST: &str = include_str!("offers/firefox-at-first.sdp");

/// As Safari writes it, put together from what it is known to announce: high profile first, H.265
/// beside it, one address behind an mDNS name (the browser capabilities published with mediasoup,
/// the codec table in go2rtc's documentation). Not recorded from the browser.
const SAFARI: &str = include_str!("offers/safari.sdp");

fn answered(offer: &str, latency: Latency) -> String {
    let offer = Offer::read(offer, Profile::ConstrainedBaseline).unwrap();
    let reach = Reach {
        own: vec![SocketAddr::from(([192, 0, 2, 1], 8189)), "[2001:db8::1]:8189".parse().unwrap()],
        also: vec![SocketAddr::from(([203, 0, 113, 7], 8189))],
        tcp: true,
        ..Reach::default()
    };
    answer(Instant::now(), &offer, &Identity::generate().unwrap(), &reach, latency).unwrap().1
}

fn video(sdp: &str) -> &str {
    let from = sdp.find("m=video").expect("the answer has video");
    let end = sdp[from + 1..].find("\nm=").map_or(sdp.len(), |at| from + 1 + at);
    &sdp[from..end]
}

#[test]
fn chromium_gets_its_constrained_baseline_type_with_repair_and_feedback() {
    let sdp = answered(CHROMIUM, Latency::Lowest);
    let video = video(&sdp);
    assert!(video.starts_with("m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"), "{sdp}");
    for line in [
        "a=sendonly",
        "a=rtcp-mux",
        "a=setup:passive",
        "a=rtpmap:108 H264/90000",
        "a=rtcp-fb:108 nack",
        "a=rtcp-fb:108 nack pli",
        "a=rtcp-fb:108 ccm fir",
        "a=rtpmap:109 rtx/90000",
        "a=fmtp:109 apt=108",
        "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        "a=extmap:13 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
    ] {
        assert!(video.lines().any(|found| found.trim_end() == line), "{line} is missing in\n{sdp}");
    }
    assert!(video.contains("profile-level-id=42e01f"), "{sdp}");
    assert!(video.contains("packetization-mode=1"), "{sdp}");
    // We have no sound to send, and its section carries the transport of all.
    let sound =
        &sdp[sdp.find("m=audio 9 ").expect("it is held open")..sdp.find("m=video").expect("it follows")];
    assert!(sound.contains("a=inactive") && sdp.contains("a=group:BUNDLE 0 1"), "{sdp}");
}

#[test]
fn every_address_is_told_once_and_the_list_is_said_to_be_complete() {
    let sdp = answered(FIREFOX, Latency::Balanced);
    for address in ["192.0.2.1 8189", "2001:db8::1 8189", "203.0.113.7 8189"] {
        let told = |end: &str| {
            let is_told = |line: &&str| line.contains(&format!(" {address} typ host")) && line.ends_with(end);
            video(&sdp).lines().filter(is_told).count()
        };
        assert_eq!((told(" typ host"), told(" tcptype passive")), (1, 1), "{address} in\n{sdp}");
    }
    assert!(
        !sdp.lines()
            .any(|line| line.starts_with("a=candidate")
                && (line.contains(" 2 udp ") || line.contains(" 2 tcp "))),
        "{sdp}"
    );
    assert!(sdp.contains("a=end-of-candidates"), "{sdp}");
}

#[test]
fn firefox_gets_its_type_and_no_extension_it_did_not_offer() {
    let sdp = answered(FIREFOX, Latency::Lowest);
    let video = video(&sdp);
    assert!(video.starts_with("m=video 9 UDP/TLS/RTP/SAVPF 126 127\r\n"), "{sdp}");
    assert!(video.contains("a=sendonly"), "{sdp}");
    assert!(!video.contains("abs-capture-time"), "{sdp}");
}

#[test]
fn whatever_an_offer_says_of_sending_we_only_send() {
    let recvonly = "a=recvonly\r\n";
    let both = FIREFOX.replace('\r', "").replace('\n', "\r\n");
    assert_eq!(both.matches(recvonly).count(), 1, "{both}");
    for offered in ["a=recvonly\r\n", "a=sendrecv\r\n", ""] {
        let sdp = answered(&both.replace(recvonly, offered), Latency::Balanced);
        let video = video(&sdp);
        assert!(video.starts_with("m=video 9 "), "{offered}: {sdp}");
        let directions: Vec<&str> = ["sendrecv", "recvonly", "sendonly", "inactive"]
            .into_iter()
            .filter(|direction| video.contains(&format!("a={direction}\r\n")))
            .collect();
        assert_eq!(directions, ["sendonly"], "{offered}: {sdp}");
    }
}

#[test]
fn an_offer_whose_pictures_are_not_to_be_received_is_refused() {
    let refused = |sdp: &str| Offer::read(sdp, Profile::ConstrainedBaseline).unwrap_err().to_string();
    for (from, to) in [
        ("a=recvonly", "a=sendonly"),
        ("a=recvonly", "a=inactive"),
        // Said for all sections at once.
        ("t=0 0", "t=0 0\r\na=inactive"),
    ] {
        let sdp = FIREFOX.replace(from, to).replace("a=recvonly", "a=rtcp-mux");
        let why = refused(&sdp);
        assert!(why.ends_with("its video is not to be received; a viewer offers recvonly"), "{why}\n{sdp}");
    }
}

#[test]
fn firefox_that_has_no_decoder_yet_is_told_what_its_offer_lacks() {
    let refused = Offer::read(FIREFOX_AT_FIRST, Profile::ConstrainedBaseline).unwrap_err();
    assert!(refused.to_string().ends_with("its video has no H264 entry"), "{refused}");
}

#[test]
fn safari_gets_constrained_baseline_though_it_puts_high_first() {
    let sdp = answered(SAFARI, Latency::Lowest);
    let video = video(&sdp);
    assert!(video.starts_with("m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\n"), "{sdp}");
    assert!(video.contains("profile-level-id=42e01f") && video.contains("a=sendonly"), "{sdp}");
    assert!(video.contains("playout-delay") && !video.contains("abs-capture-time"), "{sdp}");
    assert!(sdp.contains("m=application 9 UDP/DTLS/SCTP webrtc-datachannel"), "{sdp}");
}

#[test]
fn an_offer_with_names_instead_of_addresses_or_with_no_candidate_is_answered_alike() {
    let without: String = SAFARI
        .lines()
        .filter(|line| !line.starts_with("a=candidate"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    for offer in [SAFARI, &without] {
        let sdp = answered(offer, Latency::Balanced);
        assert!(video(&sdp).contains("192.0.2.1 8189 typ host"), "{sdp}");
    }
}
