//! A plugin that does its worst in the middle of a running graph: the relay keeps the rate of its
//! source, the plugin comes back, and the log says what happened. What each way of misbehaving does
//! to a single frame is the business of `tests/plugin`.

use std::path::Path;

use super::support::binary::Framegate;

/// The frame that is treated wrong.
const AT: u64 = 30;

fn graph(mode: &str) -> String {
    let plugin = Path::new(env!("FRAMEGATE_GUESTS")).join("misbehave.wasm");
    format!(
        "version: 1\nname: hostile\nnodes:\n  \
         - {{ id: camera, kind: test_pattern, with: {{ size: 320x240, rate: 30 }} }}\n  \
         - {{ id: naughty, kind: plugin, plugin: \"{}\", with: {{ mode: {mode}, at: {AT} }}, on_error: pass, inputs: camera }}\n  \
         - {{ id: h264, kind: h264, inputs: naughty }}\n  \
         - {{ id: live, kind: relay, inputs: h264 }}\n",
        plugin.display()
    )
}

/// The instance was stopped and started anew, or only its frame was refused.
enum Outcome {
    Stopped,
    Refused,
}

fn leaves_the_relay_at_its_rate(mode: &str, outcome: &Outcome, why: &str) {
    let server = Framegate::run_text(&graph(mode), &[]);
    // The status of ten seconds: long enough for a new instance to start.
    server.wait_for(" 0:10 ");
    let graph = server.json("api/graph");
    let relayed = server.json("api/relays")["relays"][0]["pictures"].as_u64().expect("a count");
    let given = graph["nodes"][0]["given"].as_u64().expect("a count");
    assert!(relayed * 10 >= given * 8, "{relayed} of {given} pictures were relayed\n{}", server.log());
    for node in graph["nodes"].as_array().expect("a list of nodes") {
        assert_eq!(node["state"], "running", "{node:#}");
    }
    let count = |name: &str| graph["nodes"][1]["counters"][name].as_u64().unwrap_or(0);
    match outcome {
        // On a busy machine the deadline may find it a second time; it is started again all the same.
        Outcome::Stopped => {
            assert!(count("traps") >= 1 && count("restarts") >= 1, "{}", server.log());
        }
        Outcome::Refused => assert_eq!((count("traps"), count("refusals")), (0, 1), "{}", server.log()),
    }
    let log = server.log();
    let line = log.lines().find(|line| line.contains("naughty") && line.contains(&format!("frame {AT}")));
    let line = line.unwrap_or_else(|| panic!("the log names the node and the frame:\n{log}"));
    assert!(log.contains(why), "{line} says why:\n{log}");
    assert!(server.stop().success(), "and the graph still ends in order");
}

#[test]
fn a_plugin_that_loops_for_ever_leaves_the_relay_at_its_rate() {
    leaves_the_relay_at_its_rate("endless_loop", &Outcome::Stopped, "ran longer than");
}

#[test]
fn a_plugin_that_panics_leaves_the_relay_at_its_rate() {
    leaves_the_relay_at_its_rate("panic", &Outcome::Stopped, "on purpose");
}

#[test]
fn a_plugin_that_takes_all_memory_leaves_the_relay_at_its_rate() {
    leaves_the_relay_at_its_rate("memory_bomb", &Outcome::Stopped, "memory");
}

#[test]
fn a_plugin_that_writes_the_wrong_length_leaves_the_relay_at_its_rate() {
    leaves_the_relay_at_its_rate("wrong_length", &Outcome::Refused, "no whole number of rows");
}
