//! A viewer whose network lets no UDP through: it watches over TCP, and goes on over it.

use std::fs;

use super::live::{GRAPH, LIVE};
use super::seen::{assert_rising, pictures, record};
use super::support::asking::until;
use super::support::binary::Framegate;
use super::support::chromium::Chromium;

/// Keeps each connection of the page in `window.peers`, and from it what it could reach by UDP.
const WITHOUT_UDP: &str = "
window.peers = [];
const Peer = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Peer {
    constructor(...given) { super(...given); window.peers.push(this); }
    setRemoteDescription({ type, sdp }) {
        return super.setRemoteDescription({ type, sdp: sdp.replace(/^a=candidate:\\S+ \\d+ udp .*\\r\\n/gm, '') });
    }
};
const post = window.fetch;
window.fetch = (resource, options = {}) => {
    // The server would find us by the addresses we tell it.
    if (typeof options.body === 'string')
        options = { ...options, body: options.body.replace(/^a=candidate:\\S+ \\d+ udp .*\\r\\n/gm, '') };
    return post(resource, options);
};
";

/// How the chosen way goes, and how many pictures were decoded.
const WAY: &str = "
return (async () => {
    const stats = [...(await window.peers.at(-1).getStats()).values()];
    const transport = stats.find((entry) => entry.type === 'transport');
    const pair = stats.find((entry) => entry.id === transport.selectedCandidatePairId);
    const end = (id) => stats.find((entry) => entry.id === id);
    const video = stats.find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'video');
    return [end(pair.localCandidateId).protocol, end(pair.remoteCandidateId).protocol, video.framesDecoded];
})()";

/// By what each session is sent its media, as the server tells it.
fn protocols(server: &Framegate) -> Vec<String> {
    let relays = server.json("api/relays");
    let sessions = relays["relays"][0]["sessions"].as_array().expect("a list of sessions").clone();
    sessions.iter().map(|session| session["protocol"].as_str().unwrap_or("none").to_owned()).collect()
}

fn descriptors(server: &Framegate) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.id())).expect("the process runs").count()
}

/// TCP connections of viewers, as the server tells it.
fn connections(server: &Framegate) -> u64 {
    let metrics = ureq::get(server.at("metrics")).call().expect("the server answers");
    let metrics = metrics.into_body().read_to_string().expect("text");
    let held = metrics
        .lines()
        .find_map(|line| line.strip_prefix("framegate_relay_held{table=\"tcp_connections\"} "));
    held.expect("it is counted").parse().expect("a number")
}

#[test]
fn a_viewer_without_udp_watches_over_tcp_and_leaves_nothing_behind() {
    let server = Framegate::run_text(GRAPH, &[]);
    server.until_live();
    let before = descriptors(&server);
    let browser = Chromium::start();
    browser.before_every_page(WITHOUT_UDP);
    browser.open(&server.at("live"));
    browser.until("the picture", LIVE);
    record(&browser);
    let numbers: Vec<Option<u32>> = pictures(&browser, 60).iter().map(|picture| picture.number).collect();
    assert_rising(&numbers);
    let way = browser.ask(WAY);
    assert_eq!((way[0].as_str(), way[1].as_str()), (Some("tcp"), Some("tcp")), "{way}");
    assert_eq!(protocols(&server), ["tcp"]);
    assert!(connections(&server) >= 1);

    // ICE restarted goes by TCP, too.
    let decoded = way[2].as_u64().expect("a number");
    browser.ask("window.dispatchEvent(new Event('online'))");
    until("pictures after a restart", || browser.ask(WAY)[2].as_u64() > Some(decoded + 90));
    assert_eq!(browser.ask(WAY)[0], "tcp");
    assert_eq!(browser.ask("return window.peers.length"), 1, "it is the session it was");

    browser.open("about:blank");
    until("a server without viewers", || protocols(&server).is_empty() && connections(&server) == 0);
    // The page's own connections may take a moment more.
    until("no descriptor more than before", || descriptors(&server) <= before + 1);
}

#[test]
fn with_tcp_switched_off_nothing_is_said_of_it() {
    let server = Framegate::run_text(GRAPH, &["--set", "server.tcp=false"]);
    server.until_live();
    let answer = ureq::post(server.at("live/whep"))
        .header("Content-Type", "application/sdp")
        .send(include_str!("../whep/offer.sdp"))
        .expect("it is live");
    let sdp = answer.into_body().read_to_string().expect("text");
    assert!(sdp.contains(" udp ") && !sdp.contains("tcptype"), "{sdp}");
}
