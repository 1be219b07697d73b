//! Built-in kinds, one file (or one folder) each. They never import each other.

pub mod collect;
pub mod test_pattern;
