//! What travels between nodes: frames, access units and detections, each with its PTS.
//!
//! Owns the plain values and the pool their memory comes from. Knows no node, no graph, no thread,
//! no file and no clock.

mod access_unit;
pub mod annex_b;
mod annotations;
mod format;
mod frame;
mod item;
mod pace;
mod plane;
mod pool;
mod recycled;
mod time;

pub use access_unit::AccessUnit;
pub use annotations::{Annotations, Detection, Detections, Region};
pub use format::{Colour, FrameFormat, Matrix, PixelFormat, PlaneShape, Range, Size};
pub use frame::Frame;
pub use item::Item;
pub use pace::Pace;
pub use plane::{Plane, PlaneMut, PlaneRef};
pub use pool::{Pool, PoolBytes, PoolFull, PoolUse};
pub use recycled::Recycled;
pub use time::{MediaTime, Pts, Rate};
