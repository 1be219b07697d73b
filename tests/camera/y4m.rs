//! The pictures of a Y4M file (`C420` or `Cmono`), as far as the webcam's numbers need them.

use std::path::Path;

use crate::webcam::picture;

/// What one frame of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The webcam's picture with this number.
    Number(u32),
    /// Two pictures in one: top and bottom differ.
    Torn(u32, u32),
    /// A picture that no webcam took.
    Slate,
}

impl Shown {
    /// The picture's number, of one that is whole.
    pub fn number(&self) -> Option<u32> {
        match self {
            Shown::Number(number) => Some(*number),
            Shown::Torn(..) | Shown::Slate => None,
        }
    }
}

/// Every frame of the file, in order.
///
/// # Panics
/// When it is not a whole Y4M file of 4:2:0 pictures.
pub fn read(path: &Path) -> Vec<Shown> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let line = |at: usize| {
        let end = bytes[at..].iter().position(|byte| *byte == b'\n').expect("a line ends") + at;
        (std::str::from_utf8(&bytes[at..end]).expect("headers are text"), end + 1)
    };
    let (header, mut at) = line(0);
    let side = |letter: char| {
        let side = header.split(' ').find_map(|field| field.strip_prefix(letter));
        side.and_then(|side| side.parse::<usize>().ok())
            .unwrap_or_else(|| panic!("no {letter} in {header:?}"))
    };
    let (width, height) = (side('W'), side('H'));
    let frame = width * height * 3 / 2;
    let mut all = Vec::new();
    while at < bytes.len() {
        let (mark, start) = line(at);
        assert!(mark.starts_with("FRAME"), "{mark:?} at byte {at}");
        all.push(shown(&bytes[start..start + width * height], width, height));
        at = start + frame;
    }
    all
}

fn shown(luma: &[u8], width: usize, height: usize) -> Shown {
    // A slate is one level from corner to corner; a picture has a bright and a dark cell somewhere.
    if luma[..width].iter().all(|pixel| pixel.abs_diff(luma[0]) < 8) {
        return Shown::Slate;
    }
    match picture::numbers(luma, width, width, height) {
        (top, bottom) if top == bottom => Shown::Number(top),
        (top, bottom) => Shown::Torn(top, bottom),
    }
}
