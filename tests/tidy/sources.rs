//! What every source file owes its reader.

use crate::{none, rust_files, shown};

/// Past this a file holds more than one concept.
const LONGEST_FILE: usize = 500;

/// The files that wrap a native library or a system call, and so may hold `unsafe`.
const MAY_BE_UNSAFE: &[&str] = &[
    "core/nodes/",
    "core/pixels/resize.rs",
    "core/plugin/",
    "core/relay/",
    "core/run/",
    "plugins/sdk/",
    "tests/",
];

#[test]
fn every_file_says_what_it_is() {
    let faults = rust_files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| shown(&path))
        .collect();
    none(faults, "these files do not open with `//!`: what it is, what it owns, what it leaves to others");
}

#[test]
fn no_file_outgrows_a_reader() {
    let long = |text: &str| text.lines().count() > LONGEST_FILE;
    let faults =
        rust_files().into_iter().filter(|(_, text)| long(text)).map(|(path, _)| shown(&path)).collect();
    none(faults, "these files are over 500 lines: move a concept out");
}

#[test]
fn nothing_is_left_for_later() {
    // Spelled in two halves, so that this file does not find itself.
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[ign", "ore"),
        concat!("dbg", "!("),
    ];
    let mut faults = Vec::new();
    for (path, text) in rust_files() {
        for (index, line) in text.lines().enumerate() {
            faults.extend(
                marks
                    .iter()
                    .filter(|mark| line.contains(**mark))
                    .map(|mark| format!("{}:{} has {mark}", shown(&path), index + 1)),
            );
        }
    }
    none(faults, "unfinished work is not committed:");
}

#[test]
fn unsafe_code_stays_in_wrappers_and_gives_its_reason() {
    let mut faults = Vec::new();
    for (path, text) in rust_files() {
        let place = shown(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            let opens = code.contains(concat!("unsafe", " {")) || code.contains(concat!("unsafe", " impl"));
            if !opens {
                continue;
            }
            let reasoned = lines[index.saturating_sub(8)..=index].iter().any(|line| line.contains("SAFETY:"));
            match MAY_BE_UNSAFE.iter().any(|allowed| place.starts_with(allowed)) {
                false => faults.push(format!("{place}:{} is unsafe outside a wrapper", index + 1)),
                true if !reasoned => faults.push(format!("{place}:{} has no SAFETY: line", index + 1)),
                true => {}
            }
        }
    }
    none(faults, "unsafe code:");
}

#[test]
fn names_say_what_things_are() {
    const EMPTY_WORDS: [&str; 7] = ["manager", "handler", "helper", "util", "utils", "common", "misc"];
    let mut faults = Vec::new();
    for (path, text) in rust_files() {
        let names = text.lines().filter_map(declared).chain(path.file_stem().and_then(|stem| stem.to_str()));
        let empty = |name: &str| words(name).iter().any(|word| EMPTY_WORDS.contains(&word.as_str()));
        faults.extend(names.filter(|name| empty(name)).map(|name| format!("{}: {name}", shown(&path))));
    }
    none(faults, "names that could belong to anything:");
}

/// The name that a line declares, if it declares one.
fn declared(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub") || *word == "const");
    let kind = words.next()?;
    let name = words.next().filter(|_| ["struct", "enum", "trait", "fn", "mod", "type"].contains(&kind))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// `FrameManager` and `frame_manager` as their lower-case words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().expect("there is always a word").extend(c.to_lowercase());
        }
    }
    words
}
