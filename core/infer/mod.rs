//! Neural networks: loaded once, run natively on whatever thread asks, within its time.
//!
//! The only folder that names tract. A file becomes a [`Network`] (`load`), a part of a frame becomes
//! its input (`prepare`), and running it (`network`) gives plain tensors. The [`Shelf`] keeps what has
//! been loaded, so that every node that names a model shares one. A model's file comes from a user and
//! may be anything: its size, its work and its memory are bounded, what it asks for and is not there is
//! named, and a panic of the library ends here.

mod load;
mod network;
mod prepare;
mod shelf;
#[cfg(test)]
mod tests;

pub use load::Unloadable;
pub use network::{Element, Network, Tensor, Unrun};
pub use shelf::Shelf;
