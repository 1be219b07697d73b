//! Every mode of misbehaviour in a whole graph: the encoder and the relay behind the plugin get every
//! frame but those it drops, a branch beside it gets every frame as ever, nobody else fails, and all
//! frame memory comes back.
//!
//! The tests are made from the list of modes, so none can be missing. What each mode does to its one
//! frame is `hostile`'s business.

use std::path::Path;

use framegate::nodes::collect::Basket;
use framegate::run;

use crate::graphs::{count, plan, settled, well};

/// Frames of a run; frame 2 is the one treated wrong.
const FRAMES: u64 = 12;

fn nodes(name: &str, plugin: &Path, with: &str) -> String {
    format!(
        "  - {{ id: camera, kind: test_pattern, with: {{ size: 64x48, count: {FRAMES} }} }}\n  \
         - {{ id: naughty, kind: plugin, plugin: \"{}\", with: {{ {with} }}, limits: {{ stop_after: 300ms }}, inputs: camera }}\n  \
         - {{ id: h264, kind: h264, inputs: naughty }}\n  \
         - {{ id: live, kind: relay, inputs: h264 }}\n  \
         - {{ id: beside, kind: collect, with: {{ into: {name} }}, inputs: camera }}\n",
        plugin.display()
    )
}

/// Runs a plugin in a graph; `lost` of its frames do not come out behind it.
pub fn survives(name: &str, plugin: &Path, with: &str, lost: u64) {
    let beside = Basket::open(name);
    let running = run::start(plan(&nodes(name, plugin, with), "offline")).expect("the graph starts");
    let watch = running.watch();
    well(&running.wait());
    assert_eq!(beside.items().len() as u64, FRAMES, "the branch beside it has every frame");
    drop(beside);
    let report = settled(&watch);
    let relayed = report.links.iter().find(|link| link.to.starts_with("live")).expect("a link to the relay");
    assert_eq!(relayed.passed, FRAMES - lost, "{:?}", report.links);
    assert!(count(&report, "naughty", "traps") <= FRAMES);
}

/// The graph does not start, says so, and leaves nothing behind.
fn does_not_start(name: &str, plugin: &Path, with: &str) {
    let basket = Basket::open(name);
    let plan = plan(&nodes(name, plugin, with), "offline");
    assert!(run::start(plan).is_err(), "{name} started");
    assert!(basket.items().is_empty());
}

macro_rules! each_in_a_graph {
    ($($mode:ident),*) => {$(
        #[test]
        fn $mode() {
            let (mode, plugin) = (stringify!($mode), crate::bench::guest("misbehave"));
            let (name, with) = (format!("survival-{mode}"), format!("mode: {mode}, at: 2"));
            match mode {
                "endless_loop_in_configure" | "panic_in_configure" | "refuse_settings" => {
                    does_not_start(&name, &plugin, &with);
                }
                "partial_then_drop" => survives(&name, &plugin, &with, 1),
                _ => survives(&name, &plugin, &with, 0),
            }
        }
    )*};
}
crate::modes!(each_in_a_graph);
