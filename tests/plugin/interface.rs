//! The plugin interface keeps to its promise: what was released stays as it was, and there may only
//! be more of what a plugin imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const RELEASED: &str = include_str!("fixtures/interface-0.1.0.wit");

/// What plugins implement: one function more here, and no older plugin has it.
const EXPORTED: [&str; 4] =
    ["interface lifecycle", "interface snapshot", "interface filtering", "interface detecting"];

/// Interfaces and worlds by name; of each, what stands in it.
type Blocks = BTreeMap<String, BTreeSet<String>>;

fn current() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit/v0");
    let files = std::fs::read_dir(folder).expect("the interface is there");
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).expect("a text"));
    texts.collect::<Vec<_>>().join("\n")
}

/// Cuts a WIT text into its blocks and their items. Comments and white space mean nothing.
fn blocks(text: &str) -> Blocks {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let text = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    let mut blocks = Blocks::new();
    let (mut name, mut item, mut depth) = (String::new(), String::new(), 0);
    for letter in text.chars() {
        match letter {
            '{' if depth == 0 => name = std::mem::take(&mut item).trim().to_owned(),
            '}' if depth == 1 => item.clear(),
            letter => item.push(letter),
        }
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        // `use types.{…};` ends with its semicolon, a record with its brace.
        let ends = match letter {
            ';' => depth <= 1,
            '}' => depth == 1 && !item.trim_start().starts_with("use "),
            _ => false,
        };
        if ends {
            let whole = std::mem::take(&mut item).trim().to_owned();
            if depth == 1 {
                blocks.entry(name.clone()).or_default().insert(whole);
            }
        }
    }
    blocks
}

/// What in `current` would break a plugin that was built against `released`.
fn breaks(released: &str, current: &str) -> Vec<String> {
    let (released, current) = (blocks(released), blocks(current));
    let mut broken = Vec::new();
    for (name, items) in &released {
        let Some(now) = current.get(name) else {
            broken.push(format!("{name} is gone"));
            continue;
        };
        broken.extend(items.difference(now).map(|item| format!("{name}: gone or changed: {item}")));
        let more = now
            .difference(items)
            .filter(|item| EXPORTED.contains(&name.as_str()) || item.starts_with("export"));
        broken.extend(more.map(|item| format!("{name}: no older plugin has: {item}")));
    }
    broken
}

#[test]
fn plugins_built_against_the_released_interface_still_fit() {
    assert_eq!(breaks(RELEASED, &current()), Vec::<String>::new());
    assert!(blocks(RELEASED).len() >= 14, "{:?}", blocks(RELEASED).keys());
}

#[test]
fn changes_that_break_plugins_are_found() {
    let changed = |from: &str, to: &str| {
        assert!(RELEASED.contains(from), "{from}");
        breaks(RELEASED, &RELEASED.replacen(from, to, 1))
    };
    // A field more, a case more, a function gone, another signature, more to implement.
    assert_eq!(changed("score: f32,", "score: f32, colour: u32,").len(), 1);
    assert_eq!(changed("not-granted,", "not-granted, too-late,").len(), 1);
    assert_eq!(changed("budget-ns: func() -> u64;", "").len(), 1);
    assert_eq!(
        changed("gauge: func(name: string, value: f64);", "gauge: func(name: string, value: f32);").len(),
        1
    );
    assert_eq!(changed("describe: func()", "explain: func(); describe: func()").len(), 1);
    assert_eq!(changed("export detecting;", "export detecting; export snapshot;").len(), 1);
    // More to import breaks nobody.
    assert_eq!(
        changed("budget-ns: func() -> u64;", "budget-ns: func() -> u64; now: func() -> u64;"),
        [""; 0]
    );
    assert_eq!(changed("interface host {", "interface sound { play: func(); } interface host {"), [""; 0]);
}
