//! What must hold for any text at all: an answer, in bounded time and memory, and never a panic.

use std::time::Duration;

use framegate::media::{Rate, Size};
use framegate::node::units;
use proptest::prelude::*;

use crate::{codes, load};

const SOUND: &str = include_str!("cases/everything-at-once.yaml");

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_gets_an_answer(text in ".{0,200}") {
        answered(&text);
    }

    #[test]
    fn yaml_like_text_gets_an_answer(text in "[-a-z0-9:{}\\[\\],&*!|>'\"#%@ \t\r\n$.<~?]{0,300}") {
        answered(&text);
        answered(&format!("version: 1\nnodes:\n  - id: a\n    kind: pattern\n    with: {text}\n"));
    }

    #[test]
    fn a_damaged_graph_gets_an_answer(cut in 0..2000_usize, insert in "[-:{}\\[\\],&*!|>'\" \t\n$]{0,3}", skip in 0..40_usize) {
        let chars: Vec<char> = SOUND.chars().collect();
        let cut = cut.min(chars.len());
        let rest = chars[cut..].iter().skip(skip);
        let text: String = chars[..cut].iter().copied().chain(insert.chars()).chain(rest.copied()).collect();
        answered(&text);
    }

    #[test]
    fn arbitrary_overrides_get_an_answer(target in "(cam|reel|server|[a-z]{1,4})", keys in "[a-z]{1,6}(\\.[a-z]{1,4}){0,3}", value in ".{0,20}") {
        load(SOUND, &[&format!("{target}.{keys}={value}")]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_units_get_an_answer_and_what_is_printed_reads_back(text in "[0-9.]{0,25} ?[a-zA-Z%-]{0,5}", millis in 0..86_400_000_u64, count in 0..1_u64 << 40) {
        let _ = (units::duration(&text), units::bytes(&text), units::bitrate(&text), text.parse::<Rate>(), text.parse::<Size>());
        let duration = Duration::from_millis(millis);
        assert_eq!(units::duration(&units::show_duration(duration)), Ok(duration));
        assert_eq!(units::bytes(&units::show_bytes(count)), Ok(count));
        assert_eq!(units::bitrate(&units::show_bitrate(count)), Ok(count));
    }

    #[test]
    fn arbitrary_rules_and_includes_get_an_answer(
        rule in "((every|path|into|from|must|pass|or|cam|enc|ü) ?){0,9}",
        group in "(good|faulty|circle|round|broken|none|)(\\.yaml)?",
        name in "[a-zA-Z-]{0,3}",
        given in "\\{( (from|size|as|x): ([a-z]{0,3}|1x1|\\[1\\]|cam),){0,3}\\}",
    ) {
        let nodes = "nodes:\n  - { id: cam, kind: pattern }\n  - { id: enc, kind: store, with: { path: x }, inputs: cam }\n";
        answered(&format!("version: 1\n{nodes}rules: [ \"{rule}\" ]\ninclude:\n  - {{ group: groups/{group}, as: {name}, with: {given} }}\n  - {{ group: groups/{group}, for_each: [ {given} ] }}\n"));
    }
}

/// A plan, or errors; and every place lies in the text.
fn answered(text: &str) {
    let checked = load(text, &[]);
    assert!(checked.plan.is_some() || !checked.findings.is_empty());
    for place in checked.findings.iter().filter_map(|finding| finding.place) {
        assert!(place.line >= 1 && place.column >= 1, "{place:?}");
        assert!((place.end_line, place.end_column) >= (place.line, place.column), "{place:?}");
    }
    crate::shown(&checked, text);
}

#[test]
fn a_file_without_end_is_refused() {
    assert_eq!(codes(&load(&"x".repeat(2 << 20), &[])), ["too-large"]);
}

#[test]
fn an_alias_bomb_is_refused() {
    let line = |i: usize| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "));
    let bomb: String = (1..30).map(line).collect();
    assert_eq!(codes(&load(&format!("a0: &a0 lol\n{bomb}"), &[])), ["too-large"]);
}

#[test]
fn nesting_without_end_is_refused() {
    for open in ["[", "{a: ", "- ", "? "] {
        let found = codes(&load(&open.repeat(100_000), &[]));
        assert!(found == ["too-deep"] || found == ["yaml-syntax"], "{open}: {found:?}");
    }
}

#[test]
fn many_faults_are_all_told() {
    let nodes: String =
        (0..900).map(|i| format!("  - {{ id: n{i}, kind: soften, inputs: m{i} }}\n")).collect();
    let checked = load(&format!("version: 1\nnodes:\n{nodes}"), &[]);
    assert_eq!(checked.findings.len(), 900);
}

#[test]
fn more_nodes_than_a_machine_can_run_are_refused() {
    let nodes: String = (0..1001).map(|i| format!("  - {{ id: n{i}, kind: pattern }}\n")).collect();
    assert_eq!(codes(&load(&format!("version: 1\nnodes:\n{nodes}"), &[])), ["out-of-range"]);
}
