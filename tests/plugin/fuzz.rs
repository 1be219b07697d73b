//! Guests, files and schemas that nobody thought of: random ones, for a bounded time.
//!
//! Three targets: every host function with any arguments (`plugins/puppet` makes the calls that a
//! picture's bytes spell), any bytes as a component, any settings against any schema. `proptest`
//! makes the cases from grammars that know where the edges are, makes a failing one small, and keeps it
//! in `fuzz-regressions.txt`, which later runs try first. `make fuzz` runs the same for longer.

use framegate::media::{PixelFormat, Region, Size};
use framegate::node::NodeKind;
use framegate::plugin::Kind;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Map, Value as Json, json};

use crate::bench::{Bench, guest, settings};
use crate::by_hand::{component, node};

/// `cases` in a test run; `PROPTEST_CASES` of them where somebody wants it longer.
fn config(cases: u32) -> ProptestConfig {
    let longer = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let kept = FileFailurePersistence::Direct(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/plugin/fuzz-regressions.txt"
    ));
    ProptestConfig {
        cases: longer.unwrap_or(cases),
        failure_persistence: Some(Box::new(kept)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn no_host_call_of_any_guest_harms_the_host(
        scripts in vec(vec(any::<u8>(), 0..400), 1..4),
        pixel in select(PixelFormat::ALL.to_vec()),
    ) {
        let size = Size::new(37, 23).expect("a size");
        let mut bench = Bench::of(json!({ "plugin": guest("puppet") }), json!({}), pixel, size).expect("it starts");
        for script in scripts {
            let mut frame = bench.frame();
            let mut bytes = script.into_iter();
            for row in frame.plane_mut(0).expect("it is its own").rows() {
                row.fill_with(|| bytes.next().unwrap_or(0));
            }
            // Asserts that the frame it was lent is as it was, and that all frame memory is back.
            let given = bench.run_with(frame).expect("a plugin that fails passes frames on");
            let found = &given.annotations.detections;
            prop_assert!(found.len() <= 1024 && given.annotations.tags.len() <= 64);
            for one in found {
                let Region { x, y, width, height } = one.region;
                prop_assert!(Region::new(x, y, width, height).is_some(), "{one:?}");
                prop_assert!((0.0..=1.0).contains(&one.score) && one.label.len() <= 64, "{one:?}");
            }
        }
        let log = bench.log.text();
        prop_assert!(!log.contains("a bug in framegate"), "{log}");
    }
}

/// A change to a file: where, in parts of its length, and what.
#[derive(Clone, Debug)]
enum Change {
    Set(f64, u8),
    Insert(f64, Vec<u8>),
    Remove(f64, usize),
    Repeat(f64, usize),
    Cut(f64),
}

fn change() -> impl Strategy<Value = Change> {
    let place = || 0.0..1.0_f64;
    let byte = prop_oneof![any::<u8>(), select(vec![0, 1, 0x0b, 0x40, 0x7f, 0x80, 0xff_u8])];
    prop_oneof![
        6 => (place(), byte).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => (place(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (place(), 1..40_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (place(), 1..200_usize).prop_map(|(at, count)| Change::Repeat(at, count)),
        1 => place().prop_map(Change::Cut),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let place = |at: f64, bytes: &[u8]| (at * bytes.len() as f64) as usize;
    match change {
        Change::Set(at, byte) => {
            let at = place(*at, bytes);
            if let Some(old) = bytes.get_mut(at) {
                *old = *byte;
            }
        }
        Change::Insert(at, more) => {
            let at = place(*at, bytes);
            bytes.splice(at..at, more.iter().copied());
        }
        Change::Remove(at, count) => {
            let at = place(*at, bytes);
            bytes.drain(at..bytes.len().min(at + count));
        }
        Change::Repeat(at, count) => {
            let at = place(*at, bytes);
            let part = bytes[at..bytes.len().min(at + count)].to_vec();
            bytes.splice(at..at, part);
        }
        Change::Cut(at) => bytes.truncate(place(*at, bytes)),
    }
}

/// Loads a file as a graph would, and where it turns out to be a plugin, shows it a frame.
fn load(bytes: &[u8], with: Json) -> Result<(), Vec<framegate::diagnostic::Diagnostic>> {
    let (_file, beside) = node(bytes);
    let cache = tempfile::tempdir().expect("a temporary folder");
    let kind = Kind::with_cache_in(cache.path().to_owned());
    kind.contract(&settings(&kind, &beside, &with)).map(drop)?;
    if let Ok(mut bench) = Bench::try_new(beside, with) {
        bench.run();
        let log = bench.log.text();
        assert!(!log.contains("a bug in framegate"), "{log}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn no_file_harms_whoever_loads_it(changes in vec(change(), 0..6), bytes in vec(any::<u8>(), 0..64), odd in any::<bool>()) {
        let mut wasm = component(&[]);
        changes.iter().for_each(|change| apply(&mut wasm, change));
        if let Err(findings) = load(&wasm, json!({})) {
            prop_assert!(findings.iter().all(|finding| !finding.message.is_empty()));
        }
        // Nothing but noise, with and without the first bytes of a component.
        let noise = if odd { [b"\0asm\x0d\0\x01\0", &bytes[..]].concat() } else { bytes };
        let loaded = load(&noise, json!({}));
        prop_assert!(loaded.is_err());
    }
}

/// JSON that often is a schema, and often nearly one.
fn schema() -> impl Strategy<Value = Json> {
    let words = [
        "object",
        "integer",
        "string",
        "array",
        "#",
        "#/$defs/a",
        "#/properties/a",
        "https://example.org/x",
        "(a+)+$",
        "^[",
        "date-time",
        "a",
        "b",
    ];
    let keys = [
        "type",
        "properties",
        "items",
        "minimum",
        "maximum",
        "enum",
        "const",
        "pattern",
        "required",
        "$ref",
        "$defs",
        "allOf",
        "anyOf",
        "not",
        "if",
        "then",
        "additionalProperties",
        "unevaluatedProperties",
        "default",
        "format",
        "multipleOf",
        "minLength",
        "maxItems",
        "$schema",
        "$id",
        "$dynamicRef",
        "dependentSchemas",
        "a",
        "b",
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        select(words.map(str::to_owned).to_vec()).prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let pairs = vec((select(keys.to_vec()), inner.clone()), 0..6);
        prop_oneof![
            1 => vec(inner, 0..4).prop_map(Json::from),
            4 => pairs.prop_map(|pairs| {
                Json::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
            }),
        ]
    })
}

/// A plugin that says `schema` is the schema of its settings.
fn with_schema(schema: &str) -> Vec<u8> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
    // Segments of data are applied in order: these come over the schema of the template.
    let (at, length) = (16_384_u32.to_le_bytes(), (schema.len() as u32).to_le_bytes());
    let more = format!(
        "(data (i32.const 1048) \"{}{}\") (data (i32.const 16384) \"{}\")",
        hex(&at),
        hex(&length),
        hex(schema.as_bytes())
    );
    component(&[("more", more.as_str())])
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn no_schema_and_no_settings_harm_a_check(schema in schema(), given in schema()) {
        let text = schema.to_string();
        prop_assume!(text.len() < 40_000);
        let with = if given.is_object() { given } else { json!({ "a": given }) };
        if let Err(findings) = load(&with_schema(&text), with) {
            for finding in findings {
                let path = finding.path.to_string();
                prop_assert!(path.starts_with("with") || path == "plugin", "{path}: {}", finding.message);
                prop_assert!(!finding.message.is_empty());
            }
        }
    }
}

#[test]
fn a_schema_of_the_generators_reaches_the_check() {
    let wasm = with_schema(r#"{"properties":{"a":{"type":"integer"}}}"#);
    assert!(load(&wasm, json!({ "a": 1 })).is_ok());
    let findings = load(&wasm, json!({ "a": "x" })).unwrap_err();
    assert_eq!(findings[0].message, "\"a\" must be a whole number, got \"x\"");
}
