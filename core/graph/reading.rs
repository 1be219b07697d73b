//! The text of a graph file, whatever the path turns out to be: bounded, and only where it is text.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// A longer file is not a graph.
pub const MOST_BYTES: usize = 1 << 20;

/// The text of a file that is part of a graph.
///
/// # Errors
/// What it is instead, as a sentence about it.
pub(super) fn read_file(path: &Path) -> Result<String, String> {
    let found = fs::metadata(path).map_err(|error| told(&error))?;
    // A pipe or a device could keep whoever opens it, for ever.
    match found.is_file() || found.is_dir() {
        true => text_of(File::open(path)),
        false => Err("it is no regular file, and a group is one".to_owned()),
    }
}

/// The text of what was opened, never more of it than a graph may be long.
///
/// # Errors
/// What it is instead, as a sentence about it.
pub fn text_of(opened: io::Result<impl Read>) -> Result<String, String> {
    let mut bytes = Vec::new();
    let opened = opened.map_err(|error| told(&error))?;
    opened.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| told(&error))?;
    if bytes.len() > MOST_BYTES {
        return Err(format!("it is longer than {MOST_BYTES} bytes, which no graph is"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("it is not UTF-8 text: byte {at} belongs to no character; save it as UTF-8")
    })
}

/// An error of the system in our own voice: without its number.
fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder; name a file in it".to_owned(),
        _ => error.to_string(),
    }
}
