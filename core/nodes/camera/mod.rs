//! What all cameras have in common: what follows when one is lost, how silence is noticed, how its
//! pictures are counted and dated, the picture that is shown in their place, and ten pictures for a trial.
//!
//! Owns no camera and is no kind.

#[cfg(any(feature = "libcamera", feature = "libcamera-0-3", feature = "v4l2"))]
mod device;
mod life;

#[cfg(any(feature = "libcamera", feature = "libcamera-0-3", feature = "v4l2"))]
pub use device::Trial;
#[cfg(any(feature = "libcamera", feature = "libcamera-0-3", feature = "v4l2"))]
pub(super) use device::{SLATE, Stamps, held, pts, slate};
pub(super) use life::{OnLost, Watch, lost};
