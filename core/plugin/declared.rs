//! The interface version that a component declares, read before anything of it is compiled.
//!
//! The sdk leaves it in the custom section `framegate:api-version`, in the component or in a core
//! module inside it. Owns the walk over sections; what it is given comes from anyone and may be
//! damaged in every way. A component without the section is as good as any: `border` reads versions
//! from the names of imports too, but only the compiler can tell it those.

use std::str;

const SECTION: &[u8] = b"framegate:api-version";
/// A version is shorter.
const LONGEST: usize = 32;
/// Components lie in components; the sdk's section lies one module deep.
const DEEPEST: u32 = 4;
/// Magic and version.
const HEADER: usize = 8;

/// Kinds of sections in which another binary lies, in a component.
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;
const CUSTOM: u8 = 0;

/// The version that `wasm` says it was made for, if it says so.
pub fn version(wasm: &[u8]) -> Option<&str> {
    within(wasm, DEEPEST)
}

fn within(wasm: &[u8], deeper: u32) -> Option<&str> {
    let is_component = wasm.get(4..HEADER)? == [13, 0, 1, 0];
    let mut rest = wasm.get(HEADER..)?;
    while let Some((&kind, after)) = rest.split_first() {
        let (length, after) = number(after)?;
        let (content, after) = after.split_at_checked(length)?;
        let found = match kind {
            CUSTOM => declared(content),
            CORE_MODULE | COMPONENT if is_component && deeper > 0 => within(content, deeper - 1),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        rest = after;
    }
    None
}

/// What a custom section says, if it is ours.
fn declared(content: &[u8]) -> Option<&str> {
    let (length, rest) = number(content)?;
    let (name, said) = rest.split_at_checked(length)?;
    let ours = name == SECTION && said.len() <= LONGEST;
    ours.then(|| str::from_utf8(said).ok()).flatten()
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
    fn a_version_that_is_no_text_or_endless_is_none() {
        let component = |said: &[u8]| {
            let name = [&[SECTION.len() as u8], SECTION].concat();
            let length = (name.len() + said.len()) as u8;
            [b"\0asm\x0d\0\x01\0", &[CUSTOM, length][..], &name, said].concat()
        };
        assert_eq!(version(&component(b"0.2.7")), Some("0.2.7"));
        assert_eq!(version(&component(&[0xff, 0xfe])), None);
        assert_eq!(version(&component(&[b'1'; 40])), None);
    }
}
