//! `libcamera`: a source of frames from any camera that libcamera drives: CSI sensors with their
//! image processor, USB webcams.
//!
//! The crate is easy to misuse (a camera that outlives the library's manager crashes, a callback
//! that blocks deadlocks, a request that is dropped late touches freed memory), so its objects live
//! on one thread and never leave it:
//!
//! - `kind`: the settings and the contract; `wanted` and `controls`: what they mean to a camera.
//! - `described`: what is told to people about a camera.
//! - `owner`: the one thread per process that has the manager and every open camera; told by channel.
//! - `session`: one open camera on that thread: its requests, and the order things go down in;
//!   `negotiate`: what it agrees to give.
//! - `mapped`: a buffer's memory, which may outlive all of that; `frames`: from there to a frame.
//! - `source`: the node: waits for pictures, notices when they stop, and finds the camera again.
//! - `versions`: the only file that knows which generation of the library this build is for.

mod controls;
mod described;
mod frames;
mod kind;
mod mapped;
mod negotiate;
mod owner;
mod session;
mod source;
mod versions;
mod wanted;

pub use controls::Known;
pub use described::{Described, Offer};
pub use kind::Libcamera;
pub use owner::Owner;
pub use wanted::Which;
