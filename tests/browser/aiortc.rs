//! The demo graph in aiortc: another WebRTC stack, another decoder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::seen;
use super::support::binary::Framegate;
use super::support::python::{Python, must};

/// What `play.py` tells of `pictures` pictures from `endpoint`.
fn play(endpoint: &str, pictures: usize) -> Value {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser/play.py");
    let python = Python::aiortc();
    let mut command = python.script(&script);
    let output = must(command.args([endpoint, &pictures.to_string()]), "aiortc could not play the graph");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// The numbers of the pictures that a viewer decodes.
pub fn watched(endpoint: &str, pictures: usize) -> Vec<u32> {
    seen::played_numbers(&play(endpoint, pictures)).into_iter().flatten().collect()
}

#[test]
fn aiortc_plays_it_too() {
    let server = Framegate::run(Path::new("graphs/demo.yaml"), &[]);
    let played = play(&server.at("live/whep"), 90);
    seen::assert_played(&played, 90);

    let messages = played["messages"].as_array().expect("a list of messages");
    assert!(messages.len() >= 45, "{} messages for 90 pictures", messages.len());
    assert!(messages.iter().filter_map(seen::Said::read).any(|said| !said.boxes.is_empty()));
    every_message_is_of_the_picture_with_its_time(&played, messages);
}

/// The number read from a decoded picture's pixels is the number its message was made for, always.
fn every_message_is_of_the_picture_with_its_time(played: &Value, messages: &[Value]) {
    let said: HashMap<u64, u64> = messages
        .iter()
        .filter_map(|message| Some((message["rtp"].as_u64()?, message["sequence"].as_u64()?)))
        .collect();
    let times = played["times"].as_array().expect("a list of times");
    let numbers = seen::played_numbers(played);
    let shown = times.iter().zip(numbers).filter_map(|(time, number)| Some((time.as_u64()?, number?)));
    let pairs: Vec<(u64, u32, u64)> =
        shown.filter_map(|(time, number)| Some((time, number, *said.get(&time)?))).collect();
    assert!(pairs.len() >= 45, "{} of 90 pictures had a message: {played}", pairs.len());
    for (time, number, sequence) in pairs {
        assert_eq!(u64::from(number), sequence, "at RTP time {time}");
    }
}
