//! The reference plugins, embedded in the program: `plugin: motion` in a graph names one of them.
//!
//! Owns the list. `core/build.rs` builds the components; this file compiles nothing and trusts
//! them no more than any other component.

/// Name and component of every reference plugin, in order of their names.
pub const ALL: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// The component of the reference plugin `name`; `None` when there is no such plugin.
pub fn find(name: &str) -> Option<&'static [u8]> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, component)| *component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_plugins_are_components() {
        // The preamble of a component, as against that of a core module.
        const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";
        assert!(ALL.iter().all(|(_, component)| component.starts_with(PREAMBLE)));
        for name in ["edges", "grayscale", "motion", "negative", "overlay", "passthrough", "privacy"] {
            assert!(find(name).is_some(), "{name} is missing");
        }
        assert!(find("misbehave").is_none(), "plugins made for tests are not part of the program");
    }
}
