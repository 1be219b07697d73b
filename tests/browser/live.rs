//! What most tests here begin with: a picture that is watched, and by what the page shows that it is.

/// A test pattern, encoded and relayed as it is.
pub const GRAPH: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 320x240, rate: 30 } }
  - { id: h264, kind: h264, inputs: camera }
  - { id: live, kind: relay, inputs: h264 }
";

/// Whether the page plays.
pub const LIVE: &str = "return document.querySelector('.stage')?.dataset.state === 'live'";
