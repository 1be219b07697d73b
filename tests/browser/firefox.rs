//! A browser of another make: the demo's page in Firefox, on the very machine that serves it.
//!
//! Which is a case of its own: Firefox sends no media to `127.0.0.1`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::support::binary::Framegate;
use super::support::cache;
use super::support::node::package;

#[test]
fn the_demo_plays_in_firefox_with_its_boxes() {
    let server = Framegate::run(Path::new("graphs/demo.yaml"), &[]);
    let puppeteer = package("puppeteer-core", "24.43.1");
    let mut node = Command::new("node");
    node.arg("tests/browser/firefox.js").arg(puppeteer).arg(&server.url);
    let output = node.arg(cache("screenshots").join("firefox.png")).output().expect("node starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let help = "on Debian or Ubuntu: sudo apt-get install firefox-esr";
    let seen: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{complaint}\n{help}"));
    assert_eq!(seen["width"], 1280);
    let pictures = seen["pictures"].as_array().expect("a list of pictures");
    let told: Vec<&Value> = pictures.iter().filter(|picture| picture["of"] == picture["rtp"]).collect();
    assert!(told.len() >= 25 && told.iter().any(|picture| picture["found"] != 0), "{pictures:?}");
}
