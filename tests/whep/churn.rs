//! Viewers that come and vanish: a thousand of them leave the process as it was.

use std::fs;

use super::exchange::{json, offer, send, session_of};
use super::support::asking::until;
use super::support::binary::Framegate;
use super::{GRAPH, OFFER};

const A_ROUND: usize = 400;

#[test]
fn viewers_that_vanish_leave_memory_descriptors_and_sessions_where_they_were() {
    let server = Framegate::run_text(
        GRAPH,
        &["--set", "live.max_viewers=5000", "--set", "server.offers_per_minute=100000"],
    );
    super::exchange::until_live(&server.url);
    // What the first round leaves behind is the size of buffers and tables, which later rounds share.
    let held = [(); 3].map(|()| {
        come_and_vanish(&server);
        until_all_are_gone(&server);
        Held::by(server.id())
    });
    // A connection of ours that is just being closed may still be among them; a round would be 400.
    assert!(held[2].descriptors < held[1].descriptors + 16, "{held:?}");
    let grown = held[2].kibibytes.saturating_sub(held[1].kibibytes);
    // A viewer takes over 100 KiB: were they kept, a round would be 40 MiB.
    assert!(grown < 8 * 1024, "{held:?}");
    let told = json(&server.at("api/relays"));
    assert_eq!(told["relays"][0]["sessions"].as_array().map(Vec::len), Some(0), "{told:#}");
}

/// Half say goodbye, half are never heard of again.
fn come_and_vanish(server: &Framegate) {
    let endpoint = server.at("live/whep");
    for number in 0..A_ROUND {
        let answer = offer(&endpoint, OFFER);
        assert_eq!(answer.status, 201, "{answer:?}");
        if number % 2 == 0 {
            assert_eq!(send("DELETE", &session_of(&endpoint, &answer), &[], "").status, 200);
        }
    }
}

fn until_all_are_gone(server: &Framegate) {
    until("sessions that are gone", || {
        json(&server.at("api/relays"))["relays"][0]["sessions"].as_array().map(Vec::len) == Some(0)
    });
}

/// What the process holds of the system.
#[derive(Debug)]
struct Held {
    kibibytes: u64,
    descriptors: usize,
}

impl Held {
    fn by(process: u32) -> Held {
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
        let kibibytes = memory.trim().trim_end_matches(" kB").parse().expect("a number");
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("the process runs").count();
        Held { kibibytes, descriptors }
    }
}
