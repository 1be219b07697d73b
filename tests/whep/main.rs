//! WHEP and WHIP, row by row: what a program may send, and what it gets. Over real HTTP, against the
//! real program.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod api;
mod churn;
mod conformance;
mod crowd;
mod demand;
mod exchange;
mod pages;
mod port;
mod reload;
mod rules;
mod tls;
mod top;
mod watching;
mod whip;

use std::sync::LazyLock;

use support::binary::Framegate;

/// What most tests here ask: a small picture, so that the encoder costs next to nothing.
const GRAPH: &str = "
version: 1
name: whep-test
nodes:
  - { id: camera, kind: test_pattern, with: { size: 320x240, rate: 15, seed: 3141592653 } }
  - { id: h264, kind: h264, inputs: camera, with: { bitrate: 300k } }
  - { id: live, kind: relay, inputs: h264 }
";

/// An offer as Chromium makes it, shortened to two codecs; it has no candidates yet.
const OFFER: &str = include_str!("offer.sdp");

/// One server for all tests that leave no lasting mark on it.
fn shared() -> &'static str {
    static SERVER: LazyLock<Framegate> = LazyLock::new(|| {
        let server = Framegate::run_text(GRAPH, &[]);
        server.end_with_the_tests();
        server.until_live();
        server
    });
    &SERVER.url
}
