//! A plugin is swapped in a running graph while somebody watches: the viewer gets every picture.

use std::path::PathBuf;
use std::thread;

use super::aiortc::watched;
use super::support::asking::until;
use super::support::binary::Framegate;

/// Eight seconds at the source's rate: time enough to compile a plugin while they are watched.
const PICTURES: usize = 120;

fn guest(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("FRAMEGATE_GUESTS")).join(name).with_extension("wasm");
    std::fs::read(path).expect("the build made this guest")
}

#[test]
fn a_viewer_of_a_graph_whose_plugin_is_swapped_misses_no_picture() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("plugin.wasm");
    std::fs::write(&file, guest("keeper")).expect("a file");
    let server = Framegate::run_text(
        &format!(
            "version: 1\nname: swap\nnodes:\n  \
             - {{ id: camera, kind: test_pattern, with: {{ size: 320x240, rate: 15 }} }}\n  \
             - {{ id: changing, kind: plugin, plugin: \"{}\", watch: true, inputs: camera }}\n  \
             - {{ id: h264, kind: h264, inputs: changing }}\n  \
             - {{ id: live, kind: relay, inputs: h264 }}\n",
            file.display()
        ),
        &[],
    );
    let endpoint = server.at("live/whep");
    let viewer = thread::spawn(move || watched(&endpoint, PICTURES));
    until("a viewer", || server.viewers() > 0 || viewer.is_finished());
    // The same plugin in other bytes: with a custom section behind it.
    let changed = [&guest("keeper")[..], b"\0\x06\x04note1"].concat();
    let next = folder.path().join("next");
    std::fs::write(&next, changed).expect("a file");
    std::fs::rename(next, &file).expect("the file is put in place");

    let numbers = viewer.join().expect("the viewer watches to the end");
    let log = server.log();
    let swapped = log.lines().find(|line| line.contains("was swapped")).unwrap_or_else(|| panic!("{log}"));
    let at = swapped.split("at frame ").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
    let at: u32 = at.unwrap_or_else(|| panic!("{swapped}"));
    assert!(numbers.first() < Some(&at) && Some(&at) < numbers.last(), "frame {at}, watched {numbers:?}");
    assert!(swapped.contains("with what the one before knew"), "{swapped}");
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a picture is missing: {numbers:?}");
    assert!(server.stop().success());
}
