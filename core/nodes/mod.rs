//! Built-in kinds, one file (or one folder) each. They never import each other.

pub mod camera;
pub mod collect;
pub mod convert;
pub mod crop;
#[cfg(feature = "v4l2")]
mod devices;
mod encode;
pub mod file;
pub mod gate;
pub mod h264;
pub mod h264_decode;
#[cfg(feature = "v4l2")]
pub mod h264_v4l2;
pub mod images;
#[cfg(any(feature = "libcamera", feature = "libcamera-0-3"))]
pub mod libcamera;
pub mod rate;
pub mod rtsp;
pub mod scale;
pub mod side_by_side;
pub mod test_pattern;
#[cfg(feature = "v4l2")]
pub mod v4l2;
pub mod write;
