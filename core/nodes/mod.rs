//! Built-in kinds, one file each. They never import each other.
