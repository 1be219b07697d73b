//! Where the kernel tells of a device what the device itself does not.

use std::fs;
use std::path::{Path, PathBuf};

/// What the kernel says of each device.
pub const SYSTEM: &str = "/sys/class/video4linux";

/// The folder of what `device` is one of by `system`, such as [`SYSTEM`]: of a webcam, its USB interface.
/// `device` may be a link. `None` when it has gone, or belongs to nothing.
pub fn interface(device: &Path, system: &Path) -> Option<PathBuf> {
    let device = fs::canonicalize(device).ok()?;
    fs::canonicalize(system.join(device.file_name()?).join("device")).ok()
}
