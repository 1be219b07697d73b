//! Viewers that come and vanish: ten thousand of them leave the process as it was.

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::exchange::{get, json};
use super::support::asking::until;
use super::support::binary::Framegate;
use super::support::watcher::{Watcher, is_media, wait};
use super::{GRAPH, OFFER};

/// How many come in each round. The first leaves behind the size of buffers and tables, which the second
/// shares.
const ROUNDS: [usize; 2] = [4_000, 6_000];
/// Those that have not been given up yet count among these; whoever finds no place comes again.
const MOST_VIEWERS: &str = "live.max_viewers=2000";
/// A handshake takes a quarter of a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// How far a viewer comes before it is never heard of again, or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    /// It posts an offer.
    Answered,
    /// It ends its session at once.
    Ended,
    /// Its first connectivity check was granted.
    Granted,
    /// It was sent the first flight of the DTLS handshake.
    Shaken,
    /// It was sent media.
    Shown,
    /// The same, and it says goodbye.
    Goodbye,
}

impl Until {
    fn of(number: usize) -> Until {
        match number % 20 {
            0..12 => Until::Answered,
            12..14 => Until::Ended,
            14..17 => Until::Granted,
            17 => Until::Shaken,
            18 => Until::Shown,
            _ => Until::Goodbye,
        }
    }

    /// Whether a datagram that came shows it to be so far (RFC 7983).
    fn is_shown_by(self, datagram: &[u8]) -> bool {
        match self {
            Until::Answered | Until::Ended => true,
            Until::Granted => datagram.starts_with(&[1, 1]),
            Until::Shaken => datagram.first().is_some_and(|first| (20..64).contains(first)),
            Until::Shown | Until::Goodbye => is_media(datagram),
        }
    }
}

#[test]
fn ten_thousand_viewers_that_vanish_leave_everything_where_it_was() {
    let server =
        Framegate::run_text(GRAPH, &["--set", MOST_VIEWERS, "--set", "server.offers_per_minute=100000"]);
    server.until_live();
    let before = Held::by(&server);
    let held = ROUNDS.map(|count| {
        Crowd::new(&server).come_and_vanish(count);
        until("tables without a trace of them", || tables(&server).values().all(|entries| *entries == 0));
        Held::by(&server)
    });
    let [first, second] = &held;
    // A connection of ours that is just being closed may still be among them.
    assert!(second.descriptors < before.descriptors + 16, "{before:?}, then {held:?}");
    assert_eq!(second.threads, before.threads, "{before:?}, then {held:?}");
    // A viewer takes some 70 KiB, and two thousand are there at a time: 140 MiB, of which 9 stay.
    assert!(first.kibibytes < before.kibibytes + 32 * 1024, "{before:?}, then {held:?}");
    // Were one in fifty kept, it would be 8 MiB.
    assert!(second.kibibytes < first.kibibytes + 6 * 1024, "{before:?}, then {held:?}");
    let told = json(&server.at("api/relays"));
    assert_eq!(told["relays"][0]["sessions"].as_array().map(Vec::len), Some(0), "{told:#}");
}

/// Viewers that are on their way to where they vanish.
struct Crowd {
    endpoint: String,
    agent: ureq::Agent,
    coming: Vec<(Watcher, Until)>,
}

impl Crowd {
    fn new(server: &Framegate) -> Crowd {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Crowd { endpoint: server.at("live/whep"), agent: config.build().new_agent(), coming: vec![] }
    }

    fn come_and_vanish(&mut self, count: usize) {
        for number in 0..count {
            self.comes(Until::of(number));
            self.turn(Duration::ZERO);
        }
        let begun = Instant::now();
        while !self.coming.is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{} never came so far as they should", self.coming.len());
            self.turn(Duration::from_millis(50));
        }
    }

    fn comes(&mut self, until: Until) {
        match until {
            Until::Answered => drop(self.post(OFFER)),
            Until::Ended => {
                let (session, _) = self.post(OFFER);
                let ended = self.agent.delete(&session).call().expect("the server answers");
                assert_eq!(ended.status(), 200);
            }
            Until::Granted | Until::Shaken | Until::Shown | Until::Goodbye => {
                let mut watcher = Watcher::new().expect("there are sockets");
                let (_, answer) = self.post(&watcher.offer());
                watcher.accept(&answer);
                self.coming.push((watcher, until));
            }
        }
    }

    /// Makes a session; waits for its place. Gives its address and the answer.
    fn post(&mut self, offer: &str) -> (String, String) {
        let begun = Instant::now();
        loop {
            let post = self.agent.post(&self.endpoint).header("Content-Type", "application/sdp");
            let mut answer = post.send(offer).expect("the server answers");
            let text = answer.body_mut().read_to_string().expect("answers are text");
            match answer.status().as_u16() {
                201 => {
                    let name = answer.headers()["location"].to_str().expect("a header is text");
                    return (self.endpoint.replace("whep", name), text);
                }
                503 => assert!(begun.elapsed() < PATIENCE, "no place ever became free: {text}"),
                status => panic!("{status}: {text}"),
            }
            self.turn(Duration::from_millis(50));
        }
    }

    /// Waits until something comes for one of them, at most `most`, and lets those vanish that are so far.
    fn turn(&mut self, most: Duration) {
        let sockets: Vec<&UdpSocket> = self.coming.iter().map(|(watcher, _)| &watcher.socket).collect();
        wait(&sockets, most);
        let now = Instant::now();
        self.coming.retain_mut(|(watcher, until)| !is_so_far(now, watcher, *until));
    }
}

fn is_so_far(now: Instant, watcher: &mut Watcher, until: Until) -> bool {
    let mut buffer = [0; 2048];
    let mut fed = false;
    while let Ok((length, from)) = watcher.socket.recv_from(&mut buffer) {
        let bytes = &buffer[..length];
        if until.is_shown_by(bytes) {
            if until == Until::Goodbye {
                watcher.leave();
            }
            return true;
        }
        watcher.feed(now, from, bytes);
        fed = true;
    }
    if fed || watcher.is_due(now) {
        watcher.settle(now);
    }
    false
}

/// What the server holds for sessions, by its own count.
fn tables(server: &Framegate) -> BTreeMap<String, u64> {
    let metrics = get(&server.at("metrics")).body;
    let held = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("framegate_relay_held{table=\"")?.split_once("\"} "));
    let held: BTreeMap<String, u64> =
        held.map(|(table, entries)| (table.to_owned(), entries.parse().expect("a number"))).collect();
    assert!(held.len() >= 6, "{metrics}");
    held
}

/// What the process holds of the system.
#[derive(Debug)]
struct Held {
    kibibytes: u64,
    descriptors: usize,
    threads: u64,
}

impl Held {
    fn by(server: &Framegate) -> Held {
        let process = server.id();
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says it");
            line.trim().trim_end_matches(" kB").parse().expect("a number")
        };
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("the process runs").count();
        Held { kibibytes: number("VmRSS:"), descriptors, threads: number("Threads:") }
    }
}
