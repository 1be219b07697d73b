//! Detections, which the host reads where they lie in the guest's memory: whatever is wrong with them.

use serde_json::json;

use super::bench::Bench;
use super::by_hand::{TEMPLATE, assert_is_stopped, filled, node};

/// The same plugin as a detector, whose answer lies at 4096.
fn detector(encoding: &str, data: &str) -> Vec<u8> {
    let record = "(record (field \"label\" string) (field \"score\" float32) (field \"x\" float32) \
                  (field \"y\" float32) (field \"width\" float32) (field \"height\" float32) \
                  (field \"track-id\" (option u64)))";
    let lifted = "(core func $guest \"detect\")";
    let text = [
        ("(enum \"pass\" \"drop\")", record),
        ("(result $verdict ", "(result (list $verdict) "),
        ("(result $out-verdict ", "(result (list $out-verdict) "),
        ("\"verdict\"", "\"detection\""),
        ("\"process\"", "\"detect\""),
        ("framegate:frame/filtering", "framegate:frame/detecting"),
        (lifted, &format!("{lifted} string-encoding={encoding}")),
    ];
    let text = text.iter().fold(TEMPLATE.to_owned(), |text, (from, to)| text.replace(from, to));
    filled(text, &[("process", "(call $drop-frame (local.get $frame)) (i32.const 4096)"), ("more", data)])
}

/// An answer: a list of `count` detections at `list`, of which the first has its label (of `length`) at
/// `label`, where the text `cat` lies at 5120, and `track` before its track.
fn answer(list: u32, count: u32, label: u32, length: u32, track: u8) -> String {
    let words = |words: &[u32]| -> String {
        words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
    };
    let half = 0.5f32.to_bits();
    let first = words(&[label, length, half, 0, 0, half, half, 0]);
    let ok = words(&[0, list, count]);
    format!(
        "(data (i32.const 4096) \"{ok}\") (data (i32.const 4608) \"{first}\\{track:02x}\") \
         (data (i32.const 5120) \"cat\") (data (i32.const 5248) \"c\\00a\\00t\\00\") \
         (data (i32.const 5376) \"\\ff\\fe\\fd\")"
    )
}

#[test]
fn detections_are_read_in_whatever_encoding_a_guest_has() {
    for (encoding, label) in [("utf8", 5120), ("utf16", 5248), ("latin1+utf16", 5120)] {
        let (_file, beside) = node(&detector(encoding, &answer(4608, 1, label, 3, 0)));
        let mut bench = Bench::new(beside, json!({}));
        for _ in 0..3 {
            assert_eq!(bench.run().detections.as_deref(), Some(&["cat".to_owned()][..]), "{encoding}");
        }
    }
}

#[test]
fn detections_that_are_none_are_stopped() {
    for (data, why) in [
        // One outside the memory, one too long for it, one between two words.
        (answer(0xffff_fff0, 1, 5120, 3, 0), "list pointer/length out of bounds"),
        (answer(4608, 0xffff_ffff, 5120, 3, 0), "list pointer/length out of bounds"),
        (answer(4609, 1, 5120, 3, 0), "list pointer is not aligned"),
        // A label outside the memory, one too long for it, one that is no text.
        (answer(4608, 1, 0xffff_fff0, 3, 0), "string pointer/length out of bounds"),
        (answer(4608, 1, 5120, 0xffff_ffff, 0), "string pointer/length out of bounds"),
        (answer(4608, 1, 5376, 3, 0), "invalid utf-8"),
        // A track that neither is nor is not.
        (answer(4608, 1, 5120, 3, 2), "invalid option discriminant"),
    ] {
        assert_is_stopped(&detector("utf8", &data), why);
    }
}

#[test]
fn a_label_that_is_too_long_is_refused_and_the_guest_lives() {
    let (_file, beside) = node(&detector("utf8", &answer(4608, 1, 8192, 65, 0)));
    let mut bench = Bench::new(beside, json!({}));
    assert!(bench.run().picture.is_some());
    assert_eq!((bench.count("traps"), bench.count("refusals")), (0, 1));
    assert!(bench.log.text().contains("a label has at most 64 bytes, got 65"), "{}", bench.log.text());
}
