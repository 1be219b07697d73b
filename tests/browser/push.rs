//! A graph that publishes its encode by WHIP, to a server that is not ours: aiortc.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::Value;

use super::seen;
use super::support::binary::Framegate;
use super::support::python::Python;

const GRAPH: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 640x360, rate: 30 } }
  - { id: h264, kind: h264, inputs: camera }
  - { id: outside, kind: whip_push, inputs: h264, with: { url: \"${WHIP_URL}\", token: \"${WHIP_TOKEN}\" } }
";

/// Killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop((self.0.kill(), self.0.wait()));
    }
}

#[test]
fn a_server_that_we_publish_to_decodes_every_picture_and_is_told_the_end() {
    let python = Python::aiortc();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser/whip_server.py");
    let mut server =
        Server(python.script(&script).arg("90").stdout(Stdio::piped()).spawn().expect("it starts"));
    let mut said = BufReader::new(server.0.stdout.take().expect("its output is piped")).lines();
    let mut line = || said.next().expect("it says one more line").expect("in UTF-8");
    let variables = [("WHIP_URL", line()), ("WHIP_TOKEN", "publish-0123456789".to_owned())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let framegate = Framegate::run_text_with(GRAPH, &[], &variables);

    let played: Value = serde_json::from_str(&line()).expect("one JSON object");
    let numbers = seen::played_numbers(&played);
    assert_eq!(numbers.len(), 90);
    seen::assert_rising(&numbers);
    framegate.wait_for("published to http://127.0.0.1");
    assert!(!framegate.log().contains("publish-0123456789"), "{}", framegate.log());
    assert!(framegate.stop().success());
    assert_eq!(line(), "DELETE");
}
