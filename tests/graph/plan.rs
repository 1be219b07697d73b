//! What a sound graph becomes: order, links and their policies, conversions, values from outside.

use std::path::PathBuf;
use std::time::Duration;

use framegate::graph::{Clock, LinkId, Plan};
use framegate::node::{Join, WhenFull};

use crate::{cases_folder, codes, load, shown};

fn plan(text: &str, set: &[&str]) -> Plan {
    let checked = load(text, set);
    assert!(checked.plan.is_some(), "{}", shown(&checked, text));
    checked.plan.unwrap()
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.nodes.iter().map(|node| node.id.as_str()).collect()
}

/// `cam.frames -> enc.frames 1 drop_oldest each` for every link.
fn links(plan: &Plan) -> Vec<String> {
    let one = |index: usize| {
        let (from, to) = plan.link_ends(LinkId(index));
        let link = &plan.links[index];
        format!("{from} -> {to} {} {} {}", link.capacity, link.when_full.name(), link.join.name())
    };
    (0..plan.links.len()).map(one).collect()
}

const CHAIN: &str = "version: 1
nodes:
  - { id: cam, kind: pattern, with: { label: x } }
  - { id: enc, kind: encode, inputs: cam }
  - { id: live, kind: publish, inputs: enc }
";

const BRANCH: &str = "version: 1
nodes:
  - id: live
    kind: publish
    inputs: enc
  - id: enc
    kind: encode
    inputs: boxes
  - id: boxes
    kind: draw
    inputs:
      detections: { from: eyes.detections, max_age: 500ms }
      frames: cam
  - id: eyes
    kind: find
    inputs: { frames: { from: cam, queue: 2, when_full: drop_newest, rate: 10 } }
  - id: cam
    kind: pattern
";

#[test]
fn links_get_the_policy_that_fits_what_they_carry() {
    let expected = [
        "cam.frames -> enc.frames 1 drop_oldest each",
        "enc.access_units -> live.access_units 8 to_keyframe each",
    ];
    assert_eq!(links(&plan(CHAIN, &[])), expected);
}

#[test]
fn offline_nothing_is_lost() {
    let plan = plan(&format!("clock: offline\n{CHAIN}"), &[]);
    assert_eq!(plan.clock, Clock::Offline);
    assert!(plan.links.iter().all(|link| link.when_full == WhenFull::Block && link.capacity == 4));
}

#[test]
fn every_node_comes_after_what_feeds_it() {
    let plan = plan(BRANCH, &[]);
    assert_eq!(ids(&plan), ["cam", "eyes", "boxes", "enc", "live"]);
    for link in &plan.links {
        assert!(link.from < link.to);
    }
    for (index, node) in plan.nodes.iter().enumerate() {
        for id in node.inputs.iter().flatten() {
            assert_eq!(plan.link(*id).to.0, index);
        }
        for id in node.outputs.iter().flatten() {
            assert_eq!(plan.link(*id).from.0, index);
        }
    }
}

#[test]
fn the_long_form_and_the_port_shape_a_link() {
    let plan = plan(BRANCH, &[]);
    let expected = [
        "cam.frames -> eyes.frames 2 drop_newest each",
        "cam.frames -> boxes.frames 1 drop_oldest each",
        "eyes.detections -> boxes.detections 1 drop_oldest latest",
        "boxes.frames -> enc.frames 1 drop_oldest each",
        "enc.access_units -> live.access_units 8 to_keyframe each",
    ];
    assert_eq!(links(&plan), expected);
    assert_eq!(plan.links[0].rate.unwrap().to_string(), "10");
    assert_eq!(plan.links[2].max_age, Some(Duration::from_millis(500)));
}

#[test]
fn the_long_form_of_the_only_input_needs_no_port() {
    let text = CHAIN.replace("inputs: cam", "inputs: { from: cam.frames, queue: 3 }");
    assert_eq!(links(&plan(&text, &[]))[0], "cam.frames -> enc.frames 3 drop_oldest each");
}

#[test]
fn a_conversion_is_put_where_formats_disagree_and_what_drops_drops_before_it() {
    let text = CHAIN.replace("label: x", "format: rgb24").replace(
        "inputs: cam",
        "inputs: { frames: { from: cam, queue: 2, when_full: drop_newest, rate: 5 } }",
    );
    let plan = plan(&text, &[]);
    assert_eq!(ids(&plan), ["cam", "enc.frames.convert", "enc", "live"]);
    assert!(plan.nodes[1].inserted && !plan.nodes[2].inserted);
    assert_eq!(
        links(&plan)[..2],
        [
            "cam.frames -> enc.frames.convert.frames 2 drop_newest each",
            "enc.frames.convert.frames -> enc.frames 1 block each"
        ]
    );
    assert!(plan.links[0].rate.is_some() && plan.links[1].rate.is_none());
    assert_eq!(plan.links[1].format.to_string(), "i420 1280x720 5 fps");
}

#[test]
fn encoded_video_is_decoded_once_for_all_who_take_its_frames() {
    let text = "version: 1
nodes:
  - { id: cam, kind: camera_h264 }
  - { id: soft, kind: soften, inputs: cam }
  - { id: eyes, kind: find, inputs: { frames: { from: cam, queue: 2, when_full: drop_newest, rate: 5 } } }
  - { id: dark, kind: darken, inputs: cam }
  - { id: live, kind: publish, inputs: cam }
  - { id: a, kind: store, with: { path: a.y4m }, inputs: soft }
  - { id: b, kind: store, with: { path: b.y4m }, inputs: eyes.frames }
  - { id: c, kind: store, with: { path: c.y4m }, inputs: dark }
";
    let plan = plan(text, &[]);
    let added: Vec<&str> =
        plan.nodes.iter().filter(|node| node.inserted).map(|node| node.id.as_str()).collect();
    assert_eq!(added, ["cam.access_units.decode", "cam.access_units.decode.gray8"]);
    let links = links(&plan);
    for link in [
        // Nothing is left out before it, for each picture needs the ones before.
        "cam.access_units -> cam.access_units.decode.access_units 8 block each",
        "cam.access_units.decode.frames -> soft.frames 1 drop_oldest each",
        "cam.access_units.decode.frames -> eyes.frames 2 drop_newest each",
        "cam.access_units.decode.gray8.frames -> dark.frames 1 drop_oldest each",
        // Who takes it encoded gets it untouched.
        "cam.access_units -> live.access_units 8 to_keyframe each",
    ] {
        assert!(links.iter().any(|seen| seen == link), "{link} is not in {links:#?}");
    }
}

#[test]
fn a_conversion_into_a_join_leaves_the_join_at_the_node() {
    let text = "version: 1
nodes:
  - { id: a, kind: pattern }
  - { id: b, kind: pattern, with: { format: rgb24 } }
  - id: both
    kind: mix
    inputs: { left: a, right: { from: b, join: latest, max_age: 1s } }
  - { id: dark, kind: darken, inputs: { from: both } }
  - { id: out, kind: store, with: { path: out.y4m }, inputs: dark }
";
    let plan = plan(text, &[]);
    assert_eq!(ids(&plan), ["a", "b", "both", "dark.frames.convert", "dark", "out"]);
    assert_eq!(plan.links[1].join, Join::Latest);
}

#[test]
fn variables_and_overrides_reach_the_settings() {
    let text = CHAIN.replace("label: x", "rate: '${RATE}', label: '${SECRET}'");
    let plan =
        plan(&text, &["cam.size=640x360", "enc.bitrate=800k", "server.listen=0.0.0.0:0", "cam.count=7"]);
    let cam = &plan.nodes[0].settings;
    assert_eq!(cam.rate("rate").to_string(), "25");
    assert_eq!(cam.text("label"), "hunter2hunter2");
    assert_eq!(cam.size("size").to_string(), "640x360");
    assert_eq!(cam.integer("count"), 7);
    assert_eq!(plan.nodes[1].settings.bitrate("bitrate"), 800_000);
    assert_eq!(plan.server.listen.to_string(), "0.0.0.0:0");
}

#[test]
fn a_port_alone_is_for_this_machine() {
    let plan = plan(&format!("{CHAIN}server: {{ listen: 9000 }}\n"), &[]);
    assert_eq!(plan.server.listen.to_string(), "127.0.0.1:9000");
}

#[test]
fn text_from_outside_may_look_like_a_number() {
    let cam = "- id: cam\n    kind: pattern\n    with:\n      label: ${RATE}";
    let text = CHAIN.replace("- { id: cam, kind: pattern, with: { label: x } }", cam);
    let plan = plan(&text, &["live.url=12345"]);
    assert_eq!(plan.nodes[0].settings.text("label"), "25");
    assert_eq!(plan.nodes[2].settings.text("url"), "12345");
}

#[test]
fn what_came_from_the_environment_is_known_not_to_be_shown() {
    let checked = load(&CHAIN.replace("label: x", "label: 'a ${SECRET}', rate: '${NONE:-5}'"), &[]);
    let concealed = &checked.concealed[..];
    assert_eq!(concealed.len(), 1, "{concealed:?}");
    assert_eq!((concealed[0].node.as_str(), concealed[0].setting.as_str()), ("cam", "label"));
    assert_eq!(concealed[0].written, "a ${SECRET}");
}

#[test]
fn paths_are_relative_to_the_graph_and_on_the_command_line_to_the_caller() {
    let text = "version: 1
nodes:
  - { id: reel, kind: clip, with: { path: sound.yaml } }
  - { id: out, kind: store, with: { path: out.y4m }, inputs: reel }
";
    let in_file = plan(text, &[]);
    assert_eq!(in_file.nodes[0].settings.path("path"), cases_folder().join("sound.yaml"));
    let given = plan(text, &["out.path=here.y4m", "reel.path=-"]);
    assert_eq!(given.nodes[1].settings.path("path"), PathBuf::from("here.y4m"));
    assert_eq!(given.nodes[0].settings.path("path"), PathBuf::from("-"));
}

#[test]
fn an_override_reaches_keys_beside_with_and_below_groups() {
    let text = "version: 1
nodes:
  - { id: cam, kind: pattern }
  - { id: eyes, kind: sandbox, plugin: motion, inputs: cam }
  - { id: out, kind: store, with: { path: out.y4m }, inputs: eyes }
";
    let plan = plan(text, &["eyes.plugin=faces", "eyes.limits.time=50ms", "eyes.threshold=[1,2]"]);
    let eyes = &plan.nodes[1].settings;
    assert_eq!(eyes.text("plugin"), "faces");
    assert_eq!(eyes.group("limits").duration("time"), Duration::from_millis(50));
    assert_eq!(eyes.raw["threshold"], serde_json::json!([1, 2]));
}

#[test]
fn the_plan_is_called_after_its_name_or_its_file() {
    assert_eq!(plan(CHAIN, &[]).name, "graph");
    assert_eq!(plan(&format!("name: door\n{CHAIN}"), &[]).name, "door");
}

#[test]
fn a_note_or_a_warning_does_not_keep_a_graph_from_running() {
    let text = CHAIN.replace("label: x", "format: rgb24") + "  - { id: spare, kind: pattern }\n";
    let checked = load(&text, &[]);
    assert_eq!(codes(&checked), ["conversion", "unused-output"]);
    assert!(checked.plan.is_some());
}

#[test]
fn behind_a_decoder_that_was_put_in_the_rate_is_what_the_link_lets_in() {
    let text = "version: 1
nodes:
  - { id: cam, kind: pattern, with: { rate: 15 } }
  - { id: enc, kind: encode, inputs: cam }
  - { id: soft, kind: soften, inputs: { frames: { from: enc, rate: 5 } } }
  - { id: out, kind: store, with: { path: out.y4m }, inputs: soft }
";
    let plan = plan(text, &[]);
    let rate = |id: &str| {
        let node = plan.nodes.iter().find(|node| node.id == id).expect("the node is there");
        node.formats[0].video().and_then(|video| video.rate)
    };
    assert_eq!(rate("enc"), "15".parse().ok());
    assert_eq!(rate("soft"), "5".parse().ok());
}
