//! What hides things knows whether anybody has looked: with a detector before it only what was found
//! is hidden, and a frame that no detector has seen is hidden whole.

use crate::bench::guest;
use crate::graphs::{Graph, Seen};

fn shown(seen: &[Seen]) -> usize {
    seen.iter().filter(|frame| !frame.black).count()
}

#[test]
fn behind_a_detector_the_picture_is_shown_but_for_what_was_found() {
    let graph = Graph::live(
        "looked-motion",
        "  - { id: camera, kind: test_pattern, with: { size: 160x120, rate: 60 } }\n  \
         - { id: motion, kind: plugin, plugin: motion, inputs: camera }\n  \
         - { id: privacy, kind: plugin, plugin: privacy, with: { mode: black, after: [motion] }, inputs: motion }\n  \
         - { id: end, kind: collect, with: { into: looked-motion }, inputs: privacy }\n",
    );
    graph.pass(60);
    let (_, seen) = graph.end();
    assert_eq!(shown(&seen), seen.len());
    assert!(seen.iter().all(|frame| frame.looked.iter().any(|node| node == "motion")));
}

#[test]
fn behind_a_detector_that_nobody_has_the_picture_stays_hidden() {
    let graph = Graph::live(
        "looked-nobody",
        "  - { id: camera, kind: test_pattern, with: { size: 160x120, rate: 60 } }\n  \
         - { id: motion, kind: plugin, plugin: motion, inputs: camera }\n  \
         - { id: privacy, kind: plugin, plugin: privacy, with: { mode: black, after: [faces] }, inputs: motion }\n  \
         - { id: end, kind: collect, with: { into: looked-nobody }, inputs: privacy }\n",
    );
    graph.pass(30);
    let (_, seen) = graph.end();
    assert_eq!(shown(&seen), 0);
}

#[test]
fn while_the_detector_is_down_everything_is_hidden() {
    let stumble = guest("stumble");
    let graph = Graph::live(
        "looked-stumble",
        &format!(
            "  - {{ id: camera, kind: test_pattern, with: {{ size: 160x120, rate: 60 }} }}\n  \
             - {{ id: faces, kind: plugin, plugin: \"{}\", with: {{ at: 20 }}, inputs: {{ frames: {{ from: camera, when_full: block }} }} }}\n  \
             - {{ id: privacy, kind: plugin, plugin: privacy, with: {{ mode: black, after: [faces] }}, inputs: {{ frames: {{ from: faces, when_full: block }} }} }}\n  \
             - {{ id: end, kind: collect, with: {{ into: looked-stumble }}, inputs: {{ items: {{ from: privacy, when_full: block }} }} }}\n",
            stumble.display()
        ),
    );
    // It rests for a second, and then it looks again.
    graph.until("faces", "restarts", 1);
    graph.pass(10);
    let (report, seen) = graph.end();
    assert_eq!(crate::graphs::count(&report, "faces", "traps"), 1);
    let hidden: Vec<u64> = seen.iter().filter(|frame| frame.black).map(|frame| frame.sequence).collect();
    assert_eq!(hidden.first(), Some(&20), "frames before it fell over were seen by it");
    assert!(hidden.windows(2).all(|pair| pair[1] == pair[0] + 1), "{hidden:?}");
    assert!(hidden.len() >= 59 && shown(&seen) >= 20 + 10, "{hidden:?}");
}

#[test]
fn a_detector_on_a_side_branch_vouches_for_what_it_is_joined_to_and_not_for_long() {
    let stumble = guest("stumble");
    let graph = Graph::live(
        "looked-branch",
        &format!(
            "  - {{ id: camera, kind: test_pattern, with: {{ size: 160x120, rate: 60 }} }}\n  \
             - {{ id: faces, kind: plugin, plugin: \"{}\", with: {{ at: 40 }}, inputs: camera }}\n  \
             - id: privacy\n    kind: plugin\n    plugin: privacy\n    with: {{ mode: black, after: [faces] }}\n    \
             inputs: {{ frames: camera, detections: {{ from: faces.detections, join: latest, max_age: 200ms }} }}\n  \
             - {{ id: end, kind: collect, with: {{ into: looked-branch }}, inputs: privacy }}\n",
            stumble.display()
        ),
    );
    graph.until("faces", "restarts", 1);
    graph.pass(10);
    let (_, seen) = graph.end();
    for frame in &seen {
        assert_eq!(!frame.looked.iter().any(|node| node == "faces"), frame.black, "frame {}", frame.sequence);
    }
    let hidden_after = seen.iter().filter(|frame| frame.black && frame.sequence > 40).count();
    assert!(hidden_after > 0 && shown(&seen) > 0, "{hidden_after} hidden");
}

#[test]
fn a_detector_that_is_shown_a_part_vouches_for_that_part_only() {
    let graph = |frames: &str| {
        let name = format!("looked-part-{frames}");
        let graph = Graph::live(
            &name,
            &format!(
                "  - {{ id: camera, kind: test_pattern, with: {{ size: 160x120, rate: 60 }} }}\n  \
                 - {{ id: left, kind: crop, with: {{ box: [0, 0, 0.5, 1] }}, inputs: camera }}\n  \
                 - {{ id: motion, kind: plugin, plugin: motion, inputs: left }}\n  \
                 - id: privacy\n    kind: plugin\n    plugin: privacy\n    with: {{ mode: black, after: [motion] }}\n    \
                 inputs: {{ frames: {frames}, detections: {{ from: motion.detections, join: latest, max_age: 1s }} }}\n  \
                 - {{ id: end, kind: collect, with: {{ into: {name} }}, inputs: privacy }}\n"
            ),
        );
        graph.pass(30);
        graph.end().1
    };
    assert_eq!(shown(&graph("camera")), 0);
    assert!(shown(&graph("left")) > 0);
}
