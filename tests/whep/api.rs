//! What the graph says about itself over HTTP.

use super::exchange::{get, json};
use super::shared;

#[test]
fn health_is_one_word() {
    let answer = get(&format!("{}healthz", shared()));
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
}

#[test]
fn the_graph_is_told_with_its_plan_and_its_counters() {
    let graph = json(&format!("{}api/graph", shared()));
    assert_eq!(graph["name"], "whep-test");
    assert_eq!(graph["clock"], "live");
    let ids: Vec<&str> =
        graph["nodes"].as_array().unwrap().iter().filter_map(|node| node["id"].as_str()).collect();
    assert_eq!(ids, ["camera", "h264", "live"]);
    let encoder = &graph["nodes"][1];
    assert_eq!(
        (&encoder["kind"], &encoder["role"], &encoder["state"]),
        (&"h264".into(), &"filter".into(), &"running".into())
    );
    assert!(encoder["gives"]["access_units"].as_str().unwrap().contains("320x240"), "{encoder:#}");
    let link = &graph["links"][0];
    assert_eq!((&link["from"], &link["to"]), (&"camera.frames".into(), &"h264.frames".into()));
    assert!(link["capacity"].as_u64().unwrap() >= 1 && link["dropped"].is_object(), "{link:#}");
    let later = loop {
        let later = json(&format!("{}api/graph", shared()));
        if later["nodes"][1]["turns"].as_u64() > encoder["turns"].as_u64() {
            break later;
        }
    };
    assert!(later["elapsed_ms"].as_f64() > graph["elapsed_ms"].as_f64());
    assert!(later["nodes"][1]["busy_ms"].as_f64() > encoder["busy_ms"].as_f64());
}

#[test]
fn no_setting_of_a_node_is_told() {
    let answer = get(&format!("{}api/graph", shared()));
    assert!(!answer.body.contains("3141592653"), "{}", answer.body);
}

#[test]
fn relays_are_told_without_the_addresses_of_their_viewers() {
    let (session, _) = super::exchange::open(&format!("{}live/whep", shared()));
    let answer = json(&format!("{}api/relays", shared()));
    let relay = &answer["relays"][0];
    assert_eq!(relay["name"], "live");
    assert!(
        relay["pictures"].as_u64().unwrap() >= 1 && relay["max_viewers"].as_u64().unwrap() > 1,
        "{relay:#}"
    );
    let sessions = relay["sessions"].as_array().unwrap();
    assert!(!sessions.is_empty());
    assert!(sessions.iter().all(|session| session.get("address").is_none()), "{relay:#}");
    super::exchange::send("DELETE", &session, &[], "");
}

#[test]
fn metrics_are_written_for_prometheus() {
    let answer = get(&format!("{}metrics", shared()));
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"), "{answer:?}");
    for sample in [
        "framegate_uptime_seconds ",
        "framegate_node_turns_total{node=\"h264\",kind=\"h264\"} ",
        "framegate_node_busy_seconds_total{node=\"camera\",kind=\"test_pattern\"} ",
        "framegate_node_turn_seconds{node=\"h264\",kind=\"h264\",quantile=\"0.99\"} ",
        "framegate_link_passed_total{from=\"camera.frames\",to=\"h264.frames\"} ",
        "framegate_link_capacity{from=\"h264.access_units\",to=\"live.access_units\"} ",
        "framegate_pool_bytes{state=\"out\"} ",
        "framegate_relay_viewers{relay=\"live\"} ",
        "framegate_relay_pictures_total{relay=\"live\"} ",
        "framegate_relay_sessions_total{relay=\"live\"} ",
        "framegate_relay_nacks_total{relay=\"live\"} ",
        "framegate_relay_picture_losses_total{relay=\"live\"} ",
        "framegate_relay_dropped_to_key_total{relay=\"live\"} ",
        "framegate_relay_held{table=\"addresses\"} ",
    ] {
        assert!(answer.body.contains(&format!("\n{sample}")), "{sample} in\n{}", answer.body);
    }
    assert!(answer.body.ends_with("# EOF\n"));
}

#[test]
fn a_graph_with_nothing_to_watch_is_served_where_that_is_asked_for() {
    let graph = "version: 1\nnodes:\n\
                 \x20 - { id: camera, kind: test_pattern }\n\
                 \x20 - { id: end, kind: collect, inputs: camera }\n";
    // Its address is given on the command line, which is asking for it.
    let server = crate::support::binary::Framegate::run_text(graph, &[]);
    assert_eq!(server.json("api/graph")["nodes"][1]["id"], "end");
    assert_eq!(server.json("api/relays")["relays"], serde_json::json!([]));
}
