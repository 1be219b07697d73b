//! Which device encodes: the one that is named, or the first there is.
//!
//! Owns the wording of what is found instead.

use std::io;
use std::path::{Path, PathBuf};

use super::device::{Device, FourCc, Side};
use crate::nodes::devices;

/// The device `which`, or the first of all, that gives pictures encoded as `coded`.
///
/// # Errors
/// A sentence with what there is, and what to do.
pub(super) fn find(which: Option<&str>, coded: FourCc) -> Result<PathBuf, String> {
    let looked = |path: PathBuf| {
        let found = look(&path, coded);
        (path, found)
    };
    let all = || devices::paths().into_iter().map(looked);
    let Some(which) = which else {
        let all: Vec<_> = all().collect();
        return match all.iter().find(|(_, found)| found.is_ok()) {
            Some((path, _)) => Ok(path.clone()),
            None => Err(none(&all, coded)),
        };
    };
    let path = PathBuf::from(which);
    look(&path, coded).map(|_| path).map_err(|why| {
        let encoders =
            all().filter_map(|(path, found)| Some(format!("{} (\"{}\")", path.display(), found.ok()?)));
        let encoders: Vec<String> = encoders.collect();
        let coded = text(coded);
        match encoders.is_empty() {
            true => format!("{which} {why}; no device here encodes {coded}: use `kind: h264`"),
            false => format!("{which} {why}; {coded} is encoded by {}", encoders.join(", ")),
        }
    })
}

fn none(all: &[(PathBuf, Result<String, String>)], coded: FourCc) -> String {
    let why = |(path, found): &(PathBuf, Result<String, String>)| {
        Some(format!("{} {}", path.display(), found.as_ref().err()?))
    };
    let whys: Vec<String> = all.iter().filter_map(why).collect();
    let whys = if whys.is_empty() { "there is no /dev/video at all".to_owned() } else { whys.join(", ") };
    format!("no device here encodes {}: {whys}; use `kind: h264`, which encodes without one", text(coded))
}

/// The name of the device at `path`, if it gives pictures encoded as `coded`.
///
/// # Errors
/// The end of a sentence that begins with its path.
fn look(path: &Path, coded: FourCc) -> Result<String, String> {
    let device = match Device::open(path) {
        Ok(device) => device,
        Err(Ok(other)) => return Err(format!("(\"{}\") is no encoder", other.name)),
        Err(Err(error)) => return Err(unopened(&error)),
    };
    let formats = device.formats(Side::Coded);
    if formats.contains(&coded) {
        return Ok(device.name);
    }
    let formats: Vec<String> = formats.into_iter().map(text).collect();
    Err(format!("(\"{}\") gives {} and not {}", device.name, formats.join(", "), text(coded)))
}

/// Why a device was not opened, as the end of a sentence that begins with its path.
pub(super) fn unopened(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => "is not there".to_owned(),
        Some(libc::EACCES | libc::EPERM) => {
            "may not be opened by this user, who must be in its group: `sudo usermod -aG video USER`, and log in again"
                .to_owned()
        }
        Some(libc::EBUSY) => "is in use by another program".to_owned(),
        Some(libc::ENOTTY | libc::EINVAL | libc::EISDIR) => "is no video device".to_owned(),
        _ => format!("cannot be opened: {error}"),
    }
}

/// A format as it is written.
pub(super) fn text(fourcc: FourCc) -> String {
    String::from_utf8_lossy(&fourcc).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_encoder_is_told_with_what_it_is_and_what_to_do() {
        let none = find(Some("/dev/video-none"), *b"H264").unwrap_err();
        assert!(none.starts_with("/dev/video-none is not there; "), "{none}");
        let null = find(Some("/dev/null"), *b"H264").unwrap_err();
        assert!(null.starts_with("/dev/null is no video device; "), "{null}");
        let of = |code| unopened(&io::Error::from_raw_os_error(code));
        assert!(of(libc::EACCES).contains("usermod -aG video"));
        assert_eq!(of(libc::EBUSY), "is in use by another program");
    }
}
