//! Builds the reference plugins for wasm32-wasip2 and hands them to the library to embed.
fn main() {}
