//! What only hand-written code can do wrong: to the canonical ABI, to handles, to the file itself.
//!
//! `by_hand/analyzer.wat` is a whole plugin with holes; each case fills one of them.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;

use crate::bench::{Bench, findings, guest};
use crate::survival::survives;

pub const TEMPLATE: &str = include_str!("by_hand/analyzer.wat");

/// What fills a hole unless a case says otherwise.
const GOOD: &[(&str, &str)] = &[
    ("imports", ""),
    ("core imports", ""),
    ("core host", ""),
    ("memory", "(memory (export \"memory\") 1)"),
    ("realloc", "(i32.const 8192)"),
    ("describe", "(i32.const 1024)"),
    ("configure", "(i32.const 3072)"),
    ("process", "(call $drop-frame (local.get $frame)) (i32.const 3072)"),
    ("post", ""),
    ("more", ""),
];

pub const SPIN: &str = "(loop (br 0)) (unreachable)";

/// A component with these holes filled with worse.
pub fn component(worse: &[(&str, &str)]) -> Vec<u8> {
    filled(TEMPLATE.to_owned(), worse)
}

pub fn filled(mut text: String, worse: &[(&str, &str)]) -> Vec<u8> {
    for (hole, filling) in worse.iter().chain(GOOD) {
        text = text.replace(&format!("{{{hole}}}"), filling);
    }
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// A file on disk and the node that names it.
pub fn node(bytes: &[u8]) -> (NamedTempFile, Json) {
    let file = NamedTempFile::with_suffix(".wasm").unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let beside = json!({ "plugin": file.path(), "limits": { "stop_after": "2s" } });
    (file, beside)
}

/// What `check` says of the file, which must be exactly one finding about `plugin`.
fn refusal(bytes: &[u8]) -> String {
    let (_file, beside) = node(bytes);
    let found = findings(beside, json!({}));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].code, found[0].path.to_string().as_str()), ("bad-plugin", "plugin"));
    found[0].message.clone()
}

fn assert_refused(bytes: &[u8], why: &str) {
    let message = refusal(bytes);
    assert!(message.contains(why), "{message}");
}

/// It does not even get as far as saying what it is.
fn assert_undescribed(worse: &[(&str, &str)], why: &str) {
    assert_refused(&component(worse), why);
}

/// It is stopped on its first frame, which passes as it came; so is its successor, a second later. And
/// it does no harm to the graph around it.
fn assert_stopped(worse: &[(&str, &str)], why: &str) {
    assert_is_stopped(&component(worse), why);
}

pub fn assert_is_stopped(bytes: &[u8], why: &str) {
    let (file, beside) = node(bytes);
    let mut bench = Bench::new(beside, json!({}));
    let first = bench.run();
    assert!(first.picture.is_some());
    assert_eq!(bench.count("traps"), 1);
    assert_eq!(bench.run(), first);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.run(), first);
    assert_eq!((bench.count("traps"), bench.count("restarts")), (2, 1));
    let log = bench.log.text();
    assert!(log.contains(why), "{log}");
    survives(&format!("by-hand-{}", file.path().display()), file.path(), "", 0);
}

#[test]
fn the_template_itself_is_a_good_plugin() {
    let (_file, beside) = node(&component(&[]));
    let mut bench = Bench::new(beside, json!({}));
    for _ in 0..3 {
        assert!(bench.run().picture.is_some());
    }
    assert_eq!(bench.count("traps"), 0, "{}", bench.log.text());
}

// Loops where no frame is.

#[test]
fn an_endless_loop_in_describe_is_stopped() {
    assert_undescribed(&[("describe", SPIN)], "ran longer than 5s");
}

#[test]
fn an_endless_loop_in_the_start_function_is_stopped() {
    assert_undescribed(&[("more", "(func $start (loop (br 0))) (start $start)")], "ran longer than 5s");
}

#[test]
fn an_endless_loop_in_realloc_is_stopped() {
    let (_file, beside) = node(&component(&[("realloc", SPIN)]));
    let refused = Bench::try_new(beside, json!({})).err().unwrap();
    assert!(refused.contains("ran longer than 5s"), "{refused}");
}

#[test]
fn an_endless_loop_after_the_answer_is_stopped() {
    // The first call of an instance is given 5 s; a later one 2 s.
    let post = format!("(global.get $calls) (if (then {SPIN})) (global.set $calls (i32.const 1))");
    let worse = [("post", post.as_str()), ("more", "(global $calls (mut i32) (i32.const 0))")];
    let (_file, beside) = node(&component(&worse));
    let mut bench = Bench::new(beside, json!({}));
    bench.run();
    assert_eq!(bench.count("traps"), 0);
    assert!(bench.run().picture.is_some());
    assert_eq!(bench.count("traps"), 1);
    assert!(bench.log.text().contains("ran longer than 2s"));
}

// Answers that break the canonical ABI.

#[test]
fn an_answer_outside_the_memory_is_stopped() {
    for place in ["-4", "65533", "65536"] {
        let process = format!("(call $drop-frame (local.get $frame)) (i32.const {place})");
        assert_stopped(&[("process", &process)], "");
    }
}

#[test]
fn a_verdict_that_does_not_exist_is_stopped() {
    let more = "(data (i32.const 4096) \"\\00\\00\\00\\00\\07\")";
    let process = "(call $drop-frame (local.get $frame)) (i32.const 4096)";
    assert_stopped(&[("process", process), ("more", more)], "");
}

#[test]
fn an_error_whose_text_is_no_text_is_stopped() {
    for data in [
        // Not UTF-8; outside the memory; longer than the memory; a kind that does not exist.
        "\\01\\00\\00\\00\\00\\00\\00\\00\\80\\10\\00\\00\\04\\00\\00\\00",
        "\\01\\00\\00\\00\\00\\00\\00\\00\\f0\\ff\\ff\\ff\\04\\00\\00\\00",
        "\\01\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\ff\\ff\\ff\\ff",
        "\\01\\00\\00\\00\\09\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00",
    ] {
        let more = format!("(data (i32.const 4096) \"{data}\") (data (i32.const 4224) \"\\ff\\fe\\fd\\fc\")");
        let process = "(call $drop-frame (local.get $frame)) (i32.const 4096)";
        assert_stopped(&[("process", process), ("more", &more)], "");
    }
}

#[test]
fn a_description_that_is_none_is_refused() {
    let name_at = |data: &str| format!("(data (i32.const 1024) \"{data}\")");
    for data in ["\\f0\\ff\\ff\\ff\\04\\00\\00\\00", "\\00\\00\\00\\00\\ff\\ff\\ff\\7f"] {
        let more = name_at(data);
        assert_undescribed(&[("more", &more)], "does not say what it is");
    }
    assert_undescribed(&[("describe", "(i32.const 1026)")], "does not say what it is");
}

#[test]
fn memory_from_realloc_that_is_none_is_refused() {
    for place in ["(i32.const -16)", "(i32.const 65536)"] {
        let (_file, beside) = node(&component(&[("realloc", place)]));
        // An empty text needs no memory, `{}` needs two bytes of it.
        assert!(Bench::try_new(beside, json!({})).is_err(), "{place}");
    }
}

// Instructions that trap by themselves.

#[test]
fn reaching_outside_the_memory_is_stopped() {
    assert_stopped(&[("process", "(i32.load (i32.const 0x7fffffff))")], "outside its memory");
    let fill = "(memory.fill (i32.const 0) (i32.const 7) (i32.const -1)) (i32.const 3072)";
    assert_stopped(&[("process", fill)], "outside its memory");
}

#[test]
fn dividing_by_zero_is_stopped() {
    assert_stopped(&[("process", "(i32.div_s (i32.const 1) (i32.const 0))")], "divided by zero");
}

// Handles.

#[test]
fn a_frame_kept_past_its_call_is_found_out() {
    assert_stopped(&[("process", "(i32.const 3072)")], "borrow");
}

#[test]
fn a_frame_given_back_twice_is_found_out() {
    let twice =
        "(call $drop-frame (local.get $frame)) (call $drop-frame (local.get $frame)) (i32.const 3072)";
    assert_stopped(&[("process", twice)], "handle");
}

#[test]
fn a_forged_handle_is_found_out() {
    for forged in ["0", "1000", "-1"] {
        let process = format!("(call $drop-frame (i32.const {forged})) (i32.const 3072)");
        assert_stopped(&[("process", &process)], "handle");
    }
}

// Memory and tables.

#[test]
fn memory_over_the_limit_is_refused_at_the_start() {
    let huge = "(memory (export \"memory\") 2000)";
    assert_undescribed(&[("memory", huge)], "allowed 64MiB of memory");
    let many = format!("(memory (export \"memory\") 1) {}", "(memory 600) ".repeat(3));
    assert_undescribed(&[("memory", &many)], "allowed 64MiB of memory");
}

#[test]
fn more_parts_than_allowed_are_refused_with_the_limit_that_allows_them() {
    let memories = format!("(memory (export \"memory\") 1) {}", "(memory 0) ".repeat(40));
    let tables = "(table 0 funcref) ".repeat(20);
    let modules = format!("(core module $part) {}", "(core instance (instantiate $part)) ".repeat(30));
    let advice = "more than it is allowed; raise it with `limits: { instances: … }`";
    for (hole, filling, counted) in [
        ("memory", memories.as_str(), "it has 41 memories"),
        ("more", &tables, "it has 20 tables"),
        ("imports", &modules, "it has 17 core modules"),
    ] {
        let parts = component(&[(hole, filling)]);
        let told = refusal(&parts);
        assert!(told.contains(counted) && told.contains(advice), "{told}");
        let (_file, mut beside) = node(&parts);
        beside["limits"]["instances"] = json!(64);
        assert!(findings(beside, json!({})).is_empty(), "{hole}");
    }
}

#[test]
fn a_limit_that_is_raised_holds_for_what_a_plugin_says_of_itself_too() {
    let (_file, mut beside) = node(&component(&[("memory", "(memory (export \"memory\") 2000)")]));
    beside["limits"]["memory"] = json!("128MiB");
    let mut bench = Bench::new(beside, json!({}));
    assert!(bench.run().picture.is_some());
}

#[test]
fn tables_over_the_limit_are_refused() {
    assert_undescribed(&[("more", "(table 30000 funcref)")], "allowed 20000 table elements");
    let growing = "(call $drop-frame (local.get $frame)) \
                   (drop (table.grow $t (ref.null func) (i32.const 30000))) (i32.const 3072)";
    assert_stopped(&[("process", growing), ("more", "(table $t 1 funcref)")], "table elements");
}

#[test]
fn recursion_through_the_stack_is_stopped_and_the_process_lives() {
    let more = "(func $deeper (param i64 i64 i64 i64) (result i64) \
                (call $deeper (local.get 3) (local.get 0) (local.get 1) (local.get 2)) (i64.const 1) (i64.add))";
    let process =
        "(drop (call $deeper (i64.const 0) (i64.const 1) (i64.const 2) (i64.const 3))) (i32.const 3072)";
    assert_stopped(&[("process", process), ("more", more)], "512KiB of stack");
}

// WASI.

#[test]
fn a_flood_of_random_bytes_is_stopped() {
    let imports = "(import \"wasi:random/random@0.2.0\" (instance $random \
                     (export \"get-random-bytes\" (func (param \"len\" u64) (result (list u8)))))) \
                   (core module $memory (memory (export \"memory\") 1) \
                     (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 8192))) \
                   (core instance $memory (instantiate $memory)) \
                   (core func $get-random (canon lower (func $random \"get-random-bytes\") \
                     (memory (core memory $memory \"memory\")) (realloc (core func $memory \"realloc\"))))";
    let process = "(call $get-random (i64.const 0x1000000000000000) (i32.const 4096)) (i32.const 3072)";
    assert_stopped(
        &[
            ("imports", imports),
            ("core imports", "(import \"host\" \"get-random\" (func $get-random (param i64 i32)))"),
            ("core host", "(export \"get-random\" (func $get-random))"),
            ("process", process),
        ],
        "random",
    );
}

#[test]
fn what_no_plugin_is_given_is_refused_by_name() {
    let imports = "(import \"wasi:http/types@0.2.0\" (instance)) (import \"evil:things/all\" (instance)) \
                   (import \"bare\" (func))";
    let message = refusal(&component(&[("imports", imports)]));
    for name in ["wasi:http/types@0.2.0", "evil:things/all", "bare"] {
        assert!(message.contains(name), "{message}");
    }
}

// Files that are no plugin.

#[test]
fn files_that_are_no_component_are_told_apart() {
    assert_refused(b"", "does not start as one");
    assert_refused(b"GIF89a, perhaps", "does not start as one");
    assert_refused(&wat::parse_str("(module)").unwrap(), "core module");
    assert_refused(&wat::parse_str("(component)").unwrap(), "does not export \"lifecycle\"");
}

#[test]
fn a_truncated_or_damaged_file_is_refused_wherever_it_ends() {
    let whole = component(&[]);
    for end in (8..whole.len()).step_by(97) {
        refusal(&whole[..end]);
    }
    // Damage may leave a plugin that still is one: the process lives, whatever it is.
    for place in (8..whole.len()).step_by(53) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        let (_file, beside) = node(&damaged);
        findings(beside, json!({}));
    }
}

#[test]
fn compiled_code_is_never_loaded_from_a_user() {
    // What an engine's output starts with: an object file with its own mark in it. The kept copies
    // in the user's cache folder are the real thing.
    let (_file, beside) = node(&component(&[]));
    let cache = tempfile::tempdir().unwrap();
    let kept = cache.path().join("plugins");
    let kind = framegate::plugin::Kind::with_cache_in(kept.clone());
    let settings = crate::bench::settings(&kind, &beside, &json!({}));
    framegate::node::NodeKind::contract(&kind, &settings).unwrap();
    let compiled = std::fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
    assert_refused(&std::fs::read(compiled).unwrap(), "compiled already");
}

#[test]
fn a_gigantic_file_is_refused_before_it_is_read() {
    let file = NamedTempFile::with_suffix(".wasm").unwrap();
    // Sparse: nothing of it is ever written.
    file.as_file().set_len(1 << 40).unwrap();
    let found = findings(json!({ "plugin": file.path() }), json!({}));
    assert!(found[0].message.contains("at most 64MiB"), "{}", found[0].message);
}

#[test]
fn another_version_of_the_interface_is_named() {
    let text = TEMPLATE.replace("@0.1.0", "@0.2.0");
    let text = GOOD.iter().fold(text, |text, (hole, filling)| text.replace(&format!("{{{hole}}}"), filling));
    assert_refused(&wat::parse_str(&text).unwrap(), "framegate:frame@0.2.0");
}

#[test]
fn parts_of_webassembly_that_are_off_are_refused() {
    for (hole, filling) in [
        ("more", "(memory $shared 1 1 shared)"),
        ("more", "(memory $wide i64 1)"),
        ("more", "(type $s (struct (field i32)))"),
    ] {
        let message = refusal(&component(&[(hole, filling)]));
        assert!(message.contains("no valid component"), "{message}");
    }
}

#[test]
fn what_a_component_says_of_its_own_lines_is_not_followed() {
    // It traps as soon as it is asked anything, and 18,000 functions made part of each other led to there:
    // whoever looks that up call by call runs out of stack.
    assert_refused(include_bytes!("fixtures/inlined.wasm"), "does not say what it is: it gave up");
}

#[test]
fn more_globals_than_memory_would_be_allowed_are_refused() {
    let module = format!("(core module {})", "(global i32 (i32.const 0))".repeat(20_001));
    assert_refused(&wat::parse_str(format!("(component {module})")).unwrap(), "more than 20000 globals");
}

#[test]
fn a_deeply_nested_file_does_no_harm() {
    // From the inside out: a component that holds nothing but another, two thousand times.
    const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
    let nested = (0..2000).fold(HEADER.to_vec(), |inner, _| {
        const COMPONENT_SECTION: u8 = 4;
        [HEADER, &[COMPONENT_SECTION], &leb128(inner.len()), &inner].concat()
    });
    assert_refused(&nested, "lies too deep in other components");
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

// Schemas.

fn with_schema(schema: &str) -> Vec<u8> {
    let escaped: String = schema.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let length: String =
        (schema.len() as u32).to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let more = format!(
        "(data (i32.const 1048) \"\\00\\00\\01\\00{length}\") (data (i32.const 65536) \"{escaped}\")"
    );
    component(&[("memory", "(memory (export \"memory\") 20)"), ("more", &more)])
}

#[test]
fn schemas_that_lie_recurse_or_are_huge_are_refused() {
    assert_refused(&with_schema("not json"), "no JSON");
    assert_refused(&with_schema(r##"{"$ref": "#"}"##), "refers to itself without end");
    assert_refused(&with_schema(r#"{"type": "nonsense"}"#), "settings schema");
    assert_refused(&with_schema(r#"{"$ref": "https://example.org/x.json"}"#), "settings schema");
    assert_refused(&with_schema(&format!("{{\"title\": \"{}\"}}", "x".repeat(300 << 10))), "more than");
    assert_refused(&with_schema(&"[".repeat(100_000)), "no JSON");
}

#[test]
fn a_plugin_that_is_made_for_tests_is_where_the_build_put_it() {
    assert!(guest("misbehave").exists());
}
