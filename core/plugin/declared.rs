//! What a component says of itself before anything of it is compiled: the interface version it was made
//! for, and how many globals it has.
//!
//! The sdk leaves the version in the custom section `framegate:api-version`, in the component or in a core
//! module inside it. Owns the walk over sections; what it is given comes from anyone and may be
//! damaged in every way. A component without the section is as good as any: `border` reads versions
//! from the names of imports too, but only the compiler can tell it those.

use std::str;

const SECTION: &[u8] = b"framegate:api-version";
/// A version is shorter.
const LONGEST: usize = 32;
/// Components lie in components; the sdk's section lies one module deep, and toolchains go no deeper than two.
const DEEPEST: u32 = 8;
/// Magic and version.
const HEADER: usize = 8;

/// Kinds of sections in which another binary lies, in a component.
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;
const CUSTOM: u8 = 0;
/// In a core module.
const GLOBALS: u8 = 6;

/// The version that `wasm` says it was made for, if it says so.
pub fn version(wasm: &[u8]) -> Option<&str> {
    version_within(wasm, DEEPEST)
}

fn version_within(wasm: &[u8], deeper: u32) -> Option<&str> {
    sections(wasm).find_map(|section| match section {
        Section::Custom(content) => declared(content),
        Section::Binary(inner) if deeper > 0 => version_within(inner, deeper - 1),
        _ => None,
    })
}

/// How many globals the module with the most of them has. What lies too deep to be looked at has more
/// than any.
pub fn most_globals(wasm: &[u8]) -> usize {
    globals_within(wasm, DEEPEST)
}

fn globals_within(wasm: &[u8], deeper: u32) -> usize {
    let counts = sections(wasm).map(|section| match section {
        Section::Globals(content) => number(content).map_or(0, |(count, _)| count),
        Section::Binary(_) if deeper == 0 => usize::MAX,
        Section::Binary(inner) => globals_within(inner, deeper - 1),
        _ => 0,
    });
    counts.max().unwrap_or(0)
}

/// A section of a component or of a core module, as far as it matters here.
enum Section<'a> {
    Custom(&'a [u8]),
    /// A component or a core module inside a component.
    Binary(&'a [u8]),
    Globals(&'a [u8]),
    Other,
}

/// Up to where the binary ends or is damaged.
fn sections(wasm: &[u8]) -> impl Iterator<Item = Section<'_>> {
    let is_component = wasm.get(4..HEADER) == Some(&[13, 0, 1, 0]);
    let mut rest = wasm.get(HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (&kind, after) = rest.split_first()?;
        let (length, after) = number(after)?;
        let (content, after) = after.split_at_checked(length)?;
        rest = after;
        Some(match (kind, is_component) {
            (CUSTOM, _) => Section::Custom(content),
            (CORE_MODULE | COMPONENT, true) => Section::Binary(content),
            (GLOBALS, false) => Section::Globals(content),
            _ => Section::Other,
        })
    })
}

/// What a custom section says, if it is ours.
fn declared(content: &[u8]) -> Option<&str> {
    let (length, rest) = number(content)?;
    let (name, said) = rest.split_at_checked(length)?;
    let ours = name == SECTION && said.len() <= LONGEST;
    let is_version = said.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(byte));
    (ours && is_version).then(|| str::from_utf8(said).ok()).flatten()
}

/// An unsigned LEB128 number of at most 32 bits, and what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::bundled;

    #[test]
    fn plugins_made_with_the_sdk_declare_their_version() {
        for (name, wasm) in bundled::ALL {
            assert_eq!(version(wasm), Some("0.1.0"), "{name}");
        }
    }

    #[test]
    fn what_declares_nothing_or_is_damaged_has_no_version() {
        assert_eq!(version(b""), None);
        assert_eq!(version(&wat::parse_str("(component)").unwrap()), None);
        let whole = bundled::find("passthrough").unwrap();
        for end in (0..whole.len()).step_by(101) {
            let _ = version(&whole[..end]);
        }
        let mut damaged = whole.to_vec();
        for place in (8..damaged.len()).step_by(211) {
            damaged[place] = 0xff;
            let _ = version(&damaged);
        }
    }

    #[test]
    fn globals_are_counted_where_they_lie() {
        let globals = "(global i32 (i32.const 0))";
        let component = |text: &str| most_globals(&wat::parse_str(text).unwrap());
        assert_eq!(component("(component)"), 0);
        let two =
            format!("(component (core module {globals}) (component (core module {globals} {globals})))");
        assert_eq!(component(&two), 2);
        let deep = (0..DEEPEST + 1).fold("(component)".to_owned(), |inner, _| format!("(component {inner})"));
        assert_eq!(component(&deep), usize::MAX);
        assert!(bundled::ALL.iter().all(|(_, wasm)| most_globals(wasm) < 100));
    }

    #[test]
    fn a_version_that_is_no_text_or_endless_is_none() {
        let component = |said: &[u8]| {
            let name = [&[SECTION.len() as u8], SECTION].concat();
            let length = (name.len() + said.len()) as u8;
            [b"\0asm\x0d\0\x01\0", &[CUSTOM, length][..], &name, said].concat()
        };
        assert_eq!(version(&component(b"0.2.7")), Some("0.2.7"));
        assert_eq!(version(&component(&[0xff, 0xfe])), None);
        assert_eq!(version(&component(b"0.1.0\x1b[2J")), None);
        assert_eq!(version(&component(&[b'1'; 40])), None);
    }
}
